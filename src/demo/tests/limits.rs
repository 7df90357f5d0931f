//! What a client sends cannot harm the server; what the handle does reaches clients.

use super::client::{Client, DEADLINE, places, server, server_with};
use crate::demo::{Capabilities, ServerOptions};
use crate::sort::mailbox::Uid;

#[tokio::test]
async fn an_endless_line_is_refused_and_the_session_lives() {
    let server = server().await;
    let mut client = Client::in_inbox(&server).await;
    let mut line = b"a1 SELECT ".to_vec();
    line.resize(200_000, b'x');
    line.extend_from_slice(b"\r\na2 NOOP\r\n");
    client.send(&line).await;
    assert_eq!(client.line().await.unwrap(), "a1 BAD [TOOBIG] The command is too long");
    assert_eq!(client.line().await.unwrap(), "a2 OK NOOP completed.");
}

#[tokio::test]
async fn a_huge_literal_is_refused_before_it_is_sent() {
    let server = server().await;
    let mut client = Client::in_inbox(&server).await;
    assert_eq!(
        client.command("a1 APPEND INBOX {4294967295}").await,
        ["a1 BAD [TOOBIG] The command is too long"]
    );
    client.send(b"a2 APPEND INBOX {99999999999999999999+}\r\n").await;
    assert_eq!(client.line().await.unwrap(), "* BYE [TOOBIG] The literal is too large");
    assert_eq!(client.line().await, None);
}

#[tokio::test]
async fn a_stranger_gets_no_room_for_a_literal() {
    let server = server().await;
    let mut client = Client::connect(&server).await;
    client.line().await.unwrap();
    assert_eq!(
        client.command("a1 LOGIN {100000}").await,
        ["a1 BAD [TOOBIG] The command is too long"]
    );
}

#[tokio::test]
async fn rubbish_is_answered_and_survived() {
    let server = server().await;
    let mut client = Client::in_inbox(&server).await;
    for rubbish in [
        &b"\x00\xff\xfe\r\n"[..],
        b"a1\r\n",
        b"* OK\r\n",
        b"a1 UID FETCH 4294967296:* FLAGS\r\n",
        b"a1 UID FETCH 1 BODY[99999999999]\r\n",
        b"a1 FETCH 0 FLAGS\r\n",
        b"a1 SEARCH ((((((((((((((((((((((ALL))))))))))))))))))))))\r\n",
        b"a1 SEARCH BEFORE 32-Foo-2026\r\n",
        b"a1 STATUS INBOX (\r\n",
        b"a1 LIST \"\" {3+}\r\n\xff\xff\xff\r\n",
        b"a1 APPEND INBOX \"99-Nov-2026 00:00:00 +0000\" {1+}\r\nx\r\n",
        b"a1 CREATE \"\"\r\n",
    ] {
        client.send(rubbish).await;
        let line = client.line().await.unwrap();
        assert!(line.contains("BAD") || line.contains("NO"), "{rubbish:?}: {line}");
    }
    assert_eq!(client.command("z NOOP").await, ["z OK NOOP completed."]);
}

#[tokio::test]
async fn a_capability_that_is_switched_off_is_neither_told_nor_obeyed() {
    let capabilities = Capabilities::default()
        .without("MOVE")
        .without("UIDPLUS")
        .without("IDLE");
    let server = server_with(ServerOptions {
        capabilities,
        ..ServerOptions::default()
    })
    .await;
    let mut client = Client::in_inbox(&server).await;
    let told = client.command("a1 CAPABILITY").await;
    assert!(
        !told[0].contains("MOVE") && !told[0].contains("UIDPLUS") && told[0].contains("NAMESPACE"),
        "{told:?}"
    );
    assert_eq!(
        client.command("a2 UID MOVE 1 Top").await,
        ["a2 BAD Unknown command UID MOVE"]
    );
    assert_eq!(
        client.command("a3 UID EXPUNGE 1").await,
        ["a3 BAD Unknown command UID EXPUNGE"]
    );
    assert_eq!(client.command("a4 IDLE").await, ["a4 BAD Unknown command IDLE"]);
    assert_eq!(client.command("a5 UID COPY 1 Top").await, ["a5 OK Copy completed."]);
    assert_eq!(places(&server), (2, 1));
}

#[tokio::test]
async fn names_on_the_wire_follow_prefix_and_separator() {
    let options = ServerOptions {
        separator: '.',
        prefix: "INBOX.".to_owned(),
        ..ServerOptions::default()
    };
    let server = server_with(options).await;
    server.create("alice", "Entwürfe/Alt");
    let mut client = Client::in_inbox(&server).await;
    assert_eq!(
        client.command("a1 NAMESPACE").await[0],
        "* NAMESPACE ((\"INBOX.\" \".\")) NIL NIL"
    );
    let listed = client.command("a2 LIST \"\" \"INBOX.Entw*\"").await;
    assert_eq!(
        listed[..2],
        [
            "* LIST (\\HasChildren) \".\" \"INBOX.Entw&APw-rfe\"",
            "* LIST (\\HasNoChildren) \".\" \"INBOX.Entw&APw-rfe.Alt\""
        ]
    );
    assert!(client.command("a3 UID MOVE 1 Top").await[0].starts_with("a3 NO Client tried to access"));
    assert!(
        client
            .command("a4 UID MOVE 1 INBOX.Top")
            .await
            .last()
            .unwrap()
            .starts_with("a4 OK")
    );
    assert_eq!(places(&server), (1, 1));
}

#[tokio::test]
async fn the_users_hand_reaches_a_client_that_idles() {
    let server = server().await;
    let mut client = Client::in_inbox(&server).await;
    client.send(b"a1 IDLE\r\n").await;
    assert_eq!(client.line().await.unwrap(), "+ idling");
    assert_eq!(server.drag("alice", "INBOX", "2@example.com", "Top"), Some(Uid(1)));
    assert_eq!(client.line().await.unwrap(), "* 2 EXPUNGE");
    assert!(server.set_flags("alice", "INBOX", Uid(1), &["\\Seen"]));
    assert_eq!(client.line().await.unwrap(), "* 1 FETCH (UID 1 FLAGS (\\Seen))");
    assert_eq!(server.drag("alice", "INBOX", "2@example.com", "Top"), None);
    client.send(b"DONE\r\n").await;
    assert_eq!(client.line().await.unwrap(), "a1 OK Idle completed.");
}

#[tokio::test]
async fn a_new_uid_validity_ends_the_sessions_that_hold_the_old_one() {
    let server = server().await;
    let mut client = Client::in_inbox(&server).await;
    let before = server.uid_validity("alice", "INBOX").unwrap();
    assert!(server.expunge("alice", "INBOX", Uid(1)));
    let after = server.bump_uid_validity("alice", "INBOX").unwrap();
    assert_ne!(before, after);
    assert_eq!(server.messages("alice", "INBOX")[0].uid, Uid(1));
    assert!(client.command("a1 NOOP").await[0].starts_with("* BYE "));
    let mut again = Client::in_inbox(&server).await;
    let status = again.command("a2 STATUS INBOX (UIDVALIDITY)").await;
    assert_eq!(status[0], format!("* STATUS \"INBOX\" (UIDVALIDITY {after})"));
}

#[tokio::test]
async fn commands_are_recorded_without_passwords() {
    let server = server().await;
    let mut client = Client::connect(&server).await;
    client.line().await.unwrap();
    client.command("a1 LOGIN alice secret").await;
    client.send(b"a2 APPEND Top {9+}\r\nX: secret\r\n").await;
    client.line().await.unwrap();
    assert_eq!(server.commands(), ["a1 LOGIN ***", "a2 APPEND Top {9+}"]);
}

#[tokio::test]
async fn the_server_stops_with_its_last_handle() {
    let server = server().await;
    let mut client = Client::in_inbox(&server).await;
    let other = server.clone();
    drop(server);
    assert_eq!(client.command("a1 NOOP").await, ["a1 OK NOOP completed."]);
    assert!(other.wait_until(DEADLINE, |server| server.connections() == 1).await);
    drop(other);
    assert_eq!(client.line().await, None);
}
