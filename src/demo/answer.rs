//! What the server says back: untagged lines, then one tagged line (RFC 9051 section 7).

/// The three tagged answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Condition {
    Ok,
    No,
    Bad,
}

impl Condition {
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Condition::Ok => "OK",
            Condition::No => "NO",
            Condition::Bad => "BAD",
        }
    }
}

/// The whole answer to one command.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Answer {
    /// Untagged lines with their line ends.
    pub(super) untagged: Vec<u8>,
    pub(super) condition: Condition,
    /// The text behind the condition, with its code in brackets if it has one.
    pub(super) text: String,
    /// Whether other sessions' expunges may be told along with it (RFC 9051 section 7.5.1).
    pub(super) may_expunge: bool,
    /// Whether the connection ends after it.
    pub(super) close: bool,
}

impl Answer {
    fn new(condition: Condition, text: impl Into<String>) -> Self {
        Self {
            untagged: Vec::new(),
            condition,
            text: text.into(),
            may_expunge: true,
            close: false,
        }
    }

    pub(super) fn ok(text: impl Into<String>) -> Self {
        Self::new(Condition::Ok, text)
    }

    pub(super) fn no(text: impl Into<String>) -> Self {
        Self::new(Condition::No, text)
    }

    pub(super) fn bad(text: impl Into<String>) -> Self {
        Self::new(Condition::Bad, text)
    }

    /// Adds one untagged line; `* ` and the line end are put round it.
    #[must_use]
    pub(super) fn with(mut self, line: impl AsRef<str>) -> Self {
        untagged(&mut self.untagged, line.as_ref());
        self
    }

    /// Adds untagged lines that are already complete.
    #[must_use]
    pub(super) fn with_lines(mut self, lines: &[u8]) -> Self {
        self.untagged.extend_from_slice(lines);
        self
    }

    #[must_use]
    pub(super) fn without_expunges(mut self) -> Self {
        self.may_expunge = false;
        self
    }
}

/// Writes one untagged line.
pub(super) fn untagged(out: &mut Vec<u8>, line: &str) {
    out.extend_from_slice(b"* ");
    out.extend_from_slice(line.as_bytes());
    out.extend_from_slice(b"\r\n");
}

/// Text as a quoted string, or as a literal when it cannot be quoted.
pub(super) fn string(text: &str) -> String {
    if text.len() > 1_000
        || text
            .bytes()
            .any(|octet| matches!(octet, 0 | b'\r' | b'\n') || octet > 126)
    {
        return format!("{{{}}}\r\n{text}", text.len());
    }
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
}

/// [`string`], or `NIL` for nothing.
pub(super) fn nstring(text: Option<&str>) -> String {
    text.map_or_else(|| "NIL".to_owned(), string)
}
