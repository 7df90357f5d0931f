use super::*;

fn hit(pattern: &str, comparison: Comparison, text: &str) -> bool {
    let folded = fold(text);
    let address = matches!(comparison, Comparison::Address | Comparison::ListId);
    Pattern::parse(pattern, comparison).unwrap().matches(Value {
        text,
        folded: &folded,
        address,
    })
}

#[test]
fn addresses_and_domains_match_on_label_borders_only() {
    use Comparison::Address;
    assert!(hit("Anna@Shop.example", Address, "anna@shop.example"));
    assert!(!hit("anna@shop.example", Address, "hanna@shop.example"));
    assert!(hit("@shop.example", Address, "a@shop.example"));
    assert!(!hit("@shop.example", Address, "a@mail.shop.example"));
    assert!(!hit("@shop.example", Address, "a@shop.example.evil.example"));
    assert!(hit("@.shop.example", Address, "a@shop.example"));
    assert!(hit("@.shop.example", Address, "a@x.y.shop.example"));
    assert!(!hit("@.shop.example", Address, "a@myshop.example"));
    assert!(hit("@bücher.example", Address, "a@xn--bcher-kva.example"));
    assert!(hit("*@bücher.example", Address, "a@xn--bcher-kva.example"));
    assert!(hit("bücher", Address, "a@xn--bcher-kva.example"));
}

#[test]
fn globs_cover_the_whole_value() {
    use Comparison::{Address, Text};
    assert!(hit("billing@*", Address, "billing@shop.example"));
    assert!(!hit("billing@*", Address, "xbilling@shop.example"));
    assert!(hit("*a*b*c", Text, "xxaxxbxxbxc"));
    assert!(!hit("*a*b*c", Text, "xxaxxbxxbxcd"));
    assert!(hit("invoice ?", Text, "Invoice 7"));
    assert!(!hit("invoice ?", Text, "Invoice 77"));
    assert!(hit("really\\?", Text, "Oh Really? Yes"));
    assert!(hit("a\\*b*", Text, "a*bc"));
    assert!(!hit("a\\*b*", Text, "aab"));
}

#[test]
fn text_is_a_part_case_aside() {
    use Comparison::Text;
    assert!(hit("ΟΔΟΣ", Text, "η οδός οδος"));
    assert!(hit("grüsse", Text, "Viele GRÜSSE"));
    assert!(
        hit("a@b", Text, "write to xa@bc"),
        "in free text an @ is only a character"
    );
}

#[test]
fn what_would_match_everything_or_nothing_is_refused() {
    for (text, check) in [
        ("", "empty-pattern"),
        (" \t", "empty-pattern"),
        ("Anna <a@b.example>", "bad-address"),
        ("@", "bad-domain"),
        ("@.", "bad-domain"),
        ("a b@c.example", "bad-address"),
    ] {
        assert_eq!(
            Pattern::parse(text, Comparison::Address).unwrap_err().check,
            check,
            "{text:?}"
        );
    }
    assert_eq!(Pattern::regex("(", Comparison::Text).unwrap_err().check, "bad-regex");
    assert_eq!(
        Pattern::regex(r"\w{1,200}@\w{1,200}", Comparison::Text)
            .unwrap_err()
            .check,
        "regex-too-big"
    );
    assert!(
        Pattern::regex("(?=x)", Comparison::Text)
            .unwrap_err()
            .hint
            .unwrap()
            .contains("not = ")
    );
}
