//! How fast rules are compiled and asked, and how that grows with their number: `cargo bench --bench rules`.
//!
//! The mix is that of a long-grown mailbox: of ten rules four name an address, three a domain, one and a half a part of
//! a subject, one a list, half a regular expression. One message in three meets some rule. Nothing is asserted; a busy
//! machine is slow.

#![allow(clippy::indexing_slicing)]

use std::collections::BTreeMap;
use std::fmt::Write;
use std::time::Instant;

use postroom::sort::authenticity::Authentication;
use postroom::sort::evidence::Evidence;
use postroom::sort::facts::Facts;
use postroom::sort::mailbox::{Mailbox, Timestamp};
use postroom::sort::message::Message;
use postroom::sort::rules::{Context, RuleSet, SourceFile, Stage};
use postroom::sort::sender::Owner;

const ROUNDS: usize = 5;

fn main() {
    println!(
        "{:>6} {:>12} {:>14} {:>14} {:>12} {:>10}",
        "rules", "compile ms", "messages/s", "best of 5", "ns/message", "MiB"
    );
    let mut previous: Option<f64> = None;
    for count in [10, 100, 1_000, 10_000] {
        let nanoseconds = measure(count);
        if let Some(previous) = previous {
            println!(
                "{:>6} times the cost of a tenth of the rules: {:.2}",
                "",
                nanoseconds / previous
            );
        }
        previous = Some(nanoseconds);
    }
}

/// Prints a line about a set of `count` rules and returns the nanoseconds of one message.
fn measure(count: usize) -> f64 {
    let files = [SourceFile {
        name: "10-bench.toml".to_owned(),
        text: rules(count),
    }];
    let start = Instant::now();
    let reading = RuleSet::parse(&files, &BTreeMap::new(), &Context::default());
    let compile = start.elapsed();
    let Some(set) = reading.set else {
        println!("the rules do not compile: {:?}", reading.findings.first());
        return f64::NAN;
    };
    // What reading leaves unused in the allocator is used by the second set, so that its growth is what one set holds.
    let before = resident_mib();
    let again = RuleSet::parse(&files, &BTreeMap::new(), &Context::default());
    let memory = resident_mib() - before;
    let messages: Vec<Message> = (0..10_000)
        .map(|number| Message::parse(mail(number, count).as_bytes()))
        .collect();
    let (folder, owner, evidence) = (Mailbox::inbox(), Owner::default(), Evidence::default());
    let mut rates = Vec::new();
    let mut matched = 0;
    for _ in 0..ROUNDS {
        let start = Instant::now();
        matched = 0;
        for message in &messages {
            let facts = Facts {
                message,
                now: Timestamp(0),
                arrived: Timestamp(0),
                utc_offset: 0,
                size: 4_096,
                flags: &[],
                account: "bench",
                folder: &folder,
                owner: &owner,
                authentication: Authentication::None,
                evidence: &evidence,
                tally: None,
                reply_to_me: false,
                duplicate: false,
                attachments: None,
            };
            matched += usize::from(set.decide(Stage::User, &facts).is_some());
        }
        rates.push(messages.len() as f64 / start.elapsed().as_secs_f64());
    }
    rates.sort_by(f64::total_cmp);
    let (median, best) = (rates[ROUNDS / 2], rates[ROUNDS - 1]);
    let milliseconds = compile.as_secs_f64() * 1e3;
    drop(again);
    let nanoseconds = 1e9 / median;
    println!(
        "{count:>6} {milliseconds:>12.1} {median:>14.0} {best:>14.0} {nanoseconds:>12.0} {memory:>10.1}   {matched} of {} matched",
        messages.len()
    );
    nanoseconds
}

fn rules(count: usize) -> String {
    let mut text = String::new();
    for number in 0..count {
        let when = match number % 20 {
            0..=7 => format!("from = \"person{number}@firm{}.example\"", number % 977),
            8..=13 => format!(
                "from = \"@{}shop{number}.example\"",
                if number % 2 == 0 { "." } else { "" }
            ),
            14..=16 => format!("subject = \"topic {number} news\""),
            17..=18 => format!("list_id = \"list{number}.lists.example\""),
            _ => format!("subject = {{ re = '(?i)\\b(invoice|receipt) +no\\.? *{number}[0-9]{{2,4}}\\b' }}"),
        };
        _ = writeln!(
            text,
            "[[rule]]\nname = \"rule {number}\"\nwhen = {{ {when} }}\nbucket = \"bulk\"\n"
        );
    }
    text
}

fn mail(number: usize, rules: usize) -> String {
    let wanted = number * 7_919 % (rules * 3);
    let (mut from, mut subject, mut list) = (
        format!("someone{number}@elsewhere.example"),
        format!("Re: about the plan for week {number}, and an invoice"),
        String::new(),
    );
    if wanted < rules {
        match wanted % 20 {
            0..=7 => from = format!("person{wanted}@firm{}.example", wanted % 977),
            8..=13 => from = format!("info@shop{wanted}.example"),
            14..=16 => subject = format!("Our topic {wanted} news of the day"),
            17..=18 => list = format!("List-Id: <list{wanted}.lists.example>\r\n"),
            _ => subject = format!("Your invoice no. {wanted}123"),
        }
    }
    format!(
        "From: Some Body <{from}>\r\nTo: me@home.example\r\nSubject: {subject}\r\n{list}Message-ID: <{number}@mail.example>\r\n\r\n"
    )
}

/// Resident memory of this process, MiB; 0 where /proc does not tell.
fn resident_mib() -> f64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status
        .lines()
        .find(|line| line.starts_with("VmRSS:"))
        .unwrap_or_default();
    line.split_whitespace()
        .nth(1)
        .and_then(|kib| kib.parse::<f64>().ok())
        .unwrap_or(0.0)
        / 1024.0
}
