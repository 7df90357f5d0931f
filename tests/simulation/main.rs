//! The simulation: a day of mail on a model server, with a user, a daemon that dies and is started again, and bad weather;
//! everything from one seed, a day in a fraction of a second, and every run of a seed the same.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::string_slice
)]

use std::sync::atomic::{AtomicU64, Ordering};

#[path = "../support/mod.rs"]
mod support;

mod accidents;
mod chronicle;
mod command;
mod day;
mod gate;
mod letter;
mod life;
mod post;
mod profile;
mod reckoning;
mod rulebook;
mod sequences;
mod server;
mod session;
mod stories;
mod suspension;
mod traces;
mod undo;
mod user;
mod weather;
mod world;

/// The number in an environment variable.
fn asked_for(variable: &str) -> Option<u64> {
    std::env::var(variable).ok()?.parse().ok()
}

/// Fails with everything that helps to understand the first seed that broke a rule, and a line for each other.
fn must_hold(outcomes: &[day::Outcome]) {
    let broken: Vec<&day::Outcome> = outcomes.iter().filter(|day| !day.broken.is_empty()).collect();
    let Some(first) = broken.first() else { return };
    println!("{}", first.last);
    for day in &broken {
        println!(
            "seed {} breaks {} rules, first: {}",
            day.seed,
            day.broken.len(),
            day.broken[0]
        );
    }
    let seed = first.seed;
    panic!(
        "{} of {} days went wrong; the whole of the first: POSTROOM_SEED={seed} cargo test --test simulation one_seed -- --nocapture",
        broken.len(),
        outcomes.len()
    );
}

#[test]
fn one_seed() {
    let seed = asked_for("POSTROOM_SEED").unwrap_or(1);
    let outcome = day::run(seed, true);
    println!("{}", outcome.last);
    assert!(outcome.broken.is_empty(), "seed {seed} breaks {:#?}", outcome.broken);
}

#[test]
fn the_same_seed_is_the_same_day() {
    for seed in 1..=8 {
        let (one, other) = (day::run(seed, false), day::run(seed, false));
        assert_eq!(
            one.digest, other.digest,
            "seed {seed}:\n{}\n---\n{}",
            one.last, other.last
        );
    }
}

/// Days whose number is in `POSTROOM_SEEDS`, from `POSTROOM_FIRST` on; every core takes its share.
#[test]
fn many_seeds() {
    let (first, count) = (
        asked_for("POSTROOM_FIRST").unwrap_or(1),
        asked_for("POSTROOM_SEEDS").unwrap_or(20),
    );
    let begun = std::time::Instant::now();
    let next = AtomicU64::new(first);
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let outcomes: Vec<day::Outcome> = std::thread::scope(|scope| {
        let work = || {
            let seeds = std::iter::from_fn(|| Some(next.fetch_add(1, Ordering::Relaxed)));
            seeds
                .take_while(|seed| *seed < first + count)
                .map(|seed| day::run(seed, false))
                .collect::<Vec<_>>()
        };
        let workers: Vec<_> = (0..cores).map(|_| scope.spawn(work)).collect();
        workers.into_iter().flat_map(|worker| worker.join().unwrap()).collect()
    });
    must_hold(&outcomes);
    let sum = |value: fn(&day::Outcome) -> u64| outcomes.iter().map(value).sum::<u64>();
    println!(
        "{} days in {:.0} s: {} messages, {} moves, {} faults, {} lives, {} met by the user's own hand; nothing broken",
        outcomes.len(),
        begun.elapsed().as_secs_f64(),
        sum(|day| day.messages as u64),
        sum(|day| day.moves as u64),
        sum(|day| u64::from(day.faults)),
        sum(|day| u64::from(day.lives)),
        sum(|day| day.met as u64),
    );
}

/// 10,000 sequences, or as many as `POSTROOM_SEQUENCES` says.
#[test]
fn ten_thousand_sequences_of_moves_and_undos_end_where_they_began() {
    let wanted = asked_for("POSTROOM_SEQUENCES").unwrap_or(10_000);
    let rounds = wanted.div_ceil(sequences::IN_A_ROUND);
    let moves: usize = (1..=rounds).map(sequences::round).sum();
    println!(
        "{} sequences, {moves} moves and undos: the census is as it was",
        rounds * sequences::IN_A_ROUND
    );
}

/// Random commands by two clients, on the model and on Dovecot: `POSTROOM_TRACES` says how many times.
#[test]
fn the_model_answers_as_dovecot_does() {
    let Some(server) = support::Dovecot::new().start() else {
        return;
    };
    let traces = asked_for("POSTROOM_TRACES").unwrap_or(25);
    (1..=traces).for_each(|seed| traces::replay(seed, &server));
    println!("{traces} traces: the model says what Dovecot says");
}
