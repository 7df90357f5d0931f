//! Carrying out what the sorter asks for: the ledger first, then the server, then the ledger again, then one log line.

mod destination;

use std::collections::{BTreeMap, BTreeSet};

use super::clock;
use super::deferred::Deferred;
use super::error::DaemonError;
use super::model;
use super::visit::Visit;
use crate::imap::ImapError;
use crate::imap::failpoint::failpoint;
use crate::imap::mover::{self, Policy, Report};
use crate::sort::arrival::Action;
use crate::sort::ledger::{Committed, Entry, Outcome, PlannedMove, RowId, RowKind};
use crate::sort::mailbox::{Mailbox, Timestamp, Uid, UidValidity};
use crate::sort::refusal::{HELD, Refusal};
use crate::sort::taught::{MOST_TAUGHT_AT_ONCE, Taught};
use crate::store::{FolderMark, Learning};

impl Visit<'_> {
    /// Writes down everything that follows from one window in one transaction; moves wait in `pending`.
    pub async fn record(
        &mut self,
        now: Timestamp,
        mailbox: &Mailbox,
        mark: &FolderMark,
        actions: Vec<Action>,
    ) -> Result<(), DaemonError> {
        let (mut entries, mut lessons, mut forgotten, mut notes) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
        let (mut deferred, mut doubtful) = (Vec::new(), Vec::new());
        for action in actions {
            match action {
                Action::Plan(entry) | Action::Move(entry) => entries.push(entry),
                Action::Defer { location, due } => deferred.push(Deferred { location, due }),
                Action::Learn(lesson) => lessons.push(lesson),
                Action::Hold(lesson) => doubtful.push(lesson),
                Action::Forget(identity) => forgotten.push(identity),
                Action::Note(note) => notes.push(note),
            }
        }
        if entries
            .iter()
            .any(|entry| entry.kind == RowKind::Snooze || entry.kind == RowKind::Hold)
        {
            self.next_return = None;
        }
        self.fill_in_destinations(&mut entries).await?;
        // First, so that a crash in between makes a message wait twice rather than never come up again.
        self.defer(deferred).await?;
        let senders: BTreeSet<_> = lessons.iter().map(|lesson| &lesson.identity).collect();
        let hold = senders.len() > MOST_TAUGHT_AT_ONCE;
        self.company.look_due |= entries.iter().any(Entry::may_be_anothers);
        let in_doubt = doubtful.len();
        let held = if hold {
            lessons.iter().cloned()
        } else {
            [].iter().cloned()
        };
        let learning = Learning {
            run: self.run.to_owned(),
            held: held.chain(doubtful).collect(),
            lessons: if hold { Vec::new() } else { lessons.clone() },
            forgotten,
            tallies: self.sorter.correspondence.take_changed(),
            sent_ids: self.sorter.sent_index.take_new(),
            rows: entries,
            folders: vec![(mailbox.clone(), *mark)],
            notes: vec![model::provider_note(&self.sorter.provider)],
        };
        let account = self.account.name.clone();
        failpoint("plan-before-commit");
        // The rows go there and come back: a window of them is not held twice.
        let (rows, entries) = self
            .store
            .run(move |store| {
                let rows = store.commit_learning(&account, now, &learning)?;
                Ok((rows, learning.rows))
            })
            .await?;
        failpoint("plan-after-commit");
        self.marks.insert(mailbox.clone(), *mark);
        if hold {
            let account = self.account.name.clone();
            let kept = self.store.run(move |store| store.lessons(&account)).await?;
            self.sorter.taught = Taught::under(self.sorter.names());
            self.sorter.taught.load(kept);
            self.logbook
                .held(lessons.len(), "more than 100 different senders in one sweep");
        } else {
            for lesson in &lessons {
                self.logbook.learned(lesson);
            }
        }
        if in_doubt > 0 {
            let why = "another program moves the same mail, and this may be its work";
            self.logbook.held(in_doubt, why);
        }
        for note in &notes {
            self.logbook.note(note);
        }
        for (row, entry) in rows.get().iter().zip(&entries).filter(|(_, entry)| !entry.kind.moves()) {
            self.logbook.decided(*row, entry, &Outcome::Done(None));
        }
        let flagged = rows.flagged(&entries);
        self.pending.add(rows, entries);
        for (flags, uids) in flagged {
            match mover::change_flags(&mut self.session, &uids, &flags).await {
                Err(error) if error.ends_connection() => return Err(error.into()),
                Err(error) => self.logbook.stuck(&error, "the messages keep the flags they have"),
                Ok(()) => {}
            }
        }
        Ok(())
    }

    /// Writes rows down that come from no sweep (`undo`, `postroom sort`); their moves wait in `pending`.
    pub async fn plan_moves(&mut self, now: Timestamp, mut entries: Vec<Entry>) -> Result<(), DaemonError> {
        self.fill_in_destinations(&mut entries).await?;
        let (account, run, stored) = (self.account.name.clone(), self.run.to_owned(), entries.clone());
        let rows = self
            .store
            .run(move |store| store.plan(&account, &run, now, &stored))
            .await?;
        self.pending.add(rows, entries);
        Ok(())
    }

    /// Sends the pending moves to the server and writes down what became of each.
    pub async fn carry_out(&mut self) -> Result<(), DaemonError> {
        if self.pending.is_empty() {
            return Ok(());
        }
        self.heed_server();
        let (moves, entries) = self.pending.take();
        let (now, mut held) = (clock::now(), Vec::new());
        let moves = moves.only(|planned| {
            let kind = entries.get(&planned.row).map_or(RowKind::Sort, |entry| entry.kind);
            let objection = self.retries.objection(now, planned, kind);
            held.extend(objection.iter().map(|why| (planned.row, Outcome::Failed(why.clone()))));
            objection.is_none()
        });
        let (moves, gone) = self.make_way(moves).await?;
        held.extend(gone);
        if !held.is_empty() {
            self.close(&entries, held).await?;
        }
        let policy = Policy {
            allow_unsafe_move: self.account.allow_unsafe_move,
            claim: self.claims.policy(now, &entries),
        };
        let mut report = mover::move_messages(&mut self.session, &moves, policy).await;
        report.outcomes.extend(unsent(&moves, &report));
        let blunder = report.outcomes.iter().find_map(|(_, outcome)| match outcome {
            Outcome::Failed(code) if Refusal::of(code) == Refusal::OurFault => Some(code.clone()),
            _ => None,
        });
        self.close(&entries, report.outcomes).await?;
        match (report.error, blunder) {
            (Some(error), _) if error.ends_connection() => Err(error.into()),
            (_, None) if !report.unproven.is_empty() => self.prove(&report.unproven).await,
            // A server that does not understand us is not spoken to any further (reliability.md C5).
            (_, Some(text)) => Err(DaemonError::Imap(ImapError::Refused {
                command: "a move",
                bad: true,
                code: None,
                text,
            })),
            _ => Ok(()),
        }
    }

    /// Writes outcomes down and tells of them.
    pub async fn close(
        &mut self,
        entries: &BTreeMap<RowId, Box<Entry>>,
        outcomes: Vec<(RowId, Outcome)>,
    ) -> Result<(), DaemonError> {
        let (now, stored) = (clock::now(), outcomes.clone());
        failpoint("close-before-commit");
        self.store.run(move |store| store.close(now, &stored)).await?;
        failpoint("close-after-commit");
        for (row, outcome) in &outcomes {
            let Some(entry) = entries.get(row) else { continue };
            self.logbook.decided(*row, entry, outcome);
            if let (Outcome::Done(Some((uid_validity, uid))), Some(folder)) = (outcome, &entry.destination) {
                self.put_there(folder, *uid_validity, *uid);
            }
        }
        self.bar_refused(entries, &outcomes).await?;
        self.claims.note(now, entries, &outcomes);
        let closed = self.retries.note(now, entries, &outcomes);
        for (folder, words) in &closed {
            self.logbook.closed(folder, words);
        }
        if closed.iter().any(|(folder, _)| self.layout.buckets.contains(folder)) {
            self.look_for_gone_folders().await?;
        }
        Ok(())
    }

    /// A copy of ours is now in `folder`: the next sweep need not look at it.
    fn put_there(&mut self, folder: &Mailbox, uid_validity: UidValidity, uid: Uid) {
        if self
            .marks
            .get(folder)
            .is_some_and(|mark| mark.uid_validity == uid_validity)
        {
            self.ours.entry(folder.clone()).or_default().insert(uid);
            self.pass_over_ours(folder);
        }
    }
}

/// The rows whose command never left before the connection was lost, closed as such: nobody need look for their copies.
/// Copies stay open, since nothing else would come back to them.
fn unsent(moves: &Committed<Vec<PlannedMove>>, report: &Report) -> Vec<(RowId, Outcome)> {
    if !report.error.as_ref().is_some_and(ImapError::ends_connection) {
        return Vec::new();
    }
    let told: BTreeSet<RowId> = report.outcomes.iter().map(|(row, _)| *row).collect();
    let unsent = moves.get().iter().filter(|planned| {
        !planned.leaves_original && !told.contains(&planned.row) && !report.unproven.contains(&planned.row)
    });
    unsent
        .map(|planned| (planned.row, Outcome::Failed(format!("{HELD}the connection was lost"))))
        .collect()
}
