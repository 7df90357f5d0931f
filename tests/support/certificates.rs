//! A private authority and the certificates that a careful client must tell apart.

use std::fs;
use std::path::Path;

use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, ExtendedKeyUsagePurpose, IsCa, KeyPair,
    KeyUsagePurpose, date_time_ymd,
};

/// Which certificate a server shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Certificate {
    /// Signed by the test's authority, for `localhost` and `127.0.0.1`.
    #[default]
    Good,
    /// As good, but its time ended in 2020.
    Expired,
    /// Signed and in time, for `imap.example.net`.
    WrongHost,
    /// For the right names, signed by nobody but itself.
    SelfSigned,
}

/// Writes `ca.pem`, `cert.pem` and `key.pem` into `directory`.
pub fn write(directory: &Path, kind: Certificate) {
    let ca = authority();
    let key = KeyPair::generate().unwrap();
    let names = if kind == Certificate::WrongHost {
        vec!["imap.example.net"]
    } else {
        vec!["localhost", "127.0.0.1"]
    };
    let mut leaf = CertificateParams::new(names.iter().map(ToString::to_string).collect::<Vec<_>>()).unwrap();
    leaf.distinguished_name.push(DnType::CommonName, names[0]);
    leaf.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    leaf.is_ca = IsCa::ExplicitNoCa;
    (leaf.not_before, leaf.not_after) = match kind {
        Certificate::Expired => (date_time_ymd(2019, 1, 1), date_time_ymd(2020, 1, 1)),
        _ => (date_time_ymd(2024, 1, 1), date_time_ymd(2040, 1, 1)),
    };
    let certificate = match kind {
        Certificate::SelfSigned => leaf.self_signed(&key).unwrap(),
        _ => leaf.signed_by(&key, &ca).unwrap(),
    };
    fs::write(directory.join("ca.pem"), ca.pem()).unwrap();
    fs::write(directory.join("cert.pem"), certificate.pem()).unwrap();
    fs::write(directory.join("key.pem"), key.serialize_pem()).unwrap();
}

fn authority() -> CertifiedIssuer<'static, KeyPair> {
    let mut params = CertificateParams::default();
    params
        .distinguished_name
        .push(DnType::CommonName, "Postroom test authority");
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.key_usages = vec![
        KeyUsagePurpose::KeyCertSign,
        KeyUsagePurpose::CrlSign,
        KeyUsagePurpose::DigitalSignature,
    ];
    params.not_before = date_time_ymd(2024, 1, 1);
    params.not_after = date_time_ymd(2040, 1, 1);
    CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap()
}
