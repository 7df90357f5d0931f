//! The command line: one file per command, printing and exit codes. Names and JSON are a contract (design section 7).

use std::io::{self, IsTerminal, Write};
use std::path::PathBuf;

use clap::{Parser, Subcommand};
#[cfg(target_os = "linux")]
use rustix::process::{DumpableBehavior, set_dumpable_behavior};

use crate::config::Environment;
use crate::daemon::clock;

pub mod check;
pub mod completions;
pub mod confirm;
pub mod context;
pub mod demo;
pub mod digest;
pub mod doctor;
pub mod everything;
pub mod exit;
pub mod explain;
pub mod export;
pub mod filters;
pub mod forget;
pub mod go;
pub mod hindsight;
pub mod hindsight_imap;
pub mod identity;
pub mod import;
pub mod init;
pub mod learn;
pub mod learn_from;
pub mod lesson_file;
pub mod log;
pub mod logging;
pub mod login;
pub mod man;
pub mod metrics;
pub mod past_mail;
pub mod pause;
pub mod preview;
pub mod purge;
pub mod records;
pub mod replay;
pub mod report;
pub mod run;
pub mod running;
#[cfg(test)]
pub(crate) mod sample;
pub mod senders;
pub mod since;
pub mod sort;
pub mod stats;
pub mod status;
pub mod suggest;
pub mod train;
pub mod undo;
pub mod verdict_json;

use records::Records;

/// Sorts the mail of your IMAP accounts, learns from your hand, and can say why.
#[derive(Debug, Parser)]
#[command(name = "postroom", version, max_term_width = 100, arg_required_else_help = true)]
pub struct Cli {
    /// Configuration file [default: in ~/.config/postroom or /etc/postroom]
    #[arg(long, short, global = true, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// The command.
    #[command(subcommand)]
    pub command: Command,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Try it out in 30 seconds: a private server, sample mail, the real daemon at work
    Demo(demo::Args),
    /// Set an account up, or one more: finds the server, tests the login, writes the files
    Init(Box<init::Args>),
    /// Begin to sort for real: shows the plan, then changes the mode to "sort"
    Go(go::Args),
    /// Log in at a provider that takes tokens instead of passwords (OAuth)
    Login(login::Args),
    /// Look after the accounts (this is what the service runs), or look once, now
    Run(run::Args),
    /// Show what would happen to the inbox (what if I added this rule?); touches nothing
    Preview(preview::Args),
    /// Sort the mail that already lies in the inbox, after showing the plan
    Sort(sort::Args),
    /// Check the configuration, the rules and the rules' own tests
    Check(check::CheckArgs),
    /// Replay old mail from a folder and show the verdicts it would have had
    Replay(replay::ReplayArgs),
    /// Say why a message is where it is (why in Bulk?), and what would change it
    Explain(explain::Args),
    /// Take moves back: one, those since lunch, or all there are
    Undo(undo::Args),
    /// Stop for an hour, until monday, or until you say so; mail stays in the inbox
    Pause(pause::PauseArgs),
    /// Go on after a pause
    Resume(pause::ResumeArgs),
    /// Show whether it runs, how each account is doing, and how many messages wait
    Status(status::Args),
    /// Show what it did (last night, with one sender, what went to Bulk) and learned
    Log(log::LogArgs),
    /// Show whom you write to and what you taught, or all about one sender
    Senders(senders::SendersArgs),
    /// Show what went where, day by day, who writes most, and what you had to put right
    Stats(stats::StatsArgs),
    /// Put the daily summary into your inbox, or print it
    Digest(digest::Args),
    /// Write a page with pictures of all this
    Report(report::ReportArgs),
    /// Say where a sender's mail goes from now on: always top, never again, ...
    Train(train::TrainArgs),
    /// Learn from folders you have sorted by hand; confirm lessons that were held back
    Learn(learn::LearnArgs),
    /// Show what your flags suggest about senders; does nothing by itself
    Suggest(suggest::Args),
    /// Forget what was taught about a sender
    Forget(forget::ForgetArgs),
    /// Write all it has learned into a file, for another machine; or all it stores
    Export(export::ExportArgs),
    /// Forget everything: erase all that is stored
    Purge(purge::PurgeArgs),
    /// Take lessons from a file, or translate the filters of another program
    Import(import::ImportArgs),
    /// Print counts for Prometheus
    Metrics(metrics::MetricsArgs),
    /// One page for a bug report: what is set up and how it is; no addresses, no secrets
    Doctor(doctor::DoctorArgs),
    /// Print the completions for a shell
    Completions(completions::CompletionsArgs),
    /// Print a manual page: the commands, how to write a rule, every setting
    Man(man::ManArgs),
}

/// Runs a command; the answer is the process's exit code.
pub fn run(cli: Cli) -> u8 {
    secrecy_first();
    let context = context::Context { config: cli.config };
    let result = match cli.command {
        Command::Demo(args) => demo::run(&args),
        Command::Init(args) => init::run(&args, &context),
        Command::Go(args) => go::run(&args, &context),
        Command::Login(args) => login::run(&args, &context),
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
        Command::Pause(args) => pause::pause(&args, &context, &mut io::stdout().lock()),
        Command::Resume(args) => pause::resume(&args, &context, &mut io::stdout().lock()),
        Command::Status(args) => status::run(&args, &context),
        Command::Log(args) => on_records(&context, |records, out| log::run(&args, records, out)),
        Command::Senders(args) => on_records(&context, |records, out| senders::run(&args, records, out)),
        Command::Stats(args) => on_records(&context, |records, out| stats::run(&args, records, out)),
        Command::Train(args) => on_records(&context, |records, out| train::run(&args, records, out)),
        Command::Learn(args) if args.reads_folders() => learn_from::run(&args, &context),
        Command::Learn(args) => on_records(&context, |records, out| learn::run(&args, records, out)),
        Command::Suggest(args) => suggest::run(&args, &context),
        Command::Forget(args) => on_records(&context, |records, out| forget::run(&args, records, out)),
        Command::Export(args) => match args.what {
            Some(export::What::Sieve) => on_records(&context, |records, out| {
                filters::export_sieve(
                    args.account.as_deref(),
                    &context,
                    records,
                    out,
                    &mut io::stderr().lock(),
                )
            }),
            Some(export::What::Records) => on_records(&context, |records, out| {
                everything::write(args.account.as_deref(), records, out)
            }),
            None => on_records(&context, |records, out| export::run(&args, records, out)),
        },
        Command::Purge(args) => purge::run(&args, &context),
        Command::Import(args) => match args.filters() {
            Err(error) => Err(error),
            Ok(Some((format, file))) => {
                filters::import(format, file, &mut io::stdout().lock(), &mut io::stderr().lock())
            }
            Ok(None) => on_records(&context, |records, out| import::run(&args, records, out)),
        },
        Command::Digest(args) => digest::run(&args, &context),
        Command::Report(args) => on_records(&context, |records, out| report::run(&args, &context, records, out)),
        Command::Metrics(args) => on_records(&context, |records, out| metrics::run(&args, records, out)),
        Command::Doctor(args) => doctor::run(&args, &context, &mut io::stdout().lock()),
        Command::Completions(args) => completions::run(&args, &mut io::stdout().lock()),
        Command::Man(args) => man::run(&args, io::stdout().is_terminal(), &mut io::stdout().lock()),
    };
    exit::report(result)
}

/// Before any password is read: no core dump may hold one, and nobody but root may look into this process.
fn secrecy_first() {
    #[cfg(target_os = "linux")]
    if let Err(fault) = set_dumpable_behavior(DumpableBehavior::NotDumpable) {
        eprintln!("postroom: core dumps cannot be switched off ({fault}); one could hold a password");
    }
}

/// Runs a command that needs nothing but the records.
fn on_records(
    context: &context::Context,
    command: impl FnOnce(&Records, &mut dyn Write) -> anyhow::Result<u8>,
) -> anyhow::Result<u8> {
    let config = context.config()?;
    let mut records = Records::new(&config.state, clock::now());
    let own = config.accounts.iter().flat_map(|account| account.folders.own_buckets());
    records.own_buckets = own.collect();
    records.key.clone_from(&config.privacy_key);
    records.accounts = config.accounts.into_iter().map(|account| account.name).collect();
    records.colour = io::stdout().is_terminal() && std::env::var_os("NO_COLOR").is_none();
    if let Some((terminal_size::Width(columns), _)) = terminal_size::terminal_size() {
        records.width = columns;
    }
    command(&records, &mut io::stdout().lock())
}
