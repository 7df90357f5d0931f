//! Other programs that sort a mailbox by rules, on the same server and mail: imapfilter, which asks the server one SEARCH a rule,
//! and Pigeonhole's sieve-filter, which runs in the server. Debian packages `imapfilter` and `dovecot-sieve`; one that is not
//! installed is left out. Neither keeps a record of what it did.

use std::fmt::Write as _;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Instant;

use super::mail::{self, Stock};
use super::support::Server;
use super::support::server::PASSWORD;

/// The user whose mailbox they sort.
const USER: &str = "carol";

/// A program to compare with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Peer {
    /// One SEARCH FROM a rule, one COPY, STORE and EXPUNGE a rule that meets anything.
    Imapfilter,
    /// A Sieve script, in the server.
    SieveFilter,
}

impl Peer {
    /// Those that are installed.
    pub fn installed() -> Vec<Self> {
        let there = |peer: &Self| {
            let asked = Command::new(peer.name())
                .arg("-h")
                .stdout(Stdio::null())
                .stderr(Stdio::null())
                .status();
            if asked.is_err() {
                println!("{} is not installed and left out", peer.name());
            }
            asked.is_ok()
        };
        [Self::Imapfilter, Self::SieveFilter]
            .into_iter()
            .filter(there)
            .collect()
    }

    /// The command's name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Imapfilter => "imapfilter",
            Self::SieveFilter => "sieve-filter",
        }
    }

    /// Sorts a mailbox of `size` messages by `rules` rules; the seconds it took. Fails the run when a folder holds what it
    /// should not.
    pub fn sort(self, server: &Server, stock: &Stock, size: usize, rules: usize) -> f64 {
        stock.give(server, USER);
        let home = tempfile::tempdir().unwrap();
        // sieve-filter reads its script as the mailbox's owner.
        fs::set_permissions(home.path(), fs::Permissions::from_mode(0o755)).unwrap();
        let mut command = match self {
            Self::Imapfilter => imapfilter(server, home.path(), rules),
            Self::SieveFilter => sieve_filter(server, home.path(), rules),
        };
        let begun = Instant::now();
        let output = command.output().unwrap();
        let wall = begun.elapsed().as_secs_f64();
        assert!(output.status.success(), "{command:?}: {output:?}");
        mail::assert_sorted(server, USER, size);
        wall
    }
}

fn imapfilter(server: &Server, home: &Path, rules: usize) -> Command {
    let mut script = format!(
        "options.starttls = false\noptions.timeout = 600\nbox = IMAP {{ server = '127.0.0.1', port = {}, username = '{USER}', \
         password = '{PASSWORD}' }}\n",
        server.port
    );
    for (folder, sender) in mail::ruled(rules) {
        writeln!(
            script,
            "box.INBOX:contain_from('{sender}'):move_messages(box['{folder}'])"
        )
        .unwrap();
    }
    let path = home.join("config.lua");
    fs::write(&path, script).unwrap();
    let mut command = Command::new("imapfilter");
    command.arg("-c").arg(path).env("HOME", home);
    command
}

fn sieve_filter(server: &Server, home: &Path, rules: usize) -> Command {
    let mut script = "require [\"fileinto\"];\n".to_owned();
    for (folder, sender) in mail::ruled(rules) {
        writeln!(
            script,
            "if address :is \"from\" \"{sender}\" {{ fileinto \"{folder}\"; stop; }}"
        )
        .unwrap();
    }
    let path = home.join("sort.sieve");
    fs::write(&path, script).unwrap();
    let compiled = Command::new("sievec").arg(&path).status().unwrap();
    assert!(compiled.success(), "sievec: {compiled}");
    let mut command = Command::new("sieve-filter");
    command
        .arg("-c")
        .arg(server.root().join("dovecot.conf"))
        .args(["-e", "-W", "-u", USER])
        .arg(path)
        .arg("INBOX");
    command
}
