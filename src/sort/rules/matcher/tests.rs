//! The compiled matcher answers as asking every rule would, on random rules and random mail from small vocabularies, so
//! that hits, near misses and ties are common.

use proptest::prelude::*;
use proptest::test_runner::TestCaseResult;

use super::*;
use crate::sort::authenticity::Authentication;
use crate::sort::bucket::Bucket;
use crate::sort::correspondence::Tally;
use crate::sort::evidence::Evidence;
use crate::sort::facts::Facts;
use crate::sort::mailbox::{Mailbox, Timestamp};
use crate::sort::message::Message;
use crate::sort::rules::condition::{Acquaintance, Mark, ToMe};
use crate::sort::rules::rule::Goal;
use crate::sort::rules::ruleset::RuleSet;
use crate::sort::rules::source::Span;
use crate::sort::sender::{Address, Owner};

const LOCALS: [&str; 6] = ["a", "ab", "billing", "no-reply", "straße", "me+shop"];
const DOMAINS: [&str; 7] = [
    "b.example",
    "x.b.example",
    "y.x.b.example",
    "bb.example",
    "b.example.evil.example",
    "xn--bcher-kva.example",
    "b.test",
];
const WORDS: [&str; 12] = [
    "invoice", "Invoice", "receipt", "Sale", "ΟΔΟΣ", "οδός", "straSSe", "[team-7]", "a*b", "  ", "ſale", "now!",
];
const LISTS: [&str; 4] = ["talk.b.example", "b.example", "x.talk.b.example", "other.test"];

/// Patterns as a user writes them, for every place.
const PATTERNS: [&str; 32] = [
    "a@b.example",
    "ab@x.b.example",
    "@b.example",
    "@.b.example",
    "@.example",
    "@x.b.example",
    "billing@*",
    "*@b.example",
    "*",
    "?@b.*",
    "b",
    "b.ex",
    "bücher",
    "straße",
    "*straße*",
    "invoice",
    "INVOICE",
    "sale",
    "οδοσ",
    "inv*",
    "*voice",
    "*in?oice*",
    "[team-",
    "a\\*b",
    "now!",
    "no",
    "@talk.b.example",
    "talk.b.example",
    "shop",
    "receipt now!",
    "e",
    "no-reply@",
];
const REGEXES: [&str; 14] = [
    "(?i)invoice|receipt",
    "^Invoice",
    "(?i)sale.*now",
    r"\[team-[0-9]+\]",
    "a|b",
    ".",
    "^$",
    "(?i)οδοσ",
    "voice$",
    r"(?i)\bsale\b",
    "(in|re)(voice|ceipt)",
    "[A-Z][a-z]+",
    "(?i)straße",
    "x*",
];

fn place() -> impl Strategy<Value = Place> {
    prop::sample::select(vec![
        Place::From,
        Place::To,
        Place::Cc,
        Place::ReplyTo,
        Place::Recipient,
        Place::ToDetail,
        Place::Subject,
        Place::ListId,
        Place::Header("x-a".into()),
        Place::Header("sender".into()),
        Place::Account,
        Place::Folder,
    ])
}

/// Any list of patterns at some place.
pub(in crate::sort::rules) fn patterns() -> impl Strategy<Value = Condition> {
    let written = prop_oneof![
        6 => prop::sample::select(&PATTERNS[..]).prop_map(|text| (0_u8, text)),
        2 => prop::sample::select(&REGEXES[..]).prop_map(|text| (1, text)),
        1 => prop::sample::select(&WORDS[..]).prop_map(|text| (2, text)),
    ];
    (place(), prop::collection::vec(written, 1..4)).prop_filter_map("no pattern here", |(place, written)| {
        let comparison = place.comparison();
        let read = |(kind, text): (u8, &str)| match kind {
            0 => Pattern::parse(text, comparison).ok(),
            1 => Pattern::regex(text, comparison).ok(),
            _ => Pattern::is(text, comparison).ok(),
        };
        let patterns: Vec<_> = written.into_iter().filter_map(read).collect();
        (!patterns.is_empty()).then_some(Condition::Matches { place, patterns })
    })
}

/// Any condition, with nesting.
pub(in crate::sort::rules) fn condition() -> impl Strategy<Value = Condition> {
    let leaf = prop_oneof![
        8 => patterns(),
        1 => any::<bool>().prop_map(|set| Condition::Marked(Mark::List, set)),
        1 => any::<bool>().prop_map(|set| Condition::HeaderPresent("x-a".into(), set)),
        1 => Just(Condition::ToMe(vec![ToMe::Direct, ToMe::Cc])),
        1 => Just(Condition::Sender(vec![Acquaintance::Known])),
        1 => (0_u64..2_000).prop_map(Condition::Larger),
    ];
    leaf.prop_recursive(3, 12, 3, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 1..4).prop_map(Condition::All),
            prop::collection::vec(inner.clone(), 1..4).prop_map(Condition::Any),
            inner.prop_map(|part| Condition::Not(Box::new(part))),
        ]
    })
}

fn rule() -> impl Strategy<Value = Rule> {
    (condition(), any::<bool>(), prop::bool::weighted(0.2)).prop_map(|(when, user, goes_on)| Rule {
        name: "".into(),
        file: "t.toml".into(),
        line: 0,
        span: Span::default(),
        when,
        stage: if user { Stage::User } else { Stage::Fallback },
        goal: (!goes_on).then_some(Goal::Bucket(Bucket::Bulk)),
        copies: Vec::new(),
        flags: Vec::new(),
        no_learning: false,
        goes_on,
        after: None,
        allow_broad: false,
    })
}

fn address() -> impl Strategy<Value = String> {
    (prop::sample::select(&LOCALS[..]), prop::sample::select(&DOMAINS[..]))
        .prop_map(|(local, domain)| format!("{local}@{domain}"))
}

fn words() -> impl Strategy<Value = String> {
    prop::collection::vec(prop::sample::select(&WORDS[..]), 0..4).prop_map(|words| words.join(" "))
}

/// Any header.
pub(in crate::sort::rules) fn mail() -> impl Strategy<Value = String> {
    let optional = |name: &'static str, values: BoxedStrategy<String>| {
        prop::option::of(values)
            .prop_map(move |value| value.map_or(String::new(), |value| format!("{name}: {value}\r\n")))
    };
    (
        optional("From", address().boxed()),
        optional(
            "To",
            prop::collection::vec(address(), 1..3)
                .prop_map(|list| list.join(", "))
                .boxed(),
        ),
        optional("Cc", address().boxed()),
        optional("Reply-To", address().boxed()),
        optional("Subject", words().boxed()),
        optional("X-A", words().boxed()),
        optional("X-A", words().boxed()),
        optional(
            "Sender",
            address().prop_map(|address| format!("Sale <{address}>")).boxed(),
        ),
        optional(
            "List-Id",
            prop::sample::select(&LISTS[..])
                .prop_map(|id| format!("<{id}>"))
                .boxed(),
        ),
    )
        .prop_map(|(a, b, c, d, e, f, g, h, i)| [a, b, c, d, e, f, g, h, i].concat())
}

fn agree(rules: Vec<Rule>, mails: &[(String, bool)]) -> TestCaseResult {
    let rules: Vec<Rule> = rules
        .into_iter()
        .enumerate()
        .map(|(index, rule)| Rule {
            name: index.to_string().into(),
            line: index as u32,
            ..rule
        })
        .collect();
    let everybody = 0..rules.len();
    let set = {
        let matcher = Matcher::new(&rules);
        RuleSet::of(rules, matcher)
    };
    for (raw, flag) in mails {
        with_facts(raw, *flag, |facts| {
            for stage in [Stage::User, Stage::Fallback] {
                let compiled = set.ask(stage, facts);
                let naive = set.ask_among(stage, &View::new(facts), everybody.clone());
                prop_assert_eq!(compiled.verdict, naive.verdict, "{}", raw);
                prop_assert_eq!(compiled.orders, naive.orders);
            }
            Ok(())
        })?;
    }
    Ok(())
}

/// Asks about a header; `flag` is everything that is no header.
pub(in crate::sort::rules) fn with_facts<T>(raw: &str, flag: bool, ask: impl FnOnce(&Facts<'_>) -> T) -> T {
    let owner = Owner::new(vec![Address::parse("ab@b.example").unwrap()]);
    let folder = Mailbox::inbox();
    let message = Message::parse(raw.as_bytes());
    let evidence = Evidence {
        list: flag,
        ..Evidence::default()
    };
    let tally = Tally {
        sent_count: 1,
        ..Tally::default()
    };
    ask(&Facts {
        message: &message,
        now: Timestamp(0),
        arrived: Timestamp(0),
        utc_offset: 0,
        size: if flag { 100 } else { 1_500 },
        flags: &[],
        account: "a",
        folder: &folder,
        owner: &owner,
        authentication: Authentication::None,
        evidence: &evidence,
        tally: flag.then_some(&tally),
        reply_to_me: false,
        duplicate: false,
        attachments: None,
    })
}

proptest! {
    // 10,000 rule sets with 10 mails each: 100,000 pairs, and the same in each stage.
    #![proptest_config(ProptestConfig { cases: 10_000, ..ProptestConfig::default() })]
    #[test]
    fn compiled_rules_answer_as_asking_every_rule_would(
        rules in prop::collection::vec(rule(), 1..8),
        mails in prop::collection::vec((mail(), any::<bool>()), 10),
    ) {
        agree(rules, &mails)?;
    }
}
