//! What came of replayed mail: which of it the user answered, read or never opened, and so how often a verdict was right
//! about him.

use std::collections::{BTreeMap, HashMap};

use crate::sort::bucket::Bucket;
use crate::sort::mailbox::Timestamp;
use crate::sort::message::Message;
use crate::sort::sent::{bare_subject, is_answer};
use crate::sort::verdict::{ReasonKind, Verdict};

mod page;

/// Days after which a message with the same subject is no answer any more.
const ANSWERED_WITHIN_DAYS: f64 = 7.0;

/// What the user did with a message. Answered outweighs the rest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Deed {
    /// He answered it.
    Answered,
    /// He opened it (\Seen).
    Read,
    /// It was never opened.
    Unread,
    /// He threw it away without opening it.
    DeletedUnread,
    /// There are no flags to tell by.
    Unknown,
}

impl Deed {
    /// Every deed, in the order of the table.
    pub const ALL: [Deed; 5] = [
        Deed::Answered,
        Deed::Read,
        Deed::Unread,
        Deed::DeletedUnread,
        Deed::Unknown,
    ];

    /// What flags tell; `None` for mail that was stored without any. `deleted` is true for mail in the trash.
    pub fn by_flags(flags: Option<&[String]>, deleted: bool) -> Deed {
        let Some(flags) = flags else { return Deed::Unknown };
        let has = |name: &str| flags.iter().any(|flag| flag.eq_ignore_ascii_case(name));
        if has("\\Answered") {
            Deed::Answered
        } else if has("\\Seen") {
            Deed::Read
        } else if deleted || has("\\Deleted") {
            Deed::DeletedUnread
        } else {
            Deed::Unread
        }
    }

    /// The word in JSON.
    pub fn as_str(self) -> &'static str {
        match self {
            Deed::Answered => "answered",
            Deed::Read => "read",
            Deed::Unread => "unread",
            Deed::DeletedUnread => "deleted_unread",
            Deed::Unknown => "unknown",
        }
    }
}

/// One judged message.
#[derive(Debug)]
struct Judged {
    place: String,
    message_id: Option<String>,
    from: String,
    at: Timestamp,
    bucket: Bucket,
    kind: ReasonKind,
    text: String,
    deed: Deed,
}

/// Every judged message, and how to find it when it is answered.
#[derive(Debug, Default)]
pub struct Hindsight {
    judged: Vec<Judged>,
    by_id: HashMap<String, usize>,
    by_subject: HashMap<(String, String), Vec<usize>>,
}

/// Messages by bucket; buckets without any may be left out.
type Row = BTreeMap<Bucket, usize>;

impl Hindsight {
    /// Takes note of a verdict. `place` is where the message lies, as a person finds it.
    pub fn judged(&mut self, at: Timestamp, place: String, message: &Message, verdict: &Verdict, deed: Deed) {
        let number = self.judged.len();
        let from = message.from().map(ToString::to_string).unwrap_or_default();
        self.by_id.extend(message.message_id.clone().map(|id| (id, number)));
        let subject = bare_subject(&message.subject);
        if !subject.is_empty() {
            self.by_subject.entry((from.clone(), subject)).or_default().push(number);
        }
        self.judged.push(Judged {
            place,
            message_id: message.message_id.clone(),
            from,
            at,
            bucket: verdict.bucket,
            kind: verdict.reason.kind,
            text: verdict.reason.text.clone(),
            deed,
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
            if let Some(judged) = self.judged.get_mut(number)
                && (at.days_since(judged.at) <= ANSWERED_WITHIN_DAYS || !replied.is_empty())
            {
                judged.deed = Deed::Answered;
            }
        }
    }

    /// Messages by what the user did and by bucket; only deeds that occur.
    fn confusion(&self) -> BTreeMap<Deed, Row> {
        let mut table: BTreeMap<Deed, Row> = BTreeMap::new();
        for judged in &self.judged {
            count(table.entry(judged.deed).or_default(), judged.bucket);
        }
        table
    }

    /// Messages by the stage that decided and by bucket.
    fn reasons(&self) -> BTreeMap<ReasonKind, Row> {
        let mut table: BTreeMap<ReasonKind, Row> = BTreeMap::new();
        for judged in &self.judged {
            count(table.entry(judged.kind).or_default(), judged.bucket);
        }
        table
    }

    /// The messages the user answered that would have left the inbox for news, bulk or blackhole.
    fn buried(&self) -> impl Iterator<Item = &Judged> {
        self.judged
            .iter()
            .filter(|judged| judged.deed == Deed::Answered && judged.bucket.buries())
    }
}

fn count(row: &mut Row, bucket: Bucket) {
    *row.entry(bucket).or_default() += 1;
}

/// Messages of a row whose bucket is one of those.
fn sum(row: &Row, wanted: impl Fn(Bucket) -> bool) -> usize {
    let cells = row.iter().filter(|(bucket, _)| wanted(**bucket));
    cells.map(|(_, count)| count).sum()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sort::verdict::Reason;

    fn verdict(bucket: Bucket) -> Verdict {
        Verdict::new(bucket, Reason::new(ReasonKind::Evidence, "x"))
    }

    fn three() -> Hindsight {
        let mut hindsight = Hindsight::default();
        for (id, bucket) in [(1, Bucket::News), (2, Bucket::Inbox), (3, Bucket::Bulk)] {
            let mail = format!("From: a{id}@x.example\r\nMessage-ID: <{id}@x>\r\nSubject: Topic {id}\r\n");
            let message = Message::parse(mail.as_bytes());
            hindsight.judged(
                Timestamp(0),
                format!("in/{id}"),
                &message,
                &verdict(bucket),
                Deed::Unknown,
            );
        }
        hindsight
    }

    #[test]
    fn an_answered_message_that_left_the_inbox_is_named() {
        let mut hindsight = three();
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

    #[test]
    fn the_table_adds_up_in_json_too() {
        let mut hindsight = three();
        hindsight.sent(Timestamp(9), &Message::parse(b"In-Reply-To: <3@x>\r\n"));
        let value = hindsight.to_json();
        assert_eq!(value["messages"], 3);
        assert_eq!(value["confusion"]["answered"]["bulk"], 1);
        assert_eq!(value["confusion"]["unknown"]["all"], 2);
        assert_eq!(value["reasons"]["evidence"]["all"], 3);
        assert_eq!(value["answered_and_buried"][0]["place"], "in/3");
        assert_eq!(value["answered_and_buried"].as_array().unwrap().len(), 1);
    }

    #[test]
    fn flags_tell_what_the_user_did() {
        let flags = |names: &[&str]| names.iter().map(|&name| name.to_owned()).collect::<Vec<_>>();
        let deed = |names: &[&str], deleted| Deed::by_flags(Some(&flags(names)), deleted);
        assert_eq!(deed(&["\\Seen", "\\answered"], false), Deed::Answered);
        assert_eq!(deed(&["\\Seen"], true), Deed::Read);
        assert_eq!(deed(&["$Label1"], true), Deed::DeletedUnread);
        assert_eq!(deed(&["\\Deleted"], false), Deed::DeletedUnread);
        assert_eq!(deed(&[], false), Deed::Unread);
        assert_eq!(Deed::by_flags(None, false), Deed::Unknown);
    }
}
