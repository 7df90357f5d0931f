//! The hindsight as a page for people and as one JSON object.

use std::io::{self, Write};

use comfy_table::{CellAlignment, Table, presets};
use serde_json::{Map, Value, json};

use super::{Deed, Hindsight, Row, sum};
use crate::report::accuracy::Accuracy;
use crate::report::stats::ByBucket;
use crate::sort::bucket::Bucket;
use crate::sort::sanitise;

impl Hindsight {
    /// The table of reasons, the table of what the user did, how often the verdicts were right about him, and the
    /// answered messages that would have left the inbox, each by name.
    pub fn print(&self, out: &mut dyn Write) -> io::Result<()> {
        let (reasons, confusion) = (self.reasons(), self.confusion());
        let mut all = Row::new();
        for row in confusion.values() {
            add(&mut all, row);
        }
        let columns = columns(&all);
        let named = reasons.iter().map(|(kind, row)| (kind.as_str(), row));
        writeln!(out, "{}", table("decided by", &columns, named.chain([("all", &all)])))?;
        let deeds = confusion.iter().map(|(deed, row)| (words(*deed), row));
        writeln!(out, "\n{}", table("what you did", &columns, deeds))?;
        for (number, sentence) in self.rights().iter().enumerate() {
            let gap = if number == 0 { "\n" } else { "" };
            writeln!(out, "{gap}{sentence}")?;
        }
        let mut buried = self.buried().peekable();
        if buried.peek().is_some() {
            writeln!(out, "\nYou answered these, and they would have left the inbox:")?;
        }
        for judged in buried {
            let (place, from, why) = (sanitise(&judged.place), sanitise(&judged.from), sanitise(&judged.text));
            let kind = judged.kind.as_str();
            writeln!(out, "  {}  {place}  {from}  ({kind}: {why})", judged.bucket)?;
        }
        Ok(())
    }

    /// How often the verdicts would have been right about the user, in sentences.
    fn rights(&self) -> Vec<String> {
        let (confusion, mut sentences) = (self.confusion(), Vec::new());
        if let Some(row) = confusion.get(&Deed::Answered) {
            let (total, kept) = (sum(row, |_| true), sum(row, |bucket| !bucket.buries()));
            let top = sum(row, |bucket| bucket == Bucket::Top);
            sentences.push(format!(
                "Of {total} messages you answered, {kept} would have stayed in sight, {top} of them in top."
            ));
        }
        let mut ignored = Row::new();
        for row in [Deed::Unread, Deed::DeletedUnread]
            .iter()
            .filter_map(|deed| confusion.get(deed))
        {
            add(&mut ignored, row);
        }
        let total = sum(&ignored, |_| true);
        if total > 0 {
            let away = sum(&ignored, Bucket::buries);
            sentences.push(format!(
                "Of {total} messages you never opened, {away} would have been out of your way."
            ));
        }
        sentences
    }

    /// The same for the report's page.
    pub fn accuracy(&self) -> Accuracy {
        let buried = self
            .buried()
            .map(|judged| (judged.from.clone(), judged.bucket, judged.text.clone()));
        let rows = self.confusion().into_iter().map(|(deed, row)| {
            let mut counts = ByBucket::default();
            for (bucket, count) in row {
                (0..count).for_each(|_| counts.count(bucket));
            }
            (words(deed), counts)
        });
        Accuracy {
            sentences: self.rights(),
            rows: rows.collect(),
            buried: buried.collect(),
        }
    }

    /// `{"messages","confusion":{DEED:{BUCKET:n,"all":n}},"reasons":{KIND:{..}},"answered_and_buried":[..]}`.
    pub fn to_json(&self) -> Value {
        let confusion = self.confusion();
        let buried: Vec<Value> = self
            .buried()
            .map(|judged| {
                json!({
                    "place": judged.place,
                    "message_id": judged.message_id,
                    "from": judged.from,
                    "bucket": judged.bucket,
                    "reason": { "kind": judged.kind, "text": judged.text },
                })
            })
            .collect();
        let deeds = Deed::ALL
            .into_iter()
            .map(|deed| (deed.as_str(), confusion.get(&deed).cloned().unwrap_or_default()));
        json!({
            "messages": self.judged.len(),
            "confusion": rows(deeds),
            "reasons": rows(self.reasons().iter().map(|(kind, row)| (kind.as_str(), row.clone()))),
            "answered_and_buried": buried,
        })
    }
}

fn words(deed: Deed) -> &'static str {
    match deed {
        Deed::Answered => "you answered",
        Deed::Read => "you read",
        Deed::Unread => "you left unread",
        Deed::DeletedUnread => "you deleted unread",
        Deed::Unknown => "not answered, no flags",
    }
}

fn rows<'a>(named: impl Iterator<Item = (&'a str, Row)>) -> Value {
    let object = named.map(|(name, row)| {
        let cells = columns(&row)
            .into_iter()
            .map(|bucket| (bucket.to_string(), json!(row.get(&bucket).copied().unwrap_or(0))));
        let all = ("all".to_owned(), json!(sum(&row, |_| true)));
        (name.to_owned(), Value::Object(cells.chain([all]).collect()))
    });
    Value::Object(object.collect::<Map<String, Value>>())
}

fn add(all: &mut Row, row: &Row) {
    for (bucket, count) in row {
        *all.entry(*bucket).or_default() += count;
    }
}

/// The built-in buckets, and the own ones that have any.
fn columns(all: &Row) -> Vec<Bucket> {
    let own = all.keys().filter(|bucket| matches!(bucket, Bucket::Own(_)));
    Bucket::BUILT_IN.into_iter().chain(own.copied()).collect()
}

fn table<'a>(first: &str, columns: &[Bucket], named: impl Iterator<Item = (&'a str, &'a Row)>) -> Table {
    let line = |name: &str, cells: Vec<String>, last: String| {
        let mut line = vec![name.to_owned()];
        line.extend(cells);
        line.push(last);
        line
    };
    let mut table = Table::new();
    table.load_style(presets::NOTHING).set_header(line(
        first,
        columns.iter().map(Bucket::to_string).collect(),
        "all".to_owned(),
    ));
    for (name, row) in named {
        table.add_row(line(
            name,
            columns
                .iter()
                .map(|bucket| row.get(bucket).copied().unwrap_or(0).to_string())
                .collect(),
            sum(row, |_| true).to_string(),
        ));
    }
    for column in table.column_iter_mut().skip(1) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    table
}
