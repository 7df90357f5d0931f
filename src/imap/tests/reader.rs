//! No fault of a connection and no refusal is ever taken for an empty answer.

use super::script::{play, play_inbox};
use crate::imap::{Access, ImapError};
use crate::sort::mailbox::{Mailbox, Uid};

fn uids(numbers: &[u32]) -> Vec<Uid> {
    numbers.iter().copied().map(Uid).collect()
}

#[tokio::test(start_paused = true)]
async fn a_closed_connection_is_lost_whatever_was_asked() {
    for (command, what) in [
        ("SELECT \"INBOX\"", "SELECT"),
        ("NOOP", "NOOP"),
        ("LIST \"\" \"*\"", "LIST"),
    ] {
        play("IMAP4rev1", &format!("C: {command}\nEOF"), async |mut session| {
            let error = match what {
                "SELECT" => session.select(&Mailbox::inbox(), Access::ReadWrite).await.map(drop),
                "LIST" => session.list().await.map(drop),
                _ => session.noop().await,
            };
            assert!(
                matches!(error, Err(ImapError::Lost { during, .. }) if during == what),
                "{error:?}"
            );
            assert!(session.is_dead() && session.selected().is_none());
            assert!(
                matches!(session.noop().await, Err(ImapError::Lost { .. })),
                "NOOP on a dead session"
            );
        })
        .await;
    }
}

#[tokio::test(start_paused = true)]
async fn search_and_fetch_on_a_closed_connection_are_lost() {
    play_inbox(
        "IMAP4rev1",
        "C: UID SEARCH UID 1:*\nS: * SEARCH 1 2\nEOF",
        async |mut session| {
            assert!(matches!(session.uids(Uid(1), None).await, Err(ImapError::Lost { .. })));
        },
    )
    .await;
    let cut = "C: UID FETCH 1:3 (UID FLAGS INTERNALDATE RFC822.SIZE BODY.PEEK[HEADER.FIELDS (From)]<0.65536>)
        S: * 1 FETCH (UID 1 FLAGS () RFC822.SIZE 9 BODY[HEADER.FIELDS (From)]<0> \"From: a\")
        S> * 2 FETCH (UID 2 FLA
        EOF";
    play_inbox("IMAP4rev1", cut, async |mut session| {
        let headers = session.headers(&uids(&[1, 2, 3]), &["From".to_owned()]).await;
        assert!(matches!(headers, Err(ImapError::Lost { .. })), "{headers:?}");
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn no_and_bad_are_refusals_and_the_session_lives() {
    let script = "C: UID SEARCH UID 1:*
        S: $ NO [SERVERBUG] not now
        C: UID FETCH 1 (UID FLAGS)
        S: * 1 FETCH (UID 1 FLAGS ())
        S: $ BAD what?
        C: NOOP
        S: $ OK fine";
    play_inbox("IMAP4rev1", script, async |mut session| {
        let error = session.uids(Uid(1), None).await.unwrap_err();
        assert!(error.is_transient() && !error.ends_connection());
        assert!(matches!(error, ImapError::Refused { bad: false, code: Some(code), .. } if code == "SERVERBUG"));
        let error = session.flags(&uids(&[1])).await.unwrap_err();
        assert!(matches!(error, ImapError::Refused { bad: true, .. }) && !error.is_transient());
        session.noop().await.unwrap();
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn an_untagged_no_is_a_warning() {
    let script = "C: SELECT \"Top\"
        S: * NO quota at 98%
        S: * OK [UIDVALIDITY 3] ok
        S: * OK [UIDNEXT 1] ok
        S: * 0 EXISTS
        S: $ OK done";
    play("IMAP4rev1", script, async |mut session| {
        let selected = session.select(&Mailbox::new("Top"), Access::ReadWrite).await.unwrap();
        assert_eq!((selected.exists, selected.uid_validity.0), (0, 3));
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_missing_uidnext_is_asked_for() {
    let script = "C: EXAMINE \"Top\"
        S: * 2 EXISTS
        S: * OK [UIDVALIDITY 3] ok
        S: $ OK [READ-ONLY] done
        C: STATUS \"Top\" (UIDVALIDITY UIDNEXT MESSAGES)
        S: * STATUS Top (MESSAGES 2 UIDNEXT 12 UIDVALIDITY 3)
        S: $ OK";
    play("IMAP4rev1", script, async |mut session| {
        let selected = session.select(&Mailbox::new("Top"), Access::ReadOnly).await.unwrap();
        assert_eq!((selected.uid_next, selected.read_only), (Uid(12), true));
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn silence_has_an_end_and_so_has_bye() {
    play("IMAP4rev1", "C: NOOP", async |mut session| {
        assert!(matches!(
            session.noop().await,
            Err(ImapError::TimedOut { during: "NOOP", .. })
        ));
        assert!(session.is_dead());
    })
    .await;
    play("IMAP4rev1", "C: NOOP\nS: * BYE going down", async |mut session| {
        let error = session.noop().await.unwrap_err();
        assert!(
            matches!(&error, ImapError::Lost { why, .. } if why.contains("going down")),
            "{error}"
        );
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_foreign_tag_ends_the_session() {
    for answer in ["X1 OK fine", "P9999 OK fine", "p1 OK fine"] {
        play("IMAP4rev1", &format!("C: NOOP\nS: {answer}"), async |mut session| {
            assert!(
                matches!(session.noop().await, Err(ImapError::Hostile { .. })),
                "{answer}"
            );
        })
        .await;
    }
}

#[tokio::test(start_paused = true)]
async fn an_abandoned_command_poisons_the_session() {
    play("IMAP4rev1", "C: NOOP", async |mut session| {
        let limit = std::time::Duration::from_secs(1);
        assert!(tokio::time::timeout(limit, session.noop()).await.is_err());
        assert!(session.is_dead());
        assert!(matches!(session.noop().await, Err(ImapError::Lost { .. })));
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn fetch_is_believed_by_the_uid_it_carries() {
    let script = "C: UID FETCH 4:5 (UID FLAGS INTERNALDATE RFC822.SIZE BODY.PEEK[HEADER.FIELDS (From)]<0.65536>)
        S: * 25 FETCH (UID 25 FLAGS () RFC822.SIZE 9 BODY[HEADER.FIELDS (From)]<0> \"From: x\")
        S: * 3 FETCH (FLAGS (\\Seen))
        S: * 4 FETCH (FLAGS () RFC822.SIZE 9 BODY[HEADER.FIELDS (From)]<0> \"From: no uid\")
        S: * 10 EXISTS
        S: * 5 FETCH (RFC822.SIZE 12 INTERNALDATE \" 5-Nov-2026 00:00:00 +0000\" BODY[HEADER.FIELDS (From)]<0> {9}
        S: From: b
        S:  FLAGS (\\Flagged $Work) UID 5)
        S: * 4 FETCH (UID 4 BODY[HEADER.FIELDS (From)]<0> {0}
        S: )
        S: $ OK done";
    play_inbox("IMAP4rev1", script, async |mut session| {
        let headers = session.headers(&uids(&[4, 5]), &["From".to_owned()]).await.unwrap();
        assert_eq!(headers.len(), 1, "{headers:?}");
        assert_eq!(
            (headers[0].uid, headers[0].size, &headers[0].header[..]),
            (Uid(5), 12, &b"From: b\r\n"[..])
        );
        assert_eq!(headers[0].flags, ["\\Flagged", "$Work"]);
        assert!(session.take_news(), "the EXISTS inside the answer");
        assert!(!session.take_news(), "told once");
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn the_message_that_courier_invents_is_left_out() {
    let script = "C: UID FETCH 4 (UID FLAGS INTERNALDATE RFC822.SIZE BODY.PEEK[HEADER.FIELDS (From Subject)]<0.65536>)
        S: * 4 FETCH (UID 4 FLAGS () RFC822.SIZE 129 BODY[HEADER.FIELDS (From Subject)]<0> {77}
        S: From: System Administrator <root@localhost>
        S: Subject: message unavailable
        S:
        S: )
        S: $ OK done";
    play_inbox("IMAP4rev1", script, async |mut session| {
        let fields = ["From".to_owned(), "Subject".to_owned()];
        assert_eq!(session.headers(&uids(&[4]), &fields).await.unwrap(), []);
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn windows_overlap_and_a_refusal_leaves_none_behind() {
    let all: Vec<Uid> = (1..=1_200).map(Uid).collect();
    let fetch = |set: &str| {
        format!("C: UID FETCH {set} (UID FLAGS INTERNALDATE RFC822.SIZE BODY.PEEK[HEADER.FIELDS (From)]<0.65536>)\n")
    };
    let script = [
        fetch("1:500"),
        // The second window is asked for before the first is answered.
        fetch("501:1000"),
        "S: $ NO not now\nS: * 1 FETCH (UID 501 BODY[HEADER.FIELDS (From)]<0> \"From: a\")\nS: $ OK\nC: NOOP\nS: $ OK"
            .to_owned(),
    ]
    .concat();
    play_inbox("IMAP4rev1", &script, async |mut session| {
        let headers = session.headers(&all, &["From".to_owned()]).await;
        assert!(matches!(headers, Err(ImapError::Refused { .. })), "{headers:?}");
        session.noop().await.unwrap();
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn two_windows_answered_in_one_go_are_both_read() {
    let all: Vec<Uid> = (1..=501).map(Uid).collect();
    let script = "C: UID FETCH 1:500 (UID FLAGS INTERNALDATE RFC822.SIZE BODY.PEEK[HEADER.FIELDS (From)]<0.65536>)
        C: UID FETCH 501 (UID FLAGS INTERNALDATE RFC822.SIZE BODY.PEEK[HEADER.FIELDS (From)]<0.65536>)
        S: * 9 FETCH (UID 500 BODY[HEADER.FIELDS (From)]<0> \"From: a\")
        S: * 10 FETCH (UID 501 BODY[HEADER.FIELDS (From)]<0> \"From: b\")
        S: $ OK
        S: $ OK";
    play_inbox("IMAP4rev1", script, async |mut session| {
        let headers = session.headers(&all, &["From".to_owned()]).await.unwrap();
        let found: Vec<Uid> = headers.iter().map(|message| message.uid).collect();
        assert_eq!(found, uids(&[500, 501]));
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn headers_asked_for_ahead_survive_the_command_in_between() {
    let script = "C: UID FETCH 1:2 (UID FLAGS INTERNALDATE RFC822.SIZE BODY.PEEK[HEADER.FIELDS (From)]<0.65536>)
        C: NOOP
        S: * 1 FETCH (UID 1 BODY[HEADER.FIELDS (From)]<0> \"From: a\")
        S: * 9000 EXISTS
        S: * 2 FETCH (UID 2 BODY[HEADER.FIELDS (From)]<0> \"From: b\")
        S: $ OK
        S: $ OK
        C: NOOP
        S: $ OK";
    play_inbox("IMAP4rev1", script, async |mut session| {
        let fields = ["From".to_owned()];
        session.ask_ahead(&uids(&[1, 2]), &fields).await.unwrap();
        session.noop().await.unwrap();
        let headers = session.headers(&uids(&[1, 2]), &fields).await.unwrap();
        let found: Vec<Uid> = headers.iter().map(|message| message.uid).collect();
        assert_eq!(found, uids(&[1, 2]));
        assert!(session.take_news());
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_star_that_names_an_old_message_is_seen_through() {
    let script = "C: UID SEARCH RETURN (ALL) UID 90:*
        S: * ESEARCH (TAG \"x\") UID ALL 28
        S: $ OK
        C: UID SEARCH RETURN (ALL) UID 3:8
        S: * ESEARCH (TAG \"x\") UID ALL 2:4,9,7
        S: $ OK
        C: UID SEARCH RETURN (ALL) UID 3:8
        S: * SEARCH 8 3
        S: $ OK
        C: UID SEARCH RETURN (ALL) UID 1:*
        S: * ESEARCH (TAG \"x\") UID ALL 1:4294967295
        S: $ OK";
    play_inbox("IMAP4rev1 ESEARCH", script, async |mut session| {
        assert_eq!(session.uids(Uid(90), None).await.unwrap(), []);
        assert_eq!(session.uids(Uid(3), Some(Uid(8))).await.unwrap(), uids(&[3, 4, 7]));
        assert_eq!(session.uids(Uid(3), Some(Uid(8))).await.unwrap(), uids(&[3, 8]));
        assert!(matches!(
            session.uids(Uid(1), None).await,
            Err(ImapError::Hostile { .. })
        ));
    })
    .await;
}
