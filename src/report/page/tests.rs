//! The page as a browser takes it: its shape never follows from a sender's name.

use regex::Regex;

use super::*;
use crate::report::escape::tests::hostile_names;
use crate::report::stats::RuleUse;
use crate::sort::bucket::Bucket;

/// A page about the given senders, who are also rules and files.
fn page(names: &[String]) -> String {
    let mut stats = Stats::default();
    let day = jiff::civil::date(2026, 11, 18);
    for (number, name) in names.iter().enumerate() {
        stats.verdicts.count(Bucket::Bulk);
        stats.days.entry(day).or_default().count(Bucket::Bulk);
        stats.senders.insert(name.clone(), 1_000 - number as u64);
        let used = RuleUse {
            messages: number as u64,
            last: Some(Timestamp(1_795_000_000)),
        };
        stats.rules.insert((name.as_str().into(), name.as_str().into()), used);
    }
    let buried = names.iter().map(|name| (name.clone(), Bucket::Bulk, name.clone()));
    let accuracy = Accuracy {
        sentences: names.to_vec(),
        rows: vec![("you answered", stats.verdicts.clone())],
        buried: buried.collect(),
    };
    let report = Report {
        stats: &stats,
        accounts: &["home".to_owned()],
        since: Timestamp(1_794_000_000),
        now: Timestamp(1_795_000_000),
        zone: &TimeZone::UTC,
        rules: &[],
        accuracy: Some(&accuracy),
    };
    report.page()
}

/// The page without its text: tags with their attributes, in order.
fn skeleton(page: &str) -> Vec<String> {
    let tag = Regex::new(r"<[^>]*>").unwrap();
    tag.find_iter(page).map(|found| found.as_str().to_owned()).collect()
}

#[test]
fn no_name_changes_the_pages_shape() {
    for names in hostile_names().chunks(SENDERS) {
        let plain: Vec<String> = (0..names.len()).map(|number| format!("n{number}@x.example")).collect();
        let (hostile, harmless) = (page(names), page(&plain));
        assert_eq!(skeleton(&hostile), skeleton(&harmless), "{names:?}");
    }
}

#[test]
fn the_page_needs_nothing_but_itself() {
    let page = page(&["anna@example.org".to_owned()]);
    assert!(page.contains("content=\"default-src 'none'; style-src 'unsafe-inline'\""));
    for forbidden in [
        "<script", "<link", "<img", "<iframe", "http://", "https://", "url(", "@import", "src=", "href=",
    ] {
        assert!(!page.contains(forbidden), "{forbidden}");
    }
    let handler = Regex::new(r"<[^>]*\son\w+=").unwrap();
    assert!(!handler.is_match(&page));
    assert!(page.contains("prefers-color-scheme: dark"));
}

#[test]
fn rules_that_never_matched_are_listed_and_long_times_are_shown_by_week() {
    let mut stats = Stats::default();
    let first = jiff::civil::date(2026, 8, 1);
    for day in first.series(jiff::ToSpan::days(1)).take(100) {
        let mut counts = ByBucket::default();
        counts.count(Bucket::News);
        stats.days.insert(day, counts);
        stats.verdicts.count(Bucket::News);
    }
    let known = KnownRule {
        file: "10.toml".to_owned(),
        name: "forgotten".to_owned(),
    };
    let report = Report {
        stats: &stats,
        accounts: &[],
        since: Timestamp(0),
        now: Timestamp(1_795_000_000),
        zone: &TimeZone::UTC,
        rules: std::slice::from_ref(&known),
        accuracy: None,
    };
    let page = report.page();
    assert!(page.contains("<tr class=\"asleep\"><td class=\"name\">forgotten"));
    assert!(page.contains("Arrivals per week"));
    assert_eq!(page.matches("news 7,").count(), 14);
    assert_eq!(page.matches("news 2,").count(), 1);
}
