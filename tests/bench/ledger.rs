//! What years of mail cost: starting, and asking why, with a ledger of millions of rows and a hundred thousand senders.
//!
//! `cargo bench --bench ledger -- [--rows 1000000] [--senders 100000]`
//!
//! The real program, first with empty records and then with full ones, on the same server and the same empty mailbox; what
//! is told is the difference. The first rows are written by the program's own store and then doubled in the database
//! until there are enough.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]

mod process;
#[path = "../support/sorter.rs"]
#[allow(dead_code)]
mod sorter;
#[path = "../support/mod.rs"]
mod support;

use std::path::Path;
use std::time::Instant;

use postroom::sort::bucket::Bucket;
use postroom::sort::ledger::{Entry, Mid, Outcome, RowId, RowKind};
use postroom::sort::mailbox::{Location, Mailbox, Timestamp, Uid, UidValidity};
use postroom::sort::sender::Address;
use postroom::sort::verdict::{Reason, ReasonKind};
use postroom::store::{Learning, Store};
use process::{Cost, median};
use rusqlite::Connection;
use support::{Account, Dovecot, Home};

const NOW: Timestamp = Timestamp(1_795_000_000);

/// Rows that are written by the store.
const SEED: u32 = 10_000;

/// Runs of which the median is told.
const ROUNDS: usize = 5;

fn main() {
    let rows = number("--rows", 1_000_000);
    let senders = u32::try_from(number("--senders", 100_000)).unwrap();
    let Some(server) = Dovecot::new().start() else { return };
    let home = Home::new(&[Account::new("home", server.port)]);
    run(&home, &["run", "--once"]);
    let empty = costs(&home, &["run", "--once"]);
    let begun = Instant::now();
    let stored = fill(&home.path("state"), rows, senders);
    println!(
        "{stored} rows and {senders} senders written in {:.0} s, {:.0} MiB on disk",
        begun.elapsed().as_secs_f64(),
        octets(&home.path("state")) as f64 / f64::from(1 << 20)
    );
    println!("| | wall s | of which for the records | peak MiB |\n|---|---|---|---|");
    told("run --once, empty records", empty, 0.0);
    told("run --once, full records", costs(&home, &["run", "--once"]), empty.wall);
    let last = format!("<{}@list.example>", SEED - 1);
    told("explain a message", costs(&home, &["explain", &last]), 0.0);
    told(
        "explain an address",
        costs(&home, &["explain", "editor7@news.example"]),
        0.0,
    );
    told("log -n 20", costs(&home, &["log", "-n", "20"]), 0.0);
    told(
        "senders ADDRESS",
        costs(&home, &["senders", "person.number7@company7.example"]),
        0.0,
    );
}

fn told(what: &str, cost: Cost, without: f64) {
    println!(
        "| {what} | {:.3} | {:.3} | {:.1} |",
        cost.wall,
        cost.wall - without,
        cost.peak
    );
}

fn run(home: &Home, arguments: &[&str]) -> Cost {
    process::measure(home.command(arguments))
}

fn costs(home: &Home, arguments: &[&str]) -> Cost {
    let all: Vec<Cost> = (0..ROUNDS).map(|_| run(home, arguments)).collect();
    let of = |what: fn(&Cost) -> f64| median(&all.iter().map(what).collect::<Vec<_>>());
    Cost {
        wall: of(|cost| cost.wall),
        cpu: of(|cost| cost.cpu),
        peak: of(|cost| cost.peak),
    }
}

/// Fills the records; how many rows there are then.
fn fill(state: &Path, rows: i64, senders: u32) -> i64 {
    let mut store = Store::open(state, NOW).unwrap().store;
    let entries: Vec<Entry> = (0..SEED).map(entry).collect();
    let written = store.plan("home", "bench", NOW, &entries).unwrap();
    let done = |uid| Outcome::Done(Some((UidValidity(1), Uid(uid))));
    let outcomes: Vec<(RowId, Outcome)> = written.get().iter().copied().zip((1..).map(done)).collect();
    store.close(NOW, &outcomes).unwrap();
    let learning = Learning {
        run: "bench".to_owned(),
        tallies: sorter::correspondents(senders, NOW).collect(),
        ..Learning::default()
    };
    let _written = store.commit_learning("home", NOW, &learning).unwrap();
    drop(store);
    double(&state.join("postroom.db"), rows)
}

/// Copies all rows under new identities until there are `rows`.
fn double(path: &Path, rows: i64) -> i64 {
    let database = Connection::open(path).unwrap();
    database
        .execute_batch("PRAGMA journal_mode = WAL; PRAGMA synchronous = OFF; PRAGMA cache_size = -200000")
        .unwrap();
    let all: Vec<String> = {
        let mut columns = database
            .prepare("SELECT name FROM pragma_table_info('ledger')")
            .unwrap();
        columns
            .query_map([], |row| row.get(0))
            .unwrap()
            .map(Result::unwrap)
            .collect()
    };
    let columns: Vec<&str> = all.iter().map(String::as_str).filter(|name| *name != "id").collect();
    let mut round = 0;
    loop {
        let there: i64 = database
            .query_row("SELECT count(*) FROM ledger", [], |row| row.get(0))
            .unwrap();
        if there >= rows {
            database.execute_batch("PRAGMA wal_checkpoint(TRUNCATE)").unwrap();
            return there;
        }
        round += 1;
        let values: Vec<String> = columns
            .iter()
            .map(|name| match *name {
                "mid" => format!("mid || ':{round}'"),
                "message_id" => format!("'{round}.' || message_id"),
                "source_uid" | "destination_uid" => format!("{name} + {there}"),
                other => other.to_owned(),
            })
            .collect();
        let insert = format!(
            "INSERT INTO ledger ({}) SELECT {} FROM ledger LIMIT {}",
            columns.join(", "),
            values.join(", "),
            rows - there
        );
        database.execute_batch(&insert).unwrap();
    }
}

/// A move from INBOX to News.
fn entry(n: u32) -> Entry {
    Entry {
        kind: RowKind::Sort,
        mid: Mid::from_stored(format!("h:{n:032x}")),
        message_id: Some(format!("{n}@list.example")),
        from: Address::parse(&format!("editor{}@news.example", n % 200)),
        source: Location {
            mailbox: Mailbox::inbox(),
            uid_validity: UidValidity(7),
            uid: Uid(n + 1),
        },
        destination: Some(Mailbox::new("News")),
        destination_uid_next: Some(Uid(1)),
        bucket: Bucket::News,
        reason: Reason::new(ReasonKind::Default, "a newsletter, by its List-Id"),
        flags: Vec::new(),
        rules: "0123abcd".into(),
        undoes: None,
        arrived: Some(Timestamp(NOW.0 - i64::from(n))),
    }
}

fn octets(folder: &Path) -> u64 {
    std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().metadata().unwrap().len())
        .sum()
}

fn number(option: &str, default: i64) -> i64 {
    let mut arguments = std::env::args().skip_while(|argument| argument != option);
    arguments.nth(1).map_or(default, |given| given.parse().unwrap())
}
