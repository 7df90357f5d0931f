//! The policy at the head of `meaning.rs`, case by case, and what follows from each meaning.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::*;
use crate::sort::Settings;
use crate::sort::correspondence::Learning;
use crate::sort::folders::Folders;
use crate::sort::ledger::State;
use crate::sort::ledger::{Mid, RowId};
use crate::sort::mailbox::Location;
use crate::sort::mailbox::{Uid, UidValidity};
use crate::sort::rules::{Context, RuleSet, SourceFile};
use crate::sort::sender::{Address, Owner};

const NOW: Timestamp = Timestamp(1_795_000_000);

fn settings(moves: bool) -> Settings {
    Settings {
        account: "home".to_owned(),
        owner: Owner::new(vec![Address::parse("alice@example.org").unwrap()]),
        folders: Folders::default(),
        learning: Learning::default(),
        authserv_id: None,
        moves,
        special_use: BTreeMap::new(),
    }
}

fn place(folder: &str, uid: u32) -> Location {
    Location {
        mailbox: folder.into(),
        uid_validity: UidValidity(9),
        uid: Uid(uid),
    }
}

/// A newsletter that appeared at `folder`/`uid`, with a history.
fn newsletter(folder: &str, uid: u32, history: Vec<Row>) -> Arrival {
    let header =
        b"Received: from a by b; x\r\nFrom: News <news@weekly.example>\r\nTo: alice@example.org\r\nSubject: 41\r\n\
        Date: Fri, 20 Nov 2026 10:00:00 +0000\r\nMessage-ID: <41@weekly.example>\r\nList-Id: <weekly.example>\r\n\
        List-Unsubscribe: <https://weekly.example/leave>\r\nPrecedence: bulk\r\n\r\n";
    Arrival {
        message: Message::parse(header),
        mid: Mid::email_id("M41"),
        location: place(folder, uid),
        size: 2_000,
        arrived: Some(NOW),
        utc_offset: 0,
        flags: Vec::new(),
        attachments: None,
        history,
    }
}

fn row(kind: RowKind, state: State, source: Location, destination: Option<(&str, Option<u32>)>) -> Row {
    Row {
        id: RowId(1),
        account: "home".to_owned(),
        run: "r".to_owned(),
        at: NOW,
        entry: Entry {
            kind,
            mid: Mid::email_id("M41"),
            message_id: None,
            from: None,
            source,
            destination: destination.map(|(folder, _)| folder.into()),
            destination_uid_next: None,
            bucket: Bucket::News,
            reason: Reason::new(ReasonKind::Evidence, "x"),
            flags: Vec::new(),
            rules: "".into(),
            undoes: None,
            arrived: None,
        },
        state,
        destination_uid: destination
            .and_then(|(_, uid)| uid)
            .map(|uid| (UidValidity(9), Uid(uid))),
        code: None,
        closed: None,
    }
}

/// Our own move of the newsletter from INBOX/1 to News, with the UID the server told.
fn moved(state: State, uid: Option<u32>) -> Row {
    row(RowKind::Sort, state, place("INBOX", 1), Some(("News", uid)))
}

fn meant(folder: &str, uid: u32, history: Vec<Row>) -> Meaning {
    meaning(&settings(true), &newsletter(folder, uid, history))
}

#[test]
fn what_the_ledger_put_there_is_ours() {
    assert_eq!(meant("News", 7, vec![moved(State::Done, Some(7))]), Meaning::Ours);
    for open in [State::Planned, State::Unknown] {
        assert_eq!(meant("News", 7, vec![moved(open, None)]), Meaning::Ours);
    }
    // Copied, and then the original could not be removed (simulation, seed 2).
    let halfway = Row {
        code: Some("copied, but the original could not be flagged: NO".to_owned()),
        ..moved(State::Failed, None)
    };
    assert_eq!(meant("News", 7, vec![halfway]), Meaning::Ours);
    let undone = row(RowKind::Undo, State::Done, place("News", 7), Some(("INBOX", Some(8))));
    assert_eq!(
        meant("INBOX", 8, vec![moved(State::Done, Some(7)), undone]),
        Meaning::Ours
    );
}

#[test]
fn another_copy_than_ours_in_a_bucket_folder_is_the_users() {
    let filed = Meaning::Filed {
        bucket: Bucket::News,
        domain: false,
    };
    assert_eq!(meant("News", 9, vec![moved(State::Done, Some(7))]), filed);
    assert_eq!(meant("News", 9, vec![moved(State::Failed, None)]), filed);
    assert_eq!(meant("News", 9, vec![moved(State::Void, None)]), filed);
    assert_eq!(meant("News", 9, Vec::new()), filed);
    assert_eq!(
        meant("Blackhole/Domain", 1, Vec::new()),
        Meaning::Filed {
            bucket: Bucket::Blackhole,
            domain: true
        }
    );
}

#[test]
fn back_in_the_inbox_after_a_move_is_a_rescue() {
    assert_eq!(meant("INBOX", 8, vec![moved(State::Done, Some(7))]), Meaning::Rescued);
    let filed = row(RowKind::File, State::Done, place("Bulk", 3), Some(("Bulk", None)));
    assert_eq!(meant("INBOX", 8, vec![filed]), Meaning::Rescued);
}

#[test]
fn what_was_met_before_is_not_sorted_again() {
    let kept = row(RowKind::Keep, State::Done, place("INBOX", 1), None);
    let rescued = row(RowKind::Rescue, State::Done, place("INBOX", 8), Some(("INBOX", None)));
    assert_eq!(meant("INBOX", 1, vec![kept.clone()]), Meaning::Known);
    assert_eq!(meant("INBOX", 5, vec![kept]), Meaning::Known);
    assert_eq!(
        meant("INBOX", 9, vec![moved(State::Done, Some(7)), rescued]),
        Meaning::Known
    );
    assert_eq!(meant("INBOX", 5, vec![moved(State::Void, None)]), Meaning::Known);
    assert_eq!(meant("INBOX", 5, vec![moved(State::Failed, None)]), Meaning::Known);
}

#[test]
fn a_failed_move_leaves_the_message_open_for_a_new_verdict() {
    assert_eq!(meant("INBOX", 1, vec![moved(State::Failed, None)]), Meaning::New);
    assert_eq!(meant("INBOX", 1, Vec::new()), Meaning::New);
}

#[test]
fn what_may_have_been_copied_is_not_decided_about_again() {
    let kept = row(RowKind::Keep, State::Done, place("INBOX", 1), None);
    for (code, again) in [
        ("[LIMIT] Too many messages at once", true),
        ("copied, but the original could not be flagged: [LIMIT] Too many", false),
        ("the server said OK and did nothing", false),
    ] {
        let failed = Row {
            code: Some(code.to_owned()),
            ..moved(State::Failed, None)
        };
        let expected = if again { Meaning::New } else { Meaning::Known };
        assert_eq!(meant("INBOX", 1, vec![failed.clone()]), expected, "{code}");
        // It had been put off by `after`, and its time has come (simulation, seed 3021).
        let due = newsletter("INBOX", 1, vec![kept.clone(), failed]);
        let mut sorter = Sorter::new(settings(true), Arc::new(RuleSet::default()));
        let actions = sorter.handle(NOW, Event::Due(Box::new(due)));
        assert_eq!(!actions.is_empty(), again, "{code}");
    }
}

#[test]
fn a_command_that_was_given_up_and_came_to_something_is_ours() {
    for (state, code) in [
        (State::Failed, "interrupted before it was carried out"),
        (
            State::Void,
            "perhaps copied, and the copy taken away since; the original was left where it is",
        ),
    ] {
        let given_up = Row {
            code: Some(code.to_owned()),
            ..moved(state, None)
        };
        assert_eq!(meant("News", 7, vec![given_up]), Meaning::Ours, "{code}");
    }
}

#[test]
fn stand_ins_deleted_mail_and_foreign_folders_mean_nothing() {
    let mut deleted = newsletter("INBOX", 1, Vec::new());
    deleted.flags = vec!["\\deleted".to_owned()];
    let mut stand_in = newsletter("INBOX", 1, Vec::new());
    stand_in.message =
        Message::parse(b"From: System Administrator <root@localhost>\r\nSubject: message unavailable\r\n\r\n");
    for arrival in [deleted, stand_in, newsletter("Projects", 1, Vec::new())] {
        assert_eq!(meaning(&settings(true), &arrival), Meaning::Nothing);
    }
}

#[test]
fn what_a_rule_that_continues_asks_for_goes_with_the_verdict_of_a_later_stage() {
    let file = SourceFile {
        name: "10-mark.toml".to_owned(),
        text: "[[rule]]\nname = \"mark\"\nwhen = { list = true }\nflags = [\"+$List\"]\ncontinue = true\n".to_owned(),
    };
    let context = Context {
        folders: [("home".to_owned(), settings(true).folders)].into(),
    };
    let rules = RuleSet::parse(&[file], &BTreeMap::new(), &context).set.unwrap();
    let mut sorter = Sorter::new(settings(true), Arc::new(rules));
    let arrival = newsletter("INBOX", 1, Vec::new());
    let [Action::Move(entry)] = &sorter.handle(NOW, Event::Arrived(Box::new(arrival)))[..] else {
        panic!("one move")
    };
    assert_eq!(
        (entry.reason.kind, entry.flags.len()),
        (ReasonKind::Evidence, 1),
        "{entry:?}"
    );
}

/// A sorter with one rule, which says this of every list mail.
fn ruled(orders: &str) -> Sorter {
    let file = SourceFile {
        name: "10-copy.toml".to_owned(),
        text: format!("[[rule]]\nname = \"copy\"\nwhen = {{ list = true }}\n{orders}\n"),
    };
    let context = Context {
        folders: [("home".to_owned(), settings(true).folders)].into(),
    };
    let rules = RuleSet::parse(&[file], &BTreeMap::new(), &context).set.unwrap();
    Sorter::new(settings(true), Arc::new(rules))
}

/// Kind and destination of each row that follows from the newsletter in INBOX/1.
fn rows(sorter: &mut Sorter, history: Vec<Row>) -> Vec<(RowKind, String)> {
    let arrived = Event::Arrived(Box::new(newsletter("INBOX", 1, history)));
    let rows = sorter
        .handle(NOW, arrived)
        .into_iter()
        .filter_map(|action| match action {
            Action::Plan(entry) | Action::Move(entry) => {
                let folder = entry.destination.unwrap_or_else(Mailbox::inbox);
                Some((entry.kind, folder.as_str().to_owned()))
            }
            _ => None,
        });
    rows.collect()
}

fn copied(state: State, code: Option<&str>) -> Row {
    let mut row = row(RowKind::Copy, state, place("INBOX", 1), Some(("Books", None)));
    row.code = code.map(str::to_owned);
    row
}

#[test]
fn copies_come_before_the_move_and_only_once() {
    let (copy, sort) = ((RowKind::Copy, "Books".to_owned()), (RowKind::Sort, "Paper".to_owned()));
    // One rule copies and goes on, another one moves: what each by itself may say, together would be a second copy.
    let mut sorter = ruled(
        "copy = [\"Books\", \"Paper\", \"Books\"]\ncontinue = true\n\
         [[rule]]\nname = \"move\"\nwhen = { bulk = true }\nmove = \"Paper\"",
    );
    // Neither where it goes, nor twice.
    assert_eq!(rows(&mut sorter, Vec::new()), [copy.clone(), sort.clone()]);
    // The move came to nothing and is decided about afresh.
    let failed = moved(State::Failed, None);
    for (state, code, again) in [
        (State::Done, None, false),
        (State::Void, Some("gone"), false),
        (State::Failed, Some("[NOPERM] no"), false),
        (State::Failed, Some("[OVERQUOTA] full"), true),
    ] {
        let expected: Vec<_> = again
            .then_some(copy.clone())
            .into_iter()
            .chain([sort.clone()])
            .collect();
        let history = vec![copied(state, code), failed.clone()];
        assert_eq!(rows(&mut sorter, history), expected, "{state:?} {code:?}");
    }
}

#[test]
fn a_message_that_is_kept_is_copied_too_and_a_missing_special_use_is_told() {
    let mut sorter = ruled("keep = true\ncopy = [\"Books\", \"\\\\Junk\"]");
    let expected = [(RowKind::Copy, "Books".to_owned()), (RowKind::Keep, "INBOX".to_owned())];
    assert_eq!(rows(&mut sorter, Vec::new()), expected);
    let arrived = Event::Arrived(Box::new(newsletter("INBOX", 1, Vec::new())));
    let told = sorter.handle(NOW, arrived);
    let junk = |action: &Action| matches!(action, Action::Note(Note::CopyNotMade { target, .. }) if target == "\\Junk");
    assert!(told.iter().any(junk), "{told:?}");
    let mut onlooker = ruled("move = \"Paper\"\ncopy = \"Books\"");
    onlooker.settings.moves = false;
    assert_eq!(
        rows(&mut onlooker, Vec::new()),
        [(RowKind::Preview, "Paper".to_owned())]
    );
}

#[test]
fn a_copy_is_neither_a_drag_nor_new_mail_wherever_it_turns_up() {
    let mut ours = copied(State::Done, None);
    ours.entry.destination = Some("News".into());
    ours.destination_uid = Some((UidValidity(9), Uid(7)));
    assert_eq!(
        meant("News", 7, vec![ours.clone(), moved(State::Done, None)]),
        Meaning::Ours
    );
    let news = Meaning::Filed {
        bucket: Bucket::News,
        domain: false,
    };
    assert_eq!(meant("News", 8, vec![ours]), news, "the next one there is the user's");
    // The user brings the copy to the inbox; the message itself was kept, or its move has failed.
    let kept = row(RowKind::Keep, State::Done, place("INBOX", 1), None);
    let history = vec![copied(State::Done, None), kept.clone()];
    assert_eq!(meant("INBOX", 2, history), Meaning::Known);
    let history = vec![copied(State::Done, None), moved(State::Failed, None)];
    assert_eq!(meant("INBOX", 2, history.clone()), Meaning::Known);
    assert_eq!(
        meant("INBOX", 1, history),
        Meaning::New,
        "the message itself is open for a verdict"
    );
}

fn actions(moves: bool, arrival: Arrival) -> Vec<Action> {
    let mut sorter = Sorter::new(settings(moves), Arc::new(RuleSet::default()));
    sorter.handle(NOW, Event::Arrived(Box::new(arrival)))
}

#[test]
fn new_mail_moves_in_mode_sort_and_is_only_written_down_in_mode_preview() {
    let [Action::Move(entry)] = &actions(true, newsletter("INBOX", 1, Vec::new()))[..] else {
        panic!("one move")
    };
    assert_eq!(
        (entry.kind, entry.destination.clone()),
        (RowKind::Sort, Some("News".into()))
    );
    let [Action::Plan(entry)] = &actions(false, newsletter("INBOX", 1, Vec::new()))[..] else {
        panic!("one plan")
    };
    assert_eq!(
        (entry.kind, entry.destination.clone()),
        (RowKind::Preview, Some("News".into()))
    );
}

#[test]
fn a_drag_teaches_once_and_moves_nothing() {
    let actions = actions(true, newsletter("Bulk", 4, vec![moved(State::Done, Some(7))]));
    let lessons = actions
        .iter()
        .filter(|action| matches!(action, Action::Learn(_)))
        .count();
    let rows = actions
        .iter()
        .filter(|action| matches!(action, Action::Plan(entry) if entry.kind == RowKind::File))
        .count();
    assert_eq!((lessons, rows), (1, 1), "{actions:?}");
    assert!(!actions.iter().any(|action| matches!(action, Action::Move(_))));
}

#[test]
fn our_own_move_seen_again_does_nothing_at_all() {
    assert_eq!(
        actions(true, newsletter("News", 7, vec![moved(State::Done, Some(7))])),
        Vec::new()
    );
}

/// What follows from a newsletter found in `folder`, delivered `age` seconds ago; its verdict is News.
fn found(folder: &str, age: i64, history: Vec<Row>, prepare: impl FnOnce(&mut Sorter)) -> Vec<Action> {
    let mut sorter = Sorter::new(settings(true), Arc::new(RuleSet::default()));
    prepare(&mut sorter);
    let mut arrival = newsletter(folder, 9, history);
    arrival.arrived = Some(Timestamp(NOW.0 - age));
    sorter.handle(NOW, Event::Arrived(Box::new(arrival)))
}

/// Lessons learned and held, and the reason of the one row.
fn lessons(actions: &[Action]) -> (usize, usize, String) {
    let count = |wanted: fn(&Action) -> bool| actions.iter().filter(|action| wanted(action)).count();
    let text = actions.iter().find_map(|action| match action {
        Action::Plan(entry) if entry.kind == RowKind::File => Some(entry.reason.text.clone()),
        _ => None,
    });
    (
        count(|action| matches!(action, Action::Learn(_))),
        count(|action| matches!(action, Action::Hold(_))),
        text.unwrap(),
    )
}

#[test]
fn what_lies_where_its_verdict_puts_it_teaches_nothing() {
    let preview = row(RowKind::Preview, State::Done, place("INBOX", 1), Some(("News", None)));
    for history in [Vec::new(), vec![moved(State::Failed, None)], vec![preview]] {
        let actions = found("News", 5_000, history, |_| {});
        let (learned, held, reason) = lessons(&actions);
        assert_eq!((learned, held), (0, 0), "{actions:?}");
        assert!(reason.contains("cannot be told"), "{reason}");
    }
    // The user has another mind than the verdict: that is the hand.
    assert_eq!(lessons(&found("Bulk", 5_000, Vec::new(), |_| {})).0, 1);
}

#[test]
fn what_postroom_left_and_the_user_filed_is_learned() {
    let kept = row(RowKind::Keep, State::Done, place("INBOX", 1), None);
    let rescued = row(RowKind::Rescue, State::Done, place("INBOX", 8), Some(("INBOX", None)));
    for history in [vec![kept], vec![moved(State::Done, Some(7)), rescued]] {
        let actions = found("News", 5, history, |_| {});
        assert_eq!(lessons(&actions).0, 1, "{actions:?}");
    }
}

#[test]
fn a_second_copy_beside_ours_is_told_and_teaches_nothing() {
    let closed = |state, uid, ago: i64| Row {
        closed: Some(Timestamp(NOW.0 - ago)),
        ..moved(state, uid)
    };
    let actions = found("News", 5, vec![closed(State::Done, Some(7), 3)], |_| {});
    assert!(
        actions
            .iter()
            .any(|action| matches!(action, Action::Note(Note::Doubled { .. })))
    );
    assert!(lessons(&actions).2.starts_with(crate::sort::rival::DOUBLED));
    let actions = found("News", 5, vec![closed(State::Void, None, 3)], |_| {});
    assert!(lessons(&actions).2.starts_with(crate::sort::rival::OUTRUN));
    // After a minute nobody can tell any more, and there is still nothing to learn.
    for state in [State::Done, State::Void] {
        let actions = found("News", 5, vec![closed(state, Some(7), 61)], |_| {});
        let (learned, held, reason) = lessons(&actions);
        assert_eq!((learned, held), (0, 0));
        assert!(reason.contains("cannot be told"), "{reason}");
    }
}

#[test]
fn one_that_left_the_inbox_unseen_and_lies_where_it_belongs_was_taken_by_another_sorter() {
    let vanished = |sorter: &mut Sorter| sorter.lookout.vanished(NOW, 1);
    let reason = |actions: Vec<Action>| lessons(&actions).2;
    assert!(reason(found("News", 2, Vec::new(), vanished)).starts_with(crate::sort::rival::OUTRUN));
    // The provider's own filter delivers to the folder: nothing was ever in the inbox.
    assert!(reason(found("News", 2, Vec::new(), |_| {})).contains("cannot be told"));
    // The user has done it while the daemon was away.
    assert!(reason(found("News", 9_000, Vec::new(), vanished)).contains("cannot be told"));
    assert!(reason(found("Bulk", 2, Vec::new(), vanished)).starts_with("you filed it"));
}

#[test]
fn with_another_sorter_about_the_lesson_of_an_unknown_message_is_held() {
    let suspects = |sorter: &mut Sorter| sorter.lookout.suspected = true;
    let kept = row(RowKind::Keep, State::Done, place("INBOX", 1), None);
    for (age, history) in [(5, vec![kept.clone()]), (5, Vec::new()), (9_000, Vec::new())] {
        let actions = found("Bulk", age, history, suspects);
        let (learned, held, reason) = lessons(&actions);
        assert_eq!((learned, held), (0, 1), "{actions:?}");
        assert!(reason.starts_with("you filed it"), "{reason}");
    }
    // Nobody but the user moves what has lain in the inbox for hours.
    assert_eq!(lessons(&found("Bulk", 9_000, vec![kept], suspects)).0, 1);
}
