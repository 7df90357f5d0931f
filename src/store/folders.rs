//! Where each folder was left: up to which UID everything was looked at, and in which epoch.

use std::collections::BTreeMap;

use rusqlite::{OptionalExtension, Transaction, params};

use super::{Store, StoreError, accounts};
use crate::sort::mailbox::{Mailbox, Timestamp, Uid, UidValidity};

/// How far a folder has been looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FolderMark {
    /// The epoch in which `next_uid` means something.
    pub uid_validity: UidValidity,
    /// Every message with a lower UID was looked at.
    pub next_uid: Uid,
    /// HIGHESTMODSEQ (RFC 7162) at that moment, where the server has one.
    pub highest_modseq: Option<u64>,
    /// The mail that lay here before the first start is on record.
    pub baseline_done: bool,
    /// When the folder was last looked at.
    pub seen_at: Timestamp,
}

impl Store {
    /// Where a folder was left; `None` when it was never looked at.
    pub fn folder(&self, account: &str, folder: &Mailbox) -> Result<Option<FolderMark>, StoreError> {
        self.read(|connection| {
            let Some(account) = accounts::find(connection, account)? else {
                return Ok(None);
            };
            connection
                .prepare_cached(
                    "SELECT uid_validity, next_uid, highest_modseq, baseline_done, seen_at FROM folder \
                     WHERE account = ?1 AND name = ?2",
                )?
                .query_row(params![account, folder.as_str()], decode)
                .optional()
        })
    }

    /// Where every folder of an account was left.
    pub fn folders(&self, account: &str) -> Result<BTreeMap<Mailbox, FolderMark>, StoreError> {
        self.read(|connection| {
            let Some(account) = accounts::find(connection, account)? else {
                return Ok(BTreeMap::new());
            };
            connection
                .prepare_cached(
                    "SELECT uid_validity, next_uid, highest_modseq, baseline_done, seen_at, name FROM folder \
                     WHERE account = ?1",
                )?
                .query_map([account], |row| {
                    Ok((Mailbox::new(row.get::<_, String>(5)?), decode(row)?))
                })?
                .collect()
        })
    }

    /// Notes where folders were left.
    pub fn set_folders(&mut self, account: &str, marks: &[(Mailbox, FolderMark)]) -> Result<(), StoreError> {
        self.write(|transaction| {
            let account = accounts::intern(transaction, account)?;
            for (folder, mark) in marks {
                set(transaction, account, folder, mark)?;
            }
            Ok(())
        })
    }
}

fn decode(row: &rusqlite::Row<'_>) -> rusqlite::Result<FolderMark> {
    Ok(FolderMark {
        uid_validity: UidValidity(row.get(0)?),
        next_uid: Uid(row.get(1)?),
        highest_modseq: row.get::<_, Option<i64>>(2)?.map(i64::cast_unsigned),
        baseline_done: row.get(3)?,
        seen_at: Timestamp(row.get(4)?),
    })
}

pub(super) fn set(
    transaction: &Transaction<'_>,
    account: i64,
    folder: &Mailbox,
    mark: &FolderMark,
) -> rusqlite::Result<()> {
    transaction
        .prepare_cached(
            "INSERT INTO folder (account, name, uid_validity, next_uid, highest_modseq, baseline_done, seen_at) \
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7) \
             ON CONFLICT DO UPDATE SET uid_validity = excluded.uid_validity, next_uid = excluded.next_uid, \
             highest_modseq = excluded.highest_modseq, baseline_done = excluded.baseline_done, seen_at = excluded.seen_at",
        )?
        .execute(params![
            account,
            folder.as_str(),
            mark.uid_validity.0,
            mark.next_uid.0,
            mark.highest_modseq.map(u64::cast_signed),
            mark.baseline_done,
            mark.seen_at.0,
        ])?;
    Ok(())
}
