//! `postroom sort`: the backlog. Shows the plan, asks, then carries it out with a progress bar; safe to interrupt at any
//! point, since every move is in the ledger before it is made.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use indicatif::{ProgressBar, ProgressStyle};

use super::confirm;
use super::context::{Context, account, block_on, new_run, visit_to_act};
use super::preview::write_plan;
use super::{exit, logging, since};
use crate::daemon::logbook::Logbook;
use crate::sort::mailbox::Timestamp;

/// Moves between two looks at ^C and two steps of the progress bar.
const STEP: usize = 1_000;

/// Options of `postroom sort`.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example: postroom sort --since 90d --yes")]
pub struct Args {
    /// Only mail that arrived since then: 30d, 12h, 2026-11-01
    #[arg(long, value_parser = since::argument, value_name = "WHEN")]
    pub since: Option<Timestamp>,
    /// The account, when there are several
    #[arg(long, value_name = "NAME")]
    pub account: Option<String>,
    /// Show some subjects of each sender
    #[arg(long)]
    pub subjects: bool,
    /// Do not ask
    #[arg(long)]
    pub yes: bool,
}

/// Plans, asks, moves.
pub fn run(args: &Args, context: &Context) -> anyhow::Result<u8> {
    logging::start("warn");
    let (config, keeper) = context.config_and_rules()?;
    let account = account(&config, args.account.as_deref())?;
    let (logbook, run) = (Logbook::new(&account.name, None), new_run());
    let (moved, planned) = block_on(async {
        let mut visit = visit_to_act(&config, account, keeper.current(), &run, &logbook).await?;
        visit.recover().await?;
        visit.bootstrap(true).await?;
        let held = visit.examine_rules().await?.held().to_vec();
        let fates = visit.plan(args.since).await?;
        write_plan(&mut io::stdout().lock(), &fates, args.subjects)?;
        let planned = fates
            .iter()
            .filter(|fate| fate.entry.is_some() || !fate.copies.is_empty())
            .count();
        for held in &held {
            println!("\nThe {held}. With your yes it is in force for new mail too.");
        }
        let yes = args.yes || (planned > 0 && would_move(planned)?);
        if yes && !held.is_empty() {
            visit.confirm_rules().await?;
        }
        if planned == 0 || !yes {
            visit.session.logout().await;
            return Ok((0, planned));
        }
        println!("Run {run}; ^C stops between two steps, and nothing is lost.");
        let bar = progress_bar(planned);
        let stopped = stop_on_interrupt();
        let moved = visit
            .carry_out_plan(fates, STEP, &|| stopped.load(Ordering::Relaxed), &mut |behind| {
                bar.set_position(behind as u64);
            })
            .await?;
        bar.finish_and_clear();
        visit.session.logout().await;
        Ok::<_, anyhow::Error>((moved, planned))
    })??;
    if moved > 0 {
        println!("{moved} moved. To take them back: postroom undo --run {run}");
    }
    if moved > 0 && moved < planned {
        println!(
            "Stopped before the other {}. Nothing is half done; the same command goes on from here.",
            planned - moved
        );
    }
    Ok(exit::OK)
}

fn progress_bar(count: usize) -> ProgressBar {
    // indicatif draws on a terminal only.
    let style = ProgressStyle::with_template("{bar:40} {pos}/{len} moved, {per_sec}, {eta} to go");
    let bar = ProgressBar::new(count as u64);
    if let Ok(style) = style {
        bar.with_style(style)
    } else {
        bar
    }
}

fn stop_on_interrupt() -> Arc<AtomicBool> {
    let stopped = Arc::new(AtomicBool::new(false));
    let flag = stopped.clone();
    tokio::spawn(async move {
        if tokio::signal::ctrl_c().await.is_ok() {
            flag.store(true, Ordering::Relaxed);
        }
    });
    stopped
}

fn would_move(count: usize) -> anyhow::Result<bool> {
    let otherwise = format!("{count} messages would move; say --yes to move them without being asked");
    confirm::agreed(&format!("\nMove {count} messages?"), &otherwise, &mut io::stdout())
}
