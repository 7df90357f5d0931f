//! Login by SCRAM-SHA-256 (RFC 5802, RFC 7677): the password is proven and never sent, and the server proves that it knows
//! it too. The mechanism is rsasl's; here is its place in AUTHENTICATE (RFC 9051 section 6.2.2). No channel binding.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use rsasl::config::SASLConfig;
use rsasl::mechname::Mechname;
use rsasl::prelude::{SASLClient, Session, State};
use secrecy::{ExposeSecret, SecretString};

use super::completion::{Completion, Verdict};
use super::error::ImapError;
use super::reply::{Pending, Wire};

/// The mechanism's name.
pub(super) const MECHANISM: &str = "SCRAM-SHA-256";

/// Rounds of hashing a server may ask for. Common is 4,096 to 600,000; each costs a quarter of a microsecond.
const MOST_ITERATIONS: u32 = 2_000_000;

/// How a login by SCRAM ended.
#[derive(Debug)]
pub(super) enum Ended {
    /// With this answer; a NO means the password.
    Answered(Completion),
    /// Refused before anything was asked: the server offers the mechanism and has nothing to compare with, as where it
    /// keeps passwords hashed in another way. The password has not been looked at.
    Unusable,
}

/// Logs in. With `at_once` the first message goes with the command (SASL-IR, RFC 4959).
pub(super) async fn log_in(
    wire: &mut Wire,
    user: &str,
    password: &SecretString,
    at_once: bool,
) -> Result<Ended, ImapError> {
    // Names and passwords that SASLprep (RFC 4013) forbids can only be sent as they are.
    let Some(session) = begin(user, password) else {
        return Ok(Ended::Unusable);
    };
    let Ok((mut session, first, _)) = step(session, None).await else {
        return Ok(Ended::Unusable);
    };
    let command = if at_once {
        format!("AUTHENTICATE {MECHANISM} {first}")
    } else {
        format!("AUTHENTICATE {MECHANISM}")
    };
    let pending = wire.begin("AUTHENTICATE", &command)?;
    wire.push("AUTHENTICATE").await?;
    if !at_once {
        match wire.continuation(&pending, |_| {}).await? {
            Ok(_) => wire.write("AUTHENTICATE", format!("{first}\r\n").as_bytes()).await?,
            Err(_) => return Ok(Ended::Unusable),
        }
    }
    let (mut challenged, mut proven) = (false, false);
    // The salt, and the server's own proof.
    for _ in 0..3 {
        let challenge = match wire.continuation(&pending, |_| {}).await? {
            Ok(challenge) => challenge,
            Err(answer) if answer.verdict == Verdict::Ok && !proven => {
                drop(answer);
                return Err(ImapError::hostile(
                    "it took a login without proving that it knows the password",
                ));
            }
            Err(answer) if answer.verdict == Verdict::Ok || challenged => return Ok(Ended::Answered(answer)),
            Err(_) => return Ok(Ended::Unusable),
        };
        challenged = true;
        let response = match decoded(&challenge) {
            // The server's words for a wrong proof (RFC 5802 section 5.1).
            Some(refusal) if refusal.starts_with(b"e=") => {
                wire.write("AUTHENTICATE", b"*\r\n").await?;
                let answer = wire.finish(pending, |_| {}).await?;
                let verdict = Verdict::No;
                return Ok(Ended::Answered(Completion { verdict, ..answer }));
            }
            Some(challenge) => step(session, Some(challenge)).await,
            None => Err(ImapError::hostile("a challenge of SCRAM that cannot be read")),
        };
        let answer;
        (session, answer, proven) = match response {
            Ok(response) => response,
            Err(fault) => return cancel(wire, pending, fault).await,
        };
        wire.write("AUTHENTICATE", format!("{answer}\r\n").as_bytes()).await?;
    }
    Err(ImapError::hostile("challenges without end in AUTHENTICATE"))
}

/// The server's message, unless it asks for work without measure.
fn decoded(challenge: &str) -> Option<Vec<u8>> {
    let message = STANDARD.decode(challenge.trim()).ok()?;
    let text = std::str::from_utf8(&message).ok()?;
    let iterations = text.split(',').find_map(|part| part.strip_prefix("i="));
    let bearable = iterations.is_none_or(|count| count.parse().is_ok_and(|count: u32| count <= MOST_ITERATIONS));
    bearable.then_some(message)
}

/// Breaks the exchange off in order (RFC 9051 section 6.2.2); the fault is what the caller hears.
async fn cancel(wire: &mut Wire, pending: Pending, fault: ImapError) -> Result<Ended, ImapError> {
    wire.write("AUTHENTICATE", b"*\r\n").await?;
    wire.finish(pending, |_| {}).await?;
    Err(fault)
}

fn begin(user: &str, password: &SecretString) -> Option<Session> {
    let config = SASLConfig::with_credentials(None, user.to_owned(), password.expose_secret().to_owned()).ok()?;
    let mechanism = Mechname::parse(MECHANISM.as_bytes()).ok()?;
    SASLClient::new(config).start_suggested(&[mechanism]).ok()
}

/// One step of the mechanism: what to send, in base64, and whether both sides have proven themselves. The hashing takes
/// its time and is done where it holds nobody up.
async fn step(mut session: Session, challenge: Option<Vec<u8>>) -> Result<(Session, String, bool), ImapError> {
    let worked = tokio::task::spawn_blocking(move || {
        let mut out = Vec::new();
        let state = session.step(challenge.as_deref(), &mut out);
        (session, state, out)
    });
    match worked.await {
        Ok((session, Ok(state), out)) => Ok((session, STANDARD.encode(out), matches!(state, State::Finished(_)))),
        _ => Err(ImapError::hostile(
            "its proof that it knows the password is wrong (SCRAM); it may not be the server it says it is",
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_challenge_that_asks_for_hours_of_hashing_is_not_taken() {
        let challenge = |text: &str| decoded(&STANDARD.encode(text));
        assert!(challenge("r=abc,s=QSXCR+Q6sek8bf92,i=600000").is_some());
        for bad in [
            "r=abc,s=QSXC,i=2000001",
            "r=abc,s=QSXC,i=99999999999",
            "r=abc,s=QSXC,i=-1",
        ] {
            assert_eq!(challenge(bad), None, "{bad}");
        }
        assert_eq!(decoded("not base64"), None);
    }
}
