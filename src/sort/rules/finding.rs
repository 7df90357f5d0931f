//! What is wrong with a rule or configuration file, and where. How it is printed is `config::diagnostic`'s business.

use super::source::Span;

/// How bad a finding is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// The file set is refused.
    Error,
    /// The file set works, but probably not as meant.
    Warning,
}

/// Something wrong with a file, with the place it is wrong at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// How bad.
    pub severity: Severity,
    /// Stable slug of the check, for `--json` (`unknown-key`, `empty-pattern`, ...).
    pub check: &'static str,
    /// File, relative to the rules directory.
    pub file: String,
    /// Where in the file.
    pub span: Span,
    /// What is wrong, one sentence.
    pub message: String,
    /// What to do about it.
    pub hint: Option<String>,
}

impl Finding {
    /// Something that refuses the file set.
    pub fn error(check: &'static str, file: &str, span: impl Into<Span>, message: impl Into<String>) -> Self {
        Self {
            severity: Severity::Error,
            check,
            file: file.to_owned(),
            span: span.into(),
            message: message.into(),
            hint: None,
        }
    }

    /// Something that works, but probably not as meant.
    pub fn warning(check: &'static str, file: &str, span: impl Into<Span>, message: impl Into<String>) -> Self {
        Self {
            severity: Severity::Warning,
            ..Self::error(check, file, span, message)
        }
    }

    /// The finding with advice.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }
}

/// The known word that `word` was probably meant to be.
pub fn nearest<'k>(word: &str, known: impl IntoIterator<Item = &'k str>) -> Option<&'k str> {
    let word = word.to_ascii_lowercase().replace('-', "_");
    known
        .into_iter()
        .map(|candidate| {
            (
                strsim::damerau_levenshtein(&word, &candidate.to_ascii_lowercase()),
                candidate,
            )
        })
        .filter(|(distance, candidate)| *distance <= 1.max(candidate.len().min(word.len()) / 3))
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slip_finds_its_word_and_nonsense_finds_none() {
        assert_eq!(nearest("form", ["from", "to", "subject"]), Some("from"));
        assert_eq!(nearest("reply-to", ["reply_to", "to"]), Some("reply_to"));
        assert_eq!(nearest("subjcet", ["from", "subject"]), Some("subject"));
        assert_eq!(nearest("zebra", ["from", "to", "subject"]), None);
    }
}
