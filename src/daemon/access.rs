//! The way into an account: the proof of who we are, the connection, the login.

use std::path::PathBuf;

use secrecy::SecretString;

use super::error::DaemonError;
use crate::config::{Imap, Tls, secret};
use crate::imap::{Encryption, Greeted, Limits, Session, Target, connect, login};

/// What the server is shown.
#[derive(Debug)]
pub enum Proof {
    /// A password.
    Password(SecretString),
}

/// Reads the password anew, so that one that has changed is found.
pub async fn password(imap: &Imap) -> Result<SecretString, DaemonError> {
    let credentials = std::env::var_os("CREDENTIALS_DIRECTORY").map(PathBuf::from);
    Ok(secret::read(&imap.secret, credentials.as_deref()).await?)
}

/// Gets the proof anew.
pub async fn proof(imap: &Imap) -> Result<Proof, DaemonError> {
    Ok(Proof::Password(password(imap).await?))
}

/// Connects and encrypts; nobody is logged in yet.
pub async fn greet(imap: &Imap) -> Result<Greeted, DaemonError> {
    let ca_pem = match &imap.ca_file {
        None => None,
        Some(path) => Some(std::fs::read(path).map_err(|error| DaemonError::Unreadable {
            path: path.display().to_string(),
            why: error.to_string(),
        })?),
    };
    let target = Target {
        host: imap.host.clone(),
        port: imap.port,
        tls: match imap.tls {
            Tls::Implicit => Encryption::Implicit,
            Tls::StartTls => Encryption::StartTls,
            Tls::None => Encryption::None,
        },
        ca_pem,
        limits: Limits {
            poll: imap.poll,
            ..Limits::default()
        },
    };
    Ok(connect(&target).await?)
}

/// Shows the proof.
pub async fn log_in(greeted: Greeted, user: &str, proof: &Proof) -> Result<Session, DaemonError> {
    match proof {
        Proof::Password(password) => Ok(login(greeted, user, password).await?),
    }
}

/// A session, from nothing. The proof comes first: without one there is nothing to say to a server.
pub async fn open(imap: &Imap) -> Result<Session, DaemonError> {
    let proof = proof(imap).await?;
    let greeted = greet(imap).await?;
    log_in(greeted, &imap.user, &proof).await
}
