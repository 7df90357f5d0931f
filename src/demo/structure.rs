//! The MIME tree of a message (RFC 2045, RFC 2046): BODYSTRUCTURE, and the octets of a numbered part.

use mail_parser::ContentType;
use mail_parser::parsers::MessageStream;

use super::answer::{nstring, string};
use super::envelope::envelope;
use super::search::{body, header_length};
use crate::sort::message::Message;

/// How deeply parts may nest before the rest is one opaque part.
const DEEPEST: usize = 12;

/// One part of a message.
#[derive(Debug)]
pub(super) struct Part {
    /// Its header with the empty line.
    pub(super) header: Vec<u8>,
    /// What follows, still encoded.
    pub(super) body: Vec<u8>,
    kind: String,
    subtype: String,
    parameters: Vec<(String, String)>,
    children: Vec<Part>,
}

impl Part {
    fn parse(octets: &[u8], depth: usize) -> Self {
        let header = octets.get(..header_length(octets)).unwrap_or_default().to_vec();
        let body = body(octets).to_vec();
        let (kind, subtype, parameters) = content_type(&header);
        let mut part = Self {
            header,
            body,
            kind,
            subtype,
            parameters,
            children: Vec::new(),
        };
        if depth < DEEPEST {
            if part.kind == "message" && part.subtype == "rfc822" {
                part.children = vec![Self::parse(&part.body, depth + 1)];
            } else if let ("multipart", Some(boundary)) = (part.kind.as_str(), part.parameter("boundary")) {
                let pieces = pieces(&part.body, boundary);
                part.children = pieces.iter().map(|piece| Self::parse(piece, depth + 1)).collect();
            }
        }
        part
    }

    fn parameter(&self, name: &str) -> Option<&str> {
        self.parameters
            .iter()
            .find(|(known, _)| known == name)
            .map(|(_, value)| value.as_str())
    }

    fn is_multipart(&self) -> bool {
        self.kind == "multipart" && !self.children.is_empty()
    }

    fn field(&self, name: &str) -> Option<String> {
        Message::parse(&self.header).raw(name).next().map(str::to_owned)
    }

    fn structure(&self, extended: bool) -> String {
        if self.is_multipart() {
            let children: String = self.children.iter().map(|child| child.structure(extended)).collect();
            let tail = if extended {
                format!(" {} NIL NIL NIL", list(&self.parameters))
            } else {
                String::new()
            };
            return format!("({children} {}{tail})", word(&self.subtype));
        }
        // A multipart that cannot be taken apart is shown as what it can be used as: octets.
        let (kind, subtype) = if self.kind == "multipart" {
            ("application", "octet-stream")
        } else {
            (&*self.kind, &*self.subtype)
        };
        let encoding = self
            .field("content-transfer-encoding")
            .unwrap_or_else(|| "7bit".to_owned());
        let mut text = format!(
            "({} {} {} {} {} {} {}",
            word(kind),
            word(subtype),
            list(&self.parameters),
            nstring(self.field("content-id").as_deref()),
            nstring(self.field("content-description").as_deref()),
            word(&encoding),
            self.body.len(),
        );
        let lines = self
            .body
            .split_inclusive(|&octet| octet == b'\n')
            .filter(|line| line.ends_with(b"\n"))
            .count();
        match self.children.first() {
            Some(child) => {
                text = format!(
                    "{text} {} {} {lines}",
                    envelope(&child.header),
                    child.structure(extended)
                );
            }
            None if kind == "text" => text = format!("{text} {lines}"),
            None => {}
        }
        if extended {
            text = format!("{text} NIL {} NIL NIL", self.disposition());
        }
        text.push(')');
        text
    }

    fn disposition(&self) -> String {
        match self
            .field("content-disposition")
            .as_deref()
            .and_then(parse_content_type)
        {
            Some(disposition) => {
                format!("({} {})", word(&disposition.c_type), list(&attributes(&disposition)))
            }
            None => "NIL".to_owned(),
        }
    }
}

/// The BODYSTRUCTURE of a message, or its BODY without extension data.
pub(super) fn structure(message: &[u8], extended: bool) -> String {
    Part::parse(message, 0).structure(extended)
}

/// The part with this number; `None` when there is none.
pub(super) fn part(message: &[u8], number: &[u32]) -> Option<Part> {
    let mut part = Part::parse(message, 0);
    for &digit in number {
        // An enclosed message is looked through: the numbers below it are those of its own parts.
        if part.kind == "message" && part.children.len() == 1 {
            part = part.children.pop()?;
        }
        if part.is_multipart() {
            let at = usize::try_from(digit).ok()?.checked_sub(1)?;
            part = part.children.into_iter().nth(at)?;
        } else if digit != 1 {
            return None;
        }
    }
    Some(part)
}

/// Type, subtype and parameters, in lower case but for the values; text/plain when the field is missing or broken.
fn content_type(header: &[u8]) -> (String, String, Vec<(String, String)>) {
    let message = Message::parse(header);
    let parsed = message.raw("content-type").next().and_then(parse_content_type);
    match parsed
        .as_ref()
        .and_then(|parsed| Some((parsed, parsed.c_subtype.as_deref()?)))
    {
        Some((parsed, subtype)) => (
            parsed.c_type.to_ascii_lowercase(),
            subtype.to_ascii_lowercase(),
            attributes(parsed),
        ),
        None => (
            "text".to_owned(),
            "plain".to_owned(),
            vec![("charset".to_owned(), "us-ascii".to_owned())],
        ),
    }
}

fn parse_content_type(value: &str) -> Option<ContentType<'static>> {
    let line = format!("{value}\n");
    MessageStream::new(line.as_bytes())
        .parse_content_type()
        .into_owned()
        .into_content_type()
}

fn attributes(parsed: &ContentType<'_>) -> Vec<(String, String)> {
    let attributes = parsed.attributes.as_deref().unwrap_or_default();
    attributes
        .iter()
        .map(|one| (one.name.to_ascii_lowercase(), one.value.to_string()))
        .collect()
}

/// The octets between the boundary lines of a multipart.
fn pieces(body: &[u8], boundary: &str) -> Vec<Vec<u8>> {
    let delimiter = format!("--{boundary}");
    let mut pieces: Vec<Vec<u8>> = Vec::new();
    let mut inside = false;
    for line in body.split_inclusive(|&octet| octet == b'\n') {
        if let Some(rest) = line.trim_ascii_end().strip_prefix(delimiter.as_bytes())
            && (rest.is_empty() || rest == b"--")
        {
            // The line end before a boundary belongs to the boundary (RFC 2046 section 5.1.1).
            if let (true, Some(piece)) = (inside, pieces.last_mut()) {
                let bare = piece
                    .strip_suffix(b"\n")
                    .map(|piece| piece.strip_suffix(b"\r").unwrap_or(piece).len());
                piece.truncate(bare.unwrap_or(piece.len()));
            }
            inside = rest.is_empty();
            if inside {
                pieces.push(Vec::new());
            }
        } else if let (true, Some(piece)) = (inside, pieces.last_mut()) {
            piece.extend_from_slice(line);
        }
    }
    pieces
}

fn word(word: &str) -> String {
    string(&word.trim().to_ascii_lowercase())
}

fn list(parameters: &[(String, String)]) -> String {
    if parameters.is_empty() {
        return "NIL".to_owned();
    }
    let words: Vec<String> = parameters
        .iter()
        .map(|(name, value)| format!("{} {}", word(name), string(value)))
        .collect();
    format!("({})", words.join(" "))
}

#[cfg(test)]
mod tests {
    use super::*;

    const MAIL: &[u8] = b"From: a@example.org\r\nContent-Type: multipart/mixed; boundary=\"X\"\r\n\r\n\
        preamble\r\n--X\r\nContent-Type: text/plain; charset=utf-8\r\n\r\nhello\r\n\r\n--X\r\n\
        Content-Type: application/pdf; name=\"a.pdf\"\r\nContent-Transfer-Encoding: base64\r\n\
        Content-Disposition: attachment; filename=\"a.pdf\"\r\n\r\nAAAA\r\n--X--\r\n";

    #[test]
    fn a_multipart_is_described() {
        assert_eq!(
            structure(MAIL, true),
            "((\"text\" \"plain\" (\"charset\" \"utf-8\") NIL NIL \"7bit\" 7 1 NIL NIL NIL NIL)\
             (\"application\" \"pdf\" (\"name\" \"a.pdf\") NIL NIL \"base64\" 4 NIL \
             (\"attachment\" (\"filename\" \"a.pdf\")) NIL NIL) \"mixed\" (\"boundary\" \"X\") NIL NIL NIL)"
        );
    }

    #[test]
    fn parts_are_found_by_number() {
        assert_eq!(part(MAIL, &[1]).unwrap().body, b"hello\r\n");
        assert_eq!(part(MAIL, &[2]).unwrap().body, b"AAAA");
        assert!(part(MAIL, &[3]).is_none());
        assert_eq!(part(b"Subject: x\r\n\r\nbody", &[1]).unwrap().body, b"body");
    }
}
