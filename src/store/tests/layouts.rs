//! Databases of every layout there ever was open with all they hold. `fixtures/state/vN/` has one as SQL text, and what
//! it holds as this version tells it; a new layout adds a directory and leaves the old ones alone.

use std::fmt::Write;
use std::fs;
use std::path::Path;

use super::NOW;
use crate::sort::mailbox::Mailbox;
use crate::store::*;

fn holds(store: &Store) -> String {
    let mut text = String::new();
    for row in store.rows(&Query::default()).unwrap() {
        writeln!(text, "{row:?}").unwrap();
    }
    for account in ["home", "work"] {
        for lesson in store.lessons(account).unwrap() {
            writeln!(text, "{account} {lesson:?}").unwrap();
        }
        for lesson in store.held(account).unwrap() {
            writeln!(text, "{account} held {lesson:?}").unwrap();
        }
        for (address, tally) in store.tallies(account).unwrap() {
            writeln!(text, "{account} {address} {tally:?}").unwrap();
        }
        writeln!(text, "{account} sent {:?}", store.sent_ids(account).unwrap()).unwrap();
        writeln!(
            text,
            "{account} INBOX {:?}",
            store.folder(account, &Mailbox::inbox()).unwrap()
        )
        .unwrap();
        writeln!(
            text,
            "{account} status {:?}",
            store.get_note(account, "status").unwrap()
        )
        .unwrap();
    }
    text
}

#[test]
fn every_old_layout_opens_with_all_it_holds() {
    let fixtures = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/state");
    let mut layouts: Vec<_> = fs::read_dir(fixtures).unwrap().map(|dir| dir.unwrap().path()).collect();
    layouts.sort();
    assert!(!layouts.is_empty());
    for layout in layouts {
        let dir = tempfile::tempdir().unwrap();
        let sql = fs::read_to_string(layout.join("state.sql")).unwrap();
        let old = rusqlite::Connection::open(dir.path().join(FILE_NAME)).unwrap();
        old.execute_batch(&sql).unwrap();
        old.close().unwrap();
        let opened = Store::open(dir.path(), NOW).unwrap();
        assert_eq!(opened.set_aside, None);
        let expected = fs::read_to_string(layout.join("holds.txt")).unwrap();
        assert!(
            holds(&opened.store) == expected,
            "{}:\n{}",
            layout.display(),
            holds(&opened.store)
        );
    }
}
