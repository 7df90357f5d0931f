//! A verdict asked for now: the answer, every stage with what it said, and what would have changed it.

use std::io::{self, Write};

use serde_json::{Value, json};

use crate::cli::verdict_json::{Subject, object};
use crate::sort::bucket::Bucket;
use crate::sort::inquiry::Inquiry;
use crate::sort::mailbox::{Mailbox, Timestamp};
use crate::sort::sender::Address;
use crate::sort::verdict::{Reason, ReasonKind};
use crate::sort::{Arrival, sanitise};

/// Columns before a stage's sentence.
const MARGIN: usize = 33;

/// A message and what the sorter says about it now.
#[derive(Debug)]
pub(super) struct Asked {
    /// The file it came from; `None` for a message on the server.
    pub path: Option<String>,
    /// The message.
    pub arrival: Arrival,
    /// The answers.
    pub inquiry: Inquiry,
    /// Where it would go.
    pub folder: Mailbox,
    /// When it was asked.
    pub now: Timestamp,
}

impl Asked {
    /// Writes the page, or one JSON object.
    pub fn write(&self, as_json: bool, out: &mut dyn Write) -> io::Result<()> {
        if as_json {
            return writeln!(out, "{}", self.json());
        }
        let width = terminal_size::terminal_size().map_or(120, |(width, _)| usize::from(width.0));
        let message = &self.arrival.message;
        let from = message.from().map_or_else(
            || "a sender whose From field is malformed".to_owned(),
            |from| sanitise(from.as_str()),
        );
        let subject = if message.subject.is_empty() {
            "(no subject)".to_owned()
        } else {
            sanitise(&message.subject)
        };
        writeln!(out, "{subject}\nfrom {from}\n")?;
        let verdict = &self.inquiry.verdict;
        let goes = match (self.folder.is_inbox(), verdict.bucket) {
            (true, Bucket::Inbox) => "It stays in the inbox".to_owned(),
            (true, bucket) => format!("It stays in the inbox as {bucket}"),
            (false, bucket) => format!("It goes to {} ({bucket})", sanitise(self.folder.as_str())),
        };
        let said = format!("{goes}, because {}.", because(&verdict.reason));
        writeln!(out, "{}", wrapped(&said, 0, width))?;
        self.stages(width, out)?;
        self.changes(&from, width, out)
    }

    fn stages(&self, width: usize, out: &mut dyn Write) -> io::Result<()> {
        writeln!(out, "\nAsked in this order; the first answer counts")?;
        let mut decided = false;
        for answer in &self.inquiry.answers {
            let (mark, bucket) = match answer.bucket {
                Some(bucket) if decided => (' ', format!("({bucket})")),
                Some(bucket) => {
                    decided = true;
                    ('→', bucket.to_string())
                }
                None => (' ', "-".to_owned()),
            };
            let said = wrapped(&sanitise(&answer.text), MARGIN, width);
            writeln!(out, "{mark} {:<19} {bucket:<10} {said}", stage_name(answer.kind))?;
        }
        Ok(())
    }

    fn changes(&self, from: &str, width: usize, out: &mut dyn Write) -> io::Result<()> {
        let reason = &self.inquiry.verdict.reason;
        let mut lines = Vec::new();
        if let Some(otherwise) = &self.inquiry.otherwise {
            let bucket = otherwise.bucket;
            let same = if bucket == self.inquiry.verdict.bucket {
                "still "
            } else {
                ""
            };
            lines.push(format!(
                "Without that it would {same}be {bucket}: {}",
                sanitise(&because(&otherwise.reason))
            ));
        }
        for rule in &self.inquiry.rules {
            let decided = reason.kind == ReasonKind::Rule && reason.rule.as_deref() == Some(&rule.rule);
            if !decided {
                lines.push(format!(
                    "Your rule \"{}\" ({}:{}) {}",
                    sanitise(&rule.rule),
                    sanitise(&rule.file),
                    rule.line,
                    sanitise(&rule.text)
                ));
            }
        }
        for lesson in &self.inquiry.lessons {
            let (whose, ago) = (&lesson.identity, lesson.at.ago(self.now));
            lines.push(format!(
                "You put mail of {} into {} {ago}, but this is another sender",
                sanitise(&whose.to_string()),
                lesson.bucket
            ));
        }
        let by = |kind| {
            self.inquiry
                .answers
                .iter()
                .any(|answer| answer.kind == kind && answer.bucket.is_some())
        };
        let listed = self.arrival.message.list_id.is_some();
        if !by(ReasonKind::Correspondence) && !by(ReasonKind::Reply) && !listed {
            lines.push("Once you have written to them, their letters to you stay in the inbox or go to top".to_owned());
        }
        if self.arrival.message.from().is_some() && reason.kind != ReasonKind::Rule {
            lines.push(format!(
                "Drag it where it belongs and the next one follows; the same by hand: postroom train {from} BUCKET"
            ));
        }
        if !lines.is_empty() {
            writeln!(out, "\nWhat would change it")?;
        }
        lines
            .iter()
            .try_for_each(|line| writeln!(out, "  {}", wrapped(line, 2, width)))
    }

    fn json(&self) -> Value {
        let (message, verdict) = (&self.arrival.message, &self.inquiry.verdict);
        let subject = match &self.path {
            Some(path) => Subject::Path(path),
            None => Subject::Uid(self.arrival.location.uid.0),
        };
        let mut object = object(
            subject,
            message.message_id.as_deref(),
            message.from().map(Address::as_str),
            verdict.bucket,
            &self.folder,
            &verdict.reason,
        );
        object.insert("stages".to_owned(), json!(self.inquiry.answers));
        let otherwise = self.inquiry.otherwise.as_ref();
        object.insert(
            "otherwise".to_owned(),
            json!(otherwise.map(|verdict| json!({ "bucket": verdict.bucket, "reason": verdict.reason.text }))),
        );
        Value::Object(object)
    }
}

/// What people call the stages.
fn stage_name(kind: ReasonKind) -> &'static str {
    match kind {
        ReasonKind::Rule => "your rules",
        ReasonKind::Taught => "what you showed",
        ReasonKind::Reply => "answers to you",
        ReasonKind::Correspondence => "people you write to",
        ReasonKind::Named => "lists that name you",
        ReasonKind::Fallback => "fallback rules",
        ReasonKind::Evidence => "its headers",
        ReasonKind::Default => "nothing else",
    }
}

/// The reason as the second half of a sentence.
fn because(reason: &Reason) -> String {
    let text = sanitise(&reason.text);
    match reason.kind {
        ReasonKind::Rule => format!("your {text} says so"),
        ReasonKind::Fallback => format!("fallback {text} says so"),
        ReasonKind::Evidence => format!("its headers say: {text}"),
        _ => text,
    }
}

/// The text broken between words, its further lines indented by `margin`; never narrower than 30 columns.
fn wrapped(text: &str, margin: usize, width: usize) -> String {
    let room = width.saturating_sub(margin).max(30);
    let (mut lines, mut column) = (String::new(), 0);
    for word in text.split(' ') {
        let length = unicode_width::UnicodeWidthStr::width(word);
        if column > 0 && column + 1 + length > room {
            lines.push('\n');
            lines.push_str(&" ".repeat(margin));
            column = 0;
        } else if column > 0 {
            lines.push(' ');
            column += 1;
        }
        lines.push_str(word);
        column += length;
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_sentences_hang_under_their_column() {
        let text = "one two three four five six seven eight nine";
        assert_eq!(
            wrapped(text, 4, 34),
            "one two three four five six\n    seven eight nine"
        );
        assert_eq!(wrapped("", 4, 34), "");
        let long = "x".repeat(50);
        assert_eq!(wrapped(&long, 4, 10), long);
    }
}
