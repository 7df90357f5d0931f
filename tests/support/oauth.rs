//! An OAuth 2.0 authority on loopback, real enough that Dovecot asks it about every token (RFC 7662) and that a client
//! goes through codes, pages, renewal, rotation and revocation.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sha2::{Digest as _, Sha256};

use super::web::{Answer, Request, Web};

/// How the authority behaves.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Mood {
    /// As it should.
    #[default]
    Well,
    /// Every request is answered 500 with a page that is no JSON.
    Down,
    /// Every request is answered with broken JSON.
    Mad,
    /// Refresh tokens are refused for good.
    Withdrawn,
    /// Answers come after that many milliseconds.
    Slow(u64),
}

#[derive(Debug, Default)]
struct State {
    mood: Mood,
    life: u64,
    issued: u32,
    /// Access token -> user, end.
    access: BTreeMap<String, (String, u64)>,
    refresh: BTreeMap<String, String>,
    /// Device code -> user code, approved for.
    devices: BTreeMap<String, (String, Option<String>)>,
    /// Authorization code -> user, challenge, redirect.
    codes: BTreeMap<String, (String, String, String)>,
    log: Vec<Request>,
}

/// The authority; ends when it is dropped.
pub struct Authority {
    web: Web,
    state: Arc<Mutex<State>>,
}

fn now() -> u64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0, |since| since.as_secs())
}

impl Authority {
    /// Tokens live an hour; every renewal ends the old refresh token.
    pub fn start() -> Self {
        let state = Arc::new(Mutex::new(State {
            life: 3600,
            ..State::default()
        }));
        let shared = state.clone();
        let web = Web::serve(move |request| answer(&shared, request));
        Self { web, state }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Its port.
    pub fn port(&self) -> u16 {
        self.web.port
    }

    /// `oauth2 = { .. }` for this authority.
    pub fn toml(&self) -> String {
        let base = self.web.base();
        format!(
            "{{ client_id = \"lab\", auth_url = \"{base}/authorize\", device_url = \"{base}/device\", \
             token_url = \"{base}/token\", scopes = [\"mail\", \"offline_access\"] }}"
        )
    }

    /// From now on it behaves so.
    pub fn mood(&self, mood: Mood) {
        self.state().mood = mood;
    }

    /// Tokens given from now on live so many seconds.
    pub fn life(&self, seconds: u64) {
        self.state().life = seconds;
    }

    /// Every access token given so far is refused from now on.
    pub fn end_tokens(&self) {
        for (_, end) in self.state().access.values_mut() {
            *end = 0;
        }
    }

    /// The user types the only code that is waiting, and agrees.
    pub fn approve(&self, code: &str, user: &str) {
        for (typed, approved) in self.state().devices.values_mut() {
            if typed == code {
                *approved = Some(user.to_owned());
            }
        }
    }

    /// How many requests of that grant type there were.
    pub fn grants(&self, kind: &str) -> usize {
        self.state()
            .log
            .iter()
            .filter(|request| request.field("grant_type") == kind)
            .count()
    }

    /// How often the mail server asked about a token.
    pub fn introspections(&self) -> usize {
        self.state()
            .log
            .iter()
            .filter(|request| request.path == "/introspect")
            .count()
    }
}

fn answer(state: &Mutex<State>, request: &Request) -> Answer {
    let mut state = state.lock().unwrap_or_else(PoisonError::into_inner);
    state.log.push(request.clone());
    let about_us = request.path != "/introspect";
    match state.mood {
        Mood::Down if about_us => return Answer::json(500, "<html>oops</html>"),
        Mood::Mad if about_us => return Answer::json(200, "{not json"),
        Mood::Withdrawn if request.field("grant_type") == "refresh_token" => return refusal("invalid_grant"),
        Mood::Slow(milliseconds) if about_us => {
            drop(state);
            std::thread::sleep(Duration::from_millis(milliseconds));
            return Answer::json(500, "{}");
        }
        _ => {}
    }
    match request.path.as_str() {
        "/introspect" => introspect(&state, request.field("token")),
        "/device" => {
            let (device, code) = (state.fresh("dev"), state.fresh("CODE"));
            state.devices.insert(device.clone(), (code.clone(), None));
            Answer::json(
                200,
                &format!(
                    "{{\"device_code\":\"{device}\",\"user_code\":\"{code}\",\"verification_uri\":\"https://login.example/device\",\
                     \"expires_in\":600,\"interval\":1}}"
                ),
            )
        }
        "/authorize" => {
            let code = state.fresh("code");
            let redirect = request.field("redirect_uri").to_owned();
            let user = request
                .field("login_hint")
                .split('@')
                .next()
                .unwrap_or_default()
                .to_owned();
            let location = format!("{redirect}?code={code}&state={}", request.field("state"));
            state
                .codes
                .insert(code, (user, request.field("code_challenge").to_owned(), redirect));
            Answer {
                status: 302,
                headers: vec![format!("Location: {location}")],
                body: String::new(),
            }
        }
        "/token" => token(&mut state, request),
        _ => Answer::missing(),
    }
}

fn refusal(word: &str) -> Answer {
    Answer::json(
        400,
        &format!("{{\"error\":\"{word}\",\"error_description\":\"said the test\"}}"),
    )
}

fn introspect(state: &State, token: &str) -> Answer {
    match state.access.get(token) {
        Some((user, end)) if *end > now() => Answer::json(
            200,
            &format!("{{\"active\":true,\"username\":\"{user}\",\"scope\":\"mail\",\"exp\":{end}}}"),
        ),
        _ => Answer::json(200, "{\"active\":false}"),
    }
}

fn token(state: &mut State, request: &Request) -> Answer {
    if request.field("client_id") != "lab" {
        return refusal("invalid_client");
    }
    match request.field("grant_type") {
        "refresh_token" => match state.refresh.remove(request.field("refresh_token")) {
            Some(user) => state.issue(&user),
            None => refusal("invalid_grant"),
        },
        "authorization_code" => {
            let Some((user, challenge, redirect)) = state.codes.remove(request.field("code")) else {
                return refusal("invalid_grant");
            };
            let proof = URL_SAFE_NO_PAD.encode(Sha256::digest(request.field("code_verifier")));
            if proof != challenge || redirect != request.field("redirect_uri") {
                return refusal("invalid_grant");
            }
            state.issue(&user)
        }
        "urn:ietf:params:oauth:grant-type:device_code" => match state.devices.get(request.field("device_code")) {
            Some((_, Some(user))) => {
                let user = user.clone();
                state.issue(&user)
            }
            Some((_, None)) => refusal("authorization_pending"),
            None => refusal("expired_token"),
        },
        _ => refusal("unsupported_grant_type"),
    }
}

impl State {
    fn fresh(&mut self, kind: &str) -> String {
        self.issued += 1;
        format!("{kind}-{}", self.issued)
    }

    fn issue(&mut self, user: &str) -> Answer {
        let (access, refresh, life) = (self.fresh("at"), self.fresh("rt"), self.life);
        self.access.insert(access.clone(), (user.to_owned(), now() + life));
        self.refresh.insert(refresh.clone(), user.to_owned());
        Answer::json(
            200,
            &format!(
                "{{\"access_token\":\"{access}\",\"token_type\":\"Bearer\",\"expires_in\":{life},\"refresh_token\":\"{refresh}\"}}"
            ),
        )
    }
}
