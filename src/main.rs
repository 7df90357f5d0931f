//! argv -> command -> exit code.

use std::process::ExitCode;

use clap::Parser;
use postroom::cli;

fn main() -> ExitCode {
    ExitCode::from(cli::run(cli::Cli::parse()))
}
