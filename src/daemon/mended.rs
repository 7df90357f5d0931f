//! After a refused login: whether the user has mended the password meanwhile. Looked at where it is kept, without a login.

use std::time::Duration;

use secrecy::{ExposeSecret, SecretString};
use tokio::time::Instant;

use super::worker::Worker;
use crate::config::Secret;

/// How often the password is looked at after it was refused.
const LOOK_AT_PASSWORD: Duration = Duration::from_secs(10);

impl Worker {
    /// The password of now, where looking at it disturbs nobody: a command may ask the user something, or be slow.
    pub(super) async fn password_on_disk(&self) -> Option<SecretString> {
        match self.account.imap.secret {
            Secret::PasswordCommand(_) | Secret::TokenCommand(_) => None,
            _ => self.gate.kept(&self.account.imap).await.ok(),
        }
    }

    /// Rests, and looks now and then whether the password is another one than was `tried`. True as soon as it is.
    pub(super) async fn rest_until_mended(&mut self, wait: Duration, tried: Option<&SecretString>) -> bool {
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
}
