//! One connection of the odd server: commands in, answers out, its habits in between (RFC 3501).

use std::io::{self, BufRead as _, BufReader, ErrorKind, Read as _, Write as _};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use super::fetch::Wanted;
use super::mail::{Folder, Mail};
use super::{Moving, Shared, Spelling, Ways};
use crate::support::wire::{self, Token};

struct Open {
    name: String,
    uid_validity: u32,
    read_only: bool,
    /// The messages this session knows of, in order; and flags they were last told with.
    known: Vec<u32>,
}

struct Conversation<'a> {
    shared: &'a Shared,
    reader: BufReader<&'a TcpStream>,
    writer: &'a TcpStream,
    logged_in: bool,
    open: Option<Open>,
}

/// Serves until the client or the test ends it.
pub fn serve(shared: &Shared, stream: &TcpStream) -> io::Result<()> {
    let _ = stream.set_nodelay(true);
    let mut conversation = Conversation {
        shared,
        reader: BufReader::new(stream),
        writer: stream,
        logged_in: false,
        open: None,
    };
    conversation.say(&format!("* {}", shared.ways.greeting))?;
    while let Some(command) = conversation.command()? {
        let tokens = wire::tokens(&command);
        let [tag, verb, arguments @ ..] = tokens.as_slice() else {
            conversation.say("* BAD what?")?;
            continue;
        };
        let text = String::from_utf8_lossy(&command).trim_end().to_owned();
        let told = text.split_once(' ').map_or(String::new(), |(_, rest)| rest.to_owned());
        let verb = verb.text().to_ascii_uppercase();
        let secret = ["LOGIN", "AUTHENTICATE"].contains(&verb.as_str());
        let mood = shared.mood(&told);
        shared
            .heard
            .lock()
            .unwrap()
            .push(if secret { verb.clone() } else { told });
        let answer = match mood {
            Some(refusal) if !refusal.starts_with("OK") => refusal,
            mood => {
                let usual = conversation.run(&tag.text(), &verb, arguments)?;
                mood.unwrap_or(usual)
            }
        };
        conversation.tagged(&tag.text(), &answer)?;
        if verb == "LOGOUT" {
            break;
        }
    }
    Ok(())
}

impl Conversation<'_> {
    fn ways(&self) -> &Ways {
        &self.shared.ways
    }

    /// A whole command, its literals in place.
    fn command(&mut self) -> io::Result<Option<Vec<u8>>> {
        let Some(mut command) = wire::read_line(&mut self.reader)? else {
            return Ok(None);
        };
        let mut last = command.clone();
        while let Some((length, waits)) = wire::announced_literal(&last) {
            if waits {
                self.say("+ go on")?;
            }
            let start = command.len();
            command.resize(start + length, 0);
            self.reader.read_exact(&mut command[start..])?;
            last = wire::read_line(&mut self.reader)?.unwrap_or_default();
            command.extend_from_slice(&last);
        }
        Ok(Some(command))
    }

    fn say(&mut self, line: &str) -> io::Result<()> {
        let line = if self.ways().small_letters {
            line.to_ascii_lowercase()
        } else {
            line.to_owned()
        };
        self.writer.write_all(format!("{line}\r\n").as_bytes())
    }

    fn tagged(&mut self, tag: &str, answer: &str) -> io::Result<()> {
        if self.ways().chatty && self.logged_in {
            self.say("* OK [XYZZY plugh (1 \"a)\" NIL)] nobody knows this code")?;
        }
        let small = self.ways().small_letters;
        let answer = if small {
            answer.to_ascii_lowercase()
        } else {
            answer.to_owned()
        };
        let line = format!("{tag}{}{answer}\r\n", self.ways().space);
        self.writer.write_all(line.as_bytes())
    }

    fn run(&mut self, tag: &str, verb: &str, arguments: &[Token]) -> io::Result<String> {
        let word = |index: usize| arguments.get(index).map(Token::text).unwrap_or_default();
        match verb {
            "CAPABILITY" => {
                let words = if self.logged_in {
                    self.ways().after_login
                } else {
                    self.ways().before_login
                };
                self.say(&format!("* CAPABILITY {words}"))?;
            }
            "AUTHENTICATE" => {
                if arguments.len() < 2 {
                    self.say("+ ")?;
                    wire::read_line(&mut self.reader)?;
                }
                self.logged_in = true;
            }
            "LOGIN" if word(1) == "secret" => self.logged_in = true,
            "LOGIN" => return Ok("NO [AUTHENTICATIONFAILED] no".to_owned()),
            "ID" => self.say("* ID NIL")?,
            "NAMESPACE" => self.namespace()?,
            "LIST" => self.list(arguments)?,
            "STATUS" => return self.status(&word(0), arguments),
            "CREATE" => return Ok(self.create(&word(0))),
            "SUBSCRIBE" => {}
            "SELECT" | "EXAMINE" => return self.select(&word(0), verb == "EXAMINE"),
            "UNSELECT" => self.open = None,
            "NOOP" => drop(self.news()?),
            "IDLE" => return self.idle(),
            "LOGOUT" => self.say("* BYE see you")?,
            "UID" => {
                let verb = word(0).to_ascii_uppercase();
                return self.uid(tag, &verb, arguments.get(1..).unwrap_or_default());
            }
            other => return Ok(format!("BAD {other} is unknown here")),
        }
        Ok("OK done".to_owned())
    }

    fn namespace(&mut self) -> io::Result<()> {
        let separator = self.separator();
        let prefix = self.ways().prefix;
        self.say(&format!(
            "* NAMESPACE ((\"{prefix}\" {separator})) NIL ((\"#shared/\" \"/\"))"
        ))
    }

    fn separator(&self) -> String {
        match self.ways().separator {
            Some('\\') => "\"\\\\\"".to_owned(),
            Some(separator) => format!("\"{separator}\""),
            None => "NIL".to_owned(),
        }
    }

    /// Writes a line that ends in a folder's name, and what follows it.
    fn named(&mut self, before: &str, name: &str, after: &str) -> io::Result<()> {
        let name = if name.eq_ignore_ascii_case("INBOX") {
            self.ways().inbox
        } else {
            name
        };
        let plain = !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || "/.&-_".contains(c));
        let spelled = match self.ways().spelling {
            Spelling::Literal => format!("{{{}}}\r\n{name}", name.len()),
            Spelling::Atom if plain => name.to_owned(),
            _ => wire::quote(name),
        };
        let small = |text: &str| {
            if self.ways().small_letters {
                text.to_ascii_lowercase()
            } else {
                text.to_owned()
            }
        };
        let line = format!("{} {spelled}{}\r\n", small(before), small(after));
        self.writer.write_all(line.as_bytes())
    }

    fn list(&mut self, arguments: &[Token]) -> io::Result<()> {
        let pattern = arguments.get(1).map(Token::text).unwrap_or_default();
        if pattern.is_empty() {
            let separator = self.separator();
            return self.say(&format!("* LIST (\\Noselect) {separator} \"\""));
        }
        let folders = self.shared.mail.lock().unwrap().folders.clone();
        let separator = self.separator();
        for folder in folders {
            let same = folder.name == pattern
                || folder.name.eq_ignore_ascii_case("INBOX") && pattern.eq_ignore_ascii_case("INBOX");
            if pattern == "*" || same {
                self.named(&format!("* LIST ({}) {separator}", folder.attributes), &folder.name, "")?;
            }
        }
        Ok(())
    }

    fn create(&mut self, name: &str) -> String {
        let mut mail = self.shared.mail.lock().unwrap();
        let above = name.rsplit_once('/').and_then(|(above, _)| mail.folder(above));
        if above.is_some_and(|above| above.attributes.contains("\\NoInferiors")) {
            return "NO Archive takes none".to_owned();
        }
        mail.add(name, "");
        "OK made".to_owned()
    }

    fn status(&mut self, name: &str, arguments: &[Token]) -> io::Result<String> {
        let Some(folder) = self.shared.mail.lock().unwrap().folder(name).cloned() else {
            return Ok("NO [NONEXISTENT] no such folder".to_owned());
        };
        let items = arguments.get(1).map(|items| items.list().to_vec()).unwrap_or_default();
        let values: Vec<String> = items
            .iter()
            .map(|item| {
                let item = item.text().to_ascii_uppercase();
                let value = match item.as_str() {
                    "UIDNEXT" => folder.uid_next,
                    "UIDVALIDITY" => folder.uid_validity,
                    _ => u32::try_from(folder.messages.len()).unwrap(),
                };
                format!("{item} {value}")
            })
            .collect();
        self.named("* STATUS", &folder.name, &format!(" ({})", values.join(" ")))?;
        Ok("OK done".to_owned())
    }

    fn select(&mut self, name: &str, read_only: bool) -> io::Result<String> {
        self.open = None;
        let found = self.shared.mail.lock().unwrap().folder(name).cloned();
        let Some(folder) = found.filter(|folder| !folder.attributes.to_ascii_lowercase().contains("\\noselect")) else {
            return Ok("NO [NONEXISTENT] no such folder".to_owned());
        };
        let (recent, uid_next, keywords) = (self.ways().recent, self.ways().uid_next, self.ways().keywords);
        self.say("* FLAGS (\\Answered \\Flagged \\Draft \\Deleted \\Seen)")?;
        let own = if keywords { " \\*" } else { "" };
        self.say(&format!(
            "* OK [PERMANENTFLAGS (\\Answered \\Flagged \\Deleted \\Seen{own})] limited"
        ))?;
        self.say(&format!("* {} EXISTS", folder.messages.len()))?;
        if recent {
            self.say("* 0 RECENT")?;
        }
        self.say(&format!("* OK [UIDVALIDITY {}] epoch", folder.uid_validity))?;
        if uid_next {
            self.say(&format!("* OK [UIDNEXT {}] next", folder.uid_next))?;
        }
        self.open = Some(Open {
            name: folder.name.clone(),
            uid_validity: folder.uid_validity,
            read_only,
            known: folder.messages.iter().map(|message| message.uid).collect(),
        });
        let code = if read_only { "READ-ONLY" } else { "READ-WRITE" };
        Ok(format!("OK [{code}] open"))
    }

    /// Tells what has happened in the open folder. Nothing is told of ghosts.
    fn news(&mut self) -> io::Result<bool> {
        let Some(open) = &self.open else { return Ok(false) };
        let Some(folder) = self.shared.mail.lock().unwrap().folder(&open.name).cloned() else {
            return Ok(false);
        };
        if folder.uid_validity != open.uid_validity {
            self.say("* BYE the folder has been numbered anew")?;
            return Err(ErrorKind::ConnectionAborted.into());
        }
        let (mut known, mut lines) = (open.known.clone(), Vec::new());
        let there =
            |uid: &u32| folder.messages.iter().any(|message| message.uid == *uid) || folder.ghosts.contains(uid);
        while let Some(at) = known.iter().position(|uid| !there(uid)) {
            known.remove(at);
            lines.push(format!("* {} EXPUNGE", at + 1));
        }
        let before = known.len();
        known.extend(
            folder
                .messages
                .iter()
                .map(|message| message.uid)
                .filter(|uid| !open.known.contains(uid)),
        );
        if known.len() > before {
            lines.push(format!("* {} EXISTS", known.len()));
            if self.ways().chatty {
                lines.push(format!("* {} FETCH (FLAGS (\\Recent))", known.len()));
            }
        }
        for line in &lines {
            self.say(line)?;
        }
        if let Some(open) = &mut self.open {
            open.known = known;
        }
        Ok(!lines.is_empty())
    }

    fn idle(&mut self) -> io::Result<String> {
        if self.ways().fetch_before_plus {
            let count = self.open.as_ref().map_or(0, |open| open.known.len()).max(1);
            self.say(&format!("* {count} FETCH (FLAGS (\\Seen))"))?;
        }
        self.say("+ idling")?;
        let stream = self.writer;
        stream.set_read_timeout(Some(Duration::from_millis(20)))?;
        let mut spoken = Instant::now();
        let mut line = Vec::new();
        let answer = loop {
            match self.reader.read_until(b'\n', &mut line) {
                Ok(0) => break Err(ErrorKind::UnexpectedEof.into()),
                Ok(_) if line.trim_ascii().eq_ignore_ascii_case(b"DONE") => break Ok("OK idle done".to_owned()),
                Ok(_) => break Ok("BAD DONE was expected".to_owned()),
                Err(error) if [ErrorKind::WouldBlock, ErrorKind::TimedOut].contains(&error.kind()) => {}
                Err(error) => break Err(error),
            }
            if let Err(error) = self.news() {
                break Err(error);
            }
            if self.ways().still_here && spoken.elapsed() > Duration::from_millis(100) {
                self.say("* OK Still here")?;
                spoken = Instant::now();
            }
        };
        stream.set_read_timeout(None)?;
        answer
    }

    fn uid(&mut self, tag: &str, verb: &str, arguments: &[Token]) -> io::Result<String> {
        let Some((name, read_only)) = self.open.as_ref().map(|open| (open.name.clone(), open.read_only)) else {
            return Ok("BAD no folder is open".to_owned());
        };
        let word = |index: usize| arguments.get(index).map(Token::text).unwrap_or_default();
        let Some(folder) = self.shared.mail.lock().unwrap().folder(&name).cloned() else {
            return Ok("NO [NONEXISTENT] the folder has gone".to_owned());
        };
        match verb {
            "SEARCH" => {
                let set = arguments.last().map(Token::text).unwrap_or_default();
                let mut found: Vec<u32> = members(&folder, &set);
                found.extend(folder.ghosts.iter().filter(|_| self.shared.ways.made_up));
                found.sort_unstable();
                let found: Vec<String> = found.iter().map(u32::to_string).collect();
                match (self.ways().rev2, found.is_empty()) {
                    (true, true) => self.say(&format!("* ESEARCH (TAG \"{tag}\") UID"))?,
                    (true, false) => self.say(&format!("* ESEARCH (TAG \"{tag}\") UID ALL {}", found.join(",")))?,
                    _ => self.say(format!("* SEARCH {}", found.join(" ")).trim_end())?,
                }
                Ok("OK done".to_owned())
            }
            "FETCH" => self.fetch(
                &folder,
                &word(0),
                arguments.get(1).unwrap_or(&Token::List(Vec::new())),
                read_only,
            ),
            "STORE" => {
                let flags: Vec<String> = arguments
                    .get(2)
                    .map_or_else(Vec::new, |flags| flags.list().iter().map(Token::text).collect());
                if !self.ways().keywords && flags.iter().any(|flag| !flag.starts_with('\\')) {
                    return Ok("BAD Command Argument Error. 11".to_owned());
                }
                let mut mail = self.shared.mail.lock().unwrap();
                let uids = members(&folder, &word(0));
                for message in &mut mail.folder_mut(&name).unwrap().messages {
                    if uids.contains(&message.uid) {
                        for flag in &flags {
                            if word(1).starts_with('+') {
                                message.flags.insert(flag.clone());
                            } else {
                                message.flags.remove(flag);
                            }
                        }
                    }
                }
                Ok("OK done".to_owned())
            }
            "EXPUNGE" => {
                let uids = members(&folder, &word(0));
                let mut mail = self.shared.mail.lock().unwrap();
                let messages = &mut mail.folder_mut(&name).unwrap().messages;
                messages.retain(|message| !(uids.contains(&message.uid) && message.flags.contains("\\Deleted")));
                drop(mail);
                self.news()?;
                Ok("OK done".to_owned())
            }
            "MOVE" | "COPY" => self.transfer(verb, &folder, &word(0), &word(1)),
            other => Ok(format!("BAD UID {other} is unknown here")),
        }
    }

    fn transfer(&mut self, verb: &str, folder: &Folder, set: &str, to: &str) -> io::Result<String> {
        let (moving, copy_uid, gmail) = (self.ways().moving, self.ways().copy_uid, self.ways().gmail);
        let uids = members(folder, set);
        let mut mail = self.shared.mail.lock().unwrap();
        let Some(epoch) = mail.folder(to).map(|folder| folder.uid_validity) else {
            return Ok("NO [TRYCREATE] no such folder".to_owned());
        };
        if verb == "MOVE" && moving == Moving::Pretended {
            return Ok("OK moved".to_owned());
        }
        let each = |mail: &mut Mail, uid: u32| match verb {
            "MOVE" => mail.transfer(&folder.name, uid, to, gmail),
            _ => mail.copy(&folder.name, uid, to),
        };
        let pairs: Vec<(u32, u32)> = uids
            .iter()
            .filter_map(|uid| each(&mut mail, *uid).map(|copy| (*uid, copy)))
            .collect();
        drop(mail);
        let [from, into] = [0, 1].map(|side| {
            let numbers: Vec<String> = pairs
                .iter()
                .map(|(from, into)| if side == 0 { from } else { into }.to_string())
                .collect();
            numbers.join(",")
        });
        let code = format!("[COPYUID {epoch} {from} {into}]");
        if verb == "COPY" {
            let code = if copy_uid && !pairs.is_empty() {
                code
            } else {
                String::new()
            };
            return Ok(format!("OK {code} copied").replace("  ", " "));
        }
        if moving == Moving::Honest && !pairs.is_empty() {
            self.say(&format!("* OK {code} moved"))?;
        }
        self.news()?;
        Ok("OK done".to_owned())
    }

    fn fetch(&mut self, folder: &Folder, set: &str, items: &Token, read_only: bool) -> io::Result<String> {
        let wanted = Wanted::of(items.list());
        let uids = members(folder, set);
        if wanted.marks_seen && !(read_only && self.ways().examine_protects) {
            let mut mail = self.shared.mail.lock().unwrap();
            for message in &mut mail.folder_mut(&folder.name).unwrap().messages {
                if uids.contains(&message.uid) {
                    message.flags.insert("\\Seen".to_owned());
                }
            }
        }
        if self.ways().chatty {
            self.say("* 1 FETCH (FLAGS (\\Seen $Junk))")?;
        }
        for (index, message) in folder.messages.iter().enumerate() {
            if uids.contains(&message.uid) {
                let response = wanted.answer(index + 1, message, self.ways());
                self.writer.write_all(&response)?;
            }
        }
        if self.ways().made_up {
            for uid in folder.ghosts.iter().filter(|uid| within(**uid, set, folder)) {
                let response = wanted.made_up(folder.messages.len() + 1, *uid, self.ways());
                self.writer.write_all(&response)?;
            }
        }
        Ok("OK done".to_owned())
    }
}

/// The UIDs of a folder that a set names.
fn members(folder: &Folder, set: &str) -> Vec<u32> {
    let uids = folder.messages.iter().map(|message| message.uid);
    uids.filter(|uid| within(*uid, set, folder)).collect()
}

fn within(uid: u32, set: &str, folder: &Folder) -> bool {
    let last = folder.messages.last().map_or(0, |message| message.uid);
    let number = |text: &str| if text == "*" { last } else { text.parse().unwrap_or(0) };
    set.split(',').any(|part| {
        let (from, to) = part.split_once(':').unwrap_or((part, part));
        let (from, to) = (number(from), number(to));
        (from.min(to)..=from.max(to)).contains(&uid)
    })
}
