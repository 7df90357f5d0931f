//! The digest: what Postroom did since the last one, as a few paragraphs that render to plain text and to HTML (`page`).
//!
//! Everything but the unanswered letters comes from the ledger and the lessons; no subject is kept there, so none is told.
//! The counts add up to the arrivals. Remote content: none.

mod page;

use std::collections::{BTreeMap, BTreeSet};

use page::messages;

use super::stats::{ByBucket, Corrections, is_correction};
use super::suggestion::{self, Suggestions, Told};
use crate::sort::ledger::{RowKind, State};
use crate::sort::mailbox::Timestamp;
use crate::sort::sender::Address;
use crate::sort::taught::Lesson;
use crate::sort::unanswered::Letter;
use crate::store::{Query, Store, StoreError};

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
    /// Letters of the user's that nobody has answered, oldest first; only where he asks for it. Read from Sent for
    /// this digest; a subject is kept nowhere.
    pub unanswered: Vec<Letter>,
    /// Senders are named by pseudonyms.
    pub hashed: bool,
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
            hashed: store.names().are_used(),
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
                // A copy is not another message.
                RowKind::Snooze | RowKind::Copy => {}
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
            && self.unanswered.is_empty()
            && self.waiting.is_empty()
            && self.returned == 0
    }

    /// The subject; plain ASCII, holds nothing foreign.
    pub fn subject(&self) -> String {
        let filed: u64 = self.filed.values().flat_map(BTreeMap::values).sum();
        let verb = if self.preview { "would have been filed" } else { "filed" };
        format!("Postroom: {} arrived, {filed} {verb}", messages(self.arrived.total()))
    }
}

#[cfg(test)]
mod tests {
    use jiff::tz::TimeZone;

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
Something in the wrong place? Drag it where it belongs; the next one follows. Why a message is where it is: postroom explain and its sender's address
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
