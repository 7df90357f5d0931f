//! The real binary as a process: its configuration in a directory of its own, its output line by line, its notifications
//! to a service manager that is this test.

use std::fmt::Write as _;
use std::fs;
use std::io::{BufRead, BufReader, Read};
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::net::UnixDatagram;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process, kill_process_group};
use tempfile::TempDir;

use super::server::PASSWORD;
use super::wait::{eventually, within};

/// One `[[account]]` of the configuration.
#[derive(Debug, Clone)]
pub struct Account {
    name: String,
    port: u16,
    user: String,
    email: String,
    tls: String,
    password: String,
    proof: Option<String>,
    mode: String,
    backlog: String,
    settle: String,
    account_lines: String,
    imap_lines: String,
    folder_lines: String,
}

impl Account {
    /// User `alice` on a loopback port without TLS, sorting, old mail left alone, the usual folders, on a server that is
    /// never at work any more once a connection is lost.
    pub fn new(name: &str, port: u16) -> Self {
        Self {
            name: name.to_owned(),
            port,
            user: "alice".to_owned(),
            email: "alice@example.org".to_owned(),
            tls: "none".to_owned(),
            password: PASSWORD.to_owned(),
            proof: None,
            mode: "sort".to_owned(),
            backlog: "leave".to_owned(),
            settle: "0s".to_owned(),
            account_lines: String::new(),
            imap_lines: String::new(),
            folder_lines: String::new(),
        }
    }

    /// Another user; the address follows.
    #[must_use]
    pub fn user(mut self, user: &str) -> Self {
        user.clone_into(&mut self.user);
        self.email = format!("{user}@example.org");
        self
    }

    /// `implicit`, `starttls` or `none`; with the authority to trust.
    #[must_use]
    pub fn tls(mut self, tls: &str, port: u16, ca_file: &Path) -> Self {
        tls.clone_into(&mut self.tls);
        self.port = port;
        self.imap_line(&format!("ca_file = \"{}\"", ca_file.display()))
    }

    /// The password in the secret file.
    #[must_use]
    pub fn password(mut self, password: &str) -> Self {
        password.clone_into(&mut self.password);
        self
    }

    /// Another line than `password_file`, for example `oauth2 = { .. }`.
    #[must_use]
    pub fn proof(mut self, line: &str) -> Self {
        self.proof = Some(line.to_owned());
        self
    }

    /// `sort` or `preview`.
    #[must_use]
    pub fn mode(mut self, mode: &str) -> Self {
        mode.clone_into(&mut self.mode);
        self
    }

    /// `leave` or `sort`.
    #[must_use]
    pub fn backlog(mut self, backlog: &str) -> Self {
        backlog.clone_into(&mut self.backlog);
        self
    }

    /// A further line of `[[account]]`.
    #[must_use]
    pub fn line(mut self, line: &str) -> Self {
        writeln!(self.account_lines, "{line}").unwrap();
        self
    }

    /// A further line of `[account.imap]`.
    #[must_use]
    pub fn imap_line(mut self, line: &str) -> Self {
        writeln!(self.imap_lines, "{line}").unwrap();
        self
    }

    /// How long the server may be at work after a connection was lost.
    #[must_use]
    pub fn settle(mut self, interval: &str) -> Self {
        interval.clone_into(&mut self.settle);
        self
    }

    /// A line of `[account.folders]`.
    #[must_use]
    pub fn folder_line(mut self, line: &str) -> Self {
        writeln!(self.folder_lines, "{line}").unwrap();
        self
    }

    fn secret(&self) -> String {
        format!("secret-{}", self.name)
    }

    fn toml(&self) -> String {
        let Self {
            name,
            port,
            user,
            email,
            tls,
            mode,
            backlog,
            settle,
            account_lines,
            imap_lines,
            folder_lines,
            ..
        } = self;
        let folders = if folder_lines.is_empty() {
            String::new()
        } else {
            format!("[account.folders]\n{folder_lines}")
        };
        let host = if tls == "none" { "127.0.0.1" } else { "localhost" };
        let password_file = format!("password_file = \"{}\"", self.secret());
        let proof = self.proof.as_ref().unwrap_or(&password_file);
        format!(
            "\n[[account]]\nname = \"{name}\"\nemail = [\"{email}\"]\nmode = \"{mode}\"\nbacklog = \"{backlog}\"\n\
             {account_lines}[account.imap]\nhost = \"{host}\"\nport = {port}\ntls = \"{tls}\"\nuser = \"{user}\"\n\
             {proof}\nsettle = \"{settle}\"\n{imap_lines}{folders}"
        )
    }
}

/// A finished run of the binary.
#[derive(Debug)]
pub struct Finished {
    /// Its exit code; `None` when a signal ended it.
    pub code: Option<i32>,
    /// What it printed.
    pub stdout: String,
    /// What it logged.
    pub stderr: String,
}

impl Finished {
    /// Fails the test unless the run ended with that code.
    #[track_caller]
    pub fn expect_code(self, code: i32) -> Self {
        assert_eq!(
            self.code,
            Some(code),
            "stdout:\n{}\nstderr:\n{}",
            self.stdout,
            self.stderr
        );
        self
    }

    /// Both streams, for a search that does not care.
    pub fn text(&self) -> String {
        format!("{}{}", self.stdout, self.stderr)
    }
}

/// A directory with everything the program reads and writes: `postroom.toml`, secrets, `rules/`, `state/`.
pub struct Home {
    directory: TempDir,
}

impl Home {
    /// Writes the configuration of these accounts.
    pub fn new(accounts: &[Account]) -> Self {
        let directory = tempfile::Builder::new().prefix("ph").tempdir_in("/tmp").unwrap();
        let home = Self { directory };
        fs::create_dir(home.path("rules")).unwrap();
        fs::create_dir(home.path("state")).unwrap();
        fs::set_permissions(home.path("state"), fs::Permissions::from_mode(0o700)).unwrap();
        home.configure(accounts);
        home
    }

    /// Writes the configuration anew.
    pub fn configure(&self, accounts: &[Account]) {
        let mut text = "rules = \"rules\"\nstate = \"state\"\n".to_owned();
        for account in accounts {
            text.push_str(&account.toml());
            self.write_private(&account.secret(), &format!("{}\n", account.password));
        }
        self.write_private("postroom.toml", &text);
    }

    /// Path of something in the directory.
    pub fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    /// The configuration file.
    pub fn config(&self) -> PathBuf {
        self.path("postroom.toml")
    }

    /// Writes a file that nobody else may read.
    pub fn write_private(&self, name: &str, text: &str) {
        fs::write(self.path(name), text).unwrap();
        fs::set_permissions(self.path(name), fs::Permissions::from_mode(0o600)).unwrap();
    }

    /// From now on the program's wall clock is so far ahead of the real one.
    pub fn set_clock_ahead(&self, by: Duration) {
        self.write_private("clock.new", &by.as_secs().to_string());
        fs::rename(self.path("clock.new"), self.path("clock")).unwrap();
    }

    /// Writes a rule file as an editor does: beside it, then renamed over it.
    pub fn rule_file(&self, name: &str, text: &str) {
        let beside = self.path(&format!("rules/.{name}.new"));
        fs::write(&beside, text).unwrap();
        fs::rename(&beside, self.path("rules").join(name)).unwrap();
    }

    /// The binary with these arguments, its configuration named by the environment, and nothing of the tester's own.
    pub fn command(&self, arguments: &[&str]) -> Command {
        // Long runs may name a binary of their own, which no build replaces meanwhile.
        let binary = std::env::var_os("POSTROOM_TEST_BINARY").unwrap_or_else(|| env!("CARGO_BIN_EXE_postroom").into());
        let mut command = Command::new(binary);
        command.args(arguments).env_clear();
        command.env("PATH", std::env::var_os("PATH").unwrap_or_default());
        command
            .env("HOME", self.directory.path())
            .env("POSTROOM_CONFIG", self.config())
            .env("POSTROOM_TEST_CLOCK", self.path("clock"));
        for name in ["RUST_BACKTRACE", "LLVM_PROFILE_FILE", "FAILPOINTS"] {
            if let Some(value) = std::env::var_os(name) {
                command.env(name, value);
            }
        }
        command.current_dir(self.directory.path()).stdin(Stdio::null());
        command
    }

    /// Runs a command to its end, at most two minutes.
    pub fn run(&self, arguments: &[&str]) -> Finished {
        finish(self.command(arguments), Duration::from_mins(2))
    }

    /// `postroom run --once`: one full sweep.
    pub fn run_once(&self) -> Finished {
        self.run(&["run", "--once"])
    }

    /// Starts `postroom run` under a service manager.
    pub fn start(&self) -> Daemon {
        self.start_with(|_| {})
    }

    /// Starts `postroom run`, with a word in its command first (environment, limits).
    pub fn start_with(&self, adjust: impl FnOnce(&mut Command)) -> Daemon {
        let mut command = self.command(&["run"]);
        adjust(&mut command);
        Daemon::spawn(command)
    }
}

/// Runs a command to its end; kills it and fails the test after `limit`.
pub fn finish(mut command: Command, limit: Duration) -> Finished {
    // Its own group, so that a program it started does not keep the pipes open when it is killed.
    let mut child = command
        .process_group(0)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let stdout = gather(child.stdout.take().unwrap());
    let stderr = gather(child.stderr.take().unwrap());
    let start = std::time::Instant::now();
    let status = loop {
        if let Some(status) = child.try_wait().unwrap() {
            break status;
        }
        if start.elapsed() > limit {
            let _ = kill_process_group(pid_of(&child), Signal::KILL);
            let _ = child.wait();
            panic!(
                "{command:?} did not end within {limit:?}\n{}{}",
                stdout.join().unwrap(),
                stderr.join().unwrap()
            );
        }
        std::thread::sleep(Duration::from_millis(5));
    };
    Finished {
        code: status.code(),
        stdout: stdout.join().unwrap(),
        stderr: stderr.join().unwrap(),
    }
}

fn pid_of(child: &Child) -> Pid {
    i32::try_from(child.id()).ok().and_then(Pid::from_raw).unwrap()
}

fn gather(mut stream: impl Read + Send + 'static) -> JoinHandle<String> {
    std::thread::spawn(move || {
        let mut bytes = Vec::new();
        let _ = stream.read_to_end(&mut bytes);
        String::from_utf8_lossy(&bytes).into_owned()
    })
}

type Lines = Arc<Mutex<Vec<String>>>;

/// A running daemon; killed when it is dropped.
pub struct Daemon {
    child: Child,
    lines: Lines,
    notices: Lines,
    _socket_directory: TempDir,
}

impl Daemon {
    /// Starts any command as a service manager would.
    pub fn spawn(mut command: Command) -> Self {
        let socket_directory = tempfile::Builder::new().prefix("pn").tempdir_in("/tmp").unwrap();
        let path = socket_directory.path().join("notify");
        let socket = UnixDatagram::bind(&path).unwrap();
        command
            .env("NOTIFY_SOCKET", &path)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let lines = Lines::default();
        follow(child.stdout.take().unwrap(), &lines);
        follow(child.stderr.take().unwrap(), &lines);
        let notices = Lines::default();
        let kept = notices.clone();
        std::thread::spawn(move || {
            let mut buffer = [0; 4096];
            while let Ok(length) = socket.recv(&mut buffer) {
                let text = String::from_utf8_lossy(&buffer[..length]).into_owned();
                kept.lock().unwrap().extend(text.lines().map(str::to_owned));
            }
        });
        Self {
            child,
            lines,
            notices,
            _socket_directory: socket_directory,
        }
    }

    /// Its process id.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Every line it has written so far, stdout and stderr as they came.
    pub fn output(&self) -> String {
        self.lines.lock().unwrap().join("\n")
    }

    /// Every notification so far, one `KEY=VALUE` each.
    pub fn notices(&self) -> Vec<String> {
        self.notices.lock().unwrap().clone()
    }

    /// Waits for `READY=1`.
    #[track_caller]
    pub fn wait_ready(&mut self) {
        self.wait_notice("READY=1");
    }

    /// Waits for a notification that contains `part`.
    #[track_caller]
    pub fn wait_notice(&mut self, part: &str) {
        let notices = self.notices.clone();
        self.wait(&format!("the notice {part}"), || {
            notices
                .lock()
                .unwrap()
                .iter()
                .any(|notice| notice.contains(part))
                .then_some(())
        });
    }

    /// Waits for an output line that contains `part`, and returns it.
    #[track_caller]
    pub fn wait_line(&mut self, part: &str) -> String {
        let lines = self.lines.clone();
        self.wait(&format!("a line with {part:?}"), || {
            lines.lock().unwrap().iter().find(|line| line.contains(part)).cloned()
        })
    }

    #[track_caller]
    fn wait<T>(&mut self, what: &str, mut probe: impl FnMut() -> Option<T>) -> T {
        let start = std::time::Instant::now();
        loop {
            if let Some(found) = probe() {
                return found;
            }
            let ended = self.child.try_wait().unwrap();
            assert!(
                ended.is_none() && start.elapsed() < super::wait::PATIENCE,
                "waited in vain for {what}; ended: {ended:?}; output:\n{}\nnotices: {:?}",
                self.output(),
                self.notices()
            );
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    /// How many output lines contain `part` so far.
    pub fn count_lines(&self, part: &str) -> usize {
        self.lines
            .lock()
            .unwrap()
            .iter()
            .filter(|line| line.contains(part))
            .count()
    }

    /// Whether it still runs.
    pub fn is_running(&mut self) -> bool {
        self.child.try_wait().unwrap().is_none()
    }

    fn signal(&self, signal: Signal) {
        kill_process(pid_of(&self.child), signal).unwrap();
    }

    /// SIGHUP: read the configuration and rules again.
    pub fn hang_up(&self) {
        self.signal(Signal::HUP);
    }

    /// SIGSTOP and SIGCONT, for a daemon that is not there while things happen.
    pub fn pause(&self) {
        self.signal(Signal::STOP);
    }

    /// The end of [`Daemon::pause`].
    pub fn resume(&self) {
        self.signal(Signal::CONT);
    }

    /// kill -9, and waits until it is gone.
    pub fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Waits until it ends by itself.
    #[track_caller]
    pub fn wait_end(mut self) -> (ExitStatus, String) {
        let child = &mut self.child;
        let status = eventually("the daemon to end", || child.try_wait().unwrap());
        (status, self.output())
    }

    /// SIGTERM; it must end within ten seconds.
    #[track_caller]
    pub fn terminate(mut self) -> (ExitStatus, String) {
        self.signal(Signal::TERM);
        let child = &mut self.child;
        let status = within(Duration::from_secs(10), "the daemon to end on SIGTERM", || {
            child.try_wait().unwrap()
        });
        (status, self.output())
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!(
                "--- the daemon's output\n{}\n--- its notices {:?}",
                self.output(),
                self.notices()
            );
        }
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn follow(stream: impl Read + Send + 'static, lines: &Lines) {
    let lines = lines.clone();
    std::thread::spawn(move || {
        for line in BufReader::new(stream).lines().map_while(Result::ok) {
            lines.lock().unwrap().push(line);
        }
    });
}
