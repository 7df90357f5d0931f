use super::*;

#[test]
fn folded_encoded_and_repeated_fields_are_read() {
    let message = Message::parse(
        b"From: =?utf-8?q?Gr=C3=BC=C3=9Fe?= <Anna@Example.org>\r\nTo: a@b.example,\r\n c@d.example\r\n\
          Subject: =?utf-8?b?aGVsbG8=?= world\r\nX-A: 1\r\nX-A: 2\r\nDate: Fri, 21 Nov 1997 09:55:06 -0600\r\n\
          List-Id: Talk <Talk.Example.org>\r\nIn-Reply-To: <x@y>\r\nReferences: <w@y> <x@y>\r\n\r\nbody",
    );
    assert_eq!(message.from().unwrap().as_str(), "anna@example.org");
    assert_eq!(message.display_name(), "Grüße");
    assert_eq!(message.recipients().count(), 2);
    assert_eq!(message.subject, "hello world");
    assert_eq!(message.raw("x-a").collect::<Vec<_>>(), ["1", "2"]);
    assert_eq!(message.date, Some(Timestamp(880_127_706)));
    assert_eq!(message.list_id.as_deref(), Some("talk.example.org"));
    assert_eq!(message.answers, ["x@y", "w@y"]);
}

#[test]
fn a_from_that_can_be_read_two_ways_is_malformed() {
    for from in [
        "",
        "Subject: x",
        "From: a@b.example\r\nFrom: c@d.example",
        "From: a@b.example, c@d.example",
        "From: <top@x.example> <evil@y.example>",
        "From: friends: a@b.example;",
        "From: <@relay.example:a@b.example>",
        "From: a@b.example\0",
        "From: undisclosed",
        "From: <<a@b.example>>",
    ] {
        let message = Message::parse(from.as_bytes());
        assert!(
            matches!(message.author(), Author::Malformed(_)),
            "{from:?} gave {:?}",
            message.author()
        );
    }
    let fine = Message::parse(b"From: \"Doe, J: <boss@corp.example>\" (x@y) <j@d.example>\r\n");
    assert_eq!(fine.from().unwrap().as_str(), "j@d.example");
}

#[test]
fn the_fingerprint_tells_messages_and_sizes_apart() {
    let one = Message::parse(b"Message-ID: <1@x>\r\nFrom: a@b.example\r\n");
    let two = Message::parse(b"Message-ID: <2@x>\r\nFrom: a@b.example\r\n");
    assert_ne!(one.fingerprint(10), two.fingerprint(10));
    assert_ne!(one.fingerprint(10), one.fingerprint(11));
    assert_eq!(one.fingerprint(10), one.clone().fingerprint(10));
}
