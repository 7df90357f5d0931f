//! The rig: private mail servers on loopback, a user's hand, a census, a recording proxy, and the daemon as a process.
//!
//! Nothing here shares code with `src/`: a mistake in the program must not be able to hide in its own test. Every wait has
//! a deadline and ends with the event it waits for.
//!
//! ```text
//! let Some(server) = Dovecot::new().start() else { return };       // skipped with a word where Dovecot is missing
//! let proxy = Proxy::to(server.port).start();                      // records, and enforces the closed command list
//! let home = Home::new(&[Account::new("home", proxy.port)]);       // postroom.toml, password, rules, state
//! let before = Census::of(&server, "alice");
//! let daemon = home.start();
//! daemon.wait_ready();
//! server.deliver("alice", &Letter::from("bob@example.net").bytes());
//! server.hand("alice").wait_for("Bulk", "<1@example.net>");
//! proxy.assert_clean();
//! ```
#![allow(dead_code, unused_imports)]
#![allow(clippy::needless_pass_by_value, clippy::struct_field_names, clippy::format_collect)]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::string_slice
)]

pub mod census;
pub mod certificates;
pub mod courier;
pub mod cyrus;
pub mod daemon;
pub mod dovecot;
pub mod grammar;
pub mod hand;
pub mod ledger;
pub mod letter;
pub mod oauth;
pub mod odd;
pub mod packages;
pub mod proxy;
pub mod server;
pub mod wait;
pub mod web;
pub mod wire;

pub use census::Census;
pub use courier::Courier;
pub use cyrus::Cyrus;
pub use daemon::{Account, Daemon, Finished, Home};
pub use dovecot::Dovecot;
pub use hand::{Drag, Hand};
pub use ledger::Ledger;
pub use letter::Letter;
pub use oauth::{Authority, Mood};
pub use odd::{Mail, Moving, Odd, Spelling, Ways};
pub use proxy::{Cut, Moment, Proxy};
pub use server::Server;
pub use wait::eventually;
pub use web::{Answer, Request, Web};
