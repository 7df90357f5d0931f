//! The file itself: what a cut, damage, a later version and other users may do to it.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use super::{NOW, entry, ground, open, plan};
use crate::sort::ledger::{Outcome, State};
use crate::sort::pseudonym::Pseudonyms;
use crate::store::{schema::NEWEST, *};

/// What a power cut leaves: the files as they lie on the disk while the store is open and in the middle of a change.
fn copy_as_cut_off(from: &Path, to: &Path) {
    for file in fs::read_dir(from).unwrap() {
        let file = file.unwrap();
        // The index of the log lives in memory and does not survive.
        if !file.file_name().to_string_lossy().ends_with("-shm") {
            fs::copy(file.path(), to.join(file.file_name())).unwrap();
        }
    }
}

#[test]
fn what_was_committed_survives_a_cut_and_what_was_not_is_gone() {
    let (dir, after) = (ground(), ground());
    let mut store = open(dir.path());
    let planned = plan(&mut store, &[entry(1), entry(2)]);
    store.close(NOW, &[(planned[0], Outcome::Done(None))]).unwrap();
    let half = store.connection.transaction().unwrap();
    crate::store::row::insert(&half, &Pseudonyms::default(), 1, "run-1", NOW, &[entry(3)]).unwrap();
    copy_as_cut_off(dir.path(), after.path());
    drop(half);
    let reopened = open(after.path());
    let states: Vec<State> = reopened
        .rows(&Query::default())
        .unwrap()
        .iter()
        .map(|row| row.state)
        .collect();
    assert_eq!(states, [State::Done, State::Planned]);
}

#[test]
fn a_torn_log_loses_only_its_tail() {
    let (dir, after) = (ground(), ground());
    let mut store = open(dir.path());
    let mut sizes = Vec::new();
    for n in 0..4 {
        plan(&mut store, &[entry(n)]);
        sizes.push(fs::metadata(dir.path().join("postroom.db-wal")).unwrap().len());
    }
    copy_as_cut_off(dir.path(), after.path());
    let whole = fs::read(after.path().join("postroom.db-wal")).unwrap();
    for (committed, size) in sizes.iter().enumerate() {
        // A sector short of this commit: the one before is the last that counts.
        let torn = usize::try_from(*size).unwrap() - 512;
        let cut = ground();
        copy_as_cut_off(after.path(), cut.path());
        fs::write(cut.path().join("postroom.db-wal"), &whole[..torn]).unwrap();
        assert_eq!(open(cut.path()).rows(&Query::default()).unwrap().len(), committed);
    }
}

#[test]
fn nobody_else_can_read_the_state() {
    let parent = ground();
    let dir = parent.path().join("state");
    let mut store = open(&dir);
    plan(&mut store, &[entry(1)]);
    let rights = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    let check = || {
        assert_eq!(rights(&dir), 0o700);
        for file in fs::read_dir(&dir).unwrap() {
            let file = file.unwrap();
            assert_eq!(rights(&file.path()), 0o600, "{:?}", file.file_name());
        }
    };
    check();
    drop(store);
    fs::set_permissions(&dir, fs::Permissions::from_mode(0o755)).unwrap();
    fs::set_permissions(dir.join(FILE_NAME), fs::Permissions::from_mode(0o644)).unwrap();
    let _store = open(&dir);
    check();
}

#[test]
fn a_directory_shared_with_others_keeps_its_rights() {
    let dir = ground();
    fs::write(dir.path().join("somebody-elses"), "x").unwrap();
    fs::set_permissions(dir.path(), fs::Permissions::from_mode(0o755)).unwrap();
    let _store = open(dir.path());
    assert_eq!(fs::metadata(dir.path()).unwrap().permissions().mode() & 0o777, 0o755);
}

#[test]
fn a_later_layout_is_refused_and_left_alone() {
    let dir = ground();
    let store = open(dir.path());
    store.connection.pragma_update(None, "user_version", 99).unwrap();
    drop(store);
    let before = fs::read(dir.path().join(FILE_NAME)).unwrap();
    for refused in [
        Store::open(dir.path(), NOW).map(|opened| opened.store),
        Store::open_verified(dir.path(), NOW).map(|opened| opened.store),
        Store::open_beside(dir.path(), NOW),
        Store::open_read_only(dir.path()),
    ] {
        let refused = refused.unwrap_err();
        assert!(
            matches!(
                refused,
                StoreError::NewerSchema {
                    found: 99,
                    known: NEWEST,
                    ..
                }
            ),
            "{refused}"
        );
    }
    assert!(fs::read(dir.path().join(FILE_NAME)).unwrap() == before);
    assert!(fs::read_dir(dir.path()).unwrap().all(|file| {
        let name = file.unwrap().file_name();
        !name.to_string_lossy().contains("damaged")
    }));
}

/// Spoils the database of a store that holds 50 rows, then checks that it is set aside and a new one begun.
fn spoil(how: impl FnOnce(&Path)) {
    let dir = ground();
    let mut store = open(dir.path());
    plan(&mut store, &(0..50).map(entry).collect::<Vec<_>>());
    drop(store);
    let path = dir.path().join(FILE_NAME);
    how(&path);
    let spoilt = fs::read(&path).unwrap();
    assert!(matches!(
        Store::open_beside(dir.path(), NOW),
        Err(StoreError::Damaged { .. })
    ));
    assert!(matches!(
        Store::open_read_only(dir.path()),
        Err(StoreError::Damaged { .. })
    ));
    assert!(fs::read(&path).unwrap() == spoilt, "only the daemon sets aside");

    let opened = Store::open(dir.path(), NOW).unwrap();
    let aside = opened.set_aside.unwrap();
    assert_eq!(aside, dir.path().join("postroom.db.damaged-20261118T110640Z"));
    assert!(fs::read(&aside).unwrap() == spoilt, "kept as found");
    let mut store = opened.store;
    assert_eq!(store.rows(&Query::default()).unwrap(), []);
    plan(&mut store, &[entry(1)]);
    drop(store);
    assert_eq!(open(dir.path()).rows(&Query::default()).unwrap().len(), 1);

    // In the same second again: the name is taken, and nothing is overwritten.
    fs::write(&path, "").unwrap();
    let second = Store::open(dir.path(), NOW).unwrap().set_aside.unwrap();
    assert_eq!(second, dir.path().join("postroom.db.damaged-20261118T110640Z.2"));
    assert!(fs::read(&aside).unwrap() == spoilt);
}

#[test]
fn an_empty_database_is_set_aside() {
    spoil(|path| fs::write(path, "").unwrap());
}

#[test]
fn a_database_of_noise_is_set_aside() {
    spoil(|path| fs::write(path, "no database at all\n".repeat(1_000)).unwrap());
}

#[test]
fn a_truncated_database_is_set_aside() {
    spoil(|path| {
        let whole = fs::read(path).unwrap();
        fs::write(path, &whole[..whole.len() / 2]).unwrap();
    });
}

#[test]
fn a_database_with_a_page_of_zeros_is_set_aside() {
    spoil(|path| {
        let mut pages = fs::read(path).unwrap();
        let middle = pages.len() / 4096 / 2 * 4096;
        pages[middle..middle + 4096].fill(0);
        fs::write(path, pages).unwrap();
    });
}

#[test]
fn another_programs_database_is_set_aside() {
    spoil(|path| {
        fs::remove_file(path).unwrap();
        rusqlite::Connection::open(path)
            .unwrap()
            .execute("CREATE TABLE theirs (x)", [])
            .unwrap();
    });
}

#[test]
fn a_log_without_its_database_is_kept_and_not_played_into_the_new_one() {
    let (dir, after) = (ground(), ground());
    let mut store = open(dir.path());
    plan(&mut store, &[entry(1)]);
    copy_as_cut_off(dir.path(), after.path());
    fs::remove_file(after.path().join(FILE_NAME)).unwrap();
    let opened = Store::open(after.path(), NOW).unwrap();
    assert_eq!(
        opened.set_aside,
        Some(after.path().join("postroom.db.damaged-20261118T110640Z-wal"))
    );
    assert_eq!(opened.store.rows(&Query::default()).unwrap(), []);
}

#[test]
fn a_reader_sees_what_the_daemon_commits_and_cannot_write() {
    let dir = ground();
    assert!(matches!(
        Store::open_read_only(dir.path()),
        Err(StoreError::Missing { .. })
    ));
    let mut store = open(dir.path());
    let mut reader = Store::open_read_only(dir.path()).unwrap();
    plan(&mut store, &[entry(1)]);
    assert_eq!(reader.rows(&Query::default()).unwrap().len(), 1);
    let refused = reader.plan("home", "run-1", NOW, &[entry(2)]).unwrap_err();
    assert!(matches!(refused, StoreError::NotWritable { .. }), "{refused}");
}

#[test]
fn a_change_by_somebody_else_is_noticed_and_ones_own_is_not() {
    let dir = ground();
    let mut daemon = open(dir.path());
    let before = daemon.outside_changes().unwrap();
    daemon.set_note("home", "status", Some("idle")).unwrap();
    assert_eq!(daemon.outside_changes().unwrap(), before);
    let mut command = Store::open_beside(dir.path(), NOW).unwrap();
    command.set_note("work", "status", Some("idle")).unwrap();
    assert_ne!(daemon.outside_changes().unwrap(), before);
    assert_eq!(daemon.accounts().unwrap(), ["home", "work"]);
}

#[test]
fn records_damaged_while_open_are_set_aside_and_the_same_store_goes_on() {
    let dir = ground();
    let mut store = open(dir.path());
    let _ = plan(&mut store, &[entry(1)]);
    store.reopen_verified(NOW).unwrap();
    assert!(!store.has_lost_records(), "nothing was wrong with it");
    assert_eq!(store.rows(&Query::default()).unwrap().len(), 1);
    let path = dir.path().join(FILE_NAME);
    let damaged = vec![0x5a; usize::try_from(fs::metadata(&path).unwrap().len()).unwrap()];
    fs::write(&path, &damaged).unwrap();
    store.reopen_verified(NOW).unwrap();
    assert!(store.has_lost_records());
    assert_eq!(store.rows(&Query::default()).unwrap(), []);
    let planned = plan(&mut store, &[entry(2)]);
    store.close(NOW, &[(planned[0], Outcome::Done(None))]).unwrap();
    drop(store);
    assert_eq!(open(dir.path()).rows(&Query::default()).unwrap().len(), 1);
    let kept = fs::read_dir(dir.path())
        .unwrap()
        .any(|file| fs::read(file.unwrap().path()).unwrap() == damaged);
    assert!(kept, "the damaged file is kept, octet for octet");
}

#[test]
fn records_that_cannot_be_opened_anew_take_no_more_rows() {
    let dir = ground();
    let mut store = open(dir.path());
    fs::remove_dir_all(dir.path()).unwrap();
    fs::write(dir.path(), "in the way").unwrap();
    assert!(store.reopen_verified(NOW).is_err());
    assert!(
        store.plan("home", "run-1", NOW, &[entry(1)]).is_err(),
        "a row in memory would be no row"
    );
    fs::remove_file(dir.path()).unwrap();
    fs::create_dir(dir.path()).unwrap();
    store.reopen_verified(NOW).unwrap();
    let _ = plan(&mut store, &[entry(1)]);
}
