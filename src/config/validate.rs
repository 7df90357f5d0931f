//! Makes checked values of what `postroom.toml` says. Reports everything that is wrong with it at once.

use std::collections::BTreeSet;
use std::net::IpAddr;
use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};
use std::time::Duration;

use toml::Spanned;

use super::{Account, Backlog, Imap, Mode, Tls, raw};
use crate::sort::correspondence::Learning;
use crate::sort::folders::Folders;
use crate::sort::mailbox::Mailbox;
use crate::sort::rules::{Finding, measure};
use crate::sort::sender::{Address, Owner};

/// Collects findings about one file.
pub(super) struct Checker<'f> {
    /// The file as it is named in findings.
    pub file: &'f str,
    /// The directory that relative paths start from.
    pub base: &'f Path,
    /// What was found.
    pub findings: Vec<Finding>,
}

impl Checker<'_> {
    pub(super) fn error<T>(&mut self, check: &'static str, at: &Spanned<T>, message: impl Into<String>, hint: &str) {
        self.findings
            .push(Finding::error(check, self.file, at.span(), message).hint(hint));
    }

    pub(super) fn finding(
        &mut self,
        check: &'static str,
        span: std::ops::Range<usize>,
        message: impl Into<String>,
        hint: &str,
    ) {
        self.findings
            .push(Finding::error(check, self.file, span, message).hint(hint));
    }

    pub(super) fn resolve(&self, path: &Path) -> PathBuf {
        self.base.join(path)
    }

    /// Checks one account; `None` when something is wrong with it.
    pub fn account(&mut self, raw: &Spanned<raw::Account>, names: &mut BTreeSet<String>) -> Option<Account> {
        let account = raw.get_ref();
        let before = self.findings.len();
        let name = account.name.get_ref();
        let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
        if name.is_empty() || name.len() > 64 || name.starts_with('.') || !name.chars().all(plain) {
            let message = format!("`{name}` cannot name an account");
            self.error(
                "bad-name",
                &account.name,
                message,
                "use letters, digits, - _ and . (not at the beginning)",
            );
        } else if !names.insert(name.to_lowercase()) {
            let message = format!("there is already an account \"{name}\"");
            self.error(
                "duplicate-name",
                &account.name,
                message,
                "names are unique, whatever their case",
            );
        }
        let owner = self.owner(&account.email);
        let imap = self.imap(&account.imap);
        let mut folders = self.folders(account.folders.as_ref());
        self.own_buckets(&account.bucket, &mut folders);
        self.snooze(account.snooze.as_ref(), &mut folders);
        self.hold(account.hold.as_ref(), &mut folders);
        self.unknown(account.unknown.as_ref(), &mut folders);
        let learning = self.learning(account.learning.as_ref());
        let digest = self.digest(account.digest.as_ref());
        let no_reply = self.no_reply(account.no_reply.as_ref());
        let checked = Account {
            name: name.clone(),
            owner,
            mode: match account.mode {
                Some(raw::Mode::Preview) => Mode::Preview,
                Some(raw::Mode::Sort) | None => Mode::Sort,
            },
            backlog: match account.backlog {
                Some(raw::Backlog::Sort) => Backlog::Sort,
                Some(raw::Backlog::Leave) | None => Backlog::Leave,
            },
            allow_unsafe_move: account.allow_unsafe_move,
            claim: account.claim,
            authserv_id: account
                .authserv_id
                .as_ref()
                .map(|id| id.get_ref().trim().to_ascii_lowercase()),
            imap: imap?,
            folders,
            learning,
            contacts: account.contacts.as_deref().map(|path| self.resolve(path)),
            no_reply,
            digest,
        };
        (self.findings.len() == before).then_some(checked)
    }

    fn digest(&mut self, raw: Option<&Spanned<raw::OneOrMany>>) -> Vec<jiff::civil::Time> {
        let mut times = Vec::new();
        let Some(raw) = raw else { return times };
        for text in &raw.get_ref().0 {
            match text.parse() {
                Ok(time) => times.push(time),
                Err(_) => self.error(
                    "bad-time",
                    raw,
                    format!("`{text}` is no time of the day"),
                    "write \"08:00\", or [\"08:00\", \"18:00\"]",
                ),
            }
        }
        times
    }

    fn owner(&mut self, email: &Spanned<raw::OneOrMany>) -> Owner {
        let mut addresses = Vec::new();
        for text in &email.get_ref().0 {
            match Address::parse(text) {
                Some(address) => addresses.push(address),
                None => self.error(
                    "bad-address",
                    email,
                    format!("`{text}` is not an address"),
                    "write name@domain",
                ),
            }
        }
        if email.get_ref().0.is_empty() {
            let hint = "name every address that reaches this account";
            self.error("empty-list", email, "the account has no address", hint);
        }
        Owner::new(addresses)
    }

    fn imap(&mut self, raw: &Spanned<raw::Imap>) -> Option<Imap> {
        let imap = raw.get_ref();
        let host = imap.host.get_ref().trim();
        let plain = |c: char| c.is_alphanumeric() || matches!(c, '-' | '.' | ':' | '_' | '[' | ']');
        if host.is_empty() || !host.chars().all(plain) {
            let message = format!("`{host}` is not a host name");
            self.error(
                "bad-host",
                &imap.host,
                message,
                "write the name only, without imaps:// and port",
            );
        }
        let tls = match imap.tls.as_ref().map(|tls| *tls.get_ref()) {
            Some(raw::Tls::Implicit) | None => Tls::Implicit,
            Some(raw::Tls::UpgradeFirst) => Tls::StartTls,
            Some(raw::Tls::None) => Tls::None,
        };
        if let (Tls::None, Some(at)) = (tls, &imap.tls)
            && !is_loopback(host)
        {
            let message =
                format!("without encryption only this machine may be reached, and `{host}` is not this machine");
            self.error(
                "no-encryption",
                at,
                message,
                "write tls = \"implicit\" (port 993) or tls = \"starttls\" (port 143)",
            );
        }
        if let Some(at) = imap.port.as_ref().filter(|port| *port.get_ref() == 0) {
            self.error("bad-port", at, "0 is not a port", "IMAP over TLS is at port 993");
        }
        if imap.user.get_ref().is_empty() {
            self.error(
                "bad-user",
                &imap.user,
                "the login name is empty",
                "often it is the whole address",
            );
        }
        Some(Imap {
            host: host.trim_matches(['[', ']']).to_owned(),
            port: imap
                .port
                .as_ref()
                .map_or(if tls == Tls::Implicit { 993 } else { 143 }, |port| *port.get_ref()),
            tls,
            ca_file: imap.ca_file.as_deref().map(|path| self.resolve(path)),
            user: imap.user.get_ref().clone(),
            secret: self.secret(raw)?,
            poll: self.poll(imap.poll.as_ref()),
            settle: self.settle(imap.settle.as_ref()),
            idle: self.idle(imap.idle.as_ref()),
        })
    }

    fn poll(&mut self, text: Option<&Spanned<String>>) -> Duration {
        let (usual, bounds) = (Duration::from_secs(30), "between one second and ten minutes");
        self.interval("poll", text, 1..=600, bounds, usual)
    }

    /// The usual is as long as this program itself waits for a silent server.
    fn settle(&mut self, text: Option<&Spanned<String>>) -> Duration {
        let (usual, bounds) = (Duration::from_mins(1), "between nothing and one hour");
        self.interval("settle", text, 0..=3_600, bounds, usual)
    }

    fn interval(
        &mut self,
        key: &str,
        text: Option<&Spanned<String>>,
        seconds: RangeInclusive<i64>,
        bounds: &str,
        usual: Duration,
    ) -> Duration {
        let Some(text) = text else { return usual };
        let found = measure::duration(text.get_ref()).filter(|found| seconds.contains(found));
        if let Some(found) = found {
            return Duration::from_secs(found.cast_unsigned());
        }
        let message = format!("`{}` is no interval {bounds}", text.get_ref());
        self.error(
            "bad-interval",
            text,
            message,
            &format!("write {key} = \"{}s\"", usual.as_secs()),
        );
        usual
    }

    /// With the connection on INBOX no more than half of the ten that the strictest providers allow.
    fn idle(&mut self, names: Option<&Spanned<Vec<String>>>) -> Vec<Mailbox> {
        const MOST: usize = 4;
        let Some(names) = names else { return Vec::new() };
        if names.get_ref().len() > MOST {
            let hint = "keep the folders that you drag mail into most; the others are looked at every `poll`";
            self.error("too-many-connections", names, "idle takes at most four folders", hint);
        }
        names
            .get_ref()
            .iter()
            .filter_map(|name| self.folder(names, name))
            .collect()
    }

    fn folders(&mut self, raw: Option<&Spanned<raw::Folders>>) -> Folders {
        let mut folders = Folders::default();
        let Some(raw) = raw else { return folders };
        let given = raw.get_ref();
        for (slot, name) in [
            (&mut folders.top, &given.top),
            (&mut folders.news, &given.news),
            (&mut folders.bulk, &given.bulk),
        ] {
            if let Some(folder) = name.as_ref().and_then(|name| self.folder(name, name.get_ref())) {
                *slot = folder;
            }
        }
        if let Some(blackhole) = &given.blackhole {
            let table = &blackhole.get_ref().0;
            if let Some(folder) = self.folder(blackhole, &table.folder) {
                folders.blackhole = folder;
            }
            if let Some(text) = &table.trash_after {
                match measure::duration(text)
                    .and_then(|seconds| u64::try_from(seconds).ok())
                    .filter(|s| *s > 0)
                {
                    Some(seconds) => folders.blackhole_trash_after = Some(Duration::from_secs(seconds)),
                    None => self.error(
                        "bad-duration",
                        blackhole,
                        format!("`{text}` is no length of time"),
                        "write \"30d\"",
                    ),
                }
            }
        }
        folders.sent = given.sent.as_ref().and_then(|name| self.folder(name, name.get_ref()));
        self.distinct(raw, &folders);
        folders
    }

    pub(super) fn folder<T>(&mut self, at: &Spanned<T>, name: &str) -> Option<Mailbox> {
        let wrong = name.trim().is_empty()
            || name.starts_with('/')
            || name.ends_with('/')
            || name.contains("//")
            || name.chars().any(|c| c.is_control() || matches!(c, '*' | '%'));
        if wrong {
            let message = format!("`{name}` cannot name a folder");
            self.error(
                "bad-folder",
                at,
                message,
                "write the levels with / between them, for example \"Mail/News\"",
            );
            return None;
        }
        Some(Mailbox::new(name))
    }

    /// Two buckets in one folder would make a drag into it mean two things.
    fn distinct(&mut self, at: &Spanned<raw::Folders>, folders: &Folders) {
        let all = [
            ("top", &folders.top),
            ("news", &folders.news),
            ("bulk", &folders.bulk),
            ("blackhole", &folders.blackhole),
        ];
        for (index, (first, folder)) in all.iter().enumerate() {
            for (second, other) in all.iter().skip(index + 1) {
                let same = folder.as_str().to_lowercase() == other.as_str().to_lowercase();
                if same && !folder.is_inbox() {
                    let message = format!("{first} and {second} both go to `{folder}`");
                    self.error("same-folder", at, message, "a drag into a folder must mean one bucket");
                }
            }
        }
        if folders.blackhole.is_inbox() {
            self.error(
                "same-folder",
                at,
                "blackhole cannot be INBOX",
                "name a folder that you do not look at",
            );
        }
    }

    fn learning(&mut self, raw: Option<&raw::Learning>) -> Learning {
        let mut learning = Learning::default();
        let Some(raw) = raw else { return learning };
        if let Some(text) = &raw.half_life {
            let days = measure::duration(text.get_ref()).map(|seconds| seconds as f64 / 86_400.0);
            match days.filter(|days| (30.0..=90.0).contains(days)) {
                Some(days) => learning.half_life_days = days,
                None => self.error(
                    "bad-duration",
                    text,
                    "the half-life is between 30d and 90d",
                    "the default is 60d",
                ),
            }
        }
        if let Some(threshold) = &raw.threshold {
            if threshold.get_ref().is_finite() && *threshold.get_ref() > 0.0 {
                learning.threshold = *threshold.get_ref();
            } else {
                self.error(
                    "bad-number",
                    threshold,
                    "the threshold is above 0",
                    "leave it out for the default",
                );
            }
        }
        learning
    }
}

pub(super) fn is_loopback(host: &str) -> bool {
    let host = host.trim_matches(['[', ']']);
    host.eq_ignore_ascii_case("localhost") || host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}
