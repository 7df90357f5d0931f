//! `postroom metrics`: counts in the Prometheus text format, on standard output or in a file for node_exporter's textfile
//! collector. There is no listening port.

use std::fmt::Write as _;
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use clap::Args;

use super::records::Records;
use crate::daemon::status::{AccountStatus, NOTE};
use crate::report::stats::Stats;
use crate::sort::mailbox::Timestamp;
use crate::store::Store;

/// Print counts for Prometheus
#[derive(Debug, Clone, Default, Args)]
#[command(after_help = "Example: postroom metrics --output /var/lib/prometheus/node-exporter/postroom.prom")]
pub struct MetricsArgs {
    /// Replace this file, in one step, instead of printing
    #[arg(long, value_name = "FILE")]
    pub output: Option<PathBuf>,
}

/// Runs the command; 0 unless it cannot.
pub fn run(args: &MetricsArgs, records: &Records, out: &mut dyn Write) -> anyhow::Result<u8> {
    let store = records.read()?;
    let text = metrics(&store, &records.chosen(&store, None)?, records)?;
    match &args.output {
        None => write!(out, "{text}")?,
        Some(path) => replace(path, &text).with_context(|| format!("cannot write {}", path.display()))?,
    }
    Ok(0)
}

/// One family: name, kind, help and its lines.
struct Family {
    name: &'static str,
    kind: &'static str,
    help: &'static str,
    lines: Vec<(String, i64)>,
}

impl Family {
    fn new(name: &'static str, kind: &'static str, help: &'static str) -> Self {
        Self {
            name,
            kind,
            help,
            lines: Vec::new(),
        }
    }

    fn add(&mut self, account: &str, label: Option<(&str, &str)>, value: i64) {
        let more = label.map_or(String::new(), |(name, word)| format!(",{name}=\"{word}\""));
        self.lines.push((format!("{{account=\"{account}\"{more}}}"), value));
    }
}

/// Account names hold no character that the format would have to escape (`config::validate`).
fn metrics(store: &Store, accounts: &[String], records: &Records) -> anyhow::Result<String> {
    let mut sorted = Family::new("postroom_messages_total", "counter", "Messages sorted, by bucket.");
    let mut decided = Family::new(
        "postroom_verdicts_total",
        "counter",
        "Messages sorted, by the stage that decided.",
    );
    let mut put_right = Family::new("postroom_corrections_total", "counter", "What the user put right.");
    let mut refused = Family::new("postroom_moves_refused_total", "counter", "Moves the server refused.");
    let mut open = Family::new("postroom_moves_open", "gauge", "Moves whose outcome is not known yet.");
    let mut lessons = Family::new("postroom_lessons", "gauge", "Lessons in force.");
    let mut swept = Family::new(
        "postroom_last_sweep_timestamp_seconds",
        "gauge",
        "When every folder was last compared with the ledger.",
    );
    let mut connected = Family::new("postroom_connected", "gauge", "1 while the account is being watched.");
    for account in accounts {
        let own = std::slice::from_ref(account);
        let first = first_row(store, account)?.unwrap_or(records.now);
        let stats = Stats::gather(store, own, first, records.now, &records.zone)?;
        for (bucket, count) in stats.verdicts.each() {
            sorted.add(account, Some(("bucket", bucket.as_str())), count as i64);
        }
        for (kind, count) in &stats.reasons {
            decided.add(account, Some(("stage", kind.as_str())), *count as i64);
        }
        let sum =
            |part: fn(&crate::report::stats::Corrections) -> u64| stats.weeks.values().map(part).sum::<u64>() as i64;
        put_right.add(account, Some(("kind", "filed")), sum(|week| week.filed));
        put_right.add(account, Some(("kind", "rescued")), sum(|week| week.rescued));
        put_right.add(account, Some(("kind", "undone")), sum(|week| week.undone));
        refused.add(account, None, stats.failed as i64);
        open.add(account, None, store.open_rows(account)?.len() as i64);
        lessons.add(account, None, store.lessons(account)?.len() as i64);
        let status = store.get_note(account, NOTE)?;
        let status = status.and_then(|text| serde_json::from_str::<AccountStatus>(&text).ok());
        if let Some(at) = status.as_ref().and_then(|status| status.swept) {
            swept.add(account, None, at.0);
        }
        let running = status.is_some_and(|status| super::status::is_running(&status) && status.state == "connected");
        connected.add(account, None, i64::from(running));
    }
    let mut text = String::new();
    for family in [sorted, decided, put_right, refused, open, lessons, swept, connected] {
        let Family {
            name,
            kind,
            help,
            lines,
        } = family;
        let _ = writeln!(text, "# HELP {name} {help}\n# TYPE {name} {kind}");
        for (labels, value) in lines {
            let _ = writeln!(text, "{name}{labels} {value}");
        }
    }
    Ok(text)
}

fn first_row(store: &Store, account: &str) -> anyhow::Result<Option<Timestamp>> {
    let first = crate::store::Query {
        account: Some(account.to_owned()),
        limit: Some(1),
        ..Default::default()
    };
    Ok(store.rows(&first)?.first().map(|row| row.at))
}

/// A reader sees the old file or the new one, never half of one.
fn replace(path: &Path, text: &str) -> std::io::Result<()> {
    let mut draft = path.as_os_str().to_owned();
    draft.push(".new");
    fs::write(&draft, text)?;
    fs::rename(&draft, path)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::sample;

    #[test]
    fn every_line_is_a_comment_or_a_sample() {
        let (_dir, records) = sample::records();
        let mut out = Vec::new();
        assert_eq!(run(&MetricsArgs::default(), &records, &mut out).unwrap(), 0);
        let text = String::from_utf8(out).unwrap();
        let sample = regex::Regex::new(r#"^[a-z_]+\{account="home"(,[a-z]+="[a-z]+")?\} -?\d+$"#).unwrap();
        for line in text.lines().filter(|line| !line.starts_with("# ")) {
            assert!(sample.is_match(line), "{line}");
        }
        for line in [
            "postroom_messages_total{account=\"home\",bucket=\"bulk\"} 2",
            "postroom_moves_refused_total{account=\"home\"} 1",
            "postroom_lessons{account=\"home\"} 2",
            "postroom_connected{account=\"home\"} 0",
        ] {
            assert!(text.lines().any(|found| found == line), "{line}\nin\n{text}");
        }
    }

    #[test]
    fn a_file_is_replaced_in_one_step() {
        let (dir, records) = sample::records();
        let output = dir.path().join("postroom.prom");
        let args = MetricsArgs {
            output: Some(output.clone()),
        };
        run(&args, &records, &mut Vec::new()).unwrap();
        run(&args, &records, &mut Vec::new()).unwrap();
        assert!(fs::read_to_string(output).unwrap().starts_with("# HELP"));
        assert!(!dir.path().join("postroom.prom.new").exists());
    }
}
