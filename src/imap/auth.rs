//! Login: SCRAM-SHA-256 where offered, else AUTHENTICATE PLAIN (RFC 4616), else LOGIN; XOAUTH2 and OAUTHBEARER (RFC 7628) for tokens.
//!
//! A secret is sent only over a connection that is encrypted, or on loopback by the operator's wish, and it is tried
//! once. After login the capabilities are read anew, and the program introduces itself.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use secrecy::zeroize::Zeroizing;
use secrecy::{ExposeSecret, SecretString};

use super::capability::Capabilities;
use super::completion::{Completion, Verdict};
use super::connect::{Greeted, ask_capabilities};
use super::error::{ImapError, passes};
use super::folders::{Names, quote};
use super::reply::{Pending, Wire};
use super::scram::{self, Ended};
use super::session::Session;

/// How a token is presented.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Bearer {
    /// Google's and Microsoft's own.
    XOAuth2,
    /// RFC 7628.
    OAuthBearer,
}

/// Logs in with a password.
pub async fn login(greeted: Greeted, user: &str, password: &SecretString) -> Result<Session, ImapError> {
    let (mut greeted, offered) = private(greeted).await?;
    let wire = &mut greeted.wire;
    if offered.offers(scram::MECHANISM)
        && let Ended::Answered(answer) = scram::log_in(wire, user, password, offered.sasl_ir).await?
    {
        return settle(greeted, answer).await;
    }
    let answer = if offered.offers("PLAIN") {
        let secret = Zeroizing::new(format!("\0{user}\0{}", password.expose_secret()));
        let answer = authenticate(wire, "PLAIN", &secret, offered.sasl_ir).await?;
        // A mechanism that is offered and yet unknown has not looked at the password.
        if answer.verdict == Verdict::Bad && !offered.login_disabled {
            plain_login(wire, user, password).await?
        } else {
            answer
        }
    } else if offered.login_disabled {
        return Err(ImapError::Unsupported {
            what: format!(
                "{} takes neither AUTHENTICATE PLAIN nor LOGIN; it may want OAuth",
                greeted.host
            ),
        });
    } else {
        plain_login(wire, user, password).await?
    };
    settle(greeted, answer).await
}

/// Logs in with an OAuth 2.0 access token, by OAUTHBEARER or XOAUTH2, whichever the server offers.
pub async fn login_with_token(greeted: Greeted, user: &str, token: &SecretString) -> Result<Session, ImapError> {
    let (mut greeted, offered) = private(greeted).await?;
    let bearer = if offered.offers("OAUTHBEARER") {
        Bearer::OAuthBearer
    } else if offered.offers("XOAUTH2") {
        Bearer::XOAuth2
    } else {
        return Err(ImapError::Unsupported {
            what: format!("{} offers no login by token (XOAUTH2, OAUTHBEARER)", greeted.host),
        });
    };
    let token = token.expose_secret();
    let (mechanism, secret) = match bearer {
        Bearer::XOAuth2 => ("XOAUTH2", format!("user={user}\x01auth=Bearer {token}\x01\x01")),
        Bearer::OAuthBearer => ("OAUTHBEARER", format!("n,a={user},\x01auth=Bearer {token}\x01\x01")),
    };
    let answer = authenticate(&mut greeted.wire, mechanism, &Zeroizing::new(secret), offered.sasl_ir).await?;
    settle(greeted, answer).await
}

async fn private(mut greeted: Greeted) -> Result<(Greeted, Capabilities), ImapError> {
    if !greeted.private {
        return Err(ImapError::StartTlsMissing { host: greeted.host });
    }
    let offered = greeted.capabilities().await?;
    Ok((greeted, offered))
}

async fn authenticate(wire: &mut Wire, mechanism: &str, secret: &str, at_once: bool) -> Result<Completion, ImapError> {
    let secret = Zeroizing::new(STANDARD.encode(secret));
    let command = if at_once {
        Zeroizing::new(format!("AUTHENTICATE {mechanism} {}", secret.as_str()))
    } else {
        Zeroizing::new(format!("AUTHENTICATE {mechanism}"))
    };
    let pending = wire.begin("AUTHENTICATE", &command)?;
    wire.push("AUTHENTICATE").await?;
    if !at_once {
        match wire.continuation(&pending, |_| {}).await? {
            Ok(_) => {
                let line = Zeroizing::new(format!("{}\r\n", secret.as_str()));
                wire.write("AUTHENTICATE", line.as_bytes()).await?;
            }
            Err(answer) => return Ok(answer),
        }
    }
    // A refused token is explained in a challenge, which wants an answer before the NO comes (RFC 7628 section 3.2.3).
    for _ in 0..3 {
        match wire.continuation(&pending, |_| {}).await? {
            Ok(_) if mechanism == "OAUTHBEARER" => wire.write("AUTHENTICATE", b"AQ==\r\n").await?,
            Ok(_) => wire.write("AUTHENTICATE", b"\r\n").await?,
            Err(answer) => return Ok(answer),
        }
    }
    Err(ImapError::hostile("challenges without end in AUTHENTICATE"))
}

async fn plain_login(wire: &mut Wire, user: &str, password: &SecretString) -> Result<Completion, ImapError> {
    let password = password.expose_secret();
    let plain = |text: &str| text.bytes().all(|byte| matches!(byte, b' '..=b'~'));
    if plain(user) && plain(password) {
        let command = Zeroizing::new(format!("LOGIN {} {}", quote(user), quote(password)));
        let pending = wire.begin("LOGIN", &command)?;
        wire.push("LOGIN").await?;
        return wire.finish(pending, |_| {}).await;
    }
    // Quoted strings cannot carry 8-bit text (RFC 3501 section 4.3): literals can.
    let pending = wire.begin("LOGIN", &format!("LOGIN {{{}}}", user.len()))?;
    wire.push("LOGIN").await?;
    let then = Zeroizing::new(format!("{user} {{{}}}\r\n", password.len()));
    if let Some(answer) = literal(wire, &pending, &then).await? {
        return Ok(answer);
    }
    let then = Zeroizing::new(format!("{password}\r\n"));
    if let Some(answer) = literal(wire, &pending, &then).await? {
        return Ok(answer);
    }
    wire.finish(pending, |_| {}).await
}

async fn literal(wire: &mut Wire, pending: &Pending, bytes: &str) -> Result<Option<Completion>, ImapError> {
    match wire.continuation(pending, |_| {}).await? {
        Ok(_) => wire.write("LOGIN", bytes.as_bytes()).await.map(|()| None),
        Err(answer) => Ok(Some(answer)),
    }
}

/// What the answer to a login means, and what every session begins with.
async fn settle(greeted: Greeted, answer: Completion) -> Result<Session, ImapError> {
    let Completion {
        verdict,
        code,
        text,
        capabilities,
        ..
    } = answer;
    if verdict != Verdict::Ok {
        let passing = passes(code.as_deref(), &text) && code.as_deref() != Some("AUTHENTICATIONFAILED");
        return Err(if passing {
            ImapError::LoginUnavailable { code, text }
        } else {
            ImapError::LoginRefused { code, text }
        });
    }
    let Greeted { mut wire, inbox, .. } = greeted;
    let capabilities = match capabilities {
        Some(words) => Capabilities::new(words),
        None => ask_capabilities(&mut wire).await?,
    };
    let mut session = Session::new(wire, capabilities, Names::default());
    session.introduce(inbox).await?;
    Ok(session)
}
