//! Mail that lies in folders already, read for commands that learn from the past or judge it. EXAMINE only; nothing is
//! moved, recorded or learned in here.

use super::clock;
use super::error::DaemonError;
use super::sweep::WINDOW;
use super::visit::Visit;
use crate::imap::Access;
use crate::sort::Arrival;
use crate::sort::arrival::Event;
use crate::sort::mailbox::{Mailbox, Timestamp, Uid};

/// Newest messages of one folder that are read, however many it holds.
pub const MOST_MESSAGES: usize = 20_000;

impl Visit<'_> {
    /// Shows the newest messages of a folder to `take`, newest window first and ascending within a window. Ends after
    /// the first whole window that arrived before `since`, since UIDs follow arrival only roughly; so `take` also sees
    /// some messages that are older. Returns how many messages it has shown.
    pub async fn look_into(
        &mut self,
        mailbox: &Mailbox,
        since: Option<Timestamp>,
        mut take: impl FnMut(Box<Arrival>) + Send,
    ) -> Result<usize, DaemonError> {
        let selected = self.session.select(mailbox, Access::ReadOnly).await?;
        let uids = self.session.uids(Uid(1), None).await?;
        let newest = uids.get(uids.len().saturating_sub(MOST_MESSAGES)..).unwrap_or_default();
        let now = clock::now();
        let mut shown = 0;
        for window in newest.rchunks(WINDOW) {
            let fetched = self.session.headers(window, &self.fields()).await?;
            let mut all_older = true;
            for event in self.read(mailbox, selected.uid_validity, fetched).await? {
                let Event::Arrived(arrival) = event else { continue };
                let at = arrival.arrived.unwrap_or(now);
                all_older &= since.is_some_and(|since| at < since);
                shown += 1;
                take(arrival);
            }
            if all_older {
                break;
            }
        }
        Ok(shown)
    }
}
