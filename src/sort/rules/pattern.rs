//! Pattern strings: what one piece of text in a rule matches.
//!
//! | written | matches |
//! |---|---|
//! | `a@b` | that address (RFC 5322 addr-spec, folded), where addresses are looked at |
//! | `@b` / `@.b` | that domain / that domain and everything below it, on label borders (RFC 5890 for IDNA) |
//! | with `*` or `?` | the whole value, `*` any text, `?` one character, `\` takes the next one literally |
//! | anything else | a part of the value, case aside |
//! | `{ is = ".." }` | the whole value, case aside |
//! | `{ re = ".." }` | a regular expression somewhere in the value |
//!
//! Display names are never looked at: where addresses are meant, only parsed addresses are values.

use std::fmt;

use super::expression::Expression;
use super::glob::{Glob, has_wildcard};
use crate::sort::sender::Address;

/// Longest pattern text, bytes.
const LONGEST: usize = 2_000;

/// How the values of a condition are compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Comparison {
    /// Parsed addresses.
    Address,
    /// A List-Id: a name in domain form (RFC 2919).
    ListId,
    /// Free text.
    Text,
    /// A header field that holds addresses among other text: both readings are tried.
    TextWithAddresses,
    /// A name with an end of its own (folder, account, file, detail): compared whole, never in part.
    Name,
}

/// One pattern, ready to match.
#[derive(Debug, Clone)]
pub enum Pattern {
    /// `a@b`.
    Address(Address),
    /// `@b`, in ASCII.
    Domain(Box<str>),
    /// `@.b`, in ASCII without the leading dot.
    DomainAndBelow(Box<str>),
    /// With wildcards.
    Glob(Glob),
    /// A part of the value, folded.
    Contains(Box<str>),
    /// The whole value, folded.
    Is(Box<str>),
    /// A regular expression.
    Regex(Expression),
}

/// Why a text is no pattern.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BadPattern {
    /// Stable slug of the check.
    pub check: &'static str,
    /// What is wrong.
    pub message: String,
    /// What to do about it.
    pub hint: Option<String>,
}

impl BadPattern {
    fn new(check: &'static str, message: impl Into<String>, hint: &str) -> Self {
        Self {
            check,
            message: message.into(),
            hint: Some(hint.to_owned()),
        }
    }
}

/// One value of a message that patterns are held against.
#[derive(Debug, Clone, Copy)]
pub struct Value<'a> {
    /// As it stands in the header, decoded.
    pub text: &'a str,
    /// The same through [`fold`].
    pub folded: &'a str,
    /// True when it is a parsed address.
    pub address: bool,
}

/// Folds case so that two spellings of one word become equal, character by character: lower case, and the final sigma
/// and the long s like their sisters.
pub fn fold(text: &str) -> String {
    if text.is_ascii() {
        return text.to_ascii_lowercase();
    }
    let unified = |c| match c {
        'ς' => 'σ',
        'ſ' => 's',
        c => c,
    };
    text.chars().flat_map(char::to_lowercase).map(unified).collect()
}

impl Pattern {
    /// A pattern string, read as the values it is held against ask.
    pub fn parse(text: &str, comparison: Comparison) -> Result<Self, BadPattern> {
        refuse_empty(text)?;
        let addresses = matches!(
            comparison,
            Comparison::Address | Comparison::ListId | Comparison::TextWithAddresses
        );
        let wild = has_wildcard(text);
        let trimmed = text.trim();
        if addresses && !wild && !trimmed.contains(char::is_whitespace) {
            if let Some(domain) = trimmed.strip_prefix("@.") {
                return Ok(Self::DomainAndBelow(domain_name(domain, trimmed)?));
            }
            if let Some(domain) = trimmed.strip_prefix('@') {
                return Ok(Self::Domain(domain_name(domain, trimmed)?));
            }
            if comparison != Comparison::ListId && trimmed.contains('@') {
                if let Some(address) = Address::parse(trimmed) {
                    return Ok(Self::Address(address));
                }
                if comparison == Comparison::Address && !trimmed.ends_with('@') {
                    return Err(BadPattern::new(
                        "bad-address",
                        format!("`{trimmed}` is not an address"),
                        "write `name@domain` without a display name or angle brackets, `@domain` for a whole domain, or a \
                         part without `@`",
                    ));
                }
            }
        }
        if comparison == Comparison::Address && trimmed.contains(|c: char| c.is_whitespace() || matches!(c, '<' | '>'))
        {
            return Err(BadPattern::new(
                "bad-address",
                format!("`{trimmed}` can be no part of an address"),
                "write the bare address; display names are never matched, because anybody can write any name",
            ));
        }
        if comparison == Comparison::ListId && trimmed.contains(|c: char| c.is_whitespace() || matches!(c, '<' | '>')) {
            return Err(BadPattern::new(
                "bad-list-id",
                format!("`{trimmed}` can be no part of a list's identifier"),
                "write what stands between the angle brackets of the List-Id field, as `users.lists.example`; its \
                 description is never matched: header.\"List-Id\" = \"..\" looks at that",
            ));
        }
        if wild {
            return Ok(Self::Glob(Glob::parse(text, addresses)));
        }
        let text = fold(&unescape(text));
        Ok(if comparison == Comparison::Name {
            Self::Is(text.into())
        } else {
            Self::Contains(text.into())
        })
    }

    /// `{ is = ".." }`.
    pub fn is(text: &str, comparison: Comparison) -> Result<Self, BadPattern> {
        refuse_empty(text)?;
        if comparison == Comparison::Address {
            return Address::parse(text).map(Self::Address).ok_or_else(|| {
                BadPattern::new(
                    "bad-address",
                    format!("`{text}` is not an address"),
                    "write `name@domain`",
                )
            });
        }
        Ok(Self::Is(fold(text).into()))
    }

    /// `{ re = ".." }`. Addresses and List-Ids are kept in lower case, so there the expression ignores case.
    pub fn regex(text: &str, comparison: Comparison) -> Result<Self, BadPattern> {
        refuse_empty(text)?;
        let ignore_case = matches!(comparison, Comparison::Address | Comparison::ListId);
        Expression::new(text, ignore_case)
            .map(Self::Regex)
            .map_err(|error| bad_regex(&error))
    }

    /// True when the value matches.
    pub fn matches(&self, value: Value<'_>) -> bool {
        match self {
            Self::Address(address) => value.address && value.folded == address.as_str(),
            Self::Domain(domain) => domain_of(value).is_some_and(|of| of == &**domain),
            Self::DomainAndBelow(domain) => domain_of(value).is_some_and(|of| is_at_or_below(of, domain)),
            Self::Glob(glob) => glob.matches(value.folded),
            Self::Contains(part) => {
                value.folded.contains(&**part)
                    || (value.address && !part.is_ascii() && in_unicode(value.folded).contains(&**part))
            }
            Self::Is(whole) => value.folded.trim() == whole.trim(),
            Self::Regex(regex) => regex.is_match(value.text),
        }
    }
}

impl fmt::Display for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Address(address) => write!(f, "`{address}`"),
            Self::Domain(domain) => write!(f, "`@{domain}`"),
            Self::DomainAndBelow(domain) => write!(f, "`@.{domain}`"),
            Self::Glob(glob) => write!(f, "`{glob}`"),
            Self::Contains(part) => write!(f, "`{part}`"),
            Self::Is(whole) => write!(f, "exactly `{whole}`"),
            Self::Regex(regex) => write!(f, "/{}/", regex.as_str()),
        }
    }
}

/// True when `domain` is `base` or lies below it, on a label border: `ok.example.evil.example` is not below `ok.example`.
pub fn is_at_or_below(domain: &str, base: &str) -> bool {
    domain
        .strip_suffix(base)
        .is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
}

/// The domain of an address; a List-Id is one as it stands (RFC 2919). Free text has none.
fn domain_of(value: Value<'_>) -> Option<&str> {
    match value.folded.rsplit_once('@') {
        Some((_, domain)) if value.address => Some(domain),
        None if value.address => Some(value.folded),
        _ => None,
    }
}

fn in_unicode(address: &str) -> String {
    match address.rsplit_once('@') {
        Some((local, domain)) => format!("{local}@{}", idna::domain_to_unicode(domain).0),
        None => idna::domain_to_unicode(address).0,
    }
}

fn refuse_empty(text: &str) -> Result<(), BadPattern> {
    if text.trim().is_empty() {
        return Err(BadPattern::new(
            "empty-pattern",
            "an empty pattern would match every message",
            "write what to look for; `header.\"X-Name\" = true` asks whether a field is there at all",
        ));
    }
    if text.len() > LONGEST {
        return Err(BadPattern::new(
            "long-pattern",
            format!("a pattern may have {LONGEST} bytes, this one has {}", text.len()),
            "split it into a list, or put one pattern a line into a text file: { file = \"patterns.txt\" }",
        ));
    }
    Ok(())
}

fn domain_name(domain: &str, written: &str) -> Result<Box<str>, BadPattern> {
    Address::parse(&format!("x@{domain}"))
        .filter(|address| can_exist(address.domain()))
        .map(|address| Box::from(address.domain()))
        .ok_or_else(|| {
            BadPattern::new(
                "bad-domain",
                format!("`{written}` is not a domain"),
                "`@example.org` is that domain, `@.example.org` also everything below it",
            )
        })
}

/// Labels neither begin nor end with a hyphen (RFC 1123 section 2.1), and what looks encoded can be decoded (RFC 5891).
fn can_exist(domain: &str) -> bool {
    let sound = |label: &str| !label.starts_with('-') && !label.ends_with('-');
    domain.split('.').all(sound) && (!domain.contains("xn--") || idna::domain_to_unicode(domain).1.is_ok())
}

fn bad_regex(error: &regex::Error) -> BadPattern {
    match error {
        regex::Error::CompiledTooBig(limit) => BadPattern::new(
            "regex-too-big",
            format!(
                "the regular expression needs more than {} KiB once compiled",
                limit / 1024
            ),
            "shorten repetitions such as {1,500}, or use plain text patterns",
        ),
        other => {
            let text = other.to_string();
            let why = text.lines().last().unwrap_or_default();
            let why = why.strip_prefix("error: ").unwrap_or(why);
            let hint = if text.contains("look-around") || text.contains("backreferences") {
                "look-around and backreferences do not exist here; use `not = { .. }` for what must not match"
            } else {
                "test it without `{ re = }`: most patterns need no regular expression"
            };
            BadPattern::new("bad-regex", format!("the regular expression is wrong: {why}"), hint)
        }
    }
}

/// Takes `\*`, `\?` and `\\` literally; any other backslash stands for itself.
fn unescape(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        match chars.peek() {
            Some(&next) if c == '\\' && matches!(next, '*' | '?' | '\\') => {
                plain.push(next);
                chars.next();
            }
            _ => plain.push(c),
        }
    }
    plain
}

#[cfg(test)]
mod tests;
