//! Watches the rules directory and loads rules again when a file in it changes.
//!
//! The directory is watched, not the files: editors replace files by rename. Changes are gathered for half a second, then
//! everything is read, checked and tested, and swapped in whole; on any error the old rules keep running.

use std::fmt;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use notify_debouncer_full::notify::{EventKind, RecommendedWatcher, RecursiveMode};
use notify_debouncer_full::{DebounceEventResult, Debouncer, RecommendedCache, new_debouncer};
use serde::{Deserialize, Serialize};
use tokio::sync::mpsc;
use tracing::{info, warn};

use super::clock;
use crate::config::rules::{self, LoadedRules, RulesRefused};
use crate::config::{Config, diagnostic};
use crate::sort::mailbox::Timestamp;
use crate::sort::rules::source::position;
use crate::sort::rules::{RuleSet, Severity};
use crate::sort::sanitise;
use crate::store::{Store, StoreError};

/// Editors save in several steps; this long nothing must have happened.
const QUIET: Duration = Duration::from_millis(500);

/// Keeps the watch alive; dropping it ends the watch.
#[derive(Debug)]
pub struct RulesWatch {
    _debouncer: Option<Debouncer<RecommendedWatcher, RecommendedCache>>,
}

/// Sends a word to `changed` whenever something in `directory` has changed and is quiet again.
pub fn watch(directory: &Path, changed: mpsc::Sender<()>) -> RulesWatch {
    let handler = move |result: DebounceEventResult| {
        let real = match result {
            // Reading a file is an event too; our own reading must not wake us for ever.
            Ok(events) => events.iter().any(|event| !matches!(event.kind, EventKind::Access(_))),
            Err(_) => true,
        };
        if real {
            // A full channel already holds the wish to reload.
            let _ = changed.try_send(());
        }
    };
    let watched = new_debouncer(QUIET, None, handler).and_then(|mut debouncer| {
        debouncer.watch(directory, RecursiveMode::Recursive)?;
        Ok(debouncer)
    });
    match watched {
        Ok(debouncer) => RulesWatch {
            _debouncer: Some(debouncer),
        },
        Err(error) => {
            warn!(directory = %directory.display(), "cannot watch the rules ({error}); send SIGHUP after a change");
            RulesWatch { _debouncer: None }
        }
    }
}

/// The rules in force and the last that were refused.
#[derive(Debug)]
pub struct RulesKeeper {
    config: Config,
    current: Arc<RuleSet>,
    /// When the newest file of the rules in force was written.
    written: Timestamp,
    refused: Option<Rejected>,
}

/// Key of the note in the store.
const NOTE: &str = "rules-in-force";

/// Which rules are running, for `postroom status`; the daemon writes it down for each account.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RulesInForce {
    /// When the newest file of the rules in force was written.
    pub written: Timestamp,
    /// How many rules there are.
    pub rules: usize,
    /// Newer files that are not in force.
    pub rejected: Option<Rejected>,
}

/// Rule files that were refused.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rejected {
    /// The file with the first error.
    pub file: String,
    /// When it was written.
    pub written: Timestamp,
    /// The line of the first error; `None` when the file as a whole is refused.
    pub line: Option<u32>,
    /// The first error in one line.
    pub why: String,
    /// How many errors there are.
    pub errors: usize,
}

impl RulesInForce {
    /// What the daemon last wrote down.
    pub fn read(store: &Store, account: &str) -> Result<Option<Self>, StoreError> {
        let note = store.get_note(account, NOTE)?;
        Ok(note.and_then(|text| serde_json::from_str(&text).ok()))
    }

    /// Writes it down for an account.
    pub fn save(&self, store: &mut Store, account: &str) -> Result<(), StoreError> {
        store.set_note(account, NOTE, serde_json::to_string(self).ok().as_deref())
    }
}

impl fmt::Display for RulesInForce {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "running rules of {}", clock::shown(self.written))?;
        let Some(rejected) = &self.rejected else { return Ok(()) };
        write!(
            f,
            "; {} of {} rejected: ",
            sanitise(&rejected.file),
            clock::shown(rejected.written)
        )?;
        match rejected.line {
            Some(line) => write!(f, "line {line}"),
            None => f.write_str(&rejected.why),
        }
    }
}

impl RulesKeeper {
    /// Loads the rules for the first time; a broken file is an error here, since there is no last good set.
    pub fn open(config: &Config) -> Result<Self, Box<RulesRefused>> {
        let loaded = rules::load(&config.rules, &rules::context(config)).map_err(Box::new)?;
        tell_loaded(&loaded);
        Ok(Self {
            config: config.clone(),
            written: newest(&config.rules, loaded.sources.keys()),
            current: Arc::new(loaded.set),
            refused: None,
        })
    }

    /// From now on the rules are read for this configuration: its directory, its accounts' folders.
    pub fn configure(&mut self, config: &Config) {
        self.config = config.clone();
    }

    /// The rules in force.
    pub fn current(&self) -> Arc<RuleSet> {
        self.current.clone()
    }

    /// Why the newest rule files are not the ones in force.
    pub fn refused(&self) -> Option<&str> {
        self.refused.as_ref().map(|rejected| rejected.why.as_str())
    }

    /// Which rules are running.
    pub fn in_force(&self) -> RulesInForce {
        RulesInForce {
            written: self.written,
            rules: self.current.rules().len(),
            rejected: self.refused.clone(),
        }
    }

    /// Loads again; `Some` when there are new rules to use.
    pub fn reload(&mut self) -> Option<Arc<RuleSet>> {
        match rules::load(&self.config.rules, &rules::context(&self.config)) {
            Ok(loaded) => {
                self.refused = None;
                self.written = newest(&self.config.rules, loaded.sources.keys());
                if loaded.set.digest() == self.current.digest() {
                    return None;
                }
                tell_loaded(&loaded);
                self.current = Arc::new(loaded.set);
                Some(self.current())
            }
            Err(refused) => {
                let rejected = Rejected::of(&refused, &self.config.rules);
                // The same file saved again with the same mistake is no news.
                if self.refused.as_ref().is_none_or(|known| known.why != rejected.why) {
                    let more = match rejected.errors {
                        0 | 1 => String::new(),
                        errors => format!(" (the first of {errors} errors)"),
                    };
                    warn!(
                        "the rules are refused and the old ones keep running: {}{more}; `postroom check` shows the place",
                        rejected.why
                    );
                }
                self.refused = Some(rejected);
                None
            }
        }
    }
}

impl Rejected {
    fn of(refused: &RulesRefused, directory: &Path) -> Self {
        let mut errors = refused
            .findings
            .iter()
            .filter(|finding| finding.severity == Severity::Error);
        let first = errors.next();
        let file = first.map(|finding| finding.file.clone()).unwrap_or_default();
        let text = refused.sources.get(&file);
        Self {
            written: newest(directory, [&file]),
            line: first
                .zip(text)
                .map(|(finding, text)| position(text, finding.span.start).0),
            why: first
                .map(|finding| diagnostic::one_line(finding, &refused.sources))
                .unwrap_or_default(),
            errors: errors.count() + usize::from(first.is_some()),
            file,
        }
    }
}

/// When the newest of some files was written; now for those that tell no time.
fn newest<'f>(directory: &Path, files: impl IntoIterator<Item = &'f String>) -> Timestamp {
    let time = |file: &String| directory.join(file).metadata().and_then(|data| data.modified()).ok();
    let newest = files.into_iter().filter_map(time).max();
    let seconds = newest.and_then(|at| at.duration_since(std::time::UNIX_EPOCH).ok());
    seconds.map_or_else(clock::now, |since| Timestamp(since.as_secs() as i64))
}

fn tell_loaded(loaded: &LoadedRules) {
    info!(
        rules = loaded.set.rules().len(),
        digest = loaded.set.digest(),
        warnings = loaded.warnings.len(),
        "rules loaded"
    );
}
