//! Filters of other programs: `postroom import gmail FILE` writes rules, `postroom export sieve` writes a script.

use std::io::Write;
use std::path::Path;

use anyhow::Context as _;
use clap::ValueEnum;

use super::context::Context;
use super::records::Records;
use crate::config::translate::{Translation, gmail, imapfilter, sieve, sieve_export, thunderbird};
use crate::sort::rules::{Context as RuleContext, Includes, RuleSet, Severity, SourceFile};
use crate::sort::sanitise;

/// Largest file that is read, octets.
const LARGEST: u64 = 8 << 20;

/// Where filters come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// Gmail's export, `mailFilters.xml`
    Gmail,
    /// A Sieve script
    Sieve,
    /// Thunderbird's `msgFilterRules.dat`
    Thunderbird,
    /// An imapfilter script in its simple form
    Imapfilter,
}

impl Format {
    fn translate(self, text: &str) -> Translation {
        match self {
            Format::Gmail => gmail::translate(text),
            Format::Sieve => sieve::translate(text),
            Format::Thunderbird => thunderbird::translate(text),
            Format::Imapfilter => imapfilter::translate(text),
        }
    }
}

/// Prints the filters of a file as a rule file to `out` and what is left to `problems`; 0 when nothing is left, else 1.
pub fn import(format: Format, path: &Path, out: &mut dyn Write, problems: &mut dyn Write) -> anyhow::Result<u8> {
    let name = sanitise(&path.display().to_string());
    let text = read(path).with_context(|| name.clone())?;
    let translation = format.translate(&text);
    let rules = translation.to_toml(&name);
    out.write_all(rules.as_bytes())?;
    for left in &translation.left {
        writeln!(problems, "{name}:{}: {}: {}", left.line, left.text, left.why)?;
    }
    let wrong = unsound(rules);
    for complaint in &wrong {
        writeln!(problems, "{complaint}")?;
    }
    let (rules, left) = (translation.rules.len(), translation.left.len());
    writeln!(problems, "{rules} translated, {left} left for you to decide")?;
    Ok(u8::from(left > 0 || !wrong.is_empty()))
}

/// What the check will say about the result, so that nobody finds out later.
fn unsound(rules: String) -> Vec<String> {
    let file = SourceFile {
        name: "the result".to_owned(),
        text: rules,
    };
    let findings = RuleSet::parse(std::slice::from_ref(&file), &Includes::new(), &RuleContext::default()).findings;
    let errors = findings.iter().filter(|finding| finding.severity == Severity::Error);
    let sources = [(file.name.clone(), file.text.clone())].into();
    errors
        .map(|finding| crate::config::diagnostic::one_line(finding, &sources))
        .collect()
}

fn read(path: &Path) -> anyhow::Result<String> {
    let metadata = std::fs::metadata(path)?;
    anyhow::ensure!(metadata.is_file(), "not a file");
    anyhow::ensure!(metadata.len() <= LARGEST, "larger than {} MiB", LARGEST >> 20);
    Ok(String::from_utf8_lossy(&std::fs::read(path)?).into_owned())
}

/// Prints the rules and lessons of one account as a Sieve script; 0 when all of it can be said in Sieve, else 1.
pub fn export_sieve(
    account: Option<&str>,
    context: &Context,
    records: &Records,
    out: &mut dyn Write,
    problems: &mut dyn Write,
) -> anyhow::Result<u8> {
    let (config, keeper) = context.config_and_rules()?;
    let account = super::context::account(&config, account)?;
    let mut hashed = 0;
    let lessons = match records.read() {
        Ok(store) => {
            let lessons = store.lessons(&account.name)?;
            if store.names().are_used() {
                // Another program cannot know whom a pseudonym stands for.
                hashed = lessons.len();
                Vec::new()
            } else {
                lessons
            }
        }
        // Before the first start there are no records and no lessons.
        Err(_) if !config.state.exists() => Vec::new(),
        Err(error) => return Err(error.into()),
    };
    let export = sieve_export::export(&keeper.current(), &lessons, &account.folders, &account.owner);
    out.write_all(export.script.as_bytes())?;
    for (rule, why) in &export.left {
        writeln!(problems, "rule \"{}\" is not in the script: {why}", sanitise(rule))?;
    }
    if hashed > 0 {
        writeln!(
            problems,
            "{hashed} lessons are not in the script: their names are hashed (privacy = \"hashed\")"
        )?;
    }
    Ok(u8::from(!export.left.is_empty() || hashed > 0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn filters_become_rules_and_the_rest_is_told() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let script =
            "if header :contains \"subject\" \"x\" { fileinto \"X\"; stop; }\nif body :contains \"y\" { discard; }\n";
        std::fs::write(file.path(), script).unwrap();
        let (mut out, mut problems) = (Vec::new(), Vec::new());
        let code = import(Format::Sieve, file.path(), &mut out, &mut problems).unwrap();
        let (out, problems) = (String::from_utf8(out).unwrap(), String::from_utf8(problems).unwrap());
        assert_eq!(code, 1);
        assert!(out.contains("when = { subject = \"x\" }\nmove = \"X\""), "{out}");
        assert!(
            problems.contains(":2: if body") && problems.ends_with("1 translated, 1 left for you to decide\n"),
            "{problems}"
        );
    }
}
