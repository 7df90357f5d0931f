//! The state directory cannot be written: disk full, read-only, gone (reliability.md A6). Without a ledger row nothing is
//! moved, so the visit pauses: the connection and IDLE are kept, and it goes on by itself when a write succeeds again.

use std::collections::BTreeMap;
use std::time::Duration;

use tokio::sync::Notify;

use super::error::DaemonError;
use super::pending::Pending;
use super::status::{self, AccountStatus};
use super::visit::{Stopping, Visit};
use super::{model, systemd};
use crate::imap::watch;
use crate::sort::mailbox::Mailbox;
use crate::store::{StoreError, StoreHandle};

/// How often a write is tried.
const PROBE: Duration = Duration::from_secs(10);

/// True for what goes away without anybody touching the program: space is made, a mount comes back.
pub fn passes(error: &StoreError) -> bool {
    matches!(error, StoreError::NotWritable { .. } | StoreError::Busy { .. })
}

/// Sets damaged records aside and goes on with empty ones; where that fails they stay as they are.
pub async fn replace_damaged(store: &StoreHandle) -> Result<(), StoreError> {
    let now = super::clock::now();
    store.run(move |store| store.reopen_verified(now)).await
}

impl Visit<'_> {
    /// Waits, with the connection alive, until the records can be written or the program is to stop.
    pub async fn pause(&mut self, why: &StoreError, wake: &Notify, stopping: Stopping<'_>) -> Result<(), DaemonError> {
        self.logbook.paused(why);
        systemd::status("Paused: the state directory cannot be written; no mail is moved");
        // Whatever was not written down is worked out again from the server and the records.
        self.pending = Pending::default();
        self.ours = BTreeMap::new();
        self.enter(&Mailbox::inbox()).await?;
        while !stopping() {
            let others = self.layout.watched();
            watch::wait(&mut self.session, &others, PROBE, wake).await?;
            match status::save(&self.store, &self.account.name, AccountStatus::connected(self)).await {
                Err(error) if passes(&error) => {}
                Err(error) => return Err(error.into()),
                Ok(()) => {
                    self.logbook.resumed();
                    systemd::status("Sorting again");
                    return self.read_records().await;
                }
            }
        }
        Ok(())
    }

    /// Reads the model from the records again: what memory holds was never written down.
    async fn read_records(&mut self) -> Result<(), DaemonError> {
        let (settings, rules) = (self.sorter.settings.clone(), self.sorter.rules.clone());
        let name = self.account.name.clone();
        (self.sorter, self.marks) = self
            .store
            .run(move |store| Ok((model::load(store, settings, rules)?, store.folders(&name)?)))
            .await?;
        Ok(())
    }
}
