//! `postroom demo`. (being built)

/// Options of `postroom demo`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// End after the story instead of waiting for a mail client
    #[arg(long)]
    pub exit: bool,
}

/// Tells the story.
pub fn run(_args: &Args) -> anyhow::Result<u8> {
    Ok(super::exit::OK)
}
