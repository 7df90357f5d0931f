//! What most commands need: the configuration, the rules, the records, and a runtime for the network.

use std::future::Future;
use std::path::PathBuf;
use std::sync::Arc;

use anyhow::{Context as _, bail};

use crate::config::{self, Account, Config, Environment};
use crate::daemon::DaemonError;
use crate::daemon::clock;
use crate::daemon::logbook::Logbook;
use crate::daemon::reload::RulesKeeper;
use crate::daemon::supervisor::{place, run_name};
use crate::daemon::visit::Visit;
use crate::daemon::worker::Worker;
use crate::sort::rules::RuleSet;
use crate::store::{FILE_NAME, Store, StoreHandle};

/// The options that every command shares.
#[derive(Debug, Clone, Default)]
pub struct Context {
    /// `--config`.
    pub config: Option<PathBuf>,
}

impl Context {
    /// The configuration, checked.
    pub fn config(&self) -> anyhow::Result<Config> {
        Ok(config::load(self.config.as_deref(), &Environment::of_process())?)
    }

    /// The configuration and the rules it names.
    pub fn config_and_rules(&self) -> anyhow::Result<(Config, RulesKeeper)> {
        let config = self.config()?;
        let keeper = RulesKeeper::open(&config)?;
        Ok((config, keeper))
    }
}

/// The account called `name`; the only one when no name is given.
pub fn account<'a>(config: &'a Config, name: Option<&str>) -> anyhow::Result<&'a Account> {
    let names = || {
        config
            .accounts
            .iter()
            .map(|account| account.name.as_str())
            .collect::<Vec<_>>()
            .join(", ")
    };
    match (name, config.accounts.as_slice()) {
        (None, [only]) => Ok(only),
        (None, _) => bail!("there are several accounts ({}); say which with --account", names()),
        (Some(name), accounts) => accounts
            .iter()
            .find(|account| account.name == name)
            .with_context(|| format!("there is no account `{name}`; the accounts are {}", names())),
    }
}

/// Runs network work to its end on a small runtime.
pub fn block_on<T>(work: impl Future<Output = T>) -> anyhow::Result<T> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .context("cannot start the runtime")?;
    Ok(runtime.block_on(work))
}

/// The records as they are, or empty ones in memory when there are none yet: for commands that must not write.
pub fn store_to_read(config: &Config) -> Result<StoreHandle, DaemonError> {
    let store = if config.state.join(FILE_NAME).exists() {
        Store::open_read_only(place(config))?
    } else {
        Store::in_memory()?
    };
    Ok(StoreHandle::new(store)?)
}

/// The records, to be written beside a running daemon.
pub fn store_to_write(config: &Config) -> Result<StoreHandle, DaemonError> {
    Ok(StoreHandle::new(Store::open_beside(place(config), clock::now())?)?)
}

/// A visit that writes nothing and moves nothing: the model is loaded, or built from Sent when there is none yet.
pub async fn visit_to_look<'a>(
    config: &Config,
    account: &'a Account,
    rules: Arc<RuleSet>,
    logbook: &'a Logbook,
) -> Result<Visit<'a>, DaemonError> {
    let store = store_to_read(config)?;
    let mut visit = Worker::open(account, &store, rules, "", logbook, false).await?;
    visit.bootstrap(false).await?;
    Ok(visit)
}

/// A visit that acts at the user's word, whatever the account's mode.
pub async fn visit_to_act<'a>(
    config: &Config,
    account: &'a Account,
    rules: Arc<RuleSet>,
    run: &'a str,
    logbook: &'a Logbook,
) -> Result<Visit<'a>, DaemonError> {
    let store = store_to_write(config)?;
    let mut visit = Worker::open(account, &store, rules, run, logbook, true).await?;
    visit.sorter.settings.moves = true;
    Ok(visit)
}

/// A run name for a command that moves mail.
pub fn new_run() -> String {
    run_name()
}
