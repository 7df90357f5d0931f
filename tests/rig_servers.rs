//! Cyrus and Courier as the tests start them: the same story as on Dovecot, and where they differ.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::string_slice
)]

mod support;

use support::{Census, Courier, Cyrus, Dovecot, Drag, Letter, Server};

/// Delivery, every kind of drag, a restart; the census holds throughout.
fn a_users_day(mut server: Server) {
    let mut hand = server.hand("alice");
    hand.make_folder("Blackhole/Domain");
    hand.make_folder("News");
    let letters: Vec<Letter> = (0..3).map(|_| Letter::from("bob@example.net")).collect();
    for letter in &letters {
        server.deliver("alice", &letter.bytes());
    }
    let uid = hand.only("INBOX", &letters[0].id());
    hand.add_flags("INBOX", uid, &["\\Flagged", "$Work"]);
    let before = Census::take(&mut hand);
    assert_eq!((before.len(), before.in_folder("INBOX")), (3, 3));

    for (letter, how) in letters.iter().zip([Drag::Move, Drag::CopyDelete, Drag::AppendDelete]) {
        hand.drag_message(how, &letter.id(), "INBOX", "News");
        hand.drag_message(how, &letter.id(), "News", "Blackhole/Domain");
        hand.wait_for("Blackhole/Domain", &letter.id());
    }
    drop(hand);
    server.start_again();
    let after = Census::of(&server, "alice");
    before.assert_same(&after);
    assert_eq!(after.in_folder("Blackhole/Domain"), 3);

    let late = Letter::from("bob@example.net");
    let mut hand = server.hand("alice");
    hand.idle_until("INBOX", "EXISTS", || server.deliver("alice", &late.bytes()));
    hand.wait_for("INBOX", &late.id());
}

#[test]
fn dovecot() {
    if let Some(server) = Dovecot::new().start() {
        a_users_day(server);
    }
}

#[test]
fn dovecot_with_prefix() {
    if let Some(server) = Dovecot::new().inbox_prefix().without(&["MOVE"]).start() {
        a_users_day(server);
    }
}

#[test]
fn cyrus() {
    let Some(server) = Cyrus::new().start() else { return };
    assert!(server.hand("alice").has("MOVE") && !server.hand("alice").has("NOTIFY"));
    assert_eq!(server.hand("alice").wire_name("A/B"), "A/B");
    a_users_day(server);
}

#[test]
fn cyrus_with_prefix() {
    let Some(server) = Cyrus::new().inbox_prefix().without(&["MOVE"]).start() else {
        return;
    };
    assert!(!server.hand("alice").has("MOVE"));
    assert_eq!(server.hand("alice").wire_name("A/B"), "INBOX.A.B");
    a_users_day(server);
}

#[test]
fn courier() {
    let Some(server) = Courier::new().start() else { return };
    let hand = server.hand("alice");
    assert!(!hand.has("MOVE") && hand.has("UIDPLUS") && !hand.has("UNSELECT"));
    assert_eq!(hand.wire_name("A/B"), "INBOX.A.B");
    drop(hand);
    a_users_day(server);
}
