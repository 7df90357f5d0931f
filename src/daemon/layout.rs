//! Which of the account's folders Postroom has to do with, found by special-use (RFC 6154) or by name.

use std::collections::BTreeMap;

use jiff::tz::TimeZone;

use super::clock;
use crate::config::Account;
use crate::imap::Folder;
use crate::imap::ImapError;
use crate::imap::Session;
use crate::imap::Status;
use crate::imap::mover;
use crate::sort::mailbox::Mailbox;
use crate::sort::snooze::Snooze;
use crate::store::FolderMark;

/// Names under which mail programs keep sent mail, for servers that do not mark it.
const SENT_NAMES: [&str; 7] = [
    "Sent",
    "Sent Items",
    "Sent Messages",
    "Sent Mail",
    "INBOX/Sent",
    "Gesendet",
    "Gesendete Objekte",
];

/// The folders of one account.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Layout {
    /// Bucket folders, `Blackhole/Domain` included when the user has made it.
    pub buckets: Vec<Mailbox>,
    /// Snooze folders, those that the user has made among them.
    pub snooze: Vec<Mailbox>,
    /// Folders among them whose names say no time.
    pub timeless: Vec<Mailbox>,
    /// Sent mail.
    pub sent: Option<Mailbox>,
    /// Folders by special-use attribute, in lower case with the backslash.
    pub special_use: BTreeMap<String, Mailbox>,
    /// Folders that should be there and are not: where nothing may be created, and those the user has removed.
    pub missing: Vec<Mailbox>,
    /// What those of them that are bucket folders seem to be called now.
    pub renamed: BTreeMap<Mailbox, Mailbox>,
    /// Folders that the server refused to make, with its words.
    pub refused: Vec<(Mailbox, String)>,
}

impl Layout {
    /// Every folder beside INBOX that is watched.
    pub fn watched(&self) -> Vec<Mailbox> {
        self.buckets
            .iter()
            .chain(&self.snooze)
            .chain(&self.sent)
            .cloned()
            .collect()
    }
}

/// Reads the account's folders and, with `create`, makes and subscribes the bucket folders that are missing.
///
/// A folder that was `seen` before is not made again: the user has removed it, or renamed it (reliability.md B4).
pub async fn prepare(
    session: &mut Session,
    account: &Account,
    create: bool,
    seen: &BTreeMap<Mailbox, FolderMark>,
) -> Result<Layout, ImapError> {
    let listed = session.list().await?;
    let mut layout = find(&listed, account);
    if create {
        let (gone, new) = layout
            .missing
            .into_iter()
            .partition(|mailbox| seen.contains_key(mailbox));
        layout.missing = gone;
        for mailbox in Vec::into_iter(new) {
            match mover::create(session, &mailbox).await {
                Ok(()) if account.folders.snooze_name(&mailbox).is_some() => layout.snooze.push(mailbox),
                Ok(()) => layout.buckets.push(mailbox),
                Err(ImapError::Refused { text, .. }) => layout.refused.push((mailbox, text)),
                Err(error) => return Err(error),
            }
        }
    }
    Ok(layout)
}

/// Pairs of names that stand for one folder: the same messages would be met twice, and a drag would mean two things.
/// Folders that were never used tell nothing, and neither does UIDVALIDITY alone: some servers give all folders the same.
pub fn aliases(states: &BTreeMap<Mailbox, Status>) -> Vec<(Mailbox, Mailbox)> {
    let used: Vec<_> = states.iter().filter(|(_, state)| state.messages > 0).collect();
    let mut pairs = Vec::new();
    for (index, (one, state)) in used.iter().enumerate() {
        let same = used.iter().skip(index + 1).filter(|(_, other)| other == state);
        pairs.extend(same.map(|(other, _)| ((*one).clone(), (*other).clone())));
    }
    pairs
}

fn find(listed: &[Folder], account: &Account) -> Layout {
    let there = |mailbox: &Mailbox| {
        listed
            .iter()
            .any(|folder| folder.selectable && folder.mailbox == *mailbox)
    };
    let mut layout = Layout::default();
    for folder in listed.iter().filter(|folder| folder.selectable) {
        if let Some(attribute) = &folder.special_use {
            layout
                .special_use
                .entry(attribute.to_ascii_lowercase())
                .or_insert_with(|| folder.mailbox.clone());
        }
    }
    let folders = &account.folders;
    let mut wanted: Vec<Mailbox> = folders.buckets().map(|bucket| folders.of(bucket)).collect();
    wanted.dedup();
    for mailbox in wanted.into_iter().filter(|mailbox| !mailbox.is_inbox()) {
        if there(&mailbox) {
            layout.buckets.push(mailbox);
        } else {
            layout.missing.push(mailbox);
        }
    }
    let domain = account.folders.blackhole.child("Domain");
    if there(&domain) {
        layout.buckets.push(domain);
    }
    if let Some(snooze) = &account.folders.snooze {
        snooze_folders(&mut layout, listed, snooze);
    }
    layout.sent = account
        .folders
        .sent
        .clone()
        .or_else(|| layout.special_use.get("\\sent").cloned())
        .or_else(|| SENT_NAMES.into_iter().map(Mailbox::new).find(there));
    layout
}

fn snooze_folders(layout: &mut Layout, listed: &[Folder], snooze: &Snooze) {
    let now = clock::now();
    let there = listed.iter().filter(|folder| folder.selectable);
    for mailbox in there.map(|folder| &folder.mailbox) {
        let Some(name) = snooze.name_of(mailbox) else { continue };
        if snooze.due(name, now, &TimeZone::system()).is_ok() {
            layout.snooze.push(mailbox.clone());
        } else {
            layout.timeless.push(mailbox.clone());
        }
    }
    let wanted = snooze.times.iter().map(|name| snooze.folder.child(name));
    let missing: Vec<Mailbox> = wanted
        .filter(|mailbox| !layout.snooze.contains(mailbox) && !layout.timeless.contains(mailbox))
        .collect();
    layout.missing.extend(missing);
}
