//! The files a raw message carries, by name, for mail that lies before us as a whole: `explain FILE` and the tests of rules.
//! Of mail on a server `imap::structure` tells the same from BODYSTRUCTURE (RFC 9051 section 7.5.2).

use mail_parser::{ContentType, Message, MessageParser, MessagePart, MimeHeaders, PartType};

/// Messages in one another that are looked into.
const DEEPEST: usize = 48;

/// Files told of one message.
const MOST_NAMES: usize = 1_000;

/// The names of the files in `raw`, in their order; one without a name is told as an empty one. A part is a file when it is
/// an attachment by its Content-Disposition (RFC 2183), has a name, or is a message; a picture that the text shows is none.
pub fn names(raw: &[u8]) -> Vec<String> {
    let mut names = Vec::new();
    if let Some(message) = MessageParser::default().parse(raw) {
        collect(&message, 0, &mut names);
    }
    names
}

fn collect(message: &Message<'_>, depth: usize, names: &mut Vec<String>) {
    for part in &message.parts {
        if names.len() >= MOST_NAMES {
            return;
        }
        names.extend(file_name(part).map(str::to_owned));
        if let (PartType::Message(inner), true) = (&part.body, depth < DEEPEST) {
            collect(inner, depth + 1, names);
        }
    }
}

/// The name of a part that is a file.
fn file_name<'p>(part: &'p MessagePart<'_>) -> Option<&'p str> {
    let name = part.attachment_name();
    let attached = part.content_disposition().is_some_and(ContentType::is_attachment);
    let picture = part
        .content_type()
        .is_some_and(|kind| kind.ctype().eq_ignore_ascii_case("image"));
    let shown = picture && part.content_id().is_some() && !attached;
    let message = matches!(part.body, PartType::Message(_));
    (attached || (name.is_some() && !shown) || message).then(|| name.unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    const INVITATION: &str = "From: a@example.org\r\nMIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n\
        --b\r\nContent-Type: text/plain\r\n\r\nhello\r\n\
        --b\r\nContent-Type: text/calendar; name=\"invite.ics\"\r\n\r\nBEGIN:VCALENDAR\r\n\
        --b\r\nContent-Type: image/png; name=\"logo.png\"\r\nContent-ID: <l@example.org>\r\n\r\nx\r\n\
        --b\r\nContent-Type: application/pdf\r\nContent-Disposition: attachment; filename*=utf-8''Gr%C3%BC%C3%9Fe.pdf\r\n\r\nx\r\n\
        --b\r\nContent-Type: message/rfc822\r\n\r\nFrom: b@example.org\r\nContent-Type: application/zip; name=in.zip\r\n\r\nx\r\n\
        --b--\r\n";

    #[test]
    fn files_are_told_as_a_server_tells_them() {
        assert_eq!(names(INVITATION.as_bytes()), ["invite.ics", "Grüße.pdf", "", "in.zip"]);
    }

    #[test]
    fn a_letter_carries_none() {
        assert!(names(b"From: a@example.org\r\nSubject: hello\r\n\r\nhow are you?\r\n").is_empty());
        assert!(names(b"").is_empty());
    }
}
