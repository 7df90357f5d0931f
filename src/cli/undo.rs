//! `postroom undo`: takes moves back, and says for each that it cannot why not.

use std::collections::BTreeMap;

use anyhow::bail;

use super::context::{Context, block_on, new_run, store_to_write, visit_to_act};
use super::{exit, logging, since};
use crate::daemon::DaemonError;
use crate::daemon::logbook::Logbook;
use crate::daemon::reload::RulesKeeper;
use crate::daemon::undo::Undone;
use crate::sort::ledger::{Row, RowId, RowKind, State};
use crate::sort::mailbox::Timestamp;
use crate::store::Query;

/// Options of `postroom undo`.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  the last move             postroom undo --last 1\n  everything since lunch    postroom undo --since 12:30\n  put it all back           postroom undo --all --dry-run, then without --dry-run"
)]
#[command(group = clap::ArgGroup::new("which").required(true))]
pub struct Args {
    /// The move with this number (`postroom log` shows them)
    #[arg(long, value_name = "N", group = "which")]
    pub id: Option<i64>,
    /// The newest N moves
    #[arg(long, value_name = "N", group = "which")]
    pub last: Option<u32>,
    /// Every move since then: 1h, 2d, 12:30, 2026-11-01
    #[arg(long, value_parser = since::argument, value_name = "WHEN", group = "which")]
    pub since: Option<Timestamp>,
    /// Every move of one run
    #[arg(long, value_name = "RUN", group = "which")]
    pub run: Option<String>,
    /// Every move there is
    #[arg(long, group = "which")]
    pub all: bool,
    /// Only this account
    #[arg(long, value_name = "NAME")]
    pub account: Option<String>,
    /// Say what would happen, and do nothing
    #[arg(long)]
    pub dry_run: bool,
}

impl Args {
    fn query(&self) -> Query {
        Query {
            account: self.account.clone(),
            since: self.since,
            run: self.run.clone(),
            kinds: vec![RowKind::Sort],
            state: Some(State::Done),
            newest_first: true,
            limit: self.last,
            ..Query::default()
        }
    }
}

/// Takes moves back.
pub fn run(args: &Args, context: &Context) -> anyhow::Result<u8> {
    logging::start("warn");
    let config = context.config()?;
    // Where moves are taken back no rule is asked, and broken ones must not be in the way.
    let rules = RulesKeeper::open(&config)
        .map(|keeper| keeper.current())
        .unwrap_or_default();
    let run = new_run();
    let rows = {
        let (store, query, id) = (store_to_write(&config)?, args.query(), args.id.map(RowId));
        block_on(async {
            store
                .run(move |store| match id {
                    Some(id) => store.row(id).map(|row| row.into_iter().collect()),
                    None => store.rows(&query),
                })
                .await
        })??
    };
    if rows.is_empty() {
        bail!("there is no such move; `postroom log` shows what there is");
    }
    let mut by_account: BTreeMap<String, Vec<Row>> = BTreeMap::new();
    for row in rows {
        by_account.entry(row.account.clone()).or_default().push(row);
    }
    let mut refused = 0;
    for (name, rows) in by_account {
        let Some(account) = config.accounts.iter().find(|account| account.name == name) else {
            println!(
                "{} moves belong to the account `{name}`, which is no longer configured",
                rows.len()
            );
            refused += rows.len();
            continue;
        };
        let logbook = Logbook::new(&account.name, None);
        let results = block_on(async {
            let mut visit = visit_to_act(&config, account, rules.clone(), &run, &logbook).await?;
            visit.recover().await?;
            let results = visit.undo(rows, args.dry_run).await?;
            visit.session.logout().await;
            Ok::<_, DaemonError>(results)
        })??;
        refused += print(&results, args.dry_run);
    }
    Ok(if refused == 0 { exit::OK } else { exit::FINDING })
}

/// Prints each result; returns how many were refused. What had been taken back before is no failure, and is counted only.
fn print(results: &[(RowId, Undone)], dry_run: bool) -> usize {
    let verb = if dry_run { "would go back to" } else { "is back in" };
    let before: Vec<RowId> = results
        .iter()
        .filter_map(|(row, undone)| (*undone == Undone::Before).then_some(*row))
        .collect();
    for (row, undone) in results {
        match undone {
            Undone::Back(folder) => println!("#{row} {verb} {folder}"),
            Undone::Refused(why) => println!("#{row} stays: {why}"),
            Undone::CopyStays(folder) => {
                println!("#{row} is a copy and stays in {folder}: Postroom deletes no mail");
            }
            Undone::Before => {}
        }
    }
    match before.as_slice() {
        [] => {}
        [row] => println!("#{row} was taken back before"),
        rows => println!("{} were taken back before", rows.len()),
    }
    results
        .iter()
        .filter(|(_, undone)| matches!(undone, Undone::Refused(_)))
        .count()
}
