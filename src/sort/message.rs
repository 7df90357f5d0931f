//! A message as the sorter sees it: its header fields, parsed once. No body, ever.
//!
//! Parsing is total: whatever bytes a stranger sends, the result is a value (RFC 5322 as the aim, not as a demand).
//! Fields whose exact shape decides about trust (From, List-Id, Authentication-Results) are read from the raw text,
//! because a forgiving parser would pick one reading of a forgery and hide that there were two.

use std::borrow::Cow;
use std::sync::LazyLock;

use mail_parser::parsers::MessageStream;
use mail_parser::{Addr, HeaderValue};
use sha2::{Digest, Sha256};

use super::mailbox::Timestamp;
use super::pseudonym::is_pseudonym;
use super::sender::Address;

/// Header fields that a verdict may need, and no other: a server repeats the list in its answer for every message. The
/// fetch asks for exactly these, plus what rules name, in this order every time, so that the server's header cache can
/// serve them.
pub const FIELDS: [&str; 29] = [
    "From",
    "Sender",
    "Reply-To",
    "To",
    "Cc",
    "Subject",
    "Date",
    "Message-ID",
    "In-Reply-To",
    "References",
    "Received",
    "Return-Path",
    "List-Id",
    "List-Post",
    "List-Unsubscribe",
    "List-Unsubscribe-Post",
    "List-Archive",
    "List-Subscribe",
    "Mailing-List",
    "Precedence",
    "Auto-Submitted",
    "Feedback-ID",
    "X-Mailer",
    "Content-Type",
    "Authentication-Results",
    "X-Spam-Flag",
    "X-Spam-Status",
    "X-Spam",
    "X-Postroom-Digest",
];

/// Longest header text, in bytes, that is looked at; the rest of a larger header is ignored.
pub const LONGEST_HEADER: usize = 65_536;

/// Most addresses that are read from one message's To and Cc; a crowd is a crowd.
const MOST_RECIPIENTS: usize = 1_000;

/// One header field, unfolded (RFC 5322 section 2.2.3) but not decoded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Field {
    /// The name in lower case.
    pub name: Cow<'static, str>,
    /// The value without the leading space; raw 8-bit text is read as UTF-8, else as Latin-1.
    pub value: Box<str>,
}

/// Who the message says it is from (RFC 5322 section 3.6.2).
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Author {
    /// Exactly one From field with exactly one mailbox.
    One {
        /// The address.
        address: Address,
        /// The display name, decoded, not sanitised; proves nothing.
        display: String,
    },
    /// Anything else: rank-neutral and never taught. The sentence says what is wrong.
    Malformed(&'static str),
}

/// The header of one message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    fields: Vec<Field>,
    author: Author,
    /// To, in order.
    pub to: Vec<Address>,
    /// Cc, in order.
    pub cc: Vec<Address>,
    /// Reply-To, in order.
    pub reply_to: Vec<Address>,
    /// Subject, decoded (RFC 2047), not sanitised.
    pub subject: String,
    /// Message-ID without angle brackets.
    pub message_id: Option<String>,
    /// Message-IDs named by In-Reply-To and References, without angle brackets, each once.
    pub answers: Vec<String>,
    /// The identifier of List-Id (RFC 2919), lower case, without angle brackets.
    pub list_id: Option<String>,
    /// Date, when it is a real date.
    pub date: Option<Timestamp>,
}

impl Message {
    /// Reads a header: the bytes of `BODY[HEADER.FIELDS ...]`, or a whole raw message, of which the header is used.
    pub fn parse(raw: &[u8]) -> Self {
        let fields = split_fields(raw);
        let first = |name: &str| {
            fields
                .iter()
                .find(|field| &*field.name == name)
                .map(|field| &*field.value)
        };
        let author = author(&fields);
        let addresses = |name: &str| {
            fields
                .iter()
                .filter(|field| &*field.name == name)
                .flat_map(|field| addresses(&field.value))
                .filter_map(|(address, _)| address)
                .take(MOST_RECIPIENTS)
                .collect::<Vec<_>>()
        };
        let mut answers = Vec::new();
        for name in ["in-reply-to", "references"] {
            for id in first(name).map(message_ids).unwrap_or_default() {
                if answers.len() < 100 && !answers.contains(&id) {
                    answers.push(id);
                }
            }
        }
        Self {
            to: addresses("to"),
            cc: addresses("cc"),
            reply_to: addresses("reply-to"),
            subject: first("subject")
                .map(|value| decode(value).into_owned())
                .unwrap_or_default(),
            message_id: first("message-id").and_then(|value| message_ids(value).into_iter().next()),
            answers,
            list_id: first("list-id").and_then(list_id),
            date: first("date").and_then(date),
            author,
            fields,
        }
    }

    /// The sender, or what is wrong with the From field.
    pub fn author(&self) -> &Author {
        &self.author
    }

    /// The sender's address; `None` when From is malformed.
    pub fn from(&self) -> Option<&Address> {
        match &self.author {
            Author::One { address, .. } => Some(address),
            Author::Malformed(_) => None,
        }
    }

    /// The sender's decoded display name; empty when there is none.
    pub fn display_name(&self) -> &str {
        match &self.author {
            Author::One { display, .. } => display,
            Author::Malformed(_) => "",
        }
    }

    /// Every field, in the order of the header.
    pub fn fields(&self) -> &[Field] {
        &self.fields
    }

    /// Raw, unfolded values of every field called `name` (lower case), in order.
    pub fn raw<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        self.fields
            .iter()
            .filter(move |field| &*field.name == name)
            .map(|field| &*field.value)
    }

    /// True when a field called `name` (lower case) is there, even empty.
    pub fn has(&self, name: &str) -> bool {
        self.raw(name).next().is_some()
    }

    /// Addresses of To, then Cc.
    pub fn recipients(&self) -> impl Iterator<Item = &Address> {
        self.to.iter().chain(&self.cc)
    }

    /// The message's identity when the server has no better one: SHA-256 over Message-ID, size in octets (RFC822.SIZE)
    /// and the raw From, To, Date, Subject and first Received, the first 16 bytes of it.
    pub fn fingerprint(&self, size: u32) -> [u8; 16] {
        let mut hash = Sha256::new();
        hash.update(size.to_be_bytes());
        for name in ["message-id", "from", "to", "date", "subject", "received"] {
            let value = self.raw(name).next().unwrap_or_default();
            hash.update((value.len() as u64).to_be_bytes());
            hash.update(value.as_bytes());
        }
        let mut fingerprint = [0; 16];
        for (to, from) in fingerprint.iter_mut().zip(hash.finalize()) {
            *to = from;
        }
        fingerprint
    }
}

/// Decodes the encoded words of an unstructured field (RFC 2047).
pub fn decode(value: &str) -> Cow<'_, str> {
    if !value.contains("=?") {
        return Cow::Borrowed(value);
    }
    let line = format!("{value}\n");
    match MessageStream::new(line.as_bytes()).parse_unstructured() {
        HeaderValue::Text(text) => Cow::Owned(text.into_owned()),
        _ => Cow::Borrowed(value),
    }
}

/// Every mailbox of an address field: the address where it is a valid one, and the decoded display name.
pub fn addresses(value: &str) -> Vec<(Option<Address>, String)> {
    let line = format!("{value}\n");
    let parsed = MessageStream::new(line.as_bytes()).parse_address();
    let Some(list) = parsed.as_address() else {
        return Vec::new();
    };
    list.iter().map(mailbox).collect()
}

fn mailbox(addr: &Addr<'_>) -> (Option<Address>, String) {
    let address = addr.address.as_deref().and_then(Address::parse);
    // No such domain exists; under these names people are remembered ([`super::pseudonym`]).
    let address = address.filter(|address| !is_pseudonym(address.domain()));
    (address, addr.name.as_deref().unwrap_or_default().trim().to_owned())
}

fn split_fields(raw: &[u8]) -> Vec<Field> {
    let raw = raw.get(..LONGEST_HEADER).unwrap_or(raw);
    let mut fields = Vec::with_capacity(FIELDS.len());
    // The field that is being read, and its value so far: one buffer serves all.
    let (mut open, mut value) = (None, Vec::new());
    for line in raw.split(|&b| b == b'\n') {
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        match line.first() {
            None if open.is_none() => {}
            None => break,
            Some(b' ' | b'\t') => {
                value.push(b' ');
                value.extend_from_slice(line.trim_ascii());
            }
            Some(_) => {
                let mut halves = line.splitn(2, |&b| b == b':');
                let (name, rest) = (halves.next().unwrap_or_default().trim_ascii_end(), halves.next());
                // A line that is neither field nor continuation: an mbox `From ` line or damage; skipped.
                let Some(rest) = rest.filter(|_| is_field_name(name)) else {
                    continue;
                };
                close(&mut fields, open.replace(lower_case(name)), &value);
                value.clear();
                value.extend_from_slice(rest.trim_ascii());
            }
        }
    }
    close(&mut fields, open, &value);
    fields
}

fn close(fields: &mut Vec<Field>, name: Option<Cow<'static, str>>, value: &[u8]) {
    fields.extend(name.map(|name| Field {
        name,
        value: text(value),
    }));
}

/// The names of [`FIELDS`] in lower case; every message has them, so they are kept once.
static NAMES: LazyLock<Vec<String>> = LazyLock::new(|| FIELDS.iter().map(|name| name.to_ascii_lowercase()).collect());

fn lower_case(name: &[u8]) -> Cow<'static, str> {
    let known = NAMES.iter().find(|known| known.as_bytes().eq_ignore_ascii_case(name));
    known.map_or_else(
        || Cow::Owned(String::from_utf8_lossy(name).to_ascii_lowercase()),
        |known| Cow::Borrowed(known.as_str()),
    )
}

fn is_field_name(name: &[u8]) -> bool {
    !name.is_empty() && name.len() <= 100 && name.iter().all(|b| (33..=126).contains(b))
}

fn text(bytes: &[u8]) -> Box<str> {
    str::from_utf8(bytes).map_or_else(|_| bytes.iter().map(|&b| char::from(b)).collect(), Box::from)
}

fn author(fields: &[Field]) -> Author {
    let mut from = fields.iter().filter(|field| &*field.name == "from");
    let (Some(field), None) = (from.next(), from.next()) else {
        return Author::Malformed(if fields.iter().any(|field| &*field.name == "from") {
            "there is more than one From field"
        } else {
            "there is no From field"
        });
    };
    let value = &*field.value;
    if value.chars().any(|c| c.is_control() && c != '\t') {
        return Author::Malformed("the From field contains control characters");
    }
    let bare = without_quotes_and_comments(value);
    if bare.contains(';') || bare.matches(':').count() > 0 {
        return Author::Malformed("the From field is a group or a route, not a mailbox");
    }
    if bare.matches('<').count() > 1 || bare.matches('>').count() > 1 {
        return Author::Malformed("the From field has nested or repeated angle brackets");
    }
    let mut mailboxes = addresses(value);
    match (mailboxes.pop(), mailboxes.is_empty()) {
        (Some((Some(address), display)), true) => Author::One { address, display },
        (Some(_), false) => Author::Malformed("the From field names more than one mailbox"),
        _ => Author::Malformed("the From field holds no valid address"),
    }
}

/// The value with quoted strings and comments removed, so that what is left is structure.
fn without_quotes_and_comments(value: &str) -> String {
    let (mut bare, mut quoted, mut depth, mut escaped) = (String::new(), false, 0_u32, false);
    for c in value.chars() {
        match c {
            _ if escaped => escaped = false,
            '\\' if quoted || depth > 0 => escaped = true,
            '"' if depth == 0 => quoted = !quoted,
            '(' if !quoted => depth += 1,
            ')' if !quoted && depth > 0 => depth -= 1,
            _ if quoted || depth > 0 => {}
            _ => bare.push(c),
        }
    }
    bare
}

/// The identifiers in angle brackets; a bare word counts when there are no brackets at all.
fn message_ids(value: &str) -> Vec<String> {
    let mut ids = Vec::new();
    for part in value.split('<').skip(1) {
        if let Some((id, _)) = part.split_once('>') {
            let id: String = id.split_whitespace().collect();
            if !id.is_empty() && id.len() <= 998 {
                ids.push(id);
            }
        }
    }
    if ids.is_empty() && !value.contains('<') {
        ids.extend(
            value
                .split_whitespace()
                .next()
                .filter(|id| id.len() <= 998)
                .map(str::to_owned),
        );
    }
    ids
}

fn list_id(value: &str) -> Option<String> {
    let inside = value.rsplit_once('<').map_or(value, |(_, rest)| rest);
    let id = inside.split('>').next().unwrap_or_default().trim().to_lowercase();
    let plausible = !id.is_empty() && id.len() <= 255 && !id.contains(|c: char| c.is_control() || c.is_whitespace());
    (plausible && !is_pseudonym(&id)).then_some(id)
}

fn date(value: &str) -> Option<Timestamp> {
    let line = format!("{value}\n");
    let HeaderValue::DateTime(date) = MessageStream::new(line.as_bytes()).parse_date() else {
        return None;
    };
    date.is_valid().then(|| Timestamp(date.to_timestamp()))
}

#[cfg(test)]
mod tests;
