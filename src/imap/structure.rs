//! The files a message carries, by name, from its BODYSTRUCTURE (RFC 9051 section 7.5.2). Only where a rule asks for them:
//! it costs the server a look at the whole message.
//!
//! Strangers write what stands in here, so it is read by our own parser and not by imap-proto's, which recurses without a
//! limit: at most [`DEEPEST`] lists in one another, [`MOST_VALUES`] values and [`MOST_NAMES`] names of [`LONGEST_NAME`]
//! characters. What goes beyond, or is no BODYSTRUCTURE, leaves the message's files unknown; that is never an error and
//! never "none". The guard has cut the response to size before.

mod parameter;

use std::borrow::Cow;
use std::collections::BTreeMap;

use super::error::ImapError;
use super::fetch::nothing_selected;
use super::session::{CAUTIOUS_SET, Session};
use super::uid_set;
use crate::sort::mailbox::Uid;

/// Messages asked about with one command; what the guard holds back until we take it is bounded.
const WINDOW: usize = 50;

/// Lists in one another. Dovecot stops at a hundred parts in one another, mail programs at five.
const DEEPEST: usize = 48;

/// Values of one response, lists included.
const MOST_VALUES: usize = 10_000;

/// Names told of one message.
const MOST_NAMES: usize = 1_000;

/// Characters of one name that are looked at.
const LONGEST_NAME: usize = 500;

impl Session {
    /// The names of the files that each of `uids` (ascending) carries; one without a name is told as an empty one.
    /// Messages whose structure the server does not give, or gives unreadably, are left out.
    pub async fn attachments(&mut self, uids: &[Uid]) -> Result<BTreeMap<Uid, Vec<String>>, ImapError> {
        if self.selected().is_none() {
            return Err(nothing_selected());
        }
        self.settle().await?;
        let mut found = BTreeMap::new();
        for (set, window) in uid_set::cut(uids, CAUTIOUS_SET, WINDOW) {
            self.take_raw();
            self.wire().expect_structures(true);
            let body = format!("UID FETCH {set} (UID BODYSTRUCTURE)");
            let answer = self.exec("UID FETCH", &body, |_| {}).await;
            self.wire().expect_structures(false);
            let told = self.take_raw();
            let told = told.iter().filter_map(|line| read(line));
            found.extend(told.filter(|(uid, _)| window.binary_search(uid).is_ok()));
            // A refusal leaves them unknown; mail is sorted without.
            answer?;
        }
        Ok(found)
    }
}

/// A value of an IMAP response (RFC 9051 section 4).
#[derive(Debug, PartialEq, Eq)]
enum Value<'a> {
    Nil,
    Text(Cow<'a, [u8]>),
    List(Vec<Value<'a>>),
}

/// UID and file names of `* 3 FETCH (UID 7 BODYSTRUCTURE (..))`.
fn read(line: &[u8]) -> Option<(Uid, Vec<String>)> {
    let start = line.iter().position(|byte| *byte == b'(')?;
    let mut reader = Reader {
        rest: line.get(start..)?,
        values: 0,
    };
    let Value::List(items) = reader.value(0)? else {
        return None;
    };
    let mut pairs = items.chunks_exact(2);
    let (mut uid, mut structure) = (None, None);
    for pair in pairs.by_ref() {
        match pair {
            [Value::Text(key), value] if key.eq_ignore_ascii_case(b"UID") => uid = value.number(),
            [Value::Text(key), value] if key.eq_ignore_ascii_case(b"BODYSTRUCTURE") => structure = Some(value),
            _ => {}
        }
    }
    let mut names = Vec::new();
    collect(structure?, &mut names)?;
    Some((Uid(uid?), names))
}

/// Adds the names of a body's files; `None` when this is no body.
fn collect(body: &Value<'_>, names: &mut Vec<String>) -> Option<()> {
    let parts = body.list()?;
    match parts {
        [Value::List(_), ..] => parts
            .iter()
            .take_while(|part| matches!(part, Value::List(_)))
            .try_for_each(|part| collect(part, names)),
        [kind, subtype, parameters, id, ..] => {
            let (kind, subtype) = (kind.text()?, subtype.text()?);
            let text = kind.eq_ignore_ascii_case(b"text");
            // Some servers describe a message in a message like any other part.
            let inner = match parts.get(7..9) {
                Some([Value::List(_), inner @ Value::List(_)]) if kind.eq_ignore_ascii_case(b"message") => Some(inner),
                _ => None,
            };
            let extension = 7 + usize::from(text) + if inner.is_some() { 3 } else { 0 };
            let disposition = parts.get(extension + 1).and_then(Value::list).unwrap_or_default();
            let disposed = |word: &[u8]| {
                let said = disposition.first().and_then(Value::text);
                said.is_some_and(|said| said.eq_ignore_ascii_case(word))
            };
            let name = parameter::of(&pairs(disposition.get(1)), "filename")
                .or_else(|| parameter::of(&pairs(Some(parameters)), "name"));
            // A picture that the text shows is no file of its own.
            let shown = kind.eq_ignore_ascii_case(b"image") && *id != Value::Nil && !disposed(b"attachment");
            let message = kind.eq_ignore_ascii_case(b"message") && subtype.eq_ignore_ascii_case(b"rfc822");
            if disposed(b"attachment") || (name.is_some() && !shown) || message {
                let name = name.unwrap_or_default();
                names.push(name.chars().take(LONGEST_NAME).collect());
            }
            if names.len() > MOST_NAMES {
                return None;
            }
            inner.map_or(Some(()), |inner| collect(inner, names))
        }
        _ => None,
    }
}

/// Parameters, names in lower case; what is no list of pairs is none.
fn pairs<'v>(parameters: Option<&'v Value<'_>>) -> Vec<(String, &'v [u8])> {
    let list = parameters.and_then(Value::list).unwrap_or_default();
    let pair = |pair: &'v [Value<'_>]| match pair {
        [name, value] => Some((
            String::from_utf8_lossy(name.text()?).to_ascii_lowercase(),
            value.text()?,
        )),
        _ => None,
    };
    list.chunks_exact(2).filter_map(pair).collect()
}

impl Value<'_> {
    fn text(&self) -> Option<&[u8]> {
        match self {
            Value::Text(text) => Some(text),
            _ => None,
        }
    }

    fn list(&self) -> Option<&[Self]> {
        match self {
            Value::List(list) => Some(list),
            _ => None,
        }
    }

    fn number(&self) -> Option<u32> {
        std::str::from_utf8(self.text()?).ok()?.parse().ok()
    }
}

/// Reads values from the front of a response.
struct Reader<'a> {
    rest: &'a [u8],
    values: usize,
}

impl<'a> Reader<'a> {
    fn value(&mut self, depth: usize) -> Option<Value<'a>> {
        self.values += 1;
        if depth > DEEPEST || self.values > MOST_VALUES {
            return None;
        }
        match self.rest.first()? {
            b'(' => {
                self.skip(1);
                let mut list = Vec::new();
                loop {
                    match self.rest.first()? {
                        b' ' => self.skip(1),
                        b')' => {
                            self.skip(1);
                            return Some(Value::List(list));
                        }
                        _ => list.push(self.value(depth + 1)?),
                    }
                }
            }
            b'"' => self.quoted().map(Value::Text),
            b'{' => self.literal().map(Value::Text),
            b'~' if self.rest.get(1) == Some(&b'{') => {
                self.skip(1);
                self.literal().map(Value::Text)
            }
            _ => self.atom(),
        }
    }

    fn skip(&mut self, count: usize) {
        self.rest = self.rest.get(count..).unwrap_or_default();
    }

    fn quoted(&mut self) -> Option<Cow<'a, [u8]>> {
        let inside = self.rest.get(1..)?;
        let mut escaped = false;
        let end = inside.iter().position(|byte| {
            let ends = *byte == b'"' && !escaped;
            escaped = *byte == b'\\' && !escaped;
            ends
        })?;
        self.skip(end + 2);
        let text = inside.get(..end)?;
        if !text.contains(&b'\\') {
            return Some(Cow::Borrowed(text));
        }
        let mut plain = Vec::with_capacity(text.len());
        let mut bytes = text.iter();
        while let Some(byte) = bytes.next() {
            plain.extend(if *byte == b'\\' { bytes.next() } else { Some(byte) });
        }
        Some(Cow::Owned(plain))
    }

    fn literal(&mut self) -> Option<Cow<'a, [u8]>> {
        let line = self.rest.iter().position(|byte| *byte == b'\n')?;
        let digits = self.rest.get(1..line)?.strip_suffix(b"\r")?.strip_suffix(b"}")?;
        let digits = digits.strip_suffix(b"+").unwrap_or(digits);
        let length: usize = std::str::from_utf8(digits).ok()?.parse().ok()?;
        let text = self.rest.get(line + 1..)?.get(..length)?;
        self.skip(line + 1 + length);
        Some(Cow::Borrowed(text))
    }

    fn atom(&mut self) -> Option<Value<'a>> {
        let ends = |byte: &u8| matches!(byte, b' ' | b'(' | b')' | b'"' | b'{' | b'\r' | b'\n');
        let end = self.rest.iter().position(ends).unwrap_or(self.rest.len());
        let text = self.rest.get(..end).filter(|text| !text.is_empty())?;
        self.skip(end);
        Some(if text.eq_ignore_ascii_case(b"NIL") {
            Value::Nil
        } else {
            Value::Text(Cow::Borrowed(text))
        })
    }
}

#[cfg(test)]
mod tests;
