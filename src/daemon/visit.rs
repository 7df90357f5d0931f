//! One visit to an account: a connection that is logged in, with the model in memory and the folders known.
//!
//! Everything the visit learns is on disk before it is acted upon, so a visit may end at any instant.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::claim::Claims;
use super::contacts;
use super::error::DaemonError;
use super::first_look::FirstLook;
use super::hindrance::Hindrance;
use super::layout::{self, Layout};
use super::logbook::Logbook;
use super::pending::Pending;
use super::retry::Retries;
use super::rival::Company;
use super::{clock, model};
use crate::config::Account;
use crate::imap::Fetched;
use crate::imap::Session;
use crate::sort::Arrival;
use crate::sort::Sorter;
use crate::sort::arrival::Event;
use crate::sort::ledger::{Mid, RowId};
use crate::sort::mailbox::{Location, Mailbox, Timestamp, Uid, UidValidity};
use crate::sort::message::{FIELDS, Message};
use crate::sort::rules::RuleSet;
use crate::sort::taught::Taught;
use crate::store::{FolderMark, StoreHandle};

/// A connection with everything that is needed to sort by it.
pub struct Visit<'a> {
    /// The account's configuration.
    pub account: &'a Account,
    /// The connection.
    pub session: Session,
    /// The model, loaded from the store.
    pub sorter: Sorter,
    /// The account's folders.
    pub layout: Layout,
    /// Up to where each folder has been looked at.
    pub marks: BTreeMap<Mailbox, FolderMark>,
    /// UIDs behind the marks that this visit has dealt with: copies it put into folders, and new mail that went before old
    /// mail. No need to look at them again.
    pub ours: BTreeMap<Mailbox, BTreeSet<Uid>>,
    /// The records.
    pub store: StoreHandle,
    /// Name of this run, for `undo --run`.
    pub run: &'a str,
    /// The log.
    pub logbook: &'a Logbook,
    /// Moves that are on disk and wait to be carried out together.
    pub pending: Pending,
    /// Messages that the server lists but does not give, and how often it has not.
    pub withheld: BTreeMap<(Mailbox, Uid), u8>,
    /// Moves that are to be tried again, and when.
    pub retries: Retries,
    /// The address book's file as last seen.
    pub contacts_seen: contacts::Seen,
    /// When waiting mail is to come back next, as far as is known.
    pub next_return: Option<Timestamp>,
    /// When the first of the rows that were left open for a while is to be looked at again.
    pub settled_at: Option<Timestamp>,
    /// Waits whose end was tried in vain, and when.
    pub vain_returns: BTreeMap<RowId, Timestamp>,
    /// What is known of another sorter on the same mailbox.
    pub company: Company,
    /// Why nothing is moved for a while, if anything is in the way.
    pub hindrance: Option<Hindrance>,
    /// Claims on messages, where several daemons share the mailbox.
    pub claims: Claims,
    /// When everything was last compared with the ledger.
    pub swept: Option<Timestamp>,
    /// When the visit began, after the folders were listed.
    pub begun: Timestamp,
    /// Rules that have filled all the folders they may, and were told of.
    pub full_rules: BTreeSet<Option<Arc<str>>>,
    /// What the store last said about changes by other processes.
    pub outside_changes: Option<i64>,
    /// The state of every folder as the visit began; whoever is quick need not ask again.
    pub first_look: Option<FirstLook>,
}

/// Asked between two steps of long work: is the program to stop?
pub type Stopping<'a> = &'a (dyn Fn() -> bool + Sync);

impl<'a> Visit<'a> {
    /// A visit over a session that is logged in: folders known, model loaded. With `create`, missing folders are made.
    pub async fn begin(
        mut session: Session,
        account: &'a Account,
        store: &StoreHandle,
        rules: Arc<RuleSet>,
        run: &'a str,
        logbook: &'a Logbook,
        create: bool,
    ) -> Result<Self, DaemonError> {
        let name = account.name.clone();
        let marks = store.run(move |store| store.folders(&name)).await?;
        let layout = layout::prepare(&mut session, account, create, &marks).await?;
        if create {
            let snooze = |folder: &&Mailbox| account.folders.snooze_name(folder).is_some();
            layout
                .missing
                .iter()
                .filter(snooze)
                .for_each(|folder| logbook.snooze_folder_gone(folder));
            layout.timeless.iter().for_each(|folder| logbook.timeless(folder));
        }
        let settings = model::settings(account, &layout);
        let sorter = store.run(move |store| model::load(store, settings, rules)).await?;
        let mut visit = Self {
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
            retries: Retries::default(),
            contacts_seen: None,
            next_return: None,
            settled_at: None,
            vain_returns: BTreeMap::new(),
            company: Company::default(),
            claims: Claims::default(),
            hindrance: None,
            swept: None,
            begun: clock::now(),
            full_rules: BTreeSet::new(),
            outside_changes: None,
            first_look: None,
        };
        visit.refresh_contacts();
        Ok(visit)
    }
}

impl Visit<'_> {
    /// Header fields to fetch: what verdicts need, plus what rules name.
    pub fn fields(&self) -> Vec<String> {
        let mut fields: Vec<String> = FIELDS.iter().map(|&name| name.to_owned()).collect();
        for name in self.sorter.rules.header_fields() {
            if !fields.iter().any(|known| known.eq_ignore_ascii_case(name)) {
                fields.push(name.clone());
            }
        }
        fields
    }

    /// Reads the lessons again when somebody else has written to the records: `postroom train`, `forget`, `import`.
    pub async fn refresh(&mut self) -> Result<(), DaemonError> {
        let (account, seen) = (self.account.name.clone(), self.outside_changes);
        let (now, lessons) = self
            .store
            .run(move |store| {
                let now = store.outside_changes()?;
                let lessons = if Some(now) == seen {
                    None
                } else {
                    Some(store.lessons(&account)?)
                };
                Ok((now, lessons))
            })
            .await?;
        self.refresh_contacts();
        self.outside_changes = Some(now);
        if let Some(lessons) = lessons {
            self.sorter.taught = Taught::under(self.sorter.names());
            self.sorter.taught.load(lessons);
            self.hold_as_recorded().await?;
        }
        Ok(())
    }

    /// The names of the files the messages carry, where a rule asks for them.
    async fn attachments(&mut self, fetched: &[Fetched]) -> Result<BTreeMap<Uid, Vec<String>>, DaemonError> {
        if !self.sorter.rules.needs_attachments() || fetched.is_empty() {
            return Ok(BTreeMap::new());
        }
        let uids: Vec<Uid> = fetched.iter().map(|fetched| fetched.uid).collect();
        match self.session.attachments(&uids).await {
            Err(error) if !error.ends_connection() => {
                let remedy = "rules that ask for attachments are not met until the server tells of them";
                self.logbook.stuck(&error, remedy);
                Ok(BTreeMap::new())
            }
            told => Ok(told?),
        }
    }

    /// Turns fetched headers of one folder into events, with what the ledger knows about each message.
    pub async fn read(
        &mut self,
        mailbox: &Mailbox,
        uid_validity: UidValidity,
        fetched: Vec<Fetched>,
    ) -> Result<Vec<Event>, DaemonError> {
        let mut attachments = self.attachments(&fetched).await?;
        let read: Vec<(Fetched, Message, Mid)> = fetched
            .into_iter()
            .map(|mut fetched| {
                // The text goes as soon as it is read: a window holds it once, not twice.
                let message = Message::parse(&std::mem::take(&mut fetched.header));
                let mid = identity(&fetched, &message);
                (fetched, message, mid)
            })
            .collect();
        let (account, mids) = (
            self.account.name.clone(),
            read.iter().map(|(_, _, mid)| mid.clone()).collect::<Vec<_>>(),
        );
        let mut histories = self.store.run(move |store| store.history(&account, &mids)).await?;
        let mut met = BTreeSet::new();
        let events = read.into_iter().filter_map(|(fetched, message, mid)| {
            // Two copies of one message in one window: the second is never acted upon (RFC 4549 section 4.2.2).
            if !met.insert(mid.clone()) {
                return None;
            }
            let arrived = fetched.internal_date.or(message.date);
            Some(Event::Arrived(Box::new(Arrival {
                location: Location {
                    mailbox: mailbox.clone(),
                    uid_validity,
                    uid: fetched.uid,
                },
                size: fetched.size,
                arrived,
                utc_offset: clock::utc_offset(arrived.unwrap_or_default()),
                flags: fetched.flags,
                attachments: attachments.remove(&fetched.uid),
                history: histories.remove(&mid).unwrap_or_default(),
                message,
                mid,
            })))
        });
        Ok(events.collect())
    }
}

/// A message's identity: the server's own where it has one, else the header fingerprint.
pub fn identity(fetched: &Fetched, message: &Message) -> Mid {
    match (&fetched.email_id, fetched.gm_msgid) {
        (Some(id), _) => Mid::email_id(id),
        (None, Some(id)) => Mid::gmail(id),
        (None, None) => Mid::fingerprint(message.fingerprint(fetched.size)),
    }
}

/// When a sent message was written: its own Date, which the user's own program wrote, else its arrival in the folder.
pub fn written(message: &Message, fetched: &Fetched, now: Timestamp) -> Timestamp {
    let at = message.date.or(fetched.internal_date).unwrap_or(now);
    at.min(now)
}
