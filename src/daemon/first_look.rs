//! The first look of a visit: one STATUS of every folder, which tells names of one folder apart, whether there is any sent
//! mail to read, and what is new. Asked once for the three of them.

use std::collections::BTreeMap;
use std::time::Duration;

use tokio::time::Instant;

use super::error::DaemonError;
use super::visit::Visit;
use crate::imap::{Selected, Status};
use crate::sort::mailbox::Mailbox;

/// An older look is no look.
const FRESH: Duration = Duration::from_secs(2);

/// The states of folders, and when they were so.
#[derive(Debug, Clone)]
pub struct FirstLook {
    at: Instant,
    states: BTreeMap<Mailbox, Status>,
}

impl FirstLook {
    /// What was seen, while it is fresh.
    pub fn fresh(&self) -> Option<&BTreeMap<Mailbox, Status>> {
        (self.at.elapsed() < FRESH).then_some(&self.states)
    }
}

impl Visit<'_> {
    /// Asks for the states of INBOX and all watched folders, and remembers them for a moment.
    pub async fn look_around(&mut self) -> Result<&BTreeMap<Mailbox, Status>, DaemonError> {
        let mut folders = self.layout.watched();
        let inbox = Mailbox::inbox();
        // Of the open folder SELECT has told; it SHOULD NOT be asked for by STATUS (RFC 9051 section 6.3.11).
        let open = self.session.selected().filter(|selected| selected.mailbox == inbox);
        let open = open.map(Selected::status);
        if open.is_none() {
            folders.push(inbox.clone());
        }
        let at = Instant::now();
        let mut states = self.session.status(&folders).await?;
        states.extend(open.map(|state| (inbox, state)));
        Ok(&self.first_look.insert(FirstLook { at, states }).states)
    }

    /// True when a folder was empty a moment ago, as far as is known.
    pub fn is_empty(&self, mailbox: &Mailbox) -> bool {
        let states = self.first_look.as_ref().and_then(FirstLook::fresh);
        states
            .and_then(|states| states.get(mailbox))
            .is_some_and(|state| state.messages == 0)
    }
}
