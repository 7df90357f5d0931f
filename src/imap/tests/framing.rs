//! The guard under random bytes: whatever comes, only readable responses go up, and the cut of the segments is all one.

use std::io;

use async_imap::imap_proto::Response;
use proptest::prelude::*;

use crate::imap::hostile_bytes::{self, filtered};

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

/// Every named file of what a server may say; `tests/fuzz` begins with the same ones.
#[test]
fn named_bytes_of_servers_are_survived() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/fixtures/hostile/server");
    let mut seen = 0;
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        println!("{}", path.display());
        let bytes = std::fs::read(&path).unwrap();
        hostile_bytes::guard(&bytes);
        hostile_bytes::reader(&bytes);
        seen += 1;
    }
    assert!(seen > 50, "{folder}");
}

#[path = "../../../tests/bad_input/mutation.rs"]
mod mutation;

#[test]
fn mutated_bytes_of_servers_pass_the_guard_or_end_there() {
    mutation::mutated("server", 10_000, hostile_bytes::guard);
    mutation::mutated("server", 2_000, hostile_bytes::reader);
}
