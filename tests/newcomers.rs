//! New mail goes first: what comes while a mailbox full of old mail is being sorted does not wait for its end.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::string_slice
)]

mod support;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use support::{Account, Census, Dovecot, Home, Letter, Proxy};

/// Old messages: five windows of a sweep, ten FETCHes.
const OLD: usize = 5_000;

#[test]
fn mail_that_comes_while_old_mail_is_sorted_goes_first_and_once() {
    let Some(server) = Dovecot::new().start() else { return };
    let server = Arc::new(server);
    let shop = |name: &str| Letter::from(&format!("{name}@shop.example")).newsletter("offers.shop.example");
    let old: Vec<Letter> = (0..OLD).map(|number| shop(&format!("old{number}"))).collect();
    let raw: Vec<Vec<u8>> = old.iter().map(Letter::bytes).collect();
    server.fill("alice", "INBOX", raw.iter().map(Vec::as_slice));
    // One that is moved, and one that stays: nothing moves it out of the way of a second look.
    let (moved, kept) = (shop("new"), Letter::from("friend@letter.example"));
    let (postman, letters, fetches) = (Arc::clone(&server), [moved.bytes(), kept.bytes()], AtomicUsize::new(0));
    let proxy = Proxy::to(server.port)
        .before_each(move |command| {
            // Together with the question for the second window.
            if command.starts_with("UID FETCH") && fetches.fetch_add(1, Ordering::SeqCst) == 2 {
                for letter in &letters {
                    postman.deliver("alice", letter);
                }
            }
        })
        .start();
    let home = Home::new(&[Account::new("home", proxy.port).backlog("sort")]);
    home.run_once().expect_code(0);

    let log = home.run(&["log", "--json", "-n", "100000"]).expect_code(0);
    let rows: Vec<String> = log.stdout.lines().map(str::to_owned).collect();
    let at = |letter: &Letter| -> usize {
        let id = letter.id();
        let stored = format!("\"{}\"", id.trim_matches(['<', '>']));
        let found: Vec<usize> = (0..rows.len()).filter(|&row| rows[row].contains(&stored)).collect();
        assert_eq!(found.len(), 1, "{id} was decided about once");
        found[0]
    };
    let (first, last) = (at(&old[0]), at(&old[OLD - 1]));
    // Whichever end of the log is the newest.
    let before_the_end = |row: usize| (row < last) == (first < last);
    for letter in [&moved, &kept] {
        assert!(before_the_end(at(letter)), "row {} of {first}..{last}", at(letter));
    }
    let mut hand = server.hand("alice");
    assert_eq!((hand.uids("INBOX").len(), hand.uids("Bulk").len()), (1, OLD + 1));
    let census = Census::of(&server, "alice");
    let moves = proxy.count("UID MOVE");
    home.run_once().expect_code(0);
    assert_eq!(proxy.count("UID MOVE"), moves, "a second run moves nothing");
    assert_eq!(
        home.run(&["log", "--json", "-n", "100000"]).stdout.lines().count(),
        rows.len()
    );
    census.assert_same(&Census::of(&server, "alice"));
    proxy.assert_clean();
}
