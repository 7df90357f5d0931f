//! Which folders there are: LIST (RFC 9051 section 6.3.9), with special use (RFC 6154) and subscription where the server can
//! tell them in the same answer (RFC 5258).

use async_imap::imap_proto::{MailboxDatum, MailboxListData, NameAttribute, Response};

use super::bounds;
use super::capability::Capabilities;
use super::completion::Completion;
use super::error::ImapError;
use super::folders::{quote, unquoted};
use super::session::Session;
use crate::sort::mailbox::Mailbox;

/// A folder as LIST describes it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Folder {
    /// The user's spelling.
    pub mailbox: Mailbox,
    /// False for `\Noselect` and `\NonExistent`: a level of the hierarchy that holds no mail.
    pub selectable: bool,
    /// True when no folder can be made below it.
    pub no_inferiors: bool,
    /// `\Sent`, `\Trash`, ... in canonical case (RFC 6154).
    pub special_use: Option<String>,
    /// Whether clients show it; `None` when the server was not able to say in the same answer.
    pub subscribed: Option<bool>,
}

/// LIST responses as they came.
#[derive(Debug, Default)]
pub(super) struct Listed {
    entries: Vec<MailboxListData<'static>>,
    octets: usize,
}

impl Listed {
    /// Keeps a LIST response; of more than anybody could have only how much it was.
    pub(super) fn note(&mut self, response: &Response<'_>) {
        if let Response::MailboxData(MailboxDatum::List(entry)) = response {
            self.octets += entry.name.len() + bounds::FOLDER;
            if self.octets <= bounds::LISTED {
                self.entries.push(entry.clone().into_owned());
            }
        }
    }
}

/// What a LIST asks for besides the names, where the server can tell.
pub(super) fn list_options(offered: &Capabilities) -> &'static str {
    match (offered.list_extended, offered.special_use) {
        (true, true) => " RETURN (SUBSCRIBED SPECIAL-USE)",
        (true, false) => " RETURN (SUBSCRIBED)",
        (false, _) => "",
    }
}

impl Session {
    /// Every folder of the account, in the user's spelling (LIST, with special use and subscription where offered).
    pub async fn list(&mut self) -> Result<Vec<Folder>, ImapError> {
        self.names_mut().forget();
        if let Some(listed) = self.listed_ahead.take() {
            return self.folders(listed, true);
        }
        self.list_matching("*").await
    }

    pub(super) async fn list_matching(&mut self, pattern: &str) -> Result<Vec<Folder>, ImapError> {
        let wanted = list_options(self.capabilities());
        let plain = format!("LIST \"\" {}", quote(pattern));
        let (mut completion, mut listed) = self.listing(&format!("{plain}{wanted}")).await?;
        let mut extended = !wanted.is_empty();
        if extended && completion.clone().ok("LIST").is_err() {
            (completion, listed) = self.listing(&plain).await?;
            extended = false;
        }
        completion.ok("LIST")?;
        self.folders(listed, extended)
    }

    async fn listing(&mut self, command: &str) -> Result<(Completion, Listed), ImapError> {
        let mut listed = Listed::default();
        let completion = self.exec("LIST", command, |response| listed.note(response)).await?;
        Ok((completion, listed))
    }

    fn folders(&mut self, listed: Listed, extended: bool) -> Result<Vec<Folder>, ImapError> {
        if listed.octets > bounds::LISTED {
            return Err(ImapError::hostile("more folders than anybody could have"));
        }
        let entries = listed.entries.into_iter();
        Ok(entries.map(|entry| self.folder(&entry, extended)).collect())
    }

    fn folder(&mut self, entry: &MailboxListData<'_>, extended: bool) -> Folder {
        let separator = entry
            .delimiter
            .as_deref()
            .and_then(|delimiter| unquoted(delimiter).chars().next());
        let mailbox = self.names_mut().learn(&unquoted(&entry.name), separator);
        let has = |name: &str| {
            entry
                .name_attributes
                .iter()
                .any(|attribute| matches!(attribute, NameAttribute::Extension(word) if word.eq_ignore_ascii_case(name)))
        };
        let special_use = entry.name_attributes.iter().find_map(|attribute| match attribute {
            NameAttribute::All => Some("\\All"),
            NameAttribute::Archive => Some("\\Archive"),
            NameAttribute::Drafts => Some("\\Drafts"),
            NameAttribute::Flagged => Some("\\Flagged"),
            NameAttribute::Junk => Some("\\Junk"),
            NameAttribute::Sent => Some("\\Sent"),
            NameAttribute::Trash => Some("\\Trash"),
            NameAttribute::Extension(word) if word.eq_ignore_ascii_case("\\Important") => Some("\\Important"),
            _ => None,
        });
        Folder {
            selectable: !entry.name_attributes.contains(&NameAttribute::NoSelect) && !has("\\NonExistent"),
            no_inferiors: entry.name_attributes.contains(&NameAttribute::NoInferiors),
            special_use: special_use.map(str::to_owned),
            subscribed: extended.then(|| has("\\Subscribed")),
            mailbox,
        }
    }
}
