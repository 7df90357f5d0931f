//! Makes checked values of the keys about everyday life: own buckets, snooze folders.

use std::collections::BTreeMap;

use jiff::tz::TimeZone;
use toml::Spanned;

use super::raw;
use super::validate::Checker;
use crate::sort::bucket::{Bucket, OwnBucket};
use crate::sort::folders::Folders;
use crate::sort::mailbox::Timestamp;
use crate::sort::snooze::{NoTime, Snooze};

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

    /// `snooze`: folders whose names say when their mail comes back.
    pub(super) fn snooze(&mut self, raw: Option<&Spanned<raw::Snooze>>, folders: &mut Folders) {
        let Some(at) = raw else { return };
        let table = match at.get_ref() {
            raw::Snooze::Switch(on) => {
                folders.snooze = on.then(Snooze::default);
                return;
            }
            raw::Snooze::Table(table) => table,
        };
        let mut snooze = Snooze::default();
        if let Some(name) = &table.folder {
            match self.folder(at, name) {
                Some(folder) if folder.is_inbox() || folders.bucket_of(&folder).is_some() => {
                    let message = format!("`{folder}` cannot be the folder of snoozed mail");
                    self.error("same-folder", at, message, "name one that has no other meaning");
                }
                Some(folder) => snooze.folder = folder,
                None => {}
            }
        }
        if let Some(text) = &table.morning {
            match text.parse() {
                Ok(morning) => snooze.morning = morning,
                Err(_) => {
                    let message = format!("`{text}` is no time of the day");
                    self.error("bad-time", at, message, "write morning = \"08:00\"");
                }
            }
        }
        for name in table.times.iter().flatten() {
            // Any instant does: whether a name says a time does not depend on it, but for dates far from now.
            let told = snooze.due(name, Timestamp(0), &TimeZone::UTC);
            if name.contains('/') || told == Err(NoTime::Nonsense) || self.folder(at, name).is_none() {
                let message = format!("`{name}` says no time");
                let hint = "Tomorrow, Monday, Weekend, 3 days, 2 weeks, 2026-12-24 and 18:30 do";
                self.error("bad-time", at, message, hint);
            }
        }
        if let Some(times) = &table.times {
            snooze.times.clone_from(times);
        }
        folders.snooze = Some(snooze);
    }
}
