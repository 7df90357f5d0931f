//! Further connections, one for each folder in `idle`, where the server has IDLE (RFC 2177) and no NOTIFY. They open their
//! folder read-only and listen; what they hear wakes the worker, which looks by its own connection. An attendant that
//! cannot connect is no reason to stop anything: its folder is looked at every `poll`, as without it.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Notify;
use tokio::task::JoinSet;

use super::access::Gate;
use super::backoff::Logins;
use super::error::DaemonError;
use super::logbook::Logbook;
use super::visit::Visit;
use crate::config::Imap;
use crate::imap::{Access, ImapError, watch};
use crate::sort::mailbox::Mailbox;

/// An attendant waits for this long before its first login, so that the worker has looked at everything first. All further
/// waiting is the account's login budget, which it shares with the worker (reliability.md A3).
const FIRST_LOGIN: Duration = Duration::from_secs(2);

/// After a lost connection.
const REST: Duration = Duration::from_mins(2);

/// Length of one wait; IDLE itself is renewed far more often.
const LONG: Duration = Duration::from_hours(1);

/// The attendants of one visit; they end with it.
#[derive(Debug)]
pub struct Attendants {
    /// Notified by whatever an attendant hears, and by the wake they were given.
    pub heard: Arc<Notify>,
    _tasks: JoinSet<()>,
}

impl Attendants {
    /// Sends an attendant to each folder that wants one and is there. `wake` is passed on.
    pub fn send(visit: &Visit<'_>, gate: &Arc<dyn Gate>, logins: &Logins, wake: Arc<Notify>) -> Self {
        let offered = visit.session.capabilities();
        let mut tasks = JoinSet::new();
        let folders: Vec<Mailbox> = if offered.idle && !offered.notify {
            let watched = visit.layout.watched();
            let wanted = visit.account.imap.idle.iter().cloned();
            let (there, missing) = wanted.partition(|folder| watched.contains(folder));
            for folder in Vec::into_iter(missing) {
                let why = "it is none of the folders that this account watches";
                visit.logbook.unattended(&folder, &why, visit.account.imap.poll);
            }
            there
        } else {
            Vec::new()
        };
        if folders.is_empty() {
            return Self {
                heard: wake,
                _tasks: tasks,
            };
        }
        let heard = Arc::new(Notify::new());
        let passed_on = heard.clone();
        tasks.spawn(async move {
            loop {
                wake.notified().await;
                passed_on.notify_one();
            }
        });
        for folder in folders {
            let listener = Listener {
                gate: gate.clone(),
                logins: logins.clone(),
                imap: visit.account.imap.clone(),
                folder,
                heard: heard.clone(),
                logbook: visit.logbook.clone(),
            };
            tasks.spawn(async move {
                tokio::time::sleep(FIRST_LOGIN).await;
                listener.attend().await;
            });
        }
        Self { heard, _tasks: tasks }
    }
}

/// One attendant and all it needs.
#[derive(Debug)]
struct Listener {
    gate: Arc<dyn Gate>,
    logins: Logins,
    imap: Imap,
    folder: Mailbox,
    heard: Arc<Notify>,
    logbook: Logbook,
}

impl Listener {
    /// Listens until the visit ends; gives up where another login would do harm.
    async fn attend(&self) {
        loop {
            let Err(error) = self.listen().await else { return };
            self.logbook.unattended(&self.folder, &error, self.imap.poll);
            let harmful = matches!(
                &error,
                DaemonError::Imap(
                    ImapError::LoginRefused { .. } | ImapError::LoginUnavailable { .. } | ImapError::Refused { .. }
                ) | DaemonError::Token(_)
                    | DaemonError::Secret(_)
            );
            if harmful {
                return;
            }
            tokio::time::sleep(REST).await;
        }
    }

    async fn listen(&self) -> Result<(), DaemonError> {
        self.logins.turn().await;
        let mut session = self.gate.open(&self.imap, None).await?;
        session.select(&self.folder, Access::ReadOnly).await?;
        self.logbook.attended(&self.folder);
        let nobody = Notify::new();
        loop {
            if watch::wait(&mut session, &[], LONG, &nobody).await?.selected {
                self.heard.notify_one();
            }
        }
    }
}
