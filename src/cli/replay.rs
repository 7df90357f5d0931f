//! `postroom replay`: the past in date order, off-line, with the verdict each message would have had on arrival.

use std::collections::BTreeMap;
use std::fs;
use std::io::Write;
use std::path::PathBuf;
use std::sync::Arc;

use anyhow::{Context as _, bail};
use clap::Args;
use serde_json::Value;

use super::hindsight::{Deed, Hindsight};
use super::past_mail::{self, PastMail};
use super::verdict_json::{Subject, object};
use super::{exit, lesson_file};
use crate::config::rules;
use crate::sort::correspondence::Learning;
use crate::sort::folders::Folders;
use crate::sort::mailbox::Timestamp;
use crate::sort::pseudonym::Pseudonyms;
use crate::sort::rules::{Context, RuleSet};
use crate::sort::sender::{Address, Owner};
use crate::sort::verdict::Verdict;
use crate::sort::{Arrival, Settings, Sorter, sanitise};

/// The account's name in the eyes of rules.
const ACCOUNT: &str = "replay";

/// Options of `postroom replay`.
#[derive(Debug, Args)]
#[command(after_help = "Example: postroom replay --inbox Maildir --sent Maildir/.Sent --own me@example.org")]
pub struct ReplayArgs {
    /// Maildir or folder of raw messages that you received
    #[arg(long, value_name = "DIR")]
    pub inbox: PathBuf,
    /// Maildir or folder of raw messages that you sent
    #[arg(long, value_name = "DIR")]
    pub sent: PathBuf,
    /// Lessons to begin with, as `postroom export` writes them
    #[arg(long, value_name = "FILE")]
    pub taught: Option<PathBuf>,
    /// Directory of rule files [default: the rules that ship with Postroom]
    #[arg(long, value_name = "DIR")]
    pub rules: Option<PathBuf>,
    /// Your own address; several times or several values
    #[arg(long, value_name = "ADDR", required = true, num_args = 1..)]
    pub own: Vec<String>,
    /// One JSON object a message
    #[arg(long)]
    pub json: bool,
    /// With --json, one object for all: what you answered, read and left unread, by bucket
    #[arg(long)]
    pub summary: bool,
    /// Half-life of the correspondence tally, days
    #[arg(long, value_name = "DAYS", default_value_t = Learning::default().half_life_days)]
    pub half_life: f64,
    /// Score from which a correspondent is top
    #[arg(long, value_name = "SCORE", default_value_t = Learning::default().threshold)]
    pub threshold: f64,
    /// Remember people by pseudonyms, as with privacy = "hashed"
    #[arg(long)]
    pub hashed: bool,
}

/// Runs the command: one JSON line a message, or a table with what the user answered.
///
/// # Errors
/// A folder or file that cannot be read, an address that is none, rules or lessons that make no sense.
pub fn run(args: &ReplayArgs, out: &mut impl Write) -> anyhow::Result<u8> {
    let mut sorter = sorter(args)?;
    let mut hindsight = Hindsight::default();
    for mail in past_mail::in_date_order(&args.inbox, &args.sent)? {
        let message = mail.read()?;
        if mail.sent {
            hindsight.sent(mail.at, &message);
            sorter.sent(mail.at, &message);
            continue;
        }
        let arrival = mail.arrival(message);
        let verdict = sorter.decide(mail.at, &arrival).verdict;
        sorter.received(mail.at, &arrival);
        if args.json && !args.summary {
            writeln!(out, "{}", line(&mail, &arrival, &verdict, &sorter.settings.folders))?;
        } else {
            let path = mail.path.to_string_lossy().into_owned();
            let deed = Deed::by_flags(mail.flags().as_deref(), false);
            hindsight.judged(mail.at, path, &arrival.message, &verdict, deed);
        }
    }
    match (args.json, args.summary) {
        (true, true) => writeln!(out, "{}", hindsight.to_json())?,
        (true, false) => {}
        (false, _) => hindsight.print(out)?,
    }
    Ok(exit::OK)
}

fn sorter(args: &ReplayArgs) -> anyhow::Result<Sorter> {
    let own: Option<Vec<Address>> = args.own.iter().map(|text| Address::parse(text)).collect();
    let Some(own) = own else {
        bail!("--own takes e-mail addresses, got `{}`", sanitise(&args.own.join(" ")))
    };
    let settings = Settings {
        account: ACCOUNT.to_owned(),
        owner: Owner::new(own),
        folders: Folders::default(),
        learning: Learning {
            half_life_days: args.half_life,
            threshold: args.threshold,
        },
        authserv_id: None,
        moves: true,
        special_use: BTreeMap::new(),
    };
    let rules = rule_set(args, &settings)?;
    let mut sorter = Sorter::new(settings, Arc::new(rules));
    if args.hashed {
        // Nothing is written down, so any key will do.
        sorter = sorter.under(&Pseudonyms::keyed(b"replay"));
    }
    if let Some(path) = &args.taught {
        let text = fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
        let now = Timestamp(jiff::Timestamp::now().as_second());
        let lessons = lesson_file::read(&text, now, None).with_context(|| path.display().to_string())?;
        sorter.taught.load(lessons);
    }
    Ok(sorter)
}

fn rule_set(args: &ReplayArgs, settings: &Settings) -> anyhow::Result<RuleSet> {
    let context = Context {
        folders: [(ACCOUNT.to_owned(), settings.folders.clone())].into(),
    };
    Ok(match &args.rules {
        Some(directory) => rules::load(directory, &context)?.set,
        None => rules::shipped(&context).set,
    })
}

fn line(mail: &PastMail, arrival: &Arrival, verdict: &Verdict, folders: &Folders) -> Value {
    let message = &arrival.message;
    let id = message.message_id.as_deref().map(sanitise);
    let folder = folders.of(verdict.bucket);
    let path = mail.path.to_string_lossy();
    let from = message.from().map(Address::as_str);
    Value::Object(object(
        Subject::Path(&path),
        id.as_deref(),
        from,
        verdict.bucket,
        &folder,
        &verdict.reason,
    ))
}
