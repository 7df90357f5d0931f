//! The digest at its time: written for the user, appended to his own INBOX, known again by its header and never sorted.
//!
//! The note about it is on the disk before the server is told (`tried`), so a fault can lose a digest but not repeat one;
//! what was not confirmed is told again in the next one (`told`).

use jiff::civil::Time;
use jiff::tz::TimeZone;
use serde::{Deserialize, Serialize};

use super::clock;
use super::error::DaemonError;
use super::visit::Visit;
use crate::imap::mover;
use crate::report::digest::Digest;
use crate::report::letter::letter;
use crate::sort::mailbox::{Mailbox, Timestamp};

/// Key of the note in the store.
pub const NOTE: &str = "digest";

/// How far back the first digest looks. Seconds.
const FIRST: i64 = 86_400;

/// What is known about earlier digests.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Told {
    /// Everything before this has been told.
    pub told: Timestamp,
    /// When the last one was tried.
    pub tried: Timestamp,
}

/// True when one of the day's `times` has passed since `tried`.
fn is_due(times: &[Time], tried: Timestamp, now: Timestamp, zone: &TimeZone) -> bool {
    let instant = |at: Timestamp| {
        jiff::Timestamp::from_second(at.0)
            .unwrap_or_default()
            .to_zoned(zone.clone())
    };
    let (now, tried) = (instant(now), instant(tried));
    let days = [now.date(), now.date().yesterday().unwrap_or(now.date())];
    let mut moments = days.into_iter().flat_map(|day| {
        // A time that the change of the clocks skips is taken an hour later.
        times
            .iter()
            .filter_map(move |time| day.to_datetime(*time).to_zoned(zone.clone()).ok())
    });
    moments.any(|moment| moment > tried && moment <= now)
}

impl Visit<'_> {
    /// Writes the digest if the account wants one and its time has come.
    pub async fn digest_when_due(&mut self) -> Result<(), DaemonError> {
        if self.account.digest.is_empty() {
            return Ok(());
        }
        let now = clock::now();
        match self.digests_told().await? {
            // What came before the first look at the clock is told too: a visit sorts first and waits then.
            None => {
                let told = Timestamp(now.0 - FIRST);
                self.note_digest(Told { told, tried: now }).await
            }
            Some(last) if is_due(&self.account.digest, last.tried, now, &TimeZone::system()) => {
                match self.write_digest(last.told, now).await {
                    Err(DaemonError::Imap(error)) if !error.ends_connection() => {
                        self.logbook
                            .stuck(&error, "no digest was written; the next one tells all of it");
                    }
                    other => drop(other?),
                }
                Ok(())
            }
            Some(_) => Ok(()),
        }
    }

    /// Tells what happened since the last digest, or within a day when there was none; the digest when one was written.
    pub async fn digest_now(&mut self, since: Option<Timestamp>) -> Result<Option<Digest>, DaemonError> {
        let now = clock::now();
        let told = self.digests_told().await?.map(|last| last.told);
        self.write_digest(since.or(told).unwrap_or(Timestamp(now.0 - FIRST)), now)
            .await
    }

    async fn digests_told(&mut self) -> Result<Option<Told>, DaemonError> {
        let account = self.account.name.clone();
        let note = self.store.run(move |store| store.get_note(&account, NOTE)).await?;
        Ok(note.and_then(|text| serde_json::from_str(&text).ok()))
    }

    async fn note_digest(&mut self, told: Told) -> Result<(), DaemonError> {
        let (account, text) = (self.account.name.clone(), note(told));
        Ok(self
            .store
            .run(move |store| store.set_note(&account, NOTE, Some(&text)))
            .await?)
    }

    async fn write_digest(&mut self, since: Timestamp, now: Timestamp) -> Result<Option<Digest>, DaemonError> {
        self.look_for_suggestions(now).await?;
        let account = self.account.name.clone();
        let mut digest = self
            .store
            .run(move |store| Digest::gather(store, &account, since, now))
            .await?;
        if let Some(wait) = self.account.no_reply {
            digest.unanswered = self.unanswered(wait, since, now).await?;
        }
        let Some(owner) = self.account.owner.addresses().first().filter(|_| !digest.is_empty()) else {
            self.note_digest(Told { told: now, tried: now }).await?;
            return Ok(None);
        };
        let at = jiff::Timestamp::from_second(now.0).unwrap_or_default();
        let message = letter(&digest, owner, &at.to_zoned(TimeZone::system()));
        let (account, tried) = (
            self.account.name.clone(),
            note(Told {
                told: since,
                tried: now,
            }),
        );
        let message = self
            .store
            .run(move |store| store.note_before_append(&account, NOTE, &tried, message))
            .await?;
        mover::append(&mut self.session, &Mailbox::inbox(), &[], &message).await?;
        self.note_digest(Told { told: now, tried: now }).await?;
        self.suggestions_told().await?;
        Ok(Some(digest))
    }
}

fn note(told: Told) -> String {
    serde_json::to_string(&told).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_digest_is_due_once_after_each_of_its_times() {
        let zone = TimeZone::fixed(jiff::tz::offset(1));
        let at = |text: &str| Timestamp(text.parse::<jiff::Timestamp>().unwrap().as_second());
        let times: Vec<Time> = ["08:00", "18:30"].iter().map(|time| time.parse().unwrap()).collect();
        for (tried, now, due) in [
            ("2026-11-18T06:59:00Z", "2026-11-18T06:59:59Z", false),
            ("2026-11-18T06:59:00Z", "2026-11-18T07:00:00Z", true),
            ("2026-11-18T07:00:00Z", "2026-11-18T07:00:00Z", false),
            ("2026-11-18T07:00:00Z", "2026-11-18T17:29:59Z", false),
            ("2026-11-18T07:00:00Z", "2026-11-18T17:30:00Z", true),
            // The machine slept over both.
            ("2026-11-17T12:00:00Z", "2026-11-18T05:00:00Z", true),
            ("2026-11-10T12:00:00Z", "2026-11-18T05:00:00Z", true),
            // A clock that was set back asks for nothing.
            ("2026-11-19T12:00:00Z", "2026-11-18T12:00:00Z", false),
        ] {
            assert_eq!(is_due(&times, at(tried), at(now), &zone), due, "{tried} {now}");
        }
        assert!(!is_due(
            &[],
            at("2026-11-10T12:00:00Z"),
            at("2026-11-18T05:00:00Z"),
            &zone
        ));
    }
}
