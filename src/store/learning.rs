//! All that one sweep learned, committed as one: either the drag is on record, its lesson in force and the folder marked
//! as seen, or none of it, and the next sweep finds it again. A signal can so be neither lost nor counted twice.

use super::lessons::Shelf;
use super::{FolderMark, Store, StoreError, accounts, correspondence, folders, lessons, notes, row};
use crate::sort::correspondence::Tally;
use crate::sort::ledger::{Committed, Entry, RowId};
use crate::sort::mailbox::{Mailbox, Timestamp};
use crate::sort::sender::Address;
use crate::sort::sent::SentKey;
use crate::sort::taught::{Identity, Lesson};

/// What a sweep learned.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Learning {
    /// The run that learned it.
    pub run: String,
    /// Identities about which earlier lessons are forgotten, before `lessons` are taken.
    pub forgotten: Vec<Identity>,
    /// New lessons.
    pub lessons: Vec<Lesson>,
    /// Lessons to be held back until confirmed.
    pub held: Vec<Lesson>,
    /// Tallies that changed.
    pub tallies: Vec<(Address, Tally)>,
    /// Keys of messages the user has sent.
    pub sent_ids: Vec<SentKey>,
    /// Ledger rows: the user's drags.
    pub rows: Vec<Entry>,
    /// Where folders were left.
    pub folders: Vec<(Mailbox, FolderMark)>,
    /// Notes to write, or to take away with `None`.
    pub notes: Vec<(String, Option<String>)>,
}

impl Store {
    /// Writes all that a sweep learned in one transaction. The numbers are those of `learning.rows`, in order.
    ///
    /// # Errors
    /// As [`Store::plan`]: no move is planned whose outcome might not fit.
    pub fn commit_learning(
        &mut self,
        account: &str,
        at: Timestamp,
        learning: &Learning,
    ) -> Result<Committed<Vec<RowId>>, StoreError> {
        if learning.rows.iter().any(|row| row.kind.moves()) {
            self.reserve.hold().map_err(|e| StoreError::from_io(&self.path, &e))?;
        }
        let names = self.names.clone();
        let ids = self.write(|transaction| {
            let account = accounts::intern(transaction, account)?;
            for identity in &learning.forgotten {
                lessons::remove(transaction, &names, account, identity)?;
            }
            lessons::write_all(transaction, &names, account, &learning.lessons, Shelf::Learned)?;
            lessons::write_all(transaction, &names, account, &learning.held, Shelf::Held)?;
            correspondence::save(transaction, &names, account, &learning.tallies)?;
            correspondence::add_sent(transaction, account, &learning.sent_ids)?;
            for (folder, mark) in &learning.folders {
                folders::set(transaction, account, folder, mark)?;
            }
            for (key, value) in &learning.notes {
                notes::set(transaction, &names, account, key, value.as_deref())?;
            }
            Ok(row::insert(
                transaction,
                &names,
                account,
                &learning.run,
                at,
                &learning.rows,
            )?)
        })?;
        Ok(Committed::after_fsync(ids))
    }
}
