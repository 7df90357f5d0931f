//! Rule files as texts, the files they name, and positions in them. Nothing here reads a disk: `config::rules` does.

use std::collections::BTreeMap;

/// A text position in a rule or configuration file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct Span {
    /// Byte offset of the first character.
    pub start: usize,
    /// Byte offset behind the last character.
    pub end: usize,
}

impl From<std::ops::Range<usize>> for Span {
    fn from(range: std::ops::Range<usize>) -> Self {
        Self {
            start: range.start,
            end: range.end,
        }
    }
}

/// One rule file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SourceFile {
    /// Its name, relative to the rules directory.
    pub name: String,
    /// Its text.
    pub text: String,
}

/// What `{ file = ".." }` and `file = "x.eml"` name, by the spelling used in the rule file: the bytes, or the reason why
/// they could not be read.
pub type Includes = BTreeMap<String, Result<Vec<u8>, String>>;

/// Where the lines of a text begin, for asking often.
#[derive(Debug)]
pub struct Lines(Vec<usize>);

impl Lines {
    /// The lines of a text.
    pub fn new(text: &str) -> Self {
        Self(
            text.bytes()
                .enumerate()
                .filter(|(_, b)| *b == b'\n')
                .map(|(at, _)| at)
                .collect(),
        )
    }

    /// The line of a byte offset, from 1.
    pub fn line(&self, offset: usize) -> u32 {
        self.0.partition_point(|&end| end < offset) as u32 + 1
    }
}

/// Line and column (in characters) of a byte offset, both from 1.
pub fn position(text: &str, offset: usize) -> (u32, u32) {
    let before = text.as_bytes().get(..offset).unwrap_or(text.as_bytes());
    let line = before.split(|&b| b == b'\n').count();
    let start = before.iter().rposition(|&b| b == b'\n').map_or(0, |at| at + 1);
    // Continuation bytes of UTF-8 do not begin a character.
    let column = before
        .get(start..)
        .unwrap_or_default()
        .iter()
        .filter(|&&b| b & 0xC0 != 0x80)
        .count()
        + 1;
    (line as u32, column as u32)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn positions_count_characters_and_lines_from_one() {
        let text = "a\nbü=c\n";
        assert_eq!(position(text, 0), (1, 1));
        assert_eq!(position(text, 5), (2, 3));
        assert_eq!(position(text, 900), (3, 1));
        let lines = Lines::new(text);
        for offset in 0..=text.len() {
            assert_eq!(lines.line(offset), position(text, offset).0, "{offset}");
        }
    }
}
