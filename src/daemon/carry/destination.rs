//! Where moves go: up to where each destination has been looked at, and folders that rules name and that are not there yet.
//!
//! A template such as `Lists/{list_id.name}` makes folders out of what strangers write, so one rule makes at most
//! [`MOST_FOLDERS`]; what would need another one stays where it is.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::daemon::error::DaemonError;
use crate::daemon::visit::Visit;
use crate::imap::ImapError;
use crate::imap::mover;
use crate::sort::ledger::{Entry, RowKind, State};
use crate::sort::mailbox::{Mailbox, Uid};
use crate::sort::rules::template::MOST_FOLDERS;
use crate::store::Query;

impl Visit<'_> {
    /// Recovery searches a destination from the UIDNEXT it had when the move was planned. Where we watch the folder, up
    /// to where we have looked is as good; elsewhere the server is asked.
    pub(super) async fn fill_in_destinations(&mut self, entries: &mut Vec<Entry>) -> Result<(), DaemonError> {
        let mut next: BTreeMap<Mailbox, Uid> = BTreeMap::new();
        let wanted = entries
            .iter()
            .filter(|entry| entry.kind.moves())
            .filter_map(|entry| entry.destination.clone());
        let (known, unknown): (BTreeSet<_>, BTreeSet<_>) = wanted
            .collect::<BTreeSet<_>>()
            .into_iter()
            .partition(|mailbox| self.marks.contains_key(mailbox));
        next.extend(known.into_iter().filter_map(|mailbox| {
            let uid = self.marks.get(&mailbox)?.next_uid;
            Some((mailbox, uid))
        }));
        if !unknown.is_empty() {
            let unknown: Vec<Mailbox> = unknown.into_iter().collect();
            next.extend(
                self.session
                    .status(&unknown)
                    .await?
                    .into_iter()
                    .map(|(mailbox, s)| (mailbox, s.uid_next)),
            );
            let (mut new, mut refused) = (BTreeMap::new(), BTreeSet::new());
            // A rule's folder that is not there yet is made now, before anything is sent to it.
            for mailbox in unknown
                .into_iter()
                .filter(|mailbox| !next.contains_key(mailbox))
                .collect::<Vec<_>>()
            {
                let asked = entries
                    .iter()
                    .find(|entry| entry.kind != RowKind::Undo && entry.destination.as_ref() == Some(&mailbox));
                let rule = asked.map(|entry| entry.reason.rule.clone());
                if let Some(rule) = rule
                    && !self.may_make(rule, &mailbox, &mut new).await?
                {
                    refused.insert(mailbox);
                    continue;
                }
                self.make_folder(&mailbox).await?;
            }
            leave_in_place(entries, &refused);
        }
        for entry in entries.iter_mut().filter(|entry| entry.kind.moves()) {
            let uid = entry.destination.as_ref().and_then(|mailbox| next.get(mailbox));
            entry.destination_uid_next = Some(uid.copied().unwrap_or(Uid(1)));
        }
        Ok(())
    }

    /// Makes a rule's folder, unless mail has been moved into it before: then the user has removed or renamed it. Where it
    /// cannot be made the moves will be refused, each with the server's own words.
    async fn make_folder(&mut self, mailbox: &Mailbox) -> Result<(), DaemonError> {
        let query = Query {
            account: Some(self.account.name.clone()),
            destination: Some(mailbox.clone()),
            state: Some(State::Done),
            kinds: vec![RowKind::Sort],
            limit: Some(1),
            ..Query::default()
        };
        let used = self.store.run(move |store| store.rows(&query)).await?;
        if !used.is_empty() {
            return Ok(());
        }
        match mover::create(&mut self.session, mailbox).await {
            Err(error @ ImapError::Refused { bad: false, .. }) => {
                self.logbook.stuck(
                    &error,
                    &format!("make the folder {mailbox} yourself, or name another in the rule"),
                );
                Ok(())
            }
            made => Ok(made?),
        }
    }

    /// True while the rule has filled fewer folders than one rule may; `new` are those of this batch. Says once when not.
    async fn may_make(
        &mut self,
        rule: Option<Arc<str>>,
        mailbox: &Mailbox,
        new: &mut BTreeMap<Option<Arc<str>>, BTreeSet<Mailbox>>,
    ) -> Result<bool, DaemonError> {
        let (account, name) = (self.account.name.clone(), rule.clone());
        let mut folders = self
            .store
            .run(move |store| store.folders_of_rule(&account, name.as_deref()))
            .await?;
        let batch = new.entry(rule.clone()).or_default();
        folders.extend(batch.iter().cloned());
        if folders.contains(mailbox) || folders.len() < MOST_FOLDERS {
            batch.insert(mailbox.clone());
            return Ok(true);
        }
        if self.full_rules.insert(rule.clone()) {
            self.logbook.rule_is_full(rule.as_deref(), mailbox);
        }
        Ok(false)
    }
}

/// Messages for folders that are not made stay; further copies are not made.
fn leave_in_place(entries: &mut Vec<Entry>, refused: &BTreeSet<Mailbox>) {
    let refused = |entry: &Entry| {
        entry
            .destination
            .as_ref()
            .is_some_and(|folder| refused.contains(folder))
    };
    entries.retain(|entry| entry.kind != RowKind::Copy || !refused(entry));
    for entry in entries.iter_mut().filter(|entry| entry.kind == RowKind::Sort) {
        if refused(entry) {
            entry.kind = RowKind::Keep;
            entry.destination = None;
            let text = &entry.reason.text;
            entry.reason.text = format!("{text}, which has filled {MOST_FOLDERS} folders and makes no more");
        }
    }
}
