//! `postroom status`: how each account is doing, from what the daemon last wrote down.

use std::collections::BTreeMap;
use std::io::{self, Write};
use std::path::Path;

use jiff::tz::TimeZone;
use serde_json::{Value, json};

use super::context::{Context, block_on, store_to_read};
use super::exit;
use super::records::rfc3339;
use crate::config::{Account, Mode};
use crate::daemon::clock;
use crate::daemon::held::Examination;
use crate::daemon::recess::Recess;
use crate::daemon::reload::RulesInForce;
use crate::daemon::returning;
use crate::daemon::status::{AccountStatus, NOTE};
use crate::sort::ledger::{Row, RowKind, State};
use crate::sort::mailbox::{Mailbox, Timestamp};
use crate::sort::sanitise;
use crate::store::{Query, Store, StoreError};

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
        let (name, screener) = (account.name.clone(), account.folders.screener.clone());
        let records = block_on(async { store.run(move |store| Records::read(store, &name, screener)).await })??;
        let Records {
            mut status,
            rules,
            examined,
            ..
        } = records;
        let waits = waits(account, &records.waiting);
        if let Some(status) = status.as_mut().filter(|status| status.is_running()) {
            see_pause(status, &config.state);
        }
        if args.json {
            let mut object = as_json(account, status.as_ref(), rules.as_ref(), &examined, &waits);
            if let (Value::Object(object), Some((at, folder))) = (&mut object, &records.moved) {
                object.insert("last_move".to_owned(), json!({ "at": at, "folder": folder }));
            }
            if let (Value::Object(object), Some(recess)) = (&mut object, &records.recess) {
                object.insert("paused_until".to_owned(), json!(recess.until.map(rfc3339)));
            }
            writeln!(out, "{object}")?;
        } else {
            write_status(&mut out, account, status.as_ref(), records.recess)?;
            if let Some((at, folder)) = &records.moved {
                writeln!(out, "  last move {}, to {}", clock_time(*at), sanitise(folder.as_str()))?;
            }
            if let Some(rules) = rules {
                writeln!(out, "  {rules}")?;
            }
            write_held(&mut out, &examined)?;
            for wait in &waits {
                writeln!(out, "  {}", wait.sentence())?;
            }
            if let Some((folder, count)) = &records.strangers {
                let folder = sanitise(folder.as_str());
                writeln!(
                    out,
                    "  {count} from strangers in {folder}: drag each where its sender's mail belongs"
                )?;
            }
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

/// Mail of one folder that waits for its time.
#[derive(Debug, PartialEq, Eq)]
struct Wait {
    folder: String,
    messages: usize,
    next: Timestamp,
}

impl Wait {
    fn sentence(&self) -> String {
        let Self { folder, messages, next } = self;
        let verb = if *messages == 1 {
            "message waits"
        } else {
            "messages wait"
        };
        format!("{messages} {verb} in {folder}, the next until {}", clock_time(*next))
    }
}

fn waits(account: &Account, rows: &[Row]) -> Vec<Wait> {
    let mut waits: BTreeMap<String, Wait> = BTreeMap::new();
    for row in rows {
        let folder = row.entry.destination.as_ref().unwrap_or(&row.entry.source.mailbox);
        let due = returning::due(row, &account.folders, &TimeZone::system());
        let wait = waits.entry(sanitise(folder.as_str())).or_insert_with(|| Wait {
            folder: sanitise(folder.as_str()),
            messages: 0,
            next: due,
        });
        wait.messages += 1;
        wait.next = wait.next.min(due);
    }
    waits.into_values().collect()
}

/// What the records tell of one account.
struct Records {
    status: Option<AccountStatus>,
    rules: Option<RulesInForce>,
    examined: Examination,
    waiting: Vec<Row>,
    /// The screener's folder and how many messages wait in it for a decision; `None` where none does.
    strangers: Option<(Mailbox, u64)>,
    /// The pause that the user has asked for.
    recess: Option<Recess>,
    /// When and where to the last message was moved by verdict.
    moved: Option<(Timestamp, Mailbox)>,
}

impl Records {
    fn read(store: &Store, account: &str, screener: Option<Mailbox>) -> Result<Self, StoreError> {
        let note = store.get_note(account, NOTE)?;
        let strangers = match screener {
            Some(folder) => {
                let count = store.untouched_in(account, &folder)?;
                Some((folder, count)).filter(|(_, count)| *count > 0)
            }
            None => None,
        };
        let newest = Query {
            account: Some(account.to_owned()),
            kinds: vec![RowKind::Sort],
            state: Some(State::Done),
            limit: Some(1),
            newest_first: true,
            ..Query::default()
        };
        let place = |row: Row| Some((row.closed.unwrap_or(row.at), row.entry.destination?));
        Ok(Self {
            status: note.and_then(|text| serde_json::from_str(&text).ok()),
            rules: RulesInForce::read(store, account)?,
            recess: Recess::read(store, account, clock::now())?,
            examined: Examination::read(store, account)?,
            waiting: store.waiting(account)?,
            strangers,
            moved: store.rows(&newest)?.into_iter().find_map(place),
        })
    }
}

fn as_json(
    account: &Account,
    status: Option<&AccountStatus>,
    rules: Option<&RulesInForce>,
    examined: &Examination,
    waits: &[Wait],
) -> Value {
    let mode = if account.mode == Mode::Sort { "sort" } else { "preview" };
    json!({
        "account": account.name,
        "mode": mode,
        "running": status.is_some_and(AccountStatus::is_running),
        "status": status,
        "rules": rules,
        "held_rules": examined.held(),
        "waiting": waits.iter().map(|wait| json!({
            "folder": wait.folder, "messages": wait.messages, "next": rfc3339(wait.next),
        })).collect::<Vec<_>>(),
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

fn write_status(
    out: &mut dyn Write,
    account: &Account,
    status: Option<&AccountStatus>,
    recess: Option<Recess>,
) -> io::Result<()> {
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
    if let Some(recess) = recess {
        let words = recess.sentence();
        writeln!(
            out,
            "  {words} by you; new mail stays in the inbox meanwhile; `postroom resume` goes on"
        )?;
    }
    let Some(status) = status else {
        return writeln!(out, "  never run; start it with `postroom run`");
    };
    if status.is_running() && status.state == "paused" && status.problem.is_none() {
        writeln!(out, "  running, and not connected meanwhile")?;
    } else if status.is_running() {
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

fn clock_time(at: Timestamp) -> String {
    clock::local(at).strftime("%Y-%m-%d %H:%M:%S").to_string()
}
