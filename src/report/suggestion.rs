//! Words for what the user's flags suggest: the sentence, and the command that would act on it. Also what the digest has
//! still to tell of it, kept as a note in the store.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use crate::sort::behaviour::Suggestion;
use crate::sort::bucket::Bucket;
use crate::sort::mailbox::Timestamp;
use crate::sort::sanitise;

/// Key of the note in the store.
pub const NOTE: &str = crate::store::SUGGESTIONS_NOTE;

/// One suggestion in words.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Told {
    /// Whose mail.
    pub who: String,
    /// Where it should perhaps go.
    pub bucket: Bucket,
    /// Why, with the counts.
    pub because: String,
    /// The command that does it.
    pub command: String,
}

/// What was found when the mail was last looked through.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Suggestions {
    /// When that was.
    pub looked: Timestamp,
    /// Not told yet.
    pub fresh: Vec<Told>,
    /// Commands of all that stand, told or not: what was told once is not told again while it stands.
    pub standing: BTreeSet<String>,
}

impl Suggestions {
    /// Takes in what was found at `now`; with the account's name where there are several.
    pub fn found(&mut self, now: Timestamp, suggestions: &[Suggestion], account: Option<&str>) {
        let all: Vec<Told> = suggestions
            .iter()
            .map(|suggestion| Told {
                who: suggestion.identity.spelling(),
                bucket: suggestion.bucket,
                because: suggestion.because.to_string(),
                command: command(suggestion, account),
            })
            .collect();
        let untold: BTreeSet<&String> = self.fresh.iter().map(|told| &told.command).collect();
        let standing = all.iter().map(|told| told.command.clone()).collect();
        let is_fresh = |told: &&Told| untold.contains(&told.command) || !self.standing.contains(&told.command);
        let fresh = all.iter().filter(is_fresh).cloned().collect();
        *self = Self {
            looked: now,
            fresh,
            standing,
        };
    }
}

/// The command that takes a suggestion up, safe to paste into a shell: senders choose their own names.
pub fn command(suggestion: &Suggestion, account: Option<&str>) -> String {
    let who = sanitise(&suggestion.identity.spelling());
    let dashes = if who.starts_with('-') { "-- " } else { "" };
    let account = account.map_or_else(String::new, |name| format!("--account {} ", shell_word(name)));
    format!(
        "postroom train {account}{dashes}{} {}",
        shell_word(&who),
        suggestion.bucket
    )
}

/// A word as a POSIX shell takes it for itself.
fn shell_word(text: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "@._+-".contains(c);
    if !text.is_empty() && text.chars().all(plain) {
        text.to_owned()
    } else {
        format!("'{}'", text.replace('\'', r"'\''"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sort::behaviour::Because;
    use crate::sort::taught::Identity;

    fn suggestion(name: &str) -> Suggestion {
        Suggestion {
            identity: Identity::List(name.to_owned()),
            bucket: Bucket::Bulk,
            because: Because::Ignored { left: 5, deleted: 0 },
        }
    }

    #[test]
    fn a_senders_name_is_one_word_of_the_command_whatever_he_calls_himself() {
        let line = |name: &str, account| command(&suggestion(name), account);
        assert_eq!(line("talk.example.org", None), "postroom train talk.example.org bulk");
        assert_eq!(
            line("x;reboot", Some("home")),
            "postroom train --account home 'x;reboot' bulk"
        );
        assert_eq!(line("-x'$(id)", None), r"postroom train -- '-x'\''$(id)' bulk");
    }

    #[test]
    fn what_was_told_is_not_told_again_while_it_stands() {
        let names = |told: &[Told]| told.iter().map(|told| told.who.clone()).collect::<Vec<_>>();
        let (one, two) = (suggestion("one.example"), suggestion("two.example"));
        let mut known = Suggestions::default();
        known.found(Timestamp(1), std::slice::from_ref(&one), None);
        known.found(Timestamp(2), std::slice::from_ref(&one), None);
        assert_eq!(names(&known.fresh), ["one.example"], "not told yet");
        known.fresh.clear();
        known.found(Timestamp(3), &[one.clone(), two.clone()], None);
        assert_eq!(names(&known.fresh), ["two.example"]);
        known.fresh.clear();
        known.found(Timestamp(4), &[two], None);
        known.found(Timestamp(5), &[one], None);
        assert_eq!(names(&known.fresh), ["one.example"], "it went away and came back");
    }
}
