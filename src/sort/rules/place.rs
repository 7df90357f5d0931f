//! The places of a message that patterns look at, and the values found there.

use std::borrow::Cow;
use std::cell::OnceCell;
use std::fmt;

use super::pattern::{Comparison, Value, fold};
use crate::sort::facts::Facts;
use crate::sort::message;
use crate::sort::sender::Address;

/// A place whose values a pattern is held against.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Place {
    /// The author; nothing when From is malformed, because then nobody knows who wrote.
    From,
    /// Addresses of To.
    To,
    /// Addresses of Cc.
    Cc,
    /// Addresses of Bcc, which a sent or badly prepared message may still carry.
    Bcc,
    /// Addresses of Reply-To.
    ReplyTo,
    /// Addresses of To and Cc.
    Recipient,
    /// The `detail` of `user+detail@domain` of each recipient (RFC 5233).
    ToDetail,
    /// The subject, decoded.
    Subject,
    /// Every occurrence of a header field, decoded. The name is in lower case.
    Header(Box<str>),
    /// The list's identifier (RFC 2919).
    ListId,
    /// The account's name.
    Account,
    /// The folder the message is in.
    Folder,
    /// Names of attached files.
    Attachment,
}

/// Header fields that hold addresses beside those that have a place of their own.
const ADDRESS_FIELDS: [&str; 18] = [
    "bcc",
    "cc",
    "delivered-to",
    "envelope-to",
    "errors-to",
    "from",
    "mail-followup-to",
    "reply-to",
    "resent-cc",
    "resent-from",
    "resent-sender",
    "resent-to",
    "return-path",
    "sender",
    "to",
    "x-envelope-to",
    "x-forwarded-to",
    "x-original-to",
];

impl Place {
    /// How values of this place are compared.
    pub fn comparison(&self) -> Comparison {
        match self {
            Place::From | Place::To | Place::Cc | Place::Bcc | Place::ReplyTo | Place::Recipient => Comparison::Address,
            Place::ListId => Comparison::ListId,
            Place::Header(name) if ADDRESS_FIELDS.contains(&&**name) => Comparison::TextWithAddresses,
            Place::Subject | Place::Header(_) => Comparison::Text,
            Place::ToDetail | Place::Account | Place::Folder | Place::Attachment => Comparison::Name,
        }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Place::From => "from",
            Place::To => "to",
            Place::Cc => "cc",
            Place::Bcc => "bcc",
            Place::ReplyTo => "reply_to",
            Place::Recipient => "recipient",
            Place::ToDetail => "to_detail",
            Place::Subject => "subject",
            Place::Header(name) => return write!(f, "header \"{name}\""),
            Place::ListId => "list_id",
            Place::Account => "account",
            Place::Folder => "folder",
            Place::Attachment => "attachment",
        })
    }
}

/// A text with its folded form.
#[derive(Debug)]
struct Text<'a> {
    plain: Cow<'a, str>,
    folded: String,
}

impl<'a> Text<'a> {
    fn new(plain: Cow<'a, str>) -> Self {
        let folded = fold(&plain);
        Self { plain, folded }
    }

    fn value(&self) -> Value<'_> {
        Value {
            text: &self.plain,
            folded: &self.folded,
            address: false,
        }
    }
}

/// One message as rules see it: the facts, with folded texts made once and only when a rule asks.
#[derive(Debug)]
pub struct View<'a> {
    /// What is known about the message.
    pub facts: &'a Facts<'a>,
    subject: OnceCell<Text<'a>>,
    bcc: OnceCell<Vec<Address>>,
}

impl<'a> View<'a> {
    /// A view of one message.
    pub fn new(facts: &'a Facts<'a>) -> Self {
        Self {
            facts,
            subject: OnceCell::new(),
            bcc: OnceCell::new(),
        }
    }

    /// True when any value at `place` passes `test`.
    pub fn any(&self, place: &Place, test: &mut dyn FnMut(Value<'_>) -> bool) -> bool {
        let message = self.facts.message;
        match place {
            Place::From => message.from().is_some_and(|address| test(of_address(address))),
            Place::To => message.to.iter().any(|address| test(of_address(address))),
            Place::Cc => message.cc.iter().any(|address| test(of_address(address))),
            Place::Bcc => self.bcc().iter().any(|address| test(of_address(address))),
            Place::ReplyTo => message.reply_to.iter().any(|address| test(of_address(address))),
            Place::Recipient => message.recipients().any(|address| test(of_address(address))),
            Place::ToDetail => message
                .recipients()
                .filter_map(Address::detail)
                .any(|detail| test(folded(detail))),
            Place::Subject => {
                // No subject at all is no value; an empty one is.
                message.has("subject")
                    && test(
                        self.subject
                            .get_or_init(|| Text::new(Cow::Borrowed(message.subject.as_str())))
                            .value(),
                    )
            }
            Place::Header(name) => self.any_header(name, test),
            Place::ListId => message.list_id.as_deref().is_some_and(|id| {
                test(Value {
                    text: id,
                    folded: id,
                    address: true,
                })
            }),
            Place::Account => test(Text::new(Cow::Borrowed(self.facts.account)).value()),
            Place::Folder => test(Text::new(Cow::Borrowed(self.facts.folder.as_str())).value()),
            Place::Attachment => self
                .facts
                .attachments
                .unwrap_or_default()
                .iter()
                .any(|name| test(Text::new(Cow::Borrowed(name)).value())),
        }
    }

    fn any_header(&self, name: &str, test: &mut dyn FnMut(Value<'_>) -> bool) -> bool {
        let addresses = ADDRESS_FIELDS.contains(&name);
        self.facts.message.raw(name).any(|raw| {
            test(Text::new(message::decode(raw)).value())
                || (addresses
                    && message::addresses(raw)
                        .iter()
                        .filter_map(|(address, _)| address.as_ref())
                        .any(|address| test(of_address(address))))
        })
    }

    fn bcc(&self) -> &[Address] {
        self.bcc.get_or_init(|| {
            let found = self.facts.message.raw("bcc").flat_map(message::addresses);
            found.filter_map(|(address, _)| address).take(1_000).collect()
        })
    }
}

fn of_address(address: &Address) -> Value<'_> {
    Value {
        text: address.as_str(),
        folded: address.as_str(),
        address: true,
    }
}

/// A value that is in lower case by construction.
fn folded(text: &str) -> Value<'_> {
    Value {
        text,
        folded: text,
        address: false,
    }
}
