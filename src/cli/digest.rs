//! `postroom digest`: what happened since the last one, put into the user's own inbox (no mail is sent) or printed.

use std::io::{self, Write};

use super::context::{Context, account, block_on, store_to_read, store_to_write};
use super::{exit, logging, since};
use crate::config::{Account, Config};
use crate::daemon::digest::{NOTE, Told};
use crate::daemon::logbook::Logbook;
use crate::daemon::worker::Worker;
use crate::daemon::{DaemonError, clock};
use crate::report::digest::Digest;
use crate::sort::mailbox::Timestamp;

/// Options of `postroom digest`.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Example: postroom digest --print\nEvery morning: digest = \"08:00\" in [[account]] of postroom.toml"
)]
pub struct Args {
    /// Print it instead of putting it into the inbox
    #[arg(long)]
    pub print: bool,
    /// What happened since then: 1d, today, 2026-11-22 [default: since the last digest, or 1d]
    #[arg(long, value_parser = since::argument, value_name = "WHEN")]
    pub since: Option<Timestamp>,
    /// The account, when there are several
    #[arg(long, value_name = "NAME")]
    pub account: Option<String>,
}

/// Prints the digest or appends it.
pub fn run(args: &Args, context: &Context) -> anyhow::Result<u8> {
    logging::start("warn");
    let mut out = io::stdout().lock();
    if args.print {
        let config = context.config()?;
        let account = account(&config, args.account.as_deref())?;
        let digest = gather(&config, account, args.since)?;
        write!(out, "{}", digest.text(&jiff::tz::TimeZone::system()))?;
        return Ok(exit::OK);
    }
    let (config, keeper) = context.config_and_rules()?;
    let account = account(&config, args.account.as_deref())?;
    let logbook = Logbook::new(&account.name, None);
    let written = block_on(async {
        let store = store_to_write(&config)?;
        let mut visit = Worker::open(account, &store, keeper.current(), "", &logbook, false).await?;
        let written = visit.digest_now(args.since).await?;
        visit.session.logout().await;
        Ok::<_, DaemonError>(written)
    })??;
    match written {
        Some(digest) => writeln!(out, "In your inbox now: {}", digest.subject())?,
        None => writeln!(
            out,
            "Nothing was filed or learned since the last digest, so none was written."
        )?,
    }
    Ok(exit::OK)
}

fn gather(config: &Config, account: &Account, since: Option<Timestamp>) -> anyhow::Result<Digest> {
    let (store, name, now) = (store_to_read(config)?, account.name.clone(), clock::now());
    let digest = block_on(async {
        store
            .run(move |store| {
                let told = store.get_note(&name, NOTE)?;
                let told = told.and_then(|text| serde_json::from_str::<Told>(&text).ok());
                let since = since
                    .or(told.map(|told| told.told))
                    .unwrap_or(Timestamp(now.0 - 86_400));
                Digest::gather(store, &name, since, now)
            })
            .await
    })??;
    Ok(digest)
}
