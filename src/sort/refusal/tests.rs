use super::*;
use crate::sort::bucket::Bucket;
use crate::sort::ledger::{Entry, Mid, RowId};
use crate::sort::mailbox::{Location, Mailbox, Uid, UidValidity};
use crate::sort::verdict::{Reason, ReasonKind};

fn row(id: i64, kind: RowKind, state: State, code: &str) -> Row {
    Row {
        id: RowId(id),
        account: "home".to_owned(),
        run: "test".to_owned(),
        at: Timestamp(1_000 * id),
        entry: Entry {
            kind,
            mid: Mid::email_id("M1"),
            message_id: None,
            from: None,
            source: Location {
                mailbox: Mailbox::inbox(),
                uid_validity: UidValidity(1),
                uid: Uid(1),
            },
            destination: Some(Mailbox::new("News")),
            destination_uid_next: Some(Uid(1)),
            bucket: Bucket::News,
            reason: Reason::new(ReasonKind::Default, "test"),
            flags: Vec::new(),
            rules: "".into(),
            undoes: None,
            arrived: None,
        },
        state,
        destination_uid: None,
        code: Some(code.to_owned()),
        closed: Some(Timestamp(1_000 * id)),
    }
}

fn refused(codes: &[&str]) -> Vec<Row> {
    let rows = (1..)
        .zip(codes)
        .map(|(id, code)| row(id, RowKind::Sort, State::Failed, code));
    rows.collect()
}

/// Minutes from the last refusal to the next attempt.
fn wait(codes: &[&str]) -> Option<i64> {
    let rows = refused(codes);
    next_attempt(&rows).map(|at| (at.0 - 1_000 * rows.len() as i64) / MINUTE)
}

#[test]
fn what_passes_is_tried_after_1_5_15_and_60_minutes_and_then_given_up() {
    for code in [
        "[LIMIT] too many",
        "[INUSE] x",
        "[UNAVAILABLE] x",
        "[SERVERBUG] x",
        "Please try again later",
    ] {
        assert_eq!(wait(&[code]), Some(1), "{code}");
        assert_eq!(wait(&[code; 2]), Some(5));
        assert_eq!(wait(&[code; 3]), Some(15));
        assert_eq!(wait(&[code; 4]), Some(60));
        assert_eq!(wait(&[code; 5]), None);
    }
}

#[test]
fn a_destination_that_is_full_or_gone_is_left_alone_for_an_hour_doubling_to_a_day() {
    for code in [
        "[OVERQUOTA] Quota exceeded",
        "[TRYCREATE] no such mailbox",
        "Mailbox is full",
    ] {
        let waits: Vec<_> = (1..=7).map(|times| wait(&vec![code; times]).unwrap() / 60).collect();
        assert_eq!(waits, [1, 2, 4, 8, 16, 24, 24], "{code}");
    }
}

#[test]
fn what_was_not_sent_waits_for_its_destination_alone() {
    assert_eq!(wait(&["not sent: News is full"]), Some(0));
    assert_eq!(
        wait(&["[OVERQUOTA] x", "not sent: News is full", "[OVERQUOTA] x"]),
        Some(120)
    );
}

#[test]
fn an_interrupted_move_is_decided_about_at_once_and_counts_for_no_refusal() {
    assert_eq!(wait(&[INTERRUPTED]), Some(0));
    assert_eq!(wait(&["[LIMIT] x", INTERRUPTED, "[LIMIT] x"]), Some(5));
}

#[test]
fn the_servers_own_time_is_kept_to_but_not_for_longer_than_an_hour() {
    let said = "Request is throttled. Suggested Backoff Time: 299961 milliseconds";
    assert_eq!(Refusal::of(said), Refusal::Throttled(300));
    assert_eq!(
        Refusal::of("BAD Request is throttled. Suggested Backoff Time: 99999999999 milliseconds"),
        Refusal::Throttled(HOUR)
    );
}

#[test]
fn these_are_never_repeated() {
    for code in [
        "copied, but UID EXPUNGE was refused: [UNAVAILABLE] later",
        PRETENDED,
        "the server said OK and did not move it",
        "[NOPERM] not yours",
        "[CANNOT] \\Noselect",
        "[READ-ONLY] no",
        "BAD Command Argument Error. 11",
        "[CLIENTBUG] what?",
        "no",
        "",
    ] {
        assert_eq!(wait(&[code]), None, "{code}");
    }
    assert_eq!(Refusal::of("BAD [CLIENTBUG] what?"), Refusal::OurFault);
}

#[test]
fn whatever_came_after_the_refusal_has_settled_the_matter() {
    for (kind, state) in [
        (RowKind::Sort, State::Done),
        (RowKind::Sort, State::Void),
        (RowKind::Sort, State::Planned),
        (RowKind::Keep, State::Done),
        (RowKind::File, State::Done),
        (RowKind::Rescue, State::Done),
        (RowKind::Undo, State::Failed),
    ] {
        let mut rows = refused(&["[LIMIT] x"]);
        rows.push(row(2, kind, state, ""));
        assert_eq!(next_attempt(&rows), None, "{kind:?} {state:?}");
    }
    assert_eq!(next_attempt(&[]), None);
}

#[test]
fn an_open_row_may_be_under_way_for_its_while_after_the_last_sight_of_it() {
    let planned = Row {
        closed: None,
        at: Timestamp(1_000),
        ..row(1, RowKind::Sort, State::Planned, "")
    };
    let lost = Row {
        closed: Some(Timestamp(1_050)),
        state: State::Unknown,
        ..planned.clone()
    };
    for (row, now, under_way) in [
        (&planned, 1_000, true),
        (&planned, 1_059, true),
        (&planned, 1_060, false),
        (&lost, 1_109, true),
        (&lost, 1_110, false),
        // The clock was set back by years.
        (&planned, 10, false),
    ] {
        assert_eq!(
            row.may_be_under_way(Timestamp(now), 60),
            under_way,
            "{:?} at {now}",
            row.state
        );
    }
    assert!(!planned.may_be_under_way(Timestamp(1_000), 0));
    let closed = Row {
        state: State::Failed,
        ..lost
    };
    assert!(!closed.may_be_under_way(Timestamp(1_051), 60));
}
