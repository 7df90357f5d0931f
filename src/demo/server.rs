//! The embedded server's handle: starts it on loopback, fills its folders, looks into them, orders faults. What the
//! handle does reaches connected clients the way another client's doings would.

use std::collections::{BTreeSet, VecDeque};
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::AbortHandle;

use super::fault::{Fault, Faults};
use super::mailbox::{Account, Store, Stored};
use super::names;
use super::options::ServerOptions;
use super::session;
use crate::sort::mailbox::{Timestamp, Uid, UidValidity};

/// Command lines that are kept.
const MOST_COMMANDS: usize = 100_000;

/// What all sessions share.
#[derive(Debug)]
pub(super) struct Shared {
    pub(super) options: ServerOptions,
    state: Mutex<State>,
    /// Stirs whenever anything has changed.
    pub(super) changed: watch::Sender<u64>,
    /// Stirs when every connection is to be cut.
    pub(super) cut: watch::Sender<u64>,
}

/// What is behind the lock.
#[derive(Debug)]
pub(super) struct State {
    pub(super) store: Store,
    commands: VecDeque<String>,
    faults: Faults,
    connections: usize,
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        // A session that panicked has not left half a change behind: every change is one call.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn read<T>(&self, look: impl FnOnce(&State) -> T) -> T {
        look(&self.lock())
    }

    /// Changes something, then stirs everyone who waits for changes.
    pub(super) fn change<T>(&self, act: impl FnOnce(&mut State) -> T) -> T {
        let result = act(&mut self.lock());
        self.changed.send_modify(|count| *count += 1);
        result
    }

    /// Keeps a command line. A demo may run for weeks, so the oldest go.
    pub(super) fn record(&self, line: String) {
        self.change(|state| {
            if state.commands.len() == MOST_COMMANDS {
                state.commands.pop_front();
            }
            state.commands.push_back(line);
        });
    }

    pub(super) fn due_fault(&self, command: &str) -> Option<Fault> {
        let due = self.lock().faults.due(command);
        if due.is_some() {
            self.changed.send_modify(|count| *count += 1);
        }
        due
    }
}

/// Stops accepting and cuts every connection when the last handle goes.
#[derive(Debug)]
struct Accepting {
    task: AbortHandle,
    shared: Arc<Shared>,
}

impl Drop for Accepting {
    fn drop(&mut self) {
        self.task.abort();
        self.shared.cut.send_modify(|count| *count += 1);
    }
}

/// A running server. Clones are handles to the same one; it stops when the last is dropped.
///
/// Folders are named as users spell them, in UTF-8 with `/` between levels. A user or folder that does not exist is
/// empty when looked at and made when written to.
#[derive(Debug, Clone)]
pub struct Server {
    shared: Arc<Shared>,
    address: SocketAddr,
    _accepting: Option<Arc<Accepting>>,
}

impl Server {
    /// Starts listening on 127.0.0.1. Fails when the port is taken.
    pub async fn start(options: ServerOptions) -> io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, options.port)).await?;
        let address = listener.local_addr()?;
        let mut store = Store::new(options.first_uid_validity);
        for user in &options.users {
            store.accounts.insert(
                user.name.clone(),
                Account {
                    password: user.password.clone(),
                    ..Account::default()
                },
            );
            let inbox = ("INBOX".to_owned(), None);
            for (name, special_use) in std::iter::once(&inbox).chain(&options.folders) {
                if let Some(folder) = store.create(&user.name, &names::encode(name)) {
                    folder.special_use = *special_use;
                    folder.subscribed = true;
                }
            }
        }
        let state = State {
            store,
            commands: VecDeque::new(),
            faults: Faults::default(),
            connections: 0,
        };
        let shared = Arc::new(Shared {
            options,
            state: Mutex::new(state),
            changed: watch::Sender::new(0),
            cut: watch::Sender::new(0),
        });
        let task = tokio::spawn(accept(listener, Arc::clone(&shared))).abort_handle();
        let accepting = Arc::new(Accepting {
            task,
            shared: Arc::clone(&shared),
        });
        Ok(Self {
            shared,
            address,
            _accepting: Some(accepting),
        })
    }

    /// A handle for a fault's own doings, which does not keep the server running.
    pub(super) fn handle(shared: &Arc<Shared>) -> Self {
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, shared.options.port));
        Self {
            shared: Arc::clone(shared),
            address,
            _accepting: None,
        }
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Delivers a message, as a mail transfer agent would; answers its UID.
    pub fn deliver(&self, user: &str, mailbox: &str, raw: &[u8], internal_date: Timestamp) -> Option<Uid> {
        self.deliver_flagged(user, mailbox, raw, internal_date, &[])
    }

    /// [`Server::deliver`] with flags, for mail that has lain there for a while.
    pub fn deliver_flagged(
        &self,
        user: &str,
        mailbox: &str,
        raw: &[u8],
        internal_date: Timestamp,
        flags: &[&str],
    ) -> Option<Uid> {
        let name = names::encode(mailbox);
        let flags: BTreeSet<String> = flags.iter().map(|&flag| flag.to_owned()).collect();
        self.shared.change(|state| {
            state.store.create(user, &name);
            Some(
                state
                    .store
                    .folder_mut(user, &name)?
                    .append(raw.into(), flags, internal_date),
            )
        })
    }

    /// Creates a folder; false when it is there already.
    pub fn create(&self, user: &str, mailbox: &str) -> bool {
        let name = names::encode(mailbox);
        self.shared.change(|state| state.store.create(user, &name).is_some())
    }

    /// Deletes a folder with its messages; false when there is none.
    pub fn delete(&self, user: &str, mailbox: &str) -> bool {
        let name = names::encode(mailbox);
        self.shared.change(|state| {
            state
                .store
                .account_mut(user)
                .and_then(|account| account.folders.remove(&name))
                .is_some()
        })
    }

    /// The names of the user's folders, sorted.
    pub fn folders(&self, user: &str) -> Vec<String> {
        self.shared.read(|state| {
            let account = state.store.account(user);
            account
                .map(|account| account.folders.keys().map(|name| names::decode(name)).collect())
                .unwrap_or_default()
        })
    }

    /// The messages of a folder, by rising UID.
    pub fn messages(&self, user: &str, mailbox: &str) -> Vec<Stored> {
        let name = names::encode(mailbox);
        self.shared.read(|state| {
            state
                .store
                .folder(user, &name)
                .map(|folder| folder.messages().to_vec())
                .unwrap_or_default()
        })
    }

    /// The UIDVALIDITY of a folder.
    pub fn uid_validity(&self, user: &str, mailbox: &str) -> Option<UidValidity> {
        let name = names::encode(mailbox);
        self.shared
            .read(|state| state.store.folder(user, &name).map(|folder| folder.uid_validity))
    }

    /// Gives a folder a new UIDVALIDITY and its messages new UIDs from 1. Sessions that have it selected are told BYE.
    pub fn bump_uid_validity(&self, user: &str, mailbox: &str) -> Option<UidValidity> {
        let name = names::encode(mailbox);
        self.shared.change(|state| state.store.renumber(user, &name))
    }

    /// Moves the message with this Message-ID (without angle brackets) as a client's MOVE would; answers its new UID,
    /// or `None` when there is no such message or folder.
    pub fn drag(&self, user: &str, from: &str, message_id: &str, to: &str) -> Option<Uid> {
        let (from, to) = (names::encode(from), names::encode(to));
        self.shared.change(|state| {
            let folder = state.store.folder(user, &from)?;
            let (id, uid) = (folder.id, find(folder.messages(), message_id)?.uid);
            let (_, new) = state.store.copy(user, id, &to, &[uid]).pop()?;
            state.store.folder_mut(user, &from)?.remove(&BTreeSet::from([uid]));
            Some(new)
        })
    }

    /// Removes one message for good, as a client's delete and expunge would; false when it is not there.
    pub fn expunge(&self, user: &str, mailbox: &str, uid: Uid) -> bool {
        let name = names::encode(mailbox);
        self.shared.change(|state| {
            let Some(folder) = state.store.folder_mut(user, &name) else {
                return false;
            };
            let there = folder.get(uid).is_some();
            folder.remove(&BTreeSet::from([uid]));
            there
        })
    }

    /// Sets the flags of one message, as a client's STORE would; false when it is not there.
    pub fn set_flags(&self, user: &str, mailbox: &str, uid: Uid, flags: &[&str]) -> bool {
        let name = names::encode(mailbox);
        let flags = flags.iter().map(|&flag| flag.to_owned()).collect();
        self.shared.change(|state| {
            state
                .store
                .folder_mut(user, &name)
                .is_some_and(|folder| folder.set_flags(uid, flags).is_some())
        })
    }

    /// Orders a fault for the `nth` occurrence, from 1 and counted from now, of a command such as `UID MOVE`, on any
    /// connection. `GREETING` is the moment a connection is made.
    pub fn order(&self, command: &str, nth: usize, fault: Fault) {
        self.shared.change(|state| state.faults.order(command, nth, fault));
    }

    /// True when every ordered fault has happened.
    pub fn faults_happened(&self) -> bool {
        self.shared.read(|state| state.faults.is_empty())
    }

    /// Cuts every connection, without a word.
    pub fn drop_connections(&self) {
        self.shared.cut.send_modify(|count| *count += 1);
    }

    /// How many connections are open.
    pub fn connections(&self) -> usize {
        self.shared.read(|state| state.connections)
    }

    /// Every command line received so far (of very many the newest), over all connections, in order; passwords and
    /// messages left out.
    pub fn commands(&self) -> Vec<String> {
        self.shared.read(|state| state.commands.iter().cloned().collect())
    }

    /// Waits until `holds` is true of this server. It is asked now and after every change, command or connection;
    /// false when the deadline came first.
    pub async fn wait_until(&self, deadline: Duration, mut holds: impl FnMut(&Self) -> bool) -> bool {
        let mut changed = self.shared.changed.subscribe();
        let waiting = async {
            while !holds(self) {
                if changed.changed().await.is_err() {
                    std::future::pending::<()>().await;
                }
            }
        };
        tokio::time::timeout(deadline, waiting).await.is_ok()
    }
}

/// The first message with this Message-ID, given without angle brackets.
fn find<'a>(messages: &'a [Stored], message_id: &str) -> Option<&'a Stored> {
    messages.iter().find(|stored| {
        crate::sort::message::Message::parse(&stored.bytes)
            .message_id
            .as_deref()
            == Some(message_id)
    })
}

async fn accept(listener: TcpListener, shared: Arc<Shared>) {
    loop {
        // An error here is about one connection that died early, or about too many of them: the next may be fine.
        if let Ok((stream, _)) = listener.accept().await {
            let shared = Arc::clone(&shared);
            tokio::spawn(async move {
                let _present = Present::new(&shared);
                session::serve(stream, Arc::clone(&shared)).await;
            });
        } else {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }
}

/// Counts a connection for as long as it lives.
struct Present<'a>(&'a Shared);

impl<'a> Present<'a> {
    fn new(shared: &'a Shared) -> Self {
        shared.change(|state| state.connections += 1);
        Self(shared)
    }
}

impl Drop for Present<'_> {
    fn drop(&mut self) {
        self.0.change(|state| state.connections -= 1);
    }
}

/// Now, by the machine's clock.
pub(super) fn now() -> Timestamp {
    let since = SystemTime::now()
        .duration_since(SystemTime::UNIX_EPOCH)
        .unwrap_or_default();
    Timestamp(i64::try_from(since.as_secs()).unwrap_or(i64::MAX))
}
