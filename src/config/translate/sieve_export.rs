//! Rules and lessons as one Sieve script (RFC 5228), for the day somebody wants to go without Postroom.
//!
//! Sieve sees one message at delivery and remembers nothing, so what asks about people, time or a folder cannot be said
//! in it; such rules stand in the script as comments with the reason. Extensions used: fileinto, mailbox (RFC 5490),
//! copy (RFC 3894), imap4flags (RFC 5232), subaddress (RFC 5233), relational (RFC 5231), special-use (RFC 8579).

use std::collections::{BTreeMap, BTreeSet};

use super::sieve_test::{
    Unsayable, all_of, any_of, comment, domain_and_below, list_id, marked, quoted, regex_unsayable, text_test,
};
use crate::sort::bucket::Bucket;
use crate::sort::folders::Folders;
use crate::sort::rules::condition::{Condition, ToMe};
use crate::sort::rules::pattern::Pattern;
use crate::sort::rules::place::Place;
use crate::sort::rules::rule::{Goal, Rule, Target};
use crate::sort::rules::{RuleSet, Stage};
use crate::sort::sender::Owner;
use crate::sort::taught::{Identity, Lesson};

/// A script and what could not be said in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Export {
    /// The script.
    pub script: String,
    /// Names of rules that are comments only, with the reason.
    pub left: Vec<(String, String)>,
}

/// Writes the script for one account: user's rules, then lessons, then fallback rules, each ending the search as it does
/// here.
pub fn export(rules: &RuleSet, lessons: &[Lesson], folders: &Folders, owner: &Owner) -> Export {
    let mut writer = Writer {
        owner,
        folders,
        needs: BTreeSet::new(),
    };
    let mut body = String::new();
    let mut left = Vec::new();
    for stage in [Stage::User, Stage::Fallback] {
        for rule in rules.rules().iter().filter(|rule| rule.stage == stage) {
            match writer.rule(rule) {
                Ok(text) => body.push_str(&text),
                Err(why) => {
                    body.push_str(&format_left(&rule.name, &why));
                    left.push((rule.name.to_string(), why));
                }
            }
        }
        if stage == Stage::User {
            body.push_str(&writer.lessons(lessons));
        }
    }
    let needs: Vec<_> = writer.needs.iter().map(|name| quoted(name)).collect();
    let require = if needs.is_empty() {
        String::new()
    } else {
        format!("require [{}];\n", needs.join(", "))
    };
    let head = "# Written by `postroom export sieve`. What Sieve cannot say is a comment.\n";
    Export {
        script: format!("{head}{require}\n{body}"),
        left,
    }
}

fn format_left(name: &str, why: &str) -> String {
    format!("# rule {} is not here: {why}\n\n", comment(name))
}

struct Writer<'a> {
    owner: &'a Owner,
    folders: &'a Folders,
    needs: BTreeSet<&'static str>,
}

impl Writer<'_> {
    fn rule(&mut self, rule: &Rule) -> Result<String, Unsayable> {
        if rule.after.is_some() {
            return Err("Sieve cannot wait".to_owned());
        }
        // What a rule needs is only added once it is known to be sayable.
        let needs = self.needs.clone();
        let written = self.test(&rule.when).and_then(|test| Ok((test, self.actions(rule)?)));
        let (test, actions) = match written {
            Ok(written) => written,
            Err(why) => {
                self.needs = needs;
                return Err(why);
            }
        };
        let actions = actions.join(";\n  ");
        Ok(format!(
            "# rule {} ({}:{})\nif {test} {{\n  {actions};\n}}\n\n",
            comment(&rule.name),
            comment(&rule.file),
            rule.line
        ))
    }

    fn actions(&mut self, rule: &Rule) -> Result<Vec<String>, Unsayable> {
        let mut actions = Vec::new();
        for change in rule.flags.iter().filter(|change| change.set) {
            self.needs.insert("imap4flags");
            actions.push(format!("addflag {}", quoted(&change.flag)));
        }
        for copy in &rule.copies {
            self.needs.insert("copy");
            actions.push(self.file_into(copy, " :copy")?);
        }
        match &rule.goal {
            None if rule.goes_on => return Ok(actions),
            None | Some(Goal::Keep) => actions.push("keep".to_owned()),
            Some(Goal::Bucket(bucket)) => actions.push(self.bucket(*bucket)),
            Some(Goal::Move(target)) => actions.push(self.file_into(target, "")?),
        }
        if rule.goes_on {
            return Err("it chooses a place and goes on".to_owned());
        }
        actions.push("stop".to_owned());
        Ok(actions)
    }

    fn bucket(&mut self, bucket: Bucket) -> String {
        let folder = self.folders.of(bucket);
        if folder.is_inbox() {
            return "keep".to_owned();
        }
        self.needs.extend(["fileinto", "mailbox"]);
        format!("fileinto :create {}", quoted(folder.as_str()))
    }

    fn file_into(&mut self, target: &Target, how: &str) -> Result<String, Unsayable> {
        self.needs.extend(["fileinto", "mailbox"]);
        match target {
            Target::Folder(template) => match template.fixed() {
                Some(folder) => Ok(format!("fileinto{how} :create {}", quoted(folder.as_str()))),
                None => Err("the folder's name is computed".to_owned()),
            },
            Target::SpecialUse(name) => {
                self.needs.insert("special-use");
                let fallback = name.trim_start_matches('\\');
                Ok(format!(
                    "fileinto{how} :specialuse {} :create {}",
                    quoted(name),
                    quoted(fallback)
                ))
            }
        }
    }

    /// Exact addresses first, then lists, then domains, as the sorter asks them.
    fn lessons(&mut self, lessons: &[Lesson]) -> String {
        let mut newest: BTreeMap<&Identity, &Lesson> = BTreeMap::new();
        for lesson in lessons {
            let known = newest.entry(&lesson.identity).or_insert(lesson);
            if lesson.at >= known.at {
                *known = lesson;
            }
        }
        let mut text = String::new();
        for kind in 0..3 {
            for bucket in self.folders.buckets().collect::<Vec<_>>() {
                let of_kind = newest.values().filter(|lesson| lesson.bucket == bucket);
                let tests: Vec<String> = of_kind
                    .filter_map(|lesson| lesson_test(&lesson.identity, kind))
                    .collect();
                if !tests.is_empty() {
                    let action = self.bucket(bucket);
                    text.push_str(&taught(bucket, &any_of(tests), &action));
                }
            }
        }
        text
    }

    fn test(&mut self, condition: &Condition) -> Result<String, Unsayable> {
        match condition {
            Condition::All(parts) => self.tests(parts).map(all_of),
            Condition::Any(parts) => self.tests(parts).map(any_of),
            Condition::Not(part) => Ok(format!("not {}", self.test(part)?)),
            Condition::Matches { place, patterns } => {
                let tests = patterns
                    .iter()
                    .map(|pattern| self.pattern(place, pattern))
                    .collect::<Result<Vec<_>, _>>()?;
                Ok(any_of(tests))
            }
            Condition::HeaderPresent(name, present) => {
                let exists = format!("exists {}", quoted(name));
                Ok(if *present { exists } else { format!("not {exists}") })
            }
            Condition::Marked(mark, set) => {
                let test = marked(*mark)?;
                Ok(if *set { test } else { format!("not {test}") })
            }
            Condition::ToMe(ways) => {
                let tests = ways.iter().map(|way| self.names_me(*way)).collect();
                Ok(any_of(tests))
            }
            Condition::RecipientsMin(least) => Ok(self.count("ge", *least)),
            Condition::RecipientsMax(most) => Ok(self.count("le", *most)),
            Condition::Larger(octets) => Ok(format!("size :over {octets}")),
            Condition::Smaller(octets) => Ok(format!("size :under {octets}")),
            Condition::Auth(_) => Err("Sieve does not know whose Authentication-Results to believe".to_owned()),
            Condition::Sender(_) | Condition::SenderSeenMin(_) | Condition::ReplyToMe(_) | Condition::Duplicate(_) => {
                Err("Sieve remembers nothing of other mail".to_owned())
            }
            Condition::OlderThan(_)
            | Condition::NewerThan(_)
            | Condition::DateAfter(_)
            | Condition::DateBefore(_)
            | Condition::Hours(_)
            | Condition::Weekdays(_) => Err("it asks about the time of arrival".to_owned()),
            Condition::Flags(_) => Err("mail has no flags yet when it is delivered".to_owned()),
            Condition::HasAttachment(_) => Err("it asks about attachments".to_owned()),
        }
    }

    fn tests(&mut self, parts: &[Condition]) -> Result<Vec<String>, Unsayable> {
        parts.iter().map(|part| self.test(part)).collect()
    }

    fn pattern(&mut self, place: &Place, pattern: &Pattern) -> Result<String, Unsayable> {
        let fields = match place {
            Place::From => "\"from\"",
            Place::To => "\"to\"",
            Place::Cc => "\"cc\"",
            Place::Bcc => "\"bcc\"",
            Place::ReplyTo => "\"reply-to\"",
            Place::Recipient => "[\"to\", \"cc\"]",
            Place::ToDetail => {
                self.needs.insert("subaddress");
                return match pattern {
                    Pattern::Is(text) => Ok(format!("address :is :detail [\"to\", \"cc\"] {}", quoted(text))),
                    Pattern::Glob(glob) => Ok(format!(
                        "address :matches :detail [\"to\", \"cc\"] {}",
                        quoted(&glob.to_string())
                    )),
                    _ => Err(regex_unsayable()),
                };
            }
            Place::Subject => return text_test("subject", pattern),
            Place::Header(name) => return text_test(name, pattern),
            Place::ListId => return list_id(pattern),
            Place::Account | Place::Folder => {
                return Err("Sieve runs in one account, before there is a folder".to_owned());
            }
            Place::Attachment => return Err("it asks about attachments".to_owned()),
        };
        Ok(match pattern {
            Pattern::Address(address) => format!("address :is :all {fields} {}", quoted(address.as_str())),
            Pattern::Domain(domain) => format!("address :is :domain {fields} {}", quoted(domain)),
            Pattern::DomainAndBelow(domain) => domain_and_below(fields, domain),
            Pattern::Glob(glob) => format!("address :matches :all {fields} {}", quoted(&glob.to_string())),
            Pattern::Contains(part) => format!("address :contains :all {fields} {}", quoted(part)),
            Pattern::Is(whole) => format!("address :is :all {fields} {}", quoted(whole)),
            Pattern::Regex(_) => return Err(regex_unsayable()),
        })
    }

    fn count(&mut self, relation: &str, number: usize) -> String {
        self.needs.extend(["relational", "comparator-i;ascii-numeric"]);
        format!("address :count \"{relation}\" :comparator \"i;ascii-numeric\" [\"to\", \"cc\"] \"{number}\"")
    }

    fn names_me(&mut self, way: ToMe) -> String {
        let own: Vec<_> = self
            .owner
            .addresses()
            .iter()
            .map(|address| quoted(address.as_str()))
            .collect();
        let own = if own.is_empty() {
            "\"nobody@invalid\"".to_owned()
        } else {
            format!("[{}]", own.join(", "))
        };
        let (to, cc) = (
            format!("address :is :all \"to\" {own}"),
            format!("address :is :all \"cc\" {own}"),
        );
        match way {
            ToMe::Direct => to,
            ToMe::Cc => format!("allof ({cc}, not {to})"),
            ToMe::None => format!("not anyof ({to}, {cc})"),
            ToMe::Only => {
                let one = self.count("eq", 1);
                format!("allof ({to}, {one}, not exists \"list-id\")")
            }
        }
    }
}

fn lesson_test(identity: &Identity, kind: usize) -> Option<String> {
    match (identity, kind) {
        (Identity::Address(address), 0) => Some(format!("address :is :all \"from\" {}", quoted(address.as_str()))),
        (Identity::List(id), 1) => Some(format!("header :contains \"list-id\" {}", quoted(&format!("<{id}>")))),
        (Identity::Domain(domain), 2) => Some(domain_and_below("\"from\"", domain)),
        _ => None,
    }
}

fn taught(bucket: Bucket, test: &str, action: &str) -> String {
    format!("# taught: {bucket}\nif {test} {{\n  {action};\n  stop;\n}}\n\n")
}
