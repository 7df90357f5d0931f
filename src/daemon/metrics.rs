//! `metrics_file`: the counts for Prometheus, written anew every few minutes and in one step.

use std::path::PathBuf;
use std::time::Duration;

use jiff::tz::TimeZone;
use tracing::warn;

use super::clock;
use super::status::{AccountStatus, NOTE};
use crate::report::metrics::{Pulse, replace, text};
use crate::store::{Store, StoreError, StoreHandle};

/// How often. Counting walks the whole ledger.
const EVERY: Duration = Duration::from_mins(5);

/// How the accounts are doing, by what was last written down.
pub fn pulses(store: &Store, accounts: &[String]) -> Result<Vec<Pulse>, StoreError> {
    let mut pulses = Vec::new();
    for account in accounts {
        let status = store.get_note(account, NOTE)?;
        let status = status.and_then(|text| serde_json::from_str::<AccountStatus>(&text).ok());
        pulses.push(Pulse {
            account: account.clone(),
            swept: status.as_ref().and_then(|status| status.swept),
            connected: status.is_some_and(|status| status.is_running() && status.state == "connected"),
        });
    }
    Ok(pulses)
}

/// Writes the file now and then, until it is dropped by whoever awaits it. What goes wrong is told of once.
pub async fn keep(path: PathBuf, store: StoreHandle, accounts: Vec<String>) {
    let mut told: Option<String> = None;
    let mut turns = tokio::time::interval(EVERY);
    loop {
        turns.tick().await;
        let (names, now) = (accounts.clone(), clock::now());
        let counted = store
            .run(move |store| text(store, &pulses(store, &names)?, now, &TimeZone::system()))
            .await;
        let written = counted.map_err(|error| error.to_string());
        let written = written.and_then(|text| replace(&path, &text).map_err(|error| error.to_string()));
        let trouble = written.err();
        if let Some(why) = trouble.as_ref().filter(|why| told.as_ref() != Some(*why)) {
            warn!(file = %path.display(), "metrics_file cannot be written: {why}; it is tried again in five minutes");
        }
        told = trouble.or(told);
    }
}
