//! Living with it, with the whole program on a real Dovecot: what the digest tells, mail that comes back at its time, quiet
//! hours, strangers at the door. Time is not waited for: the program's clock is put ahead.
//!
//! Every story ends with a census: each message is there once, with the same bytes, flags and INTERNALDATE, and with the
//! proxy's word that only the closed list of commands was used.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::string_slice
)]

mod support;

use std::time::{Duration, SystemTime};

use support::grammar::Allowance;
use support::{Account, Census, Dovecot, Home, Letter, Proxy, Server};

const DAY: Duration = Duration::from_hours(24);

/// One account of a server, with the proxy between it and the program.
struct Desk {
    server: Server,
    proxy: Proxy,
    home: Home,
}

impl Desk {
    fn with(server: Server, adjust: impl FnOnce(Account) -> Account) -> Self {
        // The digest is the one thing that is appended.
        let allowance = Allowance {
            digest: true,
            ..Allowance::default()
        };
        let proxy = Proxy::to(server.port).allow(allowance).start();
        let home = Home::new(&[adjust(Account::new("home", proxy.port))]);
        Self { server, proxy, home }
    }

    fn deliver(&self, letter: &Letter) {
        self.server.deliver("alice", &letter.bytes());
    }

    /// One full sweep.
    fn sweep(&self) {
        self.home.run_once().expect_code(0);
    }

    /// What the digests in the inbox say, oldest first.
    fn digests(&self) -> Vec<String> {
        let mut texts = Vec::new();
        self.server.hand("alice").each_message("INBOX", true, |copy| {
            let parsed = mail_parser::MessageParser::default().parse(&copy.bytes).unwrap();
            if parsed.header("X-Postroom-Digest").is_some() {
                texts.push(parsed.body_text(0).unwrap().replace("\r\n", "\n"));
            }
        });
        texts
    }

    fn census(&self) -> Census {
        Census::of(&self.server, "alice")
    }
}

#[test]
fn what_flags_suggest_is_told_in_the_digest_once_and_moves_nothing() {
    let Some(server) = Dovecot::new().start() else { return };
    let desk = Desk::with(server, |account| account);
    for _ in 0..5 {
        let letter = Letter::from("Talker <talker@letter.example>");
        let long_ago = SystemTime::now() - 20 * DAY;
        desk.server.deliver_at("alice", "INBOX", &letter.bytes(), long_ago);
    }
    desk.deliver(&Letter::from("Anna <anna@people.example>"));
    desk.sweep();
    let before = desk.census();
    assert!(!desk.home.run(&["digest", "--print"]).text().contains("talker"));
    desk.home.run(&["digest"]).expect_code(0);
    let digests = desk.digests();
    assert_eq!(digests.len(), 1, "{digests:?}");
    for part in [
        "Suggestions",
        "talker@letter.example to bulk? you left the last 5 messages unread.",
        "postroom train talker@letter.example bulk",
    ] {
        assert!(digests[0].contains(part), "{part} is missing in\n{}", digests[0]);
    }
    // What was told once is not told again, not even after the next look.
    let said = desk.home.run(&["digest"]).expect_code(0).text();
    assert!(said.contains("none was written"), "{said}");
    desk.home.set_clock_ahead(8 * DAY);
    let said = desk.home.run(&["digest"]).expect_code(0).text();
    assert!(said.contains("none was written"), "{said}");
    // The command in the digest is one that works.
    desk.home
        .run(&["train", "talker@letter.example", "bulk"])
        .expect_code(0);
    desk.home.set_clock_ahead(16 * DAY);
    desk.home.run(&["digest"]).expect_code(0);
    assert!(!desk.digests()[1].contains("Suggestions"), "{}", desk.digests()[1]);
    let after = desk.census();
    assert_eq!(before.len() + 2, after.len());
    assert_eq!(after.in_folder("INBOX"), after.len());
    assert!(before.difference(&after).lost.is_empty());
    desk.proxy.assert_clean();
}
