//! Conversations as data: every `fixtures/imap/NN-name.session` is held with the embedded server, and with a real
//! Dovecot where there is one. Where the two disagree the embedded server is wrong, or the transcript asks for more
//! than a client may count on.
//!
//! ```text
//! # what is shown
//! G: INBOX 3                    given: three small messages in INBOX, put there by another client
//! C: a1 LOGIN USER secret       the client sends; USER is this conversation's own user
//! S: a1 OK ...                  the server must say this; `...` stands for anything
//! O: UID STORE 1 +FLAGS (x)     another client of the same user sends this, and is answered OK
//! N: * 2 EXPUNGE                none of the lines since the last C or O was this
//! ```
//! `↵` is CR LF, in commands and in literals. Untagged lines between two expected ones are passed over; a tagged line or
//! a `+` that was not expected is an error.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::string_slice
)]

mod support;

use std::fmt::Write as _;
use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::time::Duration;

use postroom::demo::{Server, ServerOptions, User};
use support::Dovecot;

const DEADLINE: Duration = Duration::from_secs(10);

/// One line of a transcript.
#[derive(Debug, Clone)]
struct Line {
    number: usize,
    kind: char,
    text: String,
}

/// One conversation, and who holds it.
#[derive(Debug)]
struct Conversation {
    path: PathBuf,
    user: String,
    lines: Vec<Line>,
}

impl Conversation {
    fn read(path: &Path) -> Self {
        let number = path.file_name().unwrap().to_str().unwrap().split('-').next().unwrap();
        let user = format!("user{number}");
        let mut lines = Vec::new();
        for (at, line) in fs::read_to_string(path).unwrap().lines().enumerate() {
            let line = line.trim_end();
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            let (kind, text) = line
                .split_once(": ")
                .unwrap_or_else(|| panic!("{}:{}: no kind", path.display(), at + 1));
            assert!(
                ["G", "C", "S", "O", "N"].contains(&kind),
                "{}:{}: kind {kind}",
                path.display(),
                at + 1
            );
            let text = text.replace("USER", &user).replace('↵', "\r\n");
            lines.push(Line {
                number: at + 1,
                kind: kind.chars().next().unwrap(),
                text,
            });
        }
        assert!(
            lines.iter().any(|line| line.kind == 'S'),
            "{}: nothing is expected",
            path.display()
        );
        Self {
            path: path.to_owned(),
            user,
            lines,
        }
    }

    fn all() -> Vec<Self> {
        let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/imap");
        let entries = fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().path());
        let mut paths: Vec<PathBuf> = entries
            .filter(|path| path.extension().is_some_and(|it| it == "session"))
            .collect();
        paths.sort();
        assert!(!paths.is_empty(), "no conversation found");
        paths.iter().map(|path| Self::read(path)).collect()
    }

    /// Holds the conversation; the error is where and why it failed, with what was said so far.
    fn hold(&self, port: u16) -> Result<(), String> {
        let mut client = Link::open(port);
        let mut other: Option<Link> = None;
        // The greeting is there for conversations that want to see it.
        let mut heard: Vec<String> = Vec::new();
        for line in &self.lines {
            let outcome = match line.kind {
                'G' => {
                    let other = other.get_or_insert_with(|| Link::login(port, &self.user));
                    other.give(&line.text)
                }
                'O' => {
                    heard.clear();
                    let other = other.get_or_insert_with(|| Link::login(port, &self.user));
                    other.command(&line.text)
                }
                'C' => {
                    heard.clear();
                    client.send(&line.text);
                    Ok(())
                }
                'S' => client.expect(&line.text, &mut heard),
                _ => match heard.iter().find(|said| matches(said, &line.text)) {
                    Some(said) => Err(format!("the server said `{said}`")),
                    None => Ok(()),
                },
            };
            outcome.map_err(|error| {
                let place = format!("{}:{}: {}: {}", self.path.display(), line.number, line.kind, line.text);
                format!("{place}\n  {error}\n  conversation:\n{}", client.transcript)
            })?;
        }
        Ok(())
    }
}

/// One connection.
struct Link {
    stream: BufReader<TcpStream>,
    transcript: String,
    commands: u32,
}

impl Link {
    fn open(port: u16) -> Self {
        let stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
        stream.set_read_timeout(Some(DEADLINE)).unwrap();
        Self {
            stream: BufReader::new(stream),
            transcript: String::new(),
            commands: 0,
        }
    }

    fn login(port: u16, user: &str) -> Self {
        let mut link = Self::open(port);
        link.command(&format!("LOGIN {user} secret")).unwrap();
        link
    }

    fn send(&mut self, text: &str) {
        writeln!(self.transcript, "    C: {}", text.replace("\r\n", "↵")).unwrap();
        // A refused connection shows itself in the answer that does not come.
        let _ = self.stream.get_mut().write_all(format!("{text}\r\n").as_bytes());
    }

    /// Reads one line with its literals.
    fn line(&mut self) -> Result<String, String> {
        let mut octets = Vec::new();
        loop {
            let read = self
                .stream
                .read_until(b'\n', &mut octets)
                .map_err(|error| format!("nothing came: {error}"))?;
            if read == 0 {
                return Err("the server closed the connection".to_owned());
            }
            let text = String::from_utf8_lossy(&octets);
            let Some(size) = text
                .strip_suffix("}\r\n")
                .and_then(|text| text.rsplit_once('{')?.1.parse::<usize>().ok())
            else {
                let line = text
                    .strip_suffix("\r\n")
                    .ok_or("a line does not end in CR LF")?
                    .to_owned();
                writeln!(self.transcript, "    S: {}", line.replace("\r\n", "↵")).unwrap();
                return Ok(line);
            };
            let mut literal = vec![0; size];
            self.stream
                .read_exact(&mut literal)
                .map_err(|error| format!("a literal was cut short: {error}"))?;
            octets.extend(literal);
        }
    }

    fn expect(&mut self, pattern: &str, heard: &mut Vec<String>) -> Result<(), String> {
        loop {
            let line = self.line()?;
            let fits = matches(&line, pattern);
            heard.push(line.clone());
            if fits {
                return Ok(());
            }
            if !line.starts_with("* ") {
                return Err(format!("the server said `{line}`"));
            }
        }
    }

    /// Sends a command with a tag of its own and reads to an OK.
    fn command(&mut self, text: &str) -> Result<(), String> {
        self.commands += 1;
        let tag = format!("o{}", self.commands);
        self.send(&format!("{tag} {text}"));
        self.expect(&format!("{tag} OK..."), &mut Vec::new())
    }

    /// `FOLDER COUNT`: appends that many messages, making the folder if it is not there.
    fn give(&mut self, text: &str) -> Result<(), String> {
        let (folder, count) = text.split_once(' ').unwrap();
        if folder != "INBOX" {
            self.command(&format!("CREATE {folder}"))?;
        }
        for number in 1..=count.parse::<u32>().unwrap() {
            let message = format!(
                "From: Ann <ann@example.com>\r\nTo: alice@example.org\r\nSubject: letter {number}\r\n\
                 Date: Thu, 5 Nov 2026 10:00:0{number} +0000\r\nMessage-ID: <{number}@example.com>\r\n\r\nHello {number}.\r\n"
            );
            let size = message.len();
            self.command(&format!(
                "APPEND {folder} \"05-Nov-2026 10:00:0{number} +0000\" {{{size}+}}\r\n{message}"
            ))?;
        }
        Ok(())
    }
}

/// Whether a line fits a pattern in which `...` stands for anything.
fn matches(line: &str, pattern: &str) -> bool {
    let parts: Vec<&str> = pattern.split("...").collect();
    let Some(mut rest) = line.strip_prefix(parts[0]) else {
        return false;
    };
    let Some((last, middle)) = parts[1..].split_last() else {
        return rest.is_empty();
    };
    for part in middle {
        let Some(at) = rest.find(part) else { return false };
        rest = &rest[at + part.len()..];
    }
    rest.ends_with(last)
}

fn hold_all(conversations: &[Conversation], port: u16, server: &str) {
    let failures: Vec<String> = conversations
        .iter()
        .filter_map(|conversation| conversation.hold(port).err())
        .collect();
    assert!(
        failures.is_empty(),
        "with {server}, {} of {}:\n{}",
        failures.len(),
        conversations.len(),
        failures.join("\n")
    );
}

#[test]
fn the_embedded_server_holds_every_conversation() {
    let conversations = Conversation::all();
    let users = conversations
        .iter()
        .map(|one| User {
            name: one.user.clone(),
            password: "secret".to_owned(),
        })
        .collect();
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()
        .unwrap();
    let server = runtime
        .block_on(Server::start(ServerOptions {
            users,
            ..ServerOptions::default()
        }))
        .unwrap();
    hold_all(&conversations, server.address().port(), "the embedded server");
}

#[test]
fn dovecot_holds_every_conversation() {
    // Every conversation has a user of its own, whom Dovecot meets for the first time.
    let anyone = "passdb {\n  driver = static\n  args = password=secret\n}\n\
        namespace inbox {\n  mailbox Archive {\n    special_use = \\Archive\n    auto = subscribe\n  }\n}\n";
    let Some(server) = Dovecot::new().extra(anyone).start() else {
        return;
    };
    hold_all(&Conversation::all(), server.port, "Dovecot");
}

#[test]
fn a_pattern_fits_only_what_it_says() {
    assert!(matches("a1 OK done", "a1 OK..."));
    assert!(matches("* OK [UIDNEXT 4] x", "* OK [UIDNEXT 4]..."));
    assert!(matches(
        "* LIST (\\A \\B) \"/\" Sent",
        "* LIST (...\\B...) \"/\" ...Sent..."
    ));
    assert!(!matches("a1 NO done", "a1 OK..."));
    assert!(!matches("* 12 EXISTS", "* 1 EXISTS"));
}
