//! The rig tested by itself: what the other tests trust must be able to fail.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::string_slice
)]

mod support;

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::process::Command;
use std::time::{Duration, Instant, SystemTime};

use support::certificates::Certificate;
use support::daemon::finish;
use support::{Account, Census, Daemon, Dovecot, Drag, Hand, Home, Letter, Moment, Proxy, wire};

fn fails(test: impl FnOnce()) -> bool {
    catch_unwind(AssertUnwindSafe(test)).is_err()
}

#[test]
fn the_hand_does_what_a_mail_program_does() {
    let Some(server) = Dovecot::new().start() else { return };
    let mut hand = server.hand("alice");
    let names: Vec<String> = hand.folders().into_iter().map(|folder| folder.name).collect();
    assert_eq!(names, ["Drafts", "INBOX", "Junk", "Sent", "Trash"]);
    assert!(hand.folders().iter().any(|folder| folder.attributes.contains("\\sent")));

    hand.make_folder("Blackhole/Domain");
    hand.make_folder("Entwürfe & Co");
    assert!(hand.has_folder("Blackhole/Domain") && hand.has_folder("Entwürfe & Co"));

    let letter = Letter::from("Bob <bob@example.net>");
    let date = "05-Nov-2026 10:00:00 +0000";
    let uid = hand
        .append("INBOX", &letter.bytes(), &["\\Flagged", "$Work"], Some(date))
        .unwrap();
    let before = Census::take(&mut hand);
    for (how, from, to) in [
        (Drag::Move, "INBOX", "Blackhole/Domain"),
        (Drag::CopyDelete, "Blackhole/Domain", "Entwürfe & Co"),
        (Drag::AppendDelete, "Entwürfe & Co", "INBOX"),
    ] {
        hand.drag_message(how, &letter.id(), from, to);
        hand.wait_for(to, &letter.id());
        assert_eq!(hand.find(from, &letter.id()), Vec::<u32>::new());
        before.assert_same(&Census::take(&mut hand));
    }
    let now = hand.only("INBOX", &letter.id());
    let copy = hand.message("INBOX", now);
    assert_eq!((copy.bytes, copy.internal_date.as_str()), (letter.bytes(), date));
    assert!(copy.flags.contains("$Work") && !copy.flags.contains("\\Seen"));
    assert!(copy.uid > uid);
    let status = server.hand("alice").status("INBOX");
    assert_eq!((status.messages, status.unseen, status.uid_next), (1, 1, copy.uid + 1));
}

#[test]
fn delivery_is_seen_by_a_session_in_idle() {
    let Some(server) = Dovecot::new().start() else { return };
    let mut watching = server.hand("alice");
    let letter = Letter::from("bob@example.net");
    let at = SystemTime::UNIX_EPOCH + Duration::from_secs(1_700_000_000);
    watching.idle_until("INBOX", "EXISTS", || {
        server.deliver_at("alice", "INBOX", &letter.bytes(), at);
    });
    let uid = watching.wait_for("INBOX", &letter.id());
    assert_eq!(
        watching.message("INBOX", uid).internal_date,
        "14-Nov-2023 22:13:20 +0000"
    );
}

#[test]
fn dovecot_hides_prefixes_and_counts_as_told() {
    let setup = Dovecot::new()
        .without(&["MOVE", "UIDPLUS", "IDLE", "NOTIFY"])
        .inbox_prefix()
        .quota(2)
        .connections(1);
    let Some(server) = setup.start() else { return };
    let mut hand = server.hand("alice");
    assert!(!hand.has("MOVE") && !hand.has("IDLE") && hand.has("NAMESPACE"));
    assert_eq!(hand.wire_name("Blackhole/Domain"), "INBOX.Blackhole.Domain");
    hand.make_folder("Blackhole/Domain");
    let letter = Letter::from("bob@example.net");
    hand.append("INBOX", &letter.bytes(), &[], None);
    hand.drag_message(Drag::CopyDelete, &letter.id(), "INBOX", "Blackhole/Domain");
    assert!(hand.has_folder("Sent"));
    hand.append("INBOX", &Letter::from("bob@example.net").bytes(), &[], None);
    let overfull = fails(|| {
        hand.append("INBOX", &Letter::from("bob@example.net").bytes(), &[], None);
    });
    assert!(overfull, "the third message must not fit");
    assert!(
        fails(|| drop(server.hand("alice"))),
        "a second connection must be refused"
    );
}

#[test]
fn mail_survives_a_restart_of_the_server() {
    let Some(mut server) = Dovecot::new().start() else {
        return;
    };
    let letters: Vec<Vec<u8>> = (0..200).map(|_| Letter::from("bob@example.net").bytes()).collect();
    server.fill("alice", "INBOX", letters.iter().map(Vec::as_slice));
    let before = Census::of(&server, "alice");
    assert_eq!((before.len(), before.in_folder("INBOX")), (200, 200));
    server.start_again();
    before.assert_untouched(&Census::of(&server, "alice"));
}

#[test]
fn the_certificates_are_what_they_claim() {
    for kind in [
        Certificate::Good,
        Certificate::Expired,
        Certificate::WrongHost,
        Certificate::SelfSigned,
    ] {
        let Some(server) = Dovecot::new().certificate(kind).start() else {
            return;
        };
        let output = Command::new("openssl")
            .args([
                "s_client",
                "-connect",
                &format!("127.0.0.1:{}", server.tls_port),
                "-verify_hostname",
                "localhost",
            ])
            .args([
                "-verify_return_error",
                "-brief",
                "-CAfile",
                &server.ca_file().display().to_string(),
            ])
            .stdin(std::process::Stdio::null())
            .output()
            .unwrap();
        let told = String::from_utf8_lossy(&output.stderr).into_owned();
        let expected = match kind {
            Certificate::Good => "Verification: OK",
            Certificate::Expired => "certificate has expired",
            Certificate::WrongHost => "hostname mismatch",
            Certificate::SelfSigned => "self-signed certificate",
        };
        assert!(told.contains(expected), "{kind:?}: {told}");
    }
}

#[test]
fn the_census_notices_loss_doubling_and_change() {
    let Some(server) = Dovecot::new().start() else { return };
    let mut hand = server.hand("alice");
    hand.make_folder("Bulk");
    let letters: Vec<Letter> = (0..3).map(|_| Letter::from("bob@example.net")).collect();
    for letter in &letters {
        hand.append("INBOX", &letter.bytes(), &[], None);
    }
    let before = Census::take(&mut hand);

    let uid = hand.only("INBOX", &letters[0].id());
    hand.drag(Drag::Move, uid, "INBOX", "Bulk");
    let moved = Census::take(&mut hand);
    before.assert_same(&moved);
    assert!(fails(|| before.assert_untouched(&moved)), "a move between folders");

    let uid = hand.only("INBOX", &letters[1].id());
    hand.add_flags("INBOX", uid, &["\\Seen"]);
    let flagged = before.difference(&Census::take(&mut hand));
    assert_eq!(
        (flagged.lost.len(), flagged.doubled.len(), flagged.changed.len()),
        (0, 0, 1)
    );
    hand.remove_flags("INBOX", uid, &["\\Seen"]);

    hand.append("Bulk", &letters[1].bytes(), &[], None);
    let doubled = before.difference(&Census::take(&mut hand));
    assert_eq!((doubled.lost.len(), doubled.doubled.len()), (0, 1), "{doubled}");

    let uid = hand.only("INBOX", &letters[2].id());
    hand.delete("INBOX", uid);
    let after = Census::take(&mut hand);
    let lost = before.difference(&after);
    assert_eq!(lost.lost.len(), 1, "{lost}");
    assert!(lost.lost[0].contains(&letters[2].id()));
    assert!(fails(|| before.assert_same(&after)));
}

#[test]
fn the_proxy_records_counts_and_finds_what_is_forbidden() {
    let Some(server) = Dovecot::new().start() else { return };
    let proxy = Proxy::to(server.port).start();
    let mut hand = Hand::login(proxy.port, "alice", "secret");
    hand.ok("EXAMINE INBOX");
    hand.ok("UID SEARCH ALL");
    proxy.assert_clean();
    assert_eq!(
        (proxy.count("LOGIN"), proxy.count("UID SEARCH"), proxy.connections()),
        (1, 1, 1)
    );
    // LOGIN, CAPABILITY, NAMESPACE, EXAMINE, SEARCH: the client waited for the one before each time.
    assert_eq!(proxy.flights(), 5);
    assert!(proxy.bytes().0 > 40 && proxy.bytes().1 > 400);
    assert!(proxy.commands().iter().all(|command| !command.text.contains("secret")));

    hand.append("INBOX", &Letter::from("bob@example.net").bytes(), &[], None);
    hand.ok("SELECT INBOX");
    hand.ok("UID FETCH 1 (BODY[])");
    hand.ok("EXPUNGE");
    let found = proxy.violations();
    assert_eq!(found.len(), 3, "{found:#?}");
    assert!(
        found[0].contains("APPEND") && found[1].contains("BODY[]") && found[2].contains("EXPUNGE"),
        "{found:#?}"
    );
    assert!(fails(|| proxy.assert_clean()));
}

#[test]
fn the_proxy_hides_delays_and_drops() {
    let Some(server) = Dovecot::new().start() else { return };
    let proxy = Proxy::to(server.port)
        .hide(&["MOVE", "NOTIFY"])
        .latency(Duration::from_millis(20))
        .start();
    let mut hand = Hand::login(proxy.port, "alice", "secret");
    assert!(!hand.has("MOVE") && !hand.has("NOTIFY") && hand.has("UIDPLUS"));
    let start = Instant::now();
    hand.ok("NOOP");
    assert!(start.elapsed() >= Duration::from_millis(40));
    proxy.drop_all();
    assert!(fails(|| drop(hand.ok("NOOP"))));
    proxy.refuse(true);
    assert!(fails(|| drop(Hand::login(proxy.port, "alice", "secret"))));
    proxy.refuse(false);
    assert!(!Hand::login(proxy.port, "alice", "secret").has("MOVE"));
}

#[test]
fn a_cut_falls_at_its_moment() {
    let Some(server) = Dovecot::new().start() else { return };
    let mut other = server.hand("alice");
    other.make_folder("Bulk");
    for moment in Moment::ALL {
        let letter = Letter::from("bob@example.net");
        other.append("INBOX", &letter.bytes(), &[], None);
        let uid = other.only("INBOX", &letter.id());
        let before = Census::take(&mut other);
        let proxy = Proxy::to(server.port).cut("UID MOVE", 1, moment).start();
        let mut hand = Hand::login(proxy.port, "alice", "secret");
        hand.select("INBOX");
        let told = std::cell::Cell::new(false);
        let ended = fails(|| {
            hand.ok(&format!("UID MOVE {uid} Bulk"));
            told.set(true);
            hand.ok("NOOP");
        });
        assert!(ended, "{moment:?}: the session must end");
        proxy.assert_cut();
        proxy.assert_clean();
        assert_eq!(told.get(), moment == Moment::AfterAnswer, "{moment:?}");
        let executed = matches!(moment, Moment::NoAnswer | Moment::PartOfAnswer | Moment::AfterAnswer);
        other.wait_for(if executed { "Bulk" } else { "INBOX" }, &letter.id());
        before.assert_same(&Census::take(&mut other));
    }
}

#[test]
fn a_process_is_followed_signalled_and_ended() {
    let shell = |script: &str| {
        let mut command = Command::new("/bin/sh");
        command.args(["-c", script]);
        command
    };
    let mut daemon = Daemon::spawn(shell(
        "trap 'echo caught; exit 7' TERM; echo up; echo also >&2; while :; do sleep 0.05; done",
    ));
    daemon.wait_line("up");
    daemon.wait_line("also");
    assert!(daemon.is_running() && daemon.count_lines("caught") == 0);
    let (status, output) = daemon.terminate();
    assert_eq!(status.code(), Some(7));
    assert!(output.contains("caught"), "{output}");

    let mut short = Daemon::spawn(shell("echo bye; exit 3"));
    assert!(
        fails(|| drop(short.wait_line("never said"))),
        "a wait must end with the process"
    );
    let finished = finish(shell("echo out; echo err >&2; exit 5"), Duration::from_secs(10)).expect_code(5);
    assert_eq!((finished.stdout.as_str(), finished.stderr.as_str()), ("out\n", "err\n"));
    assert!(
        fails(|| drop(finish(shell("sleep 30"), Duration::from_millis(50)))),
        "a limit must hold"
    );
}

#[test]
fn a_home_is_private_and_complete() {
    let home = Home::new(&[
        Account::new("home", 4_143).folder_line("news = \"INBOX\""),
        Account::new("work", 4_144)
            .user("bob")
            .mode("preview")
            .imap_line("ca_file = \"ca.pem\""),
    ]);
    let mode = |name: &str| fs::metadata(home.path(name)).unwrap().permissions().mode() & 0o777;
    assert_eq!(
        (mode("postroom.toml"), mode("secret-work"), mode("state")),
        (0o600, 0o600, 0o700)
    );
    let text = fs::read_to_string(home.config()).unwrap();
    let config: toml::Table = text.parse().unwrap();
    let accounts = config["account"].as_array().unwrap();
    assert_eq!(accounts[0]["folders"]["news"].as_str(), Some("INBOX"));
    assert_eq!(accounts[1]["imap"]["user"].as_str(), Some("bob"));
    assert_eq!(accounts[1]["mode"].as_str(), Some("preview"));
}

#[test]
fn lines_literals_and_names_are_read_as_they_are() {
    assert_eq!(wire::announced_literal(b"a APPEND x {12}\r\n"), Some((12, true)));
    assert_eq!(wire::announced_literal(b"a APPEND x {12+}\r\n"), Some((12, false)));
    assert_eq!(wire::announced_literal(b"* OK {not one\r\n"), None);
    let words = wire::tokens(b"* 1 FETCH (UID 7 BODY[HEADER.FIELDS (FROM)] {3}\r\nabc FLAGS (\\Seen \"x\\\"y\"))\r\n");
    let items = words[3].list();
    assert_eq!(items[2].text(), "BODY[HEADER.FIELDS (FROM)]");
    assert_eq!(
        (items[3].bytes(), items[5].list()[1].text()),
        (b"abc".to_vec(), "x\"y".to_owned())
    );
    for name in ["Entwürfe", "A&B", "台北", "plain", "mixed ü & ä"] {
        assert_eq!(wire::decode_name(&wire::encode_name(name)), name);
    }
    assert_eq!(wire::encode_name("Entwürfe"), "Entw&APw-rfe");
    assert_eq!(wire::uid_set(&[3, 1, 2, 9, 7, 8, 20]), "1:3,7:9,20");
}
