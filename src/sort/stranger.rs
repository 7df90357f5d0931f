//! Who is a stranger, and what becomes of his mail where the user wants strangers to wait at the door.
//!
//! Only mail that no stage has anything to say about is a stranger's, so rules, lessons, answers, list mail that names the
//! user, login codes and mass mail go where they always go. A stranger is whoever the user has never written to, whose
//! mail he has never had in his inbox, and who is not in his address book. As long as the user has not decided, by a drag
//! out of the folder, all of a stranger's mail waits there: what waits does not make him known.

use super::facts::Facts;
use super::message::Message;
use super::verdict::{Destination, Orders, Reason, ReasonKind, Verdict};
use super::{Answer, Arrival, Sorter};
use crate::sort::authenticity::Authentication;
use crate::sort::bucket::Bucket;

/// Only mail of the last days stands at the door: what lay in the inbox for longer has been in sight already.
const FRESH_DAYS: f64 = 3.0;

impl Sorter {
    /// The last stage: the inbox, or the strangers' folder.
    pub(super) fn by_default(&self, facts: &Facts<'_>, standing: Orders) -> Verdict {
        let mut verdict = Verdict {
            orders: standing,
            ..Verdict::new(
                Bucket::Inbox,
                Reason::new(ReasonKind::Default, "nothing spoke for another place"),
            )
        };
        if let Some(folder) = &self.settings.folders.screener
            && verdict.orders.destination.is_none()
            && facts.now.days_since(facts.arrived) <= FRESH_DAYS
            && self.is_stranger(facts.message)
        {
            verdict.orders.destination = Some(Destination::Folder(folder.clone()));
            verdict.reason.text = format!("a stranger: drag it out of {folder} to decide about their mail");
        }
        verdict
    }

    /// True for a verdict that lets a stranger wait.
    pub(super) fn lets_wait(&self, verdict: &Verdict) -> bool {
        let folder = self.settings.folders.screener.as_ref();
        verdict.reason.kind == ReasonKind::Default
            && folder.is_some_and(|folder| verdict.orders.destination == Some(Destination::Folder(folder.clone())))
    }

    /// Whose mail stays in the inbox is a stranger no more.
    pub(super) fn acquaint(&mut self, arrival: &Arrival, verdict: &Verdict) {
        let stays = self.settings.folders.screener.is_some() && verdict.bucket == Bucket::Inbox;
        if let Some(from) = arrival.message.from().filter(|_| stays) {
            self.acquainted.insert(self.names.address(from).into_owned());
        }
    }

    /// A malformed From is nobody's, and no drag could teach anything about it.
    fn is_stranger(&self, message: &Message) -> bool {
        message.from().is_some_and(|from| {
            let owner = &self.settings.owner;
            let known = self.correspondence.tally(from).is_some()
                || self.contacts.knows(from)
                || self.acquainted.contains(self.names.address(from).as_ref());
            !known && !owner.is(from)
        })
    }

    /// Somebody in the user's address book: at least the inbox, as for somebody he has written to. Never top.
    pub(super) fn by_contacts(&self, facts: &Facts<'_>, names_me: bool) -> Answer {
        let name = facts.message.from().and_then(|from| self.contacts.name_of(from));
        let name = name.ok_or("you never wrote to this sender")?;
        if facts.authentication == Authentication::Fail {
            return Err("this sender is in your address book, but the provider found the message forged".into());
        }
        if !names_me {
            return Err("this sender is in your address book, but the message does not name you".into());
        }
        let mut text = if self.names.are_used() {
            "in your address book".to_owned()
        } else {
            format!("in your address book as {name}")
        };
        if facts.authentication != Authentication::Pass {
            text.push_str("; not verified");
        }
        Ok(Verdict::new(
            Bucket::Inbox,
            Reason::new(ReasonKind::Correspondence, text),
        ))
    }
}
