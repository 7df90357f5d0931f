//! The process: takes one lock an account, opens the store, starts a worker for each, and hands on signals, new rules and
//! a new configuration. Who is looked after, and what happens when a worker ends, is the roster's.

use std::sync::Arc;
use std::time::Duration;

use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::mpsc::UnboundedSender;
use tokio::sync::{mpsc, watch as channel};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use tracing::{error, info, warn};

use super::access::Network;
use super::error::DaemonError;
use super::logbook::Told;
use super::reload::{self, RulesKeeper};
use super::roster::{Outfit, Roster, lock_all};
use super::{clock, metrics, systemd};
use crate::config::{self, Config, Environment};
use crate::store::{AccountLock, Place, Store, StoreHandle};

/// The daemon, ready to run.
#[derive(Debug)]
pub struct Supervisor {
    config: Config,
    keeper: RulesKeeper,
    roster: Roster,
    locks: Vec<AccountLock>,
    /// Why the newest configuration is not the one in force.
    refused: Option<String>,
}

/// Opens the state directory and says so when a damaged database had to be set aside.
/// Where names have just been hashed, old copies of the records hold them in clear: those are told of.
pub fn open_store(config: &Config) -> Result<StoreHandle, DaemonError> {
    let opened = Store::open(place(config), clock::now())?;
    if opened.converted {
        info!("the names in the records are hashed from now on");
    }
    if config.privacy_key.is_some() {
        for old in Store::set_aside(&config.state) {
            warn!(file = %old.display(), "these old records may hold names in clear; delete them when you no longer need them");
        }
    }
    if let Some(damaged) = &opened.set_aside {
        error!(set_aside = %damaged.display(), "the records were damaged and have been set aside, not deleted; starting with empty ones: old mail is left alone");
    }
    Ok(StoreHandle::new(opened.store)?)
}

/// Where the records of a configuration are, and how names are kept in them.
pub fn place(config: &Config) -> Place {
    Place::new(&config.state, config.privacy_key.as_deref())
}

/// A name for this run of the program, for `undo --run`.
pub fn run_name() -> String {
    format!(
        "{}-{}",
        jiff::Timestamp::now().strftime("%Y%m%dT%H%M%SZ"),
        std::process::id()
    )
}

impl Supervisor {
    /// Takes the locks and opens the records. `stop` ends the daemon from outside, as SIGTERM does.
    pub fn new(
        config: Config,
        keeper: RulesKeeper,
        listener: Option<UnboundedSender<Told>>,
        stop: CancellationToken,
    ) -> Result<Self, DaemonError> {
        // The locks first: opening may migrate or set aside what another daemon is working with.
        let locks = lock_all(&config.state, &config.accounts)?;
        let outfit = Outfit {
            gate: Arc::new(Network),
            store: open_store(&config)?,
            run: run_name(),
            rules: channel::Sender::new(keeper.current()),
            listener,
            stop,
        };
        Ok(Self {
            config,
            keeper,
            roster: Roster::new(outfit),
            locks,
            refused: None,
        })
    }

    /// Sweeps every account once. The first error is returned after all have been tried.
    pub async fn once(self) -> Result<(), DaemonError> {
        self.roster.once(&self.config.accounts).await
    }

    /// Runs until SIGTERM, SIGINT or `stop`.
    pub async fn run(mut self) -> std::io::Result<()> {
        let (mut terminate, mut interrupt, mut hangup) = (
            signal(SignalKind::terminate())?,
            signal(SignalKind::interrupt())?,
            signal(SignalKind::hangup())?,
        );
        let (changed, mut rules_changed) = mpsc::channel(1);
        let mut watch = reload::watch(&self.config.rules, changed.clone());
        let accounts = self.config.accounts.clone().into_iter();
        for (account, lock) in accounts.zip(std::mem::take(&mut self.locks)) {
            self.roster.add(account, lock);
        }
        self.write_rules_down().await;
        systemd::ready(self.roster.len());
        info!(accounts = self.roster.len(), run = self.roster.outfit().run, "started");
        let stop = self.roster.outfit().stop.clone();
        let mut counting = self.counting();
        let mut heartbeat = tokio::time::interval(systemd::watchdog_interval().unwrap_or(Duration::from_mins(1)));
        loop {
            tokio::select! {
                _ = heartbeat.tick() => systemd::watchdog(),
                _ = terminate.recv() => break,
                _ = interrupt.recv() => break,
                () = stop.cancelled() => break,
                _ = hangup.recv() => {
                    let rules = self.config.rules.clone();
                    self.reload_config();
                    counting = self.counting();
                    self.reload_rules(true).await;
                    if rules != self.config.rules {
                        watch = reload::watch(&self.config.rules, changed.clone());
                    }
                }
                Some(()) = rules_changed.recv() => self.reload_rules(false).await,
                () = self.roster.attend() => {}
            }
        }
        drop((watch, counting));
        systemd::stopping();
        info!("stopping");
        self.roster.end().await;
        Ok(())
    }

    /// Keeps `metrics_file` fresh as long as the answer is kept.
    fn counting(&self) -> Option<JoinSet<()>> {
        let path = self.config.metrics_file.clone()?;
        let names = self
            .config
            .accounts
            .iter()
            .map(|account| account.name.clone())
            .collect();
        let mut task = JoinSet::new();
        task.spawn(metrics::keep(path, self.roster.outfit().store.clone(), names));
        Some(task)
    }

    /// Reads the configuration again. One that is wrong changes nothing.
    fn reload_config(&mut self) {
        let new = match config::load(Some(&self.config.path), &Environment::of_process()) {
            Ok(new) => new,
            Err(why) => {
                let why = why.to_string();
                error!(
                    "the new configuration is refused and the old one keeps running: {why}; `postroom check` shows the place"
                );
                self.refused = Some(why);
                return;
            }
        };
        self.refused = None;
        if new == self.config {
            return;
        }
        let state = self.config.state.clone();
        if new.state != state {
            warn!(state = %state.display(), "the state directory stays the same until the daemon is started again");
        }
        let privacy_key = self.config.privacy_key.clone();
        if new.privacy_key != privacy_key {
            warn!("how names are kept stays the same until the daemon is started again");
        }
        self.config = Config {
            state,
            privacy_key,
            ..new
        };
        self.keeper.configure(&self.config);
        self.roster.match_to(&self.config.state, &self.config.accounts);
        info!(
            accounts = self.config.accounts.len(),
            "the configuration was read again"
        );
    }

    async fn reload_rules(&mut self, asked: bool) {
        if let Some(rules) = self.keeper.reload() {
            self.roster.outfit().rules.send_replace(Arc::clone(&rules));
        } else if asked && self.keeper.refused().is_none() {
            info!("reload: the rules are unchanged");
        }
        let first = |why: &str| why.lines().next().unwrap_or_default().to_owned();
        match (self.keeper.refused(), &self.refused) {
            (Some(why), _) => {
                systemd::status(&format!("Running older rules; the newest are refused: {}", first(why)));
            }
            (None, Some(why)) => {
                systemd::status(&format!(
                    "Running the older configuration; the newest is refused: {}",
                    first(why)
                ));
            }
            (None, None) => systemd::looking_after(self.roster.len()),
        }
        self.roster.wake_all();
        self.write_rules_down().await;
    }

    /// Which rules are running, for `postroom status`, which has no other way to ask.
    async fn write_rules_down(&self) {
        let in_force = self.keeper.in_force();
        let accounts: Vec<String> = self
            .config
            .accounts
            .iter()
            .map(|account| account.name.clone())
            .collect();
        let store = &self.roster.outfit().store;
        let written = store.run(move |store| accounts.iter().try_for_each(|account| in_force.save(store, account)));
        if let Err(error) = written.await {
            // A courtesy: the accounts' own records say so too when nothing can be written.
            warn!("cannot write down which rules are running: {error}");
        }
    }
}
