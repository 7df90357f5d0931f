//! Everything a stage may ask about one message, gathered once.

use super::authenticity::Authentication;
use super::correspondence::Tally;
use super::evidence::Evidence;
use super::mailbox::{Mailbox, Timestamp};
use super::message::Message;
use super::sender::Owner;

/// One message with all that is known about it at `now`. Rules and built-in stages see the same values.
#[derive(Debug, Clone)]
pub struct Facts<'a> {
    /// The header.
    pub message: &'a Message,
    /// The instant of the decision.
    pub now: Timestamp,
    /// INTERNALDATE; the Date field only where a server gives none.
    pub arrived: Timestamp,
    /// Offset of the user's time zone at `arrived`, seconds east of UTC; for `hours` and `weekdays`.
    pub utc_offset: i32,
    /// RFC822.SIZE in octets.
    pub size: u32,
    /// Flags and keywords as IMAP spells them (`\Seen`, `$Forwarded`).
    pub flags: &'a [String],
    /// The account's name.
    pub account: &'a str,
    /// The folder the message is in.
    pub folder: &'a Mailbox,
    /// The user's own addresses.
    pub owner: &'a Owner,
    /// Whether the provider vouches for From.
    pub authentication: Authentication,
    /// What the headers say by themselves.
    pub evidence: &'a Evidence,
    /// The sender's tally; `None` for a stranger or a malformed From.
    pub tally: Option<&'a Tally>,
    /// It answers a message in Sent.
    pub reply_to_me: bool,
    /// A message with this Message-ID was seen before.
    pub duplicate: bool,
    /// Names of attached files; `None` when no rule asked the server for them.
    pub attachments: Option<&'a [String]>,
}
