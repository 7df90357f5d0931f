//! THE ONLY PLACE THAT CHANGES THE SERVER: MOVE, COPY with STORE and UID EXPUNGE, flags, CREATE, SUBSCRIBE, and the
//! APPEND of our own digest.
//!
//! Nothing in here runs before its ledger row is on disk: the functions take [`Committed`]. Policy, in order:
//! 1. Only messages of the selected folder, in the UIDVALIDITY that was planned with, opened for writing. Others are not
//!    sent and get no outcome.
//! 2. Messages flagged \Deleted are not touched.
//! 3. Ladder (a): UID MOVE (RFC 6851). (b) with UIDPLUS (RFC 4315): UID COPY, then for the UIDs that COPYUID names UID
//!    STORE \Deleted and UID EXPUNGE of exactly those. (c) with neither, only if the operator allows it: COPY and
//!    \Deleted, never expunged by us. After a MOVE was sent there is no falling back to COPY.
//! 4. OK does not mean moved (servers.md, quirk 3): only COPYUID proves it. What it does not name is looked for in the
//!    source again.
//! 5. A command that left and was not answered leaves every one of its messages `Unknown`.

use std::collections::BTreeMap;

use async_imap::imap_proto::Response;

use super::error::ImapError;
use super::failpoint::{failpoint, reached};
use super::folders::quote;
use super::reply::{Completion, CopyUid, Pending, Verdict, copy_uid};
use super::session::{CAUTIOUS_SET, Session};
use super::uid_set;
use crate::sort::ledger::{Committed, Outcome, PlannedMove, RowId};
use crate::sort::mailbox::{Mailbox, Uid, UidValidity};
use crate::sort::verdict::FlagChange;

/// What the operator allows.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Policy {
    /// Ladder (c): on a server with neither MOVE nor UIDPLUS, copy and flag \Deleted; the original stays until some
    /// client expunges it.
    pub allow_unsafe_move: bool,
}

/// What became of the rows. A row without an outcome was not sent and stays planned.
#[derive(Debug, Default)]
pub struct Report {
    /// Rows and their outcomes.
    pub outcomes: Vec<(RowId, Outcome)>,
    /// The fault that ended the work early.
    pub error: Option<ImapError>,
}

/// Longest UID set once the server has shown that it takes long ones; Dovecot's line limit is 64 KiB.
const BOLD_SET: usize = 60_000;

/// Commands of one flight: their characters together.
const FLIGHT: usize = 60_000;

/// Messages that go to one place with the same flag changes, ascending by UID.
#[derive(Debug)]
struct Group {
    destination: Mailbox,
    flags: Vec<FlagChange>,
    rows: BTreeMap<Uid, RowId>,
}

/// Moves messages of the selected folder to their destinations and says what became of each.
pub async fn move_messages(session: &mut Session, moves: &Committed<Vec<PlannedMove>>, policy: Policy) -> Report {
    let mut report = Report::default();
    let mut groups = admit(session, moves.get(), &mut report);
    let offered = session.capabilities();
    let (move_, uidplus) = (offered.move_, offered.uidplus && !session.uid_expunge_broken);
    if !move_ && !uidplus && !policy.allow_unsafe_move {
        for group in groups {
            let refusal = "this server offers neither MOVE nor UIDPLUS, and allow_unsafe_move is off";
            report.outcomes.extend(
                group
                    .rows
                    .into_values()
                    .map(|row| (row, Outcome::Failed(refusal.to_owned()))),
            );
        }
        return report;
    }
    for group in &mut groups {
        let changed = if group.flags.is_empty() {
            Ok(())
        } else {
            flag_group(session, group).await
        };
        if let Err(error) = changed {
            report.error = Some(error);
            return report;
        }
    }
    let result = if move_ {
        by_move(session, groups, &mut report).await
    } else {
        by_copy(session, groups, uidplus, &mut report).await
    };
    report.error = result.err();
    // The EXPUNGEs were our own doing.
    session.memory.left = false;
    failpoint("all-reported");
    report
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
    let mut taken: BTreeMap<Uid, RowId> = BTreeMap::new();
    for planned in moves {
        let source = &planned.source;
        if source.mailbox != selected.mailbox || source.uid_validity != selected.uid_validity {
            continue;
        }
        let refusal = if planned.destination == source.mailbox {
            Some(Outcome::Failed("the destination is the folder it is in".to_owned()))
        } else if session.memory.deleted.contains(&source.uid) {
            Some(Outcome::Void("the message is flagged as deleted".to_owned()))
        } else if taken.insert(source.uid, planned.row).is_some() {
            Some(Outcome::Failed("the message was planned twice".to_owned()))
        } else {
            None
        };
        if let Some(outcome) = refusal {
            report.outcomes.push((planned.row, outcome));
            continue;
        }
        let group = groups
            .iter_mut()
            .find(|group| group.destination == planned.destination && group.flags == planned.flags);
        match group {
            Some(group) => drop(group.rows.insert(source.uid, planned.row)),
            None => groups.push(Group {
                destination: planned.destination.clone(),
                flags: planned.flags.clone(),
                rows: BTreeMap::from([(source.uid, planned.row)]),
            }),
        }
    }
    groups
}

/// Flags are changed before the move: afterwards the UID may be unknown. A refusal does not hold the move up.
async fn flag_group(session: &mut Session, group: &Group) -> Result<(), ImapError> {
    let uids: Vec<Uid> = group.rows.keys().copied().collect();
    match store(session, &uids, &group.flags).await {
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

/// One UID MOVE on its way, and the rows that hang on it.
#[derive(Debug)]
struct Sent<'a> {
    pending: Pending,
    group: &'a Group,
    uids: Vec<Uid>,
    length: usize,
}

/// Ladder (a). Sets that are short enough travel in one flight; a set that is refused as too long is cut in halves.
async fn by_move(session: &mut Session, groups: Vec<Group>, report: &mut Report) -> Result<(), ImapError> {
    let mut waiting: Vec<(&Group, Vec<Uid>)> = groups
        .iter()
        .rev()
        .map(|group| (group, group.rows.keys().copied().collect()))
        .collect();
    while !waiting.is_empty() {
        let sent = send_moves(session, &mut waiting, report).await?;
        let mut proofs = BTreeMap::new();
        let mut sent = sent.into_iter();
        while let Some(Sent {
            pending,
            group,
            uids,
            length,
        }) = sent.next()
        {
            let result = session
                .finish(pending, |response| gather(copy_uid(response), &mut proofs))
                .await;
            failpoint("move-after-tagged");
            match result {
                Ok(completion) => {
                    gather(completion.copied.clone(), &mut proofs);
                    learn_length(session, &completion, length);
                    let open = settle(report, group, uids, &proofs);
                    let again = judge_unproven(session, &completion, group, open, length, report).await;
                    match again {
                        Ok(again) if !again.is_empty() => waiting.push((group, again)),
                        Ok(_) => {}
                        Err(error) => return Err(give_up(report, sent, error)),
                    }
                }
                Err(error) => {
                    unknown(report, group, &uids);
                    return Err(give_up(report, sent, error));
                }
            }
        }
    }
    Ok(())
}

/// Puts as many MOVEs as fit into one flight and sends them in one write.
async fn send_moves<'a>(
    session: &mut Session,
    waiting: &mut Vec<(&'a Group, Vec<Uid>)>,
    report: &mut Report,
) -> Result<Vec<Sent<'a>>, ImapError> {
    let mut sent: Vec<Sent<'a>> = Vec::new();
    let mut total = 0;
    while let Some((group, uids)) = waiting.pop() {
        let longest = session.longest_set;
        let sets = uid_set::cut(&uids, longest, usize::MAX);
        let Some((set, first)) = sets.into_iter().next() else {
            continue;
        };
        if !sent.is_empty() && total + set.len() > FLIGHT.min(longest.max(CAUTIOUS_SET)) {
            waiting.push((group, uids));
            break;
        }
        total += set.len();
        let destination = match session.names().to_wire(&group.destination) {
            Ok(destination) => destination,
            Err(error) => {
                let rows = uids.iter().filter_map(|uid| group.rows.get(uid));
                report
                    .outcomes
                    .extend(rows.map(|row| (*row, Outcome::Failed(error.to_string()))));
                continue;
            }
        };
        let first = first.to_vec();
        let rest = uids.get(first.len()..).unwrap_or_default().to_vec();
        let pending = session
            .wire()
            .begin("UID MOVE", &format!("UID MOVE {set} {}", quote(&destination)))?;
        let more = !rest.is_empty();
        if more {
            waiting.push((group, rest));
        }
        sent.push(Sent {
            pending,
            group,
            uids: first,
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
        return Err(give_up(report, sent.into_iter(), error));
    }
    Ok(sent)
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
    let (Some(source), Some(destination)) = (uid_set::expand(source.iter()), uid_set::expand(destination.iter()))
    else {
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

/// Reports what is proven; returns the UIDs that are not.
fn settle(report: &mut Report, group: &Group, uids: Vec<Uid>, proofs: &Proofs) -> Vec<Uid> {
    let mut open = Vec::new();
    for uid in uids {
        match (proofs.get(&uid), group.rows.get(&uid)) {
            (Some(copy), Some(row)) => report.outcomes.push((*row, Outcome::Done(Some(*copy)))),
            _ => open.push(uid),
        }
    }
    open
}

/// Decides about messages of an answered MOVE that COPYUID does not name. Returns those to be sent again.
async fn judge_unproven(
    session: &mut Session,
    completion: &Completion,
    group: &Group,
    open: Vec<Uid>,
    length: usize,
    report: &mut Report,
) -> Result<Vec<Uid>, ImapError> {
    if open.is_empty() {
        return Ok(open);
    }
    let code = said(completion);
    if too_long(completion, length) {
        return Ok(open);
    }
    let say = |report: &mut Report, uid: &Uid, outcome: Outcome| {
        report.outcomes.extend(group.rows.get(uid).map(|row| (*row, outcome)));
    };
    // BAD: not executed. TRYCREATE and OVERQUOTA: nothing could be moved at all.
    let nothing_moved = completion.verdict == Verdict::Bad
        || completion.verdict == Verdict::No
            && matches!(
                completion.code.as_deref(),
                Some("TRYCREATE" | "OVERQUOTA" | "NOPERM" | "CANNOT")
            );
    if nothing_moved {
        for uid in &open {
            say(report, uid, Outcome::Failed(code.clone()));
        }
        return Ok(Vec::new());
    }
    let there = match session.still_there(&open).await {
        Ok(there) => there,
        Err(error) => {
            for uid in &open {
                say(report, uid, Outcome::Unknown);
            }
            return Err(error);
        }
    };
    let uidplus = session.capabilities().uidplus;
    let partial = completion.code.as_deref() == Some("MESSAGELIMIT") && there.len() < open.len();
    let mut again = Vec::new();
    for uid in open {
        let is_there = there.binary_search(&uid).is_ok();
        let outcome = match completion.verdict {
            _ if is_there && partial => {
                again.push(uid);
                continue;
            }
            Verdict::Ok if is_there => Outcome::Failed("the server said OK and did not move it".to_owned()),
            Verdict::Ok if uidplus => Outcome::Void("no COPYUID: it was gone before".to_owned()),
            Verdict::Ok => Outcome::Done(None),
            _ if is_there => Outcome::Failed(code.clone()),
            _ if completion.code.as_deref() == Some("EXPUNGEISSUED") => Outcome::Void("it was gone before".to_owned()),
            _ => Outcome::Unknown,
        };
        say(report, &uid, outcome);
    }
    Ok(again)
}

/// Sets grow after one of nearly full length was taken, and shrink when one was refused for its length.
fn learn_length(session: &mut Session, completion: &Completion, length: usize) {
    if too_long(completion, length) {
        session.longest_set = (length / 2).max(64);
        session.set_was_refused = true;
    } else if completion.verdict == Verdict::Ok && length > CAUTIOUS_SET * 3 / 4 && !session.set_was_refused {
        session.longest_set = BOLD_SET;
    }
}

fn too_long(completion: &Completion, length: usize) -> bool {
    const SHORTEST: usize = 64;
    let text = completion.text.to_ascii_lowercase();
    let says = completion.code.as_deref() == Some("TOOBIG")
        || ["too long", "too big", "too large"]
            .iter()
            .any(|words| text.contains(words));
    length > SHORTEST
        && (says && completion.verdict != Verdict::Ok || completion.verdict == Verdict::Bad && length > 1_000)
}

/// Ladders (b) and (c), one set at a time.
async fn by_copy(
    session: &mut Session,
    groups: Vec<Group>,
    uidplus: bool,
    report: &mut Report,
) -> Result<(), ImapError> {
    for group in &groups {
        let mut rest: Vec<Uid> = group.rows.keys().copied().collect();
        while !rest.is_empty() {
            let destination = session.names().to_wire(&group.destination)?;
            let Some((set, first)) = uid_set::cut(&rest, session.longest_set.min(CAUTIOUS_SET), usize::MAX)
                .into_iter()
                .next()
            else {
                break;
            };
            let uids = first.to_vec();
            let body = format!("UID COPY {set} {}", quote(&destination));
            let mut proofs = BTreeMap::new();
            let copied = copy(session, &body, &mut proofs).await;
            let completion = match copied {
                Ok(completion) => completion,
                Err(error) => {
                    unknown(report, group, &uids);
                    return Err(error);
                }
            };
            learn_length(session, &completion, set.len());
            if too_long(&completion, set.len()) {
                continue;
            }
            rest.drain(..uids.len());
            let named: Vec<Uid> = uids.iter().copied().filter(|uid| proofs.contains_key(uid)).collect();
            let unnamed: Vec<Uid> = uids.into_iter().filter(|uid| !proofs.contains_key(uid)).collect();
            let settled = if uidplus {
                not_copied(session, &completion, group, &unnamed, report).await?;
                expunge(session, group, &named, &proofs, report).await
            } else {
                let ours = if completion.verdict == Verdict::Ok {
                    [named, unnamed].concat()
                } else {
                    named
                };
                let refused = group
                    .rows
                    .iter()
                    .filter(|(uid, _)| first_of(&set, uid) && !ours.contains(uid));
                report
                    .outcomes
                    .extend(refused.map(|(_, row)| (*row, Outcome::Failed(said(&completion)))));
                leave_deleted(session, group, &ours, &proofs, report).await
            };
            settled?;
        }
    }
    Ok(())
}

fn first_of(set: &str, uid: &Uid) -> bool {
    uid_set::parse(set).is_some_and(|ranges| ranges.iter().any(|range| range.contains(&uid.0)))
}

async fn copy(session: &mut Session, body: &str, proofs: &mut Proofs) -> Result<Completion, ImapError> {
    let pending = session.wire().begin("UID COPY", body)?;
    failpoint("copy-before-send");
    half_sent(session, "copy-half-sent").await;
    session.wire().push("UID COPY").await?;
    failpoint("copy-after-send");
    let completion = session
        .finish(pending, |response: &Response<'_>| gather(copy_uid(response), proofs))
        .await?;
    failpoint("copy-after-tagged");
    gather(completion.copied.clone(), proofs);
    Ok(completion)
}

/// Messages that no COPYUID names stay as they are: nothing is deleted on the word of an OK alone.
async fn not_copied(
    session: &mut Session,
    completion: &Completion,
    group: &Group,
    unnamed: &[Uid],
    report: &mut Report,
) -> Result<(), ImapError> {
    if unnamed.is_empty() {
        return Ok(());
    }
    let there = if completion.verdict == Verdict::Bad {
        unnamed.to_vec()
    } else {
        session.still_there(unnamed).await?
    };
    for uid in unnamed {
        let Some(row) = group.rows.get(uid) else { continue };
        let outcome = match (there.binary_search(uid).is_ok(), completion.verdict) {
            (false, _) => Outcome::Void("it was gone before".to_owned()),
            (true, Verdict::Ok) => {
                Outcome::Failed("COPY was answered OK without COPYUID; the original stays".to_owned())
            }
            (true, _) => Outcome::Failed(said(completion)),
        };
        report.outcomes.push((*row, outcome));
    }
    Ok(())
}

/// The second half of ladder (b): remove the originals of proven copies, and nothing else.
async fn expunge(
    session: &mut Session,
    group: &Group,
    uids: &[Uid],
    proofs: &Proofs,
    report: &mut Report,
) -> Result<(), ImapError> {
    if uids.is_empty() {
        return Ok(());
    }
    let set = uid_set::text(uids);
    let steps = [
        (
            format!("UID STORE {set} +FLAGS.SILENT (\\Deleted)"),
            "UID STORE",
            "store-after-send",
            "store-after-tagged",
        ),
        (
            format!("UID EXPUNGE {set}"),
            "UID EXPUNGE",
            "expunge-after-send",
            "expunge-after-tagged",
        ),
    ];
    for (body, name, after_send, after_tagged) in steps {
        let answer = step(session, name, &body, after_send).await;
        failpoint(after_tagged);
        match answer.and_then(|completion| completion.ok(name)) {
            Ok(_) => {}
            Err(ImapError::Refused { code, text, .. }) => {
                // A copy is there and so is the original: reported, and repeated by nobody.
                let why = format!("copied, but {name} was refused: {}", code.unwrap_or(text));
                let rows = uids.iter().filter_map(|uid| group.rows.get(uid));
                report
                    .outcomes
                    .extend(rows.map(|row| (*row, Outcome::Failed(why.clone()))));
                if name == "UID EXPUNGE" {
                    session.uid_expunge_broken = true;
                    session
                        .exec(
                            "UID STORE",
                            &format!("UID STORE {set} -FLAGS.SILENT (\\Deleted)"),
                            |_| {},
                        )
                        .await?;
                }
                return Ok(());
            }
            Err(error) => {
                unknown(report, group, uids);
                return Err(error);
            }
        }
    }
    settle(report, group, uids.to_vec(), proofs);
    Ok(())
}

/// The second half of ladder (c): flag the originals, expunge nothing.
async fn leave_deleted(
    session: &mut Session,
    group: &Group,
    uids: &[Uid],
    proofs: &Proofs,
    report: &mut Report,
) -> Result<(), ImapError> {
    if uids.is_empty() {
        return Ok(());
    }
    let body = format!("UID STORE {} +FLAGS.SILENT (\\Deleted)", uid_set::text(uids));
    let answer = step(session, "UID STORE", &body, "store-after-send").await;
    failpoint("store-after-tagged");
    let refused = match answer.and_then(|completion| completion.ok("UID STORE")) {
        Ok(_) => None,
        Err(ImapError::Refused { code, text, .. }) => {
            Some(format!("copied, but \\Deleted was refused: {}", code.unwrap_or(text)))
        }
        Err(error) => {
            unknown(report, group, uids);
            return Err(error);
        }
    };
    for uid in uids {
        let Some(row) = group.rows.get(uid) else { continue };
        let outcome = match &refused {
            None => Outcome::Done(proofs.get(uid).copied()),
            Some(why) => Outcome::Failed(why.clone()),
        };
        report.outcomes.push((*row, outcome));
    }
    Ok(())
}

async fn step(
    session: &mut Session,
    name: &'static str,
    body: &str,
    after_send: &str,
) -> Result<Completion, ImapError> {
    let pending = session.wire().begin(name, body)?;
    session.wire().push(name).await?;
    failpoint(after_send);
    session.finish(pending, |_| {}).await
}

fn unknown(report: &mut Report, group: &Group, uids: &[Uid]) {
    let rows = uids.iter().filter_map(|uid| group.rows.get(uid));
    report.outcomes.extend(rows.map(|row| (*row, Outcome::Unknown)));
}

fn give_up<'a>(report: &mut Report, sent: impl Iterator<Item = Sent<'a>>, error: ImapError) -> ImapError {
    for Sent { group, uids, .. } in sent {
        unknown(report, group, &uids);
    }
    error
}

/// Code and words of a refusal, for the ledger.
fn said(completion: &Completion) -> String {
    match &completion.code {
        Some(code) => format!("[{code}] {}", completion.text).trim_end().to_owned(),
        None => completion.text.clone(),
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

async fn store(session: &mut Session, uids: &[Uid], changes: &[FlagChange]) -> Result<(), ImapError> {
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

/// Makes a folder and subscribes it. One that is there already is fine, and left as it is.
pub async fn create(session: &mut Session, mailbox: &Mailbox) -> Result<(), ImapError> {
    let wire = session.names().to_wire(mailbox)?;
    if exists(session, mailbox, &wire).await? {
        return Ok(());
    }
    let quoted = quote(&wire);
    match session
        .exec("CREATE", &format!("CREATE {quoted}"), |_| {})
        .await?
        .ok("CREATE")
    {
        Ok(_) => {}
        Err(refusal @ ImapError::Refused { .. }) => {
            let already = matches!(&refusal, ImapError::Refused { code: Some(code), .. } if code == "ALREADYEXISTS");
            return if already || exists(session, mailbox, &wire).await? {
                Ok(())
            } else {
                Err(refusal)
            };
        }
        Err(fault) => return Err(fault),
    }
    // A folder that clients do not show is worth less, not worthless.
    session
        .exec("SUBSCRIBE", &format!("SUBSCRIBE {quoted}"), |_| {})
        .await?;
    Ok(())
}

async fn exists(session: &mut Session, mailbox: &Mailbox, wire: &str) -> Result<bool, ImapError> {
    // In LIST a star is a wildcard; then look through everything.
    let pattern = if wire.contains(['*', '%']) { "*" } else { wire };
    let named = session.names().named(wire);
    let listed = session.list_matching(pattern).await?;
    Ok(listed
        .iter()
        .any(|folder| folder.selectable && (folder.mailbox == *mailbox || folder.mailbox == named)))
}

/// Appends a message that Postroom itself has written (the digest); where it went, if the server tells (APPENDUID).
pub async fn append(
    session: &mut Session,
    mailbox: &Mailbox,
    flags: &[String],
    message: &[u8],
) -> Result<Option<(UidValidity, Uid)>, ImapError> {
    let wire_name = quote(&session.names().to_wire(mailbox)?);
    let waits = !session.capabilities().literal_plus;
    let plus = if waits { "" } else { "+" };
    let body = format!("APPEND {wire_name} ({}) {{{}{plus}}}", flags.join(" "), message.len());
    let pending = session.wire().begin("APPEND", &body)?;
    session.wire().push("APPEND").await?;
    if waits {
        let (wire, memory) = session.parts();
        if let Err(refusal) = wire.continuation(&pending, |response| memory.observe(response)).await? {
            return refusal.ok("APPEND").map(|completion| completion.appended);
        }
    }
    session.wire().write("APPEND", &[message, b"\r\n"].concat()).await?;
    let completion = session.finish(pending, |_| {}).await?;
    Ok(completion.ok("APPEND")?.appended)
}
