//! Which folder stands for which bucket: what is there already is used, a SaneBox user's folders among it.

use crate::imap::Folder;
use crate::sort::bucket::Bucket;
use crate::sort::mailbox::Mailbox;

/// The buckets that have a folder of their own.
pub const BUCKETS: [Bucket; 4] = [Bucket::Top, Bucket::News, Bucket::Bulk, Bucket::Blackhole];

/// Names that are taken for a bucket's folder when one is there, the best first; the first is made when none is.
fn names(bucket: Bucket) -> &'static [&'static str] {
    match bucket {
        Bucket::Top => &["Top", "@SaneTop"],
        Bucket::News => &["News", "@SaneNews", "Newsletters", "Newsletter"],
        Bucket::Bulk => &["Bulk", "@SaneBulk", "@SaneLater"],
        Bucket::Blackhole => &["Blackhole", "@SaneBlackHole"],
        Bucket::Inbox | Bucket::Own(_) => &["INBOX"],
    }
}

/// The proposal for one bucket.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Choice {
    /// The bucket.
    pub bucket: Bucket,
    /// Its folder.
    pub folder: Mailbox,
    /// False when it would have to be made.
    pub exists: bool,
}

/// The mapping, with the user's own words (`told`, by bucket) before any proposal.
pub fn propose(listed: &[Folder], told: &[(Bucket, Option<String>)]) -> Vec<Choice> {
    let choice = |bucket| {
        let said = told
            .iter()
            .find_map(|(of, name)| name.clone().filter(|_| *of == bucket));
        let folder = match said {
            Some(name) => existing(listed, &name).unwrap_or_else(|| Mailbox::new(name)),
            None => names(bucket)
                .iter()
                .find_map(|name| existing(listed, name))
                .unwrap_or_else(|| Mailbox::new(names(bucket).first().copied().unwrap_or("INBOX"))),
        };
        let exists = folder.is_inbox() || listed.iter().any(|there| there.selectable && there.mailbox == folder);
        Choice { bucket, folder, exists }
    };
    BUCKETS.into_iter().map(choice).collect()
}

/// The folder of that name, whatever its case, also below INBOX where all folders are.
fn existing(listed: &[Folder], name: &str) -> Option<Mailbox> {
    let same = |folder: &&Folder| {
        let there = folder.mailbox.as_str();
        folder.selectable && there.strip_prefix("INBOX/").unwrap_or(there).eq_ignore_ascii_case(name)
    };
    listed.iter().find(same).map(|folder| folder.mailbox.clone())
}

/// The folder that holds sent mail by the server's own word.
pub fn sent(listed: &[Folder]) -> Option<&Mailbox> {
    let marked = |folder: &&Folder| folder.special_use.as_deref() == Some("\\Sent");
    listed.iter().find(marked).map(|folder| &folder.mailbox)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn listed(names: &[&str]) -> Vec<Folder> {
        let folder = |name: &&str| Folder {
            mailbox: Mailbox::new(*name),
            selectable: true,
            no_inferiors: false,
            special_use: None,
            subscribed: None,
        };
        names.iter().map(folder).collect()
    }

    fn proposed(names: &[&str], told: &[(Bucket, Option<String>)]) -> Vec<(String, bool)> {
        let choices = propose(&listed(names), told).into_iter();
        choices
            .map(|choice| (choice.folder.to_string(), choice.exists))
            .collect()
    }

    fn pair(name: &str, exists: bool) -> (String, bool) {
        (name.to_owned(), exists)
    }

    #[test]
    fn a_sanebox_users_folders_are_taken_over() {
        let there = ["INBOX", "@SaneLater", "@SaneNews", "@SaneBlackHole", "Receipts"];
        let expected = [
            pair("Top", false),
            pair("@SaneNews", true),
            pair("@SaneLater", true),
            pair("@SaneBlackHole", true),
        ];
        assert_eq!(proposed(&there, &[]), expected);
    }

    #[test]
    fn a_folder_in_another_case_is_the_same_folder() {
        let expected = [
            pair("TOP", true),
            pair("INBOX/news", true),
            pair("Bulk", false),
            pair("Blackhole", false),
        ];
        assert_eq!(proposed(&["INBOX", "TOP", "INBOX/news"], &[]), expected);
    }

    #[test]
    fn the_users_word_comes_first() {
        let told = [
            (Bucket::Top, Some("INBOX".to_owned())),
            (Bucket::News, Some("Lists".to_owned())),
            (Bucket::Bulk, None),
        ];
        let expected = [
            pair("INBOX", true),
            pair("Lists", false),
            pair("Bulk", true),
            pair("Blackhole", false),
        ];
        assert_eq!(proposed(&["INBOX", "Bulk"], &told), expected);
    }
}
