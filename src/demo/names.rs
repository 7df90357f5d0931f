//! Folder names: between UTF-8 and modified UTF-7 (RFC 3501 section 5.1.3), and between the server's own spelling, with
//! `/` and no prefix, and that of the wire.

use base64::Engine;
use base64::alphabet::IMAP_MUTF7;
use base64::engine::general_purpose::{GeneralPurpose, NO_PAD};

use super::options::ServerOptions;

const BASE64: GeneralPurpose = GeneralPurpose::new(&IMAP_MUTF7, NO_PAD);

/// UTF-8 to modified UTF-7; INBOX in capitals.
pub(super) fn encode(name: &str) -> String {
    let (mut encoded, mut wide) = (String::new(), Vec::new());
    let flush = |encoded: &mut String, wide: &mut Vec<u8>| {
        if !wide.is_empty() {
            encoded.push('&');
            encoded.push_str(&BASE64.encode(std::mem::take(wide)));
            encoded.push('-');
        }
    };
    for c in name.chars() {
        if (' '..='~').contains(&c) {
            flush(&mut encoded, &mut wide);
            encoded.push(c);
            if c == '&' {
                encoded.push('-');
            }
        } else {
            let mut units = [0; 2];
            wide.extend(c.encode_utf16(&mut units).iter().flat_map(|unit| unit.to_be_bytes()));
        }
    }
    flush(&mut encoded, &mut wide);
    if encoded.eq_ignore_ascii_case("INBOX") {
        "INBOX".to_owned()
    } else {
        encoded
    }
}

/// Modified UTF-7 to UTF-8; what is not well formed stays as it is.
pub(super) fn decode(name: &str) -> String {
    try_decode(name).unwrap_or_else(|| name.to_owned())
}

fn try_decode(name: &str) -> Option<String> {
    let mut decoded = String::new();
    let mut rest = name;
    while let Some((before, after)) = rest.split_once('&') {
        decoded.push_str(before);
        let (coded, after) = after.split_once('-')?;
        if coded.is_empty() {
            decoded.push('&');
        } else {
            let octets = BASE64.decode(coded).ok()?;
            let (pairs, odd) = octets.as_chunks::<2>();
            if !odd.is_empty() {
                return None;
            }
            let units = pairs.iter().map(|&pair| u16::from_be_bytes(pair));
            for c in char::decode_utf16(units) {
                decoded.push(c.ok()?);
            }
        }
        rest = after;
    }
    decoded.push_str(rest);
    Some(decoded)
}

/// The wire's spelling of a folder.
pub(super) fn to_wire(options: &ServerOptions, name: &str) -> String {
    if name == "INBOX" {
        return name.to_owned();
    }
    format!(
        "{}{}",
        options.prefix,
        name.replace('/', &options.separator.to_string())
    )
}

/// The folder behind a name on the wire, or the text of the `NO` it deserves.
pub(super) fn from_wire(options: &ServerOptions, wire: &str) -> Result<String, String> {
    if wire.eq_ignore_ascii_case("INBOX") {
        return Ok("INBOX".to_owned());
    }
    let (prefix, inbox) = (&options.prefix, format!("INBOX{}", options.separator));
    let matches = |start: &str| {
        wire.get(..start.len())
            .is_some_and(|head| head.eq_ignore_ascii_case(start))
    };
    let name = match wire.get(prefix.len()..) {
        Some(name) if matches(prefix) => name,
        _ => {
            return Err(format!(
                "Client tried to access nonexistent namespace. (Mailbox name should probably be prefixed with: {prefix})"
            ));
        }
    };
    if name.is_empty() || !name.bytes().all(|octet| (b' '..=b'~').contains(&octet)) || !is_well_formed(name) {
        return Err("Mailbox name is not valid mUTF-7".to_owned());
    }
    if options.separator != '/' && name.contains('/') {
        return Err("[CANNOT] Character not allowed in mailbox name: '/'".to_owned());
    }
    let name = name.replace(options.separator, "/");
    if name.split('/').any(str::is_empty) {
        return Err("[CANNOT] Invalid mailbox name: a level is empty".to_owned());
    }
    Ok(if prefix.is_empty() && matches(&inbox) {
        format!("INBOX/{}", name.split_once('/').map_or("", |(_, below)| below))
    } else {
        name
    })
}

fn is_well_formed(name: &str) -> bool {
    try_decode(name).is_some_and(|decoded| encode(&decoded) == name || name.eq_ignore_ascii_case("INBOX"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_go_to_modified_utf7_and_back() {
        for (name, wire) in [
            ("Entwürfe", "Entw&APw-rfe"),
            ("Tom & Jerry", "Tom &- Jerry"),
            ("台北", "&U,BTFw-"),
            ("Archive/2026", "Archive/2026"),
        ] {
            assert_eq!(encode(name), wire);
            assert_eq!(decode(wire), name);
        }
        assert_eq!(decode("&A-"), "&A-");
    }

    #[test]
    fn the_wire_has_its_own_separator_and_prefix() {
        let courier = ServerOptions {
            separator: '.',
            prefix: "INBOX.".to_owned(),
            ..ServerOptions::default()
        };
        assert_eq!(to_wire(&courier, "News/Lists"), "INBOX.News.Lists");
        assert_eq!(to_wire(&courier, "INBOX"), "INBOX");
        assert_eq!(from_wire(&courier, "INBOX.News.Lists"), Ok("News/Lists".to_owned()));
        assert_eq!(from_wire(&courier, "inbox"), Ok("INBOX".to_owned()));
        assert!(from_wire(&courier, "News").is_err());
        let plain = ServerOptions::default();
        assert_eq!(from_wire(&plain, "Inbox/Kids"), Ok("INBOX/Kids".to_owned()));
        for bad in ["", "a//b", "Entwürfe", "&A-", "&AG4-"] {
            assert!(from_wire(&plain, bad).is_err(), "{bad:?}");
        }
    }
}
