//! The command line: one file per command.

pub mod check;
pub mod export;
pub mod forget;
pub mod identity;
pub mod import;
pub mod lesson_file;
pub mod log;
pub mod records;
pub mod replay;
#[cfg(test)]
pub(crate) mod sample;
pub mod senders;
pub mod since;
pub mod stats;
pub mod train;
