use proptest::prelude::*;

use crate::sort::rules::{Context, Includes, RuleSet, SourceFile, named_files};

const WELL_FORMED: &str = r#"
[[rule]]
name = "größe"
when = { from = ["@shop.example", { re = '(?i)a|b' }], header."X-A" = true, not = { any = [{ list = true }, { hours = "22-07" }] } }
move = "Receipts/{year}"
flags = ["+$X"]
after = "7d"

[[test]]
mail = { from = "a@shop.example", arrived = 2026-01-15T23:00:00Z, header = { "X-A" = ["1", "ü"] } }
expect = { rule = "größe", move = "Receipts/2026" }
"#;

/// The well-formed text with pieces cut out and others put in.
fn damaged() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        "[\\[\\]{}=\"'.,#\\n\\\\a-zé0-9 ]{0,6}",
        prop::sample::select(vec![
            "[[rule]]\n",
            "[test]",
            "when = ",
            "\"\"",
            "{ }",
            "{ re = '(' }",
            "not = {",
            "-1",
            "1e9",
            "\u{0}",
            "'''"
        ])
        .prop_map(str::to_owned),
    ];
    let cut = (any::<prop::sample::Index>(), 0_usize..12, piece);
    prop::collection::vec(cut, 1..5).prop_map(|cuts| {
        let mut text: Vec<char> = WELL_FORMED.chars().collect();
        for (at, length, piece) in cuts {
            let start = at.index(text.len() + 1);
            let end = (start + length).min(text.len());
            text.splice(start..end, piece.chars());
        }
        text.into_iter().collect()
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 3_000, ..ProptestConfig::default() })]
    #[test]
    fn whatever_the_text_there_are_rules_or_findings_with_places(text in damaged()) {
        let file = SourceFile { name: "a.toml".to_owned(), text };
        named_files(&file);
        let reading = RuleSet::parse(std::slice::from_ref(&file), &Includes::new(), &Context::default());
        prop_assert!(reading.set.is_some() || !reading.findings.is_empty());
        for finding in reading.findings {
            prop_assert!(file.text.get(finding.span.start..finding.span.end).is_some(), "{finding:?}");
            prop_assert!(!finding.message.is_empty());
        }
    }
}
