//! One rule: a condition, and what is done with a message that meets it.
//!
//! There is no permanent delete, no forwarding and no rewriting of a message: the first loses mail, the second sends it,
//! the third breaks its signature and its date.

use std::sync::Arc;

use super::Stage;
use super::condition::Condition;
use super::pattern::{Pattern, fold};
use super::place::Place;
use super::source::Span;
use super::table::{Item, Reading, Table};
use super::template::{BadTemplate, Template};
use super::when;
use crate::sort::bucket::Bucket;
use crate::sort::facts::Facts;
use crate::sort::verdict::{Destination, FlagChange};

/// One rule, checked.
#[derive(Debug, Clone)]
pub struct Rule {
    /// Unique in the set; used in the log, by `explain` and in tests.
    pub name: Arc<str>,
    /// The file, relative to the rules directory.
    pub file: Arc<str>,
    /// The line of its `[[rule]]`.
    pub line: u32,
    /// The place of its name, for findings that come later.
    pub span: Span,
    /// What must hold.
    pub when: Condition,
    /// Which of the two rule stages asks it.
    pub stage: Stage,
    /// Where the message goes; `None` only for rules that `continue` or set flags in place.
    pub goal: Option<Goal>,
    /// Folders that receive a copy.
    pub copies: Vec<Target>,
    /// Flags to change.
    pub flags: Vec<FlagChange>,
    /// `learn = false`.
    pub no_learning: bool,
    /// `continue = true`: later rules are asked too.
    pub goes_on: bool,
    /// Seconds after arrival at which the move is due.
    pub after: Option<i64>,
    /// `allow_broad = true`: it may match a large share of the mail.
    pub allow_broad: bool,
}

/// Where a rule puts a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Goal {
    /// Into a bucket's folder.
    Bucket(Bucket),
    /// Into another folder.
    Move(Target),
    /// It stays.
    Keep,
}

/// A folder a rule names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Target {
    /// By name.
    Folder(Template),
    /// By special use (RFC 6154), with its backslash.
    SpecialUse(&'static str),
}

impl Target {
    /// The folder for one message.
    pub fn destination(&self, facts: &Facts<'_>) -> Destination {
        match self {
            Target::Folder(template) => Destination::Folder(template.fill(facts)),
            Target::SpecialUse(name) => Destination::SpecialUse((*name).to_owned()),
        }
    }
}

/// Special uses that may be a target; the others (`\All`, `\Flagged`, `\Sent`, `\Drafts`) are no places to file mail.
const SPECIAL_USES: [&str; 3] = ["\\Junk", "\\Archive", "\\Trash"];

/// Reads one `[[rule]]`; `None` when an error was reported. `ordinal` names a rule without a name.
pub(super) fn rule(reading: &mut Reading<'_>, item: &Item<'_>) -> Option<Rule> {
    let before = reading.findings.len();
    let mut table = reading.table("rule", item)?;
    let (name, name_span) = name(reading, &mut table, item);
    let when_item = table.take("when");
    if when_item.is_none() {
        let hint = "add when = { from = \"..\" }; `from = \"*\"` is every message that has a sender";
        reading.error("missing-when", name_span, "the rule says no `when`", hint);
    }
    let when = when_item.and_then(|item| when::condition(reading, item, 0));
    let fallback = flag_key(reading, &mut table, "fallback");
    let mut rule = Rule {
        name: name.into(),
        file: reading.file.name.as_str().into(),
        line: reading.lines.line(item.span().start),
        span: name_span,
        // A rule without a condition is refused below; this value is never asked.
        when: Condition::Any(Vec::new()),
        stage: if fallback { Stage::Fallback } else { Stage::User },
        goal: goal(reading, &mut table),
        copies: table
            .take("copy")
            .map(|item| targets(reading, "copy", item))
            .unwrap_or_default(),
        flags: table.take("flags").map(|item| flags(reading, item)).unwrap_or_default(),
        no_learning: table.take("learn").and_then(|item| reading.boolean("learn", item)) == Some(false),
        goes_on: flag_key(reading, &mut table, "continue"),
        after: table
            .take("after")
            .and_then(|item| when::duration(reading, "after", item)),
        allow_broad: flag_key(reading, &mut table, "allow_broad"),
    };
    let keys = Keys::of(&table);
    table.finish(reading, "a rule", |key| match key {
        "delete" | "expunge" | "discard" => {
            Some("Postroom never deletes mail; `trash = true` moves it to the trash folder")
        }
        "forward" | "redirect" | "reply" | "vacation" | "notify" => Some("Postroom never sends mail"),
        "folder" | "to" | "target" | "fileinto" => Some("write `move = \"Folder\"`; conditions stand under `when`"),
        "label" | "labels" | "tag" => Some("write `flags = [\"+$Name\"]`"),
        "stop" => Some("the first rule that matches ends the search; `continue = true` goes on"),
        "if" | "match" | "condition" | "conditions" => Some("did you mean `when`?"),
        "from" | "subject" | "list_id" | "header" | "cc" => Some("conditions stand under `when`: when = { .. }"),
        _ => None,
    });
    rule.when = when?;
    // What the rule as a whole lacks is only worth saying when each of its keys could be read.
    if !reading.failed_since(before) {
        check_sense(reading, &keys, &rule);
    }
    (!reading.failed_since(before)).then_some(rule)
}

fn name<'t>(reading: &mut Reading<'_>, table: &mut Table<'t, '_>, item: &Item<'_>) -> (&'t str, Span) {
    let Some(name_item) = table.take("name") else {
        let hint = "add name = \"..\"; the log, `explain` and tests use it";
        reading.error("missing-name", item.span(), "the rule has no name", hint);
        return ("", item.span().into());
    };
    let span = name_item.span().into();
    let name = reading.text("name", name_item).unwrap_or_default();
    let plain = !name.trim().is_empty() && name.chars().count() <= 100 && !name.chars().any(char::is_control);
    if !plain && name_item.get_ref().is_str() {
        let message = "the name is empty, longer than 100 characters, or holds control characters";
        reading.error("bad-name", span, message, "give the rule a short name");
    }
    (name, span)
}

fn flag_key(reading: &mut Reading<'_>, table: &mut Table<'_, '_>, key: &'static str) -> bool {
    table
        .take(key)
        .and_then(|item| reading.boolean(key, item))
        .unwrap_or(false)
}

fn goal(reading: &mut Reading<'_>, table: &mut Table<'_, '_>) -> Option<Goal> {
    let mut goals: Vec<(Goal, &'static str)> = Vec::new();
    if let Some(item) = table.take("bucket") {
        let bucket = reading.bucket(item);
        goals.extend(bucket.map(|bucket| (Goal::Bucket(bucket), "bucket")));
    }
    if let Some(item) = table.take("move") {
        let targets = targets(reading, "move", item);
        if targets.len() > 1 {
            let hint = "choose one folder; `copy` puts further copies elsewhere";
            reading.error(
                "two-destinations",
                item.span(),
                "a message cannot be moved to two folders",
                hint,
            );
        }
        goals.extend(targets.into_iter().next().map(|target| (Goal::Move(target), "move")));
    }
    for (key, goal) in [
        ("keep", Goal::Keep),
        ("trash", Goal::Move(Target::SpecialUse("\\Trash"))),
        ("archive", Goal::Move(Target::SpecialUse("\\Archive"))),
    ] {
        if flag_key(reading, table, key) {
            goals.push((goal, key));
        }
    }
    if let [(_, first), (_, second), ..] = goals.as_slice() {
        let span = table.key_span(second).unwrap_or_default();
        let hint = "a message goes to one place: keep one of them; `copy` puts a further copy elsewhere";
        reading.error(
            "two-destinations",
            span,
            format!("the rule says both `{first}` and `{second}`"),
            hint,
        );
    }
    goals.into_iter().next().map(|(goal, _)| goal)
}

fn targets(reading: &mut Reading<'_>, key: &str, item: &Item<'_>) -> Vec<Target> {
    reading
        .texts(key, item)
        .into_iter()
        .filter_map(|(text, span)| target(reading, key, text, span))
        .collect()
}

fn target(reading: &mut Reading<'_>, key: &str, text: &str, span: Span) -> Option<Target> {
    if text.starts_with('\\') {
        let found = SPECIAL_USES.iter().find(|name| name.eq_ignore_ascii_case(text));
        if found.is_none() {
            let hint = "\"\\\\Junk\", \"\\\\Archive\" and \"\\\\Trash\" can be targets";
            reading.error(
                "bad-target",
                span,
                format!("`{text}` is no special-use folder for `{key}`"),
                hint,
            );
        }
        return found.map(|name| Target::SpecialUse(name));
    }
    match Template::parse(text) {
        Ok(template) => Some(Target::Folder(template)),
        Err(bad) => {
            let (check, hint) = match bad {
                BadTemplate::Unsafe(_) | BadTemplate::Unknown(_) => (
                    "unsafe-template",
                    "{year}, {month}, {from.domain} and {list_id.name} can be used",
                ),
                BadTemplate::Unbalanced => ("bad-template", "write {year} with both braces"),
                BadTemplate::Name(_) => (
                    "bad-folder",
                    "write the levels with / between them, as \"Receipts/2026\"",
                ),
            };
            reading.error(check, span, bad.to_string(), hint);
            None
        }
    }
}

fn flags(reading: &mut Reading<'_>, item: &Item<'_>) -> Vec<FlagChange> {
    let mut changes: Vec<FlagChange> = Vec::new();
    for (text, span) in reading.texts("flags", item) {
        let (set, name) = match (text.strip_prefix('+'), text.strip_prefix('-')) {
            (Some(name), _) => (true, name),
            (None, Some(name)) => (false, name),
            (None, None) => {
                let hint = format!("write \"+{text}\" to set it or \"-{text}\" to clear it");
                reading.error("bad-flag", span, format!("`{text}` says neither set nor clear"), &hint);
                continue;
            }
        };
        let Some(flag) = when::flag(reading, name, span) else {
            continue;
        };
        if &*flag == "\\Deleted" {
            let hint = "`trash = true` moves the message to the trash folder";
            reading.error("bad-flag", span, "a rule cannot mark mail as deleted", hint);
        } else if &*flag == "\\Seen" {
            let hint = "whether a message was read is for you to say; use a keyword such as $Done";
            reading.error("bad-flag", span, "Postroom never sets or clears the seen flag", hint);
        } else if changes
            .iter()
            .any(|change| change.flag.eq_ignore_ascii_case(&flag) && change.set != set)
        {
            reading.error(
                "bad-flag",
                span,
                format!("`{flag}` is both set and cleared"),
                "choose one",
            );
        } else {
            changes.push(FlagChange { set, flag: flag.into() });
        }
    }
    changes
}

/// Where keys stand that a check of the whole rule points at.
struct Keys {
    moves: Option<Span>,
    copies: Option<Span>,
    after: Option<Span>,
}

impl Keys {
    fn of(table: &Table<'_, '_>) -> Self {
        Self {
            moves: table.key_span("move"),
            copies: table.key_span("copy"),
            after: table.key_span("after"),
        }
    }
}

/// What each key allows and the whole does not.
fn check_sense(reading: &mut Reading<'_>, keys: &Keys, rule: &Rule) {
    let acts = rule.goal.is_some() || !rule.copies.is_empty() || !rule.flags.is_empty() || rule.no_learning;
    if !acts {
        let hint = "add bucket = \"..\", move = \"..\", keep = true or flags = [\"+$Name\"]";
        reading.error("no-action", rule.span, "the rule does nothing", hint);
    }
    if rule.after.is_some() && rule.goal.as_ref().is_none_or(|goal| *goal == Goal::Keep) {
        let span = keys.after.unwrap_or(rule.span);
        reading.error(
            "no-action",
            span,
            "`after` delays a move, and the rule moves nothing",
            "add `move` or `bucket`",
        );
    }
    let fixed = |target: &Target| match target {
        Target::Folder(template) => template.fixed().map(|folder| fold(folder.as_str())),
        Target::SpecialUse(_) => None,
    };
    let moved = match &rule.goal {
        Some(Goal::Move(target)) => fixed(target),
        _ => None,
    };
    let source = source_folder(&rule.when);
    let from_here = |target: &String| source.as_ref().is_some_and(|folder| fold(folder) == *target);
    if let Some(folder) = source.as_ref().filter(|_| moved.as_ref().is_some_and(from_here)) {
        let span = keys.moves.unwrap_or(rule.span);
        let message = format!("the rule moves mail of `{folder}` to `{folder}`");
        reading.error("same-folder", span, message, "keep = true leaves a message where it is");
    }
    if let Some(folder) = rule
        .copies
        .iter()
        .filter_map(fixed)
        .find(|copy| from_here(copy) || moved.as_ref() == Some(copy))
    {
        let span = keys.copies.unwrap_or(rule.span);
        let message = format!("the rule puts a copy beside the message itself, in `{folder}`");
        reading.error("same-folder", span, message, "name another folder, or leave `copy` out");
    }
}

/// The one folder whose mail a rule looks at: INBOX unless it says otherwise; `None` when it names several or a pattern.
fn source_folder(when: &Condition) -> Option<String> {
    let mut named = None;
    let mut several = false;
    when.walk(&mut |condition| {
        if let Condition::Matches {
            place: Place::Folder,
            patterns,
        } = condition
        {
            match patterns.as_slice() {
                [Pattern::Is(folder)] if named.is_none() => named = Some(folder.to_string()),
                _ => several = true,
            }
        }
    });
    if several {
        None
    } else {
        Some(named.unwrap_or_else(|| "INBOX".to_owned()))
    }
}
