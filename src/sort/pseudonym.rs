//! Names of people, domains, lists and messages as they are remembered: in clear, or with `privacy = "hashed"` as pseudonyms.
//!
//! A pseudonym is a keyed hash (HMAC-SHA256, RFC 2104) of the folded name, cut to 60 bits for whom mail is from and 100
//! for messages. The same name has the same pseudonym as long as the key stays, so exact questions are answered as before:
//! this address, this list, this domain. Nothing can be read back, and nothing that only resembles is found.
//!
//! Pseudonyms have the shape of what they stand for: `k3v9q2m7xw1c@h2k4vwq3ztab.hashed`, the part behind the `@` being the
//! organisational domain's own. There is no top-level domain `hashed`, and [`super::message`] reads no such address or
//! List-Id out of a header, so nobody can write under somebody else's pseudonym. A pseudonym's pseudonym is itself.

use std::borrow::Cow;
use std::fmt;

use hmac::{Hmac, Mac};
use sha2::Sha256;

use super::sender::{Address, organisational_domain};
use super::sent::SentKey;
use super::taught::{Identity, Lesson};

/// A sentence for lists in which pseudonyms stand.
pub const EXPLAINED: &str = "Names are hashed (privacy = \"hashed\"): each name that ends in .hashed stands for one sender, list or domain. \
     Ask by name to find one: postroom senders ADDRESS";

/// What the domain of a pseudonym ends with.
const SUFFIX: &str = ".hashed";

/// What a message's pseudonym ends with.
const MESSAGE: &str = "@hashed";

/// Characters of a sender's pseudonym, 5 bits each.
const SENDER_LENGTH: usize = 12;

/// Characters of a message's pseudonym.
const MESSAGE_LENGTH: usize = 20;

/// The digits of base32 in lower case (RFC 4648 section 6).
const DIGITS: &[u8; 32] = b"abcdefghijklmnopqrstuvwxyz234567";

/// How names are remembered.
#[derive(Clone, Default)]
pub struct Pseudonyms(Option<Hmac<Sha256>>);

impl fmt::Debug for Pseudonyms {
    /// Never the key.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.are_used() { "Hashed" } else { "Clear" })
    }
}

impl PartialEq for Pseudonyms {
    fn eq(&self, other: &Self) -> bool {
        self.proof() == other.proof()
    }
}

impl Eq for Pseudonyms {}

impl Pseudonyms {
    /// Pseudonyms under this key; the same key gives the same ones.
    pub fn keyed(key: &[u8]) -> Self {
        // HMAC takes keys of every length.
        Self(Hmac::new_from_slice(key).ok())
    }

    /// False where everything is remembered in clear.
    pub fn are_used(&self) -> bool {
        self.0.is_some()
    }

    /// A text that tells whether two keys are one and says nothing about either; `None` in clear.
    pub fn proof(&self) -> Option<String> {
        self.hash("proof", b"", 32)
    }

    /// An address, or its pseudonym.
    pub fn address<'a>(&self, address: &'a Address) -> Cow<'a, Address> {
        if is_pseudonym(address.domain()) {
            return Cow::Borrowed(address);
        }
        let Some(local) = self.hash("address", address.as_str().as_bytes(), SENDER_LENGTH) else {
            return Cow::Borrowed(address);
        };
        let domain = self.domain(address.organisational_domain());
        match Address::parse(&format!("{local}@{domain}")) {
            Some(pseudonym) => Cow::Owned(pseudonym),
            None => Cow::Borrowed(address),
        }
    }

    /// An organisational domain, or its pseudonym.
    pub fn domain<'a>(&self, domain: &'a str) -> Cow<'a, str> {
        self.name("domain", domain)
    }

    /// The name of a mailing list or of a server, or its pseudonym.
    pub fn list<'a>(&self, list: &'a str) -> Cow<'a, str> {
        self.name("list", list)
    }

    fn name<'a>(&self, kind: &str, name: &'a str) -> Cow<'a, str> {
        if is_pseudonym(name) {
            return Cow::Borrowed(name);
        }
        self.hash(kind, name.as_bytes(), SENDER_LENGTH)
            .map_or(Cow::Borrowed(name), |hash| Cow::Owned(hash + SUFFIX))
    }

    /// Whose mail a lesson is about.
    pub fn identity(&self, identity: &Identity) -> Identity {
        match identity {
            Identity::Address(address) => Identity::Address(self.address(address).into_owned()),
            Identity::List(list) => Identity::List(self.list(list).into_owned()),
            Identity::Domain(domain) => Identity::Domain(self.domain(domain).into_owned()),
        }
    }

    /// Words for whose mail it is, beside a message that tells it: a pseudonym would tell nothing.
    pub fn whose(&self, identity: &Identity) -> String {
        match identity {
            _ if !self.are_used() => identity.to_string(),
            Identity::Address(_) => "this sender".to_owned(),
            Identity::List(_) => "this list".to_owned(),
            Identity::Domain(_) => "everybody at this domain".to_owned(),
        }
    }

    /// A lesson with everything that names somebody in it.
    pub fn lesson(&self, lesson: Lesson) -> Lesson {
        if !self.are_used() {
            return lesson;
        }
        Lesson {
            identity: self.identity(&lesson.identity),
            example: lesson.example.as_deref().map(|id| self.message_id(id)),
            ..lesson
        }
    }

    /// A Message-ID without angle brackets.
    pub fn message_id(&self, id: &str) -> String {
        if is_message_pseudonym(id) {
            return id.to_owned();
        }
        self.hash("message", id.as_bytes(), MESSAGE_LENGTH)
            .map_or_else(|| id.to_owned(), |hash| hash + MESSAGE)
    }

    /// What a sent message is known by. Without the key a subject and an address could be guessed.
    pub fn sent_key(&self, key: SentKey) -> SentKey {
        let Some(hmac) = &self.0 else { return key };
        let mut hmac = hmac.clone();
        hmac.update(b"sent\0");
        hmac.update(&key.0.to_be_bytes());
        SentKey(number(&hmac.finalize().into_bytes()))
    }

    /// A reason that was written down in clear: the sentences of [`super::Sorter`] that name somebody, then every address.
    pub fn reason(&self, text: &str) -> String {
        if !self.are_used() {
            return text.to_owned();
        }
        if let Some((identity, rest)) = text
            .strip_prefix("you put mail of ")
            .and_then(|rest| rest.rsplit_once(" into "))
        {
            let whose = match identity {
                list if list.starts_with("the list ") => "this list",
                domain if domain.starts_with("everybody at ") => "everybody at this domain",
                _ => "this sender",
            };
            return format!("you put mail of {whose} into {}", self.text(rest));
        }
        if let Some(name) = text.strip_prefix("in your address book as ") {
            let doubt = if name.ends_with("; not verified") {
                "; not verified"
            } else {
                ""
            };
            return format!("in your address book{doubt}");
        }
        self.text(text).into_owned()
    }

    /// Text in which somebody may be named, with every address in it replaced: words of a server, of a rule.
    pub fn text<'a>(&self, text: &'a str) -> Cow<'a, str> {
        if !self.are_used() || !text.contains('@') {
            return Cow::Borrowed(text);
        }
        let mut veiled = String::with_capacity(text.len());
        let mut rest = text;
        while let Some(at) = rest.find(is_of_address) {
            let (before, from_here) = rest.split_at_checked(at).unwrap_or((rest, ""));
            veiled.push_str(before);
            let end = from_here.find(|c| !is_of_address(c)).unwrap_or(from_here.len());
            let (word, after) = from_here.split_at_checked(end).unwrap_or((from_here, ""));
            veiled.push_str(&self.word(word));
            rest = after;
        }
        veiled.push_str(rest);
        Cow::Owned(veiled)
    }

    /// One word: an address, `@domain`, or something else. Punctuation may have stuck to it.
    fn word<'a>(&self, word: &'a str) -> Cow<'a, str> {
        let bare = word.trim_matches(|c: char| !c.is_alphanumeric() && c != '@');
        let Some((local, domain)) = bare.rsplit_once('@').filter(|(_, domain)| !domain.is_empty()) else {
            return Cow::Borrowed(word);
        };
        if is_message_pseudonym(bare) {
            return Cow::Borrowed(word);
        }
        let pseudonym = if let Some(address) = Address::parse(bare) {
            self.address(&address).into_owned().to_string()
        } else {
            // Not an address, yet it may name a domain, and a part of it somebody.
            let domain = domain.to_lowercase();
            let mark = if local.is_empty() { "@" } else { "...@" };
            format!("{mark}{}", self.domain(organisational_domain(&domain)))
        };
        Cow::Owned(word.replacen(bare, &pseudonym, 1))
    }

    fn hash(&self, kind: &str, name: &[u8], length: usize) -> Option<String> {
        let mut hmac = self.0.clone()?;
        hmac.update(kind.as_bytes());
        // No kind holds a zero: an address can never be hashed to what a list has.
        hmac.update(&[0]);
        hmac.update(name);
        Some(base32(&hmac.finalize().into_bytes(), length))
    }
}

/// True for the domain of a pseudonym, and for a list's: nothing in a header may bear such a name.
pub fn is_pseudonym(domain: &str) -> bool {
    domain.ends_with(SUFFIX)
}

fn is_message_pseudonym(id: &str) -> bool {
    id.strip_suffix(MESSAGE)
        .is_some_and(|hash| hash.len() == MESSAGE_LENGTH && hash.bytes().all(|byte| DIGITS.contains(&byte)))
}

/// `atext` and the dot (RFC 5322 section 3.2.3), letters of every language (RFC 6532), and the `@`.
fn is_of_address(c: char) -> bool {
    c.is_alphanumeric() || "@.!#$%&'*+-/=?^_`{|}~".contains(c)
}

/// The first digits of a hash.
fn base32(bytes: &[u8], digits: usize) -> String {
    let bit = |at: usize| bytes.get(at / 8).map_or(0, |byte| byte >> (7 - at % 8) & 1);
    (0..digits)
        .map(|digit| {
            let value = (0..5).fold(0, |value, at| value << 1 | bit(digit * 5 + at));
            char::from(DIGITS.get(usize::from(value)).copied().unwrap_or(b'a'))
        })
        .collect()
}

fn number(bytes: &[u8]) -> i64 {
    let mut first = [0; 8];
    for (to, from) in first.iter_mut().zip(bytes) {
        *to = *from;
    }
    i64::from_be_bytes(first)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(text: &str) -> Address {
        Address::parse(text).unwrap()
    }

    #[test]
    fn a_name_has_one_pseudonym_under_one_key_and_another_under_another() {
        let (one, other) = (Pseudonyms::keyed(b"one"), Pseudonyms::keyed(b"other"));
        let anna = address("anna@mail.people.example");
        assert_eq!(one.address(&anna), one.address(&address("Anna@Mail.People.Example")));
        assert_ne!(one.address(&anna), other.address(&anna));
        assert_ne!(one.proof(), other.proof());
        assert_eq!(Pseudonyms::default().address(&anna).as_ref(), &anna);
        assert_eq!(Pseudonyms::default().proof(), None);
        assert_eq!(format!("{one:?}"), "Hashed");
    }

    #[test]
    fn the_organisation_is_seen_in_the_pseudonym_and_nothing_else() {
        let hashed = Pseudonyms::keyed(b"key");
        let of = |text: &str| hashed.address(&address(text)).into_owned();
        let (anna, bo) = (of("anna@mail.people.example"), of("bo@people.example"));
        assert_eq!(anna.organisational_domain(), bo.organisational_domain());
        assert_eq!(anna.organisational_domain(), hashed.domain("people.example"));
        assert_ne!(anna.local_part(), bo.local_part());
        assert_ne!(of("anna@other.example").local_part(), anna.local_part());
        assert_ne!(hashed.list("people.example"), hashed.domain("people.example"));
    }

    #[test]
    fn a_pseudonyms_pseudonym_is_itself() {
        let hashed = Pseudonyms::keyed(b"key");
        let once = hashed.identity(&Identity::Address(address("anna@people.example")));
        assert_eq!(hashed.identity(&once), once);
        for once in [hashed.list("talk.people.example"), hashed.domain("people.example")] {
            assert_eq!(hashed.list(&once), once);
        }
        let once = hashed.message_id("1@people.example");
        assert_eq!(hashed.message_id(&once), once);
        assert_eq!(hashed.text(&once), once);
        assert_ne!(hashed.message_id("1@hashed"), "1@hashed", "a sender may write that");
    }

    #[test]
    fn no_address_in_a_text_is_left() {
        let hashed = Pseudonyms::keyed(b"key");
        let anna = hashed.address(&address("anna@people.example")).into_owned();
        let domain = hashed.domain("people.example").into_owned();
        for (text, expected) in [
            (
                "mailbox anna@people.example is full.",
                format!("mailbox {anna} is full."),
            ),
            (
                "<Anna@People.example>, or \"anna@people.example\"",
                format!("<{anna}>, or \"{anna}\""),
            ),
            ("[\"anna@people.example\"]", format!("[\"{anna}\"]")),
            ("anna@people.example.", format!("{anna}.")),
            ("from = [\"@mail.people.example\"]", format!("from = [\"@{domain}\"]")),
            ("a@b@people.example", format!("...@{domain}")),
            ("nobody at all @ 3", "nobody at all @ 3".to_owned()),
        ] {
            assert_eq!(hashed.text(text), expected);
            assert_eq!(hashed.text(&expected), expected);
        }
    }
}
