//! `postroom purge`: erases everything that is recorded, for all accounts. The mailbox is not touched.

use std::io::{self, Write};

use clap::Args;

use super::confirm;
use super::context::Context;
use super::exit;
use crate::config::Config;
use crate::daemon::DaemonError;
use crate::daemon::roster::lock_all;
use crate::sort::sanitise;
use crate::store::Store;

/// Erase all records: what was learned, what was moved and why
#[derive(Debug, Clone, Default, Args)]
#[command(
    after_help = "Example: postroom purge\n\nMoves can no longer be taken back afterwards, and no message can be explained. Mail stays where it is; at \
                  its next start Postroom knows nobody and leaves alone what lies in the folders. To keep the lessons: postroom export > lessons.toml"
)]
pub struct PurgeArgs {
    /// Do not ask
    #[arg(long)]
    pub yes: bool,
}

/// Asks, then erases.
///
/// # Errors
/// A daemon that is running, and files that cannot be removed.
pub fn run(args: &PurgeArgs, context: &Context) -> anyhow::Result<u8> {
    let config = context.config()?;
    erase(args, &config, &mut io::stdout().lock())
}

fn erase(args: &PurgeArgs, config: &Config, out: &mut dyn Write) -> anyhow::Result<u8> {
    let directory = sanitise(&config.state.to_string_lossy());
    if !config.state.exists() {
        writeln!(out, "There are no records in {directory}.")?;
        return Ok(exit::OK);
    }
    // A daemon that goes on would write down again what it has in its memory.
    let locks = lock_all(&config.state, &config.accounts).map_err(DaemonError::from)?;
    let question = format!(
        "This erases everything in {directory} that Postroom has learned and recorded, for all accounts. Your mail stays \
         where it is, but no move can be taken back afterwards.\nErase it?"
    );
    let unasked = "say --yes to erase the records without being asked";
    if !args.yes && !confirm::agreed(&question, unasked, out)? {
        writeln!(out, "Nothing was erased.")?;
        return Ok(exit::OK);
    }
    let gone = Store::erase(&config.state)
        .map_err(|(path, error)| anyhow::Error::new(error).context(sanitise(&path.to_string_lossy())))?;
    drop(locks);
    writeln!(out, "Erased {} files in {directory}.", gone.len())?;
    for account in &config.accounts {
        let token = config.state.join(format!("{}.token", account.name));
        if token.exists() {
            let token = sanitise(&token.to_string_lossy());
            writeln!(out, "{token} holds a login and stays; delete it to log in anew.")?;
        }
    }
    if let Some(key) = config.privacy_key.as_ref().filter(|key| key.exists()) {
        let key = sanitise(&key.to_string_lossy());
        writeln!(out, "The key {key} stays; it is yours.")?;
    }
    Ok(exit::OK)
}
