//! Opening a folder: SELECT and EXAMINE (RFC 9051 sections 6.3.2 and 6.3.3), and what they tell before their tagged OK.

use async_imap::imap_proto::{MailboxDatum, Response, ResponseCode};

use super::completion::Completion;
use super::error::ImapError;
use super::folders::quote;
use super::selected::{Access, Selected};
use super::session::{Memory, Session};
use crate::sort::mailbox::{Mailbox, Uid, UidValidity};

impl Session {
    /// Opens a folder (SELECT or EXAMINE). Sends nothing when it is INBOX as the introduction has opened it, and nothing has
    /// been told of it since.
    pub async fn select(&mut self, mailbox: &Mailbox, access: Access) -> Result<Selected, ImapError> {
        let wire_name = self.names().to_wire(mailbox)?;
        if let Some(selected) = self.memory.take_opened_ahead(mailbox, access) {
            return Ok(selected);
        }
        self.settle().await?;
        self.ahead = None;
        self.memory.deselect();
        let name = verb(access);
        let mut opening = Opening::default();
        let body = format!("{name} {}", quote(&wire_name));
        let completion = self
            .exec(name, &body, |response| opening.note(response))
            .await?
            .ok(name)?;
        let told = opening.uid_next;
        let mut selected = opening
            .selected(mailbox, access, &completion)
            .ok_or_else(|| ImapError::Unsupported {
                what: format!("folder {mailbox} has no lasting UIDs (no UIDVALIDITY); Postroom cannot work with it"),
            })?;
        self.memory.opened(selected.clone());
        selected.uid_next = match told {
            Some(uid_next) => uid_next,
            // 163.com and Winmail leave it out.
            None => self
                .status(std::slice::from_ref(mailbox))
                .await?
                .get(mailbox)
                .map_or(Uid(1), |status| status.uid_next),
        };
        self.memory.selected = Some(selected.clone());
        Ok(selected)
    }
}

/// The command that opens a folder so.
pub(super) fn verb(access: Access) -> &'static str {
    match access {
        Access::ReadWrite => "SELECT",
        Access::ReadOnly => "EXAMINE",
    }
}

/// What SELECT tells before its tagged OK.
#[derive(Debug, Default)]
pub(super) struct Opening {
    exists: Option<u32>,
    uid_validity: Option<UidValidity>,
    uid_next: Option<Uid>,
    highest_modseq: Option<u64>,
    flags: Option<Vec<String>>,
    permanent_flags: Option<Vec<String>>,
}

impl Opening {
    pub(super) fn note(&mut self, response: &Response<'_>) {
        let owned =
            |flags: &[std::borrow::Cow<'_, str>]| Some(flags.iter().map(|flag| flag.clone().into_owned()).collect());
        match response {
            Response::MailboxData(MailboxDatum::Exists(exists)) => self.exists = Some(*exists),
            Response::MailboxData(MailboxDatum::Flags(flags)) => self.flags = owned(flags),
            Response::Data { outcome, .. } => match &outcome.code {
                Some(ResponseCode::UidValidity(value)) => self.uid_validity = Some(UidValidity(*value)),
                Some(ResponseCode::UidNext(value)) => self.uid_next = Some(Uid(*value)),
                Some(ResponseCode::HighestModSeq(value)) => self.highest_modseq = Some(*value),
                Some(ResponseCode::PermanentFlags(flags)) => self.permanent_flags = owned(flags),
                _ => {}
            },
            _ => {}
        }
    }

    /// True when it was told how many messages there are and where the next one will be.
    pub(super) fn is_whole(&self) -> bool {
        self.exists.is_some() && self.uid_next.is_some()
    }

    /// The folder as it was opened; UIDNEXT is 0 when it was not told. `None` without UIDVALIDITY.
    pub(super) fn selected(self, mailbox: &Mailbox, access: Access, completion: &Completion) -> Option<Selected> {
        Some(Selected {
            mailbox: mailbox.clone(),
            uid_validity: self.uid_validity?,
            uid_next: self.uid_next.unwrap_or(Uid(0)),
            exists: self.exists.unwrap_or(0),
            read_only: access == Access::ReadOnly || completion.code.as_deref() == Some("READ-ONLY"),
            permanent_flags: self.permanent_flags.or(self.flags).unwrap_or_default(),
            highest_modseq: self.highest_modseq,
        })
    }
}

impl Memory {
    /// A folder was opened: nobody has looked through it yet.
    pub(super) fn opened(&mut self, selected: Selected) {
        self.selected = Some(selected);
        self.unlooked = true;
    }

    /// INBOX as the introduction has opened it, once, while it is as it was.
    fn take_opened_ahead(&mut self, mailbox: &Mailbox, access: Access) -> Option<Selected> {
        let opened = self.opened_ahead.take();
        let as_it_was = opened == Some(access) && !self.has_news() && !self.left;
        let selected = self.selected.as_ref().filter(|selected| selected.mailbox == *mailbox);
        selected.filter(|_| as_it_was).cloned()
    }
}
