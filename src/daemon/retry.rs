//! Moves that came to nothing and are worth another try, and destinations that take no mail for now.
//!
//! Nothing of it is kept but in the ledger: [`crate::sort::refusal`] reads from a message's rows when it is due, so a
//! restart forgets nothing and a message is never lost between two attempts. A message that is due is not replayed: it
//! gets a new verdict, under the rules of now.

use std::collections::{BTreeMap, BTreeSet};

use super::clock;
use super::error::DaemonError;
use super::visit::Visit;
use crate::sort::arrival::Event;
use crate::sort::ledger::{Entry, Outcome, PlannedMove, Row, RowId, RowKind};
use crate::sort::mailbox::{Location, Mailbox, Timestamp};
use crate::sort::refusal::{self, HELD, Refusal};

/// Failed rows older than this, in seconds, are of no account: the longest wait is a day.
const LOOK_BACK: i64 = 2 * 86_400;

/// A destination that has just refused is left alone at least this long, in seconds.
const FIRST_PAUSE: i64 = 3_600;

/// What is to be tried again, as far as this visit knows.
#[derive(Debug, Default)]
pub struct Retries {
    /// When the ledger is to be asked again.
    next: Option<Timestamp>,
    /// Destinations that take no mail, until when.
    closed: BTreeMap<Mailbox, Timestamp>,
    /// Destinations that take no mail from us in this visit, and why.
    pub barred: BTreeMap<Mailbox, String>,
    /// Nothing can be moved out of INBOX in this visit.
    pub inbox_is_read_only: bool,
    /// The server has asked to be left alone until then.
    silent: Option<Timestamp>,
    /// Rows refused in this visit, after its folders were listed.
    refused: BTreeSet<RowId>,
    /// Failed rows that have had their new verdict in this visit.
    tried: BTreeSet<RowId>,
}

impl Retries {
    /// Why a move is not to be sent now.
    pub fn objection(&self, now: Timestamp, planned: &PlannedMove, kind: RowKind) -> Option<String> {
        // What the user has just asked for is sent whatever we think of it.
        if kind == RowKind::Undo {
            return None;
        }
        if self.silent.is_some_and(|until| now < until) {
            return Some(format!("{HELD}the server has asked for patience"));
        }
        let until = self.closed.get(&planned.destination).copied();
        let closed = until.is_some_and(|until| now < until) || self.barred.contains_key(&planned.destination);
        closed.then(|| format!("{HELD}{} takes no mail for now", planned.destination))
    }

    /// Nothing is to be sent before that.
    pub fn keep_silent(&mut self, until: Timestamp) {
        self.silent = self.silent.max(Some(until));
    }

    /// Takes note of outcomes; the folders that have begun to refuse, with the server's words.
    pub fn note(
        &mut self,
        now: Timestamp,
        entries: &BTreeMap<RowId, Box<Entry>>,
        outcomes: &[(RowId, Outcome)],
    ) -> Vec<(Mailbox, String)> {
        let mut news = Vec::new();
        for (row, outcome) in outcomes {
            let (Outcome::Failed(code), Some(entry)) = (outcome, entries.get(row)) else {
                continue;
            };
            self.next = Some(now);
            self.refused.insert(*row);
            match (Refusal::of(code), &entry.destination) {
                (Refusal::Closed, Some(folder)) => {
                    let until = Timestamp(now.0 + FIRST_PAUSE);
                    if self
                        .closed
                        .insert(folder.clone(), until)
                        .is_none_or(|before| before <= now)
                    {
                        news.push((folder.clone(), code.clone()));
                    }
                }
                (Refusal::Throttled(seconds), _) => self.silent = Some(Timestamp(now.0 + seconds)),
                _ => {}
            }
        }
        news
    }
}

impl Retries {
    /// A folder that was seen to be gone is there again: what waits for it is asked for anew.
    pub fn folder_is_back(&mut self) {
        self.refused.clear();
        self.next = None;
    }

    /// True when the row was refused for want of its folder, and before this visit listed the folders. By the clock alone
    /// the two cannot be told apart: a visit may begin and see a folder vanish within one second.
    fn was_gone_before(&self, row: &Row) -> bool {
        let gone = row
            .code
            .as_deref()
            .is_some_and(|code| code.contains("[TRYCREATE]") || code.contains("[NONEXISTENT]"));
        gone && !self.refused.contains(&row.id)
    }
}

impl Visit<'_> {
    /// Gives messages of INBOX a new verdict whose moves came to nothing, when their time has come.
    pub async fn try_again(&mut self) -> Result<(), DaemonError> {
        let now = clock::now();
        if self.retries.next.is_some_and(|next| now < next) {
            return Ok(());
        }
        let due = self.due(now).await?;
        if due.is_empty() {
            return Ok(());
        }
        self.decide_again(&due).await
    }

    /// Asks the ledger which messages are due, and when the next ones will be.
    async fn due(&mut self, now: Timestamp) -> Result<Vec<Location>, DaemonError> {
        let (account, since) = (self.account.name.clone(), Timestamp(now.0 - LOOK_BACK));
        let histories = self.store.run(move |store| store.refused(&account, since)).await?;
        let waiting: Vec<(Row, Timestamp)> = histories
            .into_values()
            .filter_map(|mut rows| {
                let at = refusal::next_attempt(&rows)?;
                // A clock that was set back must not make a minute of waiting into years.
                let at = if at.0 > now.0 + 86_400 { now } else { at };
                Some((rows.pop()?, at))
            })
            .filter(|(row, _)| row.entry.source.mailbox.is_inbox())
            .collect();
        let tomorrow = Timestamp(now.0 + 86_400);
        self.retries.closed = self
            .retries
            .barred
            .keys()
            .map(|folder| (folder.clone(), tomorrow))
            .collect();
        for (row, at) in &waiting {
            match (refusal::failed(row), &row.entry.destination) {
                (Some(Refusal::Closed), Some(folder)) if !self.is_back(folder, row) => {
                    let until = self.retries.closed.entry(folder.clone()).or_insert(*at);
                    *until = (*until).max(*at);
                }
                (Some(Refusal::Throttled(_)), _) => self.retries.silent = self.retries.silent.max(Some(*at)),
                _ => {}
            }
        }
        let mut due = Vec::new();
        self.retries.next = Some(Timestamp(now.0 + 86_400));
        for (row, at) in waiting {
            let folder = row.entry.destination.as_ref();
            let closed = folder.and_then(|folder| self.retries.closed.get(folder)).copied();
            let is_back = folder.is_some_and(|folder| self.is_back(folder, &row));
            let at = if is_back { now } else { at };
            let at = closed.into_iter().chain(self.retries.silent).fold(at, Timestamp::max);
            if at > now {
                self.retries.next = self.retries.next.min(Some(at));
            } else if self.retries.tried.insert(row.id) {
                due.push(row.entry.source);
            }
        }
        Ok(due)
    }

    /// True when a folder that was gone has been seen again since, or another has taken its place in postroom.toml.
    fn is_back(&self, folder: &Mailbox, row: &Row) -> bool {
        let replaced = self.marks.contains_key(folder) && self.account.folders.bucket_of(folder).is_none();
        self.retries.was_gone_before(row) && (self.layout.buckets.contains(folder) || replaced)
    }

    /// Gives messages of INBOX a new verdict whose moves came to nothing. One that was put off (`after`) has had its row
    /// when it came, and its time has come since.
    async fn decide_again(&mut self, locations: &[Location]) -> Result<(), DaemonError> {
        let inbox = Mailbox::inbox();
        let (Some(mark), false) = (self.marks.get(&inbox).copied(), locations.is_empty()) else {
            return Ok(());
        };
        let selected = self.enter(&inbox).await?;
        if selected.uid_validity != mark.uid_validity {
            return Ok(());
        }
        let uids = locations
            .iter()
            .filter(|at| at.uid_validity == mark.uid_validity && at.uid < mark.next_uid)
            .map(|at| at.uid)
            .collect();
        self.decide_once_more(&mark, uids, Event::again).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sort::bucket::Bucket;
    use crate::sort::ledger::{Mid, State};
    use crate::sort::mailbox::{Uid, UidValidity};
    use crate::sort::verdict::{Reason, ReasonKind};

    const NOW: Timestamp = Timestamp(1_795_000_000);

    fn refused(code: &str) -> Row {
        Row {
            id: RowId(1),
            account: "home".to_owned(),
            run: "test".to_owned(),
            at: NOW,
            entry: Entry {
                kind: RowKind::Sort,
                mid: Mid::email_id("M1"),
                message_id: None,
                from: None,
                source: Location {
                    mailbox: Mailbox::inbox(),
                    uid_validity: UidValidity(1),
                    uid: Uid(1),
                },
                destination: Some(Mailbox::new("News")),
                destination_uid_next: None,
                bucket: Bucket::News,
                reason: Reason::new(ReasonKind::Default, "test"),
                flags: Vec::new(),
                rules: "".into(),
                undoes: None,
                arrived: None,
            },
            state: State::Failed,
            destination_uid: None,
            code: Some(code.to_owned()),
            closed: Some(NOW),
        }
    }

    #[test]
    fn a_folder_that_vanishes_in_the_second_the_visit_began_is_left_alone_for_its_hour() {
        let row = refused("[TRYCREATE] Mailbox doesn't exist: News");
        let mut this_visit = Retries::default();
        let entries = [(row.id, Box::new(row.entry.clone()))].into();
        let outcome = Outcome::Failed(row.code.clone().unwrap());
        let news = this_visit.note(NOW, &entries, &[(row.id, outcome)]);
        assert_eq!(news.len(), 1);
        assert!(
            !this_visit.was_gone_before(&row),
            "its folders were listed before the refusal"
        );
        let next_visit = Retries::default();
        assert!(next_visit.was_gone_before(&row), "a folder it lists has come back");
        assert!(!next_visit.was_gone_before(&refused("[OVERQUOTA] full")));
    }
}
