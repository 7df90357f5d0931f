//! The daemon: one loop per account, each supervised alone. It carries events from `imap` to `sort` and the answers to
//! `store` and `imap`; it decides nothing itself.
//!
//! - [`supervisor`] the process: signals, [`reload`], [`systemd`]; [`roster`] who is looked after
//! - [`worker`] one account for as long as the daemon lives, [`work`] what it does there; [`backoff`] how long it waits between visits, [`mended`] unless the
//!   password is another one
//! - [`attendant`] further connections that only listen
//! - [`access`] the way in; [`visit`] one connection; [`layout`] its folders; [`model`] its memory
//! - [`rights`] folders that take no mail from us, [`gone`] those that the user has renamed or removed
//! - [`recess`] the user has said stop; [`paused`] the state directory cannot be written; [`retry`] moves that came to nothing; [`rival`] somebody else sorts too,
//!   [`claim`] by intent; [`hindrance`] the server says stop; [`slumber`] the machine was asleep
//! - [`recovery`] open rows first, `settling` unless the server may still be at work on them, [`first_look`] one STATUS for all, [`bootstrap`] what Sent tells, [`round`] every folder, [`sweep`] what is new, [`carry`] ledger
//!   then server; [`renumbered`] a server that begins to count anew
//! - [`deferred`] moves that are due later, [`retention`] mail that leaves Blackhole for the trash
//! - [`held`] rules that would take too much mail; [`returning`] mail that waits for its time and comes back
//! - [`contacts`] the user's address book
//! - [`digest`] the daily mail to the user himself, [`suggestions`] what his flags say, [`unanswered`] who owes him an answer
//! - [`plan`] the same decisions without acting, [`undo`] taking moves back, [`past`] mail that lies there already
//! - [`logbook`] all wording, [`status`], [`metrics`] and [`systemd`] who is told; [`service`] who keeps the process

pub mod access;
pub mod attendant;
pub mod backoff;
pub mod bootstrap;
pub mod carry;
pub mod claim;
pub mod clock;
pub mod contacts;
pub mod deferred;
pub mod digest;
pub mod error;
pub mod first_look;
pub mod gone;
pub mod held;
pub mod hindrance;
pub mod layout;
pub mod logbook;
pub mod mended;
pub mod metrics;
pub mod model;
pub mod past;
pub mod paused;
pub mod pending;
pub mod plan;
pub mod recess;
pub mod recovery;
pub mod reload;
pub mod renumbered;
pub mod retention;
pub mod retry;
pub mod returning;
pub mod rights;
pub mod rival;
pub mod roster;
pub mod round;
pub mod service;
mod settling;
pub mod slumber;
pub mod status;
pub mod suggestions;
pub mod supervisor;
pub mod sweep;
pub mod systemd;
pub mod unanswered;
pub mod undo;
pub mod visit;
pub mod work;
pub mod worker;

pub use error::DaemonError;
