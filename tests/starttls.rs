//! The 69 STARTTLS cases of `fixtures/imap/starttls.cases`, each against a server on loopback that says what the case
//! says and then, behind the handshake, is honest: no secret leaves in clear, and nothing said in clear is remembered.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::string_slice
)]

mod support;

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use postroom::imap::{Access, Encryption, ImapError, Limits, Session, Target, connect, login};
use postroom::sort::mailbox::Mailbox;
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};
use secrecy::SecretString;
use support::certificates::{Certificate, write};
use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncWrite, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::crypto::ring;

const PASSWORD: &str = "hunter2-canary";
/// `\0alice\0hunter2-canary` in base64.
const SECRET: &str = "AGFsaWNlAGh1bnRlcjItY2FuYXJ5";

struct Case {
    name: String,
    parts: BTreeMap<String, String>,
    /// Words of the error, or none where TLS must be begun.
    never: Option<String>,
}

fn cases() -> Vec<Case> {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/imap/starttls.cases");
    let text = fs::read_to_string(file).unwrap();
    let lines = text.lines().filter(|line| !line.is_empty() && !line.starts_with('#'));
    lines.map(case).collect()
}

fn case(line: &str) -> Case {
    let mut columns = line.split(" | ");
    let name = columns.next().unwrap().to_owned();
    let mut columns: Vec<&str> = columns.collect();
    let outcome = columns.pop().unwrap();
    let never = match outcome.split_once(": ") {
        Some(("never", words)) => Some(words.to_owned()),
        None if outcome == "clean" => None,
        _ => panic!("{name}: {outcome} is no outcome"),
    };
    let parts = columns.iter().map(|column| {
        let (part, text) = column.split_once(':').unwrap();
        let known = ["greeting", "capability", "starttls", "certificate"].contains(&part);
        assert!(known, "{name}: {part} is no part");
        (part.to_owned(), text.trim_start().replace("\\n", "\r\n"))
    });
    Case {
        parts: parts.collect(),
        name,
        never,
    }
}

impl Case {
    fn part<'a>(&'a self, name: &str, honest: &'a str) -> &'a str {
        self.parts.get(name).map_or(honest, String::as_str)
    }

    /// What is said in clear, and TLS when the client begins it. Returns every line that came in clear.
    async fn in_clear(&self, mut stream: TcpStream, tls: TlsAcceptor) -> Vec<String> {
        let mut heard = Vec::new();
        let honest = "* OK [CAPABILITY IMAP4rev1 STARTTLS LOGINDISABLED] hello\r\n";
        let _ = stream.write_all(self.part("greeting", honest).as_bytes()).await;
        loop {
            let Some(line) = read_line(&mut stream).await else {
                return heard;
            };
            let (tag, command) = line.split_once(' ').unwrap_or((&line, ""));
            let answer = match command {
                "CAPABILITY" => self.part(
                    "capability",
                    "* CAPABILITY IMAP4rev1 STARTTLS LOGINDISABLED\r\n$ OK\r\n",
                ),
                "STARTTLS" => self.part("starttls", "$ OK begin\r\n"),
                _ => "$ BAD this should not have been sent\r\n",
            };
            let answer: Vec<String> = answer
                .split_inclusive("\r\n")
                .map(|line| {
                    line.strip_prefix('$')
                        .map_or(line.to_owned(), |rest| format!("{tag}{rest}"))
                })
                .collect();
            let answer = answer.concat();
            let _ = stream.write_all(answer.as_bytes()).await;
            let upgrade = command == "STARTTLS" && answer.contains(&format!("{tag} OK"));
            heard.push(line);
            if upgrade {
                if let Ok(stream) = tls.accept(stream).await {
                    honestly(stream).await;
                }
                return heard;
            }
        }
    }
}

/// One line, byte by byte: what follows it belongs to the handshake.
async fn read_line(stream: &mut TcpStream) -> Option<String> {
    use tokio::io::AsyncReadExt as _;
    let mut line = Vec::new();
    while !line.ends_with(b"\r\n") {
        line.push(stream.read_u8().await.ok()?);
    }
    line.truncate(line.len() - 2);
    Some(String::from_utf8_lossy(&line).into_owned())
}

/// A server without guile: two folders, two messages.
async fn honestly(stream: impl AsyncRead + AsyncWrite + Unpin) {
    let mut stream = BufReader::new(stream);
    let mut line = String::new();
    while stream.read_line(&mut line).await.is_ok_and(|length| length > 0) {
        let (tag, command) = line.trim_end().split_once(' ').unwrap_or_default();
        let answer = match command.split(' ').next().unwrap_or_default() {
            "CAPABILITY" => "* CAPABILITY IMAP4rev1 AUTH=PLAIN SASL-IR UNSELECT\r\n$ OK\r\n".to_owned(),
            "AUTHENTICATE" if command.ends_with(SECRET) => "$ OK in\r\n".to_owned(),
            "LIST" if command.ends_with("\"\"") => "* LIST (\\Noselect) \"/\" \"\"\r\n$ OK\r\n".to_owned(),
            "LIST" => "* LIST () \"/\" INBOX\r\n* LIST () \"/\" Archive\r\n$ OK\r\n".to_owned(),
            "LSUB" => "$ OK\r\n".to_owned(),
            "SELECT" => {
                "* 2 EXISTS\r\n* OK [UIDVALIDITY 7] x\r\n* OK [UIDNEXT 9] x\r\n$ OK [READ-WRITE] x\r\n".to_owned()
            }
            "STATUS" => "* STATUS Archive (MESSAGES 1 UIDNEXT 4 UIDVALIDITY 5)\r\n$ OK\r\n".to_owned(),
            "UID" => "* SEARCH 3 4\r\n$ OK\r\n".to_owned(),
            _ => "$ OK\r\n".to_owned(),
        };
        let answer = answer.replace('$', tag);
        if stream.write_all(answer.as_bytes()).await.is_err() || stream.flush().await.is_err() {
            return;
        }
        line.clear();
    }
}

struct Identities {
    good: TlsAcceptor,
    wrong_name: TlsAcceptor,
    /// Both authorities.
    trusted: Vec<u8>,
}

fn identities() -> Identities {
    let mut trusted = Vec::new();
    let mut acceptor = |kind| {
        let directory = tempfile::tempdir().unwrap();
        write(directory.path(), kind);
        trusted.extend(fs::read(directory.path().join("ca.pem")).unwrap());
        let chain: Vec<CertificateDer<'static>> = CertificateDer::pem_file_iter(directory.path().join("cert.pem"))
            .unwrap()
            .collect::<Result<_, _>>()
            .unwrap();
        let key = PrivateKeyDer::from_pem_file(directory.path().join("key.pem")).unwrap();
        let configuration = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(chain, key)
            .unwrap();
        TlsAcceptor::from(Arc::new(configuration))
    };
    Identities {
        good: acceptor(Certificate::Good),
        wrong_name: acceptor(Certificate::WrongHost),
        trusted,
    }
}

/// Everything the client learns of the server once it is logged in.
async fn survey(target: &Target) -> Result<Session, ImapError> {
    let greeted = connect(target).await?;
    let mut session = login(greeted, "alice", &SecretString::from(PASSWORD)).await?;
    assert_eq!(
        session.capabilities().words,
        ["IMAP4REV1", "AUTH=PLAIN", "SASL-IR", "UNSELECT"]
    );
    let folders = session.list().await?;
    let names: Vec<&str> = folders.iter().map(|folder| folder.mailbox.as_str()).collect();
    assert_eq!(names, ["INBOX", "Archive"], "folders");
    let archive = Mailbox::new("Archive");
    let status = session.status(std::slice::from_ref(&archive)).await?;
    assert_eq!(
        (status[&archive].messages, status[&archive].uid_validity.0),
        (1, 5),
        "status"
    );
    let inbox = session.select(&Mailbox::inbox(), Access::ReadWrite).await?;
    assert_eq!(
        (inbox.exists, inbox.uid_validity.0, inbox.uid_next.0),
        (2, 7, 9),
        "the inbox"
    );
    let uids = session.uids(postroom::sort::mailbox::Uid(1), None).await?;
    assert_eq!(uids.iter().map(|uid| uid.0).collect::<Vec<_>>(), [3, 4], "messages");
    assert_eq!(session.dropped_responses(), 0, "responses from before");
    Ok(session)
}

async fn play(case: &Case, identities: &Identities) {
    let tls = match case.part("certificate", "good") {
        "good" => identities.good.clone(),
        "wrong name" => identities.wrong_name.clone(),
        other => panic!("{}: {other} is no certificate", case.name),
    };
    let never = case.never.as_deref().unwrap_or_default();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let target = Target {
        host: "127.0.0.1".to_owned(),
        port: listener.local_addr().unwrap().port(),
        tls: Encryption::StartTls,
        ca_pem: Some(identities.trusted.clone()),
        limits: Limits {
            connect: Duration::from_secs(20),
            // Where nothing is to come, no time is lost by waiting for it.
            command: Duration::from_secs(if never.starts_with("no answer") { 1 } else { 10 }),
            ..Limits::default()
        },
    };
    let server = async {
        let (stream, _) = listener.accept().await.unwrap();
        stream.set_nodelay(true).unwrap();
        case.in_clear(stream, tls).await
    };
    let client = async {
        // Dropped at the end, so that the server sees the connection close.
        survey(&target).await.map(drop)
    };
    let (heard, result) = tokio::join!(server, client);
    for line in &heard {
        let command = line.split_once(' ').map_or("", |(_, command)| command);
        assert!(
            ["CAPABILITY", "STARTTLS"].contains(&command),
            "{}: sent in clear: {line}",
            case.name
        );
    }
    match (&case.never, result) {
        (None, Ok(())) => assert!(
            heard.last().is_some_and(|line| line.ends_with(" STARTTLS")),
            "{}",
            case.name
        ),
        (Some(words), Err(error)) => {
            let sentence = error.to_string();
            assert!(sentence.contains(words.as_str()), "{}: {sentence}", case.name);
            assert!(!sentence.contains("EVIL"), "{}: repeats it: {sentence}", case.name);
            println!("{}: {sentence}", case.name);
        }
        (None, Err(error)) => panic!("{}: {error}", case.name),
        (Some(_), Ok(())) => panic!("{}: logged in", case.name),
    }
}

#[tokio::test]
async fn nothing_said_before_tls_has_any_effect() {
    let (cases, identities) = (cases(), identities());
    let of_class = |letters: &str| cases.iter().filter(|case| letters.contains(&case.name[..1])).count();
    let classes = ["B", "DLMOP", "T", "U", "X"].map(of_class);
    assert_eq!(classes, [3, 19, 21, 7, 19], "the classes of the paper");
    for case in &cases {
        play(case, &identities).await;
    }
}
