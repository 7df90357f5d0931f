//! Every fault does what its description says, to the command it was ordered for and to no other.

use std::time::Duration;

use super::client::{Client, DEADLINE, places, server};
use crate::demo::Fault;
use crate::sort::mailbox::Uid;

const MOVE: &str = "a1 UID MOVE 1 Top";

#[tokio::test]
async fn cut_before_executing_leaves_everything() {
    let server = server().await;
    let mut client = Client::in_inbox(&server).await;
    server.order("UID MOVE", 1, Fault::CutBefore);
    assert_eq!(client.command(MOVE).await, Vec::<String>::new());
    assert_eq!(places(&server), (2, 0));
    assert!(server.faults_happened());
}

#[tokio::test]
async fn cut_after_executing_tells_nothing_and_has_moved() {
    let server = server().await;
    let mut client = Client::in_inbox(&server).await;
    server.order("UID MOVE", 1, Fault::CutAfter);
    assert_eq!(client.command(MOVE).await, Vec::<String>::new());
    assert_eq!(places(&server), (1, 1));
}

#[tokio::test]
async fn cut_before_the_tagged_line_gives_copyuid_only() {
    let server = server().await;
    let mut client = Client::in_inbox(&server).await;
    server.order("UID MOVE", 1, Fault::CutBeforeTagged);
    let lines = client.command(MOVE).await;
    assert!(lines[0].starts_with("* OK [COPYUID "), "{lines:?}");
    assert_eq!(lines[1..], ["* 1 EXPUNGE"]);
    assert_eq!(places(&server), (1, 1));
}

#[tokio::test]
async fn refusals_and_lies_change_nothing_and_the_session_goes_on() {
    let server = server().await;
    let mut client = Client::in_inbox(&server).await;
    server.order("UID MOVE", 1, Fault::No("[OVERQUOTA] Full".to_owned()));
    server.order("UID MOVE", 2, Fault::Bad("What?".to_owned()));
    server.order("UID MOVE", 3, Fault::Pretend);
    server.order("UID MOVE", 4, Fault::Raw(b"* 7 NONSENSE\r\n{tag} OK\r\n".to_vec()));
    assert_eq!(client.command("a1 UID MOVE 1 Top").await, ["a1 NO [OVERQUOTA] Full"]);
    assert_eq!(client.command("a2 UID MOVE 1 Top").await, ["a2 BAD What?"]);
    assert_eq!(client.command("a3 UID MOVE 1 Top").await, ["a3 OK Completed"]);
    assert_eq!(client.command("a4 UID MOVE 1 Top").await, ["* 7 NONSENSE", "a4 OK"]);
    assert_eq!(places(&server), (2, 0));
    assert!(
        client
            .command("a5 UID MOVE 1 Top")
            .await
            .last()
            .unwrap()
            .starts_with("a5 OK Move")
    );
    assert_eq!(places(&server), (1, 1));
}

#[tokio::test]
async fn the_nth_occurrence_is_meant_and_other_commands_are_not() {
    let server = server().await;
    let mut client = Client::in_inbox(&server).await;
    server.order("UID COPY", 2, Fault::No("not this one".to_owned()));
    assert!(
        client
            .command("a1 UID MOVE 9 Top")
            .await
            .last()
            .unwrap()
            .starts_with("a1 OK")
    );
    assert!(
        client
            .command("a2 UID COPY 1 Top")
            .await
            .last()
            .unwrap()
            .starts_with("a2 OK")
    );
    assert!(!server.faults_happened());
    assert_eq!(client.command("a3 UID COPY 1 Top").await, ["a3 NO not this one"]);
    assert!(
        client
            .command("a4 UID COPY 1 Top")
            .await
            .last()
            .unwrap()
            .starts_with("a4 OK")
    );
}

#[tokio::test]
async fn silence_lasts_until_the_connection_is_dropped() {
    for executed in [false, true] {
        let server = server().await;
        let mut client = Client::in_inbox(&server).await;
        server.order("UID MOVE", 1, Fault::Silent { executed });
        client.send(b"a1 UID MOVE 1 Top\r\na2 NOOP\r\n").await;
        assert!(server.wait_until(DEADLINE, crate::demo::Server::faults_happened).await);
        assert!(client.is_silent().await);
        assert_eq!(places(&server), if executed { (1, 1) } else { (2, 0) });
        server.drop_connections();
        assert_eq!(client.line().await, None);
        assert!(server.wait_until(DEADLINE, |server| server.connections() == 0).await);
    }
}

#[tokio::test]
async fn somebody_else_can_be_faster_by_a_hair() {
    let server = server().await;
    let mut client = Client::in_inbox(&server).await;
    let hand = |server: &crate::demo::Server| assert!(server.expunge("alice", "INBOX", Uid(1)));
    server.order("UID MOVE", 1, Fault::Meanwhile(Box::new(hand)));
    let lines = client.command(MOVE).await;
    assert_eq!(lines[0], "* 1 EXPUNGE");
    assert!(lines[1].starts_with("a1 NO [EXPUNGEISSUED]"), "{lines:?}");
    assert_eq!(places(&server), (1, 0));
}

#[tokio::test]
async fn a_slow_answer_arrives_whole() {
    let server = server().await;
    let mut client = Client::in_inbox(&server).await;
    server.order("NOOP", 1, Fault::Slow(Duration::from_millis(1)));
    assert_eq!(client.command("a1 NOOP").await, ["a1 OK NOOP completed."]);
}

#[tokio::test]
async fn a_greeting_can_fail_too() {
    let server = server().await;
    server.order("GREETING", 1, Fault::No("[UNAVAILABLE] Come back later".to_owned()));
    let mut client = Client::connect(&server).await;
    assert_eq!(
        client.line().await.as_deref(),
        Some("* BYE [UNAVAILABLE] Come back later")
    );
    assert_eq!(client.line().await, None);
}
