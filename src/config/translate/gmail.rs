//! Gmail's exported filters (`mailFilters.xml`, an Atom feed with one `<entry>` a filter).

use super::draft::{Draft, Match, When, address_pattern, pattern, string};
use super::{Translation, line_of};

/// Most filters that are read.
const MOST: usize = 10_000;

/// Translates the export.
pub fn translate(xml: &str) -> Translation {
    let mut translation = Translation::default();
    let mut rest = xml;
    let mut count = 0;
    while let Some((_, behind)) = rest.split_once("<entry") {
        let Some((entry, after)) = behind.split_once("</entry>") else {
            translation.leave(line_of(xml, xml.len() - behind.len()), "<entry", "the entry has no end");
            break;
        };
        let line = line_of(xml, xml.len() - behind.len());
        filter(&mut translation, line, &properties(entry));
        rest = after;
        count += 1;
        if count == MOST {
            translation.leave(line, "<entry", format!("more than {MOST} filters"));
            break;
        }
    }
    if count == 0 {
        translation.leave(
            1,
            xml.lines().next().unwrap_or_default(),
            "this is no export of Gmail filters",
        );
    }
    translation
}

/// `<apps:property name='from' value='a@b'/>` of one entry.
fn properties(entry: &str) -> Vec<(String, String)> {
    let tags = entry
        .split("<apps:property")
        .skip(1)
        .filter_map(|tag| tag.split_once('>').map(|(tag, _)| tag));
    tags.filter_map(|tag| Some((attribute(tag, "name")?, attribute(tag, "value")?)))
        .collect()
}

fn attribute(tag: &str, name: &str) -> Option<String> {
    let (_, behind) = tag.split_once(&format!(" {name}="))?;
    let quote = behind.chars().next().filter(|c| matches!(c, '\'' | '"'))?;
    let value = behind.get(1..)?.split_once(quote)?.0;
    Some(unescape(value))
}

/// The five entities of XML and numeric ones.
fn unescape(text: &str) -> String {
    let mut plain = String::new();
    let mut rest = text;
    while let Some((before, behind)) = rest.split_once('&') {
        plain.push_str(before);
        let entity = behind.split_once(';').filter(|(name, _)| name.len() <= 8);
        let mut c = entity.and_then(|(name, _)| match name {
            "amp" => Some('&'),
            "lt" => Some('<'),
            "gt" => Some('>'),
            "quot" => Some('"'),
            "apos" => Some('\''),
            number => {
                let number = number.strip_prefix('#')?;
                let code = match number.strip_prefix('x') {
                    Some(hex) => u32::from_str_radix(hex, 16).ok()?,
                    None => number.parse().ok()?,
                };
                char::from_u32(code)
            }
        });
        // What is no entity stands for itself.
        (c, rest) = match (c, entity) {
            (Some(c), Some((_, behind))) => (Some(c), behind),
            _ => (Some('&'), behind),
        };
        plain.extend(c);
    }
    plain.push_str(rest);
    plain
}

fn filter(translation: &mut Translation, line: u32, properties: &[(String, String)]) {
    let get = |name: &str| {
        properties
            .iter()
            .find(|(known, _)| known == name)
            .map(|(_, value)| value.as_str())
    };
    let is_set = |name: &str| get(name) == Some("true");
    let mut parts = Vec::new();
    let mut notes = Vec::new();
    for (name, key) in [("from", "from"), ("to", "recipient"), ("subject", "subject")] {
        let Some(query) = get(name) else { continue };
        match terms(query) {
            Some((wanted, unwanted)) => {
                if key != "subject" && wanted.iter().chain(&unwanted).any(|term| term.contains(' ')) {
                    let why = "it names a person, and display names prove nothing; write the address";
                    return translation.leave(line, &format!("{name}: {query}"), why);
                }
                for (terms, not) in [(wanted, false), (unwanted, true)] {
                    if !terms.is_empty() {
                        let when = When::patterns(key, terms.iter().map(|term| field_pattern(key, term)).collect());
                        parts.push(if not { when.negated() } else { when });
                    }
                }
            }
            None => {
                return translation.leave(
                    line,
                    &format!("{name}: {query}"),
                    "the query is too involved; write it as a rule by hand",
                );
            }
        }
    }
    for (name, not) in [("hasTheWord", false), ("doesNotHaveTheWord", true)] {
        let Some(query) = get(name) else { continue };
        match operator(query) {
            Some(when) => parts.push(if not { when.negated() } else { when }),
            None => {
                return translation.leave(
                    line,
                    &format!("{name}: {query}"),
                    "it searches the text of mail, and Postroom reads headers only",
                );
            }
        }
    }
    if is_set("hasAttachment") {
        parts.push(When::Key("attachment".to_owned(), "true".to_owned()));
    }
    if let (Some(size), Some(than)) = (get("size").filter(|size| *size != "0"), get("sizeOperator")) {
        let unit = match get("sizeUnit") {
            Some("s_smb") => "M",
            Some("s_skb") => "k",
            _ => "",
        };
        let key = if than == "s_ss" { "smaller" } else { "larger" };
        parts.push(When::Key(key.to_owned(), string(&format!("{size}{unit}"))));
    }
    if parts.is_empty() {
        return translation.leave(line, "the filter", "it names no sender, recipient, subject or size");
    }
    for (name, why) in [
        ("forwardTo", "Postroom never sends mail"),
        ("cannedResponse", "Postroom never sends mail"),
        ("shouldMarkAsRead", "whether mail was read is for you to say"),
        ("smartLabelToApply", "Gmail's categories are its own"),
    ] {
        if let Some(value) = get(name).filter(|value| *value != "false") {
            translation.leave(line, &format!("{name}: {value}"), why);
        }
    }
    let actions = actions(&get, &is_set, &mut notes);
    if actions.is_empty() {
        return translation.leave(line, "the filter", "nothing of what it does can be done here");
    }
    let name = get("label").map_or_else(|| describe(properties), str::to_owned);
    let when = if parts.len() == 1 {
        parts.remove(0)
    } else {
        When::All(parts)
    };
    translation.rules.push(Draft {
        name,
        notes,
        when,
        actions,
    });
}

fn actions<'p>(
    get: &dyn Fn(&str) -> Option<&'p str>,
    is_set: &dyn Fn(&str) -> bool,
    notes: &mut Vec<String>,
) -> Vec<(&'static str, String)> {
    let yes = || "true".to_owned();
    let mut actions: Vec<(&'static str, String)> = Vec::new();
    let label = get("label").map(|label| string(&label.replace("//", "/")));
    if is_set("shouldTrash") {
        actions.push(("trash", yes()));
    } else if let (Some(label), true) = (&label, is_set("shouldArchive")) {
        actions.push(("move", label.clone()));
    } else if is_set("shouldArchive") {
        actions.push(("archive", yes()));
    } else if is_set("shouldAlwaysMarkAsImportant") {
        actions.push(("bucket", string("top")));
    } else if is_set("shouldNeverSpam") {
        actions.push(("keep", yes()));
    }
    let placed = !actions.is_empty();
    if let Some(label) = label.filter(|_| !is_set("shouldArchive") || is_set("shouldTrash")) {
        notes.push("Gmail only adds the label; over IMAP that is a copy in the label's folder".to_owned());
        actions.push(("copy", label));
    }
    if is_set("shouldStar") {
        actions.push(("flags", "[\"+flagged\"]".to_owned()));
    }
    if !placed && !actions.is_empty() {
        // Gmail asks every filter; a rule that chooses no place lets the others choose it.
        actions.push(("continue", yes()));
    }
    actions
}

fn describe(properties: &[(String, String)]) -> String {
    let told = properties
        .iter()
        .find(|(name, _)| ["from", "to", "subject", "hasTheWord"].contains(&name.as_str()));
    told.map_or_else(|| "filter".to_owned(), |(name, value)| format!("{name} {value}"))
}

fn field_pattern(key: &str, term: &str) -> String {
    match key {
        "subject" => pattern(term, Match::Contains),
        // A bare domain means the domain to Gmail, and any part of an address to a plain pattern.
        _ if !term.contains('@') && term.contains('.') => string(&format!("@.{}", term.trim_start_matches("*."))),
        _ => address_pattern(term.trim_start_matches('*'), Match::Contains),
    }
}

/// `list:x`, `subject:x`, `from:x` and the like, where that is the whole query.
fn operator(query: &str) -> Option<When> {
    let query = query.trim().trim_start_matches('(').trim_end_matches(')');
    let (operator, value) = query.split_once(':')?;
    let value = value.trim().trim_matches('"');
    if value.is_empty() || value.contains([' ', '(', ')', '{', '}']) {
        return None;
    }
    let (key, pattern) = match operator.to_ascii_lowercase().as_str() {
        "list" => ("list_id", string(&value.replace('@', "."))),
        "from" => ("from", field_pattern("from", value)),
        "to" | "deliveredto" => ("recipient", field_pattern("recipient", value)),
        "cc" => ("cc", field_pattern("cc", value)),
        "subject" => ("subject", field_pattern("subject", value)),
        "filename" => ("attachment", string(&format!("*{value}*"))),
        _ => return None,
    };
    Some(When::Key(key.to_owned(), pattern))
}

/// Terms that are wanted and terms that are not; `None` when the query mixes more than alternatives.
fn terms(query: &str) -> Option<(Vec<String>, Vec<String>)> {
    let query = query.trim();
    let alternatives = query.contains(" OR ") || query.contains('|') || query.starts_with('{');
    let bare = query.trim_start_matches(['(', '{']).trim_end_matches([')', '}']);
    if bare.contains(['(', ')', '{', '}']) || bare.contains(" AND ") {
        return None;
    }
    let words: Vec<&str> = if query.starts_with('{') {
        bare.split_whitespace().collect()
    } else if alternatives {
        bare.split(" OR ").flat_map(|part| part.split('|')).collect()
    } else {
        vec![bare]
    };
    let (mut wanted, mut unwanted) = (Vec::new(), Vec::new());
    for word in words {
        let word = word.trim();
        let (word, list) = match word.strip_prefix('-') {
            Some(word) => (word, &mut unwanted),
            None => (word, &mut wanted),
        };
        let word = word.trim_matches('"').trim();
        if word.is_empty() {
            return None;
        }
        list.push(word.to_owned());
    }
    // "not this or that" is no list of what is unwanted.
    (unwanted.is_empty() || !alternatives).then_some((wanted, unwanted))
}
