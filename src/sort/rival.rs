//! Is another sorter at work on the same mailbox? Two Postrooms on two hosts, or one beside the provider's own rules, are
//! woken by the same message and both move it; a server may let both succeed (RFC 2180 section 4.4.2), and then there
//! are two copies. Pure: reads the ledger's rows.
//!
//! The signs, in the rows of the last day:
//! - *outrun*: our move found the message gone, and it lay in the very folder we meant within a minute;
//! - *doubled*: our move was done, and within a minute a second copy lay beside ours.
//!
//! A hand is not that quick, nor that obedient, five times a day. Two doubles or five times outrun: nothing more is
//! moved until the signs are a day old, and the user is told. No copy is ever deleted.

use std::collections::BTreeMap;

use super::ledger::{Mid, Row, RowKind, State};
use super::mailbox::Timestamp;

/// Signs older than this, in seconds, are of no account.
pub const MEMORY: i64 = 86_400;

/// Between our move and the other copy, in seconds.
const AT_ONCE: i64 = 60;

/// Signs of another sorter within a day.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Signs {
    /// Messages that somebody else moved where we would have.
    pub outrun: u32,
    /// Messages of which somebody else made a second copy where we had moved them.
    pub doubled: u32,
}

impl Signs {
    /// Reads the signs from rows, oldest first, of any messages.
    pub fn of(now: Timestamp, rows: &[Row]) -> Self {
        let mut ours: BTreeMap<&Mid, &Row> = BTreeMap::new();
        let mut signs = Self::default();
        for row in rows.iter().filter(|row| row.at.0 >= now.0 - MEMORY) {
            match row.entry.kind {
                RowKind::Sort if matches!(row.state, State::Done | State::Void) => {
                    ours.insert(&row.entry.mid, row);
                }
                RowKind::File => {
                    let Some(mine) = ours.remove(&row.entry.mid) else {
                        continue;
                    };
                    let at_once = row.at.0 - mine.closed.unwrap_or(mine.at).0 <= AT_ONCE;
                    if !at_once || mine.entry.destination != row.entry.destination {
                        continue;
                    }
                    if mine.state == State::Void {
                        signs.outrun += 1;
                    } else {
                        signs.doubled += 1;
                    }
                }
                _ => {}
            }
        }
        signs
    }

    /// True when no hand explains them.
    pub fn another_sorter(self) -> bool {
        self.doubled >= 2 || self.outrun >= 5
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sort::bucket::Bucket;
    use crate::sort::ledger::{Entry, RowId};
    use crate::sort::mailbox::{Location, Mailbox, Uid, UidValidity};
    use crate::sort::verdict::{Reason, ReasonKind};

    const NOW: Timestamp = Timestamp(1_000_000);

    fn row(message: u32, at: i64, kind: RowKind, state: State, folder: &str) -> Row {
        Row {
            id: RowId(at),
            account: "home".to_owned(),
            run: "test".to_owned(),
            at: Timestamp(at),
            entry: Entry {
                kind,
                mid: Mid::email_id(&format!("M{message}")),
                message_id: None,
                from: None,
                source: Location {
                    mailbox: Mailbox::inbox(),
                    uid_validity: UidValidity(1),
                    uid: Uid(message),
                },
                destination: Some(Mailbox::new(folder)),
                destination_uid_next: None,
                bucket: Bucket::News,
                reason: Reason::new(ReasonKind::Default, "test"),
                flags: Vec::new(),
                rules: String::new(),
                undoes: None,
                arrived: None,
            },
            state,
            destination_uid: None,
            code: None,
            closed: Some(Timestamp(at)),
        }
    }

    /// Our move of each message, and after `seconds` another copy in `folder`.
    fn met(messages: u32, state: State, seconds: i64, folder: &str) -> Signs {
        let rows: Vec<Row> = (1..=messages)
            .flat_map(|message| {
                let at = NOW.0 - 5_000 + 100 * i64::from(message);
                [
                    row(message, at, RowKind::Sort, state, "News"),
                    row(message, at + seconds, RowKind::File, State::Done, folder),
                ]
            })
            .collect();
        Signs::of(NOW, &rows)
    }

    #[test]
    fn two_doubles_or_five_times_outrun_are_another_sorter() {
        assert!(met(2, State::Done, 1, "News").another_sorter());
        assert!(!met(1, State::Done, 1, "News").another_sorter());
        assert!(met(5, State::Void, 60, "News").another_sorter());
        assert!(!met(4, State::Void, 60, "News").another_sorter());
    }

    #[test]
    fn a_hand_is_slower_or_has_another_mind() {
        assert_eq!(met(20, State::Void, 61, "News"), Signs::default());
        assert_eq!(met(20, State::Done, 1, "Bulk"), Signs::default());
        assert_eq!(met(20, State::Failed, 1, "News"), Signs::default());
    }

    #[test]
    fn yesterdays_signs_count_no_more() {
        let rows: Vec<Row> = (1..=9)
            .flat_map(|message| {
                let at = NOW.0 - MEMORY - 500 + 10 * i64::from(message);
                [
                    row(message, at, RowKind::Sort, State::Done, "News"),
                    row(message, at + 1, RowKind::File, State::Done, "News"),
                ]
            })
            .collect();
        assert_eq!(Signs::of(NOW, &rows), Signs::default());
    }
}
