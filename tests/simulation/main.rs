//! The simulation: a day of mail on a model server, with a user, a daemon that dies and is started again, and bad weather;
//! everything from one seed, a day in a fraction of a second, and every run of a seed the same.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::string_slice
)]

mod chronicle;
mod command;
mod day;
mod gate;
mod letter;
mod life;
mod post;
mod profile;
mod reckoning;
mod server;
mod session;
mod user;
mod weather;
mod world;

/// The number in an environment variable.
fn asked_for(variable: &str) -> Option<u64> {
    std::env::var(variable).ok()?.parse().ok()
}

#[test]
fn one_seed() {
    let seed = asked_for("POSTROOM_SEED").unwrap_or(1);
    let outcome = day::run(seed, true);
    println!("{}", outcome.last);
    assert!(outcome.broken.is_empty(), "{:#?}", outcome.broken);
}
