//! One client's connection: reads commands, runs them, and lets ordered faults happen (RFC 9051 section 3). What a
//! command does is in the file of its subject; here is only the order of things.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;
use tokio::net::tcp::OwnedWriteHalf;

use super::answer::{Answer, untagged};
use super::command::{Command, Request};
use super::fault::Fault;
use super::notify::Watch;
use super::parser;
use super::selected::Selected;
use super::server::{Server, Shared};
use super::wire::{Incoming, Reader};

/// The state of one connection (RFC 9051 section 3): not authenticated, authenticated, or with a folder selected.
#[derive(Debug)]
pub(super) struct Session {
    pub(super) shared: Arc<Shared>,
    pub(super) user: Option<String>,
    pub(super) selected: Option<Selected>,
    /// Other folders that are watched.
    pub(super) watch: Watch,
}

/// Whether the connection goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Next {
    Go,
    Close,
}

/// Serves one connection until it ends, on either side's wish, or the server cuts it.
pub(super) async fn serve(stream: TcpStream, shared: Arc<Shared>) {
    let mut cut = shared.cut.subscribe();
    // A small answer must not wait for the acknowledgement of the one before.
    let _ = stream.set_nodelay(true);
    tokio::select! {
        biased;
        _ = cut.changed() => {}
        _ = converse(stream, shared) => {}
    }
}

async fn converse(stream: TcpStream, shared: Arc<Shared>) -> io::Result<()> {
    let (read, mut writer) = stream.into_split();
    let mut reader = Reader::new(read);
    let mut session = Session {
        shared,
        user: None,
        selected: None,
        watch: Watch::default(),
    };
    if session.greet(&mut writer).await? == Next::Close {
        return Ok(());
    }
    loop {
        let next = match reader.command(&mut writer, session.user.is_some()).await? {
            Incoming::Command(octets) => session.request(&octets, &mut reader, &mut writer).await?,
            Incoming::TooLong(beginning) => {
                let tag = beginning.split(|&octet| octet == b' ').next().unwrap_or_default();
                let tag = if tag.is_empty() || tag.len() > 50 {
                    "*".into()
                } else {
                    String::from_utf8_lossy(tag)
                };
                writer
                    .write_all(format!("{tag} BAD [TOOBIG] The command is too long\r\n").as_bytes())
                    .await?;
                Next::Go
            }
            Incoming::TooBig => {
                writer.write_all(b"* BYE [TOOBIG] The literal is too large\r\n").await?;
                Next::Close
            }
            Incoming::End => Next::Close,
        };
        if next == Next::Close {
            return writer.shutdown().await;
        }
    }
}

impl Session {
    /// Greets; faults ordered for `GREETING` happen here.
    async fn greet(&mut self, writer: &mut OwnedWriteHalf) -> io::Result<Next> {
        match self.shared.due_fault("GREETING") {
            Some(Fault::CutBefore | Fault::CutAfter | Fault::CutBeforeTagged) => return Ok(Next::Close),
            Some(Fault::Silent { .. }) => return std::future::pending().await,
            Some(Fault::Raw(octets)) => {
                writer.write_all(&octets).await?;
                return Ok(Next::Go);
            }
            Some(Fault::No(text) | Fault::Bad(text)) => {
                writer.write_all(format!("* BYE {text}\r\n").as_bytes()).await?;
                return Ok(Next::Close);
            }
            Some(Fault::Meanwhile(act)) => act(&Server::handle(&self.shared)),
            Some(Fault::Pretend | Fault::Slow(_)) | None => {}
        }
        let words = self.shared.options.capabilities.announced(false);
        writer
            .write_all(format!("* OK [CAPABILITY {words}] Postroom demo server ready.\r\n").as_bytes())
            .await?;
        Ok(Next::Go)
    }

    /// Runs one command, or lets the fault ordered for it happen.
    async fn request(&mut self, octets: &[u8], reader: &mut Reader, writer: &mut OwnedWriteHalf) -> io::Result<Next> {
        if octets.is_empty() {
            return Ok(Next::Go);
        }
        let Some(request) = parser::request(octets) else {
            writer.write_all(b"* BAD A command begins with a tag\r\n").await?;
            return Ok(Next::Go);
        };
        self.shared.record(transcript(&request, octets));
        let tag = request.tag.clone();
        let mut pace = Duration::ZERO;
        let mut cut_before_tagged = false;
        match self.shared.due_fault(&request.name) {
            None => {}
            Some(Fault::CutBefore) => return Ok(Next::Close),
            Some(Fault::CutAfter) => {
                self.execute(request, reader, writer).await?;
                return Ok(Next::Close);
            }
            Some(Fault::CutBeforeTagged) => cut_before_tagged = true,
            Some(Fault::Silent { executed }) => {
                if executed {
                    self.execute(request, reader, writer).await?;
                }
                return std::future::pending().await;
            }
            Some(Fault::No(text)) => return self.send(writer, &tag, Answer::no(text), Duration::ZERO).await,
            Some(Fault::Bad(text)) => return self.send(writer, &tag, Answer::bad(text), Duration::ZERO).await,
            Some(Fault::Pretend) => {
                return self.send(writer, &tag, Answer::ok("Completed"), Duration::ZERO).await;
            }
            Some(Fault::Raw(octets)) => {
                writer
                    .write_all(String::from_utf8_lossy(&octets).replace("{tag}", &tag).as_bytes())
                    .await?;
                return Ok(Next::Go);
            }
            Some(Fault::Slow(pause)) => pace = pause,
            Some(Fault::Meanwhile(act)) => act(&Server::handle(&self.shared)),
        }
        let answer = self.execute(request, reader, writer).await?;
        if cut_before_tagged {
            writer.write_all(&answer.untagged).await?;
            return Ok(Next::Close);
        }
        self.send(writer, &tag, answer, pace).await
    }

    /// Sends a whole answer, then says whether the connection goes on.
    async fn send(
        &mut self,
        writer: &mut OwnedWriteHalf,
        tag: &str,
        answer: Answer,
        pace: Duration,
    ) -> io::Result<Next> {
        let mut out = answer.untagged;
        if tag != "*" {
            out.extend_from_slice(format!("{tag} {} {}\r\n", answer.condition.as_str(), answer.text).as_bytes());
        }
        if pace.is_zero() {
            writer.write_all(&out).await?;
        } else {
            for octet in out {
                writer.write_all(&[octet]).await?;
                tokio::time::sleep(pace).await;
            }
        }
        Ok(if answer.close { Next::Close } else { Next::Go })
    }

    /// Runs one command to its answer, with other sessions' changes told where the grammar lets them be.
    async fn execute(
        &mut self,
        request: Request,
        reader: &mut Reader,
        writer: &mut OwnedWriteHalf,
    ) -> io::Result<Answer> {
        let mut answer = match request.command {
            Err(text) => Answer::bad(text),
            Ok(Command::Idle) => self.idle(reader, writer).await?,
            Ok(Command::Authenticate { mechanism, initial }) => {
                self.authenticate(&mechanism, initial, reader, writer).await?
            }
            Ok(command) => self.run(command, &request.name),
        };
        if !self.report(answer.may_expunge, &mut answer.untagged) {
            answer.close = true;
        }
        Ok(answer)
    }

    /// Tells what other sessions have changed in the selected folder and in watched ones. False when the selected folder
    /// is no longer what it was, and the session has to end.
    pub(super) fn report(&mut self, may_expunge: bool, out: &mut Vec<u8>) -> bool {
        let Some(user) = &self.user else { return true };
        let (options, watch) = (&self.shared.options, &mut self.watch);
        self.shared.read(|state| {
            let Some(account) = state.store.account(user) else {
                return true;
            };
            if let Some(selected) = &mut self.selected {
                let Some(folder) = account.by_id(selected.folder) else {
                    untagged(out, "BYE The selected folder is gone or has been renumbered");
                    return false;
                };
                selected.report(folder, may_expunge, out);
            }
            let selected = self.selected.as_ref().map(|selected| selected.folder);
            watch.report(options, account, selected, out);
            true
        })
    }

    /// Runs a command that needs no further word from the client.
    fn run(&mut self, command: Command, name: &str) -> Answer {
        if let Some(needed) = capability_of(&command)
            && !self.shared.options.capabilities.has(needed)
        {
            return Answer::bad(format!("Unknown command {name}"));
        }
        match command {
            Command::Capability => {
                let words = self.shared.options.capabilities.announced(self.user.is_some());
                Answer::ok("Capability completed.").with(format!("CAPABILITY {words}"))
            }
            Command::Noop => Answer::ok("NOOP completed."),
            Command::Id => Answer::ok("ID completed.").with("ID (\"name\" \"Postroom demo server\")"),
            Command::Logout => Answer {
                close: true,
                ..Answer::ok("Logout completed.").with("BYE Logging out")
            },
            Command::Login { .. } if self.user.is_some() => Answer::bad("Already logged in"),
            Command::Login { user, password } => self.login(&user, &password),
            _ if self.user.is_none() => Answer::bad("Log in first"),
            command => self.run_authenticated(command),
        }
    }

    fn run_authenticated(&mut self, command: Command) -> Answer {
        match command {
            Command::Enable => Answer::ok("Enabled.").with("ENABLED"),
            Command::Namespace => self.namespace(),
            Command::Notify(notify) => self.notify(notify),
            Command::Select { mailbox, read_only } => self.select(&mailbox, read_only),
            Command::Create(name) => self.create(&name),
            Command::Delete(name) => self.delete(&name),
            Command::Rename { from, to } => self.rename(&from, &to),
            Command::Subscribe(name) => self.subscribe(&name, true),
            Command::Unsubscribe(name) => self.subscribe(&name, false),
            Command::List(list) => self.list(&list),
            Command::Lsub { reference, pattern } => self.lsub(&reference, &pattern),
            Command::Status { mailbox, items } => self.status(&mailbox, &items),
            Command::Append {
                mailbox,
                flags,
                internal_date,
                bytes,
            } => self.append(&mailbox, flags, internal_date, bytes),
            _ if self.selected.is_none() => Answer::bad("No mailbox selected."),
            Command::Check => Answer::ok("Check completed."),
            Command::Unselect => {
                self.selected = None;
                Answer::ok("Unselect completed.")
            }
            Command::Close => self.close(),
            Command::Expunge => self.expunge(None),
            Command::UidExpunge(set) => self.expunge(Some(&set)),
            Command::Fetch { uid, set, items } => self.fetch(uid, &set, &items),
            Command::Search { uid, key } => self.search(uid, &key),
            Command::Store {
                uid,
                set,
                change,
                silent,
                flags,
            } => self.store(uid, &set, change, silent, &flags),
            Command::Copy { uid, set, to } => self.copy(uid, &set, &to),
            Command::Move { uid, set, to } => self.r#move(uid, &set, &to),
            // Handled before; an answer all the same, so that this can never be a panic.
            _ => Answer::bad("Not here"),
        }
    }
}

/// The capability without which a command does not exist.
fn capability_of(command: &Command) -> Option<&'static str> {
    match command {
        Command::Id => Some("ID"),
        Command::Namespace => Some("NAMESPACE"),
        Command::Enable => Some("ENABLE"),
        Command::Notify(_) => Some("NOTIFY"),
        Command::Unselect => Some("UNSELECT"),
        Command::Move { .. } => Some("MOVE"),
        Command::UidExpunge(_) => Some("UIDPLUS"),
        Command::List(list) if !list.return_status.is_empty() => Some("LIST-STATUS"),
        Command::List(list) if list.extended => Some("LIST-EXTENDED"),
        _ => None,
    }
}

/// The line that the handle shows of a command: no password, no message.
fn transcript(request: &Request, octets: &[u8]) -> String {
    let (tag, name) = (&request.tag, &request.name);
    match name.as_str() {
        "LOGIN" | "AUTHENTICATE" => format!("{tag} {name} ***"),
        "APPEND" => {
            let line = octets.split(|&octet| octet == b'\r').next().unwrap_or_default();
            String::from_utf8_lossy(line).into_owned()
        }
        _ => String::from_utf8_lossy(octets).replace("\r\n", " "),
    }
}
