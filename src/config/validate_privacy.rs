//! Checks what `postroom.toml` says about names in the records: `privacy`, and where its key is.

use std::path::{Path, PathBuf};

use super::raw;
use super::validate::Checker;

/// The key's name beside the records.
const KEY_NAME: &str = "privacy.key";

impl Checker<'_> {
    /// The file with the key where names are to be hashed.
    pub(super) fn privacy(&mut self, raw: &raw::File, state: &Path, credentials: Option<&Path>) -> Option<PathBuf> {
        let hashed = raw
            .privacy
            .as_ref()
            .is_some_and(|word| *word.get_ref() == raw::Privacy::Hashed);
        let mut keys = Vec::new();
        if let Some(path) = &raw.key {
            keys.push((path.span(), self.resolve(path.get_ref())));
        }
        if let Some(name) = &raw.key_credential {
            let text = name.get_ref();
            if text.is_empty() || text.contains('/') || text.starts_with('.') {
                let message = format!("`{text}` cannot name a credential");
                let hint = "it is the name in the unit's LoadCredential=NAME:/path";
                self.error("bad-name", name, message, hint);
            }
            // Outside the service there is none; whoever wants to read the records is then told this path.
            let directory = credentials.unwrap_or(Path::new("$CREDENTIALS_DIRECTORY"));
            keys.push((name.span(), directory.join(text)));
        }
        if let Some((span, _)) = keys.get(1) {
            let message = "the key for hashed names is said in two ways";
            let hint = "keep one of privacy_key_file and privacy_key_credential";
            self.finding("two-secrets", span.clone(), message, hint);
        }
        match (hashed, keys.pop()) {
            (true, Some((_, key))) => Some(key),
            (true, None) => Some(state.join(KEY_NAME)),
            (false, None) => None,
            (false, Some((span, _))) => {
                let message = "a key is named, and names are kept in clear";
                self.finding(
                    "unused-key",
                    span,
                    message,
                    "add privacy = \"hashed\", or leave the key out",
                );
                None
            }
        }
    }
}
