//! Commands that change messages: APPEND, STORE, COPY, MOVE, EXPUNGE (RFC 9051 sections 6.3.12 and 6.4, RFC 4315,
//! RFC 6851).

use std::collections::BTreeSet;

use super::answer::{Answer, untagged};
use super::command::{FlagsChange, NumberSet};
use super::names;
use super::selected::flags_list;
use super::server::now;
use super::session::Session;
use crate::sort::mailbox::{Timestamp, Uid, UidValidity};

impl Session {
    pub(super) fn append(
        &mut self,
        wire: &str,
        flags: BTreeSet<String>,
        internal_date: Option<Timestamp>,
        bytes: Vec<u8>,
    ) -> Answer {
        let name = match names::from_wire(&self.shared.options, wire) {
            Ok(name) => name,
            Err(text) => return Answer::no(text),
        };
        if bytes.is_empty() {
            return Answer::no("[CANNOT] An empty message cannot be appended");
        }
        let added = self.shared.change(|state| {
            let folder = state.store.folder_mut(self.user(), &name)?;
            let uid = folder.append(bytes.into(), flags, internal_date.unwrap_or_else(now));
            Some((folder.uid_validity, uid))
        });
        match added {
            None => try_create(wire),
            Some((validity, uid)) if self.shared.options.capabilities.has("UIDPLUS") => {
                Answer::ok(format!("[APPENDUID {validity} {uid}] Append completed."))
            }
            Some(_) => Answer::ok("Append completed."),
        }
    }

    pub(super) fn store(
        &mut self,
        uid: bool,
        set: &NumberSet,
        change: FlagsChange,
        silent: bool,
        flags: &BTreeSet<String>,
    ) -> Answer {
        let user = self.user().to_owned();
        let Some(selected) = &mut self.selected else {
            return Answer::bad("No mailbox selected.");
        };
        let done = if uid {
            Answer::ok("Store completed.")
        } else {
            Answer::ok("Store completed.").without_expunges()
        };
        if selected.read_only {
            return Answer::ok("Store ignored with read-only mailbox.");
        }
        let named = selected.named(set, uid);
        let lines = self.shared.change(|state| {
            let mut lines = Vec::new();
            let folder = state
                .store
                .account_mut(&user)
                .and_then(|account| account.by_id_mut(selected.folder));
            let Some(folder) = folder else { return lines };
            for (sequence, uid_of) in named {
                let Some(stored) = folder.get(uid_of) else { continue };
                let had = stored.flags.clone();
                let told_by_report = stored.changed;
                let new: BTreeSet<String> = match change {
                    FlagsChange::Replace => flags.clone(),
                    FlagsChange::Add => had.union(flags).cloned().collect(),
                    FlagsChange::Remove => had.difference(flags).cloned().collect(),
                };
                let Some(changed) = folder.set_flags(uid_of, new) else {
                    continue;
                };
                if silent && changed == told_by_report {
                    continue;
                }
                selected.knows_flags(uid_of, changed);
                if let (false, Some(stored)) = (silent, folder.get(uid_of)) {
                    let uid_item = if uid { format!("UID {uid_of} ") } else { String::new() };
                    untagged(
                        &mut lines,
                        &format!("{sequence} FETCH ({uid_item}FLAGS {})", flags_list(stored)),
                    );
                }
            }
            lines
        });
        done.with_lines(&lines)
    }

    pub(super) fn copy(&mut self, uid: bool, set: &NumberSet, to: &str) -> Answer {
        match self.transfer(uid, set, to, false) {
            Err(answer) => answer,
            Ok((_, pairs)) if pairs.is_empty() => Answer::ok("No messages found."),
            Ok((validity, pairs)) if self.shared.options.capabilities.has("UIDPLUS") => {
                Answer::ok(format!("{} Copy completed.", copyuid(validity, &pairs)))
            }
            Ok(_) => Answer::ok("Copy completed."),
        }
    }

    pub(super) fn r#move(&mut self, uid: bool, set: &NumberSet, to: &str) -> Answer {
        match self.transfer(uid, set, to, true) {
            Err(answer) => answer,
            Ok((_, pairs)) if pairs.is_empty() => Answer::ok("No messages found."),
            Ok((validity, pairs)) if self.shared.options.capabilities.has("UIDPLUS") => {
                // Before the EXPUNGE lines, as RFC 6851 section 4.3 has it; those come with the report of changes.
                Answer::ok("Move completed.").with(format!("OK {} Moved UIDs.", copyuid(validity, &pairs)))
            }
            Ok(_) => Answer::ok("Move completed."),
        }
    }

    /// Copies or moves, all or nothing; answers the target's UIDVALIDITY and the pairs of old and new UID.
    fn transfer(
        &mut self,
        uid: bool,
        set: &NumberSet,
        to: &str,
        remove: bool,
    ) -> Result<(UidValidity, Vec<(Uid, Uid)>), Answer> {
        let name = names::from_wire(&self.shared.options, to).map_err(Answer::no)?;
        let Some(selected) = &self.selected else {
            return Err(Answer::bad("No mailbox selected."));
        };
        if remove && selected.read_only {
            return Err(Answer::no("[READ-ONLY] The mailbox is open for reading only"));
        }
        let named: Vec<Uid> = selected.named(set, uid).into_iter().map(|(_, uid)| uid).collect();
        let user = self.user();
        self.shared.change(|state| {
            let validity = state.store.folder(user, &name).map(|folder| folder.uid_validity);
            let Some(validity) = validity else {
                return Err(try_create(to));
            };
            let pairs = state.store.copy(user, selected.folder, &name, &named);
            if pairs.is_empty() && !named.is_empty() {
                // The client does not know yet that they are gone (RFC 5530).
                return Err(Answer::no("[EXPUNGEISSUED] The messages are gone"));
            }
            let source = state
                .store
                .account_mut(user)
                .and_then(|account| account.by_id_mut(selected.folder));
            if let (true, Some(source)) = (remove, source) {
                source.remove(&pairs.iter().map(|&(old, _)| old).collect());
            }
            Ok((validity, pairs))
        })
    }

    /// EXPUNGE, or UID EXPUNGE of a set: removes what is marked `\Deleted`.
    pub(super) fn expunge(&mut self, set: Option<&NumberSet>) -> Answer {
        let Some(selected) = &self.selected else {
            return Answer::bad("No mailbox selected.");
        };
        if selected.read_only {
            return Answer::no("[READ-ONLY] The mailbox is open for reading only");
        }
        let named: Option<BTreeSet<Uid>> =
            set.map(|set| selected.named(set, true).into_iter().map(|(_, uid)| uid).collect());
        self.shared.change(|state| {
            let folder = state
                .store
                .account_mut(self.user())
                .and_then(|account| account.by_id_mut(selected.folder));
            if let Some(folder) = folder {
                let doomed = folder
                    .messages()
                    .iter()
                    .filter(|stored| stored.flags.contains("\\Deleted"))
                    .map(|stored| stored.uid)
                    .filter(|uid| named.as_ref().is_none_or(|named| named.contains(uid)))
                    .collect();
                folder.remove(&doomed);
            }
        });
        Answer::ok("Expunge completed.")
    }

    /// CLOSE: expunges without a word, then nothing is selected.
    pub(super) fn close(&mut self) -> Answer {
        if self.selected.as_ref().is_some_and(|selected| !selected.read_only) {
            self.expunge(None);
        }
        self.selected = None;
        Answer::ok("Close completed.")
    }
}

fn try_create(wire: &str) -> Answer {
    Answer::no(format!(
        "[TRYCREATE] Mailbox doesn't exist: {}",
        crate::sort::sanitise(wire)
    ))
}

/// The response code that says which message became which (RFC 4315).
fn copyuid(validity: UidValidity, pairs: &[(Uid, Uid)]) -> String {
    let old: Vec<u32> = pairs.iter().map(|(old, _)| old.0).collect();
    let new: Vec<u32> = pairs.iter().map(|(_, new)| new.0).collect();
    format!("[COPYUID {validity} {} {}]", ranges(&old), ranges(&new))
}

/// Numbers as a sequence set with ranges; both sides of a COPYUID shrink the same way, as the order is kept.
fn ranges(numbers: &[u32]) -> String {
    let mut ranges: Vec<(u32, u32)> = Vec::new();
    for &number in numbers {
        match ranges.last_mut() {
            Some((_, to)) if to.checked_add(1) == Some(number) => *to = number,
            _ => ranges.push((number, number)),
        }
    }
    let texts: Vec<String> = ranges
        .iter()
        .map(|(from, to)| {
            if from == to {
                from.to_string()
            } else {
                format!("{from}:{to}")
            }
        })
        .collect();
    texts.join(",")
}

#[cfg(test)]
mod tests {
    use super::ranges;

    #[test]
    fn neighbours_become_a_range() {
        assert_eq!(ranges(&[1, 2, 3, 7, 9, 10]), "1:3,7,9:10");
        assert_eq!(ranges(&[]), "");
    }
}
