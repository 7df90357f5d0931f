//! From a host name to a greeting: TCP (RFC 8305, several addresses in turn), TLS or STARTTLS, and the first line.
//!
//! Encryption is never negotiated away: STARTTLS once chosen is mandatory, what a server sent in clear before the
//! handshake is not kept, a server that greets as logged in is refused, and `none` works on loopback only.

use std::fmt::Debug;
use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use socket2::{SockRef, TcpKeepalive};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpStream, lookup_host};
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

use super::capability::Capabilities;
use super::completion::words;
use super::error::ImapError;
use super::reply::Wire;
use super::selected::Access;
use super::tls;
use async_imap::imap_proto::Response;

/// Any stream that can carry a session; tests use an in-memory one.
pub trait Link: AsyncRead + AsyncWrite + Unpin + Send + Debug {}
impl<T: AsyncRead + AsyncWrite + Unpin + Send + Debug> Link for T {}

/// How a connection is protected.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Encryption {
    /// TLS from the first byte (port 993, RFC 8314).
    Implicit,
    /// TLS after STARTTLS (port 143); without it there is no login.
    StartTls,
    /// None; on loopback only.
    None,
}

/// Where a server is and how to get there.
#[derive(Debug, Clone)]
pub struct Target {
    /// Host name or address; the certificate must be valid for it.
    pub host: String,
    /// TCP port.
    pub port: u16,
    /// Protection.
    pub tls: Encryption,
    /// Certificates (PEM) to trust beside the system's.
    pub ca_pem: Option<Vec<u8>>,
    /// Time limits.
    pub limits: Limits,
}

/// How long to wait for what.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Name lookup, TCP and TLS together.
    pub connect: Duration,
    /// Silence within a command.
    pub command: Duration,
    /// A whole command, however busily the server talks.
    pub whole_command: Duration,
    /// Age at which IDLE is ended and begun anew; far below the 29 minutes of RFC 2177, to notice dead links.
    pub idle_renewal: Duration,
    /// Answer to DONE.
    pub done: Duration,
    /// Pause between two NOOPs where there is no IDLE; at most a minute.
    pub poll: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connect: Duration::from_secs(30),
            command: Duration::from_mins(1),
            whole_command: Duration::from_mins(10),
            idle_renewal: Duration::from_mins(5),
            done: Duration::from_secs(15),
            poll: Duration::from_secs(30),
        }
    }
}

/// Head start of one address before the next is tried beside it (RFC 8305 section 5).
const HEAD_START: Duration = Duration::from_millis(300);

/// A server that has greeted; nobody is logged in.
#[derive(Debug)]
pub struct Greeted {
    pub(super) wire: Wire,
    pub(super) host: String,
    pub(super) capabilities: Option<Capabilities>,
    /// True when a password may be sent: encrypted, or loopback by the operator's wish.
    pub(super) private: bool,
    /// What is to be asked for along with the introduction.
    pub(super) inbox: Option<Access>,
}

/// Connects, encrypts as `target` says, and reads the greeting.
pub async fn connect(target: &Target) -> Result<Greeted, ImapError> {
    let limit = target.limits.connect;
    match timeout(limit, reach(target)).await {
        Ok(greeted) => greeted,
        Err(_) => Err(ImapError::Unreachable {
            what: at(target),
            why: format!("no answer within {} s", limit.as_secs()),
        }),
    }
}

async fn reach(target: &Target) -> Result<Greeted, ImapError> {
    let link: Box<dyn Link> = Box::new(tcp(target).await?);
    let ca_pem = target.ca_pem.as_deref();
    match target.tls {
        Encryption::Implicit => {
            let link = tls::encrypt(link, &target.host, ca_pem).await?;
            greet(link, &target.host, target.limits, true).await
        }
        Encryption::None => greet(link, &target.host, target.limits, true).await,
        Encryption::StartTls => {
            let in_clear = async {
                let greeted = greet(link, &target.host, target.limits, false).await?;
                start_tls(greeted).await
            };
            let link = in_clear.await.map_err(ImapError::without_words)?;
            let link = tls::encrypt(link, &target.host, ca_pem).await?;
            let wire = Wire::new(link, target.limits);
            // Whatever was said in clear is forgotten, the capabilities too (RFC 9051 section 6.2.1).
            Ok(Greeted {
                wire,
                host: target.host.clone(),
                capabilities: None,
                private: true,
                inbox: None,
            })
        }
    }
}

/// Reads the greeting over a link that is already there; `private` says that a password may be sent over it.
pub async fn greet(link: Box<dyn Link>, host: &str, limits: Limits, private: bool) -> Result<Greeted, ImapError> {
    let mut wire = Wire::new(link, limits);
    let (logged_in, greeting) = wire.greeting().await?;
    if logged_in {
        return Err(ImapError::PreAuthenticated { host: host.to_owned() });
    }
    let capabilities = greeting.capabilities.map(Capabilities::new);
    Ok(Greeted {
        wire,
        host: host.to_owned(),
        capabilities,
        private,
        inbox: None,
    })
}

/// Asks for STARTTLS and returns the bare link, with nothing of the server's left unread on it.
pub(super) async fn start_tls(mut greeted: Greeted) -> Result<Box<dyn Link>, ImapError> {
    let offered = greeted.capabilities().await?.starttls;
    let Greeted { mut wire, host, .. } = greeted;
    if !offered {
        return Err(ImapError::StartTlsMissing { host });
    }
    match wire.exec("STARTTLS", "STARTTLS", |_| {}).await?.ok("STARTTLS") {
        Ok(_) => {}
        Err(ImapError::Refused { .. }) => return Err(ImapError::StartTlsMissing { host }),
        Err(fault) => return Err(fault),
    }
    let (link, unread) = wire.into_inner();
    if unread {
        return Err(ImapError::hostile(
            "bytes sent in clear after STARTTLS was answered (response injection)",
        ));
    }
    Ok(link)
}

impl Greeted {
    /// The first thing the session will be asked for is the list of folders, then INBOX opened so: both are on their way
    /// before anybody waits for them, where the server is one to be asked.
    #[must_use]
    pub fn expecting(mut self, inbox: Option<Access>) -> Self {
        self.inbox = inbox;
        self
    }

    /// What the server offers before login; asked for when the greeting did not say.
    pub async fn capabilities(&mut self) -> Result<Capabilities, ImapError> {
        if let Some(capabilities) = &self.capabilities {
            return Ok(capabilities.clone());
        }
        let capabilities = ask_capabilities(&mut self.wire).await?;
        self.capabilities = Some(capabilities.clone());
        Ok(capabilities)
    }
}

/// Sends CAPABILITY.
pub(super) async fn ask_capabilities(wire: &mut Wire) -> Result<Capabilities, ImapError> {
    let mut listed = None;
    let completion = wire.exec("CAPABILITY", "CAPABILITY", |response| {
        if let Response::Capabilities(capabilities) = response {
            listed = Some(Capabilities::new(words(capabilities)));
        }
    });
    let completion = completion.await?.ok("CAPABILITY")?;
    let raw = wire.take_raw();
    listed
        .or_else(|| raw.iter().find_map(|line| Capabilities::from_raw(line)))
        .or_else(|| completion.capabilities.map(Capabilities::new))
        .ok_or_else(|| ImapError::Unsupported {
            what: "the server lists no capabilities".to_owned(),
        })
}

fn at(target: &Target) -> String {
    format!("{}:{}", target.host, target.port)
}

async fn tcp(target: &Target) -> Result<TcpStream, ImapError> {
    let unreachable = |fault: io::Error| ImapError::Unreachable {
        what: at(target),
        why: in_plain_words(&fault),
    };
    let found: Vec<SocketAddr> = lookup_host((target.host.as_str(), target.port))
        .await
        .map_err(|fault| ImapError::Unreachable {
            what: at(target),
            why: format!("its address cannot be found: no server has that name, or the network is down ({fault})"),
        })?
        .collect();
    if target.tls == Encryption::None && !found.iter().all(|address| address.ip().is_loopback()) {
        return Err(ImapError::Unsupported {
            what: format!(
                "tls = \"none\" works on this machine only, and {} is another; use \"implicit\" or \"starttls\"",
                target.host
            ),
        });
    }
    let stream = first_to_answer(in_turn(found)).await.map_err(unreachable)?;
    tune(&stream).map_err(unreachable)?;
    Ok(stream)
}

fn in_plain_words(fault: &io::Error) -> String {
    match fault.kind() {
        io::ErrorKind::ConnectionRefused => "no mail server listens on that port".to_owned(),
        io::ErrorKind::HostUnreachable | io::ErrorKind::NetworkUnreachable => {
            "there is no way to it from this machine; is the network up?".to_owned()
        }
        io::ErrorKind::TimedOut => "it did not answer".to_owned(),
        _ => fault.to_string(),
    }
}

/// IPv6 and IPv4 addresses alternating, in the resolver's order otherwise.
fn in_turn(addresses: Vec<SocketAddr>) -> Vec<SocketAddr> {
    let first_is_v6 = addresses.first().is_some_and(SocketAddr::is_ipv6);
    let (first, second): (Vec<_>, Vec<_>) = addresses
        .into_iter()
        .partition(|address| address.is_ipv6() == first_is_v6);
    let mut second = second.into_iter();
    let mut mixed: Vec<SocketAddr> = first
        .into_iter()
        .flat_map(|address| [Some(address), second.next()])
        .flatten()
        .collect();
    mixed.extend(second);
    mixed
}

async fn first_to_answer(addresses: Vec<SocketAddr>) -> io::Result<TcpStream> {
    let mut fault = io::Error::new(io::ErrorKind::NotFound, "the name has no address");
    let mut attempts = JoinSet::new();
    let mut waiting = addresses.into_iter();
    let mut next = waiting.next();
    loop {
        if let Some(address) = next.take() {
            attempts.spawn(TcpStream::connect(address));
        }
        if attempts.is_empty() {
            return Err(fault);
        }
        tokio::select! {
            Some(done) = attempts.join_next() => match done {
                Ok(Ok(stream)) => return Ok(stream),
                Ok(Err(refused)) => { fault = refused; next = waiting.next(); }
                Err(crashed) => { fault = io::Error::other(crashed); next = waiting.next(); }
            },
            () = sleep(HEAD_START), if waiting.len() > 0 => next = waiting.next(),
        }
    }
}

/// Small writes leave at once; a peer that has gone without a word is noticed.
fn tune(stream: &TcpStream) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let socket = SockRef::from(stream);
    let probes = TcpKeepalive::new()
        .with_time(Duration::from_mins(1))
        .with_interval(Duration::from_secs(20))
        .with_retries(3);
    socket.set_tcp_keepalive(&probes)?;
    #[cfg(target_os = "linux")]
    socket.set_tcp_user_timeout(Some(Duration::from_mins(1)))?;
    Ok(())
}
