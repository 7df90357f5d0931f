//! The closed list of commands (invariant S11), the allow-list of FETCH items (S12) and what else no session of the
//! program may ever say. Pure: a command line in, a complaint out.

use std::collections::BTreeSet;

use super::wire::{self, Token};

/// What the judge of one connection remembers.
#[derive(Debug, Clone, Default)]
pub struct Session {
    /// Capabilities the server has announced in the last list it sent.
    pub capabilities: BTreeSet<String>,
    /// The open folder was opened by EXAMINE.
    pub read_only: bool,
    /// Some folder is open.
    pub open: bool,
}

/// What a test allows beyond the list.
#[derive(Debug, Clone, Copy)]
pub struct Allowance {
    /// Longest command line in bytes, literals not counted.
    pub line: usize,
    /// BODYSTRUCTURE, where a rule of the test asks for attachments.
    pub body_structure: bool,
    /// APPEND, where the test has switched the digest on.
    pub digest: bool,
    /// The conditional STORE of a claim, where the test has switched `claim = true` on.
    pub claim: bool,
}

impl Default for Allowance {
    fn default() -> Self {
        Self {
            line: 8_192,
            body_structure: false,
            digest: false,
            claim: false,
        }
    }
}

/// Items of FETCH that tell nothing of a message's text.
const FETCH_ITEMS: [&str; 7] = [
    "UID",
    "FLAGS",
    "INTERNALDATE",
    "RFC822.SIZE",
    "MODSEQ",
    "EMAILID",
    "X-GM-MSGID",
];

/// Commands that take whatever arguments they like.
const HARMLESS: [&str; 13] = [
    "CAPABILITY",
    "ID",
    "STARTTLS",
    "LOGIN",
    "AUTHENTICATE",
    "NAMESPACE",
    "LIST",
    "STATUS",
    "SUBSCRIBE",
    "NOOP",
    "IDLE",
    "NOTIFY",
    "LOGOUT",
];

/// Judges one whole command (`tag verb ...`, literals in place).
pub fn judge(session: &mut Session, allowance: Allowance, command: &[u8]) -> Result<(), String> {
    let shown = || {
        let text = String::from_utf8_lossy(command).trim_end().to_owned();
        text.chars().take(200).collect::<String>()
    };
    judge_words(session, allowance, command).map_err(|why| format!("{why}: {}", shown()))
}

fn judge_words(session: &mut Session, allowance: Allowance, command: &[u8]) -> Result<(), String> {
    let first_line = command.split(|&byte| byte == b'\n').next().unwrap_or_default();
    if first_line.len() > allowance.line {
        return Err(format!("a line of {} bytes", first_line.len()));
    }
    if first_line.contains(&0) {
        return Err("a NUL in a line".to_owned());
    }
    let words = wire::tokens(command);
    let [_, verb, arguments @ ..] = words.as_slice() else {
        return Err("no command".to_owned());
    };
    let verb = verb.text().to_ascii_uppercase();
    needs(session, &verb)?;
    match verb.as_str() {
        "SELECT" | "EXAMINE" => {
            session.open = true;
            session.read_only = verb == "EXAMINE";
            Ok(())
        }
        "UNSELECT" => {
            session.open = false;
            Ok(())
        }
        "UID" => {
            let [verb, arguments @ ..] = arguments else {
                return Err("UID of nothing".to_owned());
            };
            judge_uid(session, allowance, &verb.text().to_ascii_uppercase(), arguments)
        }
        "CREATE" => match arguments {
            [_] => Ok(()),
            [_, Token::List(_)] if session.capabilities.contains("CREATE-SPECIAL-USE") => Ok(()),
            _ => Err("CREATE with parameters".to_owned()),
        },
        "ENABLE" => {
            let unknown = arguments.iter().map(Token::text).find(|word| {
                !["CONDSTORE", "QRESYNC", "UTF8=ACCEPT"]
                    .iter()
                    .any(|known| known.eq_ignore_ascii_case(word))
            });
            unknown.map_or(Ok(()), |word| Err(format!("ENABLE {word}")))
        }
        "APPEND" => judge_append(allowance, arguments),
        harmless if HARMLESS.contains(&harmless) => Ok(()),
        other => Err(format!("{other} is not in the closed list")),
    }
}

/// A command that belongs to an extension waits until the server has announced the extension.
fn needs(session: &Session, verb: &str) -> Result<(), String> {
    let extension = match verb {
        "ID" | "IDLE" | "NOTIFY" | "NAMESPACE" | "ENABLE" | "UNSELECT" | "STARTTLS" | "MOVE" => verb,
        "EXPUNGE" => "UIDPLUS",
        "UNCHANGEDSINCE" => "CONDSTORE",
        _ => return Ok(()),
    };
    let rev2 = extension != "ID" && extension != "NOTIFY" && session.capabilities.contains("IMAP4REV2");
    if rev2 || session.capabilities.contains(extension) {
        return Ok(());
    }
    Err(format!("{verb} without the capability {extension}"))
}

fn judge_uid(session: &Session, allowance: Allowance, verb: &str, arguments: &[Token]) -> Result<(), String> {
    if !session.open {
        return Err("a UID command with no folder open".to_owned());
    }
    let changes = ["MOVE", "COPY", "STORE", "EXPUNGE"].contains(&verb);
    if changes {
        // EXAMINE is no safety net: Dovecot moves all the same.
        if session.read_only {
            return Err("a change in a folder opened by EXAMINE".to_owned());
        }
        needs(session, verb)?;
        let set = arguments.first().map(Token::text).unwrap_or_default();
        if set.is_empty() || !set.chars().all(|c| c.is_ascii_digit() || c == ',' || c == ':') {
            return Err(format!("a change to the open-ended set {set:?}"));
        }
    }
    match verb {
        "FETCH" => judge_fetch(allowance, arguments),
        "STORE" => judge_store(session, allowance, arguments),
        "SEARCH" | "MOVE" | "COPY" | "EXPUNGE" => Ok(()),
        other => Err(format!("UID {other} is not in the closed list")),
    }
}

fn judge_fetch(allowance: Allowance, arguments: &[Token]) -> Result<(), String> {
    let [_, items, ..] = arguments else {
        return Err("FETCH of nothing".to_owned());
    };
    let single = std::slice::from_ref(items);
    let items = if let Token::List(items) = items {
        items.as_slice()
    } else {
        single
    };
    for item in items {
        let item = item.text().to_ascii_uppercase();
        let header = item.starts_with("BODY.PEEK[HEADER]") || item.starts_with("BODY.PEEK[HEADER.FIELDS (");
        let structure = allowance.body_structure && item == "BODYSTRUCTURE";
        if !header && !structure && !FETCH_ITEMS.contains(&item.as_str()) {
            return Err(format!("FETCH item {item}"));
        }
    }
    Ok(())
}

/// What a claim's keyword begins with.
const CLAIM: &str = "$PostroomClaim-";

fn judge_store(session: &Session, allowance: Allowance, arguments: &[Token]) -> Result<(), String> {
    let at = arguments
        .iter()
        .position(|word| word.text().to_ascii_uppercase().contains("FLAGS"));
    let Some((action, flags)) = at.and_then(|at| Some((arguments.get(at)?, arguments.get(at + 1..)?))) else {
        return Err("STORE of something that is no flag".to_owned());
    };
    let action = action.text().to_ascii_uppercase();
    if action != "+FLAGS.SILENT" && action != "-FLAGS.SILENT" {
        return Err(format!("STORE {action}"));
    }
    let flags = flags.iter().flat_map(|word| match word {
        Token::List(members) => members.iter().map(Token::text).collect(),
        other => vec![other.text()],
    });
    let flags: Vec<String> = flags.collect();
    let claims = flags.iter().filter(|flag| flag.starts_with(CLAIM)).count();
    if claims > 0 && !allowance.claim {
        return Err("a claim, and the test has none".to_owned());
    }
    if claims > 0 && claims < flags.len() {
        return Err("a claim together with other flags".to_owned());
    }
    // `(UNCHANGEDSINCE n)` stands between the set and the action.
    if at != Some(1) {
        needs(session, "UNCHANGEDSINCE")?;
        if claims == 0 || action != "+FLAGS.SILENT" {
            return Err("a conditional STORE that is no claim".to_owned());
        }
    }
    for flag in flags {
        if flag.eq_ignore_ascii_case("\\Seen") || flag.eq_ignore_ascii_case("\\Recent") {
            return Err(format!("STORE of {flag}"));
        }
    }
    Ok(())
}

fn judge_append(allowance: Allowance, arguments: &[Token]) -> Result<(), String> {
    let Some(Token::Literal(message)) = arguments.last() else {
        return Err("APPEND without a literal".to_owned());
    };
    let text = String::from_utf8_lossy(message).to_ascii_lowercase();
    let header = text.split("\r\n\r\n").next().unwrap_or_default();
    if !allowance.digest {
        return Err("APPEND, and the test has no digest".to_owned());
    }
    // RFC 3834: what a program wrote by itself says so.
    if !header.contains("\r\nauto-submitted: auto-generated") {
        return Err("APPEND of something that is not the digest".to_owned());
    }
    Ok(())
}
