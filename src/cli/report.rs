//! `postroom report`: the HTML page on standard output.

use std::io::Write;

use clap::Args;

use super::context::{Context, account};
use super::hindsight_imap;
use super::records::Records;
use super::since;
use crate::report::accuracy::Accuracy;
use crate::report::page::{KnownRule, Report};
use crate::report::stats::Stats;
use crate::sort::mailbox::Timestamp;

/// Write a page with pictures: what arrived, what you put right, which rules sleep
#[derive(Debug, Clone, Default, Args)]
#[command(
    after_help = "Examples:\n  postroom report > mail.html\n  postroom report --since 90d --replay 90d > mail.html"
)]
pub struct ReportArgs {
    /// From this time on: 30d, 2026-11-22 [default: 90d]
    #[arg(long, value_name = "TIME")]
    pub since: Option<String>,
    /// Also judge the mail of that time by what you did with it (reads the folders, moves nothing): 90d
    #[arg(long, value_name = "TIME")]
    pub replay: Option<String>,
    /// Of this account only
    #[arg(long, value_name = "NAME")]
    pub account: Option<String>,
}

/// Writes the page; rules that cannot be read are left out of it.
pub fn run(args: &ReportArgs, context: &Context, records: &Records, out: &mut dyn Write) -> anyhow::Result<u8> {
    let store = records.read()?;
    let accounts = records.chosen(&store, args.account.as_deref())?;
    let said = args.since.as_deref().unwrap_or("90d");
    let since = since::parse(said, &records.local(records.now))?;
    let stats = Stats::gather(&store, &accounts, since, records.now, &records.zone)?;
    let accuracy = match &args.replay {
        Some(said) => Some(replayed(
            args,
            since::parse(said, &records.local(records.now))?,
            context,
        )?),
        None => None,
    };
    let report = Report {
        stats: &stats,
        accounts: &accounts,
        since,
        now: records.now,
        zone: &records.zone,
        rules: &known_rules(context),
        accuracy: accuracy.as_ref(),
    };
    write!(out, "{}", report.page())?;
    Ok(0)
}

fn replayed(args: &ReportArgs, since: Timestamp, context: &Context) -> anyhow::Result<Accuracy> {
    let (config, keeper) = context.config_and_rules()?;
    let account = account(&config, args.account.as_deref())?;
    Ok(hindsight_imap::judge(&config, account, &keeper, since)?.accuracy())
}

fn known_rules(context: &Context) -> Vec<KnownRule> {
    let Ok((_, keeper)) = context.config_and_rules() else {
        return Vec::new();
    };
    let rules = keeper.current();
    rules
        .rules()
        .iter()
        .map(|rule| KnownRule {
            file: rule.file.to_string(),
            name: rule.name.to_string(),
        })
        .collect()
}
