//! Octets to commands (RFC 9051 sections 6 and 9). Total: whatever a client sends becomes a command or the text of a
//! `BAD`.

use super::command::{Command, FetchItem, FlagsChange, List, Request, SearchKey, Section, SectionText};
use super::scanner::{Scan, Scanner};

/// How deeply search keys may nest.
const DEEPEST_SEARCH: usize = 16;

/// Reads one command. `None` when not even a tag can be made out.
pub(super) fn request(octets: &[u8]) -> Option<Request> {
    let mut scanner = Scanner::new(octets);
    let tag = scanner.tag().ok()?;
    let mut name = String::new();
    let command = named(&mut scanner, &mut name);
    Some(Request { tag, name, command })
}

fn named(scanner: &mut Scanner<'_>, name: &mut String) -> Scan<Command> {
    scanner.space()?;
    *name = scanner.word()?;
    let uid = name == "UID";
    if uid {
        scanner.space()?;
        *name = format!("UID {}", scanner.word()?);
    }
    let command = arguments(scanner, name.strip_prefix("UID ").unwrap_or(name), uid)?;
    scanner.end()?;
    Ok(command)
}

fn arguments(scanner: &mut Scanner<'_>, verb: &str, uid: bool) -> Scan<Command> {
    if uid && !["FETCH", "SEARCH", "STORE", "COPY", "MOVE", "EXPUNGE"].contains(&verb) {
        return Err(format!("UID {verb} is no command"));
    }
    let bare = match verb {
        "CAPABILITY" => Some(Command::Capability),
        "NOOP" => Some(Command::Noop),
        "LOGOUT" => Some(Command::Logout),
        "NAMESPACE" => Some(Command::Namespace),
        "IDLE" => Some(Command::Idle),
        "CHECK" => Some(Command::Check),
        "CLOSE" => Some(Command::Close),
        "UNSELECT" => Some(Command::Unselect),
        "EXPUNGE" if !uid => Some(Command::Expunge),
        _ => None,
    };
    if let Some(command) = bare {
        return Ok(command);
    }
    scanner.space()?;
    match verb {
        "ID" => id(scanner),
        "LOGIN" => {
            let user = scanner.astring()?;
            scanner.space()?;
            Ok(Command::Login {
                user,
                password: scanner.astring()?,
            })
        }
        "AUTHENTICATE" => {
            let mechanism = scanner.word()?;
            let initial = if scanner.skip(b' ') {
                Some(scanner.astring()?)
            } else {
                None
            };
            Ok(Command::Authenticate { mechanism, initial })
        }
        "ENABLE" => {
            scanner.word()?;
            while scanner.skip(b' ') {
                scanner.word()?;
            }
            Ok(Command::Enable)
        }
        "SELECT" => Ok(Command::Select {
            mailbox: scanner.string()?,
            read_only: false,
        }),
        "EXAMINE" => Ok(Command::Select {
            mailbox: scanner.string()?,
            read_only: true,
        }),
        "CREATE" => create(scanner),
        "DELETE" => Ok(Command::Delete(scanner.string()?)),
        "RENAME" => {
            let from = scanner.string()?;
            scanner.space()?;
            Ok(Command::Rename {
                from,
                to: scanner.string()?,
            })
        }
        "SUBSCRIBE" => Ok(Command::Subscribe(scanner.string()?)),
        "UNSUBSCRIBE" => Ok(Command::Unsubscribe(scanner.string()?)),
        "LIST" => list(scanner).map(Command::List),
        "LSUB" => {
            let reference = scanner.string()?;
            scanner.space()?;
            Ok(Command::Lsub {
                reference,
                pattern: scanner.pattern()?,
            })
        }
        "STATUS" => {
            let mailbox = scanner.string()?;
            scanner.space()?;
            Ok(Command::Status {
                mailbox,
                items: scanner.list(Scanner::word)?,
            })
        }
        "APPEND" => append(scanner),
        "EXPUNGE" => Ok(Command::UidExpunge(scanner.number_set()?)),
        "FETCH" => {
            let set = scanner.number_set()?;
            scanner.space()?;
            Ok(Command::Fetch {
                uid,
                set,
                items: fetch_items(scanner, uid)?,
            })
        }
        "SEARCH" => search(scanner, uid),
        "STORE" => store(scanner, uid),
        "COPY" | "MOVE" => {
            let set = scanner.number_set()?;
            scanner.space()?;
            let to = scanner.string()?;
            Ok(if verb == "COPY" {
                Command::Copy { uid, set, to }
            } else {
                Command::Move { uid, set, to }
            })
        }
        _ => Err(format!("Unknown command {verb}")),
    }
}

/// `NIL` or a list of strings, whose content the server does not care about (RFC 2971).
fn id(scanner: &mut Scanner<'_>) -> Scan<Command> {
    if scanner.peek() == Some(b'(') {
        scanner.list(Scanner::astring)?;
    } else {
        scanner.word()?;
    }
    Ok(Command::Id)
}

/// A folder name, and a special use that is read and passed over (RFC 6154: CREATE-SPECIAL-USE is not announced).
fn create(scanner: &mut Scanner<'_>) -> Scan<Command> {
    let name = scanner.string()?;
    if scanner.skip(b' ') {
        scanner.list(|scanner| {
            scanner.word()?;
            scanner.space()?;
            scanner.list(|scanner| {
                scanner.expect(b'\\')?;
                scanner.word()
            })
        })?;
    }
    Ok(Command::Create(name))
}

fn list(scanner: &mut Scanner<'_>) -> Scan<List> {
    let mut list = List::default();
    if scanner.peek() == Some(b'(') {
        list.extended = true;
        for option in scanner.list(Scanner::word)? {
            match option.as_str() {
                "SUBSCRIBED" => list.only_subscribed = true,
                "SPECIAL-USE" => list.only_special_use = true,
                "REMOTE" | "RECURSIVEMATCH" => {}
                _ => return Err(format!("Unknown LIST selection option {option}")),
            }
        }
        scanner.space()?;
    }
    list.reference = scanner.string()?;
    scanner.space()?;
    if scanner.peek() == Some(b'(') {
        list.extended = true;
        list.patterns = scanner.list(Scanner::pattern)?;
    } else {
        list.patterns = vec![scanner.pattern()?];
    }
    if scanner.skip(b' ') {
        list.extended = true;
        if scanner.word()? != "RETURN" {
            return Err("expected RETURN".to_owned());
        }
        scanner.space()?;
        scanner.list(|scanner| {
            match scanner.word()?.as_str() {
                "SUBSCRIBED" => list.return_subscribed = true,
                "CHILDREN" | "SPECIAL-USE" => {}
                "STATUS" => {
                    scanner.space()?;
                    list.return_status = scanner.list(Scanner::word)?;
                }
                option => return Err(format!("Unknown LIST return option {option}")),
            }
            Ok(())
        })?;
    }
    Ok(list)
}

fn append(scanner: &mut Scanner<'_>) -> Scan<Command> {
    let mailbox = scanner.string()?;
    scanner.space()?;
    let flags = if scanner.peek() == Some(b'(') {
        let flags = scanner.flags()?;
        scanner.space()?;
        flags
    } else {
        std::collections::BTreeSet::new()
    };
    let internal_date = if scanner.peek() == Some(b'"') {
        let date = scanner.date_time()?;
        scanner.space()?;
        Some(date)
    } else {
        None
    };
    Ok(Command::Append {
        mailbox,
        flags,
        internal_date,
        bytes: scanner.literal()?,
    })
}

fn store(scanner: &mut Scanner<'_>, uid: bool) -> Scan<Command> {
    let set = scanner.number_set()?;
    scanner.space()?;
    let word = scanner.word()?;
    let (item, silent) = match word.strip_suffix(".SILENT") {
        Some(item) => (item, true),
        None => (word.as_str(), false),
    };
    let change = match item {
        "FLAGS" => FlagsChange::Replace,
        "+FLAGS" => FlagsChange::Add,
        "-FLAGS" => FlagsChange::Remove,
        _ => return Err(format!("STORE does not know {item}")),
    };
    scanner.space()?;
    Ok(Command::Store {
        uid,
        set,
        change,
        silent,
        flags: scanner.flags()?,
    })
}

fn fetch_items(scanner: &mut Scanner<'_>, uid: bool) -> Scan<Vec<FetchItem>> {
    let mut items = if scanner.peek() == Some(b'(') {
        scanner.list(fetch_item)?.into_iter().flatten().collect()
    } else {
        fetch_item(scanner)?
    };
    if uid && !items.contains(&FetchItem::Uid) {
        items.insert(0, FetchItem::Uid);
    }
    Ok(items)
}

/// One item, or the several of a macro.
fn fetch_item(scanner: &mut Scanner<'_>) -> Scan<Vec<FetchItem>> {
    use FetchItem::{Envelope, Flags, InternalDate, Size, Structure, Uid};
    let word = scanner.fetch_word()?;
    if scanner.peek() == Some(b'[') {
        return section(scanner, &word).map(|section| vec![FetchItem::Section(section)]);
    }
    let old = |label: &str, text, peek| {
        vec![FetchItem::Section(Section {
            label: label.to_owned(),
            part: Vec::new(),
            text,
            partial: None,
            peek,
        })]
    };
    Ok(match word.as_str() {
        "UID" => vec![Uid],
        "FLAGS" => vec![Flags],
        "INTERNALDATE" => vec![InternalDate],
        "RFC822.SIZE" => vec![Size],
        "ENVELOPE" => vec![Envelope],
        "BODYSTRUCTURE" => vec![Structure { extended: true }],
        "BODY" => vec![Structure { extended: false }],
        "FAST" => vec![Flags, InternalDate, Size],
        "ALL" => vec![Flags, InternalDate, Size, Envelope],
        "FULL" => vec![Flags, InternalDate, Size, Envelope, Structure { extended: false }],
        "RFC822" => old("RFC822", SectionText::All, false),
        "RFC822.HEADER" => old("RFC822.HEADER", SectionText::Header, true),
        "RFC822.TEXT" => old("RFC822.TEXT", SectionText::Text, false),
        _ => return Err(format!("Unknown parameter {word}")),
    })
}

/// `BODY[1.2.HEADER.FIELDS (From To)]<0.100>`, from the opening bracket on.
fn section(scanner: &mut Scanner<'_>, word: &str) -> Scan<Section> {
    let peek = match word {
        "BODY" => false,
        "BODY.PEEK" => true,
        _ => return Err(format!("{word} takes no section")),
    };
    scanner.expect(b'[')?;
    let mut part = Vec::new();
    while scanner.peek().is_some_and(|octet| octet.is_ascii_digit()) {
        part.push(scanner.number()?);
        if !scanner.skip(b'.') {
            break;
        }
    }
    let mut label: String = part.iter().map(u32::to_string).collect::<Vec<_>>().join(".");
    let mut text = SectionText::All;
    if scanner.peek() != Some(b']') {
        let name = scanner.fetch_word()?;
        text = match name.as_str() {
            "HEADER" => SectionText::Header,
            "TEXT" => SectionText::Text,
            "MIME" if !part.is_empty() => SectionText::Mime,
            "HEADER.FIELDS" | "HEADER.FIELDS.NOT" => {
                scanner.space()?;
                let names = scanner.list(|scanner| Ok(scanner.string()?.to_ascii_uppercase()))?;
                SectionText::Fields {
                    names,
                    except: name == "HEADER.FIELDS.NOT",
                }
            }
            _ => return Err(format!("Unknown section {name}")),
        };
        if !label.is_empty() {
            label.push('.');
        }
        label.push_str(&name);
        if let SectionText::Fields { names, .. } = &text {
            label = format!("{label} ({})", names.join(" "));
        }
    }
    scanner.expect(b']')?;
    let mut label = format!("BODY[{label}]");
    let mut partial = None;
    if scanner.skip(b'<') {
        let from = scanner.number()?;
        scanner.expect(b'.')?;
        partial = Some((from, scanner.number()?));
        scanner.expect(b'>')?;
        label = format!("{label}<{from}>");
    }
    Ok(Section {
        label,
        part,
        text,
        partial,
        peek,
    })
}

fn search(scanner: &mut Scanner<'_>, uid: bool) -> Scan<Command> {
    let mut ahead = scanner.clone();
    if ahead.word().is_ok_and(|word| word == "CHARSET") {
        ahead.space()?;
        let charset = ahead.string()?;
        if !["UTF-8", "US-ASCII"].contains(&charset.to_ascii_uppercase().as_str()) {
            return Err(format!("the charset {charset} is not known here, UTF-8 is"));
        }
        ahead.space()?;
        *scanner = ahead;
    }
    let mut keys = vec![search_key(scanner, 0)?];
    while scanner.skip(b' ') {
        keys.push(search_key(scanner, 0)?);
    }
    Ok(Command::Search {
        uid,
        key: SearchKey::And(keys),
    })
}

fn search_key(scanner: &mut Scanner<'_>, depth: usize) -> Scan<SearchKey> {
    if depth > DEEPEST_SEARCH {
        return Err("search keys are nested too deeply".to_owned());
    }
    match scanner.peek() {
        Some(b'(') => {
            return scanner
                .list(|scanner| search_key(scanner, depth + 1))
                .map(SearchKey::And);
        }
        Some(b'*' | b'0'..=b'9') => return scanner.number_set().map(SearchKey::Sequence),
        _ => {}
    }
    let word = scanner.word()?;
    let flag = |flag: &str| SearchKey::Flag(flag.to_owned());
    let no_flag = |flag: &str| SearchKey::NotFlag(flag.to_owned());
    let simple = match word.as_str() {
        "ALL" | "OLD" => Some(SearchKey::All),
        "NEW" | "RECENT" => Some(SearchKey::Never),
        "ANSWERED" => Some(flag("\\Answered")),
        "DELETED" => Some(flag("\\Deleted")),
        "DRAFT" => Some(flag("\\Draft")),
        "FLAGGED" => Some(flag("\\Flagged")),
        "SEEN" => Some(flag("\\Seen")),
        "UNANSWERED" => Some(no_flag("\\Answered")),
        "UNDELETED" => Some(no_flag("\\Deleted")),
        "UNDRAFT" => Some(no_flag("\\Draft")),
        "UNFLAGGED" => Some(no_flag("\\Flagged")),
        "UNSEEN" => Some(no_flag("\\Seen")),
        _ => None,
    };
    if let Some(key) = simple {
        return Ok(key);
    }
    scanner.space()?;
    Ok(match word.as_str() {
        "BCC" | "CC" | "FROM" | "SUBJECT" | "TO" => SearchKey::Header {
            name: word.to_ascii_lowercase(),
            word: lower(scanner)?,
        },
        "HEADER" => {
            let name = lower(scanner)?;
            scanner.space()?;
            SearchKey::Header {
                name,
                word: lower(scanner)?,
            }
        }
        "BODY" => SearchKey::Body(lower(scanner)?),
        "TEXT" => SearchKey::Text(lower(scanner)?),
        "KEYWORD" => SearchKey::Flag(scanner.flag()?),
        "UNKEYWORD" => SearchKey::NotFlag(scanner.flag()?),
        "BEFORE" => SearchKey::Before(scanner.date()?),
        "SINCE" => SearchKey::Since(scanner.date()?),
        "ON" => SearchKey::On(scanner.date()?),
        "SENTBEFORE" => SearchKey::SentBefore(scanner.date()?),
        "SENTSINCE" => SearchKey::SentSince(scanner.date()?),
        "SENTON" => SearchKey::SentOn(scanner.date()?),
        "LARGER" => SearchKey::Larger(scanner.number()?),
        "SMALLER" => SearchKey::Smaller(scanner.number()?),
        "UID" => SearchKey::Uid(scanner.number_set()?),
        "NOT" => SearchKey::Not(Box::new(search_key(scanner, depth + 1)?)),
        "OR" => {
            let one = search_key(scanner, depth + 1)?;
            scanner.space()?;
            SearchKey::Or(Box::new(one), Box::new(search_key(scanner, depth + 1)?))
        }
        _ => return Err(format!("Unknown argument {word}")),
    })
}

fn lower(scanner: &mut Scanner<'_>) -> Scan<String> {
    Ok(scanner.string()?.to_lowercase())
}
