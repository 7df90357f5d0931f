//! A recording proxy between the daemon and a server, without TLS on either side. It writes down every command, holds each
//! to the closed grammar, hides capabilities, delays, counts, and cuts the connection at a chosen moment of a chosen
//! command.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, BufReader, Read as _, Write as _};
use std::net::{Ipv4Addr, Shutdown, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::{self, Sender};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use super::grammar::{self, Allowance, Session};
use super::wait::eventually;
use super::wire;

/// Where in the life of a command the connection is cut (reliability matrix).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Moment {
    /// m0: before it is sent; the peer resets, the server never hears of it.
    BeforeSend,
    /// m1: half its line has reached the server.
    HalfSent,
    /// m2: it was sent whole, and the server did not run it.
    NotExecuted,
    /// m3: the server ran it; no byte of the answer comes back.
    NoAnswer,
    /// m4: the first untagged line of the answer comes back, nothing more.
    PartOfAnswer,
    /// m5: the whole answer comes back, then the connection ends.
    AfterAnswer,
    /// The connection ends, and the server runs the command when the client has looked again and either waits for news
    /// (IDLE) or asks for the same once more.
    Outlives,
}

impl Moment {
    /// Every moment but the last, in order.
    pub const ALL: [Self; 6] = [
        Self::BeforeSend,
        Self::HalfSent,
        Self::NotExecuted,
        Self::NoAnswer,
        Self::PartOfAnswer,
        Self::AfterAnswer,
    ];
}

/// One cut: at which command, and when in its life.
#[derive(Debug, Clone)]
pub struct Cut {
    /// How the command begins after its tag, in capitals (`UID MOVE`).
    pub command: String,
    /// The n-th such command over all connections, from 1.
    pub nth: usize,
    /// The moment.
    pub moment: Moment,
}

/// One command as it was recorded.
#[derive(Debug, Clone)]
pub struct Recorded {
    /// Number of the connection, from 1.
    pub connection: usize,
    /// When it came, since the proxy was started.
    pub at: Duration,
    /// The command after its tag, without CRLF; a password is not kept.
    pub text: String,
}

type Hook = Arc<dyn Fn(&str) + Send + Sync>;

/// A proxy that is being set up.
pub struct Setup {
    target: u16,
    hidden: BTreeSet<String>,
    allowance: Allowance,
    to_server: Duration,
    to_client: Duration,
    cuts: Vec<Cut>,
    hook: Option<Hook>,
}

impl Setup {
    /// Takes capabilities out of everything the server says.
    #[must_use]
    pub fn hide(mut self, capabilities: &[&str]) -> Self {
        self.hidden.extend(capabilities.iter().map(|word| (*word).to_owned()));
        self
    }

    /// What is allowed beyond the closed list.
    #[must_use]
    pub fn allow(mut self, allowance: Allowance) -> Self {
        self.allowance = allowance;
        self
    }

    /// Delays every byte in each direction.
    #[must_use]
    pub fn latency(mut self, each_way: Duration) -> Self {
        (self.to_server, self.to_client) = (each_way, each_way);
        self
    }

    /// Cuts at that command.
    #[must_use]
    pub fn cut(mut self, command: &str, nth: usize, moment: Moment) -> Self {
        self.cuts.push(Cut {
            command: command.to_owned(),
            nth,
            moment,
        });
        self
    }

    /// Called with each command (without its tag) before it goes on to the server.
    #[must_use]
    pub fn before_each(mut self, hook: impl Fn(&str) + Send + Sync + 'static) -> Self {
        self.hook = Some(Arc::new(hook));
        self
    }

    /// Opens the port and starts.
    pub fn start(self) -> Proxy {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let port = listener.local_addr().unwrap().port();
        let shared = Arc::new(Shared {
            setup: self,
            start: Instant::now(),
            records: Mutex::default(),
            violations: Mutex::default(),
            sockets: Mutex::default(),
            cuts_done: Mutex::default(),
            outliving: Mutex::default(),
            refusing: AtomicBool::new(false),
            stalled: AtomicBool::new(false),
            connections: AtomicU64::new(0),
            open: AtomicU64::new(0),
            from_client: AtomicU64::new(0),
            from_server: AtomicU64::new(0),
            flights: AtomicU64::new(0),
        });
        let accepting = shared.clone();
        thread::spawn(move || {
            for client in listener.incoming().map_while(Result::ok) {
                if accepting.refusing.load(Ordering::SeqCst) {
                    continue;
                }
                let shared = accepting.clone();
                thread::spawn(move || shared.connection(client));
            }
        });
        Proxy { port, shared }
    }
}

/// A running proxy.
pub struct Proxy {
    /// The loopback port the daemon connects to.
    pub port: u16,
    shared: Arc<Shared>,
}

struct Shared {
    setup: Setup,
    start: Instant,
    records: Mutex<Vec<Recorded>>,
    violations: Mutex<Vec<String>>,
    sockets: Mutex<Vec<TcpStream>>,
    /// The cuts that have been made.
    cuts_done: Mutex<BTreeSet<usize>>,
    /// Cuts whose command is still to be run by the server; true when it is its turn.
    outliving: Mutex<BTreeMap<usize, bool>>,
    refusing: AtomicBool,
    stalled: AtomicBool,
    connections: AtomicU64,
    open: AtomicU64,
    from_client: AtomicU64,
    from_server: AtomicU64,
    flights: AtomicU64,
}

impl Proxy {
    /// A proxy to a loopback port.
    #[allow(clippy::new_ret_no_self)]
    pub fn to(target: u16) -> Setup {
        Setup {
            target,
            hidden: BTreeSet::new(),
            allowance: Allowance::default(),
            to_server: Duration::ZERO,
            to_client: Duration::ZERO,
            cuts: Vec::new(),
            hook: None,
        }
    }

    /// Every command so far, all connections in the order they came.
    pub fn commands(&self) -> Vec<Recorded> {
        self.shared.records.lock().unwrap().clone()
    }

    /// How many commands so far begin with `start` (`UID MOVE`).
    pub fn count(&self, start: &str) -> usize {
        self.commands()
            .iter()
            .filter(|command| begins(&command.text, start))
            .count()
    }

    /// Waits until that many commands beginning with `start` have passed.
    #[track_caller]
    pub fn wait_for(&self, start: &str, count: usize) {
        eventually(&format!("{count} x {start} through the proxy"), || {
            (self.count(start) >= count).then_some(())
        });
    }

    /// What broke the closed grammar so far.
    pub fn violations(&self) -> Vec<String> {
        self.shared.violations.lock().unwrap().clone()
    }

    /// Fails the test if anything broke the closed grammar.
    #[track_caller]
    pub fn assert_clean(&self) {
        let violations = self.violations();
        assert!(
            violations.is_empty(),
            "said to the server against the closed list:\n{}",
            violations.join("\n")
        );
    }

    /// Fails the test unless every cut that was set up has been made.
    #[track_caller]
    pub fn assert_cut(&self) {
        let done = self.shared.cuts_done.lock().unwrap().len();
        assert_eq!(
            done,
            self.shared.setup.cuts.len(),
            "cuts made; commands: {:#?}",
            self.commands()
        );
    }

    /// How many of the cuts that were set up have been made.
    pub fn cuts(&self) -> usize {
        self.shared.cuts_done.lock().unwrap().len()
    }

    /// Waits until every cut that was set up has been made.
    #[track_caller]
    pub fn wait_cut(&self) {
        eventually("the connection to be cut", || {
            (self.shared.cuts_done.lock().unwrap().len() == self.shared.setup.cuts.len()).then_some(())
        });
    }

    /// Closes every connection now.
    pub fn drop_all(&self) {
        for socket in self.shared.sockets.lock().unwrap().drain(..) {
            let _ = socket.shutdown(Shutdown::Both);
        }
    }

    /// While true, new connections are closed before the greeting.
    pub fn refuse(&self, refusing: bool) {
        self.shared.refusing.store(refusing, Ordering::SeqCst);
    }

    /// While true, nothing passes in either direction and nothing is closed: a dead link.
    pub fn stall(&self, stalled: bool) {
        self.shared.stalled.store(stalled, Ordering::SeqCst);
    }

    /// Connections made so far.
    pub fn connections(&self) -> u64 {
        self.shared.connections.load(Ordering::SeqCst)
    }

    /// Connections open now.
    pub fn open_connections(&self) -> u64 {
        self.shared.open.load(Ordering::SeqCst)
    }

    /// Bytes from the client and from the server so far.
    pub fn bytes(&self) -> (u64, u64) {
        (
            self.shared.from_client.load(Ordering::SeqCst),
            self.shared.from_server.load(Ordering::SeqCst),
        )
    }

    /// How often the client has spoken after having listened: the round trips it has waited for.
    pub fn flights(&self) -> u64 {
        self.shared.flights.load(Ordering::SeqCst)
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.refuse(true);
        self.drop_all();
        // Wakes the accepting thread's last wait; it ends with the process.
        let _ = TcpStream::connect((Ipv4Addr::LOCALHOST, self.port));
        if thread::panicking() {
            eprintln!("--- through the proxy");
            for command in self.commands() {
                eprintln!(
                    "{:>9.3} #{} {}",
                    command.at.as_secs_f64(),
                    command.connection,
                    command.text
                );
            }
        }
    }
}

fn begins(command: &str, start: &str) -> bool {
    command
        .get(..start.len())
        .is_some_and(|head| head.eq_ignore_ascii_case(start))
}

/// What the two directions of one connection know of each other.
#[derive(Default)]
struct Link {
    /// Tag of a command whose answer is to be cut, and how.
    cutting: Option<(String, Moment, usize)>,
    /// Tag of an AUTHENTICATE under way: the client's next lines are no commands.
    authenticating: Option<String>,
    /// Untagged lines passed since the command that is being cut.
    passed: usize,
    session: Session,
    /// The server has spoken since the client last did.
    answered: bool,
    /// After STARTTLS nothing can be read any more.
    opaque: bool,
    starting_tls: Option<String>,
}

impl Shared {
    fn connection(self: Arc<Self>, client: TcpStream) {
        let Ok(server) = TcpStream::connect((Ipv4Addr::LOCALHOST, self.setup.target)) else {
            return;
        };
        let number = usize::try_from(self.connections.fetch_add(1, Ordering::SeqCst)).unwrap() + 1;
        self.open.fetch_add(1, Ordering::SeqCst);
        for socket in [&client, &server] {
            let _ = socket.set_nodelay(true);
            self.sockets.lock().unwrap().push(socket.try_clone().unwrap());
        }
        let link = Arc::new(Mutex::new(Link::default()));
        let (shared, other, from, to) = (
            self.clone(),
            link.clone(),
            server.try_clone().unwrap(),
            client.try_clone().unwrap(),
        );
        let answers = thread::spawn(move || {
            let _ = shared.carry_answers(&from, &to, &other);
            let _ = to.shutdown(Shutdown::Both);
            let _ = from.shutdown(Shutdown::Both);
        });
        let _ = self.carry_commands(&client, &server, &link, number);
        // What was sent on reaches the server before the end does; its answers end the other direction.
        let _ = server.shutdown(Shutdown::Write);
        let _ = answers.join();
        self.open.fetch_sub(1, Ordering::SeqCst);
    }

    fn wait_while_stalled(&self) {
        while self.stalled.load(Ordering::SeqCst) {
            thread::sleep(Duration::from_millis(5));
        }
    }

    fn carry_commands(
        &self,
        client: &TcpStream,
        server: &TcpStream,
        link: &Mutex<Link>,
        number: usize,
    ) -> io::Result<()> {
        let mut reader = BufReader::new(client);
        let mut writer = Delayed::new(server, self.setup.to_server);
        let mut idling = false;
        while let Some(line) = wire::read_line(&mut reader)? {
            self.wait_while_stalled();
            self.from_client.fetch_add(line.len() as u64, Ordering::SeqCst);
            {
                let mut link = link.lock().unwrap();
                if std::mem::take(&mut link.answered) {
                    self.flights.fetch_add(1, Ordering::SeqCst);
                }
                if link.authenticating.is_some() || idling {
                    idling = false;
                    writer.write(&line)?;
                    continue;
                }
            }
            let text = String::from_utf8_lossy(&line).trim_end().to_owned();
            let (tag, command) = text.split_once(' ').unwrap_or((&text, ""));
            if let Some((index, moment)) = self.cut_at(command) {
                self.record(number, command);
                match moment {
                    Moment::BeforeSend | Moment::NotExecuted | Moment::HalfSent => {
                        if moment == Moment::HalfSent {
                            writer.write(&line[..line.len() / 2])?;
                        }
                        if moment == Moment::BeforeSend {
                            // The client's write, or its next read, meets a reset instead of an orderly end.
                            let _ = socket2::SockRef::from(client).set_linger(Some(Duration::ZERO));
                        }
                        drop(writer);
                        self.cuts_done.lock().unwrap().insert(index);
                        let _ = client.shutdown(Shutdown::Both);
                        let _ = server.shutdown(Shutdown::Both);
                        return Ok(());
                    }
                    Moment::Outlives => {
                        link.lock().unwrap().cutting = Some((tag.to_owned(), moment, index));
                        self.outliving.lock().unwrap().insert(index, false);
                        let _ = client.shutdown(Shutdown::Both);
                        let asked = || self.outliving.lock().unwrap()[&index];
                        eventually("the client going on", || asked().then_some(()));
                        return writer.write(&line);
                    }
                    Moment::NoAnswer | Moment::PartOfAnswer | Moment::AfterAnswer => {
                        let mut link = link.lock().unwrap();
                        link.passed = 0;
                        link.cutting = Some((tag.to_owned(), moment, index));
                    }
                }
                self.judge(link, &line);
                writer.write(&line)?;
                continue;
            }
            self.run_what_outlives(command);
            idling = command.eq_ignore_ascii_case("IDLE");
            if begins(command, "AUTHENTICATE") {
                link.lock().unwrap().authenticating = Some(tag.to_owned());
            }
            if begins(command, "STARTTLS") {
                link.lock().unwrap().starting_tls = Some(tag.to_owned());
            }
            let whole = self.forward_command(&mut reader, &mut writer, line, command)?;
            self.record(
                number,
                &String::from_utf8_lossy(whole.splitn(2, |&byte| byte == b' ').nth(1).unwrap_or(&[])),
            );
            self.judge(link, &whole);
            if begins(command, "STARTTLS") {
                return self.pass_opaque(&mut reader, &mut writer);
            }
        }
        Ok(())
    }

    /// Lets the server run, before `command`, what it is the turn of.
    fn run_what_outlives(&self, command: &str) {
        for (index, cut) in self.setup.cuts.iter().enumerate() {
            let goes_on = command.eq_ignore_ascii_case("IDLE") || begins(command, &cut.command);
            let asked = self
                .outliving
                .lock()
                .unwrap()
                .get_mut(&index)
                .filter(|_| goes_on)
                .map(|asked| *asked = true);
            if asked.is_some() {
                eventually("the server to run what outlives its connection", || {
                    self.cuts_done.lock().unwrap().contains(&index).then_some(())
                });
            }
        }
    }

    /// Sends a command on, with its literals as the server asks for them, and returns all of it.
    fn forward_command(
        &self,
        reader: &mut BufReader<&TcpStream>,
        writer: &mut Delayed,
        line: Vec<u8>,
        command: &str,
    ) -> io::Result<Vec<u8>> {
        if let Some(hook) = &self.setup.hook {
            hook(command);
        }
        let mut whole = line.clone();
        writer.write(&line)?;
        let mut last = line;
        while let Some((length, _)) = wire::announced_literal(&last) {
            let mut literal = vec![0; length];
            reader.read_exact(&mut literal)?;
            last = wire::read_line(reader)?.ok_or(io::ErrorKind::UnexpectedEof)?;
            literal.extend_from_slice(&last);
            self.from_client.fetch_add(literal.len() as u64, Ordering::SeqCst);
            writer.write(&literal)?;
            whole.extend_from_slice(&literal);
        }
        Ok(whole)
    }

    fn pass_opaque(&self, reader: &mut BufReader<&TcpStream>, writer: &mut Delayed) -> io::Result<()> {
        let mut buffer = [0; 16_384];
        loop {
            let length = reader.read(&mut buffer)?;
            if length == 0 {
                return Ok(());
            }
            self.from_client.fetch_add(length as u64, Ordering::SeqCst);
            writer.write(&buffer[..length])?;
        }
    }

    fn record(&self, connection: usize, command: &str) {
        let command = command.trim_end();
        let text = if begins(command, "LOGIN") {
            "LOGIN".to_owned()
        } else if begins(command, "AUTHENTICATE") {
            command.split(' ').take(2).collect::<Vec<_>>().join(" ")
        } else {
            command.to_owned()
        };
        self.records.lock().unwrap().push(Recorded {
            connection,
            at: self.start.elapsed(),
            text,
        });
    }

    fn judge(&self, link: &Mutex<Link>, command: &[u8]) {
        let mut link = link.lock().unwrap();
        if let Err(complaint) = grammar::judge(&mut link.session, self.setup.allowance, command) {
            self.violations.lock().unwrap().push(complaint);
        }
    }

    /// The cut that this command, not recorded yet, is the turn of.
    fn cut_at(&self, command: &str) -> Option<(usize, Moment)> {
        let records = self.records.lock().unwrap();
        self.setup.cuts.iter().enumerate().find_map(|(index, cut)| {
            let before = records
                .iter()
                .filter(|record| begins(&record.text, &cut.command))
                .count();
            (begins(command, &cut.command) && before + 1 == cut.nth).then_some((index, cut.moment))
        })
    }

    fn carry_answers(&self, server: &TcpStream, client: &TcpStream, link: &Mutex<Link>) -> io::Result<()> {
        let mut reader = BufReader::with_capacity(65_536, server);
        let mut writer = Delayed::new(client, self.setup.to_client);
        loop {
            if link.lock().unwrap().opaque {
                let mut buffer = [0; 16_384];
                let length = reader.read(&mut buffer)?;
                if length == 0 {
                    return Ok(());
                }
                self.from_server.fetch_add(length as u64, Ordering::SeqCst);
                writer.write(&buffer[..length])?;
                continue;
            }
            let Some(response) = wire::read_response(&mut reader)? else {
                return Ok(());
            };
            self.wait_while_stalled();
            self.from_server.fetch_add(response.len() as u64, Ordering::SeqCst);
            let response = self.rewritten(response);
            let mut link = link.lock().unwrap();
            link.answered = true;
            learn(&mut link, &response);
            let Some((tag, moment, index)) = link.cutting.clone() else {
                drop(link);
                writer.write(&response)?;
                continue;
            };
            let tagged = response.starts_with(format!("{tag} ").as_bytes());
            let passes = match moment {
                Moment::AfterAnswer => true,
                Moment::PartOfAnswer => !tagged && link.passed == 0,
                _ => false,
            };
            link.passed += 1;
            drop(link);
            if passes {
                writer.write(&response)?;
            }
            if tagged {
                drop(writer);
                self.cuts_done.lock().unwrap().insert(index);
                return Ok(());
            }
        }
    }

    /// The response without the capabilities that are to be hidden.
    fn rewritten(&self, response: Vec<u8>) -> Vec<u8> {
        if self.setup.hidden.is_empty()
            || !response
                .windows(10)
                .any(|word| word.eq_ignore_ascii_case(b"CAPABILITY"))
        {
            return response;
        }
        let text = String::from_utf8_lossy(&response).into_owned();
        let mut words: Vec<&str> = text.split(' ').collect();
        words.retain(|word| !self.setup.hidden.contains(word.trim_end_matches(['\r', '\n', ']'])));
        let mut text = words.join(" ");
        if response.ends_with(b"\r\n") && !text.ends_with("\r\n") {
            text.push_str("\r\n");
        }
        // The last word of a code may have been the hidden one, bracket and all.
        if text.contains("[CAPABILITY") && !text.contains(']') {
            text = text.replacen("\r\n", "] \r\n", 1);
        }
        text.into_bytes()
    }
}

/// Notes what a response says about capabilities and about the end of AUTHENTICATE and STARTTLS.
fn learn(link: &mut Link, response: &[u8]) {
    // In capitals: a server may say it in any case.
    let text = String::from_utf8_lossy(&response[..response.len().min(4_096)]).to_ascii_uppercase();
    let list = text.strip_prefix("* CAPABILITY ").or_else(|| {
        text.split_once("[CAPABILITY ")
            .and_then(|(_, rest)| rest.split(']').next())
    });
    if let Some(list) = list {
        link.session.capabilities = list.split_whitespace().map(str::to_ascii_uppercase).collect();
    }
    let ends = |tag: &Option<String>| tag.as_ref().is_some_and(|tag| text.starts_with(&format!("{tag} ")));
    if ends(&link.authenticating) {
        link.authenticating = None;
    }
    if ends(&link.starting_tls) {
        link.opaque = text.contains(" OK");
        link.starting_tls = None;
    }
}

/// A writer that sends at once, or each piece after a delay in the order they came.
enum Delayed<'a> {
    AtOnce(&'a TcpStream),
    Later(Sender<(Instant, Vec<u8>)>, Duration, Option<thread::JoinHandle<()>>),
}

impl<'a> Delayed<'a> {
    fn new(stream: &'a TcpStream, delay: Duration) -> Self {
        if delay.is_zero() {
            return Self::AtOnce(stream);
        }
        let (sender, pieces) = mpsc::channel::<(Instant, Vec<u8>)>();
        let mut stream = stream.try_clone().unwrap();
        let sending = thread::spawn(move || {
            for (due, piece) in pieces {
                thread::sleep(due.saturating_duration_since(Instant::now()));
                if stream.write_all(&piece).is_err() {
                    return;
                }
            }
        });
        Self::Later(sender, delay, Some(sending))
    }

    fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        match self {
            Self::AtOnce(stream) => stream.write_all(bytes),
            Self::Later(sender, delay, _) => sender
                .send((Instant::now() + *delay, bytes.to_vec()))
                .map_err(|_| io::ErrorKind::BrokenPipe.into()),
        }
    }
}

impl Drop for Delayed<'_> {
    fn drop(&mut self) {
        if let Self::Later(sender, _, sending) = self {
            *sender = mpsc::channel().0;
            if let Some(sending) = sending.take() {
                let _ = sending.join();
            }
        }
    }
}
