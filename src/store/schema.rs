//! The database's layout, as a list of steps that is only ever appended to.
//!
//! `user_version` counts the steps taken. A file that has taken more steps than this program knows is left alone.

use rusqlite::Connection;
use rusqlite_migration::{M, Migrations};

/// `PRAGMA application_id` of our files: the letters "Post".
pub(super) const APPLICATION_ID: i64 = 0x506f_7374;

const STEPS: &[M<'static>] = &[
    M::up(include_str!("schema/v1.sql")),
    M::up(include_str!("schema/v2.sql")),
    M::up(include_str!("schema/v3.sql")),
    M::up(include_str!("schema/v4.sql")),
];

/// The newest layout this program knows.
pub(super) const NEWEST: i64 = STEPS.len() as i64;

/// Takes the steps a database still lacks, each in a transaction of its own.
pub(super) fn migrate(connection: &mut Connection) -> Result<(), rusqlite_migration::Error> {
    // A table that is made anew must not be emptied by the references to the old one.
    let enforced: bool = connection.query_row("PRAGMA foreign_keys", [], |row| row.get(0))?;
    connection.pragma_update(None, "foreign_keys", false)?;
    Migrations::from_slice(STEPS).to_latest(connection)?;
    Ok(connection.pragma_update(None, "foreign_keys", enforced)?)
}

/// The layout of an existing database.
pub(super) fn version(connection: &Connection) -> rusqlite::Result<i64> {
    connection.query_row("PRAGMA user_version", [], |row| row.get(0))
}

/// Whose file it is.
pub(super) fn application_id(connection: &Connection) -> rusqlite::Result<i64> {
    connection.query_row("PRAGMA application_id", [], |row| row.get(0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_step_is_sound() {
        Migrations::from_slice(STEPS).validate().unwrap();
    }

    #[test]
    fn a_number_of_the_ledger_is_never_given_twice_even_across_a_new_table() {
        let mut connection = Connection::open_in_memory().unwrap();
        connection.pragma_update(None, "foreign_keys", true).unwrap();
        let row = |connection: &Connection, undoes: Option<i64>| {
            connection
                .execute(
                    "INSERT INTO ledger (account, run, at, kind, state, mid, source, source_uid_validity, source_uid, bucket, \
                     reason_kind, reason, rules, undoes) VALUES (1, 1, 0, 'sort', 'done', 'x', 1, 1, 1, 'news', 'rule', '', 1, ?1)",
                    [undoes],
                )
                .unwrap();
            connection.last_insert_rowid()
        };
        Migrations::from_slice(&STEPS[..1]).to_latest(&mut connection).unwrap();
        connection
            .execute_batch("INSERT INTO account VALUES (1, 'home'); INSERT INTO word VALUES (1, 'INBOX');")
            .unwrap();
        let (first, last) = (row(&connection, None), row(&connection, Some(1)));
        row(&connection, None);
        connection.execute("DELETE FROM ledger WHERE id = 3", []).unwrap();
        migrate(&mut connection).unwrap();
        assert_eq!((first, last, row(&connection, None)), (1, 2, 4));
        let undoes: Option<i64> = connection
            .query_row("SELECT undoes FROM ledger WHERE id = 2", [], |row| row.get(0))
            .unwrap();
        assert_eq!(undoes, Some(1), "what a row takes back is remembered");
    }

    #[test]
    fn no_column_could_hold_a_subject_or_a_body() {
        let mut connection = Connection::open_in_memory().unwrap();
        migrate(&mut connection).unwrap();
        let mut names = connection
            .prepare("SELECT t.name || '.' || c.name FROM sqlite_schema t, pragma_table_info(t.name) c WHERE t.type = 'table'")
            .unwrap();
        let names: Vec<String> = names
            .query_map([], |row| row.get(0))
            .unwrap()
            .map(Result::unwrap)
            .collect();
        assert!(names.contains(&"ledger.mid".to_owned()));
        for name in names {
            assert!(
                !["subject", "body", "preview", "snippet"]
                    .iter()
                    .any(|word| name.ends_with(word)),
                "{name}"
            );
        }
    }
}
