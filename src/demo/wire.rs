//! Bytes to commands: reads one command with its literals (RFC 9051 section 4.3, RFC 7888) under limits, so that no
//! client can make the server hold more than it wants to.

use std::io;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};

/// Longest command line, in octets, literals apart.
const LONGEST_LINE: usize = 65_536;
/// Largest literal of somebody who has logged in: one message.
const LARGEST_LITERAL: usize = 32 * 1024 * 1024;
/// Largest literal of somebody who has not: a name or a password.
const LARGEST_LITERAL_OF_A_STRANGER: usize = 4_096;

/// What came in.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Incoming {
    /// A whole command without its final line end; each literal stands in it as `{n}`, CR LF and n octets.
    Command(Vec<u8>),
    /// A command that was too long. Its beginning is kept, for the tag.
    TooLong(Vec<u8>),
    /// A literal too large to be skipped: the session cannot go on.
    TooBig,
    /// The client has closed.
    End,
}

/// The reading side of a connection. All methods can be cancelled between two calls without losing an octet.
#[derive(Debug)]
pub(super) struct Reader {
    half: OwnedReadHalf,
    buffer: Vec<u8>,
    /// How much of a command has been put together when a read was cancelled.
    pending: Vec<u8>,
    wanted: usize,
}

impl Reader {
    pub(super) fn new(half: OwnedReadHalf) -> Self {
        Self {
            half,
            buffer: Vec::new(),
            pending: Vec::new(),
            wanted: 0,
        }
    }

    /// Reads the next command, asking for synchronising literals on the way.
    pub(super) async fn command(&mut self, writer: &mut OwnedWriteHalf, logged_in: bool) -> io::Result<Incoming> {
        let largest = if logged_in {
            LARGEST_LITERAL
        } else {
            LARGEST_LITERAL_OF_A_STRANGER
        };
        loop {
            if self.wanted > 0 {
                if !self.literal().await? {
                    return Ok(Incoming::End);
                }
                continue;
            }
            let Some(line) = self.line().await? else {
                return Ok(Incoming::End);
            };
            let overlong = line.len() > LONGEST_LINE || self.pending.len() > largest + LONGEST_LINE;
            if overlong {
                let mut beginning = std::mem::take(&mut self.pending);
                beginning.extend_from_slice(&line);
                beginning.truncate(100);
                return Ok(Incoming::TooLong(beginning));
            }
            self.pending.extend_from_slice(&line);
            let Some((size, synchronising)) = announced_literal(&line) else {
                return Ok(Incoming::Command(std::mem::take(&mut self.pending)));
            };
            if size > largest {
                if !synchronising {
                    return Ok(Incoming::TooBig);
                }
                let beginning = std::mem::take(&mut self.pending);
                return Ok(Incoming::TooLong(beginning));
            }
            self.pending.extend_from_slice(b"\r\n");
            self.wanted = size;
            if synchronising {
                writer.write_all(b"+ go ahead\r\n").await?;
            }
        }
    }

    /// Reads one line without its line end; of an overlong one more than [`LONGEST_LINE`] octets, but not all of it.
    /// `None` at the end of the stream.
    pub(super) async fn line(&mut self) -> io::Result<Option<Vec<u8>>> {
        let mut searched = 0;
        let mut overlong = false;
        loop {
            let found = self
                .buffer
                .iter()
                .skip(searched)
                .position(|&octet| octet == b'\n')
                .map(|at| at + searched);
            if let Some(end) = found {
                let mut line: Vec<u8> = self.buffer.drain(..=end).collect();
                line.pop();
                if line.last() == Some(&b'\r') {
                    line.pop();
                }
                if overlong {
                    line.resize(LONGEST_LINE + 1, b' ');
                }
                return Ok(Some(line));
            }
            searched = self.buffer.len();
            if searched > LONGEST_LINE {
                // The rest of the line is thrown away as it comes; its beginning stays for the tag.
                self.buffer.truncate(100);
                searched = self.buffer.len();
                overlong = true;
            }
            if self.half.read_buf(&mut self.buffer).await? == 0 {
                return Ok(None);
            }
        }
    }

    /// Moves what has come of the wanted literal; false at the end of the stream.
    async fn literal(&mut self) -> io::Result<bool> {
        if self.buffer.is_empty() && self.half.read_buf(&mut self.buffer).await? == 0 {
            return Ok(false);
        }
        let here = self.wanted.min(self.buffer.len());
        self.pending.extend(self.buffer.drain(..here));
        self.wanted -= here;
        Ok(true)
    }
}

/// The literal that a line announces at its end: its size and whether the client waits for `+`.
fn announced_literal(line: &[u8]) -> Option<(usize, bool)> {
    let inner = line.strip_suffix(b"}")?;
    let open = inner.iter().rposition(|&octet| octet == b'{')?;
    let digits = inner.get(open + 1..)?;
    let (digits, synchronising) = match digits.strip_suffix(b"+") {
        Some(digits) => (digits, false),
        None => (digits, true),
    };
    if digits.is_empty() || !digits.iter().all(u8::is_ascii_digit) {
        return None;
    }
    // A number beyond usize is a literal beyond any limit.
    let size = std::str::from_utf8(digits).ok()?.parse().unwrap_or(usize::MAX);
    Some((size, synchronising))
}

#[cfg(test)]
mod tests {
    use super::announced_literal;

    #[test]
    fn a_literal_is_announced_at_the_end_of_a_line() {
        assert_eq!(announced_literal(b"a LOGIN {5}"), Some((5, true)));
        assert_eq!(announced_literal(b"a LOGIN {5+}"), Some((5, false)));
        assert_eq!(
            announced_literal(b"a LOGIN {99999999999999999999999}"),
            Some((usize::MAX, true))
        );
        for plain in [
            &b"a NOOP"[..],
            b"a X {}",
            b"a X {-1}",
            b"a X {5} ",
            b"a X 5}",
            b"a X {+}",
        ] {
            assert_eq!(announced_literal(plain), None, "{plain:?}");
        }
    }
}
