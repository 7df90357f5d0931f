//! Regular expressions, checked when they are read and compiled when they are first needed.
//!
//! One compiled expression takes some 40 KiB, and of hundreds in a rule set few are ever tried: the matcher sees to that.

use std::fmt;
use std::sync::OnceLock;

use regex::{Regex, RegexBuilder};

/// Largest compiled size of one expression, bytes. The engine is linear in time; this bounds its memory.
const LARGEST: usize = 1 << 20;

/// Deepest nesting of groups.
const DEEPEST: u32 = 50;

/// A regular expression that is known to compile.
#[derive(Clone)]
pub struct Expression {
    written: Box<str>,
    ignore_case: bool,
    /// Boxed, because nearly every pattern of a set is none and each takes the room of the largest.
    compiled: OnceLock<Option<Box<Regex>>>,
}

/// As it was written: whether it has been compiled yet is no part of what it is.
impl fmt::Debug for Expression {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ignore_case = if self.ignore_case { "i" } else { "" };
        write!(f, "/{}/{ignore_case}", self.written)
    }
}

impl Expression {
    /// Reads an expression; the error says what is wrong with it, or that it grows too large.
    pub fn new(written: &str, ignore_case: bool) -> Result<Self, regex::Error> {
        build(written, ignore_case)?;
        Ok(Self {
            written: written.into(),
            ignore_case,
            compiled: OnceLock::new(),
        })
    }

    /// The expression as it was written.
    pub fn as_str(&self) -> &str {
        &self.written
    }

    /// True when it is compiled to ignore case whatever it says itself.
    pub fn ignores_case(&self) -> bool {
        self.ignore_case
    }

    /// True when it is found in the text.
    pub fn is_match(&self, text: &str) -> bool {
        let compiled = self
            .compiled
            .get_or_init(|| build(&self.written, self.ignore_case).ok().map(Box::new));
        compiled.as_ref().is_some_and(|regex| regex.is_match(text))
    }
}

fn build(written: &str, ignore_case: bool) -> Result<Regex, regex::Error> {
    RegexBuilder::new(written)
        .size_limit(LARGEST)
        .dfa_size_limit(LARGEST)
        .nest_limit(DEEPEST)
        .case_insensitive(ignore_case)
        .build()
}
