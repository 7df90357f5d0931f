//! A password in the desktop's keyring: a real keyring on a private session bus, its item made by `secret-tool`, and a real
//! Dovecot that lets the daemon in by it. Built with `--features keyring` only.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::string_slice
)]

mod support;

use std::fs;
use std::io::{BufRead as _, BufReader, Write as _};
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use support::daemon::finish;
use support::{Account, Dovecot, Finished, Home, eventually};
use tempfile::TempDir;

/// A session bus with a keyring on it that is unlocked; both end with this.
struct Session {
    directory: TempDir,
    bus: Child,
    keyring: Child,
    address: String,
}

impl Session {
    /// `None` where a program is missing; said, and a failure where nothing may be skipped.
    fn start() -> Option<Self> {
        for program in ["dbus-daemon", "gnome-keyring-daemon", "secret-tool"] {
            let there = ["/usr/bin", "/bin"]
                .iter()
                .any(|directory| Path::new(directory).join(program).exists());
            if !there {
                let word = format!("SKIPPED: no {program} here (apt-get install dbus gnome-keyring libsecret-tools)");
                assert!(
                    std::env::var_os("POSTROOM_TEST_NO_SKIP").is_none_or(|set| set.is_empty()),
                    "{word}"
                );
                eprintln!("{word}");
                return None;
            }
        }
        let directory = tempfile::Builder::new().prefix("pk").tempdir_in("/tmp").unwrap();
        fs::set_permissions(directory.path(), fs::Permissions::from_mode(0o700)).unwrap();
        let mut bus = Command::new("dbus-daemon")
            .args(["--session", "--nofork", "--print-address"])
            .arg(format!("--address=unix:path={}/bus", directory.path().display()))
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut address = String::new();
        BufReader::new(bus.stdout.take().unwrap())
            .read_line(&mut address)
            .unwrap();
        let address = address.trim().to_owned();
        let mut keyring = Self::member(directory.path(), &address, "gnome-keyring-daemon")
            .args(["--foreground", "--unlock", "--components=secrets"])
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        // What unlocks the keyring; at the end of the input it begins.
        keyring.stdin.take().unwrap().write_all(b"open").unwrap();
        let session = Self {
            directory,
            bus,
            keyring,
            address,
        };
        eventually("the keyring is on the bus", || {
            let asked = session.store("probe", "probe");
            (asked.code == Some(0)).then_some(())
        });
        Some(session)
    }

    fn member(directory: &Path, address: &str, program: &str) -> Command {
        let mut command = Command::new(program);
        command.env_clear().env("PATH", "/usr/bin:/bin");
        command.env("DBUS_SESSION_BUS_ADDRESS", address);
        for name in ["HOME", "XDG_RUNTIME_DIR", "XDG_DATA_HOME"] {
            command.env(name, directory);
        }
        command
    }

    /// Makes the item as the manual says it.
    fn store(&self, user: &str, password: &str) -> Finished {
        let input = self.directory.path().join("input");
        fs::write(&input, password).unwrap();
        let mut command = Self::member(self.directory.path(), &self.address, "secret-tool");
        command.args(["store", "--label", "Mail", "service", "imap", "user", user]);
        command.stdin(fs::File::open(input).unwrap());
        finish(command, Duration::from_secs(20))
    }

    /// `postroom` in this session.
    fn postroom(&self, home: &Home, arguments: &[&str]) -> Finished {
        let mut command = home.command(arguments);
        command.env("DBUS_SESSION_BUS_ADDRESS", &self.address);
        finish(command, Duration::from_mins(1))
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        for child in [&mut self.keyring, &mut self.bus] {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

#[test]
fn the_password_comes_from_the_desktops_keyring() {
    let (Some(session), Some(server)) = (Session::start(), Dovecot::new().start()) else {
        return;
    };
    let line = "password_keyring = { service = \"imap\", user = \"alice\" }";
    let home = Home::new(&[Account::new("home", server.port).proof(line)]);
    let missing = session.postroom(&home, &["preview"]).expect_code(78).text();
    assert!(missing.contains("no item has these attributes"), "{missing}");
    session.store("alice", "secret").expect_code(0);
    session.postroom(&home, &["run", "--once"]).expect_code(0);
    // Changed in the keyring, it is another one at the next login.
    session.store("alice", "wrong").expect_code(0);
    session.postroom(&home, &["preview"]).expect_code(77);
    // Outside of the session there is no keyring, and that is said.
    let outside = home.run(&["preview"]).expect_code(78).text();
    assert!(outside.contains("session bus"), "{outside}");
}
