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
mod tests {
    use super::*;
    use crate::cli::sample;
    use crate::sort::ledger::Outcome;

    fn said(args: &LogArgs, records: &Records) -> String {
        let mut out = Vec::new();
        assert_eq!(run(args, records, &mut out).unwrap(), 0);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn lines_are_for_people() {
        let (_dir, records) = sample::records();
        let said = said(&LogArgs::default(), &records);
        let expected = "\
2026-11-18 11:06:40  sort    News        editor@news.example             your rule `weeklies`  #1
2026-11-18 11:06:40  keep    INBOX       anna@example.org                you wrote to them twice  #2
2026-11-18 11:06:40  sort    Bulk        shop@shop.example               an advertisement  [failed: OVERQUOTA]  #3
2026-11-18 11:06:40  sort    Bulk        (no clear sender)               an advertisement  [on its way]  #4
2026-11-18 11:07:40  file    Blackhole   shop@shop.example               you filed it there  #5
";
        assert_eq!(said, expected);
    }

    #[test]
    fn json_has_the_fields_of_the_contract() {
        let (_dir, records) = sample::records();
        let said = said(
            &LogArgs {
                json: true,
                limit: Some(5),
                ..LogArgs::default()
            },
            &records,
        );
        let first: Value = serde_json::from_str(said.lines().next().unwrap()).unwrap();
        assert_eq!(
            first,
            json!({
                "id": 1, "at": "2026-11-18T11:06:40Z", "account": "home", "run": "r1", "kind": "sort", "state": "done",
                "uid": 41, "message_id": "<1@news.example>", "from": "editor@news.example", "bucket": "news",
                "source": "INBOX", "folder": "News",
                "reason": {
                    "kind": "rule", "text": "your rule `weeklies`", "rule": "weeklies", "file": "10-lists.toml", "line": 4
                },
                "code": null, "undoes": null
            })
        );
        assert_eq!(said.lines().count(), 5);
    }

    #[test]
    fn conditions_narrow_and_mistakes_are_told() {
        let (_dir, records) = sample::records();
        let ids = |args: LogArgs| -> Vec<i64> {
            said(&LogArgs { json: true, ..args }, &records)
                .lines()
                .map(|line| serde_json::from_str::<Value>(line).unwrap()["id"].as_i64().unwrap())
                .collect()
        };
        assert_eq!(
            ids(LogArgs {
                limit: Some(2),
                ..LogArgs::default()
            }),
            [4, 5]
        );
        assert_eq!(
            ids(LogArgs {
                since: Some("90s".to_owned()),
                ..LogArgs::default()
            }),
            [5]
        );
        assert_eq!(
            ids(LogArgs {
                only: vec!["keep".to_owned(), "file".to_owned()],
                ..LogArgs::default()
            }),
            [2, 5]
        );
        assert_eq!(
            ids(LogArgs {
                from: Some("Shop@shop.example".to_owned()),
                ..LogArgs::default()
            }),
            [3, 5]
        );
        assert_eq!(
            ids(LogArgs {
                to: Some("Blackhole".to_owned()),
                ..LogArgs::default()
            }),
            [5]
        );
        for wrong in [
            LogArgs {
                only: vec!["delete".to_owned()],
                ..LogArgs::default()
            },
            LogArgs {
                account: Some("nobody".to_owned()),
                ..LogArgs::default()
            },
            LogArgs {
                from: Some("nobody".to_owned()),
                ..LogArgs::default()
            },
            LogArgs {
                since: Some("soon".to_owned()),
                ..LogArgs::default()
            },
        ] {
            assert!(run(&wrong, &records, &mut Vec::new()).is_err(), "{wrong:?}");
        }
    }

    #[test]
    fn a_follower_shows_new_rows_once_their_outcome_is_known() {
        let (_dir, records) = sample::records();
        let mut store = records.write().unwrap();
        let mut looks = 0;
        let wait = || {
            looks += 1;
            match looks {
                1 => {
                    let _ = store.plan("home", "r2", records.now, &[sample::entry(7)]).unwrap();
                }
                3 => store.close(records.now, &[(RowId(6), Outcome::Done(None))]).unwrap(),
                _ => {}
            }
            looks < 5
        };
        let mut out = Vec::new();
        let args = LogArgs {
            follow: true,
            limit: Some(1),
            ..LogArgs::default()
        };
        run_with(&args, &records, wait, &mut out).unwrap();
        let said = String::from_utf8(out).unwrap();
        let numbers: Vec<&str> = said
            .lines()
            .filter_map(|line| line.rsplit_once('#'))
            .map(|(_, id)| id)
            .collect();
        assert_eq!(numbers, ["5", "6"], "{said}");
        assert!(!said.contains("on its way"));
    }

    #[test]
    fn no_foreign_text_reaches_a_terminal_as_it_is() {
        let (_dir, records) = sample::records();
        let mut store = records.write().unwrap();
        let _ = store.plan("home", "r2", records.now, &[sample::hostile()]).unwrap();
        for json in [false, true] {
            let said = said(
                &LogArgs {
                    json,
                    ..LogArgs::default()
                },
                &records,
            );
            assert!(said.contains("hostile"), "{said}");
            assert!(!said.contains(['\x1b', '\x07', '\u{202e}', '\u{9b}']), "{said:?}");
        }
    }

    #[test]
    fn colours_are_for_terminals() {
        let (_dir, mut records) = sample::records();
        records.colour = true;
        assert!(said(&LogArgs::default(), &records).contains("\x1b[34mNews"));
        assert!(
            !said(
                &LogArgs {
                    json: true,
                    ..LogArgs::default()
                },
                &records
            )
            .contains('\x1b')
        );
    }
}
