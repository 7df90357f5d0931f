//! What the daemon has written down, read from its database by plain SQL, beside it or after it.

use std::collections::BTreeMap;

use rusqlite::{Connection, OpenFlags};

use super::daemon::Home;

/// The records of one home directory at one instant.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Ledger {
    /// How many rows are in each state.
    pub states: BTreeMap<String, u32>,
    /// Messages moved by verdict, and how often each: `Message-ID -> rows that are done`.
    pub moved: BTreeMap<String, u32>,
    /// Lessons learned and held.
    pub lessons: u32,
    /// Rows that say the user filed or rescued something.
    pub drags: u32,
    /// Why rows failed or came to nothing.
    pub codes: Vec<String>,
}

impl Ledger {
    /// Reads the records of a home.
    pub fn of(home: &Home) -> Self {
        let path = home.path("state/postroom.db");
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let database = Connection::open_with_flags(path, flags).unwrap();
        database.busy_timeout(std::time::Duration::from_secs(10)).unwrap();
        let count = |sql: &str| -> u32 { database.query_row(sql, [], |row| row.get(0)).unwrap() };
        let pairs = |sql: &str| -> BTreeMap<String, u32> {
            let mut statement = database.prepare(sql).unwrap();
            let rows = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?))).unwrap();
            rows.map(Result::unwrap).collect()
        };
        let mut codes = database
            .prepare("SELECT code FROM ledger WHERE code IS NOT NULL ORDER BY id")
            .unwrap();
        let codes = codes
            .query_map([], |row| row.get(0))
            .unwrap()
            .map(Result::unwrap)
            .collect();
        Self {
            states: pairs("SELECT state, count(*) FROM ledger GROUP BY state"),
            moved: pairs(
                "SELECT message_id, count(*) FROM ledger WHERE kind = 'sort' AND state = 'done' GROUP BY message_id",
            ),
            lessons: count("SELECT (SELECT count(*) FROM lesson) + (SELECT count(*) FROM held_lesson)"),
            drags: count("SELECT count(*) FROM ledger WHERE kind IN ('file', 'rescue')"),
            codes,
        }
    }

    /// Rows whose outcome is open.
    pub fn open(&self) -> u32 {
        ["planned", "unknown"]
            .iter()
            .filter_map(|state| self.states.get(*state))
            .sum()
    }
}
