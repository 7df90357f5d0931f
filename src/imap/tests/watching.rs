//! Waiting for news: IDLE in every shape servers give it, NOTIFY, polling.

use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::Instant;

use super::script::play_inbox;
use crate::imap::ImapError;
use crate::imap::watch::wait;
use crate::sort::mailbox::Mailbox;

const HOUR: Duration = Duration::from_hours(1);

#[tokio::test(start_paused = true)]
async fn news_before_and_together_with_idling_is_not_lost() {
    for script in [
        "C: IDLE\nS> + idling\\r\\n* 10 EXISTS\\r\\n\nC> DONE\nS: $ OK",
        // iCloud tells before the continuation.
        "C: IDLE\nS: * 10 EXISTS\nS: * 9 FETCH (FLAGS (\\Seen))\nS: + idling\nC> DONE\nS: $ OK",
        "C: IDLE\nS: + idling\nS: * 3 EXPUNGE\nC> DONE\nS: $ OK",
        "C: IDLE\nS: + idling\nS: * OK Still here\nS: * 10 EXISTS\nS: * 1 RECENT\nC> DONE\nS: $ OK",
    ] {
        play_inbox("IMAP4rev1 IDLE", script, async |mut session| {
            let began = Instant::now();
            let changes = wait(&mut session, &[], HOUR, &Notify::new()).await.unwrap();
            assert!(changes.selected && !changes.interrupted, "{script}");
            assert!(began.elapsed() < Duration::from_secs(1), "{script}");
        })
        .await;
    }
}

#[tokio::test(start_paused = true)]
async fn news_inside_another_answer_or_behind_done_ends_the_next_wait_at_once() {
    play_inbox(
        "IMAP4rev1 IDLE",
        "C: NOOP\nS: * 10 EXISTS\nS: $ OK",
        async |mut session| {
            session.noop().await.unwrap();
            assert!(wait(&mut session, &[], HOUR, &Notify::new()).await.unwrap().selected);
        },
    )
    .await;
    let script = "C: IDLE\nS: + idling\nC> DONE\nS: * 10 EXISTS\nS: $ OK";
    play_inbox("IMAP4rev1 IDLE", script, async |mut session| {
        let interrupt = Notify::new();
        interrupt.notify_one();
        let changes = wait(&mut session, &[], HOUR, &interrupt).await.unwrap();
        assert!(changes.interrupted && changes.selected);
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn idle_is_renewed_every_five_minutes_and_ends_at_its_limit() {
    let script = "C: IDLE\nS: + idling\nC> DONE\nS: $ OK\nC: IDLE\nS: + idling\nC> DONE\nS: $ OK";
    play_inbox("IMAP4rev1 IDLE", script, async |mut session| {
        let began = Instant::now();
        let changes = wait(&mut session, &[], Duration::from_mins(8), &Notify::new())
            .await
            .unwrap();
        assert!(!changes.any());
        assert_eq!(began.elapsed().as_secs(), 480);
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_dead_link_is_noticed_at_the_renewal() {
    play_inbox(
        "IMAP4rev1 IDLE",
        "C: IDLE\nS: + idling\nC> DONE",
        async |mut session| {
            let began = Instant::now();
            let error = wait(&mut session, &[], HOUR, &Notify::new()).await.unwrap_err();
            assert!(matches!(error, ImapError::TimedOut { during: "IDLE", .. }));
            assert_eq!(began.elapsed().as_secs(), 315);
            assert!(session.is_dead());
        },
    )
    .await;
}

#[tokio::test(start_paused = true)]
async fn the_end_of_the_connection_is_an_error_and_no_news() {
    for script in [
        "C: IDLE\nS: + idling\nEOF",
        "C: IDLE\nS: + idling\nS: * BYE bye",
        "C: IDLE\nEOF",
    ] {
        play_inbox("IMAP4rev1 IDLE", script, async |mut session| {
            let result = wait(&mut session, &[], HOUR, &Notify::new()).await;
            assert!(matches!(result, Err(ImapError::Lost { .. })), "{script}: {result:?}");
        })
        .await;
    }
}

#[tokio::test(start_paused = true)]
async fn idle_refused_or_absent_is_polled() {
    for (offered, script) in [
        (
            "IMAP4rev1 IDLE",
            "C: IDLE\nS: $ NO not today\nC: NOOP\nS: $ OK\nC: NOOP\nS: * 10 EXISTS\nS: $ OK",
        ),
        (
            "IMAP4rev1 IDLE",
            "C: IDLE\nS: $ BAD\nC: NOOP\nS: $ OK\nC: NOOP\nS: * 10 EXISTS\nS: $ OK",
        ),
        // A server that ends every IDLE at once would be asked in a tight loop.
        (
            "IMAP4rev1 IDLE",
            "C: IDLE\nS: + x\nS: $ OK\nC: NOOP\nS: $ OK\nC: NOOP\nS: * 10 EXISTS\nS: $ OK",
        ),
        ("IMAP4rev1", "C: NOOP\nS: $ OK\nC: NOOP\nS: * 10 EXISTS\nS: $ OK"),
    ] {
        play_inbox(offered, script, async |mut session| {
            let began = Instant::now();
            assert!(wait(&mut session, &[], HOUR, &Notify::new()).await.unwrap().selected);
            assert_eq!(began.elapsed().as_secs(), 60, "{script}");
        })
        .await;
    }
}

#[tokio::test(start_paused = true)]
async fn an_interrupt_ends_the_wait_and_leaves_the_session_usable() {
    let script = "C: IDLE\nS: + idling\nC> DONE\nS: $ OK\nC: NOOP\nS: $ OK";
    play_inbox("IMAP4rev1 IDLE", script, async |mut session| {
        let interrupt = Notify::new();
        let (changes, ()) = tokio::join!(wait(&mut session, &[], HOUR, &interrupt), async {
            tokio::time::sleep(Duration::from_secs(7)).await;
            interrupt.notify_one();
        });
        assert!(changes.unwrap().interrupted);
        session.noop().await.unwrap();
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn notify_tells_of_other_folders_on_the_same_connection() {
    let script = "C: STATUS \"Top\" (UIDVALIDITY UIDNEXT MESSAGES)
        S: * STATUS Top (MESSAGES 2 UIDNEXT 12 UIDVALIDITY 3)
        S: $ OK
        C: NOTIFY SET STATUS (selected (MessageNew MessageExpunge)) (mailboxes (\"Blackhole/Domain\" \"Top\") (MessageNew MessageExpunge))
        S: * STATUS Top (MESSAGES 2 UIDNEXT 12 UIDVALIDITY 3)
        S: $ OK
        C: IDLE
        S: + idling
        S: * STATUS Sent (MESSAGES 1 UIDNEXT 9 UIDVALIDITY 3)
        S: * STATUS Top (MESSAGES 3 UIDNEXT 13 UIDVALIDITY 3)
        C> DONE
        S: $ OK
        C: IDLE
        S: + idling
        S: * STATUS \"Blackhole/Domain\" (MESSAGES 1 UIDNEXT 2)
        C> DONE
        S: $ OK";
    play_inbox("IMAP4rev1 IDLE NOTIFY", script, async |mut session| {
        let (top, hole) = (Mailbox::new("Top"), Mailbox::new("Blackhole/Domain"));
        session.status(std::slice::from_ref(&top)).await.unwrap();
        let others = [top.clone(), hole.clone()];
        let changes = wait(&mut session, &others, HOUR, &Notify::new()).await.unwrap();
        assert_eq!(changes.others.into_iter().collect::<Vec<_>>(), [top]);
        let changes = wait(&mut session, &others, HOUR, &Notify::new()).await.unwrap();
        assert_eq!(changes.others.into_iter().collect::<Vec<_>>(), [hole]);
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn notify_refused_is_done_without() {
    let script = "C: NOTIFY SET STATUS (selected (MessageNew MessageExpunge))
        S: $ NO [NOTIFICATIONOVERFLOW] no
        C: IDLE\nS: + idling\nC> DONE\nS: $ OK\nC: IDLE\nS: + idling\nC> DONE\nS: $ OK";
    play_inbox("IMAP4rev1 IDLE NOTIFY", script, async |mut session| {
        for _ in 0..2 {
            let changes = wait(&mut session, &[], Duration::from_mins(1), &Notify::new())
                .await
                .unwrap();
            assert!(!changes.any());
        }
    })
    .await;
}
