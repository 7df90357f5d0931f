//! The fault matrix: the connection is cut at every moment m0 to m5 of every command of a move, on both ladders, and of
//! every other command of a session. After each cut the daemon goes on by itself, and then: the census is what it was,
//! every message lies in one place, no ledger row is open, nothing was learned, and only the closed list was spoken.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::string_slice
)]

mod support;

use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use support::{Account, Census, Dovecot, Drag, Home, Ledger, Letter, Moment, Proxy, Server, eventually};

fn newsletter(name: &str) -> Letter {
    Letter::from(&format!("News <news@{name}.example>")).newsletter(&format!("<{name}.list.example>"))
}

/// Mail that comes in while the daemon is away: some for News, some that stays.
struct Post {
    news: Vec<Letter>,
    people: Vec<Letter>,
}

impl Post {
    fn delivered(server: &Server) -> Self {
        let post = Self {
            news: (0..3).map(|n| newsletter(&format!("weekly{n}"))).collect(),
            people: (0..2).map(|n| Letter::from(&format!("p{n}@letter.example"))).collect(),
        };
        for letter in post.news.iter().chain(&post.people) {
            server.deliver("alice", &letter.bytes());
        }
        post
    }

    /// Waits until all is where it belongs.
    fn sorted(&self, server: &Server) {
        let mut hand = server.hand("alice");
        for letter in &self.news {
            hand.wait_for("News", &letter.id());
            hand.wait_until_gone("INBOX", &letter.id());
        }
        for letter in &self.people {
            assert_eq!(hand.find("INBOX", &letter.id()).len(), 1);
        }
    }
}

/// Where the UIDs have no gap nothing is searched for.
fn leave_a_gap(server: &Server) {
    let gone = Letter::from("gone@letter.example");
    server.deliver("alice", &gone.bytes());
    let mut hand = server.hand("alice");
    let uid = hand.wait_for("INBOX", &gone.id());
    hand.delete("INBOX", uid);
}

/// One cut, and everything that must hold afterwards.
fn survives(server: &Server, command: &str, moment: Moment) {
    eprintln!("--- {command} {moment:?}");
    // Longer than the server is given to run what outlives its connection.
    let settle = if moment == Moment::Outlives { "10s" } else { "0s" };
    let home = Home::new(&[Account::new("home", server.port)]);
    leave_a_gap(server);
    home.run_once().expect_code(0);
    let post = Post::delivered(server);
    let before = Census::of(server, "alice");
    let proxy = Proxy::to(server.port).cut(command, 1, moment).start();
    home.configure(&[Account::new("home", proxy.port).settle(settle)]);
    let daemon = home.start();
    proxy.wait_cut();
    post.sorted(server);
    eventually("every ledger row to be closed", || {
        (Ledger::of(&home).open() == 0).then_some(())
    });
    let (status, log) = daemon.terminate();
    assert!(status.success(), "{status:?}\n{log}");
    before.assert_same(&Census::of(server, "alice"));
    let ledger = Ledger::of(&home);
    assert_eq!((ledger.open(), ledger.lessons, ledger.drags), (0, 0, 0), "{ledger:?}");
    for letter in &post.news {
        assert_eq!(
            ledger.moved.get(letter.id().trim_matches(['<', '>'])),
            Some(&1),
            "{ledger:?}"
        );
    }
    proxy.assert_clean();
}

fn at_every_moment(server: Dovecot, command: &str) {
    let Some(server) = server.start() else { return };
    for moment in Moment::ALL {
        survives(&server, command, moment);
    }
}

#[test]
fn move_is_cut_at_every_moment() {
    at_every_moment(Dovecot::new(), "UID MOVE");
}

/// Two MOVEs of one message both succeed on Dovecot, and so do two COPYs anywhere.
#[test]
fn what_outlives_its_connection_is_not_done_twice() {
    for (server, command) in [
        (Dovecot::new(), "UID MOVE"),
        (Dovecot::new().without(&["MOVE"]), "UID COPY"),
    ] {
        let Some(server) = server.start() else { return };
        survives(&server, command, Moment::Outlives);
    }
}

/// A MOVE that outlives its connection is run between the daemon's look into one folder and its look into the other
/// (simulation, seed 2333).
#[test]
fn what_is_moved_between_the_two_looks_of_recovery_is_not_taken_for_a_drag() {
    let Some(server) = Dovecot::new().start() else { return };
    let home = Home::new(&[Account::new("home", server.port)]);
    home.run_once().expect_code(0);
    let letter = newsletter("between");
    server.deliver("alice", &letter.bytes());
    let (late, looks) = (Mutex::new(server.hand("alice")), AtomicUsize::new(0));
    let id = letter.id();
    let proxy = Proxy::to(server.port)
        .cut("UID MOVE", 1, Moment::NotExecuted)
        .before_each(move |command| {
            if command.starts_with("EXAMINE") && looks.fetch_add(1, Ordering::SeqCst) == 1 {
                late.lock().unwrap().drag_message(Drag::Move, &id, "INBOX", "News");
            }
        })
        .start();
    home.configure(&[Account::new("home", proxy.port)]);
    home.run_once().expect_code(69);
    proxy.assert_cut();
    for _ in 0..2 {
        home.run_once().expect_code(0);
    }
    let ledger = Ledger::of(&home);
    assert_eq!((ledger.open(), ledger.lessons, ledger.drags), (0, 0, 0), "{ledger:?}");
    assert_eq!(
        ledger.moved.get(letter.id().trim_matches(['<', '>'])),
        Some(&1),
        "{ledger:?}"
    );
    assert_eq!(server.hand("alice").find("News", &letter.id()).len(), 1);
}

#[test]
fn copy_is_cut_at_every_moment() {
    at_every_moment(Dovecot::new().without(&["MOVE"]), "UID COPY");
}

/// What came of one run whose COPY was cut so, after the user has taken away what had come into News: how often the
/// letter lies in INBOX, in News and in Archive.
fn copied_and_taken_away(server: &Server, moment: Moment, letter: &Letter, taken: &Letter) -> [usize; 3] {
    let home = Home::new(&[Account::new("home", server.port)]);
    home.run_once().expect_code(0);
    server.deliver("alice", &letter.bytes());
    let proxy = Proxy::to(server.port).cut("UID COPY", 1, moment).start();
    home.configure(&[Account::new("home", proxy.port)]);
    home.run_once().expect_code(69);
    proxy.assert_cut();
    let mut hand = server.hand("alice");
    if moment == Moment::NotExecuted {
        server.deliver_to("alice", "News", &taken.bytes());
    }
    hand.drag_message(Drag::CopyDelete, &taken.id(), "News", "Archive");
    home.configure(&[Account::new("home", server.port)]);
    for _ in 0..2 {
        home.run_once().expect_code(0);
    }
    let ledger = Ledger::of(&home);
    assert_eq!((ledger.open(), ledger.lessons, ledger.drags), (0, 0, 0), "{ledger:?}");
    ["INBOX", "News", "Archive"].map(|folder| hand.find(folder, &letter.id()).len())
}

#[test]
fn a_copy_taken_away_before_it_was_read_back_is_not_made_again() {
    let Some(server) = Dovecot::new().without(&["MOVE"]).start() else {
        return;
    };
    server.hand("alice").make_folder("Archive");
    let letter = newsletter("taken");
    assert_eq!(
        copied_and_taken_away(&server, Moment::NoAnswer, &letter, &letter),
        [1, 0, 1]
    );
    // Whether it was ours that has left cannot be known: the message stays where it is.
    let letter = newsletter("never-copied");
    let other = Letter::from("other@letter.example");
    assert_eq!(
        copied_and_taken_away(&server, Moment::NotExecuted, &letter, &other),
        [1, 0, 0]
    );
}

#[test]
fn the_deleted_flag_is_cut_at_every_moment() {
    at_every_moment(Dovecot::new().without(&["MOVE"]), "UID STORE");
}

#[test]
fn expunge_is_cut_at_every_moment() {
    at_every_moment(Dovecot::new().without(&["MOVE"]), "UID EXPUNGE");
}

#[test]
fn login_is_cut_at_every_moment() {
    at_every_moment(Dovecot::new(), "AUTHENTICATE");
}

#[test]
fn listing_folders_is_cut_at_every_moment() {
    at_every_moment(Dovecot::new(), "LIST");
}

#[test]
fn opening_a_folder_is_cut_at_every_moment() {
    at_every_moment(Dovecot::new(), "SELECT");
}

#[test]
fn searching_is_cut_at_every_moment() {
    at_every_moment(Dovecot::new(), "UID SEARCH");
}

#[test]
fn fetching_is_cut_at_every_moment() {
    at_every_moment(Dovecot::new(), "UID FETCH");
}
