//! imapfilter's Lua, in its simple form: `results = account.INBOX:contain_from('x') * ...` and `results:move_messages(..)`.
//!
//! Lua is a programming language; what is no such line is listed, not guessed.

use std::collections::BTreeMap;

use super::Translation;
use super::draft::{Draft, Match, When, address_pattern, pattern, string};

/// Translates a script.
pub fn translate(script: &str) -> Translation {
    let mut translation = Translation::default();
    let mut results: BTreeMap<String, When> = BTreeMap::new();
    for (number, line) in script.lines().enumerate() {
        let number = number as u32 + 1;
        let code = without_comment(line).trim().trim_end_matches(';').trim_end();
        if code.is_empty() || is_setting(code) {
            continue;
        }
        let done = match (assignment(code), action(code)) {
            (Some((name, expression)), _) => {
                // A selection that could not be read must not leave an older one of that name to be acted on.
                results.remove(name);
                expression_of(expression).map(|when| {
                    results.insert(name.to_owned(), when);
                })
            }
            (None, Some((subject, verb, argument))) => {
                let when = match results.get(subject) {
                    Some(when) => Ok(when.clone()),
                    None => expression_of(subject),
                };
                when.and_then(|when| rule(&mut translation, number, verb, argument, when))
            }
            (None, None) => Err("only selections and actions on them are translated"),
        };
        if let Err(why) = done {
            translation.leave(number, line, why);
        }
    }
    translation
}

fn without_comment(line: &str) -> &str {
    let mut quote = None;
    let mut previous = ' ';
    for (at, c) in line.char_indices() {
        match (quote, c) {
            (None, '\'' | '"') => quote = Some(c),
            (Some(open), c) if c == open && previous != '\\' => quote = None,
            (None, '-') if previous == '-' => return line.get(..at - 1).unwrap_or(line),
            _ => {}
        }
        previous = c;
    }
    line
}

/// Options and accounts say how to connect, not what to do.
fn is_setting(code: &str) -> bool {
    code.starts_with("options.")
        || code.contains("IMAP {")
        || code.contains("IMAP{")
        || matches!(code, "}" | "{")
        || ["server", "username", "password", "port", "ssl"].iter().any(|key| {
            code.strip_prefix(key)
                .is_some_and(|rest| rest.trim_start().starts_with('='))
        })
}

fn assignment(code: &str) -> Option<(&str, &str)> {
    let (name, expression) = code.split_once('=')?;
    let name = name.trim().trim_start_matches("local ").trim();
    let word = !name.is_empty() && name.chars().all(|c| c.is_alphanumeric() || c == '_');
    word.then(|| (name, expression.trim()))
}

/// `subject:verb(argument)`, the last call of the line.
fn action(code: &str) -> Option<(&str, &str, &str)> {
    let (before, argument) = split_last_call(code)?;
    let (subject, verb) = before.rsplit_once(':')?;
    let known = verb.ends_with("_messages") || verb.starts_with("mark_") || verb.starts_with("add_flags");
    known.then(|| (subject.trim(), verb, argument.trim()))
}

fn split_last_call(code: &str) -> Option<(&str, &str)> {
    let inner = code.strip_suffix(')')?;
    let open = inner.rfind(":move_messages(").map(|at| at + ":move_messages".len());
    let open = open.or_else(|| inner.rfind(":copy_messages(").map(|at| at + ":copy_messages".len()));
    let open = open.or_else(|| inner.rfind('('))?;
    Some((inner.get(..open)?, inner.get(open + 1..)?))
}

fn rule(translation: &mut Translation, line: u32, verb: &str, argument: &str, when: When) -> Result<(), &'static str> {
    let yes = || "true".to_owned();
    let folder = || {
        folder(argument)
            .map(|folder| string(&folder))
            .ok_or("the folder is computed")
    };
    let actions = match verb {
        "move_messages" => vec![("move", folder()?)],
        "copy_messages" => vec![("copy", folder()?), ("continue", yes())],
        "delete_messages" => vec![("trash", yes())],
        "mark_flagged" => vec![("flags", "[\"+flagged\"]".to_owned()), ("continue", yes())],
        "mark_seen" | "mark_unseen" => return Err("whether mail was read is for you to say"),
        _ => return Err("Postroom does not do this"),
    };
    let mut notes = Vec::new();
    if verb == "delete_messages" {
        notes.push("imapfilter deletes for good; Postroom moves to the trash".to_owned());
    }
    translation.rules.push(Draft {
        name: format!("line {line}"),
        notes,
        when,
        actions,
    });
    Ok(())
}

/// `account.Folder`, `account['A/B']`, `account["A/B"]`.
fn folder(text: &str) -> Option<String> {
    if let Some((_, name)) = text.split_once('[') {
        return literal(name.strip_suffix(']')?.trim());
    }
    let (_, name) = text.split_once('.')?;
    name.chars()
        .all(|c| c.is_alphanumeric() || c == '_')
        .then(|| name.to_owned())
}

fn literal(text: &str) -> Option<String> {
    let quote = text.chars().next().filter(|c| matches!(c, '\'' | '"'))?;
    let inner = text.strip_prefix(quote)?.strip_suffix(quote)?;
    (!inner.contains(quote)).then(|| inner.replace("\\\\", "\\"))
}

/// Selections joined by `*` (and), `+` (or), `-` (and not), one kind at a time.
fn expression_of(text: &str) -> Result<When, &'static str> {
    let (terms, operators) = split_terms(text);
    let mut parts = terms.into_iter().map(selection).collect::<Result<Vec<_>, _>>()?;
    if operators.iter().all(|c| *c == '+') && parts.len() > 1 {
        return Ok(When::Any(parts));
    }
    if operators.contains(&'+') {
        return Err("+ is mixed with * or -; write the rule by hand");
    }
    for (part, operator) in parts.iter_mut().skip(1).zip(&operators) {
        if *operator == '-' {
            *part = part.clone().negated();
        }
    }
    match parts.len() {
        0 => Err("the selection is empty"),
        1 => Ok(parts.remove(0)),
        _ => Ok(When::All(parts)),
    }
}

fn split_terms(text: &str) -> (Vec<&str>, Vec<char>) {
    let (mut terms, mut operators) = (Vec::new(), Vec::new());
    let (mut start, mut depth, mut quote) = (0, 0_i32, None);
    for (at, c) in text.char_indices() {
        match (quote, c) {
            (None, '\'' | '"') => quote = Some(c),
            (Some(open), c) if c == open => quote = None,
            (None, '(' | '[' | '{') => depth += 1,
            (None, ')' | ']' | '}') => depth -= 1,
            (None, '*' | '+' | '-') if depth == 0 => {
                terms.push(text.get(start..at).unwrap_or_default().trim());
                operators.push(c);
                start = at + 1;
            }
            _ => {}
        }
    }
    terms.push(text.get(start..).unwrap_or_default().trim());
    (terms, operators)
}

fn selection(term: &str) -> Result<When, &'static str> {
    let (before, arguments) = term
        .strip_suffix(')')
        .and_then(|term| term.split_once('('))
        .ok_or("this is no selection")?;
    let (_, verb) = before.rsplit_once(':').ok_or("this is no selection")?;
    let arguments: Vec<_> = split_arguments(arguments);
    let first = arguments.first().copied().unwrap_or_default();
    let text = || {
        literal(first)
            .filter(|text| !text.trim().is_empty())
            .ok_or("the text is computed or empty")
    };
    let days = |key: &str| match first.parse::<u64>() {
        Ok(days) => Ok(When::Key(key.to_owned(), string(&format!("{days}d")))),
        Err(_) => Err("the number is computed"),
    };
    if let Some(field) = verb.strip_prefix("contain_").or_else(|| verb.strip_prefix("match_")) {
        let how = if verb.starts_with("match_") {
            Match::Regex
        } else {
            Match::Contains
        };
        let (key, text) = match field {
            "from" | "to" | "cc" | "bcc" | "subject" => (field.to_owned(), text()?),
            "field" => {
                let value = arguments
                    .get(1)
                    .copied()
                    .and_then(literal)
                    .ok_or("the text is computed")?;
                (format!("header.{}", string(&text()?)), value)
            }
            _ => return Err("Postroom reads named header fields only"),
        };
        let is_address = ["from", "to", "cc", "bcc"].contains(&key.as_str());
        let pattern = if is_address && how == Match::Contains {
            address_pattern(&text, how)
        } else {
            pattern(&text, how)
        };
        return Ok(When::Key(key, pattern));
    }
    let flag = |flag: &str| Ok(When::Key("flags".to_owned(), string(flag)));
    match verb {
        "select_all" => Ok(When::Key("from".to_owned(), string("*"))),
        "is_larger" | "is_smaller" if first.parse::<u64>().is_ok() => Ok(When::Key(
            verb.strip_prefix("is_").unwrap_or(verb).to_owned(),
            first.to_owned(),
        )),
        "is_older" => days("older_than"),
        "is_newer" => days("newer_than"),
        "is_seen" => flag("seen"),
        "is_unseen" | "is_new" | "is_recent" => flag("!seen"),
        "is_flagged" => flag("flagged"),
        "is_unflagged" => flag("!flagged"),
        "is_answered" => flag("answered"),
        _ => Err("this selection has no counterpart"),
    }
}

fn split_arguments(text: &str) -> Vec<&str> {
    let (mut parts, mut start, mut quote) = (Vec::new(), 0, None);
    for (at, c) in text.char_indices() {
        match (quote, c) {
            (None, '\'' | '"') => quote = Some(c),
            (Some(open), c) if c == open => quote = None,
            (None, ',') => {
                parts.push(text.get(start..at).unwrap_or_default().trim());
                start = at + 1;
            }
            _ => {}
        }
    }
    parts.push(text.get(start..).unwrap_or_default().trim());
    parts
}
