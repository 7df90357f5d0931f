//! `postroom senders`: everybody Postroom knows something about, or all it knows about one.

mod portrait;

use std::collections::BTreeMap;
use std::io::Write;

use clap::{Args, ValueEnum};
use comfy_table::{CellAlignment, ContentArrangement, Table};
use serde_json::{Value, json};

use super::identity;
use super::records::{Records, explain_names, rfc3339};
use crate::sort::correspondence::Tally;
use crate::sort::mailbox::Timestamp;
use crate::sort::sanitise;
use crate::sort::sender::Address;
use crate::sort::taught::{Identity, Lesson};
use crate::store::Store;

/// Senders shown when nothing says how many.
const SHOWN: usize = 40;

/// Show whom you write to and what you taught, or all about one sender
#[derive(Debug, Clone, Default, Args)]
#[command(
    after_help = "Examples:\n  whom you write to most    postroom senders --sort sent\n  who is blackholed         postroom senders --bucket blackhole\n  all about one person      postroom senders anna@example.org"
)]
pub struct SendersArgs {
    /// All about this address; other text shows the senders that contain it
    #[arg(value_name = "ADDRESS|TEXT")]
    pub who: Option<String>,
    /// Only those taught into this bucket
    #[arg(long)]
    pub bucket: Option<String>,
    /// What comes first: taught, sent, answered, received, last or name
    #[arg(long, value_enum, value_name = "WHAT", default_value_t = Order::Taught, hide_possible_values = true)]
    pub sort: Order,
    /// At most so many [default: 40]
    #[arg(short = 'n', long, value_name = "N")]
    pub limit: Option<usize>,
    /// Of this account only
    #[arg(long, value_name = "NAME")]
    pub account: Option<String>,
    /// One JSON object a line
    #[arg(long)]
    pub json: bool,
}

/// What comes first in the table.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub enum Order {
    /// The latest lessons, then those you write to most
    #[default]
    Taught,
    /// Those you write to most
    Sent,
    /// Those you answer most
    Answered,
    /// Those who write most
    Received,
    /// Those you wrote to last
    Last,
    /// By name
    Name,
}

/// What is known about one sender.
#[derive(Debug)]
struct Sender {
    account: String,
    identity: Identity,
    lesson: Option<Lesson>,
    held: Option<Lesson>,
    tally: Option<Tally>,
}

/// Runs the command; 0 unless it cannot.
pub fn run(args: &SendersArgs, records: &Records, out: &mut dyn Write) -> anyhow::Result<u8> {
    let store = records.read()?;
    let accounts = records.chosen(&store, args.account.as_deref())?;
    let bucket = args.bucket.as_deref().map(|word| records.bucket(word)).transpose()?;
    let address = args.who.as_deref().and_then(Address::parse);
    let one = address
        .clone()
        .map(|address| store.names().identity(&Identity::Address(address)));
    if let (Some(address), false) = (&address, args.json) {
        for account in &accounts {
            portrait::write(address, account, &store, records, accounts.len() > 1, out)?;
        }
        return Ok(0);
    }
    let mut senders = Vec::new();
    for account in &accounts {
        senders.extend(everybody(&store, account)?);
    }
    let wanted = args.who.as_deref().unwrap_or_default().to_lowercase();
    senders.retain(|sender| {
        let named = one.as_ref().map_or_else(
            || identity::spelling(&sender.identity).contains(&wanted),
            |one| sender.identity == *one,
        );
        named && bucket.is_none_or(|bucket| sender.lesson.as_ref().is_some_and(|lesson| lesson.bucket == bucket))
    });
    arrange(&mut senders, args.sort);
    let found = senders.len();
    senders.truncate(args.limit.unwrap_or(if args.json { usize::MAX } else { SHOWN }));
    if args.json {
        for sender in &senders {
            writeln!(out, "{}", object(sender))?;
        }
    } else if senders.is_empty() {
        writeln!(
            out,
            "Nobody is known yet who fits. Senders appear once you write to them or drag their mail."
        )?;
        explain_names(&store, out)?;
    } else {
        writeln!(out, "{}", table(&senders, records, accounts.len() > 1))?;
        if found > senders.len() {
            writeln!(out, "{} of {found} senders; --limit shows more", senders.len())?;
        }
        explain_names(&store, out)?;
    }
    Ok(0)
}

fn everybody(store: &Store, account: &str) -> anyhow::Result<Vec<Sender>> {
    let mut senders: BTreeMap<Identity, Sender> = BTreeMap::new();
    let mut of = |identity: Identity, add: &mut dyn FnMut(&mut Sender)| {
        add(senders.entry(identity.clone()).or_insert_with(|| Sender {
            account: account.to_owned(),
            identity,
            lesson: None,
            held: None,
            tally: None,
        }));
    };
    for lesson in store.lessons(account)? {
        of(lesson.identity.clone(), &mut |sender| {
            sender.lesson = Some(lesson.clone());
        });
    }
    for lesson in store.held(account)? {
        of(lesson.identity.clone(), &mut |sender| {
            sender.held = Some(lesson.clone());
        });
    }
    for (address, tally) in store.tallies(account)? {
        of(Identity::Address(address), &mut |sender| {
            sender.tally = Some(tally.clone());
        });
    }
    Ok(senders.into_values().collect())
}

fn arrange(senders: &mut [Sender], order: Order) {
    fn count(sender: &Sender, of: fn(&Tally) -> u32) -> u32 {
        sender.tally.as_ref().map_or(0, of)
    }
    let taught = |sender: &Sender| sender.lesson.as_ref().map(|lesson| lesson.at);
    let last = |sender: &Sender| sender.tally.as_ref().and_then(|tally| tally.last_sent);
    // They come by name; sorting keeps that order among equals.
    senders.sort_by(|a, b| match order {
        Order::Taught => {
            (taught(b), count(b, |tally| tally.sent_count)).cmp(&(taught(a), count(a, |tally| tally.sent_count)))
        }
        Order::Sent => count(b, |tally| tally.sent_count).cmp(&count(a, |tally| tally.sent_count)),
        Order::Answered => count(b, |tally| tally.answered_count).cmp(&count(a, |tally| tally.answered_count)),
        Order::Received => count(b, |tally| tally.received_count).cmp(&count(a, |tally| tally.received_count)),
        Order::Last => last(b).cmp(&last(a)),
        Order::Name => identity::spelling(&a.identity).cmp(&identity::spelling(&b.identity)),
    });
}

fn table(senders: &[Sender], records: &Records, several: bool) -> Table {
    let mut table = Table::new();
    table
        .load_style(comfy_table::presets::NOTHING)
        .set_content_arrangement(ContentArrangement::Dynamic)
        .set_width(records.width);
    let mut header = vec![
        "Sender",
        "Goes to",
        "Taught",
        "You wrote",
        "You answered",
        "They wrote",
        "You wrote last",
    ];
    if several {
        header.insert(0, "Account");
    }
    let counts = header.len() - 4..header.len() - 1;
    table.set_header(header);
    for sender in senders {
        let count = |of: fn(&Tally) -> u32| match sender.tally.as_ref().map_or(0, of) {
            0 => String::new(),
            count => count.to_string(),
        };
        let (bucket, taught) = match (&sender.lesson, &sender.held) {
            (Some(lesson), _) => (lesson.bucket.to_string(), records.day(lesson.at)),
            (None, Some(held)) => (format!("({}?)", held.bucket), "waits for you".to_owned()),
            (None, None) => (String::new(), String::new()),
        };
        let last = sender.tally.as_ref().and_then(|tally| tally.last_sent);
        let mut cells = vec![
            sanitise(&identity::spelling(&sender.identity)),
            bucket,
            taught,
            count(|tally| tally.sent_count),
            count(|tally| tally.answered_count),
            count(|tally| tally.received_count),
            last.map(|time| records.day(time)).unwrap_or_default(),
        ];
        if several {
            cells.insert(0, sanitise(&sender.account));
        }
        table.add_row(cells);
    }
    for column in counts {
        if let Some(column) = table.column_mut(column) {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    table
}

/// What a lesson says, without whose mail it is about.
pub(super) fn taught(lesson: &Lesson) -> Value {
    json!({
        "bucket": lesson.bucket.as_str(),
        "at": rfc3339(lesson.at),
        "by": lesson.by.as_str(),
        "authentication": lesson.authentication.as_str(),
        "example": lesson.example.as_deref().map(sanitise),
    })
}

fn object(sender: &Sender) -> Value {
    let kind = match &sender.identity {
        Identity::Address(_) => "address",
        Identity::List(_) => "list",
        Identity::Domain(_) => "domain",
    };
    let tally = sender.tally.clone().unwrap_or_default();
    let last: Option<Timestamp> = tally.last_sent;
    json!({
        "account": sender.account,
        "kind": kind,
        "sender": sanitise(&identity::spelling(&sender.identity)),
        "taught": sender.lesson.as_ref().map(taught),
        "held": sender.held.as_ref().map(taught),
        "sent": tally.sent_count,
        "answered": tally.answered_count,
        "received": tally.received_count,
        "last_sent": last.map(rfc3339),
    })
}

#[cfg(test)]
mod tests;
