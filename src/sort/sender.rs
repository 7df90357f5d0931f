//! Addresses: parsed, folded to one spelling, and compared as the field's standards ask (RFC 5321 section 2.4, RFC 5890).

use std::fmt;

use serde::{Deserialize, Serialize};

/// A mailbox address (`addr-spec`, RFC 5322 section 3.4.1) folded to one spelling: lower case, domain in ASCII (IDNA)
/// and without a trailing dot. Two equal values mean the same correspondent; display names play no part.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Address(Box<str>);

/// Text that is not one address.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not an e-mail address")]
pub struct NotAnAddress(pub String);

/// Longest address in octets: 64, `@`, 255 (RFC 5321 section 4.5.3.1).
const LONGEST: usize = 320;

impl Address {
    /// Parses a bare `local@domain`, as a header parser or a user gives it. `None` for anything that is not exactly one
    /// address: no `@`, an empty part, white space, control characters, angle brackets, a route, a domain IDNA refuses.
    pub fn parse(text: &str) -> Option<Self> {
        let text = text.trim();
        let (local, domain) = text.rsplit_once('@')?;
        let domain = domain.strip_suffix('.').unwrap_or(domain);
        if local.is_empty() || domain.is_empty() || text.len() > LONGEST || !is_local_part(local) {
            return None;
        }
        let domain = if domain
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'.' | b'_'))
        {
            domain.to_ascii_lowercase()
        } else {
            idna::domain_to_ascii(domain).ok()?
        };
        let labels_fit = domain.split('.').all(|label| !label.is_empty() && label.len() <= 63);
        // IDNA lets ASCII through as it is, control characters too.
        let is_name = !domain.contains(|c: char| !c.is_ascii_graphic() || "<>()\",;:\\@".contains(c));
        // Folded it may be longer than it was.
        let folded = format!("{}@{domain}", local.to_lowercase());
        (labels_fit && is_name && folded.len() <= LONGEST).then(|| Self(folded.into()))
    }

    /// The folded `local@domain`.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The part before the last `@`.
    pub fn local_part(&self) -> &str {
        self.0.rsplit_once('@').map_or("", |(local, _)| local)
    }

    /// The part after the last `@`, in ASCII.
    pub fn domain(&self) -> &str {
        self.0.rsplit_once('@').map_or("", |(_, domain)| domain)
    }

    /// The registrable domain by the public suffix list: `b.example.co.uk` belongs to `example.co.uk`.
    pub fn organisational_domain(&self) -> &str {
        organisational_domain(self.domain())
    }

    /// The `detail` of `user+detail@domain` (RFC 5233); `None` without a plus.
    pub fn detail(&self) -> Option<&str> {
        self.local_part().split_once('+').map(|(_, detail)| detail)
    }
}

fn is_local_part(local: &str) -> bool {
    let quoted = local.len() > 1 && local.starts_with('"') && local.ends_with('"');
    local
        .chars()
        .all(|c| !c.is_control() && (quoted || !(c.is_whitespace() || "<>()[],;:\\\"@".contains(c))))
}

/// The registrable part of a domain by the public suffix list; the domain itself when the list knows no better.
pub fn organisational_domain(domain: &str) -> &str {
    psl::domain_str(domain).unwrap_or(domain)
}

/// Domains that millions of strangers share: nothing about one of their addresses says anything about another.
const SHARED_DOMAINS: &str = "gmail.com googlemail.com outlook.com hotmail.com hotmail.co.uk hotmail.fr hotmail.de live.com
    msn.com yahoo.com yahoo.co.uk yahoo.co.jp yahoo.co.in yahoo.fr yahoo.de yahoo.es yahoo.it ymail.com aol.com icloud.com
    me.com mac.com gmx.de gmx.net gmx.at gmx.ch gmx.com web.de t-online.de freenet.de posteo.de mailbox.org mail.ru yandex.ru
    yandex.com rambler.ru qq.com 163.com 126.com sina.com naver.com proton.me protonmail.com fastmail.com zoho.com orange.fr
    free.fr wanadoo.fr laposte.net libero.it virgilio.it seznam.cz wp.pl o2.pl onet.pl bluewin.ch ziggo.nl comcast.net
    verizon.net att.net uol.com.br bol.com.br terra.com.br";

/// True for the organisational domains of large public mail providers.
pub fn is_shared(organisational_domain: &str) -> bool {
    SHARED_DOMAINS
        .split_whitespace()
        .any(|shared| shared == organisational_domain)
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl TryFrom<String> for Address {
    type Error = NotAnAddress;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        Self::parse(&text).ok_or(NotAnAddress(text))
    }
}

impl From<Address> for String {
    fn from(address: Address) -> Self {
        address.0.into()
    }
}

/// The user's own addresses. Tags (`me+shop@`) are the user too, and for Gmail so are dots; never applied to others.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Owner {
    addresses: Vec<Address>,
}

impl Owner {
    /// The owner of the given addresses.
    pub fn new(addresses: Vec<Address>) -> Self {
        Self { addresses }
    }

    /// The addresses as configured.
    pub fn addresses(&self) -> &[Address] {
        &self.addresses
    }

    /// True when mail to `address` is mail to the user.
    pub fn is(&self, address: &Address) -> bool {
        self.addresses.iter().any(|own| own == address)
            || (self.addresses.iter().any(|own| own.domain() == address.domain()) && {
                let folded = own_spelling(address);
                self.addresses.iter().any(|own| own_spelling(own) == folded)
            })
    }
}

fn own_spelling(address: &Address) -> (String, &str) {
    let local = address.local_part();
    let bare = local.split_once('+').map_or(local, |(user, _)| user);
    let domain = match address.domain() {
        "googlemail.com" => "gmail.com",
        other => other,
    };
    let local = if domain == "gmail.com" {
        bare.replace('.', "")
    } else {
        bare.to_owned()
    };
    (local, domain)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(text: &str) -> Address {
        Address::parse(text).unwrap()
    }

    #[test]
    fn case_dots_and_idna_fold_to_one_spelling() {
        assert_eq!(address("Anna@Example.ORG.").as_str(), "anna@example.org");
        assert_eq!(address("a@bücher.example").as_str(), "a@xn--bcher-kva.example");
    }

    #[test]
    fn what_is_not_one_address_is_refused() {
        for bad in [
            "", "a", "@b.c", "a@", "a b@c.d", "a@b..c", "<a@b.c>", "a\0@b.c", "a@b@c.d",
        ] {
            assert_eq!(Address::parse(bad), None, "{bad:?}");
        }
    }

    #[test]
    fn organisational_domain_follows_the_public_suffix_list() {
        assert_eq!(address("x@news.shop.co.uk").organisational_domain(), "shop.co.uk");
        assert_eq!(address("x@localhost").organisational_domain(), "localhost");
    }

    #[test]
    fn tags_are_the_owner_and_dots_only_at_gmail() {
        let owner = Owner::new(vec![address("me@example.org"), address("jo.doe@gmail.com")]);
        assert!(owner.is(&address("me+shop@example.org")));
        assert!(owner.is(&address("jodoe@gmail.com")));
        assert!(!owner.is(&address("m.e@example.org")));
        assert!(!owner.is(&address("me@example.com")));
    }
}
