//! What follows when a message is to wait for its time: in a snooze folder, or for the end of the quiet hours.

use jiff::tz::{Offset, TimeZone};

use super::arrival::Action;
use super::bucket::Bucket;
use super::evidence::Evidence;
use super::ledger::{Entry, RowKind};
use super::mailbox::{Mailbox, Timestamp};
use super::verdict::{FlagChange, Reason, ReasonKind, Verdict};
use super::{Arrival, Sorter};

impl Sorter {
    /// True when the message would stay in the inbox and these are the quiet hours. What a rule of the user's keeps there
    /// stays, and so does a login code: in the morning it is of no use.
    pub(super) fn waits(&self, now: Timestamp, arrival: &Arrival, verdict: &Verdict, folder: &Mailbox) -> bool {
        let zone = Offset::from_seconds(arrival.utc_offset).map_or(TimeZone::UTC, TimeZone::fixed);
        let quiet = self.settings.folders.hold.as_ref();
        self.settings.moves
            && folder.is_inbox()
            && arrival.location.mailbox.is_inbox()
            && quiet.is_some_and(|hold| hold.is_quiet(now, &zone))
            && verdict.bucket == Bucket::Inbox
            && verdict.reason.kind != ReasonKind::Rule
            && !Evidence::of(&arrival.message, &self.settings.owner).code
    }

    /// A message that waits for the end of the quiet hours.
    pub(super) fn held(&self, entry: Entry, flags: Vec<FlagChange>) -> Action {
        let hold = self.settings.folders.hold.as_ref();
        Action::Move(Entry {
            kind: RowKind::Hold,
            destination: hold.map(|hold| hold.folder.clone()),
            flags,
            ..entry
        })
    }

    /// What the user has put into a snooze folder.
    pub(super) fn snoozed(&self, arrival: &Arrival) -> Action {
        let folder = arrival.location.mailbox.clone();
        let reason = Reason::new(
            ReasonKind::Taught,
            format!("you put it into {folder}, until its time comes"),
        );
        Action::Plan(Entry {
            destination: Some(folder),
            ..self.entry(RowKind::Snooze, arrival, Bucket::Inbox, reason)
        })
    }

    /// Its wait is over, and nothing is learned: the user only wanted it sooner.
    pub(super) fn taken_back(&self, arrival: &Arrival) -> Action {
        let reason = Reason::new(ReasonKind::Default, "you took it back before its time");
        Action::Plan(Entry {
            destination: Some(Mailbox::inbox()),
            ..self.entry(RowKind::Rescue, arrival, Bucket::Inbox, reason)
        })
    }
}
