//! Further copies that rules ask for: UID COPY (RFC 9051 section 6.4.7), and the original is left as it is.
//!
//! Nothing is deleted here, so every ladder can do it. COPYUID proves a copy; on a server without UIDPLUS the OK does,
//! where the original is still there (Courier says OK of messages that do not exist). COPY is all or nothing: a refusal
//! has copied none.

use std::collections::BTreeMap;

use super::by_copy::{close_on_fault, copy};
use super::{Group, Outcome, Report, flag, learn_length, said, still_selected, too_long};
use crate::imap::error::ImapError;
use crate::imap::folders::quote;
use crate::imap::reply::Verdict;
use crate::imap::session::{CAUTIOUS_SET, Session};
use crate::imap::uid_set;
use crate::sort::mailbox::Uid;

pub(super) async fn carry_out(session: &mut Session, groups: &[Group], report: &mut Report) -> Result<(), ImapError> {
    for group in groups {
        if !group.flags.is_empty() {
            flag(session, group).await?;
        }
        let destination = match session.names().to_wire(&group.destination) {
            Ok(destination) => quote(&destination),
            Err(error) => {
                report.close_all(group, group.rows.keys(), &Outcome::Failed(error.to_string()));
                continue;
            }
        };
        let mut uids: Vec<Uid> = group.rows.keys().copied().collect();
        while !uids.is_empty() {
            still_selected(session)?;
            let longest = session.longest_set.min(CAUTIOUS_SET);
            let Some((set, taken)) = uid_set::cut(&uids, longest, usize::MAX)
                .into_iter()
                .next()
                .map(|(set, part)| (set, part.len()))
            else {
                break;
            };
            let rest = uids.split_off(taken);
            let mut proofs = BTreeMap::new();
            let copied = copy(session, &format!("UID COPY {set} {destination}"), &mut proofs).await;
            let completion = close_on_fault(copied, group, &uids, report)?;
            learn_length(session, &completion, set.len());
            if too_long(&completion, set.len()) {
                uids.extend(rest);
                continue;
            }
            let open = report.close_proven(group, uids, &proofs);
            if completion.verdict == Verdict::Ok {
                confirm(session, group, &open, report).await?;
            } else {
                report.close_all(group, &open, &Outcome::Failed(said(&completion)));
            }
            uids = rest;
        }
    }
    Ok(())
}

/// OK, and COPYUID does not name these.
async fn confirm(session: &mut Session, group: &Group, open: &[Uid], report: &mut Report) -> Result<(), ImapError> {
    if open.is_empty() {
        return Ok(());
    }
    let there = session.still_there(open).await;
    let there = close_on_fault(there, group, open, report)?;
    let uidplus = session.capabilities().uidplus;
    for uid in open {
        let outcome = match (there.binary_search(uid).is_ok(), uidplus) {
            (false, _) => Outcome::Void("it was gone before".to_owned()),
            (true, false) => Outcome::Done(None),
            // Whether there is a copy is not known, and a second one would be worse than none.
            (true, true) => Outcome::Failed("COPY was answered OK without COPYUID; it is not repeated".to_owned()),
        };
        report.close(group, *uid, outcome);
    }
    Ok(())
}
