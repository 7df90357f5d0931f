//! HTTP requests to a provider's own pages: where its mail server is (autoconfig), and its OAuth authority.
//!
//! Rustls with ring and the system's authorities, as for IMAP; a time limit round every request and a size limit round
//! every answer; blocking, so that async callers wrap it in `spawn_blocking`. No cookies, nothing kept.

use std::sync::Arc;
use std::time::Duration;

use tokio_rustls::rustls::crypto::ring;
use ureq::tls::{RootCerts, TlsConfig};

/// A request with its body.
pub type Request = ureq::http::Request<Vec<u8>>;
/// An answer with its body, whatever its status.
pub type Response = ureq::http::Response<Vec<u8>>;

/// Largest answer that is read, bytes.
const LARGEST: u64 = 512 * 1024;

/// Nobody answered.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct HttpError(String);

/// Sends one request; `redirects` says how many times the server may send us elsewhere.
pub fn send(request: Request, limit: Duration, redirects: u32) -> Result<Response, HttpError> {
    let tls = TlsConfig::builder()
        .root_certs(RootCerts::PlatformVerifier)
        .unversioned_rustls_crypto_provider(Arc::new(ring::default_provider()))
        .build();
    let agent = ureq::Agent::new_with_config(
        ureq::Agent::config_builder()
            .tls_config(tls)
            .timeout_global(Some(limit))
            .http_status_as_error(false)
            .max_redirects(redirects)
            .max_redirects_will_error(false)
            .user_agent(concat!("postroom/", env!("CARGO_PKG_VERSION")))
            .build(),
    );
    let failed = |error: ureq::Error| HttpError(error.to_string());
    let (parts, mut body) = agent.run(request).map_err(failed)?.into_parts();
    let body = body.with_config().limit(LARGEST).read_to_vec().map_err(failed)?;
    Ok(Response::from_parts(parts, body))
}

/// Gets a page; `None` when there is none (any status but 200).
pub fn get(url: &str, limit: Duration) -> Result<Option<Vec<u8>>, HttpError> {
    let request = ureq::http::Request::get(url)
        .body(Vec::new())
        .map_err(|error| HttpError(error.to_string()))?;
    let response = send(request, limit, 3)?;
    Ok((response.status() == 200).then(|| response.into_body()))
}
