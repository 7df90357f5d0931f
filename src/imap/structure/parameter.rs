//! Parameter values of MIME fields, as servers pass them on in BODYSTRUCTURE: plain, in another character set, or in
//! pieces (RFC 2231 sections 3 to 5), and, against the standard and in every second mail, as encoded words (RFC 2047).

use std::borrow::Cow;
use std::collections::BTreeMap;

use mail_parser::decoders::charsets::map::charset_decoder;

use crate::sort::message::decode;

/// Pieces of one value.
const MOST_PIECES: u32 = 100;

/// The value of a parameter; `parameters` have their names in lower case. What is written to the standard comes before
/// what is written for old readers.
pub(super) fn of(parameters: &[(String, &[u8])], name: &str) -> Option<String> {
    let mut plain = None;
    let mut pieces: BTreeMap<u32, (bool, &[u8])> = BTreeMap::new();
    for (key, value) in parameters {
        let Some(rest) = key.strip_prefix(name) else { continue };
        let Some(rest) = rest.strip_prefix('*') else {
            if rest.is_empty() {
                plain.get_or_insert(*value);
            }
            continue;
        };
        if rest.is_empty() {
            pieces.insert(0, (true, value));
            continue;
        }
        let (number, encoded) = match rest.strip_suffix('*') {
            Some(number) => (number, true),
            None => (rest, false),
        };
        if let Some(number) = number.parse().ok().filter(|number| *number < MOST_PIECES) {
            pieces.entry(number).or_insert((encoded, value));
        }
    }
    joined(&pieces).or_else(|| plain.map(words))
}

/// The pieces from number 0 on, up to the first that is missing.
fn joined(pieces: &BTreeMap<u32, (bool, &[u8])>) -> Option<String> {
    let mut bytes = Vec::new();
    let mut charset = "";
    for (wanted, (number, (encoded, value))) in (0..).zip(pieces) {
        if *number != wanted {
            break;
        }
        let mut value = *value;
        if *encoded && wanted == 0 {
            let mut parts = value.splitn(3, |byte| *byte == b'\'');
            if let (Some(set), Some(_), Some(text)) = (parts.next(), parts.next(), parts.next()) {
                charset = std::str::from_utf8(set).unwrap_or_default();
                value = text;
            }
        }
        if *encoded {
            bytes.extend(unescaped(value));
        } else {
            bytes.extend_from_slice(value);
        }
    }
    if bytes.is_empty() {
        return None;
    }
    let decoder = charset_decoder(charset.as_bytes()).filter(|_| std::str::from_utf8(&bytes).is_err());
    Some(decoder.map_or_else(
        || String::from_utf8_lossy(&bytes).into_owned(),
        |decoder| decoder(&bytes),
    ))
}

/// `%20` and the like as the bytes they stand for; a `%` that begins no such thing stands for itself.
fn unescaped(value: &[u8]) -> impl Iterator<Item = u8> + '_ {
    let digit = |byte: Option<&u8>| byte.and_then(|byte| char::from(*byte).to_digit(16));
    let mut at = 0;
    std::iter::from_fn(move || {
        let byte = *value.get(at)?;
        let pair = (digit(value.get(at + 1)), digit(value.get(at + 2)));
        if let (b'%', (Some(high), Some(low))) = (byte, pair) {
            at += 3;
            return u8::try_from(high * 16 + low).ok();
        }
        at += 1;
        Some(byte)
    })
}

fn words(value: &[u8]) -> String {
    let text = String::from_utf8_lossy(value);
    match text {
        Cow::Borrowed(text) => decode(text).into_owned(),
        Cow::Owned(text) => text,
    }
}
