//! Reading: which UIDs there are, and the header fields, flags, size and date of messages. Never a body, never \Seen.
//!
//! One command asks for many messages; the next window is on its way while the last is read, and the server may answer
//! both in one go before the first is tagged OK (Dovecot does). A FETCH response is believed by the UID it carries,
//! never by the request: GNU mailutils answers with another message, Courier invents one.

mod ahead;

use std::collections::BTreeMap;
use std::ops::RangeInclusive;

use async_imap::imap_proto::{AttributeValue, MessageSection, Response, SectionPath};

use super::bounds;
use super::completion::Completion;
use super::error::ImapError;
use super::internal_date::timestamp;
use super::session::Session;
use super::uid_set;
use crate::sort::arrival::is_deleted;
use crate::sort::mailbox::{Timestamp, Uid};
use crate::sort::message::LONGEST_HEADER;

pub(super) use ahead::Ahead;

/// Messages asked for with one FETCH.
pub const WINDOW: usize = 500;

/// UIDs that one plain SEARCH may span: its answer is one line, and lines have limits.
const SPAN: u32 = 50_000;

/// A message as the server describes it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fetched {
    /// Its UID in the selected folder.
    pub uid: Uid,
    /// Flags and keywords, `\Recent` too.
    pub flags: Vec<String>,
    /// INTERNALDATE.
    pub internal_date: Option<Timestamp>,
    /// RFC822.SIZE in octets.
    pub size: u32,
    /// EMAILID (RFC 8474), where offered.
    pub email_id: Option<String>,
    /// X-GM-MSGID, at Gmail.
    pub gm_msgid: Option<u64>,
    /// The fields asked for, as raw text that ends in an empty line.
    pub header: Vec<u8>,
}

impl Fetched {
    /// Flagged \Deleted: whoever did it wants it gone.
    pub fn is_deleted(&self) -> bool {
        is_deleted(&self.flags)
    }
}

impl Session {
    /// The UIDs of the selected folder from `from` to `to` (to the last when `None`), ascending.
    pub async fn uids(&mut self, from: Uid, to: Option<Uid>) -> Result<Vec<Uid>, ImapError> {
        let Some(selected) = self.selected() else {
            return Err(nothing_selected());
        };
        let (uid_next, exists) = (selected.uid_next.0, selected.exists);
        let compact = self.capabilities().esearch;
        if exists == 0 {
            return Ok(Vec::new());
        }
        let mut found = Vec::new();
        let mut start = from.0.max(1);
        if !compact && exists > SPAN {
            let end = to.map_or(uid_next.saturating_sub(1), |to| to.0);
            let span = SPAN.max(end.saturating_sub(start) / 200);
            while start < end && end - start > span {
                found.extend(self.search(&format!("{start}:{}", start + span), false).await?);
                start += span + 1;
            }
        }
        let end = to.map_or("*".to_owned(), |to| to.to_string());
        found.extend(self.search(&format!("{start}:{end}"), compact).await?);
        // `n:*` names the last message even when its UID is below n.
        found.retain(|uid| *uid >= from && to.is_none_or(|to| *uid <= to));
        found.sort_unstable();
        found.dedup();
        Ok(found)
    }

    /// Those of `uids` that are in the selected folder, ascending.
    pub(super) async fn still_there(&mut self, uids: &[Uid]) -> Result<Vec<Uid>, ImapError> {
        let mut there = Vec::new();
        for (set, _) in uid_set::cut(uids, super::session::CAUTIOUS_SET, usize::MAX) {
            there.extend(self.search(&set, false).await?);
        }
        there.retain(|uid| uids.binary_search(uid).is_ok());
        there.sort_unstable();
        there.dedup();
        Ok(there)
    }

    async fn search(&mut self, set: &str, compact: bool) -> Result<Vec<Uid>, ImapError> {
        self.take_raw();
        let result = if compact { "RETURN (ALL) " } else { "" };
        self.exec("UID SEARCH", &format!("UID SEARCH {result}UID {set}"), |_| {})
            .await?
            .ok("UID SEARCH")?;
        let found = self.take_raw().iter().try_fold(Vec::new(), |mut found, line| {
            let ranges = searched(line).ok_or_else(|| ImapError::hostile("a SEARCH result that cannot be read"))?;
            let uids = uid_set::expand(ranges.iter());
            found.extend(uids.ok_or_else(|| ImapError::hostile("a SEARCH result beyond all bounds"))?);
            Ok(found)
        });
        // What cannot be read ends the session here too, not only for whoever asked.
        self.wire().judge(found)
    }

    /// Flags, size, date, identity and header fields of the message with UID `from` and all behind it, in one command;
    /// for when few are known to be new.
    pub async fn headers_from(&mut self, from: Uid, fields: &[String]) -> Result<Vec<Fetched>, ImapError> {
        if self.selected().is_none() {
            return Err(nothing_selected());
        }
        let (mut found, mut octets) = (BTreeMap::new(), 0);
        let body = format!("UID FETCH {from}:* {}", self.items(fields));
        let completion = self.exec("UID FETCH", &body, |response| {
            // `n:*` names the last message even when its UID is below n.
            for (uid, mut message) in described(response).filter(|(uid, _)| *uid >= from) {
                bounds::shorten(&mut message, &mut octets);
                found.insert(uid, message);
            }
        });
        complete(completion.await?)?;
        Ok(found.into_values().filter(|message| !is_made_up(message)).collect())
    }

    fn items(&self, fields: &[String]) -> String {
        let offered = self.capabilities();
        let email_id = if offered.object_id { " EMAILID" } else { "" };
        let gmail = if offered.gmail { " X-GM-MSGID" } else { "" };
        let fields: Vec<&str> = fields
            .iter()
            .map(String::as_str)
            .filter(|field| is_field_name(field))
            .collect();
        format!(
            "(UID FLAGS INTERNALDATE RFC822.SIZE{email_id}{gmail} BODY.PEEK[HEADER.FIELDS ({})]<0.{LONGEST_HEADER}>)",
            fields.join(" ")
        )
    }

    /// The flags of `uids` (ascending) as they are now; messages that are gone are left out.
    pub async fn flags(&mut self, uids: &[Uid]) -> Result<Vec<(Uid, Vec<String>)>, ImapError> {
        if self.selected().is_none() {
            return Err(nothing_selected());
        }
        let mut found: BTreeMap<Uid, Vec<String>> = BTreeMap::new();
        for (set, window) in uid_set::cut(uids, super::session::CAUTIOUS_SET, usize::MAX) {
            let body = format!("UID FETCH {set} (UID FLAGS)");
            let completion = self.exec("UID FETCH", &body, |response| {
                let Response::Fetch(_, attributes) = response else {
                    return;
                };
                let uid = attributes.iter().find_map(uid);
                let flags = attributes.iter().find_map(|attribute| match attribute {
                    AttributeValue::Flags(flags) => Some(bounds::flags(flags)),
                    _ => None,
                });
                if let (Some(uid), Some(flags)) = (uid.filter(|uid| window.binary_search(uid).is_ok()), flags) {
                    found.insert(uid, flags);
                }
            });
            completion.await?.ok("UID FETCH")?;
        }
        Ok(found.into_iter().collect())
    }
}

/// The message that a FETCH response describes.
fn described(response: &Response<'_>) -> impl Iterator<Item = (Uid, Fetched)> {
    let message = match response {
        Response::Fetch(_, attributes) => fetched(attributes),
        _ => None,
    };
    message.map(|message| (message.uid, message)).into_iter()
}

/// A NO may come with the messages that could be read (RFC 9051 section 6.4.5, [EXPUNGEISSUED]).
fn complete(completion: Completion) -> Result<(), ImapError> {
    if completion.code.as_deref() == Some("EXPUNGEISSUED") {
        return Ok(());
    }
    completion.ok("UID FETCH").map(drop)
}

/// What a FETCH response tells about a message; `None` without UID or header, as in unasked news about flags.
fn fetched(attributes: &[AttributeValue<'_>]) -> Option<Fetched> {
    let mut message = Fetched {
        uid: attributes.iter().find_map(uid)?,
        flags: Vec::new(),
        internal_date: None,
        size: 0,
        email_id: None,
        gm_msgid: None,
        header: Vec::new(),
    };
    for attribute in attributes {
        match attribute {
            AttributeValue::Flags(flags) => message.flags = bounds::flags(flags),
            AttributeValue::InternalDate(date) => message.internal_date = timestamp(date),
            AttributeValue::Rfc822Size(size) => message.size = *size,
            AttributeValue::EmailId(id) => message.email_id = Some(id.clone().into_owned()),
            AttributeValue::GmailMsgId(id) => message.gm_msgid = Some(*id),
            AttributeValue::BodySection {
                section: Some(SectionPath::Full(MessageSection::Header)),
                data: Some(data),
                ..
            } => {
                // Asked for so much and no more; a copy of more would leave holes in the heap.
                message.header = data.get(..LONGEST_HEADER).unwrap_or(data).to_vec();
            }
            _ => {}
        }
    }
    // A header that exists holds at least the empty line at its end; pymap sends `{0}` for a message that is gone.
    (!message.header.is_empty()).then_some(message)
}

fn uid(attribute: &AttributeValue<'_>) -> Option<Uid> {
    match attribute {
        AttributeValue::Uid(uid) => Some(Uid(*uid)),
        _ => None,
    }
}

/// Courier invents this message in the place of one that another client has removed; it must not be sorted or learned.
fn is_made_up(message: &Fetched) -> bool {
    let says = |line: &[u8]| {
        message
            .header
            .windows(line.len())
            .any(|part| part.eq_ignore_ascii_case(line))
    };
    message.header.len() < 512
        && message.size < 512
        && says(b"From: System Administrator <root@localhost>")
        && says(b"Subject: message unavailable")
        && !says(b"Message-ID:")
}

/// The numbers of `* SEARCH 1 2 3`, or the set after ALL in `* ESEARCH (TAG "x") UID ALL 1:3`.
fn searched(line: &[u8]) -> Option<Vec<RangeInclusive<u32>>> {
    let text = std::str::from_utf8(line.strip_prefix(b"* ")?).ok()?;
    let mut words = text.split_ascii_whitespace();
    match words.next()?.to_ascii_uppercase().as_str() {
        "SEARCH" => words
            // `(MODSEQ 7)` may follow.
            .take_while(|word| !word.starts_with('('))
            .map(|word| word.parse().ok().map(|uid: u32| uid..=uid))
            .collect(),
        "ESEARCH" => match words.find(|word| word.eq_ignore_ascii_case("ALL")) {
            Some(_) => uid_set::parse(words.next()?),
            None => Some(Vec::new()),
        },
        _ => Some(Vec::new()),
    }
}

fn is_field_name(name: &str) -> bool {
    !name.is_empty()
        && name.len() <= 100
        && name
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.'))
}

pub(super) fn nothing_selected() -> ImapError {
    ImapError::Unsupported {
        what: "no folder is selected".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn search_results_in_every_shape() {
        assert_eq!(searched(b"* SEARCH"), Some(vec![]));
        assert_eq!(searched(b"* SEARCH 2 3 (MODSEQ 9)"), Some(vec![2..=2, 3..=3]));
        assert_eq!(
            searched(b"* ESEARCH (TAG \"P4\") UID ALL 6:7,9"),
            Some(vec![6..=7, 9..=9])
        );
        assert_eq!(searched(b"* ESEARCH (TAG \"P4\") UID"), Some(vec![]));
        assert_eq!(searched(b"* SEARCH 1 x"), None);
        assert_eq!(searched(b"* SEARCH 4294967296"), None);
    }
}
