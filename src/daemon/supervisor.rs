//! The process: opens the store, takes one lock an account, starts a worker for each, and hands on signals and rules.
//!
//! A worker that panics is started again like one that lost its connection; the others never notice.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::mpsc::UnboundedSender;
use tokio::sync::{Notify, mpsc, watch as channel};
use tokio::task::{Id, JoinSet};
use tokio_util::sync::CancellationToken;
use tracing::{error, info, warn};

use super::error::DaemonError;
use super::logbook::{Logbook, Told};
use super::reload::{self, RulesKeeper};
use super::worker::Worker;
use super::{clock, systemd};
use crate::config::{Account, Config};
use crate::sort::rules::RuleSet;
use crate::store::{AccountLock, Store, StoreHandle};

/// After a panic an account rests this long.
const AFTER_PANIC: Duration = Duration::from_mins(1);

/// The daemon, ready to run.
#[derive(Debug)]
pub struct Supervisor {
    config: Config,
    store: StoreHandle,
    keeper: RulesKeeper,
    rules: channel::Sender<Arc<RuleSet>>,
    run: String,
    stop: CancellationToken,
    wakes: BTreeMap<String, Arc<Notify>>,
    listener: Option<UnboundedSender<Told>>,
    _locks: Vec<AccountLock>,
}

/// Opens the state directory and says so when a damaged database had to be set aside.
pub fn open_store(state: &Path) -> Result<StoreHandle, DaemonError> {
    let opened = Store::open(state, clock::now())?;
    if let Some(damaged) = &opened.set_aside {
        error!(set_aside = %damaged.display(), "the records were damaged and have been set aside, not deleted; starting with empty ones: old mail is left alone");
    }
    Ok(StoreHandle::new(opened.store)?)
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
    /// Opens the records and takes the locks. `stop` ends the daemon from outside, as SIGTERM does.
    pub fn new(
        config: Config,
        keeper: RulesKeeper,
        listener: Option<UnboundedSender<Told>>,
        stop: CancellationToken,
    ) -> Result<Self, DaemonError> {
        // The locks come first: a second daemon must not look at, and perhaps set aside, what the first one writes.
        let locks = config
            .accounts
            .iter()
            .map(|account| AccountLock::acquire(&config.state, &account.name))
            .collect::<Result<Vec<_>, _>>()?;
        let store = open_store(&config.state)?;
        let rules = channel::Sender::new(keeper.current());
        let wakes = config
            .accounts
            .iter()
            .map(|account| (account.name.clone(), Arc::default()))
            .collect();
        Ok(Self {
            config,
            store,
            keeper,
            rules,
            run: run_name(),
            stop,
            wakes,
            listener,
            _locks: locks,
        })
    }

    fn worker(&self, account: &Account) -> Worker {
        Worker {
            logbook: Logbook::new(&account.name, self.listener.clone()),
            account: account.clone(),
            store: self.store.clone(),
            run: self.run.clone(),
            rules: self.rules.subscribe(),
            stop: self.stop.clone(),
            wake: self.wakes.get(&account.name).cloned().unwrap_or_default(),
        }
    }

    /// Sweeps every account once. The first error is returned after all have been tried.
    pub async fn once(self) -> Result<(), DaemonError> {
        let mut workers = JoinSet::new();
        for account in &self.config.accounts {
            let mut worker = self.worker(account);
            workers.spawn(async move {
                worker
                    .once()
                    .await
                    .inspect_err(|error| worker.logbook.stuck(error, "this account was left as it is"))
            });
        }
        let mut first = Ok(());
        while let Some(ended) = workers.join_next().await {
            match ended {
                Ok(Err(error)) if first.is_ok() => first = Err(error),
                Err(panic) => error!("an account's worker ended unexpectedly: {panic}"),
                Ok(_) => {}
            }
        }
        first
    }

    /// Runs until SIGTERM, SIGINT or `stop`.
    pub async fn run(mut self) -> std::io::Result<()> {
        let (mut terminate, mut interrupt, mut hangup) = (
            signal(SignalKind::terminate())?,
            signal(SignalKind::interrupt())?,
            signal(SignalKind::hangup())?,
        );
        let (changed, mut rules_changed) = mpsc::channel(1);
        let _watch = reload::watch(&self.config.rules, changed);
        let mut workers = JoinSet::new();
        let mut names: BTreeMap<String, Account> = BTreeMap::new();
        let mut running: BTreeMap<Id, String> = BTreeMap::new();
        for account in self.config.accounts.clone() {
            let task = workers.spawn(self.worker(&account).run());
            running.insert(task.id(), account.name.clone());
            names.insert(account.name.clone(), account);
        }
        systemd::ready(names.len());
        info!(accounts = names.len(), run = self.run, "started");
        let mut heartbeat = tokio::time::interval(systemd::watchdog_interval().unwrap_or(Duration::from_mins(1)));
        loop {
            tokio::select! {
                _ = heartbeat.tick() => systemd::watchdog(),
                _ = terminate.recv() => break,
                _ = interrupt.recv() => break,
                () = self.stop.cancelled() => break,
                _ = hangup.recv() => self.reload(true),
                Some(()) = rules_changed.recv() => self.reload(false),
                Some(ended) = workers.join_next_with_id() => {
                    let (id, panicked) = match ended {
                        Ok((id, ())) => (id, None),
                        Err(error) => (error.id(), Some(error)),
                    };
                    let account = running.remove(&id).and_then(|name| names.get(&name));
                    if let (Some(account), Some(error), false) = (account, panicked, self.stop.is_cancelled()) {
                        error!(account = account.name, "this account's worker ended unexpectedly ({error}); it is started again in {} s", AFTER_PANIC.as_secs());
                        let worker = self.worker(account);
                        let task = workers.spawn(async move { tokio::time::sleep(AFTER_PANIC).await; worker.run().await });
                        running.insert(task.id(), account.name.clone());
                    }
                }
            }
        }
        systemd::stopping();
        info!("stopping");
        self.stop.cancel();
        self.wake_all();
        while workers.join_next().await.is_some() {}
        Ok(())
    }

    fn reload(&mut self, asked: bool) {
        if let Some(rules) = self.keeper.reload() {
            self.rules.send_replace(rules);
        } else if asked && self.keeper.refused().is_none() {
            info!("reload: the rules are unchanged");
        }
        if let Some(why) = self.keeper.refused() {
            systemd::status(&format!(
                "Running older rules; the newest are refused: {}",
                why.lines().next().unwrap_or_default()
            ));
            warn!("running the older rules");
        }
        self.wake_all();
    }

    /// Wakes every waiting worker. Those that are busy look at the rules and at `stop` when they are done.
    fn wake_all(&self) {
        self.wakes.values().for_each(|wake| wake.notify_one());
    }
}
