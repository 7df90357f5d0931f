//! The digest as a message (RFC 5322, MIME): plain text and HTML side by side (RFC 2046 section 5.1.4), both in base64, so
//! that no line is too long and no server has to rewrite it. The header says that a program wrote it (RFC 3834).

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use jiff::Zoned;

use super::digest::Digest;
use crate::sort::sender::Address;

/// Field by which Postroom knows its own mail again.
pub const OWN_FIELD: &str = "X-Postroom-Digest";

/// Columns of base64 on a line (RFC 2045 section 6.8).
const LINE: usize = 76;

/// The whole message, lines ended by CRLF. It is from the user to the user; `at` is when it is written.
pub fn letter(digest: &Digest, owner: &Address, at: &Zoned) -> Vec<u8> {
    let (account, seconds) = (&digest.account, digest.until.0);
    let boundary = format!("=_postroom_{seconds}");
    let zone = at.time_zone();
    let mut lines = vec![
        format!("From: Postroom <{owner}>"),
        format!("To: <{owner}>"),
        format!("Subject: {}", digest.subject()),
        format!("Date: {}", at.strftime("%a, %d %b %Y %H:%M:%S %z")),
        format!("Message-ID: <digest.{account}.{seconds}@{}>", owner.domain()),
        "Auto-Submitted: auto-generated".to_owned(),
        format!("{OWN_FIELD}: {account}"),
        "MIME-Version: 1.0".to_owned(),
        format!("Content-Type: multipart/alternative; boundary=\"{boundary}\""),
        String::new(),
    ];
    for (kind, body) in [("plain", digest.text(zone)), ("html", digest.html(zone))] {
        lines.push(format!("--{boundary}"));
        lines.push(format!("Content-Type: text/{kind}; charset=utf-8"));
        lines.push("Content-Transfer-Encoding: base64".to_owned());
        lines.push(String::new());
        lines.extend(in_base64(&body.replace('\n', "\r\n")));
    }
    lines.push(format!("--{boundary}--"));
    lines.push(String::new());
    lines.join("\r\n").into_bytes()
}

fn in_base64(body: &str) -> Vec<String> {
    let encoded = STANDARD.encode(body);
    let mut lines = Vec::new();
    let mut rest = encoded.as_str();
    while let Some((line, more)) = rest.split_at_checked(LINE) {
        lines.push(line.to_owned());
        rest = more;
    }
    lines.push(rest.to_owned());
    lines
}

#[cfg(test)]
mod tests {
    use mail_parser::MessageParser;

    use super::*;
    use crate::cli::sample;
    use crate::sort::message::Message;
    use crate::store::Store;

    #[test]
    fn a_mail_parser_reads_back_what_was_meant() {
        let (_dir, records) = sample::records();
        let store = Store::open_read_only(&records.state).unwrap();
        let digest = Digest::gather(&store, "home", sample::THEN, records.now).unwrap();
        let at = jiff::Timestamp::from_second(records.now.0)
            .unwrap()
            .to_zoned(jiff::tz::TimeZone::UTC);
        let owner = Address::parse("alice@example.org").unwrap();
        let raw = letter(&digest, &owner, &at);
        assert!(raw.split(|byte| *byte == b'\n').all(|line| line.len() <= 200));
        let parsed = MessageParser::default().parse(&raw).unwrap();
        assert_eq!(
            parsed.body_text(0).unwrap().replace("\r\n", "\n"),
            digest.text(at.time_zone())
        );
        assert!(parsed.body_html(0).unwrap().contains("<table"));
        assert_eq!(parsed.subject(), Some("Postroom: 4 messages arrived, 1 filed"));
        let message = Message::parse(&raw);
        assert_eq!(message.from(), Some(&owner));
        assert!(message.has("x-postroom-digest"));
        assert_eq!(
            message.message_id.as_deref(),
            Some("digest.home.1795000120@example.org")
        );
    }
}
