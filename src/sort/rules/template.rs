//! Folder names with gaps, filled in from the message: `Receipts/{year}`, `Lists/{list_id.name}`.
//!
//! Only what cannot be chosen freely by a stranger, or is cut down to a slug of `[a-z0-9-]`, may name a folder.

use std::fmt::Write;

use super::measure::civil;
use crate::sort::facts::Facts;
use crate::sort::mailbox::Mailbox;

/// Most different folders that one rule's template may fill; beyond that the message stays where it is. The ledger
/// counts, since the rules themselves keep no state.
pub const MOST_FOLDERS: usize = 50;

/// Longest slug, characters.
const LONGEST_SLUG: usize = 60;

/// A folder name, perhaps with gaps.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Template {
    parts: Vec<Part>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Part {
    Text(String),
    Year,
    Month,
    FromDomain,
    ListName,
}

/// Why a text is no folder template.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadTemplate {
    /// A gap that may not be filled from a message.
    #[error("`{{{0}}}` cannot name a folder: a stranger chooses it")]
    Unsafe(String),
    /// A gap that means nothing.
    #[error("`{{{0}}}` means nothing here")]
    Unknown(String),
    /// A brace without its partner.
    #[error("a brace has no partner")]
    Unbalanced,
    /// Not a folder name.
    #[error("{0}")]
    Name(&'static str),
}

/// Gaps that somebody may ask for and that are a stranger's to choose.
const UNSAFE: [&str; 9] = [
    "subject",
    "from",
    "from.name",
    "from.address",
    "from.local",
    "to",
    "message_id",
    "list_id",
    "reply_to",
];

impl Template {
    /// Reads a folder name, spelled with `/` between levels.
    pub fn parse(text: &str) -> Result<Self, BadTemplate> {
        check_name(text)?;
        let mut parts = Vec::new();
        let mut rest = text;
        while let Some((before, behind)) = rest.split_once('{') {
            let (gap, behind) = behind.split_once('}').ok_or(BadTemplate::Unbalanced)?;
            if before.contains('}') {
                return Err(BadTemplate::Unbalanced);
            }
            if !before.is_empty() {
                parts.push(Part::Text(before.to_owned()));
            }
            parts.push(match gap {
                "year" => Part::Year,
                "month" => Part::Month,
                "from.domain" => Part::FromDomain,
                "list_id.name" => Part::ListName,
                other if UNSAFE.contains(&other) || other.starts_with("header") => {
                    return Err(BadTemplate::Unsafe(other.to_owned()));
                }
                other => return Err(BadTemplate::Unknown(other.to_owned())),
            });
            rest = behind;
        }
        if rest.contains('}') {
            return Err(BadTemplate::Unbalanced);
        }
        if !rest.is_empty() {
            parts.push(Part::Text(rest.to_owned()));
        }
        Ok(Self { parts })
    }

    /// The folder, when it has no gaps.
    pub fn fixed(&self) -> Option<Mailbox> {
        match self.parts.as_slice() {
            [Part::Text(name)] => Some(Mailbox::new(name.as_str())),
            _ => None,
        }
    }

    /// The folder for one message. What a message lacks is called `other`.
    pub fn fill(&self, facts: &Facts<'_>) -> Mailbox {
        let (year, month, _) = civil(facts.arrived, facts.utc_offset);
        let mut name = String::new();
        for part in &self.parts {
            match part {
                Part::Text(text) => name.push_str(text),
                Part::Year => _ = write!(name, "{year:04}"),
                Part::Month => _ = write!(name, "{month:02}"),
                Part::FromDomain => name.push_str(&slug(facts.message.from().map_or("", |from| from.domain()))),
                Part::ListName => {
                    let id = facts.message.list_id.as_deref().unwrap_or_default();
                    name.push_str(&slug(id.split('.').next().unwrap_or_default()));
                }
            }
        }
        Mailbox::new(name)
    }

    /// The text with `*` for every gap, for messages to people.
    pub fn pattern(&self) -> String {
        self.parts
            .iter()
            .map(|part| {
                if let Part::Text(text) = part {
                    text.as_str()
                } else {
                    "*"
                }
            })
            .collect()
    }
}

fn check_name(text: &str) -> Result<(), BadTemplate> {
    if text.trim().is_empty() {
        return Err(BadTemplate::Name("a folder needs a name"));
    }
    if text.chars().any(char::is_control) {
        return Err(BadTemplate::Name("a folder name holds no control characters"));
    }
    if text.starts_with('/') || text.ends_with('/') || text.contains("//") {
        return Err(BadTemplate::Name("a level of the folder name is empty"));
    }
    if text.split('/').any(|level| matches!(level.trim(), "." | "..")) {
        return Err(BadTemplate::Name("`.` and `..` are no folder names"));
    }
    if text.contains(['*', '%']) {
        return Err(BadTemplate::Name(
            "`*` and `%` are wildcards of IMAP and cannot be in a folder name",
        ));
    }
    if text.len() > 400 {
        return Err(BadTemplate::Name("the folder name is too long"));
    }
    Ok(())
}

/// Lower-case letters, digits and single hyphens, at most [`LONGEST_SLUG`]; `other` when nothing is left.
fn slug(text: &str) -> String {
    let mut slug = String::new();
    for c in text.chars().map(|c| c.to_ascii_lowercase()) {
        if slug.len() >= LONGEST_SLUG {
            break;
        }
        if c.is_ascii_lowercase() || c.is_ascii_digit() {
            slug.push(c);
        } else if !slug.is_empty() && !slug.ends_with('-') {
            slug.push('-');
        }
    }
    let slug = slug.trim_end_matches('-');
    if slug.is_empty() {
        "other".to_owned()
    } else {
        slug.to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slugs_cannot_leave_their_level() {
        assert_eq!(slug("../../Etc"), "etc");
        assert_eq!(slug("Shop.Example"), "shop-example");
        assert_eq!(slug("日本"), "other");
        assert_eq!(slug(&"a".repeat(500)).len(), LONGEST_SLUG);
    }

    #[test]
    fn gaps_of_a_strangers_choice_are_refused() {
        assert!(matches!(Template::parse("A/{subject}"), Err(BadTemplate::Unsafe(_))));
        assert!(matches!(Template::parse("A/{header.X}"), Err(BadTemplate::Unsafe(_))));
        assert!(matches!(Template::parse("A/{yaer}"), Err(BadTemplate::Unknown(_))));
        for bad in ["A/{year", "A/year}", "", "/A", "A//B", "A*"] {
            assert!(Template::parse(bad).is_err(), "{bad}");
        }
        assert_eq!(Template::parse("A/B").unwrap().fixed(), Some(Mailbox::new("A/B")));
        assert_eq!(Template::parse("A/{year}").unwrap().fixed(), None);
    }
}
