//! What a server says when it wants to be left alone, or when something is wrong with it (reliability.md C1 to C6, D1, D2):
//! the real binary against answers that no server gives on demand. How long each wait is, is tested in paused time beside
//! the code; here it is seen that the wait is begun, the user told, and no message touched or forgotten.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::string_slice
)]

mod support;

use support::{Account, Daemon, Home, Ledger, Letter, Odd, Ways, eventually};

struct Scene {
    server: Odd,
    home: Home,
    daemon: Daemon,
}

impl Scene {
    /// A daemon that watches, polling every second.
    fn new() -> Self {
        let server = Ways::default().start();
        let home = Home::new(&[Account::new("home", server.port).imap_line("poll = \"1s\"")]);
        let mut daemon = home.start();
        daemon.wait_line("watching");
        Self { server, home, daemon }
    }

    fn deliver(&self, letter: &Letter) {
        self.server.deliver("INBOX", &letter.bytes());
    }

    fn stays(&self, letter: &Letter) {
        assert_eq!(
            self.server.mail().find("INBOX", &letter.id()).len(),
            1,
            "it stays in the inbox"
        );
        assert_eq!(self.server.mail().copies(&letter.id()), 1);
    }

    fn status(&self) -> String {
        self.home.run(&["status"]).expect_code(0).text()
    }

    /// Seconds until the next attempt, from the log.
    fn waits(&mut self, words: &str) -> u32 {
        let line = self.daemon.wait_line(words);
        let (_, rest) = line.split_once("trying again in ").expect(&line);
        rest.split(' ').next().unwrap().parse().unwrap()
    }

    fn end(self) {
        let ledger = eventually("every row closed", || {
            Some(Ledger::of(&self.home)).filter(|ledger| ledger.open() == 0)
        });
        assert_eq!(ledger.lessons, 0, "{ledger:?}");
        self.daemon.terminate();
    }
}

fn newsletter(name: &str) -> Letter {
    Letter::from(&format!("News <news@{name}.example>")).newsletter(&format!("<{name}.list.example>"))
}

#[test]
fn c1_bandwidth_used_up_is_left_alone_for_an_hour() {
    let mut scene = Scene::new();
    let refusal = "NO [OVERQUOTA] Account exceeded command or bandwidth limits. (Failure)";
    scene.server.answer("UID FETCH", refusal, 9);
    let letter = newsletter("late");
    scene.deliver(&letter);
    let seconds = scene.waits("bandwidth limits");
    assert!((3_600..=3_960).contains(&seconds), "{seconds}");
    assert!(scene.status().contains("next attempt"), "{}", scene.status());
    scene.stays(&letter);
    scene.end();
}

#[test]
fn c2_a_limit_delays_its_own_message_and_no_other_folder() {
    let mut scene = Scene::new();
    scene
        .server
        .answer("UID MOVE 1 \"News\"", "NO [LIMIT] Too many messages at once.", 1);
    let letter = newsletter("limited");
    scene.deliver(&letter);
    scene.daemon.wait_line("[LIMIT]");
    scene.stays(&letter);
    let other = newsletter("next");
    scene.deliver(&other);
    scene.server.arrives(&other.id(), "News", &["INBOX"]);
    scene.stays(&letter);
    scene.end();
}

#[test]
fn c3_throttled_in_an_ok_is_heard() {
    let mut scene = Scene::new();
    scene.server.answer("UID FETCH", "OK Success [THROTTLED]", 1);
    let letter = newsletter("slow");
    scene.deliver(&letter);
    scene.daemon.wait_line("half the speed for a quarter of an hour");
    scene.server.arrives(&letter.id(), "News", &["INBOX"]);
    scene.end();
}

#[test]
fn c3_the_time_that_the_server_names_is_kept_to() {
    let mut scene = Scene::new();
    let refusal = "NO Request is throttled. Suggested Backoff Time: 299961 milliseconds";
    scene.server.answer("UID MOVE", refusal, 1);
    let (first, second) = (newsletter("first"), newsletter("second"));
    scene.deliver(&first);
    scene.daemon.wait_line("Suggested Backoff Time");
    scene.deliver(&second);
    scene.daemon.wait_line("the server has asked for patience");
    assert_eq!(scene.server.count("UID MOVE"), 1, "nothing more is sent");
    scene.stays(&first);
    scene.stays(&second);
    scene.server.answer("UID FETCH", refusal, 9);
    scene.deliver(&newsletter("third"));
    let seconds = scene.waits("the server refused");
    assert!((300..=330).contains(&seconds), "{seconds}");
    scene.end();
}

#[test]
fn c4_what_is_forbidden_is_not_tried_again() {
    let mut scene = Scene::new();
    scene.server.answer("UID MOVE", "NO [NOPERM] not yours", 1);
    let letter = newsletter("forbidden");
    scene.deliver(&letter);
    scene.daemon.wait_line("[NOPERM]");
    // The folder as a whole is spared from here on, and the user is told.
    scene.daemon.wait_line("lets you put no mail into News");
    let other = newsletter("spared");
    scene.deliver(&other);
    scene.daemon.wait_line("News takes no mail for now");
    assert_eq!(scene.server.count("UID MOVE"), 1);
    scene.stays(&letter);
    scene.stays(&other);
    scene.end();
}

#[test]
fn c4_an_inbox_that_is_read_only_is_only_looked_at() {
    let server = Ways::default().start();
    server.answer("SELECT", "OK [READ-ONLY] open", 99);
    let home = Home::new(&[Account::new("home", server.port).imap_line("poll = \"1s\"")]);
    let mut daemon = home.start();
    daemon.wait_line("INBOX is read-only, so nothing can be moved out of it");
    daemon.wait_line("watching");
    let letter = newsletter("seen");
    server.deliver("INBOX", &letter.bytes());
    daemon.wait_line("news@seen.example");
    assert_eq!(server.count("UID MOVE"), 0);
    let status = home.run(&["status"]).expect_code(0).text();
    assert!(status.contains("INBOX is read-only"), "{status}");
    assert!(status.contains("moves nothing"), "{status}");
    daemon.terminate();
}

#[test]
fn c5_a_command_not_understood_ends_the_connection_and_is_not_repeated() {
    let mut scene = Scene::new();
    scene.server.answer("UID MOVE", "BAD [CLIENTBUG] what?", 1);
    let letter = newsletter("misunderstood");
    scene.deliver(&letter);
    let seconds = scene.waits("the server refused a move");
    assert_eq!(seconds, 60);
    scene.stays(&letter);
    assert_eq!(scene.server.count("UID MOVE"), 1);
    scene.end();
}

#[test]
fn c6_after_grave_words_nothing_is_moved_and_the_user_reads_them() {
    let mut scene = Scene::new();
    let alert = "OK [ALERT] We close\u{1b}[2J on Friday.";
    scene.server.answer("UID FETCH", alert, 1);
    let letter = newsletter("before");
    scene.deliver(&letter);
    scene.server.arrives(&letter.id(), "News", &["INBOX"]);
    let line = scene.daemon.wait_line("the server says");
    assert!(line.contains("on Friday") && !line.contains('\u{1b}'), "{line}");

    let (during, after) = (newsletter("during"), newsletter("after"));
    let corruption = "OK [CORRUPTION] the index was rebuilt";
    scene.server.answer("UID FETCH", corruption, 1);
    scene.deliver(&during);
    scene.daemon.wait_line("nothing is moved for an hour");
    scene.deliver(&after);
    scene.daemon.wait_line("news@after.example");
    scene.stays(&during);
    scene.stays(&after);
    let status = eventually("the status", || {
        Some(scene.status()).filter(|status| status.contains("[CORRUPTION]"))
    });
    assert!(status.contains("moves nothing (for the reason below)"), "{status}");
    scene.end();
}

/// How long the daemon waits after a login that was answered so.
fn login(answer: &str) -> (u32, usize) {
    let server = Ways::default().start();
    server.answer("AUTHENTICATE", answer, 9);
    let home = Home::new(&[Account::new("home", server.port)]);
    let mut daemon = home.start();
    daemon.wait_line("login");
    let status: serde_json::Value = eventually("the status", || {
        let said = home.run(&["status", "--json"]).text();
        serde_json::from_str(&said)
            .ok()
            .filter(|value: &serde_json::Value| value["status"].is_object())
    });
    let status = &status["status"];
    let wait = status["next_attempt"].as_i64().unwrap() - status["at"].as_i64().unwrap();
    let tries = server.count("AUTHENTICATE");
    daemon.terminate();
    (u32::try_from(wait).unwrap(), tries)
}

#[test]
fn d1_and_d2_a_refused_login_is_tried_once_and_what_passes_is_no_wrong_password() {
    for (answer, range) in [
        ("NO [AUTHENTICATIONFAILED] Invalid credentials", 21_600..=21_600),
        ("NO [EXPIRED] change it", 21_600..=21_600),
        ("NO Login failed.", 300..=300),
        ("NO [UNAVAILABLE] Temporary authentication failure.", 270..=330),
        (
            "NO [LIMIT] Maximum number of connections from user+IP exceeded",
            270..=330,
        ),
        ("NO [ALERT] Too many simultaneous connections. (Failure)", 270..=330),
        ("NO Suggested Backoff Time: 600000 milliseconds", 600..=662),
    ] {
        let (wait, tries) = login(answer);
        assert!(range.contains(&wait), "{answer}: {wait} s");
        assert_eq!(tries, 1, "{answer}");
    }
}
