//! Further copies that rules asked for and whose rows are open.
//!
//! A copy is found in its folder by the message's identity, from the journaled UIDNEXT on; however many there are, no second
//! one is made. Where none is found and the message is still where it was, the COPY is sent now: the message itself may
//! have been kept, and then nothing would come back to it. Under other rules, or where nothing is to be moved any more, it
//! is not; nor where the copy may have been made and taken out of its folder since.

use crate::daemon::clock;
use crate::daemon::error::DaemonError;
use crate::daemon::visit::Visit;
use crate::imap::Access;
use crate::imap::failpoint::failpoint;
use crate::imap::mover::{self, Policy};
use crate::sort::ledger::{Outcome, PlannedMove, Row};
use crate::sort::mailbox::{Mailbox, Uid, UidValidity};

/// What the server shows of one open copy.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Findings<'a> {
    /// The message is where it is to be copied from.
    in_source: bool,
    /// Copies of it in the folder that was to receive one.
    in_destination: &'a [(UidValidity, Uid)],
    /// One may have been there and been taken away again.
    may_have_left: bool,
    /// The rule that asked for it is in force, and mail may be moved.
    still_wanted: bool,
}

/// How the row ends; `None` when the copy is still to be made.
fn resolve(findings: Findings<'_>) -> Option<Outcome> {
    match findings {
        Findings {
            in_destination: [copy], ..
        } => Some(Outcome::Done(Some(*copy))),
        Findings {
            in_destination: [_, _, ..],
            ..
        } => Some(Outcome::Done(None)),
        Findings { in_source: false, .. } => Some(Outcome::Void(
            "gone from the source before it was copied: you were faster".to_owned(),
        )),
        Findings {
            still_wanted: false, ..
        } => Some(Outcome::Void(
            "interrupted, and the rules have changed since".to_owned(),
        )),
        Findings {
            may_have_left: true, ..
        } => Some(Outcome::Void(
            "perhaps copied, and the copy taken away since; not copied again".to_owned(),
        )),
        _ => None,
    }
}

impl Visit<'_> {
    /// Settles open copies of messages of `source` in `destination`.
    pub(super) async fn recover_copies(
        &mut self,
        source: &Mailbox,
        destination: &Mailbox,
        rows: Vec<Row>,
    ) -> Result<(), DaemonError> {
        let looked = clock::now();
        let (selected, present) = self.originals(source, &rows).await?;
        let arrived = self.copies(destination, &rows).await?;
        let mut unmade = Vec::new();
        for row in rows {
            let same_epoch = selected
                .as_ref()
                .is_some_and(|selected| selected.uid_validity == row.entry.source.uid_validity);
            let findings = Findings {
                in_source: same_epoch
                    && present
                        .get(&row.entry.source.uid)
                        .is_some_and(|(mid, _)| *mid == row.entry.mid),
                in_destination: arrived.of(&row),
                may_have_left: arrived.may_have_left(&row),
                still_wanted: self.sorter.settings.moves && *row.entry.rules == *self.sorter.rules.digest(),
            };
            failpoint("recovery-before-settling");
            if findings.in_source && findings.in_destination.is_empty() && self.may_be_under_way(&row, looked) {
                continue;
            }
            match resolve(findings) {
                Some(outcome) => self.settle(row, outcome).await?,
                None => unmade.push(row),
            }
        }
        if unmade.is_empty() {
            return Ok(());
        }
        self.make_copies(source, destination, unmade).await
    }

    async fn make_copies(
        &mut self,
        source: &Mailbox,
        destination: &Mailbox,
        rows: Vec<Row>,
    ) -> Result<(), DaemonError> {
        let planned: Vec<PlannedMove> = rows
            .iter()
            .map(|row| PlannedMove {
                row: row.id,
                source: row.entry.source.clone(),
                destination: destination.clone(),
                flags: row.entry.flags.clone(),
                leaves_original: true,
            })
            .collect();
        let on_disk = self.store.run(move |store| store.still_open(planned)).await?;
        self.session.select(source, Access::ReadWrite).await?;
        let report = mover::move_messages(&mut self.session, &on_disk, Policy::default()).await;
        let entries = rows.into_iter().map(|row| (row.id, Box::new(row.entry))).collect();
        self.close(&entries, report.outcomes).await?;
        match report.error {
            Some(error) if error.ends_connection() => Err(error.into()),
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const COPY: (UidValidity, Uid) = (UidValidity(7), Uid(3));

    fn resolved(in_source: bool, in_destination: &[(UidValidity, Uid)], still_wanted: bool) -> Option<Outcome> {
        resolve(Findings {
            in_source,
            in_destination,
            may_have_left: false,
            still_wanted,
        })
    }

    #[test]
    fn a_copy_that_is_found_is_never_made_again() {
        for in_source in [true, false] {
            for wanted in [true, false] {
                assert_eq!(resolved(in_source, &[COPY], wanted), Some(Outcome::Done(Some(COPY))));
                assert_eq!(resolved(in_source, &[COPY, COPY], wanted), Some(Outcome::Done(None)));
            }
        }
    }

    #[test]
    fn a_copy_that_is_missing_is_made_where_it_is_still_wanted() {
        assert_eq!(resolved(true, &[], true), None);
        assert!(matches!(resolved(true, &[], false), Some(Outcome::Void(_))));
        assert!(matches!(resolved(false, &[], true), Some(Outcome::Void(_))));
    }

    #[test]
    fn a_copy_that_may_have_been_taken_away_is_not_made_again() {
        let findings = Findings {
            in_source: true,
            in_destination: &[],
            may_have_left: true,
            still_wanted: true,
        };
        assert!(matches!(resolve(findings), Some(Outcome::Void(_))));
    }
}
