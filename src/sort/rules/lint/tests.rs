use super::*;
use crate::sort::rules::condition::Condition;
use crate::sort::rules::pattern::Value;
use crate::sort::rules::{Context, Reading, SourceFile};

fn read(text: &str) -> Reading {
    let files = [SourceFile {
        name: "a.toml".to_owned(),
        text: text.to_owned(),
    }];
    RuleSet::parse(&files, &BTreeMap::new(), &Context::default())
}

fn rule(name: &str, rest: &str) -> String {
    format!("[[rule]]\nname = \"{name}\"\n{rest}\n")
}

/// Slugs of what is found in rules given as `name`, `rest`.
fn checks(rules: &[(&str, &str)]) -> Vec<&'static str> {
    let text: String = rules.iter().map(|(name, rest)| rule(name, rest)).collect();
    read(&text).findings.iter().map(|finding| finding.check).collect()
}

const WIDE: &str = "when = { from = \"@shop.example\" }\nbucket = \"bulk\"";
const NARROW: &str = "when = { from = \"a@shop.example\" }\nbucket = \"top\"";
const NARROW_SAME: &str = "when = { from = \"a@shop.example\" }\nbucket = \"bulk\"";

#[test]
fn order_decides_what_is_reached() {
    assert_eq!(checks(&[("wide", WIDE), ("narrow", NARROW)]), ["unreachable"]);
    assert_eq!(checks(&[("narrow", NARROW), ("wide", WIDE)]), [""; 0]);
    assert_eq!(checks(&[("narrow", NARROW_SAME), ("wide", WIDE)]), ["contained"]);
    let other = "when = { subject = \"x\" }\nbucket = \"top\"";
    assert_eq!(
        checks(&[("narrow", NARROW_SAME), ("other", other), ("wide", WIDE)]),
        [""; 0]
    );
    let fallback = format!("{NARROW}\nfallback = true");
    assert_eq!(
        checks(&[("wide", WIDE), ("narrow", &fallback)]),
        [""; 0],
        "the stages are asked apart"
    );
}

#[test]
fn going_on_with_a_place_in_hand_is_an_error_when_a_later_rule_could_choose_another() {
    let goes_on = format!("{WIDE}\ncontinue = true");
    assert_eq!(
        checks(&[("a", &goes_on), ("b", "when = { subject = \"x\" }\nmove = \"X\"")]),
        ["two-destinations"]
    );
    assert_eq!(
        checks(&[
            ("a", &goes_on),
            ("b", "when = { from = \"@other.example\" }\nmove = \"X\"")
        ]),
        [""; 0]
    );
    assert_eq!(
        checks(&[
            ("a", &goes_on),
            ("b", "when = { subject = \"x\" }\nflags = [\"+$X\"]\ncontinue = true")
        ]),
        [""; 0]
    );
}

#[test]
fn what_can_never_match_is_told() {
    assert_eq!(
        checks(&[("a", "when = { list = true, not = { list = true } }\nkeep = true")]),
        ["contradiction"]
    );
    assert_eq!(
        checks(&[("a", "when = { larger = \"5M\", smaller = \"1M\" }\nkeep = true")]),
        ["contradiction"]
    );
    assert_eq!(
        checks(&[("a", "when = { from = \"a@x.example\" }\nflags = [\"+$X\"]")]),
        ["no-place"]
    );
}

#[test]
fn broad_idle_and_homeless_rules_are_found() {
    let set = read(&(rule("a", WIDE) + &rule("b", "when = { from = \"@b.example\" }\nmove = \"B\"")))
        .set
        .unwrap();
    assert_eq!(
        broad(&set, &[101, 100], 500)
            .iter()
            .map(|(name, _)| name.as_str())
            .collect::<Vec<_>>(),
        ["a"]
    );
    assert!(broad(&set, &[10, 10], 10).is_empty(), "ten messages say nothing");
    let whole = "when = { from = [\"a@b.example\", \"c@d.example\"] }\nmove = \"B\"";
    let mixed = "when = { from = [\"a@b.example\", \"@d.example\"] }\nmove = \"B\"";
    let to_me = "when = { to = \"a@b.example\" }\nmove = \"B\"";
    for (text, held) in [(whole, 0), (mixed, 1), (to_me, 1)] {
        assert_eq!(
            broad(&read(&rule("x", text)).set.unwrap(), &[400], 500).len(),
            held,
            "{text}"
        );
    }
    let day = |n: i64| Timestamp(n * 86_400);
    let seen = BTreeMap::from([("a".into(), day(390))]);
    assert_eq!(idle(&set, &seen, day(0), day(400)).len(), 1);
    assert!(
        idle(&set, &seen, day(300), day(400)).is_empty(),
        "the ledger is too young to tell"
    );
    assert_eq!(missing_folders(&set, |folder| folder.as_str() != "B").len(), 1);
    assert!(missing_folders(&set, |_| true).is_empty());
}

#[test]
fn a_rule_is_the_same_rule_before_and_after_it_has_been_asked() {
    let read = |text: &str| self::read(text).set.unwrap();
    let text = "[[rule]]\nname = \"a\"\nwhen = { subject = { re = 'x+' } }\nbucket = \"bulk\"\n";
    let (fresh, asked) = (read(text), read(text));
    let print = |set: &RuleSet| fingerprint(&set.rules()[0]);
    let mut met = false;
    asked.rules()[0].when.walk(&mut |part| {
        if let Condition::Matches { patterns, .. } = part {
            met = patterns[0].matches(Value {
                text: "xx",
                folded: "xx",
                address: false,
            });
        }
    });
    assert!(met);
    assert_eq!(print(&fresh), print(&asked));
    for other in ["'x*'", "'(?i)x+'"] {
        assert_ne!(print(&fresh), print(&read(&text.replace("'x+'", other))), "{other}");
    }
    assert_ne!(print(&fresh), print(&read(&text.replace("bulk", "news"))));
}
