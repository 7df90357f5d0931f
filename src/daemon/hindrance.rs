//! What keeps a connected account from moving mail for a while: grave words of the server (reliability.md C6). Verdicts go
//! on; they are recorded and nothing is moved.

use super::clock;
use super::visit::Visit;
use crate::config::Mode;
use crate::sort::mailbox::Timestamp;
use crate::sort::rival::Care;

/// After grave words nothing is changed for so many seconds.
const HOUR: i64 = 3_600;

/// Why nothing is moved for a while.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hindrance {
    /// For people.
    pub why: String,
    /// Until then.
    until: Timestamp,
}

impl Visit<'_> {
    /// Shows what the server has said for people, and looks on where that was grave.
    pub fn heed_server(&mut self) {
        for warning in self.session.take_warnings() {
            self.logbook.server_says(&warning.text, warning.grave);
            if warning.grave {
                let until = Timestamp(clock::now().0 + HOUR);
                // What is planned already waits as well.
                self.retries.keep_silent(until);
                self.company.look_due = true;
                self.hindrance = Some(Hindrance {
                    why: format!("the server says {}", warning.text),
                    until,
                });
            }
        }
        self.weigh();
    }

    /// Whether moves are made, from all that speaks against it.
    pub fn weigh(&mut self) {
        let now = clock::now();
        self.hindrance = self.hindrance.take().filter(|hindrance| now < hindrance.until);
        if self.account.mode == Mode::Sort {
            let free = self.company.signs.care() != Care::LookOn && !self.retries.inbox_is_read_only;
            self.sorter.settings.moves = free && self.hindrance.is_none();
        }
    }
}
