//! Where a new account's files go, and writing them there.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use secrecy::ExposeSecret;

use super::Args;
use super::entry::Entry;
use super::write::{self, Draft};
use crate::cli::context::Context;
use crate::config::secret::CREDENTIAL_STORE;
use crate::config::{self, Environment};

/// Where the files go.
#[derive(Debug)]
pub struct Place {
    /// `postroom.toml`.
    pub main: PathBuf,
    /// The file that this account is written into: the same, or one in `accounts.d`.
    pub file: PathBuf,
    /// Name of the account.
    pub name: String,
    /// State directory.
    pub state: PathBuf,
    /// The state directory, when the configuration must name it.
    named_state: Option<PathBuf>,
}

/// Where a typed password is kept.
#[derive(Debug, PartialEq, Eq)]
pub enum Keeping {
    /// In a file of this name beside the configuration.
    Beside(String),
    /// Where systemd finds it for the service of the whole machine, which may not read root's files.
    Credential(String),
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
        let mut named_state = None;
        let (main, file, name, state) = match (there, args.add) {
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
                let state = config::load(Some(main), &environment)?.state;
                (main.clone(), file, name, state)
            }
            (None, _) => {
                let main = candidates
                    .into_iter()
                    .next()
                    .context("$HOME is not set; say --config FILE")?;
                let name = args.name.clone().unwrap_or_else(|| "home".to_owned());
                let told = args.state.as_deref().map(std::path::absolute).transpose()?;
                let for_all = || is_whole_machine(&main).then(|| PathBuf::from("/var/lib/postroom"));
                named_state = told.or_else(for_all);
                let state = named_state.clone().or_else(|| environment.default_state());
                let state = state.context("$HOME is not set; say --state DIRECTORY")?;
                (main.clone(), main, name, state)
            }
        };
        let place = Self {
            main,
            file,
            name,
            state,
            named_state,
        };
        place.is_free(args)?;
        Ok(place)
    }

    /// The name is one, and the password's file does not belong to another account.
    fn is_free(&self, args: &Args) -> anyhow::Result<()> {
        let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
        if self.name.is_empty() || self.name.starts_with('.') || !self.name.chars().all(plain) {
            bail!("`{}` cannot name an account; use letters, digits, - _ and .", self.name);
        }
        let secret = self.password_path();
        let elsewhere = args.password_file.is_some() || args.password_command.is_some() || args.credential.is_some();
        if !elsewhere && secret.exists() {
            bail!(
                "{0} is there already and is left as it is; remove it, or say --password-file {0}",
                secret.display()
            );
        }
        Ok(())
    }

    /// Where a typed password is kept.
    pub fn keeping(&self) -> Keeping {
        if self.is_whole_machine() {
            Keeping::Credential(self.name.clone())
        } else {
            Keeping::Beside(format!("{}.secret", self.name))
        }
    }

    /// The file of a typed password.
    pub fn password_path(&self) -> PathBuf {
        match self.keeping() {
            Keeping::Beside(file) => self.directory().join(file),
            Keeping::Credential(name) => Path::new(CREDENTIAL_STORE).join(format!("postroom.{name}")),
        }
    }

    /// True when the service of the whole machine will read it, as a user of its own.
    pub fn is_whole_machine(&self) -> bool {
        is_whole_machine(&self.main)
    }

    /// The directory that relative paths in the account's file start from.
    pub fn directory(&self) -> PathBuf {
        directory_of(&self.file)
    }

    /// Writes the secret, then the configuration, then the rules.
    pub fn write(&self, draft: &Draft<'_>, entry: &Entry) -> anyhow::Result<()> {
        let directory = self.directory();
        // What is in /etc holds no secret, and is read by the service's own user.
        let (of_directory, of_file) = if self.is_whole_machine() {
            (0o755, 0o644)
        } else {
            (0o700, 0o600)
        };
        write::make_directory(&directory, of_directory)?;
        if let Some(password) = &entry.to_keep {
            let path = self.password_path();
            if let (Some(store), true) = (path.parent(), self.is_whole_machine()) {
                write::make_directory(store, 0o700)?;
            }
            if !write::new_file(&path, 0o600, &format!("{}\n", password.expose_secret()))? {
                bail!(
                    "{} is there already and is left as it is; remove it or say --password-file",
                    path.display()
                );
            }
        }
        if self.file == self.main {
            let text = draft.config(self.named_state.as_deref());
            if !write::new_file(&self.file, of_file, &text)? {
                bail!("{} has appeared meanwhile and is left as it is", self.file.display());
            }
            let rules = write::rules(&directory.join("rules"), of_directory)?;
            println!(
                "\nWritten: {}, and {} in {}",
                self.file.display(),
                match rules.len() {
                    1 => "one rule file".to_owned(),
                    count => format!("{count} rule files"),
                },
                directory.join("rules").display()
            );
        } else {
            write::new_file(&self.file, of_file, &draft.account())?;
            println!("\nWritten: {}", self.file.display());
        }
        Ok(())
    }
}

fn is_whole_machine(main: &Path) -> bool {
    main.starts_with("/etc")
}

fn directory_of(file: &Path) -> PathBuf {
    let parent = file.parent().filter(|parent| !parent.as_os_str().is_empty());
    parent.unwrap_or(Path::new(".")).to_owned()
}
