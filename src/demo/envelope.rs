//! ENVELOPE (RFC 9051 section 7.5.2): the header in brief, encoded words left as they are.

use super::answer::nstring;
use crate::sort::message::Message;

/// The envelope of a raw message or of its header.
pub(super) fn envelope(raw: &[u8]) -> String {
    let message = Message::parse(raw);
    let first = |name: &str| message.raw(name).next().map(str::to_owned);
    let addresses = |name: &str| address_list(&message.raw(name).collect::<Vec<_>>().join(", "));
    let from = addresses("from");
    let or_from = |list: String| if list == "NIL" { from.clone() } else { list };
    let parts = [
        nstring(first("date").as_deref()),
        nstring(first("subject").as_deref()),
        from.clone(),
        or_from(addresses("sender")),
        or_from(addresses("reply-to")),
        addresses("to"),
        addresses("cc"),
        addresses("bcc"),
        nstring(first("in-reply-to").as_deref()),
        nstring(first("message-id").as_deref()),
    ];
    format!("({})", parts.join(" "))
}

/// An address field as a list of `(name route local domain)`, or NIL. Groups lose their name and keep their members.
fn address_list(value: &str) -> String {
    let mut list = String::new();
    for text in split_at_commas(value) {
        let text = text.trim().trim_end_matches(';').trim();
        let (name, address) = match text.rsplit_once('<') {
            Some((name, rest)) => (name.trim(), rest.split('>').next().unwrap_or_default()),
            None => ("", text.split('(').next().unwrap_or_default()),
        };
        let Some((local, domain)) = address.trim().rsplit_once('@') else {
            continue;
        };
        let name = name.trim_matches('"').replace("\\\"", "\"").replace("\\\\", "\\");
        let name = (!name.is_empty()).then_some(name.as_str());
        let parts = [
            "(",
            &nstring(name),
            " NIL ",
            &nstring(Some(local)),
            " ",
            &nstring(Some(domain)),
            ")",
        ];
        list.extend(parts);
    }
    if list.is_empty() {
        "NIL".to_owned()
    } else {
        format!("({list})")
    }
}

/// The parts between commas, and behind a group's colon, that stand outside quotes, comments and angle brackets.
fn split_at_commas(value: &str) -> Vec<String> {
    let (mut parts, mut part) = (Vec::new(), String::new());
    let (mut quoted, mut escaped, mut angle, mut comment) = (false, false, false, 0_u32);
    for c in value.chars() {
        let bare = !quoted && !angle && comment == 0;
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            '"' if comment == 0 => quoted = !quoted,
            '(' if !quoted => comment += 1,
            ')' if !quoted => comment = comment.saturating_sub(1),
            '<' if !quoted => angle = true,
            '>' if !quoted => angle = false,
            ',' if bare => {
                parts.push(std::mem::take(&mut part));
                continue;
            }
            ':' if bare => {
                part.clear();
                continue;
            }
            _ => {}
        }
        part.push(c);
    }
    parts.push(part);
    parts
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_taken_apart() {
        assert_eq!(
            address_list("\"Doe, Jane\" <jane@example.org>, =?UTF-8?Q?J=C3=BCrg?= <j@example.org>, x@example.com (X)"),
            "((\"Doe, Jane\" NIL \"jane\" \"example.org\")(\"=?UTF-8?Q?J=C3=BCrg?=\" NIL \"j\" \"example.org\")\
             (NIL NIL \"x\" \"example.com\"))"
        );
        assert_eq!(address_list("undisclosed-recipients:;"), "NIL");
        assert_eq!(
            address_list("team: a@example.org, b@example.org;"),
            "((NIL NIL \"a\" \"example.org\")(NIL NIL \"b\" \"example.org\"))"
        );
        assert_eq!(address_list(""), "NIL");
    }
}
