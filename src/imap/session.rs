//! A logged-in connection: which folder is selected, what the server has said about it unasked, and the way a command
//! goes out.
//!
//! Every untagged response of every command passes [`Memory::observe`] first, so that an EXISTS inside the answer to a
//! FETCH, or in the same segment as `+ idling`, is news like any other (RFC 9051 section 5.2: a server may tell at any
//! time).

use std::collections::{BTreeMap, BTreeSet};

use async_imap::imap_proto::{AttributeValue, MailboxDatum, Response, ResponseCode};

use super::bounds;
use super::capability::Capabilities;
use super::completion::{Completion, Verdict};
use super::error::ImapError;
use super::fetch::Ahead;
use super::folders::{Names, Status, status_of, unquoted};
use super::listing::Listed;
use super::mover::UidExpunge;
use super::notices::Warning;
use super::reply::{Pending, Wire};
use super::selected::{Access, Selected};
use crate::sort::mailbox::{Mailbox, Uid};

/// A session of one account. Fit for one task at a time; a fault that [`ImapError::ends_connection`] ends it.
#[derive(Debug)]
pub struct Session {
    pub(super) wire: Wire,
    capabilities: Capabilities,
    pub(super) memory: Memory,
    /// Headers that are on their way while something else is done.
    pub(super) ahead: Option<Ahead>,
    /// The account's folders, asked for along with the introduction.
    pub(super) listed_ahead: Option<Listed>,
    /// Longest UID set, in characters, that this server is known to take, and whether a longer one was ever refused.
    pub(super) longest_set: usize,
    pub(super) set_was_refused: bool,
    pub(super) uid_expunge: UidExpunge,
    pub(super) idle_refused: bool,
    pub(super) notify_refused: bool,
    /// What NOTIFY was last set up for.
    pub(super) notified: Option<BTreeSet<Mailbox>>,
}

/// What the server has told.
#[derive(Debug, Default)]
pub(super) struct Memory {
    pub(super) names: Names,
    pub(super) selected: Option<Selected>,
    /// A message has arrived in the selected folder.
    arrived: bool,
    /// How many have arrived there since they were last counted.
    arrivals: u32,
    /// The folder was selected, and nobody has compared it with what is known of it since: what arrived before was announced
    /// to nobody and never will be.
    pub(super) unlooked: bool,
    /// How the selected folder was opened along with the introduction, while nobody has asked for it yet.
    pub(super) opened_ahead: Option<Access>,
    /// A message has left the selected folder, or its flags have changed.
    pub(super) left: bool,
    /// Other folders of which an unasked STATUS told something new.
    pub(super) others: BTreeSet<Mailbox>,
    status: BTreeMap<Mailbox, Status>,
    /// UIDs of the selected folder seen with \Deleted.
    pub(super) deleted: BTreeSet<Uid>,
}

/// Set length to begin with; seven kinds of servers were tried and all took it.
pub(super) const CAUTIOUS_SET: usize = 8_000;

impl Session {
    pub(super) fn new(wire: Wire, capabilities: Capabilities, names: Names) -> Self {
        Self {
            wire,
            capabilities,
            memory: Memory {
                names,
                ..Memory::default()
            },
            ahead: None,
            listed_ahead: None,
            longest_set: CAUTIOUS_SET,
            set_was_refused: false,
            uid_expunge: UidExpunge::Works,
            idle_refused: false,
            notify_refused: false,
            notified: None,
        }
    }

    /// True when the server tells of changes in the other watched folders by itself (NOTIFY, RFC 5465).
    pub fn is_notified(&self) -> bool {
        self.notified.is_some() && !self.notify_refused && !self.idle_refused
    }

    /// What the server offers.
    pub fn capabilities(&self) -> &Capabilities {
        &self.capabilities
    }

    /// The selected folder.
    pub fn selected(&self) -> Option<&Selected> {
        self.memory.selected.as_ref()
    }

    /// True when a message has arrived in the selected folder since this was last asked, in whatever response the
    /// server has put it.
    pub fn take_news(&mut self) -> bool {
        std::mem::take(&mut self.memory.arrived)
    }

    /// How many messages have arrived in the selected folder since it was selected, or since this was last asked.
    pub fn take_arrivals(&mut self) -> u32 {
        std::mem::take(&mut self.memory.arrivals)
    }

    /// True when this folder is selected and has been compared with what is known of it since it was: from then on
    /// whatever arrives is announced. Every SELECT and EXAMINE swallows the news of what has arrived before.
    pub fn announces(&self, mailbox: &Mailbox) -> bool {
        let selected = self.memory.selected.as_ref();
        selected.is_some_and(|selected| selected.mailbox == *mailbox) && !self.memory.unlooked
    }

    /// The selected folder, as it was when it was selected, is being compared with what is known of it.
    pub fn looked_through(&mut self) {
        self.memory.unlooked = false;
    }

    /// True when the session must be thrown away.
    pub fn is_dead(&self) -> bool {
        self.wire.is_dead()
    }

    /// What the server has said for people since this was last asked.
    pub fn take_warnings(&mut self) -> Vec<Warning> {
        self.wire.notices.take()
    }

    /// Responses the parser could not read and the guard has dropped; shown by `doctor`.
    pub fn dropped_responses(&self) -> u64 {
        self.wire.dropped()
    }

    /// Asks the server for news (NOOP).
    pub async fn noop(&mut self) -> Result<(), ImapError> {
        self.exec("NOOP", "NOOP", |_| {}).await?.ok("NOOP").map(drop)
    }

    /// Ends the session in order. A fault on the way is of no consequence.
    pub async fn logout(mut self) {
        let _ = self.exec("LOGOUT", "LOGOUT", |_| {}).await;
    }

    pub(super) fn names(&self) -> &Names {
        &self.memory.names
    }

    pub(super) fn names_mut(&mut self) -> &mut Names {
        &mut self.memory.names
    }

    pub(super) fn wire(&mut self) -> &mut Wire {
        &mut self.wire
    }

    pub(super) fn parts(&mut self) -> (&mut Wire, &mut Memory) {
        (&mut self.wire, &mut self.memory)
    }

    pub(super) fn forget_status<'a>(&mut self, mailboxes: impl Iterator<Item = &'a Mailbox>) {
        for mailbox in mailboxes {
            self.memory.status.remove(mailbox);
        }
    }

    pub(super) fn known_status(&mut self, mailbox: &Mailbox) -> Option<Status> {
        self.memory.others.remove(mailbox);
        self.memory.status.get(mailbox).copied()
    }

    /// Sends one command, reads its answer, and keeps what the server tells on the way.
    pub(super) async fn exec(
        &mut self,
        name: &'static str,
        body: &str,
        each: impl FnMut(&Response<'_>) + Send,
    ) -> Result<Completion, ImapError> {
        self.settle().await?;
        let pending = self.wire.begin(name, body)?;
        self.wire.push(name).await?;
        self.finish(pending, each).await
    }

    /// Sends several commands in one flight; the answers in the same order.
    pub(super) async fn exec_all(&mut self, commands: &[(&'static str, String)]) -> Result<Vec<Completion>, ImapError> {
        self.settle().await?;
        let mut sent = Vec::new();
        for (name, body) in commands {
            sent.push(self.wire.begin(name, body)?);
        }
        if let Some((name, _)) = commands.first() {
            self.wire.push(name).await?;
        }
        let mut completions = Vec::new();
        for pending in sent {
            completions.push(self.finish(pending, |_| {}).await?);
        }
        Ok(completions)
    }

    pub(super) async fn finish(
        &mut self,
        pending: Pending,
        mut each: impl FnMut(&Response<'_>) + Send,
    ) -> Result<Completion, ImapError> {
        let Self { wire, memory, .. } = self;
        let completion = wire.finish(pending, |response| {
            memory.observe(response);
            each(response);
        });
        completion.await
    }

    /// Throws away what raw lines an earlier command left, so that the next answer's are its own.
    pub(super) fn take_raw(&mut self) -> Vec<Box<[u8]>> {
        self.wire.take_raw()
    }
}

impl Memory {
    /// Keeps what concerns more than the command at hand.
    pub(super) fn observe(&mut self, response: &Response<'_>) {
        match response {
            Response::MailboxData(MailboxDatum::Exists(exists)) => {
                if let Some(selected) = &mut self.selected {
                    let more = exists.saturating_sub(selected.exists);
                    self.arrived |= more > 0;
                    self.arrivals = self.arrivals.saturating_add(more);
                    selected.exists = *exists;
                }
            }
            Response::Expunge(_) => self.gone(1),
            Response::Vanished { uids, .. } => {
                let count: u64 = uids
                    .iter()
                    .map(|range| u64::from(range.end().saturating_sub(*range.start())) + 1)
                    .sum();
                self.gone(u32::try_from(count).unwrap_or(u32::MAX));
            }
            Response::Fetch(_, attributes) => self.flags_seen(attributes),
            Response::MailboxData(MailboxDatum::Status { mailbox, status }) => {
                let mailbox = self.names.named(&unquoted(mailbox));
                if self.status.len() + self.others.len() >= bounds::FOLDERS_TOLD
                    || mailbox.as_str().len() > bounds::NAME_TOLD
                {
                    // Nobody watches so many; an unasked word about one more must not stay.
                } else if let Some(status) = status_of(status) {
                    let before = self.status.insert(mailbox.clone(), status);
                    if before.is_none_or(|before| before != status) {
                        self.others.insert(mailbox);
                    }
                } else if !status.is_empty() {
                    // NOTIFY tells only what has changed (RFC 5465 section 5.2).
                    self.others.insert(mailbox);
                }
            }
            Response::Data { outcome, .. } => {
                let changed = matches!((&outcome.code, &self.selected),
                    (Some(ResponseCode::UidValidity(now)), Some(selected)) if selected.uid_validity.0 != *now);
                if changed {
                    self.deselect();
                    self.arrived = true;
                }
            }
            _ => {}
        }
    }

    fn gone(&mut self, count: u32) {
        if let Some(selected) = &mut self.selected {
            selected.exists = selected.exists.saturating_sub(count);
            self.left = true;
        }
    }

    fn flags_seen(&mut self, attributes: &[AttributeValue<'_>]) {
        let uid = attributes.iter().find_map(|attribute| match attribute {
            AttributeValue::Uid(uid) => Some(Uid(*uid)),
            _ => None,
        });
        let flags = attributes.iter().find_map(|attribute| match attribute {
            AttributeValue::Flags(flags) => Some(flags),
            _ => None,
        });
        if let (Some(uid), Some(flags)) = (uid, flags) {
            if !flags.iter().any(|flag| flag.eq_ignore_ascii_case("\\Deleted")) {
                self.deleted.remove(&uid);
            } else if self.deleted.len() < bounds::DELETED {
                self.deleted.insert(uid);
            }
        }
    }

    pub(super) fn deselect(&mut self) {
        self.selected = None;
        self.opened_ahead = None;
        self.arrived = false;
        self.arrivals = 0;
        self.left = false;
        self.deleted.clear();
    }

    /// True when something has arrived and nobody has been told.
    pub(super) fn has_news(&self) -> bool {
        self.arrived
    }
}

/// The answer was NO or BAD.
pub(super) fn refused(completion: &Completion) -> bool {
    completion.verdict != Verdict::Ok
}
