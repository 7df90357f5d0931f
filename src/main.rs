//! Temporary: `postroom replay` only.
use clap::Parser;

#[derive(Parser)]
enum Command {
    /// Replay old mail
    Replay(postroom::cli::replay::ReplayArgs),
}

fn main() -> anyhow::Result<()> {
    let Command::Replay(args) = Command::parse();
    let code = postroom::cli::replay::run(&args, &mut std::io::BufWriter::new(std::io::stdout().lock()))?;
    std::process::exit(i32::from(code));
}
