//! `trash_after`: mail that has lain in Blackhole for so long moves on to the folder marked \Trash. Counted from the day it
//! entered the folder, by the ledger; what the ledger did not see enter is never touched, and nothing is ever expunged.

use std::collections::BTreeMap;

use super::clock;
use super::error::DaemonError;
use super::visit::{Visit, identity};
use crate::imap::{Access, ImapError};
use crate::sort::bucket::Bucket;
use crate::sort::ledger::{Entry, Mid, Row, RowKind, State};
use crate::sort::mailbox::{Location, Mailbox, Timestamp, Uid};
use crate::sort::message::Message;
use crate::sort::verdict::{Reason, ReasonKind};
use crate::store::Query;

/// Messages that move on in one go.
const AT_ONCE: u32 = 2_000;

/// Where and when a message entered Blackhole, by one row: our move, or the user's drag.
fn entered(row: &Row, blackhole: &Mailbox) -> Option<(Location, Timestamp)> {
    match row.entry.kind {
        RowKind::Sort | RowKind::Undo | RowKind::Hold | RowKind::Return => {
            let (uid_validity, uid) = row.destination_uid?;
            let here = row.entry.destination.as_ref() == Some(blackhole);
            here.then(|| {
                (
                    Location {
                        mailbox: blackhole.clone(),
                        uid_validity,
                        uid,
                    },
                    row.closed.unwrap_or(row.at),
                )
            })
        }
        RowKind::File => (row.entry.source.mailbox == *blackhole).then(|| (row.entry.source.clone(), row.at)),
        _ => None,
    }
}

impl Visit<'_> {
    /// Moves on what has lain in Blackhole long enough. Nothing happens where the account does not ask for it, in mode
    /// preview, or where the server marks no folder as \Trash.
    pub async fn empty_blackhole(&mut self) -> Result<(), DaemonError> {
        let (Some(age), true) = (self.account.folders.blackhole_trash_after, self.sorter.settings.moves) else {
            return Ok(());
        };
        let Some(trash) = self.layout.special_use.get("\\trash").cloned() else {
            return Ok(());
        };
        let (now, blackhole) = (clock::now(), self.account.folders.blackhole.clone());
        let before = Timestamp(now.0.saturating_sub(i64::try_from(age.as_secs()).unwrap_or(i64::MAX)));
        let query = Query {
            account: Some(self.account.name.clone()),
            until: Some(before),
            kinds: vec![RowKind::Sort, RowKind::File],
            state: Some(State::Done),
            destination: Some(blackhole.clone()),
            newest_first: true,
            limit: Some(AT_ONCE),
            ..Query::default()
        };
        let rows = self.store.run(move |store| store.rows(&query)).await?;
        let old: BTreeMap<Uid, Row> = rows
            .into_iter()
            .filter_map(|row| {
                entered(&row, &blackhole)
                    .filter(|(_, at)| *at <= before)
                    .map(|(place, _)| (place, row))
            })
            .map(|(place, row)| (place.uid, row))
            .collect();
        if old.is_empty() {
            return Ok(());
        }
        let selected = match self.session.select(&blackhole, Access::ReadWrite).await {
            Err(ImapError::Refused { .. }) => return Ok(()),
            other => other?,
        };
        let uids: Vec<Uid> = old.keys().copied().collect();
        let mut entries = Vec::new();
        for fetched in self.session.headers(&uids, &self.fields()).await? {
            let Some(row) = old.get(&fetched.uid) else { continue };
            let Some((place, _)) = entered(row, &blackhole) else {
                continue;
            };
            let mid: Mid = identity(&fetched, &Message::parse(&fetched.header));
            let deleted = fetched.is_deleted();
            if place.uid_validity == selected.uid_validity && mid == row.entry.mid && !deleted {
                entries.push(moving_on(row, place, &trash));
            }
        }
        if entries.is_empty() {
            return Ok(());
        }
        self.plan_moves(now, entries).await?;
        self.carry_out().await
    }
}

fn moving_on(row: &Row, source: Location, trash: &Mailbox) -> Entry {
    Entry {
        kind: RowKind::Sort,
        source,
        destination: Some(trash.clone()),
        destination_uid_next: None,
        bucket: Bucket::Blackhole,
        reason: Reason::new(
            ReasonKind::Taught,
            "it has lain in Blackhole for as long as trash_after says",
        ),
        flags: Vec::new(),
        undoes: None,
        ..row.entry.clone()
    }
}
