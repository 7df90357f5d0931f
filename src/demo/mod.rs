//! The embedded IMAP server: what `postroom demo` shows itself on, and what the scripted tests talk to.
//!
//! Loopback only, in memory, without TLS; honest enough that an ordinary mail program can read and drag. It knows
//! nothing of the client code in `crate::imap`: two programs that share their mistakes cannot find them. The same
//! conversations are held with Dovecot (`tests/sessions.rs`) to keep it honest. IMAP4rev1 as RFC 9051 tells it, with the
//! extensions that [`Capabilities`] lists.

mod answer;
mod command;
mod envelope;
mod fault;
mod fetch;
mod fetch_syntax;
mod folders;
mod idle;
mod login;
mod mailbox;
mod names;
mod notify;
mod options;
mod parser;
pub mod sample;
mod scanner;
mod search;
mod search_syntax;
mod selected;
mod server;
mod session;
pub mod story;
mod structure;
mod transfer;
mod wire;

#[cfg(test)]
mod tests;

pub use fault::Fault;
pub use mailbox::Stored;
pub use options::{Capabilities, ServerOptions, User};
pub use server::Server;
