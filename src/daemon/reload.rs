//! Watches the rules directory and loads rules again when a file in it changes.
//!
//! The directory is watched, not the files: editors replace files by rename. Changes are gathered for half a second, then
//! everything is read, checked and tested, and swapped in whole; on any error the old rules keep running.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use notify_debouncer_full::notify::{EventKind, RecommendedWatcher, RecursiveMode};
use notify_debouncer_full::{DebounceEventResult, Debouncer, RecommendedCache, new_debouncer};
use tokio::sync::mpsc;
use tracing::{info, warn};

use crate::config::Config;
use crate::config::rules::{self, LoadedRules, RulesRefused};
use crate::sort::rules::RuleSet;

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
    refused: Option<String>,
}

impl RulesKeeper {
    /// Loads the rules for the first time; a broken file is an error here, since there is no last good set.
    pub fn open(config: &Config) -> Result<Self, Box<RulesRefused>> {
        let loaded = rules::load(&config.rules, &rules::context(config)).map_err(Box::new)?;
        tell_loaded(&loaded);
        Ok(Self {
            config: config.clone(),
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
        self.refused.as_deref()
    }

    /// Loads again; `Some` when there are new rules to use.
    pub fn reload(&mut self) -> Option<Arc<RuleSet>> {
        match rules::load(&self.config.rules, &rules::context(&self.config)) {
            Ok(loaded) => {
                self.refused = None;
                if loaded.set.digest() == self.current.digest() {
                    return None;
                }
                tell_loaded(&loaded);
                self.current = Arc::new(loaded.set);
                Some(self.current())
            }
            Err(refused) => {
                let why = refused.to_string();
                if self.refused.as_deref() != Some(&why) {
                    warn!(
                        "the rules are refused and the old ones keep running: {why}; `postroom check` shows the place"
                    );
                }
                self.refused = Some(why);
                None
            }
        }
    }
}

fn tell_loaded(loaded: &LoadedRules) {
    info!(
        rules = loaded.set.rules().len(),
        digest = loaded.set.digest(),
        warnings = loaded.warnings.len(),
        "rules loaded"
    );
}
