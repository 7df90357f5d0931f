//! The guard under random bytes: whatever comes, only readable responses go up, and the cut of the segments is all one.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use async_imap::imap_proto::Response;
use proptest::prelude::*;
use tokio::io::{AsyncRead, AsyncReadExt, ReadBuf};

use crate::imap::guard::{FrameLimits, Guard};

/// Bytes that come in segments of `step`.
struct Segments<'a> {
    rest: &'a [u8],
    step: usize,
}

impl AsyncRead for Segments<'_> {
    fn poll_read(mut self: Pin<&mut Self>, _: &mut Context<'_>, up: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let (now, later) = self.rest.split_at(self.step.min(self.rest.len()).min(up.remaining()));
        up.put_slice(now);
        self.rest = later;
        Poll::Ready(Ok(()))
    }
}

/// Everything the guard hands up, everything it hands over raw, and how it ended.
type Filtered = (Vec<Vec<u8>>, Vec<Box<[u8]>>, io::ErrorKind);

fn filtered(bytes: &[u8], step: usize) -> Filtered {
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    runtime.block_on(async {
        let limits = FrameLimits {
            line: 200,
            literal: 50,
            literals: 80,
            depth: 4,
            ..FrameLimits::default()
        };
        let mut guard = Guard::new(Segments { rest: bytes, step }, limits);
        let mut frames = Vec::new();
        loop {
            let mut frame = vec![0; 4_096];
            match guard.read(&mut frame).await {
                Ok(length) => frames.push(frame[..length].to_vec()),
                Err(end) => return (frames, guard.take_raw(), end.kind()),
            }
        }
    })
}

fn token() -> impl Strategy<Value = Vec<u8>> {
    const TOKENS: [&str; 40] = [
        "* ",
        "* OK ",
        "* NO ",
        "* BYE ",
        "+ ",
        "P1 OK ",
        "P7 NO ",
        "\r\n",
        "\r\n",
        "\r\n",
        "\n",
        "\r",
        "(",
        ")",
        "((((((",
        "\"",
        "\\",
        "{3}\r\n",
        "{0}\r\n",
        "{51}\r\n",
        "{99999999999999999999}\r\n",
        "{-1}",
        "[ALERT]",
        "[COPYUID 1 2 3]",
        "1 FETCH (UID 1 FLAGS (\\Seen))",
        "FETCH ",
        "UID 3",
        "INTERNALDATE NIL",
        "BODY[HEADER] ",
        "SEARCH 1 2 3",
        "ESEARCH ",
        "NAMESPACE NIL",
        "LIST () \"/\" x",
        "STATUS x (MESSAGES 1)",
        "12 EXISTS",
        "3 EXPUNGE",
        "VANISHED 1:5",
        "CAPABILITY IMAP4rev2",
        "ä",
        "\0",
    ];
    prop_oneof![
        8 => proptest::sample::select(&TOKENS[..]).prop_map(|token| token.as_bytes().to_vec()),
        1 => proptest::collection::vec(any::<u8>(), 1..6),
        1 => Just(vec![b'x'; 90]),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn only_readable_responses_go_up(tokens in proptest::collection::vec(token(), 0..30), step in 1usize..40) {
        let bytes = tokens.concat();
        let (frames, raw, end) = filtered(&bytes, usize::MAX);
        for frame in &frames {
            let parsed = matches!(Response::parse(frame), Ok(([], _)));
            prop_assert!(parsed, "{}", String::from_utf8_lossy(frame));
        }
        prop_assert!(matches!(end, io::ErrorKind::UnexpectedEof | io::ErrorKind::InvalidData));
        prop_assert_eq!((frames, raw, end), filtered(&bytes, step));
    }
}

#[test]
fn literals_stay_with_their_response() {
    let bytes =
        b"* 1 FETCH (BODY[HEADER] {9}\r\n* OK )\r\n( UID 7)\r\n* LIST () \"/\" {3}\r\na\"b\r\nP1 OK {3}\r\nP2 OK\r\n";
    for step in [1, 2, 7, 1_000] {
        let (frames, _, end) = filtered(bytes, step);
        let frames: Vec<&str> = frames.iter().map(|frame| std::str::from_utf8(frame).unwrap()).collect();
        let expected = [
            "* 1 FETCH (BODY[HEADER] {9}\r\n* OK )\r\n( UID 7)\r\n",
            "* LIST () \"/\" {3}\r\na\"b\r\n",
            "P1 OK {3}\r\n",
            "P2 OK\r\n",
        ];
        assert_eq!((frames, end), (expected.to_vec(), io::ErrorKind::UnexpectedEof));
    }
}
