//! The one way foreign text reaches a terminal, a log or a page (CWE-150).

/// Longest text, in characters, that [`sanitise`] lets through.
pub const LONGEST: usize = 200;

/// Makes a string from a stranger safe to print on one line: control characters (C0, C1, ESC, newlines), bidirectional
/// overrides, zero-width and other invisible characters become `\u{FFFD}`, runs of them become one, and the text is cut
/// after 200 characters with an ellipsis.
pub fn sanitise(text: &str) -> String {
    let mut safe = String::with_capacity(text.len().min(LONGEST * 4));
    let mut replaced = false;
    let mut length = 0;
    for c in text.chars() {
        if length == LONGEST {
            safe.push('…');
            break;
        }
        if is_treacherous(c) {
            if !replaced {
                safe.push('\u{FFFD}');
                length += 1;
            }
            replaced = true;
        } else {
            safe.push(c);
            length += 1;
            replaced = false;
        }
    }
    safe
}

/// True for a character that moves the cursor, turns the direction of writing round, or cannot be seen.
pub fn is_treacherous(c: char) -> bool {
    c.is_control()
        || matches!(c,
            '\u{00AD}' | '\u{034F}' | '\u{061C}' | '\u{115F}' | '\u{1160}' | '\u{17B4}' | '\u{17B5}' | '\u{180B}'..='\u{180F}'
            | '\u{200B}'..='\u{200F}' | '\u{2028}'..='\u{202E}' | '\u{2060}'..='\u{206F}' | '\u{3164}' | '\u{FE00}'..='\u{FE0F}'
            | '\u{FEFF}' | '\u{FFA0}' | '\u{FFF0}'..='\u{FFFB}' | '\u{FFFE}' | '\u{FFFF}' | '\u{E000}'..='\u{F8FF}'
            | '\u{E0000}'..='\u{E0FFF}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_text_is_left_alone() {
        assert_eq!(sanitise("Grüße, 東京 & co"), "Grüße, 東京 & co");
    }

    #[test]
    fn escapes_newlines_and_bidi_become_one_mark() {
        assert_eq!(sanitise("a\u{1b}[2Jb\r\nc\u{202e}d"), "a\u{FFFD}[2Jb\u{FFFD}c\u{FFFD}d");
    }

    #[test]
    fn long_text_is_cut() {
        let cut = sanitise(&"x".repeat(500));
        assert_eq!(cut.chars().count(), LONGEST + 1);
        assert!(cut.ends_with('…'));
    }
}
