//! The login of a new account at a provider that takes tokens: which authority, whose client id, and asking the user.

use std::path::{Path, PathBuf};

use anyhow::Context as _;

use super::Args;
use super::ask::Asker;
use super::discover::{Found, Origin};
use super::entry::Entry;
use super::providers::Login;
use super::write::SecretLine;
use crate::cli::login::obtain;
use crate::config::{OAuth2, Secret};

/// The authority to ask, when tokens are what this account needs: by the flag, or because nothing else is taken.
pub fn wanted(args: &Args, found: &Found) -> anyhow::Result<Option<String>> {
    let has_secret = args.password_file.is_some() || args.password_command.is_some() || args.credential.is_some();
    if args.oauth.is_some() || has_secret || found.login != Login::OAuth {
        return Ok(args.oauth.clone());
    }
    let by_provider = match found.origin {
        Origin::Provider(provider) if provider.host.ends_with("office365.com") => Some("microsoft"),
        Origin::Provider(provider) if provider.host.ends_with("gmail.com") => Some("google"),
        _ => None,
    };
    let name = by_provider.with_context(|| {
        format!(
            "{} takes tokens only, from an authority that is not known here; write oauth2 = {{ .. }} by hand (systemd/accounts.md)",
            found.imap.host
        )
    })?;
    Ok(Some(name.to_owned()))
}

/// Asks the user's permission at the authority and keeps the tokens in `token_file`.
pub async fn ask(
    args: &Args,
    asker: Asker,
    found: &Found,
    authority: &str,
    token_file: PathBuf,
) -> anyhow::Result<(Entry, Secret)> {
    let client_id = if let Some(id) = &args.client_id {
        id.clone()
    } else {
        println!("{authority} wants a client id of your own; how to get one: systemd/accounts.md");
        asker.required("Client id", "--client-id")?
    };
    let secret_file = args
        .client_secret_file
        .as_deref()
        .map(std::path::absolute)
        .transpose()?;
    let secret = secret_file.clone().map(Secret::PasswordFile);
    let settings = match &args.oauth_base {
        Some(base) => OAuth2 {
            client_id: client_id.clone(),
            client_secret: secret,
            auth_url: Some(format!("{base}/authorize")),
            device_url: Some(format!("{base}/device")),
            token_url: format!("{base}/token"),
            scopes: vec!["mail".to_owned()],
            token_file,
        },
        None => OAuth2::known(authority, &client_id, secret, token_file)
            .with_context(|| format!("the authority {authority} is not known; say --oauth google or microsoft"))?,
    };
    obtain(&settings, &found.imap.user, false).await?;
    let line = SecretLine::OAuth2(toml(args, authority, &settings, secret_file.as_deref()));
    let entry = Entry {
        line,
        to_keep: None,
        is_kept: true,
    };
    Ok((entry, Secret::OAuth2(Box::new(settings))))
}

/// The settings as the configuration says them.
fn toml(args: &Args, authority: &str, settings: &OAuth2, secret_file: Option<&Path>) -> String {
    let quoted = |text: &str| toml::Value::String(text.to_owned()).to_string();
    let mut parts = vec![format!("client_id = {}", quoted(&settings.client_id))];
    if args.oauth_base.is_none() {
        parts.insert(0, format!("provider = {}", quoted(authority)));
    } else {
        let urls = [("auth_url", &settings.auth_url), ("device_url", &settings.device_url)];
        let urls = urls
            .into_iter()
            .filter_map(|(key, url)| Some(format!("{key} = {}", quoted(url.as_deref()?))));
        parts.extend(urls);
        parts.push(format!("token_url = {}", quoted(&settings.token_url)));
        parts.push("scopes = [\"mail\"]".to_owned());
    }
    if let Some(path) = secret_file {
        parts.push(format!("client_secret_file = {}", quoted(&path.display().to_string())));
    }
    format!("{{ {} }}", parts.join(", "))
}
