//! Postroom sorts the mail of an IMAP account into top, news, bulk and blackhole, learns from the user's hand, and can
//! say why.
//!
//! # The way of a message
//! ```text
//! server EXISTS -> imap::watch -> imap::fetch (headers only) -> sort::Message -> sort::Sorter::handle
//!   -> [Plan, Move, Learn, Note] -> store: ledger "planned" -> imap::mover: UID MOVE -> store: "done" -> one log line
//! ```
//! A drag by the user arrives as the same event; the ledger shows that it was not us.
//!
//! # Modules
//! - [`sort`] decides and is pure: no IO, no clock, no log, no async; time is an argument.
//! - [`imap`] is the only code that speaks to a server, [`imap::mover`] the only place that changes one.
//! - [`store`] keeps the ledger, the lessons and the correspondence in SQLite. `imap` and `store` do not know each other.
//! - [`daemon`] is the loop that carries events to the sorter and its actions to the edges.
//! - [`config`] turns `postroom.toml` and rule files into checked values, or into errors that point at the text.
//! - [`http`] and [`oauth`] speak to providers' pages: autoconfig, and the authority that gives out tokens.
//! - [`cli`] has one file per command, [`report`] writes digests and pages, [`demo`] is the embedded server.
//!
//! # Promises, in this order
//! 1. Nothing is lost, nothing is doubled, and the user's hand always wins.
//! 2. A person is never buried.
//! 3. Every verdict can say why.
#![cfg_attr(test, allow(clippy::string_slice))]

pub mod cli;
pub mod config;
pub mod daemon;
pub mod demo;
pub mod http;
pub mod imap;
pub mod report;
pub mod sort;
pub mod store;
