//! Folders: how the user's spelling meets the server's, and what STATUS says.
//!
//! The program spells `Work/Invoices`; the server may want `INBOX.Work.Invoices`, in modified UTF-7. `Names` maps
//! between the two by separator and prefix (RFC 2342 NAMESPACE, RFC 9051 section 6.3.9 LIST), and keeps the raw name of
//! every folder that was listed, so that a name we cannot spell is still named back byte for byte.

use std::collections::BTreeMap;

use async_imap::imap_proto::StatusAttribute;

use super::error::ImapError;
use super::session::Session;
use super::utf7;
use crate::sort::mailbox::{Mailbox, Uid, UidValidity};

/// A folder as STATUS describes it (RFC 9051 section 6.3.11).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Status {
    /// Epoch of the UIDs.
    pub uid_validity: UidValidity,
    /// The next message's UID at least.
    pub uid_next: Uid,
    /// Messages in the folder.
    pub messages: u32,
    /// RFC 7162, where offered.
    pub highest_modseq: Option<u64>,
}

/// The two spellings of folder names.
#[derive(Debug, Clone, Default)]
pub(super) struct Names {
    separator: Option<char>,
    /// The personal namespace's prefix as on the wire, such as `INBOX.`.
    prefix: String,
    /// Names are UTF-8 on the wire: the server speaks IMAP4rev2 and nothing older (RFC 9051 section 5.1).
    utf8: bool,
    raw: BTreeMap<Mailbox, String>,
}

/// A `/` inside a folder's name on a server whose levels are parted by another character.
const SLASH: char = '\u{2215}';

impl Names {
    /// From the lines of a NAMESPACE response; no prefix, and the separator that LIST told, when there was none.
    pub(super) fn new(lines: &[Box<[u8]>], separator: Option<char>) -> Self {
        let personal = lines
            .iter()
            .filter_map(|line| std::str::from_utf8(line).ok())
            .find_map(|line| {
                let mut strings = line
                    .strip_prefix("* ")?
                    .get("NAMESPACE ".len()..)?
                    .strip_prefix("((")?
                    .split('"');
                let prefix = strings.nth(1)?.to_owned();
                let between = strings.next()?;
                let separator = if between.trim().is_empty() {
                    strings.next()?.chars().last()
                } else {
                    None
                };
                Some(Self {
                    separator,
                    prefix,
                    ..Self::default()
                })
            });
        personal.unwrap_or_else(|| Self {
            separator: separator.or(Some('/')),
            ..Self::default()
        })
    }

    /// The same names, in UTF-8 on the wire instead of modified UTF-7.
    pub(super) fn in_utf8(mut self, utf8: bool) -> Self {
        self.utf8 = utf8;
        self
    }

    fn encoded(&self, name: &str) -> String {
        if self.utf8 { name.to_owned() } else { utf7::encode(name) }
    }

    /// The name on the wire, not quoted.
    pub(super) fn to_wire(&self, mailbox: &Mailbox) -> Result<String, ImapError> {
        let wire = self.spell(mailbox)?;
        // A server may list such a name in a literal; it cannot be sent back in a quoted string.
        if wire.contains(['\r', '\n', '\0']) {
            return Err(ImapError::Unsupported {
                what: "a folder's name holds a line break; it cannot be used".to_owned(),
            });
        }
        Ok(wire)
    }

    fn spell(&self, mailbox: &Mailbox) -> Result<String, ImapError> {
        if let Some(raw) = self.raw.get(mailbox) {
            return Ok(raw.clone());
        }
        if mailbox.is_inbox() {
            return Ok("INBOX".to_owned());
        }
        let name = mailbox.as_str();
        let below_inbox = self
            .prefix
            .eq_ignore_ascii_case(&format!("INBOX{}", self.separator.unwrap_or('.')));
        let name = name.strip_prefix("INBOX/").filter(|_| below_inbox).unwrap_or(name);
        let Some(separator) = self.separator else {
            return Ok(format!("{}{}", self.prefix, self.encoded(name)));
        };
        let mut wire = self.prefix.clone();
        for (depth, level) in name.split('/').enumerate() {
            if level.is_empty() || (separator != '/' && level.contains(separator)) {
                return Err(ImapError::Unsupported {
                    what: format!(
                        "a folder cannot be called \"{name}\" here: this server parts levels by '{separator}'"
                    ),
                });
            }
            if depth > 0 {
                wire.push(separator);
            }
            wire.push_str(&self.encoded(&level.replace(SLASH, "/")));
        }
        Ok(wire)
    }

    /// The user's spelling of a name on the wire.
    fn read(&self, wire: &str, separator: Option<char>) -> Mailbox {
        if wire.eq_ignore_ascii_case("INBOX") {
            return Mailbox::inbox();
        }
        let bare = match wire.get(..self.prefix.len()) {
            Some(prefix) if prefix.eq_ignore_ascii_case(&self.prefix) && wire.len() > prefix.len() => {
                wire.get(prefix.len()..).unwrap_or(wire)
            }
            _ => wire,
        };
        let level = |level: &str| {
            let text = utf7::decode(level)
                .filter(|_| !self.utf8)
                .unwrap_or_else(|| level.to_owned());
            if separator == Some('/') {
                text
            } else {
                text.replace('/', "\u{2215}")
            }
        };
        match separator {
            Some(separator) => Mailbox::new(bare.split(separator).map(level).collect::<Vec<_>>().join("/")),
            None => Mailbox::new(level(bare)),
        }
    }

    /// The user's spelling of a name that the server mentions in passing.
    pub(super) fn named(&self, wire: &str) -> Mailbox {
        self.read(wire, self.separator)
    }

    /// Notes a name that the server has listed, and returns the user's spelling.
    pub(super) fn learn(&mut self, wire: &str, separator: Option<char>) -> Mailbox {
        if separator.is_some() && self.separator.is_none() {
            self.separator = separator;
        }
        let mailbox = self.read(wire, separator.or(self.separator));
        // Where two raw names read the same, the one that we would write ourselves is meant.
        let canonical = self.spelled().to_wire(&mailbox).is_ok_and(|own| own == wire);
        if canonical || !self.raw.contains_key(&mailbox) {
            self.raw.insert(mailbox.clone(), wire.to_owned());
        }
        mailbox
    }

    /// Forgets the listed names before they are listed anew.
    pub(super) fn forget(&mut self) {
        self.raw.clear();
    }

    /// The mapping without anything learned.
    fn spelled(&self) -> Self {
        Self {
            separator: self.separator,
            prefix: self.prefix.clone(),
            utf8: self.utf8,
            raw: BTreeMap::new(),
        }
    }
}

/// A quoted string (RFC 9051 section 4.3).
pub(super) fn quote(text: &str) -> String {
    let mut quoted = String::with_capacity(text.len() + 2);
    quoted.push('"');
    for c in text.chars() {
        if matches!(c, '"' | '\\') {
            quoted.push('\\');
        }
        quoted.push(c);
    }
    quoted.push('"');
    quoted
}

/// imap-proto leaves the backslashes of quoted strings in.
pub(super) fn unquoted(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    let mut escaped = false;
    for c in text.chars() {
        if c == '\\' && !escaped {
            escaped = true;
        } else {
            if escaped && !matches!(c, '"' | '\\') {
                plain.push('\\');
            }
            plain.push(c);
            escaped = false;
        }
    }
    if escaped {
        plain.push('\\');
    }
    plain
}

impl Session {
    /// The state of each folder that exists, without selecting it: one command where the server has LIST-STATUS, else
    /// one STATUS a folder, all in one flight.
    pub async fn status(&mut self, mailboxes: &[Mailbox]) -> Result<BTreeMap<Mailbox, Status>, ImapError> {
        let items = if self.capabilities().condstore {
            "(UIDVALIDITY UIDNEXT MESSAGES HIGHESTMODSEQ)"
        } else {
            "(UIDVALIDITY UIDNEXT MESSAGES)"
        };
        let together = self.capabilities().list_status && self.capabilities().list_extended;
        let mut patterns = Vec::new();
        let mut single = Vec::new();
        let mut asked = Vec::new();
        for mailbox in mailboxes {
            let wire = self.names().to_wire(mailbox)?;
            // `INBOX/Top` and `Top` are one folder where the prefix is `INBOX.`; the answer comes under one name.
            asked.push((mailbox, self.names().named(&wire)));
            // In LIST a star would be a wildcard.
            if together && !wire.contains(['*', '%']) {
                patterns.push(quote(&wire));
            } else {
                single.push(quote(&wire));
            }
        }
        self.forget_status(asked.iter().map(|(_, named)| named));
        let mut commands: Vec<(&'static str, String)> = single
            .into_iter()
            .map(|wire| ("STATUS", format!("STATUS {wire} {items}")))
            .collect();
        for patterns in patterns.chunks(100) {
            commands.push((
                "LIST",
                format!("LIST \"\" ({}) RETURN (STATUS {items})", patterns.join(" ")),
            ));
        }
        for commands in commands.chunks(16) {
            for completion in self.exec_all(commands).await? {
                let bad = completion.clone();
                if let Err(ImapError::Refused { bad: true, .. }) = bad.ok("STATUS") {
                    completion.ok("STATUS")?;
                }
            }
        }
        Ok(asked
            .into_iter()
            .filter_map(|(mailbox, named)| Some((mailbox.clone(), self.known_status(&named)?)))
            .collect())
    }
}

/// The parts of a STATUS answer, `None` when the parts we live by are missing.
pub(super) fn status_of(attributes: &[StatusAttribute]) -> Option<Status> {
    let (mut uid_validity, mut uid_next, mut messages, mut highest_modseq) = (None, None, None, None);
    for attribute in attributes {
        match attribute {
            StatusAttribute::UidValidity(value) => uid_validity = Some(UidValidity(*value)),
            StatusAttribute::UidNext(value) => uid_next = Some(Uid(*value)),
            StatusAttribute::Messages(value) => messages = Some(*value),
            StatusAttribute::HighestModSeq(value) => highest_modseq = Some(*value),
            _ => {}
        }
    }
    Some(Status {
        uid_validity: uid_validity?,
        uid_next: uid_next?,
        messages: messages?,
        highest_modseq,
    })
}
