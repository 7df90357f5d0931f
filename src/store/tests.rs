//! What is written comes back, by every way of asking for it.

mod faults;
mod files;
mod hashed;
mod layouts;

use std::path::Path;

use super::*;
use crate::sort::authenticity::Authentication;
use crate::sort::bucket::Bucket;
use crate::sort::correspondence::Tally;
use crate::sort::ledger::{Entry, Mid, Outcome, Row, RowId, RowKind, State};
use crate::sort::mailbox::{Location, Mailbox, Uid, UidValidity};
use crate::sort::sender::Address;
use crate::sort::sent::SentKey;
use crate::sort::taught::{Identity, Lesson, Teacher};
use crate::sort::verdict::{FlagChange, Reason, ReasonKind};

const NOW: Timestamp = Timestamp(1_795_000_000);

/// A directory in memory where there is one: thousands of commits wait for nothing, and what a power cut would take
/// away is tested by leaving it out, not by cutting power.
fn ground() -> tempfile::TempDir {
    tempfile::tempdir_in("/dev/shm")
        .or_else(|_| tempfile::tempdir())
        .unwrap()
}

fn open(dir: &Path) -> Store {
    let opened = Store::open(dir, NOW).unwrap();
    assert_eq!(opened.set_aside, None);
    opened.store
}

fn address(text: &str) -> Address {
    Address::parse(text).unwrap()
}

/// A move from INBOX to News of message number `n`.
fn entry(n: u32) -> Entry {
    Entry {
        kind: RowKind::Sort,
        mid: Mid::from_stored(format!("h:{n:032x}")),
        message_id: Some(format!("<{n}@list.example>")),
        from: Some(address(&format!("editor{}@news.example", n % 10))),
        source: Location {
            mailbox: Mailbox::inbox(),
            uid_validity: UidValidity(7),
            uid: Uid(n),
        },
        destination: Some(Mailbox::new("News")),
        destination_uid_next: Some(Uid(90)),
        bucket: Bucket::News,
        reason: Reason::by_rule(
            ReasonKind::Rule,
            "your rule `lists`",
            "lists".into(),
            "10-lists.toml".into(),
            4,
        ),
        flags: vec![FlagChange {
            set: true,
            flag: "$List".to_owned(),
        }],
        rules: "0123abcd".into(),
        undoes: None,
        arrived: Some(Timestamp(1_794_999_000)),
    }
}

fn lesson(identity: Identity, bucket: Bucket, at: i64) -> Lesson {
    Lesson {
        identity,
        bucket,
        at: Timestamp(at),
        example: Some("<x@shop.example>".to_owned()),
        authentication: Authentication::Pass,
        by: Teacher::Drag,
    }
}

fn plan(store: &mut Store, entries: &[Entry]) -> Vec<RowId> {
    store.plan("home", "run-1", NOW, entries).unwrap().into_inner()
}

#[test]
fn a_row_comes_back_as_it_was_written() {
    let dir = ground();
    let mut store = open(dir.path());
    let bare = Entry {
        kind: RowKind::Keep,
        message_id: None,
        from: None,
        destination: None,
        destination_uid_next: None,
        reason: Reason::new(ReasonKind::Default, "nothing spoke for another place"),
        flags: Vec::new(),
        arrived: None,
        bucket: Bucket::Inbox,
        ..entry(2)
    };
    let ids = plan(&mut store, &[entry(1), bare.clone()]);
    let expected = |id, entry, state, closed| Row {
        id,
        account: "home".to_owned(),
        run: "run-1".to_owned(),
        at: NOW,
        entry,
        state,
        destination_uid: None,
        code: None,
        closed,
    };
    assert_eq!(
        store.row(ids[0]).unwrap(),
        Some(expected(ids[0], entry(1), State::Planned, None))
    );
    assert_eq!(
        store.row(ids[1]).unwrap(),
        Some(expected(ids[1], bare, State::Done, Some(NOW)))
    );
    assert_eq!(store.row(RowId(99)).unwrap(), None);
}

#[test]
fn only_moves_begin_as_planned() {
    let dir = ground();
    let mut store = open(dir.path());
    let entries: Vec<Entry> = RowKind::ALL
        .into_iter()
        .map(|kind| Entry { kind, ..entry(1) })
        .collect();
    for id in plan(&mut store, &entries) {
        let row = store.row(id).unwrap().unwrap();
        let expected = if row.entry.kind.moves() {
            State::Planned
        } else {
            State::Done
        };
        assert_eq!(row.state, expected, "{:?}", row.entry.kind);
    }
    let moving = RowKind::ALL.into_iter().filter(|kind| kind.moves()).count();
    assert_eq!(store.open_rows("home").unwrap().len(), moving);
}

#[test]
fn outcomes_are_recorded_and_open_rows_dwindle() {
    let dir = ground();
    let mut store = open(dir.path());
    let ids = plan(&mut store, &[entry(1), entry(2), entry(3), entry(4), entry(5)]);
    let later = Timestamp(NOW.0 + 5);
    store
        .close(
            later,
            &[
                (ids[0], Outcome::Done(Some((UidValidity(8), Uid(91))))),
                (ids[1], Outcome::Void("gone before the move".to_owned())),
                (ids[2], Outcome::Failed("OVERQUOTA".to_owned())),
                (ids[3], Outcome::Unknown),
            ],
        )
        .unwrap();
    let row = |id| store.row(id).unwrap().unwrap();
    assert_eq!(row(ids[0]).destination_uid, Some((UidValidity(8), Uid(91))));
    assert_eq!(row(ids[0]).closed, Some(later));
    assert_eq!(row(ids[1]).code.as_deref(), Some("gone before the move"));
    assert_eq!(
        (row(ids[2]).state, row(ids[2]).code.as_deref()),
        (State::Failed, Some("OVERQUOTA"))
    );
    assert_eq!(
        (row(ids[3]).state, row(ids[3]).closed),
        (State::Unknown, Some(later)),
        "lost sight of then"
    );
    let open: Vec<RowId> = store.open_rows("home").unwrap().iter().map(|row| row.id).collect();
    assert_eq!(open, [ids[3], ids[4]]);
    store.close(later, &[(ids[3], Outcome::Done(None))]).unwrap();
    assert_eq!(store.open_rows("home").unwrap().len(), 1);
}

#[test]
fn a_final_row_never_changes_and_takes_the_others_down_with_it() {
    let dir = ground();
    let mut store = open(dir.path());
    let ids = plan(&mut store, &[entry(1), entry(2)]);
    store.close(NOW, &[(ids[0], Outcome::Void("gone".to_owned()))]).unwrap();
    for again in [Outcome::Done(None), Outcome::Unknown, Outcome::Failed("NO".to_owned())] {
        let refused = store
            .close(NOW, &[(ids[1], Outcome::Done(None)), (ids[0], again)])
            .unwrap_err();
        assert!(matches!(refused, StoreError::IllegalTransition { row, from: State::Void, .. } if row == ids[0]));
        assert_eq!(store.row(ids[1]).unwrap().unwrap().state, State::Planned, "all or none");
    }
    let refused = store.close(NOW, &[(RowId(999), Outcome::Done(None))]).unwrap_err();
    assert!(matches!(refused, StoreError::NoSuchRow(RowId(999))));
}

#[test]
fn history_is_by_message_and_account_oldest_first() {
    let dir = ground();
    let mut store = open(dir.path());
    let first = plan(&mut store, &[entry(1), entry(2)]);
    store.plan("work", "run-1", NOW, &[entry(1)]).unwrap().into_inner();
    let rescued = plan(
        &mut store,
        &[Entry {
            kind: RowKind::Rescue,
            ..entry(1)
        }],
    );
    let unknown = Mid::email_id("M0'); DROP TABLE ledger; --");
    let history = store.history("home", &[entry(1).mid, unknown, entry(3).mid]).unwrap();
    assert_eq!(history.len(), 1);
    let ids: Vec<RowId> = history[&entry(1).mid].iter().map(|row| row.id).collect();
    assert_eq!(ids, [first[0], rescued[0]]);
    assert!(store.history("nobody", &[entry(1).mid]).unwrap().is_empty());
}

#[test]
fn a_history_of_a_thousand_messages_finds_each() {
    let dir = ground();
    let mut store = open(dir.path());
    let entries: Vec<Entry> = (0..1_000).map(entry).collect();
    plan(&mut store, &entries);
    let mids: Vec<Mid> = entries.iter().map(|entry| entry.mid.clone()).collect();
    assert_eq!(store.history("home", &mids).unwrap().len(), 1_000);
}

#[test]
fn every_condition_of_a_query_narrows_it() {
    let dir = ground();
    let mut store = open(dir.path());
    let ids = plan(
        &mut store,
        &[
            entry(1),
            Entry {
                kind: RowKind::Keep,
                destination: None,
                ..entry(2)
            },
        ],
    );
    let later = Timestamp(NOW.0 + 60);
    let other = store.plan("work", "run-2", later, &[entry(3)]).unwrap().into_inner();
    let found = |query: Query| -> Vec<RowId> { store.rows(&query).unwrap().iter().map(|row| row.id).collect() };
    let all = Query::default;
    assert_eq!(found(all()), [ids[0], ids[1], other[0]]);
    assert_eq!(
        found(Query {
            newest_first: true,
            limit: Some(2),
            ..all()
        }),
        [other[0], ids[1]]
    );
    assert_eq!(
        found(Query {
            account: Some("work".to_owned()),
            ..all()
        }),
        other
    );
    assert_eq!(
        found(Query {
            since: Some(later),
            ..all()
        }),
        other
    );
    assert_eq!(
        found(Query {
            until: Some(later),
            ..all()
        }),
        ids
    );
    assert_eq!(
        found(Query {
            kinds: vec![RowKind::Keep, RowKind::Undo],
            ..all()
        }),
        [ids[1]]
    );
    assert_eq!(
        found(Query {
            state: Some(State::Planned),
            ..all()
        }),
        [ids[0], other[0]]
    );
    assert_eq!(
        found(Query {
            mid: Some(entry(2).mid),
            ..all()
        }),
        [ids[1]]
    );
    assert_eq!(
        found(Query {
            message_id: entry(3).message_id,
            ..all()
        }),
        other
    );
    assert_eq!(
        found(Query {
            from: Some(address("editor1@news.example")),
            ..all()
        }),
        [ids[0]]
    );
    assert_eq!(
        found(Query {
            destination: Some(Mailbox::new("News")),
            ..all()
        }),
        [ids[0], other[0]]
    );
    assert_eq!(
        found(Query {
            run: Some("run-2".to_owned()),
            ..all()
        }),
        other
    );
    assert_eq!(
        found(Query {
            run: Some("run-9".to_owned()),
            ..all()
        }),
        []
    );
    assert_eq!(
        found(Query {
            after_id: Some(ids[0]),
            ..all()
        }),
        [ids[1], other[0]]
    );
}

#[test]
fn a_row_is_found_by_where_the_message_lay_and_by_where_it_was_put() {
    let dir = ground();
    let mut store = open(dir.path());
    let ids = plan(&mut store, &[entry(1), entry(2)]);
    let there = Outcome::Done(Some((UidValidity(3), Uid(900))));
    store.close(NOW, &[(ids[0], there)]).unwrap();
    let at = |folder: &str, uid| {
        let place = Query {
            place: Some((Mailbox::new(folder), Uid(uid))),
            ..Query::default()
        };
        store.rows(&place).unwrap().iter().map(|row| row.id).collect::<Vec<_>>()
    };
    assert_eq!(at("News", 900), [ids[0]]);
    let source = entry(1).source;
    assert_eq!(at(source.mailbox.as_str(), source.uid.0), [ids[0]]);
    assert_eq!(at("News", source.uid.0), []);
    assert_eq!(at(source.mailbox.as_str(), 900), []);
}

#[test]
fn an_undo_is_found_from_the_row_it_took_back() {
    let dir = ground();
    let mut store = open(dir.path());
    let moved = plan(&mut store, &[entry(1)]);
    let undo = plan(
        &mut store,
        &[Entry {
            kind: RowKind::Undo,
            undoes: Some(moved[0]),
            ..entry(1)
        }],
    );
    assert_eq!(
        store
            .undone_by(moved[0])
            .unwrap()
            .iter()
            .map(|row| row.id)
            .collect::<Vec<_>>(),
        undo
    );
    assert_eq!(store.undone_by(undo[0]).unwrap(), []);
}

#[test]
fn pruning_spares_open_rows_and_never_reuses_a_number() {
    let dir = ground();
    let mut store = open(dir.path());
    let entries: Vec<Entry> = (0..6_000)
        .map(|n| Entry {
            kind: RowKind::Keep,
            ..entry(n)
        })
        .collect();
    plan(&mut store, &entries);
    let planned = plan(
        &mut store,
        &[
            entry(7_000),
            Entry {
                undoes: Some(RowId(1)),
                ..entry(7_001)
            },
        ],
    );
    assert_eq!(store.prune(NOW, 0).unwrap(), 0);
    assert_eq!(store.prune(Timestamp(NOW.0 + 1), 0).unwrap(), 6_000);
    let left: Vec<RowId> = store
        .rows(&Query::default())
        .unwrap()
        .iter()
        .map(|row| row.id)
        .collect();
    assert_eq!(left, planned);
    assert_eq!(store.row(planned[1]).unwrap().unwrap().entry.undoes, None);
    store
        .close(
            NOW,
            &[(planned[0], Outcome::Done(None)), (planned[1], Outcome::Done(None))],
        )
        .unwrap();
    assert_eq!(store.prune(Timestamp(NOW.0 + 1), 0).unwrap(), 2);
    assert!(plan(&mut store, &[entry(1)])[0] > planned[1]);
}

/// Found by the simulation (seed 8): ten years ahead for an hour, and the whole ledger was gone.
#[test]
fn a_clock_that_is_years_ahead_or_behind_empties_no_ledger() {
    const YEAR: i64 = 365 * 86_400;
    let dir = ground();
    let mut store = open(dir.path());
    let keep = |n| Entry {
        kind: RowKind::Keep,
        arrived: Some(NOW),
        ..entry(n)
    };
    plan(&mut store, &[keep(1)]);
    // Written while the clock stood in 1970, about mail of today.
    let _ = store.plan("home", "r", Timestamp(60), &[keep(2)]).unwrap();
    for now in [NOW, Timestamp(NOW.0 + 10 * YEAR), Timestamp(60)] {
        assert_eq!(store.prune(now, YEAR).unwrap(), 0, "{now:?}");
    }
    let later = Timestamp(NOW.0 + 2 * YEAR);
    let _ = store
        .plan(
            "home",
            "r",
            later,
            &[Entry {
                arrived: Some(later),
                ..keep(3)
            }],
        )
        .unwrap();
    assert_eq!(store.prune(later, YEAR).unwrap(), 2);
}

#[test]
fn folders_are_remembered_per_account() {
    let dir = ground();
    let mut store = open(dir.path());
    let mark = FolderMark {
        uid_validity: UidValidity(u32::MAX),
        next_uid: Uid(4_000_000_000),
        highest_modseq: Some(u64::MAX),
        baseline_done: true,
        seen_at: NOW,
    };
    assert_eq!(store.folder("home", &Mailbox::inbox()).unwrap(), None);
    store.set_folders("home", &[(Mailbox::new("inbox"), mark)]).unwrap();
    assert_eq!(store.folder("home", &Mailbox::inbox()).unwrap(), Some(mark));
    assert_eq!(store.folder("work", &Mailbox::inbox()).unwrap(), None);
    let next = FolderMark {
        next_uid: Uid(4_000_000_009),
        highest_modseq: None,
        ..mark
    };
    store.set_folders("home", &[(Mailbox::inbox(), next)]).unwrap();
    assert_eq!(store.folder("home", &Mailbox::inbox()).unwrap(), Some(next));
}

#[test]
fn the_later_of_two_lessons_stays() {
    let dir = ground();
    let mut store = open(dir.path());
    let shop = Identity::Address(address("shop@shop.example"));
    let list = Identity::List("weekly.shop.example".to_owned());
    store
        .teach(
            "home",
            &[
                lesson(shop.clone(), Bucket::Bulk, 20),
                lesson(list.clone(), Bucket::News, 20),
            ],
        )
        .unwrap();
    store.teach("home", &[lesson(shop.clone(), Bucket::Top, 10)]).unwrap();
    let lessons = store.lessons("home").unwrap();
    assert_eq!(
        lessons,
        [
            lesson(shop.clone(), Bucket::Bulk, 20),
            lesson(list.clone(), Bucket::News, 20)
        ]
    );
    store
        .teach("home", &[lesson(shop.clone(), Bucket::Blackhole, 21)])
        .unwrap();
    assert_eq!(store.lessons("home").unwrap()[0].bucket, Bucket::Blackhole);
    assert!(store.forget("home", &shop).unwrap());
    assert!(!store.forget("home", &shop).unwrap());
    assert!(!store.forget("nobody", &list).unwrap());
    assert_eq!(store.lessons("home").unwrap().len(), 1);
}

#[test]
fn held_lessons_count_only_once_confirmed() {
    let dir = ground();
    let mut store = open(dir.path());
    let many: Vec<Lesson> = (0..101)
        .map(|n| {
            lesson(
                Identity::Address(address(&format!("a{n:03}@shop.example"))),
                Bucket::Bulk,
                5,
            )
        })
        .collect();
    store.hold("home", &many).unwrap();
    assert_eq!(store.lessons("home").unwrap(), []);
    assert_eq!(store.held("home").unwrap(), many);
    assert_eq!(store.confirm("home").unwrap(), many);
    assert_eq!(store.lessons("home").unwrap(), many);
    assert_eq!(store.held("home").unwrap(), []);
    store.hold("home", &many).unwrap();
    assert_eq!(store.discard("home").unwrap(), 101);
    assert_eq!(store.confirm("home").unwrap(), []);
}

#[test]
fn tallies_sent_ids_and_notes_come_back() {
    let dir = ground();
    let mut store = open(dir.path());
    let tally = Tally {
        sent: 1.25,
        answered: 0.5,
        as_of: NOW,
        sent_count: 14,
        answered_count: 9,
        received_count: 31,
        last_sent: Some(NOW),
    };
    let strange = Tally {
        sent: f32::NAN,
        answered: f32::INFINITY,
        ..Tally::default()
    };
    let (anna, bert) = (address("anna@example.org"), address("bert@example.org"));
    store
        .save_tallies("home", &[(bert.clone(), strange), (anna.clone(), tally.clone())])
        .unwrap();
    assert_eq!(
        store.tallies("home").unwrap(),
        [(anna, tally), (bert, Tally::default())]
    );
    store
        .add_sent_ids("home", &[SentKey(-1), SentKey(1), SentKey(1)])
        .unwrap();
    store.add_sent_ids("home", &[SentKey(1), SentKey(2)]).unwrap();
    let mut hashes = store.sent_ids("home").unwrap();
    hashes.sort_unstable();
    assert_eq!(hashes, [SentKey(-1), SentKey(1), SentKey(2)]);
    assert_eq!(store.get_note("home", "status").unwrap(), None);
    store.set_note("home", "status", Some("idle")).unwrap();
    assert_eq!(store.get_note("home", "status").unwrap().as_deref(), Some("idle"));
    store.set_note("home", "status", None).unwrap();
    assert_eq!(store.get_note("home", "status").unwrap(), None);
}

#[test]
fn a_sweep_is_learned_whole_or_not_at_all() {
    let dir = ground();
    let mut store = open(dir.path());
    let shop = Identity::Address(address("shop@shop.example"));
    store.teach("home", &[lesson(shop.clone(), Bucket::Bulk, 1)]).unwrap();
    let mark = FolderMark {
        uid_validity: UidValidity(7),
        next_uid: Uid(12),
        highest_modseq: None,
        baseline_done: true,
        seen_at: NOW,
    };
    let mut learning = Learning {
        run: "run-1".to_owned(),
        forgotten: vec![shop.clone()],
        lessons: vec![lesson(
            Identity::Domain("shop.example".to_owned()),
            Bucket::Blackhole,
            2,
        )],
        held: Vec::new(),
        tallies: vec![(address("anna@example.org"), Tally::default())],
        sent_ids: vec![SentKey(5)],
        rows: vec![Entry {
            kind: RowKind::File,
            ..entry(1)
        }],
        folders: vec![(Mailbox::new("Bulk"), mark)],
        notes: vec![("authserv-id".to_owned(), Some("{}".to_owned()))],
    };
    let broken = Learning {
        rows: vec![Entry {
            undoes: Some(RowId(404)),
            ..entry(1)
        }],
        ..learning.clone()
    };
    store.commit_learning("home", NOW, &broken).unwrap_err();
    assert_eq!(store.lessons("home").unwrap(), [lesson(shop, Bucket::Bulk, 1)]);
    assert_eq!(store.folder("home", &Mailbox::new("Bulk")).unwrap(), None);
    assert_eq!(store.sent_ids("home").unwrap(), [] as [SentKey; 0]);

    let ids = store.commit_learning("home", NOW, &learning).unwrap().into_inner();
    assert_eq!(store.row(ids[0]).unwrap().unwrap().entry, learning.rows[0]);
    assert_eq!(store.lessons("home").unwrap(), learning.lessons);
    assert_eq!(store.folder("home", &Mailbox::new("Bulk")).unwrap(), Some(mark));
    assert_eq!(store.tallies("home").unwrap(), learning.tallies);
    assert_eq!(store.get_note("home", "authserv-id").unwrap().as_deref(), Some("{}"));
    learning.notes = vec![("authserv-id".to_owned(), None)];
    learning.rows.clear();
    assert_eq!(store.commit_learning("home", NOW, &learning).unwrap().into_inner(), []);
    assert_eq!(store.get_note("home", "authserv-id").unwrap(), None);
}
