//! Questions to the ledger from `log`, `explain`, `undo` and the reports.

use rusqlite::ToSql;

use super::row::{SELECT, decode};
use super::{Store, StoreError};
use crate::sort::ledger::{Mid, Row, RowId, RowKind, State};
use crate::sort::mailbox::{Mailbox, Timestamp};
use crate::sort::sender::Address;

/// Which ledger rows are wanted. Every condition that is given must hold; the default wants all rows, oldest first.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Query {
    /// Rows of this account.
    pub account: Option<String>,
    /// Planned at this time or later.
    pub since: Option<Timestamp>,
    /// Planned before this time.
    pub until: Option<Timestamp>,
    /// Of one of these kinds; empty for all.
    pub kinds: Vec<RowKind>,
    /// In this state.
    pub state: Option<State>,
    /// About this message.
    pub mid: Option<Mid>,
    /// About a message with this Message-ID.
    pub message_id: Option<String>,
    /// About mail from this address.
    pub from: Option<Address>,
    /// With this folder as the destination.
    pub destination: Option<Mailbox>,
    /// Written by this run.
    pub run: Option<String>,
    /// Numbered above this; for following the ledger.
    pub after_id: Option<RowId>,
    /// At most so many.
    pub limit: Option<u32>,
    /// Newest first; the limit then keeps the newest.
    pub newest_first: bool,
}

impl Store {
    /// The rows a query wants.
    pub fn rows(&self, query: &Query) -> Result<Vec<Row>, StoreError> {
        let (sql, values) = query.to_sql();
        self.read(|connection| {
            let values: Vec<&dyn ToSql> = values.iter().map(AsRef::as_ref).collect();
            connection
                .prepare_cached(&sql)?
                .query_map(values.as_slice(), decode)?
                .collect()
        })
    }
}

impl Query {
    /// SQL text, which holds nothing but fixed words and `?`, and the values for it.
    fn to_sql(&self) -> (String, Vec<Box<dyn ToSql>>) {
        let mut conditions: Vec<String> = Vec::new();
        let mut values: Vec<Box<dyn ToSql>> = Vec::new();
        let mut add = |condition: &str, value: Option<Box<dyn ToSql>>| {
            if let Some(value) = value {
                conditions.push(condition.to_owned());
                values.push(value);
            }
        };
        add("a.name = ?", boxed(self.account.clone()));
        add("l.at >= ?", boxed(self.since.map(|time| time.0)));
        add("l.at < ?", boxed(self.until.map(|time| time.0)));
        add("l.state = ?", boxed(self.state.map(State::as_str)));
        add("l.mid = ?", boxed(self.mid.as_ref().map(|mid| mid.as_str().to_owned())));
        add("l.message_id = ?", boxed(self.message_id.clone()));
        add(
            "l.sender = ?",
            boxed(self.from.as_ref().map(|from| from.as_str().to_owned())),
        );
        add(
            "dst.text = ?",
            boxed(self.destination.as_ref().map(|folder| folder.as_str().to_owned())),
        );
        add("l.run = (SELECT id FROM word WHERE text = ?)", boxed(self.run.clone()));
        add("l.id > ?", boxed(self.after_id.map(|row| row.0)));
        if !self.kinds.is_empty() {
            conditions.push(format!("l.kind IN ({})", vec!["?"; self.kinds.len()].join(", ")));
            values.extend(self.kinds.iter().map(|kind| Box::new(kind.as_str()) as Box<dyn ToSql>));
        }
        // Every index begins with the account; naming them all lets a question about any account use one.
        if self.account.is_none() {
            conditions.push("l.account IN (SELECT id FROM account)".to_owned());
        }
        let mut sql = format!("{SELECT} WHERE {}", conditions.join(" AND "));
        sql.push_str(if self.newest_first {
            " ORDER BY l.id DESC"
        } else {
            " ORDER BY l.id"
        });
        if let Some(limit) = self.limit {
            sql.push_str(" LIMIT ?");
            values.push(Box::new(limit));
        }
        (sql, values)
    }
}

fn boxed<T: ToSql + 'static>(value: Option<T>) -> Option<Box<dyn ToSql>> {
    value.map(|value| Box::new(value) as Box<dyn ToSql>)
}
