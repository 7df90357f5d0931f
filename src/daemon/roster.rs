//! Who is looked after: one worker, one lock and one stop an account. Accounts come, go and change on reload without the
//! others noticing; a worker that panics is started again alone.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc::UnboundedSender;
use tokio::sync::{Notify, watch as channel};
use tokio::task::{Id, JoinError, JoinSet};
use tokio_util::sync::CancellationToken;
use tracing::{error, info};

use super::access::Gate;
use super::error::DaemonError;
use super::logbook::{Logbook, Told};
use super::worker::Worker;
use crate::config::Account;
use crate::sort::rules::RuleSet;
use crate::store::{AccountLock, LockError, StoreHandle};

/// After a panic an account rests this long.
const AFTER_PANIC: Duration = Duration::from_mins(1);

/// What every worker is given.
#[derive(Debug)]
pub struct Outfit {
    /// The way to the servers.
    pub gate: Arc<dyn Gate>,
    /// The records.
    pub store: StoreHandle,
    /// Name of this run.
    pub run: String,
    /// The rules in force.
    pub rules: channel::Sender<Arc<RuleSet>>,
    /// Who hears what happens, beside the log.
    pub listener: Option<UnboundedSender<Told>>,
    /// Ends every worker.
    pub stop: CancellationToken,
}

/// What becomes of an account when its worker has ended.
#[derive(Debug)]
enum Afterwards {
    /// It is started again: the end was not wished for.
    Stay,
    /// It is no longer in the configuration.
    Leave,
    /// It has been configured anew.
    Become(Box<Account>),
}

/// One account that is looked after.
#[derive(Debug)]
struct Minded {
    account: Account,
    stop: CancellationToken,
    wake: Arc<Notify>,
    afterwards: Afterwards,
    /// Held until the worker has ended, however it ends.
    _lock: AccountLock,
}

/// Takes the locks of these accounts; the first that is held by another process is an error.
pub fn lock_all(state: &Path, accounts: &[Account]) -> Result<Vec<AccountLock>, LockError> {
    let lock = |account: &Account| AccountLock::acquire(state, &account.name);
    accounts.iter().map(lock).collect()
}

/// All accounts that are looked after.
#[derive(Debug)]
pub struct Roster {
    outfit: Outfit,
    minded: BTreeMap<String, Minded>,
    workers: JoinSet<()>,
    running: BTreeMap<Id, String>,
}

impl Roster {
    /// Nobody yet.
    pub fn new(outfit: Outfit) -> Self {
        Self {
            outfit,
            minded: BTreeMap::new(),
            workers: JoinSet::new(),
            running: BTreeMap::new(),
        }
    }

    /// What every worker is given.
    pub fn outfit(&self) -> &Outfit {
        &self.outfit
    }

    /// Number of accounts.
    pub fn len(&self) -> usize {
        self.minded.len()
    }

    /// True when there is no account.
    pub fn is_empty(&self) -> bool {
        self.minded.is_empty()
    }

    /// Begins to look after an account whose lock is held.
    pub fn add(&mut self, account: Account, lock: AccountLock) {
        let name = account.name.clone();
        let minded = Minded {
            account,
            stop: self.outfit.stop.child_token(),
            wake: Arc::default(),
            afterwards: Afterwards::Stay,
            _lock: lock,
        };
        self.minded.insert(name.clone(), minded);
        self.launch(&name, Duration::ZERO);
    }

    /// Makes the roster match the configuration: what is new is begun, what has gone is ended, what has changed is ended
    /// and begun anew; all others go on untouched. An account that cannot be locked is left out, with a word.
    pub fn match_to(&mut self, state: &Path, wanted: &[Account]) {
        for (name, minded) in &mut self.minded {
            match wanted.iter().find(|account| account.name == *name) {
                Some(account) if *account == minded.account && matches!(minded.afterwards, Afterwards::Stay) => {
                    continue;
                }
                Some(account) => minded.afterwards = Afterwards::Become(Box::new(account.clone())),
                None => minded.afterwards = Afterwards::Leave,
            }
            minded.stop.cancel();
            minded.wake.notify_one();
        }
        for account in wanted {
            if self.minded.contains_key(&account.name) {
                continue;
            }
            match AccountLock::acquire(state, &account.name) {
                Ok(lock) => {
                    info!(account = account.name, "added");
                    self.add(account.clone(), lock);
                }
                Err(why) => error!(account = account.name, "not added: {why}"),
            }
        }
    }

    /// The worker of an account, ready to run.
    pub fn worker(&self, account: &Account, stop: CancellationToken, wake: Arc<Notify>) -> Worker {
        Worker {
            logbook: Logbook::new(&account.name, self.outfit.listener.clone()),
            account: account.clone(),
            gate: self.outfit.gate.clone(),
            store: self.outfit.store.clone(),
            run: self.outfit.run.clone(),
            rules: self.outfit.rules.subscribe(),
            stop,
            wake,
        }
    }

    fn launch(&mut self, name: &str, rest: Duration) {
        let Some(minded) = self.minded.get(name) else { return };
        let worker = self.worker(&minded.account, minded.stop.clone(), minded.wake.clone());
        let stop = minded.stop.clone();
        let task = self.workers.spawn(async move {
            tokio::select! {
                () = tokio::time::sleep(rest), if !rest.is_zero() => {}
                () = stop.cancelled(), if !rest.is_zero() => {}
                else => {}
            }
            worker.run().await;
        });
        self.running.insert(task.id(), name.to_owned());
    }

    /// Waits for the end of a worker, and does what is to follow. Never ends while there is no worker.
    pub async fn attend(&mut self) {
        match self.workers.join_next_with_id().await {
            Some(Ok((id, ()))) => self.ended(id, None),
            Some(Err(panic)) => self.ended(panic.id(), Some(&panic)),
            None => std::future::pending().await,
        }
    }

    fn ended(&mut self, id: Id, panic: Option<&JoinError>) {
        let Some(name) = self.running.remove(&id) else { return };
        let Some(minded) = self.minded.get_mut(&name) else {
            return;
        };
        match std::mem::replace(&mut minded.afterwards, Afterwards::Stay) {
            Afterwards::Leave => {
                self.minded.remove(&name);
                info!(account = name, "no longer looked after: it has left the configuration");
            }
            Afterwards::Become(account) => {
                minded.account = *account;
                minded.stop = self.outfit.stop.child_token();
                info!(account = name, "configured anew");
                self.launch(&name, Duration::ZERO);
            }
            Afterwards::Stay => {
                let Some(panic) = panic.filter(|_| !self.outfit.stop.is_cancelled()) else {
                    return;
                };
                error!(
                    account = name,
                    "this account's worker ended unexpectedly ({panic}); it is started again in {} s",
                    AFTER_PANIC.as_secs()
                );
                self.launch(&name, AFTER_PANIC);
            }
        }
    }

    /// Sweeps every account once. The first error is returned after all have been tried.
    pub async fn once(self, accounts: &[Account]) -> Result<(), DaemonError> {
        let mut workers = JoinSet::new();
        for account in accounts {
            let mut worker = self.worker(account, self.outfit.stop.clone(), Arc::default());
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

    /// Wakes every waiting worker. Those that are busy look at the rules and at `stop` when they are done.
    pub fn wake_all(&self) {
        self.minded.values().for_each(|minded| minded.wake.notify_one());
    }

    /// Ends every worker and waits for the last.
    pub async fn end(&mut self) {
        self.outfit.stop.cancel();
        self.wake_all();
        while self.workers.join_next().await.is_some() {}
    }
}
