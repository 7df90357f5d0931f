//! A message as a test writes it: header fields in order, a body, CRLF throughout.

use std::sync::atomic::{AtomicU32, Ordering};

static NEXT: AtomicU32 = AtomicU32::new(1);

/// A message to be delivered.
#[derive(Debug, Clone)]
pub struct Letter {
    fields: Vec<(String, String)>,
    body: String,
}

impl Letter {
    /// A plain letter from `from` to alice, with a fresh Message-ID.
    pub fn from(from: &str) -> Self {
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let domain = from.rsplit('@').next().unwrap_or("example.net").trim_end_matches('>');
        Self {
            fields: Vec::new(),
            body: "Hello.\r\n".to_owned(),
        }
        .field(
            "Received",
            "from mx.example.net by mail.example.org; Fri, 20 Nov 2026 10:00:00 +0000",
        )
        .field("From", from)
        .field("To", "alice@example.org")
        .field("Subject", &format!("letter {number}"))
        .field("Date", "Fri, 20 Nov 2026 10:00:00 +0000")
        .field("Message-ID", &format!("<{number}.{}@{domain}>", std::process::id()))
    }

    /// Sets a header field, in place of the one of that name if there is one.
    #[must_use]
    pub fn field(mut self, name: &str, value: &str) -> Self {
        match self
            .fields
            .iter_mut()
            .find(|(known, _)| known.eq_ignore_ascii_case(name))
        {
            Some((_, old)) => value.clone_into(old),
            None => self.fields.push((name.to_owned(), value.to_owned())),
        }
        self
    }

    /// Adds a header field at the end, even if one of that name is there.
    #[must_use]
    pub fn another(mut self, name: &str, value: &str) -> Self {
        self.fields.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Takes a header field away.
    #[must_use]
    pub fn without(mut self, name: &str) -> Self {
        self.fields.retain(|(known, _)| !known.eq_ignore_ascii_case(name));
        self
    }

    /// Whom it goes to.
    #[must_use]
    pub fn to(self, to: &str) -> Self {
        self.field("To", to)
    }

    /// Its subject.
    #[must_use]
    pub fn subject(self, subject: &str) -> Self {
        self.field("Subject", subject)
    }

    /// Its text.
    #[must_use]
    pub fn body(mut self, body: &str) -> Self {
        body.clone_into(&mut self.body);
        self
    }

    /// A reply to the message with that Message-ID.
    #[must_use]
    pub fn reply_to(self, message_id: &str) -> Self {
        self.field("In-Reply-To", message_id).field("References", message_id)
    }

    /// List mail of a newsletter.
    #[must_use]
    pub fn newsletter(self, list_id: &str) -> Self {
        self.field("List-Id", list_id)
            .field("List-Unsubscribe", "<https://example.net/leave>")
            .field("Precedence", "bulk")
    }

    /// Its Message-ID with the angle brackets.
    pub fn id(&self) -> String {
        self.fields
            .iter()
            .find(|(name, _)| name == "Message-ID")
            .map_or_else(String::new, |(_, id)| id.clone())
    }

    /// The message as it travels.
    pub fn bytes(&self) -> Vec<u8> {
        let mut text: String = self
            .fields
            .iter()
            .map(|(name, value)| format!("{name}: {value}\r\n"))
            .collect();
        text.push_str("\r\n");
        text.push_str(&self.body);
        text.into_bytes()
    }
}
