//! Flags and keywords of rules (RFC 9051 section 6.4.6, STORE). \Seen and \Deleted are never touched here.

use crate::imap::error::ImapError;
use crate::imap::session::{CAUTIOUS_SET, Session};
use crate::imap::uid_set;
use crate::sort::ledger::Committed;
use crate::sort::mailbox::Uid;
use crate::sort::verdict::FlagChange;

/// Changes flags of messages of the selected folder whose ledger row is on disk. \Seen and \Deleted are never touched.
pub async fn change_flags(
    session: &mut Session,
    uids: &Committed<Vec<Uid>>,
    changes: &[FlagChange],
) -> Result<(), ImapError> {
    if session.selected().is_none_or(|selected| selected.read_only) {
        return Err(ImapError::Unsupported {
            what: "no folder is open for writing".to_owned(),
        });
    }
    let mut uids = uids.get().clone();
    uids.sort_unstable();
    uids.dedup();
    store(session, &uids, changes).await
}

pub(super) async fn store(session: &mut Session, uids: &[Uid], changes: &[FlagChange]) -> Result<(), ImapError> {
    let permanent = session
        .selected()
        .map(|selected| selected.permanent_flags.clone())
        .unwrap_or_default();
    for set in [true, false] {
        let flags: Vec<&str> = changes
            .iter()
            .filter(|change| change.set == set)
            .map(|change| change.flag.as_str())
            .filter(|flag| is_ours_to_change(flag) && kept(flag, &permanent))
            .collect();
        if flags.is_empty() {
            continue;
        }
        let sign = if set { '+' } else { '-' };
        for (uids, _) in uid_set::cut(uids, CAUTIOUS_SET, usize::MAX) {
            let body = format!("UID STORE {uids} {sign}FLAGS.SILENT ({})", flags.join(" "));
            session.exec("UID STORE", &body, |_| {}).await?.ok("UID STORE")?;
        }
    }
    Ok(())
}

/// A well-formed flag that is neither the reader's nor the remover's.
fn is_ours_to_change(flag: &str) -> bool {
    let name = flag.strip_prefix('\\').unwrap_or(flag);
    let atom = !name.is_empty()
        && name
            .bytes()
            .all(|byte| byte.is_ascii_graphic() && !b"(){%*\"\\]".contains(&byte));
    atom && !["\\Seen", "\\Deleted", "\\Recent"]
        .iter()
        .any(|taboo| taboo.eq_ignore_ascii_case(flag))
}

/// True when the server keeps this flag: Outlook answers BAD to keywords it does not know, others forget them.
fn kept(flag: &str, permanent: &[String]) -> bool {
    permanent.is_empty()
        || permanent
            .iter()
            .any(|kept| kept == "\\*" || kept.eq_ignore_ascii_case(flag))
}
