//! Modified UTF-7, the spelling of folder names on the wire (RFC 3501 section 5.1.3). The only place that knows it.
//!
//! Decoding is strict: a name that is not the canonical spelling of its text is `None`, and the folder is then known by
//! its raw name, so that whatever a server lists can be named back to it byte for byte.

use base64::Engine as _;
use base64::alphabet::IMAP_MUTF7;
use base64::engine::{GeneralPurpose, GeneralPurposeConfig, general_purpose::NO_PAD};

const ENGINE: GeneralPurpose = GeneralPurpose::new(&IMAP_MUTF7, STRICT);
const STRICT: GeneralPurposeConfig = NO_PAD;

/// The wire spelling of a folder name.
pub(super) fn encode(name: &str) -> String {
    let mut wire = String::with_capacity(name.len());
    let mut foreign: Vec<u8> = Vec::new();
    for c in name.chars() {
        if matches!(c, ' '..='~') {
            shift_out(&mut wire, &mut foreign);
            wire.push(c);
            if c == '&' {
                wire.push('-');
            }
        } else {
            let mut units = [0u16; 2];
            foreign.extend(c.encode_utf16(&mut units).iter().flat_map(|unit| unit.to_be_bytes()));
        }
    }
    shift_out(&mut wire, &mut foreign);
    wire
}

fn shift_out(wire: &mut String, foreign: &mut Vec<u8>) {
    if !foreign.is_empty() {
        wire.push('&');
        ENGINE.encode_string(&*foreign, wire);
        wire.push('-');
        foreign.clear();
    }
}

/// The text of a wire name, or `None` when the name is not canonical modified UTF-7. Raw UTF-8, which some servers list
/// all the same, is not canonical either.
pub(super) fn decode(wire: &str) -> Option<String> {
    let mut name = String::with_capacity(wire.len());
    let mut rest = wire;
    while let Some((plain, shifted)) = rest.split_once('&') {
        name.push_str(plain);
        let (inside, after) = shifted.split_once('-')?;
        if inside.is_empty() {
            name.push('&');
        } else {
            let bytes = ENGINE.decode(inside).ok()?;
            let units = bytes
                .chunks_exact(2)
                .map(|pair| pair.iter().fold(0u16, |unit, byte| (unit << 8) | u16::from(*byte)));
            for c in char::decode_utf16(units) {
                name.push(c.ok()?);
            }
        }
        rest = after;
    }
    name.push_str(rest);
    (encode(&name) == wire).then_some(name)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn known_names() {
        for (name, wire) in [
            ("Entwürfe", "Entw&APw-rfe"),
            ("A&B", "A&-B"),
            ("~peter/mail/台北/日本語", "~peter/mail/&U,BTFw-/&ZeVnLIqe-"),
            ("😀", "&2D3eAA-"),
            ("", ""),
            ("&", "&-"),
        ] {
            assert_eq!(encode(name), wire);
            assert_eq!(decode(wire).as_deref(), Some(name));
        }
    }

    #[test]
    fn what_is_not_canonical_is_not_decoded() {
        for wire in [
            "&A-",
            "&!!!-",
            "&&-",
            "&",
            "a&b",
            "&AGE-",
            "&2D0-",
            "&ZeU-&ZyyKng-",
            "ü",
            "a\tb",
            "&AGEAYg==-",
        ] {
            assert_eq!(decode(wire), None, "{wire:?}");
        }
    }

    proptest! {
        #[test]
        fn every_name_comes_back(name in "\\PC*") {
            let wire = encode(&name);
            prop_assert!(wire.bytes().all(|byte| matches!(byte, b' '..=b'~')));
            prop_assert_eq!(decode(&wire), Some(name));
        }

        #[test]
        fn a_decoded_name_is_named_back_byte_for_byte(wire in "[ -~&-]{0,40}") {
            if let Some(name) = decode(&wire) {
                prop_assert_eq!(encode(&name), wire);
            }
        }
    }
}
