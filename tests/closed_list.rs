//! What the recording proxy lets pass and what it reports: the closed list of commands, tested line by line.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::string_slice
)]

mod support;

use support::grammar::{Allowance, Session, judge};

fn session(capabilities: &str) -> Session {
    Session {
        capabilities: capabilities.split(' ').map(str::to_owned).collect(),
        open: true,
        read_only: false,
    }
}

fn verdict(line: &str) -> Result<(), String> {
    let mut session = session("IMAP4rev1 MOVE UIDPLUS IDLE NOTIFY ENABLE NAMESPACE ID UNSELECT");
    judge(&mut session, Allowance::default(), format!("a1 {line}\r\n").as_bytes())
}

#[test]
fn what_the_program_says_passes() {
    for line in [
        "LOGIN \"alice\" \"secret\"",
        "UID FETCH 1:500 (UID FLAGS INTERNALDATE RFC822.SIZE BODY.PEEK[HEADER.FIELDS (FROM TO LIST-ID)]<0.65536>)",
        "UID FETCH 1:* (UID FLAGS)",
        "UID FETCH 1 FLAGS",
        "UID MOVE 1:3,7 \"Bulk\"",
        "UID COPY 4 \"News\"",
        "UID STORE 4 +FLAGS.SILENT (\\Deleted)",
        "UID EXPUNGE 4",
        "NOTIFY SET (SELECTED (MessageNew MessageExpunge)) (PERSONAL (MessageNew MessageExpunge))",
        "CREATE \"Blackhole\"",
        "STATUS \"News\" (MESSAGES UIDNEXT UIDVALIDITY)",
        "ENABLE QRESYNC",
        "IDLE",
    ] {
        assert_eq!(verdict(line), Ok(()), "{line}");
    }
}

#[test]
fn what_it_must_never_say_is_caught() {
    for line in [
        "EXPUNGE",
        "CLOSE",
        "DELETE \"Bulk\"",
        "RENAME \"a\" \"b\"",
        "FETCH 1 FLAGS",
        "STORE 1 +FLAGS.SILENT (\\Deleted)",
        "MOVE 1 \"Bulk\"",
        "UID FETCH 1 BODY[]",
        "UID FETCH 1 (BODY.PEEK[])",
        "UID FETCH 1 (FLAGS BODY[HEADER.FIELDS (FROM)])",
        "UID FETCH 1 (BODY.PEEK[TEXT])",
        "UID FETCH 1 (BODY.PEEK[1])",
        "UID FETCH 1 RFC822",
        "UID FETCH 1 (RFC822.HEADER)",
        "UID FETCH 1 (BODYSTRUCTURE)",
        "UID FETCH 1 ALL",
        "UID STORE 1 FLAGS (\\Deleted)",
        "UID STORE 1 +FLAGS (\\Deleted)",
        "UID STORE 1 +FLAGS.SILENT (\\Seen)",
        "UID STORE 1 -FLAGS.SILENT \\seen",
        "UID STORE 4 (UNCHANGEDSINCE 7) +FLAGS.SILENT ($PostroomClaim-1)",
        "UID STORE 4 -FLAGS.SILENT ($PostroomClaim-1)",
        "UID MOVE 1:* \"Bulk\"",
        "UID EXPUNGE 5:*",
        "ENABLE IMAP4rev2",
        "APPEND \"INBOX\" {5+}\r\nhello",
        "XLIST \"\" \"*\"",
        "CHECK",
    ] {
        assert!(verdict(line).is_err(), "{line}");
    }
}

#[test]
fn a_change_after_examine_is_caught() {
    let mut session = session("MOVE");
    assert!(judge(&mut session, Allowance::default(), b"a EXAMINE \"INBOX\"\r\n").is_ok());
    assert!(judge(&mut session, Allowance::default(), b"b UID MOVE 1 \"Bulk\"\r\n").is_err());
    assert!(judge(&mut session, Allowance::default(), b"c SELECT \"INBOX\"\r\n").is_ok());
    assert!(judge(&mut session, Allowance::default(), b"d UID MOVE 1 \"Bulk\"\r\n").is_ok());
}

#[test]
fn an_extension_that_was_not_announced_is_caught() {
    let mut bare = session("IMAP4rev1");
    for line in [
        "a UID MOVE 1 x",
        "a UID EXPUNGE 1",
        "a IDLE",
        "a NOTIFY NONE",
        "a ENABLE QRESYNC",
        "a ID NIL",
    ] {
        assert!(
            judge(&mut bare, Allowance::default(), format!("{line}\r\n").as_bytes()).is_err(),
            "{line}"
        );
    }
}

#[test]
fn only_the_digest_is_appended() {
    let allowance = Allowance {
        digest: true,
        ..Allowance::default()
    };
    let digest = "From: x\r\nAuto-Submitted: auto-generated\r\n\r\nhello";
    let command = format!("a APPEND \"INBOX\" {{{}+}}\r\n{digest}\r\n", digest.len());
    assert_eq!(judge(&mut session("x"), allowance, command.as_bytes()), Ok(()));
    assert!(judge(&mut session("x"), Allowance::default(), command.as_bytes()).is_err());
    assert!(judge(&mut session("x"), allowance, b"a APPEND \"INBOX\" {5+}\r\nhello\r\n").is_err());
}

#[test]
fn the_structure_is_asked_for_only_where_a_rule_asks_for_files() {
    let allowance = Allowance {
        body_structure: true,
        ..Allowance::default()
    };
    let command = b"a UID FETCH 5:7 (UID BODYSTRUCTURE)\r\n";
    assert_eq!(judge(&mut session("x"), allowance, command), Ok(()));
    assert!(judge(&mut session("x"), Allowance::default(), command).is_err());
    assert!(judge(&mut session("x"), allowance, b"a UID FETCH 5 (UID BODY)\r\n").is_err());
}

#[test]
fn a_claim_passes_where_the_account_claims_and_nothing_else_is_conditional() {
    let allowance = Allowance {
        claim: true,
        ..Allowance::default()
    };
    let verdict = |capabilities: &str, line: &str| {
        judge(
            &mut session(capabilities),
            allowance,
            format!("a {line}\r\n").as_bytes(),
        )
    };
    for line in [
        "UID STORE 4 (UNCHANGEDSINCE 7) +FLAGS.SILENT ($PostroomClaim-1)",
        "UID STORE 4 -FLAGS.SILENT ($PostroomClaim-1)",
        "UID STORE 4 +FLAGS.SILENT ($Invoice)",
    ] {
        assert_eq!(verdict("CONDSTORE", line), Ok(()), "{line}");
    }
    for line in [
        "UID STORE 4 (UNCHANGEDSINCE 7) +FLAGS.SILENT (\\Flagged)",
        "UID STORE 4 (UNCHANGEDSINCE 7) -FLAGS.SILENT ($PostroomClaim-1)",
        "UID STORE 4 (UNCHANGEDSINCE 7) +FLAGS.SILENT ($PostroomClaim-1 \\Flagged)",
        "UID STORE 1:* (UNCHANGEDSINCE 7) +FLAGS.SILENT ($PostroomClaim-1)",
    ] {
        assert!(verdict("CONDSTORE", line).is_err(), "{line}");
    }
    let claim = "UID STORE 4 (UNCHANGEDSINCE 7) +FLAGS.SILENT ($PostroomClaim-1)";
    assert!(verdict("IMAP4rev1", claim).is_err(), "without CONDSTORE");
}
