//! The frame guard: sits below async-imap's parser and lets through only whole responses that the parser takes.
//!
//! imap-proto overflows the stack on deep nesting, allocates what a literal announces, re-reads long lines again and
//! again, panics on two known inputs, and ends the connection for good at the first line it does not know. So every
//! response is framed here first (RFC 9051 section 2.2.2: lines, and literals inside them), measured against
//! [`FrameLimits`], and tried under `catch_unwind`. What the parser cannot read is dropped and counted when it is
//! untagged, or handed over raw when we read it ourselves ([`Guard::take_raw`]); a tagged line or a continuation that
//! cannot be read ends the connection. The end of the stream is an error, never an empty answer.
//!
//! BODYSTRUCTURE that was asked for goes round the parser too. How long one is, a stranger decides; one that is too long is
//! thrown away while it comes, and the connection lives.
//!
//! Exactly one response is handed up at a time, so that at STARTTLS nothing sent in clear can hide in a parser's buffer.

use std::fmt;
use std::io;
use std::mem::MaybeUninit;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use async_imap::imap_proto::Response;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// What a single response may cost us.
#[derive(Debug, Clone, Copy)]
pub(super) struct FrameLimits {
    /// Octets outside literals in an ordinary response.
    pub line: usize,
    /// Octets outside literals where a list of UIDs is expected (SEARCH, ESEARCH, VANISHED, COPYUID).
    pub list_line: usize,
    /// Octets in one literal.
    pub literal: u64,
    /// Octets in all literals of one response.
    pub literals: u64,
    /// Parentheses open at once.
    pub depth: u32,
    /// Unreadable responses until the peer's next command is answered.
    pub dropped: u32,
    /// Octets handed over raw and not yet taken.
    pub raw: usize,
}

impl Default for FrameLimits {
    fn default() -> Self {
        Self {
            line: 64 << 10,
            list_line: 1 << 20,
            literal: 1 << 20,
            literals: 2 << 20,
            depth: 32,
            dropped: 10_000,
            raw: 8 << 20,
        }
    }
}

/// Octets of one response that are thrown away before the connection is given up.
const MOST_SKIPPED: u64 = 64 << 20;

/// Read at once from the connection, on the stack.
const CHUNK: usize = 16 << 10;

/// A stream of whole, readable IMAP responses; writes pass through untouched.
pub(super) struct Guard<T> {
    inner: T,
    limits: FrameLimits,
    /// Bytes from the server: `..given` handed up, `given..vetted` whole and readable, the rest not looked at yet.
    buffer: Vec<u8>,
    given: usize,
    vetted: usize,
    frame: Frame,
    raw: Vec<Box<[u8]>>,
    raw_size: usize,
    structures: bool,
    dropped: u32,
    dropped_ever: u64,
}

/// How far the response that starts at `vetted` has been scanned.
#[derive(Debug, Default)]
struct Frame {
    /// Next byte to look at, as an offset into the buffer; 0 when the frame has not begun.
    at: usize,
    /// Start of the current line of the frame.
    line: usize,
    /// Literal octets still to come.
    literal: u64,
    /// Literal octets so far.
    literals: u64,
    quoted: bool,
    escaped: bool,
    depth: u32,
    too_deep: bool,
    /// Octets thrown away of a response that is too long and may be.
    skipped: Option<u64>,
    kind: Option<Kind>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
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
    fn skip(&mut self, buffer: &mut Vec<u8>, vetted: usize) -> io::Result<()> {
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

impl<T> fmt::Debug for Guard<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Guard")
            .field("held", &self.buffer.len())
            .field("dropped", &self.dropped_ever)
            .finish_non_exhaustive()
    }
}

impl<T> Guard<T> {
    pub(super) fn new(inner: T, limits: FrameLimits) -> Self {
        Self {
            inner,
            limits,
            buffer: Vec::new(),
            given: 0,
            vetted: 0,
            frame: Frame::default(),
            raw: Vec::new(),
            raw_size: 0,
            structures: false,
            dropped: 0,
            dropped_ever: 0,
        }
    }

    /// The stream below, and whether the guard still held bytes of the server that nobody has read.
    pub(super) fn into_inner(self) -> (T, bool) {
        let unread = self.given < self.buffer.len();
        (self.inner, unread)
    }

    /// Untagged responses that the parser cannot read and we do (SEARCH, ESEARCH, NAMESPACE, CAPABILITY of IMAP4rev2),
    /// without their CRLF, in order of arrival.
    pub(super) fn take_raw(&mut self) -> Vec<Box<[u8]>> {
        self.raw_size = 0;
        self.dropped = 0;
        std::mem::take(&mut self.raw)
    }

    /// Whether BODYSTRUCTURE is on its way: it is handed over raw, and thrown away when it is too long.
    pub(super) fn expect_structures(&mut self, expected: bool) {
        self.structures = expected;
    }

    /// Unreadable responses dropped since the connection began.
    pub(super) fn dropped_ever(&self) -> u64 {
        self.dropped_ever
    }

    /// Looks for the end of the response that starts at `vetted`; true when one is ready to be handed up.
    fn advance(&mut self) -> io::Result<bool> {
        loop {
            let Some(end) = self.scan()? else { return Ok(false) };
            let frame = std::mem::take(&mut self.frame);
            if self.judge(end, &frame)? {
                return Ok(true);
            }
        }
    }

    /// The offset behind the CRLF that ends the response, once it has come.
    fn scan(&mut self) -> io::Result<Option<usize>> {
        let Self {
            buffer,
            frame,
            limits,
            vetted,
            structures,
            ..
        } = self;
        if frame.at == 0 {
            frame.at = *vetted;
            frame.line = *vetted;
        }
        loop {
            frame.skip(buffer, *vetted)?;
            if frame.literal > 0 {
                let there = buffer.len().saturating_sub(frame.at) as u64;
                let step = there.min(frame.literal);
                frame.literal -= step;
                frame.at += step as usize;
                if frame.literal > 0 {
                    return Ok(None);
                }
                frame.line = frame.at;
            }
            if frame.kind.is_none() {
                join_spaces(buffer, frame.at);
            }
            let Some(rest) = buffer.get(frame.at..) else {
                return Ok(None);
            };
            if frame.kind.is_none() {
                let Some(kind) = kind(rest) else {
                    check(rest.len() <= limits.line, "a response that never ends")?;
                    return Ok(None);
                };
                frame.kind = Some(kind);
            }
            let kind = frame.kind.unwrap_or(Kind::Noise);
            let newline = walk(rest, kind, frame, limits.depth);
            let begun = buffer.get(*vetted..).unwrap_or_default();
            let longest = if lists_uids(kind, begun) {
                limits.list_line
            } else {
                limits.line
            };
            if frame.skipped.is_none() {
                let whole = (frame.at + newline.unwrap_or(rest.len())) as u64 - *vetted as u64;
                if *structures && whole > longest as u64 && is_structure(begun) {
                    frame.skipped = Some(0);
                } else {
                    let outside = whole - frame.literals;
                    check(outside <= longest as u64, "a response line that is too long")?;
                }
            }
            let Some(newline) = newline else {
                frame.at = buffer.len();
                return Ok(None);
            };
            let newline = frame.at + newline;
            if newline == frame.line || buffer.get(newline - 1) != Some(&b'\r') {
                // Some servers end a line with a bare LF (GNU mailutils after AUTHENTICATE).
                buffer.insert(newline, b'\r');
                frame.at = newline;
                continue;
            }
            let line = buffer.get(frame.line..newline - 1).unwrap_or_default();
            frame.at = newline + 1;
            match announced(line).filter(|_| kind == Kind::Data && !frame.quoted) {
                Some(length) if frame.skipped.is_some() || (*structures && is_structure(begun)) => {
                    if length > longest as u64 {
                        frame.skipped.get_or_insert(0);
                    }
                    frame.literals = frame.literals.saturating_add(length);
                    frame.literal = length;
                    frame.line = frame.at;
                }
                Some(length) => {
                    check(length <= limits.literal, "a literal that is too large")?;
                    frame.literals += length;
                    check(
                        frame.literals <= limits.literals,
                        "literals that are too large together",
                    )?;
                    frame.literal = length;
                    frame.line = frame.at;
                }
                None => return Ok(Some(frame.at)),
            }
        }
    }

    /// Decides about the whole response `vetted..end`; true when the parser shall have it.
    fn judge(&mut self, end: usize, frame: &Frame) -> io::Result<bool> {
        let kind = frame.kind.unwrap_or(Kind::Noise);
        let end = self.part_code_from_text(end, kind);
        let text = self.buffer.get(self.vetted..end).unwrap_or_default();
        let ours = read_by_us(text) || (self.structures && is_structure(text));
        if !ours && frame.skipped.is_none() && !frame.too_deep && parses(text) {
            self.given = self.vetted;
            self.vetted = end;
            return Ok(true);
        }
        if matches!(kind, Kind::Tagged | Kind::Continuation) {
            return Err(broken("an answer that cannot be read"));
        }
        let whole = frame.skipped.is_none();
        if (ours && whole) || is_word(text.get(2..).unwrap_or_default(), b"CAPABILITY") {
            let line: Box<[u8]> = text.strip_suffix(b"\r\n").unwrap_or(text).into();
            self.raw_size += line.len();
            check(self.raw_size <= self.limits.raw, "more data than was asked for")?;
            self.raw.push(line);
        } else {
            self.dropped += 1;
            self.dropped_ever += 1;
            check(
                self.dropped <= self.limits.dropped,
                "too many responses that cannot be read",
            )?;
        }
        self.buffer.drain(self.vetted..end);
        Ok(false)
    }

    /// Puts the missing space between `[ALERT]` and a text that begins with a non-ASCII letter: imap-proto 0.17 panics
    /// without it, and the panic hook would print the text. Returns the new end.
    fn part_code_from_text(&mut self, end: usize, kind: Kind) -> usize {
        // Also where the tag is none of ours: the parser takes it for one.
        if matches!(kind, Kind::Data | Kind::List) {
            return end;
        }
        let text = self.buffer.get(self.vetted..end).unwrap_or_default();
        let Some(bracket) = text
            .windows(2)
            .position(|pair| matches!(pair, [b']', after] if !after.is_ascii()))
        else {
            return end;
        };
        self.buffer.insert(self.vetted + bracket + 1, b' ');
        end + 1
    }

    /// Gives the memory of what was handed up back, or to the bytes to come.
    fn tidy(&mut self) {
        if self.given < self.vetted || self.given == 0 {
            return;
        }
        if self.given == self.buffer.len() {
            self.buffer.clear();
            if self.buffer.capacity() > CHUNK {
                self.buffer = Vec::new();
            }
        } else if self.given >= CHUNK {
            self.buffer.drain(..self.given);
            self.frame.at = self.frame.at.saturating_sub(self.given);
            self.frame.line = self.frame.line.saturating_sub(self.given);
        } else {
            return;
        }
        self.given = 0;
        self.vetted = 0;
        if self.buffer.is_empty() {
            self.frame = Frame::default();
        }
    }
}

impl<T: AsyncRead + Unpin> AsyncRead for Guard<T> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, up: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let this = &mut *self;
        loop {
            if this.given < this.vetted {
                let whole = this.buffer.get(this.given..this.vetted).unwrap_or_default();
                let part = whole.get(..up.remaining()).unwrap_or(whole);
                up.put_slice(part);
                this.given += part.len();
                return Poll::Ready(Ok(()));
            }
            this.tidy();
            if this.advance()? {
                continue;
            }
            let mut chunk = [MaybeUninit::uninit(); CHUNK];
            let mut chunk = ReadBuf::uninit(&mut chunk);
            ready!(Pin::new(&mut this.inner).poll_read(cx, &mut chunk))?;
            if chunk.filled().is_empty() {
                return Poll::Ready(Err(io::Error::new(
                    io::ErrorKind::UnexpectedEof,
                    "the server closed the connection",
                )));
            }
            this.buffer.extend_from_slice(chunk.filled());
        }
    }
}

impl<T: AsyncWrite + Unpin> AsyncWrite for Guard<T> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.inner).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_shutdown(cx)
    }
}

fn check(holds: bool, what: &'static str) -> io::Result<()> {
    if holds { Ok(()) } else { Err(broken(what)) }
}

fn broken(what: &'static str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, what)
}

/// One space behind the tag or star of the response at `start`, where a careless server has put several.
fn join_spaces(buffer: &mut Vec<u8>, start: usize) {
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
fn kind(start: &[u8]) -> Option<Kind> {
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
        // All spaces are joined by then, however the line was cut into segments.
        _ if !known => None,
        b'+' => Some(Kind::Continuation),
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

fn is_word(text: &[u8], word: &[u8]) -> bool {
    text.get(..word.len())
        .is_some_and(|start| start.eq_ignore_ascii_case(word))
        && matches!(text.get(word.len()), None | Some(b' ' | b'\r' | b'\n'))
}

fn lists_uids(kind: Kind, frame: &[u8]) -> bool {
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
fn walk(rest: &[u8], kind: Kind, frame: &mut Frame, deepest: u32) -> Option<usize> {
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
fn announced(line: &[u8]) -> Option<u64> {
    let inside = line.strip_suffix(b"}")?;
    let inside = inside.strip_suffix(b"+").unwrap_or(inside);
    let open = inside.iter().rposition(|byte| *byte == b'{')?;
    let digits = inside
        .get(open + 1..)
        .filter(|digits| !digits.is_empty() && digits.iter().all(u8::is_ascii_digit))?;
    Some(std::str::from_utf8(digits).ok()?.parse().unwrap_or(u64::MAX))
}

/// Lists of UIDs go round the parser, which would read a long one once per 4 KiB; it knows no ESEARCH and NAMESPACE.
fn read_by_us(frame: &[u8]) -> bool {
    frame.strip_prefix(b"* ").is_some_and(|data| {
        [&b"SEARCH"[..], b"ESEARCH", b"NAMESPACE"]
            .iter()
            .any(|word| is_word(data, word))
    })
}

/// FETCH with a BODYSTRUCTURE, as far as the items before the first string tell.
fn is_structure(frame: &[u8]) -> bool {
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

fn parses(frame: &[u8]) -> bool {
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
