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

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, SystemTime};

use support::grammar::Allowance;
use support::server::PASSWORD;
use support::{Account, Census, Dovecot, Drag, Hand, Home, Letter, Moment, Proxy, Server, eventually};

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

    /// The letter lies in `folder` and nowhere else.
    #[track_caller]
    fn lies(&self, letter: &Letter, folder: &str) {
        let mut hand = self.server.hand("alice");
        let mut places = Vec::new();
        for there in hand.folders() {
            if ["\\noselect", "\\nonexistent"]
                .iter()
                .any(|word| there.attributes.contains(*word))
            {
                continue;
            }
            let found = hand.find(&there.name, &letter.id()).len();
            places.extend(std::iter::repeat_n(there.name, found));
        }
        assert_eq!(places, [folder], "{}", letter.id());
    }

    fn drag(&self, letter: &Letter, from: &str, to: &str) {
        self.server
            .hand("alice")
            .drag_message(Drag::Move, &letter.id(), from, to);
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

#[test]
fn a_bucket_of_ones_own_is_taught_by_dragging_named_by_rules_and_shown_everywhere() {
    let Some(server) = Dovecot::new().start() else { return };
    let desk = Desk::with(server, |account| {
        account.folder_line("bulk = \"Bulk\"\n[account.bucket.receipts]\nfolder = \"Receipts\"\n")
    });
    desk.home.rule_file(
        "10-mine.toml",
        "[[rule]]\nname = \"invoices\"\nwhen = { subject = \"invoice\" }\nbucket = \"receipts\"\n\n\
         [[test]]\nmail = { from = \"a@b.example\", subject = \"Invoice 7\" }\nexpect = { bucket = \"receipts\" }\n",
    );
    desk.home.run(&["check"]).expect_code(0);
    desk.sweep();
    let (ruled, dragged, later) = (
        Letter::from("books@shop.example").subject("Invoice 7"),
        Letter::from("till@grocer.example"),
        Letter::from("till@grocer.example"),
    );
    let person = Letter::from("Anna <anna@people.example>");
    for letter in [&ruled, &dragged, &person] {
        desk.deliver(letter);
    }
    desk.sweep();
    desk.lies(&ruled, "Receipts");
    desk.lies(&dragged, "INBOX");
    desk.drag(&dragged, "INBOX", "Receipts");
    desk.sweep();
    desk.deliver(&later);
    let before = desk.census();
    desk.sweep();
    desk.lies(&later, "Receipts");
    desk.lies(&person, "INBOX");
    // Every page that names buckets names this one. The digest ends before the second in which it is asked for.
    desk.home.set_clock_ahead(Duration::from_secs(5));
    for (command, says) in [
        (vec!["explain", later.id().as_str()], "receipts"),
        (vec!["senders", "till@grocer.example"], "receipts"),
        (vec!["senders", "--bucket", "receipts"], "till@grocer.example"),
        (vec!["stats"], "receipts 2"),
        (vec!["report"], "receipts"),
        (vec!["metrics"], "bucket=\"receipts\"} 2"),
        (
            vec!["digest", "--print"],
            "Mail from till@grocer.example now goes to receipts",
        ),
        (vec!["digest", "--print"], "2 receipts"),
        (vec!["export"], "bucket = \"receipts\""),
        (vec!["log"], "Receipts"),
    ] {
        let said = desk.home.run(&command).expect_code(0).stdout;
        assert!(said.contains(says), "{command:?} does not say {says}:\n{said}");
    }
    desk.home.run(&["train", "@cafe.example", "receipts"]).expect_code(0);
    let slip = desk
        .home
        .run(&["train", "@cafe.example", "recipts"])
        .expect_code(2)
        .text();
    assert!(slip.contains("did you mean `receipts`?"), "{slip}");
    // A rescue takes it back; undo knows the folder.
    desk.home.run(&["undo", "--last", "1"]).expect_code(0);
    desk.lies(&later, "INBOX");
    desk.drag(&ruled, "Receipts", "INBOX");
    desk.sweep();
    desk.lies(&ruled, "INBOX");
    before.assert_same(&desk.census());
    // Without the bucket its mail stays in sight, and check says what is wrong with the rule.
    desk.home.configure(&[Account::new("home", desk.proxy.port)]);
    let said = desk.home.run(&["check"]).expect_code(1).text();
    assert!(said.contains("`bucket` does not know \"receipts\""), "{said}");
    desk.home.rule_file("10-mine.toml", "");
    let orphan = Letter::from("till@grocer.example");
    desk.deliver(&orphan);
    desk.sweep();
    desk.lies(&orphan, "INBOX");
    desk.proxy.assert_clean();
}

#[test]
fn mail_dragged_into_a_snooze_folder_comes_back_at_its_time_and_teaches_nothing() {
    let Some(server) = Dovecot::new().start() else { return };
    let desk = Desk::with(server, |account| account.line("snooze = true"));
    desk.sweep();
    let (later, sooner, undone, mine) = (
        Letter::from("Anna <anna@people.example>"),
        Letter::from("Bea <bea@people.example>"),
        Letter::from("news@weekly.example").newsletter("<weekly.list.example>"),
        Letter::from("Carl <carl@people.example>"),
    );
    for letter in [&later, &sooner, &undone, &mine] {
        desk.deliver(letter);
    }
    desk.sweep();
    let before = desk.census();
    desk.drag(&later, "INBOX", "Snooze/Tomorrow");
    desk.drag(&sooner, "INBOX", "Snooze/3 days");
    // Out of a bucket folder too; and into a folder that the user makes now, before Postroom has seen it.
    desk.drag(&undone, "News", "Snooze/Tomorrow");
    desk.drag(&mine, "INBOX", "Snooze/2 days");
    desk.server.hand("alice").make_folder("Snooze/Soon");
    let said = desk.home.run_once().expect_code(0).text();
    assert_eq!(said.matches("Snooze/Soon").count(), 1, "{said}");
    let status = desk.home.run(&["status"]).expect_code(0).text();
    assert!(
        status.contains("2 messages wait in Snooze/Tomorrow, the next until"),
        "{status}"
    );
    assert!(status.contains("1 message waits in Snooze/2 days"), "{status}");
    // The user changes his mind about one: it stays in the inbox, and nothing is learned.
    desk.drag(&sooner, "Snooze/3 days", "INBOX");
    desk.sweep();
    let status = desk.home.run(&["status"]).expect_code(0).text();
    assert!(!status.contains("3 days"), "{status}");
    // Nothing comes back before its time, whatever restarts.
    desk.sweep();
    desk.lies(&later, "Snooze/Tomorrow");
    desk.home.set_clock_ahead(DAY + Duration::from_hours(8));
    desk.sweep();
    desk.lies(&later, "INBOX");
    desk.lies(&undone, "INBOX");
    desk.lies(&mine, "Snooze/2 days");
    let story = desk.home.run(&["explain", &later.id()]).expect_code(0).text();
    assert!(story.contains("brought back to INBOX"), "{story}");
    // It is not sorted again, and undo says why not.
    desk.sweep();
    desk.lies(&undone, "INBOX");
    let log = desk
        .home
        .run(&["log", "--only", "return", "--json"])
        .expect_code(0)
        .stdout;
    let row: serde_json::Value = serde_json::from_str(log.lines().next().unwrap()).unwrap();
    let refused = desk
        .home
        .run(&["undo", "--id", &row["id"].to_string()])
        .expect_code(1)
        .text();
    assert!(refused.contains("its time had come"), "{refused}");
    // A running daemon brings back what is due without being told.
    desk.home.configure(&[Account::new("home", desk.proxy.port)
        .line("snooze = true")
        .imap_line("poll = \"1s\"")]);
    let mut daemon = desk.home.start();
    daemon.wait_line("watching");
    desk.home.set_clock_ahead(4 * DAY);
    desk.server.hand("alice").wait_for("INBOX", &mine.id());
    daemon.terminate();
    for letter in [&later, &sooner, &undone, &mine] {
        desk.lies(letter, "INBOX");
    }
    assert!(!desk.home.run(&["export"]).expect_code(0).stdout.contains("[[lesson]]"));
    before.assert_same(&desk.census());
    desk.proxy.assert_clean();
}

#[test]
fn snoozed_mail_comes_back_although_the_key_is_gone_the_folder_was_renumbered_or_the_program_was_killed() {
    let Some(mut server) = Dovecot::new().start() else {
        return;
    };
    let proxy = Proxy::to(server.port).cut("UID MOVE", 1, Moment::NoAnswer).start();
    let home = Home::new(&[Account::new("home", proxy.port).line("snooze = \"Later\"")]);
    home.run_once().expect_code(0);
    let (one, two) = (Letter::from("a@people.example"), Letter::from("b@people.example"));
    server.deliver_to("alice", "Later/Tomorrow", &one.bytes());
    server.deliver_to("alice", "Later/3 days", &two.bytes());
    let before = Census::of(&server, "alice");
    home.run_once().expect_code(0);
    // The folder gets new numbers: what lies there waits on.
    server.stop();
    for name in [
        "dovecot-uidlist",
        "dovecot.index",
        "dovecot.index.log",
        "dovecot.index.cache",
    ] {
        let _ = std::fs::remove_file(server.maildir("alice", "Later/3 days").join(name));
    }
    server.start_again();
    home.run_once().expect_code(0);
    home.set_clock_ahead(2 * DAY);
    // The answer to the move is lost, and the next run finds out what became of it.
    assert_ne!(home.run_once().code, Some(0));
    proxy.wait_cut();
    home.run_once().expect_code(0);
    server.hand("alice").only("INBOX", &one.id());
    server.hand("alice").only("Later/3 days", &two.id());
    home.configure(&[Account::new("home", proxy.port)]);
    home.set_clock_ahead(5 * DAY);
    home.run_once().expect_code(0);
    server.hand("alice").only("INBOX", &two.id());
    home.run_once().expect_code(0);
    before.assert_same(&Census::of(&server, "alice"));
    proxy.assert_clean();
}

#[test]
fn in_quiet_hours_only_top_stays_and_the_rest_comes_back_at_the_end() {
    let Some(server) = Dovecot::new().start() else { return };
    let letter = Letter::from("alice@example.org").to("friend@people.example");
    for _ in 0..6 {
        server.deliver_to("alice", "Sent", &letter.bytes());
    }
    // Quiet from an hour ago until an hour from now, in the zone of this machine.
    let clock = |hours: i64| {
        let at = jiff::Zoned::now().saturating_add(jiff::ToSpan::hours(hours));
        at.strftime("%H:%M").to_string()
    };
    let hold = format!("hold = \"{}-{}\"", clock(-1), clock(1));
    let desk = Desk::with(server, |account| account.line(&hold));
    desk.sweep();
    let (person, other, friend, news) = (
        Letter::from("Anna <anna@people.example>"),
        Letter::from("Bea <bea@people.example>"),
        Letter::from("Friend <friend@people.example>"),
        Letter::from("news@weekly.example").newsletter("<weekly.list.example>"),
    );
    let code = Letter::from("no-reply@bank.example").subject("Your login code is 123456");
    let ruled = Letter::from("alarm@house.example");
    desk.home.rule_file(
        "10-mine.toml",
        "[[rule]]\nname = \"alarm\"\nwhen = { from = \"alarm@house.example\" }\nkeep = true\n",
    );
    for letter in [&person, &other, &friend, &news, &code, &ruled] {
        desk.deliver(letter);
    }
    let before = desk.census();
    desk.sweep();
    for (letter, folder) in [
        (&person, "Held"),
        (&other, "Held"),
        (&friend, "Top"),
        (&news, "News"),
        (&code, "INBOX"),
        (&ruled, "INBOX"),
    ] {
        desk.lies(letter, folder);
    }
    let status = desk.home.run(&["status"]).expect_code(0).text();
    assert!(status.contains("2 messages wait in Held, the next until"), "{status}");
    desk.home.set_clock_ahead(Duration::from_secs(5));
    let digest = desk.home.run(&["digest", "--print"]).expect_code(0).stdout;
    assert!(digest.contains("     2  in Held"), "{digest}");
    assert!(
        digest.contains("6 messages arrived = 1 top + 4 inbox + 1 news"),
        "{digest}"
    );
    // The user may take one back himself; it stays, and nothing is learned.
    desk.drag(&other, "Held", "INBOX");
    desk.sweep();
    desk.lies(&other, "INBOX");
    desk.lies(&person, "Held");
    desk.home.set_clock_ahead(Duration::from_hours(2));
    desk.sweep();
    desk.lies(&person, "INBOX");
    desk.sweep();
    desk.lies(&person, "INBOX");
    let status = desk.home.run(&["status"]).expect_code(0).text();
    assert!(!status.contains("Held"), "{status}");
    assert!(!desk.home.run(&["export"]).expect_code(0).stdout.contains("[[lesson]]"));
    before.assert_same(&desk.census());
    desk.proxy.assert_clean();
}

#[test]
fn strangers_wait_until_a_drag_decides_and_nobody_else_does() {
    let Some(server) = Dovecot::new().start() else { return };
    let asked = Letter::from("alice@example.org").to("office@company.example");
    server.deliver_to("alice", "Sent", &asked.bytes());
    // Somebody who has written before Postroom came.
    server.deliver("alice", &Letter::from("Old <old@people.example>").bytes());
    let desk = Desk::with(server, |account| {
        account.line("unknown = \"Screener\"\ncontacts = \"contacts.vcf\"")
    });
    let card = |name: &str, address: &str| format!("BEGIN:VCARD\nVERSION:3.0\nFN:{name}\nEMAIL:{address}\nEND:VCARD\n");
    desk.home
        .write_private("contacts.vcf", &card("Aunt Bea", "bea@people.example"));
    desk.sweep();
    let stranger = || Letter::from("New <new@people.example>");
    let (first, second) = (stranger(), stranger());
    let answer = Letter::from("else@company.example").reply_to(&asked.id());
    let written_to = Letter::from("office@company.example");
    let old = Letter::from("Old <old@people.example>");
    let aunt = Letter::from("bea@people.example");
    let code = Letter::from("no-reply@bank.example").subject("Your login code is 123456");
    let news = Letter::from("news@weekly.example").newsletter("<weekly.list.example>");
    for letter in [&first, &second, &answer, &written_to, &old, &aunt, &code, &news] {
        desk.deliver(letter);
    }
    let before = desk.census();
    desk.sweep();
    for (letter, folder) in [
        (&first, "Screener"),
        (&second, "Screener"),
        (&answer, "Top"),
        (&written_to, "Top"),
        (&old, "INBOX"),
        (&aunt, "INBOX"),
        (&code, "INBOX"),
        (&news, "News"),
    ] {
        desk.lies(letter, folder);
    }
    let why = desk.home.run(&["explain", &first.id()]).expect_code(0).text();
    assert!(why.contains("a stranger: drag it out of Screener"), "{why}");
    let why = desk.home.run(&["explain", &aunt.id()]).expect_code(0).text();
    assert!(why.contains("in your address book as Aunt Bea"), "{why}");
    let status = desk.home.run(&["status"]).expect_code(0).text();
    assert!(status.contains("2 from strangers in Screener"), "{status}");
    // A drag decides, and the stranger is none any more.
    desk.drag(&first, "Screener", "INBOX");
    desk.sweep();
    let third = stranger();
    desk.deliver(&third);
    desk.sweep();
    desk.lies(&third, "INBOX");
    desk.lies(&first, "INBOX");
    desk.drag(&second, "Screener", "Blackhole");
    desk.sweep();
    let fourth = stranger();
    desk.deliver(&fourth);
    desk.sweep();
    desk.lies(&fourth, "Blackhole");
    // The address book is read again when it changes, and a broken one costs nothing.
    let carl = Letter::from("carl@people.example");
    desk.home
        .write_private("contacts.vcf", &card("Carl", "carl@people.example"));
    desk.deliver(&carl);
    desk.sweep();
    desk.lies(&carl, "INBOX");
    desk.home.write_private("contacts.vcf", "BEGIN:VCARD\nEMAIL:carl@peop");
    let said = desk.home.run(&["check"]).expect_code(1).text();
    assert!(said.contains("it ends within the card that begins on line 1"), "{said}");
    assert!(before.difference(&desk.census()).lost.is_empty());
    desk.proxy.assert_clean();
}

#[test]
fn a_running_daemon_takes_up_a_new_address_book_and_keeps_the_last_good_one() {
    let Some(server) = Dovecot::new().start() else { return };
    let desk = Desk::with(server, |account| {
        account.line("unknown = \"Screener\"\ncontacts = \"contacts.vcf\"")
    });
    let mut daemon = desk.home.start();
    daemon.wait_line("contacts.vcf cannot be used");
    daemon.wait_line("watching");
    let (before, after, still) = (
        Letter::from("anna@people.example"),
        Letter::from("anna@people.example"),
        Letter::from("anna@people.example"),
    );
    desk.deliver(&before);
    desk.server.hand("alice").wait_for("Screener", &before.id());
    let book = "BEGIN:VCARD\nFN:Anna\nEMAIL:anna@people.example\nEND:VCARD\n";
    desk.home.write_private("contacts.vcf", book);
    desk.deliver(&after);
    support::eventually("a verdict", || {
        let said = desk.home.run(&["explain", &after.id()]).text();
        said.contains("in your address book as Anna").then_some(())
    });
    desk.lies(&after, "INBOX");
    desk.home.write_private("contacts.vcf", "nothing of the kind");
    desk.deliver(&still);
    daemon.wait_line("it holds no vCard");
    support::eventually("a verdict", || {
        let said = desk.home.run(&["explain", &still.id()]).text();
        said.contains("in your address book as Anna").then_some(())
    });
    daemon.terminate();
    desk.lies(&before, "Screener");
    assert_eq!(desk.census().len(), 3);
    desk.proxy.assert_clean();
}

#[test]
fn letters_that_nobody_answered_are_named_in_the_digest_once() {
    let Some(server) = Dovecot::new().start() else { return };
    let desk = Desk::with(server, |account| account.line("no_reply = \"5d\""));
    let written = |to: &str, subject: &str, days: u32| {
        let at = jiff::Timestamp::now() - jiff::SignedDuration::from_hours(24 * i64::from(days));
        let date = at.strftime("%a, %d %b %Y %H:%M:%S +0000").to_string();
        let letter = Letter::from("alice@example.org")
            .to(to)
            .subject(subject)
            .field("Date", &date);
        desk.server.deliver_to("alice", "Sent", &letter.bytes());
        letter
    };
    let _open = written("office@company.example, b@company.example", "The <offer>", 6);
    let answered = written("anna@people.example", "Dinner", 6);
    let _young = written("carl@people.example", "Yesterday", 1);
    let _told = written("old@people.example", "Long ago", 40);
    let answer = Letter::from("anna@people.example").reply_to(&answered.id());
    desk.deliver(&answer);
    desk.sweep();
    let before = desk.census();
    desk.home.run(&["digest", "--since", "2d"]).expect_code(0);
    let digests = desk.digests();
    assert!(digests[0].contains("Nobody has answered you yet"), "{}", digests[0]);
    assert!(
        digests[0].contains("to office@company.example and 1 more: The <offer>"),
        "{}",
        digests[0]
    );
    for other in ["Dinner", "Yesterday", "Long ago"] {
        assert!(!digests[0].contains(other), "{other}\n{}", digests[0]);
    }
    // Told once; the next one tells of the letter that has become overdue since.
    let said = desk.home.run(&["digest"]).expect_code(0).text();
    assert!(said.contains("none was written"), "{said}");
    desk.home.set_clock_ahead(5 * DAY);
    desk.home.run(&["digest"]).expect_code(0);
    let second = &desk.digests()[1];
    assert!(second.contains("Yesterday") && !second.contains("offer"), "{second}");
    let after = desk.census();
    assert_eq!(before.len() + 2, after.len());
    assert!(before.difference(&after).lost.is_empty());
    desk.proxy.assert_clean();
}

#[test]
fn the_metrics_file_is_kept_by_the_daemon_and_says_what_the_command_says() {
    let Some(server) = Dovecot::new().start() else { return };
    let desk = Desk::with(server, |account| account);
    let config = std::fs::read_to_string(desk.home.config()).unwrap();
    let with = |line: &str| desk.home.write_private("postroom.toml", &format!("{line}\n{config}"));
    with("metrics_file = \"nowhere/postroom.prom\"");
    let mut daemon = desk.home.start();
    daemon.wait_line("metrics_file cannot be written");
    daemon.wait_line("watching");
    let news = Letter::from("news@weekly.example").newsletter("<weekly.list.example>");
    desk.deliver(&news);
    desk.server.hand("alice").wait_for("News", &news.id());
    with("metrics_file = \"postroom.prom\"");
    daemon.hang_up();
    let file = desk.home.path("postroom.prom");
    let text = support::eventually("the file", || std::fs::read_to_string(&file).ok());
    assert!(
        text.contains("postroom_messages_total{account=\"home\",bucket=\"news\"} 1"),
        "{text}"
    );
    let printed = desk.home.run(&["metrics"]).expect_code(0).stdout;
    assert!(printed.contains("postroom_connected{account=\"home\"} 1"), "{printed}");
    let names = |text: &str| {
        text.lines()
            .filter(|line| line.starts_with('#'))
            .map(str::to_owned)
            .collect::<Vec<_>>()
    };
    assert_eq!(names(&text), names(&printed));
    assert!(!desk.home.path("postroom.prom.new").exists());
    daemon.terminate();
    assert_eq!(desk.census().len(), 1);
    desk.proxy.assert_clean();
}

/// A look at INBOX that is no sweep swallows the news of what has come before it: here the one for suggestions, which in mode
/// preview is the last before the daemon waits again.
#[test]
fn mail_that_comes_while_the_daemon_looks_into_folders_is_met_before_it_waits() {
    for mode in ["preview", "sort"] {
        let Some(server) = Dovecot::new().start() else { return };
        let late = Letter::from("late@people.example");
        let (port, bytes) = (server.port, late.bytes());
        let armed = Arc::new(AtomicBool::new(false));
        let fuse = armed.clone();
        let allowance = Allowance {
            digest: true,
            ..Allowance::default()
        };
        let proxy = Proxy::to(port)
            .allow(allowance)
            .before_each(move |command| {
                if command.starts_with("EXAMINE \"INBOX\"") && fuse.swap(false, Ordering::SeqCst) {
                    Hand::login(port, "alice", PASSWORD).append("INBOX", &bytes, &[], None);
                }
            })
            .start();
        let home = Home::new(&[Account::new("home", proxy.port).mode(mode).line("digest = \"00:00\"")]);
        let mut daemon = home.start();
        daemon.wait_line("watching");
        let told = |letter: &Letter| {
            let log = home.run(&["log", "--json"]).expect_code(0).stdout;
            log.contains(letter.id().trim_matches(['<', '>'])).then_some(())
        };
        let first = Letter::from("first@people.example");
        server.deliver("alice", &first.bytes());
        eventually("a row, and the note that digests begin", || told(&first));
        proxy.wait_for("IDLE", 2);
        home.set_clock_ahead(DAY + DAY);
        armed.store(true, Ordering::SeqCst);
        server.deliver("alice", &Letter::from("second@people.example").bytes());
        eventually(&format!("the late letter in mode {mode}"), || told(&late));
        assert!(
            !armed.load(Ordering::SeqCst),
            "the look for suggestions has taken place"
        );
        daemon.terminate();
        proxy.assert_clean();
    }
}
