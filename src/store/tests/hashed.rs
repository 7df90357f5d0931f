//! Names in clear become pseudonyms: everything asked for by name is found as before, and nothing is left to read.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use super::*;
use crate::sort::pseudonym::Pseudonyms;
use crate::store::notes::{PROVIDER_NOTE, SUGGESTIONS_NOTE};

/// Everything in it that names somebody.
const NAMES: [&str; 12] = [
    "editor",
    "news.example",
    "list.example",
    "anna",
    "people.example",
    "shop.example",
    "talk.example.org",
    "Bertram",
    "mx.example.net",
    "met@",
    "casino",
    "full@box.example",
];

fn place(dir: &Path) -> Place {
    Place::new(dir, Some(&dir.join(KEY_NAME)))
}

/// Names that stand in a file of the directory.
fn found(dir: &Path) -> Vec<(PathBuf, &'static str)> {
    let mut found = Vec::new();
    for file in fs::read_dir(dir).unwrap() {
        let path = file.unwrap().path();
        let bytes = fs::read(&path).unwrap();
        let there = |name: &&str| bytes.windows(name.len()).any(|window| window == name.as_bytes());
        found.extend(NAMES.into_iter().filter(there).map(|name| (path.clone(), name)));
    }
    found
}

fn tally() -> Tally {
    Tally {
        sent_count: 3,
        ..Tally::default()
    }
}

/// A row, lessons of each kind, a tally, notes: whatever may name somebody, put there through `store`.
fn fill(store: &mut Store) -> RowId {
    let taught = Reason::new(
        ReasonKind::Taught,
        "you put mail of the list talk.example.org into news 3 days ago",
    );
    let known = Reason::new(
        ReasonKind::Correspondence,
        "in your address book as Bertram; not verified",
    );
    let entries = [taught, known].map(|reason| Entry { reason, ..entry(1) });
    let rows = plan(store, &entries);
    let refused = Outcome::Failed("NO mailbox full@box.example is full".to_owned());
    store
        .close(NOW, &[(rows[0], Outcome::Done(None)), (rows[1], refused)])
        .unwrap();
    let lessons = [
        Identity::Address(address("anna@people.example")),
        Identity::List("talk.example.org".to_owned()),
        Identity::Domain("shop.example".to_owned()),
    ];
    let lessons = lessons.map(|identity| lesson(identity, Bucket::Blackhole, 5));
    store.teach("home", &lessons).unwrap();
    let held = lesson(Identity::Domain("casino.example".to_owned()), Bucket::Bulk, 5);
    store.hold("home", &[held]).unwrap();
    store
        .save_tallies("home", &[(address("anna@people.example"), tally())])
        .unwrap();
    for (key, text) in [
        ("met-before", "[\"met@people.example\"]"),
        (PROVIDER_NOTE, "{\"id\":null,\"candidate\":\"mx.example.net\"}"),
        (
            SUGGESTIONS_NOTE,
            "{\"standing\":[\"postroom train talk.example.org bulk\"]}",
        ),
        ("status", "{\"words\":\"full@box.example\"}"),
    ] {
        if store.names().are_used() && (key == PROVIDER_NOTE || key == SUGGESTIONS_NOTE) {
            // Whoever writes these knows about pseudonyms.
            continue;
        }
        store.set_note("home", key, Some(text)).unwrap();
    }
    rows[0]
}

/// Everything is found by its name in clear.
fn finds(store: &Store, row: RowId) {
    let asked = |query: Query| store.rows(&query).unwrap().iter().map(|row| row.id).collect::<Vec<_>>();
    let by_id = Query {
        message_id: Some("<1@list.example>".to_owned()),
        limit: Some(1),
        ..Query::default()
    };
    let by_sender = Query {
        from: Some(address("editor1@news.example")),
        limit: Some(1),
        ..Query::default()
    };
    assert_eq!((asked(by_id), asked(by_sender)), (vec![row], vec![row]));
    let reasons: Vec<String> = store
        .rows(&Query::default())
        .unwrap()
        .into_iter()
        .map(|row| row.entry.reason.text)
        .collect();
    assert_eq!(
        reasons,
        [
            "you put mail of this list into news 3 days ago",
            "in your address book; not verified"
        ]
    );
    let anna = address("anna@people.example");
    assert_eq!(store.tally("home", &anna).unwrap(), Some(tally()));
    let lessons = store.lessons("home").unwrap();
    for identity in [
        Identity::Address(anna),
        Identity::List("talk.example.org".to_owned()),
        Identity::Domain("shop.example".to_owned()),
    ] {
        let identity = store.names().identity(&identity);
        assert!(lessons.iter().any(|lesson| lesson.identity == identity), "{identity}");
    }
    assert_eq!(lessons[0].example, Some(store.names().message_id("<x@shop.example>")));
}

#[test]
fn what_was_kept_in_clear_is_converted_with_nothing_left_behind() {
    let dir = ground();
    let mut store = open(dir.path());
    let row = fill(&mut store);
    let key = SentKey(17);
    store.add_sent_ids("home", &[key]).unwrap();
    // What was deleted before lies in a free page.
    let gone: Vec<Entry> = (10..400).map(entry).collect();
    plan(&mut store, &gone);
    store.connection.execute("DELETE FROM ledger WHERE id > 2", []).unwrap();
    drop(store);
    assert!(found(dir.path()).len() >= NAMES.len() - 1, "{:?}", found(dir.path()));

    let opened = Store::open(place(dir.path()), NOW).unwrap();
    assert!(opened.converted);
    let mut store = opened.store;
    assert_eq!(found(dir.path()), []);
    finds(&store, row);
    assert_eq!(store.sent_ids("home").unwrap(), [store.names().sent_key(key)]);
    assert_eq!(store.get_note("home", PROVIDER_NOTE).unwrap(), None, "learned anew");
    assert!(
        store
            .forget("home", &Identity::Domain("shop.example".to_owned()))
            .unwrap()
    );
    assert!(
        !store
            .forget("home", &Identity::Domain("shop.example".to_owned()))
            .unwrap()
    );
    drop(store);
    assert!(!Store::open(place(dir.path()), NOW).unwrap().converted, "once");
    let mode = fs::metadata(dir.path().join(KEY_NAME)).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
}

#[test]
fn whatever_is_written_is_hashed_at_the_border() {
    let dir = ground();
    let mut store = Store::open(place(dir.path()), NOW).unwrap().store;
    let taught = "you put mail of the list talk.example.org into news 3 days ago";
    assert_eq!(
        store.names().reason(taught),
        "you put mail of this list into news 3 days ago"
    );
    let row = plan(&mut store, &[entry(1)])[0];
    let code = Outcome::Failed("NO mailbox full@box.example is full".to_owned());
    store.close(NOW, &[(row, code)]).unwrap();
    store
        .save_tallies("home", &[(address("anna@people.example"), tally())])
        .unwrap();
    store
        .teach(
            "home",
            &[lesson(Identity::List("talk.example.org".to_owned()), Bucket::News, 1)],
        )
        .unwrap();
    store
        .set_note("home", "met-before", Some("[\"met@people.example\"]"))
        .unwrap();
    assert_eq!(found(dir.path()), []);
    // What is read back may be written again, as undo does.
    let again = store.row(row).unwrap().unwrap().entry;
    let copy = plan(&mut store, std::slice::from_ref(&again))[0];
    assert_eq!(store.row(copy).unwrap().unwrap().entry, again);
}

#[test]
fn without_the_key_or_with_another_nothing_opens_and_none_is_made() {
    let dir = ground();
    drop(Store::open(place(dir.path()), NOW).unwrap());
    let hashed = |result: Result<Store, StoreError>| matches!(result, Err(StoreError::Hashed { .. }));
    assert!(hashed(Store::open(dir.path(), NOW).map(|opened| opened.store)));
    assert!(hashed(Store::open_beside(dir.path(), NOW)));
    assert!(hashed(Store::open_read_only(dir.path())));
    let key = dir.path().join(KEY_NAME);
    for (text, says) in [
        ("short", "32 to 4096"),
        (&*"x".repeat(40), "another key"),
        (&*"y".repeat(5_000), "32 to 4096"),
    ] {
        fs::write(&key, text).unwrap();
        let error = Store::open_read_only(place(dir.path())).unwrap_err().to_string();
        assert!(error.contains(says), "{error}");
    }
    fs::set_permissions(&key, fs::Permissions::from_mode(0o644)).unwrap();
    let error = Store::open_read_only(place(dir.path())).unwrap_err().to_string();
    assert!(error.contains("mode 644"), "{error}");
    fs::remove_file(&key).unwrap();
    assert!(matches!(
        Store::open(place(dir.path()), NOW),
        Err(StoreError::Key { .. })
    ));
    assert!(!key.exists());
}

#[test]
fn a_command_beside_a_daemon_in_clear_converts_nothing_and_one_left_over_writes_nothing() {
    let dir = ground();
    let mut daemon = open(dir.path());
    fill(&mut daemon);
    let beside = Store::open_beside(place(dir.path()), NOW).unwrap();
    assert!(!beside.names().are_used());
    let mut restarted = Store::open(place(dir.path()), NOW).unwrap().store;
    assert!(restarted.names().are_used());
    let refused = daemon.set_note("home", "a", Some("b"));
    assert!(matches!(refused, Err(StoreError::JustHashed { .. })), "{refused:?}");
    restarted.set_note("home", "a", Some("b")).unwrap();
    // While others had the file open its log could not be emptied; the next start does it.
    drop((daemon, beside, restarted));
    drop(Store::open(place(dir.path()), NOW).unwrap());
    assert_eq!(found(dir.path()), []);
}

#[test]
fn a_conversion_that_was_cut_off_before_the_sweeping_is_swept_at_the_next_start() {
    let dir = ground();
    let mut store = open(dir.path());
    fill(&mut store);
    let pages = |store: &Store| -> i64 {
        store
            .read(|c| c.query_row("PRAGMA freelist_count", [], |row| row.get(0)))
            .unwrap()
    };
    drop(store);
    let mut store = Store::open(place(dir.path()), NOW).unwrap().store;
    plan(&mut store, &(10..400).map(entry).collect::<Vec<_>>());
    store
        .connection
        .execute_batch("DELETE FROM ledger; UPDATE pseudonym SET clean = 0")
        .unwrap();
    assert!(pages(&store) > 0);
    drop(store);
    let store = Store::open(place(dir.path()), NOW).unwrap().store;
    assert_eq!(pages(&store), 0);
    let clean: bool = store
        .read(|c| c.query_row("SELECT clean FROM pseudonym", [], |row| row.get(0)))
        .unwrap();
    assert!(clean);
}

#[test]
fn a_damaged_database_gives_way_to_one_under_the_same_key() {
    let dir = ground();
    let names = Store::open(place(dir.path()), NOW).unwrap().store.names().clone();
    fs::write(dir.path().join(FILE_NAME), "not a database").unwrap();
    let opened = Store::open(place(dir.path()), NOW).unwrap();
    assert!(opened.set_aside.is_some() && Store::set_aside(dir.path()).len() == 1);
    assert_eq!(opened.store.names(), &names);
    assert_ne!(names, Pseudonyms::default());
    drop(opened);
    let gone = Store::erase(dir.path()).unwrap();
    assert!(gone.len() >= 4, "{gone:?}");
    assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 0);
}
