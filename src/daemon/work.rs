//! What a visit does: it catches up with what was left open and what is new, then waits for news and attends to them.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{Notify, watch as channel};
use tokio::time::Instant;

use super::error::DaemonError;
use super::status::{self, AccountStatus};
use super::visit::{Stopping, Visit};
use super::{clock, recess};
use crate::config::Backlog;
use crate::imap::watch;
use crate::sort::mailbox::Mailbox;
use crate::sort::rules::RuleSet;

/// A sweep of every folder is due this often, whatever IDLE says: it is only a hint.
const FULL_SWEEP: Duration = Duration::from_mins(5);

/// Rows older than this, in seconds, are deleted: 400 days.
const RETENTION: i64 = 400 * 86_400;

/// How often.
const PRUNING: Duration = Duration::from_hours(24);

impl Visit<'_> {
    /// Everything a visit does, from what was left open to waiting for news. An account waits nearly all of its life: what
    /// it does between is boxed for as long as it takes, so that its own future is small (4 KiB an account).
    pub async fn work(
        &mut self,
        mut stay: Option<(&mut channel::Receiver<Arc<RuleSet>>, &Notify)>,
        stopping: Stopping<'_>,
    ) -> Result<(), DaemonError> {
        if let Some((rules, _)) = &mut stay {
            // Those of now: while the visit was paused there may have come others.
            self.sorter.rules = rules.borrow_and_update().clone();
        }
        Box::pin(self.catch_up(stopping)).await?;
        if let Some((rules, wake)) = stay {
            return self.stay(rules, wake, stopping).await;
        }
        Box::pin(self.stay_until_settled(stopping)).await?;
        Box::pin(self.release_claims()).await
    }

    /// What was left open, what the account's past tells, and everything that is new.
    async fn catch_up(&mut self, stopping: Stopping<'_>) -> Result<(), DaemonError> {
        self.learn_rights().await?;
        self.recover().await?;
        if self.account.backlog == Backlog::Sort && !self.store.run(|store| Ok(store.has_lost_records())).await? {
            self.bootstrap_from_sent(true).await?;
        } else {
            self.bootstrap(true).await?;
        }
        self.get_acquainted().await?;
        self.leave_old_mail_alone().await?;
        self.use_rules(self.sorter.rules.clone()).await?;
        self.begin_round(stopping).await?;
        self.check_claims();
        self.bring_back().await?;
        self.try_again().await?;
        let account = self.account.name.clone();
        self.watch_inbox(stopping).await?;
        Ok(status::save(&self.store, &account, AccountStatus::connected(self)).await?)
    }

    /// Waits for news and deals with them until stopped.
    async fn stay(
        &mut self,
        rules: &mut channel::Receiver<Arc<RuleSet>>,
        wake: &Notify,
        stopping: Stopping<'_>,
    ) -> Result<(), DaemonError> {
        let mut dues = Dues::new();
        self.logbook.watching();
        while !stopping() {
            Box::pin(self.watch_inbox(stopping)).await?;
            self.logbook.idle();
            let others = self.layout.watched();
            let limit = self.until_settled(self.account.imap.poll);
            let changes = watch::wait(&mut self.session, &others, limit, wake).await?;
            if Box::pin(recess::now(&self.store, &self.account.name)).await.is_some() {
                break;
            }
            Box::pin(self.attend(rules, others, changes, &mut dues, stopping)).await?;
        }
        Ok(())
    }

    /// Deals with what has changed while the account waited, and with what has become due.
    async fn attend(
        &mut self,
        rules: &mut channel::Receiver<Arc<RuleSet>>,
        others: Vec<Mailbox>,
        changes: watch::Changes,
        dues: &mut Dues,
        stopping: Stopping<'_>,
    ) -> Result<(), DaemonError> {
        let inbox = Mailbox::inbox();
        self.heed_server();
        if rules.has_changed().unwrap_or(false) {
            let new = rules.borrow_and_update().clone();
            self.use_rules(new).await?;
            // What has come with the news is decided about by the new rules.
            self.sweep(&inbox, stopping).await?;
        } else if changes.selected {
            self.take_news(&inbox, stopping).await?;
        }
        self.bring_back().await?;
        self.read_back_when_due().await?;
        self.try_again().await?;
        if dues.prune() {
            let now = clock::now();
            self.store.run(move |store| store.prune(now, RETENTION)).await?;
        }
        self.digest_when_due().await?;
        if dues.sweep() {
            self.begin_round(stopping).await?;
            dues.swept = Instant::now();
            return Ok(status::save(&self.store, &self.account.name, AccountStatus::connected(self)).await?);
        }
        let hinted: Vec<Mailbox> = if self.session.is_notified() {
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
            self.changed(&hinted).await?
        };
        for folder in &changed {
            self.sweep(folder, stopping).await?;
        }
        self.look_for_rival_when_due().await
    }
}

/// When what is due now and then was done last.
struct Dues {
    swept: Instant,
    pruned: Option<Instant>,
}

impl Dues {
    /// As after a full sweep.
    fn new() -> Self {
        Self {
            swept: Instant::now(),
            pruned: None,
        }
    }

    /// True when old rows are to be deleted now.
    fn prune(&mut self) -> bool {
        let due = self.pruned.is_none_or(|at| at.elapsed() >= PRUNING);
        if due {
            self.pruned = Some(Instant::now());
        }
        due
    }

    /// True when a full sweep is due.
    fn sweep(&self) -> bool {
        self.swept.elapsed() >= FULL_SWEEP
    }
}
