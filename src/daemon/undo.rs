//! Taking moves back: the message returns to where it was, and whatever the user has touched since is left alone.

use std::collections::BTreeMap;

use super::clock;
use super::error::DaemonError;
use super::visit::{Visit, identity};
use crate::imap::Access;
use crate::imap::ImapError;
use crate::sort::ledger::{Entry, Mid, Row, RowId, RowKind, State};
use crate::sort::mailbox::{Location, Mailbox, Uid};
use crate::sort::message::Message;
use crate::sort::verdict::{FlagChange, Reason};

/// What became of one row that was to be taken back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Undone {
    /// It is back in this folder (or would be, with `--dry-run`).
    Back(Mailbox),
    /// It had been taken back before, and that still stands: there was nothing to do.
    Before,
    /// It was refused; the sentence says why.
    Refused(String),
    /// A further copy of a message that went back; it stays in this folder, for Postroom deletes no mail.
    CopyStays(Mailbox),
}

/// What can be said about a row before anybody looks at the server; `None` when taking it back can be tried.
fn objection(row: &Row, history: &[Row]) -> Option<Undone> {
    let because = |why: &str| Some(Undone::Refused(why.to_owned()));
    match (row.entry.kind, row.state) {
        (RowKind::Return, _) => {
            return because("its time had come; put it into a snooze folder again to see it later");
        }
        (RowKind::Sort | RowKind::Undo | RowKind::Hold, State::Done) => {}
        (RowKind::Sort | RowKind::Undo | RowKind::Hold, state) => {
            return because(&format!(
                "this move is {}, so there is nothing to take back",
                state.as_str()
            ));
        }
        (RowKind::Copy, _) => {
            let folder = row.entry.destination.as_ref().map_or("its folder", Mailbox::as_str);
            return because(&format!(
                "row {} is a copy that a rule asked for; Postroom deletes no mail, so it stays in {folder}: remove it yourself if you do not want it",
                row.id
            ));
        }
        (kind, _) => {
            return because(&format!(
                "row {} is a `{}`: Postroom moved nothing there",
                row.id,
                kind.as_str()
            ));
        }
    }
    let after = history
        .iter()
        .filter(|other| other.id > row.id && other.state == State::Done);
    for other in after {
        match other.entry.kind {
            // Another program's copy beside ours is no reason not to take ours back.
            RowKind::File if other.entry.may_be_anothers() => {}
            RowKind::File | RowKind::Rescue | RowKind::Snooze => {
                return because("you have moved this message since; your hand wins");
            }
            RowKind::Undo if other.entry.undoes == Some(row.id) && stands(other, history) => {
                return Some(Undone::Before);
            }
            RowKind::Return => return because("it is back in the inbox already"),
            RowKind::Sort | RowKind::Undo | RowKind::Hold => {
                let again = |row: &&Row| {
                    row.state == State::Done && matches!(row.entry.kind, RowKind::Sort | RowKind::Undo | RowKind::Hold)
                };
                let last = history.iter().rfind(again).unwrap_or(other);
                return because(&format!(
                    "the message has been moved again since; take that back first (#{})",
                    last.id
                ));
            }
            RowKind::Keep | RowKind::Preview | RowKind::Copy => {}
        }
    }
    None
}

/// Whether what a row did has not been taken back by a later one.
fn stands(row: &Row, history: &[Row]) -> bool {
    let taking_it_back = |other: &&Row| other.entry.undoes == Some(row.id) && other.state == State::Done;
    !history
        .iter()
        .filter(taking_it_back)
        .any(|other| other.id > row.id && stands(other, history))
}

impl Visit<'_> {
    /// Takes the moves of `rows` back, or says for each why not. With `dry_run` nothing is sent or written.
    pub async fn undo(&mut self, rows: Vec<Row>, dry_run: bool) -> Result<Vec<(RowId, Undone)>, DaemonError> {
        let mut results = Vec::new();
        let mut by_folder: BTreeMap<Mailbox, Vec<Row>> = BTreeMap::new();
        let (account, mids) = (
            self.account.name.clone(),
            rows.iter().map(|row| row.entry.mid.clone()).collect::<Vec<_>>(),
        );
        let histories = self.store.run(move |store| store.history(&account, &mids)).await?;
        for row in rows {
            let history = histories.get(&row.entry.mid).map(Vec::as_slice).unwrap_or_default();
            match (objection(&row, history), row.entry.destination.clone()) {
                (Some(said), _) => results.push((row.id, said)),
                (None, Some(folder)) => {
                    results.extend(copies_of(&row, history));
                    by_folder.entry(folder).or_default().push(row);
                }
                (None, None) => results.push((row.id, Undone::Refused("it moved nothing".to_owned()))),
            }
        }
        for (folder, rows) in by_folder {
            self.undo_in(&folder, rows, dry_run, &mut results).await?;
        }
        results.sort_by_key(|(row, _)| *row);
        Ok(results)
    }

    async fn undo_in(
        &mut self,
        folder: &Mailbox,
        rows: Vec<Row>,
        dry_run: bool,
        results: &mut Vec<(RowId, Undone)>,
    ) -> Result<(), DaemonError> {
        let access = if dry_run { Access::ReadOnly } else { Access::ReadWrite };
        let selected = match self.session.select(folder, access).await {
            Ok(selected) => selected,
            Err(ImapError::Refused { text, .. }) => {
                let why = format!("the folder {folder} cannot be opened: {text}");
                results.extend(rows.iter().map(|row| (row.id, Undone::Refused(why.clone()))));
                return Ok(());
            }
            Err(error) => return Err(error.into()),
        };
        let from = rows.iter().map(place).min().unwrap_or(Uid(1));
        let mut present = Present::new();
        self.look_for_copies(from, None, &mut present).await?;
        // A folder that was numbered anew may have given the copy a lower UID than the one it had.
        let told = |row: &Row| {
            row.destination_uid
                .is_some_and(|(epoch, _)| epoch == selected.uid_validity)
        };
        if rows
            .iter()
            .any(|row| !told(row) && !present.contains_key(&row.entry.mid))
        {
            self.look_for_copies(Uid(1), Some(Uid(from.0.saturating_sub(1))), &mut present)
                .await?;
        }
        let mut entries = Vec::new();
        for row in rows {
            let copies = present.get(&row.entry.mid).map(Vec::as_slice).unwrap_or_default();
            let known = row
                .destination_uid
                .filter(|(epoch, _)| *epoch == selected.uid_validity)
                .map(|(_, uid)| uid);
            let copy = match (known, copies) {
                (Some(uid), copies) => copies.iter().find(|(copy, _)| *copy == uid),
                (None, [only]) => Some(only),
                (None, _) => None,
            };
            match copy {
                Some((_, true)) => results.push((row.id, Undone::Refused("you have marked it as deleted".to_owned()))),
                Some((uid, false)) => {
                    results.push((row.id, Undone::Back(row.entry.source.mailbox.clone())));
                    let source = Location {
                        mailbox: folder.clone(),
                        uid_validity: selected.uid_validity,
                        uid: *uid,
                    };
                    entries.push(taking_back(row, source));
                }
                None => {
                    let why = format!("it is no longer in {folder}: you have moved or deleted it since");
                    results.push((row.id, Undone::Refused(why)));
                }
            }
        }
        if dry_run || entries.is_empty() {
            return Ok(());
        }
        let tried: Vec<RowId> = entries.iter().filter_map(|entry| entry.undoes).collect();
        self.plan_moves(clock::now(), entries).await?;
        self.carry_out().await?;
        self.believe_the_ledger(tried, results).await
    }

    /// A move back that was not done is not said to be: the server may have refused it, or the user been faster.
    async fn believe_the_ledger(
        &mut self,
        tried: Vec<RowId>,
        results: &mut [(RowId, Undone)],
    ) -> Result<(), DaemonError> {
        let attempts = self
            .store
            .run(move |store| {
                let newest = |row: &RowId| store.undone_by(*row).map(|mut rows| (*row, rows.pop()));
                tried.iter().map(newest).collect::<Result<BTreeMap<_, _>, _>>()
            })
            .await?;
        for (row, undone) in results {
            if let (Undone::Back(_), Some(Some(attempt))) = (&undone, attempts.get(row)) {
                let code = attempt.code.as_deref().unwrap_or("no word why");
                match attempt.state {
                    State::Done => {}
                    State::Void => *undone = Undone::Refused("you have moved or deleted it just now".to_owned()),
                    State::Failed => *undone = Undone::Refused(format!("the server did not move it back: {code}")),
                    State::Planned | State::Unknown => {
                        *undone = Undone::Refused("the server has not said whether it is back; ask again".to_owned());
                    }
                }
            }
        }
        Ok(())
    }

    /// Adds the messages of the selected folder between two UIDs.
    async fn look_for_copies(&mut self, from: Uid, to: Option<Uid>, present: &mut Present) -> Result<(), DaemonError> {
        let uids = self.session.uids(from, to).await?;
        for fetched in self.session.headers(&uids, &self.fields()).await? {
            let mid = identity(&fetched, &Message::parse(&fetched.header));
            let deleted = fetched.is_deleted();
            present.entry(mid).or_default().push((fetched.uid, deleted));
        }
        Ok(())
    }
}

/// Copies by identity: UID, and whether it is flagged \Deleted.
type Present = BTreeMap<Mid, Vec<(Uid, bool)>>;

/// Further copies that were made of a moved message from the place it was moved from.
fn copies_of(row: &Row, history: &[Row]) -> Vec<(RowId, Undone)> {
    let copies = history.iter().filter(|other| {
        other.entry.kind == RowKind::Copy && other.state == State::Done && other.entry.source == row.entry.source
    });
    let stays = copies.filter_map(|copy| Some((copy.id, Undone::CopyStays(copy.entry.destination.clone()?))));
    stays.collect()
}

/// From where on the row's copy can be in its destination.
fn place(row: &Row) -> Uid {
    row.destination_uid
        .map(|(_, uid)| uid)
        .or(row.entry.destination_uid_next)
        .unwrap_or(Uid(1))
}

fn taking_back(row: Row, source: Location) -> Entry {
    let reversed = |change: FlagChange| FlagChange {
        set: !change.set,
        ..change
    };
    Entry {
        kind: RowKind::Undo,
        source,
        destination: Some(row.entry.source.mailbox),
        destination_uid_next: None,
        flags: row.entry.flags.into_iter().map(reversed).collect(),
        undoes: Some(row.id),
        reason: Reason {
            text: format!("took back row {}", row.id),
            ..row.entry.reason
        },
        ..row.entry
    }
}
