//! Who is it? LOGIN and AUTHENTICATE PLAIN (RFC 9051 section 6.2, RFC 4616, RFC 4959).

use std::io;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use tokio::io::AsyncWriteExt;
use tokio::net::tcp::OwnedWriteHalf;

use super::answer::Answer;
use super::session::Session;
use super::wire::Reader;

impl Session {
    /// AUTHENTICATE PLAIN, with the initial response of SASL-IR or without it.
    pub(super) async fn authenticate(
        &mut self,
        mechanism: &str,
        initial: Option<Vec<u8>>,
        reader: &mut Reader,
        writer: &mut OwnedWriteHalf,
    ) -> io::Result<Answer> {
        if self.user.is_some() {
            return Ok(Answer::bad("Already logged in"));
        }
        if mechanism != "PLAIN" || !self.shared.options.capabilities.has("AUTH=PLAIN") {
            return Ok(Answer::no("[CANNOT] Unsupported authentication mechanism."));
        }
        let response = match initial {
            Some(_) if !self.shared.options.capabilities.has("SASL-IR") => {
                return Ok(Answer::bad("No initial response: SASL-IR is not offered"));
            }
            Some(response) => response,
            None => {
                writer.write_all(b"+ \r\n").await?;
                let Some(line) = reader.line().await? else {
                    return Ok(Answer {
                        close: true,
                        ..Answer::bad("The client has gone")
                    });
                };
                line
            }
        };
        let Ok(plain) = BASE64_STANDARD.decode(&response) else {
            return Ok(Answer::bad("The response is not base64, or was cancelled"));
        };
        let mut parts = plain.split(|&octet| octet == 0);
        match (parts.next(), parts.next(), parts.next(), parts.next()) {
            (Some(_), Some(user), Some(password), None) => Ok(self.login(user, password)),
            _ => Ok(Answer::bad("The response is not that of PLAIN")),
        }
    }

    pub(super) fn login(&mut self, user: &[u8], password: &[u8]) -> Answer {
        let user = String::from_utf8_lossy(user).into_owned();
        let known = self.shared.read(|state| {
            state
                .store
                .account(&user)
                .is_some_and(|account| account.password.as_bytes() == password)
        });
        if !known {
            return Answer::no("[AUTHENTICATIONFAILED] Authentication failed.");
        }
        self.user = Some(user);
        if !self.shared.options.capabilities_at_login {
            return Answer::ok("Logged in");
        }
        Answer::ok(format!(
            "[CAPABILITY {}] Logged in",
            self.shared.options.capabilities.announced(true)
        ))
    }
}
