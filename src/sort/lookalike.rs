//! Addresses that pass for another at a glance (UTS 39): `paypa1`, Cyrillic letters, one letter more or less.
//!
//! Asked only of strangers, when something would lift them to top: a look-alike of a correspondent never gets there. Where
//! people are remembered by pseudonyms nobody is known to resemble anybody.

use unicode_security::confusable_detection::skeleton;

use super::correspondence::Correspondence;
use super::sender::Address;

/// The correspondent whose address `address` resembles without being it.
pub fn resembles<'a>(correspondence: &'a Correspondence, address: &Address) -> Option<&'a Address> {
    if correspondence.is_hashed() {
        return None;
    }
    let shape = Shape::of(address);
    correspondence
        .iter()
        .map(|(known, _)| known)
        .filter(|known| *known != address && shape.is_like(known))
        .min()
}

/// What the eye sees of an address.
struct Shape {
    local: String,
    domain: String,
    organisation: String,
    lengths: (usize, usize),
}

impl Shape {
    fn of(address: &Address) -> Self {
        let domain = shown(address.domain());
        Self {
            lengths: (address.local_part().chars().count(), domain.chars().count()),
            local: seen(address.local_part()),
            domain: seen(&domain),
            organisation: address.organisational_domain().to_owned(),
        }
    }

    fn is_like(&self, known: &Address) -> bool {
        // Cheap refusal first, since this runs over every correspondent: no disguise changes a length by more than two.
        let near = |one: usize, other: usize| one.abs_diff(other) <= 2;
        let plain = !known.domain().contains("xn--");
        let (local, domain) = self.lengths;
        if plain && !(near(local, known.local_part().len()) && near(domain, known.domain().len())) {
            return false;
        }
        let other = Self::of(known);
        if self.organisation == other.organisation {
            // Colleagues have similar names; only what looks the same is a disguise.
            return self.local == other.local && self.domain == other.domain;
        }
        self.local == other.local && strsim::damerau_levenshtein(&self.domain, &other.domain) <= 1
    }
}

/// The skeleton, with the pairs that UTS 39 leaves apart but mail users confuse.
fn seen(text: &str) -> String {
    let lower = text
        .to_lowercase()
        .replace("rn", "m")
        .replace("vv", "w")
        .replace('1', "l")
        .replace('0', "o");
    skeleton(&lower).collect()
}

/// The domain as a program might display it: Punycode read back.
fn shown(domain: &str) -> String {
    if domain.contains("xn--") {
        idna::domain_to_unicode(domain).0
    } else {
        domain.to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sort::mailbox::Timestamp;
    use crate::sort::message::Message;
    use crate::sort::sender::Owner;

    fn resembled(text: &str) -> Option<String> {
        let mut all = Correspondence::default();
        let sent = Message::parse(b"To: anna@bank.example, bo@bank.example\r\n");
        all.sent(Timestamp(0), &sent, &Owner::default(), 60.0);
        resembles(&all, &Address::parse(text).unwrap()).map(ToString::to_string)
    }

    #[test]
    fn disguises_are_seen_and_namesakes_are_not() {
        for disguise in ["anna@bamk.example", "anna@baank.example", "anna@b\u{430}nk.example"] {
            assert_eq!(resembled(disguise).as_deref(), Some("anna@bank.example"), "{disguise}");
        }
        for other in [
            "anna@bank.example",
            "anna@museum.example",
            "anne@bank.example",
            "bea@bank.example",
        ] {
            assert_eq!(resembled(other), None, "{other}");
        }
    }
}
