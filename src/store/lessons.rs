//! What the user taught, and lessons that wait for a confirmation.

use rusqlite::{Connection, Row as SqlRow, Transaction, params};

use super::row::{bucket, named, unreadable};
use super::{Store, StoreError, accounts};
use crate::sort::authenticity::Authentication;
use crate::sort::mailbox::Timestamp;
use crate::sort::pseudonym::Pseudonyms;
use crate::sort::sender::Address;
use crate::sort::taught::{Identity, Lesson, Teacher};

/// The two shelves lessons lie on.
#[derive(Debug, Clone, Copy)]
pub(super) enum Shelf {
    Learned,
    Held,
}

impl Shelf {
    fn table(self) -> &'static str {
        match self {
            Shelf::Learned => "lesson",
            Shelf::Held => "held_lesson",
        }
    }
}

impl Store {
    /// Every lesson in force, by kind and name.
    pub fn lessons(&self, account: &str) -> Result<Vec<Lesson>, StoreError> {
        self.shelf(account, Shelf::Learned)
    }

    /// Takes lessons in force. Of two about one identity the later one stays.
    pub fn teach(&mut self, account: &str, lessons: &[Lesson]) -> Result<(), StoreError> {
        self.put(account, lessons, Shelf::Learned)
    }

    /// Forgets what was taught about an identity, held or in force; false when there was nothing.
    pub fn forget(&mut self, account: &str, identity: &Identity) -> Result<bool, StoreError> {
        let names = self.names.clone();
        self.write(|transaction| {
            let Some(account) = accounts::find(transaction, account)? else {
                return Ok(false);
            };
            Ok(remove(transaction, &names, account, identity)?)
        })
    }

    /// Lessons that were held back, by kind and name.
    pub fn held(&self, account: &str) -> Result<Vec<Lesson>, StoreError> {
        self.shelf(account, Shelf::Held)
    }

    /// Puts lessons aside until the user confirms or discards them.
    pub fn hold(&mut self, account: &str, lessons: &[Lesson]) -> Result<(), StoreError> {
        self.put(account, lessons, Shelf::Held)
    }

    /// Takes the held lessons in force and returns them.
    pub fn confirm(&mut self, account: &str) -> Result<Vec<Lesson>, StoreError> {
        let names = self.names.clone();
        self.write(|transaction| {
            let Some(account) = accounts::find(transaction, account)? else {
                return Ok(Vec::new());
            };
            let held = read_all(transaction, account, Shelf::Held)?;
            write_all(transaction, &names, account, &held, Shelf::Learned)?;
            transaction.execute("DELETE FROM held_lesson WHERE account = ?1", [account])?;
            Ok(held)
        })
    }

    /// Throws the held lessons away; returns how many.
    pub fn discard(&mut self, account: &str) -> Result<usize, StoreError> {
        self.write(|transaction| {
            let Some(account) = accounts::find(transaction, account)? else {
                return Ok(0);
            };
            Ok(transaction.execute("DELETE FROM held_lesson WHERE account = ?1", [account])?)
        })
    }

    fn shelf(&self, account: &str, shelf: Shelf) -> Result<Vec<Lesson>, StoreError> {
        self.read(|connection| {
            let Some(account) = accounts::find(connection, account)? else {
                return Ok(Vec::new());
            };
            read_all(connection, account, shelf)
        })
    }

    fn put(&mut self, account: &str, lessons: &[Lesson], shelf: Shelf) -> Result<(), StoreError> {
        let names = self.names.clone();
        self.write(|transaction| {
            let account = accounts::intern(transaction, account)?;
            Ok(write_all(transaction, &names, account, lessons, shelf)?)
        })
    }
}

fn read_all(connection: &Connection, account: i64, shelf: Shelf) -> rusqlite::Result<Vec<Lesson>> {
    connection
        .prepare_cached(&format!(
            "SELECT kind, name, bucket, at, example, authentication, teacher FROM {} WHERE account = ?1 ORDER BY kind, name",
            shelf.table()
        ))?
        .query_map([account], decode)?
        .collect()
}

pub(super) fn write_all(
    transaction: &Transaction<'_>,
    names: &Pseudonyms,
    account: i64,
    lessons: &[Lesson],
    shelf: Shelf,
) -> rusqlite::Result<()> {
    let mut statement = transaction.prepare_cached(&format!(
        "INSERT INTO {} (account, kind, name, bucket, at, example, authentication, teacher) \
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8) \
         ON CONFLICT DO UPDATE SET bucket = excluded.bucket, at = excluded.at, example = excluded.example, \
         authentication = excluded.authentication, teacher = excluded.teacher WHERE excluded.at >= at",
        shelf.table()
    ))?;
    for lesson in lessons {
        let lesson = names.lesson(lesson.clone());
        let (kind, name) = key(&lesson.identity);
        statement.execute(params![
            account,
            kind,
            name,
            lesson.bucket.as_str(),
            lesson.at.0,
            lesson.example,
            lesson.authentication.as_str(),
            lesson.by.as_str(),
        ])?;
    }
    Ok(())
}

pub(super) fn remove(
    transaction: &Transaction<'_>,
    names: &Pseudonyms,
    account: i64,
    identity: &Identity,
) -> rusqlite::Result<bool> {
    let identity = names.identity(identity);
    let (kind, name) = key(&identity);
    let mut removed = 0;
    for shelf in [Shelf::Learned, Shelf::Held] {
        removed += transaction
            .prepare_cached(&format!(
                "DELETE FROM {} WHERE account = ?1 AND kind = ?2 AND name = ?3",
                shelf.table()
            ))?
            .execute(params![account, kind, name])?;
    }
    Ok(removed > 0)
}

fn key(identity: &Identity) -> (&'static str, &str) {
    match identity {
        Identity::Address(address) => ("address", address.as_str()),
        Identity::List(list) => ("list", list),
        Identity::Domain(domain) => ("domain", domain),
    }
}

fn decode(row: &SqlRow<'_>) -> rusqlite::Result<Lesson> {
    let name: String = row.get(1)?;
    let identity = match row.get_ref(0)?.as_str()? {
        "address" => Identity::Address(Address::parse(&name).ok_or_else(|| unreadable(1, &name))?),
        "list" => Identity::List(name),
        "domain" => Identity::Domain(name),
        other => return Err(unreadable(0, other)),
    };
    Ok(Lesson {
        identity,
        bucket: bucket(row, 2)?,
        at: Timestamp(row.get(3)?),
        example: row.get(4)?,
        authentication: named(row, 5, &Authentication::ALL, Authentication::as_str)?,
        by: named(row, 6, &Teacher::ALL, Teacher::as_str)?,
    })
}
