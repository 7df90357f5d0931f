//! `postroom status`: how each account is doing, from what the daemon last wrote down.

use std::io::{self, Write};

use serde_json::{Value, json};

use super::context::{Context, block_on, store_to_read};
use super::exit;
use crate::config::{Account, Mode};
use crate::daemon::held::Examination;
use crate::daemon::reload::RulesInForce;
use crate::daemon::status::{AccountStatus, NOTE};
use crate::sort::ledger::{RowKind, State};
use crate::sort::mailbox::{Mailbox, Timestamp};
use crate::sort::sanitise;
use crate::store::Query;

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
        let name = account.name.clone();
        let account_name = name.clone();
        let rules = block_on(async { store.run(move |store| RulesInForce::read(store, &account_name)).await })??;
        let examined = block_on(async { store.run(move |store| Examination::read(store, &name)).await })??;
        let newest = Query {
            account: Some(account.name.clone()),
            kinds: vec![RowKind::Sort],
            state: Some(State::Done),
            limit: Some(1),
            newest_first: true,
            ..Query::default()
        };
        let moved = block_on(async { store.run(move |store| store.rows(&newest)).await })??;
        let moved = moved
            .into_iter()
            .find_map(|row| Some((row.closed.unwrap_or(row.at), row.entry.destination?)));
        let status = note.and_then(|text| serde_json::from_str::<AccountStatus>(&text).ok());
        if args.json {
            writeln!(
                out,
                "{}",
                as_json(account, status.as_ref(), rules.as_ref(), &examined, moved.as_ref())
            )?;
        } else {
            write_status(&mut out, account, status.as_ref())?;
            if let Some((at, folder)) = &moved {
                writeln!(out, "  last move {}, to {}", clock_time(*at), sanitise(folder.as_str()))?;
            }
            if let Some(rules) = rules {
                writeln!(out, "  {rules}")?;
            }
            write_held(&mut out, &examined)?;
        }
    }
    Ok(exit::OK)
}

fn as_json(
    account: &Account,
    status: Option<&AccountStatus>,
    rules: Option<&RulesInForce>,
    examined: &Examination,
    moved: Option<&(Timestamp, Mailbox)>,
) -> Value {
    let mode = if account.mode == Mode::Sort { "sort" } else { "preview" };
    json!({
        "account": account.name,
        "mode": mode,
        "running": status.is_some_and(is_running),
        "status": status,
        "rules": rules,
        "held_rules": examined.held(),
        "last_move": moved.map(|(at, folder)| json!({ "at": at, "folder": folder })),
    })
}

fn write_held(out: &mut dyn Write, examined: &Examination) -> io::Result<()> {
    for held in examined.held() {
        writeln!(
            out,
            "  {held}; confirm with `postroom sort --yes` or allow_broad = true"
        )?;
    }
    Ok(())
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
    if is_running(status) {
        let since = status.since.unwrap_or(status.at);
        writeln!(out, "  {} since {}", status.state, clock_time(since))?;
        if let (Some(watching), Some(moving)) = (&status.watching, &status.moving) {
            writeln!(out, "  {}", hearing(watching, account))?;
            writeln!(out, "  {}", way_of_moving(moving))?;
        }
    } else {
        let (state, at) = (&status.state, clock_time(status.at));
        writeln!(
            out,
            "  not running; it was last seen {state} at {at}; start it with `postroom run`"
        )?;
    }
    if let Some(swept) = status.swept {
        writeln!(out, "  last full sweep {}", clock_time(swept))?;
    }
    for remark in &status.remarks {
        writeln!(out, "  note: {remark}")?;
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
