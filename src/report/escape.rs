//! Foreign text on its way into HTML. The one place; whatever a sender calls himself, it stays text.

use crate::sort::sanitise;

/// Text made safe for an element's content and for a quoted attribute's value: first [`sanitise`]d, then the five
/// characters with a meaning in HTML replaced, and the backtick, which old browsers took for a quote.
pub fn escape(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for c in sanitise(text).chars() {
        match c {
            '&' => safe.push_str("&amp;"),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '"' => safe.push_str("&quot;"),
            '\'' => safe.push_str("&#39;"),
            '`' => safe.push_str("&#96;"),
            c => safe.push(c),
        }
    }
    safe
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// Names that would like to be more than text, one a line; `\n`, `\0`, `\e` and `\u{..}` stand for what they say.
    const HOSTILE: &str = include_str!("../../fixtures/report/hostile-names.txt");

    pub(crate) fn hostile_names() -> Vec<String> {
        let unfold = |line: &str| {
            line.replace("\\n", "\n")
                .replace("\\0", "\0")
                .replace("\\e", "\u{1b}")
                .replace("\\u{202e}", "\u{202e}")
                .replace("\\u{200b}", "\u{200b}")
        };
        HOSTILE.lines().map(unfold).collect()
    }

    #[test]
    fn no_hostile_name_leaves_its_place() {
        let names = hostile_names();
        assert!(names.len() >= 200, "{}", names.len());
        for name in names {
            let safe = escape(&name);
            assert!(
                !safe.contains(['<', '>', '"', '\'', '`', '\n', '\0', '\u{1b}']),
                "{safe}"
            );
            let entities = ["amp;", "lt;", "gt;", "quot;", "#39;", "#96;"];
            let stray = safe
                .split('&')
                .skip(1)
                .find(|rest| !entities.iter().any(|entity| rest.starts_with(entity)));
            assert_eq!(stray, None, "{safe}");
        }
    }

    #[test]
    fn plain_names_are_left_alone() {
        assert_eq!(escape("Grüße, 東京"), "Grüße, 東京");
        assert_eq!(escape("A & B <c@d.example>"), "A &amp; B &lt;c@d.example&gt;");
    }
}
