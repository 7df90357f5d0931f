//! The digest: what Postroom did since the last one, as a few paragraphs that render to plain text and to HTML.
//!
//! Everything comes from the ledger and the lessons; no subject is kept there, so none is told. The counts add up to the
//! arrivals. Remote content: none.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use jiff::tz::TimeZone;

use super::escape::escape;
use super::stats::{ByBucket, Corrections, is_correction};
use super::suggestion::{self, Suggestions, Told};
use crate::sort::bucket::Bucket;
use crate::sort::ledger::{RowKind, State};
use crate::sort::mailbox::Timestamp;
use crate::sort::sanitise;
use crate::sort::sender::Address;
use crate::sort::taught::{Lesson, Teacher};
use crate::store::{Query, Store, StoreError};

/// Senders named in one paragraph; the rest is counted.
const NAMED: usize = 12;

/// A sender who was silent for this long is as good as new. Seconds.
const MEMORY: i64 = 365 * 86_400;

/// What happened in one account between two instants.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Digest {
    /// The account.
    pub account: String,
    /// From here on.
    pub since: Timestamp,
    /// Up to here.
    pub until: Timestamp,
    /// Verdicts.
    pub arrived: ByBucket,
    /// The account moves nothing: what is told is what would have happened.
    pub preview: bool,
    /// Where mail was filed: folder, then sender with messages.
    pub filed: BTreeMap<String, BTreeMap<String, u64>>,
    /// Senders of whom a message was moved for the first time.
    pub first_time: Vec<String>,
    /// What was learned.
    pub lessons: Vec<Lesson>,
    /// What the user put right.
    pub corrections: Corrections,
    /// Moves the server refused.
    pub refused: u64,
    /// Moves whose outcome is not known yet.
    pub open: usize,
    /// Lessons held back until the user confirms them.
    pub held: usize,
    /// Messages that came back into the inbox because their time had come.
    pub returned: u64,
    /// Messages that wait for their time, by folder.
    pub waiting: BTreeMap<String, u64>,
    /// What the user's flags suggest and no digest has told yet.
    pub suggestions: Vec<Told>,
}

impl Digest {
    /// Reads the ledger and the lessons.
    pub fn gather(store: &Store, account: &str, since: Timestamp, until: Timestamp) -> Result<Self, StoreError> {
        let mut digest = Self {
            account: account.to_owned(),
            since,
            until,
            open: store.open_rows(account)?.len(),
            held: store.held(account)?.len(),
            ..Self::default()
        };
        let all = Query {
            account: Some(account.to_owned()),
            since: Some(since),
            until: Some(until),
            ..Query::default()
        };
        let mut moved: BTreeSet<Address> = BTreeSet::new();
        store.each_row(&all, |row| {
            let entry = &row.entry;
            match entry.kind {
                RowKind::Keep | RowKind::Preview | RowKind::Sort | RowKind::Hold => {
                    digest.arrived.count(entry.bucket);
                    digest.preview |= entry.kind == RowKind::Preview;
                    digest.refused += u64::from(row.state == State::Failed);
                    let went = matches!(
                        (entry.kind, row.state),
                        (RowKind::Preview, _) | (RowKind::Sort, State::Done)
                    );
                    if let Some(folder) = entry.destination.as_ref().filter(|_| went) {
                        let from = entry.from.as_ref().map_or("(no readable sender)", Address::as_str);
                        let senders = digest.filed.entry(folder.as_str().to_owned()).or_default();
                        *senders.entry(from.to_owned()).or_default() += 1;
                        moved.extend(entry.from.clone());
                    }
                }
                RowKind::File => digest.corrections.filed += u64::from(!entry.may_be_anothers()),
                RowKind::Rescue => digest.corrections.rescued += u64::from(is_correction(row)),
                RowKind::Undo => digest.corrections.undone += u64::from(row.state == State::Done),
                RowKind::Return => digest.returned += u64::from(row.state == State::Done),
                RowKind::Snooze => {}
            }
        })?;
        let before = Query {
            account: Some(account.to_owned()),
            since: Some(Timestamp(since.0 - MEMORY)),
            until: Some(since),
            kinds: vec![RowKind::Sort, RowKind::Preview],
            ..Query::default()
        };
        store.each_row(&before, |row| {
            if let Some(from) = &row.entry.from {
                moved.remove(from);
            }
        })?;
        digest.first_time = moved.into_iter().map(|from| from.as_str().to_owned()).collect();
        for row in store.waiting(account)? {
            let folder = row.entry.destination.unwrap_or(row.entry.source.mailbox);
            *digest.waiting.entry(folder.as_str().to_owned()).or_default() += 1;
        }
        let noted = store.get_note(account, suggestion::NOTE)?;
        let noted = noted.and_then(|text| serde_json::from_str::<Suggestions>(&text).ok());
        digest.suggestions = noted.unwrap_or_default().fresh;
        digest.lessons = store.lessons(account)?;
        digest.lessons.retain(|lesson| lesson.at >= since && lesson.at < until);
        digest.lessons.sort_by_key(|lesson| lesson.at);
        Ok(digest)
    }

    /// True when there is nothing worth a mail: nothing was filed, learned or refused.
    pub fn is_empty(&self) -> bool {
        self.filed.is_empty()
            && self.lessons.is_empty()
            && self.corrections == Corrections::default()
            && self.refused == 0
            && self.held == 0
            && self.suggestions.is_empty()
            && self.waiting.is_empty()
            && self.returned == 0
    }

    /// The subject; plain ASCII, holds nothing foreign.
    pub fn subject(&self) -> String {
        let filed: u64 = self.filed.values().flat_map(BTreeMap::values).sum();
        let verb = if self.preview { "would have been filed" } else { "filed" };
        format!("Postroom: {} arrived, {filed} {verb}", messages(self.arrived.total()))
    }

    /// The paragraphs: a heading, and lines with a count or without.
    fn paragraphs(&self) -> Vec<Paragraph> {
        let mut paragraphs = vec![self.sum()];
        for (folder, senders) in &self.filed {
            paragraphs.push(self.filed_into(folder, senders));
        }
        paragraphs.push(self.waits());
        paragraphs.push(self.learned());
        paragraphs.push(self.put_right());
        paragraphs.push(self.suggested());
        paragraphs.push(self.problems());
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
        for paragraph in self.paragraphs() {
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
        for paragraph in self.paragraphs() {
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
Why a message is where it is: postroom explain MESSAGE-ID";

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

fn messages(count: u64) -> String {
    if count == 1 {
        "1 message".to_owned()
    } else {
        format!("{count} messages")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::sample;

    fn digest() -> Digest {
        let (_dir, records) = sample::records();
        let store = Store::open_read_only(&records.state).unwrap();
        let since = Timestamp(sample::THEN.0 - 3_600);
        Digest::gather(&store, "home", since, records.now).unwrap()
    }

    #[test]
    fn it_tells_what_happened_and_adds_up() {
        let expected = "\
home, Wed 18 Nov 10:06 to Wed 18 Nov 11:08

4 messages arrived = 1 top + 1 news + 2 bulk

Moved to News: 1 message
     1  editor@news.example  (for the first time)

Learned from you
  Mail from shop@shop.example now goes to blackhole: you dragged a message there
  Mail from the list talk.example.org now goes to news: you said so

Put right by you
     1  filed by you

To look at
     1  refused by the server; they are still in the inbox. Why: postroom log --only sort
     1  on their way, and will be looked for again: the connection was lost

-- 
Something in the wrong place? Drag it where it belongs; the next one follows. Why a message is where it is: postroom explain MESSAGE-ID
";
        assert_eq!(digest().text(&TimeZone::UTC), expected);
    }

    #[test]
    fn a_quiet_time_is_empty_and_the_next_one_begins_where_this_one_ended() {
        let (_dir, records) = sample::records();
        let store = Store::open_read_only(&records.state).unwrap();
        let later = Digest::gather(&store, "home", records.now, Timestamp(records.now.0 + 60)).unwrap();
        assert!(later.is_empty() && !digest().is_empty());
    }

    #[test]
    fn html_tells_the_same_and_fetches_nothing() {
        let mut digest = digest();
        let senders = digest.filed.get_mut("News").unwrap();
        senders.insert("\"<img src=//x.example>\"@example.org".to_owned(), 2);
        let html = digest.html(&TimeZone::UTC);
        assert!(html.contains("&lt;img src=//x.example&gt;"), "{html}");
        for forbidden in ["<img", "<script", "<link", "url(", "href", "src="] {
            assert!(!html.replace("&lt;img src=//", "").contains(forbidden), "{forbidden}");
        }
        assert!(html.contains("1 top + 1 news + 2 bulk"));
    }
}
