//! `postroom run`: the daemon.

use tokio_util::sync::CancellationToken;

use super::context::{Context, block_on};
use super::{exit, logging};
use crate::daemon::supervisor::Supervisor;

/// Options of `postroom run`.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  as the service does       postroom --config /etc/postroom/postroom.toml run\n  look once, now            postroom run --once\n\nTo stop it for an hour: postroom pause 1h. To let it only look on: mode = \"preview\" in postroom.toml."
)]
pub struct Args {
    /// Look through every account once, then end
    #[arg(long)]
    pub once: bool,
}

/// Runs the daemon until it is told to stop.
pub fn run(args: &Args, context: &Context) -> anyhow::Result<u8> {
    logging::start("info");
    let (config, keeper) = context.config_and_rules()?;
    block_on(async move {
        let supervisor = Supervisor::new(config, keeper, None, CancellationToken::new())?;
        if args.once {
            // What went wrong is in the log, with the account's name; it is not said twice.
            return Ok(match supervisor.once().await {
                Ok(()) => exit::OK,
                Err(error) => exit::logged(&error.into()),
            });
        }
        supervisor.run().await?;
        Ok(exit::OK)
    })?
}
