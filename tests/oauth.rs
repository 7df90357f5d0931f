//! Tokens instead of passwords: an authority of the test's own, and Dovecot asking it about every token.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::string_slice
)]

mod support;

use std::fs;
use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::os::unix::fs::PermissionsExt as _;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use support::{Account, Authority, Daemon, Dovecot, Home, Letter, Mood, Proxy, Server, eventually};

/// A Dovecot that takes the authority's tokens, and a home that has none yet.
struct Stage {
    authority: Authority,
    server: Server,
    proxy: Proxy,
    home: Home,
}

impl Stage {
    fn new() -> Option<Self> {
        let authority = Authority::start();
        let server = Dovecot::new().oauth(authority.port()).start()?;
        let proxy = Proxy::to(server.port).start();
        let account = Account::new("home", proxy.port).proof(&format!("oauth2 = {}", authority.toml()));
        let home = Home::new(&[account]);
        Some(Self {
            authority,
            server,
            proxy,
            home,
        })
    }

    /// Logs in by a code, as `postroom login` does it.
    fn login(&self) {
        let mut login = Daemon::spawn(self.home.command(&["login"]));
        let line = login.wait_line("type the code");
        let code = line.rsplit(' ').next().unwrap().to_owned();
        self.authority.approve(&code, "alice");
        let (status, output) = login.wait_end();
        assert!(status.success(), "{output}");
        assert!(output.contains("takes the token"), "{output}");
    }

    fn token_file(&self) -> String {
        fs::read_to_string(self.home.path("state/home.token")).unwrap()
    }

    /// Makes the kept token end so many seconds from now, in our books only.
    fn ends_in(&self, seconds: i64) {
        let mut kept: serde_json::Value = serde_json::from_str(&self.token_file()).unwrap();
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
        kept["expires_at"] = (now.cast_signed() + seconds).into();
        self.home.write_private("state/home.token", &kept.to_string());
    }

    fn deliver_and_wait(&self) {
        let letter = Letter::from("News <news@shop.example>").newsletter("<l.shop.example>");
        self.server.deliver("alice", &letter.bytes());
        self.server.hand("alice").wait_for("News", &letter.id());
    }
}

#[test]
fn a_code_typed_elsewhere_logs_in() {
    let Some(stage) = Stage::new() else { return };
    let before = stage.home.run(&["preview"]).expect_code(77).text();
    assert!(before.contains("postroom login"), "{before}");
    stage.login();
    let mode = fs::metadata(stage.home.path("state/home.token"))
        .unwrap()
        .permissions()
        .mode()
        & 0o777;
    assert_eq!(mode, 0o600);
    let mut daemon = stage.home.start();
    daemon.wait_line("watching");
    stage.deliver_and_wait();
    assert!(stage.proxy.count("AUTHENTICATE") > 0 && stage.proxy.count("LOGIN") == 0);
    for token in ["at-", "rt-"] {
        assert!(!daemon.output().contains(token), "a token is in the log");
    }
    daemon.terminate();
}

#[test]
fn a_browser_on_this_machine_logs_in_with_pkce() {
    let Some(stage) = Stage::new() else { return };
    let mut login = Daemon::spawn(stage.home.command(&["login", "--browser"]));
    let page = login.wait_line("/authorize?");
    // The authority answers at once with the way back, as if the user had agreed.
    let answer = get(&page);
    let back = answer
        .lines()
        .find_map(|line| line.strip_prefix("Location: "))
        .expect("no way back")
        .trim();
    // Somebody else knocks first.
    let state = back.find("state=").unwrap();
    assert!(get(&format!("{}state=guessed", &back[..state])).contains("404"));
    assert!(get(back).contains("You can close this page"));
    let (status, output) = login.wait_end();
    assert!(status.success(), "{output}");
    assert_eq!(stage.authority.grants("authorization_code"), 1);
}

/// A GET without following anything.
fn get(url: &str) -> String {
    let (host, path) = url.strip_prefix("http://").unwrap().split_once('/').unwrap();
    let mut stream = TcpStream::connect(host).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    write!(stream, "GET /{path} HTTP/1.1\r\nHost: {host}\r\n\r\n").unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}

#[test]
fn a_token_is_renewed_before_it_ends_and_the_refresh_token_rotates() {
    let Some(stage) = Stage::new() else { return };
    stage.login();
    let before = stage.token_file();
    stage.home.run(&["preview"]).expect_code(0);
    assert_eq!(stage.authority.grants("refresh_token"), 0, "renewed without need");
    stage.ends_in(299);
    stage.home.run(&["preview"]).expect_code(0);
    assert_eq!(stage.authority.grants("refresh_token"), 1);
    assert_ne!(stage.token_file(), before);
    // The authority has ended the old refresh token: this works only when the new one was kept.
    stage.ends_in(0);
    stage.home.run(&["preview"]).expect_code(0);
    assert_eq!(stage.authority.grants("refresh_token"), 2);
}

#[test]
fn two_processes_do_not_spend_one_refresh_token_twice() {
    let Some(stage) = Stage::new() else { return };
    stage.login();
    stage.ends_in(0);
    std::thread::scope(|scope| {
        for _ in 0..3 {
            scope.spawn(|| stage.home.run(&["preview"]).expect_code(0));
        }
    });
    assert_eq!(stage.authority.grants("refresh_token"), 1);
}

#[test]
fn a_token_that_ends_during_idle_costs_no_message() {
    let Some(stage) = Stage::new() else { return };
    stage.login();
    let mut daemon = stage.home.start();
    daemon.wait_line("watching");
    // As large providers do: the token ends, the connection with it.
    stage.authority.end_tokens();
    stage.proxy.drop_all();
    stage.deliver_and_wait();
    assert_eq!(
        stage.authority.grants("refresh_token"),
        1,
        "the refused token was not renewed"
    );
    daemon.terminate();
}

#[test]
fn a_withdrawn_permission_is_said_loudly_and_not_asked_about_again() {
    let Some(stage) = Stage::new() else { return };
    stage.login();
    stage.authority.mood(Mood::Withdrawn);
    stage.authority.end_tokens();
    let mut daemon = stage.home.start();
    let line = daemon.wait_line("has been withdrawn");
    assert!(line.contains("ERROR") && line.contains("postroom login"), "{line}");
    let status = eventually("the status", || {
        let said = stage.home.run(&["status"]).text();
        said.contains("withdrawn").then_some(said)
    });
    assert!(status.contains("waiting"), "{status}");
    assert_eq!(stage.authority.grants("refresh_token"), 1, "a storm");
    // The user logs in again; the daemon is told and goes on.
    stage.authority.mood(Mood::Well);
    stage.login();
    daemon.wait_line("watching");
    stage.deliver_and_wait();
    daemon.terminate();
}

#[test]
fn an_authority_that_is_down_or_mad_is_waited_for() {
    let Some(stage) = Stage::new() else { return };
    stage.login();
    // Still good for four minutes: that it cannot be renewed now does not matter yet.
    stage.ends_in(240);
    stage.authority.mood(Mood::Down);
    stage.home.run(&["preview"]).expect_code(0);
    for (mood, word) in [
        (Mood::Down, "status 500"),
        (Mood::Mad, "cannot be understood"),
        (Mood::Slow(300), "status 500"),
    ] {
        stage.ends_in(0);
        stage.authority.mood(mood);
        let said = stage.home.run(&["preview"]).expect_code(69).text();
        assert!(said.contains(word) && !said.contains("postroom login"), "{said}");
    }
    stage.authority.mood(Mood::Down);
    let mut daemon = stage.home.start();
    daemon.wait_line("trying again");
    stage.authority.mood(Mood::Well);
    daemon.wait_line("watching");
    daemon.terminate();
}

#[test]
fn a_command_may_print_the_token() {
    let Some(stage) = Stage::new() else { return };
    stage.login();
    let kept: serde_json::Value = serde_json::from_str(&stage.token_file()).unwrap();
    let token = kept["access_token"].as_str().unwrap();
    let home =
        Home::new(&[Account::new("home", stage.proxy.port).proof(&format!("token_command = [\"echo\", \"{token}\"]"))]);
    home.run(&["preview"]).expect_code(0);
    let wrong = Home::new(&[Account::new("home", stage.proxy.port).proof("token_command = [\"echo\", \"old\"]")]);
    wrong.run(&["preview"]).expect_code(77);
}

#[test]
fn the_older_mechanism_works_too() {
    let authority = Authority::start();
    let extra = "auth_mechanisms = plain xoauth2\n";
    let Some(server) = Dovecot::new().oauth(authority.port()).extra(extra).start() else {
        return;
    };
    let proxy = Proxy::to(server.port).start();
    let home = Home::new(&[Account::new("home", proxy.port).proof(&format!("oauth2 = {}", authority.toml()))]);
    let stage = Stage {
        authority,
        server,
        proxy,
        home,
    };
    // The server takes nothing else.
    stage.login();
    // Refused with a challenge, which is answered; then renewed.
    stage.authority.end_tokens();
    stage.home.run(&["preview"]).expect_code(0);
    assert_eq!(stage.authority.grants("refresh_token"), 1);
}
