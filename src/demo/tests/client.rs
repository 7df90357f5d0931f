//! A client that only sends and receives lines, so that a test reads as a transcript.

use std::time::Duration;

use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;

use crate::demo::{Server, ServerOptions};

/// How long a test waits for anything.
pub(super) const DEADLINE: Duration = Duration::from_secs(10);

pub(super) struct Client {
    stream: BufReader<TcpStream>,
}

impl Client {
    pub(super) async fn connect(server: &Server) -> Self {
        Self {
            stream: BufReader::new(TcpStream::connect(server.address()).await.unwrap()),
        }
    }

    /// Connects, logs in as alice and selects INBOX.
    pub(super) async fn in_inbox(server: &Server) -> Self {
        let mut client = Self::connect(server).await;
        client.line().await.unwrap();
        assert!(
            client
                .command("x1 LOGIN alice secret")
                .await
                .last()
                .unwrap()
                .starts_with("x1 OK")
        );
        assert!(
            client
                .command("x2 SELECT INBOX")
                .await
                .last()
                .unwrap()
                .starts_with("x2 OK")
        );
        client
    }

    pub(super) async fn send(&mut self, octets: &[u8]) {
        self.stream.get_mut().write_all(octets).await.unwrap();
    }

    /// The next line without its end; `None` at the end of the connection.
    pub(super) async fn line(&mut self) -> Option<String> {
        let mut line = String::new();
        let read = tokio::time::timeout(DEADLINE, self.stream.read_line(&mut line))
            .await
            .expect("no line came in time");
        match read {
            Ok(0) | Err(_) => None,
            Ok(_) => Some(line.trim_end_matches("\r\n").to_owned()),
        }
    }

    /// Sends a command and reads to its tagged line, or to the end of the connection.
    pub(super) async fn command(&mut self, command: &str) -> Vec<String> {
        let tag = format!("{} ", command.split(' ').next().unwrap());
        self.send(format!("{command}\r\n").as_bytes()).await;
        let mut lines = Vec::new();
        while let Some(line) = self.line().await {
            let done = line.starts_with(&tag);
            lines.push(line);
            if done {
                break;
            }
        }
        lines
    }

    /// True when the server says nothing for a moment and has not closed; silence has no event to wait for.
    pub(super) async fn is_silent(&mut self) -> bool {
        let mut octet = [0];
        tokio::time::timeout(Duration::from_millis(50), self.stream.read(&mut octet))
            .await
            .is_err()
    }
}

/// A server with two letters in INBOX and a folder Top.
pub(super) async fn server_with(options: ServerOptions) -> Server {
    let server = Server::start(options).await.unwrap();
    server.create("alice", "Top");
    for number in 1..=2 {
        let raw = format!("From: ann@example.com\r\nMessage-ID: <{number}@example.com>\r\n\r\nHello\r\n");
        server
            .deliver(
                "alice",
                "INBOX",
                raw.as_bytes(),
                crate::sort::mailbox::Timestamp(1_795_305_600),
            )
            .unwrap();
    }
    server
}

pub(super) async fn server() -> Server {
    server_with(ServerOptions::default()).await
}

/// How many letters lie in INBOX and in Top.
pub(super) fn places(server: &Server) -> (usize, usize) {
    (
        server.messages("alice", "INBOX").len(),
        server.messages("alice", "Top").len(),
    )
}
