//! `postroom replay`: the past in date order, off-line, with the verdict each message would have had on arrival.
//!
//! Reads Maildirs and folders of raw messages; writes nothing but its own output.

use std::collections::BTreeMap;
use std::fs;
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::UNIX_EPOCH;

use anyhow::{Context, bail};
use clap::Args;
use serde_json::json;

use crate::sort::bucket::Bucket;
use crate::sort::correspondence::Learning;
use crate::sort::folders::Folders;
use crate::sort::ledger::Mid;
use crate::sort::mailbox::{Location, Mailbox, Timestamp, Uid, UidValidity};
use crate::sort::message::Message;
use crate::sort::rules::RuleSet;
use crate::sort::sender::{Address, Owner};
use crate::sort::verdict::{ReasonKind, Verdict};
use crate::sort::{Arrival, Settings, Sorter, sanitise};

/// Bytes of a file that can hold a header; the rest is body and is not read.
const HEADER_BYTES: u64 = 256 * 1024;

/// Replay old mail and show the verdicts it would have had
#[derive(Debug, Args)]
pub struct ReplayArgs {
    /// Maildir or folder of raw messages that were received
    #[arg(long, value_name = "DIR")]
    pub inbox: PathBuf,
    /// Maildir or folder of raw messages that you sent
    #[arg(long, value_name = "DIR")]
    pub sent: PathBuf,
    /// Lessons to start with, as `postroom export` writes them
    #[arg(long, value_name = "FILE")]
    pub taught: Option<PathBuf>,
    /// Directory of rule files
    #[arg(long, value_name = "DIR")]
    pub rules: Option<PathBuf>,
    /// Your own address; several times or several values
    #[arg(long, value_name = "ADDR", required = true, num_args = 1..)]
    pub own: Vec<String>,
    /// One JSON object a message instead of the table
    #[arg(long)]
    pub json: bool,
    /// Half-life of the correspondence tally in days
    #[arg(long, value_name = "DAYS", hide = true)]
    pub half_life: Option<f64>,
    /// Score from which a correspondent is top
    #[arg(long, value_name = "SCORE", hide = true)]
    pub threshold: Option<f64>,
}

/// Runs the command; 0 when every file could be read.
pub fn run(args: &ReplayArgs, out: &mut impl Write) -> anyhow::Result<u8> {
    let mut sorter = Sorter::new(settings(args)?, Arc::new(RuleSet::default()));
    if args.taught.is_some() || args.rules.is_some() {
        bail!("--taught and --rules are being built");
    }
    let mut table = Table::default();
    for past in past(args)? {
        let message = past.read()?;
        if past.sent {
            sorter.sent(past.at, &message);
            continue;
        }
        let arrival = past.arrival(message);
        let verdict = sorter.decide(past.at, &arrival).verdict;
        sorter.received(past.at, &arrival);
        if args.json {
            serde_json::to_writer(&mut *out, &line(&past, &arrival, &verdict, &sorter.settings.folders))?;
            writeln!(out)?;
        } else {
            table.count(&verdict);
        }
    }
    if !args.json {
        table.print(out)?;
    }
    Ok(0)
}

fn settings(args: &ReplayArgs) -> anyhow::Result<Settings> {
    let own: Option<Vec<Address>> = args.own.iter().map(|text| Address::parse(text)).collect();
    let Some(own) = own else {
        bail!("--own takes e-mail addresses, got `{}`", sanitise(&args.own.join(" ")))
    };
    let default = Learning::default();
    Ok(Settings {
        account: "replay".to_owned(),
        owner: Owner::new(own),
        folders: Folders {
            top: "Top".into(),
            news: "News".into(),
            bulk: "Bulk".into(),
            blackhole: "Blackhole".into(),
            blackhole_trash_after: None,
            sent: None,
        },
        learning: Learning {
            half_life_days: args.half_life.unwrap_or(default.half_life_days),
            threshold: args.threshold.unwrap_or(default.threshold),
        },
        authserv_id: None,
        moves: false,
        special_use: std::collections::BTreeMap::new(),
    })
}

/// One message of the past.
struct Past {
    at: Timestamp,
    path: PathBuf,
    sent: bool,
    size: u32,
}

impl Past {
    fn read(&self) -> anyhow::Result<Message> {
        Ok(Message::parse(&header_of(&self.path)?))
    }

    fn arrival(&self, message: Message) -> Arrival {
        let mid = Mid::fingerprint(message.fingerprint(self.size));
        Arrival {
            message,
            mid,
            location: Location {
                mailbox: Mailbox::inbox(),
                uid_validity: UidValidity(1),
                uid: Uid(1),
            },
            size: self.size,
            arrived: Some(self.at),
            utc_offset: 0,
            flags: flags(&self.path),
            attachments: None,
            history: Vec::new(),
        }
    }
}

/// All messages of both folders in the order of their dates; at the same second the user's own come first.
fn past(args: &ReplayArgs) -> anyhow::Result<Vec<Past>> {
    let mut all = Vec::new();
    for (folder, sent) in [(&args.sent, true), (&args.inbox, false)] {
        let mut paths = Vec::new();
        files_below(folder, &mut paths)?;
        for path in paths {
            let file = fs::metadata(&path).with_context(|| format!("cannot read {}", path.display()))?;
            let message = Message::parse(&header_of(&path)?);
            let written = file
                .modified()
                .ok()
                .and_then(|time| time.duration_since(UNIX_EPOCH).ok());
            let at = message
                .date
                .or_else(|| received_at(&message))
                .unwrap_or(Timestamp(written.map_or(0, |since| since.as_secs() as i64)));
            all.push(Past {
                at,
                path,
                sent,
                size: u32::try_from(file.len()).unwrap_or(u32::MAX),
            });
        }
    }
    all.sort_by(|one, other| (one.at, !one.sent, &one.path).cmp(&(other.at, !other.sent, &other.path)));
    Ok(all)
}

/// The date of the first Received field, behind its last semicolon (RFC 5321 section 4.4).
fn received_at(message: &Message) -> Option<Timestamp> {
    let received = message.raw("received").next()?;
    let (_, date) = received.rsplit_once(';')?;
    Message::parse(format!("Date: {date}\r\n").as_bytes()).date
}

fn files_below(folder: &Path, paths: &mut Vec<PathBuf>) -> anyhow::Result<()> {
    let entries = fs::read_dir(folder).with_context(|| format!("cannot read the folder {}", folder.display()))?;
    for entry in entries {
        let entry = entry.with_context(|| format!("cannot read the folder {}", folder.display()))?;
        let (path, name) = (entry.path(), entry.file_name());
        let kind = fs::metadata(&path).with_context(|| format!("cannot read {}", path.display()))?;
        // A Maildir's tmp holds deliveries under way; dovecot keeps its indexes beside the messages.
        if kind.is_dir() && name != "tmp" {
            files_below(&path, paths)?;
        } else if kind.is_file()
            && !name.to_string_lossy().starts_with('.')
            && !name.to_string_lossy().starts_with("dovecot")
        {
            paths.push(path);
        }
    }
    Ok(())
}

fn header_of(path: &Path) -> anyhow::Result<Vec<u8>> {
    let file = fs::File::open(path).with_context(|| format!("cannot read {}", path.display()))?;
    let mut bytes = Vec::new();
    file.take(HEADER_BYTES)
        .read_to_end(&mut bytes)
        .with_context(|| format!("cannot read {}", path.display()))?;
    Ok(bytes)
}

/// The flags in a Maildir file name (`name:2,RS`).
fn flags(path: &Path) -> Vec<String> {
    let name = path
        .file_name()
        .map(|name| name.to_string_lossy().into_owned())
        .unwrap_or_default();
    let letters = name.rsplit_once(":2,").map_or("", |(_, letters)| letters);
    letters
        .chars()
        .filter_map(|letter| match letter {
            'D' => Some("\\Draft"),
            'F' => Some("\\Flagged"),
            'P' => Some("$Forwarded"),
            'R' => Some("\\Answered"),
            'S' => Some("\\Seen"),
            'T' => Some("\\Deleted"),
            _ => None,
        })
        .map(str::to_owned)
        .collect()
}

fn line(past: &Past, arrival: &Arrival, verdict: &Verdict, folders: &Folders) -> serde_json::Value {
    let reason = &verdict.reason;
    json!({
        "path": past.path.to_string_lossy(),
        "message_id": arrival.message.message_id.as_deref().map(sanitise),
        "from": arrival.message.from().map(Address::as_str),
        "bucket": verdict.bucket.as_str(),
        "folder": folders.of(verdict.bucket).as_str(),
        "reason": {
            "kind": reason.kind.as_str(),
            "text": reason.text,
            "rule": reason.rule,
            "file": reason.file,
            "line": reason.line,
        },
    })
}

/// Counts by reason and bucket.
#[derive(Default)]
struct Table {
    counts: BTreeMap<(ReasonKind, Bucket), usize>,
}

impl Table {
    fn count(&mut self, verdict: &Verdict) {
        *self.counts.entry((verdict.reason.kind, verdict.bucket)).or_default() += 1;
    }

    fn print(&self, out: &mut impl Write) -> anyhow::Result<()> {
        let mut table = comfy_table::Table::new();
        table.load_style(comfy_table::presets::NOTHING);
        let head = std::iter::once("reason".to_owned()).chain(Bucket::ALL.map(|bucket| bucket.to_string()));
        table.set_header(head.chain(["all".to_owned()]));
        let mut kinds: Vec<ReasonKind> = self.counts.keys().map(|(kind, _)| *kind).collect();
        kinds.dedup();
        let of = |kind, bucket| self.counts.get(&(kind, bucket)).copied().unwrap_or_default();
        for kind in &kinds {
            let row = Bucket::ALL.map(|bucket| of(*kind, bucket));
            let sum: usize = row.iter().sum();
            let cells = row.into_iter().chain([sum]).map(|count| count.to_string());
            table.add_row(std::iter::once(kind.as_str().to_owned()).chain(cells));
        }
        let sums = Bucket::ALL.map(|bucket| kinds.iter().map(|kind| of(*kind, bucket)).sum::<usize>());
        let all: usize = sums.iter().sum();
        let cells = sums.into_iter().chain([all]).map(|count| count.to_string());
        table.add_row(std::iter::once("all".to_owned()).chain(cells));
        writeln!(out, "{table}")?;
        Ok(())
    }
}
