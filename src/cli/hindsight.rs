//! What came of replayed mail: which of it the user answered later, and so how often a verdict was right about him.

use std::collections::{BTreeMap, HashMap};
use std::io::Write;

use comfy_table::{CellAlignment, Table, presets};

use crate::sort::bucket::Bucket;
use crate::sort::mailbox::Timestamp;
use crate::sort::message::Message;
use crate::sort::sanitise;
use crate::sort::sent::{bare_subject, is_answer};
use crate::sort::verdict::{ReasonKind, Verdict};

/// Days after which a message with the same subject is no answer any more.
const ANSWERED_WITHIN_DAYS: f64 = 7.0;

/// One judged message.
#[derive(Debug)]
struct Judged {
    path: String,
    from: String,
    at: Timestamp,
    bucket: Bucket,
    kind: ReasonKind,
    answered: bool,
}

/// Every judged message, and how to find it when it is answered.
#[derive(Debug, Default)]
pub struct Hindsight {
    judged: Vec<Judged>,
    by_id: HashMap<String, usize>,
    by_subject: HashMap<(String, String), Vec<usize>>,
}

impl Hindsight {
    /// Takes note of a verdict.
    pub fn judged(&mut self, at: Timestamp, path: String, message: &Message, verdict: &Verdict) {
        let number = self.judged.len();
        let from = message.from().map(ToString::to_string).unwrap_or_default();
        self.by_id.extend(message.message_id.clone().map(|id| (id, number)));
        let subject = bare_subject(&message.subject);
        if !subject.is_empty() {
            self.by_subject.entry((from.clone(), subject)).or_default().push(number);
        }
        self.judged.push(Judged {
            path,
            from,
            at,
            bucket: verdict.bucket,
            kind: verdict.reason.kind,
            answered: false,
        });
    }

    /// Takes note of a message the user sent: what it answers by In-Reply-To, else by subject and recipient.
    pub fn sent(&mut self, at: Timestamp, message: &Message) {
        let replied = message.raw("in-reply-to").next().unwrap_or_default();
        let mut answered: Vec<usize> = Vec::new();
        for id in message.answers.iter().filter(|id| replied.contains(id.as_str())) {
            answered.extend(self.by_id.get(id));
        }
        if answered.is_empty() && is_answer(&message.subject) {
            let subject = bare_subject(&message.subject);
            for to in message.recipients() {
                let mine = self.by_subject.get(&(to.to_string(), subject.clone()));
                answered.extend(mine.into_iter().flatten());
            }
        }
        for number in answered {
            if let Some(judged) = self.judged.get_mut(number) {
                judged.answered |= at.days_since(judged.at) <= ANSWERED_WITHIN_DAYS || !replied.is_empty();
            }
        }
    }

    /// The table of reasons and buckets, the answered mail by bucket, and the answered messages that would have left
    /// the inbox, each by name.
    pub fn print(&self, out: &mut impl Write) -> std::io::Result<()> {
        let mut rows: BTreeMap<ReasonKind, [usize; 5]> = BTreeMap::new();
        for judged in &self.judged {
            count(rows.entry(judged.kind).or_default(), judged.bucket);
        }
        let (mut all, mut answered) = ([0; 5], [0; 5]);
        for judged in &self.judged {
            count(&mut all, judged.bucket);
            if judged.answered {
                count(&mut answered, judged.bucket);
            }
        }
        let named = rows.iter().map(|(kind, row)| (kind.as_str(), *row));
        let mut table = Table::new();
        table.load_style(presets::NOTHING);
        table.set_header(
            ["reason".to_owned()]
                .into_iter()
                .chain(Bucket::ALL.map(|b| b.to_string()))
                .chain(["all".to_owned()]),
        );
        for (name, row) in named.chain([("all", all), ("you answered", answered)]) {
            let sum: usize = row.iter().sum();
            table.add_row(
                [name.to_owned()]
                    .into_iter()
                    .chain(row.map(|n| n.to_string()))
                    .chain([sum.to_string()]),
            );
        }
        for column in table.column_iter_mut().skip(1) {
            column.set_cell_alignment(CellAlignment::Right);
        }
        writeln!(out, "{table}")?;
        let buried: Vec<&Judged> = self
            .judged
            .iter()
            .filter(|judged| judged.answered && judged.bucket.buries())
            .collect();
        if !buried.is_empty() {
            writeln!(out, "\nYou answered these, and they would have left the inbox:")?;
        }
        for judged in buried {
            let (path, from) = (sanitise(&judged.path), sanitise(&judged.from));
            writeln!(out, "  {}  {path}  {from}  ({})", judged.bucket, judged.kind.as_str())?;
        }
        Ok(())
    }
}

fn count(row: &mut [usize; 5], bucket: Bucket) {
    for (cell, of) in row.iter_mut().zip(Bucket::ALL) {
        *cell += usize::from(of == bucket);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sort::verdict::Reason;

    #[test]
    fn an_answered_message_that_left_the_inbox_is_named() {
        let mut hindsight = Hindsight::default();
        let verdict = |bucket| Verdict::new(bucket, Reason::new(ReasonKind::Evidence, "x"));
        for (id, bucket) in [(1, Bucket::News), (2, Bucket::Inbox), (3, Bucket::Bulk)] {
            let mail = format!("From: a{id}@x.example\r\nMessage-ID: <{id}@x>\r\nSubject: Topic {id}\r\n");
            let message = Message::parse(mail.as_bytes());
            hindsight.judged(Timestamp(0), format!("in/{id}"), &message, &verdict(bucket));
        }
        let day = Timestamp(86_400);
        hindsight.sent(
            day,
            &Message::parse(b"In-Reply-To: <1@x>\r\nTo: z@x.example\r\nSubject: other\r\n"),
        );
        hindsight.sent(day, &Message::parse(b"To: a2@x.example\r\nSubject: Re: topic 2\r\n"));
        hindsight.sent(day, &Message::parse(b"To: a3@x.example\r\nSubject: topic 3\r\n"));
        let mut out = Vec::new();
        hindsight.print(&mut out).unwrap();
        let text = String::from_utf8(out).unwrap();
        assert!(
            text.contains("in/1") && !text.contains("in/2") && !text.contains("in/3"),
            "{text}"
        );
    }
}
