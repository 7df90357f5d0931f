//! Makes checked values of the keys about everyday life: own buckets.

use std::collections::BTreeMap;

use toml::Spanned;

use super::raw;
use super::validate::Checker;
use crate::sort::bucket::{Bucket, OwnBucket};
use crate::sort::folders::Folders;

impl Checker<'_> {
    /// `[account.bucket.NAME]`: a plain name, and a folder that no other bucket has.
    pub(super) fn own_buckets(&mut self, raw: &BTreeMap<Spanned<String>, raw::OwnBucket>, folders: &mut Folders) {
        for (key, table) in raw {
            let word = key.get_ref();
            let Some(name) = OwnBucket::new(word) else {
                let built_in = Bucket::BUILT_IN.iter().any(|bucket| bucket.as_str() == word);
                let message = format!("`{word}` cannot name a bucket of your own");
                let hint = if built_in {
                    "its folder is named in [account.folders]"
                } else {
                    "use up to 24 small letters, digits and hyphens, a letter first"
                };
                self.error("bad-name", key, message, hint);
                continue;
            };
            let Some(folder) = self.folder(&table.folder, table.folder.get_ref()) else {
                continue;
            };
            let same = |other: &Bucket| {
                let (mine, other) = (folder.as_str(), folders.of(*other));
                mine.to_lowercase() == other.as_str().to_lowercase()
            };
            if folder.is_inbox() {
                let hint = "a rule with keep = true leaves mail in the inbox";
                self.error("same-folder", &table.folder, format!("{word} cannot be INBOX"), hint);
            } else if let Some(other) = folders.buckets().find(same) {
                let message = format!("{other} and {word} both go to `{folder}`");
                let hint = "a drag into a folder must mean one bucket";
                self.error("same-folder", &table.folder, message, hint);
            } else {
                folders.own.insert(name, folder);
            }
        }
    }
}
