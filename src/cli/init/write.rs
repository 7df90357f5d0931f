//! The files of a new account: `postroom.toml`, the password, the rules. Nothing that is there is ever written over.

use std::fmt::Write as _;
use std::fs::{self, DirBuilder, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use anyhow::Context as _;

use super::mapping::Choice;
use crate::config::{Imap, Tls, rules};
use crate::sort::mailbox::Mailbox;
use crate::sort::sender::Address;

/// How the account shows who it is, as the file says it.
#[derive(Debug, Clone)]
pub enum SecretLine {
    /// `password_file`, relative to the configuration.
    PasswordFile(String),
    /// `password_command`.
    PasswordCommand(Vec<String>),
    /// `credential`.
    Credential(String),
    /// `oauth2`, an inline table as TOML.
    OAuth2(String),
}

/// Everything the file says.
#[derive(Debug)]
pub struct Draft<'a> {
    /// Name of the account.
    pub name: &'a str,
    /// Its address.
    pub email: &'a Address,
    /// The server.
    pub imap: &'a Imap,
    /// The secret.
    pub secret: &'a SecretLine,
    /// The folders.
    pub folders: &'a [Choice],
    /// Sent mail, where the server does not mark it and the user named it.
    pub sent: Option<&'a Mailbox>,
}

impl Draft<'_> {
    /// The `[[account]]` in TOML, with comments.
    pub fn account(&self) -> String {
        let Imap {
            host,
            port,
            tls,
            ca_file,
            user,
            ..
        } = self.imap;
        let tls = match tls {
            Tls::Implicit => "implicit",
            Tls::StartTls => "starttls",
            Tls::None => "none",
        };
        let mut text = format!(
            "[[account]]\nname = {}\nemail = [{}]   # add every other address that reaches this mailbox\n\
             mode = \"preview\"   # decide and record, move nothing; `postroom go` changes it to \"sort\"\n\
             backlog = \"leave\"   # mail that is in INBOX now stays there; `postroom sort` sorts it when you like\n\n\
             [account.imap]\nhost = {}\nport = {port}\ntls = \"{tls}\"\nuser = {}\n",
            quoted(self.name),
            quoted(self.email.as_str()),
            quoted(host),
            quoted(user)
        );
        if let Some(path) = ca_file {
            let _ = writeln!(text, "ca_file = {}", quoted(&path.display().to_string()));
        }
        match self.secret {
            SecretLine::PasswordFile(path) => {
                let _ = writeln!(text, "password_file = {}", quoted(path));
            }
            SecretLine::PasswordCommand(argv) => {
                let argv: Vec<String> = argv.iter().map(|argument| quoted(argument)).collect();
                let _ = writeln!(text, "password_command = [{}]", argv.join(", "));
            }
            SecretLine::Credential(name) => {
                let _ = writeln!(text, "credential = {}", quoted(name));
            }
            SecretLine::OAuth2(table) => {
                let _ = writeln!(text, "oauth2 = {table}");
            }
        }
        text.push_str("\n[account.folders]   # \"INBOX\" keeps a bucket's mail in the inbox\n");
        for Choice { bucket, folder, .. } in self.folders {
            let _ = writeln!(text, "{bucket} = {}", quoted(folder.as_str()));
        }
        if let Some(sent) = self.sent {
            let _ = writeln!(text, "sent = {}", quoted(sent.as_str()));
        }
        text
    }

    /// The whole of `postroom.toml`.
    pub fn config(&self, state: Option<&Path>) -> String {
        let mut text = "# Postroom. After a change: `postroom check`, then `systemctl reload postroom` (your own service: `systemctl --user`).\n\
                        rules = \"rules\"   # a directory beside this file; every *.toml in it, in name order\n"
            .to_owned();
        if let Some(state) = state {
            let _ = writeln!(text, "state = {}", quoted(&state.display().to_string()));
        }
        text.push('\n');
        text.push_str(&self.account());
        text
    }
}

fn quoted(text: &str) -> String {
    toml::Value::String(text.to_owned()).to_string()
}

/// Makes a directory with its parents, with these permissions where it is not there yet.
pub fn make_directory(path: &Path, mode: u32) -> anyhow::Result<()> {
    DirBuilder::new()
        .recursive(true)
        .mode(mode)
        .create(path)
        .with_context(|| format!("cannot make the directory {}", path.display()))
}

/// Writes a file that is not there yet; false when it is, and was left alone.
pub fn new_file(path: &Path, mode: u32, text: &str) -> anyhow::Result<bool> {
    let opened = OpenOptions::new().write(true).create_new(true).mode(mode).open(path);
    let mut file = match opened {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => return Ok(false),
        other => other.with_context(|| format!("cannot write {}", path.display()))?,
    };
    let written = file.write_all(text.as_bytes()).and_then(|()| file.sync_all());
    if written.is_err() {
        let _ = fs::remove_file(path);
    }
    written.with_context(|| format!("cannot write {}", path.display()))?;
    Ok(true)
}

/// Copies the shipped rules and a commented file to begin with into `directory`; the files that were not there before.
pub fn rules(directory: &Path, mode: u32) -> anyhow::Result<Vec<PathBuf>> {
    make_directory(directory, mode)?;
    let mut written = Vec::new();
    for (name, text) in [("00-mine.toml", STARTER)].into_iter().chain(rules::SHIPPED) {
        let path = directory.join(name);
        if new_file(&path, 0o644, text)? {
            written.push(path);
        }
    }
    Ok(written)
}

/// The user's own rule file, to begin with.
const STARTER: &str = r#"# Your own rules. They come before everything Postroom has learned; the first that matches wins.
# Most mail needs none: drag a message into a folder once, and its sender is learned.
# Remove the # to use one, then `postroom check`. The whole language is on one page: rules/README.md.

# [[rule]]
# name = "family"
# when = { from = ["mum@example.org", "@family.example"] }
# bucket = "top"

# [[rule]]
# name = "invoices"
# when = { from = "@shop.example", subject = "invoice" }
# move = "Receipts/{year}"

# [[rule]]
# name = "never again"
# when = { from = "@.annoying.example" }
# bucket = "blackhole"

# [[test]]   # run by `postroom check`, at every start and at every reload
# mail = { from = "mum@example.org", subject = "Sunday" }
# expect = { rule = "family", bucket = "top" }
"#;
