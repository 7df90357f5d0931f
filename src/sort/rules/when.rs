//! Reads the table under `when` into a [`Condition`]. One arm a key; the manual's table of conditions follows this order.

use super::condition::{Acquaintance, Condition, Mark, ToMe};
use super::measure::{self, Hours, Moment, Weekdays};
use super::pattern::{BadPattern, Pattern};
use super::place::Place;
use super::source::Span;
use super::table::{Item, Reading, Table, whole};
use crate::sort::authenticity::Authentication;

/// How deep `all`, `any` and `not` may nest. Nobody reads a condition of this depth.
const DEEPEST: usize = 16;

/// Most patterns of one `{ file = ".." }`.
const MOST_LINES: usize = 100_000;

/// Reads a condition table; `None` when an error was reported.
pub(super) fn condition(reading: &mut Reading<'_>, item: &Item<'_>, depth: usize) -> Option<Condition> {
    if depth > DEEPEST {
        let hint = "split the rule into several";
        reading.error(
            "too-deep",
            item.span(),
            format!("conditions nest more than {DEEPEST} levels deep"),
            hint,
        );
        return None;
    }
    let before = reading.findings.len();
    let mut table = reading.table("when", item)?;
    let mut parts = Vec::new();
    places(reading, &mut table, &mut parts);
    marks(reading, &mut table, &mut parts);
    people(reading, &mut table, &mut parts);
    measures(reading, &mut table, &mut parts);
    moments(reading, &mut table, &mut parts);
    combinations(reading, &mut table, &mut parts, depth);
    table.finish(reading, "`when`", |key| match key {
        "body" | "text" | "content" => Some("Postroom reads headers only; look at `subject` or `header` instead"),
        "older" | "age" => Some("did you mean `older_than`?"),
        "size" => Some("write `larger = \"5M\"` or `smaller = \"5M\"`"),
        "sent" | "date" => Some("write `date_after`, `date_before`, `older_than` or `newer_than`"),
        "or" => Some("write `any = [{ .. }, { .. }]`"),
        "and" => Some("write `all = [{ .. }, { .. }]`; the keys of one table hold together anyway"),
        "bucket" | "move" | "keep" | "copy" => Some("actions stand in the rule itself, not under `when`"),
        _ => None,
    });
    if parts.is_empty() && reading.findings.len() == before {
        let hint = "say what to look for; `from = \"*\"` is every message that has a sender";
        reading.error(
            "empty-condition",
            item.span(),
            "an empty condition would match every message",
            hint,
        );
    }
    if reading.failed_since(before) {
        return None;
    }
    match parts.len() {
        1 => parts.pop(),
        _ => Some(Condition::All(parts)),
    }
}

fn places(reading: &mut Reading<'_>, table: &mut Table<'_, '_>, parts: &mut Vec<Condition>) {
    for (key, place) in [
        ("from", Place::From),
        ("to", Place::To),
        ("cc", Place::Cc),
        ("bcc", Place::Bcc),
        ("reply_to", Place::ReplyTo),
        ("recipient", Place::Recipient),
        ("to_detail", Place::ToDetail),
        ("subject", Place::Subject),
        ("list_id", Place::ListId),
        ("account", Place::Account),
        ("folder", Place::Folder),
    ] {
        if let Some(item) = table.take(key) {
            parts.push(matches(reading, key, item, place));
        }
    }
    if let Some(item) = table.take("header") {
        headers(reading, item, parts);
    }
    if let Some(item) = table.take("attachment") {
        parts.push(match item.get_ref().as_bool() {
            Some(some) => Condition::HasAttachment(some),
            None => matches(reading, "attachment", item, Place::Attachment),
        });
    }
}

fn headers(reading: &mut Reading<'_>, item: &Item<'_>, parts: &mut Vec<Condition>) {
    let Some(table) = item.get_ref().as_table() else {
        reading.wrong_type("header", item, "a table such as header.\"X-Name\" = \"text\"");
        return;
    };
    if table.is_empty() {
        let hint = "write header.\"X-Name\" = \"text\", or true or false for present or absent";
        reading.error("empty-condition", item.span(), "`header` names no field", hint);
    }
    for (name, item) in table {
        let valid = !name.get_ref().is_empty() && name.get_ref().bytes().all(|b| (33..=126).contains(&b) && b != b':');
        if !valid {
            let message = format!("`{}` cannot be the name of a header field", name.get_ref());
            reading.error(
                "bad-header-name",
                name.span(),
                message,
                "names are ASCII without spaces and colons (RFC 5322)",
            );
            continue;
        }
        let lower: Box<str> = name.get_ref().to_ascii_lowercase().into();
        parts.push(match item.get_ref().as_bool() {
            Some(present) => Condition::HeaderPresent(lower, present),
            None => matches(reading, "header", item, Place::Header(lower)),
        });
    }
}

fn matches(reading: &mut Reading<'_>, key: &str, item: &Item<'_>, place: Place) -> Condition {
    let mut patterns = Vec::new();
    for item in reading.one_or_many(key, item) {
        patterns_of(reading, key, item, &place, &mut patterns);
    }
    Condition::Matches { place, patterns }
}

fn patterns_of(reading: &mut Reading<'_>, key: &str, item: &Item<'_>, place: &Place, patterns: &mut Vec<Pattern>) {
    let comparison = place.comparison();
    if let Some(text) = item.get_ref().as_str() {
        if let Some(pattern) = accept(reading, item.span().into(), Pattern::parse(text, comparison)) {
            advise(reading, item.span().into(), place, text, &pattern);
            patterns.push(pattern);
        }
        return;
    }
    let Some(inner) = item.get_ref().as_table() else {
        reading.wrong_type(
            key,
            item,
            "a string, { re = \"..\" }, { is = \"..\" }, { file = \"..\" } or a list of these",
        );
        return;
    };
    let mut inner = Table::new(inner);
    let before = reading.findings.len();
    let mut given = 0;
    if let Some(item) = inner.take("re") {
        given += 1;
        if let Some(text) = reading.text("re", item) {
            let parsed = accept(reading, item.span().into(), Pattern::regex(text, comparison));
            patterns.extend(parsed.inspect(|pattern| advise(reading, item.span().into(), place, text, pattern)));
        }
    }
    if let Some(item) = inner.take("is") {
        given += 1;
        for (text, span) in reading.texts("is", item) {
            patterns.extend(accept(reading, span, Pattern::is(text, comparison)));
        }
    }
    if let Some(item) = inner.take("file") {
        given += 1;
        if let Some(name) = reading.text("file", item) {
            from_file(reading, name, item.span().into(), place, patterns);
        }
    }
    inner.finish(reading, "a pattern", |key| match key {
        "contains" | "has" => Some("a plain string already matches a part of the value"),
        "regex" | "regexp" | "match" | "matches" => Some("did you mean `re`?"),
        "not" => Some("write not = { .. } beside the other keys of `when`"),
        _ => None,
    });
    if given != 1 && reading.findings.len() == before {
        let hint = "write { re = \"..\" } or { is = \"..\" } or { file = \"..\" }, and a list for several";
        reading.error(
            "bad-pattern",
            item.span(),
            "a pattern table holds exactly one of re, is and file",
            hint,
        );
    }
}

/// One pattern a line; empty lines and lines that begin with `#` are skipped.
fn from_file(reading: &mut Reading<'_>, name: &str, span: Span, place: &Place, patterns: &mut Vec<Pattern>) {
    let text = match reading.includes.get(name) {
        Some(Ok(bytes)) => String::from_utf8_lossy(bytes).into_owned(),
        Some(Err(reason)) => {
            let (message, reason) = (
                format!("cannot read `{name}`: {reason}"),
                "paths are relative to the rules directory",
            );
            reading.error("missing-file", span, message, reason);
            return;
        }
        None => {
            reading.error(
                "missing-file",
                span,
                format!("`{name}` was not read"),
                "paths are relative to the rules directory",
            );
            return;
        }
    };
    let lines = text.lines().enumerate().map(|(index, line)| (index + 1, line.trim()));
    let lines: Vec<_> = lines
        .filter(|(_, line)| !line.is_empty() && !line.starts_with('#'))
        .collect();
    if lines.is_empty() {
        let message = format!("`{name}` holds no pattern");
        reading.error(
            "empty-file",
            span,
            message,
            "write one pattern a line; lines that begin with # are comments",
        );
    }
    if lines.len() > MOST_LINES {
        let message = format!("`{name}` holds {} patterns", lines.len());
        reading.error("too-many", span, message, &format!("the most is {MOST_LINES}"));
        return;
    }
    for (number, line) in lines {
        match Pattern::parse(line, place.comparison()) {
            Ok(pattern) => patterns.push(pattern),
            Err(bad) => {
                let message = format!("line {number} of `{name}`: {}", bad.message);
                reading.error(bad.check, span, message, bad.hint.as_deref().unwrap_or_default());
            }
        }
    }
}

fn accept(reading: &mut Reading<'_>, span: Span, parsed: Result<Pattern, BadPattern>) -> Option<Pattern> {
    parsed
        .map_err(|bad| reading.error(bad.check, span, bad.message, bad.hint.as_deref().unwrap_or_default()))
        .ok()
}

/// Warns of patterns that are valid and rarely meant.
fn advise(reading: &mut Reading<'_>, span: Span, place: &Place, written: &str, pattern: &Pattern) {
    use super::pattern::Comparison;
    match pattern {
        Pattern::Contains(part) if place.comparison() == Comparison::Address && looks_like_domain(part) => {
            reading.warning(
                "loose-domain",
                span,
                format!("`{written}` is any part of an address: `x@{written}.evil.example` matches too"),
                &format!("write `@{part}` for the domain, or `@.{part}` with everything below it"),
            );
        }
        Pattern::Glob(glob) if place.comparison() == Comparison::Text && !written.contains('*') => {
            let _ = glob;
            reading.warning(
                "question-mark",
                span,
                format!("the `?` in `{written}` stands for any one character, and the pattern covers the whole value"),
                "write `\\\\?` for a question mark, or `*` at both ends for a part of the value",
            );
        }
        Pattern::Regex(regex) if regex.is_match("") && regex.is_match("x@q.example \u{1}") => {
            let hint = "say what must be there; `header.\"X-Name\" = true` asks whether a field is present";
            reading.warning(
                "matches-everything",
                span,
                format!("/{written}/ matches every value"),
                hint,
            );
        }
        _ => {}
    }
}

fn looks_like_domain(part: &str) -> bool {
    part.split_once('.')
        .is_some_and(|(first, rest)| !first.is_empty() && rest.len() >= 2)
        && part.chars().all(|c| c.is_alphanumeric() || matches!(c, '.' | '-'))
}

fn marks(reading: &mut Reading<'_>, table: &mut Table<'_, '_>, parts: &mut Vec<Condition>) {
    for mark in [Mark::List, Mark::Bulk, Mark::Automatic, Mark::Spam] {
        if let Some(item) = table.take(mark.as_str()) {
            parts.extend(
                reading
                    .boolean(mark.as_str(), item)
                    .map(|set| Condition::Marked(mark, set)),
            );
        }
    }
    if let Some(item) = table.take("reply_to_me") {
        parts.extend(reading.boolean("reply_to_me", item).map(Condition::ReplyToMe));
    }
    if let Some(item) = table.take("duplicate") {
        parts.extend(reading.boolean("duplicate", item).map(Condition::Duplicate));
    }
}

fn people(reading: &mut Reading<'_>, table: &mut Table<'_, '_>, parts: &mut Vec<Condition>) {
    const TO_ME: [ToMe; 4] = [ToMe::Only, ToMe::Direct, ToMe::Cc, ToMe::None];
    const SENDER: [Acquaintance; 3] = [Acquaintance::Known, Acquaintance::Unknown, Acquaintance::Replied];
    if let Some(item) = table.take("to_me") {
        parts.push(Condition::ToMe(words(
            reading,
            "to_me",
            item,
            &TO_ME.map(|way| (way.as_str(), way)),
        )));
    }
    if let Some(item) = table.take("auth") {
        let known = [
            ("pass", Authentication::Pass),
            ("fail", Authentication::Fail),
            ("none", Authentication::None),
        ];
        parts.push(Condition::Auth(words(reading, "auth", item, &known)));
    }
    if let Some(item) = table.take("sender") {
        parts.push(Condition::Sender(words(
            reading,
            "sender",
            item,
            &SENDER.map(|kind| (kind.as_str(), kind)),
        )));
    }
    if let Some(item) = table.take("sender_seen_min") {
        let least = reading.number("sender_seen_min", item);
        parts.extend(least.map(|least| Condition::SenderSeenMin(u32::try_from(least).unwrap_or(u32::MAX))));
    }
    if let Some(item) = table.take("flags") {
        let flags = reading.texts("flags", item);
        let flags = flags.into_iter().filter_map(|(text, span)| {
            let (name, set) = text.strip_prefix('!').map_or((text, true), |name| (name, false));
            flag(reading, name, span).map(|flag| (flag, set))
        });
        parts.push(Condition::Flags(flags.collect()));
    }
}

fn words<T: Copy>(reading: &mut Reading<'_>, key: &str, item: &Item<'_>, known: &[(&str, T)]) -> Vec<T> {
    let texts = reading.texts(key, item);
    texts
        .into_iter()
        .filter_map(|(text, span)| reading.word(key, text, span, known))
        .collect()
}

/// A flag as IMAP spells it (RFC 9051 section 2.3.2): the system flags by their word, with or without the backslash.
pub(super) fn flag(reading: &mut Reading<'_>, name: &str, span: Span) -> Option<Box<str>> {
    const SYSTEM: [&str; 5] = ["\\Seen", "\\Answered", "\\Flagged", "\\Deleted", "\\Draft"];
    let word = name.strip_prefix('\\').unwrap_or(name);
    if let Some(system) = SYSTEM
        .iter()
        .find(|system| system.strip_prefix('\\').is_some_and(|s| s.eq_ignore_ascii_case(word)))
    {
        return Some((*system).into());
    }
    let atom = !name.is_empty()
        && name.len() <= 100
        && name
            .bytes()
            .all(|b| b.is_ascii_graphic() && !b"(){%*\"\\]".contains(&b));
    if !atom {
        let message = format!("`{name}` is no flag");
        reading.error(
            "bad-flag",
            span,
            message,
            "flags are seen, flagged, answered, draft, or a keyword such as $Invoice",
        );
        return None;
    }
    Some(name.into())
}

fn measures(reading: &mut Reading<'_>, table: &mut Table<'_, '_>, parts: &mut Vec<Condition>) {
    if let Some(item) = table.take("recipients_min") {
        parts.extend(
            reading
                .number("recipients_min", item)
                .map(|n| Condition::RecipientsMin(n as usize)),
        );
    }
    if let Some(item) = table.take("recipients_max") {
        parts.extend(
            reading
                .number("recipients_max", item)
                .map(|n| Condition::RecipientsMax(n as usize)),
        );
    }
    if let Some(item) = table.take("larger") {
        parts.extend(size(reading, "larger", item).map(Condition::Larger));
    }
    if let Some(item) = table.take("smaller") {
        parts.extend(size(reading, "smaller", item).map(Condition::Smaller));
    }
}

fn size(reading: &mut Reading<'_>, key: &str, item: &Item<'_>) -> Option<u64> {
    let octets = whole(item).or_else(|| item.get_ref().as_str().and_then(measure::size));
    if octets.is_none() {
        let message = format!("`{key}` wants a size");
        reading.error(
            "bad-size",
            item.span(),
            message,
            "write octets, or \"100k\", \"5M\", \"1G\"",
        );
    }
    octets
}

/// A length of time; also for the action `after`.
pub(super) fn duration(reading: &mut Reading<'_>, key: &str, item: &Item<'_>) -> Option<i64> {
    let seconds = item.get_ref().as_str().and_then(measure::duration);
    if seconds.is_none() {
        let message = format!("`{key}` wants a length of time");
        reading.error(
            "bad-duration",
            item.span(),
            message,
            "write \"30m\", \"12h\", \"7d\", \"2w\" or \"1y\"",
        );
    }
    seconds
}

fn moments(reading: &mut Reading<'_>, table: &mut Table<'_, '_>, parts: &mut Vec<Condition>) {
    if let Some(item) = table.take("older_than") {
        parts.extend(duration(reading, "older_than", item).map(Condition::OlderThan));
    }
    if let Some(item) = table.take("newer_than") {
        parts.extend(duration(reading, "newer_than", item).map(Condition::NewerThan));
    }
    if let Some(item) = table.take("date_after") {
        parts.extend(moment(reading, "date_after", item).map(Condition::DateAfter));
    }
    if let Some(item) = table.take("date_before") {
        parts.extend(moment(reading, "date_before", item).map(Condition::DateBefore));
    }
    if let Some(item) = table.take("hours") {
        let mut spans = Vec::new();
        for (text, span) in reading.texts("hours", item) {
            match Hours::parse(text) {
                Some(hours) => spans.push(hours),
                None => reading.error(
                    "bad-hours",
                    span,
                    format!("`{text}` is no span of the day"),
                    "write \"22-07\" or \"08:30-17:00\"; the last minute is not included",
                ),
            }
        }
        parts.push(Condition::Hours(spans));
    }
    if let Some(item) = table.take("weekdays") {
        let mut days = Weekdays::default();
        for (text, span) in reading.texts("weekdays", item) {
            if let Some(more) = Weekdays::parse(text) {
                days = days.and(more);
            } else {
                let message = format!("`{text}` is no day of the week");
                reading.error("bad-weekday", span, message, "write \"sat\", \"sun\" or \"mon-fri\"");
            }
        }
        parts.push(Condition::Weekdays(days));
    }
}

fn moment(reading: &mut Reading<'_>, key: &str, item: &Item<'_>) -> Option<Moment> {
    let moment = match (item.get_ref().as_datetime(), item.get_ref().as_str()) {
        (Some(datetime), _) => Moment::from_toml(datetime),
        (None, Some(text)) => Moment::parse(text),
        (None, None) => None,
    };
    if moment.is_none() {
        let hint = "write 2026-01-31 or \"2026-01-31T12:00:00+01:00\"";
        reading.error("bad-date", item.span(), format!("`{key}` wants a date"), hint);
    }
    moment
}

fn combinations(reading: &mut Reading<'_>, table: &mut Table<'_, '_>, parts: &mut Vec<Condition>, depth: usize) {
    if let Some(item) = table.take("all") {
        parts.extend(several(reading, "all", item, depth).map(Condition::All));
    }
    if let Some(item) = table.take("any") {
        parts.extend(several(reading, "any", item, depth).map(Condition::Any));
    }
    if let Some(item) = table.take("not") {
        // A list under `not` reads as "none of these".
        for item in reading.one_or_many("not", item) {
            parts.extend(condition(reading, item, depth + 1).map(|part| Condition::Not(Box::new(part))));
        }
    }
}

fn several(reading: &mut Reading<'_>, key: &str, item: &Item<'_>, depth: usize) -> Option<Vec<Condition>> {
    let Some(list) = item.get_ref().as_array() else {
        reading.wrong_type(key, item, "a list of tables [{ .. }, { .. }]");
        return None;
    };
    if list.is_empty() {
        reading.error(
            "empty-list",
            item.span(),
            format!("`{key}` is an empty list"),
            "name at least one condition",
        );
    }
    Some(
        list.iter()
            .filter_map(|item| condition(reading, item, depth + 1))
            .collect(),
    )
}
