//! Reads the table under `when` into a [`Condition`]. One arm a key; the manual's table of conditions follows this order.

use super::condition::{Acquaintance, Condition, Mark, ToMe};
use super::measure::{self, Hours, Moment, Weekdays};
use super::patterns::matches;
use super::place::Place;
use super::source::Span;
use super::table::{Item, Reading, Table, whole};
use crate::sort::authenticity::Authentication;

/// How deep `all`, `any` and `not` may nest. Nobody reads a condition of this depth.
const DEEPEST: usize = 16;

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
