//! Moves that are due later: `after = "7d"` of a rule. What is due is kept in the records, looked at on every full sweep,
//! and decided about afresh then, so that a rule changed meanwhile, or the user's hand, has its say.

use serde::{Deserialize, Serialize};

use super::clock;
use super::error::DaemonError;
use super::visit::Visit;
use crate::sort::arrival::Event;
use crate::sort::mailbox::{Location, Mailbox, Timestamp};
use crate::store::StoreError;

/// Key of the note that keeps the list.
const NOTE: &str = "deferred";

/// Most messages that wait at one time; beyond it the oldest are forgotten and stay where they are.
const MOST: usize = 10_000;

/// One message and when its time comes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Deferred {
    /// Where it lies.
    pub location: Location,
    /// When it is due.
    pub due: Timestamp,
}

impl Visit<'_> {
    /// Adds messages to those that wait.
    pub async fn defer(&mut self, more: Vec<Deferred>) -> Result<(), DaemonError> {
        if more.is_empty() {
            return Ok(());
        }
        let mut waiting = self.deferred().await?;
        waiting.extend(more);
        let surplus = waiting.len().saturating_sub(MOST);
        waiting.drain(..surplus);
        self.keep_deferred(&waiting).await
    }

    /// Decides afresh about every message whose time has come.
    pub async fn carry_out_due(&mut self) -> Result<(), DaemonError> {
        let (inbox, now) = (Mailbox::inbox(), clock::now());
        let mut due = self.deferred().await?;
        due.retain(|one| one.due <= now);
        let (false, Some(mark)) = (due.is_empty(), self.marks.get(&inbox).copied()) else {
            return Ok(());
        };
        let selected = self.enter(&inbox).await?;
        let here = due.iter().map(|one| &one.location);
        let uids = here
            .filter(|location| location.mailbox == inbox && location.uid_validity == selected.uid_validity)
            .map(|location| location.uid)
            .collect();
        self.decide_once_more(&mark, uids, Event::due).await?;
        // Read anew: by the rules of now some may have been put off once more.
        let mut waiting = self.deferred().await?;
        waiting.retain(|one| !due.contains(one));
        self.keep_deferred(&waiting).await
    }

    async fn deferred(&mut self) -> Result<Vec<Deferred>, DaemonError> {
        let account = self.account.name.clone();
        let note = self.store.run(move |store| store.get_note(&account, NOTE)).await?;
        Ok(note
            .and_then(|text| serde_json::from_str(&text).ok())
            .unwrap_or_default())
    }

    async fn keep_deferred(&mut self, waiting: &[Deferred]) -> Result<(), DaemonError> {
        let (account, text) = (
            self.account.name.clone(),
            serde_json::to_string(waiting).unwrap_or_default(),
        );
        let kept: Result<(), StoreError> = self
            .store
            .run(move |store| store.set_note(&account, NOTE, Some(&text)))
            .await;
        Ok(kept?)
    }
}
