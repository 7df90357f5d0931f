//! FETCH as the odd server answers it: header fields, flags, and whatever its habits add.

use super::Ways;
use std::fmt::Write as _;

use super::mail::Message;
use crate::support::wire::Token;

/// What Courier invents in the place of a message that is gone.
const MADE_UP: &str = "From: System Administrator <root@localhost>\r\nSubject: message unavailable\r\n\r\n";

/// What the items ask for.
pub struct Wanted {
    fields: Option<Vec<String>>,
    section: String,
    gmail: bool,
    /// Some item reads text without PEEK.
    pub marks_seen: bool,
}

impl Wanted {
    pub fn of(items: &[Token]) -> Self {
        let mut wanted = Self {
            fields: None,
            section: String::new(),
            gmail: false,
            marks_seen: false,
        };
        for item in items {
            let text = item.text();
            let upper = text.to_ascii_uppercase();
            wanted.gmail |= upper == "X-GM-MSGID";
            wanted.marks_seen |= upper.starts_with("BODY[");
            if let (Some(open), Some(close)) = (text.find('['), text.rfind(']')) {
                text[open..=close].clone_into(&mut wanted.section);
                let fields = text.split_once("FIELDS (").and_then(|(_, rest)| rest.split(')').next());
                wanted.fields = Some(
                    fields
                        .unwrap_or_default()
                        .split(' ')
                        .map(str::to_ascii_lowercase)
                        .collect(),
                );
            }
        }
        wanted
    }

    /// The response for one message.
    pub fn answer(&self, number: usize, message: &Message, ways: &Ways) -> Vec<u8> {
        let text = String::from_utf8_lossy(&message.bytes).into_owned();
        self.response(number, message, &text, ways)
    }

    /// The response for a message that is gone, on a server that makes one up.
    pub fn made_up(&self, number: usize, uid: u32, ways: &Ways) -> Vec<u8> {
        let message = Message {
            uid,
            flags: std::collections::BTreeSet::new(),
            bytes: format!("{MADE_UP}This message is no longer available on the server.\r\n").into_bytes(),
            number: 0,
        };
        let text = String::from_utf8_lossy(&message.bytes).into_owned();
        self.response(number, &message, &text, ways)
    }

    fn response(&self, number: usize, message: &Message, text: &str, ways: &Ways) -> Vec<u8> {
        let flags = message.flags.iter().map(String::as_str).collect::<Vec<_>>().join(" ");
        let mut first = format!("UID {} FLAGS ({flags})", message.uid);
        if self.gmail {
            write!(first, " X-GM-MSGID {}", message.number).unwrap();
        }
        let date = format!("INTERNALDATE \"{}\"", internal_date(text));
        let size = format!("RFC822.SIZE {}", message.bytes.len());
        let body = self.fields.as_ref().map(|fields| {
            let header = header(text, fields);
            format!("BODY{}<0> {{{}}}\r\n{header}", self.section, header.len())
        });
        let parts: Vec<String> = if ways.uid_last {
            body.into_iter().chain([size, date, first]).collect()
        } else {
            [first, date, size].into_iter().chain(body).collect()
        };
        format!("* {number} FETCH ({})\r\n", parts.join(" ")).into_bytes()
    }
}

/// The day a message says it was written: `Fri, 20 Nov 2026 10:00:00 +0000` as IMAP writes it.
fn internal_date(text: &str) -> String {
    let date = text.lines().find_map(|line| line.strip_prefix("Date: "));
    let words: Vec<&str> = date.unwrap_or_default().split_whitespace().collect();
    match words.as_slice() {
        [_, day, month, year, time, zone] => format!("{day}-{month}-{year} {time} {zone}"),
        _ => "20-Nov-2026 10:00:00 +0000".to_owned(),
    }
}

/// The named header fields, folded lines included, and the empty line.
fn header(text: &str, fields: &[String]) -> String {
    let head = text.split("\r\n\r\n").next().unwrap_or_default();
    let mut out = String::new();
    let mut wanted = false;
    for line in head.split("\r\n") {
        if !line.starts_with([' ', '\t']) {
            let name = line.split(':').next().unwrap_or_default().to_ascii_lowercase();
            wanted = fields.contains(&name);
        }
        if wanted {
            out.push_str(line);
            out.push_str("\r\n");
        }
    }
    out.push_str("\r\n");
    out
}
