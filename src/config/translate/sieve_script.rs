//! The grammar of Sieve (RFC 5228 sections 2 and 8): a script as commands, arguments and tests, whatever they mean.

use super::line_of;

/// How deep blocks and tests may nest.
const DEEPEST: usize = 32;

/// A word of the script.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Token {
    /// `if`, `fileinto`, `header`.
    Word(String),
    /// `:contains`.
    Tag(String),
    /// A quoted string or a `text:` block.
    Text(String),
    /// With its K, M or G.
    Number(u64),
    /// `{ } ( ) [ ] , ;`
    Mark(char),
}

/// An argument of a command or test.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Argument {
    /// `:contains`.
    Tag(String),
    /// A string or a list of strings.
    Texts(Vec<String>),
    /// A number.
    Number(u64),
}

/// A test with its arguments and the tests within.
#[derive(Debug, Clone)]
pub(super) struct Test {
    /// In lower case.
    pub name: String,
    /// In order.
    pub arguments: Vec<Argument>,
    /// The tests within.
    pub inner: Vec<Test>,
}

/// A command with everything that belongs to it.
#[derive(Debug, Clone)]
pub(super) struct Command {
    /// Its line, from 1.
    pub line: u32,
    /// In lower case.
    pub name: String,
    /// In order.
    pub arguments: Vec<Argument>,
    /// The test of an `if` or `elsif`.
    pub test: Option<Test>,
    /// The commands in its braces.
    pub block: Vec<Command>,
}

/// Reads a script; the error has a byte offset and what is wrong there.
pub(super) fn parse(script: &str) -> Result<Vec<Command>, (usize, &'static str)> {
    let tokens = tokens(script)?;
    let mut parser = Parser {
        script,
        tokens: &tokens,
        at: 0,
    };
    parser.commands(0).map_err(|why| (parser.offset(), why))
}

fn tokens(script: &str) -> Result<Vec<(usize, Token)>, (usize, &'static str)> {
    let mut tokens = Vec::new();
    let mut rest = script;
    let at = |rest: &str| script.len() - rest.len();
    loop {
        rest = rest.trim_start();
        let Some(c) = rest.chars().next() else {
            return Ok(tokens);
        };
        let start = at(rest);
        if c == '#' {
            rest = rest.split_once('\n').map_or("", |(_, rest)| rest);
        } else if let Some(comment) = rest.strip_prefix("/*") {
            rest = comment.split_once("*/").ok_or((start, "the comment has no end"))?.1;
        } else if c == '"' {
            let (text, behind) = quoted(rest.get(1..).unwrap_or_default()).ok_or((start, "the string has no end"))?;
            tokens.push((start, Token::Text(text)));
            rest = behind;
        } else if let Some(block) = rest.strip_prefix("text:") {
            let (text, behind) = multi_line(block).ok_or((start, "the text has no end"))?;
            tokens.push((start, Token::Text(text)));
            rest = behind;
        } else if "{}()[],;".contains(c) {
            tokens.push((start, Token::Mark(c)));
            rest = rest.get(1..).unwrap_or_default();
        } else if c.is_ascii_digit() {
            let end = rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len());
            let (digits, behind) = rest.split_at_checked(end).unwrap_or((rest, ""));
            let factor = match behind.chars().next().map(|c| c.to_ascii_uppercase()) {
                Some('K') => 1 << 10,
                Some('M') => 1 << 20,
                Some('G') => 1 << 30,
                _ => 1,
            };
            let number = digits
                .parse::<u64>()
                .ok()
                .and_then(|n| n.checked_mul(factor))
                .ok_or((start, "the number is too large"))?;
            tokens.push((start, Token::Number(number)));
            rest = if factor == 1 {
                behind
            } else {
                behind.get(1..).unwrap_or_default()
            };
        } else {
            let tag = c == ':';
            let word = if tag { rest.get(1..).unwrap_or_default() } else { rest };
            let end = word
                .find(|c: char| !(c.is_ascii_alphanumeric() || c == '_'))
                .unwrap_or(word.len());
            let (name, behind) = word.split_at_checked(end).unwrap_or((word, ""));
            if name.is_empty() {
                return Err((start, "this is no Sieve"));
            }
            let name = name.to_ascii_lowercase();
            tokens.push((start, if tag { Token::Tag(name) } else { Token::Word(name) }));
            rest = behind;
        }
    }
}

fn quoted(text: &str) -> Option<(String, &str)> {
    let mut plain = String::new();
    let mut escaped = false;
    for (at, c) in text.char_indices() {
        match c {
            c if escaped => {
                plain.push(c);
                escaped = false;
            }
            '\\' => escaped = true,
            '"' => return Some((plain, text.get(at + 1..)?)),
            c => plain.push(c),
        }
    }
    None
}

/// `text:` up to a line with a single dot; a leading dot is doubled (RFC 5228 section 2.4.2).
fn multi_line(text: &str) -> Option<(String, &str)> {
    let (_, mut rest) = text.split_once('\n')?;
    let mut lines = Vec::new();
    loop {
        let (line, behind) = rest.split_once('\n')?;
        rest = behind;
        let line = line.trim_end_matches('\r');
        match line.strip_prefix('.') {
            Some("") => return Some((lines.join("\n"), rest)),
            Some(dotted) if dotted.starts_with('.') => lines.push(dotted),
            _ => lines.push(line),
        }
    }
}

struct Parser<'s> {
    script: &'s str,
    tokens: &'s [(usize, Token)],
    at: usize,
}

impl Parser<'_> {
    fn offset(&self) -> usize {
        self.tokens
            .get(self.at)
            .map_or(self.script.len(), |(offset, _)| *offset)
    }

    fn peek(&self) -> Option<&Token> {
        self.tokens.get(self.at).map(|(_, token)| token)
    }

    fn eat(&mut self, mark: char) -> bool {
        let there = self.peek() == Some(&Token::Mark(mark));
        self.at += usize::from(there);
        there
    }

    fn commands(&mut self, depth: usize) -> Result<Vec<Command>, &'static str> {
        if depth > DEEPEST {
            return Err("blocks nest too deep");
        }
        let mut commands = Vec::new();
        loop {
            let line = line_of(self.script, self.offset());
            let name = match self.peek() {
                Some(Token::Word(name)) => name.clone(),
                None if depth == 0 => return Ok(commands),
                Some(Token::Mark('}')) if depth > 0 => {
                    self.at += 1;
                    return Ok(commands);
                }
                _ => return Err("a command is expected here"),
            };
            self.at += 1;
            let arguments = self.arguments()?;
            let test = match self.peek() {
                Some(Token::Word(_)) => Some(self.test(depth)?),
                _ => None,
            };
            let block = if self.eat('{') {
                self.commands(depth + 1)?
            } else if self.eat(';') {
                Vec::new()
            } else {
                return Err("a semicolon or a block is missing");
            };
            commands.push(Command {
                line,
                name,
                arguments,
                test,
                block,
            });
        }
    }

    fn arguments(&mut self) -> Result<Vec<Argument>, &'static str> {
        let mut arguments = Vec::new();
        loop {
            let argument = match self.peek() {
                Some(Token::Tag(name)) => Argument::Tag(name.clone()),
                Some(Token::Number(number)) => Argument::Number(*number),
                Some(Token::Text(text)) => Argument::Texts(vec![text.clone()]),
                Some(Token::Mark('[')) => {
                    arguments.push(Argument::Texts(self.list()?));
                    continue;
                }
                _ => return Ok(arguments),
            };
            arguments.push(argument);
            self.at += 1;
        }
    }

    fn list(&mut self) -> Result<Vec<String>, &'static str> {
        let mut texts = Vec::new();
        self.at += 1;
        loop {
            match self.peek() {
                Some(Token::Text(text)) => texts.push(text.clone()),
                _ => return Err("a list holds strings"),
            }
            self.at += 1;
            if self.eat(']') {
                return Ok(texts);
            }
            if !self.eat(',') {
                return Err("a list has no end");
            }
        }
    }

    fn test(&mut self, depth: usize) -> Result<Test, &'static str> {
        if depth > DEEPEST {
            return Err("tests nest too deep");
        }
        let Some(Token::Word(name)) = self.peek() else {
            return Err("a test is expected here");
        };
        let name = name.clone();
        self.at += 1;
        let arguments = self.arguments()?;
        let mut inner = Vec::new();
        if self.eat('(') {
            loop {
                inner.push(self.test(depth + 1)?);
                if self.eat(')') {
                    break;
                }
                if !self.eat(',') {
                    return Err("a list of tests has no end");
                }
            }
        } else if name == "not" {
            inner.push(self.test(depth + 1)?);
        }
        Ok(Test { name, arguments, inner })
    }
}
