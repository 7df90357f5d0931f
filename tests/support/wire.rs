//! Lines, literals and tokens of IMAP (RFC 3501 section 4), as little of them as a user's hand and a proxy need.

use std::io::{self, BufRead, ErrorKind, Read};

/// One word of a response or command.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Token {
    /// An atom, a number, a flag, NIL; `BODY[...]<0>` with everything in its brackets is one atom.
    Atom(String),
    /// A quoted string, unescaped.
    Quoted(String),
    /// A literal.
    Literal(Vec<u8>),
    /// A parenthesised list.
    List(Vec<Token>),
}

impl Token {
    /// The text of an atom or string; empty for a list.
    pub fn text(&self) -> String {
        match self {
            Token::Atom(text) | Token::Quoted(text) => text.clone(),
            Token::Literal(bytes) => String::from_utf8_lossy(bytes).into_owned(),
            Token::List(_) => String::new(),
        }
    }

    /// The bytes of a string; `NIL` is empty.
    pub fn bytes(&self) -> Vec<u8> {
        match self {
            Token::Literal(bytes) => bytes.clone(),
            Token::Atom(atom) if atom.eq_ignore_ascii_case("NIL") => Vec::new(),
            other => other.text().into_bytes(),
        }
    }

    /// The members of a list; empty for anything else.
    pub fn list(&self) -> &[Token] {
        match self {
            Token::List(members) => members,
            _ => &[],
        }
    }

    /// The number an atom stands for.
    pub fn number(&self) -> Option<u32> {
        self.text().parse().ok()
    }
}

/// A line with its CRLF, or `None` at the end of the stream.
pub fn read_line(reader: &mut impl BufRead) -> io::Result<Option<Vec<u8>>> {
    let mut line = Vec::new();
    if reader.read_until(b'\n', &mut line)? == 0 {
        return Ok(None);
    }
    if line.ends_with(b"\n") {
        Ok(Some(line))
    } else {
        Err(ErrorKind::UnexpectedEof.into())
    }
}

/// What a line announces at its end: the length of a literal, and whether the sender waits for `+` first.
pub fn announced_literal(line: &[u8]) -> Option<(usize, bool)> {
    let line = line.strip_suffix(b"\n")?;
    let line = line.strip_suffix(b"\r").unwrap_or(line);
    let line = std::str::from_utf8(line.strip_suffix(b"}")?).ok()?;
    let digits = line.rsplit('{').next().filter(|digits| digits.len() < line.len())?;
    match digits.strip_suffix('+') {
        Some(length) => Some((length.parse().ok()?, false)),
        None => Some((digits.parse().ok()?, true)),
    }
}

/// A whole response: its line with all literals in place, or `None` at the end of the stream.
pub fn read_response(reader: &mut impl BufRead) -> io::Result<Option<Vec<u8>>> {
    let Some(mut response) = read_line(reader)? else {
        return Ok(None);
    };
    let mut last = response.clone();
    while let Some((length, _)) = announced_literal(&last) {
        let start = response.len();
        response.resize(start + length, 0);
        reader.read_exact(&mut response[start..])?;
        last = read_line(reader)?.ok_or(ErrorKind::UnexpectedEof)?;
        response.extend_from_slice(&last);
    }
    Ok(Some(response))
}

/// The tokens of a whole response or command.
pub fn tokens(bytes: &[u8]) -> Vec<Token> {
    let mut at = 0;
    members(bytes, &mut at)
}

fn members(bytes: &[u8], at: &mut usize) -> Vec<Token> {
    let mut found = Vec::new();
    while let Some(&byte) = bytes.get(*at) {
        match byte {
            b' ' | b'\r' | b'\n' => *at += 1,
            b')' => {
                *at += 1;
                break;
            }
            b'(' => {
                *at += 1;
                found.push(Token::List(members(bytes, at)));
            }
            b'"' => found.push(quoted(bytes, at)),
            b'{' => found.push(literal(bytes, at)),
            _ => found.push(atom(bytes, at)),
        }
    }
    found
}

fn quoted(bytes: &[u8], at: &mut usize) -> Token {
    let mut text = Vec::new();
    *at += 1;
    while let Some(&byte) = bytes.get(*at) {
        *at += 1;
        match byte {
            b'"' => break,
            b'\\' => {
                text.extend(bytes.get(*at));
                *at += 1;
            }
            _ => text.push(byte),
        }
    }
    Token::Quoted(String::from_utf8_lossy(&text).into_owned())
}

fn literal(bytes: &[u8], at: &mut usize) -> Token {
    let rest = &bytes[*at..];
    let end = rest
        .iter()
        .position(|&byte| byte == b'\n')
        .map_or(rest.len(), |end| end + 1);
    let length = announced_literal(&rest[..end]).map_or(0, |(length, _)| length);
    let start = (*at + end).min(bytes.len());
    let stop = (start + length).min(bytes.len());
    *at = stop;
    Token::Literal(bytes[start..stop].to_vec())
}

fn atom(bytes: &[u8], at: &mut usize) -> Token {
    let start = *at;
    let mut brackets = 0_i32;
    while let Some(&byte) = bytes.get(*at) {
        match byte {
            b'[' => brackets += 1,
            b']' => brackets -= 1,
            b'\r' | b'\n' => break,
            b' ' | b'(' | b')' if brackets <= 0 => break,
            _ => {}
        }
        *at += 1;
    }
    Token::Atom(String::from_utf8_lossy(&bytes[start..*at]).into_owned())
}

/// A string as an IMAP quoted string.
pub fn quote(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
}

/// UIDs as a compact set: `1:3,7`.
pub fn uid_set(uids: &[u32]) -> String {
    let mut sorted = uids.to_vec();
    sorted.sort_unstable();
    sorted.dedup();
    let mut ranges: Vec<(u32, u32)> = Vec::new();
    for uid in sorted {
        match ranges.last_mut() {
            Some((_, last)) if *last + 1 == uid => *last = uid,
            _ => ranges.push((uid, uid)),
        }
    }
    let words: Vec<String> = ranges
        .iter()
        .map(|(a, b)| if a == b { a.to_string() } else { format!("{a}:{b}") })
        .collect();
    words.join(",")
}

/// A mailbox name in modified UTF-7 (RFC 3501 section 5.1.3).
pub fn encode_name(name: &str) -> String {
    let mut wire = String::new();
    let mut wide: Vec<u16> = Vec::new();
    for character in name.chars() {
        if character.is_ascii() {
            flush(&mut wire, &mut wide);
            wire.push(character);
            if character == '&' {
                wire.push('-');
            }
        } else {
            wide.extend(character.encode_utf16(&mut [0; 2]).iter());
        }
    }
    flush(&mut wire, &mut wide);
    wire
}

fn flush(wire: &mut String, wide: &mut Vec<u16>) {
    use base64::Engine as _;
    if wide.is_empty() {
        return;
    }
    let bytes: Vec<u8> = wide.drain(..).flat_map(u16::to_be_bytes).collect();
    let text = base64::engine::general_purpose::STANDARD_NO_PAD
        .encode(bytes)
        .replace('/', ",");
    wire.push('&');
    wire.push_str(&text);
    wire.push('-');
}

/// The other way round; what does not decode stays as it is.
pub fn decode_name(wire: &str) -> String {
    use base64::Engine as _;
    let mut name = String::new();
    let mut rest = wire;
    while let Some((before, after)) = rest.split_once('&') {
        name.push_str(before);
        let Some((coded, tail)) = after.split_once('-') else {
            name.push('&');
            rest = after;
            continue;
        };
        if coded.is_empty() {
            name.push('&');
        } else {
            let bytes = base64::engine::general_purpose::STANDARD_NO_PAD.decode(coded.replace(',', "/"));
            let units: Vec<u16> = bytes
                .unwrap_or_default()
                .chunks_exact(2)
                .map(|pair| u16::from_be_bytes([pair[0], pair[1]]))
                .collect();
            name.push_str(&String::from_utf16_lossy(&units));
        }
        rest = tail;
    }
    name.push_str(rest);
    name
}
