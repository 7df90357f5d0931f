//! What follows from an arrival in a watched folder: rows, moves, lessons. What it means is decided in [`meaning`]: new mail,
//! our own move, or the user's hand.

mod copies;
mod meaning;

use super::bucket::Bucket;
use super::evidence::Evidence;
use super::ledger::{Entry, Row, RowKind};
use super::mailbox::{Location, Mailbox, Timestamp};
use super::message::Message;
use super::refusal::came_to_nothing;
use super::rival::Whose;
use super::taught::{Drag, Identity, Lesson, Teacher};
use super::verdict::{FlagChange, Reason, ReasonKind, Verdict};
use super::{Arrival, Decision, Sorter};

pub use meaning::{Meaning, bucket_folder, is_deleted, meaning};

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

/// When a rule's `after` is not over yet: the instant at which it is. Counted from arrival.
fn due(now: Timestamp, arrival: &Arrival, verdict: &Verdict) -> Option<Timestamp> {
    let arrived = arrival.arrived.unwrap_or(now);
    let due = Timestamp(arrived.0.saturating_add(verdict.orders.after?));
    (due > now).then_some(due)
}

impl Event {
    /// The event for a message whose time has come.
    #[must_use]
    pub fn due(self) -> Self {
        match self {
            Self::Arrived(arrival) => Self::Due(arrival),
            other => other,
        }
    }

    /// The event for a message whose move has come to nothing: one that was put off by `after`, and so kept first, is due;
    /// every other arrives once more.
    #[must_use]
    pub fn again(self) -> Self {
        match self {
            Self::Arrived(arrival) => {
                let put_off = |row: &Row| row.entry.kind == RowKind::Keep && row.entry.source == arrival.location;
                if arrival.history.iter().any(put_off) {
                    Self::Due(arrival)
                } else {
                    Self::Arrived(arrival)
                }
            }
            other => other,
        }
    }
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
                // A move of this very copy that came to nothing has left the message as it was.
                let in_vain = |row: &Row| came_to_nothing(row) && row.entry.source == arrival.location;
                let untouched = [RowKind::Keep, RowKind::Preview, RowKind::Copy];
                let touched = |row: &Row| !untouched.contains(&row.entry.kind) && !in_vain(row);
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
                message_id: self.message_id(arrival),
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

    /// The Message-ID as it is written down.
    fn message_id(&self, arrival: &Arrival) -> Option<String> {
        let id = arrival.message.message_id.as_deref();
        id.map(|id| self.names.message_id(id))
    }

    /// A row about this arrival, with nothing moved.
    pub fn entry(&self, kind: RowKind, arrival: &Arrival, bucket: Bucket, reason: Reason) -> Entry {
        Entry {
            kind,
            mid: arrival.mid.clone(),
            message_id: self.message_id(arrival),
            from: arrival.message.from().map(|from| self.names.address(from).into_owned()),
            source: arrival.location.clone(),
            destination: None,
            destination_uid_next: None,
            bucket,
            reason,
            flags: Vec::new(),
            rules: self.rules.shared_digest(),
            undoes: None,
            arrived: arrival.arrived,
        }
    }
}

#[cfg(test)]
mod tests;
