//! Makes checked values of the keys about everyday life: own buckets, snooze folders, quiet hours, strangers.

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::civil::Time;
use jiff::tz::TimeZone;
use toml::Spanned;

use super::raw;
use super::validate::Checker;
use crate::sort::bucket::{Bucket, OwnBucket};
use crate::sort::folders::Folders;
use crate::sort::hold::Hold;
use crate::sort::mailbox::{Mailbox, Timestamp};
use crate::sort::rules::measure;
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
        if let Some(name) = &table.folder
            && let Some(folder) = self.folder_of_its_own(at, name, "snoozed mail", folders)
        {
            snooze.folder = folder;
        }
        if let Some(text) = &table.morning {
            if let Ok(morning) = text.parse() {
                snooze.morning = morning;
            } else {
                let message = format!("`{text}` is no time of the day");
                self.error("bad-time", at, message, "write morning = \"08:00\"");
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

    /// `hold`: quiet hours, and the folder in which mail waits for their end.
    pub(super) fn hold(&mut self, raw: Option<&Spanned<raw::Hold>>, folders: &mut Folders) {
        let Some(at) = raw else { return };
        let raw::HoldTable { hours, folder } = &at.get_ref().0;
        let clock = |text: &str| text.trim().parse::<Time>().ok();
        let times = hours
            .split_once('-')
            .and_then(|(begin, end)| Some((clock(begin)?, clock(end)?)));
        let Some((begin, end)) = times.filter(|(begin, end)| begin != end) else {
            let message = format!("`{hours}` is no stretch of the day");
            self.error("bad-time", at, message, "write hold = \"22:00-07:00\"");
            return;
        };
        let name = folder.as_deref().unwrap_or(Hold::FOLDER);
        if let Some(folder) =
            self.folder_of_its_own(at, name, "mail that waits for the end of the quiet hours", folders)
        {
            folders.hold = Some(Hold { begin, end, folder });
        }
    }

    /// `unknown`: where the mail of strangers waits for the user's word.
    pub(super) fn unknown(&mut self, raw: Option<&Spanned<String>>, folders: &mut Folders) {
        let Some(at) = raw else { return };
        if let Some(folder) = self.folder_of_its_own(at, at.get_ref(), "the mail of strangers", folders) {
            folders.screener = Some(folder);
        }
    }

    /// A folder that has no other meaning yet.
    fn folder_of_its_own<T>(&mut self, at: &Spanned<T>, name: &str, what: &str, folders: &Folders) -> Option<Mailbox> {
        let folder = self.folder(at, name)?;
        let snooze = folders.snooze.as_ref();
        let taken = folder.is_inbox()
            || folders.bucket_of(&folder).is_some()
            || snooze.is_some_and(|snooze| snooze.folder == folder || snooze.name_of(&folder).is_some())
            || folders.hold.as_ref().is_some_and(|hold| hold.folder == folder);
        if taken {
            let message = format!("`{folder}` cannot be the folder of {what}");
            self.error("same-folder", at, message, "name one that has no other meaning");
            return None;
        }
        Some(folder)
    }

    /// `no_reply`: days after which a letter of the user's counts as unanswered.
    pub(super) fn no_reply(&mut self, raw: Option<&Spanned<String>>) -> Option<Duration> {
        let text = raw?;
        let days = measure::duration(text.get_ref()).filter(|seconds| (86_400..=60 * 86_400).contains(seconds));
        if days.is_none() {
            let message = format!("`{}` is no time between one day and sixty", text.get_ref());
            self.error("bad-duration", text, message, "write no_reply = \"5d\"");
        }
        days.map(|seconds| Duration::from_secs(seconds.cast_unsigned()))
    }
}
