//! The login of a new account: where the password comes from, and trying it.

use anyhow::{Context as _, bail};
use secrecy::SecretString;

use super::Args;
use super::ask::Asker;
use super::discover::{self, Found, Origin};
use super::permission;
use super::place::{Keeping, Place};
use super::providers::Login;
use super::write::SecretLine;
use crate::cli::exit::Advised;
use crate::config::{Imap, Secret};
use crate::daemon::DaemonError;
use crate::daemon::access::{self, Proof};
use crate::imap::{ImapError, Session};

/// Tries at a password, where a person can be asked again.
const TRIES: u32 = 3;

/// Where the password comes from.
#[derive(Debug)]
pub struct Entry {
    /// As the file says it.
    pub line: SecretLine,
    /// A password that was typed and is to be written beside the configuration.
    pub to_keep: Option<SecretString>,
    /// True when this process can log in again by what is written.
    pub is_kept: bool,
}

/// Asks for the password and logs in; a person who mistypes is asked again.
pub async fn log_in(args: &Args, asker: Asker, found: &mut Found, place: &Place) -> anyhow::Result<(Session, Entry)> {
    for attempt in 1.. {
        let (entry, proof) = secret(args, asker, found, place).await?;
        match try_login(found, &proof).await {
            Ok(session) => return Ok((session, entry)),
            Err(error @ DaemonError::Imap(ImapError::LoginRefused { .. })) => {
                let advice = discover::advice(found);
                let typed = entry.to_keep.is_some();
                if attempt >= TRIES || !asker.is_person() || !typed {
                    return Err(anyhow::Error::from(error).context(Advised(refused(found, advice))));
                }
                println!("{error}. {advice}");
            }
            Err(error) => return Err(error.into()),
        }
    }
    bail!("no login");
}

fn refused(found: &Found, advice: &str) -> String {
    let Imap { host, user, .. } = &found.imap;
    let then = if advice.is_empty() {
        "check the password; some servers want another login name (--user), some an app password made on their web page"
    } else {
        advice
    };
    format!("{host} does not let {user} in, and nothing was written; {then}. The server's words")
}

/// Logs in; where the name was only guessed, also by what stands before the @.
async fn try_login(found: &mut Found, proof: &Proof) -> Result<Session, DaemonError> {
    let greeted = access::greet(&found.imap).await?;
    let first = access::log_in(greeted, &found.imap.user, proof).await;
    let guessed = matches!(found.origin, Origin::Guess | Origin::Service);
    let local = found.imap.user.split_once('@').map(|(local, _)| local.to_owned());
    match (first, local) {
        (Err(error @ DaemonError::Imap(ImapError::LoginRefused { .. })), Some(local)) if guessed => {
            let greeted = access::greet(&found.imap).await?;
            let session = access::log_in(greeted, &local, proof).await.map_err(|_| error)?;
            found.imap.user = local;
            Ok(session)
        }
        (first, _) => first,
    }
}

async fn secret(args: &Args, asker: Asker, found: &Found, place: &Place) -> anyhow::Result<(Entry, Proof)> {
    let read = async |secret: Secret| {
        let imap = Imap {
            secret,
            ..found.imap.clone()
        };
        access::proof(&imap).await
    };
    if let Some(authority) = permission::wanted(args, found)? {
        let token_file = place.state.join(format!("{}.token", place.name));
        let (entry, secret) = permission::ask(args, asker, found, &authority, token_file).await?;
        return Ok((entry, read(secret).await?));
    }
    if let Some(path) = &args.password_file {
        let path = std::path::absolute(path)?;
        let proof = read(Secret::PasswordFile(path.clone())).await?;
        let line = SecretLine::PasswordFile(path.display().to_string());
        return Ok((
            Entry {
                line,
                to_keep: None,
                is_kept: true,
            },
            proof,
        ));
    }
    if let Some(command) = &args.password_command {
        let argv = words(command).context("the password command has an open quotation mark")?;
        let proof = read(Secret::PasswordCommand(argv.clone())).await?;
        return Ok((
            Entry {
                line: SecretLine::PasswordCommand(argv),
                to_keep: None,
                is_kept: true,
            },
            proof,
        ));
    }
    let question = if found.login == Login::AppPassword {
        "App password"
    } else {
        "Password"
    };
    let password = asker.password(&format!("{question} of {}", found.imap.user))?;
    let proof = Proof::Password(password.clone());
    let entry = if let Some(name) = &args.credential {
        Entry {
            line: SecretLine::Credential(name.clone()),
            to_keep: None,
            is_kept: false,
        }
    } else {
        let line = match place.keeping() {
            Keeping::Beside(file) => SecretLine::PasswordFile(file),
            Keeping::Credential(name) => SecretLine::Credential(name),
        };
        Entry {
            line,
            to_keep: Some(password),
            is_kept: true,
        }
    };
    Ok((entry, proof))
}

/// Words of a command, parted by spaces; quotation marks hold words together, and nothing else means anything.
fn words(command: &str) -> Option<Vec<String>> {
    let (mut words, mut word, mut quote) = (Vec::new(), None::<String>, None);
    for c in command.chars() {
        match (quote, c) {
            (Some(open), c) if c == open => quote = None,
            (None, '\'' | '"') => {
                quote = Some(c);
                word.get_or_insert_default();
            }
            (None, c) if c.is_whitespace() => words.extend(word.take()),
            (_, c) => word.get_or_insert_default().push(c),
        }
    }
    words.extend(word);
    quote.is_none().then_some(words)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_is_parted_without_a_shell() {
        assert_eq!(
            words("pass show 'my mail' \"\" $X;y").unwrap(),
            ["pass", "show", "my mail", "", "$X;y"]
        );
        assert_eq!(words("pass 'open"), None);
    }
}
