//! `postroom.toml` as it is written: every key, nothing checked but its type. [`super::validate`] makes values of it.

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;

use serde::Deserialize;
use serde::de::value::MapAccessDeserializer;
use serde::de::{Deserializer, MapAccess, SeqAccess, Visitor};
use toml::Spanned;

/// The whole file; files in `accounts.d` too, which may only hold accounts.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct File {
    pub rules: Option<Spanned<PathBuf>>,
    pub state: Option<Spanned<PathBuf>>,
    #[serde(rename = "metrics_file")]
    pub metrics: Option<Spanned<PathBuf>>,
    pub privacy: Option<Spanned<Privacy>>,
    #[serde(rename = "privacy_key_file")]
    pub key: Option<Spanned<PathBuf>>,
    #[serde(rename = "privacy_key_credential")]
    pub key_credential: Option<Spanned<String>>,
    #[serde(default)]
    pub account: Vec<Spanned<Account>>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Privacy {
    Clear,
    Hashed,
}

/// One `[[account]]`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Account {
    pub name: Spanned<String>,
    pub email: Spanned<OneOrMany>,
    pub mode: Option<Mode>,
    pub backlog: Option<Backlog>,
    #[serde(default)]
    pub allow_unsafe_move: bool,
    #[serde(default)]
    pub claim: bool,
    pub authserv_id: Option<Spanned<String>>,
    pub imap: Spanned<Imap>,
    pub folders: Option<Spanned<Folders>>,
    pub learning: Option<Learning>,
    pub digest: Option<Spanned<OneOrMany>>,
    pub snooze: Option<Spanned<Snooze>>,
    pub hold: Option<Spanned<Hold>>,
    pub unknown: Option<Spanned<String>>,
    pub contacts: Option<PathBuf>,
    pub no_reply: Option<Spanned<String>>,
    #[serde(default)]
    pub bucket: BTreeMap<Spanned<String>, OwnBucket>,
}

#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Mode {
    Preview,
    Sort,
}

#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Backlog {
    Leave,
    Sort,
}

/// `[account.imap]`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Imap {
    pub host: Spanned<String>,
    pub port: Option<Spanned<u16>>,
    pub tls: Option<Spanned<Tls>>,
    pub ca_file: Option<PathBuf>,
    pub user: Spanned<String>,
    pub password_file: Option<Spanned<PathBuf>>,
    pub password_command: Option<Spanned<Vec<String>>>,
    pub credential: Option<Spanned<String>>,
    /// Attributes of an item in the desktop's keyring.
    pub password_keyring: Option<Spanned<BTreeMap<String, String>>>,
    pub token_command: Option<Spanned<Vec<String>>>,
    pub oauth2: Option<Spanned<OAuth2>>,
    pub poll: Option<Spanned<String>>,
    pub settle: Option<Spanned<String>>,
    pub idle: Option<Spanned<Vec<String>>>,
    /// Only so that the error can say where a password belongs.
    pub password: Option<Spanned<toml::Value>>,
}

/// `oauth2 = { .. }`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct OAuth2 {
    pub provider: Option<Spanned<String>>,
    pub client_id: Spanned<String>,
    pub client_secret_file: Option<PathBuf>,
    pub client_secret_credential: Option<String>,
    pub auth_url: Option<Spanned<String>>,
    pub device_url: Option<Spanned<String>>,
    pub token_url: Option<Spanned<String>>,
    pub scopes: Option<Vec<String>>,
    pub token_file: Option<PathBuf>,
    /// Only so that the error can say where it belongs.
    pub client_secret: Option<Spanned<toml::Value>>,
}

#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Tls {
    Implicit,
    #[serde(rename = "starttls")]
    UpgradeFirst,
    None,
}

/// `[account.folders]`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Folders {
    pub top: Option<Spanned<String>>,
    pub news: Option<Spanned<String>>,
    pub bulk: Option<Spanned<String>>,
    pub blackhole: Option<Spanned<Blackhole>>,
    pub sent: Option<Spanned<String>>,
}

/// `[account.bucket.NAME]`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct OwnBucket {
    pub folder: Spanned<String>,
}

/// `snooze = true`, `"Later"`, or `{ folder = "Later", times = ["Tomorrow"], morning = "07:30" }`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct SnoozeTable {
    pub folder: Option<String>,
    pub times: Option<Vec<String>>,
    pub morning: Option<String>,
}

#[derive(Debug)]
pub(super) enum Snooze {
    Switch(bool),
    Table(SnoozeTable),
}

impl<'de> Deserialize<'de> for Snooze {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Either;
        impl<'de> Visitor<'de> for Either {
            type Value = Snooze;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("true, a folder, or { folder = \"Snooze\", times = [\"Tomorrow\"], morning = \"08:00\" }")
            }

            fn visit_bool<E>(self, on: bool) -> Result<Snooze, E> {
                Ok(Snooze::Switch(on))
            }

            fn visit_str<E>(self, text: &str) -> Result<Snooze, E> {
                Ok(Snooze::Table(SnoozeTable {
                    folder: Some(text.to_owned()),
                    times: None,
                    morning: None,
                }))
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Snooze, A::Error> {
                SnoozeTable::deserialize(MapAccessDeserializer::new(map)).map(Snooze::Table)
            }
        }
        deserializer.deserialize_any(Either)
    }
}

/// `hold = "22:00-07:00"`, or `{ hours = "22:00-07:00", folder = "Held" }`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct HoldTable {
    pub hours: String,
    pub folder: Option<String>,
}

#[derive(Debug)]
pub(super) struct Hold(pub HoldTable);

impl<'de> Deserialize<'de> for Hold {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Either;
        impl<'de> Visitor<'de> for Either {
            type Value = Hold;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("\"22:00-07:00\", or { hours = \"22:00-07:00\", folder = \"Held\" }")
            }

            fn visit_str<E>(self, text: &str) -> Result<Hold, E> {
                Ok(Hold(HoldTable {
                    hours: text.to_owned(),
                    folder: None,
                }))
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Hold, A::Error> {
                HoldTable::deserialize(MapAccessDeserializer::new(map)).map(Hold)
            }
        }
        deserializer.deserialize_any(Either)
    }
}

/// `[account.learning]`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Learning {
    pub half_life: Option<Spanned<String>>,
    pub threshold: Option<Spanned<f64>>,
}

/// A folder, or a folder with an end.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct BlackholeTable {
    pub folder: String,
    pub trash_after: Option<String>,
}

#[derive(Debug)]
pub(super) struct Blackhole(pub BlackholeTable);

impl<'de> Deserialize<'de> for Blackhole {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Either;
        impl<'de> Visitor<'de> for Either {
            type Value = Blackhole;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a folder, or { folder = \"..\", trash_after = \"30d\" }")
            }

            fn visit_str<E>(self, text: &str) -> Result<Blackhole, E> {
                Ok(Blackhole(BlackholeTable {
                    folder: text.to_owned(),
                    trash_after: None,
                }))
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Blackhole, A::Error> {
                BlackholeTable::deserialize(MapAccessDeserializer::new(map)).map(Blackhole)
            }
        }
        deserializer.deserialize_any(Either)
    }
}

/// One text or a list of texts.
#[derive(Debug)]
pub(super) struct OneOrMany(pub Vec<String>);

impl<'de> Deserialize<'de> for OneOrMany {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Either;
        impl<'de> Visitor<'de> for Either {
            type Value = OneOrMany;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a string or a list of strings")
            }

            fn visit_str<E>(self, text: &str) -> Result<OneOrMany, E> {
                Ok(OneOrMany(vec![text.to_owned()]))
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<OneOrMany, A::Error> {
                let mut texts = Vec::new();
                while let Some(text) = list.next_element()? {
                    texts.push(text);
                }
                Ok(OneOrMany(texts))
            }
        }
        deserializer.deserialize_any(Either)
    }
}
