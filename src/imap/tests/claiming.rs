//! The claim before a move, as transcripts: who gets a message, and what is sent for those that somebody else has.

use super::script::play;
use crate::imap::mover::{self, Claim, Policy};
use crate::imap::{Access, Session};
use crate::sort::ledger::{Committed, Outcome, PlannedMove, RowId};
use crate::sort::mailbox::{Location, Mailbox, Uid, UidValidity};
use crate::sort::refusal::CLAIMED;

const ALL: &str = "IMAP4rev1 MOVE UIDPLUS CONDSTORE";
const MINE: &str = "$PostroomClaim-00000001";
const STORE: &str = "C: UID STORE 5:6 (UNCHANGEDSINCE 40) +FLAGS.SILENT ($PostroomClaim-00000001)";
const FETCH: &str = "C: UID FETCH 5:6 (UID FLAGS MODSEQ)
    S: * 1 FETCH (UID 5 FLAGS () MODSEQ (31))
    S: * 2 FETCH (UID 6 FLAGS (\\Flagged) MODSEQ (40))
    S: $ OK\n";

fn opening(keywords: &str, modseq: &str) -> String {
    format!(
        "C: SELECT \"INBOX\"
        S: * 9 EXISTS
        S: * OK [PERMANENTFLAGS (\\Deleted {keywords})] ok
        S: * OK [UIDVALIDITY 7] ok
        S: * OK [UIDNEXT 100] ok
        S: * OK [{modseq}] ok
        S: $ OK [READ-WRITE] selected\n"
    )
}

async fn moved(session: &mut Session, take_over: &[i64]) -> Vec<(i64, Outcome)> {
    let planned = |uid| PlannedMove {
        leaves_original: false,
        row: RowId(i64::from(uid)),
        source: Location {
            mailbox: Mailbox::inbox(),
            uid_validity: UidValidity(7),
            uid: Uid(uid),
        },
        destination: Mailbox::new("Top"),
        flags: Vec::new(),
    };
    let policy = Policy {
        allow_unsafe_move: false,
        claim: Some(Claim {
            keyword: MINE.to_owned(),
            take_over: take_over.iter().copied().map(RowId).collect(),
        }),
    };
    let moves = Committed::after_fsync(vec![planned(5), planned(6)]);
    let report = mover::move_messages(session, &moves, policy).await;
    assert_eq!(report.error, None);
    let mut outcomes: Vec<_> = report
        .outcomes
        .into_iter()
        .map(|(row, outcome)| (row.0, outcome))
        .collect();
    outcomes.sort_by_key(|(row, _)| *row);
    outcomes
}

/// What becomes of rows 5 and 6.
async fn both(capabilities: &str, opening: &str, script: &str, take_over: &[i64]) -> Vec<(i64, Outcome)> {
    let mut outcomes = Vec::new();
    play(capabilities, &format!("{opening}{script}"), async |mut session| {
        session.select(&Mailbox::inbox(), Access::ReadWrite).await.unwrap();
        outcomes = moved(&mut session, take_over).await;
    })
    .await;
    outcomes
}

/// The second look: our claim, and no other's.
fn alone(uids: &[u32]) -> String {
    let bearing: Vec<(u32, &str)> = uids.iter().map(|uid| (*uid, "")).collect();
    second_look(&bearing)
}

/// The second look, with what else is on the messages.
fn second_look(bearing: &[(u32, &str)]) -> String {
    let set: Vec<String> = bearing.iter().map(|(uid, _)| uid.to_string()).collect();
    let lines = bearing.iter().map(|(uid, other)| {
        format!(
            "S: * {} FETCH (UID {uid} FLAGS ({MINE} {other}) MODSEQ (50))\n",
            uid - 4
        )
    });
    format!(
        "C: UID FETCH {} (UID FLAGS MODSEQ)\n{}S: $ OK",
        set.join(":"),
        lines.collect::<String>()
    )
}

fn done(uid: u32) -> Outcome {
    Outcome::Done(Some((UidValidity(3), Uid(uid))))
}

fn theirs() -> Outcome {
    Outcome::Failed(CLAIMED.to_owned())
}

#[tokio::test(start_paused = true)]
async fn what_is_granted_is_moved_and_what_was_modified_is_left() {
    let alone = alone(&[5]);
    let script = format!(
        "{FETCH}{STORE}
        S: * 1 FETCH (UID 5 MODSEQ (50))
        S: $ OK [MODIFIED 6] Conditional STORE failed
        {alone}
        C: UID MOVE 5 \"Top\"
        S: * OK [COPYUID 3 5 11] moved
        S: $ OK done"
    );
    let outcomes = both(ALL, &opening("\\*", "HIGHESTMODSEQ 40"), &script, &[]).await;
    assert_eq!(outcomes, [(5, done(11)), (6, theirs())]);
}

#[tokio::test(start_paused = true)]
async fn a_claim_that_stands_already_is_not_contested() {
    let alone = alone(&[6]);
    let script = format!(
        "C: UID FETCH 5:6 (UID FLAGS MODSEQ)
        S: * 1 FETCH (UID 5 FLAGS ($postroomclaim-FFFFFFFF) MODSEQ (41))
        S: * 2 FETCH (UID 6 FLAGS () MODSEQ (40))
        S: $ OK
        C: UID STORE 6 (UNCHANGEDSINCE 40) +FLAGS.SILENT ($PostroomClaim-00000001)
        S: $ OK
        {alone}
        C: UID MOVE 6 \"Top\"
        S: * OK [COPYUID 3 6 12] moved
        S: $ OK done"
    );
    let outcomes = both(ALL, &opening("\\*", "HIGHESTMODSEQ 40"), &script, &[]).await;
    assert_eq!(outcomes, [(5, theirs()), (6, done(12))]);
}

#[tokio::test(start_paused = true)]
async fn where_all_is_claimed_nothing_more_is_said() {
    let script = "C: UID FETCH 5:6 (UID FLAGS MODSEQ)
        S: * 1 FETCH (UID 5 FLAGS ($PostroomClaim-ffffffff) MODSEQ (41))
        S: * 2 FETCH (UID 6 FLAGS ($PostroomClaim-ffffffff) MODSEQ (41))
        S: $ OK";
    let outcomes = both(ALL, &opening("\\*", "HIGHESTMODSEQ 40"), script, &[]).await;
    assert_eq!(outcomes, [(5, theirs()), (6, theirs())]);
}

/// A claim that is old, by the caller's word, and ours beside it.
const TAKEN_OVER: &str = "C: UID FETCH 5:6 (UID FLAGS MODSEQ)
    S: * 1 FETCH (UID 5 FLAGS ($PostroomClaim-00000000) MODSEQ (41))
    S: $ OK
    C: UID STORE 5 (UNCHANGEDSINCE 41) +FLAGS.SILENT ($PostroomClaim-00000001)
    S: $ OK\n";

#[tokio::test(start_paused = true)]
async fn the_claim_of_a_daemon_that_died_is_taken_over() {
    let still = second_look(&[(5, "$PostroomClaim-00000000")]);
    let script = [
        TAKEN_OVER,
        &still,
        "\n",
        &format!("C: NOOP\nS: $ OK\n{still}\n").repeat(20),
        "C: UID STORE 5 -FLAGS.SILENT ($PostroomClaim-00000000)\nS: $ OK\n",
        &alone(&[5]),
        "\nC: UID MOVE 5 \"Top\"\nS: * OK [COPYUID 3 5 12] moved\nS: $ OK done",
    ];
    let outcomes = both(ALL, &opening("\\*", "HIGHESTMODSEQ 40"), &script.concat(), &[5]).await;
    assert_eq!(outcomes, [(5, done(12)), (6, theirs())], "6 was gone");
}

/// Two daemons come again at once after a destination was full: the claim that was old is a new one.
#[tokio::test(start_paused = true)]
async fn a_daemon_that_was_taken_for_dead_is_given_time_to_move() {
    let script = [
        TAKEN_OVER,
        &second_look(&[(5, "$PostroomClaim-00000000")]),
        "\nC: NOOP\nS: * 1 EXPUNGE\nS: $ OK\n",
        "C: UID FETCH 5 (UID FLAGS MODSEQ)\nS: $ OK",
    ];
    let outcomes = both(ALL, &opening("\\*", "HIGHESTMODSEQ 40"), &script.concat(), &[5]).await;
    assert_eq!(outcomes, [(5, theirs()), (6, theirs())]);
}

#[tokio::test(start_paused = true)]
async fn a_claim_without_a_move_is_taken_off_again() {
    let alone = alone(&[5, 6]);
    let script = format!(
        "{FETCH}{STORE}
        S: $ OK
        {alone}
        C: UID MOVE 5:6 \"Top\"
        S: $ NO [OVERQUOTA] full
        C: UID STORE 5:6 -FLAGS.SILENT ($PostroomClaim-00000001)
        S: $ OK"
    );
    let outcomes = both(ALL, &opening("\\*", "HIGHESTMODSEQ 40"), &script, &[]).await;
    assert!(
        outcomes
            .iter()
            .all(|(_, outcome)| matches!(outcome, Outcome::Failed(why) if why.contains("OVERQUOTA")))
    );
}

#[tokio::test(start_paused = true)]
async fn a_server_that_cannot_is_not_asked() {
    let script = "C: UID MOVE 5:6 \"Top\"\nS: * OK [COPYUID 3 5:6 11:12] moved\nS: $ OK done";
    for (capabilities, keywords, modseq) in [
        ("IMAP4rev1 MOVE UIDPLUS", "\\*", "HIGHESTMODSEQ 40"),
        (ALL, "", "HIGHESTMODSEQ 40"),
        (ALL, "\\*", "NOMODSEQ"),
    ] {
        let outcomes = both(capabilities, &opening(keywords, modseq), script, &[]).await;
        assert_eq!(outcomes, [(5, done(11)), (6, done(12))]);
    }
}

#[tokio::test(start_paused = true)]
async fn of_two_that_were_granted_the_first_keyword_stands_once_the_other_has_gone() {
    const LATER: &str = "$PostroomClaim-ffffffff";
    const EARLIER: &str = "$postroomclaim-00000000";
    let script = [
        FETCH,
        STORE,
        "\nS: $ OK\n",
        &second_look(&[(5, LATER), (6, EARLIER)]),
        "\nC: NOOP\nS: $ OK\n",
        &second_look(&[(5, LATER)]),
        "\nC: NOOP\nS: $ OK\n",
        &alone(&[5]),
        "\nC: UID STORE 6 -FLAGS.SILENT ($PostroomClaim-00000001)\nS: $ OK\n",
        "C: UID MOVE 5 \"Top\"\nS: * OK [COPYUID 3 5 12] moved\nS: $ OK done",
    ];
    let outcomes = both(ALL, &opening("\\*", "HIGHESTMODSEQ 40"), &script.concat(), &[]).await;
    assert_eq!(outcomes, [(5, done(12)), (6, theirs())]);
}

#[tokio::test(start_paused = true)]
async fn whoever_does_not_give_way_has_begun_and_the_message_is_his() {
    let contested = second_look(&[(5, "$PostroomClaim-ffffffff"), (6, "$PostroomClaim-ffffffff")]);
    let script = [
        FETCH,
        STORE,
        "\nS: $ OK\n",
        &contested,
        "\n",
        &format!("C: NOOP\nS: $ OK\n{contested}\n").repeat(20),
        "C: UID STORE 5:6 -FLAGS.SILENT ($PostroomClaim-00000001)\nS: $ OK",
    ];
    let outcomes = both(ALL, &opening("\\*", "HIGHESTMODSEQ 40"), &script.concat(), &[]).await;
    assert_eq!(outcomes, [(5, theirs()), (6, theirs())]);
}

#[tokio::test(start_paused = true)]
async fn a_claim_that_a_third_one_has_taken_off_is_lost() {
    let script = format!(
        "{FETCH}{STORE}
        S: $ OK
        C: UID FETCH 5:6 (UID FLAGS MODSEQ)
        S: * 1 FETCH (UID 5 FLAGS () MODSEQ (52))
        S: * 2 FETCH (UID 6 FLAGS ({MINE}) MODSEQ (50))
        S: $ OK
        C: UID STORE 5 -FLAGS.SILENT ($PostroomClaim-00000001)
        S: $ OK
        C: UID MOVE 6 \"Top\"
        S: * OK [COPYUID 3 6 12] moved
        S: $ OK done"
    );
    let outcomes = both(ALL, &opening("\\*", "HIGHESTMODSEQ 40"), &script, &[]).await;
    assert_eq!(outcomes, [(5, theirs()), (6, done(12))]);
}
