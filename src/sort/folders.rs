//! Which folder stands for which bucket.

use std::collections::BTreeMap;
use std::time::Duration;

use super::bucket::{Bucket, OwnBucket};
use super::hold::Hold;
use super::mailbox::Mailbox;
use super::snooze::Snooze;

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
    /// The user's own buckets.
    pub own: BTreeMap<OwnBucket, Mailbox>,
    /// Folders from which mail comes back by itself; `None` where the user wants none.
    pub snooze: Option<Snooze>,
    /// Quiet hours; `None` where the user wants none.
    pub hold: Option<Hold>,
    /// Where the mail of strangers waits for the user's word; `None` leaves it in the inbox.
    pub screener: Option<Mailbox>,
    /// Sent, when the server does not mark it or the user wants another.
    pub sent: Option<Mailbox>,
}

impl Default for Folders {
    /// The names that `postroom.toml` need not say.
    fn default() -> Self {
        Self {
            top: Mailbox::new("Top"),
            news: Mailbox::new("News"),
            bulk: Mailbox::new("Bulk"),
            blackhole: Mailbox::new("Blackhole"),
            blackhole_trash_after: None,
            own: BTreeMap::new(),
            snooze: None,
            hold: None,
            screener: None,
            sent: None,
        }
    }
}

impl Folders {
    /// The folder of a bucket; `INBOX` means that its mail stays. An own bucket that this account does not have, or no
    /// longer, has no other place either.
    pub fn of(&self, bucket: Bucket) -> Mailbox {
        match bucket {
            Bucket::Top => self.top.clone(),
            Bucket::Inbox => Mailbox::inbox(),
            Bucket::News => self.news.clone(),
            Bucket::Bulk => self.bulk.clone(),
            Bucket::Blackhole => self.blackhole.clone(),
            Bucket::Own(name) => self.own.get(&name).cloned().unwrap_or_else(Mailbox::inbox),
        }
    }

    /// The user's own buckets, by name.
    pub fn own_buckets(&self) -> impl Iterator<Item = Bucket> + '_ {
        self.own.keys().map(|name| Bucket::Own(*name))
    }

    /// Every bucket that this account has.
    pub fn buckets(&self) -> impl Iterator<Item = Bucket> + '_ {
        Bucket::BUILT_IN.into_iter().chain(self.own_buckets())
    }

    /// The name of a snooze folder, its last part.
    pub fn snooze_name<'a>(&self, mailbox: &'a Mailbox) -> Option<&'a str> {
        self.snooze.as_ref()?.name_of(mailbox)
    }

    /// The bucket whose folder this is; `None` for INBOX and folders that are not ours.
    pub fn bucket_of(&self, mailbox: &Mailbox) -> Option<Bucket> {
        self.buckets()
            .find(|bucket| !mailbox.is_inbox() && self.of(*bucket) == *mailbox)
    }
}
