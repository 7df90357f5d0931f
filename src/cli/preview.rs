//! `postroom preview`: what would happen to the mail now in the inbox. The folder is opened with EXAMINE and nothing is
//! written anywhere.

use std::collections::BTreeMap;
use std::io::{self, Write};

use comfy_table::{CellAlignment, Table, presets};

use super::context::{Context, account, block_on, visit_to_look};
use super::verdict_json::{Subject, object};
use super::{exit, hindsight_imap, logging, since};
use crate::daemon::logbook::Logbook;
use crate::daemon::plan::Fate;
use crate::sort::bucket::Bucket;
use crate::sort::mailbox::Timestamp;

/// Options of `postroom preview`.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example: postroom preview --since 30d")]
pub struct Args {
    /// Only mail that arrived since then: 30d, 12h, 2026-11-01
    #[arg(long, value_parser = since::argument, value_name = "WHEN")]
    pub since: Option<Timestamp>,
    /// In place of that, replay the mail since then as if Postroom had been running, and compare with what you did: 90d
    #[arg(long, value_parser = since::argument, value_name = "WHEN", conflicts_with = "since")]
    pub replay: Option<Timestamp>,
    /// The account, when there are several
    #[arg(long, value_name = "NAME")]
    pub account: Option<String>,
    /// One JSON object a message
    #[arg(long)]
    pub json: bool,
}

/// Prints the plan.
pub fn run(args: &Args, context: &Context) -> anyhow::Result<u8> {
    if let Some(since) = args.replay {
        return hindsight_imap::run(since, args.account.as_deref(), args.json, context);
    }
    logging::start("warn");
    let (config, keeper) = context.config_and_rules()?;
    let account = account(&config, args.account.as_deref())?;
    let logbook = Logbook::new(&account.name, None);
    let fates = block_on(async {
        let mut visit = visit_to_look(&config, account, keeper.current(), &logbook).await?;
        let fates = visit.plan(args.since).await?;
        visit.session.logout().await;
        Ok::<_, crate::daemon::DaemonError>(fates)
    })??;
    let mut out = io::stdout().lock();
    if args.json {
        for fate in &fates {
            let reason = &fate.verdict.reason;
            let object = object(
                Subject::Uid(fate.uid.0),
                fate.message_id.as_deref(),
                Some(&fate.from),
                fate.verdict.bucket,
                &fate.folder,
                reason,
            );
            writeln!(out, "{}", serde_json::Value::Object(object))?;
        }
    } else {
        write_plan(&mut out, &fates)?;
    }
    Ok(exit::OK)
}

/// The plan for people: the sum, and the senders behind each bucket that moves.
pub fn write_plan(out: &mut dyn Write, fates: &[Fate]) -> io::Result<()> {
    writeln!(out, "{}", sum(fates))?;
    let moving: Vec<&Fate> = fates.iter().filter(|fate| fate.entry.is_some()).collect();
    if moving.is_empty() {
        return writeln!(out, "Nothing would move.");
    }
    let mut senders: BTreeMap<(Bucket, &str, &str), (usize, &str)> = BTreeMap::new();
    for fate in &moving {
        let row = senders.entry((fate.verdict.bucket, fate.folder.as_str(), fate.from.as_str()));
        let (count, _) = row.or_insert((0, fate.verdict.reason.text.as_str()));
        *count += 1;
    }
    let mut rows: Vec<_> = senders.into_iter().collect();
    rows.sort_by(|((bucket, ..), (count, _)), ((other, ..), (than, _))| (bucket, than).cmp(&(other, count)));
    let mut table = Table::new();
    table
        .load_style(presets::NOTHING)
        .set_header(["to", "messages", "from", "because"]);
    for ((_, folder, from), (count, why)) in rows {
        table.add_row([folder, &count.to_string(), from, why]);
    }
    if let Some(column) = table.column_mut(1) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    writeln!(out, "\n{table}")
}

/// "512 in INBOX = 44 top + 201 inbox + ...", which always adds up.
fn sum(fates: &[Fate]) -> String {
    let settled = fates.iter().filter(|fate| fate.settled).count();
    let mut parts: Vec<String> = Bucket::ALL
        .into_iter()
        .map(|bucket| {
            (
                fates
                    .iter()
                    .filter(|fate| !fate.settled && fate.verdict.bucket == bucket)
                    .count(),
                bucket,
            )
        })
        .filter(|(count, _)| *count > 0)
        .map(|(count, bucket)| format!("{count} {bucket}"))
        .collect();
    if settled > 0 {
        parts.push(format!("{settled} that you put there yourself"));
    }
    format!(
        "{} in INBOX = {}",
        fates.len(),
        if parts.is_empty() {
            "0".to_owned()
        } else {
            parts.join(" + ")
        }
    )
}
