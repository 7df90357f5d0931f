//! What an arrival in a watched folder means: new mail, our own move, or the user's hand; and what follows from it.
//!
//! The sorter is told of every message that appears in INBOX, in a bucket folder or in Sent. It is matched by message
//! identity against the ledger's rows, never by the IMAP verb that brought it: clients drag by MOVE, by COPY and delete,
//! and by APPEND and delete. The policy, first that applies:
//!
//! 1. The ledger put this very copy here: ours, nothing follows.
//! 2. The ledger has met this very copy before: known, nothing follows. A message is sorted once. That a further copy of it
//!    was made elsewhere says nothing about the message itself.
//! 3. In a snooze folder: the user wants it back later. It is written down and teaches nothing.
//! 4. In a bucket folder: the user filed it. Its identity is taught, whatever we had thought of it; unless another sorter
//!    may have done it ([`super::rival`]).
//! 5. In INBOX, after we or the user had moved it out to a bucket: a rescue. Its identity belongs in the inbox, and the
//!    message is never moved again.
//! 6. In INBOX, after it had waited for its time: the user wants it sooner. The wait is over, nothing is taught.
//! 7. In INBOX, met before in any other way: the user moves it about. Nothing follows.
//! 8. Otherwise it is new, and gets a verdict.

use super::bucket::Bucket;
use super::evidence::Evidence;
use super::ledger::{Entry, Row, RowKind, State};
use super::mailbox::{Location, Mailbox, Timestamp};
use super::message::Message;
use super::refusal::left_a_copy;
use super::rival::Whose;
use super::taught::{Drag, Identity, Lesson, Teacher};
use super::verdict::{FlagChange, Reason, ReasonKind, Verdict};
use super::{Arrival, Decision, Settings, Sorter};

/// Something that happened on the server.
#[derive(Debug, Clone)]
pub enum Event {
    /// A message appeared in INBOX or in a bucket folder.
    Arrived(Box<Arrival>),
    /// The time has come for a message in INBOX whose rule said `after`.
    Due(Box<Arrival>),
    /// A message appeared in Sent.
    Sent {
        /// When it was written.
        at: Timestamp,
        /// Its header.
        message: Box<Message>,
    },
}

/// What the edge is to do. `Move` goes to the ledger first and to the server then; the rest never reaches the server.
#[derive(Debug, Clone, PartialEq)]
pub enum Action {
    /// Write this row down; nothing moves.
    Plan(Entry),
    /// Write this row down, then carry it out.
    Move(Entry),
    /// Come back to this message at that time, with [`Event::Due`].
    Defer {
        /// Where it lies.
        location: Location,
        /// When its time comes.
        due: Timestamp,
    },
    /// Keep this lesson.
    Learn(Lesson),
    /// Put this lesson aside until the user confirms it: it may not be his.
    Hold(Lesson),
    /// Drop what was taught about this identity.
    Forget(Identity),
    /// Tell the user.
    Note(Note),
}

/// Something the user should be told, in the log and in `status`.
#[derive(Debug, Clone, PartialEq)]
pub enum Note {
    /// A message carries something that no verdict may be built on; it stays where it is.
    Unsortable {
        /// Where it is.
        location: Location,
        /// What is wrong with it.
        why: String,
    },
    /// A rule asks for a copy in a special-use folder, and the account has none.
    CopyNotMade {
        /// The rule.
        rule: Reason,
        /// The special use, for example `\\Archive`.
        target: String,
    },
    /// The user filed or rescued a message although a rule of his own says otherwise.
    RuleAgainstHand {
        /// What the rule says.
        rule: Reason,
        /// Where the user put the message.
        bucket: Bucket,
    },
    /// Another sorter has made a second copy of a message that Postroom had moved.
    Doubled {
        /// Where the second copy is.
        location: Location,
        /// Message-ID.
        message_id: Option<String>,
    },
}

/// What an arrival means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Meaning {
    /// The ledger put this copy here.
    Ours,
    /// Nothing new: this copy, or the user moving about what was decided before.
    Known,
    /// The user filed it into a bucket folder.
    Filed {
        /// The folder's bucket.
        bucket: Bucket,
        /// It was `Blackhole/Domain`: the whole organisational domain is meant.
        domain: bool,
    },
    /// The user put it into a snooze folder.
    Snoozed,
    /// The user put it back into the inbox.
    Rescued,
    /// The user took it back into the inbox before its time came.
    TakenBack,
    /// New mail.
    New,
    /// Not for us: a folder we do not watch, our own digest, or a server's stand-in for a vanished message.
    Nothing,
}

/// Applies the policy at the head of this file.
pub fn meaning(settings: &Settings, arrival: &Arrival) -> Meaning {
    let folder = &arrival.location.mailbox;
    let snoozed = settings.folders.snooze_name(folder).is_some();
    // What the user puts away comes back, our own digest too.
    let own = !snoozed && is_own_digest(settings, &arrival.message);
    if own || is_stand_in(&arrival.message) || is_deleted(&arrival.flags) {
        return Meaning::Nothing;
    }
    if arrival.history.iter().any(|row| put_here(row, &arrival.location)) {
        return Meaning::Ours;
    }
    if arrival
        .history
        .iter()
        .any(|row| row.entry.source == arrival.location && is_verdict_or_drag(row))
    {
        return Meaning::Known;
    }
    if snoozed {
        return Meaning::Snoozed;
    }
    if let Some((bucket, domain)) = bucket_folder(settings, folder) {
        return Meaning::Filed { bucket, domain };
    }
    // A move of this very copy that came to nothing is tried again; a copy that failed elsewhere was brought here by hand.
    let told = |row: &&Row| {
        row.entry.kind != RowKind::Copy && (row.state != State::Failed || row.entry.source != arrival.location)
    };
    match (folder.is_inbox(), arrival.history.iter().rev().find(told)) {
        (false, _) => Meaning::Nothing,
        // Where a further copy was made, this may be that copy, brought here by the user: it is not sorted again.
        (true, None) if copies::has_strayed(arrival) => Meaning::Known,
        (true, None) => Meaning::New,
        (true, Some(last)) => match last.entry.kind {
            RowKind::Sort if matches!(last.state, State::Done | State::Unknown) => Meaning::Rescued,
            RowKind::File => Meaning::Rescued,
            RowKind::Snooze | RowKind::Hold => Meaning::TakenBack,
            _ => Meaning::Known,
        },
    }
}

/// The bucket a folder stands for; true with `Blackhole/Domain`.
pub fn bucket_folder(settings: &Settings, folder: &Mailbox) -> Option<(Bucket, bool)> {
    if *folder == settings.folders.blackhole.child("Domain") {
        return Some((Bucket::Blackhole, true));
    }
    settings.folders.bucket_of(folder).map(|bucket| (bucket, false))
}

/// When a rule's `after` is not over yet: the instant at which it is. Counted from arrival.
fn due(now: Timestamp, arrival: &Arrival, verdict: &Verdict) -> Option<Timestamp> {
    let arrived = arrival.arrived.unwrap_or(now);
    let due = Timestamp(arrived.0.saturating_add(verdict.orders.after?));
    (due > now).then_some(due)
}

/// Says where the message itself is; a copy's row does not, nor does a move that came to nothing.
fn is_verdict_or_drag(row: &Row) -> bool {
    row.state != State::Failed && row.entry.kind != RowKind::Copy
}

fn put_here(row: &Row, location: &Location) -> bool {
    let here = row.entry.kind.moves() && row.entry.destination.as_ref() == Some(&location.mailbox);
    match (row.state, row.destination_uid) {
        (State::Done, Some((uid_validity, uid))) => {
            here && (uid_validity, uid) == (location.uid_validity, location.uid)
        }
        // No COPYUID, or no answer yet: the message and the folder are all there is to compare.
        (State::Done | State::Planned | State::Unknown, _) => here,
        (State::Failed, _) => here && left_a_copy(row),
        (State::Void, _) => false,
    }
}

/// Courier answers a FETCH of a message that another client removed with a made-up one (servers.md section 4, quirk 4).
fn is_stand_in(message: &Message) -> bool {
    message.message_id.is_none()
        && !message.has("date")
        && !message.has("received")
        && message.subject == "message unavailable"
}

fn is_own_digest(settings: &Settings, message: &Message) -> bool {
    message.has("x-postroom-digest") && message.from().is_some_and(|from| settings.owner.is(from))
}

fn is_deleted(flags: &[String]) -> bool {
    flags.iter().any(|flag| flag.eq_ignore_ascii_case("\\Deleted"))
}

impl Arrival {
    /// Those of the changes that change anything. Undo reverses what is on record: a flag that the user had set before
    /// must not be in it.
    pub fn lacking(&self, mut changes: Vec<FlagChange>) -> Vec<FlagChange> {
        let is_set = |change: &FlagChange| self.flags.iter().any(|flag| flag.eq_ignore_ascii_case(&change.flag));
        changes.retain(|change| is_set(change) != change.set);
        changes
    }
}

impl Sorter {
    /// What follows from an event. The only effect is on this sorter's own memory; everything else is in the answer.
    pub fn handle(&mut self, now: Timestamp, event: Event) -> Vec<Action> {
        match event {
            Event::Sent { at, message } => {
                self.sent(at, &message);
                Vec::new()
            }
            Event::Due(arrival) => {
                let touched = |row: &Row| !matches!(row.entry.kind, RowKind::Keep | RowKind::Preview);
                if is_deleted(&arrival.flags) || arrival.history.iter().any(touched) {
                    return Vec::new();
                }
                let Decision { verdict, .. } = self.decide(now, &arrival);
                self.follow(now, &arrival, verdict)
            }
            Event::Arrived(arrival) => match meaning(&self.settings, &arrival) {
                Meaning::Ours | Meaning::Known | Meaning::Nothing => Vec::new(),
                Meaning::New => self.sort(now, &arrival),
                Meaning::Snoozed => vec![self.snoozed(&arrival)],
                Meaning::TakenBack => vec![self.taken_back(&arrival)],
                Meaning::Filed { bucket, domain } => self.filed(now, &arrival, bucket, domain),
                Meaning::Rescued => self.rescued(now, &arrival),
            },
        }
    }

    /// New mail: the verdict, as a row that keeps, previews or moves.
    fn sort(&mut self, now: Timestamp, arrival: &Arrival) -> Vec<Action> {
        let Decision { verdict, .. } = self.decide(now, arrival);
        if self.lets_wait(&verdict) {
            self.met(now, arrival);
        } else {
            self.received(now, arrival);
            self.acquaint(arrival, &verdict);
        }
        self.follow(now, arrival, verdict)
    }

    /// What follows from a verdict on a message in INBOX.
    fn follow(&self, now: Timestamp, arrival: &Arrival, verdict: Verdict) -> Vec<Action> {
        let entry = self.entry(RowKind::Keep, arrival, verdict.bucket, verdict.reason.clone());
        if let Some(due) = due(now, arrival, &verdict) {
            let location = arrival.location.clone();
            return vec![Action::Plan(entry), Action::Defer { location, due }];
        }
        // Before the move: afterwards the message can no longer be copied from here.
        let mut actions = self.copies(arrival, &verdict);
        actions.push(match self.destination(&verdict) {
            Some(folder) if folder != arrival.location.mailbox => {
                let kind = if self.settings.moves {
                    RowKind::Sort
                } else {
                    RowKind::Preview
                };
                let entry = Entry {
                    kind,
                    destination: Some(folder),
                    flags: arrival.lacking(verdict.orders.flags),
                    ..entry
                };
                if self.settings.moves {
                    Action::Move(entry)
                } else {
                    Action::Plan(entry)
                }
            }
            Some(folder) if self.waits(now, arrival, &verdict, &folder) => {
                self.held(entry, arrival.lacking(verdict.orders.flags))
            }
            _ if self.settings.moves => Action::Plan(Entry {
                flags: arrival.lacking(verdict.orders.flags),
                ..entry
            }),
            _ => Action::Plan(entry),
        });
        actions
    }

    /// Where a verdict sends a message: a rule's own target, else the bucket's folder.
    pub fn destination(&self, verdict: &Verdict) -> Option<Mailbox> {
        match &verdict.orders.destination {
            None => Some(self.settings.folders.of(verdict.bucket)),
            Some(target) => self.named(target),
        }
    }

    fn filed(&mut self, now: Timestamp, arrival: &Arrival, bucket: Bucket, domain: bool) -> Vec<Action> {
        let folder = arrival.location.mailbox.clone();
        let whose = self.whose(now, arrival);
        let (mut actions, reason) = if let Some(text) = whose.sentence() {
            (Vec::new(), Reason::new(ReasonKind::Default, text))
        } else {
            let actions = self.learn(now, arrival, bucket, domain, whose == Whose::Doubtful);
            let text = format!("you filed it into {folder}");
            (actions, Reason::new(ReasonKind::Taught, text))
        };
        if whose == Whose::Doubled {
            actions.push(Action::Note(Note::Doubled {
                location: arrival.location.clone(),
                message_id: arrival.message.message_id.clone(),
            }));
        }
        actions.push(Action::Plan(Entry {
            destination: Some(folder),
            ..self.entry(RowKind::File, arrival, bucket, reason)
        }));
        actions
    }

    fn rescued(&mut self, now: Timestamp, arrival: &Arrival) -> Vec<Action> {
        let reason = Reason::new(ReasonKind::Taught, "you put it back into the inbox");
        let mut actions = self.learn(now, arrival, Bucket::Inbox, false, false);
        actions.push(Action::Plan(Entry {
            destination: Some(Mailbox::inbox()),
            ..self.entry(RowKind::Rescue, arrival, Bucket::Inbox, reason)
        }));
        actions
    }

    /// The lessons of one drag, already part of this sorter's memory when it returns, unless they are to be held.
    fn learn(&mut self, now: Timestamp, arrival: &Arrival, bucket: Bucket, domain: bool, hold: bool) -> Vec<Action> {
        let Decision { verdict, .. } = self.decide(now, arrival);
        if verdict.orders.no_learning {
            return Vec::new();
        }
        let mut actions = Vec::new();
        if verdict.reason.kind == ReasonKind::Rule && verdict.bucket != bucket {
            actions.push(Action::Note(Note::RuleAgainstHand {
                rule: verdict.reason,
                bucket,
            }));
        }
        let drag = Drag {
            message: &arrival.message,
            evidence: &Evidence::of(&arrival.message, &self.settings.owner),
            authentication: self.provider.authenticate(&arrival.message),
            bucket,
            whole_domain: domain,
            at: now,
            by: Teacher::Drag,
        };
        if hold {
            let held = self.taught.clone().drag(&drag, &self.settings.owner).taught;
            actions.extend(held.into_iter().map(Action::Hold));
            return actions;
        }
        let learned = self.taught.drag(&drag, &self.settings.owner);
        actions.extend(
            learned
                .forgotten
                .into_iter()
                .map(|lesson| Action::Forget(lesson.identity)),
        );
        actions.extend(learned.taught.into_iter().map(Action::Learn));
        actions
    }

    /// A row about this arrival, with nothing moved.
    pub fn entry(&self, kind: RowKind, arrival: &Arrival, bucket: Bucket, reason: Reason) -> Entry {
        Entry {
            kind,
            mid: arrival.mid.clone(),
            message_id: arrival.message.message_id.clone(),
            from: arrival.message.from().cloned(),
            source: arrival.location.clone(),
            destination: None,
            destination_uid_next: None,
            bucket,
            reason,
            flags: Vec::new(),
            rules: self.rules.digest().to_owned(),
            undoes: None,
            arrived: arrival.arrived,
        }
    }
}

mod copies;
#[cfg(test)]
mod tests;
