//! What a hostile or broken server may send: an error or nothing, never an
//! abort, never a bill in memory.

use std::time::Duration;

use super::script::{play, play_inbox};
use crate::imap::{Access, ImapError};
use crate::sort::mailbox::Mailbox;

/// Lines that are dropped; the session goes on as if they had not come.
#[tokio::test(start_paused = true)]
async fn unreadable_lines_are_dropped_and_counted() {
    let long = format!("S: * LIST () \"/\" \"{}\"\n", "x".repeat(60_000));
    let lines = [
        "S: * XYZZY 1 2 3\n",
        "S: * 1 FETCH (UID 1 INTERNALDATE NIL)\n",
        "S: * 1 FETCH FLAGS (\\Flagged \\Recent)\n",
        "S: * STATUS Top (HIGHESTMODSEQ NIL)\n",
        "S: * LIST (\\HasNoChildren\n",
        "S: * LIST () \"/\" \"a{5}\n",
        "S: *\n",
        "S>  \\r\\n\n",
        "S> \\r\\n\n",
        "S> \\n\n",
        "S> nonsense\\0\\xff\\r\\n\n",
        "S: * 1 FETCH (UID {-1} FLAGS ())\n",
        &long,
    ];
    for line in lines {
        play(
            "IMAP4rev1",
            &format!("C: NOOP\n{line}S: $ OK\nC: NOOP\nS: $ OK"),
            async |mut session| {
                session
                    .noop()
                    .await
                    .unwrap_or_else(|error| panic!("{error} after {line:.60}"));
                session.noop().await.unwrap();
                assert!(session.dropped_responses() <= 1);
            },
        )
        .await;
    }
}

/// What may not be skipped over without losing step with the server.
#[tokio::test(start_paused = true)]
async fn what_breaks_the_frame_ends_the_session() {
    let endless = format!("S> * OK {}\n", "x".repeat(70_000));
    let literals = "S> * 1 FETCH (UID 1 BODY[HEADER] {4294967295}\\r\\n\n".to_owned();
    for line in [
        endless,
        literals,
        "S> * 1 FETCH (UID 1 BODY[HEADER] {18446744073709551616}\\r\\n\n".to_owned(),
        "S> * 1 FETCH (UID 1 BODY[HEADER] {1048577}\\r\\n\n".to_owned(),
        "S: P1 OK\u{0}\n".to_owned(),
        "S: + go on\n".to_owned(),
    ] {
        play("IMAP4rev1", &format!("C: NOOP\n{line}"), async |mut session| {
            let error = session.noop().await.unwrap_err();
            assert!(matches!(error, ImapError::Hostile { .. }), "{error} after {line:.60}");
        })
        .await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_hundred_thousand_parentheses_do_not_reach_the_parser() {
    let deep = format!("S: * 1 FETCH (UID 1 BODYSTRUCTURE {})\n", "(".repeat(60_000));
    let closed = format!(
        "S: * 1 FETCH (UID 1 BODYSTRUCTURE {}{})\n",
        "(".repeat(500),
        ")".repeat(500)
    );
    play(
        "IMAP4rev1",
        &format!("C: NOOP\n{deep}{closed}S: $ OK"),
        async |mut session| {
            session.noop().await.unwrap();
            assert_eq!(session.dropped_responses(), 2);
        },
    )
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_text_that_begins_right_behind_its_code() {
    play(
        "IMAP4rev1",
        "C: NOOP\nS: * OK [ALERT]\u{e4}h\nS: $ NO [LIMIT]\u{fc}ber",
        async |mut session| {
            let error = session.noop().await.unwrap_err();
            assert!(matches!(error, ImapError::Refused { code: Some(code), .. } if code == "LIMIT"));
            assert_eq!(session.dropped_responses(), 0);
        },
    )
    .await;
}

#[tokio::test(start_paused = true)]
async fn line_ends_without_cr_and_bytes_one_by_one() {
    let answer = "S> * 3 EXISTS\\n\nS> P2\nS>  O\nS> K do\nS> ne\\n\n";
    play(
        "IMAP4rev1",
        &format!("C: NOOP\nS: $ OK\nC: NOOP\n{answer}"),
        async |mut session| {
            session.noop().await.unwrap();
            session.noop().await.unwrap();
            assert_eq!(session.dropped_responses(), 0);
        },
    )
    .await;
}

#[tokio::test(start_paused = true)]
async fn several_spaces_behind_the_tag() {
    let answer = "S> *  \n\nS>  3 EXISTS\\n\nS> P2 \nS>   OK do\nS> ne\\n\n";
    play(
        "IMAP4rev1",
        &format!("C: NOOP\nS: $   OK done\nC: NOOP\n{answer}"),
        async |mut session| {
            session.noop().await.unwrap();
            session.noop().await.unwrap();
            assert_eq!(session.dropped_responses(), 0);
        },
    )
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_server_that_talks_without_end() {
    let noise = "S: * XYZZY\n".repeat(10_050);
    play("IMAP4rev1", &format!("C: NOOP\n{noise}"), async |mut session| {
        assert!(matches!(session.noop().await, Err(ImapError::Hostile { .. })));
    })
    .await;
    // A literal that is announced and never sent costs its announcement.
    let half = "C: NOOP\nS> * 1 FETCH (UID 1 BODY[HEADER] {1000000}\\r\\n\nS> abc";
    play("IMAP4rev1", half, async |mut session| {
        let began = tokio::time::Instant::now();
        assert!(matches!(session.noop().await, Err(ImapError::TimedOut { .. })));
        assert!(began.elapsed() <= Duration::from_mins(1));
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn odd_numbers_are_survived() {
    let script = "C: NOOP
        S: * 0 EXPUNGE
        S: * 4000000 EXPUNGE
        S: * 4294967296 EXISTS
        S: * 1 FETCH (UID 0 FLAGS ())
        S: * 1 FETCH (UID 4294967295 FLAGS (\\Deleted) MODSEQ (9223372036854775808))
        S: * VANISHED 1:4294967295
        S: * VANISHED (EARLIER) 9:3
        S: * OK [COPYUID 1 1:4294967295 1:4294967295] all
        S: * OK [UIDNEXT 0] x
        S: $ OK
        C: NOOP
        S: $ OK";
    play_inbox("IMAP4rev1", script, async |mut session| {
        session.noop().await.unwrap();
        assert_eq!(session.selected().unwrap().exists, 0);
        session.noop().await.unwrap();
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_uidvalidity_that_changes_under_us_closes_the_folder() {
    play_inbox(
        "IMAP4rev1",
        "C: NOOP\nS: * OK [UIDVALIDITY 8] new\nS: $ OK",
        async |mut session| {
            session.noop().await.unwrap();
            assert!(session.selected().is_none());
        },
    )
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_folder_without_uidvalidity_is_refused() {
    play(
        "IMAP4rev1",
        "C: SELECT \"INBOX\"\nS: * 1 EXISTS\nS: $ OK",
        async |mut session| {
            let error = session.select(&Mailbox::inbox(), Access::ReadWrite).await.unwrap_err();
            assert!(matches!(error, ImapError::Unsupported { .. }));
            assert!(session.selected().is_none());
        },
    )
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_long_list_of_uids_is_read_and_an_endless_one_is_not() {
    let numbers: Vec<String> = (1..=90_000).map(|n| n.to_string()).collect();
    let script = format!("C: UID SEARCH UID 1:*\nS: * SEARCH {}\nS: $ OK", numbers.join(" "));
    play_inbox("IMAP4rev1", &script, async |mut session| {
        assert_eq!(
            session.uids(crate::sort::mailbox::Uid(1), None).await.unwrap().len(),
            90_000
        );
    })
    .await;
    let script = format!("C: UID SEARCH UID 1:*\nS> * SEARCH{}", " 1000000000".repeat(100_000));
    play_inbox("IMAP4rev1", &script, async |mut session| {
        let error = session.uids(crate::sort::mailbox::Uid(1), None).await.unwrap_err();
        assert!(matches!(error, ImapError::Hostile { .. }), "{error}");
    })
    .await;
}
