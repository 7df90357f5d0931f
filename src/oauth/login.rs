//! Asking the user, once: by a code that is typed on any device, or in the browser of this machine.

use std::io::{BufRead, BufReader, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::time::{Duration, Instant};

use super::authority::Authority;
use super::tokens::Tokens;
use super::{TokenError, blocking, client_secret};
use crate::config::OAuth2;
use crate::daemon::clock;

/// How long the browser is waited for.
const PATIENCE: Duration = Duration::from_mins(5);

/// What the user has to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Request {
    /// Type this code at this page.
    Code {
        /// The page.
        page: String,
        /// The code.
        code: String,
    },
    /// Open this page on this machine.
    Page(String),
}

/// Device authorization: shows a code, waits until it has been typed and agreed to.
pub async fn by_code(settings: &OAuth2, show: impl Fn(&Request) + Send + 'static) -> Result<Tokens, TokenError> {
    let authority = Authority::new(settings, client_secret(settings).await?)?;
    blocking(move || {
        let code = authority.device_code()?;
        show(&Request::Code {
            page: code.verification_uri().to_string(),
            code: code.user_code().secret().clone(),
        });
        authority.wait_for_device(&code, clock::now().0)
    })
    .await
}

/// Authorization code with PKCE: shows a page, waits on loopback until the browser comes back from it.
pub async fn by_browser(
    settings: &OAuth2,
    user: &str,
    show: impl Fn(&Request) + Send + 'static,
) -> Result<Tokens, TokenError> {
    let authority = Authority::new(settings, client_secret(settings).await?)?;
    let (host, user) = (settings.host(), user.to_owned());
    blocking(move || {
        let no_port = |error: std::io::Error| TokenError::NotAgreed(format!("no port on this machine: {error}"));
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).map_err(no_port)?;
        listener.set_nonblocking(true).map_err(no_port)?;
        let port = listener.local_addr().map_err(no_port)?.port();
        let redirect = format!("http://127.0.0.1:{port}/");
        let (page, state, verifier) = authority.page(&redirect, &user)?;
        show(&Request::Page(page));
        let code = wait_for_browser(&listener, state.secret(), &host)?;
        authority.redeem(&code, &redirect, verifier, clock::now().0)
    })
    .await
}

/// The code that comes back with the right state. Anything else that knocks is turned away.
fn wait_for_browser(listener: &TcpListener, state: &str, host: &str) -> Result<String, TokenError> {
    let begun = Instant::now();
    while begun.elapsed() < PATIENCE {
        let Ok((stream, _)) = listener.accept() else {
            std::thread::sleep(Duration::from_millis(50));
            continue;
        };
        let Some(target) = request_target(&stream) else {
            continue;
        };
        let field = |name: &str| {
            let url = oauth2::url::Url::parse(&format!("http://127.0.0.1{target}")).ok()?;
            url.query_pairs()
                .find(|(key, _)| key == name)
                .map(|(_, value)| value.into_owned())
        };
        if field("state").as_deref() != Some(state) {
            answer(&stream, "404 Not Found", "This is not the page you are looking for.");
            continue;
        }
        if let Some(code) = field("code") {
            answer(
                &stream,
                "200 OK",
                "Postroom may read and move your mail now. You can close this page.",
            );
            return Ok(code);
        }
        answer(
            &stream,
            "200 OK",
            "Postroom was not given access. You can close this page.",
        );
        let why = field("error").unwrap_or_else(|| "no reason given".to_owned());
        return Err(TokenError::NotAgreed(format!(
            "{host} says {}",
            crate::sort::sanitise(&why)
        )));
    }
    Err(TokenError::NotAgreed(format!(
        "the browser did not come back within {} minutes",
        PATIENCE.as_secs() / 60
    )))
}

/// The path and query of a GET.
fn request_target(stream: &TcpStream) -> Option<String> {
    stream.set_nonblocking(false).ok()?;
    stream.set_read_timeout(Some(Duration::from_secs(5))).ok()?;
    let mut line = String::new();
    let mut reader = BufReader::new(std::io::Read::take(stream, 16_384));
    reader.read_line(&mut line).ok()?;
    let target = line.strip_prefix("GET ")?.split(' ').next()?.to_owned();
    // A browser that is answered before it has said everything may show an error instead.
    let mut rest = String::new();
    while reader.read_line(&mut rest).is_ok_and(|length| length > 2) {
        rest.clear();
    }
    Some(target)
}

fn answer(mut stream: &TcpStream, status: &str, text: &str) {
    // The user reads the terminal too; a browser that has gone away is no fault.
    let _ = write!(
        stream,
        "HTTP/1.1 {status}\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{text}",
        text.len()
    );
}
