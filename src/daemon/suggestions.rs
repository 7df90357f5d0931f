//! What the user's flags suggest, read from the mail that lies in the folders: for `postroom suggest`, and once a week for
//! the digest. EXAMINE only; nothing is moved or taught.

use super::error::DaemonError;
use super::visit::Visit;
use crate::report::suggestion::{NOTE, Suggestions};
use crate::sort::behaviour::{Behaviour, Place, Suggestion};
use crate::sort::bucket::Bucket;
use crate::sort::mailbox::{Mailbox, Timestamp};

/// How far back mail is looked at, seconds: half a year.
const LOOKS_BACK: i64 = 182 * 86_400;

/// The digest looks so often, seconds: reading half a year of headers every day would be a burden on the server, and
/// habits do not change overnight.
const EVERY: i64 = 7 * 86_400;

impl Visit<'_> {
    /// Reads the last half year of the inbox, the bucket folders and the trash.
    pub async fn suggestions(&mut self, now: Timestamp) -> Result<Vec<Suggestion>, DaemonError> {
        let since = Timestamp(now.0.saturating_sub(LOOKS_BACK));
        let mut folders = vec![(Mailbox::inbox(), Place::InSight)];
        for folder in self.layout.buckets.clone() {
            let place = if folder == self.account.folders.of(Bucket::Top) {
                Place::InSight
            } else {
                Place::SortedAway
            };
            folders.push((folder, place));
        }
        if let Some(trash) = self.layout.special_use.get("\\trash").cloned()
            && folders.iter().all(|(folder, _)| *folder != trash)
        {
            folders.push((trash, Place::Trash));
        }
        let owner = self.account.owner.clone();
        let mut behaviour = Behaviour::default();
        for (folder, place) in folders {
            let read = self.look_into(&folder, Some(since), |arrival| {
                let at = arrival.arrived.unwrap_or(now);
                if at >= since {
                    behaviour.note(&arrival.message, at, place, &arrival.flags, &owner);
                }
            });
            read.await?;
        }
        Ok(behaviour.suggestions(now, &self.sorter.taught, &self.sorter.correspondence))
    }

    /// Looks for suggestions if the last look is a week ago, and keeps what the digest has to tell.
    pub async fn look_for_suggestions(&mut self, now: Timestamp) -> Result<(), DaemonError> {
        let account = self.account.name.clone();
        let (note, accounts) = self
            .store
            .run(move |store| Ok((store.get_note(&account, NOTE)?, store.accounts()?.len())))
            .await?;
        let mut known: Suggestions = note
            .and_then(|text| serde_json::from_str(&text).ok())
            .unwrap_or_default();
        if now.seconds_since(known.looked) < EVERY {
            return Ok(());
        }
        let mut found = self.suggestions(now).await?;
        for suggestion in &mut found {
            suggestion.identity = self.sorter.names().identity(&suggestion.identity);
        }
        let named = (accounts > 1).then_some(self.account.name.as_str());
        known.found(now, &found, named);
        self.keep_suggestions(known).await
    }

    /// What the digest has told is not told again.
    pub async fn suggestions_told(&mut self) -> Result<(), DaemonError> {
        let account = self.account.name.clone();
        let note = self.store.run(move |store| store.get_note(&account, NOTE)).await?;
        match note.and_then(|text| serde_json::from_str::<Suggestions>(&text).ok()) {
            Some(mut known) if !known.fresh.is_empty() => {
                known.fresh.clear();
                self.keep_suggestions(known).await
            }
            _ => Ok(()),
        }
    }

    async fn keep_suggestions(&mut self, known: Suggestions) -> Result<(), DaemonError> {
        let (account, text) = (
            self.account.name.clone(),
            serde_json::to_string(&known).unwrap_or_default(),
        );
        Ok(self
            .store
            .run(move |store| store.set_note(&account, NOTE, Some(&text)))
            .await?)
    }
}
