//! A response from outside, before anybody parses it: what sort it is, where its line ends, what literals it announces, and
//! whether the parser may see it.

use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};

use async_imap::imap_proto::Response;

use super::check;

/// Octets of one response that are thrown away before the connection is given up.
const MOST_SKIPPED: u64 = 64 << 20;

/// How far the response that starts at `vetted` has been scanned.
#[derive(Debug, Default)]
pub(super) struct Frame {
    /// Next byte to look at, as an offset into the buffer; 0 when the frame has not begun.
    pub(super) at: usize,
    /// Start of the current line of the frame.
    pub(super) line: usize,
    /// Literal octets still to come.
    pub(super) literal: u64,
    /// Literal octets so far.
    pub(super) literals: u64,
    pub(super) quoted: bool,
    pub(super) escaped: bool,
    pub(super) depth: u32,
    pub(super) too_deep: bool,
    /// Octets thrown away of a response that is too long and may be.
    pub(super) skipped: Option<u64>,
    pub(super) kind: Option<Kind>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// Untagged data: may hold literals and parentheses.
    Data,
    /// Untagged data that is one long list of numbers.
    List,
    /// Untagged status: free text, no literal.
    Status,
    /// Tagged status.
    Tagged,
    /// `+`.
    Continuation,
    /// None of these.
    Noise,
}

impl Frame {
    /// Throws away what has been scanned of a response that is too long, but for the end of its line, where a literal may
    /// be announced.
    pub(super) fn skip(&mut self, buffer: &mut Vec<u8>, vetted: usize) -> io::Result<()> {
        /// More than `{18446744073709551615+}` takes.
        const TAIL: usize = 32;
        let Some(skipped) = &mut self.skipped else {
            return Ok(());
        };
        let end = self.at.min(buffer.len());
        let from = self.line.max(end.saturating_sub(TAIL)).max(vetted);
        let gone = from.saturating_sub(vetted);
        buffer.drain(vetted..vetted + gone);
        self.at -= gone;
        self.line = from - gone;
        *skipped += gone as u64;
        check(*skipped <= MOST_SKIPPED, "a response that never ends")
    }
}

/// One space behind the tag or star of the response at `start`, where a careless server has put several.
pub(super) fn join_spaces(buffer: &mut Vec<u8>, start: usize) {
    const LONGEST_TAG: usize = 16;
    let head = buffer.get(start..).unwrap_or_default();
    let Some(space) = head.iter().take(LONGEST_TAG).position(|byte| *byte == b' ') else {
        return;
    };
    let more = head.iter().skip(space + 1).take_while(|byte| **byte == b' ').count();
    if more > 0 && !head.iter().take(space).any(|byte| matches!(byte, b'\r' | b'\n')) {
        buffer.drain(start + space + 1..start + space + 1 + more);
    }
}

/// What sort of response starts here; `None` while too little of it has come to tell.
pub(super) fn kind(start: &[u8]) -> Option<Kind> {
    let known = start.len() > 64 || start.contains(&b'\n');
    match start.first()? {
        b'*' => {
            let word = start.strip_prefix(b"* ").unwrap_or_default();
            if !known && word.splitn(3, |byte| *byte == b' ').count() < 3 {
                return None;
            }
            if [&b"OK"[..], b"NO", b"BAD", b"BYE", b"PREAUTH"]
                .iter()
                .any(|status| is_word(word, status))
            {
                Some(Kind::Status)
            } else if [&b"SEARCH"[..], b"ESEARCH", b"VANISHED"]
                .iter()
                .any(|list| is_word(word, list))
            {
                Some(Kind::List)
            } else {
                Some(Kind::Data)
            }
        }
        b'+' => Some(Kind::Continuation),
        _ if !known => None,
        _ => {
            // Our tags are `P` and a number; anything else at the start of a line is no answer to us.
            let tag = start
                .split(|byte| matches!(byte, b' ' | b'\r' | b'\n'))
                .next()
                .unwrap_or_default();
            let digits = tag.strip_prefix(b"P").unwrap_or_default();
            let tagged = !digits.is_empty() && digits.iter().all(u8::is_ascii_digit);
            Some(if tagged { Kind::Tagged } else { Kind::Noise })
        }
    }
}

pub(super) fn is_word(text: &[u8], word: &[u8]) -> bool {
    text.get(..word.len())
        .is_some_and(|start| start.eq_ignore_ascii_case(word))
        && matches!(text.get(word.len()), None | Some(b' ' | b'\r' | b'\n'))
}

pub(super) fn lists_uids(kind: Kind, frame: &[u8]) -> bool {
    let code = |status: &[u8]| {
        frame
            .get(..96)
            .unwrap_or(frame)
            .windows(status.len())
            .any(|part| part.eq_ignore_ascii_case(status))
    };
    kind == Kind::List || (matches!(kind, Kind::Status | Kind::Tagged) && (code(b"[COPYUID ") || code(b"[APPENDUID ")))
}

/// The offset of the next LF, keeping count of quotes and parentheses on the way.
pub(super) fn walk(rest: &[u8], kind: Kind, frame: &mut Frame, deepest: u32) -> Option<usize> {
    if kind != Kind::Data {
        return rest.iter().position(|byte| *byte == b'\n');
    }
    for (offset, byte) in rest.iter().enumerate() {
        match byte {
            b'\n' => return Some(offset),
            _ if frame.escaped => frame.escaped = false,
            b'\\' if frame.quoted => frame.escaped = true,
            b'"' => frame.quoted = !frame.quoted,
            b'(' if !frame.quoted => {
                frame.depth += 1;
                frame.too_deep |= frame.depth > deepest;
            }
            b')' if !frame.quoted => frame.depth = frame.depth.saturating_sub(1),
            _ => {}
        }
    }
    None
}

/// The length of a literal announced at the end of a line; `u64::MAX` when the number does not fit.
pub(super) fn announced(line: &[u8]) -> Option<u64> {
    let inside = line.strip_suffix(b"}")?;
    let inside = inside.strip_suffix(b"+").unwrap_or(inside);
    let open = inside.iter().rposition(|byte| *byte == b'{')?;
    let digits = inside
        .get(open + 1..)
        .filter(|digits| !digits.is_empty() && digits.iter().all(u8::is_ascii_digit))?;
    Some(std::str::from_utf8(digits).ok()?.parse().unwrap_or(u64::MAX))
}

/// Lists of UIDs go round the parser, which would read a long one once per 4 KiB; it knows no ESEARCH and NAMESPACE.
pub(super) fn read_by_us(frame: &[u8]) -> bool {
    frame.strip_prefix(b"* ").is_some_and(|data| {
        [&b"SEARCH"[..], b"ESEARCH", b"NAMESPACE"]
            .iter()
            .any(|word| is_word(data, word))
    })
}

/// FETCH with a BODYSTRUCTURE, as far as the items before the first string tell.
pub(super) fn is_structure(frame: &[u8]) -> bool {
    const ITEM: &[u8] = b"BODYSTRUCTURE (";
    let head = frame.get(..256).unwrap_or(frame);
    let Some(data) = head.strip_prefix(b"* ") else {
        return false;
    };
    let word = data
        .iter()
        .position(|byte| *byte == b' ')
        .and_then(|at| data.get(at + 1..));
    let Some(items) = word.filter(|word| is_word(word, b"FETCH")) else {
        return false;
    };
    let end = items
        .iter()
        .position(|byte| b"\"{[\r\n".contains(byte))
        .unwrap_or(items.len());
    let items = items.get(..end).unwrap_or_default();
    items.windows(ITEM.len() + 1).any(|part| {
        part.split_first()
            .is_some_and(|(before, item)| b" (".contains(before) && item.eq_ignore_ascii_case(ITEM))
    })
}

pub(super) fn parses(frame: &[u8]) -> bool {
    !makes_the_parser_panic(frame)
        && catch_unwind(AssertUnwindSafe(|| matches!(Response::parse(frame), Ok(([], _))))).unwrap_or(false)
}

/// Two things at which imap-proto 0.17 panics. It would be caught, but every time with a word on standard error: INTERNALDATE
/// without a date, and the names of a METADATA response that are no text.
fn makes_the_parser_panic(frame: &[u8]) -> bool {
    const UNDATED: &[u8] = b"INTERNALDATE NIL";
    frame.strip_prefix(b"* ").is_some_and(|data| is_word(data, b"METADATA"))
        || outside_literals(frame).any(|part| {
            // The first letter first: this looks at every octet of every response.
            part.windows(UNDATED.len())
                .any(|here| matches!(here, [b'I' | b'i', ..]) && here.eq_ignore_ascii_case(UNDATED))
        })
}

/// The lines of a whole response, without the octets of its literals: those are a stranger's.
fn outside_literals(frame: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut rest = frame;
    std::iter::from_fn(move || {
        let newline = rest.iter().position(|byte| *byte == b'\n')?;
        let (line, after) = rest.split_at_checked(newline + 1)?;
        let skipped = announced(line.strip_suffix(b"\r\n").unwrap_or(line)).unwrap_or(0);
        rest = after.get(usize::try_from(skipped).ok()?..).unwrap_or_default();
        Some(line)
    })
}
