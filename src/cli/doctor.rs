//! `postroom doctor`: one page for a bug report. Says what is set up and how it is; names no address, no host, no subject
//! and no secret. Looks at this machine only; the server is what the daemon last saw.

use std::fs;
use std::io::Write;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use clap::Args;

use super::context::Context;
use crate::config::{Account, Config, Mode, Secret, Tls};
use crate::daemon::clock;
use crate::daemon::reload::RulesKeeper;
use crate::daemon::status::{AccountStatus, NOTE};
use crate::daemon::supervisor::place;
use crate::sort::ledger::State;
use crate::sort::mailbox::Timestamp;
use crate::sort::sanitise;
use crate::sort::sender::Address;
use crate::store::{FILE_NAME, Query, Store};

/// One page for a bug report
#[derive(Debug, Clone, Default, Args)]
#[command(after_help = "Example: postroom doctor > doctor.txt")]
pub struct DoctorArgs {}

/// The page as it grows; counts what is wrong.
struct Page<'a> {
    out: &'a mut dyn Write,
    wrong: usize,
}

impl Page<'_> {
    fn heading(&mut self, text: &str) -> std::io::Result<()> {
        writeln!(self.out, "\n{text}")
    }

    fn fine(&mut self, what: &str, how: &str) -> std::io::Result<()> {
        writeln!(self.out, "  ok    {what:<22} {how}")
    }

    fn note(&mut self, what: &str, how: &str) -> std::io::Result<()> {
        writeln!(self.out, "  -     {what:<22} {how}")
    }

    fn wrong(&mut self, what: &str, how: &str) -> std::io::Result<()> {
        self.wrong += 1;
        writeln!(self.out, "  LOOK  {what:<22} {how}")
    }
}

/// Writes the page; 1 when something wants a look.
pub fn run(_: &DoctorArgs, context: &Context, out: &mut dyn Write) -> anyhow::Result<u8> {
    let mut page = Page { out, wrong: 0 };
    let system = fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    writeln!(
        page.out,
        "postroom {} on {} {} {}",
        env!("CARGO_PKG_VERSION"),
        std::env::consts::OS,
        std::env::consts::ARCH,
        sanitise(system.trim())
    )?;
    writeln!(page.out, "No address, host, subject or secret is on this page.")?;
    let config = match context.config() {
        Ok(config) => config,
        Err(error) => {
            page.heading("Configuration")?;
            page.wrong("postroom.toml", "cannot be used; `postroom check` shows where")?;
            return Err(error);
        }
    };
    configuration(&mut page, &config)?;
    let store = records(&mut page, &config)?;
    for (number, account) in config.accounts.iter().enumerate() {
        self::account(&mut page, number + 1, account, store.as_ref())?;
    }
    let wrong = page.wrong;
    match wrong {
        0 => writeln!(page.out, "\nNothing wants a look.")?,
        1 => writeln!(page.out, "\n1 line wants a look.")?,
        wrong => writeln!(page.out, "\n{wrong} lines want a look.")?,
    }
    Ok(u8::from(wrong > 0))
}

fn configuration(page: &mut Page<'_>, config: &Config) -> std::io::Result<()> {
    page.heading("Configuration")?;
    page.fine(
        "postroom.toml",
        &format!("readable; accounts: {}", config.accounts.len()),
    )?;
    match RulesKeeper::open(config) {
        Ok(keeper) => {
            let count = keeper.current().rules().len();
            let digest = keeper.current().digest().chars().take(8).collect::<String>();
            page.fine("rules", &format!("{count} in force (digest {digest})"))?;
        }
        Err(_) => page.wrong("rules", "refused; `postroom check` shows where")?,
    }
    let zone = jiff::tz::TimeZone::system();
    page.note("time zone", zone.iana_name().unwrap_or("has no name"))
}

fn records(page: &mut Page<'_>, config: &Config) -> anyhow::Result<Option<Store>> {
    let state = config.state.as_path();
    page.heading("Records")?;
    if !state.join(FILE_NAME).exists() {
        page.note("database", "none yet; the daemon makes it at its first start")?;
        return Ok(None);
    }
    let file = fs::metadata(state.join(FILE_NAME))?;
    private(page, "state directory", state)?;
    let store = match Store::open_read_only(place(config)) {
        Ok(store) => store,
        Err(error) => {
            page.wrong("database", &first_words(&error.to_string(), state))?;
            return Ok(None);
        }
    };
    page.fine("database", &format!("opens, {} KiB", file.len() / 1024))?;
    match (config.privacy_key.is_some(), store.names().are_used()) {
        (true, false) => page.wrong(
            "names",
            "still in clear; the daemon hashes them when it is started again",
        )?,
        (_, hashed) => page.note("names", if hashed { "hashed" } else { "in clear" })?,
    }
    let newest = Query {
        newest_first: true,
        limit: Some(1),
        ..Query::default()
    };
    let now = clock::now();
    match store.rows(&newest)?.first() {
        Some(row) if row.at.seconds_since(now) > 60 => {
            page.wrong("clock", "the newest record lies in the future; was the clock set back?")?;
        }
        Some(row) => page.fine("clock", &format!("the newest record is from {}", row.at.ago(now)))?,
        None => page.note("ledger", "empty")?,
    }
    Ok(Some(store))
}

fn account(page: &mut Page<'_>, number: usize, account: &Account, store: Option<&Store>) -> anyhow::Result<()> {
    page.heading(&format!("Account {number}"))?;
    let mode = match account.mode {
        Mode::Sort => "sort",
        Mode::Preview => "preview, nothing moves",
    };
    page.note("mode", mode)?;
    page.note("own addresses", &account.owner.addresses().len().to_string())?;
    let tls = match account.imap.tls {
        Tls::Implicit => "TLS from the first byte",
        Tls::StartTls => "STARTTLS",
        Tls::None => "none (this machine only)",
    };
    page.note("encryption", &format!("{tls}, port {}", account.imap.port))?;
    if let Some(file) = &account.imap.ca_file {
        match fs::read_to_string(file) {
            Ok(text) if text.contains("BEGIN CERTIFICATE") => page.fine("ca_file", "holds certificates")?,
            Ok(_) => page.wrong("ca_file", "holds no PEM certificate")?,
            Err(error) => page.wrong("ca_file", &error.kind().to_string())?,
        }
    }
    match &account.imap.secret {
        Secret::PasswordFile(path) => private(page, "password file", path)?,
        Secret::PasswordCommand(_) => page.note("password", "by a command")?,
        Secret::Credential(_) => page.note("password", "by a systemd credential")?,
        Secret::Keyring(_) => page.note("password", "in the desktop's keyring")?,
        Secret::TokenCommand(_) => page.note("token", "by a command")?,
        Secret::OAuth2(settings) => private(page, "token file", &settings.token_file)?,
    }
    let folders = &account.folders;
    let inbox = [&folders.top, &folders.news, &folders.bulk]
        .into_iter()
        .filter(|folder| folder.is_inbox())
        .count();
    page.note("bucket folders", &format!("{} of 4 beside the inbox", 4 - inbox))?;
    if let Some(store) = store {
        seen(page, account, store)?;
    }
    Ok(())
}

/// What the daemon wrote down about the account.
fn seen(page: &mut Page<'_>, account: &Account, store: &Store) -> anyhow::Result<()> {
    let name = &account.name;
    let note = store.get_note(name, NOTE)?;
    match note.and_then(|text| serde_json::from_str::<AccountStatus>(&text).ok()) {
        None => page.wrong("daemon", "never ran for this account; start it with `postroom run`")?,
        Some(status) => daemon(page, account, &status)?,
    }
    let count = |state: State| -> anyhow::Result<usize> {
        let query = Query {
            account: Some(name.clone()),
            state: Some(state),
            ..Query::default()
        };
        let mut rows = 0;
        store.each_row(&query, |_| rows += 1)?;
        Ok(rows)
    };
    page.note("decisions kept", &count(State::Done)?.to_string())?;
    let open = store.open_rows(name)?.len();
    match open {
        0 => page.fine("moves unfinished", "none")?,
        open => page.wrong(
            "moves unfinished",
            &format!("{open}; the daemon settles them when it next connects"),
        )?,
    }
    match count(State::Failed)? {
        0 => page.fine("moves refused", "none")?,
        failed => page.wrong("moves refused", &format!("{failed}; postroom log --only sort"))?,
    }
    page.note("lessons", &store.lessons(name)?.len().to_string())?;
    match store.held(name)?.len() {
        0 => {}
        held => page.wrong(
            "lessons held back",
            &format!("{held}; look at them with `postroom learn`"),
        )?,
    }
    Ok(())
}

fn daemon(page: &mut Page<'_>, account: &Account, status: &AccountStatus) -> std::io::Result<()> {
    let now = clock::now();
    if status.is_running() {
        page.fine("daemon", &format!("runs, {}", sanitise(&status.state)))?;
    } else {
        page.wrong("daemon", "does not run; start it with `postroom run`")?;
    }
    if let Some(watching) = &status.watching {
        page.note("hears of new mail by", &sanitise(watching))?;
    }
    match &status.moving {
        Some(moving) if moving.contains("has neither") => page.wrong("moves by", moving)?,
        Some(moving) => page.note("moves by", &sanitise(moving))?,
        None => {}
    }
    if let Some(swept) = status.swept {
        page.note("last full sweep", &seconds_ago(swept, now))?;
    }
    for remark in &status.remarks {
        page.wrong("note", &redacted(remark, account))?;
    }
    match &status.problem {
        Some(problem) => page.wrong("problem", &redacted(problem, account)),
        None => Ok(()),
    }
}

fn seconds_ago(at: Timestamp, now: Timestamp) -> String {
    match now.seconds_since(at).max(0) {
        seconds @ 0..7_200 => format!("{} minutes ago", seconds / 60),
        _ => at.ago(now),
    }
}

fn private(page: &mut Page<'_>, what: &str, path: &Path) -> std::io::Result<()> {
    match fs::metadata(path) {
        Ok(file) if file.permissions().mode().trailing_zeros() >= 6 => page.fine(what, "nobody else may read it"),
        Ok(file) => {
            let mode = file.permissions().mode() & 0o777;
            page.wrong(
                what,
                &format!("others may read it (mode {mode:o}); take it away with chmod go="),
            )
        }
        Err(error) => page.wrong(what, &error.kind().to_string()),
    }
}

/// The text without anything that says whose account this is.
fn redacted(text: &str, account: &Account) -> String {
    let mut text = text.to_owned();
    let own = account.owner.addresses().iter().map(Address::as_str);
    for secret in own.chain([account.imap.host.as_str(), account.imap.user.as_str()]) {
        if !secret.is_empty() {
            text = text.replace(secret, "(hidden)");
        }
    }
    let words = text
        .split(' ')
        .map(|word| if word.contains('@') { "(hidden)" } else { word });
    sanitise(&words.collect::<Vec<_>>().join(" "))
}

/// An error without the path of the state directory, which may hold a user's name.
fn first_words(text: &str, state: &Path) -> String {
    sanitise(&text.replace(&state.display().to_string(), "(state)"))
}
