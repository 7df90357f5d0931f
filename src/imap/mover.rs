//! THE ONLY PLACE THAT CHANGES THE SERVER: MOVE, COPY with STORE and UID EXPUNGE, flags, CREATE, SUBSCRIBE, and the
//! APPEND of our own digest (this file and those below `mover/`).
//!
//! No message is touched before its ledger row is on disk: the functions take [`Committed`]. Policy, in order:
//! 1. Only messages of the selected folder, in the UIDVALIDITY that was planned with, opened for writing. Others are not
//!    sent and get no outcome.
//! 2. Messages flagged \Deleted are not touched.
//! 3. Where several daemons share the mailbox, only messages on which this one has the claim.
//! 4. Ladder (a): UID MOVE (RFC 6851). (b) with UIDPLUS (RFC 4315): UID COPY, then for the UIDs that COPYUID names UID
//!    STORE \Deleted and UID EXPUNGE of exactly those. (c) with neither, only if the operator allows it: COPY and
//!    \Deleted, never expunged by us. After a MOVE was sent there is no falling back to COPY.
//! 5. OK does not mean moved (Courier says it of messages that do not exist): only COPYUID proves it. What it does not name is looked for in the
//!    source again; where that does not settle it, the caller is told to look in the destination, and nothing is removed before.
//! 6. A further copy that a rule asks for is made before any message of the same batch is moved.
//! 7. A command that left and was not answered leaves every one of its messages `Unknown`.

mod append;
mod by_copy;
mod by_move;
mod claim;
mod create;
mod duplicate;
mod flags;

use std::collections::{BTreeMap, BTreeSet};

pub use append::append;
pub use by_copy::remove_copied;
pub use claim::{Claim, can_claim, release};
pub use create::create;
pub use flags::change_flags;

use super::completion::{Completion, CopyUid, Verdict};
use super::error::ImapError;
use super::failpoint::{failpoint, reached};
use super::session::{CAUTIOUS_SET, Session};
use super::uid_set;
use crate::sort::ledger::{Committed, Outcome, PlannedMove, RowId};
use crate::sort::mailbox::{Mailbox, Uid, UidValidity};
use crate::sort::verdict::FlagChange;

/// What the operator allows.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Policy {
    /// Ladder (c): on a server with neither MOVE nor UIDPLUS, copy and flag \Deleted; the original stays until some
    /// client expunges it.
    pub allow_unsafe_move: bool,
    /// Several daemons look after this mailbox: each message is claimed before it is moved.
    pub claim: Option<Claim>,
}

/// What became of the rows. A row without an outcome was not sent and stays planned.
#[derive(Debug, Default)]
pub struct Report {
    /// Rows and their outcomes.
    pub outcomes: Vec<(RowId, Outcome)>,
    /// Rows to which the server said OK without COPYUID. They have no outcome yet: the destination must be read.
    pub unproven: Vec<RowId>,
    /// The fault that ended the work early.
    pub error: Option<ImapError>,
}

/// Longest UID set once the server has shown that it takes long ones; Dovecot's line limit is 64 KiB.
const BOLD_SET: usize = 60_000;

/// Shortest UID set that may still be called too long; below it a refusal has another reason.
const SHORTEST_SET: usize = 64;

/// Messages that go to one place with the same flag changes, ascending by UID.
#[derive(Debug)]
struct Group {
    destination: Mailbox,
    flags: Vec<FlagChange>,
    /// The originals stay.
    leaves_originals: bool,
    rows: BTreeMap<Uid, RowId>,
}

/// Makes the copies that are asked for, then moves messages of the selected folder to their destinations; says what
/// became of each.
pub async fn move_messages(session: &mut Session, moves: &Committed<Vec<PlannedMove>>, policy: Policy) -> Report {
    let mut report = Report::default();
    if session.is_dead() {
        report.error = Some(ImapError::lost("UID MOVE", "the connection had ended before"));
        return report;
    }
    let groups = admit(session, moves.get(), &mut report);
    let result = carry_out(session, groups, policy, &mut report).await;
    report.error = report.error.or(result.err());
    // The EXPUNGEs were our own doing.
    session.memory.left = false;
    failpoint("all-reported");
    report
}

async fn carry_out(
    session: &mut Session,
    mut groups: Vec<Group>,
    policy: Policy,
    report: &mut Report,
) -> Result<(), ImapError> {
    let claim = policy.claim.filter(|claim| can_claim(session, &claim.keyword));
    if let Some(claim) = &claim {
        claim::stake(session, &mut groups, claim, report).await?;
    }
    let (copies, moves): (Vec<_>, Vec<_>) = groups.into_iter().partition(|group| group.leaves_originals);
    duplicate::carry_out(session, &copies, report).await?;
    let offered = session.capabilities();
    let (move_, uidplus) = (offered.move_, offered.uidplus && !session.uid_expunge_broken);
    if move_ || uidplus || policy.allow_unsafe_move {
        for group in moves.iter().filter(|group| !group.flags.is_empty()) {
            flag(session, group).await?;
        }
        if move_ {
            by_move::carry_out(session, &moves, report).await?;
        } else {
            by_copy::carry_out(session, &moves, uidplus, report).await?;
        }
    } else {
        for group in &moves {
            let refusal = "this server offers neither MOVE nor UIDPLUS, and allow_unsafe_move is off";
            report.close_all(group, group.rows.keys(), &Outcome::Failed(refusal.to_owned()));
        }
    }
    match &claim {
        Some(claim) => claim::give_up(session, &copies, &moves, claim, report).await,
        None => Ok(()),
    }
}

/// Sorts out what may be sent, grouped by destination and flag changes.
fn admit(session: &Session, moves: &[PlannedMove], report: &mut Report) -> Vec<Group> {
    let Some(selected) = session.selected().filter(|selected| !selected.read_only) else {
        report.error = Some(ImapError::Unsupported {
            what: "no folder is open for writing".to_owned(),
        });
        return Vec::new();
    };
    let mut groups: Vec<Group> = Vec::new();
    let mut taken: BTreeSet<(Uid, Option<&Mailbox>)> = BTreeSet::new();
    for planned in moves {
        let source = &planned.source;
        if source.mailbox != selected.mailbox || source.uid_validity != selected.uid_validity {
            continue;
        }
        // Of one message there may be many copies, each in a folder of its own, and one move.
        let whither = planned.leaves_original.then_some(&planned.destination);
        let same_place = same_folder(session, &planned.destination, &source.mailbox);
        let refusal = if same_place {
            Some(Outcome::Failed("the destination is the folder it is in".to_owned()))
        } else if session.memory.deleted.contains(&source.uid) {
            Some(Outcome::Void("the message is flagged as deleted".to_owned()))
        } else if !taken.insert((source.uid, whither)) {
            Some(Outcome::Failed("the message was planned twice".to_owned()))
        } else {
            None
        };
        if let Some(outcome) = refusal {
            report.outcomes.push((planned.row, outcome));
            continue;
        }
        let like = |group: &&mut Group| {
            group.leaves_originals == planned.leaves_original
                && group.destination == planned.destination
                && group.flags == planned.flags
        };
        match groups.iter_mut().find(like) {
            Some(group) => drop(group.rows.insert(source.uid, planned.row)),
            None => groups.push(Group {
                destination: planned.destination.clone(),
                flags: planned.flags.clone(),
                leaves_originals: planned.leaves_original,
                rows: BTreeMap::from([(source.uid, planned.row)]),
            }),
        }
    }
    groups
}

/// `INBOX/Top` and `Top` are one folder where the prefix is `INBOX.`; a MOVE into itself hangs one server for ever.
fn same_folder(session: &Session, one: &Mailbox, other: &Mailbox) -> bool {
    match (session.names().to_wire(one), session.names().to_wire(other)) {
        (Ok(one), Ok(other)) => one == other,
        _ => one == other,
    }
}

/// The folder may be taken from under us between two commands (a new UIDVALIDITY in mid-session).
fn still_selected(session: &Session) -> Result<(), ImapError> {
    match session.selected() {
        Some(_) => Ok(()),
        None => Err(ImapError::Unsupported {
            what: "the folder has changed its UIDVALIDITY while it was open".to_owned(),
        }),
    }
}

/// Flags are changed before the move: afterwards the UID may be unknown. A refusal does not hold the move up.
async fn flag(session: &mut Session, group: &Group) -> Result<(), ImapError> {
    let uids: Vec<Uid> = group.rows.keys().copied().collect();
    match flags::store(session, &uids, &group.flags).await {
        Err(ImapError::Refused { code, text, .. }) => {
            tracing::warn!(
                code,
                text,
                "the server refused to change flags; the messages are moved without"
            );
            Ok(())
        }
        result => result,
    }
}

impl Report {
    fn close(&mut self, group: &Group, uid: Uid, outcome: Outcome) {
        self.outcomes.extend(group.rows.get(&uid).map(|row| (*row, outcome)));
    }

    fn leave_unproven(&mut self, group: &Group, uid: Uid) {
        self.unproven.extend(group.rows.get(&uid));
    }

    fn close_all<'a>(&mut self, group: &Group, uids: impl IntoIterator<Item = &'a Uid>, outcome: &Outcome) {
        for uid in uids {
            self.close(group, *uid, outcome.clone());
        }
    }

    /// Reports what is proven; returns the UIDs that are not.
    fn close_proven(&mut self, group: &Group, uids: Vec<Uid>, proofs: &Proofs) -> Vec<Uid> {
        let mut open = Vec::new();
        for uid in uids {
            match proofs.get(&uid) {
                Some(copy) => self.close(group, uid, Outcome::Done(Some(*copy))),
                None => open.push(uid),
            }
        }
        open
    }
}

/// The server's word that messages were copied: source UID to the copy's epoch and UID.
type Proofs = BTreeMap<Uid, (UidValidity, Uid)>;

fn gather(copied: Option<CopyUid>, proofs: &mut Proofs) {
    let Some(CopyUid {
        validity,
        source,
        destination,
    }) = copied
    else {
        return;
    };
    failpoint("move-after-untagged");
    let pair = (uid_set::expand(source.iter()), uid_set::expand(destination.iter()));
    let (Some(source), Some(destination)) = pair else {
        return;
    };
    // Unequal sets prove nothing about any one message.
    if source.len() == destination.len() {
        proofs.extend(
            source
                .into_iter()
                .zip(destination.into_iter().map(|uid| (validity, uid))),
        );
    }
}

/// Sets grow after one of nearly full length was taken, and shrink when one was refused for its length.
fn learn_length(session: &mut Session, completion: &Completion, length: usize) {
    if too_long(completion, length) {
        session.longest_set = (length / 2).max(SHORTEST_SET);
        session.set_was_refused = true;
    } else if completion.verdict == Verdict::Ok && length > CAUTIOUS_SET * 3 / 4 && !session.set_was_refused {
        session.longest_set = BOLD_SET;
    }
}

/// True when a command was refused for the length of its set; nothing was executed then.
fn too_long(completion: &Completion, length: usize) -> bool {
    if completion.verdict == Verdict::Ok || length <= SHORTEST_SET {
        return false;
    }
    let text = completion.text.to_ascii_lowercase();
    let says = completion.code.as_deref() == Some("TOOBIG")
        || ["too long", "too big", "too large"]
            .iter()
            .any(|words| text.contains(words));
    says || (completion.verdict == Verdict::Bad && length > 1_000)
}

/// Code and words of a refusal, for the ledger; `BAD` first where it was no mere NO.
fn said(completion: &Completion) -> String {
    let bad = if completion.verdict == Verdict::Bad { "BAD " } else { "" };
    match &completion.code {
        Some(code) => format!("{bad}[{code}] {}", completion.text).trim_end().to_owned(),
        None => format!("{bad}{}", completion.text).trim_end().to_owned(),
    }
}

/// Sends half of what is ready and dies, where the kill matrix asks for it.
async fn half_sent(session: &mut Session, name: &str) {
    if reached(name) {
        let bytes = session.wire().unsent();
        let half = bytes.get(..bytes.len() / 2).unwrap_or_default();
        let _ = session.wire().write("UID MOVE", half).await;
        std::process::abort();
    }
}
