//! `postroom check`: the configuration, the rules, and the rules' own tests. Runs the same code as the start and every
//! reload of the daemon.

use std::collections::BTreeMap;
use std::io::{self, Write};
use std::path::PathBuf;

use clap::Args;
use serde_json::json;

use crate::config::diagnostic::{self, Sources};
use crate::config::rules::{self, LoadedRules, RulesRefused};
use crate::config::{self, Config, ConfigError, Environment, secret};
use crate::daemon::clock;
use crate::daemon::held::Examination;
use crate::daemon::supervisor::place;
use crate::sort::rules::{Context, Finding, Outcome, RuleSet, Severity, lint};
use crate::store::{Place, Query, Store};

/// Exit code: all is well.
pub const FINE: u8 = 0;
/// Exit code: something is wrong.
pub const WRONG: u8 = 1;
/// Exit code: a file cannot be read.
pub const UNREADABLE: u8 = 2;

/// Arguments of `postroom check`.
#[derive(Debug, Clone, Default, Args)]
#[command(after_help = "Example: postroom check --test\n\n0 all is well, 1 something is wrong, 2 it cannot be read")]
pub struct CheckArgs {
    /// Check only this rule file or this directory of them, without a configuration
    #[arg(long, value_name = "PATH")]
    pub rules: Option<PathBuf>,
    /// Say how the rules' own tests went
    #[arg(long)]
    pub test: bool,
    /// Print each test, not only those that fail
    #[arg(short, long)]
    pub verbose: bool,
    /// One JSON object a line
    #[arg(long)]
    pub json: bool,
    /// Refuse warnings too
    #[arg(long)]
    pub strict: bool,
}

/// What was found.
#[derive(Debug, Default)]
struct Report {
    findings: Vec<Finding>,
    outcomes: Vec<Outcome>,
    sources: Sources,
    rules: usize,
    accounts: Option<usize>,
    names: Vec<String>,
    place: Option<Place>,
    unreadable: bool,
}

/// Checks, prints what was found to `out`, and returns the exit code: 0 fine, 1 something is wrong, 2 cannot read.
pub fn run(
    args: &CheckArgs,
    config: Option<&std::path::Path>,
    environment: &Environment,
    colour: bool,
    out: &mut dyn Write,
) -> io::Result<u8> {
    let mut report = Report::default();
    let place = match &args.rules {
        Some(path) if path.is_dir() || path.is_file() => Some((path.clone(), Context::default())),
        Some(path) => {
            let reason = if path.exists() {
                "is no file and no directory"
            } else {
                "does not exist"
            };
            return refuse(args, &format!("{} {reason}", path.display()), out);
        }
        None => match config::load(config, environment) {
            Ok(config) => {
                report.accounts = Some(config.accounts.len());
                report.names = config.accounts.iter().map(|account| account.name.clone()).collect();
                report.place = Some(place(&config));
                report.findings.extend(secrets(&config));
                report.findings.extend(contacts(&config));
                Some((config.rules.clone(), rules::context(&config)))
            }
            Err(ConfigError::Invalid { findings, sources }) => {
                report.findings = findings;
                report.sources = sources;
                None
            }
            Err(error) => return refuse(args, &error.to_string(), out),
        },
    };
    if let Some((path, context)) = place {
        let loaded = if path.is_file() {
            rules::load_file(&path, &context)
        } else {
            rules::load(&path, &context)
        };
        report.take(loaded);
    }
    print(args, &report, colour, out)?;
    Ok(report.exit_code(args.strict))
}

fn refuse(args: &CheckArgs, message: &str, out: &mut dyn Write) -> io::Result<u8> {
    if args.json {
        writeln!(
            out,
            "{}",
            json!({"severity": "error", "check": "unreadable", "file": null, "line": null, "message": message})
        )?;
    } else {
        writeln!(out, "error: {message}")?;
    }
    Ok(UNREADABLE)
}

impl Report {
    fn take(&mut self, loaded: Result<LoadedRules, RulesRefused>) {
        match loaded {
            Ok(loaded) => {
                self.rules = loaded.set.rules().len();
                self.findings.extend(loaded.warnings);
                // Without records, or with damaged ones, the rules can still be checked; other commands tell of those.
                let records = self.place.as_ref().and_then(|place| Store::open_read_only(place).ok());
                if let Some(store) = records {
                    self.findings.extend(idle(&loaded.set, &store));
                    self.findings.extend(examined(&loaded.set, &store, &self.names));
                }
                self.outcomes = loaded.outcomes;
                self.sources.extend(loaded.sources);
            }
            Err(refused) => {
                self.findings.extend(refused.findings);
                self.outcomes = refused.outcomes;
                self.sources.extend(refused.sources);
                self.unreadable = refused.unreadable;
            }
        }
    }

    fn count(&self, severity: Severity) -> usize {
        self.findings
            .iter()
            .filter(|finding| finding.severity == severity)
            .count()
    }

    fn exit_code(&self, strict: bool) -> u8 {
        match (
            self.unreadable,
            self.count(Severity::Error),
            self.count(Severity::Warning),
        ) {
            (true, ..) => UNREADABLE,
            (false, 0, 0) => FINE,
            (false, 0, _) if !strict => FINE,
            _ => WRONG,
        }
    }
}

/// Passwords that no login will get. Warnings: the rules may be checked on another machine than the one that logs in.
fn secrets(config: &Config) -> Vec<Finding> {
    let file = config.path.display().to_string();
    let broken = config
        .accounts
        .iter()
        .filter_map(|account| secret::check(&account.imap.secret).err());
    broken
        .map(|error| {
            Finding::warning("secret", &file, 0..0, error.to_string()).hint("without it the account cannot log in")
        })
        .collect()
}

/// Address books that cannot be used.
fn contacts(config: &Config) -> Vec<Finding> {
    let file = config.path.display().to_string();
    let paths = config.accounts.iter().filter_map(|account| account.contacts.as_ref());
    let broken = paths.filter_map(|path| crate::daemon::contacts::read(path).err());
    broken
        .map(|why| {
            Finding::error("contacts", &file, 0..0, why).hint("export your contacts as a vCard file (.vcf) once more")
        })
        .collect()
}

/// Rules of which the ledger knows no match for a long time.
fn idle(set: &RuleSet, store: &Store) -> Vec<Finding> {
    let mut last_match = BTreeMap::new();
    let mut oldest = None;
    let seen = store.each_row(&Query::default(), |row| {
        oldest.get_or_insert(row.at);
        if let Some(rule) = &row.entry.reason.rule {
            last_match.insert(rule.clone(), row.at);
        }
    });
    match (seen, oldest) {
        (Ok(()), Some(oldest)) => lint::idle(set, &last_match, oldest, clock::now()),
        _ => Vec::new(),
    }
}

/// What the daemon has found of these rules when it met them: rules that are held, folders that are not there.
fn examined(set: &RuleSet, store: &Store, accounts: &[String]) -> Vec<Finding> {
    let mut findings: Vec<Finding> = Vec::new();
    let read = |account: &String| Examination::read(store, account).ok();
    for finding in accounts
        .iter()
        .filter_map(read)
        .flat_map(|examined| examined.findings(set))
    {
        let known =
            |known: &Finding| (known.check, known.span, &known.file) == (finding.check, finding.span, &finding.file);
        if !findings.iter().any(known) {
            findings.push(finding);
        }
    }
    findings
}

fn print(args: &CheckArgs, report: &Report, colour: bool, out: &mut dyn Write) -> io::Result<()> {
    if args.json {
        for finding in &report.findings {
            writeln!(out, "{}", diagnostic::json(finding, &report.sources))?;
        }
        for outcome in report.outcomes.iter().filter(|_| args.test) {
            writeln!(out, "{}", outcome_json(outcome))?;
        }
        return Ok(());
    }
    out.write_all(diagnostic::render(&report.findings, &report.sources, colour).as_bytes())?;
    if args.test {
        for outcome in report
            .outcomes
            .iter()
            .filter(|outcome| args.verbose || !outcome.passed())
        {
            let word = if outcome.passed() { "ok    " } else { "FAILED" };
            writeln!(
                out,
                "{word} {}:{} {}: {}",
                outcome.file, outcome.line, outcome.test, outcome.said
            )?;
        }
    }
    writeln!(out, "{}", summary(report))
}

fn outcome_json(outcome: &Outcome) -> serde_json::Value {
    json!({
        "test": outcome.test,
        "file": outcome.file,
        "line": outcome.line,
        "passed": outcome.passed(),
        "said": outcome.said,
        "failures": outcome.failures.iter().map(|(_, message)| message).collect::<Vec<_>>(),
    })
}

fn summary(report: &Report) -> String {
    let mut parts = Vec::new();
    if let Some(accounts) = report.accounts {
        parts.push(counted(accounts, "account"));
    }
    let errors = report.count(Severity::Error);
    if errors == 0 {
        parts.push(counted(report.rules, "rule"));
    }
    if !report.outcomes.is_empty() {
        let passed = report.outcomes.iter().filter(|outcome| outcome.passed()).count();
        parts.push(format!("{passed} of {} passed", counted(report.outcomes.len(), "test")));
    }
    if errors > 0 {
        parts.push(counted(errors, "error"));
    }
    let warnings = report.count(Severity::Warning);
    if warnings > 0 {
        parts.push(counted(warnings, "warning"));
    }
    let verdict = if errors > 0 { "wrong" } else { "fine" };
    format!("{verdict}: {}", parts.join(", "))
}

fn counted(number: usize, noun: &str) -> String {
    format!("{number} {noun}{}", if number == 1 { "" } else { "s" })
}

#[cfg(test)]
mod tests;
