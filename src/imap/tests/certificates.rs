//! Whom we trust: certificates made on the spot, shaken hands with in memory.

use std::sync::Arc;

use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, ExtendedKeyUsagePurpose, IsCa, KeyPair,
    PKCS_ECDSA_P384_SHA384, SanType, date_time_ymd,
};
use rustls_pki_types::{CertificateDer, PrivateKeyDer};
use tokio::io::{AsyncWriteExt, duplex};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::crypto::ring;

use crate::imap::ImapError;
use crate::imap::tls::encrypt;

const HOST: &str = "imap.example.org";

struct Identity {
    chain: Vec<CertificateDer<'static>>,
    key: KeyPair,
}

fn authority(name: &str) -> CertifiedIssuer<'static, KeyPair> {
    let mut params = CertificateParams::new(Vec::new()).unwrap();
    params.distinguished_name.push(DnType::CommonName, name);
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap()
}

fn signed(by: &CertifiedIssuer<'static, KeyPair>, host: &str, last_year: i32) -> Identity {
    let mut params = CertificateParams::new([host.to_owned()]).unwrap();
    params.not_before = date_time_ymd(2020, 1, 1);
    params.not_after = date_time_ymd(last_year, 1, 1);
    let key = KeyPair::generate().unwrap();
    let certificate = params.signed_by(&key, by).unwrap();
    Identity {
        chain: vec![certificate.der().clone()],
        key,
    }
}

/// What `openssl req -x509` makes: an authority of its own, used as a server.
fn self_signed(host: &str) -> (Identity, String) {
    let mut params = CertificateParams::new([host.to_owned()]).unwrap();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let key = KeyPair::generate().unwrap();
    let certificate = params.self_signed(&key).unwrap();
    (
        Identity {
            chain: vec![certificate.der().clone()],
            key,
        },
        certificate.pem(),
    )
}

async fn shake(server: Identity, ca_pem: Option<&str>) -> Result<(), ImapError> {
    let key = PrivateKeyDer::try_from(server.key.serialize_der()).unwrap();
    let configuration = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(server.chain, key)
        .unwrap();
    let (near, far) = duplex(1 << 16);
    let server = async {
        if let Ok(mut stream) = TlsAcceptor::from(Arc::new(configuration)).accept(far).await {
            let _ = stream.shutdown().await;
        }
    };
    let (link, ()) = tokio::join!(encrypt(Box::new(near), HOST, ca_pem.map(str::as_bytes)), server);
    link.map(drop)
}

/// Every bad certificate is met with a sentence of our own that says what to do; nobody has to know the library's words.
#[tokio::test]
async fn twelve_bad_certificates_and_what_is_said_of_each() {
    let (ours, theirs) = (authority("Ours"), authority("Theirs"));
    let pem = ours.pem();
    let leaf = |adjust: &dyn Fn(&mut CertificateParams), by: &CertifiedIssuer<'static, KeyPair>| {
        let mut params = CertificateParams::new([HOST.to_owned()]).unwrap();
        adjust(&mut params);
        let key = KeyPair::generate().unwrap();
        let certificate = params.signed_by(&key, by).unwrap();
        Identity {
            chain: vec![certificate.der().clone()],
            key,
        }
    };
    let alone = |ca: IsCa, name: &str| {
        let mut params = CertificateParams::new([HOST.to_owned()]).unwrap();
        params.distinguished_name.push(DnType::CommonName, name);
        params.is_ca = ca;
        let key = KeyPair::generate_for(&PKCS_ECDSA_P384_SHA384).unwrap();
        let certificate = params.self_signed(&key).unwrap();
        Identity {
            chain: vec![certificate.der().clone()],
            key,
        }
    };
    let middle = {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.distinguished_name.push(DnType::CommonName, "Between");
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        CertifiedIssuer::signed_by(params, KeyPair::generate().unwrap(), &ours).unwrap()
    };
    let no_authority = {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.distinguished_name.push(DnType::CommonName, "A mere server");
        params.is_ca = IsCa::ExplicitNoCa;
        CertifiedIssuer::signed_by(params, KeyPair::generate().unwrap(), &ours).unwrap()
    };
    let mut by_a_server = leaf(&|_| (), &no_authority);
    by_a_server.chain.push(no_authority.der().clone());
    let expired = |params: &mut CertificateParams| params.not_after = date_time_ymd(2021, 1, 1);
    let early = |params: &mut CertificateParams| params.not_before = date_time_ymd(2999, 1, 1);
    let no_names = |params: &mut CertificateParams| params.subject_alt_names.clear();
    let star = |params: &mut CertificateParams| {
        params.subject_alt_names = vec![SanType::DnsName("*.org".try_into().unwrap())];
    };
    let client =
        |params: &mut CertificateParams| params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
    let bad = [
        ("expired", leaf(&expired, &ours), "expired"),
        ("not valid yet", leaf(&early, &ours), "clock"),
        (
            "for another host",
            signed(&ours, "other.example.org", 2999),
            "another name",
        ),
        ("for no host", leaf(&no_names, &ours), "another name"),
        ("for a star too high up", leaf(&star, &ours), "another name"),
        ("unknown authority", leaf(&|_| (), &theirs), "ca_file"),
        ("missing link", leaf(&|_| (), &middle), "ca_file"),
        ("signed by a server", by_a_server, "ca_file"),
        ("self-signed authority", self_signed(HOST).0, "ca_file"),
        ("self-signed server", alone(IsCa::ExplicitNoCa, HOST), "ca_file"),
        (
            "self-signed under the name of ours",
            alone(IsCa::ExplicitNoCa, "Ours"),
            "ca_file",
        ),
        ("for clients", leaf(&client, &ours), "not made out for a server"),
    ];
    for (name, server, words) in bad {
        let result = shake(server, Some(&pem)).await;
        assert!(distrusted(&result, words), "{name}: {result:?}");
        let sentence = result.unwrap_err().to_string();
        println!("{name}: {sentence}");
        let ours = |c: char| c.is_alphanumeric() || " ,;:.'-_".contains(c);
        assert!(sentence.chars().all(ours), "{name}: {sentence}");
    }
}

fn distrusted(result: &Result<(), ImapError>, words: &str) -> bool {
    matches!(result, Err(ImapError::Certificate { host, why }) if host == HOST && why.contains(words))
}

#[tokio::test]
async fn a_certificate_of_the_operators_authority_is_trusted() {
    let authority = authority("Ours");
    shake(signed(&authority, HOST, 2999), Some(&authority.pem()))
        .await
        .unwrap();
}

#[tokio::test]
async fn expired_misnamed_and_unknown_certificates_are_not() {
    let (ours, theirs) = (authority("Ours"), authority("Theirs"));
    let pem = ours.pem();
    let result = shake(signed(&ours, HOST, 2021), Some(&pem)).await;
    assert!(distrusted(&result, "expired"), "{result:?}");
    let result = shake(signed(&ours, "other.example.org", 2999), Some(&pem)).await;
    assert!(distrusted(&result, "another name"), "{result:?}");
    let result = shake(signed(&theirs, HOST, 2999), Some(&pem)).await;
    assert!(distrusted(&result, "nobody known"), "{result:?}");
}

#[tokio::test]
async fn a_self_signed_certificate_is_trusted_only_when_it_is_listed_itself() {
    let (server, pem) = self_signed(HOST);
    shake(server, Some(&pem)).await.unwrap();
    let (server, _) = self_signed(HOST);
    let result = shake(server, Some(&pem)).await;
    assert!(
        matches!(result, Err(ImapError::Certificate { .. })),
        "another one of the same name: {result:?}"
    );
    let (server, pem) = self_signed("other.example.org");
    let result = shake(server, Some(&pem)).await;
    assert!(distrusted(&result, "another name"), "{result:?}");
}

#[tokio::test]
async fn an_unreadable_ca_file_is_said_to_be_one() {
    let (server, _) = self_signed(HOST);
    assert!(distrusted(&shake(server, Some("not a certificate")).await, "ca_file"));
}
