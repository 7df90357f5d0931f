//! Another sorter on the same mailbox (reliability.md E2): how it is looked for, what is said about it, and the care with
//! which moves are made then. What counts as a sign is in [`crate::sort::rival`].

use std::collections::BTreeSet;
use std::time::Duration;

use super::clock;
use super::error::DaemonError;
use super::status::{self, AccountStatus};
use super::visit::Visit;
use crate::config::Mode;
use crate::sort::ledger::{Committed, Outcome, PlannedMove, RowId, RowKind};
use crate::sort::mailbox::{Timestamp, Uid};
use crate::sort::rival::{self, Care, Signs};
use crate::store::Query;

/// A move made with care waits at least this long, and at most so much longer, by chance: two daemons that are woken by
/// one message rarely come to the same instant.
const WAIT: Duration = Duration::from_millis(200);
const SPREAD: Duration = Duration::from_millis(1_800);

/// What a visit knows of another sorter.
#[derive(Debug, Default)]
pub struct Company {
    /// The signs of the last day, when they were last counted.
    pub signs: Signs,
    /// Something has happened that may be a sign, or that `status` should say.
    pub look_due: bool,
}

impl Company {
    /// What `status` says about it; `None` while there is nothing to say.
    pub fn sentence(&self) -> Option<String> {
        let Signs { outrun, doubled, .. } = self.signs;
        let seen = format!(
            "another program moves the same mail: within a day it was faster {outrun} times and made {doubled} second copies"
        );
        let remedy = match (self.signs.care(), doubled) {
            (Care::Usual, 0) => return None,
            (Care::Usual, _) => "remove the second copy by hand",
            (Care::Wary, _) => {
                "stop one of the two, or set claim = true for this account on both; until then every move waits up to two \
                 seconds and looks again, and what was learned from fresh mail is held for `postroom learn --confirm`"
            }
            (Care::LookOn, _) => {
                "stop one of the two, or set claim = true for this account on both; Postroom moves nothing until the signs \
                 are a day old; remove the second copies by hand"
            }
        };
        Some(format!("{seen}; {remedy}"))
    }
}

impl Visit<'_> {
    /// Counts the signs of another sorter anew, and takes the care that follows from them.
    pub async fn look_for_rival(&mut self) -> Result<(), DaemonError> {
        let due = std::mem::take(&mut self.company.look_due);
        if self.account.mode != Mode::Sort {
            return Ok(());
        }
        let now = clock::now();
        let query = Query {
            account: Some(self.account.name.clone()),
            since: Some(Timestamp(now.0 - rival::MEMORY)),
            kinds: vec![RowKind::File],
            ..Query::default()
        };
        let mut signs = self
            .store
            .run(move |store| Ok(Signs::of(now, &store.rows(&query)?)))
            .await?;
        if self.claims.keyword.is_some() {
            // That the others are faster now and then is what was asked for.
            signs.outrun = 0;
        }
        let before = std::mem::replace(&mut self.company.signs, signs);
        self.sorter.lookout.suspected = signs.any();
        self.weigh();
        if signs.care() != before.care() {
            match self.company.sentence() {
                Some(sentence) if signs.care() != Care::Usual => self.logbook.rival(&sentence),
                _ => self.logbook.alone_again(),
            }
        }
        if signs != before || due {
            let status = AccountStatus::connected(self);
            status::save(&self.store, &self.account.name, status).await?;
        }
        Ok(())
    }

    /// As [`Visit::look_for_rival`], when there is a reason to.
    pub async fn look_for_rival_when_due(&mut self) -> Result<(), DaemonError> {
        if self.company.look_due {
            self.look_for_rival().await?;
        }
        Ok(())
    }

    /// Once the detector has fired: waits a moment and looks which messages are still there. The moves of the others come
    /// back as outcomes.
    pub async fn make_way(
        &mut self,
        moves: Committed<Vec<PlannedMove>>,
    ) -> Result<(Committed<Vec<PlannedMove>>, Vec<(RowId, Outcome)>), DaemonError> {
        let wary = self.company.signs.care() != Care::Usual || self.claims.keyword.is_some();
        if !wary || self.can_claim() || moves.get().is_empty() {
            return Ok((moves, Vec::new()));
        }
        tokio::time::sleep(WAIT + SPREAD.mul_f64(fastrand::f64())).await;
        let mut uids: Vec<Uid> = moves.get().iter().map(|planned| planned.source.uid).collect();
        uids.sort_unstable();
        uids.dedup();
        // Without it Dovecot answers from what it knew before others expunged anything.
        self.session.noop().await?;
        let there: BTreeSet<Uid> = self
            .session
            .flags(&uids)
            .await?
            .into_iter()
            .map(|(uid, _)| uid)
            .collect();
        let mut gone = Vec::new();
        let moves = moves.only(|planned| {
            let is_there = there.contains(&planned.source.uid);
            if !is_there {
                gone.push((
                    planned.row,
                    Outcome::Void("it was gone before the move was sent".to_owned()),
                ));
            }
            is_there
        });
        Ok((moves, gone))
    }
}
