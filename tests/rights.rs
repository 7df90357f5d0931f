//! Folders in which the server does not let the daemon work: said in one sentence at the start, and their mail stays in the
//! inbox. Dovecot with its ACL plugin, Cyrus, and the odd server for folders that cannot be made.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::string_slice
)]

mod support;

use support::{Account, Census, Cyrus, Daemon, Dovecot, Home, Letter, Mail, Proxy, Server, Ways, eventually};

const RULES: &str = "[[rule]]\nname = \"b\"\nwhen = { from = \"@bulk.example\" }\nbucket = \"bulk\"\n\
    [[rule]]\nname = \"n\"\nwhen = { from = \"@news.example\" }\nbucket = \"news\"\n";

fn started(port: u16) -> (Home, Daemon) {
    let home = Home::new(&[Account::new("home", port)]);
    home.rule_file("10.toml", RULES);
    let mut daemon = home.start();
    daemon.wait_line("watching");
    (home, daemon)
}

/// Mail for Bulk stays in INBOX, mail for News goes there; `status` and `doctor` have the sentence, the log has it once.
fn bulk_stays_and_news_goes(server: &Server, home: &Home, daemon: &mut Daemon, sentence: &str) {
    let (bulk, news) = (Letter::from("a@bulk.example"), Letter::from("a@news.example"));
    let before = Census::of(server, "alice");
    server.deliver("alice", &bulk.bytes());
    daemon.wait_line("takes no mail for now");
    server.deliver("alice", &news.bytes());
    let mut hand = server.hand("alice");
    hand.wait_for("News", &news.id());
    assert_eq!(hand.find("INBOX", &bulk.id()).len(), 1);
    assert_eq!(Census::of(server, "alice").len(), before.len() + 2);
    assert_eq!(daemon.count_lines(sentence), 1);
    for command in ["status", "doctor"] {
        let said = home.run(&[command]).text();
        assert!(said.contains(sentence), "{command}: {said}");
    }
}

#[test]
fn dovecot_a_folder_that_takes_no_mail_is_reported_at_the_start() {
    let Some(server) = Dovecot::new().acl().start() else {
        return;
    };
    server.hand("alice").make_folder("Bulk");
    server.rights("alice", "Bulk", "lr");
    let proxy = Proxy::to(server.port).start();
    let (home, mut daemon) = started(proxy.port);
    let sentence = "the server lets you put no mail into Bulk; mail for it stays in the inbox";
    bulk_stays_and_news_goes(&server, &home, &mut daemon, sentence);
    daemon.terminate();
    assert_eq!(proxy.count("UID MOVE"), 1, "a move was tried that could not succeed");
    proxy.assert_clean();

    // The rights are given: what was held goes where it belongs.
    server.rights("alice", "Bulk", "lrwstipekxa");
    let mut daemon = home.start();
    daemon.wait_line("watching");
    server.hand("alice").wait_for_count("Bulk", 1);
    eventually("a status without the note", || {
        (!home.run(&["status"]).stdout.contains("put no mail into")).then_some(())
    });
    daemon.terminate();
}

/// Rights that show neither in SELECT nor in LIST: the first move is refused, the next is not tried.
#[test]
fn dovecot_a_right_that_shows_only_in_the_move_is_met_once() {
    let Some(server) = Dovecot::new().acl().start() else {
        return;
    };
    server.hand("alice").make_folder("Bulk");
    server.rights("alice", "Bulk", "lrwste");
    let proxy = Proxy::to(server.port).start();
    let (home, mut daemon) = started(proxy.port);
    let first = Letter::from("a@bulk.example");
    server.deliver("alice", &first.bytes());
    daemon.wait_line("NOPERM");
    bulk_stays_and_news_goes(&server, &home, &mut daemon, "the server lets you put no mail into Bulk");
    assert_eq!(server.hand("alice").find("INBOX", &first.id()).len(), 1);
    daemon.terminate();
    assert_eq!(proxy.count("UID MOVE"), 2);
    proxy.assert_clean();
}

#[test]
fn dovecot_a_read_only_inbox_is_only_looked_at() {
    let Some(server) = Dovecot::new().acl().start() else {
        return;
    };
    server.hand("alice").select("INBOX");
    server.rights("alice", "INBOX", "lr");
    let proxy = Proxy::to(server.port).start();
    let (home, mut daemon) = started(proxy.port);
    let letter = Letter::from("a@bulk.example");
    server.deliver("alice", &letter.bytes());
    daemon.wait_line("preview");
    let status = home.run(&["status"]).stdout;
    assert!(
        status.contains("note: INBOX is read-only") && status.contains("moves nothing"),
        "{status}"
    );
    assert_eq!(daemon.count_lines("INBOX is read-only"), 1);
    assert_eq!(proxy.count("UID MOVE"), 0);
    daemon.terminate();
    proxy.assert_clean();
}

/// A move back that the server refuses is not said to be done.
#[test]
fn dovecot_an_undo_that_the_inbox_does_not_take_is_said_to_have_failed() {
    let Some(server) = Dovecot::new().acl().start() else {
        return;
    };
    let (home, mut daemon) = started(server.port);
    let letter = Letter::from("a@news.example");
    server.deliver("alice", &letter.bytes());
    server.hand("alice").wait_for("News", &letter.id());
    daemon.wait_line("bucket=news");
    daemon.terminate();
    server.rights("alice", "INBOX", "lrwste");
    let said = home.run(&["undo", "--last", "1"]).expect_code(1).stdout;
    assert!(said.contains("stays: ") && !said.contains("is back"), "{said}");
    server.rights("alice", "INBOX", "lrwstipekxa");
    let said = home.run(&["undo", "--last", "1"]).expect_code(0).stdout;
    assert!(said.contains("is back in INBOX"), "{said}");
    server.hand("alice").wait_for("INBOX", &letter.id());
}

#[test]
fn cyrus_a_folder_that_takes_no_mail_is_reported_at_the_start() {
    let Some(server) = Cyrus::new().start() else { return };
    let mut hand = server.hand("alice");
    hand.make_folder("Bulk");
    let name = hand.wire_name("Bulk");
    hand.ok(&format!("SETACL \"{name}\" alice lrsa"));
    let proxy = Proxy::to(server.port).start();
    let (home, mut daemon) = started(proxy.port);
    bulk_stays_and_news_goes(&server, &home, &mut daemon, "the server lets you put no mail into Bulk");
    daemon.terminate();
    proxy.assert_clean();
}

/// A folder that cannot be made below one that takes none: said, and the rest is sorted.
#[test]
fn a_folder_that_cannot_be_made_is_reported_and_the_rest_is_sorted() {
    let mut mail = Mail::default();
    mail.add("INBOX", "");
    mail.add("Archive", "\\NoInferiors");
    let server = Ways::default().start_with(mail);
    let home = Home::new(&[Account::new("home", server.port).folder_line("bulk = \"Archive/Bulk\"")]);
    home.rule_file("10.toml", RULES);
    let mut daemon = home.start();
    let line = daemon.wait_line("cannot be made");
    assert!(
        line.contains("the folder Archive/Bulk cannot be made (Archive takes none)"),
        "{line}"
    );
    daemon.wait_line("watching");
    let (bulk, news) = (Letter::from("a@bulk.example"), Letter::from("a@news.example"));
    server.deliver("INBOX", &bulk.bytes());
    server.deliver("INBOX", &news.bytes());
    server.arrives(&news.id(), "News", &["INBOX"]);
    server.arrives(&bulk.id(), "INBOX", &["News"]);
    daemon.terminate();
}
