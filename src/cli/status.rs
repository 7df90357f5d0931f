//! `postroom status`: how each account is doing, from what the daemon last wrote down.

use std::io::{self, Write};
use std::path::Path;

use serde_json::{Value, json};

use super::context::{Context, block_on, store_to_read};
use super::exit;
use crate::config::{Account, Mode};
use crate::daemon::status::{AccountStatus, NOTE};
use crate::sort::mailbox::Timestamp;
use crate::store::Store;

/// Options of `postroom status`.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example: postroom status --json")]
pub struct Args {
    /// One JSON object an account
    #[arg(long)]
    pub json: bool,
}

/// Prints one paragraph an account.
pub fn run(args: &Args, context: &Context) -> anyhow::Result<u8> {
    let config = context.config()?;
    let store = store_to_read(&config)?;
    let mut out = io::stdout().lock();
    for account in &config.accounts {
        let name = account.name.clone();
        let note = block_on(async { store.run(move |store| store.get_note(&name, NOTE)).await })??;
        let mut status = note.and_then(|text| serde_json::from_str::<AccountStatus>(&text).ok());
        if let Some(status) = status.as_mut().filter(|status| is_running(status)) {
            see_pause(status, &config.state);
        }
        if args.json {
            writeln!(out, "{}", as_json(account, status.as_ref()))?;
        } else {
            write_status(&mut out, account, status.as_ref())?;
        }
    }
    Ok(exit::OK)
}

/// What pauses the daemon keeps it from writing that down: a state directory that takes nothing.
fn see_pause(status: &mut AccountStatus, state: &Path) {
    if let Err(why) = Store::probe(state) {
        "paused".clone_into(&mut status.state);
        status.problem = Some(format!(
            "{why}; no mail is moved until it can, then sorting goes on by itself"
        ));
    }
}

fn as_json(account: &Account, status: Option<&AccountStatus>) -> Value {
    let mode = if account.mode == Mode::Sort { "sort" } else { "preview" };
    json!({ "account": account.name, "mode": mode, "running": status.is_some_and(is_running), "status": status })
}

fn write_status(out: &mut dyn Write, account: &Account, status: Option<&AccountStatus>) -> io::Result<()> {
    let mode = if account.mode == Mode::Sort {
        "sorting"
    } else {
        "preview only, nothing moves"
    };
    writeln!(
        out,
        "{}  {} at {} ({mode})",
        account.name, account.imap.user, account.imap.host
    )?;
    let Some(status) = status else {
        return writeln!(out, "  never run; start it with `postroom run`");
    };
    if !is_running(status) {
        writeln!(
            out,
            "  not running since {} or later; start it with `postroom run`",
            clock_time(status.at)
        )?;
    }
    writeln!(out, "  {} since {}", status.state, clock_time(status.at))?;
    if let (Some(watching), Some(moving)) = (&status.watching, &status.moving) {
        writeln!(out, "  {}", hearing(watching, account))?;
        writeln!(out, "  {}", way_of_moving(moving))?;
    }
    if let Some(swept) = status.swept {
        writeln!(out, "  last full sweep {}", clock_time(swept))?;
    }
    if let Some(problem) = &status.problem {
        writeln!(out, "  problem: {problem}")?;
    }
    if let Some(next) = status.next_attempt {
        writeln!(out, "  next attempt {}", clock_time(next))?;
    }
    Ok(())
}

fn hearing(watching: &str, account: &Account) -> String {
    let poll = account.imap.poll.as_secs();
    match watching {
        "NOTIFY" => "hears of new mail and of drags at once: the server tells of every folder (NOTIFY)".to_owned(),
        "IDLE" => format!("hears of new mail at once: the server tells (IDLE); looks for drags every {poll} s"),
        _ => format!("asks for new mail every {poll} s: the server does not tell of it by itself (no IDLE)"),
    }
}

fn way_of_moving(moving: &str) -> String {
    match moving {
        "MOVE" => "moves mail in one step (MOVE)".to_owned(),
        _ => match moving.strip_prefix("not at all") {
            Some(why) => format!("moves nothing{why}"),
            None => format!("moves mail by {moving}: the server has no MOVE"),
        },
    }
}

/// True while the process that wrote the status lives.
pub(super) fn is_running(status: &AccountStatus) -> bool {
    std::path::Path::new("/proc")
        .join(status.pid.to_string())
        .join("exe")
        .exists()
}

fn clock_time(at: Timestamp) -> String {
    let at = jiff::Timestamp::from_second(at.0)
        .unwrap_or_default()
        .to_zoned(jiff::tz::TimeZone::system());
    at.strftime("%Y-%m-%d %H:%M:%S").to_string()
}
