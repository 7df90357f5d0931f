//! Which folder stands for which bucket.

use std::time::Duration;

use super::bucket::Bucket;
use super::mailbox::Mailbox;

/// Where each bucket's mail goes.
#[derive(Debug, Clone, PartialEq)]
pub struct Folders {
    /// People.
    pub top: Mailbox,
    /// Newsletters and lists.
    pub news: Mailbox,
    /// Machines.
    pub bulk: Mailbox,
    /// Never again.
    pub blackhole: Mailbox,
    /// Age at which blackholed mail moves on to \Trash; `None` keeps it for ever.
    pub blackhole_trash_after: Option<Duration>,
    /// Sent, when the server does not mark it or the user wants another.
    pub sent: Option<Mailbox>,
}

impl Folders {
    /// The folder of a bucket; `INBOX` means that its mail stays.
    pub fn of(&self, bucket: Bucket) -> Mailbox {
        match bucket {
            Bucket::Top => self.top.clone(),
            Bucket::Inbox => Mailbox::inbox(),
            Bucket::News => self.news.clone(),
            Bucket::Bulk => self.bulk.clone(),
            Bucket::Blackhole => self.blackhole.clone(),
        }
    }

    /// The bucket whose folder this is; `None` for INBOX and folders that are not ours.
    pub fn bucket_of(&self, mailbox: &Mailbox) -> Option<Bucket> {
        [Bucket::Top, Bucket::News, Bucket::Bulk, Bucket::Blackhole]
            .into_iter()
            .find(|bucket| !mailbox.is_inbox() && self.of(*bucket) == *mailbox)
    }
}
