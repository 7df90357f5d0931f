//! The real daemon and servers that mean it harm: whatever they send without end, it takes at most 64 MiB, does not end,
//! and goes on with an honest server afterwards.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::string_slice
)]

mod support;

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;

use support::{Account, Home, eventually};

/// Most memory the daemon may ever have held, in KiB.
const MOST: u64 = 64 << 10;

/// Octets after which an attack is given up: twelve times what the daemon may hold.
const ENOUGH: usize = 768 << 20;

/// What is sent again and again; `#` becomes the number of the repetition.
struct Attack {
    name: &'static str,
    /// Which command is answered with it, by its beginning; `greeting` for none.
    at: &'static str,
    once: &'static str,
    again: String,
    /// Repetitions at most.
    times: usize,
}

fn attacks() -> Vec<Attack> {
    let attack = |name, at, once, again: String, times| Attack {
        name,
        at,
        once,
        again,
        times,
    };
    let header = "x".repeat((1 << 20) - 40);
    vec![
        attack(
            "a greeting that never ends",
            "greeting",
            "* OK ",
            "x".repeat(4_096),
            usize::MAX,
        ),
        attack(
            "a line that never ends",
            "LIST",
            "* LIST () \"/\" \"",
            "x".repeat(4_096),
            usize::MAX,
        ),
        attack(
            "a list of numbers that never ends",
            "UID SEARCH",
            "* SEARCH",
            " 1000000000".repeat(300),
            usize::MAX,
        ),
        attack(
            "a literal of 4 GiB",
            "LIST",
            "* LIST () \"/\" {4294967295}\r\n",
            "x".repeat(4_096),
            usize::MAX,
        ),
        attack(
            "literals without end",
            "LIST",
            "",
            format!("* LIST () \"/\" {{1000000}}\r\n{}\r\n", "x".repeat(1_000_000)),
            700,
        ),
        attack(
            "parentheses without end",
            "EXAMINE",
            "* 1 FETCH (BODYSTRUCTURE ",
            "(".repeat(4_096),
            usize::MAX,
        ),
        attack(
            "folders without end",
            "LIST",
            "",
            "* LIST () \"/\" \"folder number #\"\r\n".to_owned(),
            usize::MAX,
        ),
        attack(
            "news of folders without end",
            "EXAMINE",
            "",
            "* STATUS \"folder number #\" (MESSAGES # UIDNEXT # UIDVALIDITY #)\r\n".to_owned(),
            usize::MAX,
        ),
        attack(
            "flags of messages without end",
            "EXAMINE",
            "",
            "* # FETCH (UID # FLAGS (\\Deleted))\r\n".to_owned(),
            usize::MAX,
        ),
        attack(
            "nonsense without end",
            "LIST",
            "",
            "* XYZZY plugh #\r\n".to_owned(),
            usize::MAX,
        ),
        attack(
            "capabilities without end",
            "CAPABILITY",
            "* CAPABILITY",
            " X-NUMBER-#".to_owned(),
            usize::MAX,
        ),
        attack(
            "ten thousand flags on every message",
            "UID FETCH",
            "",
            format!(
                "* # FETCH (UID # FLAGS ({}) BODY[HEADER.FIELDS (From)]<0> {{6}}\r\nA: b\r\n)\r\n",
                "a ".repeat(10_000).trim_end()
            ),
            150,
        ),
        attack(
            "headers of a mebibyte each",
            "UID FETCH",
            "",
            format!(
                "* # FETCH (UID # FLAGS () INTERNALDATE \"01-Nov-2026 10:00:00 +0000\" RFC822.SIZE 9 \
                 BODY[HEADER.FIELDS (From)]<0> {{{}}}\r\nFrom: a@b.example\r\nSubject: {header}\r\n\r\n)\r\n",
                header.len() + 32
            ),
            600,
        ),
    ]
}

/// An honest server until the attacked command comes; honest from the `give_up`-th connection on.
struct Hostile {
    port: u16,
    connections: Arc<AtomicUsize>,
    sent: Arc<AtomicUsize>,
    watched: Arc<Mutex<bool>>,
}

fn serve(attack: Attack) -> Hostile {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let hostile = Hostile {
        port: listener.local_addr().unwrap().port(),
        connections: Arc::default(),
        sent: Arc::default(),
        watched: Arc::default(),
    };
    let (connections, sent, watched) = (
        hostile.connections.clone(),
        hostile.sent.clone(),
        hostile.watched.clone(),
    );
    let attack = Arc::new(attack);
    thread::spawn(move || {
        for stream in listener.incoming().map_while(Result::ok) {
            let first = connections.fetch_add(1, Ordering::SeqCst) == 0;
            let (attack, sent, watched) = (attack.clone(), sent.clone(), watched.clone());
            thread::spawn(move || {
                let _ = talk(stream, first.then_some(&*attack), &sent, &watched);
            });
        }
    });
    hostile
}

/// One connection; `attack` is none for an honest one.
fn talk(
    mut stream: TcpStream,
    attack: Option<&Attack>,
    sent: &AtomicUsize,
    watched: &Mutex<bool>,
) -> std::io::Result<()> {
    if let Some(attack) = attack.filter(|attack| attack.at == "greeting") {
        return flood(&mut stream, attack, sent);
    }
    let offered = "IMAP4rev1 AUTH=PLAIN SASL-IR MOVE UIDPLUS IDLE";
    write!(stream, "* OK [CAPABILITY {offered}] hello\r\n")?;
    let mut lines = BufReader::new(stream.try_clone()?);
    let mut line = String::new();
    let mut idling = String::new();
    loop {
        line.clear();
        if lines.read_line(&mut line)? == 0 {
            return Ok(());
        }
        if line.trim_end() == "DONE" {
            write!(stream, "{idling} OK done\r\n")?;
            continue;
        }
        let (tag, command) = line.trim_end().split_once(' ').unwrap_or_default();
        if let Some(attack) = attack.filter(|attack| command.starts_with(attack.at)) {
            flood(&mut stream, attack, sent)?;
            write!(stream, "{tag} OK at last\r\n")?;
            continue;
        }
        let data = match command.split(' ').next().unwrap_or_default() {
            "CAPABILITY" => format!("* CAPABILITY {offered}\r\n"),
            "LIST" => ["INBOX", "Top", "News", "Bulk", "Blackhole"]
                .map(|folder| format!("* LIST (\\HasNoChildren) \"/\" {folder}\r\n"))
                .concat(),
            "STATUS" => {
                let folder = command.split(' ').nth(1).unwrap_or_default();
                let exists = if folder.contains("INBOX") { 600 } else { 0 };
                format!("* STATUS {folder} (MESSAGES {exists} UIDNEXT 601 UIDVALIDITY 7)\r\n")
            }
            "SELECT" | "EXAMINE" => {
                let exists = if command.contains("INBOX") { 600 } else { 0 };
                format!(
                    "* {exists} EXISTS\r\n* OK [PERMANENTFLAGS (\\Deleted \\Seen \\*)] x\r\n* OK [UIDVALIDITY 7] x\r\n\
                     * OK [UIDNEXT 601] x\r\n"
                )
            }
            "UID" if command.starts_with("UID SEARCH") => {
                let all: Vec<String> = (1..=600).map(|uid| uid.to_string()).collect();
                format!("* SEARCH {}\r\n", all.join(" "))
            }
            "IDLE" => {
                *watched.lock().unwrap() = true;
                tag.clone_into(&mut idling);
                write!(stream, "+ idling\r\n")?;
                continue;
            }
            _ => String::new(),
        };
        write!(stream, "{data}{tag} OK done\r\n")?;
    }
}

/// Sends until the other side has had enough, or we have.
fn flood(stream: &mut TcpStream, attack: &Attack, sent: &AtomicUsize) -> std::io::Result<()> {
    let count = |length| sent.fetch_add(length, Ordering::SeqCst) + length;
    stream.write_all(attack.once.as_bytes())?;
    let mut piece = String::new();
    for number in 1..=attack.times {
        piece.push_str(&attack.again.replace('#', &number.to_string()));
        if piece.len() >= 64 << 10 || number == attack.times {
            stream.write_all(piece.as_bytes())?;
            if count(piece.len()) > ENOUGH {
                break;
            }
            piece.clear();
        }
    }
    Ok(())
}

/// Most memory a process has held so far, in KiB.
fn peak(pid: u32) -> u64 {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let line = status.lines().find(|line| line.starts_with("VmHWM:")).unwrap();
    line.split_ascii_whitespace().nth(1).unwrap().parse().unwrap()
}

#[test]
fn no_server_takes_more_than_64_mib() {
    let mut worst = (0, "");
    for attack in attacks() {
        let name = attack.name;
        let hostile = serve(attack);
        let home = Home::new(&[Account::new("home", hostile.port).backlog("sort").mode("preview")]);
        let mut daemon = home.start();
        eventually(name, || {
            assert!(daemon.is_running(), "{name}: it ended: {}", daemon.output());
            let held = peak(daemon.id());
            assert!(
                held <= MOST,
                "{name}: {held} KiB; {} octets sent",
                hostile.sent.load(Ordering::SeqCst)
            );
            // Either it turned away and found an honest server, or it took everything and went on.
            hostile.watched.lock().unwrap().then_some(())
        });
        let held = peak(daemon.id());
        println!(
            "{name}: {held} KiB at most; {} KiB sent; {} connections",
            hostile.sent.load(Ordering::SeqCst) >> 10,
            hostile.connections.load(Ordering::SeqCst)
        );
        if held > worst.0 {
            worst = (held, name);
        }
        assert!(daemon.is_running());
        daemon.terminate();
    }
    println!("worst: {} KiB, {}", worst.0, worst.1);
}
