//! Thunderbird's `msgFilterRules.dat`: one `key="value"` a line, a filter from `name` to `condition`.

use super::Translation;
use super::draft::{Draft, Match, When, address_pattern, pattern, string};

/// A filter as far as it was read.
#[derive(Default)]
struct Filter {
    line: u32,
    name: String,
    enabled: bool,
    actions: Vec<(String, String)>,
}

/// Translates the file.
pub fn translate(text: &str) -> Translation {
    let mut translation = Translation::default();
    let mut filter: Option<Filter> = None;
    for (number, line) in text.lines().enumerate() {
        let number = number as u32 + 1;
        if line.trim().is_empty() {
            continue;
        }
        let Some((key, value)) = pair(line) else {
            translation.leave(number, line, "this is no line of a filter file");
            continue;
        };
        match (key, &mut filter) {
            ("name", _) => {
                filter = Some(Filter {
                    line: number,
                    name: value,
                    enabled: true,
                    ..Filter::default()
                });
            }
            ("enabled", Some(filter)) => filter.enabled = value == "yes",
            // When a filter runs is no question here: always on arrival.
            ("version" | "logging", _) | ("type" | "description" | "customId", Some(_)) => {}
            ("action", Some(filter)) => filter.actions.push((value, String::new())),
            ("actionValue", Some(filter)) => {
                if let Some((_, of)) = filter.actions.last_mut() {
                    *of = value;
                }
            }
            ("condition", Some(_)) => {
                if let Some(filter) = filter.take() {
                    finish(&mut translation, &filter, number, &value);
                }
            }
            _ => translation.leave(number, line, "this key is unknown"),
        }
    }
    if let Some(filter) = filter {
        translation.leave(filter.line, &filter.name, "the filter has no condition");
    }
    translation
}

fn pair(line: &str) -> Option<(&str, String)> {
    let (key, value) = line.trim().split_once('=')?;
    let value = value.strip_prefix('"')?.strip_suffix('"')?;
    Some((key, value.replace("\\\"", "\"")))
}

fn finish(translation: &mut Translation, filter: &Filter, line: u32, written: &str) {
    if !filter.enabled {
        return translation.leave(filter.line, &filter.name, "the filter is switched off");
    }
    let when = match condition(written) {
        Ok(when) => when,
        Err(why) => return translation.leave(line, written, why),
    };
    let mut actions: Vec<(&'static str, String)> = Vec::new();
    let (mut flags, mut copies, mut stops) = (Vec::new(), Vec::new(), false);
    let mut place: Option<(&'static str, String)> = None;
    for (action, value) in &filter.actions {
        match action.as_str() {
            "Move to folder" => place = Some(("move", string(&folder(value)))),
            "Copy to folder" => copies.push(string(&folder(value))),
            "Delete" => place = Some(("trash", "true".to_owned())),
            "JunkScore" if value == "100" => place = Some(("move", string("\\Junk"))),
            "JunkScore" => place = Some(("keep", "true".to_owned())),
            "Mark flagged" => flags.push(string("+flagged")),
            "AddTag" | "Label" => flags.push(string(&format!("+{value}"))),
            "Stop execution" => stops = true,
            other => translation.leave(
                filter.line,
                &format!("{}: {other} {value}", filter.name),
                "Postroom does not do this",
            ),
        }
    }
    let placed = place.is_some();
    actions.extend(place);
    if !copies.is_empty() {
        actions.push(("copy", format!("[{}]", copies.join(", "))));
    }
    if !flags.is_empty() {
        actions.push(("flags", format!("[{}]", flags.join(", "))));
    }
    if actions.is_empty() {
        if stops {
            actions.push(("keep", "true".to_owned()));
        } else {
            return translation.leave(filter.line, &filter.name, "nothing of what it does can be done here");
        }
    } else if !placed {
        actions.push(if stops {
            ("keep", "true".to_owned())
        } else {
            ("continue", "true".to_owned())
        });
    }
    translation.rules.push(Draft {
        name: filter.name.clone(),
        notes: Vec::new(),
        when,
        actions,
    });
}

/// `imap://user@host/A/B` or `mailbox://..`: the path behind the host, percent-decoded.
fn folder(uri: &str) -> String {
    let path = uri
        .split_once("://")
        .and_then(|(_, rest)| rest.split_once('/'))
        .map_or(uri, |(_, path)| path);
    let mut bytes = Vec::new();
    let mut rest = path.bytes();
    while let Some(byte) = rest.next() {
        let mut ahead = rest.clone();
        let digits = (ahead.next(), ahead.next());
        match (byte, digits) {
            (b'%', (Some(high), Some(low))) => match (char::from(high).to_digit(16), char::from(low).to_digit(16)) {
                (Some(high), Some(low)) => {
                    bytes.push((high * 16 + low) as u8);
                    rest = ahead;
                }
                _ => bytes.push(byte),
            },
            _ => bytes.push(byte),
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

/// `AND (from,contains,x) AND (subject,is,"y, z")`, the same with OR, or `ALL`.
fn condition(written: &str) -> Result<When, &'static str> {
    let written = written.trim();
    if written == "ALL" {
        return Ok(When::Key("from".to_owned(), string("*")));
    }
    let mut parts = Vec::new();
    let mut any = None;
    let mut rest = written;
    while !rest.is_empty() {
        let (word, behind) = rest.split_once('(').ok_or("a bracket is missing")?;
        let is_any = match word.trim() {
            "OR" => true,
            "AND" => false,
            _ => return Err("the condition is no list of AND or OR"),
        };
        if any.is_some_and(|any| any != is_any) {
            return Err("AND and OR are mixed");
        }
        any = Some(is_any);
        let (term, behind) = closing(behind).ok_or("a bracket is missing")?;
        parts.push(of_term(term)?);
        rest = behind.trim_start();
    }
    match (parts.len(), any) {
        (0, _) => Err("the condition is empty"),
        (1, _) => Ok(parts.remove(0)),
        (_, Some(true)) => Ok(When::Any(parts)),
        _ => Ok(When::All(parts)),
    }
}

/// The term up to its closing bracket, which may not stand in quotes.
fn closing(text: &str) -> Option<(&str, &str)> {
    let mut quoted = false;
    let mut escaped = false;
    for (at, c) in text.char_indices() {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            '"' => quoted = !quoted,
            ')' if !quoted => return Some((text.get(..at)?, text.get(at + 1..)?)),
            _ => {}
        }
    }
    None
}

fn of_term(term: &str) -> Result<When, &'static str> {
    // A header field of the user's own is quoted: ("X-List",contains,x).
    let (field, rest) = match term.strip_prefix('"').and_then(|rest| rest.split_once('"')) {
        Some((field, rest)) => (field, rest.strip_prefix(',').ok_or("a comma is missing")?),
        None => term.split_once(',').ok_or("a comma is missing")?,
    };
    let (how, value) = rest.split_once(',').ok_or("a comma is missing")?;
    let value = value.trim().trim_matches('"').replace("\\\"", "\"");
    if value.trim().is_empty() && how != "isn't empty" {
        return Err("the value is empty, which would match every message");
    }
    let key = match field {
        "from" | "subject" | "to" | "cc" => field.to_owned(),
        "to or cc" => "recipient".to_owned(),
        "size" => return of_size(how, &value),
        "age in days" => return of_age(how, &value),
        "body" => return Err("Postroom reads headers only"),
        "all addresses" => {
            let patterns = |key: &str| of_text(key, how, &value);
            return Ok(When::Any(vec![patterns("from")?, patterns("recipient")?]));
        }
        "date" | "status" | "priority" | "tag" | "junk status" | "has attachment status" => {
            return Err("this field has no counterpart");
        }
        header => format!("header.{}", string(header)),
    };
    of_text(&key, how, &value)
}

fn of_text(key: &str, how: &str, value: &str) -> Result<When, &'static str> {
    let (how, not) = match how {
        "contains" => (Match::Contains, false),
        "doesn't contain" => (Match::Contains, true),
        "is" => (Match::Is, false),
        "isn't" => (Match::Is, true),
        "begins with" => (Match::Begins, false),
        "ends with" => (Match::Ends, false),
        _ => return Err("this comparison has no counterpart"),
    };
    let is_address = ["from", "to", "cc", "recipient"].contains(&key);
    let pattern = if is_address {
        address_pattern(value, how)
    } else {
        pattern(value, how)
    };
    let when = When::Key(key.to_owned(), pattern);
    Ok(if not { when.negated() } else { when })
}

fn of_size(how: &str, value: &str) -> Result<When, &'static str> {
    let kib: u64 = value.parse().map_err(|_| "the size is no number")?;
    let key = match how {
        "is greater than" => "larger",
        "is less than" => "smaller",
        _ => return Err("this comparison has no counterpart"),
    };
    Ok(When::Key(key.to_owned(), string(&format!("{kib}k"))))
}

fn of_age(how: &str, value: &str) -> Result<When, &'static str> {
    let days: u64 = value.parse().map_err(|_| "the age is no number")?;
    let key = match how {
        "is greater than" => "older_than",
        "is less than" => "newer_than",
        _ => return Err("this comparison has no counterpart"),
    };
    Ok(When::Key(key.to_owned(), string(&format!("{days}d"))))
}
