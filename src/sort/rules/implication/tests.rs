use proptest::prelude::*;

use super::*;
use crate::sort::rules::condition::Mark;
use crate::sort::rules::matcher::tests::{condition, mail, patterns, with_facts};
use crate::sort::rules::place::View;

fn of(place: Place, patterns: &[&str]) -> Condition {
    let comparison = place.comparison();
    Condition::Matches {
        patterns: patterns
            .iter()
            .map(|text| Pattern::parse(text, comparison).unwrap())
            .collect(),
        place,
    }
}

fn from(patterns: &[&str]) -> Condition {
    of(Place::From, patterns)
}

fn subject(patterns: &[&str]) -> Condition {
    of(Place::Subject, patterns)
}

#[test]
fn the_narrower_implies_the_wider_and_not_the_reverse() {
    for (narrow, wide) in [
        (from(&["a@b.example"]), from(&["@b.example"])),
        (from(&["@x.b.example", "c@b.example"]), from(&["@.b.example"])),
        (from(&["a@b.example"]), from(&["*@b.example"])),
        (from(&["a@b.example"]), from(&["b.exam"])),
        (subject(&["big invoice"]), subject(&["invoice", "receipt"])),
        (of(Place::Cc, &["a@b.example"]), of(Place::Recipient, &["@b.example"])),
        (
            Condition::All(vec![from(&["@b.example"]), subject(&["x"])]),
            from(&["@b.example"]),
        ),
        (
            from(&["@b.example"]),
            Condition::Any(vec![from(&["@b.example"]), subject(&["x"])]),
        ),
        (
            Condition::Not(Box::new(from(&["@b.example"]))),
            Condition::Not(Box::new(from(&["a@b.example"]))),
        ),
        (Condition::Larger(10), Condition::Larger(5)),
        (Condition::ToMe(vec![ToMe::Only]), Condition::ToMe(vec![ToMe::Direct])),
        (
            of(Place::Header("x".into()), &["1"]),
            Condition::HeaderPresent("x".into(), true),
        ),
    ] {
        assert!(implies(&narrow, &wide), "{narrow} / {wide}");
        assert!(!implies(&wide, &narrow), "{wide} / {narrow}");
    }
}

#[test]
fn what_cannot_meet_is_disjoint() {
    for (one, other, expected) in [
        (from(&["@a.example"]), from(&["@b.example"]), true),
        (from(&["@a.example"]), from(&["x@a.example"]), false),
        (of(Place::To, &["@a.example"]), of(Place::To, &["@b.example"]), false),
        (
            Condition::Marked(Mark::List, true),
            Condition::Marked(Mark::List, false),
            true,
        ),
        (
            Condition::Marked(Mark::List, true),
            Condition::Marked(Mark::Bulk, false),
            false,
        ),
        (
            from(&["x@a.example"]),
            Condition::Not(Box::new(from(&["@a.example"]))),
            true,
        ),
        (Condition::Larger(10), Condition::Smaller(11), true),
        (Condition::Larger(10), Condition::Smaller(12), false),
        (subject(&["a"]), subject(&["b"]), false),
    ] {
        assert_eq!(disjoint(&one, &other), expected, "{one} / {other}");
        assert_eq!(disjoint(&other, &one), expected, "{other} / {one}");
    }
}

/// A condition, and one made from it by adding to it, so that the two often have something to do with each other.
fn pair() -> impl Strategy<Value = (Condition, Condition)> {
    (condition(), condition(), patterns(), patterns(), 0..10).prop_map(|(one, other, first, second, how)| match how {
        // Two lists of patterns at one place.
        4.. => match (first, second) {
            (
                Condition::Matches { patterns, .. },
                Condition::Matches {
                    place,
                    patterns: others,
                },
            ) => (
                Condition::Matches {
                    place: place.clone(),
                    patterns,
                },
                Condition::Matches {
                    place,
                    patterns: others,
                },
            ),
            both => both,
        },
        0 => (Condition::All(vec![one.clone(), other]), one),
        1 => (one.clone(), Condition::Any(vec![one, other])),
        2 => (one.clone(), Condition::Not(Box::new(Condition::Any(vec![one, other])))),
        _ => (one, other),
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 10_000, ..ProptestConfig::default() })]
    #[test]
    fn no_mail_proves_a_claim_wrong(
        (one, other) in pair(),
        mails in prop::collection::vec((mail(), any::<bool>()), 10),
    ) {
        let (implied, apart) = (implies(&one, &other), disjoint(&one, &other));
        if !implied && !apart {
            return Ok(());
        }
        for (raw, flag) in mails {
            let (first, second) = with_facts(&raw, flag, |facts| {
                let view = View::new(facts);
                (one.holds(&view), other.holds(&view))
            });
            prop_assert!(!implied || !first || second, "{} does not imply {}:\n{}", one, other, raw);
            prop_assert!(!apart || !first || !second, "{} and {} meet:\n{}", one, other, raw);
        }
    }
}
