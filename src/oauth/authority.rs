//! The conversation with the authority: the oauth2 crate's requests over our own HTTP. What it answers is sorted by what
//! follows from it: a token, wait, log in again, or mend the configuration.

use std::time::Duration;

use oauth2::basic::{BasicClient, BasicErrorResponse, BasicErrorResponseType, BasicTokenResponse};
use oauth2::{
    AuthType, AuthUrl, AuthorizationCode, ClientId, ClientSecret, CsrfToken, DeviceAuthorizationUrl,
    DeviceCodeErrorResponse, EndpointNotSet, EndpointSet, PkceCodeChallenge, PkceCodeVerifier, RedirectUrl,
    RefreshToken, RequestTokenError, Scope, StandardDeviceAuthorizationResponse, TokenResponse, TokenUrl,
};
use secrecy::{ExposeSecret, SecretString};

use super::TokenError;
use super::tokens::Tokens;
use crate::config::OAuth2;
use crate::http;
use crate::sort::sanitise;

/// How long one request may take.
const LIMIT: Duration = Duration::from_secs(20);

/// What is believed of a token's life when the authority does not say.
const USUAL_LIFE: Duration = Duration::from_mins(30);

type Client = BasicClient<EndpointNotSet, EndpointNotSet, EndpointNotSet, EndpointNotSet, EndpointSet>;

/// One authority, as the configuration names it.
#[derive(Debug, Clone)]
pub(super) struct Authority {
    client: Client,
    settings: OAuth2,
}

/// The authority could not be asked, or its answer is not about us.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
struct Passing(String);

impl Authority {
    pub(super) fn new(settings: &OAuth2, secret: Option<SecretString>) -> Result<Self, TokenError> {
        let token_url = TokenUrl::new(settings.token_url.clone()).map_err(|error| refused(settings, &error))?;
        let mut client = BasicClient::new(ClientId::new(settings.client_id.clone()))
            .set_token_uri(token_url)
            // Public clients name themselves in the body; so may all (RFC 6749 section 2.3.1).
            .set_auth_type(AuthType::RequestBody);
        if let Some(secret) = secret {
            client = client.set_client_secret(ClientSecret::new(secret.expose_secret().to_owned()));
        }
        Ok(Self {
            client,
            settings: settings.clone(),
        })
    }

    /// A new access token for the refresh token (RFC 6749 section 6).
    pub(super) fn renew(&self, kept: &Tokens, now: i64) -> Result<Tokens, TokenError> {
        let refresh = kept.refresh.as_ref().ok_or_else(|| TokenError::Withdrawn {
            why: "the token has ended and the authority gave none to renew it".to_owned(),
        })?;
        let refresh = RefreshToken::new(refresh.expose_secret().to_owned());
        let answer = self.client.exchange_refresh_token(&refresh).request(&send);
        let mut renewed = taken(&answer.map_err(|error| self.explain(&error))?, now);
        // Not every authority rotates; the old one then goes on.
        renewed.refresh = renewed.refresh.or_else(|| kept.refresh.clone());
        Ok(renewed)
    }

    /// Begins a login by a code that is typed elsewhere (RFC 8628 section 3.1).
    pub(super) fn device_code(&self) -> Result<StandardDeviceAuthorizationResponse, TokenError> {
        let url = self.settings.device_url.clone().unwrap_or_default();
        let url = DeviceAuthorizationUrl::new(url).map_err(|error| refused(&self.settings, &error))?;
        let client = self.client.clone().set_device_authorization_url(url);
        let answer = client.exchange_device_code().add_scopes(self.scopes()).request(&send);
        answer.map_err(|error| self.explain(&error))
    }

    /// Asks at the authority's pace until the user has agreed (RFC 8628 section 3.4).
    pub(super) fn wait_for_device(
        &self,
        code: &StandardDeviceAuthorizationResponse,
        now: i64,
    ) -> Result<Tokens, TokenError> {
        let answer = self
            .client
            .exchange_device_access_token(code)
            .request(&send, std::thread::sleep, None);
        match answer {
            Ok(answer) => Ok(taken(&answer, now)),
            Err(RequestTokenError::ServerResponse(said)) => Err(TokenError::NotAgreed(device_words(&said))),
            Err(error) => Err(self.unavailable(&error)),
        }
    }

    /// The page to open in a browser, and what must come back with the code (RFC 8252, RFC 7636).
    pub(super) fn page(&self, redirect: &str, user: &str) -> Result<(String, CsrfToken, PkceCodeVerifier), TokenError> {
        let wrong = |error| refused(&self.settings, &error);
        let url = AuthUrl::new(self.settings.auth_url.clone().unwrap_or_default()).map_err(wrong)?;
        let redirect = RedirectUrl::new(redirect.to_owned()).map_err(wrong)?;
        let client = self.client.clone().set_auth_uri(url).set_redirect_uri(redirect);
        let (challenge, verifier) = PkceCodeChallenge::new_random_sha256();
        let (page, state) = client
            .authorize_url(CsrfToken::new_random)
            .add_scopes(self.scopes())
            .set_pkce_challenge(challenge)
            .add_extra_param("login_hint", user)
            // Without these Google gives no refresh token.
            .add_extra_param("access_type", "offline")
            .add_extra_param("prompt", "consent")
            .url();
        Ok((page.to_string(), state, verifier))
    }

    /// Tokens for the code that the browser brought back.
    pub(super) fn redeem(
        &self,
        code: &str,
        redirect: &str,
        verifier: PkceCodeVerifier,
        now: i64,
    ) -> Result<Tokens, TokenError> {
        let redirect = RedirectUrl::new(redirect.to_owned()).map_err(|error| refused(&self.settings, &error))?;
        let client = self.client.clone().set_redirect_uri(redirect);
        let request = client
            .exchange_code(AuthorizationCode::new(code.to_owned()))
            .set_pkce_verifier(verifier);
        let answer = request.request(&send);
        Ok(taken(&answer.map_err(|error| self.explain(&error))?, now))
    }

    fn scopes(&self) -> Vec<Scope> {
        self.settings.scopes.iter().cloned().map(Scope::new).collect()
    }

    fn explain(&self, error: &RequestTokenError<Passing, BasicErrorResponse>) -> TokenError {
        let RequestTokenError::ServerResponse(said) = error else {
            return self.unavailable(error);
        };
        let why = said.error_description().map_or_else(
            || said.error().as_ref().to_owned(),
            |more| format!("{}: {more}", said.error().as_ref()),
        );
        let why = sanitise(&why);
        match said.error() {
            BasicErrorResponseType::InvalidGrant => TokenError::Withdrawn { why },
            BasicErrorResponseType::Extension(word)
                if matches!(word.as_str(), "temporarily_unavailable" | "server_error" | "slow_down") =>
            {
                TokenError::Unavailable {
                    host: self.settings.host(),
                    why,
                }
            }
            // Microsoft's way to say that the user must be asked again.
            BasicErrorResponseType::Extension(word)
                if matches!(
                    word.as_str(),
                    "interaction_required" | "consent_required" | "login_required"
                ) =>
            {
                TokenError::Withdrawn { why }
            }
            _ => TokenError::Refused {
                host: self.settings.host(),
                why,
            },
        }
    }

    fn unavailable<T: oauth2::ErrorResponse + 'static>(&self, error: &RequestTokenError<Passing, T>) -> TokenError {
        // What a page that is no JSON says is of no use to anybody, and may hold a token.
        let why = match error {
            RequestTokenError::Request(passing) => passing.0.clone(),
            RequestTokenError::Parse(..) => "its answer cannot be understood".to_owned(),
            RequestTokenError::Other(why) => why.clone(),
            RequestTokenError::ServerResponse(_) => "it refuses".to_owned(),
        };
        TokenError::Unavailable {
            host: self.settings.host(),
            why: sanitise(&why),
        }
    }
}

fn refused(settings: &OAuth2, error: &impl std::fmt::Display) -> TokenError {
    TokenError::Refused {
        host: settings.host(),
        why: error.to_string(),
    }
}

fn device_words(said: &DeviceCodeErrorResponse) -> String {
    sanitise(
        said.error_description()
            .map_or_else(|| said.error().as_ref(), String::as_str),
    )
}

/// Never follows a redirect: it would carry the tokens elsewhere.
fn send(request: http::Request) -> Result<http::Response, Passing> {
    let response = http::send(request, LIMIT, 0).map_err(|error| Passing(error.to_string()))?;
    let status = response.status();
    if status.is_server_error() || status == 429 || status.is_redirection() {
        return Err(Passing(format!("it answers with status {}", status.as_u16())));
    }
    Ok(response)
}

fn taken(answer: &BasicTokenResponse, now: i64) -> Tokens {
    let life = answer.expires_in().unwrap_or(USUAL_LIFE);
    Tokens {
        access: answer.access_token().secret().clone().into(),
        expires: now.saturating_add(i64::try_from(life.as_secs()).unwrap_or(i64::MAX)),
        refresh: answer.refresh_token().map(|token| token.secret().clone().into()),
    }
}
