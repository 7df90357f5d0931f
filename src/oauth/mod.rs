//! OAuth 2.0 (RFC 6749): the access tokens that stand in for a password. The client id is the user's own.
//!
//! - [`access_token`] gives a token that is good for five minutes at least, renewing it when it must (section 6).
//! - [`login`] asks the user once: a code typed on another device (RFC 8628), or the browser of this machine (RFC 8252,
//!   with PKCE, RFC 7636). [`tokens`] keeps what comes of it, in a file that only its owner reads.
//!
//! An authority that cannot be reached is waited for; one that says `invalid_grant` has decided, and only a new login helps.

use std::path::PathBuf;

use secrecy::{ExposeSecret, SecretString};

use crate::config::OAuth2;
use crate::config::secret::{self, SecretError};

mod authority;
pub mod login;
pub mod tokens;

use authority::Authority;
use tokens::Tokens;

/// A token is renewed when it has this many seconds left.
const MARGIN: i64 = 5 * 60;

/// Why there is no token.
#[derive(Debug, thiserror::Error)]
pub enum TokenError {
    /// Nobody has logged in yet.
    #[error("there is no token in {}: run `postroom login`", path.display())]
    NotLoggedIn {
        /// Where it would be.
        path: PathBuf,
    },
    /// The authority has withdrawn its permission; trying again is pointless.
    #[error("the permission has been withdrawn or has expired ({why}): run `postroom login`")]
    Withdrawn {
        /// The authority's words.
        why: String,
    },
    /// The authority refuses for another reason: a wrong client id, a scope it does not give.
    #[error("{host} refuses: {why}; check oauth2 in postroom.toml")]
    Refused {
        /// The authority.
        host: String,
        /// Its words.
        why: String,
    },
    /// The authority cannot be reached or does not make sense; this passes.
    #[error("no token from {host} now: {why}")]
    Unavailable {
        /// The authority.
        host: String,
        /// What was seen.
        why: String,
    },
    /// The user did not agree in time, or refused.
    #[error("nobody agreed: {0}")]
    NotAgreed(String),
    /// The client's secret cannot be read.
    #[error(transparent)]
    Secret(#[from] SecretError),
    /// The file cannot be used.
    #[error("the token file {}: {why}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// The reason, and what to do.
        why: String,
    },
}

/// A token that the server should take. `refused` is one that it has just turned down: it is not given again.
pub async fn access_token(settings: &OAuth2, refused: Option<&SecretString>) -> Result<SecretString, TokenError> {
    let authority = Authority::new(settings, client_secret(settings).await?)?;
    let path = settings.token_file.clone();
    let refused = refused.map(|token| token.expose_secret().to_owned());
    blocking(move || {
        // Held while renewing: another process (`postroom preview` beside the daemon) would spend the same refresh
        // token, and an authority that rotates them takes that for theft.
        let _turn = tokens::turn(&path)?;
        let kept = tokens::read(&path)?.ok_or_else(|| TokenError::NotLoggedIn { path: path.clone() })?;
        let now = crate::daemon::clock::now().0;
        let usable = refused.as_deref() != Some(kept.access.expose_secret());
        if usable && kept.expires - now > MARGIN {
            return Ok(kept.access);
        }
        match authority.renew(&kept, now) {
            Ok(renewed) => {
                tokens::write(&path, &renewed)?;
                Ok(renewed.access)
            }
            // It is still good; perhaps the authority is back before it ends.
            Err(TokenError::Unavailable { .. }) if usable && kept.expires > now => Ok(kept.access),
            Err(error) => Err(error),
        }
    })
    .await
}

/// The access token that is kept, good or not; the authority is not asked.
pub async fn kept(settings: &OAuth2) -> Result<SecretString, TokenError> {
    let path = settings.token_file.clone();
    blocking(move || {
        let kept = tokens::read(&path)?;
        kept.map(|kept| kept.access).ok_or(TokenError::NotLoggedIn { path })
    })
    .await
}

/// Keeps what a login has brought.
pub async fn keep(settings: &OAuth2, tokens: Tokens) -> Result<(), TokenError> {
    let path = settings.token_file.clone();
    blocking(move || {
        let _turn = tokens::turn(&path)?;
        tokens::write(&path, &tokens)
    })
    .await
}

async fn client_secret(settings: &OAuth2) -> Result<Option<SecretString>, TokenError> {
    match &settings.client_secret {
        None => Ok(None),
        Some(place) => {
            let credentials = std::env::var_os("CREDENTIALS_DIRECTORY").map(PathBuf::from);
            Ok(Some(secret::read(place, credentials.as_deref()).await?))
        }
    }
}

async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, TokenError> + Send + 'static,
) -> Result<T, TokenError> {
    match tokio::task::spawn_blocking(work).await {
        Ok(done) => done,
        Err(crashed) => Err(TokenError::NotAgreed(crashed.to_string())),
    }
}
