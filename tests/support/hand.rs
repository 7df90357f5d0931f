//! The user's hand: a small synchronous IMAP client (RFC 3501, 6851, 4315) that does what a mail program does when
//! somebody drags, flags, files and deletes. It shares no code with `src/imap`.
//!
//! Folder names are the user's (`News`, `Blackhole/Domain`, `INBOX`); the hand maps them to the server's prefix and
//! separator. It fails the test on anything but OK, with the command and the server's words.

use std::collections::BTreeSet;
use std::io::{BufReader, Write as _};
use std::net::{Ipv4Addr, TcpStream};
use std::time::Duration;

use super::wait::eventually;
use super::wire::{self, Token};

/// How a mail program carries out a drag.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Drag {
    /// UID MOVE; as COPY and delete where the server has no MOVE.
    Move,
    /// UID COPY, \Deleted, expunge.
    CopyDelete,
    /// Fetched whole, appended to the other folder, \Deleted, expunge.
    AppendDelete,
}

/// A tagged answer with what came before it.
#[derive(Debug)]
pub struct Reply {
    /// The untagged responses, whole, with their literals.
    pub untagged: Vec<Vec<u8>>,
    /// `OK`, `NO` or `BAD`.
    pub status: String,
    /// The rest of the tagged line.
    pub text: String,
}

/// A folder as LIST shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Folder {
    /// The user's name for it.
    pub name: String,
    /// Attributes, lower case (`\sent`, `\noselect`).
    pub attributes: BTreeSet<String>,
}

/// What STATUS says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Status {
    /// Messages in the folder.
    pub messages: u32,
    /// The UID the next message will have at least.
    pub uid_next: u32,
    /// Generation of the UIDs.
    pub uid_validity: u32,
    /// Messages without \Seen.
    pub unseen: u32,
}

/// One message in a folder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Copy {
    /// Its UID.
    pub uid: u32,
    /// Its flags without \Recent.
    pub flags: BTreeSet<String>,
    /// Its INTERNALDATE as the server writes it, trimmed.
    pub internal_date: String,
    /// Its bytes, when asked for.
    pub bytes: Vec<u8>,
}

/// A session of the user's mail program.
pub struct Hand {
    reader: BufReader<TcpStream>,
    writer: TcpStream,
    tags: u32,
    capabilities: BTreeSet<String>,
    prefix: String,
    separator: String,
    selected: Option<String>,
}

impl Hand {
    /// Connects to a loopback port without TLS and logs in.
    pub fn login(port: u16, user: &str, password: &str) -> Self {
        let stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).unwrap();
        stream.set_nodelay(true).unwrap();
        stream.set_read_timeout(Some(Duration::from_mins(1))).unwrap();
        let mut hand = Self {
            reader: BufReader::new(stream.try_clone().unwrap()),
            writer: stream,
            tags: 0,
            capabilities: BTreeSet::new(),
            prefix: String::new(),
            separator: "/".to_owned(),
            selected: None,
        };
        let greeting = hand.response();
        assert!(
            greeting.starts_with(b"* OK"),
            "greeting: {}",
            String::from_utf8_lossy(&greeting)
        );
        hand.ok(&format!("LOGIN {} {}", wire::quote(user), wire::quote(password)));
        let reply = hand.ok("CAPABILITY");
        for line in reply.lines_of("CAPABILITY") {
            hand.capabilities
                .extend(line.iter().map(|word| word.text().to_ascii_uppercase()));
        }
        hand.learn_namespace();
        hand
    }

    fn learn_namespace(&mut self) {
        if self.has("NAMESPACE") {
            let reply = self.ok("NAMESPACE");
            let lines = reply.lines_of("NAMESPACE");
            if let Some([prefix, separator, ..]) = lines
                .first()
                .and_then(|line| line.first())
                .and_then(|own| own.list().first())
                .map(Token::list)
            {
                self.prefix = prefix.text();
                self.separator = separator.text();
            }
        } else if let Some(line) = self.ok("LIST \"\" \"\"").lines_of("LIST").first() {
            self.separator = line.get(1).map_or_else(|| "/".to_owned(), Token::text);
        }
    }

    /// Whether the server has announced it after login.
    pub fn has(&self, capability: &str) -> bool {
        self.capabilities.contains(capability)
    }

    /// Sends one command and reads to its tagged answer.
    pub fn command(&mut self, command: &str) -> Reply {
        let tag = self.send(command);
        self.answer(&tag)
    }

    /// Sends one command that must succeed.
    pub fn ok(&mut self, command: &str) -> Reply {
        let reply = self.command(command);
        assert_eq!(reply.status, "OK", "{command} -> {} {}", reply.status, reply.text);
        reply
    }

    fn send(&mut self, command: &str) -> String {
        self.tags += 1;
        let tag = format!("h{}", self.tags);
        self.writer
            .write_all(format!("{tag} {command}\r\n").as_bytes())
            .unwrap();
        tag
    }

    fn response(&mut self) -> Vec<u8> {
        let response = wire::read_response(&mut self.reader);
        response
            .expect("the server did not answer")
            .expect("the server closed the connection")
    }

    fn answer(&mut self, tag: &str) -> Reply {
        let mut untagged = Vec::new();
        loop {
            let response = self.response();
            let Some(rest) = response.strip_prefix(format!("{tag} ").as_bytes()) else {
                untagged.push(response);
                continue;
            };
            let line = String::from_utf8_lossy(rest).trim_end().to_owned();
            let (status, text) = line.split_once(' ').unwrap_or((&line, ""));
            return Reply {
                untagged,
                status: status.to_ascii_uppercase(),
                text: text.to_owned(),
            };
        }
    }

    /// The server's name of a folder, unquoted.
    pub fn wire_name(&self, folder: &str) -> String {
        if folder.eq_ignore_ascii_case("INBOX") {
            return "INBOX".to_owned();
        }
        let name = format!("{}{}", self.prefix, folder.replace('/', &self.separator));
        wire::encode_name(&name)
    }

    fn quoted(&self, folder: &str) -> String {
        wire::quote(&self.wire_name(folder))
    }

    fn users_name(&self, wire_name: &str) -> String {
        let name = wire::decode_name(wire_name);
        if name.eq_ignore_ascii_case("INBOX") {
            return "INBOX".to_owned();
        }
        let bare = name.strip_prefix(&self.prefix).unwrap_or(&name);
        if self.separator.is_empty() {
            bare.to_owned()
        } else {
            bare.replace(&self.separator, "/")
        }
    }

    /// Every folder of the user.
    pub fn folders(&mut self) -> Vec<Folder> {
        let pattern = wire::quote(&format!("{}*", self.prefix));
        let mut reply = self.ok(&format!("LIST \"\" {pattern}"));
        if !self.prefix.is_empty() {
            reply.untagged.extend(self.ok("LIST \"\" INBOX").untagged);
        }
        let mut found: Vec<Folder> = Vec::new();
        for line in reply.lines_of("LIST") {
            let [attributes, _, name] = line.as_slice() else {
                continue;
            };
            let name = self.users_name(&name.text());
            let attributes = attributes
                .list()
                .iter()
                .map(|word| word.text().to_ascii_lowercase())
                .collect();
            if !found.iter().any(|folder| folder.name == name) {
                found.push(Folder { name, attributes });
            }
        }
        found.sort_by(|a, b| a.name.cmp(&b.name));
        found
    }

    /// Whether a folder is there.
    pub fn has_folder(&mut self, folder: &str) -> bool {
        self.folders().iter().any(|known| known.name == folder)
    }

    /// Makes a folder if it is not there, subscribed.
    pub fn make_folder(&mut self, folder: &str) {
        if !self.has_folder(folder) {
            let name = self.quoted(folder);
            self.ok(&format!("CREATE {name}"));
            self.ok(&format!("SUBSCRIBE {name}"));
        }
    }

    /// Deletes a folder with everything in it.
    pub fn delete_folder(&mut self, folder: &str) {
        self.leave();
        let name = self.quoted(folder);
        self.ok(&format!("DELETE {name}"));
    }

    /// Renames a folder.
    pub fn rename_folder(&mut self, from: &str, to: &str) {
        self.leave();
        let (from, to) = (self.quoted(from), self.quoted(to));
        self.ok(&format!("RENAME {from} {to}"));
    }

    /// Stops having a folder open, without expunging.
    pub fn leave(&mut self) {
        if self.selected.take().is_some() {
            // A failed SELECT closes the folder on every server; UNSELECT is not everywhere.
            let _ = self.command("EXAMINE \"no such folder\"");
        }
    }

    /// What STATUS says about a folder that is not open.
    pub fn status(&mut self, folder: &str) -> Status {
        let name = self.quoted(folder);
        let reply = self.ok(&format!("STATUS {name} (MESSAGES UIDNEXT UIDVALIDITY UNSEEN)"));
        let mut status = Status::default();
        for line in reply.lines_of("STATUS") {
            let Some(items) = line.last() else { continue };
            for pair in items.list().chunks(2) {
                let value = pair.get(1).and_then(Token::number).unwrap_or(0);
                match pair[0].text().to_ascii_uppercase().as_str() {
                    "MESSAGES" => status.messages = value,
                    "UIDNEXT" => status.uid_next = value,
                    "UIDVALIDITY" => status.uid_validity = value,
                    "UNSEEN" => status.unseen = value,
                    _ => {}
                }
            }
        }
        status
    }

    /// Opens a folder for reading and writing; asks for news if it is open already.
    pub fn select(&mut self, folder: &str) {
        if self.selected.as_deref() == Some(folder) {
            self.ok("NOOP");
            return;
        }
        let name = self.quoted(folder);
        self.ok(&format!("SELECT {name}"));
        self.selected = Some(folder.to_owned());
    }

    /// Whether a folder can be opened.
    pub fn try_select(&mut self, folder: &str) -> bool {
        if self.selected.as_deref() == Some(folder) {
            return self.command("NOOP").status == "OK";
        }
        let name = self.quoted(folder);
        let there = self.command(&format!("SELECT {name}")).status == "OK";
        self.selected = there.then(|| folder.to_owned());
        there
    }

    /// Puts a message into a folder. `internal_date` as RFC 3501 writes it (`20-Nov-2026 10:00:00 +0000`). The new UID,
    /// where the server tells it (UIDPLUS).
    pub fn append(&mut self, folder: &str, message: &[u8], flags: &[&str], internal_date: Option<&str>) -> Option<u32> {
        let name = self.quoted(folder);
        let date = internal_date.map_or_else(String::new, |date| format!(" \"{date}\""));
        let tag = self.send(&format!(
            "APPEND {name} ({}){date} {{{}}}",
            flags.join(" "),
            message.len()
        ));
        loop {
            let response = self.response();
            if response.starts_with(b"+") {
                break;
            }
            let refused = response.starts_with(format!("{tag} ").as_bytes());
            assert!(!refused, "APPEND {name} -> {}", String::from_utf8_lossy(&response));
        }
        self.writer.write_all(message).unwrap();
        self.writer.write_all(b"\r\n").unwrap();
        let reply = self.answer(&tag);
        assert_eq!(reply.status, "OK", "APPEND {name} -> {} {}", reply.status, reply.text);
        let code = reply.text.strip_prefix("[APPENDUID ")?.split(']').next()?;
        code.split(' ').nth(1)?.parse().ok()
    }

    /// Puts many messages into a folder, a hundred with one command where the server can (RFC 3502, RFC 7888): a server
    /// that writes every APPEND through to the disk takes a minute for two thousand.
    pub fn append_all(&mut self, folder: &str, messages: &[&[u8]]) {
        if !(self.has("MULTIAPPEND") && self.has("LITERAL+")) {
            for message in messages {
                self.append(folder, message, &[], None);
            }
            return;
        }
        let name = self.quoted(folder);
        for some in messages.chunks(100) {
            self.tags += 1;
            let tag = format!("h{}", self.tags);
            let mut command = format!("{tag} APPEND {name}").into_bytes();
            for message in some {
                command.extend_from_slice(format!(" {{{}+}}\r\n", message.len()).as_bytes());
                command.extend_from_slice(message);
            }
            command.extend_from_slice(b"\r\n");
            self.writer.write_all(&command).unwrap();
            let reply = self.answer(&tag);
            assert_eq!(reply.status, "OK", "APPEND {name} -> {} {}", reply.status, reply.text);
        }
    }

    /// The UIDs in a folder, ascending.
    pub fn uids(&mut self, folder: &str) -> Vec<u32> {
        self.search(folder, "ALL")
    }

    /// The UIDs that a search program finds in a folder, ascending.
    pub fn search(&mut self, folder: &str, program: &str) -> Vec<u32> {
        self.select(folder);
        let reply = self.ok(&format!("UID SEARCH {program}"));
        let mut uids: Vec<u32> = reply
            .lines_of("SEARCH")
            .iter()
            .flatten()
            .filter_map(Token::number)
            .collect();
        uids.sort_unstable();
        uids
    }

    /// The UIDs of the messages with that Message-ID in a folder.
    pub fn find(&mut self, folder: &str, message_id: &str) -> Vec<u32> {
        self.search(folder, &format!("HEADER Message-ID {}", wire::quote(message_id)))
    }

    /// The only message with that Message-ID in a folder.
    pub fn only(&mut self, folder: &str, message_id: &str) -> u32 {
        let found = self.find(folder, message_id);
        assert_eq!(found.len(), 1, "{message_id} in {folder}: {found:?}");
        found[0]
    }

    /// Waits until a folder, which need not exist yet, holds the message; its UID.
    pub fn wait_for(&mut self, folder: &str, message_id: &str) -> u32 {
        eventually(&format!("{message_id} in {folder}"), || {
            if !self.try_select(folder) {
                return None;
            }
            self.find(folder, message_id).first().copied()
        })
    }

    /// Waits until a folder no longer holds the message.
    pub fn wait_until_gone(&mut self, folder: &str, message_id: &str) {
        eventually(&format!("{message_id} to leave {folder}"), || {
            self.find(folder, message_id).is_empty().then_some(())
        });
    }

    /// Waits until a folder holds exactly so many messages.
    pub fn wait_for_count(&mut self, folder: &str, count: usize) {
        eventually(&format!("{count} messages in {folder}"), || {
            (self.try_select(folder) && self.uids(folder).len() == count).then_some(())
        });
    }

    /// The messages of a folder; with their bytes if asked. Leaves \Seen alone.
    pub fn messages(&mut self, folder: &str, bytes: bool) -> Vec<Copy> {
        let mut found = Vec::new();
        self.each_message(folder, bytes, |copy| found.push(copy));
        found
    }

    /// [`Hand::messages`] one by one, in UID order; a big folder is never in memory whole.
    pub fn each_message(&mut self, folder: &str, bytes: bool, mut take: impl FnMut(Copy)) {
        let uids = self.uids(folder);
        let items = if bytes {
            "(UID FLAGS INTERNALDATE BODY.PEEK[])"
        } else {
            "(UID FLAGS INTERNALDATE)"
        };
        for some in uids.chunks(250) {
            let reply = self.ok(&format!("UID FETCH {} {items}", wire::uid_set(some)));
            for response in &reply.untagged {
                if let Some(copy) = copy_of(response).filter(|copy| some.contains(&copy.uid)) {
                    take(copy);
                }
            }
        }
    }

    /// One message with its bytes.
    pub fn message(&mut self, folder: &str, uid: u32) -> Copy {
        self.select(folder);
        let reply = self.ok(&format!("UID FETCH {uid} (UID FLAGS INTERNALDATE BODY.PEEK[])"));
        let found = reply
            .untagged
            .iter()
            .filter_map(|response| copy_of(response))
            .find(|copy| copy.uid == uid);
        found.unwrap_or_else(|| panic!("no UID {uid} in {folder}"))
    }

    /// Adds flags to a message.
    pub fn add_flags(&mut self, folder: &str, uid: u32, flags: &[&str]) {
        self.select(folder);
        self.ok(&format!("UID STORE {uid} +FLAGS ({})", flags.join(" ")));
    }

    /// Takes flags off a message.
    pub fn remove_flags(&mut self, folder: &str, uid: u32, flags: &[&str]) {
        self.select(folder);
        self.ok(&format!("UID STORE {uid} -FLAGS ({})", flags.join(" ")));
    }

    /// Deletes a message for good.
    pub fn delete(&mut self, folder: &str, uid: u32) {
        self.add_flags(folder, uid, &["\\Deleted"]);
        if self.has("UIDPLUS") {
            self.ok(&format!("UID EXPUNGE {uid}"));
        } else {
            self.ok("EXPUNGE");
        }
    }

    /// Drags a message from one folder to another that exists.
    pub fn drag(&mut self, how: Drag, uid: u32, from: &str, to: &str) {
        let target = self.quoted(to);
        self.select(from);
        match how {
            Drag::Move if self.has("MOVE") => {
                self.ok(&format!("UID MOVE {uid} {target}"));
            }
            Drag::Move | Drag::CopyDelete => {
                self.ok(&format!("UID COPY {uid} {target}"));
                self.delete(from, uid);
            }
            Drag::AppendDelete => {
                let copy = self.message(from, uid);
                let flags: Vec<&str> = copy.flags.iter().map(String::as_str).collect();
                self.append(to, &copy.bytes, &flags, Some(&copy.internal_date));
                self.delete(from, uid);
            }
        }
    }

    /// Drags the message with that Message-ID, making the folder if it is missing.
    pub fn drag_message(&mut self, how: Drag, message_id: &str, from: &str, to: &str) {
        self.make_folder(to);
        let uid = self.only(from, message_id);
        self.drag(how, uid, from, to);
    }

    /// Enters IDLE (RFC 2177), does `act`, and waits until the server says a line with `word` in it.
    pub fn idle_until(&mut self, folder: &str, word: &str, act: impl FnOnce()) {
        self.select(folder);
        let tag = self.send("IDLE");
        while !self.response().starts_with(b"+") {}
        act();
        loop {
            let response = String::from_utf8_lossy(&self.response()).into_owned();
            assert!(!response.starts_with(&tag), "IDLE -> {response}");
            if response.contains(word) {
                break;
            }
        }
        self.writer.write_all(b"DONE\r\n").unwrap();
        let reply = self.answer(&tag);
        assert_eq!(reply.status, "OK", "IDLE -> {}", reply.text);
    }
}

impl Drop for Hand {
    /// Logs out and waits until the server has closed: a session that is cut off may leave a lock behind (Courier), or count
    /// against the number of connections for a while.
    fn drop(&mut self) {
        let _ = self.writer.set_read_timeout(Some(Duration::from_secs(5)));
        if self.writer.write_all(b"bye LOGOUT\r\n").is_ok() {
            while let Ok(Some(_)) = wire::read_line(&mut self.reader) {}
        }
    }
}

impl Reply {
    /// The words of the untagged responses of one kind, after that kind.
    pub fn lines_of(&self, kind: &str) -> Vec<Vec<Token>> {
        let mut found = Vec::new();
        for response in &self.untagged {
            let words = wire::tokens(response);
            if let [star, name, rest @ ..] = words.as_slice()
                && star.text() == "*"
                && name.text().eq_ignore_ascii_case(kind)
            {
                found.push(rest.to_vec());
            }
        }
        found
    }

    /// Source and destination UIDs of a COPYUID code (RFC 4315), wherever it stood.
    pub fn copy_uid(&self) -> Option<String> {
        let lines = self
            .untagged
            .iter()
            .map(|line| String::from_utf8_lossy(line).into_owned());
        lines.chain([self.text.clone()]).find_map(|line| {
            let (_, code) = line.split_once("[COPYUID ")?;
            Some(code.split(']').next()?.to_owned())
        })
    }
}

/// The message in a FETCH response, if it is one and names its UID.
fn copy_of(response: &[u8]) -> Option<Copy> {
    let words = wire::tokens(response);
    let [_, _, fetch, items] = words.as_slice() else {
        return None;
    };
    if !fetch.text().eq_ignore_ascii_case("FETCH") {
        return None;
    }
    let mut copy = Copy {
        uid: 0,
        flags: BTreeSet::new(),
        internal_date: String::new(),
        bytes: Vec::new(),
    };
    for pair in items.list().chunks_exact(2) {
        match pair[0].text().to_ascii_uppercase().as_str() {
            "UID" => copy.uid = pair[1].number()?,
            "FLAGS" => {
                copy.flags = pair[1]
                    .list()
                    .iter()
                    .map(Token::text)
                    .filter(|flag| flag != "\\Recent")
                    .collect();
            }
            "INTERNALDATE" => pair[1].text().trim().clone_into(&mut copy.internal_date),
            "BODY[]" => copy.bytes = pair[1].bytes(),
            _ => {}
        }
    }
    (copy.uid > 0).then_some(copy)
}
