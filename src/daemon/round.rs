//! A round: everything that is due every few minutes whatever the server has told, and a look at every folder.

use super::clock;
use super::error::DaemonError;
use super::visit::{Stopping, Visit};
use crate::imap::ImapError;
use crate::sort::mailbox::Mailbox;

impl Visit<'_> {
    /// Everything that is due every few minutes, and a look at every folder.
    pub async fn begin_round(&mut self, stopping: Stopping<'_>) -> Result<(), DaemonError> {
        self.prepare_claims().await?;
        self.heed_server();
        self.look_for_rival().await?;
        self.carry_out_due().await?;
        self.empty_blackhole().await?;
        self.release_claims().await?;
        self.look_for_snooze_folders().await?;
        if self.swept.is_some() && !self.gone().is_empty() {
            self.look_for_gone_folders().await?;
        }
        self.sweep_all(stopping).await
    }

    /// Compares every folder with the ledger, INBOX last, so that it is the selected one. Folders in which STATUS shows
    /// nothing new are not opened.
    pub async fn sweep_all(&mut self, stopping: Stopping<'_>) -> Result<(), DaemonError> {
        let inbox = Mailbox::inbox();
        let unseen = self.unseen(&self.layout.watched()).await?;
        // Sent first of all: whom the user has just written to decides about the mail that follows.
        let (sent, buckets): (Vec<_>, Vec<_>) = unseen
            .into_iter()
            .partition(|folder| self.layout.sent.as_ref() == Some(folder));
        for folder in &sent {
            self.sweep_if_there(folder, stopping).await?;
        }
        self.sweep(&inbox, stopping).await?;
        for folder in &buckets {
            self.sweep_if_there(folder, stopping).await?;
        }
        if !buckets.is_empty() {
            self.sweep(&inbox, stopping).await?;
        }
        self.swept = Some(clock::now());
        self.look_for_rival_when_due().await
    }

    /// A folder that the user has deleted or renamed is no reason to end the visit; it is looked for again next time.
    async fn sweep_if_there(&mut self, folder: &Mailbox, stopping: Stopping<'_>) -> Result<(), DaemonError> {
        match self.sweep(folder, stopping).await {
            Err(DaemonError::Imap(error @ ImapError::Refused { bad: false, .. })) => {
                self.look_for_gone_folders().await?;
                if !self.layout.missing.contains(folder) {
                    self.logbook.stuck(
                        &format!("cannot look into {folder}: {error}"),
                        "if you renamed it, tell postroom.toml the new name",
                    );
                }
                Ok(())
            }
            other => other,
        }
    }
}
