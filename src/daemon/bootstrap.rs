//! The first look at an account: whom the user writes to, read from Sent, so that the first verdict is already a good one.

use std::collections::BTreeSet;

use super::clock;
use super::error::DaemonError;
use super::model;
use super::sweep::{WINDOW, baseline};
use super::visit::{Visit, written};
use crate::imap::Access;
use crate::sort::arrival::Event;
use crate::sort::mailbox::{Mailbox, Timestamp, Uid};
use crate::sort::message::Message;

/// Newest sent messages that are read.
const SENT_MESSAGES: usize = 20_000;

/// Nothing older than two years is worth knowing.
const OLDEST: i64 = 2 * 365 * 86_400;

/// Newest messages of the inbox that are read, to know whose Authentication-Results to believe.
const INBOX_MESSAGES: usize = 2_000;

impl Visit<'_> {
    /// Reads Sent, and who delivers to the inbox, once. Moves nothing and records nothing but what is learned.
    pub async fn bootstrap(&mut self, keep: bool) -> Result<(), DaemonError> {
        let inbox = Mailbox::inbox();
        if !self.marks.contains_key(&inbox) {
            self.look_back(&inbox, INBOX_MESSAGES, keep).await?;
        }
        self.bootstrap_from_sent(keep).await
    }

    /// Where strangers wait: whose mail lies in the inbox already is none. Looked for once.
    pub async fn get_acquainted(&mut self) -> Result<(), DaemonError> {
        let account = self.account.name.clone();
        if self.account.folders.screener.is_none() {
            return Ok(());
        }
        let known = self
            .store
            .run(move |store| store.get_note(&account, model::MET_BEFORE))
            .await?;
        if known.is_some() {
            return Ok(());
        }
        let inbox = Mailbox::inbox();
        // What has come since the last look stands at the door already.
        let before = self.marks.get(&inbox).map(|mark| (mark.uid_validity, mark.next_uid));
        let (mut met, names) = (BTreeSet::new(), self.sorter.names().clone());
        self.look_into(&inbox, None, |arrival| {
            let place = &arrival.location;
            let new = before.is_some_and(|(epoch, next)| epoch == place.uid_validity && place.uid >= next);
            let from = arrival.message.from().filter(|_| !new);
            met.extend(from.map(|from| names.address(from).into_owned()));
        })
        .await?;
        let text = serde_json::to_string(&met).unwrap_or_default();
        self.sorter.acquainted.extend(met);
        let account = self.account.name.clone();
        Ok(self
            .store
            .run(move |store| store.set_note(&account, model::MET_BEFORE, Some(&text)))
            .await?)
    }

    /// Reads only Sent: for an inbox whose first sweep is about to read all of it.
    pub async fn bootstrap_from_sent(&mut self, keep: bool) -> Result<(), DaemonError> {
        match self.layout.sent.clone() {
            // An empty folder gets its mark from the first round.
            Some(sent) if !self.marks.contains_key(&sent) && !self.is_empty(&sent) => {
                self.look_back(&sent, SENT_MESSAGES, keep).await
            }
            _ => Ok(()),
        }
    }

    async fn look_back(&mut self, mailbox: &Mailbox, most: usize, keep: bool) -> Result<(), DaemonError> {
        let selected = self.session.select(mailbox, Access::ReadOnly).await?;
        let uids = self.session.uids(Uid(1), None).await?;
        let newest = uids.get(uids.len().saturating_sub(most)..).unwrap_or_default();
        let now = clock::now();
        let oldest = Timestamp(now.0 - OLDEST);
        let is_sent = self.layout.sent.as_ref() == Some(mailbox);
        for window in newest.chunks(WINDOW) {
            let fetched = self.session.headers(window, &self.fields()).await?;
            if is_sent {
                for fetched in fetched {
                    let message = Message::parse(&fetched.header);
                    let at = written(&message, &fetched, now);
                    if at >= oldest {
                        self.sorter.handle(
                            now,
                            Event::Sent {
                                at,
                                message: Box::new(message),
                            },
                        );
                    }
                }
            } else {
                for event in self.read(mailbox, selected.uid_validity, fetched).await? {
                    if let Event::Arrived(arrival) = event {
                        // Not counted: this is read again by each command until the daemon has its mark.
                        self.sorter.met(arrival.arrived.unwrap_or(now).min(now), &arrival);
                    }
                }
            }
        }
        // INBOX keeps its own mark, set by its first sweep: with `backlog = "sort"` it begins at the first message.
        if keep && is_sent {
            let mark = baseline(
                &selected,
                Uid(uids.last().map_or(0, |uid| uid.0) + 1).max(selected.uid_next),
            );
            self.record(now, mailbox, &mark, Vec::new()).await?;
        }
        Ok(())
    }

    /// After the records were lost: what lies in INBOX now may have been sorted and put back before, so it stays there,
    /// whatever `backlog` says (reliability.md F3).
    pub async fn leave_old_mail_alone(&mut self) -> Result<(), DaemonError> {
        let inbox = Mailbox::inbox();
        if self.marks.contains_key(&inbox) || !self.store.run(|store| Ok(store.has_lost_records())).await? {
            return Ok(());
        }
        let selected = self.enter(&inbox).await?;
        self.logbook.baseline(&inbox, selected.exists);
        self.set_mark(&inbox, baseline(&selected, selected.uid_next)).await
    }
}
