//! Wildcard patterns: `*` is any text, `?` one character, and the pattern covers the whole value.

use std::fmt;

use super::pattern::fold;

/// A wildcard pattern over a whole value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Glob {
    written: Box<str>,
    tokens: Box<[Token]>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Token {
    /// `*`: any text.
    Any,
    /// `?`: one character.
    One,
    /// This character, folded.
    Exactly(char),
}

impl fmt::Display for Glob {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.written)
    }
}

impl Glob {
    /// Reads a pattern; `address` says that it stands for addresses, whose domains are kept in ASCII.
    pub fn parse(written: &str, address: bool) -> Self {
        let spelled = if address {
            with_ascii_domain(written.trim())
        } else {
            written.to_owned()
        };
        let mut tokens = Vec::new();
        let mut chars = spelled.chars().peekable();
        while let Some(c) = chars.next() {
            match (c, chars.peek()) {
                ('*', _) if tokens.last() == Some(&Token::Any) => {}
                ('*', _) => tokens.push(Token::Any),
                ('?', _) => tokens.push(Token::One),
                ('\\', Some(&next)) if matches!(next, '*' | '?' | '\\') => {
                    tokens.push(Token::Exactly(next));
                    chars.next();
                }
                (c, _) => tokens.extend(fold(c.encode_utf8(&mut [0; 4])).chars().map(Token::Exactly)),
            }
        }
        Self {
            written: written.into(),
            tokens: tokens.into(),
        }
    }

    /// True when every value matches.
    pub fn is_everything(&self) -> bool {
        *self.tokens == [Token::Any]
    }

    /// The longest run of plain characters, which every match must contain; empty when there is none.
    pub fn literal(&self) -> String {
        let mut longest = String::new();
        let mut run = String::new();
        for token in &self.tokens {
            match token {
                Token::Exactly(c) => run.push(*c),
                Token::Any | Token::One => run.clear(),
            }
            if run.len() > longest.len() {
                longest.clone_from(&run);
            }
        }
        longest
    }

    /// True when the whole of `text`, folded, matches. Time is at most tokens times characters.
    pub fn matches(&self, text: &str) -> bool {
        let (mut tokens, mut rest) = (&*self.tokens, text.chars());
        // Where to go on when a guess about the last `*` was too short: the tokens behind it, the text it may still eat.
        let mut retry: Option<(&[Token], std::str::Chars<'_>)> = None;
        loop {
            let ahead = rest.clone();
            match (tokens.split_first(), rest.next()) {
                (Some((Token::Any, behind)), _) => {
                    if behind.is_empty() {
                        return true;
                    }
                    rest = ahead;
                    tokens = behind;
                    retry = Some((behind, rest.clone()));
                    continue;
                }
                (Some((Token::One, behind)), Some(_)) => {
                    tokens = behind;
                    continue;
                }
                (Some((Token::Exactly(want), behind)), Some(have)) if *want == have => {
                    tokens = behind;
                    continue;
                }
                (None, None) => return true,
                _ => {}
            }
            let Some((behind, mut eaten)) = retry.take() else {
                return false;
            };
            if eaten.next().is_none() {
                return false;
            }
            tokens = behind;
            rest = eaten.clone();
            retry = Some((behind, eaten));
        }
    }
}

/// An address glob with the labels of its domain in ASCII (RFC 5890), where they hold no wildcard.
fn with_ascii_domain(glob: &str) -> String {
    let Some((local, domain)) = glob.rsplit_once('@') else {
        return glob.to_owned();
    };
    let labels: Vec<_> = domain
        .split('.')
        .map(|label| match idna::domain_to_ascii(label) {
            Ok(ascii) if !label.is_ascii() && !has_wildcard(label) => ascii,
            _ => label.to_owned(),
        })
        .collect();
    format!("{local}@{}", labels.join("."))
}

/// True when the text holds a `*` or `?` that no backslash takes literally.
pub fn has_wildcard(text: &str) -> bool {
    let mut escaped = false;
    text.chars().any(|c| {
        let wild = !escaped && matches!(c, '*' | '?');
        escaped = !escaped && c == '\\';
        wild
    })
}
