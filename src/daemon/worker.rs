//! One account, looked after for as long as the daemon lives: visit, and when a visit ends, wait and visit again.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{Notify, watch as channel};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::access::Gate;
use super::attendant::Attendants;
use super::backoff::{Backoff, Ending, FOR_GOOD, Logins};
use super::error::DaemonError;
use super::logbook::Logbook;
use super::status::{self, AccountStatus};
use super::visit::Visit;
use super::{access, layout, paused, recess, slumber};
use crate::config::{Account, Mode, Secret};
use crate::imap::Access;
use crate::sort::rules::RuleSet;
use crate::store::{StoreError, StoreHandle};

/// A visit that lasted this long counts as a success: the next failure waits from the beginning.
const SETTLED: Duration = Duration::from_mins(1);

/// One account and everything needed to look after it.
#[derive(Debug)]
pub struct Worker {
    /// The account's configuration.
    pub account: Account,
    /// The way to the server.
    pub gate: Arc<dyn Gate>,
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
            Box::pin(self.keep_recess()).await;
            let budget = backoff.before_login(Instant::now());
            self.rest(budget).await;
            if self.stop.is_cancelled() {
                break;
            }
            let (begun, tried) = (Instant::now(), self.password_on_disk().await);
            let Err(error) = self.visit(Some(&backoff.logins.clone())).await else {
                continue;
            };
            if begun.elapsed() > SETTLED {
                backoff.succeeded();
            }
            let ending = error.ending();
            let wait = backoff.after(ending, Instant::now());
            match ending {
                Ending::LoginRefused | Ending::LoginDoubtful => {
                    let remedy = if matches!(self.account.imap.secret, Secret::OAuth2(_)) {
                        format!(
                            "run `postroom login {}`; nothing is asked for until then, except once in hours",
                            self.account.name
                        )
                    } else {
                        "correct the password: a new one is found within seconds; the refused one is tried again only in hours".to_owned()
                    };
                    self.logbook.stuck(&error, &remedy);
                }
                _ if wait == FOR_GOOD => self.logbook.stopped(&error),
                _ => self.logbook.waiting(&error, wait),
            }
            self.report(AccountStatus::waiting(&error, wait)).await;
            if matches!(
                &error,
                DaemonError::Store(StoreError::Damaged { .. } | StoreError::Sql { .. })
            ) && let Err(error) = paused::replace_damaged(&self.store).await
            {
                self.logbook.stuck(&error, "no mail is moved without records");
            }
            if matches!(ending, Ending::LoginRefused | Ending::LoginDoubtful) {
                if self.rest_until_mended(wait, tried.as_ref()).await {
                    backoff.password_changed();
                }
            } else {
                self.rest(wait).await;
            }
        }
    }

    /// One full sweep, then the end.
    pub async fn once(&mut self) -> Result<(), DaemonError> {
        if let Some(recess) = recess::now(&self.store, &self.account.name).await {
            let words = format!("{}; nothing is done; `postroom resume` goes on", recess.sentence());
            self.logbook.recess(&words);
            return Ok(());
        }
        self.visit(None).await
    }

    async fn rest(&self, wait: Duration) {
        if wait.is_zero() {
            return;
        }
        tokio::select! {
            biased;
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

    /// A visit, ready to work: connected, folders known, model loaded. With `create`, missing folders are made.
    pub async fn open<'a>(
        account: &'a Account,
        store: &StoreHandle,
        rules: Arc<RuleSet>,
        run: &'a str,
        logbook: &'a Logbook,
        create: bool,
    ) -> Result<Visit<'a>, DaemonError> {
        let session = access::open(&account.imap, None).await?;
        Visit::begin(session, account, store, rules, run, logbook, create).await
    }

    /// One connection, from the login to its end. With the account's logins it stays and waits for news.
    async fn visit(&mut self, logins: Option<&Logins>) -> Result<(), DaemonError> {
        let rules = self.rules.borrow_and_update().clone();
        let moves = self.account.mode == Mode::Sort;
        let inbox = if moves { Access::ReadWrite } else { Access::ReadOnly };
        let session = self.gate.open(&self.account.imap, Some(inbox)).await?;
        let (account, store, run, logbook) = (&self.account, &self.store, self.run.as_str(), &self.logbook);
        let mut visit = Box::pin(Visit::begin(session, account, store, rules, run, logbook, moves)).await?;
        self.logbook.connected(&self.account.imap.host);
        for (one, other) in layout::aliases(Box::pin(visit.look_around()).await?) {
            self.logbook.alias(&one, &other);
        }
        Box::pin(visit.tell_of_gone_folders()).await?;
        let stop = self.stop.clone();
        let stopping = move || stop.is_cancelled();
        let attendants = logins.map(|logins| Attendants::send(&visit, &self.gate, logins, self.wake.clone()));
        loop {
            let heard = attendants.as_ref().map(|attendants| &*attendants.heard);
            let work = visit.work(heard.map(|heard| (&mut self.rules, heard)), &stopping);
            let worked = tokio::select! {
                worked = work => worked,
                () = slumber::over(slumber::asleep) => Err(DaemonError::Slept),
            };
            match worked {
                Err(DaemonError::Store(error)) if logins.is_some() && paused::passes(&error) => {
                    Box::pin(visit.pause(&error, heard.unwrap_or(&self.wake), &stopping)).await?;
                    // Otherwise the work would begin again and fail at once, until there is room.
                    if stopping() {
                        break;
                    }
                }
                worked => {
                    worked?;
                    break;
                }
            }
        }
        Box::pin(visit.session.logout()).await;
        Ok(())
    }
}
