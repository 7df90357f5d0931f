//! Mail on disk as it came in: Maildirs and folders of raw messages, in date order. Reads, never writes.

use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::time::UNIX_EPOCH;

use anyhow::Context;

use crate::sort::Arrival;
use crate::sort::ledger::Mid;
use crate::sort::mailbox::{Location, Mailbox, Timestamp, Uid, UidValidity};
use crate::sort::message::Message;

/// Bytes of a file that can hold a header; the rest is body and is not read.
const HEADER_BYTES: u64 = 256 * 1024;

/// One message of the past.
#[derive(Debug, Clone)]
pub struct PastMail {
    /// When it was sent or arrived: Date, else the first Received, else the file's time.
    pub at: Timestamp,
    /// The file, below the folder's own spelling.
    pub path: PathBuf,
    /// The user sent it.
    pub sent: bool,
    size: u32,
}

impl PastMail {
    /// Its header.
    pub fn read(&self) -> anyhow::Result<Message> {
        Ok(Message::parse(&header_of(&self.path)?))
    }

    /// The flags that a Maildir keeps behind `:2,` in the file's name; `None` for a file that is named otherwise.
    pub fn flags(&self) -> Option<Vec<String>> {
        let name = self.path.file_name()?.to_str()?;
        let (_, letters) = name.rsplit_once(":2,")?;
        let flag = |letter| match letter {
            'R' => Some("\\Answered"),
            'S' => Some("\\Seen"),
            'F' => Some("\\Flagged"),
            'T' => Some("\\Deleted"),
            _ => None,
        };
        Some(letters.chars().filter_map(flag).map(str::to_owned).collect())
    }

    /// The message as it stood in the inbox.
    pub fn arrival(&self, message: Message) -> Arrival {
        let mid = Mid::fingerprint(message.fingerprint(self.size));
        Arrival {
            message,
            mid,
            location: Location {
                mailbox: Mailbox::inbox(),
                uid_validity: UidValidity(1),
                uid: Uid(1),
            },
            size: self.size,
            arrived: Some(self.at),
            utc_offset: 0,
            flags: Vec::new(),
            attachments: None,
            history: Vec::new(),
        }
    }
}

/// All messages below both folders in the order of their dates; at the same second the user's own come first.
pub fn in_date_order(inbox: &Path, sent: &Path) -> anyhow::Result<Vec<PastMail>> {
    let mut all = Vec::new();
    for (folder, sent) in [(sent, true), (inbox, false)] {
        let mut paths = Vec::new();
        files_below(folder, &mut paths)?;
        for path in paths {
            let file = fs::metadata(&path).with_context(|| format!("cannot read {}", path.display()))?;
            let message = Message::parse(&header_of(&path)?);
            let written = file
                .modified()
                .ok()
                .and_then(|time| time.duration_since(UNIX_EPOCH).ok());
            let at = message
                .date
                .or_else(|| received_at(&message))
                .unwrap_or(Timestamp(written.map_or(0, |since| since.as_secs() as i64)));
            all.push(PastMail {
                at,
                path,
                sent,
                size: u32::try_from(file.len()).unwrap_or(u32::MAX),
            });
        }
    }
    all.sort_by(|one, other| (one.at, !one.sent, &one.path).cmp(&(other.at, !other.sent, &other.path)));
    Ok(all)
}

/// The date of the first Received field, behind its last semicolon (RFC 5321 section 4.4).
fn received_at(message: &Message) -> Option<Timestamp> {
    let (_, date) = message.raw("received").next()?.rsplit_once(';')?;
    Message::parse(format!("Date: {date}\r\n").as_bytes()).date
}

fn files_below(folder: &Path, paths: &mut Vec<PathBuf>) -> anyhow::Result<()> {
    let entries = fs::read_dir(folder).with_context(|| format!("cannot read the folder {}", folder.display()))?;
    for entry in entries {
        let entry = entry.with_context(|| format!("cannot read the folder {}", folder.display()))?;
        let (path, name) = (entry.path(), entry.file_name());
        let kind = fs::metadata(&path).with_context(|| format!("cannot read {}", path.display()))?;
        // A Maildir's tmp holds deliveries under way; servers keep indexes beside the messages.
        let name = name.to_string_lossy();
        if kind.is_dir() && name != "tmp" {
            files_below(&path, paths)?;
        } else if kind.is_file() && !is_servers_own(&name) {
            paths.push(path);
        }
    }
    Ok(())
}

fn is_servers_own(name: &str) -> bool {
    name.starts_with('.')
        || ["dovecot", "cyrus.", "courierimap", "maildirfolder", "maildirsize"]
            .iter()
            .any(|prefix| name.starts_with(prefix))
}

fn header_of(path: &Path) -> anyhow::Result<Vec<u8>> {
    let file = fs::File::open(path).with_context(|| format!("cannot read {}", path.display()))?;
    let mut bytes = Vec::new();
    file.take(HEADER_BYTES)
        .read_to_end(&mut bytes)
        .with_context(|| format!("cannot read {}", path.display()))?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn maildirs_are_read_in_date_order_without_what_the_server_keeps_there() {
        let home = tempfile::tempdir().unwrap();
        let file = |name: &str, text: &str| {
            let path = home.path().join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        };
        file("in/cur/2:2,S", "Date: Fri, 02 Jan 2026 00:00:00 +0000\r\n\r\n");
        file(
            "in/.Lists/new/1",
            "Received: by mx; Thu, 01 Jan 2026 00:00:00 +0000\r\n\r\n",
        );
        file("in/tmp/0", "Date: Thu, 01 Jan 2026 00:00:00 +0000\r\n\r\n");
        file("in/dovecot.index.log", "binary");
        file("out/0", "Date: Fri, 02 Jan 2026 00:00:00 +0000\r\n\r\n");
        let all = in_date_order(&home.path().join("in"), &home.path().join("out")).unwrap();
        let paths: Vec<_> = all
            .iter()
            .map(|mail| mail.path.strip_prefix(home.path()).unwrap())
            .collect();
        let wanted = ["in/.Lists/new/1", "out/0", "in/cur/2:2,S"].map(Path::new);
        assert_eq!(paths, wanted);
        assert_eq!(all[2].flags(), Some(vec!["\\Seen".to_owned()]));
        assert_eq!(all[1].flags(), None);
    }
}
