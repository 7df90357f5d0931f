//! `postroom demo`: an embedded server, sample mail, the real daemon over TCP, and the story of what it does.
//!
//! Everything lives in a directory of its own below the system's temporary directory and goes with the command. The
//! configuration in it is a real one, so that the other commands can be tried on it while the demo runs.

use std::fs::{self, DirBuilder, OpenOptions};
use std::io::{self, IsTerminal, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};
use tokio_util::sync::CancellationToken;

use super::context::{Context, block_on, new_run, visit_to_act};
use super::{exit, logging};
use crate::config::{Config, rules};
use crate::daemon::clock;
use crate::daemon::logbook::{self, Logbook};
use crate::daemon::reload::RulesKeeper;
use crate::daemon::supervisor::Supervisor;
use crate::daemon::undo::Undone;
use crate::demo::story::{self, Daemon, StoryError, Style, Told};
use crate::demo::{Server, ServerOptions, User};
use crate::sort::ledger::{RowId, RowKind};

/// Options of `postroom demo`.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  postroom demo\n  postroom demo --port 1143")]
pub struct Args {
    /// End after the story instead of waiting for a mail client
    #[arg(long)]
    pub exit: bool,
    /// Port of the demo's IMAP server on 127.0.0.1; any free one when not given
    #[arg(long, default_value_t = 0, value_name = "PORT", hide_default_value = true)]
    pub port: u16,
}

/// Tells the story.
pub fn run(args: &Args) -> anyhow::Result<u8> {
    // The story has its own words for what happens.
    logging::start("off");
    block_on(stage(args))??;
    Ok(exit::OK)
}

async fn stage(args: &Args) -> anyhow::Result<()> {
    let users = vec![User {
        name: story::USER.to_owned(),
        password: story::PASSWORD.to_owned(),
    }];
    let options = ServerOptions {
        port: args.port,
        users,
        ..ServerOptions::default()
    };
    let server = Server::start(options)
        .await
        .context("the demo's server cannot start; try another --port")?;
    story::fill(&server, clock::now());
    let home = Home::new(server.address().port()).context("the demo's directory cannot be made")?;
    let (config, keeper) = Context {
        config: Some(home.config()),
    }
    .config_and_rules()?;
    let (tell, told) = unbounded_channel();
    let stop = CancellationToken::new();
    let supervisor = Supervisor::new(config.clone(), keeper, Some(tell), stop.clone())?;
    let daemon = tokio::spawn(supervisor.run());
    let mut actor = Actor {
        config,
        told,
        last_move: None,
    };
    let style = if io::stdout().is_terminal() {
        Style::Coloured
    } else {
        Style::Plain
    };
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    let ended = tokio::select! {
        ended = play(&server, &mut actor, style, &home, args.exit) => ended,
        _ = interrupt.recv() => Ok(()),
        _ = terminate.recv() => Ok(()),
    };
    stop.cancel();
    daemon.await.context("the daemon ended unexpectedly")??;
    match ended {
        // `postroom demo | head` has seen enough.
        Err(StoryError::Write(error)) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        ended => Ok(ended?),
    }
}

/// The story, then whatever the user does with a mail program.
async fn play(server: &Server, actor: &mut Actor, style: Style, home: &Home, exit: bool) -> Result<(), StoryError> {
    let mut out = io::stdout();
    story::tell(server, actor, &mut out, style, clock::now).await?;
    if exit {
        return Ok(());
    }
    story::invite(server, &home.config(), &mut out)?;
    while let Some(told) = actor.told().await {
        story::narrate(server, &told, &mut out, style)?;
    }
    Ok(())
}

/// The real daemon in the story's words.
struct Actor {
    config: Config,
    told: UnboundedReceiver<logbook::Told>,
    last_move: Option<RowId>,
}

impl Daemon for Actor {
    async fn told(&mut self) -> Option<Told> {
        loop {
            match self.told.recv().await? {
                logbook::Told::Decided {
                    row,
                    kind,
                    message_id,
                    bucket,
                    reason,
                    ..
                } => {
                    let message_id = message_id.unwrap_or_default();
                    match kind {
                        RowKind::Sort => {
                            self.last_move = Some(row);
                            return Some(Told::Moved {
                                message_id,
                                bucket,
                                reason: reason.text,
                            });
                        }
                        RowKind::Keep => {
                            return Some(Told::Kept {
                                message_id,
                                reason: reason.text,
                            });
                        }
                        // The user's own doings, which he need not be told, and what the undo says itself.
                        RowKind::File
                        | RowKind::Rescue
                        | RowKind::Undo
                        | RowKind::Preview
                        | RowKind::Copy
                        | RowKind::Snooze
                        | RowKind::Hold
                        | RowKind::Return => {}
                    }
                }
                logbook::Told::Learned(lesson) => {
                    let lesson = format!("mail of {} goes to {} from now on", lesson.identity, lesson.bucket);
                    return Some(Told::Learned { lesson });
                }
                logbook::Told::Idle => return Some(Told::Settled),
                // On loopback nothing that mends itself is worth a word, and what does not ends the story in time.
                logbook::Told::Problem(_) => {}
            }
        }
    }

    async fn undo_last(&mut self) -> Result<(), String> {
        let row = self.last_move.ok_or("nothing has been moved")?;
        match take_back(&self.config, row).await.map_err(|error| error.to_string())? {
            Some(Undone::Back(_) | Undone::Before | Undone::CopyStays(_)) => Ok(()),
            Some(Undone::Refused(why)) => Err(why),
            None => Err("the move is not on record".to_owned()),
        }
    }
}

/// What `postroom undo` does, beside the running daemon.
async fn take_back(config: &Config, row: RowId) -> anyhow::Result<Option<Undone>> {
    let account = super::context::account(config, None)?;
    let (keeper, run, logbook) = (RulesKeeper::open(config)?, new_run(), Logbook::new(&account.name, None));
    let mut visit = visit_to_act(config, account, keeper.current(), &run, &logbook).await?;
    let rows = visit
        .store
        .run(move |store| store.row(row))
        .await?
        .into_iter()
        .collect();
    let mut results = visit.undo(rows, false).await?;
    visit.session.logout().await;
    Ok(results.pop().map(|(_, undone)| undone))
}

/// The demo's directory: configuration, password, rules and records. Removed when dropped.
struct Home(PathBuf);

impl Home {
    fn new(port: u16) -> io::Result<Self> {
        // A directory that is there already is somebody else's: making it fails then.
        let path = std::env::temp_dir().join(format!(
            "postroom-demo-{}-{:08x}",
            std::process::id(),
            fastrand::u32(..)
        ));
        DirBuilder::new().mode(0o700).create(&path)?;
        let home = Self(path);
        DirBuilder::new().mode(0o700).create(home.0.join("rules"))?;
        for (name, text) in rules::SHIPPED {
            write_private(&home.0.join("rules").join(name), text)?;
        }
        write_private(&home.0.join("password"), story::PASSWORD)?;
        let (address, user) = (story::ADDRESS, story::USER);
        write_private(
            &home.config(),
            &format!(
                "# Written by `postroom demo`; gone when it ends.\n\
                 rules = \"rules\"\nstate = \"state\"\n\n\
                 [[account]]\nname = \"demo\"\nemail = [\"{address}\"]\nmode = \"sort\"\nbacklog = \"sort\"\n\
                 authserv_id = \"mx.example.net\"\n\n\
                 [account.imap]\nhost = \"127.0.0.1\"\nport = {port}\ntls = \"none\"\nuser = \"{user}\"\n\
                 password_file = \"password\"\n"
            ),
        )?;
        Ok(home)
    }

    fn config(&self) -> PathBuf {
        self.0.join("postroom.toml")
    }
}

impl Drop for Home {
    fn drop(&mut self) {
        // It is below the temporary directory: what cannot be removed now goes with the machine's next start.
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn write_private(path: &Path, text: &str) -> io::Result<()> {
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
    file.write_all(text.as_bytes())
}
