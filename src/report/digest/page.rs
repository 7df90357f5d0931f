//! The digest's words: paragraphs that render to plain text and to HTML.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use jiff::tz::TimeZone;

use super::Digest;
use crate::report::escape::escape;
use crate::report::stats::Corrections;
use crate::report::suggestion::Told;
use crate::sort::bucket::Bucket;
use crate::sort::mailbox::Timestamp;
use crate::sort::pseudonym::EXPLAINED;
use crate::sort::sanitise;
use crate::sort::taught::{Lesson, Teacher};
use crate::sort::unanswered::Letter;

/// Senders named in one paragraph; the rest is counted.
const NAMED: usize = 12;

impl Digest {
    /// The paragraphs: a heading, and lines with a count or without.
    fn paragraphs(&self, zone: &TimeZone) -> Vec<Paragraph> {
        let mut paragraphs = vec![self.sum()];
        for (folder, senders) in &self.filed {
            paragraphs.push(self.filed_into(folder, senders));
        }
        paragraphs.push(self.waits());
        paragraphs.push(self.learned());
        paragraphs.push(self.put_right());
        paragraphs.push(self.unanswered(zone));
        paragraphs.push(self.suggested());
        paragraphs.push(self.problems());
        paragraphs.push(self.names());
        paragraphs.retain(|paragraph| !paragraph.lines.is_empty());
        paragraphs
    }

    fn sum(&self) -> Paragraph {
        let parts: Vec<String> = self
            .arrived
            .each()
            .filter(|(_, count)| *count > 0)
            .map(|(bucket, count)| format!("{count} {bucket}"))
            .collect();
        let total = messages(self.arrived.total());
        let line = if parts.is_empty() {
            format!("{total} arrived")
        } else {
            format!("{total} arrived = {}", parts.join(" + "))
        };
        Paragraph::new("", vec![(None, line)])
    }

    fn filed_into(&self, folder: &str, senders: &BTreeMap<String, u64>) -> Paragraph {
        let total: u64 = senders.values().sum();
        let verb = if self.preview { "Would have gone" } else { "Moved" };
        let mut rows: Vec<(&String, u64)> = senders.iter().map(|(from, count)| (from, *count)).collect();
        rows.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
        let rest: u64 = rows.iter().skip(NAMED).map(|(_, count)| count).sum();
        let mut lines: Vec<(Option<u64>, String)> = rows
            .into_iter()
            .take(NAMED)
            .map(|(from, count)| {
                let first = if self.first_time.contains(from) {
                    "  (for the first time)"
                } else {
                    ""
                };
                (Some(count), format!("{}{first}", sanitise(from)))
            })
            .collect();
        if rest > 0 {
            lines.push((Some(rest), "from other senders".to_owned()));
        }
        Paragraph::new(&format!("{verb} to {}: {}", sanitise(folder), messages(total)), lines)
    }

    fn waits(&self) -> Paragraph {
        let mut lines: Vec<(Option<u64>, String)> = self
            .waiting
            .iter()
            .map(|(folder, count)| (Some(*count), format!("in {}", sanitise(folder))))
            .collect();
        if self.returned > 0 {
            lines.push((Some(self.returned), "came back into the inbox since then".to_owned()));
        }
        Paragraph::new("Waiting, to come back into the inbox", lines)
    }

    fn learned(&self) -> Paragraph {
        let line = |lesson: &Lesson| {
            let how = match lesson.by {
                Teacher::Drag => "you dragged a message there",
                Teacher::Train => "you said so",
                Teacher::Import => "imported",
            };
            let goes = match lesson.bucket {
                Bucket::Inbox => "now stays in the inbox".to_owned(),
                bucket => format!("now goes to {bucket}"),
            };
            let whose = sanitise(&lesson.identity.to_string());
            (None, format!("Mail from {whose} {goes}: {how}"))
        };
        let mut lines: Vec<(Option<u64>, String)> = self.lessons.iter().take(NAMED).map(line).collect();
        if self.lessons.len() > NAMED {
            let more = self.lessons.len() - NAMED;
            lines.push((None, format!("and {more} more; postroom senders shows them")));
        }
        Paragraph::new("Learned from you", lines)
    }

    fn put_right(&self) -> Paragraph {
        let Corrections { filed, rescued, undone } = self.corrections;
        let lines = [
            (filed, "filed by you"),
            (rescued, "put back into the inbox by you"),
            (undone, "taken back with postroom undo"),
        ];
        let lines = lines.into_iter().filter(|(count, _)| *count > 0);
        Paragraph::new(
            "Put right by you",
            lines.map(|(count, what)| (Some(count), what.to_owned())).collect(),
        )
    }

    fn unanswered(&self, zone: &TimeZone) -> Paragraph {
        let line = |letter: &Letter| {
            let Letter { at, to, more, subject } = letter;
            let day = jiff::Timestamp::from_second(at.0)
                .unwrap_or_default()
                .to_zoned(zone.clone());
            let others = if *more > 0 {
                format!(" and {more} more")
            } else {
                String::new()
            };
            let (day, to, subject) = (day.strftime("%a %-d %b"), sanitise(to.as_str()), sanitise(subject));
            (None, format!("{day}, to {to}{others}: {subject}"))
        };
        let mut lines: Vec<(Option<u64>, String)> = self.unanswered.iter().take(NAMED).map(line).collect();
        if self.unanswered.len() > NAMED {
            lines.push((None, format!("and {} more", self.unanswered.len() - NAMED)));
        }
        Paragraph::new("Nobody has answered you yet", lines)
    }

    fn suggested(&self) -> Paragraph {
        let line = |told: &Told| {
            let (who, because) = (sanitise(&told.who), sanitise(&told.because));
            (None, format!("{who} to {}? {because}. {}", told.bucket, told.command))
        };
        let mut lines: Vec<(Option<u64>, String)> = self.suggestions.iter().take(NAMED).map(line).collect();
        if self.suggestions.len() > NAMED {
            let more = self.suggestions.len() - NAMED;
            lines.push((None, format!("and {more} more; postroom suggest shows them")));
        }
        Paragraph::new(
            "Suggestions; nothing is done until you say so, by command or by dragging",
            lines,
        )
    }

    fn problems(&self) -> Paragraph {
        let mut lines = Vec::new();
        if self.refused > 0 {
            let stays = "refused by the server; they are still in the inbox. Why: postroom log --only sort";
            lines.push((Some(self.refused), stays.to_owned()));
        }
        if self.open > 0 {
            let open = "on their way, and will be looked for again: the connection was lost";
            lines.push((Some(self.open as u64), open.to_owned()));
        }
        if self.held > 0 {
            let held = "lessons are held back, so many at once; look at them with: postroom learn";
            lines.push((Some(self.held as u64), held.to_owned()));
        }
        Paragraph::new("To look at", lines)
    }

    fn names(&self) -> Paragraph {
        let named = !(self.filed.is_empty() && self.lessons.is_empty() && self.suggestions.is_empty());
        let lines = if self.hashed && named {
            vec![(None, EXPLAINED.to_owned())]
        } else {
            Vec::new()
        };
        Paragraph::new("Who is meant", lines)
    }

    fn period(&self, zone: &TimeZone) -> String {
        let clock = |at: Timestamp| {
            jiff::Timestamp::from_second(at.0)
                .unwrap_or_default()
                .to_zoned(zone.clone())
                .strftime("%a %-d %b %H:%M")
                .to_string()
        };
        format!(
            "{}, {} to {}",
            sanitise(&self.account),
            clock(self.since),
            clock(self.until)
        )
    }

    /// As plain text, lines ended by `\n`.
    pub fn text(&self, zone: &TimeZone) -> String {
        let mut text = format!("{}\n", self.period(zone));
        for paragraph in self.paragraphs(zone) {
            text.push('\n');
            if !paragraph.heading.is_empty() {
                let _ = writeln!(text, "{}", paragraph.heading);
            }
            for (count, line) in &paragraph.lines {
                let _ = match count {
                    Some(count) => writeln!(text, "{count:>6}  {line}"),
                    None if paragraph.heading.is_empty() => writeln!(text, "{line}"),
                    None => writeln!(text, "  {line}"),
                };
            }
        }
        text.push_str("\n-- \n");
        text.push_str(FOOT);
        text.push('\n');
        text
    }

    /// As a small HTML page without anything that would have to be fetched.
    pub fn html(&self, zone: &TimeZone) -> String {
        let mut html = format!(
            "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><title>{}</title></head>\n\
             <body style=\"font:15px/1.45 sans-serif;max-width:40em\">\n<p style=\"color:#777\">{}</p>\n",
            escape(&self.subject()),
            escape(&self.period(zone))
        );
        for paragraph in self.paragraphs(zone) {
            if !paragraph.heading.is_empty() {
                let _ = writeln!(
                    html,
                    "<h3 style=\"margin:1.2em 0 .3em\">{}</h3>",
                    escape(&paragraph.heading)
                );
            }
            html.push_str("<table cellspacing=\"0\" cellpadding=\"2\">\n");
            for (count, line) in &paragraph.lines {
                let count = count.map_or(String::new(), |count| count.to_string());
                let _ = writeln!(
                    html,
                    "<tr><td align=\"right\" valign=\"top\"><b>{count}</b></td><td>{}</td></tr>",
                    escape(line)
                );
            }
            html.push_str("</table>\n");
        }
        let _ = writeln!(html, "<p style=\"color:#777\">{}</p>\n</body></html>", escape(FOOT));
        html
    }
}

/// What to do, in every digest.
const FOOT: &str = "Something in the wrong place? Drag it where it belongs; the next one follows. \
Why a message is where it is: postroom explain and its sender's address";

#[derive(Debug)]
struct Paragraph {
    heading: String,
    lines: Vec<(Option<u64>, String)>,
}

impl Paragraph {
    fn new(heading: &str, lines: Vec<(Option<u64>, String)>) -> Self {
        Self {
            heading: heading.to_owned(),
            lines,
        }
    }
}

pub(super) fn messages(count: u64) -> String {
    if count == 1 {
        "1 message".to_owned()
    } else {
        format!("{count} messages")
    }
}
