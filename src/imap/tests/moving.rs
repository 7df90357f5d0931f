//! Moves: what each answer, and each missing answer, makes of the ledger's rows.

use std::time::Duration;

use super::script::play_inbox;
use crate::imap::mover::{self, Policy, Report};
use crate::imap::{ImapError, Session};
use crate::sort::ledger::{Committed, Outcome, PlannedMove, RowId};
use crate::sort::mailbox::{Location, Mailbox, Uid, UidValidity};
use crate::sort::refusal::Refusal;
use crate::sort::verdict::FlagChange;

const MOVE: &str = "IMAP4rev1 MOVE UIDPLUS";
const COPY: &str = "IMAP4rev1 UIDPLUS";

fn planned(uid: u32, destination: &str) -> PlannedMove {
    PlannedMove {
        row: RowId(i64::from(uid)),
        source: Location {
            mailbox: Mailbox::inbox(),
            uid_validity: UidValidity(7),
            uid: Uid(uid),
        },
        destination: Mailbox::new(destination),
        flags: Vec::new(),
        leaves_original: false,
    }
}

async fn moved(session: &mut Session, moves: Vec<PlannedMove>) -> Report {
    let mut report = mover::move_messages(session, &Committed::after_fsync(moves), Policy::default()).await;
    report.outcomes.sort_by_key(|(row, _)| *row);
    report
}

fn done(validity: u32, uid: u32) -> Outcome {
    Outcome::Done(Some((UidValidity(validity), Uid(uid))))
}

fn failed(outcome: &Outcome, words: &str) -> bool {
    matches!(outcome, Outcome::Failed(why) if why.contains(words))
}

/// Plays `script` for one move of UID 5 to Top and returns the report.
async fn one(capabilities: &str, script: &str) -> Report {
    let mut report = Report::default();
    play_inbox(capabilities, script, async |mut session| {
        report = moved(&mut session, vec![planned(5, "Top")]).await;
    })
    .await;
    report
}

#[tokio::test(start_paused = true)]
async fn one_flight_for_all_destinations_and_copyuid_wherever_it_stands() {
    let script = "C: UID MOVE 5:6 \"Top\"
        C: UID MOVE 2,8 \"Bulk\"
        S: * OK [COPYUID 3 5:6 11:12] moved
        S: * OK [COPYUID 4 2,8 40,41] moved
        S: * 2 EXPUNGE
        S: $ OK done
        S: $ OK done";
    play_inbox(MOVE, script, async |mut session| {
        let moves = vec![
            planned(6, "Top"),
            planned(5, "Top"),
            planned(8, "Bulk"),
            planned(2, "Bulk"),
        ];
        let report = moved(&mut session, moves).await;
        let outcomes: Vec<Outcome> = report.outcomes.into_iter().map(|(_, outcome)| outcome).collect();
        assert_eq!(outcomes, [done(4, 40), done(3, 11), done(3, 12), done(4, 41)]);
        assert_eq!(report.error, None);
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_tagged_copyuid_counts_too() {
    let report = one(
        MOVE,
        "C: UID MOVE 5 \"Top\"\nS: * 5 EXPUNGE\nS: $ OK [COPYUID 3 5 11] done",
    )
    .await;
    assert_eq!(report.outcomes, [(RowId(5), done(3, 11))]);
}

#[tokio::test(start_paused = true)]
async fn ok_alone_proves_nothing() {
    let gone = "C: UID MOVE 5 \"Top\"\nS: $ OK No messages found\nC: UID SEARCH UID 5\nS: * SEARCH\nS: $ OK";
    // Gone from here, and nobody says where to: the destination has to be read.
    let report = one(MOVE, gone).await;
    assert_eq!((report.outcomes, report.unproven), (vec![], vec![RowId(5)]));
    let there = "C: UID MOVE 5 \"Top\"\nS: $ OK\nC: UID SEARCH UID 5\nS: * SEARCH 5\nS: $ OK";
    assert!(failed(&one(MOVE, there).await.outcomes[0].1, "did not move"));
    // Without UIDPLUS there is no better proof than its absence.
    let report = one("IMAP4rev1 MOVE", gone).await;
    assert_eq!(report.outcomes, [(RowId(5), Outcome::Done(None))]);
    // Unequal sets, and a COPYUID for another message, name nobody.
    for code in [
        "COPYUID 3 5 11:12",
        "COPYUID 3 6 11",
        "COPYUID 3 1:4294967295 1:4294967295",
    ] {
        let script = gone.replace("OK No messages found", &format!("OK [{code}] x"));
        assert_eq!(one(MOVE, &script).await.unproven, [RowId(5)], "{code}");
    }
}

#[tokio::test(start_paused = true)]
async fn refusals_are_failures_with_their_code_and_never_turn_into_copies() {
    for code in ["TRYCREATE", "OVERQUOTA", "NOPERM"] {
        let report = one(MOVE, &format!("C: UID MOVE 5 \"Top\"\nS: $ NO [{code}] no")).await;
        assert!(failed(&report.outcomes[0].1, code));
        assert_eq!(report.error, None);
    }
    assert!(failed(
        &one(MOVE, "C: UID MOVE 5 \"Top\"\nS: $ BAD what?").await.outcomes[0].1,
        "what?"
    ));
    let read_back = |code: &str, found: &str| {
        format!("C: UID MOVE 5 \"Top\"\nS: $ NO [{code}] no\nC: UID SEARCH UID 5\nS: * SEARCH{found}\nS: $ OK")
    };
    let outcome = |report: Report| report.outcomes[0].1.clone();
    assert!(failed(
        &outcome(one(MOVE, &read_back("SERVERBUG", " 5")).await),
        "SERVERBUG"
    ));
    assert_eq!(outcome(one(MOVE, &read_back("SERVERBUG", "")).await), Outcome::Unknown);
    assert!(matches!(
        outcome(one(MOVE, &read_back("EXPUNGEISSUED", "")).await),
        Outcome::Void(_)
    ));
}

#[tokio::test(start_paused = true)]
async fn from_the_fault_on_everything_that_left_is_unknown() {
    for end in [
        "EOF",
        "S: * BYE bye",
        "S: * OK [COPYUID 3 2 9] half way\nEOF",
        "S: X9 OK foreign",
        "",
    ] {
        let script =
            format!("C: UID MOVE 5 \"Top\"\nC: UID MOVE 2 \"Bulk\"\nS: * OK [COPYUID 3 5 11] x\nS: $ OK\n{end}");
        play_inbox(MOVE, &script, async |mut session| {
            let report = moved(&mut session, vec![planned(5, "Top"), planned(2, "Bulk")]).await;
            assert_eq!(
                report.outcomes,
                [(RowId(2), Outcome::Unknown), (RowId(5), done(3, 11))],
                "{end}"
            );
            assert!(report.error.is_some_and(|error| error.ends_connection()));
            // Nothing is sent on a session that has ended, and what was not sent has no outcome.
            let report = moved(&mut session, vec![planned(6, "Top")]).await;
            assert!(report.outcomes.is_empty() && matches!(report.error, Some(ImapError::Lost { .. })));
        })
        .await;
    }
    // The outcome could not be read back.
    let report = one(MOVE, "C: UID MOVE 5 \"Top\"\nS: $ OK\nC: UID SEARCH UID 5\nEOF").await;
    assert_eq!(report.outcomes, [(RowId(5), Outcome::Unknown)]);
    assert!(report.error.is_some());
}

#[tokio::test(start_paused = true)]
async fn what_must_not_be_sent_is_not_sent() {
    let script =
        "C: UID FETCH 3:4 (UID FLAGS)\nS: * 1 FETCH (UID 3 FLAGS (\\Deleted))\nS: * 2 FETCH (UID 4 FLAGS ())\nS: $ OK
        C: UID MOVE 4 \"Top\"\nS: * OK [COPYUID 3 4 11] x\nS: $ OK";
    play_inbox(MOVE, script, async |mut session| {
        session.flags(&[Uid(3), Uid(4)]).await.unwrap();
        let other_epoch = PlannedMove {
            source: Location {
                uid_validity: UidValidity(6),
                ..planned(5, "").source
            },
            ..planned(5, "Top")
        };
        let other_folder = PlannedMove {
            source: Location {
                mailbox: Mailbox::new("News"),
                ..planned(6, "").source
            },
            ..planned(6, "Top")
        };
        let twice = PlannedMove {
            row: RowId(40),
            ..planned(4, "Bulk")
        };
        let moves = vec![
            planned(3, "Top"),
            planned(4, "Top"),
            twice,
            other_epoch,
            other_folder,
            planned(7, "inbox"),
        ];
        let report = moved(&mut session, moves).await;
        let rows: Vec<i64> = report.outcomes.iter().map(|(row, _)| row.0).collect();
        assert_eq!(rows, [3, 4, 7, 40], "the other epoch and the other folder stay planned");
        assert!(matches!(report.outcomes[0].1, Outcome::Void(_)));
        assert_eq!(report.outcomes[1].1, done(3, 11));
        assert!(failed(&report.outcomes[2].1, "destination") && failed(&report.outcomes[3].1, "twice"));
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn nothing_leaves_a_folder_that_is_open_for_reading() {
    let script =
        "C: EXAMINE \"INBOX\"\nS: * 9 EXISTS\nS: * OK [UIDVALIDITY 7] x\nS: * OK [UIDNEXT 10] x\nS: $ OK [READ-ONLY] x";
    super::script::play(MOVE, script, async |mut session| {
        session
            .select(&Mailbox::inbox(), crate::imap::Access::ReadOnly)
            .await
            .unwrap();
        let report = moved(&mut session, vec![planned(5, "Top")]).await;
        assert!(report.outcomes.is_empty() && report.error.is_some());
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_set_that_is_too_long_is_halved_and_the_length_remembered() {
    let uids: Vec<u32> = (0..1_000).map(|n| 1_000 + n * 2).collect();
    let (one, two) = uids.split_at(500);
    let text = |uids: &[u32]| uids.iter().map(u32::to_string).collect::<Vec<_>>().join(",");
    let copied = |uids: &[u32]| format!("S: * OK [COPYUID 3 {0} {0}] x\nS: $ OK\n", text(uids));
    let script = [
        format!(
            "C: UID MOVE {} \"Top\"\nS: $ BAD Error in IMAP command: Too long argument\n",
            text(&uids)
        ),
        format!("C: UID MOVE {} \"Top\"\nC: UID MOVE {} \"Top\"\n", text(one), text(two)),
        copied(one),
        copied(two),
    ]
    .concat();
    play_inbox(MOVE, &script, async |mut session| {
        let report = moved(&mut session, uids.iter().map(|uid| planned(*uid, "Top")).collect()).await;
        assert_eq!(report.outcomes.len(), 1_000);
        assert!(
            report
                .outcomes
                .iter()
                .all(|(row, outcome)| *outcome == done(3, row.0 as u32))
        );
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_move_that_the_server_limits_is_finished() {
    let script = "C: UID MOVE 5:6 \"Top\"\nS: * OK [COPYUID 3 5 11] x\nS: $ OK [MESSAGELIMIT 1 6] more
        C: UID SEARCH UID 6\nS: * SEARCH 6\nS: $ OK
        C: UID MOVE 6 \"Top\"\nS: * OK [COPYUID 3 6 12] x\nS: $ OK";
    play_inbox(MOVE, script, async |mut session| {
        let report = moved(&mut session, vec![planned(5, "Top"), planned(6, "Top")]).await;
        assert_eq!(report.outcomes, [(RowId(5), done(3, 11)), (RowId(6), done(3, 12))]);
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn copies_are_proven_before_originals_go() {
    let script = "C: UID COPY 5:6 \"Top\"
        S: $ OK [COPYUID 3 5 11] done
        C: UID STORE 5 +FLAGS.SILENT (\\Deleted)
        S: $ OK
        C: UID EXPUNGE 5
        S: * 5 EXPUNGE
        S: $ OK";
    play_inbox(COPY, script, async |mut session| {
        let report = moved(&mut session, vec![planned(5, "Top"), planned(6, "Top")]).await;
        assert_eq!(report.outcomes, [(RowId(5), done(3, 11))]);
        assert_eq!(report.unproven, [RowId(6)]);
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_refused_copy_deletes_nothing() {
    for code in ["TRYCREATE", "OVERQUOTA"] {
        let script = format!("C: UID COPY 5 \"Top\"\nS: $ NO [{code}] no\nC: UID SEARCH UID 5\nS: * SEARCH 5\nS: $ OK");
        assert!(failed(&one(COPY, &script).await.outcomes[0].1, code));
    }
    assert!(failed(
        &one(COPY, "C: UID COPY 5 \"Top\"\nS: $ BAD no").await.outcomes[0].1,
        "no"
    ));
}

#[tokio::test(start_paused = true)]
async fn a_refused_expunge_takes_the_mark_away_again() {
    let copied = "C: UID COPY 5 \"Top\"\nS: $ OK [COPYUID 3 5 11] x\nC: UID STORE 5 +FLAGS.SILENT (\\Deleted)\n";
    let script =
        format!("{copied}S: $ OK\nC: UID EXPUNGE 5\nS: $ NO no\nC: UID STORE 5 -FLAGS.SILENT (\\Deleted)\nS: $ OK");
    play_inbox(COPY, &script, async |mut session| {
        let report = moved(&mut session, vec![planned(5, "Top")]).await;
        assert!(failed(&report.outcomes[0].1, "UID EXPUNGE was refused"));
        // The server is not asked for it again.
        let report = moved(&mut session, vec![planned(6, "Top")]).await;
        assert!(failed(&report.outcomes[0].1, "no MOVE and refuses UID EXPUNGE"));
    })
    .await;
    let report = one(COPY, &format!("{copied}S: $ NO [READ-ONLY] no")).await;
    assert!(failed(&report.outcomes[0].1, "could not be flagged"));
}

const COPIED: &str = "C: UID COPY 5 \"Top\"\nS: $ OK [COPYUID 3 5 11] x\n\
    C: UID STORE 5 +FLAGS.SILENT (\\Deleted)\nS: $ OK\n";

#[tokio::test(start_paused = true)]
async fn an_expunge_refused_for_the_moment_is_asked_for_again() {
    for code in ["INUSE", "LIMIT", "UNAVAILABLE", "SERVERBUG", "EXPUNGEISSUED"] {
        let refused = format!("C: UID EXPUNGE 5\nS: $ NO [{code}] not now\n");
        let script = format!("{COPIED}{}C: UID EXPUNGE 5\nS: * 5 EXPUNGE\nS: $ OK", refused.repeat(3));
        assert_eq!(one(COPY, &script).await.outcomes, [(RowId(5), done(3, 11))], "{code}");
    }
    // What does not pass is not asked for twice.
    for answer in ["NO [NOPERM] never", "NO [OVERQUOTA] full", "BAD what?"] {
        let script =
            format!("{COPIED}C: UID EXPUNGE 5\nS: $ {answer}\nC: UID STORE 5 -FLAGS.SILENT (\\Deleted)\nS: $ OK");
        assert!(
            failed(&one(COPY, &script).await.outcomes[0].1, "was refused"),
            "{answer}"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn a_server_that_refuses_to_expunge_for_now_is_sent_no_copies_for_a_quarter_of_an_hour() {
    let refused = "C: UID EXPUNGE 5\nS: $ NO [UNAVAILABLE] not now\n".repeat(4);
    let script = format!(
        "{COPIED}{refused}C: UID STORE 5 -FLAGS.SILENT (\\Deleted)\nS: $ OK
        C: UID COPY 8 \"Top\"\nS: $ OK [COPYUID 3 8 12] x
        C: UID STORE 8 +FLAGS.SILENT (\\Deleted)\nS: $ OK
        C: UID EXPUNGE 8\nS: $ OK"
    );
    play_inbox(COPY, &script, async |mut session| {
        let report = moved(&mut session, vec![planned(5, "Top")]).await;
        assert!(failed(&report.outcomes[0].1, "copied, but UID EXPUNGE was refused"));
        // Neither copied nor flagged, whatever the operator allows, and worth another try.
        let unsafe_too = Policy {
            allow_unsafe_move: true,
            claim: None,
        };
        let later = Committed::after_fsync(vec![planned(6, "Top")]);
        let report = mover::move_messages(&mut session, &later, unsafe_too).await;
        let Outcome::Failed(code) = &report.outcomes[0].1 else {
            panic!("{report:?}")
        };
        assert_eq!(Refusal::of(code), Refusal::Passing, "{code}");
        tokio::time::advance(Duration::from_mins(15)).await;
        let report = moved(&mut session, vec![planned(8, "Top")]).await;
        assert_eq!(report.outcomes, [(RowId(8), done(3, 12))]);
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_copy_cut_short_is_unknown_at_every_step() {
    let steps = [
        "C: UID COPY 5 \"Top\"\n",
        "S: $ OK [COPYUID 3 5 11] x\nC: UID STORE 5 +FLAGS.SILENT (\\Deleted)\n",
        "S: $ OK\nC: UID EXPUNGE 5\n",
    ];
    for count in 1..=steps.len() {
        let report = one(COPY, &format!("{}EOF", steps[..count].concat())).await;
        assert_eq!(report.outcomes, [(RowId(5), Outcome::Unknown)], "{count} steps");
        assert!(matches!(report.error, Some(ImapError::Lost { .. })));
    }
}

#[tokio::test(start_paused = true)]
async fn without_uidplus_nothing_moves_unless_allowed_and_nothing_is_expunged() {
    let report = one("IMAP4rev1", "").await;
    assert!(failed(&report.outcomes[0].1, "allow_unsafe_move"));
    let script = "C: UID COPY 5:6 \"Top\"\nS: $ OK done
        C: UID STORE 5 +FLAGS.SILENT (\\Deleted)\nS: $ OK";
    play_inbox("IMAP4rev1", script, async |mut session| {
        let moves = Committed::after_fsync(vec![planned(5, "Top"), planned(6, "Top")]);
        let report = mover::move_messages(
            &mut session,
            &moves,
            Policy {
                allow_unsafe_move: true,
                claim: None,
            },
        )
        .await;
        assert_eq!((report.outcomes, report.unproven), (vec![], vec![RowId(5), RowId(6)]));
        // The caller has found the copy of the one and not of the other.
        let found = Committed::after_fsync(vec![planned(5, "Top")]);
        let report = mover::remove_copied(&mut session, &found).await.unwrap();
        assert_eq!(report.outcomes, [(RowId(5), Outcome::Done(None))]);
    })
    .await;
}

/// Found by the simulation (seed 264): the second original was flagged as deleted, left there, and called done.
#[tokio::test(start_paused = true)]
async fn after_a_refused_uid_expunge_recovery_flags_nothing_more() {
    let script = "C: UID STORE 6 +FLAGS.SILENT (\\Deleted)\nS: $ OK
        C: UID EXPUNGE 6\nS: $ NO [OVERQUOTA] full
        C: UID STORE 6 -FLAGS.SILENT (\\Deleted)\nS: $ OK";
    play_inbox("IMAP4rev1 UIDPLUS", script, async |mut session| {
        let found = Committed::after_fsync(vec![planned(6, "News"), planned(5, "Top")]);
        let report = mover::remove_copied(&mut session, &found).await.unwrap();
        assert_eq!(report.outcomes.len(), 2);
        assert!(failed(&report.outcomes[0].1, "UID EXPUNGE was refused"), "{report:?}");
        assert!(failed(&report.outcomes[1].1, "just refused UID EXPUNGE"), "{report:?}");
    })
    .await;
}

fn copied(uid: u32, row: i64, destination: &str) -> PlannedMove {
    PlannedMove {
        row: RowId(row),
        leaves_original: true,
        ..planned(uid, destination)
    }
}

#[tokio::test(start_paused = true)]
async fn copies_go_before_the_move_and_remove_nothing() {
    let script = "C: UID COPY 5:6 \"Books\"\nS: $ OK [COPYUID 9 5:6 1:2] x
        C: UID COPY 5 \"Bulk\"\nS: $ NO [OVERQUOTA] full
        C: UID MOVE 5 \"Top\"\nS: * OK [COPYUID 3 5 11] x\nS: $ OK";
    play_inbox(MOVE, script, async |mut session| {
        let moves = vec![
            planned(5, "Top"),
            copied(5, 50, "Books"),
            copied(5, 51, "Bulk"),
            copied(6, 60, "Books"),
        ];
        let report = moved(&mut session, moves).await;
        assert_eq!(report.outcomes[0], (RowId(5), done(3, 11)));
        assert_eq!(report.outcomes[1], (RowId(50), done(9, 1)));
        assert!(failed(&report.outcomes[2].1, "[OVERQUOTA]"));
        assert_eq!(report.outcomes[3], (RowId(60), done(9, 2)));
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn an_ok_alone_is_no_copy() {
    let script = "C: UID COPY 5:6 \"Books\"\nS: $ OK done\nC: UID SEARCH UID 5:6\nS: * SEARCH 5\nS: $ OK";
    for (capabilities, there) in [("IMAP4rev1", Some(Outcome::Done(None))), (COPY, None)] {
        play_inbox(capabilities, script, async |mut session| {
            let report = moved(&mut session, vec![copied(5, 5, "Books"), copied(6, 6, "Books")]).await;
            match &there {
                Some(outcome) => assert_eq!(report.outcomes[0].1, *outcome),
                None => assert!(failed(&report.outcomes[0].1, "without COPYUID")),
            }
            assert!(matches!(report.outcomes[1].1, Outcome::Void(_)));
        })
        .await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_lost_copy_leaves_the_move_unsent() {
    play_inbox(MOVE, "C: UID COPY 5 \"Books\"\nEOF", async |mut session| {
        let report = moved(&mut session, vec![planned(5, "Top"), copied(5, 50, "Books")]).await;
        assert_eq!(report.outcomes, [(RowId(50), Outcome::Unknown)]);
        assert!(matches!(report.error, Some(ImapError::Lost { .. })));
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn flags_go_first_and_never_seen_or_deleted() {
    let script = "C: UID STORE 5 +FLAGS.SILENT ($Invoice)\nS: $ OK
        C: UID STORE 5 -FLAGS.SILENT (\\Flagged)\nS: $ NO not that one
        C: UID MOVE 5 \"Top\"\nS: * OK [COPYUID 3 5 11] x\nS: $ OK";
    play_inbox(MOVE, script, async |mut session| {
        let change = |set: bool, flag: &str| FlagChange {
            set,
            flag: flag.to_owned(),
        };
        let flags = vec![
            change(true, "\\Seen"),
            change(true, "$Invoice"),
            change(true, "\\deleted"),
            change(false, "\\Flagged"),
            change(true, "two words"),
            change(true, "x)"),
            change(true, ""),
        ];
        let report = moved(
            &mut session,
            vec![PlannedMove {
                flags,
                ..planned(5, "Top")
            }],
        )
        .await;
        assert_eq!(report.outcomes, [(RowId(5), done(3, 11))]);
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn folders_are_looked_for_before_they_are_made() {
    let script = "C: LIST \"\" \"Top\"\nS: * LIST () \"/\" Top\nS: $ OK
        C: LIST \"\" \"Entw&APw-rfe\"\nS: $ OK
        C: CREATE \"Entw&APw-rfe\"\nS: $ OK
        C: SUBSCRIBE \"Entw&APw-rfe\"\nS: $ NO not that one
        C: LIST \"\" \"Race\"\nS: $ OK
        C: CREATE \"Race\"\nS: $ NO it is there
        C: LIST \"\" \"Race\"\nS: * LIST () \"/\" \"Race\"\nS: $ OK
        C: LIST \"\" \"Full\"\nS: $ OK
        C: CREATE \"Full\"\nS: $ NO [OVERQUOTA] no
        C: LIST \"\" \"Full\"\nS: $ OK";
    play_inbox(MOVE, script, async |mut session| {
        for name in ["Top", "Entwürfe", "Race"] {
            mover::create(&mut session, &Mailbox::new(name)).await.unwrap();
        }
        let error = mover::create(&mut session, &Mailbox::new("Full")).await.unwrap_err();
        assert!(matches!(error, ImapError::Refused { code: Some(code), .. } if code == "OVERQUOTA"));
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn our_digest_is_appended_and_news_on_the_way_kept() {
    let script =
        "C: APPEND \"INBOX\" (\\Flagged) {5}\nS: * 10 EXISTS\nS: + go\nC> Hi.\nC>\nS: $ OK [APPENDUID 7 100] done
        C: APPEND \"Gone\" () {5}\nS: $ NO [TRYCREATE] no";
    play_inbox("IMAP4rev1", script, async |mut session| {
        let flags = ["\\Flagged".to_owned()];
        let there = mover::append(
            &mut session,
            &Mailbox::inbox(),
            &flags,
            &Committed::after_fsync(b"Hi.\r\n".to_vec()),
        )
        .await
        .unwrap();
        assert_eq!(there, Some((UidValidity(7), Uid(100))));
        assert!(session.take_news());
        let error = mover::append(
            &mut session,
            &Mailbox::new("Gone"),
            &[],
            &Committed::after_fsync(b"Hi.\r\n".to_vec()),
        )
        .await
        .unwrap_err();
        assert!(matches!(error, ImapError::Refused { .. }));
    })
    .await;
}
