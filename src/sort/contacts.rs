//! The user's address book: a vCard file (RFC 6350, RFC 2426) as programs and CardDAV servers export it. Only names and
//! e-mail addresses are read; everything else in a card is passed over.
//!
//! Bounded and tolerant: a card that cannot be understood costs that card. A file that ends within a card is refused,
//! since it is probably being written just now.

use std::collections::BTreeMap;

use super::sanitise;
use super::sender::Address;

/// Largest file, in octets. A card with a picture takes 100 KiB.
pub const LARGEST_FILE: usize = 32 << 20;

/// Most addresses that are kept.
const MOST: usize = 50_000;

/// The people in an address book.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Contacts {
    names: BTreeMap<Address, String>,
}

/// Why a file is no address book.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadContacts {
    /// No card in it.
    #[error("it holds no vCard (BEGIN:VCARD)")]
    NoCard,
    /// It ends within a card.
    #[error("it ends within the card that begins on line {0}")]
    CutOff(usize),
    /// It is not text.
    #[error("line {0} is not UTF-8 text")]
    NotText(usize),
    /// It is too large.
    #[error("it is larger than {} MiB", LARGEST_FILE >> 20)]
    TooLarge,
}

impl Contacts {
    /// Reads a vCard file.
    pub fn parse(file: &[u8]) -> Result<Self, BadContacts> {
        if file.len() > LARGEST_FILE {
            return Err(BadContacts::TooLarge);
        }
        let text = std::str::from_utf8(file).map_err(|error| {
            let before = file.get(..error.valid_up_to()).unwrap_or_default();
            BadContacts::NotText(before.split(|byte| *byte == b'\n').count())
        })?;
        let mut contacts = Self::default();
        let (mut open, mut seen) = (None, false);
        let (mut name, mut addresses) = (String::new(), Vec::new());
        for (number, line) in unfolded(text.trim_start_matches('\u{feff}')) {
            let Some((property, value)) = property(&line) else {
                continue;
            };
            match property.as_str() {
                "BEGIN" if value.trim().eq_ignore_ascii_case("VCARD") => {
                    seen = true;
                    open = Some(number);
                    name.clear();
                    addresses.clear();
                }
                "END" if value.trim().eq_ignore_ascii_case("VCARD") => {
                    open = None;
                    contacts.take(&name, &mut addresses);
                }
                "FN" if open.is_some() => name = unescaped(value),
                "EMAIL" if open.is_some() => addresses.push(unescaped(value)),
                _ => {}
            }
        }
        match (open, seen) {
            (Some(number), _) => Err(BadContacts::CutOff(number)),
            (None, false) => Err(BadContacts::NoCard),
            (None, true) => Ok(contacts),
        }
    }

    fn take(&mut self, name: &str, addresses: &mut Vec<String>) {
        for text in addresses.drain(..) {
            let text = text.trim();
            let bare = text
                .get(..7)
                .filter(|scheme| scheme.eq_ignore_ascii_case("mailto:"))
                .and_then(|_| text.get(7..))
                .unwrap_or(text);
            if let Some(address) = Address::parse(bare)
                && self.names.len() < MOST
            {
                let name = sanitise(name.trim());
                let shown = if name.is_empty() {
                    sanitise(address.as_str())
                } else {
                    name
                };
                self.names.entry(address).or_insert(shown);
            }
        }
    }

    /// True for somebody in the address book.
    pub fn knows(&self, address: &Address) -> bool {
        self.names.contains_key(address)
    }

    /// The name by which somebody is in the address book, safe to print.
    pub fn name_of(&self, address: &Address) -> Option<&str> {
        self.names.get(address).map(String::as_str)
    }

    /// Number of addresses.
    pub fn len(&self) -> usize {
        self.names.len()
    }

    /// True when there is nobody.
    pub fn is_empty(&self) -> bool {
        self.names.is_empty()
    }
}

/// Lines with their numbers, folded ones put together (RFC 6350 section 3.2).
fn unfolded(text: &str) -> Vec<(usize, String)> {
    let mut lines: Vec<(usize, String)> = Vec::new();
    for (index, line) in text.lines().enumerate() {
        match (line.strip_prefix([' ', '\t']), lines.last_mut()) {
            (Some(rest), Some((_, before))) => before.push_str(rest),
            _ => lines.push((index + 1, line.to_owned())),
        }
    }
    lines
}

/// A property's name in capitals, without its group and parameters, and its value.
fn property(line: &str) -> Option<(String, &str)> {
    let mut quoted = false;
    let colon = line.char_indices().find_map(|(at, c)| {
        quoted ^= c == '"';
        (c == ':' && !quoted).then_some(at)
    })?;
    let (before, value) = line.split_at_checked(colon)?;
    let name = before.split(';').next()?;
    let name = name.rsplit('.').next()?;
    Some((name.to_ascii_uppercase(), value.strip_prefix(':')?))
}

/// RFC 6350 section 3.4.
fn unescaped(value: &str) -> String {
    let mut text = String::new();
    let mut chars = value.chars();
    while let Some(c) = chars.next() {
        match c {
            '\\' => match chars.next() {
                Some('n' | 'N') => text.push(' '),
                Some(c) => text.push(c),
                None => {}
            },
            c => text.push(c),
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(text: &str) -> Vec<String> {
        let contacts = Contacts::parse(text.as_bytes()).unwrap();
        let names = contacts.names.iter();
        names.map(|(address, name)| format!("{address} {name}")).collect()
    }

    #[test]
    fn cards_of_both_versions_are_read() {
        let text = "\u{feff}BEGIN:VCARD\r\nVERSION:3.0\r\nFN:Anna B.\\, Berlin\r\nN:B;Anna;;;\r\n\
                    item1.EMAIL;TYPE=INTERNET,PREF:Anna@People.example\r\nEMAIL;X=\"a:b\":anna@work.example\r\n\
                    PHOTO;ENCODING=b:AAAA\r\n AAAA\r\nEND:VCARD\r\n\
                    begin:vcard\nversion:4.0\nemail:mailto:bea@people.example\nend:vcard\n\
                    BEGIN:VCARD\nFN:Carl with a\n  long name\nEMAIL:nonsense\nEMAIL:carl@people.exa\n mple\nEND:VCARD\n";
        assert_eq!(
            names(text),
            [
                "anna@people.example Anna B., Berlin",
                "anna@work.example Anna B., Berlin",
                "bea@people.example bea@people.example",
                "carl@people.example Carl with a long name",
            ]
        );
    }

    #[test]
    fn what_is_no_address_book_is_refused_with_the_place() {
        for (text, says) in [
            (&b""[..], BadContacts::NoCard),
            (b"name,email\nanna,anna@people.example\n", BadContacts::NoCard),
            (
                b"BEGIN:VCARD\nEND:VCARD\nBEGIN:VCARD\nEMAIL:a@b.example\n",
                BadContacts::CutOff(3),
            ),
            (b"BEGIN:VCARD\n\xff\n", BadContacts::NotText(2)),
        ] {
            assert_eq!(Contacts::parse(text), Err(says));
        }
        assert_eq!(
            Contacts::parse(&vec![b' '; LARGEST_FILE + 1]),
            Err(BadContacts::TooLarge)
        );
        assert!(
            names("BEGIN:VCARD\nFN:x\u{1b}[2J\nEMAIL:a@b.example\nEND:VCARD\n")
                .iter()
                .all(|n| !n.contains('\u{1b}'))
        );
    }
}
