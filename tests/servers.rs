//! One story on every server: backlog, new mail, a drag, a rescue, undo, a restart of the server. The census holds at the end
//! of every chapter, and the proxy has heard nothing but the closed list.
//!
//! Dovecot in five shapes, Cyrus in two, Courier: where they differ is in `tests/support`, not here.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::string_slice
)]

mod support;

use std::time::Duration;

use support::wait::within;
use support::{Account, Census, Courier, Cyrus, Daemon, Dovecot, Drag, Home, Letter, Proxy, Server, eventually};

/// Messages in INBOX before the first start; every second one is a newsletter.
const BACKLOG: usize = 2_000;

struct Story {
    server: Server,
    proxy: Proxy,
    home: Home,
}

impl Story {
    fn begin(server: Server) -> Self {
        let proxy = Proxy::to(server.port).start();
        let home = Home::new(&[Account::new("home", proxy.port)
            .backlog("sort")
            .imap_line("poll = \"1s\"")]);
        Self { server, proxy, home }
    }

    fn census(&self) -> Census {
        Census::of(&self.server, "alice")
    }

    fn start(&self) -> Daemon {
        let mut daemon = self.home.start();
        daemon.wait_ready();
        daemon.wait_line("watching");
        daemon
    }

    fn deliver(&self, letter: &Letter) {
        self.server.deliver("alice", &letter.bytes());
    }

    fn waits_in(&self, letter: &Letter, folder: &str) {
        self.server.hand("alice").wait_for(folder, &letter.id());
    }

    fn explained(&self, letter: &Letter, words: &str) {
        eventually(&format!("{words:?} in explain {}", letter.id()), || {
            let said = self.home.run(&["explain", &letter.id()]);
            (said.code == Some(0) && said.stdout.contains(words)).then_some(())
        });
    }

    /// The backlog is sorted by one run, and a second run finds nothing to do.
    fn the_backlog(&self) {
        let letters: Vec<Vec<u8>> = (0..BACKLOG).map(|number| backlog_letter(number).bytes()).collect();
        self.server.fill("alice", "INBOX", letters.iter().map(Vec::as_slice));
        let before = self.census();
        self.home.run_once().expect_code(0);
        let after = self.census();
        before.assert_same(&after);
        assert_eq!(
            (after.in_folder("INBOX"), after.in_folder("News")),
            (BACKLOG / 2, BACKLOG / 2)
        );
        self.home.run_once().expect_code(0);
        after.assert_untouched(&self.census());
    }

    /// A stranger's mail stays, is dragged away, and the next one follows it; a rescue takes that back.
    fn a_drag_and_a_rescue(&self) {
        let [first, second, third] = [(); 3].map(|()| Letter::from("Pest <pest@shop.example>"));
        self.deliver(&first);
        self.explained(&first, "left in INBOX");
        self.server
            .hand("alice")
            .drag_message(Drag::CopyDelete, &first.id(), "INBOX", "Blackhole");
        self.explained(&first, "you filed it");
        self.deliver(&second);
        self.waits_in(&second, "Blackhole");
        self.server
            .hand("alice")
            .drag_message(Drag::Move, &second.id(), "Blackhole", "INBOX");
        self.explained(&second, "you put it back");
        self.deliver(&third);
        self.explained(&third, "left in INBOX");
        self.waits_in(&third, "INBOX");
    }

    /// A move is taken back and stays back.
    fn an_undo(&self) {
        let news = newsletter("undone");
        self.deliver(&news);
        self.waits_in(&news, "News");
        // The move is seen before the ledger has closed its row.
        self.explained(&news, "moved to News");
        self.home.run(&["undo", "--last", "1"]).expect_code(0);
        self.waits_in(&news, "INBOX");
        let marker = newsletter("marker");
        self.deliver(&marker);
        self.waits_in(&marker, "News");
        self.waits_in(&news, "INBOX");
    }
}

fn newsletter(name: &str) -> Letter {
    Letter::from(&format!("News <news@{name}.example>")).newsletter(&format!("<{name}.list.example>"))
}

fn backlog_letter(number: usize) -> Letter {
    if number.is_multiple_of(2) {
        newsletter(&format!("weekly{}", number % 40))
    } else {
        Letter::from(&format!("Person {number} <person{number}@letter.example>"))
    }
}

fn tell(server: Option<Server>) {
    let Some(server) = server else { return };
    let mut story = Story::begin(server);
    story.the_backlog();
    let daemon = story.start();
    for folder in ["Top", "News", "Bulk", "Blackhole"] {
        assert!(story.server.hand("alice").has_folder(folder), "{folder} was not made");
    }
    story.a_drag_and_a_rescue();
    story.an_undo();

    let before = story.census();
    story.server.start_again();
    let late = newsletter("late");
    story.deliver(&late);
    // Two logins in two minutes are the most there may be.
    within(Duration::from_secs(150), "mail sorted after the restart", || {
        let mut hand = story.server.hand("alice");
        (!hand.find("News", &late.id()).is_empty()).then_some(())
    });
    let (status, _) = daemon.terminate();
    assert!(status.success(), "{status:?}");
    let difference = before.difference(&story.census());
    assert!(
        difference.lost.is_empty() && difference.changed.is_empty(),
        "{difference}"
    );
    assert_eq!(
        difference.doubled.len(),
        1,
        "only the letter that came since is new: {difference}"
    );
    story.proxy.assert_clean();
}

#[test]
fn dovecot() {
    tell(Dovecot::new().start());
}

#[test]
fn dovecot_without_move() {
    tell(Dovecot::new().without(&["MOVE"]).start());
}

#[test]
fn dovecot_without_notify_and_idle() {
    tell(Dovecot::new().without(&["NOTIFY", "IDLE"]).start());
}

#[test]
fn dovecot_without_extensions() {
    tell(
        Dovecot::new()
            .without(&[
                "NOTIFY",
                "CONDSTORE",
                "QRESYNC",
                "ESEARCH",
                "LIST-STATUS",
                "SPECIAL-USE",
            ])
            .start(),
    );
}

#[test]
fn dovecot_with_prefix() {
    tell(Dovecot::new().inbox_prefix().start());
}

#[test]
fn cyrus() {
    tell(Cyrus::new().start());
}

#[test]
fn cyrus_with_prefix() {
    tell(Cyrus::new().inbox_prefix().start());
}

#[test]
fn courier() {
    tell(Courier::new().start());
}
