//! A folder whose UIDs have begun anew: another UIDVALIDITY, or a UIDNEXT that went back (RFC 9051 section 2.3.1.1).
//!
//! Proton Bridge does it at every start, a restored backup once. What lies in the folder is neither new nor a drag because
//! of its new number, so nothing is learned from it and nothing that was met before is decided about again. Mail that came
//! into INBOX meanwhile must not be passed over all the same (reliability.md B1): a message counts as new when the ledger
//! has never met it, and it arrived later than everything the ledger has met and was not written long before.

use super::clock;
use super::error::DaemonError;
use super::sweep::{WINDOW, baseline};
use super::visit::Visit;
use crate::imap::Selected;
use crate::sort::arrival::Event;
use crate::sort::mailbox::{Timestamp, Uid};
use crate::store::{FolderMark, Query};

/// Ledger rows, newest first, among which the last arrival is looked for.
const LAST_ROWS: u32 = 500;

/// How much older than its arrival, in seconds, a message may say it is: a restored mailbox gives old mail a new date of
/// arrival, and the ledger knows none of what lay there before the first start.
const UNDER_WAY: i64 = 86_400;

impl Visit<'_> {
    /// Takes the folder's new numbers as they are, and in INBOX looks for what has come meanwhile.
    pub async fn begin_anew(&mut self, before: &FolderMark, selected: &Selected) -> Result<(), DaemonError> {
        let mailbox = &selected.mailbox;
        self.logbook
            .uid_validity_changed(mailbox, before.uid_validity, selected.uid_validity);
        self.ours.remove(mailbox);
        let mark = baseline(selected, selected.uid_next);
        if !mailbox.is_inbox() {
            return self.set_mark(mailbox, mark).await;
        }
        let since = self.last_arrival().await?.max(Some(before.seen_at)).unwrap_or_default();
        let uids = self.session.uids(Uid(1), None).await?;
        let newest = uids.get(uids.len().saturating_sub(WINDOW)..).unwrap_or_default();
        let mut fetched = self.session.headers(newest, &self.fields()).await?;
        fetched.retain(|message| message.uid < mark.next_uid && message.internal_date.is_some_and(|at| at > since));
        let came = self.read(mailbox, selected.uid_validity, fetched).await?;
        let is_new = |event: &Event| match event {
            Event::Arrived(arrival) => {
                let written = arrival.message.date;
                arrival.history.is_empty() && written.is_some_and(|written| written.0 > since.0 - UNDER_WAY)
            }
            _ => false,
        };
        let now = clock::now();
        let actions = came
            .into_iter()
            .filter(is_new)
            .flat_map(|event| self.sorter.handle(now, event))
            .collect();
        self.record(now, mailbox, &mark, actions).await?;
        self.carry_out().await
    }

    /// When the newest message arrived that the ledger knows of; `None` when it knows none.
    async fn last_arrival(&mut self) -> Result<Option<Timestamp>, DaemonError> {
        let query = Query {
            account: Some(self.account.name.clone()),
            limit: Some(LAST_ROWS),
            newest_first: true,
            ..Query::default()
        };
        let rows = self.store.run(move |store| store.rows(&query)).await?;
        Ok(rows.iter().filter_map(|row| row.entry.arrived).max())
    }
}
