//! Passwords in the desktop's keyring, by the Secret Service API of freedesktop.org over the session bus.
//!
//! Only where the program was built with the feature `keyring`: a system service has no session bus. The keyring is asked
//! once a login and never written to; an item that is locked is not unlocked by asking the user, who may not be there.

use std::collections::BTreeMap;

use secrecy::SecretString;

use super::secret::SecretError;

/// True when this program can ask the keyring.
pub const AVAILABLE: bool = cfg!(feature = "keyring");

/// The secret of the item that has these attributes.
#[cfg(not(feature = "keyring"))]
pub(super) async fn read(_: &BTreeMap<String, String>) -> Result<SecretString, SecretError> {
    let why = "this postroom was built without it (feature `keyring`)";
    std::future::ready(Err(SecretError::Keyring(why.to_owned()))).await
}

/// The secret of the item that has these attributes.
#[cfg(feature = "keyring")]
pub(super) async fn read(attributes: &BTreeMap<String, String>) -> Result<SecretString, SecretError> {
    match tokio::time::timeout(super::secret::COMMAND_LIMIT, ask(attributes)).await {
        Ok(answer) => answer,
        Err(_) => Err(SecretError::Keyring("it gave no answer in time".to_owned())),
    }
}

#[cfg(feature = "keyring")]
async fn ask(attributes: &BTreeMap<String, String>) -> Result<SecretString, SecretError> {
    use secret_service::{EncryptionType, SecretService};

    let failed = |what: &str, why: secret_service::Error| SecretError::Keyring(format!("{what} ({why})"));
    let service = SecretService::connect(EncryptionType::Dh)
        .await
        .map_err(|why| failed("the Secret Service cannot be reached on the session bus", why))?;
    let wanted = attributes.iter().map(|(name, value)| (name.as_str(), value.as_str()));
    let found = service
        .search_items(wanted.collect())
        .await
        .map_err(|why| failed("it cannot be searched", why))?;
    let item = match (found.unlocked.as_slice(), found.locked.as_slice()) {
        ([item], _) => item,
        ([], []) => return Err(SecretError::Keyring("no item has these attributes".to_owned())),
        ([], _) => {
            return Err(SecretError::Keyring(
                "it is locked; unlock it, or log in to the desktop".to_owned(),
            ));
        }
        _ => {
            return Err(SecretError::Keyring(
                "several items have these attributes; name one more".to_owned(),
            ));
        }
    };
    let secret = item
        .get_secret()
        .await
        .map_err(|why| failed("the item cannot be read", why))?;
    let text = String::from_utf8(secret).map_err(|_| SecretError::Keyring("the item is not text".to_owned()))?;
    Ok(SecretString::from(text.trim_end_matches(['\r', '\n'])))
}
