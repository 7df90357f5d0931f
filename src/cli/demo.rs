//! `postroom demo`: the 30-second try-out. An embedded mail server on loopback, sample mail, and the real daemon against
//! it over TCP; nothing outside a temporary directory is touched.

use std::io::{self, IsTerminal, Write};
use std::path::Path;
use std::sync::Arc;

use anyhow::Context as _;
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};
use tokio_util::sync::CancellationToken;

use super::context::{Context, block_on, new_run, visit_to_act};
use super::{exit, logging};
use crate::config::rules::SHIPPED;
use crate::config::Config;
use crate::daemon::clock;
use crate::daemon::logbook::{Logbook, Told};
use crate::daemon::reload::RulesKeeper;
use crate::daemon::supervisor::Supervisor;
use crate::demo::story::{self, Style};
use crate::demo::{Server, ServerOptions};
use crate::sort::ledger::{Row, RowKind, State};
use crate::sort::rules::RuleSet;
use crate::store::Query;

/// Options of `postroom demo`.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example: postroom demo --exit")]
pub struct Args {
    /// End after the story instead of waiting for a mail client
    #[arg(long)]
    pub exit: bool,
    /// Port of the server; any free one by default
    #[arg(long, default_value_t = 0, hide_default_value = true)]
    pub port: u16,
}

/// Tells the story.
pub fn run(args: &Args) -> anyhow::Result<u8> {
    logging::start("error");
    let home = tempfile::Builder::new()
        .prefix("postroom-demo-")
        .tempdir()
        .context("cannot make a temporary directory for the demo")?;
    block_on(tell(args, home.path()))??;
    Ok(exit::OK)
}

async fn tell(args: &Args, home: &Path) -> anyhow::Result<()> {
    let options = ServerOptions {
        port: args.port,
        ..ServerOptions::default()
    };
    let server = Server::start(options)
        .await
        .context("cannot start the demo's mail server")?;
    story::fill(&server, clock::now());
    let (config, keeper) = configure(home, server.address().port())?;
    let (rules, (listener, told), stop) = (keeper.current(), unbounded_channel(), CancellationToken::new());
    let supervisor = Supervisor::new(config.clone(), keeper, Some(listener), stop.clone())?;
    let supervisor = tokio::spawn(supervisor.run());
    let config_path = config.path.clone();
    let mut daemon = DemoDaemon { told, config, rules };
    let terminal = io::stdout().is_terminal();
    let style = if terminal { Style::Coloured } else { Style::Plain };
    let mut out = io::stdout();
    story::tell(&server, &mut daemon, &mut out, style, clock::now).await?;
    if !args.exit {
        story::invite(&server, &config_path, &mut out)?;
        out.flush()?;
        follow(&server, &mut daemon, &mut out, style).await?;
    }
    stop.cancel();
    supervisor.await.context("the daemon ended unexpectedly")??;
    Ok(())
}

/// Goes on telling what happens while the user drags letters about, until Ctrl-C ends the daemon.
async fn follow(server: &Server, daemon: &mut DemoDaemon, out: &mut io::Stdout, style: Style) -> io::Result<()> {
    use story::Daemon as _;
    loop {
        tokio::select! {
            _ = tokio::signal::ctrl_c() => return Ok(()),
            told = daemon.told() => match told {
                Some(told) => story::narrate(server, &told, out, style)?,
                None => return Ok(()),
            }
        }
    }
}

/// Writes a configuration with one account on the embedded server, and the shipped rules as files to play with. It is a
/// real one, so that every other command can be tried on it too.
fn configure(home: &Path, port: u16) -> anyhow::Result<(Config, RulesKeeper)> {
    let (rules, config) = (home.join("rules"), home.join("postroom.toml"));
    std::fs::create_dir(&rules)?;
    for (name, text) in SHIPPED {
        write_private(&rules.join(name), text)?;
    }
    write_private(&home.join("secret"), story::PASSWORD)?;
    let (address, user) = (story::ADDRESS, story::USER);
    let text = format!(
        r#"# Written by `postroom demo`; gone when it ends.
rules = "rules"
state = "state"

[[account]]
name = "demo"
email = ["{address}"]
mode = "sort"
backlog = "sort"
authserv_id = "mx.example.net"

[account.imap]
host = "127.0.0.1"
port = {port}
tls = "none"
user = "{user}"
password_file = "secret"
"#
    );
    write_private(&config, &text)?;
    Context { config: Some(config) }.config_and_rules()
}

fn write_private(path: &Path, text: &str) -> io::Result<()> {
    use std::os::unix::fs::OpenOptionsExt;
    let mut file = std::fs::OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path)?;
    file.write_all(text.as_bytes())
}

/// The real daemon, as the story sees it.
struct DemoDaemon {
    told: UnboundedReceiver<Told>,
    config: Config,
    rules: Arc<RuleSet>,
}

impl story::Daemon for DemoDaemon {
    async fn told(&mut self) -> Option<story::Told> {
        loop {
            if let Some(told) = in_the_storys_words(self.told.recv().await?) {
                return Some(told);
            }
        }
    }

    async fn undo_last(&mut self) -> Result<(), String> {
        undo_last(&self.config, self.rules.clone())
            .await
            .map_err(|error| format!("{error:#}"))
    }
}

fn in_the_storys_words(told: Told) -> Option<story::Told> {
    match told {
        Told::Decided {
            kind: RowKind::Sort,
            message_id,
            bucket,
            reason,
            ..
        } => Some(story::Told::Moved {
            message_id: message_id?,
            bucket,
            reason: reason.text,
        }),
        Told::Decided {
            kind: RowKind::Keep,
            message_id,
            reason,
            ..
        } => Some(story::Told::Kept {
            message_id: message_id?,
            reason: reason.text,
        }),
        Told::Learned(lesson) => Some(story::Told::Learned {
            lesson: format!("mail of {} goes to {} from now on", lesson.identity, lesson.bucket),
        }),
        Told::Idle => Some(story::Told::Settled),
        Told::Decided { .. } | Told::Problem(_) => None,
    }
}

/// What `postroom undo --last 1` does.
async fn undo_last(config: &Config, rules: Arc<RuleSet>) -> anyhow::Result<()> {
    let account = config.accounts.first().context("the demo has an account")?;
    let (logbook, run) = (Logbook::new(&account.name, None), new_run());
    let mut visit = visit_to_act(config, account, rules, &run, &logbook).await?;
    let query = Query {
        kinds: vec![RowKind::Sort],
        state: Some(State::Done),
        newest_first: true,
        limit: Some(1),
        ..Query::default()
    };
    let rows: Vec<Row> = visit.store.run(move |store| store.rows(&query)).await?;
    visit.undo(rows, false).await?;
    visit.session.logout().await;
    Ok(())
}
