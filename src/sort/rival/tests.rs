//! The signs and what follows from them; who put a message where is tested with `arrival.rs`, which asks.

use super::*;
use crate::sort::bucket::Bucket;
use crate::sort::ledger::{Entry, Mid, RowId};
use crate::sort::mailbox::{Location, Uid, UidValidity};
use crate::sort::verdict::{Reason, ReasonKind};

const NOW: Timestamp = Timestamp(1_000_000);

/// A message found in News at that time.
fn found(at: i64, whose: Whose) -> Row {
    let (kind, text) = match whose.sentence() {
        Some(text) => (ReasonKind::Default, text),
        None => (ReasonKind::Taught, "you filed it into News".to_owned()),
    };
    let location = Location {
        mailbox: Mailbox::new("News"),
        uid_validity: UidValidity(1),
        uid: Uid(1),
    };
    Row {
        id: RowId(at),
        account: "home".to_owned(),
        run: "test".to_owned(),
        at: Timestamp(at),
        entry: Entry {
            kind: RowKind::File,
            mid: Mid::email_id("M"),
            message_id: None,
            from: None,
            source: location.clone(),
            destination: Some(location.mailbox),
            destination_uid_next: None,
            bucket: Bucket::News,
            reason: Reason::new(kind, text),
            flags: Vec::new(),
            rules: "".into(),
            undoes: None,
            arrived: None,
        },
        state: State::Done,
        destination_uid: None,
        code: None,
        closed: Some(Timestamp(at)),
    }
}

/// So many of one kind, ten seconds apart, all within the day.
fn signs(count: i64, whose: Whose) -> Signs {
    let rows: Vec<Row> = (1..=count).map(|n| found(NOW.0 - 5_000 + 10 * n, whose)).collect();
    Signs::of(NOW, &rows)
}

#[test]
fn two_doubles_or_five_times_outrun_are_another_sorter() {
    assert_eq!(signs(1, Whose::Doubled).care(), Care::Usual);
    assert_eq!(signs(2, Whose::Doubled).care(), Care::Wary);
    assert_eq!(signs(4, Whose::Outrun).care(), Care::Usual);
    assert_eq!(signs(100, Whose::Outrun).care(), Care::Wary);
}

#[test]
fn two_doubles_in_spite_of_care_end_the_moving() {
    assert_eq!(signs(3, Whose::Doubled).care(), Care::Wary);
    assert_eq!(signs(4, Whose::Doubled).care(), Care::LookOn);
    let mut rows: Vec<Row> = (1..=5).map(|n| found(NOW.0 - 900 + n, Whose::Outrun)).collect();
    rows.extend([found(NOW.0 - 500, Whose::Doubled), found(NOW.0 - 400, Whose::Doubled)]);
    assert_eq!(Signs::of(NOW, &rows).care(), Care::LookOn);
}

#[test]
fn a_hand_and_what_nobody_can_tell_are_no_signs() {
    for whose in [Whose::Hand, Whose::Doubtful, Whose::Fits] {
        assert!(!signs(50, whose).any(), "{whose:?}");
    }
}

#[test]
fn yesterdays_signs_count_no_more() {
    let rows: Vec<Row> = (1..=9)
        .map(|n| found(NOW.0 - MEMORY - 500 + n, Whose::Doubled))
        .collect();
    assert_eq!(Signs::of(NOW, &rows), Signs::default());
}

#[test]
fn one_that_vanished_accounts_for_one_that_was_found_and_not_for_long() {
    let mut lookout = Lookout::default();
    lookout.vanished(NOW, 2);
    assert!(lookout.take_vanished(NOW) && lookout.take_vanished(Timestamp(NOW.0 + FRESH)));
    assert!(!lookout.take_vanished(NOW), "only two have vanished");
    lookout.vanished(NOW, 1);
    assert!(!lookout.take_vanished(Timestamp(NOW.0 + FRESH + 1)));
    lookout.vanished(NOW, u32::MAX);
    assert_eq!(lookout.vanished.len(), MOST_VANISHED);
}
