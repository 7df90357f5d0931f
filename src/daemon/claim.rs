//! Several daemons on one mailbox by intent (`claim = true`): this daemon's keyword, and taking it off again.
//!
//! The keyword travels with the message and stays on it for a few minutes: so the other daemons know whose work it is.

use std::collections::{BTreeMap, BTreeSet};

use super::clock;
use super::error::DaemonError;
use super::visit::Visit;
use crate::imap::mover::{self, Claim};
use crate::sort::ledger::{Entry, Mid, Outcome, RowId};
use crate::sort::mailbox::Timestamp;
use crate::sort::refusal::CLAIMED;
use crate::sort::rival::CLAIM;

/// Key of the note that keeps this daemon's keyword.
const KEYWORD: &str = "claim";

/// Key of the note that says until when claims have been taken off.
const RELEASED: &str = "claim-released";

/// So many seconds after a lost claim the message should be gone; if it is not, whoever claimed it has died.
const DEAD_AFTER: i64 = 45;

/// What a visit knows of claims.
#[derive(Debug, Default)]
pub struct Claims {
    /// This daemon's keyword; `None` without `claim = true`.
    pub keyword: Option<String>,
    /// Messages that somebody else has claimed, and when that was seen first.
    theirs: BTreeMap<Mid, Timestamp>,
}

impl Claims {
    /// What the mover is to claim with.
    pub fn policy(&self, now: Timestamp, entries: &BTreeMap<RowId, Box<Entry>>) -> Option<Claim> {
        let abandoned = |mid: &Mid| self.theirs.get(mid).is_some_and(|seen| now.0 - seen.0 >= DEAD_AFTER);
        let take_over: BTreeSet<RowId> = entries
            .iter()
            .filter(|(_, entry)| abandoned(&entry.mid))
            .map(|(row, _)| *row)
            .collect();
        self.keyword.clone().map(|keyword| Claim { keyword, take_over })
    }

    /// Takes note of claims that were lost.
    pub fn note(&mut self, now: Timestamp, entries: &BTreeMap<RowId, Box<Entry>>, outcomes: &[(RowId, Outcome)]) {
        const MOST: usize = 10_000;
        for (row, outcome) in outcomes {
            if let (Outcome::Failed(code), Some(entry)) = (outcome, entries.get(row))
                && code == CLAIMED
            {
                self.theirs.entry(entry.mid.clone()).or_insert(now);
            }
        }
        if self.theirs.len() > MOST {
            self.theirs.retain(|_, seen| now.0 - seen.0 < DEAD_AFTER * 2);
        }
    }
}

impl Visit<'_> {
    /// With `claim = true`: this daemon's keyword, made on the first day and kept.
    pub async fn prepare_claims(&mut self) -> Result<(), DaemonError> {
        if !self.account.claim || self.claims.keyword.is_some() {
            return Ok(());
        }
        let account = self.account.name.clone();
        let fresh = format!("{CLAIM}{:08x}", fastrand::u32(..));
        let keyword = self.store.run(move |store| match store.get_note(&account, KEYWORD)? {
            Some(kept) => Ok(kept),
            None => store.set_note(&account, KEYWORD, Some(&fresh)).map(|()| fresh),
        });
        self.claims.keyword = Some(keyword.await?);
        Ok(())
    }

    /// True where this daemon can claim in the selected folder.
    pub fn can_claim(&self) -> bool {
        let keyword = self.claims.keyword.as_deref();
        keyword.is_some_and(|keyword| mover::can_claim(&self.session, keyword))
    }

    /// Says so where `claim = true` is of no use. INBOX is selected.
    pub fn check_claims(&self) {
        if self.claims.keyword.is_some() && !self.can_claim() && self.sorter.settings.moves {
            self.logbook.no_claims();
        }
    }

    /// Takes this daemon's keyword off what was moved since this was last done. Another folder is selected afterwards.
    pub async fn release_claims(&mut self) -> Result<(), DaemonError> {
        let Some(keyword) = self.claims.keyword.clone() else {
            return Ok(());
        };
        let (account, now) = (self.account.name.clone(), clock::now());
        let moved = self.store.run(move |store| {
            let since = store.get_note(&account, RELEASED)?.and_then(|text| text.parse().ok());
            store.moved_since(&account, Timestamp(since.unwrap_or_default()))
        });
        let moved = moved.await?;
        if moved.get().is_empty() {
            return Ok(());
        }
        mover::release(&mut self.session, &moved, &keyword).await?;
        let account = self.account.name.clone();
        // The second of now may hold more.
        let until = (now.0 - 1).to_string();
        self.store
            .run(move |store| store.set_note(&account, RELEASED, Some(&until)))
            .await?;
        Ok(())
    }
}
