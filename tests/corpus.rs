//! A whole corpus of real mail through the daemon on a real Dovecot: sorted once, nothing lost, and nothing left to do
//! for a second run. Needs an unpacked corpus in `$POSTROOM_CORPUS` and skips politely without one:
//!
//! ```text
//! POSTROOM_CORPUS=/path/to/dev cargo nextest run --test corpus --no-capture
//! ```
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::string_slice
)]

mod support;

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Instant;

use support::{Account, Census, Dovecot, Home, Proxy};

/// Every file below a directory, in the order of their names.
fn files(directory: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(directory).into_iter().flatten().flatten() {
        let path = entry.path();
        if path.is_dir() {
            found.extend(files(&path));
        } else {
            found.push(path);
        }
    }
    found.sort();
    found
}

/// Dovecot keeps what it is given; Maildir wants LF or CRLF and no NUL, so the oddest files may change on the way in. The
/// census is taken after that.
fn read(path: &Path) -> Vec<u8> {
    fs::read(path).unwrap()
}

#[test]
fn a_corpus_of_real_mail_is_sorted_once_and_nothing_is_lost() {
    let Some(corpus) = std::env::var_os("POSTROOM_CORPUS").map(PathBuf::from) else {
        eprintln!("skipped: POSTROOM_CORPUS names no corpus");
        return;
    };
    let Some(server) = Dovecot::new().start() else { return };
    let mailboxes = || {
        fs::read_dir(corpus.join("mailboxes"))
            .unwrap()
            .flatten()
            .map(|entry| entry.path())
    };
    let mut inbox = files(&corpus.join("buckets/mail"));
    inbox.extend(
        files(&corpus.join("malformed"))
            .into_iter()
            .filter(|path| path.extension().is_none_or(|e| e != "tsv")),
    );
    inbox.extend(mailboxes().flat_map(|owner| files(&owner.join("inbox"))));
    let sent: Vec<PathBuf> = mailboxes().flat_map(|owner| files(&owner.join("sent"))).collect();
    for (folder, paths) in [("INBOX", &inbox), ("Sent", &sent)] {
        let raw: Vec<Vec<u8>> = paths.iter().map(|path| read(path)).collect();
        server.fill("alice", folder, raw.iter().map(Vec::as_slice));
    }
    let proxy = Proxy::to(server.port).start();
    let home = Home::new(&[Account::new("corpus", proxy.port).backlog("sort")]);
    let before = Census::of(&server, "alice");
    eprintln!(
        "{} messages: {} in INBOX, {} in Sent",
        before.len(),
        before.in_folder("INBOX"),
        before.in_folder("Sent")
    );
    let begun = Instant::now();
    home.run_once().expect_code(0);
    let (first, moves) = (begun.elapsed(), proxy.count("UID MOVE"));
    let after = Census::of(&server, "alice");
    before.assert_same(&after);
    for folder in ["INBOX", "Top", "News", "Bulk", "Blackhole"] {
        eprintln!("{folder:<10}{}", after.in_folder(folder));
    }
    eprintln!(
        "first run {first:.1?}, {moves} MOVE commands, {} flights",
        proxy.flights()
    );
    let begun = Instant::now();
    home.run_once().expect_code(0);
    eprintln!(
        "second run {:.1?}, {} MOVE commands",
        begun.elapsed(),
        proxy.count("UID MOVE") - moves
    );
    assert_eq!(proxy.count("UID MOVE"), moves, "the second run moved something");
    after.assert_untouched(&Census::of(&server, "alice"));
    assert!(after.in_folder("News") > 0 && after.in_folder("Bulk") > 0);
    proxy.assert_clean();
}
