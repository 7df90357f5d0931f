//! Where a new account's files go, and writing them there.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use secrecy::ExposeSecret;

use super::Args;
use super::entry::Entry;
use super::write::{self, Draft, SecretLine};
use crate::cli::context::Context;
use crate::config::Environment;

/// Where the files go.
#[derive(Debug)]
pub struct Place {
    /// `postroom.toml`.
    pub main: PathBuf,
    /// The file that this account is written into: the same, or one in `accounts.d`.
    pub file: PathBuf,
    /// Name of the account.
    pub name: String,
}

impl Place {
    /// Decides, without touching anything; an error where a file would have to be written over.
    pub fn choose(args: &Args, context: &Context) -> anyhow::Result<Self> {
        let environment = Environment::of_process();
        let candidates = environment.candidates(context.config.as_deref());
        let there = candidates.iter().find(|path| path.exists());
        let domain = args
            .email
            .as_deref()
            .and_then(|email| email.rsplit_once('@'))
            .map(|(_, domain)| domain);
        match (there, args.add) {
            (Some(path), false) => bail!(
                "{} is there already and is left as it is; `postroom init --add` writes a further account beside it, \
                 `--config FILE` another configuration",
                path.display()
            ),
            (Some(main), true) => {
                let label = domain.and_then(|domain| domain.split('.').next()).unwrap_or("second");
                let name = args.name.clone().unwrap_or_else(|| label.to_owned());
                let file = directory_of(main).join("accounts.d").join(format!("{name}.toml"));
                if file.exists() {
                    bail!(
                        "{} is there already and is left as it is; say another --name",
                        file.display()
                    );
                }
                Ok(Self {
                    main: main.clone(),
                    file,
                    name,
                })
            }
            (None, _) => {
                let main = candidates
                    .into_iter()
                    .next()
                    .context("$HOME is not set; say --config FILE")?;
                let name = args.name.clone().unwrap_or_else(|| "home".to_owned());
                Ok(Self {
                    file: main.clone(),
                    main,
                    name,
                })
            }
        }
    }

    /// The directory that relative paths in the account's file start from.
    pub fn directory(&self) -> PathBuf {
        directory_of(&self.file)
    }

    /// Writes the secret, then the configuration, then the rules.
    pub fn write(&self, draft: &Draft<'_>, entry: &Entry, state: Option<&Path>) -> anyhow::Result<()> {
        let directory = self.directory();
        write::make_directory(&directory)?;
        if let (SecretLine::PasswordFile(name), Some(password)) = (&entry.line, &entry.to_keep) {
            let path = directory.join(name);
            if !write::new_file(&path, 0o600, &format!("{}\n", password.expose_secret()))? {
                bail!(
                    "{} is there already and is left as it is; remove it or say --password-file",
                    path.display()
                );
            }
        }
        if self.file == self.main {
            let state = state.map(Path::to_owned);
            let whole_machine = self
                .main
                .starts_with("/etc")
                .then(|| PathBuf::from("/var/lib/postroom"));
            let text = draft.config(state.or(whole_machine).as_deref());
            if !write::new_file(&self.file, 0o600, &text)? {
                bail!("{} has appeared meanwhile and is left as it is", self.file.display());
            }
            let rules = write::rules(&directory.join("rules"))?;
            println!(
                "\nWritten: {}, and {} rule files in {}",
                self.file.display(),
                rules.len(),
                directory.join("rules").display()
            );
        } else {
            write::new_file(&self.file, 0o600, &draft.account())?;
            println!("\nWritten: {}", self.file.display());
        }
        Ok(())
    }
}

fn directory_of(file: &Path) -> PathBuf {
    let parent = file.parent().filter(|parent| !parent.as_os_str().is_empty());
    parent.unwrap_or(Path::new(".")).to_owned()
}
