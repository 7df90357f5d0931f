//! `postroom pause` and `postroom resume`: the daemon leaves the mail alone for a while.

use std::io::Write;

use super::context::{Context, account, block_on, store_to_write};
use super::{exit, running, since};
use crate::daemon::clock;
use crate::daemon::recess::Recess;
use crate::sort::mailbox::Timestamp;

/// Options of `postroom pause`.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  stop for an hour          postroom pause 1h
  until the evening         postroom pause 18:00
  until I say so            postroom pause

New mail stays in the inbox meanwhile and is sorted afterwards. The pause outlives a restart.
To let it look on without moving anything: mode = \"preview\" in postroom.toml.")]
pub struct PauseArgs {
    /// How long, or until when: 2d, 18:00, monday, 2026-11-23 [default: until `postroom resume`]
    #[arg(value_name = "TIME", value_parser = since::ahead_argument)]
    pub until: Option<Timestamp>,
    /// This account only [default: all]
    #[arg(long, value_name = "NAME")]
    pub account: Option<String>,
}

/// Options of `postroom resume`.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example: postroom resume\n\nWhat has arrived since the pause began is sorted now.")]
pub struct ResumeArgs {
    /// This account only [default: all]
    #[arg(long, value_name = "NAME")]
    pub account: Option<String>,
}

/// Writes the pause down and tells the daemon.
pub fn pause(args: &PauseArgs, context: &Context, out: &mut dyn Write) -> anyhow::Result<u8> {
    let recess = Recess { until: args.until };
    let names = write(args.account.as_deref(), Some(recess), context)?;
    for (name, _) in &names {
        writeln!(out, "{name}: {}", recess.sentence())?;
    }
    writeln!(
        out,
        "New mail stays in the inbox meanwhile and is sorted afterwards; `postroom resume` goes on at once."
    )?;
    tell(&names, context)
}

/// Takes the pause back and tells the daemon.
pub fn resume(args: &ResumeArgs, context: &Context, out: &mut dyn Write) -> anyhow::Result<u8> {
    let names = write(args.account.as_deref(), None, context)?;
    for (name, before) in &names {
        match before {
            Some(_) => writeln!(out, "{name}: goes on")?,
            None => writeln!(out, "{name}: was not paused, and goes on as it did")?,
        }
    }
    tell(&names, context)
}

/// The accounts that were meant, each with the pause it was in, after their notes are written.
fn write(name: Option<&str>, recess: Option<Recess>, context: &Context) -> anyhow::Result<Vec<Paused>> {
    let config = context.config()?;
    let names = match name {
        Some(_) => vec![account(&config, name)?.name.clone()],
        None => config.accounts.iter().map(|account| account.name.clone()).collect(),
    };
    let (store, now) = (store_to_write(&config)?, clock::now());
    let names = block_on(async {
        let write = store.run(move |store| {
            let write = |name: String| {
                let before = Recess::read(store, &name, now)?;
                Recess::save(store, &name, recess)?;
                Ok((name, before))
            };
            names.into_iter().map(write).collect()
        });
        write.await
    })??;
    Ok(names)
}

/// An account and the pause it was in.
type Paused = (String, Option<Recess>);

fn tell(names: &[Paused], context: &Context) -> anyhow::Result<u8> {
    // One process looks after all of them.
    if let Some((name, _)) = names.first() {
        running::tell(
            &context.config()?,
            name,
            "It is not running now; that changes nothing about it.",
        )?;
    }
    Ok(exit::OK)
}
