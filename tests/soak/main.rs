//! Long runs against a real Dovecot with the user at work at the same time. They do nothing unless asked for by the
//! scripts in this directory, which name the number of rounds in the environment.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::string_slice
)]

#[path = "../support/mod.rs"]
mod support;

mod chronicle;
mod faults;
mod kill;
mod reckoning;
mod user;
