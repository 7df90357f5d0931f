//! `postroom explain`: why a message is where it is, from the ledger, or what the verdict on a file would be.

use std::io::{self, Write};
use std::path::Path;

use anyhow::{Context as _, bail};
use serde_json::{Value, json};

use super::context::{Context, account, block_on, store_to_read};
use super::exit;
use super::verdict_json::{Subject, object};
use crate::config::{Account, Config};
use crate::daemon::layout::Layout;
use crate::daemon::{clock, model};
use crate::sort::ledger::{Mid, Row, RowKind};
use crate::sort::mailbox::{Location, Mailbox, Uid, UidValidity};
use crate::sort::message::Message;
use crate::sort::rules::RuleSet;
use crate::sort::{Arrival, Decision, sanitise};
use crate::store::Query;

/// Options of `postroom explain`.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  postroom explain letter.eml\n  postroom explain '<1234@shop.example>'")]
pub struct Args {
    /// A raw message in a file, or a Message-ID
    #[arg(value_name = "FILE.eml|MESSAGE-ID")]
    pub what: String,
    /// The account, when there are several
    #[arg(long, value_name = "NAME")]
    pub account: Option<String>,
    /// JSON instead of sentences
    #[arg(long)]
    pub json: bool,
}

/// Explains a file or a Message-ID.
pub fn run(args: &Args, context: &Context) -> anyhow::Result<u8> {
    let (config, keeper) = context.config_and_rules()?;
    let mut out = io::stdout().lock();
    let file = Path::new(&args.what);
    if file.is_file() {
        let account = account(&config, args.account.as_deref())?;
        let raw = std::fs::read(file).with_context(|| format!("cannot read {}", file.display()))?;
        let (message, decision, folder) = decide(&config, account, keeper.current(), &raw)?;
        if args.json {
            writeln!(out, "{}", decision_json(&args.what, &message, &decision, &folder))?;
        } else {
            write_decision(&mut out, &message, &decision, &folder)?;
        }
        return Ok(exit::OK);
    }
    let rows = rows_about(&config, args)?;
    if rows.is_empty() {
        bail!(
            "the ledger knows no message `{}`, and there is no such file",
            sanitise(&args.what)
        );
    }
    for row in &rows {
        if args.json {
            writeln!(out, "{}", Value::Object(row_json(row)))?;
        } else {
            write_row(&mut out, row)?;
        }
    }
    Ok(exit::OK)
}

fn rows_about(config: &Config, args: &Args) -> anyhow::Result<Vec<Row>> {
    let store = store_to_read(config)?;
    let wanted = args.what.trim_start_matches('<').trim_end_matches('>').to_owned();
    let query = Query {
        account: args.account.clone(),
        message_id: Some(wanted),
        ..Query::default()
    };
    Ok(block_on(async { store.run(move |store| store.rows(&query)).await })??)
}

fn decide(
    config: &Config,
    account: &Account,
    rules: std::sync::Arc<RuleSet>,
    raw: &[u8],
) -> anyhow::Result<(Message, Decision, Mailbox)> {
    let store = store_to_read(config)?;
    let settings = model::settings(account, &Layout::default());
    let sorter = block_on(async { store.run(move |store| model::load(store, settings, rules)).await })??;
    let message = Message::parse(raw);
    let now = clock::now();
    let arrival = Arrival {
        mid: Mid::fingerprint(message.fingerprint(raw.len() as u32)),
        location: Location {
            mailbox: Mailbox::inbox(),
            uid_validity: UidValidity(0),
            uid: Uid(0),
        },
        size: raw.len() as u32,
        arrived: message.date,
        utc_offset: clock::utc_offset(message.date.unwrap_or(now)),
        flags: Vec::new(),
        attachments: None,
        history: Vec::new(),
        message: message.clone(),
    };
    let decision = sorter.decide(now, &arrival);
    let folder = sorter.destination(&decision.verdict).unwrap_or_else(Mailbox::inbox);
    Ok((message, decision, folder))
}

fn write_decision(out: &mut dyn Write, message: &Message, decision: &Decision, folder: &Mailbox) -> io::Result<()> {
    let from = message
        .from()
        .map_or_else(|| "(From is malformed)".to_owned(), |from| sanitise(from.as_str()));
    let verdict = &decision.verdict;
    writeln!(out, "{}  from {from}", sanitise(&message.subject))?;
    writeln!(out, "{} -> {folder}, because {}", verdict.bucket, verdict.reason.text)?;
    if let (Some(file), Some(line)) = (&verdict.reason.file, verdict.reason.line) {
        writeln!(
            out,
            "  rule \"{}\" at {file}:{line}",
            verdict.reason.rule.as_deref().unwrap_or_default()
        )?;
    }
    writeln!(out, "\nasked, in this order:")?;
    for stage in &decision.stages {
        let answer = stage.bucket.map_or("-".to_owned(), |bucket| bucket.to_string());
        writeln!(out, "  {:<15} {:<10} {}", stage.kind.as_str(), answer, stage.text)?;
    }
    Ok(())
}

fn decision_json(path: &str, message: &Message, decision: &Decision, folder: &Mailbox) -> Value {
    let verdict = &decision.verdict;
    let mut object = object(
        Subject::Path(path),
        message.message_id.as_deref(),
        message.from().map(crate::sort::sender::Address::as_str),
        verdict.bucket,
        folder,
        &verdict.reason,
    );
    object.insert("stages".to_owned(), json!(decision.stages));
    Value::Object(object)
}

fn row_json(row: &Row) -> serde_json::Map<String, Value> {
    let entry = &row.entry;
    let folder = entry.destination.as_ref().unwrap_or(&entry.source.mailbox);
    let mut object = object(
        Subject::Uid(row.destination_uid.map_or(entry.source.uid, |(_, uid)| uid).0),
        entry.message_id.as_deref(),
        entry.from.as_ref().map(crate::sort::sender::Address::as_str),
        entry.bucket,
        folder,
        &entry.reason,
    );
    object.insert("id".to_owned(), json!(row.id));
    object.insert("at".to_owned(), json!(row.at));
    object.insert("kind".to_owned(), json!(entry.kind));
    object.insert("state".to_owned(), json!(row.state));
    object.insert("account".to_owned(), json!(row.account));
    object
}

fn write_row(out: &mut dyn Write, row: &Row) -> io::Result<()> {
    let entry = &row.entry;
    let at = jiff::Timestamp::from_second(row.at.0)
        .unwrap_or_default()
        .to_zoned(jiff::tz::TimeZone::system());
    let at = at.strftime("%Y-%m-%d %H:%M");
    let folder = entry.destination.as_ref().unwrap_or(&entry.source.mailbox);
    let what = match entry.kind {
        RowKind::Keep => format!("left in {folder}"),
        RowKind::Preview => format!("would have gone to {folder} (mode is preview)"),
        RowKind::Sort => format!("{} -> {folder}", entry.bucket),
        RowKind::Undo => format!("taken back to {folder}"),
        RowKind::File => format!("you filed it into {folder}"),
        RowKind::Rescue => format!("you put it back into {folder}"),
    };
    writeln!(
        out,
        "{at}  #{}  {what}, {}: {}",
        row.id,
        row.state.as_str(),
        entry.reason.text
    )?;
    if let (Some(rule), Some(file), Some(line)) = (&entry.reason.rule, &entry.reason.file, entry.reason.line) {
        writeln!(out, "                  rule \"{rule}\" at {file}:{line}")?;
    }
    Ok(())
}
