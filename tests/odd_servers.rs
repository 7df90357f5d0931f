//! One story on servers that keep to the standard and resemble none of ours: every habit that RFC 3501 and its extensions
//! leave open, one at a time and all together. Mail is sorted, a drag is understood, nothing is doubled or marked as read.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::string_slice
)]

mod support;

use support::{Account, Home, Letter, Mail, Moving, Odd, Proxy, Spelling, Ways, eventually};

fn newsletter() -> Letter {
    Letter::from("News <news@weekly.example>").newsletter("<weekly.list.example>")
}

/// The server's spelling of a folder.
fn spelled(ways: &Ways, name: &str) -> String {
    let separator = ways
        .separator
        .map_or_else(String::new, |separator| separator.to_string());
    format!("{}{}", ways.prefix, name.replace('/', &separator))
}

/// New mail is sorted, a drag teaches, the next message follows it; with a BYE in the middle.
fn tell(ways: Ways) {
    let names = ways.clone();
    let server = ways.start();
    tell_on(&server, &names, |account| account);
}

fn tell_on(server: &Odd, ways: &Ways, adjust: impl FnOnce(Account) -> Account) {
    let [news, blackhole] = ["News", "Blackhole"].map(|name| spelled(ways, name));
    let proxy = Proxy::to(server.port).start();
    let home = Home::new(&[adjust(Account::new("home", proxy.port).imap_line("poll = \"1s\""))]);
    let mut daemon = home.start();
    daemon.wait_line("watching");
    let (stranger, weekly) = (Letter::from("Pest <pest@shop.example>"), newsletter());
    server.deliver("INBOX", &stranger.bytes());
    server.deliver("INBOX", &weekly.bytes());
    server.arrives(&weekly.id(), &news, &["INBOX"]);
    eventually("a verdict on the stranger", || {
        (home.run(&["explain", &stranger.id()]).code == Some(0)).then_some(())
    });
    server.arrives(&stranger.id(), "INBOX", &[&news]);

    server.drag(&stranger.id(), "INBOX", &blackhole);
    eventually("the drag in the ledger", || {
        let said = home.run(&["explain", &stranger.id()]);
        said.stdout.contains("you filed it").then_some(())
    });
    let second = Letter::from("Pest <pest@shop.example>");
    server.deliver("INBOX", &second.bytes());
    server.arrives(&second.id(), &blackhole, &["INBOX"]);

    server.bye();
    let late = newsletter();
    server.deliver("INBOX", &late.bytes());
    server.arrives(&late.id(), &news, &["INBOX"]);
    for letter in [&stranger, &weekly, &second, &late] {
        assert_eq!(server.mail().copies(&letter.id()), 1, "{} is doubled", letter.id());
    }
    let seen = |mail: &Mail| {
        let messages = mail.folders.iter().flat_map(|folder| &folder.messages);
        messages.filter(|message| message.flags.contains("\\Seen")).count()
    };
    assert_eq!(seen(&server.mail()), 0, "reading has marked mail as read");
    daemon.terminate();
    proxy.assert_clean();
}

#[test]
fn a_plain_server() {
    tell(Ways::default());
}

#[test]
fn the_greeting_tells_no_capabilities() {
    tell(Ways {
        greeting: "OK",
        before_login: "IMAP4rev1",
        ..Ways::default()
    });
}

#[test]
fn no_extension_but_move() {
    tell(Ways {
        greeting: "OK ready when you are",
        before_login: "IMAP4REV1",
        after_login: "IMAP4REV1 MOVE",
        moving: Moving::WithoutCopyUid,
        ..Ways::default()
    });
}

#[test]
fn everything_in_small_letters() {
    tell(Ways {
        small_letters: true,
        ..Ways::default()
    });
}

#[test]
fn folders_without_levels() {
    tell(Ways {
        separator: None,
        inbox: "Inbox",
        ..Ways::default()
    });
}

#[test]
fn a_backslash_between_levels() {
    tell(Ways {
        separator: Some('\\'),
        ..Ways::default()
    });
}

#[test]
fn names_as_atoms_and_as_literals() {
    for spelling in [Spelling::Atom, Spelling::Literal] {
        tell(Ways {
            spelling,
            prefix: "INBOX.",
            separator: Some('.'),
            inbox: "inbox",
            ..Ways::default()
        });
    }
}

#[test]
fn no_uidnext_no_recent_and_the_uid_behind_the_header() {
    tell(Ways {
        uid_next: false,
        recent: false,
        uid_last: true,
        ..Ways::default()
    });
}

#[test]
fn unknown_codes_and_unasked_flags() {
    tell(Ways {
        chatty: true,
        still_here: true,
        fetch_before_plus: true,
        ..Ways::default()
    });
}

#[test]
fn two_spaces_behind_the_tag() {
    tell(Ways {
        space: "  ",
        ..Ways::default()
    });
}

#[test]
fn everything_together() {
    tell(Ways {
        greeting: "OK [XYZZY] hello [there]",
        before_login: "AUTH=PLAIN  IMAP4rev1 LOGINDISABLED XYZZY=1",
        after_login: "imap4rev1 idle move uidplus namespace id unselect logindisabled",
        separator: Some('^'),
        prefix: "",
        spelling: Spelling::Literal,
        inbox: "inBox",
        small_letters: true,
        keywords: false,
        uid_next: false,
        recent: false,
        chatty: true,
        fetch_before_plus: true,
        still_here: true,
        uid_last: true,
        ..Ways::default()
    });
}

/// IMAP4rev2 and nothing else: no word of what rev2 includes, SEARCH answered by ESEARCH, names in UTF-8.
#[test]
fn imap4rev2_alone() {
    let ways = Ways {
        greeting: "OK [CAPABILITY IMAP4rev2 AUTH=PLAIN] ready",
        before_login: "IMAP4rev2 AUTH=PLAIN",
        after_login: "IMAP4rev2",
        rev2: true,
        recent: false,
        ..Ways::default()
    };
    let server = ways.clone().start();
    tell_on(&server, &ways, |account| account.folder_line("top = \"W\u{fc}nsche\""));
    assert!(
        server.mail().folder("W\u{fc}nsche").is_some(),
        "names are UTF-8 in IMAP4rev2"
    );
}

/// Folders with quotes, backslashes, `&`, stars, umlauts and empty levels are there, and some of them are ours.
#[test]
fn folders_with_difficult_names() {
    for spelling in [Spelling::Quoted, Spelling::Literal] {
        let ways = Ways {
            spelling,
            ..Ways::default()
        };
        let mut mail = Mail::default();
        for (name, attributes) in [
            ("INBOX", "\\HasNoChildren"),
            ("a \"quoted\" one", ""),
            ("back\\slash", ""),
            ("Sales &- Marketing", "\\Marked"),
            ("broken &umlaut", ""),
            ("100%*", ""),
            ("", "\\Noselect"),
            ("Gesendet &- mehr", "\\Sent"),
            ("Mi&APwt-ll", ""),
            ("raw \u{fc}", ""),
        ] {
            mail.add(name, attributes);
        }
        let server = ways.clone().start_with(mail);
        let proxy = Proxy::to(server.port).start();
        let home = Home::new(&[Account::new("home", proxy.port)
            .folder_line("news = \"Sales & Marketing\"")
            .folder_line("bulk = 'a \"quoted\" one'")
            .folder_line("top = 'back\\slash'")
            .folder_line("blackhole = \"N\u{e4}chtliches\"")]);
        home.rule_file(
            "10.toml",
            "[[rule]]\nname = \"q\"\nwhen = { from = \"@quoted.example\" }\nbucket = \"bulk\"\n\
             [[rule]]\nname = \"b\"\nwhen = { from = \"@slash.example\" }\nbucket = \"top\"\n\
             [[rule]]\nname = \"n\"\nwhen = { from = \"@night.example\" }\nbucket = \"blackhole\"\n\
             [[rule]]\nname = \"r\"\nwhen = { from = \"@raw.example\" }\nmove = \"raw \u{fc}\"\n",
        );
        let mut daemon = home.start();
        daemon.wait_line("watching");
        let weekly = newsletter();
        server.deliver("INBOX", &weekly.bytes());
        server.arrives(&weekly.id(), "Sales &- Marketing", &["INBOX"]);
        for (who, folder) in [
            ("a@quoted.example", "a \"quoted\" one"),
            ("a@slash.example", "back\\slash"),
            ("a@night.example", "N&AOQ-chtliches"),
            ("a@raw.example", "raw \u{fc}"),
        ] {
            let letter = Letter::from(who);
            server.deliver("INBOX", &letter.bytes());
            server.arrives(&letter.id(), folder, &["INBOX"]);
        }
        daemon.terminate();
        proxy.assert_clean();
    }
}
