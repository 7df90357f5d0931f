//! Records for the tests of the record commands: a few messages of one account.

use super::records::Records;
use crate::sort::authenticity::Authentication;
use crate::sort::bucket::Bucket;
use crate::sort::correspondence::Tally;
use crate::sort::ledger::{Entry, Mid, Outcome, RowId, RowKind};
use crate::sort::mailbox::{Location, Mailbox, Timestamp, Uid, UidValidity};
use crate::sort::sender::Address;
use crate::sort::taught::{Identity, Lesson, Teacher};
use crate::sort::verdict::{Reason, ReasonKind};
use crate::store::{Learning, Store};

/// 2026-11-18 11:06:40 UTC.
pub(crate) const THEN: Timestamp = Timestamp(1_795_000_000);

pub(crate) fn address(text: &str) -> Address {
    Address::parse(text).unwrap()
}

/// A newsletter that a rule moves, number `n`.
pub(crate) fn entry(n: u32) -> Entry {
    Entry {
        kind: RowKind::Sort,
        mid: Mid::from_stored(format!("h:{n:032x}")),
        message_id: Some(format!("<{n}@news.example>")),
        from: Some(address("editor@news.example")),
        source: Location {
            mailbox: Mailbox::inbox(),
            uid_validity: UidValidity(7),
            uid: Uid(40 + n),
        },
        destination: Some(Mailbox::new("News")),
        destination_uid_next: None,
        bucket: Bucket::News,
        reason: Reason::by_rule(
            ReasonKind::Rule,
            "your rule `weeklies`",
            "weeklies".into(),
            "10-lists.toml".into(),
            4,
        ),
        flags: Vec::new(),
        rules: "5f2a".into(),
        undoes: None,
        arrived: Some(Timestamp(THEN.0 - 2)),
    }
}

/// Text of a stranger wherever a stranger's text can get.
pub(crate) fn hostile() -> Entry {
    let text = "hostile\x1b[2J\x07\u{202e}\u{9b}\r\n".to_owned();
    Entry {
        kind: RowKind::Keep,
        message_id: Some(text.clone()),
        from: Address::parse("\"hostile\u{202e}\"@example.org"),
        source: Location {
            mailbox: Mailbox::new(text.clone()),
            ..entry(9).source
        },
        destination: None,
        reason: Reason::by_rule(
            ReasonKind::Rule,
            text.clone(),
            text.as_str().into(),
            text.as_str().into(),
            1,
        ),
        ..entry(9)
    }
}

/// A state directory with five rows, two lessons and two tallies, seen two minutes later from UTC.
pub(crate) fn records() -> (tempfile::TempDir, Records) {
    let dir = tempfile::tempdir_in("/dev/shm")
        .or_else(|_| tempfile::tempdir())
        .unwrap();
    let mut store = Store::open(dir.path(), THEN).unwrap().store;
    let advertisement = Entry {
        from: Some(address("shop@shop.example")),
        destination: Some(Mailbox::new("Bulk")),
        bucket: Bucket::Bulk,
        reason: Reason::new(ReasonKind::Evidence, "an advertisement"),
        ..entry(3)
    };
    let friend = Entry {
        kind: RowKind::Keep,
        from: Some(address("anna@example.org")),
        destination: None,
        bucket: Bucket::Top,
        reason: Reason::new(ReasonKind::Correspondence, "you wrote to them twice"),
        ..entry(2)
    };
    let unclear = Entry {
        from: None,
        ..advertisement.clone()
    };
    let _ = store
        .plan("home", "r1", THEN, &[entry(1), friend, advertisement.clone(), unclear])
        .unwrap();
    let failed = Outcome::Failed("OVERQUOTA".to_owned());
    store
        .close(
            Timestamp(THEN.0 + 1),
            &[(RowId(1), Outcome::Done(None)), (RowId(3), failed)],
        )
        .unwrap();
    let filed = Entry {
        kind: RowKind::File,
        destination: Some(Mailbox::new("Blackhole")),
        bucket: Bucket::Blackhole,
        reason: Reason::new(ReasonKind::Taught, "you filed it there"),
        ..advertisement
    };
    let lesson = |identity, bucket, by| Lesson {
        identity,
        bucket,
        at: Timestamp(THEN.0 + 60),
        example: Some("<3@shop.example>".to_owned()),
        authentication: Authentication::Pass,
        by,
    };
    let anna = Tally {
        sent: 2.0,
        answered: 1.0,
        as_of: THEN,
        sent_count: 2,
        answered_count: 1,
        received_count: 5,
        last_sent: Some(THEN),
    };
    let learning = Learning {
        run: "r1".to_owned(),
        lessons: vec![
            lesson(
                Identity::Address(address("shop@shop.example")),
                Bucket::Blackhole,
                Teacher::Drag,
            ),
            lesson(
                Identity::List("talk.example.org".to_owned()),
                Bucket::News,
                Teacher::Train,
            ),
        ],
        tallies: vec![
            (address("anna@example.org"), anna),
            (
                address("shop@shop.example"),
                Tally {
                    received_count: 12,
                    ..Tally::default()
                },
            ),
        ],
        rows: vec![filed],
        ..Learning::default()
    };
    let _ = store
        .commit_learning("home", Timestamp(THEN.0 + 60), &learning)
        .unwrap();
    let mut records = Records::new(dir.path(), Timestamp(THEN.0 + 120));
    records.zone = jiff::tz::TimeZone::UTC;
    (dir, records)
}
