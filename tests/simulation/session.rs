//! One session as the server has it: what is selected, what the client knows of it, and how each command is carried out
//! on the mail (RFC 9051; RFC 6851 for MOVE, RFC 4315 for UIDPLUS, RFC 5465 for NOTIFY).

use std::collections::BTreeMap;
use std::fmt::Write as _;

use super::command::{Command, Items, Set};
use super::letter::{Letter, internal_date};
use super::post::{Copy, Folder, Hand, Place};
use super::profile::Ladder;
use super::world::{Act, World};

/// A command's answer: untagged lines, and what stands behind the tag.
pub type Answer = (Vec<u8>, String);

/// The folder that is open.
#[derive(Debug)]
struct Open {
    name: String,
    number: u32,
    epoch: u32,
    /// UIDs as the client knows them; the index is the message number less one.
    view: Vec<u32>,
    modseq: u64,
    read_only: bool,
}

/// One session.
#[derive(Debug, Default)]
pub struct Session {
    open: Option<Open>,
    /// Other folders to be told about, and what was last told of each.
    watched: Option<BTreeMap<String, (u32, u32, usize)>>,
    /// What a MOVE or COPY found when it was read; it is carried out a little later.
    found: Vec<Copy>,
}

fn ok(text: &str) -> Answer {
    (Vec::new(), format!("OK {text}"))
}

fn no(text: &str) -> Answer {
    (Vec::new(), format!("NO {text}"))
}

impl Session {
    /// What happens at the moment a command has been read: what it is about is looked up.
    pub fn read(&mut self, world: &mut World, command: &Command) {
        let (verb, set, to) = match command {
            Command::Move { set, to } => ("MOVE", set, Some(to)),
            Command::Copy { set, to } => ("COPY", set, Some(to)),
            Command::Store { set, .. } => ("STORE", set, None),
            Command::Expunge(set) => ("EXPUNGE", set, None),
            _ => return,
        };
        let Some(open) = &self.open else {
            world.breaks(format!("UID {verb} with no folder selected"));
            return;
        };
        if open.read_only {
            world.breaks(format!("UID {verb} in a folder that was opened with EXAMINE"));
        }
        let (uids, name, epoch) = (set.of(&open.view), open.name.clone(), open.epoch);
        self.find(world, command);
        let acts: Vec<Act> = uids
            .into_iter()
            .map(|uid| Act {
                verb,
                place: Place {
                    folder: name.clone(),
                    epoch,
                    uid,
                },
                to: to.cloned(),
                letter: self.found.iter().find(|copy| copy.uid == uid).map(|copy| copy.letter),
            })
            .collect();
        world.asked(&acts);
    }

    /// Finds the copies a command is about; once more where it was long on its way.
    pub fn find(&mut self, world: &World, command: &Command) {
        let (Command::Move { set, .. }
        | Command::Copy { set, .. }
        | Command::Store { set, .. }
        | Command::Expunge(set)) = command
        else {
            return;
        };
        self.found = self.open.as_ref().map_or_else(Vec::new, |open| {
            let uids = set.of(&open.view).into_iter();
            uids.filter_map(|uid| world.post.copy(&open.name, uid).cloned())
                .collect()
        });
    }

    /// Carries a command out. `Err` ends the session with these words.
    pub fn carry_out(&mut self, world: &mut World, command: &Command) -> Result<Answer, String> {
        let (mut untagged, tagged) = self.answer(world, command)?;
        untagged.extend(self.sync(world)?);
        untagged.extend(self.news_of_others(world));
        Ok((untagged, tagged))
    }

    fn answer(&mut self, world: &mut World, command: &Command) -> Result<Answer, String> {
        Ok(match command {
            Command::Capability => (
                format!("* CAPABILITY {}\r\n", world.profile.capabilities()).into(),
                "OK Capability completed.".to_owned(),
            ),
            Command::Id => (b"* ID (\"name\" \"model\")\r\n".to_vec(), "OK ID completed.".to_owned()),
            Command::Namespace => (
                b"* NAMESPACE ((\"\" \"/\")) NIL NIL\r\n".to_vec(),
                "OK Namespace completed.".to_owned(),
            ),
            Command::Noop => ok("NOOP completed."),
            Command::Idle => ok("Idle completed."),
            Command::Logout => (b"* BYE Logging out\r\n".to_vec(), "OK Logout completed.".to_owned()),
            Command::Login(_) => ok("Logged in"),
            Command::List { patterns, status } => list(world, patterns, status),
            Command::Create(name) => {
                if world.post.make(name) {
                    ok("Create completed.")
                } else {
                    no("[ALREADYEXISTS] Mailbox already exists")
                }
            }
            Command::Subscribe(_) => ok("Subscribe completed."),
            Command::Status { folder, items } => match world.post.folders.get(folder) {
                Some(found) => (status(folder, found, items).into(), "OK Status completed.".to_owned()),
                None => no("[NONEXISTENT] Mailbox doesn't exist"),
            },
            Command::Select { folder, read_only } => {
                if folder == "INBOX" && !read_only {
                    world.inbox_opened();
                }
                self.select(world, folder, *read_only)
            }
            Command::Notify(folders) => {
                let told = folders.iter().map(|name| (name.clone(), (0, 0, 0))).collect();
                self.watched = Some(told);
                ok("NOTIFY completed.")
            }
            Command::Fetch { set, items } => self.fetch(world, set, items)?,
            Command::Search { set, compact } => self.search(world, set, *compact)?,
            Command::Move { to, .. } => self.transfer(world, to, true)?,
            Command::Copy { to, .. } => self.transfer(world, to, false)?,
            Command::Store { set, add, flags } => self.store(world, set, *add, flags)?,
            Command::Expunge(set) => self.expunge(world, set)?,
            Command::Append { .. } => ok("Append completed."),
        })
    }

    fn select(&mut self, world: &World, name: &str, read_only: bool) -> Answer {
        self.open = None;
        let Some(folder) = world.post.folders.get(name) else {
            return no("[NONEXISTENT] Mailbox doesn't exist");
        };
        self.open = Some(Open {
            name: name.to_owned(),
            number: folder.number,
            epoch: folder.epoch,
            view: folder.copies.iter().map(|copy| copy.uid).collect(),
            modseq: folder.modseq,
            read_only,
        });
        let mut text = String::from("* FLAGS (\\Answered \\Flagged \\Deleted \\Seen \\Draft)\r\n");
        let permanent = if read_only {
            "()"
        } else {
            "(\\Answered \\Flagged \\Deleted \\Seen \\Draft \\*)"
        };
        let _ = write!(text, "* OK [PERMANENTFLAGS {permanent}] Flags permitted.\r\n");
        let _ = write!(text, "* {} EXISTS\r\n* 0 RECENT\r\n", folder.copies.len());
        let _ = write!(text, "* OK [UIDVALIDITY {}] UIDs valid\r\n", folder.epoch);
        let _ = write!(text, "* OK [UIDNEXT {}] Predicted next UID\r\n", folder.next);
        if world.profile.condstore {
            let _ = write!(text, "* OK [HIGHESTMODSEQ {}] Highest\r\n", folder.modseq);
        }
        let access = if read_only { "READ-ONLY" } else { "READ-WRITE" };
        (text.into(), format!("OK [{access}] Select completed."))
    }

    /// The open folder; `Err` when it is no longer what was opened.
    fn folder<'a>(&self, world: &'a World) -> Result<Option<(&Open, &'a Folder)>, String> {
        let Some(open) = &self.open else { return Ok(None) };
        let folder = world.post.folders.get(&open.name);
        match folder.filter(|folder| (folder.number, folder.epoch) == (open.number, open.epoch)) {
            Some(folder) => Ok(Some((open, folder))),
            None => Err("Mailbox was renumbered, renamed or deleted under us.".to_owned()),
        }
    }

    fn fetch(&self, world: &World, set: &Set, items: &Items) -> Result<Answer, String> {
        let Some((open, folder)) = self.folder(world)? else {
            return Ok((Vec::new(), "BAD No mailbox selected.".to_owned()));
        };
        let mut out = Vec::new();
        for uid in set.of(&open.view) {
            let Some(copy) = folder.copy(uid) else { continue };
            let number = open.view.binary_search(&uid).unwrap_or(0) + 1;
            describe(&mut out, number, copy, &world.post.letters[copy.letter], items);
        }
        Ok((out, "OK Fetch completed.".to_owned()))
    }

    fn search(&self, world: &World, set: &Set, compact: bool) -> Result<Answer, String> {
        let Some((open, folder)) = self.folder(world)? else {
            return Ok((Vec::new(), "BAD No mailbox selected.".to_owned()));
        };
        let there = |uid: &u32| folder.copy(*uid).is_some();
        let found: Vec<String> = set
            .of(&open.view)
            .iter()
            .filter(|uid| there(uid))
            .map(u32::to_string)
            .collect();
        let line = match (compact, found.is_empty()) {
            (false, true) => "* SEARCH\r\n".to_owned(),
            (false, false) => format!("* SEARCH {}\r\n", found.join(" ")),
            (true, true) => "* ESEARCH (TAG \"$\") UID\r\n".to_owned(),
            (true, false) => format!("* ESEARCH (TAG \"$\") UID ALL {}\r\n", found.join(",")),
        };
        Ok((line.into(), "OK Search completed.".to_owned()))
    }

    /// UID MOVE and UID COPY of what was found when the command was read.
    fn transfer(&mut self, world: &mut World, to: &str, moves: bool) -> Result<Answer, String> {
        if moves && !world.profile.moves() {
            world.breaks("UID MOVE, which the server does not offer".to_owned());
            return Ok((Vec::new(), "BAD Unknown command.".to_owned()));
        }
        let Some((open, _)) = self.folder(world)? else {
            return Ok((Vec::new(), "BAD No mailbox selected.".to_owned()));
        };
        let from = open.name.clone();
        let found = std::mem::take(&mut self.found);
        if found.is_empty() {
            return Ok(ok("No messages found."));
        }
        let Some(target) = world.post.folders.get(to) else {
            return Ok(no("[TRYCREATE] Mailbox doesn't exist"));
        };
        if let Some(why) = target.refuses {
            return Ok(no(why));
        }
        let epoch = target.epoch;
        let now = world.now();
        let mut pairs = Vec::new();
        for copy in found {
            let there = world.post.copy(&from, copy.uid).is_some();
            let new = match (there, moves) {
                (true, true) => world.post.shift(now, Hand::Daemon, &from, copy.uid, to),
                (true, false) => {
                    let new = world.post.duplicate(now, Hand::Daemon, &from, copy.uid, to);
                    if let Some(new) = new {
                        let (original, copied) = (world.post.place(&from, copy.uid), world.post.place(to, new));
                        world.copying.insert(original, (copied, copy.letter));
                    }
                    new
                }
                (false, _) if world.profile.racy => {
                    world.met.insert(copy.letter, "two moves met in the server");
                    world.post.shift_gone(now, Hand::Daemon, &from, &copy, to)
                }
                (false, _) => None,
            };
            pairs.extend(new.map(|new| (copy.uid, new)));
        }
        let done = if moves { "Move completed." } else { "Copy completed." };
        if pairs.is_empty() {
            return Ok(ok("No messages found."));
        }
        let set = |side: fn(&(u32, u32)) -> u32| {
            let uids: Vec<String> = pairs.iter().map(|pair| side(pair).to_string()).collect();
            uids.join(",")
        };
        let copyuid = format!("[COPYUID {epoch} {} {}]", set(|pair| pair.0), set(|pair| pair.1));
        Ok(match world.profile.ladder {
            Ladder::Move if moves => (format!("* OK {copyuid} Moved UIDs.\r\n").into(), format!("OK {done}")),
            Ladder::Move | Ladder::MoveTagged | Ladder::Copy => (Vec::new(), format!("OK {copyuid} {done}")),
            Ladder::MoveBlind | Ladder::Unsafe => ok(done),
        })
    }

    fn store(&mut self, world: &mut World, set: &Set, add: bool, flags: &[String]) -> Result<Answer, String> {
        let Some((open, _)) = self.folder(world)? else {
            return Ok((Vec::new(), "BAD No mailbox selected.".to_owned()));
        };
        let name = open.name.clone();
        let deletes = flags == ["\\Deleted"];
        if !deletes && !flags.iter().all(|flag| world.keywords.contains(flag)) {
            world.breaks(format!("S3: STORE of {flags:?}"));
        }
        for uid in set.of(&open.view) {
            let Some((letter, before)) = world
                .post
                .copy(&name, uid)
                .map(|copy| (copy.letter, copy.flags.clone()))
            else {
                continue;
            };
            for flag in flags {
                world.post.flag(&name, uid, flag, add);
            }
            let place = world.post.place(&name, uid);
            if deletes && !add {
                world.marked.remove(&place);
            } else if deletes && !before.contains("\\Deleted") {
                world.marked.insert(place, letter);
            }
        }
        let modseq = world.post.folders.get(&name).map_or(0, |folder| folder.modseq);
        if let Some(open) = &mut self.open {
            open.modseq = modseq;
        }
        Ok(ok("Store completed."))
    }

    fn expunge(&mut self, world: &mut World, set: &Set) -> Result<Answer, String> {
        if !world.profile.uidplus() {
            world.breaks("UID EXPUNGE, which the server does not offer".to_owned());
            return Ok((Vec::new(), "BAD Unknown command.".to_owned()));
        }
        let Some((open, _)) = self.folder(world)? else {
            return Ok((Vec::new(), "BAD No mailbox selected.".to_owned()));
        };
        let (name, now) = (open.name.clone(), world.now());
        for uid in set.of(&open.view) {
            let deleted = |copy: &Copy| copy.flags.contains("\\Deleted");
            if world.post.copy(&name, uid).is_some_and(deleted) {
                let place = world.post.place(&name, uid);
                world.copying.remove(&place);
                world.post.expunge(now, Hand::Daemon, &name, uid);
            }
        }
        Ok(ok("Expunge completed."))
    }

    /// Tells the client what has changed in the open folder since it last knew.
    pub fn sync(&mut self, world: &World) -> Result<Vec<u8>, String> {
        if self.folder(world)?.is_none() {
            return Ok(Vec::new());
        }
        let Some(open) = &mut self.open else {
            return Ok(Vec::new());
        };
        let Some(folder) = world.post.folders.get(&open.name) else {
            return Ok(Vec::new());
        };
        if folder.modseq == open.modseq {
            return Ok(Vec::new());
        }
        let mut text = String::new();
        for index in (0..open.view.len()).rev() {
            if folder.copy(open.view[index]).is_none() {
                let _ = write!(text, "* {} EXPUNGE\r\n", index + 1);
                open.view.remove(index);
            }
        }
        for (index, uid) in open.view.iter().enumerate() {
            if let Some(copy) = folder.copy(*uid).filter(|copy| copy.modseq > open.modseq) {
                let flags: Vec<&str> = copy.flags.iter().map(String::as_str).collect();
                let _ = write!(
                    text,
                    "* {} FETCH (UID {uid} FLAGS ({}))\r\n",
                    index + 1,
                    flags.join(" ")
                );
            }
        }
        open.modseq = folder.modseq;
        let last = open.view.last().copied().unwrap_or(0);
        let before = open.view.len();
        open.view
            .extend(folder.copies.iter().map(|copy| copy.uid).filter(|uid| *uid > last));
        if open.view.len() > before {
            let _ = write!(text, "* {} EXISTS\r\n", open.view.len());
        }
        Ok(text.into())
    }

    /// Tells what NOTIFY was asked for.
    pub fn news_of_others(&mut self, world: &World) -> Vec<u8> {
        let mut text = String::new();
        for (name, told) in self.watched.iter_mut().flatten() {
            let Some(folder) = world.post.folders.get(name) else {
                continue;
            };
            let now = (folder.epoch, folder.next, folder.copies.len());
            if now != *told {
                *told = now;
                let items = ["UIDVALIDITY", "UIDNEXT", "MESSAGES"].map(str::to_owned);
                text.push_str(&status(name, folder, &items));
            }
        }
        text.into()
    }

    /// How many messages the client believes there to be.
    pub fn exists(&self) -> Option<usize> {
        self.open.as_ref().map(|open| open.view.len())
    }
}

/// A literal that was appended; its place.
pub fn append(world: &mut World, folder: &str, flags: &[String], bytes: Vec<u8>) -> Answer {
    if !world.post.folders.contains_key(folder) {
        return no("[TRYCREATE] Mailbox doesn't exist");
    }
    let (now, seconds) = (world.now(), world.seconds());
    let flags: Vec<&str> = flags
        .iter()
        .map(String::as_str)
        .filter(|flag| !flag.is_empty())
        .collect();
    let letter = Letter::appended(bytes);
    let uid = world.post.add(now, Hand::Daemon, folder, letter, seconds, &flags);
    let epoch = world.post.folders.get(folder).map_or(0, |folder| folder.epoch);
    if world.profile.uidplus() {
        ok(&format!("[APPENDUID {epoch} {uid}] Append completed."))
    } else {
        ok("Append completed.")
    }
}

fn list(world: &World, patterns: &[String], items: &[String]) -> Answer {
    let mut text = String::new();
    if patterns == [String::new()] {
        text.push_str("* LIST (\\Noselect) \"/\" \"\"\r\n");
    }
    for (name, folder) in &world.post.folders {
        let matches = |pattern: &String| pattern == "*" || pattern == name;
        if !patterns.iter().any(matches) {
            continue;
        }
        let attribute = folder.special_use.map(|word| format!(" {word}")).unwrap_or_default();
        let _ = write!(text, "* LIST (\\HasNoChildren{attribute}) \"/\" \"{name}\"\r\n");
        if !items.is_empty() {
            text.push_str(&status(name, folder, items));
        }
    }
    (text.into(), "OK List completed.".to_owned())
}

fn status(name: &str, folder: &Folder, items: &[String]) -> String {
    let value = |item: &String| match item.as_str() {
        "UIDVALIDITY" => format!("{item} {}", folder.epoch),
        "UIDNEXT" => format!("{item} {}", folder.next),
        "MESSAGES" => format!("{item} {}", folder.copies.len()),
        _ => format!("{item} {}", folder.modseq),
    };
    let values: Vec<String> = items.iter().map(value).collect();
    format!("* STATUS \"{name}\" ({})\r\n", values.join(" "))
}

/// One FETCH response.
fn describe(out: &mut Vec<u8>, number: usize, copy: &Copy, letter: &Letter, items: &Items) {
    let flags: Vec<&str> = copy.flags.iter().map(String::as_str).collect();
    let mut text = format!("* {number} FETCH (UID {} FLAGS ({})", copy.uid, flags.join(" "));
    if items.internal_date {
        let _ = write!(text, " INTERNALDATE \"{}\"", internal_date(copy.date));
    }
    if items.size {
        let _ = write!(text, " RFC822.SIZE {}", letter.bytes.len());
    }
    if items.email_id {
        let _ = write!(text, " EMAILID (L{})", copy.letter);
    }
    if let Some((names, most)) = &items.header {
        let mut header = letter.fields(names);
        header.truncate(*most);
        let _ = write!(
            text,
            " BODY[HEADER.FIELDS ({})]<0> {{{}}}\r\n",
            names.join(" "),
            header.len()
        );
        out.extend_from_slice(text.as_bytes());
        out.extend_from_slice(&header);
    } else {
        out.extend_from_slice(text.as_bytes());
    }
    out.extend_from_slice(b")\r\n");
}
