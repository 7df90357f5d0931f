//! Finds, reads and checks `postroom.toml` and the files in `accounts.d` beside it.

use std::collections::BTreeSet;
use std::io;
use std::path::{Path, PathBuf};

use toml::Spanned;
use toml::de::DeTable;

use super::diagnostic::{self, Sources};
use super::find::Environment;
use super::validate::Checker;
use super::{Config, Secret, raw};
use crate::sort::rules::Finding;
use crate::sort::rules::finding::nearest;

/// Why there is no configuration.
#[derive(Debug)]
pub enum ConfigError {
    /// No file where one was looked for.
    NotFound {
        /// The files that were tried, in order.
        looked: Vec<PathBuf>,
    },
    /// The file is there and cannot be read.
    Unreadable {
        /// The file.
        path: PathBuf,
        /// The reason.
        source: io::Error,
    },
    /// The file can be read and something in it is wrong.
    Invalid {
        /// What, and where.
        findings: Vec<Finding>,
        /// The texts, for quoting.
        sources: Sources,
    },
}

impl ConfigError {
    /// The error for people; with quoted sources where there are any.
    pub fn render(&self, colour: bool) -> String {
        match self {
            Self::Invalid { findings, sources } => diagnostic::render(findings, sources, colour),
            other => format!("error: {other}\n"),
        }
    }
}

impl std::fmt::Display for ConfigError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::NotFound { looked } => {
                let looked: Vec<_> = looked.iter().map(|path| path.display().to_string()).collect();
                let looked = looked.join(" and ");
                write!(
                    f,
                    "there is no configuration; looked for {looked}; `postroom init` writes one, --config names one"
                )
            }
            Self::Unreadable { path, source } => write!(f, "cannot read {}: {source}", path.display()),
            Self::Invalid { findings, sources } => {
                let lines: Vec<_> = findings
                    .iter()
                    .map(|finding| diagnostic::one_line(finding, sources))
                    .collect();
                f.write_str(&lines.join("\n"))
            }
        }
    }
}

impl std::error::Error for ConfigError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Unreadable { source, .. } => Some(source),
            _ => None,
        }
    }
}

/// Loads the configuration that `named` names, or the first that is found.
pub fn load(named: Option<&Path>, environment: &Environment) -> Result<Config, ConfigError> {
    let candidates = environment.candidates(named);
    for path in &candidates {
        match std::fs::read_to_string(path) {
            Ok(text) => return load_text(path, text, environment),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(source) => {
                return Err(ConfigError::Unreadable {
                    path: path.clone(),
                    source,
                });
            }
        }
    }
    Err(ConfigError::NotFound { looked: candidates })
}

fn load_text(path: &Path, text: String, environment: &Environment) -> Result<Config, ConfigError> {
    let base = path
        .parent()
        .filter(|parent| !parent.as_os_str().is_empty())
        .unwrap_or(Path::new("."));
    let base = base.canonicalize().unwrap_or_else(|_| base.to_owned());
    let file = path.display().to_string();
    let mut findings = Vec::new();
    let mut sources = Sources::new();
    let mut names = BTreeSet::new();
    let mut accounts = Vec::new();
    let main = parse(&file, &text, &mut findings);
    if let Some(main) = &main {
        let mut checker = Checker {
            file: &file,
            base: &base,
            findings: Vec::new(),
        };
        accounts.extend(
            main.account
                .iter()
                .filter_map(|account| checker.account(account, &mut names)),
        );
        findings.append(&mut checker.findings);
    }
    sources.insert(file.clone(), text);
    let more = more_accounts(&base.join("accounts.d"))?;
    for (path, text) in more {
        let name = path.display().to_string();
        let directory = path.parent().unwrap_or(&base).to_owned();
        if let Some(raw) = parse(&name, &text, &mut findings) {
            let mut checker = Checker {
                file: &name,
                base: &directory,
                findings: Vec::new(),
            };
            accounts.extend(
                raw.account
                    .iter()
                    .filter_map(|account| checker.account(account, &mut names)),
            );
            let paths = raw.rules.iter().chain(&raw.state).chain(&raw.metrics).chain(&raw.key);
            let words = raw.privacy.iter().map(Spanned::span);
            let words = words.chain(raw.key_credential.iter().map(Spanned::span));
            for span in paths.map(Spanned::span).chain(words) {
                checker.findings.push(
                    Finding::error(
                        "misplaced-key",
                        &name,
                        span,
                        "a file in accounts.d may only hold accounts",
                    )
                    .hint(format!("put this into {file}")),
                );
            }
            findings.append(&mut checker.findings);
        }
        sources.insert(name, text);
    }
    if findings.is_empty() && accounts.is_empty() {
        findings.push(
            Finding::error("no-account", &file, 0..0, "the configuration holds no account")
                .hint("add [[account]] with name, email and [account.imap]; `postroom init` asks and writes it"),
        );
    }
    let state = main
        .as_ref()
        .and_then(|main| main.state.as_ref())
        .map(|path| base.join(path.get_ref()));
    let state = state.or_else(|| environment.default_state());
    if state.is_none() {
        findings.push(
            Finding::error(
                "no-state",
                &file,
                0..0,
                "no state directory: neither $HOME nor $STATE_DIRECTORY is set",
            )
            .hint("add state = \"/var/lib/postroom\""),
        );
    }
    let mut privacy_key = None;
    if let (Some(main), Some(state)) = (&main, &state) {
        let mut checker = Checker {
            file: &file,
            base: &base,
            findings: Vec::new(),
        };
        privacy_key = checker.privacy(main, state, environment.credentials_directory.as_deref());
        findings.append(&mut checker.findings);
    }
    let (Some(main), Some(state), true) = (main, state, findings.is_empty()) else {
        return Err(ConfigError::Invalid { findings, sources });
    };
    let rules = main
        .rules
        .as_ref()
        .map_or_else(|| base.join("rules"), |path| base.join(path.get_ref()));
    let metrics_file = main.metrics.as_ref().map(|path| base.join(path.get_ref()));
    for account in &mut accounts {
        if let Secret::OAuth2(oauth2) = &mut account.imap.secret
            && oauth2.token_file.as_os_str().is_empty()
        {
            oauth2.token_file = state.join(format!("{}.token", account.name));
        }
    }
    Ok(Config {
        path: path.to_owned(),
        rules,
        state,
        metrics_file,
        privacy_key,
        accounts,
    })
}

/// Files of `accounts.d` in name order; the directory need not exist.
fn more_accounts(directory: &Path) -> Result<Vec<(PathBuf, String)>, ConfigError> {
    let entries = match std::fs::read_dir(directory) {
        Ok(entries) => entries,
        Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => {
            return Ok(Vec::new());
        }
        Err(source) => {
            return Err(ConfigError::Unreadable {
                path: directory.to_owned(),
                source,
            });
        }
    };
    let hidden = |path: &Path| {
        path.file_name()
            .is_some_and(|name| name.to_string_lossy().starts_with('.'))
    };
    let mut paths: Vec<PathBuf> = entries
        .filter_map(|entry| entry.ok().map(|entry| entry.path()))
        .collect();
    paths.retain(|path| path.extension().is_some_and(|extension| extension == "toml") && !hidden(path));
    paths.sort();
    let mut files = Vec::new();
    for path in paths {
        match std::fs::read_to_string(&path) {
            Ok(text) => files.push((path, text)),
            Err(source) => return Err(ConfigError::Unreadable { path, source }),
        }
    }
    Ok(files)
}

/// Reads the raw form; an error is one finding, since after the first nothing is certain.
fn parse(file: &str, text: &str, findings: &mut Vec<Finding>) -> Option<raw::File> {
    if let Err(error) = DeTable::parse(text) {
        let span = error.span().unwrap_or(0..0);
        findings.push(Finding::error(
            "syntax",
            file,
            span,
            format!("not valid TOML: {}", error.message()),
        ));
        return None;
    }
    match toml::from_str(text) {
        Ok(raw) => Some(raw),
        Err(error) => {
            let span = error.span().unwrap_or(0..0);
            findings.push(explain(file, span, error.message()));
            None
        }
    }
}

/// serde's words in ours: which key, and what was probably meant.
fn explain(file: &str, span: std::ops::Range<usize>, message: &str) -> Finding {
    let quoted: Vec<&str> = message.split('`').skip(1).step_by(2).collect();
    let key = quoted.first().copied().unwrap_or_default();
    let known = quoted.get(1..).unwrap_or_default();
    let meant = match nearest(key, known.iter().copied()) {
        Some(near) => format!("did you mean `{near}`?"),
        None => format!("known here: {}", known.join(", ")),
    };
    if message.starts_with("unknown field") {
        Finding::error("unknown-key", file, span, format!("the key `{key}` means nothing here")).hint(meant)
    } else if message.starts_with("unknown variant") {
        Finding::error("unknown-word", file, span, format!("\"{key}\" means nothing here")).hint(meant)
    } else if message.starts_with("missing field") {
        Finding::error("missing-key", file, span, format!("the key `{key}` is missing here")).hint(missing_hint(key))
    } else {
        let hint = if message.contains("expected a sequence") {
            "write a list: [\"program\", \"argument\"]"
        } else {
            "see the manual's page on postroom.toml"
        };
        Finding::error("wrong-type", file, span, message.to_owned()).hint(hint)
    }
}

fn missing_hint(key: &str) -> &'static str {
    match key {
        "name" => "add name = \"home\"",
        "email" => "add email = [\"you@example.org\"], every address that reaches this account",
        "imap" => "add a table [account.imap] with host, user and password_file",
        "host" => "add host = \"imap.example.org\"",
        "user" => "add user = \"..\", often the whole address",
        "folder" => "add folder = \"Blackhole\"",
        _ => "add it",
    }
}

#[cfg(test)]
mod tests;
