//! What single providers do differently, and what must not come of it: each quirk of `reference` fame by its name, on the
//! real server where there is one, else on the odd server of the rig. Nothing is lost, doubled or learned by any of them.
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

use support::{
    Account, Census, Courier, Daemon, Dovecot, Hand, Home, Letter, Mail, Moving, Odd, Proxy, Ways, eventually,
};

fn newsletter(name: &str) -> Letter {
    Letter::from(&format!("News <news@{name}.example>")).newsletter(&format!("<{name}.list.example>"))
}

/// A home for the odd server, polling every second.
fn home(port: u16) -> Home {
    Home::new(&[Account::new("home", port).imap_line("poll = \"1s\"")])
}

fn start(home: &Home) -> Daemon {
    let mut daemon = home.start();
    daemon.wait_line("watching");
    daemon
}

/// Waits for a sentence about a letter in `postroom explain`.
fn explained(home: &Home, letter: &Letter, words: &str) {
    eventually(&format!("{words:?} in explain {}", letter.id()), || {
        let said = home.run(&["explain", &letter.id()]);
        (said.code == Some(0) && said.stdout.contains(words)).then_some(())
    });
}

/// Nobody has been taught anything.
#[track_caller]
fn nothing_learned(home: &Home) {
    let lessons = home.run(&["export"]).expect_code(0).stdout;
    let taught = lessons
        .lines()
        .any(|line| line.contains('.') && !line.starts_with('#') || line.contains("localhost"));
    assert!(!taught, "something was learned:\n{lessons}");
}

/// A newsletter goes to News and a stranger's letter stays: the daemon is awake and sorting.
fn sorts(server: &Odd, news: &str) {
    let letter = newsletter("awake");
    server.deliver("INBOX", &letter.bytes());
    server.arrives(&letter.id(), news, &["INBOX"]);
}

/// Courier invents a message in the place of one that another client has just removed.
#[test]
fn courier_the_mail_it_makes_up_is_never_sorted() {
    let Some(server) = Courier::new().start() else { return };
    let port = server.port;
    let (vanishes, taken) = (newsletter("vanishes"), Arc::new(AtomicBool::new(false)));
    let (letter, done) = (vanishes.clone(), taken.clone());
    let proxy = Proxy::to(port)
        .before_each(move |command| {
            if command.starts_with("UID FETCH") && !done.load(Ordering::SeqCst) {
                let mut hand = Hand::login(port, "alice", "secret");
                if let Some(uid) = hand.find("INBOX", &letter.id()).first() {
                    done.store(true, Ordering::SeqCst);
                    hand.delete("INBOX", *uid);
                }
            }
        })
        .start();
    let home = home(proxy.port);
    // The made-up sender would be sorted, were he real.
    home.rule_file(
        "10.toml",
        "[[rule]]\nname = \"root\"\nwhen = { from = \"root@localhost\" }\nbucket = \"bulk\"\n\
         [[rule]]\nname = \"subject\"\nwhen = { subject = \"message unavailable\" }\nbucket = \"bulk\"\n",
    );
    let daemon = start(&home);
    server.deliver("alice", &vanishes.bytes());
    eventually("the user to be faster", || taken.load(Ordering::SeqCst).then_some(()));
    let after = newsletter("after");
    server.deliver("alice", &after.bytes());
    server.hand("alice").wait_for("News", &after.id());
    let log = home.run(&["log", "--json"]).expect_code(0).stdout;
    assert!(!log.contains("root@localhost"), "{log}");
    assert_eq!(Census::of(&server, "alice").in_folder("Bulk"), 0);
    nothing_learned(&home);
    daemon.terminate();
    proxy.assert_clean();
}

/// The same where it happens in a bucket folder: it would teach, were it believed.
#[test]
fn courier_the_mail_it_makes_up_teaches_nothing() {
    let ways = Ways {
        made_up: true,
        ..Ways::default()
    };
    let server = ways.start();
    let home = home(server.port);
    let daemon = start(&home);
    for folder in ["Blackhole", "INBOX"] {
        let mut mail = server.mail();
        let folder = mail.folder_mut(folder).unwrap();
        folder.ghosts.push(folder.uid_next);
        folder.uid_next += 1;
    }
    sorts(&server, "News");
    server.wait_for("EXAMINE \"Blackhole\"", 1);
    sorts(&server, "News");
    nothing_learned(&home);
    assert_eq!(daemon.count_lines("root@localhost"), 0);
    daemon.terminate();
}

/// OK to a MOVE that moved nothing: noticed, said, and not tried for ever.
#[test]
fn a_move_that_was_only_said_is_noticed() {
    let ways = Ways {
        moving: Moving::Pretended,
        ..Ways::default()
    };
    let server = ways.start();
    let home = home(server.port);
    let mut daemon = start(&home);
    let letter = newsletter("stays");
    server.deliver("INBOX", &letter.bytes());
    let line = daemon.wait_line("said OK and did not move it");
    assert!(line.contains("stays where it is"), "{line}");
    let next = newsletter("next");
    server.deliver("INBOX", &next.bytes());
    server.wait_for("UID MOVE", 2);
    explained(&home, &letter, "said OK and did not move it");
    let mail = server.mail();
    assert_eq!(
        (mail.find("INBOX", &letter.id()).len(), mail.copies(&letter.id())),
        (1, 1)
    );
    drop(mail);
    assert_eq!(server.count("UID MOVE"), 2, "the first message was tried again");
    assert_eq!(server.count("UID COPY"), 0, "a MOVE was followed by a COPY");
    daemon.terminate();
}

/// A MOVE that happened and of which nothing tells where to: found in the destination, and no drag of the user's.
#[test]
fn a_move_without_copyuid_is_found_and_teaches_nothing() {
    let ways = Ways {
        moving: Moving::WithoutCopyUid,
        ..Ways::default()
    };
    let server = ways.start();
    let home = home(server.port);
    let daemon = start(&home);
    let letter = newsletter("moved");
    server.deliver("INBOX", &letter.bytes());
    server.arrives(&letter.id(), "News", &["INBOX"]);
    explained(&home, &letter, "moved to News");
    sorts(&server, "News");
    sorts(&server, "News");
    nothing_learned(&home);
    home.run(&["undo", "--id", "1"]).expect_code(0);
    server.arrives(&letter.id(), "INBOX", &["News"]);
    daemon.terminate();
}

/// COPY without COPYUID: the copy is looked for by its fingerprint before the original goes.
#[test]
fn a_copy_without_copyuid_is_found_before_the_original_goes() {
    let ways = Ways {
        after_login: "IMAP4rev1 IDLE UIDPLUS",
        copy_uid: false,
        ..Ways::default()
    };
    let server = Arc::new(ways.start());
    let (watched, letter) = (server.clone(), newsletter("copied"));
    let id = letter.id();
    let proxy = Proxy::to(server.port)
        .before_each(move |command| {
            if command.starts_with("UID STORE") || command.starts_with("UID EXPUNGE") {
                assert_eq!(
                    watched.mail().find("News", &id).len(),
                    1,
                    "{command} before the copy was there"
                );
            }
        })
        .start();
    let home = home(proxy.port);
    let daemon = start(&home);
    server.deliver("INBOX", &letter.bytes());
    server.arrives(&letter.id(), "News", &[]);
    eventually("the original to go", || {
        server.mail().find("INBOX", &letter.id()).is_empty().then_some(())
    });
    explained(&home, &letter, "moved to News");
    let commands: Vec<String> = proxy.commands().into_iter().map(|command| command.text).collect();
    let at = |start: &str| commands.iter().position(|command| command.starts_with(start)).unwrap();
    assert!(
        at("EXAMINE \"News\"") > at("UID COPY") && at("UID STORE") > at("EXAMINE \"News\""),
        "{commands:#?}"
    );
    sorts(&server, "News");
    nothing_learned(&home);
    daemon.terminate();
    proxy.assert_clean();
}

/// EXAMINE protects nothing here: reading must not mark mail as read, and `preview` must send nothing that moves.
#[test]
fn an_examine_that_does_not_protect_is_not_relied_upon() {
    let server = Ways::default().start();
    let letter = newsletter("unread");
    server.deliver("INBOX", &letter.bytes());
    server.deliver(
        "Sent",
        &Letter::from("alice@example.org").to("friend@people.example").bytes(),
    );
    let home = Home::new(&[Account::new("home", server.port).mode("preview").backlog("sort")]);
    home.run(&["preview", "--since", "30000d"]).expect_code(0);
    home.run_once().expect_code(0);
    let mail = server.mail();
    for folder in &mail.folders {
        for message in &folder.messages {
            assert!(message.flags.is_empty(), "{:?} in {}", message.flags, folder.name);
        }
    }
    assert_eq!(mail.find("INBOX", &letter.id()).len(), 1);
    drop(mail);
    for command in ["SELECT", "UID MOVE", "UID COPY", "UID STORE", "CREATE"] {
        assert_eq!(server.count(command), 0, "{command} in a preview");
    }
    assert!(server.count("EXAMINE") > 0);
}

/// Dovecot moves mail out of a folder opened by EXAMINE; so nothing of the kind may ever be sent there.
#[test]
fn dovecot_an_examine_that_does_not_protect_is_not_relied_upon() {
    let Some(server) = Dovecot::new().start() else { return };
    server.deliver("alice", &newsletter("unread").bytes());
    let before = Census::of(&server, "alice");
    let proxy = Proxy::to(server.port).start();
    let home = Home::new(&[Account::new("home", proxy.port).mode("preview").backlog("sort")]);
    home.run_once().expect_code(0);
    home.run(&["preview"]).expect_code(0);
    before.assert_untouched(&Census::of(&server, "alice"));
    assert_eq!(proxy.count("SELECT"), 0);
    proxy.assert_clean();
}

/// A folder made anew under the same UIDVALIDITY holds another message under the number we know: it is not ours to take back.
#[test]
fn a_reused_uidvalidity_is_seen_through_by_fingerprint() {
    let server = Ways::default().start();
    let home = home(server.port);
    let daemon = start(&home);
    let (ours, other) = (newsletter("ours"), newsletter("other"));
    server.deliver("INBOX", &ours.bytes());
    server.arrives(&ours.id(), "News", &["INBOX"]);
    explained(&home, &ours, "moved to News");
    daemon.terminate();
    let uid = server.mail().find("News", &ours.id())[0];
    let mut mail = server.mail();
    let number = mail.next_number();
    let folder = mail.folder_mut("News").unwrap();
    (folder.uid_next, folder.messages) = (uid, Vec::new());
    assert_eq!(
        mail.put("News", &other.bytes(), &[], number),
        uid,
        "the same epoch, the same UID, another message"
    );
    drop(mail);

    let said = home.run(&["undo", "--last", "1"]).text();
    assert!(said.contains("no longer in News"), "{said}");
    let daemon = start(&home);
    sorts(&server, "News");
    assert_eq!(
        server.mail().find("News", &other.id()).len(),
        1,
        "another message was taken for ours"
    );
    assert_eq!(server.mail().copies(&other.id()), 1);
    daemon.terminate();
}

/// iCloud: a FETCH comes between IDLE and its `+`.
#[test]
fn icloud_a_fetch_before_the_plus() {
    let ways = Ways {
        fetch_before_plus: true,
        ..Ways::default()
    };
    let server = ways.start();
    let home = home(server.port);
    let daemon = start(&home);
    sorts(&server, "News");
    assert!(server.count("IDLE") > 0, "IDLE was given up");
    sorts(&server, "News");
    daemon.terminate();
}

/// Outlook: no keywords. A rule's keyword is not sent, and the message moves all the same.
#[test]
fn outlook_takes_no_keywords() {
    let ways = Ways {
        keywords: false,
        ..Ways::default()
    };
    let server = ways.start();
    let home = home(server.port);
    home.rule_file(
        "10.toml",
        "[[rule]]\nname = \"invoice\"\nwhen = { from = \"@shop.example\" }\nbucket = \"bulk\"\nflags = [\"+$Invoice\", \"+\\\\Flagged\"]\n",
    );
    let daemon = start(&home);
    let letter = Letter::from("billing@shop.example");
    server.deliver("INBOX", &letter.bytes());
    server.arrives(&letter.id(), "Bulk", &["INBOX"]);
    let mail = server.mail();
    let message = &mail.folder("Bulk").unwrap().messages[0];
    assert_eq!(message.flags.iter().collect::<Vec<_>>(), ["\\Flagged"]);
    drop(mail);
    assert!(!server.heard().iter().any(|command| command.contains("$Invoice")));
    daemon.terminate();
}

/// Yahoo: no IDLE. It is asked in turns, and IDLE is never said.
#[test]
fn yahoo_has_no_idle() {
    let ways = Ways {
        after_login: "IMAP4rev1 ID MOVE NAMESPACE UIDPLUS",
        ..Ways::default()
    };
    let server = ways.start();
    let home = home(server.port);
    let daemon = start(&home);
    sorts(&server, "News");
    assert_eq!(server.count("IDLE"), 0);
    assert!(server.count("NOOP") > 0);
    let status = home.run(&["status"]).expect_code(0).stdout;
    assert!(status.contains("asks for new mail every 1 s"), "{status}");
    daemon.terminate();
}

/// Proton Bridge numbers every folder anew at each start: nothing is learned, doubled or met twice, mail that came
/// meanwhile is sorted, and a rescue is still one.
#[test]
fn proton_bridge_numbers_everything_anew_at_each_start() {
    let server = Ways::default().start();
    let bridged = |letter: Letter| letter.field("X-Pm-Gluon-Id", "00000000");
    let (old, first) = (bridged(newsletter("old")), bridged(newsletter("first")));
    server.deliver("INBOX", &old.bytes());
    let home = home(server.port);
    let stranger = bridged(Letter::from("Pest <pest@shop.example>"));
    let mut daemon = start(&home);
    server.deliver("INBOX", &stranger.bytes());
    server.deliver("INBOX", &first.bytes());
    server.arrives(&first.id(), "News", &["INBOX"]);
    explained(&home, &stranger, "left in INBOX");
    for round in 0..2 {
        daemon.terminate();
        let later = jiff::Zoned::now() + jiff::SignedDuration::from_hours(1 + i64::from(round));
        let meanwhile = newsletter(&format!("meanwhile{round}"))
            .field("Date", &later.strftime("%a, %d %b %Y %H:%M:%S %z").to_string());
        server.deliver("INBOX", &meanwhile.bytes());
        renumber(&mut server.mail(), &format!("{round:08}"), &format!("{:08}", round + 1));
        daemon = start(&home);
        server.arrives(&meanwhile.id(), "News", &["INBOX"]);
        sorts(&server, "News");
        daemon.wait_line("renumbered this folder");
    }
    nothing_learned(&home);
    for letter in [&old, &first, &stranger] {
        assert_eq!(server.mail().copies(&letter.id()), 1, "{}", letter.id());
    }
    assert_eq!(
        server.mail().find("INBOX", &old.id()).len(),
        1,
        "old mail was taken for new"
    );
    server.drag(&first.id(), "News", "INBOX");
    explained(&home, &first, "you put it back");
    daemon.terminate();
}

/// New epochs, new numbers, and another value in the header field that Bridge adds.
fn renumber(mail: &mut Mail, before: &str, after: &str) {
    mail.epoch += 100;
    let epoch = mail.epoch;
    for (index, folder) in mail.folders.iter_mut().enumerate() {
        folder.uid_validity = epoch + u32::try_from(index).unwrap();
        for (index, message) in folder.messages.iter_mut().enumerate() {
            message.uid = u32::try_from(index).unwrap() + 1;
            let text = String::from_utf8_lossy(&message.bytes).into_owned();
            message.bytes = text.replace(before, after).into_bytes();
        }
        folder.uid_next = u32::try_from(folder.messages.len()).unwrap() + 1;
    }
}

/// Gmail: folders are labels, X-GM-MSGID is the identity, and All Mail is nobody's business.
#[test]
fn gmail_labels_and_all_mail() {
    let ways = Ways {
        after_login: "IMAP4rev1 UNSELECT IDLE NAMESPACE QUOTA ID XLIST CHILDREN X-GM-EXT-1 UIDPLUS MOVE CONDSTORE SPECIAL-USE",
        gmail: true,
        ..Ways::default()
    };
    let mut mail = Mail::default();
    for (name, attributes) in [
        ("INBOX", "\\HasNoChildren"),
        ("[Gmail]", "\\HasChildren \\Noselect"),
        ("[Gmail]/All Mail", "\\All \\HasNoChildren"),
        ("[Gmail]/Sent Mail", "\\HasNoChildren \\Sent"),
        ("[Gmail]/Bin", "\\HasNoChildren \\Trash"),
        ("[Gmail]/Important", "\\HasNoChildren \\Important"),
    ] {
        mail.add(name, attributes);
    }
    let server = ways.start_with(mail);
    let deliver = |letter: &Letter| {
        let mut mail = server.mail();
        let number = mail.next_number();
        mail.put("[Gmail]/All Mail", &letter.bytes(), &[], number);
        mail.put("INBOX", &letter.bytes(), &[], number);
    };
    let proxy = Proxy::to(server.port).start();
    let home = home(proxy.port);
    let daemon = start(&home);
    let (news, stranger) = (newsletter("weekly"), Letter::from("Pest <pest@shop.example>"));
    deliver(&news);
    deliver(&stranger);
    server.arrives(&news.id(), "News", &["INBOX"]);
    explained(&home, &stranger, "left in INBOX");
    // The same letter again is another message to Gmail, and so it is to us.
    deliver(&stranger);
    server.drag(&stranger.id(), "INBOX", "Blackhole");
    explained(&home, &stranger, "you filed it");
    let second = Letter::from("Pest <pest@shop.example>");
    deliver(&second);
    server.arrives(&second.id(), "Blackhole", &["INBOX"]);
    assert_eq!(server.mail().find("[Gmail]/All Mail", &second.id()).len(), 1);
    home.run(&["undo", "--last", "1"]).expect_code(0);
    server.arrives(&second.id(), "INBOX", &["Blackhole"]);
    for command in server.heard() {
        let touches = command.contains("All Mail") || command.contains("Important");
        assert!(!touches, "{command}");
        assert!(
            !command.contains("\\Deleted"),
            "{command}: that takes a label off, or worse"
        );
    }
    assert!(server.heard().iter().any(|command| command.contains("X-GM-MSGID")));
    daemon.terminate();
    proxy.assert_clean();
}

/// Folders below a level that holds no mail, and a level that takes nothing below it.
#[test]
fn levels_without_mail_and_levels_without_folders() {
    let mut mail = Mail::default();
    mail.add("INBOX", "\\NoInferiors");
    mail.add("Sorted", "\\Noselect \\HasChildren");
    mail.add("Sorted/News", "");
    mail.add("Sent", "\\Sent \\NoInferiors");
    let server = Ways::default().start_with(mail);
    let home = Home::new(&[Account::new("home", server.port)
        .folder_line("news = \"Sorted/News\"")
        .folder_line("bulk = \"Sorted/Bulk\"")]);
    let daemon = start(&home);
    sorts(&server, "Sorted/News");
    assert!(server.mail().folder("Sorted/Bulk").is_some());
    assert!(
        !server.heard().iter().any(|command| command.contains("T \"Sorted\"")),
        "{:#?}",
        server.heard()
    );
    daemon.terminate();
}
