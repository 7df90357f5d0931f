//! The way into an account: the proof of who we are, the connection, the login.

use std::fmt::Debug;
use std::path::PathBuf;

use futures_util::future::BoxFuture;
use secrecy::SecretString;

use super::error::DaemonError;
use crate::config::{Imap, Secret, Tls, secret};
use crate::imap::{Access, Encryption, Greeted, ImapError, Limits, Session, Target, connect, login, login_with_token};
use crate::oauth;

/// What the server is shown.
#[derive(Debug)]
pub enum Proof {
    /// A password.
    Password(SecretString),
    /// An OAuth access token.
    Token(SecretString),
}

/// Where a worker gets its secret and its session from. There is one in the program, [`Network`]; a simulation brings its
/// own.
pub trait Gate: Debug + Send + Sync {
    /// The password or token as it is kept now; nobody is asked for another.
    fn kept<'a>(&'a self, imap: &'a Imap) -> BoxFuture<'a, Result<SecretString, DaemonError>>;

    /// A session, from nothing; with `inbox`, one whose first work is to list the folders and to open INBOX so.
    fn open<'a>(&'a self, imap: &'a Imap, inbox: Option<Access>) -> BoxFuture<'a, Result<Session, DaemonError>>;
}

/// The secret where the configuration says it is, and the server over the network.
#[derive(Debug, Clone, Copy)]
pub struct Network;

impl Gate for Network {
    fn kept<'a>(&'a self, imap: &'a Imap) -> BoxFuture<'a, Result<SecretString, DaemonError>> {
        Box::pin(kept(imap))
    }

    fn open<'a>(&'a self, imap: &'a Imap, inbox: Option<Access>) -> BoxFuture<'a, Result<Session, DaemonError>> {
        Box::pin(open(imap, inbox))
    }
}

/// The password or token as it is kept now; nobody is asked for another.
pub async fn kept(imap: &Imap) -> Result<SecretString, DaemonError> {
    if let Secret::OAuth2(settings) = &imap.secret {
        return Ok(oauth::kept(settings).await?);
    }
    let credentials = std::env::var_os("CREDENTIALS_DIRECTORY").map(PathBuf::from);
    Ok(secret::read(&imap.secret, credentials.as_deref()).await?)
}

/// Gets the proof anew, so that one that has changed is found.
pub async fn proof(imap: &Imap) -> Result<Proof, DaemonError> {
    Ok(match &imap.secret {
        Secret::OAuth2(settings) => Proof::Token(oauth::access_token(settings, None).await?),
        Secret::TokenCommand(_) => Proof::Token(kept(imap).await?),
        _ => Proof::Password(kept(imap).await?),
    })
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
        Proof::Token(token) => Ok(login_with_token(greeted, user, token).await?),
    }
}

/// A session, from nothing, as [`Gate::open`] says. The proof comes first: without one there is nothing to say to a server.
pub async fn open(imap: &Imap, inbox: Option<Access>) -> Result<Session, DaemonError> {
    let proof = proof(imap).await?;
    let first = log_in(greet(imap).await?.expecting(inbox), &imap.user, &proof).await;
    match (first, &proof, &imap.secret) {
        // A token may have been withdrawn before its time. Once, and only for another token.
        (Err(DaemonError::Imap(ImapError::LoginRefused { .. })), Proof::Token(refused), Secret::OAuth2(settings)) => {
            let renewed = Proof::Token(oauth::access_token(settings, Some(refused)).await?);
            log_in(greet(imap).await?.expecting(inbox), &imap.user, &renewed).await
        }
        (first, ..) => first,
    }
}
