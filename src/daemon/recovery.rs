//! After a crash or a lost connection: every open row is read back from the server before anything new happens.
//!
//! For a row that is `planned` or `unknown` (reliability.md section 3):
//! - the source folder has other UIDs now: closed as void, never acted upon. Where a COPY had run and the message is there
//!   under another UID, closed as failed: the ledger then tells of the second copy;
//! - the copy is still in the source with the same identity, and none has reached the destination: the command did not
//!   run. Closed as failed; the message is decided about afresh. Flagged \Deleted it is left alone instead: void. So it is
//!   where the ladder is COPY and something that came into the destination since is no longer there: it may have been our
//!   copy, in the user's hand, and a second COPY would double the message. Before any of this the server is given time
//!   (`settling.rs`): it may still be at work on the command;
//! - it is in both: a COPY ran and the rest did not, or a server died within its MOVE. The rest is carried out, for exactly
//!   this UID. If it was the user who put a copy there meanwhile, nobody can tell, and it is where both wanted it;
//! - it is gone from the source: looked for in the destination from the journaled UIDNEXT. One match: done. None: the
//!   user was faster, void. Several: void and reported, no copy is touched.
//!
//! A further copy that a rule asked for (`copies.rs`) is looked for in its folder in the same way, and made only where none
//! is found.

mod copies;

use std::collections::{BTreeMap, BTreeSet};

use super::clock;
use super::error::DaemonError;
use super::status::is_ours;
use super::sweep::WINDOW;
use super::visit::{Visit, identity};
use crate::imap::Access;
use crate::imap::ImapError;
use crate::imap::failpoint::failpoint;
use crate::imap::mover;
use crate::sort::ledger::{Entry, Mid, Outcome, PlannedMove, Row, RowId, RowKind};
use crate::sort::mailbox::{Mailbox, Uid, UidValidity};
use crate::sort::message::Message;
use crate::sort::refusal::{COPIED, INTERRUPTED, PRETENDED};

/// Note of a row whose copy may have been made, and then taken out of its folder by the user.
const MAY_HAVE_LEFT: &str = "perhaps copied, and the copy taken away since; the original was left where it is";

/// The same where the original bears \Deleted. If that is ours, the user has what he took; if it is his, he wants it gone: with
/// the mark taken off the message would come back to the inbox as a second copy.
const MAY_HAVE_LEFT_MARKED: &str =
    "perhaps copied, and the copy taken away since; the original is marked as deleted and was left so";

/// What the server shows of one open row.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Findings {
    /// The folder still has the UIDVALIDITY of the row.
    same_epoch: bool,
    /// The copy is in the source.
    in_source: bool,
    /// And it is flagged \Deleted there.
    deleted: bool,
    /// The folder was numbered anew, and the message that a COPY was to leave is in it still.
    renumbered: bool,
    /// UIDs of copies in the destination.
    in_destination: Vec<(UidValidity, Uid)>,
    /// A copy may have been in the destination and been taken away again.
    may_have_left: bool,
}

impl Findings {
    /// Everything is as it was before the command.
    fn shows_no_effect(&self) -> bool {
        self.same_epoch && self.in_source && self.in_destination.is_empty()
    }
}

/// What is known of the command of an open row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Command {
    /// The server has said OK to it.
    Answered,
    /// Its connection was lost, or the program died.
    Lost,
}

impl Command {
    /// The code of a row whose command has done nothing.
    fn without_effect(self) -> &'static str {
        match self {
            Self::Answered => PRETENDED,
            Self::Lost => INTERRUPTED,
        }
    }
}

/// What to do about it.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Resolution {
    /// The row is closed so.
    Close(Outcome),
    /// The copy has arrived: remove the original, then close as done.
    Finish((UidValidity, Uid)),
    /// The row is closed and the message gets a new verdict.
    DecideAgain,
}

fn resolve(findings: &Findings) -> Resolution {
    let void = |why: &str| Resolution::Close(Outcome::Void(why.to_owned()));
    match (
        findings.same_epoch,
        findings.in_source,
        findings.in_destination.as_slice(),
    ) {
        (false, false, [_]) if findings.renumbered => Resolution::Close(Outcome::Failed(format!(
            "{COPIED}the folder it was in was numbered anew before the original was removed"
        ))),
        (_, false, [copy]) => Resolution::Close(Outcome::Done(Some(*copy))),
        (false, ..) => void("the source folder was renumbered"),
        (true, true, []) if findings.deleted && findings.may_have_left => void(MAY_HAVE_LEFT_MARKED),
        (true, true, []) if findings.deleted => void("marked as deleted in the source and not in the destination"),
        (true, true, []) if findings.may_have_left => void(MAY_HAVE_LEFT),
        (true, true, []) => Resolution::DecideAgain,
        (true, true, [copy]) => Resolution::Finish(*copy),
        (true, false, []) => void("gone from the source and not in the destination: you were faster"),
        (true, _, [_, _, ..]) => void("several copies in the destination; none was touched"),
    }
}

impl Visit<'_> {
    /// Resolves every open row, but for those another process is at work on. Messages whose command never ran are decided
    /// about again when [`Visit::try_again`] finds them in the ledger, in this life of the program or the next.
    pub async fn recover(&mut self) -> Result<(), DaemonError> {
        let account = self.account.name.clone();
        let mut open = self.store.run(move |store| store.open_rows(&account)).await?;
        open.retain(|row| row.run == self.run || !is_at_work(&row.run));
        self.settled_at = None;
        let (copies, moves) = open.into_iter().partition(|row| row.entry.kind == RowKind::Copy);
        // First, while the messages are still where they are to be copied from.
        for ((source, destination), rows) in by_pair(copies) {
            self.recover_copies(&source, &destination, rows).await?;
        }
        self.read_back(moves, Command::Lost).await
    }

    /// Looks for the copies of rows that the server said OK to without telling where they are. What is found is finished
    /// as in a recovery; what is not is never sent again, since the next OK may mean as little.
    pub async fn prove(&mut self, rows: &[RowId]) -> Result<(), DaemonError> {
        let selected = self.session.selected().map(|selected| selected.mailbox.clone());
        let account = self.account.name.clone();
        let mut open = self.store.run(move |store| store.open_rows(&account)).await?;
        open.retain(|row| rows.contains(&row.id));
        self.read_back(open, Command::Answered).await?;
        if let Some(selected) = selected {
            self.session.select(&selected, Access::ReadWrite).await?;
        }
        Ok(())
    }

    /// Compares open rows with both folders and closes each, but for those whose command may still come to something.
    async fn read_back(&mut self, moves: Vec<Row>, command: Command) -> Result<(), DaemonError> {
        for ((source, destination), rows) in by_pair(moves) {
            let looked = clock::now();
            // The source first: what is moved between the two looks is then seen twice, and not nowhere.
            let originals = self.originals(&source, &rows).await?;
            let arrived = self.copies(&destination, &rows).await?;
            // A MOVE that ran would have taken the original along.
            let copies = !self.session.capabilities().move_;
            let mut unfinished = Vec::new();
            for row in rows {
                let original = originals.of(&row);
                let findings = Findings {
                    same_epoch: originals.have_the_numbers_of(&row),
                    in_source: original.is_some(),
                    deleted: original == Some(true),
                    renumbered: copies && originals.renumbered.contains(&row.entry.mid),
                    in_destination: arrived.of(&row).to_vec(),
                    may_have_left: copies && arrived.may_have_left(&row),
                };
                failpoint("recovery-before-settling");
                if command == Command::Lost && findings.shows_no_effect() && self.may_be_under_way(&row, looked) {
                    continue;
                }
                match resolve(&findings) {
                    Resolution::Close(outcome) => self.settle(row, outcome).await?,
                    Resolution::Finish(copy) => unfinished.push((row, copy)),
                    Resolution::DecideAgain => {
                        let outcome = Outcome::Failed(command.without_effect().to_owned());
                        self.settle(row, outcome).await?;
                    }
                }
            }
            if !unfinished.is_empty() {
                self.finish(&source, &destination, unfinished).await?;
            }
        }
        Ok(())
    }

    async fn settle(&mut self, row: Row, outcome: Outcome) -> Result<(), DaemonError> {
        let entries: BTreeMap<RowId, Box<Entry>> = [(row.id, Box::new(row.entry))].into();
        let ids = entries.keys().map(|id| (*id, outcome.clone())).collect();
        self.close(&entries, ids).await
    }

    /// The copies have arrived and the originals are still there: only the second half of the ladder is left to do.
    async fn finish(
        &mut self,
        source: &Mailbox,
        destination: &Mailbox,
        rows: Vec<(Row, (UidValidity, Uid))>,
    ) -> Result<(), DaemonError> {
        let planned: Vec<PlannedMove> = rows
            .iter()
            .map(|(row, _)| PlannedMove {
                row: row.id,
                source: row.entry.source.clone(),
                destination: destination.clone(),
                flags: Vec::new(),
                leaves_original: false,
            })
            .collect();
        let on_disk = self.store.run(move |store| store.still_open(planned)).await?;
        self.session.select(source, Access::ReadWrite).await?;
        let report = mover::remove_copied(&mut self.session, &on_disk).await?;
        let mut ends: BTreeMap<RowId, Outcome> = report.outcomes.into_iter().collect();
        for (row, copy) in rows {
            let outcome = match ends.remove(&row.id) {
                Some(Outcome::Done(_)) => Outcome::Done(Some(copy)),
                Some(other) => other,
                None => continue,
            };
            self.settle(row, outcome).await?;
        }
        Ok(())
    }

    /// What has come into the destination from the journaled UIDNEXT on.
    async fn copies(&mut self, destination: &Mailbox, rows: &[Row]) -> Result<Arrived, DaemonError> {
        let from = rows
            .iter()
            .filter_map(|row| row.entry.destination_uid_next)
            .min()
            .unwrap_or(Uid(1));
        let selected = match self.session.select(destination, Access::ReadOnly).await {
            Ok(selected) => selected,
            Err(ImapError::Refused { .. }) => return Ok(Arrived::default()),
            Err(error) => return Err(error.into()),
        };
        // Numbered anew since the row was planned: the copy may have any UID.
        let mark = self.marks.get(destination);
        let anew = mark.is_some_and(|mark| mark.uid_validity != selected.uid_validity) || selected.uid_next < from;
        let from = if anew { Uid(1) } else { from };
        let uids = self.session.uids(from, None).await?;
        let mut arrived = Arrived::default();
        for fetched in self.session.headers(&uids, &self.fields()).await? {
            let mid = identity(&fetched, &Message::parse(&fetched.header));
            let copies = arrived.copies.entry(mid).or_default();
            copies.push((selected.uid_validity, fetched.uid));
        }
        if !anew {
            arrived.still_there = Some((uids, selected.uid_next));
        }
        Ok(arrived)
    }

    /// The rows' messages that are still in the source.
    async fn originals(&mut self, source: &Mailbox, rows: &[Row]) -> Result<Originals, DaemonError> {
        let selected = match self.session.select(source, Access::ReadOnly).await {
            Ok(selected) => selected,
            Err(ImapError::Refused { .. }) => return Ok(Originals::default()),
            Err(error) => return Err(error.into()),
        };
        let mut originals = Originals {
            uid_validity: Some(selected.uid_validity),
            ..Originals::default()
        };
        let mut uids: Vec<Uid> = rows.iter().map(|row| row.entry.source.uid).collect();
        uids.sort_unstable();
        uids.dedup();
        for fetched in self.session.headers(&uids, &self.fields()).await? {
            let mid = identity(&fetched, &Message::parse(&fetched.header));
            let deleted = fetched.is_deleted();
            originals.by_uid.insert(fetched.uid, (mid, deleted));
        }
        if !rows.iter().all(|row| originals.have_the_numbers_of(row)) {
            for window in self.session.uids(Uid(1), None).await?.chunks(WINDOW) {
                let fetched = self.session.headers(window, &self.fields()).await?;
                let mids = fetched
                    .iter()
                    .map(|fetched| identity(fetched, &Message::parse(&fetched.header)));
                originals.renumbered.extend(mids);
            }
        }
        Ok(originals)
    }
}

/// What is in the folder that rows' messages were in.
#[derive(Debug, Default)]
struct Originals {
    /// `None` where the folder is gone.
    uid_validity: Option<UidValidity>,
    /// Messages with the rows' UIDs, and whether each is flagged \Deleted.
    by_uid: BTreeMap<Uid, (Mid, bool)>,
    /// All messages, where the folder was numbered anew since a row was planned.
    renumbered: BTreeSet<Mid>,
}

impl Originals {
    /// The folder has the UIDVALIDITY the row was planned with.
    fn have_the_numbers_of(&self, row: &Row) -> bool {
        self.uid_validity == Some(row.entry.source.uid_validity)
    }

    /// Whether the row's message is flagged \Deleted; `None` where it is not in its place.
    fn of(&self, row: &Row) -> Option<bool> {
        let (mid, deleted) = self.by_uid.get(&row.entry.source.uid)?;
        (*mid == row.entry.mid).then_some(*deleted)
    }
}

/// What has come into a destination since rows were planned.
#[derive(Debug, Default)]
struct Arrived {
    copies: BTreeMap<Mid, Vec<(UidValidity, Uid)>>,
    /// Its UIDs, ascending, and UIDNEXT; `None` where the folder is gone or numbered anew.
    still_there: Option<(Vec<Uid>, Uid)>,
}

impl Arrived {
    /// The copies of the row's message.
    fn of(&self, row: &Row) -> &[(UidValidity, Uid)] {
        self.copies.get(&row.entry.mid).map(Vec::as_slice).unwrap_or_default()
    }

    /// True unless every message that came since the row was planned is still there.
    fn may_have_left(&self, row: &Row) -> bool {
        let (Some((uids, next)), Some(from)) = (&self.still_there, row.entry.destination_uid_next) else {
            return true;
        };
        let there = uids.len() - uids.partition_point(|uid| *uid < from);
        usize::try_from(next.0.saturating_sub(from.0)).is_ok_and(|came| there < came)
    }
}

fn by_pair(rows: Vec<Row>) -> BTreeMap<(Mailbox, Mailbox), Vec<Row>> {
    let mut pairs: BTreeMap<(Mailbox, Mailbox), Vec<Row>> = BTreeMap::new();
    for row in rows {
        let Some(destination) = row.entry.destination.clone() else {
            continue;
        };
        let pair = (row.entry.source.mailbox.clone(), destination);
        pairs.entry(pair).or_default().push(row);
    }
    pairs
}

/// True when the run belongs to another process of this program that is alive: `postroom undo` beside the daemon, or the
/// daemon beside `postroom undo`. Its open rows are commands on their way, not remains.
fn is_at_work(run: &str) -> bool {
    let Some(pid) = run.rsplit('-').next().and_then(|pid| pid.parse::<u32>().ok()) else {
        return false;
    };
    pid != std::process::id() && is_ours(pid)
}

#[cfg(test)]
mod tests;
