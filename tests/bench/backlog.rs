//! How long a mailbox full of old mail takes, beside the floor on the same server in the same run.
//!
//! `cargo bench --bench backlog -- [--sizes 1000,10000] [--rules 20,1000,10000] [--rounds 5] [--rtt MILLISECONDS] [--peers]`
//!
//! Contenders take turns on mailboxes that nobody has read yet. After each run the folders are counted. Flights, octets
//! and commands are counted by a proxy in one run more, of which the time is not used (with `--rtt`, every run goes
//! through the proxy). With `--peers` other programs do the same work, once (`peers.rs`).
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::string_slice
)]

mod floor;
mod mail;
mod peers;
mod process;
#[path = "../support/mod.rs"]
mod support;

use std::time::{Duration, Instant};

use floor::Floor;
use mail::Stock;
use peers::Peer;
use process::{Cost, median};
use support::{Account, Dovecot, Home, Proxy, Server};

fn main() {
    let sizes = numbers("--sizes", "1000,10000");
    let rules = numbers("--rules", "20,1000,10000");
    let rounds = numbers("--rounds", "5")[0];
    let rtt = Duration::from_millis(numbers("--rtt", "0")[0] as u64);
    let peers = if std::env::args().any(|argument| argument == "--peers") {
        Peer::installed()
    } else {
        Vec::new()
    };
    let Some(server) = Dovecot::new().start() else { return };
    println!("backlog, round trip {} ms, {rounds} rounds", rtt.as_millis());
    println!(
        "| mail | rules | floor s | postroom s | ratio | client CPU s | peak MiB | flights (floor) | MOVEs | down B a message \
         (floor) | up B a moved message |\n|---|---|---|---|---|---|---|---|---|---|---|"
    );
    let mut lines = Vec::new();
    for &size in &sizes {
        let stock = Stock::new(&server, size);
        for &rules in &rules {
            let (floor, wall) = line(&server, &stock, size, rules, rounds, rtt);
            for peer in &peers {
                let took = peer.sort(&server, &stock, size, rules);
                let (times, behind) = (took / floor, took / wall);
                println!(
                    "    {}: {took:.3} s, {times:.1} times the floor, {behind:.1} times postroom",
                    peer.name()
                );
            }
            if rules == 20 {
                lines.push((size as f64, wall));
            }
        }
    }
    if let [first, .., last] = lines.as_slice() {
        let slope = (last.1 - first.1) / (last.0 - first.0);
        println!(
            "\nwith 20 rules, wall = {:.3} s + {:.1} us a message",
            first.1 - slope * first.0,
            slope * 1e6
        );
    }
}

/// Measures one size with one rule set; the median wall times of the floor and of the program.
fn line(server: &Server, stock: &Stock, size: usize, rules: usize, rounds: usize, rtt: Duration) -> (f64, f64) {
    let (mut floors, mut ours, mut ratios) = (Vec::new(), Vec::new(), Vec::<f64>::new());
    let rules_text = mail::rules(rules);
    for _ in 0..rounds {
        let floor = floor(server, stock, size, port_behind(server, rtt).as_ref());
        let cost = postroom(server, stock, size, &rules_text, port_behind(server, rtt).as_ref());
        ratios.push(cost.wall / floor);
        floors.push(floor);
        ours.push(cost);
    }
    let (counted, counted_floor) = (counting(server, rtt), counting(server, rtt));
    floor(server, stock, size, Some(&counted_floor));
    postroom(server, stock, size, &rules_text, Some(&counted));
    let moved = (size - mail::expected(size)["INBOX"]) as f64;
    let ((up, down), (_, floor_down)) = (counted.bytes(), counted_floor.bytes());
    let of = |what: fn(&Cost) -> f64| median(&ours.iter().map(what).collect::<Vec<_>>());
    println!(
        "| {size} | {rules} | {:.3} | {:.3} | {:.2} | {:.2} | {:.1} | {} ({}) | {} | {:.0} ({:.0}) | {:.1} |",
        median(&floors),
        of(|cost| cost.wall),
        median(&ratios),
        of(|cost| cost.cpu),
        of(|cost| cost.peak),
        counted.flights(),
        counted_floor.flights(),
        counted.count("UID MOVE"),
        down as f64 / size as f64,
        floor_down as f64 / size as f64,
        up as f64 / moved,
    );
    if std::env::args().any(|argument| argument == "--commands") {
        for command in counted.commands() {
            let shown: String = command.text.chars().take(110).collect();
            println!("    {:>8.3} {shown}", command.at.as_secs_f64());
        }
    }
    (median(&floors), of(|cost| cost.wall))
}

fn counting(server: &Server, rtt: Duration) -> Proxy {
    Proxy::to(server.port).latency(rtt / 2).start()
}

fn port_behind(server: &Server, rtt: Duration) -> Option<Proxy> {
    (!rtt.is_zero()).then(|| counting(server, rtt))
}

fn floor(server: &Server, stock: &Stock, size: usize, proxy: Option<&Proxy>) -> f64 {
    stock.give(server, "bob");
    let begun = Instant::now();
    Floor::connect(proxy.map_or(server.port, |proxy| proxy.port)).sort_backlog("bob", &mail::table());
    let wall = begun.elapsed().as_secs_f64();
    mail::assert_sorted(server, "bob", size);
    wall
}

fn postroom(server: &Server, stock: &Stock, size: usize, rules: &str, proxy: Option<&Proxy>) -> Cost {
    stock.give(server, "alice");
    let port = proxy.map_or(server.port, |proxy| proxy.port);
    let home = Home::new(&[Account::new("home", port).backlog("sort")]);
    home.rule_file("10-bench.toml", rules);
    let cost = process::measure(home.command(&["run", "--once"]));
    mail::assert_sorted(server, "alice", size);
    cost
}

fn numbers(option: &str, default: &str) -> Vec<usize> {
    let mut arguments = std::env::args().skip_while(|argument| argument != option);
    let given = arguments.nth(1).unwrap_or_else(|| default.to_owned());
    given.split(',').map(|number| number.parse().unwrap()).collect()
}
