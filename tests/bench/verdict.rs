//! What the model costs: verdict and learning of one message, state of one sender, loading. Plain numbers for a person.
//!
//! `cargo bench --bench verdict`, or with `-- FOLDER` over the messages below a folder of your own.

#[path = "../support/sorter.rs"]
mod sorter;

use std::fs;
use std::hint::black_box;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Instant;

use postroom::sort::mailbox::Timestamp;
use postroom::sort::message::Message;
use postroom::sort::pseudonym::Pseudonyms;
use postroom::sort::rules::RuleSet;
use postroom::sort::{Arrival, Sorter};

const NOW: Timestamp = Timestamp(1_795_000_000);
const SENDERS: u32 = 100_000;
const ROUNDS: usize = 50;

fn sorter() -> Sorter {
    let settings = sorter::settings("alice@example.org", Some("mx.example.net"));
    Sorter::new(settings, Arc::new(RuleSet::default()))
}

fn arrival(message: Message) -> Arrival {
    sorter::arrival(message, Some(NOW))
}

fn files_below(folder: &Path, files: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        if path.is_dir() {
            files_below(&path, files);
        } else if path.extension().is_some_and(|extension| extension == "eml") {
            files.push(path);
        }
    }
}

/// Resident memory, bytes.
fn resident() -> usize {
    let statm = fs::read_to_string("/proc/self/statm").unwrap_or_default();
    statm
        .split_whitespace()
        .nth(1)
        .and_then(|pages| pages.parse::<usize>().ok())
        .unwrap_or(0)
        * 4096
}

fn per_message(what: &str, messages: usize, start: Instant) {
    let micros = start.elapsed().as_secs_f64() * 1e6 / messages as f64;
    println!("{what:<44} {micros:8.2} us a message");
}

fn main() {
    let folder = std::env::args().skip(1).find(|argument| !argument.starts_with('-'));
    let folder = folder.map_or_else(
        || Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/mail"),
        PathBuf::from,
    );
    let mut files = Vec::new();
    files_below(&folder, &mut files);
    let raws: Vec<Vec<u8>> = files.iter().filter_map(|path| fs::read(path).ok()).collect();
    println!("{} messages below {}", raws.len(), folder.display());
    if raws.is_empty() {
        return;
    }
    let rounds = ROUNDS.max(2_000 / raws.len());
    let messages = raws.len() * rounds;

    let start = Instant::now();
    for raw in raws.iter().cycle().take(messages) {
        black_box(Message::parse(black_box(raw)));
    }
    per_message("parse the header (not part of the model)", messages, start);

    let before = resident();
    let start = Instant::now();
    let mut sorter = sorter();
    sorter.correspondence.load(sorter::correspondents(SENDERS, NOW));
    let took = start.elapsed();
    let bytes = resident().saturating_sub(before) / SENDERS as usize;
    println!(
        "{:<44} {took:8.0?} and {bytes} bytes a sender",
        format!("load {SENDERS} senders")
    );

    let arrivals: Vec<Arrival> = raws.iter().map(|raw| arrival(Message::parse(raw))).collect();
    let start = Instant::now();
    for arrival in arrivals.iter().cycle().take(messages) {
        black_box(sorter.decide(NOW, black_box(arrival)));
    }
    per_message("verdict", messages, start);

    let mut hashed = self::sorter().under(&Pseudonyms::keyed(b"key"));
    for arrival in &arrivals {
        hashed.sent(NOW, &arrival.message);
    }
    let start = Instant::now();
    for arrival in arrivals.iter().cycle().take(messages) {
        black_box(hashed.decide(NOW, black_box(arrival)));
    }
    per_message("verdict, names hashed", messages, start);

    let start = Instant::now();
    for arrival in arrivals.iter().cycle().take(messages) {
        sorter.received(NOW, black_box(arrival));
    }
    per_message("learn from a message received", messages, start);

    let start = Instant::now();
    for arrival in arrivals.iter().cycle().take(messages) {
        sorter.sent(NOW, black_box(&arrival.message));
    }
    per_message("learn from a message sent", messages, start);
    black_box(&sorter);
}
