//! The user's rules: a language for saying what the sorter cannot learn, checked before it is obeyed.
//!
//! ```text
//! texts -> parse -> rule + condition + pattern -> lint -> RuleSet with its matcher -> selftest -> in force
//! ```
//! Everything here is pure. `config::rules` reads the files and renders what is found; the evaluator that sorts mail is
//! the one that runs the tests.

pub mod condition;
pub mod expression;
pub mod finding;
pub mod glob;
mod implication;
pub mod lint;
mod literal;
mod matcher;
pub mod measure;
mod parse;
pub mod pattern;
mod patterns;
pub mod place;
pub mod rule;
pub mod ruleset;
pub mod selftest;
mod sign;
pub mod source;
mod table;
pub mod template;
mod testmail;
mod when;

pub use finding::{Finding, Severity};
pub use parse::named_files;
pub use ruleset::{Answer, Context, Reading, RuleAnswer, RuleSet};
pub use selftest::Outcome;
pub use source::{Includes, SourceFile, Span};

/// Which rules are asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stage {
    /// The rules that come first.
    User,
    /// The rules marked `fallback = true`.
    Fallback,
}
