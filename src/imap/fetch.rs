//! Reading: which UIDs there are, and the header fields, flags, size and date of messages. Never a body, never \Seen.
//!
//! One command asks for many messages; the next window is on its way while the last is read, and the server may answer
//! both in one go before the first is tagged OK (Dovecot does). A FETCH response is believed by the UID it carries,
//! never by the request: GNU mailutils answers with another message, Courier invents one.

use std::collections::BTreeMap;
use std::ops::RangeInclusive;

use async_imap::imap_proto::{AttributeValue, MessageSection, Response, SectionPath};

use super::error::ImapError;
use super::reply::Pending;
use super::session::Session;
use super::uid_set;
use crate::sort::mailbox::{Timestamp, Uid};
use crate::sort::message::LONGEST_HEADER;

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

impl Session {
    /// The UIDs of the selected folder from `from` to `to` (to the last when `None`), ascending.
    pub async fn uids(&mut self, from: Uid, to: Option<Uid>) -> Result<Vec<Uid>, ImapError> {
        let Some(selected) = self.selected() else {
            return Err(nothing_selected());
        };
        let (uid_next, exists) = (selected.uid_next.0, selected.exists);
        let compact = self.capabilities().esearch;
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
        let mut found = Vec::new();
        for line in self.take_raw() {
            let ranges = searched(&line).ok_or_else(|| ImapError::hostile("a SEARCH result that cannot be read"))?;
            found.extend(
                uid_set::expand(ranges.iter())
                    .ok_or_else(|| ImapError::hostile("a SEARCH result beyond all bounds"))?,
            );
        }
        Ok(found)
    }

    /// Flags, size, date, identity and the named header fields of `uids` (ascending); messages that are gone are left
    /// out. `fields` are names as in [`crate::sort::message::FIELDS`]; ask for the same list every time, so that the
    /// server's header cache can answer.
    pub async fn headers(&mut self, uids: &[Uid], fields: &[String]) -> Result<Vec<Fetched>, ImapError> {
        let mut all = Vec::with_capacity(uids.len());
        self.headers_by_window(uids, fields, |window| all.extend(window))
            .await?;
        Ok(all)
    }

    /// Like [`Session::headers`], a window of at most [`WINDOW`] messages at a time: while `take` has one, the next is
    /// already on its way. Windows come in the order of `uids`.
    pub async fn headers_by_window(
        &mut self,
        uids: &[Uid],
        fields: &[String],
        mut take: impl FnMut(Vec<Fetched>) + Send,
    ) -> Result<(), ImapError> {
        if self.selected().is_none() {
            return Err(nothing_selected());
        }
        let items = self.items(fields);
        let windows = uid_set::cut(uids, super::session::CAUTIOUS_SET, WINDOW);
        let mut found: BTreeMap<Uid, Fetched> = BTreeMap::new();
        let mut asked: Option<(Pending, &[Uid])> = None;
        for next in windows.iter().map(Some).chain([None]) {
            let sent = match next {
                Some((set, window)) => {
                    let pending = self.wire().begin("UID FETCH", &format!("UID FETCH {set} {items}"))?;
                    self.wire().push("UID FETCH").await?;
                    Some((pending, *window))
                }
                None => None,
            };
            if let Some((pending, window)) = std::mem::replace(&mut asked, sent) {
                let result = self.window(pending, uids, &mut found).await;
                if result.is_err() {
                    // The window behind it was sent too; its answer must not meet the next command.
                    if let Some((pending, _)) = asked.take() {
                        let _ = self.window(pending, uids, &mut found).await;
                    }
                }
                result?;
                // What lies beyond this window came early: Dovecot answers two FETCHes in one go.
                let later = match window.last().and_then(|last| last.0.checked_add(1)) {
                    Some(next) => found.split_off(&Uid(next)),
                    None => BTreeMap::new(),
                };
                let whole = std::mem::replace(&mut found, later);
                take(whole.into_values().filter(|message| !is_made_up(message)).collect());
            }
        }
        Ok(())
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

    async fn window(
        &mut self,
        pending: Pending,
        wanted: &[Uid],
        found: &mut BTreeMap<Uid, Fetched>,
    ) -> Result<(), ImapError> {
        let completion = self.finish(pending, |response| {
            let Response::Fetch(_, attributes) = response else {
                return;
            };
            let Some(message) = fetched(attributes) else { return };
            if wanted.binary_search(&message.uid).is_ok() {
                found.insert(message.uid, message);
            }
        });
        let completion = completion.await?;
        // A NO may come with the messages that could be read (RFC 9051 section 6.4.5, [EXPUNGEISSUED]).
        if completion.code.as_deref() != Some("EXPUNGEISSUED") {
            completion.ok("UID FETCH")?;
        }
        Ok(())
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
                    AttributeValue::Flags(flags) => Some(flags.iter().map(|flag| flag.clone().into_owned()).collect()),
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
            AttributeValue::Flags(flags) => {
                message.flags = flags.iter().map(|flag| flag.clone().into_owned()).collect();
            }
            AttributeValue::InternalDate(date) => message.internal_date = timestamp(date),
            AttributeValue::Rfc822Size(size) => message.size = *size,
            AttributeValue::EmailId(id) => message.email_id = Some(id.clone().into_owned()),
            AttributeValue::GmailMsgId(id) => message.gm_msgid = Some(*id),
            AttributeValue::BodySection {
                section: Some(SectionPath::Full(MessageSection::Header)),
                data: Some(data),
                ..
            } => {
                message.header = data.to_vec();
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

const MONTHS: [&str; 12] = [
    "jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec",
];

/// ` 5-Nov-2026 09:05:06 +0100` (RFC 9051 section 9, `date-time`) in seconds since 1970.
fn timestamp(date: &str) -> Option<Timestamp> {
    let mut parts = date.split_ascii_whitespace();
    let (day, time, zone) = (parts.next()?, parts.next()?, parts.next()?);
    let mut day = day.split('-');
    let (mday, month, year) = (day.next()?.parse().ok()?, day.next()?, day.next()?.parse().ok()?);
    let month = MONTHS.iter().position(|name| name.eq_ignore_ascii_case(month))? as i8 + 1;
    let mut time = time.split(':');
    let (hour, minute, second) = (
        time.next()?.parse().ok()?,
        time.next()?.parse().ok()?,
        time.next()?.parse::<i8>().ok()?,
    );
    let zone: i64 = zone.parse().ok()?;
    let east = (zone / 100 * 60 + zone % 100) * 60;
    let local = jiff::civil::date(1970, 1, 1).at(0, 0, 0, 0);
    let there = jiff::civil::Date::new(year, month, mday)
        .ok()?
        .to_datetime(jiff::civil::Time::new(hour, minute, second.min(59), 0).ok()?);
    let seconds = there.since((jiff::Unit::Second, local)).ok()?.get_seconds();
    Some(Timestamp(seconds - east))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn internal_dates() {
        assert_eq!(timestamp("17-Jul-1996 02:44:25 -0700"), Some(Timestamp(837_596_665)));
        assert_eq!(timestamp(" 5-Nov-2026 00:00:00 +0000"), Some(Timestamp(1_793_836_800)));
        assert_eq!(timestamp("01-Jan-1970 00:00:60 +0000"), Some(Timestamp(59)));
        for odd in [
            "",
            "31-Feb-2026 00:00:00 +0000",
            "1-Foo-2026 00:00:00 +0000",
            "1-Jan-99999 00:00:00 +0000",
            "1-Jan-2026 25:00:00 +0000",
        ] {
            assert_eq!(timestamp(odd), None, "{odd:?}");
        }
    }

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
