//! Folders in which the server does not let us do our work: bucket folders that take no mail or cannot be made, an INBOX
//! that is read-only. Each is said once a visit, in the log and in `status`; until it is mended that bucket's mail stays in
//! the inbox, or, where nothing can leave INBOX, everything does and the verdicts are only recorded.

use std::collections::BTreeMap;

use super::error::DaemonError;
use super::status::{self, AccountStatus};
use super::visit::Visit;
use crate::sort::ledger::{Entry, Outcome, RowId};
use crate::sort::mailbox::Mailbox;

impl Visit<'_> {
    /// Asks once a visit which bucket folders take no mail.
    pub async fn learn_rights(&mut self) -> Result<(), DaemonError> {
        if !self.sorter.settings.moves {
            return Ok(());
        }
        for (folder, words) in self.layout.refused.clone() {
            self.bar(
                &folder,
                format!("the folder {folder} cannot be made ({words}); mail for it stays in the inbox"),
            );
        }
        let folders = self.layout.buckets.clone();
        for folder in self.session.folders_without_right(&folders).await? {
            self.bar(&folder, no_right(&folder));
        }
        Ok(())
    }

    /// A move refused for want of a right bars its destination: the next would be refused too.
    pub async fn bar_refused(
        &mut self,
        entries: &BTreeMap<RowId, Box<Entry>>,
        outcomes: &[(RowId, Outcome)],
    ) -> Result<(), DaemonError> {
        let before = self.retries.barred.len();
        for (row, outcome) in outcomes {
            let Outcome::Failed(code) = outcome else { continue };
            let folder = entries.get(row).and_then(|entry| entry.destination.clone());
            if let Some(folder) = folder.filter(|_| code.starts_with("[NOPERM]")) {
                self.bar(&folder, no_right(&folder));
            }
        }
        if self.retries.barred.len() > before {
            let status = AccountStatus::connected(self);
            status::save(&self.store, &self.account.name, status).await?;
        }
        Ok(())
    }

    fn bar(&mut self, folder: &Mailbox, why: String) {
        if self.retries.barred.contains_key(folder) {
            return;
        }
        self.logbook.stuck(
            &why,
            "ask whoever gives out rights on the server, or name another folder in postroom.toml",
        );
        self.retries.barred.insert(folder.clone(), why);
    }

    /// INBOX was opened for writing and the server says that it is read-only: from here on the visit only looks on.
    pub fn look_on(&mut self) {
        if !std::mem::replace(&mut self.retries.inbox_is_read_only, true) {
            self.logbook.stuck(
                &INBOX_READ_ONLY,
                "ask whoever gives out rights on the server; verdicts are recorded meanwhile",
            );
        }
        self.weigh();
    }

    /// What the user should know although the account is connected.
    pub fn remarks(&self) -> Vec<String> {
        let inbox = self.retries.inbox_is_read_only.then(|| INBOX_READ_ONLY.to_owned());
        let gone = self.gone_remarks();
        self.retries.barred.values().cloned().chain(inbox).chain(gone).collect()
    }
}

fn no_right(folder: &Mailbox) -> String {
    format!("the server lets you put no mail into {folder}; mail for it stays in the inbox")
}

const INBOX_READ_ONLY: &str = "INBOX is read-only, so nothing can be moved out of it";
