//! `postroom suggest`: what the user's flags say about senders, one line each with the counts and the command that would
//! act on it. Reads with EXAMINE; moves nothing and teaches nothing.

use std::io::{self, Write};

use serde_json::{Value, json};

use super::context::{Context, account, block_on, visit_to_look};
use super::{exit, identity, logging};
use crate::config::{Account, Config};
use crate::daemon::DaemonError;
use crate::daemon::clock;
use crate::daemon::logbook::Logbook;
use crate::daemon::reload::RulesKeeper;
use crate::report::suggestion::command;
use crate::sort::behaviour::{Because, Suggestion};
use crate::sort::sanitise;
use crate::sort::taught::Identity;

/// Options of `postroom suggest`.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Example: postroom suggest\n\nNothing is done by itself: take up a suggestion with the command beside it."
)]
pub struct Args {
    /// The account, when there are several
    #[arg(long, value_name = "NAME")]
    pub account: Option<String>,
    /// One JSON object a suggestion
    #[arg(long)]
    pub json: bool,
}

/// Prints the suggestions.
pub fn run(args: &Args, context: &Context) -> anyhow::Result<u8> {
    logging::start("warn");
    let (config, keeper) = context.config_and_rules()?;
    let account = account(&config, args.account.as_deref())?;
    let suggestions = block_on(gather(&config, account, &keeper))??;
    let named = (config.accounts.len() > 1).then_some(account.name.as_str());
    let mut out = io::stdout().lock();
    for suggestion in &suggestions {
        let command = command(suggestion, named);
        if args.json {
            writeln!(out, "{}", object(suggestion, &command))?;
        } else {
            let (who, because) = (sanitise(&identity::spelling(&suggestion.identity)), suggestion.because);
            writeln!(out, "{:<6} {who}: {because}\n       {command}", suggestion.bucket)?;
        }
    }
    if suggestions.is_empty() && !args.json {
        writeln!(
            out,
            "Nothing to suggest: your flags say nothing that is not known already."
        )?;
    }
    Ok(exit::OK)
}

async fn gather(config: &Config, account: &Account, keeper: &RulesKeeper) -> Result<Vec<Suggestion>, DaemonError> {
    let logbook = Logbook::new(&account.name, None);
    let mut visit = visit_to_look(config, account, keeper.current(), &logbook).await?;
    let suggestions = visit.suggestions(clock::now()).await?;
    visit.session.logout().await;
    Ok(suggestions)
}

/// `{"sender","kind","bucket","because","counts":{..},"command"}`.
fn object(suggestion: &Suggestion, command: &str) -> Value {
    let kind = match suggestion.identity {
        Identity::Address(_) => "address",
        Identity::List(_) => "list",
        Identity::Domain(_) => "domain",
    };
    let counts = match suggestion.because {
        Because::Ignored { left, deleted } => json!({ "left_unread": left, "deleted_unread": deleted }),
        Because::Wanted { answered, flagged, of } => json!({ "answered": answered, "flagged": flagged, "of": of }),
    };
    json!({
        "sender": identity::spelling(&suggestion.identity),
        "kind": kind,
        "bucket": suggestion.bucket,
        "because": suggestion.because.to_string(),
        "counts": counts,
        "command": command,
    })
}
