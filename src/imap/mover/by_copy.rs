//! Ladders (b) and (c): COPY, and then the originals.
//!
//! (b) With UIDPLUS (RFC 4315) the originals of proven copies, and nothing else, are flagged and expunged by UID.
//! (c) Without it they are flagged \Deleted and left for some client to expunge: a plain EXPUNGE would take along what
//! the user has flagged.

use std::collections::BTreeMap;

use super::{Group, Outcome, Proofs, Report, admit, gather, half_sent, learn_length, said, still_selected, too_long};
use crate::imap::completion::{Completion, Verdict, copy_uid};
use crate::imap::error::ImapError;
use crate::imap::failpoint::failpoint;
use crate::imap::folders::quote;
use crate::imap::session::{CAUTIOUS_SET, Session};
use crate::imap::uid_set;
use crate::sort::ledger::{Committed, PlannedMove};
use crate::sort::mailbox::Uid;

pub(super) async fn carry_out(
    session: &mut Session,
    groups: &[Group],
    uidplus: bool,
    report: &mut Report,
) -> Result<(), ImapError> {
    for group in groups {
        let mut waiting: Vec<Uid> = group.rows.keys().copied().collect();
        while let Some(copied) = copy_some(session, group, &mut waiting, report).await? {
            let (completion, proofs) = (copied.completion, copied.proofs);
            let originals = copies_made(session, &completion, group, copied.uids, &proofs, report).await?;
            if !originals.is_empty() {
                remove(session, group, &originals, &proofs, uidplus, report).await?;
            }
        }
    }
    Ok(())
}

/// A UID COPY that was answered, and not refused for the length of its set.
pub(super) struct Copied {
    pub(super) uids: Vec<Uid>,
    pub(super) completion: Completion,
    pub(super) proofs: Proofs,
}

/// Copies as many of the messages that wait as one command may name; `None` when none waits any more. Where the
/// destination has no name on the server, all are reported at once.
pub(super) async fn copy_some(
    session: &mut Session,
    group: &Group,
    waiting: &mut Vec<Uid>,
    report: &mut Report,
) -> Result<Option<Copied>, ImapError> {
    let destination = match session.names().to_wire(&group.destination) {
        Ok(destination) => quote(&destination),
        Err(error) => {
            report.close_all(group, waiting.iter(), &Outcome::Failed(error.to_string()));
            return Ok(None);
        }
    };
    while !waiting.is_empty() {
        still_selected(session)?;
        let longest = session.longest_set.min(CAUTIOUS_SET);
        let Some((set, taken)) = uid_set::cut(waiting, longest, usize::MAX)
            .into_iter()
            .next()
            .map(|(set, part)| (set, part.len()))
        else {
            break;
        };
        let rest = waiting.split_off(taken);
        let uids = std::mem::replace(waiting, rest);
        let mut proofs = BTreeMap::new();
        let copied = copy(session, &format!("UID COPY {set} {destination}"), &mut proofs).await;
        let completion = close_on_fault(copied, group, &uids, report)?;
        learn_length(session, &completion, set.len());
        if too_long(&completion, set.len()) {
            waiting.splice(..0, uids);
            continue;
        }
        return Ok(Some(Copied {
            uids,
            completion,
            proofs,
        }));
    }
    Ok(None)
}

/// Finishes what was interrupted between COPY and UID EXPUNGE: removes originals whose copies have been found in their
/// destination. The caller has read both folders in this session.
pub async fn remove_copied(session: &mut Session, moves: &Committed<Vec<PlannedMove>>) -> Result<Report, ImapError> {
    let mut report = Report::default();
    let uidplus = session.capabilities().uidplus;
    for group in admit(session, moves.get(), &mut report) {
        let uids: Vec<Uid> = group.rows.keys().copied().collect();
        if uidplus && session.uid_expunge_broken {
            // Flagged and left it would look deleted to every client, and nobody would say so.
            let why = "copied, but this server has just refused UID EXPUNGE".to_owned();
            report.close_all(&group, &uids, &Outcome::Failed(why));
            continue;
        }
        let longest = session.longest_set.min(CAUTIOUS_SET);
        for (_, part) in uid_set::cut(&uids, longest, usize::MAX) {
            still_selected(session)?;
            remove(session, &group, part, &Proofs::new(), uidplus, &mut report).await?;
        }
    }
    Ok(report)
}

async fn copy(session: &mut Session, body: &str, proofs: &mut Proofs) -> Result<Completion, ImapError> {
    let pending = session.wire().begin("UID COPY", body)?;
    failpoint("copy-before-send");
    half_sent(session, "copy-half-sent").await;
    session.wire().push("UID COPY").await?;
    failpoint("copy-after-send");
    let completion = session
        .finish(pending, |response| gather(copy_uid(response), proofs))
        .await?;
    failpoint("copy-after-tagged");
    gather(completion.copied.clone(), proofs);
    Ok(completion)
}

/// Reports what was not copied, and returns the originals of what was: those that COPYUID names. Nothing is removed, or
/// marked as deleted, on the word of an OK alone; the caller looks for such copies in the destination.
async fn copies_made(
    session: &mut Session,
    completion: &Completion,
    group: &Group,
    uids: Vec<Uid>,
    proofs: &Proofs,
    report: &mut Report,
) -> Result<Vec<Uid>, ImapError> {
    let (copied, unnamed): (Vec<Uid>, Vec<Uid>) = uids.into_iter().partition(|uid| proofs.contains_key(uid));
    if completion.verdict == Verdict::Ok {
        for uid in unnamed {
            report.leave_unproven(group, uid);
        }
        return Ok(copied);
    }
    let there = if completion.verdict == Verdict::Bad {
        Ok(unnamed.clone())
    } else {
        session.still_there(&unnamed).await
    };
    let all = [copied.as_slice(), unnamed.as_slice()].concat();
    let there = close_on_fault(there, group, &all, report)?;
    for uid in unnamed {
        let outcome = if there.binary_search(&uid).is_ok() {
            Outcome::Failed(said(completion))
        } else {
            Outcome::Void("it was gone before".to_owned())
        };
        report.close(group, uid, outcome);
    }
    Ok(copied)
}

/// Flags the originals, and expunges exactly those where the server can.
async fn remove(
    session: &mut Session,
    group: &Group,
    uids: &[Uid],
    proofs: &Proofs,
    uidplus: bool,
    report: &mut Report,
) -> Result<(), ImapError> {
    let set = uid_set::text(uids);
    let mark = format!("UID STORE {set} +FLAGS.SILENT (\\Deleted)");
    let marked = step(session, "UID STORE", &mark, ["store-after-send", "store-after-tagged"]).await;
    let marked = close_on_fault(marked, group, uids, report)?;
    if marked.verdict != Verdict::Ok {
        // A copy is there and so is the original: reported, and repeated by nobody.
        let why = format!("copied, but the original could not be flagged: {}", said(&marked));
        report.close_all(group, uids, &Outcome::Failed(why));
        return Ok(());
    }
    if uidplus {
        let expunge = format!("UID EXPUNGE {set}");
        let gone = step(
            session,
            "UID EXPUNGE",
            &expunge,
            ["expunge-after-send", "expunge-after-tagged"],
        )
        .await;
        let gone = close_on_fault(gone, group, uids, report)?;
        if gone.verdict != Verdict::Ok {
            session.uid_expunge_broken = true;
            let why = format!("copied, but UID EXPUNGE was refused: {}", said(&gone));
            report.close_all(group, uids, &Outcome::Failed(why));
            session
                .exec(
                    "UID STORE",
                    &format!("UID STORE {set} -FLAGS.SILENT (\\Deleted)"),
                    |_| {},
                )
                .await?;
            return Ok(());
        }
    }
    for uid in uids {
        report.close(group, *uid, Outcome::Done(proofs.get(uid).copied()));
    }
    Ok(())
}

async fn step(
    session: &mut Session,
    name: &'static str,
    body: &str,
    [after_send, after_tagged]: [&str; 2],
) -> Result<Completion, ImapError> {
    let pending = session.wire().begin(name, body)?;
    session.wire().push(name).await?;
    failpoint(after_send);
    let completion = session.finish(pending, |_| {}).await;
    failpoint(after_tagged);
    completion
}

/// A command that left and was not answered leaves its messages `Unknown`.
pub(super) fn close_on_fault<T>(
    result: Result<T, ImapError>,
    group: &Group,
    uids: &[Uid],
    report: &mut Report,
) -> Result<T, ImapError> {
    if result.is_err() {
        report.close_all(group, uids, &Outcome::Unknown);
    }
    result
}
