//! APPEND (RFC 9051 section 6.3.12), for one thing only: the digest that Postroom itself has written.

use crate::imap::error::ImapError;
use crate::imap::folders::quote;
use crate::imap::session::Session;
use crate::sort::ledger::Committed;
use crate::sort::mailbox::{Mailbox, Uid, UidValidity};

/// Appends a message that Postroom itself has written (the digest); where it went, if the server tells (APPENDUID).
/// The store's proof says that it has been written down that this is tried, so that no fault can repeat it.
pub async fn append(
    session: &mut Session,
    mailbox: &Mailbox,
    flags: &[String],
    message: &Committed<Vec<u8>>,
) -> Result<Option<(UidValidity, Uid)>, ImapError> {
    let message = message.get().as_slice();
    let wire_name = quote(&session.names().to_wire(mailbox)?);
    let waits = !session.capabilities().literal_plus;
    let plus = if waits { "" } else { "+" };
    let body = format!("APPEND {wire_name} ({}) {{{}{plus}}}", flags.join(" "), message.len());
    let pending = session.wire().begin("APPEND", &body)?;
    session.wire().push("APPEND").await?;
    if waits {
        let (wire, memory) = session.parts();
        if let Err(refusal) = wire.continuation(&pending, |response| memory.observe(response)).await? {
            return refusal.ok("APPEND").map(|completion| completion.appended);
        }
    }
    session.wire().write("APPEND", &[message, b"\r\n"].concat()).await?;
    let completion = session.finish(pending, |_| {}).await?;
    Ok(completion.ok("APPEND")?.appended)
}
