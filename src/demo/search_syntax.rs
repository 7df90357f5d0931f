//! What a SEARCH looks for (RFC 9051 section 6.4.4).

use super::command::{Command, SearchKey};
use super::scanner::{Scan, Scanner};

/// How deeply search keys may nest.
const DEEPEST_SEARCH: usize = 16;

/// Everything behind `SEARCH `.
pub(super) fn search(scanner: &mut Scanner<'_>, uid: bool) -> Scan<Command> {
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
