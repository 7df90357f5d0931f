//! The command line: one file per command, printing and exit codes. Names and JSON are a contract (design section 7).

use std::io::{self, IsTerminal};
use std::path::PathBuf;

use clap::{Parser, Subcommand};

use crate::config::Environment;

pub mod check;
pub mod context;
pub mod demo;
pub mod exit;
pub mod explain;
pub mod logging;
pub mod preview;
pub mod replay;
pub mod run;
pub mod since;
pub mod sort;
pub mod status;
pub mod undo;
pub mod verdict_json;

/// Sorts the mail of your IMAP accounts, learns from your hand, and can say why.
#[derive(Debug, Parser)]
#[command(
    name = "postroom",
    version,
    propagate_version = true,
    max_term_width = 100,
    arg_required_else_help = true
)]
pub struct Cli {
    /// Configuration file [default: $POSTROOM_CONFIG, ~/.config/postroom/postroom.toml, /etc/postroom/postroom.toml]
    #[arg(long, short, global = true, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// The command.
    #[command(subcommand)]
    pub command: Command,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Try it out in 30 seconds: a private mail server, sample mail, and the real daemon at work
    Demo(demo::Args),
    /// Look after the accounts (this is what the service runs)
    Run(run::Args),
    /// Show what would happen to the mail now in the inbox; touches nothing
    Preview(preview::Args),
    /// Sort the mail that already lies in the inbox, after showing the plan
    Sort(sort::Args),
    /// Check the configuration, the rules and the rules' own tests
    Check(check::CheckArgs),
    /// Replay old mail from a folder and show the verdicts it would have had
    Replay(replay::ReplayArgs),
    /// Say why a message is where it is
    Explain(explain::Args),
    /// Take moves back
    Undo(undo::Args),
    /// Show how each account is doing
    Status(status::Args),
}

/// Runs a command; the answer is the process's exit code.
pub fn run(cli: Cli) -> u8 {
    let context = context::Context { config: cli.config };
    let result = match cli.command {
        Command::Demo(args) => demo::run(&args),
        Command::Run(args) => run::run(&args, &context),
        Command::Preview(args) => preview::run(&args, &context),
        Command::Sort(args) => sort::run(&args, &context),
        Command::Check(args) => check::run(
            &args,
            context.config.as_deref(),
            &Environment::of_process(),
            io::stdout().is_terminal(),
            &mut io::stdout().lock(),
        )
        .map_err(anyhow::Error::from),
        Command::Replay(args) => replay::run(&args, &mut io::stdout().lock()),
        Command::Explain(args) => explain::run(&args, &context),
        Command::Undo(args) => undo::run(&args, &context),
        Command::Status(args) => status::run(&args, &context),
    };
    exit::report(result)
}
