//! Questions to the ledger from `log`, `explain`, `undo` and the reports.

use rusqlite::ToSql;

use super::row::{SELECT, decode};
use super::{Store, StoreError};
use crate::sort::ledger::{Mid, Row, RowId, RowKind, State};
use crate::sort::mailbox::{Mailbox, Timestamp, Uid};
use crate::sort::pseudonym::Pseudonyms;
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
    /// About a message that lay at this place, or was put there. UIDs of all epochs of the folder are meant.
    pub place: Option<(Mailbox, Uid)>,
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
    /// Shows each row a query wants to `look`, without holding them all at once.
    pub fn each_row(&self, query: &Query, mut look: impl FnMut(&Row)) -> Result<(), StoreError> {
        let (sql, values) = query.to_sql(&self.names);
        self.read(|connection| {
            let values: Vec<&dyn ToSql> = values.iter().map(AsRef::as_ref).collect();
            let mut statement = connection.prepare_cached(&sql)?;
            let mut rows = statement.query(values.as_slice())?;
            while let Some(row) = rows.next()? {
                look(&decode(row)?);
            }
            Ok(())
        })
    }

    /// The rows a query wants.
    pub fn rows(&self, query: &Query) -> Result<Vec<Row>, StoreError> {
        let (sql, values) = query.to_sql(&self.names);
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
    /// True when a condition names so few rows that its index beats walking the ledger in order.
    fn is_selective(&self) -> bool {
        self.mid.is_some()
            || self.message_id.is_some()
            || self.run.is_some()
            || self.state.is_some_and(State::is_open)
            // Times, unless only the newest few are wanted: those lie at the end of the ledger anyway.
            || self.until.is_some()
            || (self.since.is_some() && !(self.newest_first && self.limit.is_some()))
    }

    /// SQL text, which holds nothing but fixed words and `?`, and the values for it.
    fn to_sql(&self, names: &Pseudonyms) -> (String, Vec<Box<dyn ToSql>>) {
        let mut conditions: Vec<&str> = Vec::new();
        let mut values: Vec<Box<dyn ToSql>> = Vec::new();
        let mut add = |condition: &'static str, value: Option<Box<dyn ToSql>>| {
            if let Some(value) = value {
                conditions.push(condition);
                values.push(value);
            }
        };
        // Every index begins with the account. SQLite would take one for the account alone and then sort the whole
        // ledger; the `+` forbids that, and rows are read in their order until the limit is reached.
        let selective = self.is_selective();
        add(
            if selective {
                "l.account = (SELECT id FROM account WHERE name = ?)"
            } else {
                "+l.account = (SELECT id FROM account WHERE name = ?)"
            },
            boxed(self.account.clone()),
        );
        add(
            if selective { "l.at >= ?" } else { "+l.at >= ?" },
            boxed(self.since.map(|time| time.0)),
        );
        add("l.at < ?", boxed(self.until.map(|time| time.0)));
        add("l.mid = ?", boxed(self.mid.as_ref().map(|mid| mid.as_str().to_owned())));
        add(
            "l.message_id = ?",
            boxed(self.message_id.as_deref().map(|id| names.message_id(id))),
        );
        add(
            "l.sender = ?",
            boxed(self.from.as_ref().map(|from| names.address(from).as_str().to_owned())),
        );
        add(
            "dst.text = ?",
            boxed(self.destination.as_ref().map(|folder| folder.as_str().to_owned())),
        );
        add("l.run = (SELECT id FROM word WHERE text = ?)", boxed(self.run.clone()));
        add("l.id > ?", boxed(self.after_id.map(|row| row.0)));
        if let Some((folder, uid)) = &self.place {
            conditions.push("((l.source_uid = ? AND src.text = ?) OR (l.destination_uid = ? AND dst.text = ?))");
            for _ in 0..2 {
                values.push(Box::new(uid.0));
                values.push(Box::new(folder.as_str().to_owned()));
            }
        }
        match self.state {
            // Spelled out, because an index over some rows only is used when the condition is seen to imply it.
            Some(State::Planned) => conditions.push("l.state = 'planned'"),
            Some(State::Unknown) => conditions.push("l.state = 'unknown'"),
            Some(State::Done) => conditions.push("l.state = 'done'"),
            Some(State::Void) => conditions.push("l.state = 'void'"),
            Some(State::Failed) => conditions.push("l.state = 'failed'"),
            None => {}
        }
        let kinds = format!("l.kind IN ({})", vec!["?"; self.kinds.len()].join(", "));
        if !self.kinds.is_empty() {
            conditions.push(&kinds);
            values.extend(self.kinds.iter().map(|kind| Box::new(kind.as_str()) as Box<dyn ToSql>));
        }
        if self.account.is_none() && selective {
            conditions.push("l.account IN (SELECT id FROM account)");
        }
        if conditions.is_empty() {
            conditions.push("true");
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::schema;

    /// How SQLite would answer a query, a line a step.
    fn plan(query: &Query) -> Vec<String> {
        let mut connection = rusqlite::Connection::open_in_memory().unwrap();
        schema::migrate(&mut connection).unwrap();
        let (sql, values) = query.to_sql(&Pseudonyms::default());
        let values: Vec<&dyn ToSql> = values.iter().map(AsRef::as_ref).collect();
        let mut statement = connection.prepare(&format!("EXPLAIN QUERY PLAN {sql}")).unwrap();
        let steps = statement.query_map(values.as_slice(), |row| row.get("detail")).unwrap();
        steps.map(Result::unwrap).collect()
    }

    #[test]
    fn one_message_among_millions_is_found_by_an_index() {
        let of_home = || Query {
            account: Some("home".to_owned()),
            ..Query::default()
        };
        let place = Some((Mailbox::new("Bulk"), Uid(4711)));
        for query in [
            Query { place, ..of_home() },
            Query {
                message_id: Some("1@list.example".to_owned()),
                ..of_home()
            },
            Query {
                mid: Some(Mid::email_id("M1")),
                ..of_home()
            },
        ] {
            let steps = plan(&query);
            assert!(!steps.iter().any(|step| step.starts_with("SCAN l")), "{steps:#?}");
        }
    }
}
