//! The user's address book, read from its file whenever that has changed. A file that cannot be used is told of once, and
//! the last good one stays in force.

use std::fs;
use std::path::Path;
use std::time::SystemTime;

use super::visit::Visit;
use crate::sort::contacts::{Contacts, LARGEST_FILE};
use crate::sort::sanitise;

/// What was last seen of the file: its time and size, or that it was not there.
pub type Seen = Option<Option<(SystemTime, u64)>>;

/// Reads an address book.
///
/// # Errors
/// A sentence that names the file and what is wrong with it.
pub fn read(path: &Path) -> Result<Contacts, String> {
    let wrong = |why: String| {
        format!(
            "the contacts in {} cannot be used: {why}",
            sanitise(&path.to_string_lossy())
        )
    };
    let size = fs::metadata(path).map_err(|error| wrong(error.to_string()))?.len();
    if size > LARGEST_FILE as u64 {
        return Err(wrong(crate::sort::contacts::BadContacts::TooLarge.to_string()));
    }
    let file = fs::read(path).map_err(|error| wrong(error.to_string()))?;
    Contacts::parse(&file).map_err(|bad| wrong(bad.to_string()))
}

impl Visit<'_> {
    /// Reads the address book again when its file is another one than last time.
    pub fn refresh_contacts(&mut self) {
        let Some(path) = &self.account.contacts else { return };
        let state = fs::metadata(path).ok();
        let state = state.and_then(|state| Some((state.modified().ok()?, state.len())));
        if self.contacts_seen == Some(state) {
            return;
        }
        self.contacts_seen = Some(state);
        match read(path) {
            Ok(contacts) => {
                self.logbook.contacts(contacts.len());
                self.sorter.contacts = contacts;
            }
            Err(why) => self
                .logbook
                .stuck(&why, "the contacts known before stay known; export the file again"),
        }
    }
}
