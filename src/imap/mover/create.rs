//! Folders of the account, made and subscribed where they are missing (RFC 9051 sections 6.3.4 and 6.3.7).
//!
//! LIST comes first: some servers end the session when a folder that exists is created again.

use crate::imap::error::ImapError;
use crate::imap::folders::quote;
use crate::imap::session::Session;
use crate::sort::mailbox::Mailbox;

/// Makes a folder and subscribes it. One that is there already is fine, and left as it is.
pub async fn create(session: &mut Session, mailbox: &Mailbox) -> Result<(), ImapError> {
    let wire = session.names().to_wire(mailbox)?;
    if exists(session, mailbox, &wire).await? {
        return Ok(());
    }
    let quoted = quote(&wire);
    match session
        .exec("CREATE", &format!("CREATE {quoted}"), |_| {})
        .await?
        .ok("CREATE")
    {
        Ok(_) => {}
        Err(refusal @ ImapError::Refused { .. }) => {
            let already = matches!(&refusal, ImapError::Refused { code: Some(code), .. } if code == "ALREADYEXISTS");
            return if already || exists(session, mailbox, &wire).await? {
                Ok(())
            } else {
                Err(refusal)
            };
        }
        Err(fault) => return Err(fault),
    }
    // A folder that clients do not show is worth less, not worthless.
    session
        .exec("SUBSCRIBE", &format!("SUBSCRIBE {quoted}"), |_| {})
        .await?;
    Ok(())
}

async fn exists(session: &mut Session, mailbox: &Mailbox, wire: &str) -> Result<bool, ImapError> {
    // In LIST a star is a wildcard; then look through everything.
    let pattern = if wire.contains(['*', '%']) { "*" } else { wire };
    let named = session.names().named(wire);
    let listed = session.list_matching(pattern).await?;
    Ok(listed
        .iter()
        .any(|folder| folder.selectable && (folder.mailbox == *mailbox || folder.mailbox == named)))
}
