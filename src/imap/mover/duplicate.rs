//! Further copies that rules ask for: UID COPY (RFC 9051 section 6.4.7), and the original is left as it is.
//!
//! Nothing is deleted here, so every ladder can do it. COPYUID proves a copy; on a server without UIDPLUS the OK does,
//! where the original is still there (Courier says OK of messages that do not exist). COPY is all or nothing: a refusal
//! has copied none.

use super::by_copy::{close_on_fault, copy_some};
use super::{Group, Outcome, Report, flag, said};
use crate::imap::completion::Verdict;
use crate::imap::error::ImapError;
use crate::imap::session::Session;
use crate::sort::mailbox::Uid;

pub(super) async fn carry_out(session: &mut Session, groups: &[Group], report: &mut Report) -> Result<(), ImapError> {
    for group in groups {
        if !group.flags.is_empty() {
            flag(session, group).await?;
        }
        let mut waiting: Vec<Uid> = group.rows.keys().copied().collect();
        while let Some(copied) = copy_some(session, group, &mut waiting, report).await? {
            let open = report.close_proven(group, copied.uids, &copied.proofs);
            if copied.completion.verdict == Verdict::Ok {
                confirm(session, group, &open, report).await?;
            } else {
                report.close_all(group, &open, &Outcome::Failed(said(&copied.completion)));
            }
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
