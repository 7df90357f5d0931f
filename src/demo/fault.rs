//! Faults a test can order: what the server does instead of answering one command properly. The moments are those of
//! a command's life: not executed, executed without a byte back, executed with half of the answer, and plain lies.

use std::fmt;
use std::time::Duration;

use super::server::Server;

/// What happens instead of a proper answer.
pub enum Fault {
    /// The connection is cut; the command is not executed.
    CutBefore,
    /// The command is executed, then the connection is cut without a byte of answer.
    CutAfter,
    /// The command is executed, the untagged answers are sent, then the connection is cut.
    CutBeforeTagged,
    /// `NO` with this text, which may begin with a `[CODE]`; not executed.
    No(String),
    /// `BAD` with this text; not executed.
    Bad(String),
    /// `OK` although nothing was done.
    Pretend,
    /// Executed or not, no answer ever comes and nothing more is read: the link looks alive and is dead.
    Silent {
        /// Whether the command is executed.
        executed: bool,
    },
    /// These bytes instead of an answer, not executed; `{tag}` stands for the command's tag. The session goes on.
    Raw(Vec<u8>),
    /// Executed and answered properly, one byte at a time with this pause between two.
    Slow(Duration),
    /// Something else happens on the server just before the command is executed, which then goes its usual way: the
    /// user on the telephone, faster by a hair.
    Meanwhile(Box<dyn FnOnce(&Server) + Send>),
}

impl fmt::Debug for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Fault::CutBefore => "CutBefore",
            Fault::CutAfter => "CutAfter",
            Fault::CutBeforeTagged => "CutBeforeTagged",
            Fault::No(_) => "No",
            Fault::Bad(_) => "Bad",
            Fault::Pretend => "Pretend",
            Fault::Silent { .. } => "Silent",
            Fault::Raw(_) => "Raw",
            Fault::Slow(_) => "Slow",
            Fault::Meanwhile(_) => "Meanwhile",
        })
    }
}

/// A fault that waits for its moment.
#[derive(Debug)]
struct Waiting {
    command: String,
    skip: usize,
    fault: Fault,
}

/// The faults that have been ordered and have not happened yet.
#[derive(Debug, Default)]
pub(super) struct Faults(Vec<Waiting>);

impl Faults {
    pub(super) fn order(&mut self, command: &str, nth: usize, fault: Fault) {
        self.0.push(Waiting {
            command: command.to_ascii_uppercase(),
            skip: nth.saturating_sub(1),
            fault,
        });
    }

    /// The fault due at this command, which is taken off the list. `command` is in capitals.
    pub(super) fn due(&mut self, command: &str) -> Option<Fault> {
        let mut due = None;
        for (at, waiting) in self
            .0
            .iter_mut()
            .enumerate()
            .filter(|(_, waiting)| waiting.command == command)
        {
            match waiting.skip.checked_sub(1) {
                Some(left) => waiting.skip = left,
                None => due = due.or(Some(at)),
            }
        }
        due.map(|at| self.0.remove(at).fault)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}
