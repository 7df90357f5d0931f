//! `postroom pause`: an account is left alone until a time that the user has named, or until `postroom resume`. It is a note
//! in the records, so that it outlives a restart. Meanwhile there is no connection at all; what has arrived is sorted and
//! what was dragged is learned afterwards, as after any other stop.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use tokio::time::sleep;

use super::clock;
use super::status::{self, AccountStatus};
use super::worker::Worker;
use crate::sort::mailbox::Timestamp;
use crate::store::{Store, StoreError, StoreHandle};

/// Key of the note in the store.
const NOTE: &str = "pause";

/// The clock is asked this often: it may be set, and the machine may sleep.
const LOOK: Duration = Duration::from_mins(1);

/// A pause that the user has asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Recess {
    /// Its end; `None` when only `postroom resume` ends it.
    pub until: Option<Timestamp>,
}

impl Recess {
    /// The pause that an account is in at `now`, if any.
    pub fn read(store: &Store, account: &str, now: Timestamp) -> Result<Option<Self>, StoreError> {
        let note = store.get_note(account, NOTE)?;
        let recess: Option<Self> = note.and_then(|text| serde_json::from_str(&text).ok());
        Ok(recess.filter(|recess| recess.until.is_none_or(|until| now < until)))
    }

    /// Writes down that an account is paused, or that it no longer is.
    pub fn save(store: &mut Store, account: &str, recess: Option<Self>) -> Result<(), StoreError> {
        let text = recess.map(|recess| serde_json::to_string(&recess).unwrap_or_default());
        store.set_note(account, NOTE, text.as_deref())
    }

    /// `paused until 2026-11-22 14:00`, for people.
    pub fn sentence(&self) -> String {
        let until = self
            .until
            .map(|until| format!(" until {}", clock::local(until).strftime("%Y-%m-%d %H:%M")));
        format!("paused{}", until.unwrap_or_default())
    }
}

/// The pause of now. Records that cannot be read stop the next visit, and are told of there.
pub async fn now(store: &StoreHandle, account: &str) -> Option<Recess> {
    let account = account.to_owned();
    let read = store
        .run(move |store| Recess::read(store, &account, clock::now()))
        .await;
    read.ok().flatten()
}

impl Worker {
    /// Stays away as long as the user has paused the account.
    pub async fn keep_recess(&self) {
        let mut told = None;
        while let Some(recess) = now(&self.store, &self.account.name).await {
            if told != Some(recess) {
                self.logbook.recess(&recess.sentence());
                // A courtesy to `postroom status`, which reads the note itself too.
                let _ = status::save(&self.store, &self.account.name, AccountStatus::away("paused")).await;
                told = Some(recess);
            }
            tokio::select! {
                biased;
                () = self.stop.cancelled() => return,
                () = self.wake.notified() => {}
                () = sleep(LOOK) => {}
            }
        }
        if told.is_some() {
            self.logbook.recess("the pause is over; sorting goes on");
        }
    }
}
