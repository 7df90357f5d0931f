//! What the ledger tells of one message: a line for each thing that happened to it, where it is now, and what to do about it.

use std::collections::BTreeMap;
use std::io::{self, Write};

use crate::cli::log;
use crate::daemon::clock;
use crate::sort::bucket::Bucket;
use crate::sort::ledger::{Mid, Row, RowKind, State};
use crate::sort::mailbox::{Mailbox, Timestamp, Uid};
use crate::sort::sanitise;
use crate::sort::verdict::ReasonKind;

/// The rows of one message in one account, oldest first; never empty.
#[derive(Debug)]
pub(super) struct Story {
    /// The account.
    pub account: String,
    rows: Vec<Row>,
}

impl Story {
    /// Sorts rows by message.
    pub fn tell(rows: Vec<Row>) -> Vec<Self> {
        let mut by_message: BTreeMap<(String, Mid), Vec<Row>> = BTreeMap::new();
        for row in rows {
            let message = (row.account.clone(), row.entry.mid.clone());
            by_message.entry(message).or_default().push(row);
        }
        by_message
            .into_iter()
            .map(|((account, _), rows)| Self { account, rows })
            .collect()
    }

    /// Where the message was last, if its number there is known.
    pub fn place(&self) -> Option<(Mailbox, Uid)> {
        self.rows
            .iter()
            .rev()
            .find(|row| row.state == State::Done && row.entry.kind != RowKind::Copy)
            .and_then(|row| {
                let source = &row.entry.source;
                match (row.entry.kind, &row.entry.destination) {
                    (kind, Some(folder)) if kind.moves() => row.destination_uid.map(|(_, uid)| (folder.clone(), uid)),
                    _ => Some((source.mailbox.clone(), source.uid)),
                }
            })
    }

    /// Writes the story; `rules` is the digest of the rules in force today, `again` that they are asked next.
    pub fn write(&self, json: bool, rules: &str, again: bool, out: &mut dyn Write) -> io::Result<()> {
        if json {
            return self.rows.iter().try_for_each(|row| writeln!(out, "{}", object(row)));
        }
        let Some(last) = self.rows.last() else { return Ok(()) };
        let entry = &last.entry;
        let from = entry.from.as_ref().map_or_else(
            || "a sender whose From field is malformed".to_owned(),
            |from| sanitise(from.as_str()),
        );
        writeln!(out, "From {from}, account {}", sanitise(&self.account))?;
        if let Some(id) = &entry.message_id {
            writeln!(out, "Message-ID <{}>", sanitise(id.trim_matches(['<', '>'])))?;
        }
        writeln!(out)?;
        for row in &self.rows {
            write_row(row, out)?;
        }
        let done = |row: &&Row| row.state == State::Done && row.entry.kind != RowKind::Copy;
        let now = self.rows.iter().rev().find(done);
        if let Some(now) = now {
            let folder = match now.entry.kind {
                RowKind::Keep | RowKind::Preview => &now.entry.source.mailbox,
                _ => now.entry.destination.as_ref().unwrap_or(&now.entry.source.mailbox),
            };
            writeln!(out, "\nSo it was last seen in {}.", sanitise(folder.as_str()))?;
        }
        self.remedies(last, &from, rules, again, out)
    }

    fn remedies(&self, last: &Row, from: &str, rules: &str, again: bool, out: &mut dyn Write) -> io::Result<()> {
        let entry = &last.entry;
        let verdict = entry.kind.is_verdict();
        if !verdict || entry.from.is_none() {
            return Ok(());
        }
        writeln!(out, "\nTo change it:")?;
        if entry.kind == RowKind::Sort && last.state == State::Done {
            writeln!(out, "  take this move back            postroom undo --id {}", last.id)?;
        }
        let other = if entry.bucket == Bucket::Inbox {
            "BUCKET"
        } else {
            "inbox"
        };
        match (entry.reason.kind, &entry.reason.file, entry.reason.line) {
            (ReasonKind::Rule, Some(file), Some(line)) => {
                writeln!(out, "  change the rule                {}, line {line}", sanitise(file))?;
            }
            _ => {
                writeln!(
                    out,
                    "  for all of their mail          drag it where it belongs, or: postroom train {from} {other}"
                )?;
            }
        }
        if !again {
            let why = if *entry.rules == *rules {
                "ask every stage again         "
            } else {
                "your rules have changed since "
            };
            writeln!(out, "  {why} postroom explain {} --again", self.name())?;
        }
        Ok(())
    }

    /// How the message is named on the command line.
    fn name(&self) -> String {
        let plain = |c: char| c.is_ascii_alphanumeric() || "@.-_+=$".contains(c);
        let id = self.rows.last().and_then(|row| row.entry.message_id.as_deref());
        match (id.map(|id| id.trim_matches(['<', '>'])), self.place()) {
            (Some(id), _) if id.chars().all(plain) => id.to_owned(),
            (_, Some((folder, uid))) => format!("'{}/{uid}'", sanitise(folder.as_str())),
            _ => "MESSAGE-ID".to_owned(),
        }
    }
}

fn write_row(row: &Row, out: &mut dyn Write) -> io::Result<()> {
    let entry = &row.entry;
    let folder = entry.destination.as_ref().unwrap_or(&entry.source.mailbox);
    let folder = sanitise(folder.as_str());
    let what = match (entry.kind, row.state) {
        (RowKind::Keep, _) => format!("left in {folder}"),
        (RowKind::Preview, _) => format!("would have gone to {folder}, but mode is \"preview\""),
        (RowKind::Copy, State::Planned | State::Unknown) => format!("a copy is on its way to {folder}"),
        (RowKind::Copy, State::Done) => format!("copied to {folder}"),
        (RowKind::Copy, State::Void | State::Failed) => {
            format!("not copied to {folder}: {}", code(row, "no reason given"))
        }
        (RowKind::Sort | RowKind::Undo | RowKind::Hold | RowKind::Return, State::Planned) => {
            format!("on its way to {folder}")
        }
        (RowKind::Sort, State::Done) => format!("moved to {folder}"),
        (RowKind::Undo, State::Done) => format!("taken back to {folder}"),
        (RowKind::Sort | RowKind::Undo | RowKind::Hold | RowKind::Return, State::Void) => {
            format!("not moved to {folder}: {}", code(row, "it was gone before"))
        }
        (RowKind::Sort | RowKind::Undo | RowKind::Hold | RowKind::Return, State::Failed) => {
            format!(
                "not moved to {folder}, the server refused: {}",
                code(row, "no reason given")
            )
        }
        (RowKind::Sort | RowKind::Undo | RowKind::Hold | RowKind::Return, State::Unknown) => {
            format!("perhaps moved to {folder}: the connection was lost, and the folder will be looked at again")
        }
        (RowKind::Hold, State::Done) => format!("put into {folder} until the quiet hours are over"),
        (RowKind::Return, State::Done) => format!("brought back to {folder}"),
        (RowKind::Snooze, _) => format!("you put it into {folder}"),
        (RowKind::File, _) if entry.may_be_anothers() => format!("found in {folder}: {}", entry.reason.text),
        (RowKind::File, _) => format!("you filed it into {folder}"),
        (RowKind::Rescue, _) => format!("you put it back into {folder}"),
    };
    let number = match entry.kind {
        RowKind::Sort => format!("  #{}", row.id),
        _ => String::new(),
    };
    writeln!(out, "{}  {what}{number}", local(row.at))?;
    if entry.kind.is_verdict() {
        let bucket = entry.bucket;
        writeln!(
            out,
            "                  {bucket}, because {}",
            sanitise(&entry.reason.text)
        )?;
    }
    Ok(())
}

fn code(row: &Row, otherwise: &str) -> String {
    row.code.as_deref().map_or_else(|| otherwise.to_owned(), sanitise)
}

fn local(at: Timestamp) -> String {
    clock::local(at).strftime("%Y-%m-%d %H:%M").to_string()
}

/// The row as `postroom log --json` prints it, with the number the message has in the folder named.
fn object(row: &Row) -> serde_json::Value {
    let mut object = log::object(row);
    if let (Some(object), Some((_, uid))) = (object.as_object_mut(), row.destination_uid) {
        object.insert("uid".to_owned(), uid.0.into());
    }
    object
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::sample;
    use crate::store::Query;

    fn told(rows: Vec<Row>) -> String {
        let mut out = Vec::new();
        for story in Story::tell(rows) {
            story.write(false, "5f2a", false, &mut out).unwrap();
        }
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn a_move_is_told_with_its_reason_and_its_remedies() {
        let (_dir, records) = sample::records();
        let store = records.read().unwrap();
        let row = store.row(crate::sort::ledger::RowId(1)).unwrap().unwrap();
        let told = told(vec![row]);
        for words in [
            "From editor@news.example, account home\nMessage-ID <1@news.example>\n",
            "moved to News  #1\n                  news, because your rule `weeklies`\n",
            "So it was last seen in News.",
            "postroom undo --id 1",
            "10-lists.toml, line 4",
        ] {
            assert!(told.contains(words), "{words}\nin\n{told}");
        }
    }

    #[test]
    fn two_messages_are_two_stories_and_strangers_text_is_harmless() {
        let (_dir, records) = sample::records();
        let mut store = records.write().unwrap();
        let _ = store.plan("home", "r", records.now, &[sample::hostile()]).unwrap();
        let told = told(store.rows(&Query::default()).unwrap());
        assert!(told.matches("From ").count() >= 4, "{told}");
        assert!(!told.contains(['\x1b', '\x07', '\u{202e}', '\u{9b}', '\r']));
        assert!(told.contains("the server refused: OVERQUOTA"), "{told}");
    }
}
