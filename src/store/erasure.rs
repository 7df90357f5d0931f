//! All records at once are erased: every file that the store has made in the state directory, what was set aside as damaged
//! and the key of the pseudonyms among them. Files that others have made there, as tokens are, stay.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use super::Store;
use super::database::FILE_NAME;
use super::key::KEY_NAME;

impl Store {
    /// Erases the records in `dir`; returns the files that are gone. To be called with every account's lock held.
    ///
    /// # Errors
    /// The first file that cannot be removed, by name; those before it are gone.
    pub fn erase(dir: &Path) -> Result<Vec<PathBuf>, (PathBuf, io::Error)> {
        let named = |path: &Path| {
            let path = path.to_owned();
            move |error| (path, error)
        };
        let mut files = Vec::new();
        for entry in fs::read_dir(dir).map_err(named(dir))? {
            let entry = entry.map_err(named(dir))?;
            if is_ours(&entry.file_name().to_string_lossy()) {
                files.push(entry.path());
            }
        }
        // The database before its log: a log alone is no record, and would be played into no other database.
        files.sort();
        for file in &files {
            fs::remove_file(file).map_err(named(file))?;
        }
        File::open(dir).and_then(|dir| dir.sync_all()).map_err(named(dir))?;
        Ok(files)
    }
}

fn is_ours(name: &str) -> bool {
    let key = KEY_NAME.trim_end_matches(".key");
    name == "reserve"
        || name == KEY_NAME
        || name == format!("{key}.new")
        || name.starts_with(FILE_NAME)
        || name.starts_with("lock-")
        || name.starts_with("probe.")
}
