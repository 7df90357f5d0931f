//! The compiled matcher answers as asking every rule would, on random rules and random mail from small vocabularies, so
//! that hits, near misses and ties are common.

use std::collections::BTreeMap;
use std::sync::LazyLock;

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
use crate::sort::rules::pattern::Comparison;
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

/// Every pattern that can be drawn, read once: compiling expressions anew for each case took most of the time.
static READ: LazyLock<BTreeMap<(u8, &str, Comparison), Pattern>> = LazyLock::new(|| {
    use Comparison::{Address, ListId, Name, Text, TextWithAddresses};
    let mut read = BTreeMap::new();
    for comparison in [Address, ListId, Text, TextWithAddresses, Name] {
        let parsed = PATTERNS.map(|text| (0, text, Pattern::parse(text, comparison)));
        let regexes = REGEXES.map(|text| (1, text, Pattern::regex(text, comparison)));
        let exact = WORDS.map(|text| (2, text, Pattern::is(text, comparison)));
        for (kind, text, pattern) in parsed.into_iter().chain(regexes).chain(exact) {
            read.extend(pattern.ok().map(|pattern| ((kind, text, comparison), pattern)));
        }
    }
    read
});

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
        let read = |(kind, text)| READ.get(&(kind, text, comparison)).cloned();
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

/// Draws from lists, by a number that each draw uses up a little.
struct Draw(u64);

impl Draw {
    fn below(&mut self, count: usize) -> usize {
        // The generator of Knuth's MMIX; its upper bits are the good ones.
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as usize % count
    }

    fn of<'t>(&mut self, list: &[&'t str]) -> &'t str {
        list[self.below(list.len())]
    }

    fn address(&mut self) -> String {
        format!("{}@{}", self.of(&LOCALS), self.of(&DOMAINS))
    }

    fn words(&mut self) -> String {
        let count = self.below(4);
        (0..count).map(|_| self.of(&WORDS)).collect::<Vec<_>>().join(" ")
    }

    /// A field, or none.
    fn field(&mut self, name: &str, value: impl FnOnce(&mut Self) -> String) -> String {
        if self.below(2) == 0 {
            return String::new();
        }
        format!("{name}: {}\r\n", value(self))
    }
}

/// The header that belongs to a number. From one number, since drawing each word by itself took most of the time.
fn header(number: u64) -> String {
    let mut draw = Draw(number);
    [
        draw.field("From", Draw::address),
        draw.field("To", |draw| {
            let count = 1 + draw.below(2);
            (0..count).map(|_| draw.address()).collect::<Vec<_>>().join(", ")
        }),
        draw.field("Cc", Draw::address),
        draw.field("Reply-To", Draw::address),
        draw.field("Subject", Draw::words),
        draw.field("X-A", Draw::words),
        draw.field("X-A", Draw::words),
        draw.field("Sender", |draw| format!("Sale <{}>", draw.address())),
        draw.field("List-Id", |draw| format!("<{}>", draw.of(&LISTS))),
    ]
    .concat()
}

/// Any header.
pub(in crate::sort::rules) fn mail() -> impl Strategy<Value = String> {
    any::<u64>().prop_map(header)
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
