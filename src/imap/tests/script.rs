//! A server that follows a script: it sends and expects bytes and knows nothing of IMAP. A test reads as a transcript.
//!
//! `C: text` expects a command line (its tag is remembered), `C> text` a line without tag, `S: text` sends a line, in
//! which a leading `$` stands for the oldest tag not yet answered, `S> text` sends without line end (`\r`, `\n`, `\0` and
//! `\xNN` are escapes), `EOF` closes the connection. After the last line the client must not send anything more.

use std::collections::VecDeque;
use std::time::Duration;

use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader, DuplexStream, duplex};

use crate::imap::capability::Capabilities;
use crate::imap::connect::Limits;
use crate::imap::folders::Names;
use crate::imap::reply::Wire;
use crate::imap::session::Session;

/// A session, logged in already, with a server that offers `capabilities` and follows `script`.
pub(in crate::imap) async fn play(capabilities: &str, script: &str, client: impl AsyncFnOnce(Session)) {
    let (near, far) = duplex(1 << 20);
    let wire = Wire::new(Box::new(near), Limits::default());
    let offered = Capabilities::new(capabilities.split_whitespace());
    let session = Session::new(wire, offered, Names::new(&[], None));
    tokio::join!(client(session), follow(far, script));
}

/// As [`play`], with INBOX selected: UIDVALIDITY 7, UIDNEXT 100, 9 messages, any keyword.
pub(in crate::imap) async fn play_inbox(capabilities: &str, script: &str, client: impl AsyncFnOnce(Session)) {
    let opening = "C: SELECT \"INBOX\"
        S: * 9 EXISTS
        S: * OK [PERMANENTFLAGS (\\Answered \\Flagged \\Deleted \\Seen \\Draft \\*)] ok
        S: * OK [UIDVALIDITY 7] ok
        S: * OK [UIDNEXT 100] ok
        S: $ OK [READ-WRITE] selected\n";
    play(capabilities, &format!("{opening}{script}"), async |mut session| {
        let inbox = crate::sort::mailbox::Mailbox::inbox();
        session.select(&inbox, crate::imap::Access::ReadWrite).await.unwrap();
        client(session).await;
    })
    .await;
}

/// Follows `script` on a bare stream.
pub(super) async fn follow(stream: DuplexStream, script: &str) {
    let (read, mut write) = tokio::io::split(stream);
    let mut read = BufReader::new(read);
    let mut tags: VecDeque<String> = VecDeque::new();
    for line in script.lines().map(str::trim_start).filter(|line| !line.is_empty()) {
        if line == "EOF" {
            write.shutdown().await.unwrap();
            return;
        }
        let (verb, text) = line.split_at_checked(2).unwrap();
        let text = text.strip_prefix(' ').unwrap_or(text);
        match verb {
            "C:" | "C>" => {
                let mut sent = String::new();
                read.read_line(&mut sent).await.unwrap();
                let sent = sent
                    .strip_suffix("\r\n")
                    .unwrap_or_else(|| panic!("wanted {text:?}, got {sent:?}"));
                if verb == "C:" {
                    let (tag, command) = sent.split_once(' ').unwrap_or_default();
                    assert_eq!(command, text);
                    tags.push_back(tag.to_owned());
                } else {
                    assert_eq!(sent, text);
                }
            }
            "S:" => {
                let line = match text.strip_prefix('$') {
                    Some(rest) => format!("{}{rest}\r\n", tags.pop_front().expect("a tag to answer")),
                    None => format!("{text}\r\n"),
                };
                let _ = write.write_all(line.as_bytes()).await;
            }
            "S>" => drop(write.write_all(&unescape(text)).await),
            _ => panic!("not a line of a script: {line}"),
        }
    }
    let mut more = Vec::new();
    // A client that keeps its session must not keep us: in paused time this wait costs nothing.
    let _ = tokio::time::timeout(Duration::from_hours(2), read.read_to_end(&mut more)).await;
    assert_eq!(String::from_utf8_lossy(&more), "", "sent after the end of the script");
}

fn unescape(text: &str) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut rest = text;
    while let Some((plain, escaped)) = rest.split_once('\\') {
        bytes.extend(plain.as_bytes());
        let (byte, length) = match escaped.as_bytes() {
            [b'r', ..] => (b'\r', 1),
            [b'n', ..] => (b'\n', 1),
            [b'0', ..] => (0, 1),
            [b'x', ..] => (u8::from_str_radix(&escaped[1..3], 16).unwrap(), 3),
            _ => (b'\\', 0),
        };
        bytes.push(byte);
        rest = &escaped[length..];
    }
    bytes.extend(rest.as_bytes());
    bytes
}
