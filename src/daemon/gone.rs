//! Bucket folders that were there and are not any more: the user has renamed or removed them (reliability.md B4). None is
//! made again; what is said names the folder, the name it seems to have now, and the line of postroom.toml to write.

use std::collections::{BTreeMap, BTreeSet};

use super::error::DaemonError;
use super::layout::{self, Layout};
use super::service::Service;
use super::status::{self, AccountStatus};
use super::visit::Visit;
use crate::imap::{ImapError, Session};
use crate::sort::bucket::Bucket;
use crate::sort::folders::Folders;
use crate::sort::mailbox::Mailbox;
use crate::store::FolderMark;

/// Most folders that are asked whether they are one that is gone.
const MOST_ASKED: usize = 300;

/// A bucket folder that is gone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Gone {
    /// Its name in postroom.toml.
    pub folder: Mailbox,
    /// The folder that has its numbers now.
    pub renamed: Option<Mailbox>,
    /// What to write into postroom.toml.
    lines: String,
}

impl Gone {
    fn of(folder: &Mailbox, renamed: Option<&Mailbox>, folders: &Folders) -> Self {
        let name = renamed.map_or("its new name", Mailbox::as_str);
        let buckets = folders.buckets().filter(|bucket| folders.of(*bucket) == *folder);
        let lines: Vec<String> = buckets.map(|bucket| line(bucket, name, folders)).collect();
        Self {
            folder: folder.clone(),
            renamed: renamed.cloned(),
            lines: lines.join(" and "),
        }
    }

    /// What has happened.
    pub fn problem(&self) -> String {
        let to = self.renamed.as_ref().map(|name| format!(" to {name}"));
        format!(
            "the folder {} is gone; did you rename it{}?",
            self.folder,
            to.unwrap_or_default()
        )
    }

    /// What to do; `reload` makes the daemon read postroom.toml again.
    pub fn remedy(&self, reload: &str) -> String {
        format!(
            "write {} in postroom.toml, then `{reload}`; if not, make {} again",
            self.lines, self.folder
        )
    }
}

/// What is done as long as a folder is gone.
const MEANWHILE: &str = "until then its mail stays in the inbox";

/// The line that gives a bucket the folder `name`, and the table that it stands in.
fn line(bucket: Bucket, name: &str, folders: &Folders) -> String {
    let name = toml::Value::from(name);
    match (bucket, folders.blackhole_trash_after) {
        (Bucket::Own(own), _) => format!("`folder = {name}` under [account.bucket.{}]", own.as_str()),
        (Bucket::Blackhole, Some(after)) => {
            let after = match after.as_secs() {
                seconds if seconds % 86_400 == 0 => format!("{}d", seconds / 86_400),
                seconds => format!("{seconds}s"),
            };
            format!("`blackhole = {{ folder = {name}, trash_after = \"{after}\" }}` under [account.folders]")
        }
        _ => format!("`{bucket} = {name}` under [account.folders]"),
    }
}

impl Visit<'_> {
    /// Bucket folders that this account has had and has no more.
    pub fn gone(&self) -> Vec<Gone> {
        let names = &self.layout.renamed;
        gone(&self.layout, &self.account.folders, &self.marks)
            .map(|folder| Gone::of(folder, names.get(folder), &self.account.folders))
            .collect()
    }

    /// Two sentences for each of them: a remark is cut where it is longer than anybody would read.
    pub fn gone_remarks(&self) -> Vec<String> {
        let (gone, reload) = (self.gone(), reload());
        let sentences = gone.iter().map(|gone| {
            let problem = format!("{} Until this is settled its mail stays in the inbox", gone.problem());
            [problem, format!("if you did, {}", gone.remedy(&reload))]
        });
        sentences.flatten().collect()
    }

    /// At the start of a visit: looks for the new names of what is gone, and tells of it.
    pub async fn tell_of_gone_folders(&mut self) -> Result<(), DaemonError> {
        let folders: BTreeSet<Mailbox> = gone(&self.layout, &self.account.folders, &self.marks)
            .cloned()
            .collect();
        let news = folders.iter().any(|folder| !self.layout.renamed.contains_key(folder));
        if news {
            let found = new_names(&mut self.session, &self.layout, &folders, &self.marks).await?;
            self.layout.renamed.extend(found);
        }
        let reload = reload();
        for gone in self.gone() {
            let remedy = format!("if so, {}; {MEANWHILE}", gone.remedy(&reload));
            self.logbook.stuck(&gone.problem(), &remedy);
        }
        Ok(())
    }

    /// Within a visit, when a folder has refused us or one is known to be gone: lists the folders again.
    pub async fn look_for_gone_folders(&mut self) -> Result<(), DaemonError> {
        let before = self.layout.missing.clone();
        let found = layout::prepare(&mut self.session, self.account, false, &self.marks).await?;
        if found.missing == before {
            return Ok(());
        }
        let back = before.iter().any(|folder| found.buckets.contains(folder));
        self.layout.renamed.retain(|folder, _| found.missing.contains(folder));
        (self.layout.buckets, self.layout.missing) = (found.buckets, found.missing);
        if back {
            self.retries.folder_is_back();
        }
        self.tell_of_gone_folders().await?;
        let status = AccountStatus::connected(self);
        Ok(status::save(&self.store, &self.account.name, status).await?)
    }
}

fn reload() -> String {
    Service::of(std::process::id()).reload()
}

fn gone<'a>(
    layout: &'a Layout,
    folders: &'a Folders,
    seen: &'a BTreeMap<Mailbox, FolderMark>,
) -> impl Iterator<Item = &'a Mailbox> {
    let missing = layout.missing.iter();
    missing.filter(|folder| folders.bucket_of(folder).is_some() && seen.contains_key(*folder))
}

/// For each folder that is gone, the one that has its UIDVALIDITY and has not fallen behind its UIDNEXT. Nothing is said of
/// a folder for which there are two, nor where the server gives several folders one UIDVALIDITY.
async fn new_names(
    session: &mut Session,
    layout: &Layout,
    gone: &BTreeSet<Mailbox>,
    seen: &BTreeMap<Mailbox, FolderMark>,
) -> Result<BTreeMap<Mailbox, Mailbox>, ImapError> {
    let watched = layout.watched();
    let listed = session.list().await?.into_iter().filter(|folder| folder.selectable);
    let others: Vec<Mailbox> = listed
        .map(|folder| folder.mailbox)
        .filter(|folder| !folder.is_inbox() && !watched.contains(folder))
        .filter(|folder| !folder.as_str().contains(char::is_control))
        .take(MOST_ASKED)
        .collect();
    let states = match session.status(&others).await {
        Err(error) if error.ends_connection() => return Err(error),
        Err(_) => return Ok(BTreeMap::new()),
        Ok(states) => states,
    };
    let mut names = BTreeMap::new();
    for folder in gone {
        let Some(mark) = seen.get(folder) else { continue };
        let same = |other: &&FolderMark| other.uid_validity == mark.uid_validity;
        let mut alike = states
            .iter()
            .filter(|(_, state)| state.uid_validity == mark.uid_validity && state.uid_next >= mark.next_uid);
        if let (Some((name, _)), None, 1) = (alike.next(), alike.next(), seen.values().filter(same).count()) {
            names.insert(folder.clone(), name.clone());
        }
    }
    Ok(names)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::sort::bucket::OwnBucket;

    #[test]
    fn each_bucket_has_its_line() {
        let mut folders = Folders::default();
        let own = OwnBucket::new("receipts").unwrap();
        folders.own.insert(own, Mailbox::new("Receipts"));
        folders.bulk = Mailbox::new("News");
        let said = |folders: &Folders, folder: &str| {
            Gone::of(&Mailbox::new(folder), Some(&Mailbox::new("Old")), folders).lines
        };
        for (folder, lines) in [
            ("Top", "`top = \"Old\"` under [account.folders]"),
            (
                "News",
                "`news = \"Old\"` under [account.folders] and `bulk = \"Old\"` under [account.folders]",
            ),
            ("Receipts", "`folder = \"Old\"` under [account.bucket.receipts]"),
            ("Blackhole", "`blackhole = \"Old\"` under [account.folders]"),
        ] {
            assert_eq!(said(&folders, folder), lines);
        }
        folders.blackhole_trash_after = Some(Duration::from_hours(30 * 24));
        assert_eq!(
            said(&folders, "Blackhole"),
            "`blackhole = { folder = \"Old\", trash_after = \"30d\" }` under [account.folders]"
        );
    }
}
