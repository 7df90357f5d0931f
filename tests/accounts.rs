//! Many accounts in one process: they come, go and change on reload without the others noticing.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::string_slice
)]

mod support;

use std::fs;

use support::{Account, Dovecot, Drag, Home, Letter, Proxy, eventually};

fn newsletter() -> Letter {
    Letter::from("News <news@shop.example>").newsletter("<l.shop.example>")
}

#[test]
fn accounts_come_and_go_while_the_others_go_on() {
    let Some(server) = Dovecot::new().start() else { return };
    let proxy = Proxy::to(server.port).start();
    let stays = Account::new("stays", proxy.port);
    let goes = Account::new("goes", server.port).user("bob");
    let home = Home::new(&[stays.clone(), goes]);
    let mut daemon = home.start();
    daemon.wait_line("watching account=\"stays\"");
    daemon.wait_line("watching account=\"goes\"");

    home.configure(&[stays]);
    fs::create_dir(home.path("accounts.d")).unwrap();
    home.write_private("accounts.d/secret", "secret\n");
    let comes = format!(
        "[[account]]\nname = \"comes\"\nemail = [\"carol@example.org\"]\n[account.imap]\nhost = \"127.0.0.1\"\n\
         port = {}\ntls = \"none\"\nuser = \"carol\"\npassword_file = \"secret\"\n",
        server.port
    );
    home.write_private("accounts.d/comes.toml", &comes);
    daemon.hang_up();
    daemon.wait_line("watching account=\"comes\"");
    daemon.wait_line("no longer looked after");

    let letter = newsletter();
    for user in ["alice", "carol", "bob"] {
        server.deliver(user, &letter.bytes());
    }
    for user in ["alice", "carol"] {
        server.hand(user).wait_for("News", &letter.id());
    }
    assert_eq!(
        server.hand("bob").find("INBOX", &letter.id()).len(),
        1,
        "the account that left is still sorted"
    );
    assert_eq!(proxy.connections(), 1, "the account that stayed was disturbed");
    proxy.assert_clean();

    // What left may be taken over by another process at once: its lock is free.
    let elsewhere = Home::new(&[Account::new("goes", server.port).user("bob").backlog("sort")]);
    elsewhere.run_once().expect_code(0);
    daemon.terminate();
}

#[test]
fn an_account_that_is_changed_goes_on_with_the_change() {
    let Some(server) = Dovecot::new().start() else { return };
    let account = Account::new("home", server.port);
    let home = Home::new(&[account.clone().mode("preview")]);
    let mut daemon = home.start();
    daemon.wait_line("watching");
    let before = newsletter();
    server.deliver("alice", &before.bytes());
    daemon.wait_line("preview");

    home.configure(&[account.folder_line("news = \"Lists\"")]);
    daemon.hang_up();
    daemon.wait_line("configured anew");
    let after = newsletter();
    eventually("the second visit", || {
        (daemon.count_lines("watching") == 2).then_some(())
    });
    server.deliver("alice", &after.bytes());
    server.hand("alice").wait_for("Lists", &after.id());
    assert_eq!(
        server.hand("alice").find("INBOX", &before.id()).len(),
        1,
        "what was looked at stays"
    );
    daemon.terminate();
}

#[test]
fn a_configuration_that_is_wrong_changes_nothing() {
    let Some(server) = Dovecot::new().start() else { return };
    let home = Home::new(&[Account::new("home", server.port)]);
    let good = fs::read_to_string(home.config()).unwrap();
    let mut daemon = home.start();
    daemon.wait_line("watching");
    home.write_private("postroom.toml", &good.replace("mode", "moood"));
    daemon.hang_up();
    let line = daemon.wait_line("the new configuration is refused");
    assert!(line.contains("moood"), "{line}");
    daemon.wait_notice("older configuration");
    let letter = newsletter();
    server.deliver("alice", &letter.bytes());
    server.hand("alice").wait_for("News", &letter.id());
    home.write_private("postroom.toml", &good);
    daemon.hang_up();
    daemon.wait_line("the rules are unchanged");
    assert_eq!(daemon.count_lines("watching"), 1, "the account was disturbed");
    daemon.terminate();
}

#[test]
fn go_tells_a_running_daemon() {
    let Some(server) = Dovecot::new().start() else { return };
    let home = Home::new(&[Account::new("home", server.port).mode("preview")]);
    let mut daemon = home.start();
    daemon.wait_line("watching");
    let said = home.run(&["go", "--yes"]).expect_code(0).text();
    assert!(said.contains("has been told"), "{said}");
    daemon.wait_line("configured anew");
    let letter = newsletter();
    eventually("the second visit", || {
        (daemon.count_lines("watching") == 2).then_some(())
    });
    server.deliver("alice", &letter.bytes());
    server.hand("alice").wait_for("News", &letter.id());
    daemon.terminate();
}

#[test]
fn two_names_of_one_folder_are_reported() {
    let Some(server) = Dovecot::new().start() else { return };
    let mut hand = server.hand("alice");
    hand.make_folder("News");
    hand.append("News", &newsletter().bytes(), &[], None);
    std::os::unix::fs::symlink(server.maildir("alice", "News"), server.maildir("alice", "Bulk")).unwrap();
    let home = Home::new(&[Account::new("home", server.port)]);
    let mut daemon = home.start();
    let line = daemon.wait_line("seem to be one folder");
    assert!(line.contains("Bulk and News"), "{line}");
    daemon.wait_line("watching");
    daemon.terminate();
}

/// A folder with a connection of its own: a drag into it is seen at once, though folders are looked at every ten minutes.
#[test]
fn a_folder_in_idle_has_a_connection_of_its_own() {
    let Some(server) = Dovecot::new().without(&["NOTIFY"]).start() else {
        return;
    };
    server.hand("alice").make_folder("Blackhole");
    let proxy = Proxy::to(server.port).start();
    let home = Home::new(&[Account::new("home", proxy.port)
        .imap_line("poll = \"10m\"")
        .imap_line("idle = [\"Blackhole\", \"Gone\"]")]);
    let mut daemon = home.start();
    daemon.wait_line("listening to this folder too");
    assert_eq!(
        proxy.open_connections(),
        2,
        "one for INBOX, one for Blackhole, none for a folder that is not there"
    );
    let (first, second) = (Letter::from("pest@shop.example"), Letter::from("pest@shop.example"));
    server.deliver("alice", &first.bytes());
    daemon.wait_line("keep");
    server
        .hand("alice")
        .drag_message(Drag::Move, &first.id(), "INBOX", "Blackhole");
    daemon.wait_line("learn");
    server.deliver("alice", &second.bytes());
    server.hand("alice").wait_for("Blackhole", &second.id());
    daemon.terminate();
    eventually("every connection to end", || {
        (proxy.open_connections() == 0).then_some(())
    });
    proxy.assert_clean();
}
