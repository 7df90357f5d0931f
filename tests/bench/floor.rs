//! The floor: what any sorter must at least do on this server. No journal, no checks, no learning; two flights.
//!
//! First flight: LOGIN, ENABLE QRESYNC, SELECT, one UID FETCH of From, Subject and List-Id. A hash look-up. Second
//! flight: UID MOVE of compact sets, LOGOUT. A bound to compare with, not a design: a lost connection loses its place.

#![allow(dead_code)]

use std::collections::{BTreeMap, HashMap};
use std::fmt::Write as _;
use std::io::{BufReader, Read as _, Write as _};
use std::net::{Ipv4Addr, TcpStream};

use super::support::server::PASSWORD;
use super::support::wire;

/// Longest UID set of one MOVE, in characters.
const LONGEST_SET: usize = 8_000;

const ITEMS: &str = "(UID BODY.PEEK[HEADER.FIELDS (FROM SUBJECT LIST-ID)])";

/// A connection that has not said anything yet.
pub struct Floor {
    reader: BufReader<TcpStream>,
    tags: u32,
}

/// A message as the floor sees it: its UID and the three header fields as text.
pub type Header = (u32, String);

impl Floor {
    /// Connects and reads the greeting.
    pub fn connect(port: u16) -> Self {
        let stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).unwrap();
        stream.set_nodelay(true).unwrap();
        let mut floor = Self {
            reader: BufReader::with_capacity(64 << 10, stream),
            tags: 0,
        };
        floor.line();
        floor
    }

    /// Sorts a whole INBOX by sender; how many messages it moved.
    pub fn sort_backlog(mut self, user: &str, folders: &HashMap<String, &'static str>) -> usize {
        let headers = self.open(user, "1:*");
        let moves = decide(&headers, folders);
        let count = moves.values().map(Vec::len).sum();
        self.carry_out(&moves, true);
        count
    }

    /// LOGIN, ENABLE, SELECT and FETCH in one flight.
    pub fn open(&mut self, user: &str, set: &str) -> Vec<Header> {
        let commands = [
            format!("LOGIN {user} {PASSWORD}"),
            "ENABLE QRESYNC".to_owned(),
            "SELECT INBOX".to_owned(),
            format!("UID FETCH {set} {ITEMS}"),
        ];
        self.send(&commands);
        self.answers(commands.len())
    }

    /// Waits in IDLE until EXISTS comes, then reads messages from `next` on, all as one exchange.
    pub fn wait_for_mail(&mut self, next: u32) -> Vec<Header> {
        self.send(&["IDLE".to_owned()]);
        while !self.line().ends_with(b"EXISTS\r\n") {}
        self.tags += 1;
        let fetch = format!("DONE\r\nf{} UID FETCH {next}:* {ITEMS}\r\n", self.tags);
        self.reader.get_mut().write_all(fetch.as_bytes()).unwrap();
        let mut headers = self.answers(2);
        headers.retain(|(uid, _)| *uid >= next);
        headers
    }

    /// UID MOVE of everything, in one flight; with `leave` a LOGOUT behind it.
    pub fn carry_out(&mut self, moves: &BTreeMap<&'static str, Vec<u32>>, leave: bool) {
        let mut commands = Vec::new();
        for (folder, uids) in moves {
            for set in sets(uids) {
                commands.push(format!("UID MOVE {set} {folder}"));
            }
        }
        if leave {
            commands.push("LOGOUT".to_owned());
        }
        if !commands.is_empty() {
            self.send(&commands);
            self.answers(commands.len());
        }
    }

    fn send(&mut self, commands: &[String]) {
        let mut flight = String::new();
        for command in commands {
            self.tags += 1;
            write!(flight, "f{} {command}\r\n", self.tags).unwrap();
        }
        self.reader.get_mut().write_all(flight.as_bytes()).unwrap();
    }

    /// Reads tagged answers, all of which must be OK, and the headers before them.
    fn answers(&mut self, mut awaited: usize) -> Vec<Header> {
        let mut headers = Vec::new();
        while awaited > 0 {
            let line = self.line();
            if line.first() == Some(&b'f') {
                let text = String::from_utf8_lossy(&line);
                assert!(text.split(' ').nth(1) == Some("OK"), "the floor was told: {text}");
                awaited -= 1;
            } else if let Some((length, _)) = wire::announced_literal(&line) {
                let mut literal = vec![0; length];
                self.reader.read_exact(&mut literal).unwrap();
                self.line();
                headers.extend(uid_of(&line).map(|uid| (uid, String::from_utf8_lossy(&literal).into_owned())));
            }
        }
        headers
    }

    fn line(&mut self) -> Vec<u8> {
        let mut line = Vec::new();
        std::io::BufRead::read_until(&mut self.reader, b'\n', &mut line).unwrap();
        assert!(!line.is_empty(), "the server closed the connection");
        line
    }
}

/// UIDs by the folder their sender belongs to.
pub fn decide(headers: &[Header], folders: &HashMap<String, &'static str>) -> BTreeMap<&'static str, Vec<u32>> {
    let mut moves: BTreeMap<&'static str, Vec<u32>> = BTreeMap::new();
    for (uid, header) in headers {
        let from = header.lines().find_map(|line| line.strip_prefix("From: "));
        let address = from
            .and_then(|from| from.rsplit_once('<'))
            .map(|(_, rest)| rest.trim_end_matches('>'));
        if let Some(folder) = address.and_then(|address| folders.get(address)) {
            moves.entry(folder).or_default().push(*uid);
        }
    }
    moves
}

fn uid_of(line: &[u8]) -> Option<u32> {
    let text = std::str::from_utf8(line).ok()?;
    text.split_once("UID ")?.1.split([' ', ')']).next()?.parse().ok()
}

fn sets(uids: &[u32]) -> Vec<String> {
    let mut sets = Vec::new();
    let mut set = String::new();
    let mut at = 0;
    while at < uids.len() {
        let mut last = at;
        while last + 1 < uids.len() && uids[last + 1] == uids[last] + 1 {
            last += 1;
        }
        if set.len() > LONGEST_SET - 24 {
            sets.push(std::mem::take(&mut set));
        }
        if !set.is_empty() {
            set.push(',');
        }
        if at == last {
            write!(set, "{}", uids[at]).unwrap();
        } else {
            write!(set, "{}:{}", uids[at], uids[last]).unwrap();
        }
        at = last + 1;
    }
    if !set.is_empty() {
        sets.push(set);
    }
    sets
}
