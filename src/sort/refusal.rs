//! Why a move came to nothing, and when it is worth another try. Pure: reads the ledger's rows, keeps nothing itself, so
//! that a restart changes nothing.
//!
//! The code of a failed row begins with the server's response code in brackets (RFC 5530, RFC 9051 section 7.1), after
//! `BAD` where that was the answer. The policy, first that applies:
//!
//! 1. Copied, but the original could not be removed: never repeated; there would be two copies (invariant S10). Said to be
//!    done and not done (`PRETENDED`, or a MOVE that left everything where it was): never repeated either, for the same reason.
//! 2. Interrupted before the command ran: the message is decided about afresh at once.
//! 3. Not sent because its destination takes no mail for now: as soon as the destination does.
//! 4. BAD or `[CLIENTBUG]`: we are at fault; never repeated.
//! 5. The server names a time to wait (Microsoft's `Suggested Backoff Time`): after it, at most an hour.
//! 6. `[OVERQUOTA]` or a destination that is gone (`[TRYCREATE]`, `[NONEXISTENT]`): after 1 h, doubling to 24 h.
//! 7. A condition that passes (`[LIMIT]`, `[INUSE]`, `[UNAVAILABLE]`, `[SERVERBUG]`, or words to that effect): after 1, 5, 15 and
//!    60 minutes, then given up.
//! 8. Everything else (`[NOPERM]`, `[CANNOT]`, a refusal without a word): never repeated.

use super::ledger::{Row, RowKind, State};
use super::mailbox::Timestamp;

/// Code of a row that recovery has found not carried out.
pub const INTERRUPTED: &str = "interrupted before it was carried out";

/// Code of a row to which the server said OK, and nothing has arrived in the destination.
pub const PRETENDED: &str = "the server said OK and did nothing";

/// Begins the code of a row that was never sent because its destination takes no mail for now.
pub const HELD: &str = "not sent: ";

/// Begins the code of a row whose copy was made and whose original could not be removed.
pub const COPIED: &str = "copied, but ";

/// Begins the note of a void row whose copy may have been made: nobody could see, or it was taken away again.
pub const PERHAPS: &str = "perhaps copied";

/// Code of a row whose message another daemon has claimed ([`super::rival`]): left to it, and looked at again.
pub const CLAIMED: &str = "[INUSE] another Postroom has claimed it";

const MINUTE: i64 = 60;
const HOUR: i64 = 60 * MINUTE;
const DAY: i64 = 24 * HOUR;

/// Waits after the first, second, ... refusal that passes.
const PATIENCE: [i64; 4] = [MINUTE, 5 * MINUTE, 15 * MINUTE, HOUR];

/// Why a move came to nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refusal {
    /// The command never ran.
    Interrupted,
    /// The command was never sent: its destination takes no mail for now.
    Held,
    /// The command was wrong, in the server's eyes.
    OurFault,
    /// The server asks to be left alone for so many seconds.
    Throttled(i64),
    /// The destination is full, or gone.
    Closed,
    /// A condition that goes away by itself.
    Passing,
    /// Nothing that time will mend.
    Final,
}

/// Words of servers that use no code for a condition that passes, in lower case.
const PASSING_WORDS: [&str; 6] = ["too many", "try again", "temporar", "throttl", "backoff", "rate limit"];

impl Refusal {
    /// Reads the code of a failed row.
    pub fn of(code: &str) -> Self {
        if tells_of_a_copy(code) {
            return Self::Final;
        }
        if code == INTERRUPTED {
            return Self::Interrupted;
        }
        if code.starts_with(HELD) {
            return Self::Held;
        }
        let text = code.to_ascii_lowercase();
        if let Some(seconds) = suggested_backoff(&text) {
            return Self::Throttled(seconds);
        }
        let word = bracketed(code);
        match word.as_deref() {
            Some("OVERQUOTA" | "TRYCREATE" | "NONEXISTENT") => return Self::Closed,
            Some("LIMIT" | "INUSE" | "UNAVAILABLE" | "SERVERBUG" | "THROTTLED" | "EXPUNGEISSUED") => {
                return Self::Passing;
            }
            _ => {}
        }
        if code.starts_with("BAD") || word.as_deref() == Some("CLIENTBUG") {
            return Self::OurFault;
        }
        let full = text.contains("quota") || text.contains("mailbox is full");
        match PASSING_WORDS.iter().any(|word| text.contains(word)) {
            _ if full && word.is_none() => Self::Closed,
            true if word.is_none() => Self::Passing,
            _ => Self::Final,
        }
    }
}

/// The response code at the head of a row's code, in capitals.
fn bracketed(code: &str) -> Option<String> {
    let rest = code.strip_prefix("BAD").unwrap_or(code).trim_start();
    let (word, _) = rest.strip_prefix('[')?.split_once(']')?;
    word.split(' ').next().map(str::to_ascii_uppercase)
}

/// `Suggested Backoff Time: 299961 milliseconds` (Microsoft 365), in seconds, rounded up, at most an hour.
pub fn suggested_backoff(lower_case_text: &str) -> Option<i64> {
    let (_, rest) = lower_case_text.split_once("suggested backoff time:")?;
    let digits: String = rest.trim_start().chars().take_while(char::is_ascii_digit).collect();
    let milliseconds: i64 = digits.parse().ok()?;
    Some(milliseconds.div_euclid(1_000).saturating_add(1).clamp(1, HOUR))
}

/// True when a row failed half way: its copy lies in the destination, by our doing.
pub fn left_a_copy(row: &Row) -> bool {
    row.state == State::Failed && row.code.as_deref().is_some_and(tells_of_a_copy)
}

/// True when a row was closed without anybody knowing what its command has done: what turns up where it would have put the
/// message is not the user's doing.
pub fn may_have_copied(row: &Row) -> bool {
    let code = row.code.as_deref().unwrap_or_default();
    match row.state {
        State::Failed => tells_of_a_copy(code) || code == INTERRUPTED,
        State::Void => code.starts_with(PERHAPS),
        _ => false,
    }
}

/// True when a row came to nothing and has left the message as it was, so that it may be decided about again.
pub fn came_to_nothing(row: &Row) -> bool {
    row.state == State::Failed && !left_a_copy(row) && row.code.as_deref() != Some(PRETENDED)
}

fn tells_of_a_copy(code: &str) -> bool {
    code.starts_with(COPIED)
}

/// When a message whose rows these are, oldest first, is to be decided about again; `None` when it is not.
///
/// Only the last row counts: after it a user's drag, a verdict that kept the message or a move that was done would have
/// settled the matter.
pub fn next_attempt(history: &[Row]) -> Option<Timestamp> {
    // A further copy is made or not beside the message's own way.
    let rows = history.iter().rev().filter(|row| row.entry.kind != RowKind::Copy);
    let last = rows.clone().next()?;
    let refusal = failed(last)?;
    let closed = last.closed.unwrap_or(last.at);
    let times = rows
        .map_while(failed)
        .filter(|earlier| !matches!(earlier, Refusal::Interrupted | Refusal::Held))
        .count();
    let wait = match refusal {
        Refusal::Interrupted | Refusal::Held => 0,
        Refusal::Throttled(seconds) => seconds,
        Refusal::Closed => (HOUR << times.saturating_sub(1).min(5)).min(DAY),
        Refusal::Passing => *PATIENCE.get(times.saturating_sub(1))?,
        Refusal::OurFault | Refusal::Final => return None,
    };
    Some(Timestamp(closed.0.saturating_add(wait)))
}

/// Why a row failed; `None` for every row that is not a failed move by verdict.
pub fn failed(row: &Row) -> Option<Refusal> {
    (row.state == State::Failed && row.entry.kind == RowKind::Sort)
        .then(|| Refusal::of(row.code.as_deref().unwrap_or_default()))
}

#[cfg(test)]
mod tests;
