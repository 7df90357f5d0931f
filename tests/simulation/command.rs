//! Commands as a server reads them (RFC 9051 section 6): the closed list that the program may send, and nothing else. What
//! is not on it is a violation, whatever a real server would have answered.

use std::ops::RangeInclusive;

/// One command without its tag.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Command {
    Capability,
    Id,
    Namespace,
    Noop,
    Logout,
    Idle,
    /// AUTHENTICATE PLAIN with its initial response, or LOGIN: the password that was shown.
    Login(String),
    List {
        patterns: Vec<String>,
        /// RETURN (STATUS (...)): these items.
        status: Vec<String>,
    },
    Create(String),
    Subscribe(String),
    Status {
        folder: String,
        items: Vec<String>,
    },
    Select {
        folder: String,
        read_only: bool,
    },
    /// NOTIFY SET STATUS: the folders beside the selected one.
    Notify(Vec<String>),
    Fetch {
        set: Set,
        items: Items,
    },
    Search {
        set: Set,
        compact: bool,
    },
    Move {
        set: Set,
        to: String,
    },
    Copy {
        set: Set,
        to: String,
    },
    Store {
        set: Set,
        add: bool,
        flags: Vec<String>,
    },
    Expunge(Set),
    Append {
        folder: String,
        flags: Vec<String>,
        length: usize,
        /// The literal is announced with `+`: it comes without being asked for (RFC 7888).
        at_once: bool,
    },
}

/// A set of UIDs as it was written; `*` is `u32::MAX`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Set(Vec<RangeInclusive<u32>>);

/// What FETCH may ask for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Items {
    pub internal_date: bool,
    pub size: bool,
    pub email_id: bool,
    /// The names as they were written, and the most octets.
    pub header: Option<(Vec<String>, usize)>,
}

impl Set {
    fn parse(text: &str) -> Option<Self> {
        let number = |text: &str| if text == "*" { Some(u32::MAX) } else { text.parse().ok() };
        let range = |part: &str| match part.split_once(':') {
            Some((from, to)) => {
                let (from, to) = (number(from)?, number(to)?);
                Some(from.min(to)..=from.max(to))
            }
            None => number(part).map(|one| one..=one),
        };
        text.split(',').map(range).collect::<Option<Vec<_>>>().map(Self)
    }

    /// Those of `uids` (ascending) that are in the set; `*` is the last of them.
    pub fn of(&self, uids: &[u32]) -> Vec<u32> {
        let last = uids.last().copied().unwrap_or(0);
        let within = |uid: &u32| {
            self.0
                .iter()
                .any(|range| range.contains(uid) || (*range.end() == u32::MAX && *uid == last))
        };
        uids.iter().copied().filter(within).collect()
    }
}

impl Command {
    /// Reads one line; `Err` says why it is not allowed.
    pub fn parse(line: &str) -> Result<Self, String> {
        let not_allowed = || format!("not on the closed list: {line}");
        let words = Words(line).all();
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        let upper = words.first().map(|word| word.to_ascii_uppercase()).unwrap_or_default();
        let command = match (upper.as_str(), &words[1.min(words.len())..]) {
            ("CAPABILITY", []) => Self::Capability,
            ("ID", _) => Self::Id,
            ("NAMESPACE", []) => Self::Namespace,
            ("NOOP", []) => Self::Noop,
            ("LOGOUT", []) => Self::Logout,
            ("IDLE", []) => Self::Idle,
            ("LOGIN", [_, password]) => Self::Login((*password).to_owned()),
            ("AUTHENTICATE", ["PLAIN", initial]) => Self::Login((*initial).to_owned()),
            ("LIST", [_, pattern, rest @ ..]) => Self::list(pattern, rest),
            ("CREATE", [folder]) => Self::Create((*folder).to_owned()),
            ("SUBSCRIBE", [folder]) => Self::Subscribe((*folder).to_owned()),
            ("STATUS", [folder, items]) => Self::Status {
                folder: (*folder).to_owned(),
                items: list(items),
            },
            ("SELECT" | "EXAMINE", [folder]) => Self::Select {
                folder: (*folder).to_owned(),
                read_only: upper == "EXAMINE",
            },
            ("NOTIFY", ["SET", "STATUS", selected, rest @ ..]) if selected.starts_with("(selected ") => {
                Self::Notify(rest.first().map(|group| watched(group)).unwrap_or_default())
            }
            ("APPEND", [folder, flags, literal]) => Self::append(folder, flags, literal).ok_or_else(not_allowed)?,
            ("UID", [verb, set, rest @ ..]) => {
                Self::by_uid(&verb.to_ascii_uppercase(), set, rest).ok_or_else(not_allowed)?
            }
            _ => return Err(not_allowed()),
        };
        Ok(command)
    }

    fn list(pattern: &str, rest: &[&str]) -> Self {
        let patterns = match pattern.strip_prefix('(') {
            Some(_) => list(pattern),
            None => vec![pattern.to_owned()],
        };
        let returned = rest.get(1).copied().unwrap_or_default();
        let status = match returned.strip_prefix("(STATUS ") {
            Some(items) => list(items.strip_suffix(')').unwrap_or_default()),
            None => Vec::new(),
        };
        Self::List { patterns, status }
    }

    fn append(folder: &str, flags: &str, literal: &str) -> Option<Self> {
        let inside = literal.strip_prefix('{')?.strip_suffix('}')?;
        let at_once = inside.ends_with('+');
        Some(Self::Append {
            folder: folder.to_owned(),
            flags: list(flags),
            length: inside.trim_end_matches('+').parse().ok()?,
            at_once,
        })
    }

    fn by_uid(verb: &str, set: &str, rest: &[&str]) -> Option<Self> {
        if verb == "SEARCH" {
            let (compact, set) = match (set, rest) {
                ("UID", [set]) => (false, set),
                ("RETURN", ["(ALL)", "UID", set]) => (true, set),
                _ => return None,
            };
            return Some(Self::Search {
                set: Set::parse(set)?,
                compact,
            });
        }
        let set = Set::parse(set)?;
        Some(match (verb, rest) {
            ("FETCH", [items]) => Self::Fetch {
                set,
                items: Items::parse(items)?,
            },
            ("MOVE", [to]) => Self::Move {
                set,
                to: (*to).to_owned(),
            },
            ("COPY", [to]) => Self::Copy {
                set,
                to: (*to).to_owned(),
            },
            ("STORE", [how @ ("+FLAGS.SILENT" | "-FLAGS.SILENT"), flags]) => Self::Store {
                set,
                add: how.starts_with('+'),
                flags: list(flags),
            },
            ("EXPUNGE", []) => Self::Expunge(set),
            _ => return None,
        })
    }
}

impl Items {
    /// `None` for an item that is not allowed: no body, no setting of \Seen.
    fn parse(text: &str) -> Option<Self> {
        let mut items = Self::default();
        let inside = text.strip_prefix('(')?.strip_suffix(')')?;
        let (plain, header) = match inside.split_once("BODY.PEEK[HEADER.FIELDS (") {
            Some((plain, header)) => (plain, Some(header)),
            None => (inside, None),
        };
        if let Some(header) = header {
            let (names, rest) = header.split_once(")]<0.")?;
            let most = rest.strip_suffix('>')?.parse().ok()?;
            items.header = Some((names.split(' ').map(str::to_owned).collect(), most));
        }
        for item in plain.split_ascii_whitespace() {
            match item {
                "UID" | "FLAGS" => {}
                "INTERNALDATE" => items.internal_date = true,
                "RFC822.SIZE" => items.size = true,
                "EMAILID" => items.email_id = true,
                _ => return None,
            }
        }
        Some(items)
    }
}

/// The words of `(a "b c" d)`.
fn list(text: &str) -> Vec<String> {
    let inside = text
        .strip_prefix('(')
        .and_then(|text| text.strip_suffix(')'))
        .unwrap_or(text);
    Words(inside).all()
}

/// The folders of `(mailboxes ("a" "b") (MessageNew ...))`.
fn watched(group: &str) -> Vec<String> {
    let words = list(group);
    words.get(1).map(|folders| list(folders)).unwrap_or_default()
}

/// Splits a line at spaces that are neither in quotes nor in parentheses; quotes around a whole word are taken away.
struct Words<'a>(&'a str);

impl Words<'_> {
    fn all(&self) -> Vec<String> {
        let (mut words, mut word, mut depth, mut quoted, mut escaped) =
            (Vec::new(), String::new(), 0_u32, false, false);
        for c in self.0.chars() {
            let outside = depth == 0;
            match c {
                _ if escaped => {
                    escaped = false;
                    word.push(c);
                }
                '\\' if quoted => {
                    escaped = true;
                    if !outside {
                        word.push(c);
                    }
                }
                '"' => {
                    quoted = !quoted;
                    if !outside {
                        word.push(c);
                    }
                }
                ' ' if !quoted && outside => words.push(std::mem::take(&mut word)),
                _ => {
                    match c {
                        '(' | '[' if !quoted => depth += 1,
                        ')' | ']' if !quoted => depth = depth.saturating_sub(1),
                        _ => {}
                    }
                    word.push(c);
                }
            }
        }
        words.push(word);
        words
    }
}
