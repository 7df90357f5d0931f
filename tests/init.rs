//! From an address to a running daemon: `postroom init` and `postroom go` against local servers only.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::string_slice
)]

mod support;

use std::fs;
use std::io::Write as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::Instant;

use support::certificates::Certificate;
use support::daemon::{Daemon, Finished};
use support::{Answer, Authority, Dovecot, Letter, Server, Web, web};
use tempfile::TempDir;

/// An empty home directory.
struct Newcomer {
    directory: TempDir,
}

impl Newcomer {
    fn new() -> Self {
        let directory = tempfile::Builder::new().prefix("pi").tempdir_in("/tmp").unwrap();
        Self { directory }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    fn config(&self) -> PathBuf {
        self.path(".config/postroom/postroom.toml")
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_postroom"));
        command.args(arguments).env_clear().current_dir(self.directory.path());
        command.env("PATH", std::env::var_os("PATH").unwrap_or_default());
        command.env("HOME", self.directory.path());
        command
    }

    /// Runs a command with these lines on its standard input, which is then at its end.
    fn run(&self, arguments: &[&str], input: &str) -> Finished {
        let mut child = self
            .command(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        // A program that ends without reading is no fault of the test.
        let _ = child.stdin.take().unwrap().write_all(input.as_bytes());
        let output = child.wait_with_output().unwrap();
        Finished {
            code: output.status.code(),
            stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
            stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
        }
    }

    fn start(&self) -> Daemon {
        Daemon::spawn(self.command(&["run"]))
    }
}

/// The autoconfig page of a domain whose server is this one.
fn autoconfig(server: &Server) -> Web {
    let page = format!(
        "<?xml version=\"1.0\"?>\n<clientConfig version=\"1.1\">\n<emailProvider id=\"example.org\">\n\
         <incomingServer type=\"imap\">\n<hostname>localhost</hostname>\n<port>{}</port>\n<socketType>SSL</socketType>\n\
         <authentication>password-cleartext</authentication>\n<username>%EMAILLOCALPART%</username>\n\
         </incomingServer>\n</emailProvider>\n</clientConfig>\n",
        server.tls_port
    );
    Web::serve(move |request| {
        if request.path == "/mail/config-v1.1.xml" && request.field("emailaddress") == "alice@example.org" {
            Answer::page(&page)
        } else {
            Answer::missing()
        }
    })
}

fn mode_of(path: &std::path::Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o777
}

#[test]
fn from_an_empty_directory_to_a_running_daemon() {
    let begun = Instant::now();
    let Some(server) = Dovecot::new().start() else { return };
    let web = autoconfig(&server);
    let home = Newcomer::new();
    server.deliver(
        "alice",
        &Letter::from("News <news@shop.example>")
            .newsletter("<l.shop.example>")
            .bytes(),
    );
    let (base, ca) = (web.base(), server.ca_file().display().to_string());
    let init = [
        "init",
        "--email",
        "alice@example.org",
        "--yes",
        "--autoconfig-url",
        &base,
        "--ca-file",
        &ca,
    ];
    let said = home.run(&init, "secret\n").expect_code(0).text();
    for part in [
        "localhost",
        "autoconfig",
        "certificate is good",
        "Made: Top, News, Bulk, Blackhole",
        "1 in INBOX = 1 news",
        "postroom go",
    ] {
        assert!(said.contains(part), "{part:?} is missing:\n{said}");
    }
    assert!(!said.contains("secret\n"), "the password is shown:\n{said}");
    let text = fs::read_to_string(home.config()).unwrap();
    assert_eq!(mode_of(&home.config()), 0o600);
    assert!(
        text.contains("mode = \"preview\"") && !text.contains("\"secret\""),
        "{text}"
    );
    assert_eq!(mode_of(&home.path(".config/postroom/home.secret")), 0o600);
    assert!(home.path(".config/postroom/rules/10-codes.toml").exists());
    home.run(&["check"], "").expect_code(0);
    for folder in ["Top", "News", "Bulk", "Blackhole"] {
        assert!(server.hand("alice").has_folder(folder), "{folder} was not made");
    }

    // A second time: nothing is touched.
    let again = home.run(&init, "secret\n").expect_code(2).text();
    assert!(again.contains("left as it is"), "{again}");
    assert_eq!(fs::read_to_string(home.config()).unwrap(), text);

    let went = home.run(&["go", "--yes"], "").expect_code(0).text();
    assert!(went.contains("sort"), "{went}");
    let changed = fs::read_to_string(home.config()).unwrap();
    assert_eq!(
        changed,
        text.replace("mode = \"preview\"", "mode = \"sort\""),
        "more than the mode has changed"
    );
    assert_eq!(mode_of(&home.config()), 0o600);
    let mut daemon = home.start();
    daemon.wait_line("watching");
    eprintln!("from nothing to a watching daemon: {:?}", begun.elapsed());
    let letter = Letter::from("News <news@shop.example>").newsletter("<l.shop.example>");
    server.deliver("alice", &letter.bytes());
    server.hand("alice").wait_for("News", &letter.id());
}

#[test]
fn through_a_pipe_every_question_is_a_line() {
    let Some(server) = Dovecot::new().start() else { return };
    let web = autoconfig(&server);
    let home = Newcomer::new();
    let ca = server.ca_file().display().to_string();
    let answers = "alice@example.org\ny\nsecret\nn\nPeople\nLists\n\n\ny\n";
    let said = home
        .run(&["init", "--autoconfig-url", &web.base(), "--ca-file", &ca], answers)
        .expect_code(0)
        .text();
    let mut hand = server.hand("alice");
    for folder in ["People", "Lists", "Bulk", "Blackhole"] {
        assert!(hand.has_folder(folder), "{folder} was not made:\n{said}");
    }
    let text = fs::read_to_string(home.config()).unwrap();
    assert!(
        text.contains("top = \"People\"") && text.contains("news = \"Lists\""),
        "{text}"
    );
}

#[test]
fn an_end_of_the_input_names_the_flag_that_is_missing() {
    let home = Newcomer::new();
    let said = home.run(&["init", "--yes"], "").expect_code(2).text();
    assert!(said.contains("--email"), "{said}");
    assert!(!home.config().exists());
}

#[test]
fn srv_records_are_found_where_there_is_no_page() {
    let Some(server) = Dovecot::new().start() else { return };
    let names = web::name_server("_imaps._tcp.example.org", "localhost", server.tls_port).to_string();
    let home = Newcomer::new();
    let ca = server.ca_file().display().to_string();
    let init = [
        "init",
        "--email",
        "alice@example.org",
        "--yes",
        "--autoconfig-url",
        "off",
        "--resolver",
        &names,
        "--ca-file",
        &ca,
    ];
    let said = home.run(&init, "secret\n").expect_code(0).text();
    assert!(said.contains("SRV records"), "{said}");
}

#[test]
fn a_wrong_password_writes_nothing_and_says_so() {
    let Some(server) = Dovecot::new().start() else { return };
    let home = Newcomer::new();
    let (port, ca) = (server.tls_port.to_string(), server.ca_file().display().to_string());
    let init = [
        "init",
        "--email",
        "alice@example.org",
        "--yes",
        "--host",
        "localhost",
        "--port",
        &port,
        "--ca-file",
        &ca,
    ];
    let said = home.run(&init, "wrong\n").expect_code(77).text();
    assert!(said.contains("does not let alice@example.org in"), "{said}");
    assert!(!said.contains("wrong"), "{said}");
    assert!(!home.path(".config").exists(), "something was written");
}

#[test]
fn certificates_that_do_not_hold_end_it_before_the_password() {
    for (certificate, word) in [
        (Certificate::Expired, "expired"),
        (Certificate::WrongHost, "another name"),
        (Certificate::SelfSigned, "trusted"),
    ] {
        let Some(server) = Dovecot::new().certificate(certificate).start() else {
            return;
        };
        let home = Newcomer::new();
        let (port, ca) = (server.tls_port.to_string(), server.ca_file().display().to_string());
        let init = [
            "init",
            "--email",
            "alice@example.org",
            "--yes",
            "--host",
            "localhost",
            "--port",
            &port,
            "--ca-file",
            &ca,
        ];
        let said = home.run(&init, "").expect_code(69).text();
        assert!(said.contains("not to be trusted") && said.contains(word), "{said}");
        assert!(!home.path(".config").exists(), "something was written");
    }
}

#[test]
fn a_sanebox_users_folders_are_taken_over() {
    let Some(server) = Dovecot::new().start() else { return };
    let mut hand = server.hand("alice");
    for folder in ["@SaneLater", "@SaneNews", "@SaneBlackHole"] {
        hand.make_folder(folder);
    }
    let home = Newcomer::new();
    let (port, ca) = (server.tls_port.to_string(), server.ca_file().display().to_string());
    let init = [
        "init",
        "--email",
        "alice@example.org",
        "--user",
        "alice",
        "--yes",
        "--host",
        "localhost",
        "--port",
        &port,
        "--ca-file",
        &ca,
        "--password-command",
        "echo secret",
    ];
    home.run(&init, "").expect_code(0);
    let text = fs::read_to_string(home.config()).unwrap();
    for line in [
        "news = \"@SaneNews\"",
        "bulk = \"@SaneLater\"",
        "blackhole = \"@SaneBlackHole\"",
        "top = \"Top\"",
    ] {
        assert!(text.contains(line), "{line} is missing:\n{text}");
    }
    assert!(text.contains("password_command = [\"echo\", \"secret\"]"), "{text}");
}

#[test]
fn a_second_account_goes_beside_the_first() {
    let Some(server) = Dovecot::new().start() else { return };
    let home = Newcomer::new();
    let (port, ca) = (server.tls_port.to_string(), server.ca_file().display().to_string());
    let place = ["--yes", "--host", "localhost", "--port", &port, "--ca-file", &ca];
    let first = ["init", "--email", "alice@example.org", "--user", "alice"];
    home.run(&[&first[..], &place[..]].concat(), "secret\n").expect_code(0);
    let first = fs::read_to_string(home.config()).unwrap();
    let second = ["init", "--add", "--email", "bob@work.example", "--user", "bob"];
    home.run(&[&second[..], &place[..]].concat(), "secret\n").expect_code(0);
    assert_eq!(fs::read_to_string(home.config()).unwrap(), first);
    let file = home.path(".config/postroom/accounts.d/work.toml");
    assert_eq!(mode_of(&file), 0o600);
    home.run(&["check"], "").expect_code(0);
    home.run(&["go", "work", "--yes"], "").expect_code(0);
    assert!(fs::read_to_string(&file).unwrap().contains("mode = \"sort\""));
    assert_eq!(fs::read_to_string(home.config()).unwrap(), first);
}

#[test]
fn a_provider_that_takes_tokens_is_set_up_with_one() {
    let authority = Authority::start();
    let Some(server) = Dovecot::new().oauth(authority.port()).start() else {
        return;
    };
    let home = Newcomer::new();
    let (port, base, ca) = (
        server.tls_port.to_string(),
        format!("http://127.0.0.1:{}", authority.port()),
        server.ca_file().display().to_string(),
    );
    let mut init = Daemon::spawn(home.command(&[
        "init",
        "--email",
        "alice@example.org",
        "--user",
        "alice",
        "--yes",
        "--host",
        "localhost",
        "--port",
        &port,
        "--ca-file",
        &ca,
        "--oauth",
        "lab",
        "--oauth-base",
        &base,
        "--client-id",
        "lab",
    ]));
    let line = init.wait_line("type the code");
    authority.approve(line.rsplit(' ').next().unwrap(), "alice");
    let (status, output) = init.wait_end();
    assert!(status.success() && output.contains("no mail in the inbox"), "{output}");
    assert_eq!(mode_of(&home.path(".local/state/postroom/home.token")), 0o600);
    let mut daemon = home.start();
    daemon.wait_line("watching");
}
