//! The kill matrix: the process is ended, as by kill -9, at every named step of a move and of recovery, on both ladders;
//! then started again. Nothing is lost, nothing doubled, nothing learned, no row stays open, and a third run does nothing.
//!
//! Needs the feature `failpoints`: `cargo nextest run --features failpoints --test kill`.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::string_slice
)]

mod support;

use std::collections::BTreeSet;
use std::time::Duration;

use postroom::imap::failpoint::STEPS;
use support::daemon::finish;
use support::{Account, Census, Dovecot, Home, Ledger, Letter, Proxy, Server};

const SORTED: [&str; 4] = ["News", "Bulk", "Top", "Blackhole"];

/// Steps that only the ladder by copying passes, and those that only MOVE does.
fn is_for(step: &str, by_move: bool) -> bool {
    match step.split('-').next() {
        Some("move") => by_move || step == "move-after-untagged",
        Some("copy" | "store" | "expunge") => !by_move,
        _ => true,
    }
}

/// Three newsletters and two letters, all in INBOX.
fn post(server: &Server) -> (Vec<Letter>, Vec<Letter>) {
    let newsletter =
        |n: u32| Letter::from(&format!("News <news@weekly{n}.example>")).newsletter(&format!("<w{n}.list.example>"));
    let news: Vec<Letter> = (0..3).map(newsletter).collect();
    let people: Vec<Letter> = (0..2).map(|n| Letter::from(&format!("p{n}@letter.example"))).collect();
    for letter in news.iter().chain(&people) {
        server.deliver("alice", &letter.bytes());
    }
    (news, people)
}

/// Runs a sweep that dies at `step`; false when it ended by itself.
fn dies_at(home: &Home, step: &str) -> bool {
    let mut command = home.command(&["run", "--once"]);
    command.env("POSTROOM_FAILPOINT", step);
    let ended = finish(command, Duration::from_secs(60));
    assert!(ended.code.is_none() || ended.code == Some(0), "{step}: {ended:?}");
    ended.code.is_none()
}

/// Dies at each of `steps` in turn, is started once more, and everything must be right. How many steps were reached.
fn survives(server: &Server, steps: &[&str]) -> usize {
    eprintln!("--- {steps:?}");
    let home = Home::new(&[Account::new("home", server.port)]);
    home.run_once().expect_code(0);
    let (news, people) = post(server);
    let before = Census::of(server, "alice");
    let proxy = Proxy::to(server.port).start();
    home.configure(&[Account::new("home", proxy.port)]);
    let deaths = steps.iter().filter(|step| dies_at(&home, step)).count();
    home.run_once().expect_code(0);
    before.assert_same(&Census::of(server, "alice"));
    let mut hand = server.hand("alice");
    for letter in &news {
        assert_eq!(hand.find("News", &letter.id()).len(), 1, "{steps:?}");
        for other in ["INBOX"].iter().chain(&SORTED[1..]) {
            assert_eq!(hand.find(other, &letter.id()).len(), 0, "{steps:?}: in {other}");
        }
    }
    for letter in &people {
        assert_eq!(hand.find("INBOX", &letter.id()).len(), 1, "{steps:?}");
    }
    let ledger = Ledger::of(&home);
    assert_eq!(
        (ledger.open(), ledger.lessons, ledger.drags),
        (0, 0, 0),
        "{steps:?}: {ledger:?}"
    );
    assert_eq!(ledger.moved.len(), news.len(), "{steps:?}: {ledger:?}");
    let moves = ["UID MOVE", "UID COPY", "UID EXPUNGE"].map(|command| proxy.count(command));
    home.run_once().expect_code(0);
    assert_eq!(
        moves,
        ["UID MOVE", "UID COPY", "UID EXPUNGE"].map(|command| proxy.count(command))
    );
    assert_eq!(
        Ledger::of(&home),
        ledger,
        "{steps:?}: a further run has something to do"
    );
    proxy.assert_clean();
    deaths
}

fn every_step(server: Dovecot, by_move: bool) -> Option<BTreeSet<&'static str>> {
    let server = server.start()?;
    let steps = STEPS
        .into_iter()
        .filter(|step| is_for(step, by_move) && !step.starts_with("recovery"));
    Some(steps.filter(|step| survives(&server, &[step]) == 1).collect())
}

#[test]
fn every_step_of_move_may_be_the_last() {
    let Some(reached) = every_step(Dovecot::new(), true) else {
        return;
    };
    let wanted: BTreeSet<&str> = STEPS
        .into_iter()
        .filter(|step| is_for(step, true) && !step.starts_with("recovery"))
        .collect();
    assert_eq!(reached, wanted, "steps that were never reached prove nothing");
}

#[test]
fn every_step_of_copying_may_be_the_last() {
    let Some(reached) = every_step(Dovecot::new().without(&["MOVE"]), false) else {
        return;
    };
    let wanted: BTreeSet<&str> = STEPS
        .into_iter()
        .filter(|step| is_for(step, false) && !step.starts_with("recovery"))
        .collect();
    assert_eq!(reached, wanted, "steps that were never reached prove nothing");
}

#[test]
fn recovery_itself_may_be_killed_again_and_again() {
    let Some(server) = Dovecot::new().without(&["MOVE"]).start() else {
        return;
    };
    let first = [
        "plan-after-commit",
        "copy-half-sent",
        "copy-after-tagged",
        "store-after-tagged",
        "expunge-after-send",
    ];
    let then = [
        "recovery-before-settling",
        "store-after-send",
        "expunge-after-send",
        "close-before-commit",
        "close-after-commit",
    ];
    let mut reached = BTreeSet::new();
    for one in first {
        for two in then {
            if survives(&server, &[one, two, two]) > 1 {
                reached.insert(two);
            }
        }
    }
    assert_eq!(
        reached,
        then.into_iter().collect(),
        "steps that were never reached prove nothing"
    );
}

/// Two messages that rules copy, one of them moved as well: wherever the process dies, there is one copy of each.
fn copies_survive(server: &Server, steps: &[&str]) -> usize {
    eprintln!("--- {steps:?}");
    let home = Home::new(&[Account::new("home", server.port)]);
    home.rule_file(
        "10-copies.toml",
        "[[rule]]\nname = \"paid\"\nwhen = { from = \"@shop.example\" }\nmove = \"Receipts\"\ncopy = [\"Books\", \"Bulk\"]\nallow_broad = true\n\
         [[rule]]\nname = \"kept\"\nwhen = { from = \"@kept.example\" }\nkeep = true\ncopy = \"Books\"\nallow_broad = true\n",
    );
    home.run_once().expect_code(0);
    let (paid, kept) = (Letter::from("till@shop.example"), Letter::from("anna@kept.example"));
    for letter in [&paid, &kept] {
        server.deliver("alice", &letter.bytes());
    }
    let deaths = steps.iter().filter(|step| dies_at(&home, step)).count();
    home.run_once().expect_code(0);
    let mut hand = server.hand("alice");
    let places = |hand: &mut support::Hand, letter: &Letter| {
        ["INBOX", "Receipts", "Books", "Bulk"].map(|folder| hand.find(folder, &letter.id()).len())
    };
    let there = [places(&mut hand, &paid), places(&mut hand, &kept)];
    assert_eq!(there, [[0, 1, 1, 1], [1, 0, 1, 0]], "{steps:?}");
    let ledger = Ledger::of(&home);
    assert_eq!(
        (ledger.open(), ledger.lessons, ledger.drags),
        (0, 0, 0),
        "{steps:?}: {ledger:?}"
    );
    home.run_once().expect_code(0);
    let again = [places(&mut hand, &paid), places(&mut hand, &kept)];
    assert_eq!((again, Ledger::of(&home)), (there, ledger), "{steps:?}");
    deaths
}

#[test]
fn a_further_copy_is_made_once_wherever_the_process_dies() {
    let Some(server) = Dovecot::new().start() else { return };
    let steps = ["plan", "copy", "move", "all", "close"];
    let steps = STEPS
        .into_iter()
        .filter(|step| steps.iter().any(|part| step.starts_with(part)));
    for step in steps {
        let second = format!("{step}:2");
        assert_eq!(copies_survive(&server, &[step]), 1, "{step} was never reached");
        copies_survive(&server, &[&second]);
        copies_survive(&server, &[step, "recovery-before-settling", "copy-after-tagged"]);
    }
}

#[test]
fn the_second_pass_of_a_step_may_be_the_last() {
    let Some(server) = Dovecot::new().without(&["MOVE"]).start() else {
        return;
    };
    for step in ["plan-before-commit:2", "plan-after-commit:2", "close-before-commit:2"] {
        survives(&server, &[step]);
    }
}
