//! What `postroom status` shows of an account: written by the daemon into the store, since there is no listening port.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::clock;
use super::error::DaemonError;
use super::visit::Visit;
use crate::config::Mode;
use crate::sort::mailbox::Timestamp;
use crate::sort::sanitise;
use crate::store::{StoreError, StoreHandle};

/// Key of the note in the store.
pub const NOTE: &str = "status";

/// The state of one account at one instant.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct AccountStatus {
    /// When this was written.
    pub at: Timestamp,
    /// One word: `connected`, `waiting` or `paused`.
    pub state: String,
    /// Since when the connection has stood.
    #[serde(default)]
    pub since: Option<Timestamp>,
    /// When everything was last compared with the ledger.
    pub swept: Option<Timestamp>,
    /// What is wrong, for people.
    pub problem: Option<String>,
    /// Second copies that another program has made within a day.
    #[serde(default)]
    pub doubled: u32,
    /// When the next attempt is made.
    pub next_attempt: Option<Timestamp>,
    /// How the server tells of news: `NOTIFY`, `IDLE` or `polling`.
    pub watching: Option<String>,
    /// How mail is moved: `MOVE`, by copying, or `not at all`.
    pub moving: Option<String>,
    /// What the user should know although the account is connected.
    #[serde(default)]
    pub remarks: Vec<String>,
    /// Process that wrote this.
    pub pid: u32,
}

/// True when a process of this program has that number; it may have gone to another program since.
///
/// Judged by its name, not by `/proc/PID/exe`: nobody but root may look there, since this program lets nobody dump its memory.
pub fn is_ours(pid: u32) -> bool {
    let program = |process: &str| std::fs::read_to_string(format!("/proc/{process}/comm")).ok();
    program(&pid.to_string()).is_some_and(|name| program("self") == Some(name))
}

impl AccountStatus {
    /// True while the process that wrote it lives.
    pub fn is_running(&self) -> bool {
        is_ours(self.pid)
    }

    /// Connected and swept.
    pub fn connected(visit: &Visit<'_>) -> Self {
        let can = visit.session.capabilities();
        let watching = match (can.notify, can.idle) {
            (true, true) => "NOTIFY",
            (false, true) => "IDLE",
            _ => "polling",
        };
        let hindrance = visit.hindrance.as_ref().map(|hindrance| hindrance.why.clone());
        let moving = match (visit.sorter.settings.moves, can.move_, can.uidplus) {
            (false, ..) if visit.retries.inbox_is_read_only => "not at all (INBOX is read-only)",
            (false, ..) if hindrance.is_some() => "not at all (for the reason below)",
            (false, ..) if visit.account.mode == Mode::Sort => "not at all (another program moves the same mail)",
            (false, ..) => "not at all (mode = \"preview\")",
            (_, true, _) => "MOVE",
            (_, false, true) => "copying, then removing the original",
            _ if visit.account.allow_unsafe_move => "copying, then marking the original as deleted",
            _ => "not at all (the server has neither MOVE nor UIDPLUS)",
        };
        let now = clock::now();
        Self {
            at: now,
            state: "connected".to_owned(),
            since: Some(visit.begun),
            swept: visit.swept,
            problem: visit.company.sentence().or(hindrance),
            doubled: visit.company.signs.doubled,
            next_attempt: None,
            watching: Some(watching.to_owned()),
            moving: Some(moving.to_owned()),
            remarks: visit.remarks().iter().map(|remark| sanitise(remark)).collect(),
            pid: std::process::id(),
        }
    }

    /// Waiting before the next attempt.
    pub fn waiting(error: &DaemonError, wait: Duration) -> Self {
        let away = Self::away("waiting");
        Self {
            problem: Some(sanitise(&error.to_string())),
            next_attempt: Some(Timestamp(away.at.0.saturating_add(wait.as_secs() as i64))),
            ..away
        }
    }

    /// Not connected, for the reason that the word says.
    pub fn away(state: &str) -> Self {
        Self {
            at: clock::now(),
            state: state.to_owned(),
            since: None,
            swept: None,
            problem: None,
            doubled: 0,
            next_attempt: None,
            watching: None,
            moving: None,
            remarks: Vec::new(),
            pid: std::process::id(),
        }
    }
}

/// Writes an account's status down.
pub async fn save(store: &StoreHandle, account: &str, status: AccountStatus) -> Result<(), StoreError> {
    let (account, text) = (account.to_owned(), serde_json::to_string(&status).unwrap_or_default());
    store
        .run(move |store| store.set_note(&account, NOTE, Some(&text)))
        .await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_of_another_program_is_not_the_daemon() {
        let mine = AccountStatus::away("connecting");
        assert!(mine.is_running());
        // The number is given anew after the machine has started: to process 1, say.
        assert!(!AccountStatus { pid: 1, ..mine.clone() }.is_running());
        assert!(!AccountStatus { pid: u32::MAX, ..mine }.is_running());
    }
}
