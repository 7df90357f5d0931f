//! Checks what `postroom.toml` says about passwords and tokens.

use std::path::PathBuf;

use toml::Spanned;

use super::oauth2::KNOWN;
use super::validate::{Checker, is_loopback};
use super::{OAuth2, Secret, keyring, raw};

impl Checker<'_> {
    pub(super) fn secret(&mut self, raw: &Spanned<raw::Imap>) -> Option<Secret> {
        let imap = raw.get_ref();
        if let Some(at) = &imap.password {
            let hint =
                "put it into a file of mode 600 and write password_file = \"secret\", or password_command = [..]";
            self.error(
                "password-in-config",
                at,
                "a password does not belong into the configuration",
                hint,
            );
            return None;
        }
        let mut secrets = Vec::new();
        if let Some(path) = &imap.password_file {
            secrets.push(Secret::PasswordFile(self.resolve(path.get_ref())));
        }
        if let Some(argv) = &imap.password_command {
            if argv.get_ref().first().is_none_or(String::is_empty) {
                let hint = "write password_command = [\"pass\", \"show\", \"mail\"]";
                self.error("empty-command", argv, "the password command names no program", hint);
                return None;
            }
            secrets.push(Secret::PasswordCommand(argv.get_ref().clone()));
        }
        if let Some(name) = &imap.credential {
            let text = name.get_ref();
            if text.is_empty() || text.contains('/') || text.starts_with('.') {
                let message = format!("`{text}` cannot name a credential");
                self.error(
                    "bad-name",
                    name,
                    message,
                    "it is the name in the unit's LoadCredential=NAME:/path",
                );
                return None;
            }
            secrets.push(Secret::Credential(text.clone()));
        }
        if let Some(attributes) = &imap.password_keyring {
            if !keyring::AVAILABLE {
                let hint = "build with `cargo build --release --features keyring`, or write password_command = [\"secret-tool\", \"lookup\", ..]";
                self.error(
                    "no-keyring",
                    attributes,
                    "this postroom was built without the desktop's keyring",
                    hint,
                );
                return None;
            }
            if attributes.get_ref().is_empty() {
                let hint = "write password_keyring = { service = \"imap\", user = \"alice\" }, as you gave them to `secret-tool store`";
                self.error("empty-keyring", attributes, "password_keyring names no attribute", hint);
                return None;
            }
            secrets.push(Secret::Keyring(attributes.get_ref().clone()));
        }
        if let Some(argv) = &imap.token_command {
            if argv.get_ref().first().is_none_or(String::is_empty) {
                let hint = "write token_command = [\"program\", \"argument\"]";
                self.error("empty-command", argv, "the token command names no program", hint);
                return None;
            }
            secrets.push(Secret::TokenCommand(argv.get_ref().clone()));
        }
        if let Some(raw) = &imap.oauth2 {
            secrets.push(Secret::OAuth2(Box::new(self.oauth2(raw)?)));
        }
        if secrets.len() > 1 {
            let hint =
                "keep one of password_file, password_command, password_keyring, credential, token_command and oauth2";
            self.error(
                "two-secrets",
                raw,
                "the account says in two ways where its password is",
                hint,
            );
            return None;
        }
        if secrets.is_empty() {
            let hint = "add password_file = \"secret\", password_command = [\"pass\", \"show\", \"mail\"], credential = \"name\" or oauth2 = { .. }";
            self.error("no-secret", raw, "the account does not say where its password is", hint);
        }
        secrets.pop()
    }

    fn oauth2(&mut self, raw: &Spanned<raw::OAuth2>) -> Option<OAuth2> {
        let given = raw.get_ref();
        if let Some(at) = &given.client_secret {
            let hint = "put it into a file of mode 600 and write client_secret_file = \"client-secret\"";
            self.error(
                "secret-in-config",
                at,
                "a secret does not belong into the configuration",
                hint,
            );
            return None;
        }
        let known = match &given.provider {
            None => None,
            Some(name) => {
                let known = KNOWN.iter().find(|known| known.name == name.get_ref());
                if known.is_none() {
                    let message = format!("the authority \"{}\" is not known by name", name.get_ref());
                    let hint =
                        "known are google and microsoft; for others write auth_url or device_url, token_url and scopes";
                    self.error("unknown-word", name, message, hint);
                    return None;
                }
                known
            }
        };
        if given.client_id.get_ref().trim().is_empty() {
            let hint = "register a client of your own with the provider; the manual says how";
            self.error("empty-client", &given.client_id, "the client id is empty", hint);
        }
        let auth_url = self.url(given.auth_url.as_ref(), known.map(|known| known.auth_url));
        let device_url = self.url(given.device_url.as_ref(), known.and_then(|known| known.device_url));
        let Some(token_url) = self.url(given.token_url.as_ref(), known.map(|known| known.token_url)) else {
            let hint = "write provider = \"google\" or \"microsoft\", or token_url = \"https://..\"";
            self.error("no-authority", raw, "the authority is not named", hint);
            return None;
        };
        if auth_url.is_none() && device_url.is_none() {
            let hint = "add auth_url (a browser) or device_url (a code)";
            self.error("no-authority", raw, "there is no page at which to log in", hint);
        }
        let scopes = given.scopes.clone().unwrap_or_else(|| {
            known
                .map(|known| known.scopes.iter().map(|&scope| scope.to_owned()).collect())
                .unwrap_or_default()
        });
        let secret_file = given
            .client_secret_file
            .as_deref()
            .map(|path| Secret::PasswordFile(self.resolve(path)));
        Some(OAuth2 {
            client_id: given.client_id.get_ref().trim().to_owned(),
            client_secret: secret_file.or_else(|| given.client_secret_credential.clone().map(Secret::Credential)),
            auth_url,
            device_url,
            token_url,
            scopes,
            // Beside the records, once it is known where these are.
            token_file: given
                .token_file
                .as_deref()
                .map_or_else(PathBuf::new, |path| self.resolve(path)),
        })
    }

    /// Tokens travel there: encrypted, or not at all beyond this machine.
    fn url(&mut self, given: Option<&Spanned<String>>, known: Option<&str>) -> Option<String> {
        let Some(given) = given else {
            return known.map(str::to_owned);
        };
        let text = given.get_ref();
        let host = |rest: &str| rest.split(['/', ':']).next().unwrap_or_default().to_owned();
        let safe = match text.split_once("://") {
            Some(("https", rest)) => !host(rest).is_empty(),
            Some(("http", rest)) => is_loopback(&host(rest)),
            _ => false,
        };
        if !safe {
            let message = format!("`{text}` is no https:// address");
            self.error("bad-url", given, message, "tokens are sent there: it must be encrypted");
        }
        Some(text.clone())
    }
}
