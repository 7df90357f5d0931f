//! What would happen to mail that lies in the inbox: the same decisions as the daemon's, carried nowhere (`preview`), or
//! carried out on the user's word (`sort`).

use super::clock;
use super::error::DaemonError;
use super::sweep::WINDOW;
use super::visit::{Stopping, Visit};
use crate::imap::Access;
use crate::sort::arrival::Event;
use crate::sort::evidence::Evidence;
use crate::sort::ledger::{Entry, RowKind};
use crate::sort::mailbox::{Mailbox, Timestamp, Uid};
use crate::sort::message::Author;
use crate::sort::verdict::Verdict;
use crate::sort::{Arrival, sanitise};

/// The fate of one message in the inbox.
#[derive(Debug, Clone, PartialEq)]
pub struct Fate {
    /// Its UID in INBOX.
    pub uid: Uid,
    /// Message-ID.
    pub message_id: Option<String>,
    /// Sender, as shown to people.
    pub from: String,
    /// Subject, as shown to people; kept in memory only.
    pub subject: String,
    /// It looks like one person's letter: no list, no mass mail, no machine.
    pub person: bool,
    /// INTERNALDATE.
    pub arrived: Option<Timestamp>,
    /// What was decided.
    pub verdict: Verdict,
    /// Where it would go; INBOX when it stays.
    pub folder: Mailbox,
    /// The user's hand has been on it: it stays whatever the verdict.
    pub settled: bool,
    /// The row to write when it is carried out.
    pub entry: Option<Entry>,
    /// Rows of further copies that a rule asks for.
    pub copies: Vec<Entry>,
}

fn is_a_persons(evidence: &Evidence) -> bool {
    !(evidence.list || evidence.bulk || evidence.automatic || evidence.report || evidence.spam || evidence.code)
}

impl Visit<'_> {
    /// Decides about every message of the inbox that arrived at or after `since`. Opens the folder with EXAMINE.
    pub async fn plan(&mut self, since: Option<Timestamp>) -> Result<Vec<Fate>, DaemonError> {
        let inbox = Mailbox::inbox();
        let selected = self.session.select(&inbox, Access::ReadOnly).await?;
        let uids = self.session.uids(Uid(1), None).await?;
        let now = clock::now();
        let mut fates = Vec::new();
        for window in uids.chunks(WINDOW) {
            let fetched = self.session.headers(window, &self.fields()).await?;
            for event in self.read(&inbox, selected.uid_validity, fetched).await? {
                let Event::Arrived(arrival) = event else { continue };
                if since.is_none_or(|since| arrival.arrived.is_none_or(|arrived| arrived >= since)) {
                    fates.push(self.fate(now, &arrival));
                }
            }
        }
        Ok(fates)
    }

    fn fate(&self, now: Timestamp, arrival: &Arrival) -> Fate {
        let verdict = self.sorter.decide(now, arrival).verdict;
        let folder = self.sorter.destination(&verdict).unwrap_or_else(Mailbox::inbox);
        // What the user or `undo` put back stays; what was only looked at before may move on the user's word.
        let settled = arrival
            .history
            .iter()
            .any(|row| !matches!(row.entry.kind, RowKind::Keep | RowKind::Preview | RowKind::Copy));
        let moves = !settled && folder != arrival.location.mailbox;
        let entry = moves.then(|| Entry {
            destination: Some(folder.clone()),
            flags: arrival.lacking(verdict.orders.flags.clone()),
            ..self
                .sorter
                .entry(RowKind::Sort, arrival, verdict.bucket, verdict.reason.clone())
        });
        let copies = if settled {
            Vec::new()
        } else {
            self.sorter.copy_rows(arrival, &verdict)
        };
        Fate {
            uid: arrival.location.uid,
            message_id: arrival.message.message_id.clone(),
            from: match arrival.message.author() {
                Author::One { address, .. } => sanitise(address.as_str()),
                Author::Malformed(why) => format!("({why})"),
            },
            subject: sanitise(&arrival.message.subject),
            person: is_a_persons(&Evidence::of(&arrival.message, &self.sorter.settings.owner)),
            arrived: arrival.arrived,
            folder: if moves { folder } else { Mailbox::inbox() },
            verdict,
            settled,
            entry,
            copies,
        }
    }

    /// Carries a plan out, `step` moves at a time; `progress` is told after each step how many are behind us.
    pub async fn carry_out_plan(
        &mut self,
        fates: Vec<Fate>,
        step: usize,
        stop: Stopping<'_>,
        progress: &mut (dyn FnMut(usize) + Send),
    ) -> Result<usize, DaemonError> {
        let inbox = Mailbox::inbox();
        let selected = self.session.select(&inbox, Access::ReadWrite).await?;
        let mut fates = fates;
        fates.retain(|fate| fate.entry.is_some() || !fate.copies.is_empty());
        let mut behind = 0;
        for chunk in fates.chunks(step.max(1)) {
            if stop() {
                break;
            }
            let fates_behind = chunk.len();
            let rows = chunk.iter().flat_map(|fate| fate.copies.iter().chain(&fate.entry));
            let mut chunk: Vec<Entry> = rows.cloned().collect();
            chunk.retain(|entry| entry.source.uid_validity == selected.uid_validity);
            self.plan_moves(clock::now(), chunk).await?;
            self.carry_out().await?;
            behind += fates_behind;
            progress(behind);
        }
        Ok(behind)
    }
}
