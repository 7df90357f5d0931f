//! What an account costs that has nothing to do: memory and processor time of one process that watches many, over TLS.
//!
//! `cargo bench --bench idle -- [--accounts 1,100,1000] [--seconds 20]`
//!
//! The server is a stub in this process that knows as much of IMAP as an idle account needs: six empty folders. Ten
//! thousand accounts need `ulimit -n` above ten thousand on both sides.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::string_slice
)]

mod process;
#[path = "../support/mod.rs"]
mod support;

use std::fmt::Write as _;
use std::net::Ipv4Addr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use rustls_pki_types::pem::PemObject as _;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};
use support::certificates::{self, Certificate};
use support::{Account, Home};
use tokio::io::{AsyncBufReadExt as _, AsyncRead, AsyncWrite, AsyncWriteExt as _, BufReader};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;

/// Connections of the stub that are in IDLE.
static IDLE: AtomicUsize = AtomicUsize::new(0);

const FOLDERS: [&str; 6] = ["INBOX", "Top", "News", "Bulk", "Blackhole", "Sent"];

fn main() {
    let counts = numbers("--accounts", "1,100,1000");
    let seconds = numbers("--seconds", "20")[0];
    let directory = tempfile::tempdir().unwrap();
    certificates::write(directory.path(), Certificate::Good);
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()
        .unwrap();
    let listener = runtime.block_on(TcpListener::bind((Ipv4Addr::LOCALHOST, 0))).unwrap();
    let port = listener.local_addr().unwrap().port();
    runtime.spawn(serve(listener, acceptor(directory.path())));
    println!("idle accounts in one process, over TLS, against a stub without NOTIFY");
    println!(
        "| accounts | all watching after s | RSS MiB | peak MiB | KiB an account more | CPU ms in {seconds} s |\n\
         |---|---|---|---|---|---|"
    );
    let mut first: Option<(usize, u64)> = None;
    for count in counts {
        let (took, rss, peak, cpu) = measure(port, &directory.path().join("ca.pem"), count, seconds);
        let more = first.map_or("-".to_owned(), |(fewer, base)| {
            format!("{:.1}", (rss - base) as f64 / (count - fewer) as f64)
        });
        let mib = |kib: u64| kib as f64 / 1024.0;
        println!(
            "| {count} | {took:.1} | {:.1} | {:.1} | {more} | {:.0} |",
            mib(rss),
            mib(peak),
            cpu * 1_000.0
        );
        first.get_or_insert((count, rss));
    }
}

/// Seconds until every account is watched; then RSS and peak in KiB, and processor seconds of the pause.
fn measure(port: u16, ca: &std::path::Path, count: usize, seconds: usize) -> (f64, u64, u64, f64) {
    let accounts: Vec<Account> = (0..count)
        .map(|number| Account::new(&format!("a{number}"), 0).tls("implicit", port, ca))
        .collect();
    let home = Home::new(&accounts);
    IDLE.store(0, Ordering::SeqCst);
    let begun = Instant::now();
    let daemon = home.start_with(|command| {
        command.env("RUST_BACKTRACE", "0");
    });
    while IDLE.load(Ordering::SeqCst) < count {
        assert!(
            begun.elapsed() < Duration::from_mins(5),
            "{} of {count} watched; output:\n{}",
            IDLE.load(Ordering::SeqCst),
            daemon.output().lines().rev().take(20).collect::<Vec<_>>().join("\n")
        );
        thread::sleep(Duration::from_millis(20));
    }
    let took = begun.elapsed().as_secs_f64();
    thread::sleep(Duration::from_secs(3));
    let before = process::cpu(daemon.id());
    thread::sleep(Duration::from_secs(seconds as u64));
    let cpu = process::cpu(daemon.id()) - before;
    let read = |line| process::status(daemon.id(), line).unwrap();
    (took, read("VmRSS:"), read("VmHWM:"), cpu)
}

fn acceptor(directory: &std::path::Path) -> TlsAcceptor {
    let chain = CertificateDer::pem_file_iter(directory.join("cert.pem")).unwrap();
    let chain: Vec<_> = chain.map(Result::unwrap).collect();
    let key = PrivateKeyDer::from_pem_file(directory.join("key.pem")).unwrap();
    let provider = Arc::new(tokio_rustls::rustls::crypto::ring::default_provider());
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(chain, key)
        .unwrap();
    TlsAcceptor::from(Arc::new(config))
}

async fn serve(listener: TcpListener, acceptor: TlsAcceptor) {
    loop {
        let (stream, _) = listener.accept().await.unwrap();
        let acceptor = acceptor.clone();
        tokio::spawn(async move {
            if let Ok(stream) = acceptor.accept(stream).await {
                let _ = converse(stream).await;
            }
        });
    }
}

async fn converse(stream: impl AsyncRead + AsyncWrite + Unpin) -> std::io::Result<()> {
    const CAPABILITIES: &str = "CAPABILITY IMAP4rev1 SASL-IR AUTH=PLAIN IDLE MOVE UIDPLUS ENABLE ESEARCH LIST-STATUS";
    let mut stream = BufReader::with_capacity(1024, stream);
    stream
        .write_all(format!("* OK [{CAPABILITIES}] stub\r\n").as_bytes())
        .await?;
    stream.flush().await?;
    let mut line = String::new();
    loop {
        line.clear();
        if stream.read_line(&mut line).await? == 0 {
            return Ok(());
        }
        let (tag, command) = line.trim_end().split_once(' ').unwrap_or((line.trim_end(), ""));
        let mut answer = String::new();
        let word = command.split(' ').next().unwrap_or_default().to_ascii_uppercase();
        match word.as_str() {
            "CAPABILITY" => writeln!(answer, "* {CAPABILITIES}\r").unwrap(),
            "LIST" => {
                for folder in FOLDERS {
                    writeln!(answer, "* LIST (\\HasNoChildren) \"/\" {folder}\r").unwrap();
                    if command.contains("STATUS") {
                        writeln!(answer, "* STATUS {folder} (MESSAGES 0 UIDNEXT 1 UIDVALIDITY 1)\r").unwrap();
                    }
                }
            }
            "STATUS" => {
                let folder = command.split(' ').nth(1).unwrap_or_default();
                writeln!(answer, "* STATUS {folder} (MESSAGES 0 UIDNEXT 1 UIDVALIDITY 1)\r").unwrap();
            }
            "SELECT" | "EXAMINE" => answer.push_str(
                "* FLAGS (\\Seen \\Deleted)\r\n* 0 EXISTS\r\n* 0 RECENT\r\n* OK [UIDVALIDITY 1] x\r\n* OK [UIDNEXT 1] x\r\n",
            ),
            "UID" if command.contains("SEARCH") => writeln!(answer, "* ESEARCH (TAG \"{tag}\") UID\r").unwrap(),
            "IDLE" => {
                stream.write_all(b"+ idling\r\n").await?;
                stream.flush().await?;
                IDLE.fetch_add(1, Ordering::SeqCst);
                let mut done = String::new();
                stream.read_line(&mut done).await?;
                IDLE.fetch_sub(1, Ordering::SeqCst);
            }
            _ => {}
        }
        writeln!(answer, "{tag} OK {word} completed\r").unwrap();
        stream.write_all(answer.as_bytes()).await?;
        stream.flush().await?;
    }
}

fn numbers(option: &str, default: &str) -> Vec<usize> {
    let given = std::env::args().skip_while(|argument| argument != option).nth(1);
    let given = given.unwrap_or_else(|| default.to_owned());
    given.split(',').map(|number| number.parse().unwrap()).collect()
}
