//! `postroom preview`: what would happen to the mail now in the inbox. The folder is opened with EXAMINE and nothing is
//! written anywhere.

use std::collections::BTreeMap;
use std::io::{self, Write};
use std::path::PathBuf;
use std::sync::Arc;

use comfy_table::{CellAlignment, ContentArrangement, Table, presets};

use super::context::{Context, account, block_on, visit_to_look};
use super::verdict_json::{Subject, object};
use super::{exit, hindsight_imap, logging, since};
use crate::config::rules;
use crate::daemon::held::Examination;
use crate::daemon::logbook::Logbook;
use crate::daemon::plan::Fate;
use crate::report::stats::ByBucket;
use crate::sort::bucket::Bucket;
use crate::sort::mailbox::Timestamp;
use crate::sort::sanitise;

/// Options of `postroom preview`.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  with a rule not yet saved postroom preview --rules new.toml\n  after changing a rule     postroom preview --since 30d --subjects\n  on your mail of the past  postroom preview --replay 90d"
)]
pub struct Args {
    /// Only mail that arrived since then: 30d, 12h, 2026-11-01
    #[arg(long, value_parser = since::argument, value_name = "WHEN")]
    pub since: Option<Timestamp>,
    /// In place of that, replay the mail since then as if Postroom had been running, and compare with what you did: 90d
    #[arg(long, value_parser = since::argument, value_name = "WHEN", conflicts_with = "since")]
    pub replay: Option<Timestamp>,
    /// What if: with this rule file too, asked before yours, or in place of yours of the same name
    #[arg(long, value_name = "FILE", conflicts_with = "replay")]
    pub rules: Option<PathBuf>,
    /// The account, when there are several
    #[arg(long, value_name = "NAME")]
    pub account: Option<String>,
    /// Show some subjects of each sender
    #[arg(long)]
    pub subjects: bool,
    /// One JSON object a message
    #[arg(long)]
    pub json: bool,
}

/// Prints the plan.
pub fn run(args: &Args, context: &Context) -> anyhow::Result<u8> {
    if let Some(since) = args.replay {
        return hindsight_imap::run(since, args.account.as_deref(), args.json, context);
    }
    logging::start("warn");
    let (config, keeper) = context.config_and_rules()?;
    let account = account(&config, args.account.as_deref())?;
    let logbook = Logbook::new(&account.name, None);
    let name = account.name.clone();
    let rules = match &args.rules {
        Some(trial) => Arc::new(rules::load_with(&config.rules, trial, &rules::context(&config))?.set),
        None => keeper.current(),
    };
    let (fates, held) = block_on(async {
        let mut visit = visit_to_look(&config, account, rules, &logbook).await?;
        let held = visit.store.run(move |store| Examination::read(store, &name)).await?;
        let fates = visit.plan(args.since).await?;
        visit.session.logout().await;
        Ok::<_, crate::daemon::DaemonError>((fates, held))
    })??;
    let mut out = io::stdout().lock();
    if args.json {
        for fate in &fates {
            let reason = &fate.verdict.reason;
            let object = object(
                Subject::Uid(fate.uid.0),
                fate.message_id.as_deref(),
                Some(&fate.from),
                fate.verdict.bucket,
                &fate.folder,
                reason,
            );
            writeln!(out, "{}", serde_json::Value::Object(object))?;
        }
    } else {
        write_plan(&mut out, &fates, args.subjects)?;
        for held in held.held() {
            writeln!(out, "\nThe {held}, until `postroom sort --yes` or allow_broad = true.")?;
        }
        match &args.rules {
            Some(trial) => writeln!(
                out,
                "\nNothing was touched. To use these rules: copy {} into {}.",
                trial.display(),
                config.rules.display()
            )?,
            None if fates.iter().any(|fate| fate.entry.is_some()) => {
                writeln!(out, "\nNothing was touched; `postroom sort` would carry this out.")?;
            }
            None => writeln!(out, "\nNothing was touched.")?,
        }
    }
    Ok(exit::OK)
}

/// Subjects shown of one sender.
const SUBJECTS: usize = 3;

/// Letters shown of people whose mail would leave the inbox.
const PEOPLE: usize = 20;

/// The messages of one sender that go to one place.
struct Bundle<'a> {
    bucket: Bucket,
    folder: &'a str,
    from: &'a str,
    because: &'a str,
    subjects: Vec<&'a str>,
    messages: usize,
}

impl Bundle<'_> {
    fn with_subjects(&self) -> String {
        let mut lines = vec![self.from.to_owned()];
        let shown = |subject: &&str| format!("  {}", if subject.is_empty() { "(no subject)" } else { subject });
        lines.extend(self.subjects.iter().map(shown));
        let more = self.messages - self.subjects.len();
        if more > 0 {
            lines.push(format!("  and {more} more"));
        }
        lines.join("\n")
    }
}

/// The plan for people: the sum, the senders behind each bucket that moves, and every letter of a person that would leave
/// the inbox.
pub fn write_plan(out: &mut dyn Write, fates: &[Fate], subjects: bool) -> io::Result<()> {
    if fates.is_empty() {
        return writeln!(out, "There is no mail in the inbox to look at.");
    }
    writeln!(out, "{}", sum(fates))?;
    let moving: Vec<&Fate> = fates.iter().filter(|fate| fate.entry.is_some()).collect();
    if moving.is_empty() {
        return writeln!(out, "Nothing would move.");
    }
    let mut table = Table::new();
    table
        .load_style(presets::NOTHING)
        .set_content_arrangement(ContentArrangement::Dynamic)
        .set_header(["to", "messages", "from", "because"]);
    for bundle in bundles(&moving) {
        let from = if subjects {
            bundle.with_subjects()
        } else {
            bundle.from.to_owned()
        };
        table.add_row([bundle.folder, &bundle.messages.to_string(), &from, bundle.because]);
    }
    if let Some(column) = table.column_mut(1) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    writeln!(out, "\n{table}\n")?;
    people(out, &moving)
}

/// By bucket, then the busiest senders first.
fn bundles<'a>(moving: &[&'a Fate]) -> Vec<Bundle<'a>> {
    let mut found: BTreeMap<(Bucket, &str, &str), Bundle<'a>> = BTreeMap::new();
    for fate in moving {
        let (bucket, folder, from) = (fate.verdict.bucket, fate.folder.as_str(), fate.from.as_str());
        let bundle = found.entry((bucket, folder, from)).or_insert_with(|| Bundle {
            bucket,
            folder,
            from,
            because: &fate.verdict.reason.text,
            subjects: Vec::new(),
            messages: 0,
        });
        bundle.messages += 1;
        if bundle.subjects.len() < SUBJECTS {
            bundle.subjects.push(&fate.subject);
        }
    }
    let mut bundles: Vec<Bundle<'a>> = found.into_values().collect();
    bundles.sort_by_key(|bundle| (bundle.bucket, std::cmp::Reverse(bundle.messages)));
    bundles
}

/// The worst that a sorter can do, so it is looked for and said either way.
fn people(out: &mut dyn Write, moving: &[&Fate]) -> io::Result<()> {
    let letters: Vec<&&Fate> = moving
        .iter()
        .filter(|fate| fate.person && fate.verdict.bucket != Bucket::Top && !fate.folder.is_inbox())
        .collect();
    if letters.is_empty() {
        return writeln!(out, "Letters from people that would leave your sight: none.");
    }
    writeln!(
        out,
        "Letters from people that would leave your sight: {}. Look at them first:",
        letters.len()
    )?;
    for fate in letters.iter().take(PEOPLE) {
        let (folder, because) = (fate.folder.as_str(), sanitise(&fate.verdict.reason.text));
        writeln!(
            out,
            "  {}  \"{}\" -> {}, because {because}",
            fate.from,
            fate.subject,
            sanitise(folder)
        )?;
    }
    if letters.len() > PEOPLE {
        writeln!(out, "  and {} more; --json shows all", letters.len() - PEOPLE)?;
    }
    Ok(())
}

/// "512 in INBOX = 44 top + 201 inbox + ...", which always adds up.
fn sum(fates: &[Fate]) -> String {
    let settled = fates.iter().filter(|fate| fate.settled).count();
    let mut counts = ByBucket::default();
    for fate in fates.iter().filter(|fate| !fate.settled) {
        counts.count(fate.verdict.bucket);
    }
    let mut parts: Vec<String> = counts
        .each()
        .filter(|(_, count)| *count > 0)
        .map(|(bucket, count)| format!("{count} {bucket}"))
        .collect();
    if settled > 0 {
        parts.push(format!("{settled} that you put there yourself"));
    }
    format!(
        "{} in INBOX = {}",
        fates.len(),
        if parts.is_empty() {
            "0".to_owned()
        } else {
            parts.join(" + ")
        }
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::sample;
    use crate::sort::mailbox::{Mailbox, Uid};
    use crate::sort::verdict::{Reason, ReasonKind, Verdict};

    fn fate(bucket: Bucket, from: &str, person: bool) -> Fate {
        let folder = if bucket == Bucket::Inbox { "INBOX" } else { "Bulk" };
        Fate {
            uid: Uid(1),
            message_id: None,
            from: from.to_owned(),
            subject: "Hello".to_owned(),
            person,
            arrived: None,
            verdict: Verdict::new(bucket, Reason::new(ReasonKind::Rule, "rule \"x\"")),
            folder: Mailbox::new(folder),
            settled: false,
            copies: Vec::new(),
            entry: (bucket != Bucket::Inbox).then(|| sample::entry(1)),
        }
    }

    fn said(fates: &[Fate], subjects: bool) -> String {
        let mut out = Vec::new();
        write_plan(&mut out, fates, subjects).unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn the_sum_adds_up_and_people_are_looked_for() {
        let mut fates = vec![fate(Bucket::Inbox, "anna@example.org", true)];
        fates.extend((0..5).map(|_| fate(Bucket::Bulk, "shop@shop.example", false)));
        let calm = said(&fates, false);
        assert!(calm.starts_with("6 in INBOX = 1 inbox + 5 bulk\n"), "{calm}");
        assert!(
            calm.ends_with("would leave your sight: none.\n") && !calm.contains("Hello"),
            "{calm}"
        );
        fates.push(fate(Bucket::Bulk, "bob@example.net", true));
        let alarming = said(&fates, true);
        assert!(alarming.contains("your sight: 1. Look at them first:\n  bob@example.net  \"Hello\" -> Bulk"));
        assert!(alarming.contains("and 2 more"), "{alarming}");
    }
}
