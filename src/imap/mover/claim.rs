//! The claim of several daemons on one mailbox: before a message is moved it gets a keyword of this daemon by a
//! conditional STORE (CONDSTORE, RFC 7162 section 3.1.3), which the server grants to one of them only.
//!
//! Policy, in order:
//! 1. Only where the server counts modifications and keeps keywords of one's own in the selected folder; elsewhere there
//!    is no claim, and the caller takes other care.
//! 2. A message that bears somebody else's claim is left to him; after a minute without a move the caller may take over. It
//!    need not be the same claim (he may have failed, given up and come again), so it is watched for two seconds more, and
//!    taken off only if nothing has become of it.
//! 3. UNCHANGEDSINCE is the highest MODSEQ of the same FETCH that showed no claim: whatever was claimed since then is newer
//!    and comes back as MODIFIED.
//! 4. The grant alone is not believed: Dovecot 2.3 grants two conditional STOREs that come within the same millisecond.
//!    So the flags are read once more. Of two claims on a message the one whose keyword sorts first stands; the other is
//!    taken off. Whoever stays waits until he is alone, for two seconds at most: the other may have read before him.
//! 5. A claim that leads to nothing is taken off again at once. On a moved message it travels along, so that the other
//!    daemons see whose work it is; on one that was copied and stays it stays, so that a daemon that comes a moment later
//!    makes no second copy. There it is taken off later ([`release`]).

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use async_imap::imap_proto::{AttributeValue, Response};
use tokio::time::sleep;

use super::{Group, Outcome, Report, said};
use crate::imap::completion::{Completion, Verdict};
use crate::imap::error::ImapError;
use crate::imap::selected::Access;
use crate::imap::session::{CAUTIOUS_SET, Session};
use crate::imap::uid_set;
use crate::sort::ledger::{Committed, RowId};
use crate::sort::mailbox::{Location, Mailbox, Uid};
use crate::sort::refusal::CLAIMED;
use crate::sort::rival::is_claim;

/// Between two looks at a claim that is not alone.
const RECHECK: Duration = Duration::from_millis(100);

/// So many looks, and whoever else has a claim is at work.
const RECHECKS: usize = 20;

/// A daemon's claim.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Claim {
    /// The keyword of this daemon and of no other.
    pub keyword: String,
    /// Rows whose messages may be claimed although somebody else's claim is on them.
    pub take_over: BTreeSet<RowId>,
}

/// True where the selected folder can be claimed in.
pub fn can_claim(session: &Session, keyword: &str) -> bool {
    let keeps = |flags: &[String]| {
        flags
            .iter()
            .any(|flag| flag == "\\*" || flag.eq_ignore_ascii_case(keyword))
    };
    session.capabilities().condstore
        && session
            .selected()
            .is_some_and(|selected| selected.highest_modseq.is_some() && keeps(&selected.permanent_flags))
}

/// Claims the messages of all groups; those that are somebody else's are reported and left out.
pub(super) async fn stake(
    session: &mut Session,
    groups: &mut Vec<Group>,
    claim: &Claim,
    report: &mut Report,
) -> Result<(), ImapError> {
    for group in groups.iter_mut() {
        let uids: Vec<Uid> = group.rows.keys().copied().collect();
        for (_, part) in uid_set::cut(&uids, CAUTIOUS_SET, usize::MAX) {
            let free = free(session, part, group, claim).await?;
            let (granted, refusal) = ask(session, &free, claim).await?;
            let ours = uncontested(session, granted, &free.others, claim).await?;
            for uid in part.iter().filter(|uid| ours.binary_search(uid).is_err()) {
                report.close(group, *uid, Outcome::Failed(refusal.clone()));
                group.rows.remove(uid);
            }
        }
    }
    groups.retain(|group| !group.rows.is_empty());
    Ok(())
}

/// Messages without somebody else's claim or with one that seems abandoned, and the highest MODSEQ of all of them.
struct Free {
    uids: Vec<Uid>,
    /// The claims that seem abandoned.
    others: BTreeSet<String>,
    modseq: u64,
}

/// Flags and MODSEQ of those of the messages that are there.
async fn look(session: &mut Session, uids: &[Uid]) -> Result<BTreeMap<Uid, (Vec<String>, u64)>, ImapError> {
    let mut seen = BTreeMap::new();
    let body = format!("UID FETCH {} (UID FLAGS MODSEQ)", uid_set::text(uids));
    let completion = session.exec("UID FETCH", &body, |response| {
        seen.extend(state(response).filter(|(uid, _)| uids.binary_search(uid).is_ok()));
    });
    completion.await?.ok("UID FETCH")?;
    Ok(seen)
}

impl Claim {
    /// Claims of others among the flags of a message.
    fn others(&self, flags: Vec<String>) -> impl Iterator<Item = String> {
        flags
            .into_iter()
            .filter(|flag| is_claim(flag) && !flag.eq_ignore_ascii_case(&self.keyword))
    }
}

async fn free(session: &mut Session, part: &[Uid], group: &Group, claim: &Claim) -> Result<Free, ImapError> {
    let seen = look(session, part).await?;
    let mut free = Free {
        uids: Vec::new(),
        others: BTreeSet::new(),
        modseq: 0,
    };
    for (uid, (flags, modseq)) in seen {
        let mut others = claim.others(flags).peekable();
        let may = group.rows.get(&uid).is_some_and(|row| claim.take_over.contains(row));
        if others.peek().is_none() || may {
            free.uids.push(uid);
            free.modseq = free.modseq.max(modseq);
            free.others.extend(others);
        }
    }
    Ok(free)
}

/// The conditional STORE: the messages that are ours now, and what to say of the others.
async fn ask(session: &mut Session, free: &Free, claim: &Claim) -> Result<(Vec<Uid>, String), ImapError> {
    if free.uids.is_empty() {
        return Ok((Vec::new(), CLAIMED.to_owned()));
    }
    let (set, keyword) = (uid_set::text(&free.uids), &claim.keyword);
    let body = format!(
        "UID STORE {set} (UNCHANGEDSINCE {}) +FLAGS.SILENT ({keyword})",
        free.modseq
    );
    let completion = session.exec("UID STORE", &body, |_| {}).await?;
    let ours = granted(&completion, &free.uids);
    let refusal = if completion.verdict == Verdict::Ok || completion.code.as_deref() == Some("MODIFIED") {
        CLAIMED.to_owned()
    } else {
        said(&completion)
    };
    Ok((ours, refusal))
}

/// Those of the granted messages on which our claim stands alone; off the others it is taken again.
async fn uncontested(
    session: &mut Session,
    granted: Vec<Uid>,
    abandoned: &BTreeSet<String>,
    claim: &Claim,
) -> Result<Vec<Uid>, ImapError> {
    let mut stand = Stand::default();
    stand.look(session, &granted, abandoned, claim).await?;
    for _ in 0..RECHECKS {
        if stand.open.is_empty() {
            break;
        }
        sleep(RECHECK).await;
        // A FETCH answers from the state at the end of the command before it.
        session.noop().await?;
        let open = std::mem::take(&mut stand.open);
        stand.look(session, &open, abandoned, claim).await?;
    }
    let dead = std::mem::take(&mut stand.open);
    if !dead.is_empty() && !abandoned.is_empty() {
        // A claim without a move is a daemon that has died; ours stands in its place.
        for keyword in abandoned {
            take_off(session, &dead, keyword).await?;
        }
        stand.look(session, &dead, &BTreeSet::new(), claim).await?;
    } else {
        stand.lost.extend(dead);
    }
    stand.lost.append(&mut stand.open);
    stand.lost.sort_unstable();
    take_off(session, &stand.lost, &claim.keyword).await?;
    stand.ours.sort_unstable();
    Ok(stand.ours)
}

/// Where our claim stands.
#[derive(Debug, Default)]
struct Stand {
    /// Alone.
    ours: Vec<Uid>,
    /// Beside one that has to give way, or that seems abandoned.
    open: Vec<Uid>,
    /// Beside one to which it has to give way, or not there any more.
    lost: Vec<Uid>,
}

impl Stand {
    /// Looks at messages and sorts them out; what has left the folder is somebody else's.
    async fn look(
        &mut self,
        session: &mut Session,
        uids: &[Uid],
        abandoned: &BTreeSet<String>,
        claim: &Claim,
    ) -> Result<(), ImapError> {
        if uids.is_empty() {
            return Ok(());
        }
        let own = claim.keyword.to_ascii_lowercase();
        for (uid, (flags, _)) in look(session, uids).await? {
            let held = flags.iter().any(|flag| flag.eq_ignore_ascii_case(&own));
            let others: Vec<String> = claim.others(flags).collect();
            let alive = others.iter().filter(|other| !abandoned.contains(*other));
            let lost = alive.map(|other| other.to_ascii_lowercase()).any(|other| other < own);
            // A third daemon may have taken ours for abandoned.
            let place = match others.is_empty() {
                _ if lost || !held => &mut self.lost,
                true => &mut self.ours,
                false => &mut self.open,
            };
            place.push(uid);
        }
        Ok(())
    }
}

/// What a conditional STORE has changed: everything but MODIFIED; nothing where that cannot be known.
fn granted(completion: &Completion, asked: &[Uid]) -> Vec<Uid> {
    match (completion.verdict, &completion.modified) {
        (Verdict::Ok, None) => asked.to_vec(),
        (Verdict::Ok | Verdict::No, Some(modified)) => {
            let Some(modified) = uid_set::expand(modified.iter()).filter(|uids| !uids.is_empty()) else {
                return Vec::new();
            };
            asked.iter().filter(|uid| !modified.contains(uid)).copied().collect()
        }
        _ => Vec::new(),
    }
}

fn state(response: &Response<'_>) -> impl Iterator<Item = (Uid, (Vec<String>, u64))> {
    let (mut uid, mut flags, mut modseq) = (None, None, None);
    if let Response::Fetch(_, attributes) = response {
        for attribute in attributes {
            match attribute {
                AttributeValue::Uid(value) => uid = Some(Uid(*value)),
                AttributeValue::ModSeq(value) => modseq = Some(*value),
                AttributeValue::Flags(values) => {
                    flags = Some(values.iter().map(|flag| flag.clone().into_owned()).collect());
                }
                _ => {}
            }
        }
    }
    uid.zip(flags.zip(modseq)).into_iter()
}

/// Takes the claim off messages of the selected folder that stay as they were: neither copied nor moved after all.
pub(super) async fn give_up(
    session: &mut Session,
    copies: &[Group],
    moves: &[Group],
    claim: &Claim,
    report: &Report,
) -> Result<(), ImapError> {
    let failed: BTreeSet<RowId> = report
        .outcomes
        .iter()
        .filter(|(_, outcome)| matches!(outcome, Outcome::Failed(_)))
        .map(|(row, _)| *row)
        .collect();
    let leaving: BTreeSet<Uid> = moves
        .iter()
        .flat_map(|group| &group.rows)
        .filter(|(_, row)| !failed.contains(row))
        .map(|(uid, _)| *uid)
        .collect();
    let copied: BTreeSet<Uid> = copies
        .iter()
        .flat_map(|group| &group.rows)
        .filter(|(_, row)| !failed.contains(row))
        .map(|(uid, _)| *uid)
        .collect();
    let claimed = copies.iter().chain(moves).flat_map(|group| group.rows.keys());
    let as_before = |uid: &&Uid| !leaving.contains(uid) && !copied.contains(uid);
    let staying: BTreeSet<Uid> = claimed.filter(as_before).copied().collect();
    take_off(session, &staying.into_iter().collect::<Vec<_>>(), &claim.keyword).await
}

/// Takes every claim off messages that were moved and whose rows are on disk: ours, and that of whoever gave way to us
/// after the message had been copied with both. Afterwards another folder is selected.
///
/// # Errors
/// Those of the connection. A folder that has gone or does not let its flags be changed is passed over.
pub async fn release(session: &mut Session, moved: &Committed<Vec<Location>>, keyword: &str) -> Result<(), ImapError> {
    let mut folders: BTreeMap<&Mailbox, Vec<&Location>> = BTreeMap::new();
    for place in moved.get() {
        folders.entry(&place.mailbox).or_default().push(place);
    }
    for (folder, places) in folders {
        let selected = match session.select(folder, Access::ReadWrite).await {
            Err(error) if error.ends_connection() => return Err(error),
            Err(_) => continue,
            Ok(selected) => selected,
        };
        let here = places
            .iter()
            .filter(|place| place.uid_validity == selected.uid_validity);
        let mut uids: Vec<Uid> = here.map(|place| place.uid).collect();
        if selected.read_only || !can_claim(session, keyword) {
            continue;
        }
        uids.sort_unstable();
        uids.dedup();
        let mut claimed: BTreeMap<String, Vec<Uid>> = BTreeMap::new();
        for (_, part) in uid_set::cut(&uids, CAUTIOUS_SET, usize::MAX) {
            for (uid, (flags, _)) in look(session, part).await? {
                for keyword in flags.into_iter().filter(|flag| is_claim(flag)) {
                    claimed.entry(keyword).or_default().push(uid);
                }
            }
        }
        for (keyword, uids) in claimed {
            take_off(session, &uids, &keyword).await?;
        }
    }
    Ok(())
}

async fn take_off(session: &mut Session, uids: &[Uid], keyword: &str) -> Result<(), ImapError> {
    for (set, _) in uid_set::cut(uids, CAUTIOUS_SET, usize::MAX) {
        let body = format!("UID STORE {set} -FLAGS.SILENT ({keyword})");
        // A refusal is of no consequence: the keyword means nothing on a message that lies where it belongs.
        session.exec("UID STORE", &body, |_| {}).await?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answered(verdict: Verdict, modified: Option<Vec<std::ops::RangeInclusive<u32>>>) -> Vec<u32> {
        let completion = Completion {
            verdict,
            modified,
            ..Completion::default()
        };
        granted(&completion, &[Uid(1), Uid(2), Uid(5)])
            .iter()
            .map(|uid| uid.0)
            .collect()
    }

    #[test]
    fn what_was_modified_is_not_ours_and_what_cannot_be_known_neither() {
        assert_eq!(answered(Verdict::Ok, None), [1, 2, 5]);
        assert_eq!(answered(Verdict::Ok, Some(vec![2..=4])), [1, 5]);
        assert_eq!(answered(Verdict::No, Some(vec![1..=1, 5..=5])), [2]);
        let nothing: [u32; 0] = [];
        assert_eq!(
            answered(Verdict::Ok, Some(Vec::new())),
            nothing,
            "MODIFIED without a set"
        );
        assert_eq!(answered(Verdict::No, None), nothing);
        assert_eq!(answered(Verdict::Bad, None), nothing);
        assert_eq!(answered(Verdict::Ok, Some(vec![1..=u32::MAX])), nothing);
    }
}
