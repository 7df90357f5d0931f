//! How long a message lies in INBOX before it is in its folder, beside the floor on the same server in the same run.
//!
//! `cargo bench --bench latency -- [--deliveries 200] [--inbox 1000] [--rules 20] [--rtt MILLISECONDS] [--append]`
//! `cargo bench --bench latency -- --backlog 50000 [--rules 10000] [--senders 100000]`
//!
//! With `--backlog`: deliveries while so much old mail of the same account is being sorted, and nothing else.
//!
//! One message at a time, at no regular moment, to the program's user and to the floor's user in turn; then a hundred at
//! once, to see how many flights a crowd costs. A message that is not there after ten seconds is late.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::string_slice
)]

mod floor;
mod mail;
mod process;
#[path = "../support/sorter.rs"]
#[allow(dead_code)]
mod sorter;
#[path = "../support/mod.rs"]
mod support;

use std::fs;
use std::thread;
use std::time::{Duration, Instant};

use floor::Floor;
use mail::Stock;
use postroom::sort::mailbox::Timestamp;
use postroom::store::{Learning, Store};
use process::percentile;
use support::{Account, Daemon, Dovecot, Home, Proxy, Server};

const LATE: Duration = Duration::from_secs(10);
const CROWD: usize = 100;

fn main() {
    let deliveries = number("--deliveries", 200);
    let rtt = Duration::from_millis(number("--rtt", 0) as u64);
    let Some(server) = Dovecot::new().start() else { return };
    if let backlog @ 1.. = number("--backlog", 0) {
        return during_backlog(&server, backlog);
    }
    let stock = Stock::new(&server, number("--inbox", 1_000));
    for user in ["alice", "bob"] {
        stock.give(&server, user);
    }
    let proxies = (proxy(&server, rtt), proxy(&server, rtt));
    let port = |proxy: &Proxy| if rtt.is_zero() { server.port } else { proxy.port };
    let home = Home::new(&[Account::new("home", port(&proxies.0))]);
    home.rule_file("10-bench.toml", &mail::rules(number("--rules", 20)));
    let mut daemon = home.start();
    daemon.wait_line("watching");
    let floor_port = port(&proxies.1);
    let next = server.hand("bob").status("INBOX").uid_next;
    thread::spawn(move || run_floor(floor_port, next));

    let begun_cpu = process::cpu(daemon.id());
    let (mut ours, mut floors) = (Vec::new(), Vec::new());
    let mut letters = (stock.count..).filter(|&number| mail::folder_of(number).is_some());
    for _ in 0..deliveries {
        for (user, times) in [("alice", &mut ours), ("bob", &mut floors)] {
            thread::sleep(Duration::from_millis(fastrand::u64(20..200)));
            times.push(deliver(&server, user, letters.next().unwrap()));
        }
    }
    let cpu = (process::cpu(daemon.id()) - begun_cpu) * 1_000.0 / deliveries as f64;
    println!(
        "delivery until moved, {deliveries} each, round trip {} ms",
        rtt.as_millis()
    );
    println!("| | p50 s | p90 s | p99 s | max s | late | client CPU ms a mail |\n|---|---|---|---|---|---|---|");
    for (name, times, cpu) in [
        ("floor", &floors, "-".to_owned()),
        ("postroom", &ours, format!("{cpu:.2}")),
    ] {
        let late = times.iter().filter(|&&time| time >= LATE.as_secs_f64()).count();
        println!(
            "| {name} | {:.3} | {:.3} | {:.3} | {:.3} | {late} | {cpu} |",
            percentile(times, 50),
            percentile(times, 90),
            percentile(times, 99),
            percentile(times, 100),
        );
    }
    daemon.terminate();
    crowd(&server, rtt);
}

/// Letters that come one by one while old mail is being sorted, to a folder of their own.
fn during_backlog(server: &Server, backlog: usize) {
    Stock::new(server, backlog).give(server, "carol");
    server.hand("carol").make_folder("Fresh");
    let home = Home::new(&[Account::new("home", server.port).user("carol").backlog("sort")]);
    let fresh = "[[rule]]\nname = \"fresh\"\nmove = \"Fresh\"\nwhen = { from = \"fresh@house0.example\" }\n";
    home.rule_file("05-fresh.toml", fresh);
    home.rule_file("10-bench.toml", &mail::rules(number("--rules", 20)));
    know(&home, number("--senders", 0) as u32);
    let begun = Instant::now();
    let mut daemon = home.start();
    while files(server, "carol", "INBOX") == backlog {
        assert!(daemon.is_running(), "{}", daemon.output());
        thread::sleep(Duration::from_millis(5));
    }
    let mut times = Vec::new();
    while daemon.count_lines("watching") == 0 {
        let before = files(server, "carol", "Fresh");
        let letter = mail::letter(backlog + times.len()).replace("Writer Number", "Fresh Number");
        let from = letter.lines().find(|line| line.starts_with("From:")).unwrap();
        let letter = letter.replace(from, "From: Fresh <fresh@house0.example>");
        let delivered = Instant::now();
        server.deliver("carol", letter.as_bytes());
        while files(server, "carol", "Fresh") == before && delivered.elapsed() < LATE {
            thread::sleep(Duration::from_millis(1));
        }
        times.push(delivered.elapsed().as_secs_f64());
    }
    println!(
        "{} deliveries while {backlog} old messages were sorted ({:.1} s): p50 {:.3} s, p99 {:.3} s, max {:.3} s",
        times.len(),
        begun.elapsed().as_secs_f64(),
        percentile(&times, 50),
        percentile(&times, 99),
        percentile(&times, 100),
    );
    daemon.terminate();
}

/// Writes that many known senders into the records.
fn know(home: &Home, senders: u32) {
    let now = Timestamp(1_795_000_000);
    let mut store = Store::open(&home.path("state"), now).unwrap().store;
    let learning = Learning {
        run: "bench".to_owned(),
        tallies: sorter::correspondents(senders, now).collect(),
        ..Learning::default()
    };
    let _written = store.commit_learning("home", now, &learning).unwrap();
}

/// A hundred messages at once.
fn crowd(server: &Server, rtt: Duration) {
    let proxy = proxy(server, rtt);
    Stock::new(server, 1).give(server, "carol");
    let home = Home::new(&[Account::new("crowd", proxy.port).user("carol")]);
    home.rule_file("10-bench.toml", &mail::rules(20));
    let mut daemon: Daemon = home.start();
    daemon.wait_line("watching");
    let flights = proxy.flights();
    let before = process::cpu(daemon.id());
    let begun = Instant::now();
    let numbers: Vec<usize> = (0..)
        .filter(|&number| mail::folder_of(number).is_some())
        .take(CROWD)
        .collect();
    for number in numbers {
        server.deliver("carol", mail::letter(number).as_bytes());
    }
    while moved(server, "carol") < CROWD && begun.elapsed() < LATE {
        thread::sleep(Duration::from_millis(2));
    }
    println!(
        "{CROWD} at once: all moved after {:.2} s, {} flights, {:.0} ms of client CPU",
        begun.elapsed().as_secs_f64(),
        proxy.flights() - flights,
        (process::cpu(daemon.id()) - before) * 1_000.0
    );
    if std::env::args().any(|argument| argument == "--commands") {
        for command in proxy.commands() {
            let shown: String = command.text.chars().take(110).collect();
            println!("    {:>8.3} {shown}", command.at.as_secs_f64());
        }
    }
    daemon.terminate();
}

fn proxy(server: &Server, rtt: Duration) -> Proxy {
    Proxy::to(server.port).latency(rtt / 2).start()
}

fn run_floor(port: u16, mut next: u32) {
    let mut floor = Floor::connect(port);
    floor.open("bob", &format!("{next}:*"));
    let folders = mail::table();
    while let Some(headers) = floor.wait_for_mail(next) {
        next = headers.iter().map(|(uid, _)| uid + 1).max().unwrap_or(next);
        floor.carry_out(&floor::decide(&headers, &folders), false);
    }
}

/// Seconds from delivery until a file more lies in the folders.
fn deliver(server: &Server, user: &str, number: usize) -> f64 {
    let before = moved(server, user);
    let letter = mail::letter(number);
    let begun = Instant::now();
    if std::env::args().any(|argument| argument == "--append") {
        server
            .hand(user)
            .append("INBOX", letter.replace('\n', "\r\n").as_bytes(), &[], None);
    } else {
        server.deliver(user, letter.as_bytes());
    }
    while moved(server, user) == before && begun.elapsed() < LATE {
        thread::sleep(Duration::from_millis(1));
    }
    begun.elapsed().as_secs_f64()
}

/// Files in the four folders.
fn moved(server: &Server, user: &str) -> usize {
    mail::FOLDERS.iter().map(|folder| files(server, user, folder)).sum()
}

/// Files in one folder.
fn files(server: &Server, user: &str, folder: &str) -> usize {
    ["new", "cur"]
        .map(|part| server.maildir(user, folder).join(part))
        .iter()
        .filter_map(|directory| fs::read_dir(directory).ok())
        .map(Iterator::count)
        .sum()
}

fn number(option: &str, default: usize) -> usize {
    let given = std::env::args().skip_while(|argument| argument != option).nth(1);
    given.map_or(default, |number| number.parse().unwrap())
}
