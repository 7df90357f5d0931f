//! Counts in the Prometheus text format, for node_exporter's textfile collector: there is no listening port.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use jiff::tz::TimeZone;

use super::stats::{Corrections, Stats};
use crate::sort::mailbox::Timestamp;
use crate::store::{Query, Store, StoreError};

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

/// How an account is doing, as the daemon last wrote it down.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pulse {
    /// The account's name; holds no character that the format would have to escape (`config::validate`).
    pub account: String,
    /// When every folder was last compared with the ledger.
    pub swept: Option<Timestamp>,
    /// It is being watched.
    pub connected: bool,
}

/// The counts of these accounts until `now`.
pub fn text(store: &Store, pulses: &[Pulse], now: Timestamp, zone: &TimeZone) -> Result<String, StoreError> {
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
    let mut waiting = Family::new(
        "postroom_messages_waiting",
        "gauge",
        "Messages that wait for their time.",
    );
    let mut swept = Family::new(
        "postroom_last_sweep_timestamp_seconds",
        "gauge",
        "When every folder was last compared with the ledger.",
    );
    let mut connected = Family::new("postroom_connected", "gauge", "1 while the account is being watched.");
    for pulse in pulses {
        let account = &pulse.account;
        let own = std::slice::from_ref(account);
        let first = first_row(store, account)?.unwrap_or(now);
        let stats = Stats::gather(store, own, first, now, zone)?;
        for (bucket, count) in stats.verdicts.each() {
            sorted.add(account, Some(("bucket", bucket.as_str())), count as i64);
        }
        for (kind, count) in &stats.reasons {
            decided.add(account, Some(("stage", kind.as_str())), *count as i64);
        }
        let sum = |part: fn(&Corrections) -> u64| stats.weeks.values().map(part).sum::<u64>() as i64;
        put_right.add(account, Some(("kind", "filed")), sum(|week| week.filed));
        put_right.add(account, Some(("kind", "rescued")), sum(|week| week.rescued));
        put_right.add(account, Some(("kind", "undone")), sum(|week| week.undone));
        refused.add(account, None, stats.failed as i64);
        open.add(account, None, store.open_rows(account)?.len() as i64);
        lessons.add(account, None, store.lessons(account)?.len() as i64);
        waiting.add(account, None, store.waiting(account)?.len() as i64);
        if let Some(at) = pulse.swept {
            swept.add(account, None, at.0);
        }
        connected.add(account, None, i64::from(pulse.connected));
    }
    let mut text = String::new();
    for family in [
        sorted, decided, put_right, refused, open, lessons, waiting, swept, connected,
    ] {
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

fn first_row(store: &Store, account: &str) -> Result<Option<Timestamp>, StoreError> {
    let first = Query {
        account: Some(account.to_owned()),
        limit: Some(1),
        ..Query::default()
    };
    Ok(store.rows(&first)?.first().map(|row| row.at))
}

/// A reader sees the old file or the new one, never half of one.
pub fn replace(path: &Path, text: &str) -> std::io::Result<()> {
    let mut draft = path.as_os_str().to_owned();
    draft.push(".new");
    fs::write(&draft, text)?;
    fs::rename(&draft, path)
}
