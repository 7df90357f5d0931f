//! Questions to the user: on a terminal, or line by line through a pipe; a flag answers each beforehand.

use std::io::{self, BufRead, IsTerminal, Write};
use std::os::fd::AsFd;

use anyhow::{Context as _, bail};
use rustix::termios::{LocalModes, OptionalActions, tcgetattr, tcsetattr};
use secrecy::SecretString;
use secrecy::zeroize::Zeroizing;

/// Asks.
#[derive(Debug, Clone, Copy)]
pub struct Asker {
    /// `--yes`: take every proposal, ask only what has none.
    pub yes: bool,
}

impl Asker {
    /// True when somebody can be asked again.
    pub fn is_person(self) -> bool {
        io::stdin().is_terminal()
    }

    /// An answer that must be given; `flag` is named when nobody can give one.
    pub fn required(self, question: &str, flag: &str) -> anyhow::Result<String> {
        loop {
            let answer = line(&format!("{question}: "), flag)?;
            if !answer.trim().is_empty() {
                return Ok(answer.trim().to_owned());
            }
        }
    }

    /// An answer with a proposal, which an empty line or `--yes` takes.
    pub fn proposed(self, question: &str, proposal: &str, flag: &str) -> anyhow::Result<String> {
        if self.yes {
            return Ok(proposal.to_owned());
        }
        let answer = line(&format!("{question} [{proposal}]: "), flag)?;
        let answer = answer.trim();
        Ok(if answer.is_empty() { proposal } else { answer }.to_owned())
    }

    /// Yes or no; an empty line or `--yes` means yes.
    pub fn agreed(self, question: &str) -> anyhow::Result<bool> {
        if self.yes {
            return Ok(true);
        }
        let answer = line(&format!("{question} [Y/n] "), "--yes")?;
        Ok(matches!(answer.trim().to_lowercase().as_str(), "" | "y" | "yes"))
    }

    /// A password, not shown on a terminal.
    pub fn password(self, question: &str) -> anyhow::Result<SecretString> {
        let flags = "--password-file, --password-command or --credential";
        let _dark = self.is_person().then(Dark::new);
        let answer = Zeroizing::new(line(&format!("{question}: "), flags)?);
        if self.is_person() {
            println!();
        }
        if answer.is_empty() {
            bail!("the password is empty");
        }
        Ok(SecretString::from(answer.as_str()))
    }
}

fn line(question: &str, flag: &str) -> anyhow::Result<String> {
    print!("{question}");
    io::stdout().flush()?;
    let mut answer = String::new();
    if io::stdin()
        .lock()
        .read_line(&mut answer)
        .context("cannot read the answer")?
        == 0
    {
        println!();
        bail!("nobody is there to answer; say {flag}");
    }
    if !io::stdin().is_terminal() {
        // The question's line would otherwise run into the next.
        println!();
    }
    Ok(answer.trim_end_matches(['\r', '\n']).to_owned())
}

/// While this lives, the terminal does not show what is typed.
struct Dark {
    before: Option<rustix::termios::Termios>,
}

impl Dark {
    fn new() -> Self {
        let stdin = io::stdin();
        let before = tcgetattr(stdin.as_fd()).ok();
        if let Some(mut settings) = before.clone() {
            settings.local_modes -= LocalModes::ECHO;
            let _ = tcsetattr(stdin.as_fd(), OptionalActions::Flush, &settings);
        }
        Self { before }
    }
}

impl Drop for Dark {
    fn drop(&mut self) {
        if let Some(before) = &self.before {
            let _ = tcsetattr(io::stdin().as_fd(), OptionalActions::Flush, before);
        }
    }
}
