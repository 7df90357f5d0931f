//! The IMAP edge: the only code that speaks to a server (RFC 9051, and RFC 3501 before it).
//!
//! ```text
//! TcpStream - tls - guard (frames, limits) - async-imap (buffer, parser) - reply (strict reader) - Session
//!   connect -> login -> Session: list, status, select, uids, headers, flags | watch::wait | mover::move_messages
//! ```
//! - `guard` lets only whole, readable, bounded responses through to the parser; `guard::frame` tells where one ends.
//! - `bounds`: how much of what a server tells is kept.
//! - `reply` sends commands and takes nothing for success but the tagged OK of that command; `completion`: what that answer says.
//! - [`mod@connect`], [`auth`], `introduction`: how a session begins; [`capability`]: what the server offers; `opening`: SELECT.
//! - [`folders`]: names in the user's spelling and in the server's; `listing`: which there are; `utf7` is the only place that knows modified UTF-7.
//! - `rights`: which folders take no mail from us.
//! - [`fetch`]: UIDs and headers, never a body; `structure`: names of attached files, where a rule asks; [`watch`]: waiting for news by IDLE, NOTIFY or polling.
//! - [`mover`]: the only place that changes the server. Every change waits for a ledger row on disk.
//! - `notices`: words for people, and how slowly a server wants to be spoken to.
//! - [`failpoint`]: where tests may kill the process in the middle of a move.
//!
//! Commands are a closed list (design section 5), message numbers are never used, and no wait is without a limit.

pub mod auth;
mod bounds;
pub mod capability;
mod completion;
pub mod connect;
mod error;
pub mod failpoint;
pub mod fetch;
pub mod folders;
mod guard;
mod internal_date;
mod introduction;
mod listing;
pub mod mover;
mod notices;
mod opening;
mod reply;
mod rights;
mod scram;
mod selected;
mod session;
mod structure;
mod tls;
mod uid_set;
mod utf7;
pub mod watch;

pub use auth::{login, login_with_token};
pub use capability::Capabilities;
pub use connect::{Encryption, Greeted, Limits, Link, Target, connect, greet};
pub use error::ImapError;
pub use fetch::Fetched;
pub use folders::Status;
pub use listing::Folder;
pub use notices::Warning;
pub use selected::{Access, Selected};
pub use session::Session;
pub use watch::Changes;

#[cfg(any(test, fuzzing))]
#[path = "tests/hostile_bytes.rs"]
pub mod hostile_bytes;
#[cfg(test)]
mod tests;
