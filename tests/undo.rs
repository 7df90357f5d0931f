//! Taking moves back: every way to say which, what is refused and why, and that what was taken back is never moved again,
//! whatever happens to the daemon, the rules or the folder's numbers.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::string_slice
)]

mod support;

use std::time::{Duration, SystemTime};

use serde_json::Value;
use support::{Account, Census, Daemon, Dovecot, Drag, Home, Letter, Proxy, Server, eventually};

struct Scene {
    server: Server,
    proxy: Proxy,
    home: Home,
}

impl Scene {
    fn new() -> Option<Self> {
        let server = Dovecot::new().start()?;
        let proxy = Proxy::to(server.port).start();
        let home = Home::new(&[Account::new("home", proxy.port)]);
        Some(Self { server, proxy, home })
    }

    fn start(&self) -> Daemon {
        let mut daemon = self.home.start();
        daemon.wait_ready();
        daemon.wait_line("watching");
        daemon
    }

    /// Delivers newsletters and waits until all are in News.
    fn sorted(&self, names: &[&str]) -> Vec<Letter> {
        let letters: Vec<Letter> = names.iter().map(|name| newsletter(name)).collect();
        for letter in &letters {
            self.server.deliver("alice", &letter.bytes());
        }
        for letter in &letters {
            self.lies_in(letter, "News");
        }
        eventually("every row closed", || {
            let rows = self.rows();
            let done = |row: &&Value| row["state"] == "done";
            (rows.iter().filter(done).count() >= letters.len()).then_some(())
        });
        letters
    }

    #[track_caller]
    fn lies_in(&self, letter: &Letter, folder: &str) {
        let mut hand = self.server.hand("alice");
        hand.wait_for(folder, &letter.id());
        let other = if folder == "INBOX" { "News" } else { "INBOX" };
        assert_eq!(hand.find(other, &letter.id()), Vec::<u32>::new(), "and not in {other}");
    }

    /// The ledger, oldest first.
    fn rows(&self) -> Vec<Value> {
        let said = self.home.run(&["log", "--json"]).expect_code(0).stdout;
        let mut rows: Vec<Value> = said.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        rows.retain(|row| row["id"].is_i64());
        rows.sort_by_key(|row| row["id"].as_i64());
        rows
    }

    /// The newest row about a letter.
    fn row(&self, letter: &Letter) -> Value {
        let id = letter.id();
        let id = id.trim_matches(['<', '>']);
        let about = |row: &Value| row["message_id"].as_str().is_some_and(|known| known.contains(id));
        self.rows().into_iter().rfind(about).unwrap()
    }

    fn undo(&self, arguments: &[&str], code: i32) -> String {
        self.home.run(&[&["undo"], arguments].concat()).expect_code(code).stdout
    }
}

fn newsletter(name: &str) -> Letter {
    Letter::from(&format!("News <news@{name}.example>")).newsletter(&format!("<{name}.list.example>"))
}

/// What was done is told and taken back whatever has become of the rules since.
#[test]
fn rules_that_are_refused_are_in_the_way_of_no_undo_and_no_answer() {
    let Some(scene) = Scene::new() else { return };
    let mut daemon = scene.start();
    let letter = scene.sorted(&["first"]).remove(0);
    scene.home.rule_file("10.toml", "[[rule]]\nnam = \"x\"\n");
    daemon.wait_line("the old ones keep running");
    assert_eq!(scene.home.run(&["check"]).code, Some(1));
    let told = scene.home.run(&["explain", &letter.id()]).expect_code(0).stdout;
    assert!(told.contains("moved to News"), "{told}");
    let again = scene.home.run(&["explain", &letter.id(), "--again"]).expect_code(78);
    assert!(again.stderr.contains("10.toml"), "{}", again.stderr);
    let back = scene.undo(&["--last", "1"], 0);
    assert!(back.contains("is back in INBOX"), "{back}");
    scene.lies_in(&letter, "INBOX");
    daemon.terminate();
    scene.proxy.assert_clean();
}

#[test]
fn a_year_later_moves_can_be_taken_back_and_after_400_days_they_are_forgotten() {
    const DAY: Duration = Duration::from_hours(24);
    let Some(scene) = Scene::new() else { return };
    let daemon = scene.start();
    let old = scene.sorted(&["first", "second"]);
    daemon.terminate();
    let began = SystemTime::now();

    // By the server's clock time goes by too: it gives the newest message its date.
    let passes = |days: u32, name: &str| {
        scene.home.set_clock_ahead(DAY * days);
        let daemon = scene.start();
        let letter = newsletter(name);
        let at = began + DAY * days;
        scene.server.deliver_at("alice", "INBOX", &letter.bytes(), at);
        scene.lies_in(&letter, "News");
        eventually("the row to be closed", || {
            (scene.row(&letter)["state"] == "done").then_some(())
        });
        // What is done beside the mail is done after it, and before the next waiting.
        let idles = scene.proxy.count("IDLE");
        let next = newsletter(&format!("after-{name}"));
        scene.server.deliver_at("alice", "INBOX", &next.bytes(), at);
        scene.lies_in(&next, "News");
        eventually("the daemon to wait again", || {
            (scene.proxy.count("IDLE") > idles).then_some(())
        });
        daemon.terminate();
    };
    let kept = |letter: &Letter| {
        let id = letter.id();
        let told = scene.home.run(&["explain", &id]).text();
        told.contains("moved to News")
    };
    passes(31, "month");
    assert!(kept(&old[0]) && kept(&old[1]));
    passes(399, "year");
    assert!(kept(&old[0]) && kept(&old[1]));
    let id = scene.row(&old[0])["id"].to_string();
    assert!(scene.undo(&["--id", &id], 0).contains("is back in INBOX"));
    scene.lies_in(&old[0], "INBOX");
    passes(401, "later");
    assert!(!kept(&old[1]), "its row is older than 400 days");
    let states: Vec<Value> = scene.rows().iter().map(|row| row["kind"].clone()).collect();
    assert!(
        states.contains(&Value::from("undo")),
        "what was done since is kept: {states:?}"
    );
    // The message that was taken back is not sorted again for want of its row.
    scene.lies_in(&old[0], "INBOX");
    scene.proxy.assert_clean();
}

#[test]
fn every_way_to_say_which_moves_and_none_of_them_twice() {
    let Some(scene) = Scene::new() else { return };
    let daemon = scene.start();
    let letters = scene.sorted(&["one", "two", "three", "four"]);
    let before = Census::of(&scene.server, "alice");
    let id = scene.row(&letters[1])["id"].to_string();
    let run = scene.row(&letters[1])["run"].as_str().unwrap().to_owned();

    // Asked only what would happen, nothing does.
    let moves = scene.proxy.count("UID MOVE");
    for which in [
        &["--all"][..],
        &["--since", "1h"],
        &["--run", &run],
        &["--last", "4"],
        &["--id", &id],
    ] {
        let said = scene.undo(&[which, &["--dry-run"]].concat(), 0);
        let expected = if which[0] == "--id" { 1 } else { 4 };
        assert_eq!(
            said.matches("would go back to INBOX").count(),
            expected,
            "{which:?}: {said}"
        );
    }
    assert_eq!(scene.proxy.count("UID MOVE"), moves);
    before.assert_untouched(&Census::of(&scene.server, "alice"));

    // By number, and the undo taken back by its own.
    assert!(scene.undo(&["--id", &id], 0).contains("is back in INBOX"));
    scene.lies_in(&letters[1], "INBOX");
    let taken_back = scene.row(&letters[1]);
    assert_eq!(taken_back["kind"], "undo");
    let again = scene.undo(&["--id", &id], 0);
    assert!(again.contains(&format!("#{id} was taken back before")), "{again}");
    let rest = scene.undo(&["--since", "1h", "--dry-run"], 0);
    assert_eq!(rest.matches("would go back to INBOX").count(), 3, "{rest}");
    assert!(rest.contains(&format!("#{id} was taken back before")), "{rest}");
    assert!(
        scene
            .undo(&["--id", &taken_back["id"].to_string()], 0)
            .contains("is back in News")
    );
    scene.lies_in(&letters[1], "News");
    before.assert_same(&Census::of(&scene.server, "alice"));

    // All of a run: what has been moved since by another row is left alone, with the reason and the number of that row.
    let put_there_again = scene.row(&letters[1])["id"].to_string();
    let said = scene.undo(&["--run", &run], 1);
    assert_eq!(said.matches("is back in INBOX").count(), 3, "{said}");
    assert!(
        said.contains(&format!("take that back first (#{put_there_again})")),
        "{said}"
    );
    let said = scene.undo(&["--all"], 1);
    assert_eq!(said.matches("stays: ").count(), 1, "{said}");
    assert!(said.contains("3 were taken back before"), "{said}");
    scene.undo(&["--id", &put_there_again], 0);
    // What is back already is no failure: there is nothing left to do.
    assert_eq!(scene.undo(&["--all"], 0), "4 were taken back before\n");
    let nothing = scene.home.run(&["undo", "--id", "99999"]);
    assert!(
        nothing.code != Some(0) && nothing.text().contains("there is no such move"),
        "{}",
        nothing.text()
    );
    before.assert_same(&Census::of(&scene.server, "alice"));
    daemon.terminate();
    scene.proxy.assert_clean();

    // Nobody looks after that account any more: its moves cannot be taken back, and that is said.
    let config = std::fs::read_to_string(scene.home.config()).unwrap();
    scene
        .home
        .write_private("postroom.toml", &config.replace("name = \"home\"", "name = \"other\""));
    assert!(scene.undo(&["--all"], 1).contains("no longer configured"));
}

#[test]
fn since_and_all_take_back_what_the_user_has_not_touched() {
    let Some(scene) = Scene::new() else { return };
    let daemon = scene.start();
    let letters = scene.sorted(&["five", "six"]);
    scene
        .server
        .hand("alice")
        .drag_message(Drag::Move, &letters[0].id(), "News", "Trash");
    let said = scene.undo(&["--since", "1h"], 1);
    assert!(said.contains("you have moved or deleted it since"), "{said}");
    assert_eq!(said.matches("is back in INBOX").count(), 1, "{said}");
    scene.server.hand("alice").wait_for("Trash", &letters[0].id());
    scene.lies_in(&letters[1], "INBOX");
    let more = scene.sorted(&["seven"]);
    let said = scene.undo(&["--all"], 1);
    assert_eq!(said.matches("is back in INBOX").count(), 1, "{said}");
    assert!(said.contains("was taken back before"), "{said}");
    scene.lies_in(&more[0], "INBOX");
    daemon.terminate();
    scene.proxy.assert_clean();
}

#[test]
fn what_was_taken_back_stays_through_restart_new_rules_and_new_numbers() {
    let Some(mut scene) = Scene::new() else { return };
    let daemon = scene.start();
    let letters = scene.sorted(&["veto", "rescued"]);
    scene.undo(&["--id", &scene.row(&letters[0])["id"].to_string()], 0);
    scene
        .server
        .hand("alice")
        .drag_message(Drag::Move, &letters[1].id(), "News", "INBOX");
    eventually("the rescue", || {
        (scene.row(&letters[1])["kind"] == "rescue").then_some(())
    });
    daemon.terminate();

    let rule = "[[rule]]\nname = \"all\"\nwhen = { from = [\"@veto.example\", \"@rescued.example\", \"@new.example\"] }\nbucket = \"bulk\"\n";
    scene.home.rule_file("10-all.toml", rule);
    scene.stay(&letters, "new");

    // Dovecot makes a new UIDVALIDITY when its list of UIDs is gone.
    scene.server.stop();
    for name in [
        "dovecot-uidlist",
        "dovecot.index",
        "dovecot.index.log",
        "dovecot.index.cache",
        "dovecot-uidvalidity",
    ] {
        let _ = std::fs::remove_file(scene.server.maildir("alice", "INBOX").join(name));
    }
    scene.server.start_again();
    scene.stay(&letters, "newer.new");
    scene.proxy.assert_clean();
}

impl Scene {
    /// A life of the daemon in which new mail of `name` goes to Bulk and the letters stay.
    fn stay(&self, letters: &[Letter], name: &str) {
        let mut daemon = self.home.start();
        daemon.wait_line("watching");
        let fresh = Letter::from(&format!("x{}@new.example", name.len()));
        self.server.deliver("alice", &fresh.bytes());
        self.server.hand("alice").wait_for("Bulk", &fresh.id());
        for letter in letters {
            self.lies_in(letter, "INBOX");
            assert_eq!(self.server.hand("alice").find("Bulk", &letter.id()), Vec::<u32>::new());
        }
        daemon.terminate();
    }
}
