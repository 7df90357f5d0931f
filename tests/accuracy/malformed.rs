//! No header, however broken, stops the sorter, takes it long, or reaches top.
//!
//! Hand-made seeds always; with `POSTROOM_CORPUS` naming an unpacked corpus every file of its `malformed/` too. Each is
//! judged whole and cut at 200 lengths. Prints the slowest and the peak of memory; asserts no speed.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

#[path = "../support/sorter.rs"]
mod sorter;

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use postroom::sort::Sorter;
use postroom::sort::bucket::Bucket;
use postroom::sort::mailbox::Timestamp;
use postroom::sort::message::Message;
use postroom::sort::rules::RuleSet;

const NOW: Timestamp = Timestamp(1_795_000_000);

/// Lengths at which each message is cut.
const CUTS: usize = 200;

fn seeds() -> Vec<Vec<u8>> {
    let mut seeds: Vec<Vec<u8>> = [
        "",
        "\0",
        "\n",
        "\r\n\r\n",
        ":",
        "From",
        "From:",
        "From: <",
        "From: \"",
        "From: (((((",
        "From: =?utf-8?b?",
        "From: =?x?q?=?=",
        "From: a@b\r\n c@d",
        "From: <<<<@>>>>",
        "From: a@b.example\r\nFrom: a@b.example",
        "From: @",
        "From: friends:;",
        "List-Id: <<<>",
        "Subject: =?utf-8?q?=E2=80=AE?=",
        "Subject: \u{202e}\u{200b}",
        "Authentication-Results: ;;;;(((\"",
        "Authentication-Results: x; dmarc=pass (",
        "Return-Path: <<>>",
        "To: a@b, , ,;:<>",
        "Date: 99 Foo 99999 99:99:99 +9999",
        "References: <<<<><>>",
        "In-Reply-To: <",
        "Received: by",
        "Received: by ;",
        "X-Spam-Flag: =?utf-8?b?WUVT?=",
        "\u{feff}From: a@b.example",
        "From: a@b.example\rTo: c@d.example\rSubject: CR only",
    ]
    .into_iter()
    .map(|text| text.as_bytes().to_vec())
    .collect();
    let repeated = |head: &str, unit: &str, times: usize| format!("{head}{}\r\n\r\n", unit.repeat(times)).into_bytes();
    seeds.extend([
        repeated("From: ", "<", 100_000),
        repeated("From: ", "(", 100_000),
        repeated("From: a@b.example\r\nTo: ", "x@y.example, ", 20_000),
        repeated("From: a@b.example\r\nSubject: ", "=?utf-8?q?a?= ", 20_000),
        repeated("From: a@b.example\r\nReferences: ", "<a@b> ", 50_000),
        repeated("From: a@b.example\r\n", "Received: from a by b.example; x\r\n", 5_000),
        repeated(
            "From: a@b.example\r\n",
            "Authentication-Results: a; dmarc=pass\r\n",
            5_000,
        ),
        repeated("Subject: x\r\n", " fold\r\n", 20_000),
        repeated("From: a@", "b.", 50_000),
        repeated("From: a@b.example\r\nSubject: ", "Re: ", 50_000),
        repeated("From: a@b.example\r\nSubject: ", "[a]", 50_000),
        vec![0xff; 70_000],
    ]);
    seeds
}

fn files_below(folder: &Path, files: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files_below(&path, files);
        } else {
            files.push(path);
        }
    }
}

fn sorter() -> Sorter {
    let settings = sorter::settings("me@example.org", None);
    let mut sorter = Sorter::new(settings, Arc::new(RuleSet::default()));
    sorter.sent(
        NOW,
        &Message::parse(b"To: anna@example.com\r\nSubject: x\r\nMessage-ID: <1@example.org>\r\n"),
    );
    sorter
}

/// Judges one message and learns from it; the bucket and the time it took.
fn judge(sorter: &mut Sorter, raw: &[u8]) -> (Bucket, Duration) {
    let start = Instant::now();
    let arrival = sorter::arrival(Message::parse(raw), Some(NOW));
    let bucket = sorter.decide(NOW, &arrival).verdict.bucket;
    sorter.received(NOW, &arrival);
    sorter.sent(NOW, &arrival.message);
    (bucket, start.elapsed())
}

#[test]
fn broken_headers_are_judged_and_never_top() {
    let mut inputs: Vec<(String, Vec<u8>)> = seeds()
        .into_iter()
        .enumerate()
        .map(|(number, seed)| (format!("seed {number}"), seed))
        .collect();
    if let Some(corpus) = std::env::var_os("POSTROOM_CORPUS") {
        let mut files = Vec::new();
        files_below(&Path::new(&corpus).join("malformed"), &mut files);
        files.sort();
        inputs.extend(
            files
                .iter()
                .map(|path| (path.display().to_string(), fs::read(path).unwrap())),
        );
    }
    let (mut slowest, mut judged) = ((Duration::ZERO, String::new()), 0);
    let mut random = fastrand::Rng::with_seed(4);
    for (name, raw) in &inputs {
        let cuts = (0..CUTS).map(|_| random.usize(..=raw.len()));
        for length in [raw.len()].into_iter().chain(cuts) {
            // A fresh sorter each time: what one broken message teaches must not help the next.
            let (bucket, took) = judge(&mut sorter(), &raw[..length]);
            assert_ne!(bucket, Bucket::Top, "{name}, cut at {length}");
            judged += 1;
            if took > slowest.0 {
                slowest = (took, format!("{name}, cut at {length}"));
            }
        }
    }
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let peak = status
        .lines()
        .find(|line| line.starts_with("VmHWM"))
        .unwrap_or("VmHWM unknown");
    println!(
        "{judged} headers judged; slowest {:?} ({}); peak {peak}",
        slowest.0, slowest.1
    );
}
