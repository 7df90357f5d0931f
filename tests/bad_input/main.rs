//! Replays the named files of `fixtures/hostile`, which are also the seeds of the fuzz targets; whatever a fuzzer has
//! found lies there too. What a server may send is replayed beside the code (`imap::tests::framing`).
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]

mod mutation;
mod properties;

use std::fs;
use std::path::Path;

fn replay(kind: &str, holds: fn(&[u8])) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("fixtures/hostile")
        .join(kind);
    let mut files: Vec<_> = fs::read_dir(&folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    files.sort();
    assert!(files.len() > 10, "{}", folder.display());
    for file in files {
        // The last name printed is the one that failed.
        println!("{}", file.display());
        holds(&fs::read(file).unwrap());
    }
}

#[test]
fn headers() {
    replay("header", properties::header);
}

#[test]
fn authentication_results() {
    replay("authentication", properties::authentication);
}

#[test]
fn rule_files() {
    replay("rules", properties::rules);
}

#[test]
fn damaged_records() {
    replay("ledger", properties::ledger);
}

#[test]
fn foreign_text() {
    replay("text", properties::text);
}

#[test]
fn mutated_headers() {
    mutation::mutated("header", 20_000, properties::header);
}

#[test]
fn mutated_authentication_results() {
    mutation::mutated("authentication", 100_000, properties::authentication);
}

#[test]
fn mutated_rule_files() {
    mutation::mutated("rules", 20_000, properties::rules);
}

#[test]
fn mutated_records() {
    mutation::mutated("ledger", 1_000, properties::ledger);
}

#[test]
fn mutated_text() {
    mutation::mutated("text", 200_000, properties::text);
}
