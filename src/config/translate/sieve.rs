//! Sieve scripts (RFC 5228): the part that files mail. Tests `header address envelope exists size allof anyof not true`,
//! actions `fileinto keep discard stop addflag setflag`, with `:copy`, `:flags`, `:create` and `:specialuse`.

use super::draft::{Draft, Match, When, address_pattern, pattern, string};
use super::{Translation, line_of};

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
enum Argument {
    Tag(String),
    Texts(Vec<String>),
    Number(u64),
}

/// A test with its arguments and the tests within.
#[derive(Debug, Clone)]
struct Test {
    name: String,
    arguments: Vec<Argument>,
    inner: Vec<Test>,
}

/// A command with everything that belongs to it.
#[derive(Debug, Clone)]
struct Command {
    line: u32,
    name: String,
    arguments: Vec<Argument>,
    test: Option<Test>,
    block: Vec<Command>,
}

/// Translates a script.
pub fn translate(script: &str) -> Translation {
    let mut translation = Translation::default();
    let tokens = match tokens(script) {
        Ok(tokens) => tokens,
        Err((offset, why)) => {
            let rest = script.get(offset..).unwrap_or_default();
            translation.leave(line_of(script, offset), rest.lines().next().unwrap_or_default(), why);
            return translation;
        }
    };
    let mut parser = Parser {
        script,
        tokens: &tokens,
        at: 0,
    };
    match parser.commands(0) {
        Ok(commands) => block(&mut translation, &commands, &[], script),
        Err(why) => {
            let offset = parser.offset();
            translation.leave(
                line_of(script, offset),
                script
                    .get(offset..)
                    .unwrap_or_default()
                    .lines()
                    .next()
                    .unwrap_or_default(),
                why,
            );
        }
    }
    translation
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

/// Translates the commands of one block that runs when everything in `outer` holds.
fn block(translation: &mut Translation, commands: &[Command], outer: &[When], script: &str) {
    let mut before: Vec<When> = Vec::new();
    let mut plain: Vec<&Command> = Vec::new();
    for command in commands {
        if !matches!(command.name.as_str(), "if" | "elsif" | "else") {
            before.clear();
            plain.push(command);
            continue;
        }
        // What stands between two tests is done on its way.
        actions(translation, &std::mem::take(&mut plain), outer, script);
        if command.name == "if" {
            before.clear();
        }
        let mut conditions = outer.to_vec();
        conditions.extend(before.iter().cloned().map(When::negated));
        let text = source_line(script, command.line);
        if let Some(test) = &command.test {
            match when(test) {
                Ok(when) => {
                    conditions.push(when.clone());
                    before.push(when);
                }
                Err(why) => {
                    translation.leave(command.line, text, why);
                    // The branches behind it depend on what it would have said.
                    before.push(When::Key("from".to_owned(), string("*")));
                    continue;
                }
            }
        }
        block(translation, &command.block, &conditions, script);
    }
    actions(translation, &plain, outer, script);
}

fn source_line(script: &str, line: u32) -> &str {
    script.lines().nth(line as usize - 1).unwrap_or_default()
}

/// Turns the actions of a block into one rule.
fn actions(translation: &mut Translation, commands: &[&Command], conditions: &[When], script: &str) {
    let mut place: Option<(&'static str, String)> = None;
    let (mut copies, mut flags) = (Vec::new(), Vec::new());
    let mut name = String::new();
    let mut stops = false;
    for command in commands {
        let text = source_line(script, command.line);
        let has = |tag: &str| command.arguments.contains(&Argument::Tag(tag.to_owned()));
        let texts: Vec<&Vec<String>> = command
            .arguments
            .iter()
            .filter_map(|argument| {
                if let Argument::Texts(texts) = argument {
                    Some(texts)
                } else {
                    None
                }
            })
            .collect();
        match command.name.as_str() {
            "require" => {}
            "stop" => stops = true,
            "keep" => place = place.or_else(|| Some(("keep", "true".to_owned()))),
            "discard" => place = Some(("bucket", string("blackhole"))),
            "fileinto" => {
                let Some(folder) = texts.last().and_then(|texts| texts.first()) else {
                    continue;
                };
                let special = has("specialuse")
                    .then(|| texts.first().and_then(|texts| texts.first()))
                    .flatten();
                let target = string(special.unwrap_or(folder));
                if folder.contains("${") {
                    translation.leave(command.line, text, "the folder is computed");
                } else if has("copy") {
                    copies.push(target);
                } else if let Some(("move", _)) = place {
                    translation.leave(
                        command.line,
                        text,
                        "a message goes to one place; `copy` puts a further copy elsewhere",
                    );
                } else {
                    name.clone_from(folder);
                    place = Some(("move", target));
                }
            }
            "addflag" | "setflag" => {
                for flag in texts.last().into_iter().flat_map(|texts| texts.iter()) {
                    let plain = flag.trim_start_matches('\\');
                    if plain.eq_ignore_ascii_case("seen") || plain.eq_ignore_ascii_case("deleted") {
                        translation.leave(command.line, text, format!("Postroom never sets {flag}"));
                    } else {
                        flags.push(string(&format!(
                            "+{}",
                            if plain.len() < flag.len() {
                                plain.to_lowercase()
                            } else {
                                plain.to_owned()
                            }
                        )));
                    }
                }
            }
            "redirect" | "reject" | "ereject" | "vacation" | "notify" => {
                translation.leave(command.line, text, "Postroom never sends mail");
            }
            _ => translation.leave(command.line, text, "this command has no counterpart"),
        }
    }
    if place.is_none() && copies.is_empty() && flags.is_empty() {
        if !stops || conditions.is_empty() {
            return;
        }
        place = Some(("keep", "true".to_owned()));
    }
    let line = commands.first().map_or(1, |command| command.line);
    let placed = place.is_some();
    let mut list: Vec<(&'static str, String)> = place.into_iter().collect();
    if !copies.is_empty() {
        list.push(("copy", format!("[{}]", copies.join(", "))));
    }
    if !flags.is_empty() {
        list.push(("flags", format!("[{}]", flags.join(", "))));
    }
    if !placed {
        list.push(if stops {
            ("keep", "true".to_owned())
        } else {
            ("continue", "true".to_owned())
        });
    }
    let when = match conditions {
        [] => When::Key("from".to_owned(), string("*")),
        [one] => one.clone(),
        several => When::All(several.to_vec()),
    };
    let notes = if placed && !stops {
        vec!["Sieve would go on behind this; here the first rule that matches ends the search".to_owned()]
    } else {
        Vec::new()
    };
    let name = if name.is_empty() { format!("line {line}") } else { name };
    translation.rules.push(Draft {
        name,
        notes,
        when,
        actions: list,
    });
}

fn when(test: &Test) -> Result<When, &'static str> {
    let inner = || test.inner.iter().map(when).collect::<Result<Vec<_>, _>>();
    match test.name.as_str() {
        "allof" => Ok(When::All(inner()?)),
        "anyof" => Ok(When::Any(inner()?)),
        "not" => inner()?.pop().map(When::negated).ok_or("`not` has no test"),
        "true" => Ok(When::Key("from".to_owned(), string("*"))),
        "header" | "address" | "envelope" => compared(test),
        "exists" => {
            let names = texts(test).first().cloned().unwrap_or_default();
            Ok(together(
                names
                    .iter()
                    .map(|name| When::Key(format!("header.{}", string(name)), "true".to_owned()))
                    .collect(),
                false,
            ))
        }
        "size" => match (tags(test).as_slice(), test.arguments.last()) {
            (["over"], Some(Argument::Number(octets))) => Ok(When::Key("larger".to_owned(), octets.to_string())),
            (["under"], Some(Argument::Number(octets))) => Ok(When::Key("smaller".to_owned(), octets.to_string())),
            _ => Err("`size` wants :over or :under"),
        },
        "body" => Err("Postroom reads headers only"),
        _ => Err("this test has no counterpart"),
    }
}

fn tags(test: &Test) -> Vec<&str> {
    test.arguments
        .iter()
        .filter_map(|argument| {
            if let Argument::Tag(name) = argument {
                Some(name.as_str())
            } else {
                None
            }
        })
        .collect()
}

fn texts(test: &Test) -> Vec<Vec<String>> {
    test.arguments
        .iter()
        .filter_map(|argument| {
            if let Argument::Texts(texts) = argument {
                Some(texts.clone())
            } else {
                None
            }
        })
        .collect()
}

fn together(mut parts: Vec<When>, any: bool) -> When {
    match (parts.len(), any) {
        (1, _) => parts.remove(0),
        (_, true) => When::Any(parts),
        (_, false) => When::All(parts),
    }
}

fn compared(test: &Test) -> Result<When, &'static str> {
    let mut tags = tags(test);
    let mut texts = texts(test);
    // `:comparator "name"` takes the string behind it.
    if let Some(at) = tags.iter().position(|tag| *tag == "comparator") {
        tags.remove(at);
        let name = texts.first().and_then(|texts| texts.first()).map(String::as_str);
        if name == Some("i;octet") {
            return Err("the comparator minds case, and rules do not");
        }
        if texts.len() > 2 {
            texts.remove(0);
        }
    }
    let [fields, keys] = texts.as_slice() else {
        return Err("fields and keys are expected");
    };
    let how = match tags
        .iter()
        .find(|tag| ["is", "contains", "matches", "regex"].contains(tag))
    {
        Some(&"contains") => Match::Contains,
        Some(&"matches") => Match::Matches,
        Some(&"regex") => Match::Regex,
        _ => Match::Is,
    };
    let part = tags
        .iter()
        .find(|tag| ["domain", "localpart", "user", "detail", "all"].contains(tag))
        .copied()
        .unwrap_or("all");
    if tags
        .iter()
        .any(|tag| ["count", "value", "index", "last", "mime", "anychild"].contains(tag))
    {
        return Err("this comparison has no counterpart");
    }
    if keys.iter().any(|key| key.trim().is_empty()) {
        return Err("an empty key would match every message");
    }
    let address_test = test.name != "header";
    let parts = fields
        .iter()
        .map(|field| of_field(field, keys, how, part, address_test))
        .collect::<Result<Vec<_>, _>>()?;
    Ok(together(parts, true))
}

fn of_field(field: &str, keys: &[String], how: Match, part: &str, address_test: bool) -> Result<When, &'static str> {
    let lower = field.to_ascii_lowercase();
    let known = ["from", "to", "cc", "bcc", "reply-to"].contains(&lower.as_str());
    let one = |key: &String| -> Result<String, &'static str> {
        Ok(match (part, how) {
            ("domain", Match::Is) => string(&format!("@{key}")),
            ("domain", Match::Contains) => string(&format!("*@*{key}*")),
            ("domain", Match::Matches) => string(&format!("*@{key}")),
            ("localpart" | "user", Match::Is | Match::Matches) => string(&format!("{key}@*")),
            ("localpart" | "user", Match::Contains) => string(&format!("*{key}*@*")),
            ("all", how) if address_test => address_pattern(key, how),
            ("all", how) => pattern(key, how),
            _ => return Err("this comparison has no counterpart"),
        })
    };
    if part == "detail" {
        let patterns = keys.iter().map(|key| pattern(key, how)).collect();
        return if lower == "to" {
            Ok(When::patterns("to_detail", patterns))
        } else {
            Err("details are known of recipients only")
        };
    }
    let patterns = keys.iter().map(one).collect::<Result<Vec<_>, _>>()?;
    if lower == "subject" {
        return Ok(When::patterns("subject", patterns));
    }
    if address_test && known {
        return Ok(When::patterns(&lower.replace('-', "_"), patterns));
    }
    // A `header` test on From sees the display name too, so it stays one on the header field.
    Ok(When::patterns(&format!("header.{}", string(field)), patterns))
}
