//! A private mail server as a test sees it, whichever program is behind it. Stopped when it is dropped.

use std::fs;
use std::io::{BufReader, Read as _};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::os::unix::fs::{PermissionsExt as _, chown};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant, SystemTime};

use rustix::process::{Pid, Signal, kill_process_group};
use tempfile::TempDir;

use super::hand::Hand;
use super::wait::within;
use super::wire;

/// The password of every user.
pub const PASSWORD: &str = "secret";
/// The users every server knows.
pub const USERS: [&str; 3] = ["alice", "bob", "carol"];

/// Set in CI: a missing server program is then a failure.
const NO_SKIP: &str = "POSTROOM_TEST_NO_SKIP";

/// Says that a server cannot be had here. Under `POSTROOM_TEST_NO_SKIP=1` that fails the test.
pub fn skip<T>(what: &str, why: &str) -> Option<T> {
    assert!(
        std::env::var_os(NO_SKIP).is_none_or(|value| value.is_empty()),
        "{what} is missing and {NO_SKIP} is set: {why}"
    );
    eprintln!("SKIPPED: {what}: {why}");
    None
}

/// Where a new server lives and whom it runs as.
pub struct Ground {
    /// Its own directory; short, since Unix socket paths end at 108 bytes.
    pub root: TempDir,
    /// The plain port.
    pub port: u16,
    /// The implicit TLS port.
    pub tls_port: u16,
    /// Whom root drops to; `None` when the test is not run by root.
    pub owner: Option<(u32, u32)>,
}

impl Ground {
    /// A fresh directory below /tmp that the server's user may enter, and two free ports.
    pub fn new() -> Self {
        let root = tempfile::Builder::new().prefix("pr").tempdir_in("/tmp").unwrap();
        fs::set_permissions(root.path(), fs::Permissions::from_mode(0o755)).unwrap();
        let owner = rustix::process::geteuid().is_root().then(|| ids_of("nobody"));
        Self {
            root,
            port: free_port(),
            tls_port: free_port(),
            owner,
        }
    }

    /// Path of something in the server's directory.
    pub fn path(&self, name: &str) -> PathBuf {
        self.root.path().join(name)
    }

    /// Makes a directory there.
    pub fn directory(&self, name: &str) -> PathBuf {
        let path = self.path(name);
        fs::create_dir_all(&path).unwrap();
        path
    }

    /// Name of the user the server runs as, and of the user's group.
    pub fn user_and_group(&self) -> (String, String) {
        match self.owner {
            Some(_) => ("nobody".to_owned(), "nogroup".to_owned()),
            None => (output_of("id", &["-un"]), output_of("id", &["-gn"])),
        }
    }

    /// Gives everything in the directory to the server's user.
    pub fn hand_over(&self) {
        if let Some(owner) = self.owner {
            give(self.root.path(), owner);
        }
    }
}

fn output_of(program: &str, arguments: &[&str]) -> String {
    let output = Command::new(program).args(arguments).output().unwrap();
    String::from_utf8_lossy(&output.stdout).trim().to_owned()
}

fn ids_of(user: &str) -> (u32, u32) {
    let passwd = fs::read_to_string("/etc/passwd").unwrap();
    let line = passwd
        .lines()
        .find(|line| line.split(':').next() == Some(user))
        .expect("no such user");
    let fields: Vec<&str> = line.split(':').collect();
    (fields[2].parse().unwrap(), fields[3].parse().unwrap())
}

fn give(path: &Path, owner: (u32, u32)) {
    chown(path, Some(owner.0), Some(owner.1)).unwrap();
    if path.is_dir() {
        for entry in fs::read_dir(path).unwrap() {
            give(&entry.unwrap().path(), owner);
        }
    }
}

/// A loopback port that is free now, below the range from which outgoing connections are given theirs.
pub fn free_port() -> u16 {
    loop {
        let port = fastrand::u16(20_000..32_000);
        if TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok() {
            return port;
        }
    }
}

type Launch = Box<dyn Fn(&Ground) -> Command + Send + Sync>;

/// A running server.
pub struct Server {
    /// `dovecot`, `cyrus` or `courier`.
    pub kind: &'static str,
    /// The plain port (STARTTLS is offered there).
    pub port: u16,
    /// The implicit TLS port.
    pub tls_port: u16,
    ground: Ground,
    launch: Launch,
    process: Option<Child>,
    /// Where users' Maildirs are (`ROOT/mail/USER/Maildir`), for servers that have them.
    maildirs: bool,
}

impl Server {
    /// Prepares the ground, starts the program and waits for its greeting; tries again on other ports if one was taken
    /// meanwhile.
    pub fn start(
        kind: &'static str,
        maildirs: bool,
        prepare: impl Fn(&Ground),
        launch: impl Fn(&Ground) -> Command + Clone + Send + Sync + 'static,
    ) -> Self {
        let mut complaint = String::new();
        for _ in 0..3 {
            let ground = Ground::new();
            prepare(&ground);
            ground.hand_over();
            let (port, tls_port) = (ground.port, ground.tls_port);
            let launch: Launch = Box::new(launch.clone());
            let mut server = Self {
                kind,
                port,
                tls_port,
                ground,
                launch,
                process: None,
                maildirs,
            };
            match server.launch() {
                Ok(()) => return server,
                Err(error) => complaint = error,
            }
        }
        panic!("{kind} did not start: {complaint}");
    }

    fn launch(&mut self) -> Result<(), String> {
        let log = fs::File::options()
            .create(true)
            .append(true)
            .open(self.ground.path("server.out"))
            .unwrap();
        let mut command = (self.launch)(&self.ground);
        command
            .process_group(0)
            .stdin(Stdio::null())
            .stdout(log.try_clone().unwrap())
            .stderr(log);
        let mut child = command.spawn().map_err(|error| error.to_string())?;
        let start = Instant::now();
        while start.elapsed() < Duration::from_secs(20) {
            if greets(self.port) {
                self.process = Some(child);
                return Ok(());
            }
            if let Ok(Some(status)) = child.try_wait() {
                return Err(format!("ended with {status}\n{}", self.log()));
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        end(child);
        Err(format!("no greeting within 20 s\n{}", self.log()))
    }

    /// What the program has written so far.
    pub fn log(&self) -> String {
        let mut text = fs::read_to_string(self.ground.path("server.out")).unwrap_or_default();
        text.push_str(&fs::read_to_string(self.ground.path("log/server.log")).unwrap_or_default());
        text
    }

    /// Ends the program at once; its mail stays.
    pub fn stop(&mut self) {
        if let Some(child) = self.process.take() {
            end(child);
        }
    }

    /// Starts the program again on the same ports.
    pub fn start_again(&mut self) {
        self.stop();
        if let Err(complaint) = self.launch() {
            panic!("{} did not start again: {complaint}", self.kind);
        }
    }

    /// The server's own directory.
    pub fn root(&self) -> &Path {
        self.ground.root.path()
    }

    /// The authority that signed the server's certificate, PEM.
    pub fn ca_file(&self) -> PathBuf {
        self.ground.path("tls/ca.pem")
    }

    /// Logs in as the user's own mail program would.
    pub fn hand(&self, user: &str) -> Hand {
        Hand::login(self.port, user, PASSWORD)
    }

    /// Delivers to INBOX, as the provider's own delivery agent does where that is a Maildir, else by APPEND.
    pub fn deliver(&self, user: &str, message: &[u8]) {
        self.deliver_to(user, "INBOX", message);
    }

    /// Delivers into a folder that exists.
    pub fn deliver_to(&self, user: &str, folder: &str, message: &[u8]) {
        self.deliver_at(user, folder, message, SystemTime::now());
    }

    /// Delivers with a given INTERNALDATE.
    pub fn deliver_at(&self, user: &str, folder: &str, message: &[u8], at: SystemTime) {
        if self.maildirs {
            self.write_file(user, folder, message, at);
        } else {
            self.hand(user).append(folder, message, &[], None);
        }
    }

    /// Puts many messages into a folder that exists; straight into the Maildir where there is one.
    pub fn fill<'a>(&self, user: &str, folder: &str, messages: impl IntoIterator<Item = &'a [u8]>) {
        if self.maildirs {
            let at = SystemTime::now();
            for message in messages {
                self.write_file(user, folder, message, at);
            }
        } else {
            let messages: Vec<&[u8]> = messages.into_iter().collect();
            self.hand(user).append_all(folder, &messages);
        }
    }

    /// A user's Maildir, or the directory of one folder in it.
    pub fn maildir(&self, user: &str, folder: &str) -> PathBuf {
        let maildir = self.ground.path("mail").join(user).join("Maildir");
        if folder == "INBOX" {
            return maildir;
        }
        maildir.join(format!(".{}", wire::encode_name(folder).replace('/', ".")))
    }

    /// What the user may do with a folder, in the letters of RFC 4314 (Dovecot with `acl()`).
    pub fn rights(&self, user: &str, folder: &str, letters: &str) {
        let path = self.maildir(user, folder).join("dovecot-acl");
        fs::write(&path, format!("owner {letters}\n")).unwrap();
        if let Some((uid, gid)) = self.ground.owner {
            chown(&path, Some(uid), Some(gid)).unwrap();
        }
    }

    /// Delivery as Maildir prescribes it: a whole file in `tmp`, then renamed into `new`.
    fn write_file(&self, user: &str, folder: &str, message: &[u8], at: SystemTime) {
        static NEXT: AtomicU32 = AtomicU32::new(1);
        let directory = self.maildir(user, folder);
        if !directory.join("new").is_dir() {
            // The server makes it at the first login.
            self.hand(user).select(folder);
        }
        let name = format!(
            "{}.M{}P{}.rig",
            at.duration_since(SystemTime::UNIX_EPOCH)
                .map_or(0, |since| since.as_secs()),
            NEXT.fetch_add(1, Ordering::Relaxed),
            std::process::id()
        );
        let (temporary, new) = (directory.join("tmp").join(&name), directory.join("new").join(&name));
        fs::write(&temporary, with_bare_newlines(message)).unwrap();
        fs::File::options()
            .write(true)
            .open(&temporary)
            .unwrap()
            .set_modified(at)
            .unwrap();
        if let Some((uid, gid)) = self.ground.owner {
            chown(&temporary, Some(uid), Some(gid)).unwrap();
        }
        fs::rename(&temporary, &new).unwrap();
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.stop();
    }
}

/// Lines end in LF in a Maildir; Courier takes CRLF for a CR that belongs to the message.
fn with_bare_newlines(message: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(message.len());
    for (index, &byte) in message.iter().enumerate() {
        if byte != b'\r' || message.get(index + 1) != Some(&b'\n') {
            bytes.push(byte);
        }
    }
    bytes
}

fn greets(port: u16) -> bool {
    let Ok(stream) = TcpStream::connect((Ipv4Addr::LOCALHOST, port)) else {
        return false;
    };
    let _ = stream.set_read_timeout(Some(Duration::from_secs(5)));
    matches!(wire::read_line(&mut BufReader::new(stream)), Ok(Some(line)) if line.starts_with(b"* OK"))
}

/// Ends a process and its whole group, and waits until the port is free again.
fn end(mut child: Child) {
    if let Some(group) = i32::try_from(child.id()).ok().and_then(Pid::from_raw) {
        let _ = kill_process_group(group, Signal::KILL);
    }
    let _ = child.wait();
}
