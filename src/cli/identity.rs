//! How a person names a sender on the command line.

use anyhow::bail;

use crate::sort::sender::{Address, organisational_domain};
use crate::sort::taught::Identity;

/// The identity meant by `anna@example.org` (an address), `@example.org` (a domain and everything below it) or anything
/// else without an `@` (a List-Id, with or without its angle brackets).
pub fn parse(text: &str) -> anyhow::Result<Identity> {
    let text = text.trim();
    if let Some(domain) = text.strip_prefix('@') {
        let Some(address) = Address::parse(&format!("x@{domain}")) else {
            bail!("`{text}` is no domain; a domain is said as @example.org");
        };
        // Lessons speak for whole organisations: senders change the host they write from.
        return Ok(Identity::Domain(organisational_domain(address.domain()).to_owned()));
    }
    if let Some(address) = Address::parse(text) {
        return Ok(Identity::Address(address));
    }
    let list = text.trim_start_matches('<').trim_end_matches('>').to_lowercase();
    let plausible =
        !list.is_empty() && list.len() <= 255 && !list.contains(|c: char| c.is_control() || c.is_whitespace());
    if !plausible || list.contains('@') {
        bail!(
            "`{}` names no sender; say an address (anna@example.org), a domain (@example.org) or a List-Id (talk.example.org)",
            crate::sort::sanitise(text)
        );
    }
    Ok(Identity::List(list))
}

/// The way [`parse`] takes it back.
pub(super) fn spelling(identity: &Identity) -> String {
    identity.spelling()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_domains_and_lists_are_told_apart() {
        let address = Address::parse("anna@example.org").unwrap();
        assert_eq!(parse("Anna@Example.org").unwrap(), Identity::Address(address));
        assert_eq!(
            parse("@mail.Shop.example").unwrap(),
            Identity::Domain("shop.example".to_owned())
        );
        assert_eq!(
            parse("<Talk.example.org>").unwrap(),
            Identity::List("talk.example.org".to_owned())
        );
        for bad in ["", "@", "a b", "two@at@signs", "x\u{1b}[2J"] {
            assert!(parse(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn every_spelling_is_understood_again() {
        for text in ["anna@example.org", "@shop.example", "talk.example.org"] {
            assert_eq!(spelling(&parse(text).unwrap()), text);
        }
    }
}
