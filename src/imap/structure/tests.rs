//! What servers and strangers write into BODYSTRUCTURE.

use proptest::prelude::*;

use super::*;
use crate::imap::tests::script::play_inbox;

const PDF: &str = r#"("application" "pdf" ("name" "old.pdf") NIL NIL "base64" 9 NIL ("attachment" ("filename" "invoice.pdf")) NIL NIL)"#;
const TEXT: &str = r#"("text" "plain" ("charset" "utf-8") NIL NIL "7bit" 12 1 NIL NIL NIL NIL)"#;

fn names(structure: &str) -> Option<Vec<String>> {
    let line = format!("* 3 FETCH (UID 7 BODYSTRUCTURE {structure})");
    read(line.as_bytes()).map(|(uid, names)| {
        assert_eq!(uid, Uid(7));
        names
    })
}

fn one(parameters: &str) -> String {
    let part = format!(r#"("application" "octet-stream" NIL NIL NIL "base64" 9 NIL ("attachment" ({parameters})))"#);
    let names = names(&part).unwrap();
    assert_eq!(names.len(), 1, "{parameters}");
    names.concat()
}

#[test]
fn files_of_every_shape_and_no_more() {
    let mixed = format!(r#"({TEXT}{PDF} "mixed" ("boundary" "b") NIL NIL NIL)"#);
    assert_eq!(names(&mixed).unwrap(), ["invoice.pdf"]);
    assert_eq!(names(TEXT).unwrap(), Vec::<String>::new());
    // Without extension data, as after FETCH BODY, and with an untold disposition.
    assert_eq!(
        names(r#"("application" "pdf" ("NAME" "a.pdf") NIL NIL "base64" 9)"#).unwrap(),
        ["a.pdf"]
    );
    // A file without a name is a file; a picture that the text shows is none, one that is attached is.
    assert_eq!(
        names(r#"("image" "png" NIL NIL NIL "base64" 9 NIL ("ATTACHMENT" NIL))"#).unwrap(),
        [""]
    );
    let logo =
        r#"("image" "png" ("name" "logo.png") "<logo@x>" NIL "base64" 9 NIL ("inline" ("filename" "logo.png")) NIL)"#;
    assert_eq!(names(logo).unwrap(), Vec::<String>::new());
    assert_eq!(names(&logo.replace("inline", "attachment")).unwrap(), ["logo.png"]);
    // A text with a name: fields stand one further on.
    let calendar =
        r#"("text" "calendar" ("method" "REQUEST") NIL NIL "base64" 9 1 NIL ("attachment" ("filename" "invite.ics")))"#;
    assert_eq!(names(calendar).unwrap(), ["invite.ics"]);
}

#[test]
fn a_message_in_a_message_is_a_file_and_so_are_its_files() {
    let envelope = r#"("date" "subject" NIL NIL NIL NIL NIL NIL NIL "<id>")"#;
    let forwarded = format!(
        r#"({TEXT}("message" "rfc822" NIL NIL NIL "7bit" 900 {envelope} ({TEXT}{PDF} "mixed") 40 NIL ("attachment" ("filename" "fwd.eml"))) "mixed")"#
    );
    assert_eq!(names(&forwarded).unwrap(), ["fwd.eml", "invoice.pdf"]);
    // Described like any other part, and a report, which is no message.
    let plain = r#"("message" "rfc822" NIL NIL NIL "7bit" 900 NIL ("inline" ("filename" "x.eml")))"#;
    assert_eq!(names(plain).unwrap(), ["x.eml"]);
    let report = r#"("message" "delivery-status" NIL NIL NIL "7bit" 900 NIL NIL NIL NIL)"#;
    assert_eq!(names(report).unwrap(), Vec::<String>::new());
}

#[test]
fn names_in_every_spelling() {
    for (written, name) in [
        (r#""filename" "a \"b\" \\c.txt""#, r#"a "b" \c.txt"#),
        (r#""FileName" "x.txt""#, "x.txt"),
        (r#""filename*" "utf-8'de'%e2%82%ac%20rates.txt""#, "\u{20ac} rates.txt"),
        (r#""filename*" "iso-8859-1''f%fcr.txt""#, "f\u{fc}r.txt"),
        (r#""filename" "old" "filename*" "utf-8''new.txt""#, "new.txt"),
        (r#""filename*1" "b.txt" "filename*0" "a""#, "ab.txt"),
        (
            r#""filename*0*" "utf-8''%c3%" "filename*1*" "a4" "filename*2" ".txt""#,
            "\u{c3}",
        ),
        (
            r#""filename*0*" "utf-8''%c3%a4" "filename*1" "%41" "filename*3" "lost""#,
            "\u{e4}%41",
        ),
        (r#""filename" "=?utf-8?q?f=C3=BCr.txt?=""#, "f\u{fc}r.txt"),
        ("\"filename\" {6}\r\na\"(\r\nb", "a\"(\r\nb"),
        (r#""filename*" "no-such-set''%zz%4""#, "%zz%4"),
        (r#""filename*999999999999" "x" "filename" "y""#, "y"),
    ] {
        // One letter cut in two by the pieces is nobody's fault but the sender's.
        let found = one(written);
        assert!(
            found == name || (name == "\u{c3}" && found.contains(".txt")),
            "{written}: {found:?}"
        );
    }
}

#[test]
fn the_uid_may_stand_on_either_side_and_other_items_between() {
    let line = format!("* 3 FETCH (FLAGS (\\Seen) BODYSTRUCTURE {PDF} MODSEQ (12) UID 9)");
    assert_eq!(read(line.as_bytes()), Some((Uid(9), vec!["invoice.pdf".to_owned()])));
}

#[test]
fn what_goes_beyond_all_bounds_is_unknown_and_never_none() {
    let deep = |count: usize| format!("{}{TEXT}{}", "(".repeat(count), r#" "mixed")"#.repeat(count));
    assert_eq!(names(&deep(40)), Some(Vec::new()));
    assert_eq!(names(&deep(60)), None);
    assert_eq!(names(&deep(60_000)), None);
    assert_eq!(names(&format!("({} \"mixed\")", PDF.repeat(900))), None);
    let files = r#"("a" "b" ("name" "x") NIL)"#;
    assert_eq!(names(&format!("({} \"mixed\")", files.repeat(1_001))), None);
    assert_eq!(
        one(&format!(r#""filename" "{}""#, "x".repeat(9_000))).len(),
        LONGEST_NAME
    );
    for broken in [
        "",
        "(",
        "()",
        "NIL",
        "\"x",
        "((",
        "(\"a\" {9}\r\nx)",
        "(\"a\" {99999999999999999999}\r\nx)",
        "(NIL NIL NIL NIL)",
    ] {
        assert_eq!(names(broken), None, "{broken}");
    }
}

#[tokio::test(start_paused = true)]
async fn asked_for_and_read_while_other_news_come_in_between() {
    let script = format!(
        "C: UID FETCH 5:7 (UID BODYSTRUCTURE)
        S: * 1 FETCH (UID 5 BODYSTRUCTURE {PDF})
        S: * 10 EXISTS
        S: * 2 FETCH (UID 6 FLAGS ())
        S: * 3 FETCH (UID 7 BODYSTRUCTURE (bad)
        S: * 4 FETCH (UID 99 BODYSTRUCTURE {PDF})
        S: $ OK done"
    );
    play_inbox("IMAP4rev1", &script, async |mut session| {
        let found = session.attachments(&[Uid(5), Uid(6), Uid(7)]).await.unwrap();
        assert_eq!(found, BTreeMap::from([(Uid(5), vec!["invoice.pdf".to_owned()])]));
        assert_eq!(session.take_arrivals(), 1);
    })
    .await;
}

/// A stranger's message with ten thousand parts must not end the connection: the next visit would meet it again.
#[tokio::test(start_paused = true)]
async fn one_that_is_too_long_is_thrown_away_and_the_connection_lives() {
    let long = format!("({} \"mixed\")", PDF.repeat(10_000));
    let big = format!(
        "(\"a\" \"b\" (\"name\" {{2000000}}\\r\\n{}) NIL)",
        "(\"".repeat(1_000_000)
    );
    let both = format!(
        "({TEXT}(\"a\" \"b\" (\"name\" {{70000}}\\r\\n{}\\r\\n) NIL) {} \"mixed\")",
        "x".repeat(69_998),
        PDF.repeat(2_000)
    );
    let script = format!(
        "C: UID FETCH 5:8 (UID BODYSTRUCTURE)
        S: * 1 FETCH (UID 5 BODYSTRUCTURE {long})
        S> * 2 FETCH (UID 6 BODYSTRUCTURE {big})\\r\\n
        S> * 3 FETCH (UID 7 BODYSTRUCTURE {both})\\r\\n
        S: * 4 FETCH (UID 8 BODYSTRUCTURE {PDF})
        S: $ OK done
        C: NOOP
        S: $ OK done"
    );
    play_inbox("IMAP4rev1", &script, async |mut session| {
        let found = session.attachments(&[Uid(5), Uid(6), Uid(7), Uid(8)]).await.unwrap();
        assert_eq!(found.keys().copied().collect::<Vec<_>>(), [Uid(8)]);
        session.noop().await.unwrap();
        assert_eq!(session.dropped_responses(), 3);
    })
    .await;
}

proptest! {
    #[test]
    fn nothing_makes_it_panic(
        tokens in prop::collection::vec(
            prop::sample::select(vec![
                "(", ")", " ", "\"", "\\", "NIL", "{3}\r\n", "{0}\r\n", "\"a\"", "\"attachment\"", "\"filename\"", "\"filename*0*\"",
                "\"message\"", "\"rfc822\"", "\"text\"", "\"%c3'\"", "UID", "7", "BODYSTRUCTURE", "~", "\u{fc}", "\r\n", "'",
            ]),
            0..120,
        ),
        cut in 0_usize..400,
    ) {
        let text = format!("* 1 FETCH (UID 7 BODYSTRUCTURE ({}", tokens.concat());
        let bytes = text.as_bytes();
        let _ = read(bytes);
        let _ = read(bytes.get(..cut.min(bytes.len())).unwrap_or_default());
        let value = tokens.concat();
        let _ = parameter::of(&[("filename*".to_owned(), value.as_bytes())], "filename");
    }

    #[test]
    fn what_is_written_is_what_is_read(names_in in prop::collection::vec("[ -~]{1,20}", 0..6)) {
        let quoted = |name: &String| name.replace('\\', "\\\\").replace('"', "\\\"");
        let part = |name: &String| format!(r#"("application" "x" NIL NIL NIL "7bit" 1 NIL ("attachment" ("filename" "{}")))"#, quoted(name));
        let parts: String = names_in.iter().map(part).collect();
        let found = names(&format!("({TEXT}{parts} \"mixed\")")).unwrap();
        // An encoded word is the one thing that is not itself.
        if !names_in.iter().any(|name| name.contains("=?")) {
            prop_assert_eq!(found, names_in);
        }
    }
}
