//! What it means that a message appeared in a watched folder: new mail, our own move, or the user's hand.
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
//!    may have done it ([`crate::sort::rival`]).
//! 5. In INBOX, after we or the user had moved it out to a bucket: a rescue. Its identity belongs in the inbox, and the
//!    message is never moved again.
//! 6. In INBOX, after it had waited for its time: the user wants it sooner. The wait is over, nothing is taught.
//! 7. In INBOX, met before in any other way: the user moves it about. Nothing follows.
//! 8. Otherwise it is new, and gets a verdict.

use super::copies;
use crate::sort::bucket::Bucket;
use crate::sort::ledger::{Row, RowKind, State};
use crate::sort::mailbox::{Location, Mailbox};
use crate::sort::message::Message;
use crate::sort::refusal::{came_to_nothing, may_have_copied};
use crate::sort::{Arrival, Settings};

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

/// Says where the message itself is; a copy's row does not, nor does a move that came to nothing.
fn is_verdict_or_drag(row: &Row) -> bool {
    !came_to_nothing(row) && row.entry.kind != RowKind::Copy
}

fn put_here(row: &Row, location: &Location) -> bool {
    let here = row.entry.kind.moves() && row.entry.destination.as_ref() == Some(&location.mailbox);
    match (row.state, row.destination_uid) {
        (State::Done, Some((uid_validity, uid))) => {
            here && (uid_validity, uid) == (location.uid_validity, location.uid)
        }
        // No COPYUID, or no answer yet: the message and the folder are all there is to compare.
        (State::Done | State::Planned | State::Unknown, _) => here,
        (State::Failed | State::Void, _) => here && may_have_copied(row),
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

/// True when \Deleted is among the flags (RFC 9051 section 2.3.2), in any case.
pub fn is_deleted(flags: &[String]) -> bool {
    flags.iter().any(|flag| flag.eq_ignore_ascii_case("\\Deleted"))
}
