//! One account, looked after for as long as the daemon lives: visit, and when a visit ends, wait and visit again.

use std::sync::Arc;
use std::time::Duration;

use secrecy::{ExposeSecret, SecretString};
use tokio::sync::{Notify, watch as channel};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::access::Gate;
use super::attendant::Attendants;
use super::backoff::{Backoff, Ending, FOR_GOOD, Logins};
use super::error::DaemonError;
use super::logbook::Logbook;
use super::status::{self, AccountStatus};
use super::visit::{Stopping, Visit};
use super::{access, clock, layout, paused, recess, slumber};
use crate::config::{Account, Backlog, Mode, Secret};
use crate::imap::watch;
use crate::sort::arrival::Event;
use crate::sort::mailbox::{Location, Mailbox, Uid};
use crate::sort::rules::RuleSet;
use crate::store::{StoreError, StoreHandle};

/// A sweep of every folder is due this often, whatever IDLE says: it is only a hint.
const FULL_SWEEP: Duration = Duration::from_mins(5);

/// Rows older than this, in seconds, are deleted: 400 days.
const RETENTION: i64 = 400 * 86_400;

/// How often.
const PRUNING: Duration = Duration::from_hours(24);

/// How often the password is looked at after it was refused.
const LOOK_AT_PASSWORD: Duration = Duration::from_secs(10);

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
            self.keep_recess().await;
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

    /// The password of now, where looking at it disturbs nobody: a command may ask the user something, or be slow.
    async fn password_on_disk(&self) -> Option<SecretString> {
        match self.account.imap.secret {
            Secret::PasswordCommand(_) | Secret::TokenCommand(_) => None,
            _ => self.gate.kept(&self.account.imap).await.ok(),
        }
    }

    /// Rests, and looks now and then whether the password is another one than was `tried`. True as soon as it is.
    async fn rest_until_mended(&mut self, wait: Duration, tried: Option<&SecretString>) -> bool {
        let end = Instant::now() + wait;
        loop {
            let woken = tokio::select! {
                biased;
                () = tokio::time::sleep_until(end.min(Instant::now() + LOOK_AT_PASSWORD)) => false,
                () = self.stop.cancelled() => return false,
                () = self.wake.notified() => true,
            };
            if let Some(now) = self.password_on_disk().await
                && tried.is_none_or(|tried| tried.expose_secret() != now.expose_secret())
            {
                return true;
            }
            // New rules wake us too, and are no reason to knock again.
            let rules = self.rules.has_changed().unwrap_or(false);
            self.rules.mark_unchanged();
            if (woken && !rules) || Instant::now() >= end {
                return false;
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
        let session = access::open(&account.imap).await?;
        Visit::begin(session, account, store, rules, run, logbook, create).await
    }

    /// One connection, from the login to its end. With the account's logins it stays and waits for news.
    async fn visit(&mut self, logins: Option<&Logins>) -> Result<(), DaemonError> {
        let rules = self.rules.borrow_and_update().clone();
        let moves = self.account.mode == Mode::Sort;
        let session = self.gate.open(&self.account.imap).await?;
        let (account, store, run, logbook) = (&self.account, &self.store, self.run.as_str(), &self.logbook);
        let mut visit = Box::pin(Visit::begin(session, account, store, rules, run, logbook, moves)).await?;
        self.logbook.connected(&self.account.imap.host);
        for (one, other) in layout::aliases(Box::pin(visit.look_around()).await?) {
            self.logbook.alias(&one, &other);
        }
        let stop = self.stop.clone();
        let stopping = move || stop.is_cancelled();
        let attendants = logins.map(|logins| Attendants::send(&visit, &self.gate, logins, self.wake.clone()));
        loop {
            let heard = attendants.as_ref().map(|attendants| &*attendants.heard);
            let work = Self::work(&mut visit, heard.map(|heard| (&mut self.rules, heard)), &stopping);
            let worked = tokio::select! {
                worked = work => worked,
                () = slumber::over(slumber::asleep) => Err(DaemonError::Slept),
            };
            match worked {
                Err(DaemonError::Store(error)) if logins.is_some() && paused::passes(&error) => {
                    Box::pin(visit.pause(&error, heard.unwrap_or(&self.wake), &stopping)).await?;
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

    /// Everything a visit does, from what was left open to waiting for news. An account waits nearly all of its life: what
    /// it does between is boxed for as long as it takes, so that its own future is small (4 KiB an account).
    async fn work(
        visit: &mut Visit<'_>,
        mut stay: Option<(&mut channel::Receiver<Arc<RuleSet>>, &Notify)>,
        stopping: Stopping<'_>,
    ) -> Result<(), DaemonError> {
        if let Some((rules, _)) = &mut stay {
            // Those of now: while the visit was paused there may have come others.
            visit.sorter.rules = rules.borrow_and_update().clone();
        }
        Box::pin(Self::catch_up(visit, stopping)).await?;
        if let Some((rules, wake)) = stay {
            return Self::stay(visit, rules, wake, stopping).await;
        }
        Box::pin(visit.watch_inbox(stopping)).await?;
        Box::pin(visit.release_claims()).await
    }

    /// What was left open, what the account's past tells, and everything that is new.
    async fn catch_up(visit: &mut Visit<'_>, stopping: Stopping<'_>) -> Result<(), DaemonError> {
        visit.learn_rights().await?;
        visit.recover().await?;
        if visit.account.backlog == Backlog::Sort && !visit.store.run(|store| Ok(store.has_lost_records())).await? {
            visit.bootstrap_from_sent(true).await?;
        } else {
            visit.bootstrap(true).await?;
        }
        visit.get_acquainted().await?;
        visit.leave_old_mail_alone().await?;
        let rules = visit.sorter.rules.clone();
        visit.use_rules(rules).await?;
        visit.begin_round(stopping).await?;
        visit.check_claims();
        visit.bring_back().await?;
        visit.try_again().await?;
        let account = visit.account.name.clone();
        Ok(status::save(&visit.store, &account, AccountStatus::connected(visit)).await?)
    }

    /// Waits for news and deals with them until stopped.
    async fn stay(
        visit: &mut Visit<'_>,
        rules: &mut channel::Receiver<Arc<RuleSet>>,
        wake: &Notify,
        stopping: Stopping<'_>,
    ) -> Result<(), DaemonError> {
        let mut dues = Dues::new();
        visit.logbook.watching();
        while !stopping() {
            Box::pin(visit.watch_inbox(stopping)).await?;
            visit.logbook.idle();
            let others = visit.layout.watched();
            let changes = watch::wait(&mut visit.session, &others, visit.account.imap.poll, wake).await?;
            if recess::now(&visit.store, &visit.account.name).await.is_some() {
                break;
            }
            Box::pin(Self::attend(visit, rules, others, changes, &mut dues, stopping)).await?;
        }
        Ok(())
    }

    /// Deals with what has changed while the account waited, and with what has become due.
    async fn attend(
        visit: &mut Visit<'_>,
        rules: &mut channel::Receiver<Arc<RuleSet>>,
        others: Vec<Mailbox>,
        changes: watch::Changes,
        dues: &mut Dues,
        stopping: Stopping<'_>,
    ) -> Result<(), DaemonError> {
        let inbox = Mailbox::inbox();
        visit.heed_server();
        if rules.has_changed().unwrap_or(false) {
            let new = rules.borrow_and_update().clone();
            visit.use_rules(new).await?;
            // What has come with the news is decided about by the new rules.
            visit.sweep(&inbox, stopping).await?;
        } else if changes.selected {
            visit.take_news(&inbox, stopping).await?;
        }
        visit.bring_back().await?;
        visit.try_again().await?;
        if dues.prune() {
            let now = clock::now();
            visit.store.run(move |store| store.prune(now, RETENTION)).await?;
        }
        visit.digest_when_due().await?;
        if dues.sweep() {
            visit.begin_round(stopping).await?;
            dues.swept = Instant::now();
            return Ok(status::save(&visit.store, &visit.account.name, AccountStatus::connected(visit)).await?);
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
        visit.look_for_rival_when_due().await
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

impl Visit<'_> {
    /// After the records were lost: what lies in INBOX now may have been sorted and put back before, so it stays there,
    /// whatever `backlog` says (reliability.md F3).
    async fn leave_old_mail_alone(&mut self) -> Result<(), DaemonError> {
        let inbox = Mailbox::inbox();
        if self.marks.contains_key(&inbox) || !self.store.run(|store| Ok(store.has_lost_records())).await? {
            return Ok(());
        }
        let selected = self.enter(&inbox).await?;
        self.logbook.baseline(&inbox, selected.exists);
        self.set_mark(&inbox, super::sweep::baseline(&selected, selected.uid_next))
            .await
    }

    /// Gives messages of INBOX a new verdict whose moves came to nothing. One that was put off (`after`) has had its row
    /// when it came, and its time has come since.
    pub async fn decide_again(&mut self, locations: &[Location]) -> Result<(), DaemonError> {
        let inbox = Mailbox::inbox();
        let (Some(mark), false) = (self.marks.get(&inbox).copied(), locations.is_empty()) else {
            return Ok(());
        };
        let selected = self.enter(&inbox).await?;
        if selected.uid_validity != mark.uid_validity {
            return Ok(());
        }
        let mut uids: Vec<Uid> = locations
            .iter()
            .filter(|at| at.uid_validity == mark.uid_validity && at.uid < mark.next_uid)
            .map(|at| at.uid)
            .collect();
        uids.sort_unstable();
        let fetched = self.session.headers(&uids, &self.fields()).await?;
        let now = clock::now();
        let events: Vec<Event> = self.read(&inbox, selected.uid_validity, fetched).await?;
        let actions = events
            .into_iter()
            .map(Event::again)
            .flat_map(|event| self.sorter.handle(now, event))
            .collect();
        self.record(now, &inbox, &mark, actions).await?;
        self.carry_out().await
    }
}
