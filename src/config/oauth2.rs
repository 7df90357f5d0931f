//! `oauth2 = { .. }`: the authority, the client id that the user has registered there, and where the tokens are kept.

use std::path::PathBuf;

use super::Secret;

/// How to get tokens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OAuth2 {
    /// The user's own client id.
    pub client_id: String,
    /// The client's secret, where the authority wants one.
    pub client_secret: Option<Secret>,
    /// Page to open in a browser (RFC 6749 section 3.1).
    pub auth_url: Option<String>,
    /// Where codes for other devices are given out (RFC 8628).
    pub device_url: Option<String>,
    /// Where tokens are given out.
    pub token_url: String,
    /// What is asked for.
    pub scopes: Vec<String>,
    /// Where tokens are kept; written by us.
    pub token_file: PathBuf,
}

/// An authority that is known by name.
#[derive(Debug, Clone, Copy)]
pub(super) struct Known {
    pub name: &'static str,
    pub auth_url: &'static str,
    /// `None` where codes are not given out for mail.
    pub device_url: Option<&'static str>,
    pub token_url: &'static str,
    pub scopes: &'static [&'static str],
}

/// The authorities of the large providers that take tokens only.
pub(super) const KNOWN: [Known; 2] = [
    Known {
        name: "google",
        auth_url: "https://accounts.google.com/o/oauth2/v2/auth",
        device_url: None,
        token_url: "https://oauth2.googleapis.com/token",
        scopes: &["https://mail.google.com/"],
    },
    Known {
        name: "microsoft",
        auth_url: "https://login.microsoftonline.com/common/oauth2/v2.0/authorize",
        device_url: Some("https://login.microsoftonline.com/common/oauth2/v2.0/devicecode"),
        token_url: "https://login.microsoftonline.com/common/oauth2/v2.0/token",
        scopes: &["https://outlook.office.com/IMAP.AccessAsUser.All", "offline_access"],
    },
];

impl OAuth2 {
    /// The authority of that name (`google`, `microsoft`); `None` when it is not known.
    pub fn known(name: &str, client_id: &str, client_secret: Option<Secret>, token_file: PathBuf) -> Option<Self> {
        let known = KNOWN.iter().find(|known| known.name == name)?;
        Some(Self {
            client_id: client_id.to_owned(),
            client_secret,
            auth_url: Some(known.auth_url.to_owned()),
            device_url: known.device_url.map(str::to_owned),
            token_url: known.token_url.to_owned(),
            scopes: known.scopes.iter().map(|&scope| scope.to_owned()).collect(),
            token_file,
        })
    }

    /// The authority's host, for people.
    pub fn host(&self) -> String {
        let rest = self
            .token_url
            .split_once("://")
            .map_or(self.token_url.as_str(), |(_, rest)| rest);
        rest.split('/').next().unwrap_or_default().to_owned()
    }
}
