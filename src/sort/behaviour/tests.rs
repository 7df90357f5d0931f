//! Suggestions from flags: when they are made, and above all when they are not.

use super::*;
use crate::sort::authenticity::Authentication;
use crate::sort::taught::{Lesson, Teacher};

const NOW: Timestamp = Timestamp(100 * 86_400);

fn owner() -> Owner {
    Owner::new(vec![Address::parse("me@example.org").unwrap()])
}

fn shop() -> Identity {
    Identity::Address(Address::parse("a@shop.example").unwrap())
}

/// One message of `a@shop.example` that came so many days ago.
fn came(behaviour: &mut Behaviour, days: i64, place: Place, flags: &[&str]) {
    with_fields(behaviour, "", days, place, flags);
}

fn with_fields(behaviour: &mut Behaviour, fields: &str, days: i64, place: Place, flags: &[&str]) {
    let message = Message::parse(format!("From: a@shop.example\r\n{fields}").as_bytes());
    let flags: Vec<String> = flags.iter().map(|&flag| flag.to_owned()).collect();
    behaviour.note(&message, Timestamp(NOW.0 - days * 86_400), place, &flags, &owner());
}

fn ignored(count: i64) -> Behaviour {
    let mut behaviour = Behaviour::default();
    for days in 0..count {
        came(&mut behaviour, 20 + days, Place::InSight, &[]);
    }
    behaviour
}

fn suggested(behaviour: Behaviour) -> Vec<Suggestion> {
    behaviour.suggestions(NOW, &Taught::default(), &Correspondence::default())
}

#[test]
fn five_in_a_row_left_unread_suggest_bulk_and_four_do_not() {
    assert_eq!(suggested(ignored(4)), []);
    let found = suggested(ignored(7));
    let because = Because::Ignored { left: 5, deleted: 0 };
    assert_eq!(
        found,
        [Suggestion {
            identity: shop(),
            bucket: Bucket::Bulk,
            because
        }]
    );
    assert_eq!(found[0].because.to_string(), "you left the last 5 messages unread");
}

#[test]
fn what_is_young_says_nothing_and_what_was_opened_says_no() {
    let mut young = Behaviour::default();
    for days in 0..10 {
        came(&mut young, days, Place::InSight, &[]);
    }
    assert_eq!(suggested(young), []);
    let mut opened = ignored(6);
    came(&mut opened, 1, Place::InSight, &["\\Seen"]);
    assert_eq!(suggested(opened), []);
    let mut long_ago = ignored(5);
    came(&mut long_ago, 60, Place::InSight, &["\\Seen", "\\Answered"]);
    assert_eq!(suggested(long_ago).len(), 1, "the newest five count");
}

#[test]
fn thrown_away_unread_counts_at_once() {
    let mut behaviour = ignored(2);
    for days in 1..3 {
        came(&mut behaviour, days, Place::Trash, &[]);
    }
    came(&mut behaviour, 3, Place::InSight, &["\\Deleted"]);
    let found = suggested(behaviour);
    assert_eq!(found[0].because, Because::Ignored { left: 2, deleted: 3 });
}

#[test]
fn a_correspondent_is_never_suggested_for_bulk_nor_anybody_who_was_taught() {
    let mut correspondence = Correspondence::default();
    let letter = Message::parse(b"To: a@shop.example\r\n");
    correspondence.sent(Timestamp(0), &letter, &owner(), 30.0);
    assert_eq!(ignored(9).suggestions(NOW, &Taught::default(), &correspondence), []);
    let mut taught = Taught::default();
    taught.load([Lesson {
        identity: shop(),
        bucket: Bucket::Inbox,
        at: Timestamp(0),
        example: None,
        authentication: Authentication::None,
        by: Teacher::Drag,
    }]);
    assert_eq!(ignored(9).suggestions(NOW, &taught, &Correspondence::default()), []);
}

#[test]
fn an_ignored_list_is_suggested_by_its_id_and_a_discussion_for_news() {
    let found = |fields: &str| {
        let mut behaviour = Behaviour::default();
        for days in 20..25 {
            with_fields(&mut behaviour, fields, days, Place::InSight, &[]);
        }
        suggested(behaviour).remove(0)
    };
    let list = Identity::List("talk.example.org".to_owned());
    let offers = found("List-Id: <talk.example.org>\r\nList-Unsubscribe: <https://x.example>\r\n");
    assert_eq!((offers.identity, offers.bucket), (list.clone(), Bucket::Bulk));
    let talk = found("List-Id: <talk.example.org>\r\nList-Post: <mailto:talk@example.org>\r\n");
    assert_eq!((talk.identity, talk.bucket), (list, Bucket::News));
}

#[test]
fn answered_mail_that_was_sorted_away_suggests_top_and_flagged_mail_the_inbox() {
    let mut answered = Behaviour::default();
    let mut flagged = Behaviour::default();
    for days in 1..4 {
        came(
            &mut answered,
            days,
            Place::SortedAway,
            &["\\Seen", "\\Answered", "\\Flagged"],
        );
        came(&mut flagged, days, Place::SortedAway, &["$Forwarded"]);
    }
    came(&mut flagged, 9, Place::SortedAway, &["\\Seen"]);
    let because = Because::Wanted {
        answered: 3,
        flagged: 0,
        of: 3,
    };
    let (top, inbox) = (suggested(answered).remove(0), suggested(flagged).remove(0));
    assert_eq!((top.bucket, top.because), (Bucket::Top, because));
    let because = Because::Wanted {
        answered: 0,
        flagged: 3,
        of: 4,
    };
    assert_eq!((inbox.bucket, inbox.because), (Bucket::Inbox, because));
    let mut twice = Behaviour::default();
    for days in 1..3 {
        came(&mut twice, days, Place::SortedAway, &["\\Answered"]);
    }
    assert_eq!(suggested(twice), []);
}
