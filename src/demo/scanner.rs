//! The tokens of IMAP's grammar (RFC 9051 section 9), read one after the other from the octets of a command.

use std::collections::BTreeSet;

use jiff::civil;
use jiff::fmt::strtime;

use super::command::NumberSet;
use super::mailbox::usual_spelling;
use crate::sort::mailbox::Timestamp;

/// What is wrong with a command, for the text of `BAD`.
pub(super) type Scan<T> = Result<T, String>;

/// Reads tokens from the front of what is left.
#[derive(Debug, Clone)]
pub(super) struct Scanner<'a> {
    rest: &'a [u8],
}

impl<'a> Scanner<'a> {
    pub(super) fn new(octets: &'a [u8]) -> Self {
        Self { rest: octets }
    }

    pub(super) fn peek(&self) -> Option<u8> {
        self.rest.first().copied()
    }

    pub(super) fn at_end(&self) -> bool {
        self.rest.is_empty()
    }

    /// Complains when anything is left.
    pub(super) fn end(&self) -> Scan<()> {
        if self.at_end() {
            Ok(())
        } else {
            Err("unexpected text after the command".to_owned())
        }
    }

    /// Takes `octet` when it is next.
    pub(super) fn skip(&mut self, octet: u8) -> bool {
        match self.rest.split_first() {
            Some((&first, rest)) if first == octet => {
                self.rest = rest;
                true
            }
            _ => false,
        }
    }

    pub(super) fn expect(&mut self, octet: u8) -> Scan<()> {
        if self.skip(octet) {
            Ok(())
        } else {
            Err(format!("expected `{}`", char::from(octet)))
        }
    }

    pub(super) fn space(&mut self) -> Scan<()> {
        self.expect(b' ')
    }

    fn take_while(&mut self, wanted: impl Fn(u8) -> bool) -> &'a [u8] {
        let length = self
            .rest
            .iter()
            .position(|&octet| !wanted(octet))
            .unwrap_or(self.rest.len());
        let (taken, rest) = self.rest.split_at_checked(length).unwrap_or((self.rest, &[]));
        self.rest = rest;
        taken
    }

    /// An atom, or nothing of an atom: empty when the next octet cannot be in one.
    fn atom_octets(&mut self, extra: &[u8]) -> &'a [u8] {
        self.take_while(|octet| is_atom_octet(octet) || extra.contains(&octet))
    }

    /// A tag: an atom without `+`.
    pub(super) fn tag(&mut self) -> Scan<String> {
        let tag = self.take_while(|octet| (is_atom_octet(octet) || octet == b']') && octet != b'+');
        if tag.is_empty() {
            Err("a command begins with a tag".to_owned())
        } else {
            Ok(text(tag))
        }
    }

    /// A word of the protocol, in capitals.
    pub(super) fn word(&mut self) -> Scan<String> {
        let atom = self.atom_octets(b"");
        if atom.is_empty() {
            Err("expected a word".to_owned())
        } else {
            Ok(text(atom).to_ascii_uppercase())
        }
    }

    /// A word of the protocol up to an opening bracket, as in `BODY.PEEK[`.
    pub(super) fn fetch_word(&mut self) -> Scan<String> {
        let atom = self.take_while(|octet| is_atom_octet(octet) && octet != b'[');
        if atom.is_empty() {
            Err("expected an item name".to_owned())
        } else {
            Ok(text(atom).to_ascii_uppercase())
        }
    }

    pub(super) fn number(&mut self) -> Scan<u32> {
        let digits = self.take_while(|octet| octet.is_ascii_digit());
        text(digits).parse().map_err(|_| "expected a number".to_owned())
    }

    /// An atom, a quoted string or a literal, as octets.
    pub(super) fn astring(&mut self) -> Scan<Vec<u8>> {
        match self.peek() {
            Some(b'"') => self.quoted(),
            Some(b'{') => self.literal(),
            _ => {
                let atom = self.atom_octets(b"]");
                if atom.is_empty() {
                    Err("expected a string".to_owned())
                } else {
                    Ok(atom.to_vec())
                }
            }
        }
    }

    /// [`Scanner::astring`] as text; octets that are no UTF-8 are refused.
    pub(super) fn string(&mut self) -> Scan<String> {
        String::from_utf8(self.astring()?).map_err(|_| "the string is not UTF-8".to_owned())
    }

    /// A pattern of LIST: like an astring, with `%` and `*` allowed in atoms.
    pub(super) fn pattern(&mut self) -> Scan<String> {
        let octets = match self.peek() {
            Some(b'"') => self.quoted()?,
            Some(b'{') => self.literal()?,
            _ => self.atom_octets(b"%*]").to_vec(),
        };
        String::from_utf8(octets).map_err(|_| "the pattern is not UTF-8".to_owned())
    }

    fn quoted(&mut self) -> Scan<Vec<u8>> {
        self.expect(b'"')?;
        let mut octets = Vec::new();
        loop {
            let Some((&first, rest)) = self.rest.split_first() else {
                return Err("the quoted string does not end".to_owned());
            };
            self.rest = rest;
            match first {
                b'"' => return Ok(octets),
                b'\\' => match self.rest.split_first() {
                    Some((&escaped @ (b'"' | b'\\'), rest)) => {
                        octets.push(escaped);
                        self.rest = rest;
                    }
                    _ => return Err("only quotes and backslashes may be escaped".to_owned()),
                },
                0 | b'\r' | b'\n' => return Err("a quoted string cannot hold NUL or a line end".to_owned()),
                octet => octets.push(octet),
            }
        }
    }

    /// A literal, which the reader has put in place behind its announcement.
    pub(super) fn literal(&mut self) -> Scan<Vec<u8>> {
        self.expect(b'{')?;
        let size = self.number()?;
        self.skip(b'+');
        self.expect(b'}')?;
        self.expect(b'\r')?;
        self.expect(b'\n')?;
        let (literal, rest) = self
            .rest
            .split_at_checked(size as usize)
            .ok_or_else(|| "the literal is too short".to_owned())?;
        self.rest = rest;
        Ok(literal.to_vec())
    }

    /// `( item item ... )`, each read by `item`; may be empty.
    pub(super) fn list<T>(&mut self, mut item: impl FnMut(&mut Self) -> Scan<T>) -> Scan<Vec<T>> {
        self.expect(b'(')?;
        let mut items = Vec::new();
        while !self.skip(b')') {
            if !items.is_empty() {
                self.space()?;
            }
            items.push(item(self)?);
        }
        Ok(items)
    }

    pub(super) fn flag(&mut self) -> Scan<String> {
        let backslash = self.skip(b'\\');
        let atom = self.atom_octets(b"]");
        if atom.is_empty() {
            return Err("expected a flag".to_owned());
        }
        let flag = format!("{}{}", if backslash { "\\" } else { "" }, text(atom));
        let flag = usual_spelling(&flag);
        let known = ["\\Answered", "\\Flagged", "\\Deleted", "\\Seen", "\\Draft"].contains(&flag.as_str());
        if backslash && !known {
            Err(format!("{flag} is no flag a client can set"))
        } else {
            Ok(flag)
        }
    }

    /// Flags in parentheses, or without them as STORE allows.
    pub(super) fn flags(&mut self) -> Scan<BTreeSet<String>> {
        if self.peek() == Some(b'(') {
            return Ok(self.list(Self::flag)?.into_iter().collect());
        }
        let mut flags = BTreeSet::from([self.flag()?]);
        while self.skip(b' ') {
            flags.insert(self.flag()?);
        }
        Ok(flags)
    }

    pub(super) fn number_set(&mut self) -> Scan<NumberSet> {
        let mut ranges = Vec::new();
        loop {
            let from = self.set_number()?;
            let to = if self.skip(b':') { self.set_number()? } else { from };
            ranges.push((from, to));
            if !self.skip(b',') {
                return Ok(NumberSet(ranges));
            }
        }
    }

    fn set_number(&mut self) -> Scan<Option<u32>> {
        if self.skip(b'*') {
            return Ok(None);
        }
        match self.number()? {
            0 => Err("message numbers begin at 1".to_owned()),
            number => Ok(Some(number)),
        }
    }

    /// A date of SEARCH, `5-Nov-2026`, quoted or not: its midnight in UTC.
    pub(super) fn date(&mut self) -> Scan<Timestamp> {
        let date = self.string()?;
        let midnight = civil::Date::strptime("%d-%b-%Y", &date)
            .ok()
            .and_then(|date| date.to_zoned(jiff::tz::TimeZone::UTC).ok())
            .ok_or_else(|| format!("`{date}` is no date such as 5-Nov-2026"))?;
        Ok(Timestamp(midnight.timestamp().as_second()))
    }

    /// A date and time of APPEND, `" 5-Nov-2026 10:00:00 +0100"`.
    pub(super) fn date_time(&mut self) -> Scan<Timestamp> {
        let text = self.string()?;
        strtime::parse("%d-%b-%Y %H:%M:%S %z", text.trim_start())
            .and_then(|time| time.to_timestamp())
            .map(|time| Timestamp(time.as_second()))
            .map_err(|_| format!("`{text}` is no date such as \" 5-Nov-2026 10:00:00 +0100\""))
    }
}

fn is_atom_octet(octet: u8) -> bool {
    octet > b' ' && octet < 127 && !b"(){%*\"\\]".contains(&octet)
}

fn text(octets: &[u8]) -> String {
    String::from_utf8_lossy(octets).into_owned()
}
