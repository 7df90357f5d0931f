//! `postroom log`: what was done with which message, when and why; as lines for people or JSON for programs.

use std::io::Write;
use std::thread;
use std::time::Duration;

use anyhow::bail;
use clap::Args;
use serde_json::{Value, json};

use super::records::{Records, explain_names, rfc3339};
use super::since;
use super::verdict_json::reason_object;
use crate::sort::bucket::Bucket;
use crate::sort::ledger::{Row, RowId, RowKind, State};
use crate::sort::mailbox::Mailbox;
use crate::sort::sanitise;
use crate::sort::sender::Address;
use crate::store::{Query, Store};

/// Rows shown when nothing says how many.
const SHOWN: u32 = 50;

/// How often a follower looks for news.
const PERIOD: Duration = Duration::from_millis(500);

/// Show what was done with which message, and why
#[derive(Debug, Clone, Default, Args)]
#[command(
    after_help = "Examples:\n  last night                postroom log --since 8h\n  one sender                postroom log --since yesterday --from editor@news.example\n  what went to Bulk         postroom log --since today --to Bulk"
)]
pub struct LogArgs {
    /// Go on showing what happens until interrupted
    #[arg(short, long)]
    pub follow: bool,
    /// One JSON object a line
    #[arg(long)]
    pub json: bool,
    /// From this time on: 1h, 30d, today, 2026-11-22 or "2026-11-22 14:00"
    #[arg(long, value_name = "TIME")]
    pub since: Option<String>,
    /// Of this account only
    #[arg(long, value_name = "NAME")]
    pub account: Option<String>,
    /// At most so many, the newest [default: 50, or all with --since]
    #[arg(short = 'n', long, value_name = "N")]
    pub limit: Option<u32>,
    /// About mail from this address only
    #[arg(long, value_name = "ADDRESS")]
    pub from: Option<String>,
    /// What went to this folder only
    #[arg(long, value_name = "FOLDER")]
    pub to: Option<String>,
    /// Only these: keep, preview, sort, copy, undo, file, rescue, snooze, hold, return
    #[arg(long, value_name = "VERB", value_delimiter = ',')]
    pub only: Vec<String>,
}

/// Runs the command; 0 unless it cannot.
pub fn run(args: &LogArgs, records: &Records, out: &mut dyn Write) -> anyhow::Result<u8> {
    let wait = || {
        thread::sleep(PERIOD);
        true
    };
    run_with(args, records, wait, out)
}

/// As [`run`]; a follower calls `wait` between two looks and ends when it answers false.
fn run_with(args: &LogArgs, records: &Records, wait: impl FnMut() -> bool, out: &mut dyn Write) -> anyhow::Result<u8> {
    let store = records.read()?;
    let several = records.chosen(&store, args.account.as_deref())?.len() > 1;
    let query = query(args, records)?;
    let mut rows = store.rows(&query)?;
    rows.reverse();
    let mut show = |row: &Row| -> anyhow::Result<()> {
        if args.json {
            writeln!(out, "{}", object(row))?;
        } else {
            writeln!(out, "{}", line(row, records, several))?;
        }
        Ok(out.flush()?)
    };
    rows.iter().try_for_each(&mut show)?;
    if rows.is_empty() && !args.json {
        eprintln!("Nothing of the kind is recorded.");
    }
    if args.follow {
        follow(&store, &query, &rows, wait, show)?;
    } else if !args.json {
        explain_names(&store, out)?;
    }
    Ok(0)
}

fn query(args: &LogArgs, records: &Records) -> anyhow::Result<Query> {
    let since = args
        .since
        .as_deref()
        .map(|text| since::parse(text, &records.local(records.now)))
        .transpose()?;
    let from = match &args.from {
        None => None,
        Some(text) => match Address::parse(text) {
            None => bail!("`{}` is not an e-mail address", sanitise(text)),
            address => address,
        },
    };
    let mut kinds = Vec::new();
    for word in &args.only {
        match RowKind::ALL.into_iter().find(|kind| kind.as_str() == word) {
            Some(kind) => kinds.push(kind),
            None => bail!(
                "`{}` is no verb; there are keep, preview, sort, copy, undo, file, rescue, snooze, hold and return",
                sanitise(word)
            ),
        }
    }
    Ok(Query {
        account: args.account.clone(),
        since,
        from,
        destination: args.to.as_deref().map(Mailbox::new),
        kinds,
        limit: args.limit.or_else(|| since.is_none().then_some(SHOWN)),
        newest_first: true,
        ..Query::default()
    })
}

/// Shows rows as they come. A planned one is shown once its outcome is known.
fn follow(
    store: &Store,
    query: &Query,
    shown: &[Row],
    mut wait: impl FnMut() -> bool,
    mut show: impl FnMut(&Row) -> anyhow::Result<()>,
) -> anyhow::Result<()> {
    let newest = store.rows(&Query {
        newest_first: true,
        limit: Some(1),
        ..Query::default()
    })?;
    let mut seen = newest.first().map_or(RowId(0), |row| row.id);
    let mut open: Vec<RowId> = shown
        .iter()
        .filter(|row| row.state.is_open())
        .map(|row| row.id)
        .collect();
    while wait() {
        let mut closed = Vec::new();
        for id in std::mem::take(&mut open) {
            match store.row(id)? {
                Some(row) if row.state.is_open() => open.push(id),
                Some(row) => closed.push(row),
                None => {}
            }
        }
        let news = Query {
            after_id: Some(seen),
            since: None,
            limit: None,
            newest_first: false,
            ..query.clone()
        };
        for row in store.rows(&news)? {
            seen = seen.max(row.id);
            if row.state.is_open() {
                open.push(row.id);
            } else {
                closed.push(row);
            }
        }
        closed.iter().try_for_each(&mut show)?;
    }
    Ok(())
}

/// Where the message is after the row, as far as the row knows.
fn folder(row: &Row) -> &Mailbox {
    row.entry.destination.as_ref().unwrap_or(&row.entry.source.mailbox)
}

/// The object of design section 7, with what a row knows beyond a verdict.
pub(super) fn object(row: &Row) -> Value {
    let entry = &row.entry;
    json!({
        "id": row.id,
        "at": rfc3339(row.at),
        "account": row.account,
        "run": row.run,
        "kind": entry.kind.as_str(),
        "state": row.state.as_str(),
        "uid": entry.source.uid,
        "message_id": entry.message_id.as_deref().map(sanitise),
        "from": entry.from.as_ref().map(|from| sanitise(from.as_str())),
        "bucket": entry.bucket.as_str(),
        "source": sanitise(entry.source.mailbox.as_str()),
        "folder": sanitise(folder(row).as_str()),
        "reason": reason_object(&entry.reason),
        "code": row.code.as_deref().map(sanitise),
        "undoes": entry.undoes,
    })
}

/// `2026-11-22 04:10:31  sort    News  editor@news.example  your rule `weeklies`  #12`
fn line(row: &Row, records: &Records, several: bool) -> String {
    let entry = &row.entry;
    let verb = format!("{:<7}", entry.kind.as_str());
    let account = if several {
        format!("{}  ", sanitise(&row.account))
    } else {
        String::new()
    };
    let place = format!("{:<10}", sanitise(folder(row).as_str()));
    let from = entry
        .from
        .as_ref()
        .map_or_else(|| "(no clear sender)".to_owned(), |from| sanitise(from.as_str()));
    let note = row
        .code
        .as_deref()
        .map(|code| format!(": {}", sanitise(code)))
        .unwrap_or_default();
    let outcome = match row.state {
        State::Done => String::new(),
        State::Planned => "  [on its way]".to_owned(),
        State::Void => format!("  [not moved{note}]"),
        State::Failed => format!("  [failed{note}]"),
        State::Unknown => "  [no answer from the server yet]".to_owned(),
    };
    let (verb, place) = if records.colour {
        let colour = colour(entry.bucket);
        (format!("{colour}{verb}\x1b[0m"), format!("{colour}{place}\x1b[0m"))
    } else {
        (verb, place)
    };
    format!(
        "{}  {account}{verb} {place}  {from:<30}  {}{outcome}  #{}",
        records.clock(row.at),
        sanitise(&entry.reason.text),
        row.id
    )
}

/// The escape sequence a bucket is written in on a terminal.
pub(super) fn colour(bucket: Bucket) -> &'static str {
    match bucket {
        Bucket::Top => "\x1b[32m",
        Bucket::Inbox => "\x1b[0m",
        Bucket::News => "\x1b[34m",
        Bucket::Bulk => "\x1b[33m",
        Bucket::Blackhole => "\x1b[90m",
        Bucket::Own(_) => "\x1b[36m",
    }
}

#[cfg(test)]
mod tests;
