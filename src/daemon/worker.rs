//! One account, looked after for as long as the daemon lives: visit, and when a visit ends, wait and visit again.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{Notify, watch as channel};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::backoff::{Backoff, Ending};
use super::error::DaemonError;
use super::logbook::Logbook;
use super::pending::Pending;
use super::status::{self, AccountStatus};
use super::visit::{Stopping, Visit};
use super::{access, layout, model};
use crate::config::{Account, Mode};
use crate::imap::ImapError;
use crate::imap::Session;
use crate::imap::watch;
use crate::sort::arrival::Event;
use crate::sort::mailbox::{Mailbox, Uid};
use crate::sort::rules::RuleSet;
use crate::store::StoreHandle;

/// A sweep of every folder is due this often, whatever IDLE says: it is only a hint.
const FULL_SWEEP: Duration = Duration::from_mins(5);

/// A visit that lasted this long counts as a success: the next failure waits from the beginning.
const SETTLED: Duration = Duration::from_mins(1);

/// One account and everything needed to look after it.
#[derive(Debug)]
pub struct Worker {
    /// The account's configuration.
    pub account: Account,
    /// The records.
    pub store: StoreHandle,
    /// Name of this run.
    pub run: String,
    /// The rules in force; changes on reload.
    pub rules: channel::Receiver<Arc<RuleSet>>,
    /// The log.
    pub logbook: Logbook,
    /// Set when the daemon is to stop.
    pub stop: CancellationToken,
    /// Wakes a waiting connection: stop, or new rules.
    pub wake: Arc<Notify>,
}

impl Worker {
    /// Visits the account until stopped.
    pub async fn run(mut self) {
        let mut backoff = Backoff::default();
        while !self.stop.is_cancelled() {
            let budget = backoff.before_login(Instant::now());
            self.rest(budget).await;
            if self.stop.is_cancelled() {
                break;
            }
            let begun = Instant::now();
            let Err(error) = self.visit(true).await else { continue };
            if begun.elapsed() > SETTLED {
                backoff.succeeded();
            }
            let ending = error.ending();
            let wait = backoff.after(ending);
            if ending == Ending::LoginRefused {
                let remedy = format!(
                    "correct that (the password, or `postroom login {}`), then `systemctl reload postroom` (or send SIGHUP); nothing is tried until then, except once in six hours",
                    self.account.name
                );
                self.logbook.stuck(&error, &remedy);
            } else {
                self.logbook.waiting(&error, wait);
            }
            self.report(AccountStatus::waiting(&error, wait)).await;
            self.rest(wait).await;
        }
    }

    /// One full sweep, then the end.
    pub async fn once(&mut self) -> Result<(), DaemonError> {
        self.visit(false).await
    }

    async fn rest(&self, wait: Duration) {
        if wait.is_zero() {
            return;
        }
        tokio::select! {
            () = tokio::time::sleep(wait) => {}
            () = self.stop.cancelled() => {}
            // SIGHUP: perhaps the user has mended what was wrong.
            () = self.wake.notified() => {}
        }
    }

    async fn report(&self, status: AccountStatus) {
        // The status is a courtesy to `postroom status`; when it cannot be written, the next row will say why.
        let _ = status::save(&self.store, &self.account.name, status).await;
    }

    /// A connection that is logged in.
    pub async fn connect(account: &Account) -> Result<Session, DaemonError> {
        access::open(&account.imap).await
    }

    /// A visit, ready to work: connected, folders known, model loaded. With `create`, missing folders are made.
    pub async fn open<'a>(
        account: &'a Account,
        store: &StoreHandle,
        rules: Arc<RuleSet>,
        run: &'a str,
        logbook: &'a Logbook,
        create: bool,
    ) -> Result<Visit<'a>, DaemonError> {
        let mut session = Self::connect(account).await?;
        let layout = layout::prepare(&mut session, account, create).await?;
        let settings = model::settings(account, &layout);
        let name = account.name.clone();
        let (sorter, marks) = store
            .run(move |store| {
                Ok::<_, crate::store::StoreError>((model::load(store, settings, rules)?, store.folders(&name)?))
            })
            .await?;
        Ok(Visit {
            account,
            session,
            sorter,
            layout,
            marks,
            ours: BTreeMap::new(),
            store: store.clone(),
            run,
            logbook,
            pending: Pending::default(),
            withheld: BTreeMap::new(),
            outside_changes: None,
        })
    }

    async fn visit(&mut self, stay: bool) -> Result<(), DaemonError> {
        let rules = self.rules.borrow_and_update().clone();
        let moves = self.account.mode == Mode::Sort;
        let mut visit = Self::open(&self.account, &self.store, rules, &self.run, &self.logbook, moves).await?;
        self.logbook.connected(&self.account.imap.host);
        let again = visit.recover().await?;
        visit.bootstrap(true).await?;
        visit.decide_again(&again).await?;
        let stop = self.stop.clone();
        let stopping = move || stop.is_cancelled();
        visit.sweep_all(&stopping).await?;
        self.report(AccountStatus::connected(&visit)).await;
        if stay {
            Self::stay(&mut visit, &mut self.rules, &self.wake, &stopping).await?;
        }
        visit.session.logout().await;
        Ok(())
    }

    /// Waits for news and deals with them until stopped.
    async fn stay(
        visit: &mut Visit<'_>,
        rules: &mut channel::Receiver<Arc<RuleSet>>,
        wake: &Notify,
        stopping: Stopping<'_>,
    ) -> Result<(), DaemonError> {
        let inbox = Mailbox::inbox();
        let mut swept = Instant::now();
        visit.logbook.watching();
        visit.logbook.idle();
        while !stopping() {
            let others = visit.layout.watched();
            let changes = watch::wait(&mut visit.session, &others, visit.account.imap.poll, wake).await?;
            if rules.has_changed().unwrap_or(false) {
                visit.sorter.rules = rules.borrow_and_update().clone();
            }
            if swept.elapsed() >= FULL_SWEEP {
                visit.sweep_all(stopping).await?;
                swept = Instant::now();
                status::save(&visit.store, &visit.account.name, AccountStatus::connected(visit)).await?;
                continue;
            }
            if changes.selected {
                visit.sweep(&inbox, stopping).await?;
            }
            let hinted: Vec<Mailbox> = if visit.session.is_notified() {
                others
                    .into_iter()
                    .filter(|folder| changes.others.contains(folder))
                    .collect()
            } else {
                others
            };
            let changed = if hinted.is_empty() {
                Vec::new()
            } else {
                visit.changed(&hinted).await?
            };
            for folder in &changed {
                visit.sweep(folder, stopping).await?;
            }
            if !changed.is_empty() {
                visit.sweep(&inbox, stopping).await?;
            }
            visit.logbook.idle();
        }
        Ok(())
    }
}

impl Visit<'_> {
    /// Compares every folder with the ledger; INBOX first, and last, so that it is the selected one.
    pub async fn sweep_all(&mut self, stopping: Stopping<'_>) -> Result<(), DaemonError> {
        let inbox = Mailbox::inbox();
        let buckets = self.layout.buckets.clone();
        // Sent first of all: whom the user has just written to decides about the mail that follows.
        if let Some(sent) = self.layout.sent.clone() {
            self.sweep_if_there(&sent, stopping).await?;
        }
        self.sweep(&inbox, stopping).await?;
        for folder in &buckets {
            self.sweep_if_there(folder, stopping).await?;
        }
        self.sweep(&inbox, stopping).await
    }

    /// A folder that the user has deleted or renamed is no reason to end the visit; it is looked for again next time.
    async fn sweep_if_there(&mut self, folder: &Mailbox, stopping: Stopping<'_>) -> Result<(), DaemonError> {
        match self.sweep(folder, stopping).await {
            Err(DaemonError::Imap(error @ ImapError::Refused { .. })) => {
                self.logbook.stuck(
                    &format!("cannot look into {folder}: {error}"),
                    "if you renamed it, tell postroom.toml the new name",
                );
                Ok(())
            }
            other => other,
        }
    }

    /// Gives messages of INBOX a new verdict: their moves were interrupted before they ran.
    pub async fn decide_again(&mut self, uids: &[Uid]) -> Result<(), DaemonError> {
        let inbox = Mailbox::inbox();
        let (Some(mark), false) = (self.marks.get(&inbox).copied(), uids.is_empty()) else {
            return Ok(());
        };
        let selected = self.enter(&inbox).await?;
        if selected.uid_validity != mark.uid_validity {
            return Ok(());
        }
        let mut uids: Vec<Uid> = uids.iter().copied().filter(|uid| *uid < mark.next_uid).collect();
        uids.sort_unstable();
        let fetched = self.session.headers(&uids, &self.fields()).await?;
        let now = super::clock::now();
        let events: Vec<Event> = self.read(&inbox, selected.uid_validity, fetched).await?;
        let actions = events
            .into_iter()
            .flat_map(|event| self.sorter.handle(now, event))
            .collect();
        self.record(now, &inbox, &mark, actions).await?;
        self.carry_out().await
    }
}
