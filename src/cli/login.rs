//! `postroom login`: asks the user's permission at the provider, once, and keeps the tokens that come of it.

use super::context::{Context, account, block_on};
use super::{exit, logging, running};
use crate::config::{OAuth2, Secret};
use crate::daemon::access;
use crate::oauth::login::{Request, by_browser, by_code};
use crate::oauth::{self, TokenError};

/// Options of `postroom login`.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example: postroom login home")]
pub struct Args {
    /// The account, when there are several
    #[arg(value_name = "ACCOUNT")]
    pub account: Option<String>,
    /// By a page in this machine's browser, also where a code would do
    #[arg(long)]
    pub browser: bool,
}

/// Logs in at the authority, then tries the token at the mail server.
pub fn run(args: &Args, context: &Context) -> anyhow::Result<u8> {
    logging::start("warn");
    let config = context.config()?;
    let account = account(&config, args.account.as_deref())?;
    let Secret::OAuth2(settings) = &account.imap.secret else {
        println!(
            "{} logs in with a password or a token from elsewhere: there is nothing to do.",
            account.name
        );
        return Ok(exit::OK);
    };
    block_on(async {
        obtain(settings, &account.imap.user, args.browser).await?;
        access::open(&account.imap, None).await?.logout().await;
        Ok::<_, crate::daemon::DaemonError>(())
    })??;
    println!(
        "{} may be looked after: {} takes the token.",
        account.name, account.imap.host
    );
    running::tell(
        &config,
        &account.name,
        "Start the daemon: postroom run, or the service (systemd/README.md).",
    )?;
    Ok(exit::OK)
}

/// Asks, waits, keeps.
pub async fn obtain(settings: &OAuth2, user: &str, browser: bool) -> Result<(), TokenError> {
    let tokens = if settings.device_url.is_some() && !(browser && settings.auth_url.is_some()) {
        by_code(settings, show).await?
    } else {
        by_browser(settings, user, show).await?
    };
    oauth::keep(settings, tokens).await
}

fn show(request: &Request) {
    match request {
        Request::Code { page, code } => println!("Open {page} on any device and type the code {code}"),
        Request::Page(page) => println!("Open this page in a browser on this machine:\n\n{page}\n"),
    }
    println!("Waiting ...");
}
