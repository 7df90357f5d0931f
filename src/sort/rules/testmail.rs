//! The mail of a `[[test]]`: a header made of keys or read from a file, and everything around it that rules may ask about.

use super::condition::auth_word;
use super::measure::Moment;
use super::table::{Item, Reading, Table, whole};
use crate::sort::attachments;
use crate::sort::authenticity::Authentication;
use crate::sort::correspondence::Tally;
use crate::sort::evidence::Evidence;
use crate::sort::facts::Facts;
use crate::sort::mailbox::{Mailbox, Timestamp};
use crate::sort::message::Message;
use crate::sort::sender::{Address, Owner};

/// When a test mail arrives that says nothing: Thursday, 15 January 2026, 12:00 UTC. Fixed, so that no test begins to
/// fail on New Year's Day.
pub const DEFAULT_ARRIVAL: Timestamp = Timestamp(1_768_478_400);

/// The mail of a test with its surroundings.
#[derive(Debug, Clone)]
pub(super) struct TestMail {
    message: Message,
    size: u32,
    arrived: Timestamp,
    now: Option<Timestamp>,
    utc_offset: i32,
    flags: Vec<String>,
    account: String,
    folder: Mailbox,
    owner: Owner,
    authentication: Authentication,
    evidence: Evidence,
    tally: Option<Tally>,
    reply_to_me: bool,
    duplicate: bool,
    attachments: Vec<String>,
}

impl TestMail {
    /// What the rules may ask about it.
    pub fn facts(&self) -> Facts<'_> {
        Facts {
            message: &self.message,
            now: self.now.unwrap_or(self.arrived),
            arrived: self.arrived,
            utc_offset: self.utc_offset,
            size: self.size,
            flags: &self.flags,
            account: &self.account,
            folder: &self.folder,
            owner: &self.owner,
            authentication: self.authentication,
            evidence: &self.evidence,
            tally: self.tally.as_ref(),
            reply_to_me: self.reply_to_me,
            duplicate: self.duplicate,
            attachments: Some(&self.attachments),
        }
    }
}

/// Reads the raw message that a test names.
pub(super) fn mail_file(reading: &mut Reading<'_>, item: &Item<'_>) -> Option<Vec<u8>> {
    let name = reading.text("file", item)?;
    let (reason, bytes) = match reading.includes.get(name) {
        Some(Ok(bytes)) => return Some(bytes.clone()),
        Some(Err(reason)) => (reason.clone(), None),
        None => ("it was not read".to_owned(), None),
    };
    let hint = "paths are relative to the rules directory";
    reading.error(
        "missing-file",
        item.span(),
        format!("cannot read `{name}`: {reason}"),
        hint,
    );
    bytes
}

/// Reads `mail = { .. }`, with the raw message that the test may name.
pub(super) fn mail(reading: &mut Reading<'_>, item: Option<&Item<'_>>, mut raw: Option<Vec<u8>>) -> TestMail {
    let mut header = String::new();
    let mut mail = TestMail {
        message: Message::parse(b""),
        size: 4_096,
        arrived: DEFAULT_ARRIVAL,
        now: None,
        utc_offset: 0,
        flags: Vec::new(),
        account: "test".to_owned(),
        folder: Mailbox::inbox(),
        owner: Owner::default(),
        authentication: Authentication::None,
        evidence: Evidence::default(),
        tally: None,
        reply_to_me: false,
        duplicate: false,
        attachments: files_of(raw.as_deref()),
    };
    if let Some(mut table) = item.and_then(|item| reading.table("mail", item)) {
        if let Some(item) = table.take("file") {
            raw = raw.or_else(|| mail_file(reading, item));
            mail.attachments = files_of(raw.as_deref());
        }
        header_fields(reading, &mut table, &mut header);
        surroundings(reading, &mut table, &mut mail);
        table.finish(reading, "a test mail", |key| match key {
            "body" => Some("Postroom never looks at the body"),
            _ if key.contains('-') => Some("write other header fields as header.\"X-Name\" = \"..\""),
            _ => None,
        });
    }
    let mut bytes = header.into_bytes();
    bytes.extend(raw.unwrap_or_default());
    mail.message = Message::parse(&bytes);
    // A test that names nobody's addresses is about mail that names its reader.
    let reader = match mail.owner.addresses() {
        [] => Owner::new(mail.message.recipients().take(1).cloned().collect()),
        _ => mail.owner.clone(),
    };
    mail.evidence = Evidence::of(&mail.message, &reader);
    if let Some(mut table) = item.and_then(|item| item.get_ref().as_table()).map(Table::new) {
        told_marks(reading, &mut table, &mut mail.evidence);
    }
    mail
}

fn files_of(raw: Option<&[u8]>) -> Vec<String> {
    raw.map(attachments::names).unwrap_or_default()
}

fn header_fields(reading: &mut Reading<'_>, table: &mut Table<'_, '_>, header: &mut String) {
    for (key, field, between) in [
        ("from", "From", ", "),
        ("to", "To", ", "),
        ("cc", "Cc", ", "),
        ("bcc", "Bcc", ", "),
        ("reply_to", "Reply-To", ", "),
        ("subject", "Subject", " "),
        ("date", "Date", " "),
        ("message_id", "Message-ID", " "),
        ("in_reply_to", "In-Reply-To", " "),
    ] {
        if let Some(item) = table.take(key) {
            let texts: Vec<_> = reading.texts(key, item).into_iter().map(|(text, _)| text).collect();
            field_line(header, field, &texts.join(between));
        }
    }
    if let Some(item) = table.take("list_id")
        && let Some(text) = reading.text("list_id", item)
    {
        let value = if text.contains('<') {
            text.to_owned()
        } else {
            format!("<{text}>")
        };
        field_line(header, "List-Id", &value);
    }
    let Some(item) = table.take("header") else { return };
    let Some(fields) = item.get_ref().as_table() else {
        reading.wrong_type("header", item, "a table such as header.\"X-Name\" = \"text\"");
        return;
    };
    for (name, item) in fields {
        // Several values are several fields of that name.
        for (text, _) in reading.texts("header", item) {
            field_line(header, name.get_ref(), text);
        }
    }
}

/// Adds one field; line breaks of the value become folds, so that no value can begin another field.
fn field_line(header: &mut String, name: &str, value: &str) {
    header.push_str(name);
    header.push_str(": ");
    header.push_str(
        &value
            .replace("\r\n", "\n")
            .replace('\r', "\n")
            .lines()
            .collect::<Vec<_>>()
            .join("\r\n "),
    );
    header.push_str("\r\n");
}

fn surroundings(reading: &mut Reading<'_>, table: &mut Table<'_, '_>, mail: &mut TestMail) {
    if let Some(item) = table.take("size") {
        let octets = whole(item).or_else(|| item.get_ref().as_str().and_then(super::measure::size));
        match octets {
            Some(octets) => mail.size = u32::try_from(octets).unwrap_or(u32::MAX),
            None => reading.wrong_type("size", item, "octets or \"5M\""),
        }
    }
    if let Some(item) = table.take("utc_offset") {
        let minutes = item.get_ref().as_str().and_then(offset_seconds);
        match minutes {
            Some(seconds) => mail.utc_offset = seconds,
            None => reading.wrong_type("utc_offset", item, "an offset such as \"+02:00\""),
        }
    }
    if let Some(at) = instant(reading, table, "arrived", mail.utc_offset) {
        mail.arrived = at;
    }
    mail.now = instant(reading, table, "now", mail.utc_offset);
    if let Some(item) = table.take("flags") {
        let flags = reading.texts("flags", item);
        mail.flags = flags
            .into_iter()
            .filter_map(|(text, span)| super::when::flag(reading, text, span))
            .map(Into::into)
            .collect();
    }
    if let Some(text) = table.take("account").and_then(|item| reading.text("account", item)) {
        text.clone_into(&mut mail.account);
    }
    if let Some(text) = table.take("folder").and_then(|item| reading.text("folder", item)) {
        mail.folder = Mailbox::new(text);
    }
    if let Some(item) = table.take("own") {
        let mut own = Vec::new();
        for (text, span) in reading.texts("own", item) {
            match Address::parse(text) {
                Some(address) => own.push(address),
                None => reading.error(
                    "bad-address",
                    span,
                    format!("`{text}` is not an address"),
                    "write name@domain",
                ),
            }
        }
        mail.owner = Owner::new(own);
    }
    if let Some(item) = table.take("attachments") {
        // A mail without any file is written as an empty list, which `texts` would refuse.
        let empty = item.get_ref().as_array().is_some_and(|list| list.is_empty());
        let names = if empty {
            Vec::new()
        } else {
            reading.texts("attachments", item)
        };
        mail.attachments = names.into_iter().map(|(text, _)| text.to_owned()).collect();
    }
    people(reading, table, mail);
    // Their values are read once the header is known; here they only become known keys.
    for key in ["list", "bulk", "automatic", "spam"] {
        table.take(key);
    }
    for (slot, key) in [
        (&mut mail.reply_to_me, "reply_to_me"),
        (&mut mail.duplicate, "duplicate"),
    ] {
        *slot = table
            .take(key)
            .and_then(|item| reading.boolean(key, item))
            .unwrap_or(false);
    }
}

/// What the test says about the mail's marks beats what its header says.
fn told_marks(reading: &mut Reading<'_>, table: &mut Table<'_, '_>, evidence: &mut Evidence) {
    for (slot, key) in [
        (&mut evidence.list, "list"),
        (&mut evidence.bulk, "bulk"),
        (&mut evidence.automatic, "automatic"),
        (&mut evidence.spam, "spam"),
    ] {
        if let Some(told) = table.take(key).and_then(|item| reading.boolean(key, item)) {
            *slot = told;
        }
    }
}

fn people(reading: &mut Reading<'_>, table: &mut Table<'_, '_>, mail: &mut TestMail) {
    if let Some(item) = table.take("auth") {
        let all = [Authentication::Pass, Authentication::Fail, Authentication::None];
        let words = all.map(|result| (auth_word(result), result));
        let result = reading
            .text("auth", item)
            .and_then(|text| reading.word("auth", text, item.span().into(), &words));
        mail.authentication = result.unwrap_or_default();
    }
    let mut tally = Tally::default();
    let mut met = false;
    if let Some(item) = table.take("sender") {
        let words = [("unknown", 0_u8), ("known", 1), ("replied", 2)];
        let kind = reading
            .text("sender", item)
            .and_then(|text| reading.word("sender", text, item.span().into(), &words));
        if let Some(kind) = kind.filter(|kind| *kind > 0) {
            met = true;
            tally.sent_count = 1;
            tally.answered_count = u32::from(kind == 2);
        }
    }
    if let Some(item) = table.take("sender_seen") {
        met = true;
        tally.received_count = reading
            .number("sender_seen", item)
            .map_or(0, |n| u32::try_from(n).unwrap_or(u32::MAX));
    }
    mail.tally = met.then_some(tally);
}

fn instant(
    reading: &mut Reading<'_>,
    table: &mut Table<'_, '_>,
    key: &'static str,
    utc_offset: i32,
) -> Option<Timestamp> {
    let item = table.take(key)?;
    let moment = match (item.get_ref().as_datetime(), item.get_ref().as_str()) {
        (Some(datetime), _) => Moment::from_toml(datetime),
        (None, text) => text.and_then(Moment::parse),
    };
    if moment.is_none() {
        reading.error(
            "bad-date",
            item.span(),
            format!("`{key}` wants a date"),
            "write 2026-01-31T12:00:00Z",
        );
    }
    moment.map(|moment| moment.at(utc_offset))
}

fn offset_seconds(text: &str) -> Option<i32> {
    let (sign, rest) = match (text.strip_prefix('+'), text.strip_prefix('-')) {
        (Some(rest), _) => (1, rest),
        (None, Some(rest)) => (-1, rest),
        (None, None) => return None,
    };
    let (hours, minutes) = rest.split_once(':')?;
    let (hours, minutes): (i32, i32) = (hours.parse().ok()?, minutes.parse().ok()?);
    ((0..=14).contains(&hours) && (0..60).contains(&minutes)).then_some(sign * (hours * 3_600 + minutes * 60))
}
