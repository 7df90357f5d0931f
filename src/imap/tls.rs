//! TLS: whom to trust. Rustls with the ring provider, the system's authorities, and the operator's CA file on top.
//!
//! There is no way to switch the checks off (RFC 8314, RFC 9051 section 11.1). One mercy: a self-signed certificate made
//! by plain `openssl req -x509` is an authority and no server certificate for the verifier; when the operator lists that
//! very certificate in the CA file it is taken for what it is, as long as the server proves that it has the key and the
//! name is right.

use std::collections::BTreeMap;
use std::io;
use std::sync::{Arc, LazyLock, Mutex, PoisonError};
use std::time::{Duration, Instant};

use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, ServerName, UnixTime};
use rustls_platform_verifier::Verifier;
use sha2::{Digest, Sha256};
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use tokio_rustls::rustls::client::verify_server_name;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::server::ParsedCertificate;
use tokio_rustls::rustls::{self, CertificateError, ClientConfig, DigitallySignedStruct, SignatureScheme};

use super::connect::Link;
use super::error::ImapError;

/// How long a set of authorities is shared between connections before it is read from disk again.
const FRESH: Duration = Duration::from_hours(1);

type Configurations = Mutex<BTreeMap<[u8; 32], (Instant, Arc<ClientConfig>)>>;

/// One configuration for all connections that trust the same authorities: a set of roots takes hundreds of KiB.
static SHARED: LazyLock<Configurations> = LazyLock::new(Configurations::default);

/// Shakes hands over `link` and checks that the certificate is valid for `host`.
pub(super) async fn encrypt(
    link: Box<dyn Link>,
    host: &str,
    ca_pem: Option<&[u8]>,
) -> Result<Box<dyn Link>, ImapError> {
    let connector = TlsConnector::from(configuration(host, ca_pem)?);
    let name = ServerName::try_from(host.to_owned()).map_err(|_| ImapError::Certificate {
        host: host.to_owned(),
        why: "this is not a host name".to_owned(),
    })?;
    match connector.connect(name, link).await {
        Ok(stream) => Ok(Box::new(stream)),
        Err(fault) => Err(explain(host, &fault)),
    }
}

fn configuration(host: &str, ca_pem: Option<&[u8]>) -> Result<Arc<ClientConfig>, ImapError> {
    let key: [u8; 32] = Sha256::digest(ca_pem.unwrap_or_default()).into();
    let mut shared = SHARED.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some((_, configuration)) = shared.get(&key).filter(|(made, _)| made.elapsed() < FRESH) {
        return Ok(Arc::clone(configuration));
    }
    let distrust = |why: String| ImapError::Certificate {
        host: host.to_owned(),
        why,
    };
    let extra = match ca_pem {
        Some(pem) => CertificateDer::pem_slice_iter(pem)
            .collect::<Result<Vec<_>, _>>()
            .map_err(|fault| distrust(format!("ca_file cannot be read as PEM ({fault})")))?,
        None => Vec::new(),
    };
    if ca_pem.is_some() && extra.is_empty() {
        return Err(distrust(
            "ca_file holds no certificate; it must be in PEM form".to_owned(),
        ));
    }
    let provider = Arc::new(ring::default_provider());
    let inner = Verifier::new_with_extra_roots(extra.clone(), Arc::clone(&provider)).map_err(|fault| {
        distrust(format!(
            "no usable certificate authorities ({fault}); install ca-certificates or set ca_file"
        ))
    })?;
    let verifier = Listed { inner, listed: extra };
    let configuration = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|fault| distrust(fault.to_string()))?
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(verifier))
        .with_no_client_auth();
    let configuration = Arc::new(configuration);
    shared.retain(|_, (made, _)| made.elapsed() < FRESH);
    shared.insert(key, (Instant::now(), Arc::clone(&configuration)));
    Ok(configuration)
}

/// The platform's verifier, and self-signed server certificates that the operator has listed one by one.
#[derive(Debug)]
struct Listed {
    inner: Verifier,
    listed: Vec<CertificateDer<'static>>,
}

impl ServerCertVerifier for Listed {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        let verdict = self
            .inner
            .verify_server_cert(end_entity, intermediates, server_name, ocsp_response, now);
        match verdict {
            Err(fault) if is_authority(&fault) && self.listed.iter().any(|listed| listed == end_entity) => {
                verify_server_name(&ParsedCertificate::try_from(end_entity)?, server_name)?;
                Ok(ServerCertVerified::assertion())
            }
            verdict => verdict,
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.inner.verify_tls12_signature(message, cert, dss)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.inner.verify_tls13_signature(message, cert, dss)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.inner.supported_verify_schemes()
    }
}

/// True for the one complaint that rustls knows by no name of its own: an authority in the place of a server.
fn is_authority(fault: &rustls::Error) -> bool {
    matches!(fault, rustls::Error::InvalidCertificate(CertificateError::Other(_)))
        && format!("{fault:?}").contains("CaUsedAsEndEntity")
}

fn is_for_another_use(reason: &CertificateError) -> bool {
    // The platform's verifier passes it on as an error of its own.
    matches!(
        reason,
        CertificateError::InvalidPurpose | CertificateError::InvalidPurposeContext { .. }
    ) || format!("{reason:?}").contains("Eku")
}

fn explain(host: &str, fault: &io::Error) -> ImapError {
    let inner = fault.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>());
    if let Some(rustls::Error::InvalidMessage(_)) = inner {
        let why = "it does not speak TLS there; port 993 goes with tls = \"implicit\", port 143 with \"starttls\"";
        return ImapError::Unreachable {
            what: host.to_owned(),
            why: why.to_owned(),
        };
    }
    let Some(rustls::Error::InvalidCertificate(reason)) = inner else {
        return ImapError::Unreachable {
            what: host.to_owned(),
            why: format!("TLS: {fault}"),
        };
    };
    let why = match reason {
        CertificateError::Expired | CertificateError::ExpiredContext { .. } => {
            "it has expired; the server's operator must renew it".to_owned()
        }
        CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => {
            "it is not valid yet; check this machine's clock".to_owned()
        }
        CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
            "it is made out to another name; use the host name that the certificate names".to_owned()
        }
        CertificateError::UnknownIssuer => {
            "nobody known has signed it; for a server of your own, set ca_file to its authority's certificate"
                .to_owned()
        }
        CertificateError::Revoked => "it has been revoked".to_owned(),
        _ if is_authority(&rustls::Error::InvalidCertificate(reason.clone())) => {
            "it is a self-signed authority used as a server certificate; list that very certificate in ca_file"
                .to_owned()
        }
        reason if is_for_another_use(reason) => {
            "it is not made out for a server; the server's operator must replace it".to_owned()
        }
        CertificateError::BadSignature
        | CertificateError::UnsupportedSignatureAlgorithmContext { .. }
        | CertificateError::UnsupportedSignatureAlgorithmForPublicKeyContext { .. } => {
            "the authority it names has not signed it; if the server has a new certificate, put that one into ca_file"
                .to_owned()
        }
        CertificateError::BadEncoding => "it is damaged, or no certificate at all".to_owned(),
        // What the verifier below has no name for: a chain through a certificate that is no authority, for example.
        _ => "its chain of signatures does not hold; for a server of your own, set ca_file to its authority's certificate"
            .to_owned(),
    };
    ImapError::Certificate {
        host: host.to_owned(),
        why,
    }
}
