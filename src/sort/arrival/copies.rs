//! Further copies that rules ask for: which are still to be made of a message, and which never.
//!
//! A copy is made once. Its row stands before the message's own row, so that the copy is made while the message still lies
//! where it arrived; a copy that the server has refused for good, or that recovery has found, is not asked for again.

use super::{Action, Note};
use crate::sort::ledger::{Entry, RowKind, State};
use crate::sort::mailbox::Mailbox;
use crate::sort::refusal::Refusal;
use crate::sort::verdict::{Destination, Verdict};
use crate::sort::{Arrival, Sorter};

impl Sorter {
    /// The rows of a message's copies, in the order of the rule, and what cannot be copied.
    pub(super) fn copies(&self, arrival: &Arrival, verdict: &Verdict) -> Vec<Action> {
        if !self.settings.moves {
            return Vec::new();
        }
        let unknown = verdict
            .orders
            .copies
            .iter()
            .filter_map(|target| match (self.named(target), target) {
                (None, Destination::SpecialUse(name)) => Some(Action::Note(Note::CopyNotMade {
                    rule: verdict.reason.clone(),
                    target: name.clone(),
                })),
                _ => None,
            });
        let rows = self.copy_rows(arrival, verdict).into_iter().map(Action::Move);
        rows.chain(unknown).collect()
    }

    /// The rows of the copies of a message that are still to be made.
    pub fn copy_rows(&self, arrival: &Arrival, verdict: &Verdict) -> Vec<Entry> {
        let home = self.destination(verdict);
        let mut folders: Vec<Mailbox> = Vec::new();
        for folder in verdict.orders.copies.iter().filter_map(|target| self.named(target)) {
            // Where the message itself is or goes, a copy would be a second one.
            let second =
                folder == arrival.location.mailbox || Some(&folder) == home.as_ref() || folders.contains(&folder);
            if !second && !is_settled(arrival, &folder) {
                folders.push(folder);
            }
        }
        let entry = |folder| Entry {
            destination: Some(folder),
            flags: verdict.orders.flags.clone(),
            ..self.entry(RowKind::Copy, arrival, verdict.bucket, verdict.reason.clone())
        };
        folders.into_iter().map(entry).collect()
    }

    /// The folder a rule's target stands for; `None` for a special use that the account has no folder for.
    pub(super) fn named(&self, target: &Destination) -> Option<Mailbox> {
        match target {
            Destination::Folder(folder) => Some(folder.clone()),
            Destination::SpecialUse(name) => self.settings.special_use.get(&name.to_ascii_lowercase()).cloned(),
        }
    }
}

/// True when a copy in this folder was made, is being made, or will never be.
fn is_settled(arrival: &Arrival, folder: &Mailbox) -> bool {
    let mut rows = arrival.history.iter().rev();
    let last = rows.find(|row| row.entry.kind == RowKind::Copy && row.entry.destination.as_ref() == Some(folder));
    last.is_some_and(|row| {
        let refusal = Refusal::of(row.code.as_deref().unwrap_or_default());
        row.state != State::Failed || matches!(refusal, Refusal::Final | Refusal::OurFault)
    })
}

/// True for a message that is known only by a copy made of it, and that does not lie where it was copied from.
pub(super) fn has_strayed(arrival: &Arrival) -> bool {
    arrival.history.iter().any(|row| {
        row.entry.kind == RowKind::Copy && row.state != State::Failed && row.entry.source != arrival.location
    })
}
