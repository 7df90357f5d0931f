//! Folder names: the user's spelling and the server's, both ways.

use super::script::play;
use crate::imap::Folder;
use crate::imap::folders::{Names, Status};
use crate::sort::mailbox::{Mailbox, Uid, UidValidity};

fn names(namespace: &str) -> Names {
    Names::new(
        &[format!("* NAMESPACE {namespace} NIL NIL")
            .into_bytes()
            .into_boxed_slice()],
        None,
    )
}

#[test]
fn separator_prefix_and_encoding_are_the_servers() {
    let plain = names("((\"\" \"/\"))");
    let courier = names("((\"INBOX.\" \".\"))");
    for (mailbox, on_plain, on_courier) in [
        ("INBOX", "INBOX", "INBOX"),
        ("Top", "Top", "INBOX.Top"),
        ("inbox/Top", "INBOX/Top", "INBOX.Top"),
        ("Blackhole/Domain", "Blackhole/Domain", "INBOX.Blackhole.Domain"),
        ("Entwürfe/A&B", "Entw&APw-rfe/A&-B", "INBOX.Entw&APw-rfe.A&-B"),
        ("INBOXES", "INBOXES", "INBOX.INBOXES"),
    ] {
        let mailbox = Mailbox::new(mailbox);
        assert_eq!(plain.to_wire(&mailbox).unwrap(), on_plain);
        assert_eq!(courier.to_wire(&mailbox).unwrap(), on_courier);
        assert_eq!(plain.named(on_plain), mailbox);
        if mailbox.as_str() != "INBOX/Top" {
            assert_eq!(courier.named(on_courier), mailbox);
        }
    }
    assert!(
        courier.to_wire(&Mailbox::new("v1.2")).is_err(),
        "the separator inside a name"
    );
    assert!(plain.to_wire(&Mailbox::new("a//b")).is_err());
}

#[test]
fn namespaces_in_odd_shapes() {
    for (namespace, wire) in [
        ("((\"\" NIL))", "a/b"),
        ("NIL", "a/b"),
        ("((\"\" \"\\\\\"))", "a\\b"),
        (
            "((\"INBOX/\" \"/\" \"TRANSLATION\" (\"Mail\")) (\"~\" \"/\"))",
            "INBOX/a/b",
        ),
        ("garbage", "a/b"),
    ] {
        assert_eq!(
            names(namespace).to_wire(&Mailbox::new("a/b")).unwrap(),
            wire,
            "{namespace}"
        );
    }
}

#[test]
fn a_listed_name_is_named_back_byte_for_byte() {
    let mut names = names("((\"INBOX.\" \".\"))");
    for wire in [
        "INBOX.&A-",
        "INBOX.a/b",
        "INBOX.&&-.x",
        "#shared.team",
        "Übung",
        "inbox.Top",
        "INBOX.",
        "INBOX.INBOX",
    ] {
        let mailbox = names.learn(wire, Some('.'));
        assert_eq!(names.to_wire(&mailbox).unwrap(), wire, "{mailbox}");
    }
}

#[test]
fn of_two_names_that_read_the_same_ours_is_meant() {
    let mut names = names("((\"\" \"/\"))");
    names.learn("Entwürfe", Some('/'));
    names.learn("Entw&APw-rfe", Some('/'));
    names.learn("Entwürfe", Some('/'));
    assert_eq!(names.to_wire(&Mailbox::new("Entwürfe")).unwrap(), "Entw&APw-rfe");
}

#[tokio::test(start_paused = true)]
async fn list_in_every_spelling() {
    let script = "C: LIST \"\" \"*\" RETURN (SUBSCRIBED SPECIAL-USE)
        S: * LIST (\\HasNoChildren \\subscribed) \"/\" inbox
        S: * LIST (\\HasNoChildren \\junk) \"/\" \"Spam\"
        S: * LIST (\\Noselect) \"/\" \"a\\\"b\\\\c\"
        S: * LIST (\\Noinferiors \\NonExistent) NIL {4}
        S: x\"y\\
        S: * LIST (\\HasChildren \\Important) \"/\" \"&ZeVnLIqe-\"
        S: $ OK";
    play("IMAP4rev1 LIST-EXTENDED SPECIAL-USE", script, async |mut session| {
        let folders = session.list().await.unwrap();
        let folder = |name: &str, special_use: Option<&str>| Folder {
            mailbox: Mailbox::new(name),
            selectable: true,
            no_inferiors: false,
            special_use: special_use.map(str::to_owned),
            subscribed: Some(false),
        };
        let expected = [
            Folder {
                subscribed: Some(true),
                ..folder("INBOX", None)
            },
            folder("Spam", Some("\\Junk")),
            Folder {
                selectable: false,
                ..folder("a\"b\\c", None)
            },
            Folder {
                selectable: false,
                no_inferiors: true,
                ..folder("x\"y\\", None)
            },
            folder("日本語", Some("\\Important")),
        ];
        assert_eq!(folders, expected);
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn an_extended_list_that_is_refused_is_asked_plainly() {
    let script =
        "C: LIST \"\" \"*\" RETURN (SUBSCRIBED)\nS: $ BAD what\nC: LIST \"\" \"*\"\nS: * LIST () \".\" Top\nS: $ OK";
    play("IMAP4rev1 LIST-EXTENDED", script, async |mut session| {
        let folders = session.list().await.unwrap();
        assert_eq!(folders[0].subscribed, None);
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn status_finds_its_answers_by_name_and_leaves_out_what_is_missing() {
    let script = "C: LIST \"\" (\"INBOX\" \"a\\\"b\") RETURN (STATUS (UIDVALIDITY UIDNEXT MESSAGES HIGHESTMODSEQ))
        S: * LIST () \"/\" inbox
        S: * STATUS inbox (MESSAGES 1 UIDNEXT 2 UIDVALIDITY 3 HIGHESTMODSEQ 4)
        S: * LIST () \"/\" \"a\\\"b\"
        S: * STATUS \"a\\\"b\" (MESSAGES 5 UIDNEXT 6 UIDVALIDITY 7)
        S: $ OK";
    let inbox = Status {
        uid_validity: UidValidity(3),
        uid_next: Uid(2),
        messages: 1,
        highest_modseq: Some(4),
    };
    play(
        "IMAP4rev1 LIST-EXTENDED LIST-STATUS CONDSTORE",
        script,
        async |mut session| {
            let status = session.status(&[Mailbox::inbox(), Mailbox::new("a\"b")]).await.unwrap();
            assert_eq!(status[&Mailbox::inbox()], inbox);
            assert_eq!(status[&Mailbox::new("a\"b")].messages, 5);
        },
    )
    .await;
    let script = "C: STATUS \"Top\" (UIDVALIDITY UIDNEXT MESSAGES)
        C: STATUS \"Gone\" (UIDVALIDITY UIDNEXT MESSAGES)
        S: * STATUS Top (MESSAGES 1 UIDNEXT 2 UIDVALIDITY 3)
        S: $ OK
        S: $ NO no such folder";
    play("IMAP4rev1", script, async |mut session| {
        let status = session
            .status(&[Mailbox::new("Top"), Mailbox::new("Gone")])
            .await
            .unwrap();
        assert_eq!(status.keys().map(Mailbox::as_str).collect::<Vec<_>>(), ["Top"]);
    })
    .await;
}
