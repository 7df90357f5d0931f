//! Commands that outlive their connection. A server may be at work on a MOVE or COPY long after the connection that asked
//! for it is gone: one that is slow, or has thousands of messages to move. As long as everything looks as it did before,
//! such a row stays open, and nobody asks for the same again: two of them would put the message there twice, on Dovecot
//! also two MOVEs. How long the server is given is `settle` of `[account.imap]`.

use std::time::Duration;

use super::clock;
use super::error::DaemonError;
use super::visit::{Stopping, Visit};
use crate::sort::ledger::Row;
use crate::sort::mailbox::Timestamp;

/// Between two looks at the request to stop, where nothing else is waited for.
const GLANCE: Duration = Duration::from_secs(1);

impl Visit<'_> {
    /// True when the row, whose folders were `looked` at from then on, is to stay open; the visit then comes back to it.
    pub(super) fn may_be_under_way(&mut self, row: &Row, looked: Timestamp) -> bool {
        let settle = self.account.imap.settle.as_secs().cast_signed();
        let is_open = row.may_be_under_way(looked, settle);
        if is_open {
            let then = Timestamp(row.last_sight().0 + settle);
            self.settled_at = Some(self.settled_at.map_or(then, |earlier| earlier.min(then)));
        }
        is_open
    }

    /// How long nothing needs to be done about rows that were left open, or `limit` where that is shorter.
    pub fn until_settled(&self, limit: Duration) -> Duration {
        let rest = self.settled_at.map(|then| then.seconds_since(clock::now()).max(0));
        rest.map_or(limit, |rest| limit.min(Duration::from_secs(rest.cast_unsigned())))
    }

    /// Looks once more at rows that were left open, when the server has had its time.
    pub async fn read_back_when_due(&mut self) -> Result<(), DaemonError> {
        if self.settled_at.is_none_or(|then| clock::now() < then) {
            return Ok(());
        }
        self.recover().await
    }

    /// Stays until no row is left open, for whoever does not stay anyway.
    pub async fn stay_until_settled(&mut self, stopping: Stopping<'_>) -> Result<(), DaemonError> {
        while self.settled_at.is_some() && !stopping() {
            tokio::time::sleep(self.until_settled(GLANCE)).await;
            self.read_back_when_due().await?;
            self.try_again().await?;
        }
        Ok(())
    }
}
