//! `postroom completions SHELL`: the words a shell offers after `postroom `, made from the same commands and options.

use std::io::Write;

use clap::{Args, CommandFactory};
use clap_complete::Shell;

use super::Cli;

/// Print the completions for a shell
#[derive(Debug, Clone, Args)]
#[command(after_help = "Example: postroom completions bash > /usr/share/bash-completion/completions/postroom")]
pub struct CompletionsArgs {
    /// The shell
    #[arg(value_enum)]
    pub shell: Shell,
}

/// Prints them.
pub fn run(args: &CompletionsArgs, out: &mut dyn Write) -> anyhow::Result<u8> {
    // Gathered first: the generator panics where a write fails, and a reader may go away.
    let mut text = Vec::new();
    clap_complete::generate(args.shell, &mut Cli::command(), "postroom", &mut text);
    out.write_all(&text)?;
    Ok(0)
}
