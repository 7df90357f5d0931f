//! Ladder (a): UID MOVE (RFC 6851).
//!
//! Sets that are short enough travel in one flight, and the whole flight is read before anything is judged: the COPYUID
//! of one command may stand among the responses to another. A set refused as too long is cut in halves.

use std::collections::BTreeMap;

use super::{Group, Outcome, Proofs, Report, gather, half_sent, learn_length, said, still_selected, too_long};
use crate::imap::completion::{Completion, Verdict, copy_uid};
use crate::imap::error::ImapError;
use crate::imap::failpoint::failpoint;
use crate::imap::folders::quote;
use crate::imap::reply::Pending;
use crate::imap::session::{CAUTIOUS_SET, Session};
use crate::imap::uid_set;
use crate::sort::mailbox::Uid;

/// Characters of all sets of one flight together.
const FLIGHT: usize = 60_000;

/// One UID MOVE on its way, and the rows that hang on it.
#[derive(Debug)]
struct Sent<'a> {
    pending: Pending,
    group: &'a Group,
    uids: Vec<Uid>,
    length: usize,
}

/// A UID MOVE that was answered.
#[derive(Debug)]
struct Answered<'a> {
    completion: Completion,
    group: &'a Group,
    uids: Vec<Uid>,
    length: usize,
}

/// Messages that are still to be sent.
type Waiting<'a> = Vec<(&'a Group, Vec<Uid>)>;

pub(super) async fn carry_out(session: &mut Session, groups: &[Group], report: &mut Report) -> Result<(), ImapError> {
    let mut waiting: Waiting<'_> = groups
        .iter()
        .rev()
        .map(|group| (group, group.rows.keys().copied().collect()))
        .collect();
    while !waiting.is_empty() {
        still_selected(session)?;
        let sent = send(session, &mut waiting, report).await?;
        let mut proofs = BTreeMap::new();
        let (answered, fault) = read(session, sent, &mut proofs, report).await;
        for Answered {
            completion,
            group,
            uids,
            length,
        } in answered
        {
            learn_length(session, &completion, length);
            let sent = uids.len();
            let open = report.close_proven(group, uids, &proofs);
            let partly = open.len() < sent;
            if too_long(&completion, length) && !open.is_empty() {
                waiting.push((group, open));
                continue;
            }
            let again = judge(session, &completion, group, open, partly, report).await;
            waiting.extend(
                Some(again)
                    .filter(|again| !again.is_empty())
                    .map(|again| (group, again)),
            );
        }
        if let Some(fault) = fault {
            return Err(fault);
        }
        if session.is_dead() {
            return Err(ImapError::lost(
                "UID MOVE",
                "the connection ended while the outcome was read back",
            ));
        }
    }
    Ok(())
}

/// Puts as many MOVEs as fit into one flight and sends them in one write.
async fn send<'a>(
    session: &mut Session,
    waiting: &mut Waiting<'a>,
    report: &mut Report,
) -> Result<Vec<Sent<'a>>, ImapError> {
    let longest = session.longest_set;
    let mut sent: Vec<Sent<'a>> = Vec::new();
    let mut total = 0;
    while let Some((group, mut uids)) = waiting.pop() {
        let destination = match session.names().to_wire(&group.destination) {
            Ok(destination) => destination,
            Err(error) => {
                report.close_all(group, &uids, &Outcome::Failed(error.to_string()));
                continue;
            }
        };
        let Some((set, taken)) = uid_set::cut(&uids, longest, usize::MAX)
            .into_iter()
            .next()
            .map(|(set, part)| (set, part.len()))
        else {
            continue;
        };
        if !sent.is_empty() && total + set.len() > FLIGHT.min(longest.max(CAUTIOUS_SET)) {
            waiting.push((group, uids));
            break;
        }
        total += set.len();
        let rest = uids.split_off(taken);
        if !rest.is_empty() {
            waiting.push((group, rest));
        }
        let pending = session
            .wire()
            .begin("UID MOVE", &format!("UID MOVE {set} {}", quote(&destination)))?;
        sent.push(Sent {
            pending,
            group,
            uids,
            length: set.len(),
        });
    }
    if sent.is_empty() {
        return Ok(sent);
    }
    failpoint("move-before-send");
    half_sent(session, "move-half-sent").await;
    let pushed = session.wire().push("UID MOVE").await;
    failpoint("move-after-send");
    if let Err(error) = pushed {
        for Sent { group, uids, .. } in &sent {
            report.close_all(group, uids, &Outcome::Unknown);
        }
        return Err(error);
    }
    Ok(sent)
}

/// Reads the answers of a flight. From the first fault on, the outcome of everything is unknown.
async fn read<'a>(
    session: &mut Session,
    sent: Vec<Sent<'a>>,
    proofs: &mut Proofs,
    report: &mut Report,
) -> (Vec<Answered<'a>>, Option<ImapError>) {
    let mut answered = Vec::new();
    let mut fault = None;
    for Sent {
        pending,
        group,
        uids,
        length,
    } in sent
    {
        if fault.is_some() {
            report.close_all(group, &uids, &Outcome::Unknown);
            continue;
        }
        match session
            .finish(pending, |response| gather(copy_uid(response), proofs))
            .await
        {
            Ok(completion) => {
                gather(completion.copied.clone(), proofs);
                answered.push(Answered {
                    completion,
                    group,
                    uids,
                    length,
                });
            }
            Err(error) => {
                report.close_all(group, &uids, &Outcome::Unknown);
                fault = Some(error);
            }
        }
        failpoint("move-after-tagged");
    }
    (answered, fault)
}

/// Decides about messages of an answered MOVE that COPYUID does not name. Returns those to be sent again.
async fn judge(
    session: &mut Session,
    completion: &Completion,
    group: &Group,
    open: Vec<Uid>,
    partly: bool,
    report: &mut Report,
) -> Vec<Uid> {
    if open.is_empty() {
        return open;
    }
    if moved_nothing(completion) {
        report.close_all(group, &open, &Outcome::Failed(said(completion)));
        return Vec::new();
    }
    let Ok(there) = session.still_there(&open).await else {
        report.close_all(group, &open, &Outcome::Unknown);
        return Vec::new();
    };
    let uidplus = session.capabilities().uidplus;
    let code = completion.code.as_deref();
    // Stalwart stops a large MOVE part-way; the rest is as it was.
    let partial = code == Some("MESSAGELIMIT") && partly;
    let mut again = Vec::new();
    for uid in open {
        let is_there = there.binary_search(&uid).is_ok();
        let outcome = match completion.verdict {
            _ if is_there && partial => {
                again.push(uid);
                continue;
            }
            Verdict::Ok if is_there => Outcome::Failed("the server said OK and did not move it".to_owned()),
            Verdict::Ok if uidplus => {
                report.leave_unproven(group, uid);
                continue;
            }
            Verdict::Ok => Outcome::Done(None),
            _ if is_there => Outcome::Failed(said(completion)),
            _ if code == Some("EXPUNGEISSUED") => Outcome::Void("it was gone before".to_owned()),
            _ => Outcome::Unknown,
        };
        report.close(group, uid, outcome);
    }
    again
}

/// BAD was not executed; these codes say that the destination takes nothing at all.
fn moved_nothing(completion: &Completion) -> bool {
    const NOTHING: [&str; 4] = ["TRYCREATE", "OVERQUOTA", "NOPERM", "CANNOT"];
    completion.verdict == Verdict::Bad
        || (completion.verdict == Verdict::No && completion.code.as_deref().is_some_and(|code| NOTHING.contains(&code)))
}
