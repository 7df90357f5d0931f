//! Which folders take no mail from us, as far as a server with access control (RFC 4314) tells without a try.
//!
//! Where LIST can tell our rights (RFC 8440) one LIST does. Elsewhere SELECT says READ-ONLY of a folder in which nothing may
//! be changed; EXAMINE would say it of every folder. A right that neither shows is met as a NO to the first move.

use async_imap::imap_proto::Response;

use super::completion::Verdict;
use super::error::ImapError;
use super::folders::{quote, unquoted};
use super::session::Session;
use crate::sort::mailbox::Mailbox;

impl Session {
    /// Of `mailboxes`, those that take no mail from us. One flight; afterwards no folder may be selected.
    pub async fn folders_without_right(&mut self, mailboxes: &[Mailbox]) -> Result<Vec<Mailbox>, ImapError> {
        let offered = self.capabilities();
        match (offered.list_myrights && offered.list_extended, offered.acl) {
            _ if mailboxes.is_empty() => Ok(Vec::new()),
            (true, _) => self.listed_rights(mailboxes).await,
            (false, true) => self.selected_read_only(mailboxes).await,
            (false, false) => Ok(Vec::new()),
        }
    }

    async fn listed_rights(&mut self, mailboxes: &[Mailbox]) -> Result<Vec<Mailbox>, ImapError> {
        let mut names = Vec::new();
        for mailbox in mailboxes {
            names.push(quote(&self.names().to_wire(mailbox)?));
        }
        let command = format!("LIST \"\" ({}) RETURN (MYRIGHTS)", names.join(" "));
        let mut told = Vec::new();
        let completion = self.exec("LIST", &command, |response| {
            if let Response::MyRights(mine) = response {
                told.push((
                    unquoted(&mine.mailbox),
                    mine.rights.iter().any(|right| char::from(*right) == 'i'),
                ));
            }
        });
        if completion.await?.verdict != Verdict::Ok {
            return Ok(Vec::new());
        }
        let closed = told.into_iter().filter(|(_, insert)| !insert);
        Ok(closed.map(|(name, _)| self.names().named(&name)).collect())
    }

    async fn selected_read_only(&mut self, mailboxes: &[Mailbox]) -> Result<Vec<Mailbox>, ImapError> {
        let mut commands = Vec::new();
        for mailbox in mailboxes {
            commands.push(("SELECT", format!("SELECT {}", quote(&self.names().to_wire(mailbox)?))));
        }
        self.memory.deselect();
        let answers = self.exec_all(&commands).await?;
        let read_only = mailboxes
            .iter()
            .zip(answers)
            .filter(|(_, answer)| answer.verdict == Verdict::Ok && answer.code.as_deref() == Some("READ-ONLY"));
        Ok(read_only.map(|(mailbox, _)| mailbox.clone()).collect())
    }
}
