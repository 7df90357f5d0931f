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

mod frame;

use std::fmt;
use std::io;
use std::mem::MaybeUninit;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use frame::{Frame, Kind, announced, is_structure, is_word, join_spaces, kind, lists_uids, parses, read_by_us, walk};

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
