//! `no_reply`: letters of the user's that have become overdue since the last digest, read from Sent, and what may answer
//! them from the folders that answers come to. EXAMINE only; nothing of it is kept.

use std::time::Duration;

use super::error::DaemonError;
use super::sweep::WINDOW;
use super::visit::{Visit, written};
use crate::imap::{Access, ImapError};
use crate::sort::mailbox::{Mailbox, Timestamp, Uid};
use crate::sort::message::Message;
use crate::sort::unanswered::{Letter, Unanswered};

/// Newest messages of Sent that are read.
const MOST_SENT: usize = 5_000;

/// After a long pause letters older than this, in seconds, are not brought up any more.
const TOO_OLD: i64 = 60 * 86_400;

impl Visit<'_> {
    /// Letters written between `wait` before `since` and `wait` before `now`, and not answered by anybody.
    pub async fn unanswered(
        &mut self,
        wait: Duration,
        since: Timestamp,
        now: Timestamp,
    ) -> Result<Vec<Letter>, DaemonError> {
        let Some(sent) = self.layout.sent.clone() else {
            return Ok(Vec::new());
        };
        let wait = i64::try_from(wait.as_secs()).unwrap_or(TOO_OLD);
        let (from, to) = (
            Timestamp((since.0 - wait).max(now.0 - TOO_OLD)),
            Timestamp(now.0 - wait),
        );
        let mut unanswered = Unanswered::default();
        let owner = self.account.owner.clone();
        self.session.select(&sent, Access::ReadOnly).await?;
        let uids = self.session.uids(Uid(1), None).await?;
        let newest = uids.get(uids.len().saturating_sub(MOST_SENT)..).unwrap_or_default();
        for window in newest.rchunks(WINDOW) {
            let mut older = true;
            for fetched in self.session.headers(window, &self.fields()).await? {
                let message = Message::parse(&fetched.header);
                let at = written(&message, &fetched, now);
                older &= at < from;
                unanswered.sent(at, &message, &owner, from <= at && at < to);
            }
            if older {
                break;
            }
        }
        let folders = &self.account.folders;
        let kept = ["\\archive", "\\all", "\\trash"].into_iter();
        let kept = kept.filter_map(|name| self.layout.special_use.get(name).cloned());
        let mut places: Vec<Mailbox> = vec![Mailbox::inbox()];
        places.extend(self.layout.buckets.iter().chain(&self.layout.snooze).cloned());
        places.extend(folders.screener.iter().cloned());
        places.extend(folders.hold.iter().map(|hold| hold.folder.clone()));
        places.extend(kept);
        places.sort();
        places.dedup();
        for place in places {
            let read = self
                .look_into(&place, Some(from), |arrival| unanswered.received(&arrival.message))
                .await;
            match read {
                // A folder that is not there, or not yet, holds no answer.
                Err(DaemonError::Imap(ImapError::Refused { .. })) => {}
                other => drop(other?),
            }
        }
        Ok(unanswered.letters())
    }
}
