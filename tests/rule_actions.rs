//! What rules ask for beyond headers and do beyond a bucket, with the whole daemon on a real Dovecot: files, copies.
//!
//! Every story ends with the proxy's word that only the closed list of commands was used.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::string_slice
)]

mod support;

use support::grammar::Allowance;
use support::{Account, Daemon, Dovecot, Drag, Home, Ledger, Letter, Proxy, Server, eventually};

/// One account with rules, and the proxy between daemon and server.
struct Office {
    server: Server,
    proxy: Proxy,
    home: Home,
}

impl Office {
    fn new(server: Server, rules: &str) -> Self {
        Self::allowing(server, rules, Allowance::default())
    }

    fn allowing(server: Server, rules: &str, allowance: Allowance) -> Self {
        let proxy = Proxy::to(server.port).allow(allowance).start();
        let home = Home::new(&[Account::new("home", proxy.port)]);
        home.rule_file("10-mine.toml", rules);
        Self { server, proxy, home }
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

    /// In which folders a letter lies, once for each time it does.
    fn folders(&self, letter: &Letter) -> Vec<String> {
        let mut hand = self.server.hand("alice");
        let mut found = Vec::new();
        for folder in hand.folders() {
            if !folder.attributes.contains("\\noselect") {
                found.extend(
                    hand.find(&folder.name, &letter.id())
                        .iter()
                        .map(|_| folder.name.clone()),
                );
            }
        }
        found.sort_unstable();
        found
    }

    fn wait_for(&self, letter: &Letter, folders: &[&str]) {
        eventually(&format!("{} in {folders:?}", letter.id()), || {
            (self.folders(letter) == folders).then_some(())
        });
    }
}

const COPIES: &str = r#"
[[rule]]
name = "invoices"
when = { from = "@shop.example" }
move = "Receipts"
copy = ["Bookkeeper", "Bulk"]
flags = ["+$Invoice"]

[[rule]]
name = "kept"
when = { from = "@kept.example" }
keep = true
copy = "Bookkeeper"
"#;

/// Sorted as the rules say, nothing learned, nothing sorted twice, and a restart changes nothing.
fn copies_are_made_once(server: Server) {
    let office = Office::new(server, COPIES);
    let daemon = office.start();
    let (invoice, kept) = (Letter::from("billing@shop.example"), Letter::from("anna@kept.example"));
    office.deliver(&invoice);
    office.deliver(&kept);
    office.wait_for(&invoice, &["Bookkeeper", "Bulk", "Receipts"]);
    office.wait_for(&kept, &["Bookkeeper", "INBOX"]);
    daemon.terminate();
    // With nothing but the ledger to know its own copies by.
    let mut daemon = office.start();
    let marker = Letter::from("billing@shop.example");
    office.deliver(&marker);
    office.wait_for(&marker, &["Bookkeeper", "Bulk", "Receipts"]);
    office.wait_for(&invoice, &["Bookkeeper", "Bulk", "Receipts"]);
    office.wait_for(&kept, &["Bookkeeper", "INBOX"]);
    let ledger = Ledger::of(&office.home);
    assert_eq!((ledger.open(), ledger.lessons, ledger.drags), (0, 0, 0), "{ledger:?}");
    let mut hand = office.server.hand("alice");
    for folder in ["Bookkeeper", "Bulk", "Receipts"] {
        let uid = hand.only(folder, &invoice.id());
        let flags = hand.message(folder, uid).flags;
        assert!(
            flags.iter().any(|flag| flag.eq_ignore_ascii_case("$invoice")),
            "{folder}: {flags:?}"
        );
    }
    daemon.wait_line("sort");
    daemon.terminate();
    office.proxy.assert_clean();
}

#[test]
fn copies_are_made_beside_a_move() {
    let Some(server) = Dovecot::new().start() else { return };
    copies_are_made_once(server);
}

#[test]
fn copies_are_made_where_moving_is_copying_too() {
    let Some(server) = Dovecot::new().without(&["MOVE"]).start() else {
        return;
    };
    copies_are_made_once(server);
}

#[test]
fn undo_takes_the_message_back_and_leaves_the_copy() {
    let Some(server) = Dovecot::new().start() else { return };
    let office = Office::new(server, COPIES);
    let daemon = office.start();
    let invoice = Letter::from("billing@shop.example");
    office.deliver(&invoice);
    office.wait_for(&invoice, &["Bookkeeper", "Bulk", "Receipts"]);
    daemon.terminate();
    let log = office.home.run(&["log", "--json"]).expect_code(0).text();
    let copy = log
        .lines()
        .map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap())
        .find(|row| row["kind"] == "copy")
        .expect("a row of the copy");
    let refused = office
        .home
        .run(&["undo", "--id", &copy["id"].to_string()])
        .expect_code(1);
    assert!(refused.text().contains("remove it yourself"), "{}", refused.text());
    let undone = office.home.run(&["undo", "--last", "1"]).expect_code(0).text();
    assert!(undone.contains("is back in INBOX"), "{undone}");
    assert!(undone.contains("is a copy and stays in Bookkeeper"), "{undone}");
    office.wait_for(&invoice, &["Bookkeeper", "Bulk", "INBOX"]);
    let story = office.home.run(&["explain", &invoice.id()]).expect_code(0).text();
    assert!(story.contains("copied to Bookkeeper"), "{story}");
    assert!(story.contains("last seen in INBOX"), "{story}");
    // The daemon neither sorts what was taken back nor copies it again.
    let daemon = office.start();
    let marker = Letter::from("billing@shop.example");
    office.deliver(&marker);
    office.wait_for(&marker, &["Bookkeeper", "Bulk", "Receipts"]);
    office.wait_for(&invoice, &["Bookkeeper", "Bulk", "INBOX"]);
    daemon.terminate();
    office.proxy.assert_clean();
}

#[test]
fn a_copy_brought_to_the_inbox_by_hand_stays_there_and_teaches_nothing() {
    let Some(server) = Dovecot::new().start() else { return };
    let office = Office::new(server, COPIES);
    let daemon = office.start();
    let kept = Letter::from("anna@kept.example");
    office.deliver(&kept);
    office.wait_for(&kept, &["Bookkeeper", "INBOX"]);
    office
        .server
        .hand("alice")
        .drag_message(Drag::Move, &kept.id(), "Bookkeeper", "INBOX");
    let marker = Letter::from("anna@kept.example");
    office.deliver(&marker);
    office.wait_for(&marker, &["Bookkeeper", "INBOX"]);
    office.wait_for(&kept, &["INBOX", "INBOX"]);
    let ledger = Ledger::of(&office.home);
    assert_eq!((ledger.lessons, ledger.drags), (0, 0), "{ledger:?}");
    daemon.terminate();
    office.proxy.assert_clean();
}

#[test]
fn a_copy_that_is_refused_holds_nothing_up() {
    let Some(server) = Dovecot::new().start() else { return };
    // A name the server does not take, and a use for which it marks no folder.
    let targets = format!("[\"{}\", \"\\\\Archive\", \"Bulk\"]", "x".repeat(300));
    let office = Office::new(server, &COPIES.replace("[\"Bookkeeper\", \"Bulk\"]", &targets));
    let mut daemon = office.start();
    let invoice = Letter::from("billing@shop.example");
    office.deliver(&invoice);
    daemon.wait_line("the server marks no folder for this use");
    daemon.wait_line("the message itself goes its way");
    office.wait_for(&invoice, &["Bulk", "Receipts"]);
    daemon.terminate();
    office.proxy.assert_clean();
}

/// A letter with one attached file; `named` is the parameter that names it.
fn with_file(from: &str, named: &str) -> Letter {
    Letter::from(from)
        .field("MIME-Version", "1.0")
        .field("Content-Type", "multipart/mixed; boundary=\"cut\"")
        .body(&format!(
            "--cut\r\nContent-Type: text/plain\r\n\r\nHello\r\n--cut\r\nContent-Type: application/octet-stream\r\n\
             Content-Transfer-Encoding: base64\r\nContent-Disposition: attachment;\r\n {named}\r\n\r\nQQ==\r\n--cut--\r\n"
        ))
}

const FILES: &str = r#"
[[rule]]
name = "euro tables"
when = { attachment = "*\u20ac*.csv" }
move = "Tables"

[[rule]]
name = "calendar"
when = { attachment = "*.ics" }
move = "Calendar"

[[rule]]
name = "any file"
when = { attachment = true }
move = "Files"
"#;

#[test]
fn files_are_looked_at_where_a_rule_asks() {
    let Some(server) = Dovecot::new().start() else { return };
    let allowance = Allowance {
        body_structure: true,
        ..Allowance::default()
    };
    let office = Office::allowing(server, FILES, allowance);
    let daemon = office.start();
    let plain = Letter::from("anna@letter.example");
    let (table, invite, other, hostile) = (
        with_file("a@letter.example", "filename*=utf-8''%e2%82%ac%20rates.csv"),
        with_file("b@letter.example", "filename=\"invite.ics\""),
        with_file("c@letter.example", "filename=\"photo.jpg\""),
        with_file(
            "d@letter.example",
            &format!("filename=\"{}.ics\"", "x".repeat(900).replace("xxx", "x\\\"(")),
        ),
    );
    for letter in [&plain, &table, &invite, &other, &hostile] {
        office.deliver(letter);
    }
    office.wait_for(&table, &["Tables"]);
    office.wait_for(&invite, &["Calendar"]);
    office.wait_for(&other, &["Files"]);
    office.wait_for(&hostile, &["Files"]);
    office.wait_for(&plain, &["INBOX"]);
    assert!(office.proxy.count("UID FETCH") > 0);
    daemon.terminate();
    office.proxy.assert_clean();
}

/// Ten thousand parts make a BODYSTRUCTURE that no limit would let through: the message is sorted without it, and so is
/// all mail behind it.
#[test]
fn a_message_of_ten_thousand_parts_stops_nothing() {
    let Some(server) = Dovecot::new().start() else { return };
    let allowance = Allowance {
        body_structure: true,
        ..Allowance::default()
    };
    let office = Office::allowing(server, FILES, allowance);
    let mut daemon = office.start();
    let part = "--cut\r\nContent-Type: application/pdf; name=\"invite.ics\"\r\n\r\nx\r\n";
    let bomb = Letter::from("bomb@letter.example")
        .field("MIME-Version", "1.0")
        .field("Content-Type", "multipart/mixed; boundary=\"cut\"")
        .body(&format!("{}--cut--\r\n", part.repeat(9_900)));
    let invite = with_file("b@letter.example", "filename=\"invite.ics\"");
    office.deliver(&bomb);
    daemon.wait_line("bomb@letter.example");
    office.deliver(&invite);
    office.wait_for(&invite, &["Calendar"]);
    office.wait_for(&bomb, &["INBOX"]);
    assert_eq!(daemon.count_lines("trying again"), 0, "{}", daemon.output());
    daemon.terminate();
    office.proxy.assert_clean();
}

/// Says the same as the journal of one daemon: how often a line with this part was written.
fn lines_with(text: &str, part: &str) -> usize {
    text.lines().filter(|line| line.contains(part)).count()
}

const BROAD: &str = "[[rule]]\nname = \"too much\"\nwhen = { from = \"@letter.example\" }\nmove = \"Letters\"\n";

#[test]
fn a_rule_that_would_take_much_of_the_mail_is_held_until_the_user_confirms() {
    let Some(server) = Dovecot::new().start() else { return };
    for n in 0..30 {
        server.deliver("alice", &Letter::from(&format!("p{n}@letter.example")).bytes());
    }
    let office = Office::new(server, BROAD);
    let mut daemon = office.start();
    let first = Letter::from("anna@letter.example");
    office.deliver(&first);
    daemon.wait_line("anna@letter.example");
    office.wait_for(&first, &["INBOX"]);
    let said = "rule \"too much\" would match 30 of the last 30 messages and is held";
    assert_eq!(daemon.count_lines(said), 1, "{}", daemon.output());
    assert_eq!(
        daemon.count_lines("names the folder `Letters`, which does not exist yet"),
        1
    );
    // Everybody who is asked says so in one sentence.
    let status = office.home.run(&["status"]).expect_code(0).text();
    assert_eq!(lines_with(&status, "rule \"too much\" is held"), 1, "{status}");
    let status: serde_json::Value =
        serde_json::from_str(&office.home.run(&["status", "--json"]).expect_code(0).stdout).unwrap();
    assert_eq!(status["held_rules"][0]["matches"], 30, "{status}");
    let check = office.home.run(&["check"]).expect_code(0).text();
    assert_eq!(lines_with(&check, said), 1, "{check}");
    assert!(check.contains("10-mine.toml:2:8"), "{check}");
    assert_eq!(lines_with(&check, "which does not exist yet"), 1, "{check}");
    let preview = office.home.run(&["preview"]).expect_code(0).text();
    assert_eq!(lines_with(&preview, "is held"), 1, "{preview}");
    // A restart does not ask again, and does not forget.
    daemon.terminate();
    daemon = office.start();
    let second = Letter::from("bert@letter.example");
    office.deliver(&second);
    daemon.wait_line("bert@letter.example");
    office.wait_for(&second, &["INBOX"]);
    assert_eq!(daemon.count_lines(said), 0);
    // The user's word counts for the running daemon too.
    let sorted = office.home.run(&["sort", "--yes"]).expect_code(0).text();
    assert_eq!(lines_with(&sorted, "is held"), 1, "{sorted}");
    office.wait_for(&first, &["Letters"]);
    let third = Letter::from("carl@letter.example");
    office.deliver(&third);
    office.wait_for(&third, &["Letters"]);
    let check = office.home.run(&["check"]).expect_code(0).text();
    assert_eq!(lines_with(&check, "is held"), 0, "{check}");
    // Another rule is another matter; what was confirmed stays so.
    let more = BROAD
        .replace("too much", "even more")
        .replace("@letter.example", "*")
        .replace("Letters", "All");
    office.home.rule_file("20-more.toml", &more);
    daemon.wait_line("rule \"even more\" would match");
    let fourth = Letter::from("dora@letter.example");
    office.deliver(&fourth);
    office.wait_for(&fourth, &["Letters"]);
    let stranger = Letter::from("emil@other.example");
    office.deliver(&stranger);
    daemon.wait_line("emil@other.example");
    office.wait_for(&stranger, &["INBOX"]);
    office
        .home
        .rule_file("20-more.toml", &format!("{more}allow_broad = true\n"));
    // Taken up when the rule is told of no more.
    eventually("the rule in force", || {
        let status = office.home.run(&["status"]).expect_code(0).text();
        (lines_with(&status, "is held") == 0).then_some(())
    });
    let last = Letter::from("fred@other.example");
    office.deliver(&last);
    office.wait_for(&last, &["All"]);
    daemon.terminate();
    office.proxy.assert_clean();
}

#[test]
fn one_rule_fills_fifty_folders_and_no_more() {
    let Some(server) = Dovecot::new().start() else { return };
    let rules =
        "[[rule]]\nname = \"by sender\"\nwhen = { from = \"@.shops.example\" }\nmove = \"Shops/{from.domain}\"\n";
    let office = Office::new(server, rules);
    let mut daemon = office.start();
    let letter = |n: u32| Letter::from(&format!("till@n{n}.shops.example"));
    for n in 0..48 {
        office.deliver(&letter(n));
    }
    let mut hand = office.server.hand("alice");
    let shops = |hand: &mut support::Hand| {
        let folders = hand.folders();
        folders
            .iter()
            .filter(|folder| folder.name.starts_with("Shops/"))
            .count()
    };
    eventually("48 folders", || (shops(&mut hand) == 48).then_some(()));
    // Across a restart, and five at once.
    daemon.terminate();
    for n in 48..53 {
        office.deliver(&letter(n));
    }
    daemon = office.start();
    let known = letter(3);
    office.deliver(&known);
    office.wait_for(&known, &["Shops/n3-shops-example"]);
    assert_eq!(shops(&mut hand), 50);
    assert_eq!(hand.uids("INBOX").len(), 3, "what needs another folder stays");
    assert_eq!(
        daemon.count_lines("makes no more; its further mail"),
        1,
        "{}",
        daemon.output()
    );
    // A folder the user makes is filled.
    hand.make_folder("Shops/n77-shops-example");
    let mine = letter(77);
    office.deliver(&mine);
    office.wait_for(&mine, &["Shops/n77-shops-example"]);
    daemon.terminate();
    office.proxy.assert_clean();
}

#[test]
fn status_tells_which_rules_are_running_and_which_are_rejected() {
    let Some(server) = Dovecot::new().start() else { return };
    let office = Office::new(server, COPIES);
    let daemon = office.start();
    let status = || office.home.run(&["status"]).expect_code(0).text();
    let running = eventually("rules in the status", || {
        status()
            .lines()
            .find(|line| line.contains("running rules of "))
            .map(str::to_owned)
    });
    assert!(!running.contains("rejected"), "{running}");
    let broken = "[[rule]]\nname = \"broken\"\nwhen = { form = \"@shop.example\" }\nbucket = \"bulkk\"\n";
    office.home.rule_file("20-shops.toml", broken);
    let rejected = eventually("the rejected file in the status", || {
        status()
            .lines()
            .find(|line| line.contains("rejected"))
            .map(str::to_owned)
    });
    // "running rules of 10:42; 20-shops.toml of 10:57 rejected: line 3"
    let (old, new) = rejected.split_once("; ").unwrap();
    assert_eq!(old, running, "the old ones run on");
    assert!(
        new.starts_with("20-shops.toml of ") && new.ends_with(" rejected: line 3"),
        "{rejected}"
    );
    let json: serde_json::Value =
        serde_json::from_str(&office.home.run(&["status", "--json"]).expect_code(0).stdout).unwrap();
    let told = &json["rules"]["rejected"];
    assert_eq!(
        (&told["file"], &told["line"], &told["errors"]),
        (&"20-shops.toml".into(), &3.into(), &2.into()),
        "{json}"
    );
    assert!(
        told["why"].as_str().unwrap().contains("does not know the key `form`"),
        "{json}"
    );
    // Saved again with the same mistake, and read again on SIGHUP: the journal has said it.
    office.home.rule_file("20-shops.toml", broken);
    daemon.hang_up();
    office.home.rule_file(
        "20-shops.toml",
        &broken.replace("form", "from").replace("bulkk", "bulk"),
    );
    eventually("all rules in force", || (!status().contains("rejected")).then_some(()));
    assert_eq!(daemon.count_lines("the rules are refused"), 1, "{}", daemon.output());
    assert_eq!(daemon.count_lines("the first of 2 errors"), 1, "{}", daemon.output());
    let json: serde_json::Value =
        serde_json::from_str(&office.home.run(&["status", "--json"]).expect_code(0).stdout).unwrap();
    assert_eq!(json["rules"]["rules"], 3, "{json}");
    daemon.terminate();
    office.proxy.assert_clean();
}
