//! Mail that waits for its time, in a snooze folder or for the end of the quiet hours, and comes back into the inbox then:
//! by the ledger and the mover like every move. It teaches nothing and gets no verdict again.
//!
//! What waits is the ledger's word, so a restart forgets nothing. When it comes back follows from where and since when it
//! waits: a folder that is renamed, a key that is taken out of postroom.toml and a journey to another time zone are
//! reckoned with at once.

use std::collections::BTreeMap;

use jiff::tz::TimeZone;

use super::clock;
use super::error::DaemonError;
use super::layout;
use super::visit::{Visit, identity};
use crate::imap::{Access, ImapError};
use crate::sort::bucket::Bucket;
use crate::sort::folders::Folders;
use crate::sort::ledger::{Entry, Mid, Row, RowKind};
use crate::sort::mailbox::{Location, Mailbox, Timestamp, Uid, UidValidity};
use crate::sort::message::Message;
use crate::sort::snooze::Snooze;
use crate::sort::verdict::{Reason, ReasonKind};

/// After an attempt that failed the next one waits so long, in seconds.
const PATIENCE: i64 = 3_600;

/// Nobody waits longer for a look at the ledger, in seconds.
const LOOK: i64 = 300;

/// Where the message of a wait lies, as far as the ledger knows: the folder, and the number it had there.
fn place(row: &Row) -> (Mailbox, Option<(UidValidity, Uid)>) {
    let source = &row.entry.source;
    match (row.entry.kind, &row.entry.destination) {
        (RowKind::Hold, Some(folder)) => (folder.clone(), row.destination_uid),
        _ => (source.mailbox.clone(), Some((source.uid_validity, source.uid))),
    }
}

/// When the message of a wait comes back. Where that cannot be said any more, at once: nobody's mail is left behind.
pub fn due(row: &Row, folders: &Folders, zone: &TimeZone) -> Timestamp {
    if row.entry.kind == RowKind::Snooze {
        let usual = Snooze::default();
        let snooze = folders.snooze.as_ref().unwrap_or(&usual);
        let name = row.entry.source.mailbox.as_str().rsplit('/').next().unwrap_or_default();
        return snooze.due(name, row.at, zone).unwrap_or(row.at);
    }
    folders.hold.as_ref().map_or(row.at, |hold| hold.due(row.at, zone))
}

impl Visit<'_> {
    /// True for a folder in which everything is to be looked at, whenever it came there.
    pub fn waits_in(&self, mailbox: &Mailbox) -> bool {
        self.layout.snooze.contains(mailbox)
    }

    /// Looks whether the user has made a snooze folder, or has taken one away.
    pub async fn look_for_snooze_folders(&mut self) -> Result<(), DaemonError> {
        if self.account.folders.snooze.is_none() {
            return Ok(());
        }
        let found = layout::prepare(&mut self.session, self.account, false, &self.marks).await?;
        for folder in found
            .timeless
            .iter()
            .filter(|folder| !self.layout.timeless.contains(folder))
        {
            self.logbook.timeless(folder);
        }
        self.layout.snooze = found.snooze;
        self.layout.timeless = found.timeless;
        Ok(())
    }

    /// Brings back what has waited long enough. Nothing is moved in mode preview, nor while another sorter is at work.
    pub async fn bring_back(&mut self) -> Result<(), DaemonError> {
        let now = clock::now();
        if !self.sorter.settings.moves || self.next_return.is_some_and(|next| now < next) {
            return Ok(());
        }
        let (account, zone) = (self.account.name.clone(), TimeZone::system());
        let rows = self.store.run(move |store| store.waiting(&account)).await?;
        let mut next = Timestamp(now.0 + LOOK);
        let mut by_folder: BTreeMap<Mailbox, Vec<Row>> = BTreeMap::new();
        for row in rows {
            let tried = self.vain_returns.get(&row.id).map(|at| Timestamp(at.0 + PATIENCE));
            let due = due(&row, &self.account.folders, &zone).max(tried.unwrap_or_default());
            if due > now {
                next = next.min(due);
            } else {
                by_folder.entry(place(&row).0).or_default().push(row);
            }
        }
        self.next_return = Some(next);
        if by_folder.is_empty() {
            return Ok(());
        }
        for (folder, waits) in by_folder {
            self.bring_back_from(&folder, waits, now).await?;
        }
        Ok(())
    }

    async fn bring_back_from(&mut self, folder: &Mailbox, waits: Vec<Row>, now: Timestamp) -> Result<(), DaemonError> {
        self.vain_returns.extend(waits.iter().map(|row| (row.id, now)));
        let selected = match self.session.select(folder, Access::ReadWrite).await {
            Err(error @ ImapError::Refused { .. }) => {
                let remedy = "mail waits there; if you have renamed the folder, bring it back by hand";
                self.logbook.stuck(&error, remedy);
                return Ok(());
            }
            other => other?,
        };
        let mut there: BTreeMap<Mid, BTreeMap<Uid, bool>> = BTreeMap::new();
        let uids = self.session.uids(Uid(1), None).await?;
        for fetched in self.session.headers(&uids, &self.fields()).await? {
            let mid = identity(&fetched, &Message::parse(&fetched.header));
            let deleted = fetched.is_deleted();
            there.entry(mid).or_default().insert(fetched.uid, deleted);
        }
        let mut entries = Vec::new();
        for row in waits {
            let known = place(&row).1.filter(|(epoch, _)| *epoch == selected.uid_validity);
            let copies = there.remove(&row.entry.mid).unwrap_or_default();
            let uid = match (known, copies.first_key_value()) {
                (Some((_, uid)), _) if copies.get(&uid) == Some(&false) => Some(uid),
                // The folder was renumbered, or the server never told the number: the message itself is what counts.
                (None, Some((uid, false))) if copies.len() == 1 => Some(*uid),
                // What is gone is asked for all the same: the ledger then has it that the user was faster.
                (Some((_, uid)), None) => Some(uid),
                _ => None,
            };
            entries.extend(uid.map(|uid| {
                let mailbox = folder.clone();
                let uid_validity = selected.uid_validity;
                coming_back(
                    row,
                    Location {
                        mailbox,
                        uid_validity,
                        uid,
                    },
                )
            }));
        }
        if entries.is_empty() {
            return Ok(());
        }
        self.plan_moves(now, entries).await?;
        self.carry_out().await
    }
}

fn coming_back(row: Row, source: Location) -> Entry {
    let text = match row.entry.kind {
        RowKind::Snooze => format!("the time of {} has come", source.mailbox),
        _ => "the quiet hours are over".to_owned(),
    };
    Entry {
        kind: RowKind::Return,
        source,
        destination: Some(Mailbox::inbox()),
        destination_uid_next: None,
        bucket: Bucket::Inbox,
        reason: Reason::new(ReasonKind::Default, text),
        flags: Vec::new(),
        undoes: None,
        ..row.entry
    }
}
