//! Octets to commands (RFC 9051 sections 6 and 9). Total: whatever a client sends becomes a command or the text of a
//! `BAD`.

use super::command::{Command, FlagsChange, List, Request};
use super::fetch_syntax::fetch_items;
use super::notify::notify;
use super::scanner::{Scan, Scanner};
use super::search_syntax::search;

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
        "NOTIFY" => notify(scanner).map(Command::Notify),
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
