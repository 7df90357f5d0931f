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
use crate::sort::behaviour::{Because, Behaviour, Place, Suggestion};
use crate::sort::bucket::Bucket;
use crate::sort::mailbox::{Mailbox, Timestamp};
use crate::sort::sanitise;
use crate::sort::taught::Identity;

/// How far back mail is looked at, seconds: half a year.
const LOOKS_BACK: i64 = 182 * 86_400;

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
    let now = clock::now();
    let since = Timestamp(now.0.saturating_sub(LOOKS_BACK));
    let mut folders = vec![(Mailbox::inbox(), Place::InSight)];
    for folder in visit.layout.buckets.clone() {
        let place = if folder == account.folders.of(Bucket::Top) {
            Place::InSight
        } else {
            Place::SortedAway
        };
        folders.push((folder, place));
    }
    if let Some(trash) = visit.layout.special_use.get("\\trash").cloned()
        && folders.iter().all(|(folder, _)| *folder != trash)
    {
        folders.push((trash, Place::Trash));
    }
    let mut behaviour = Behaviour::default();
    for (folder, place) in folders {
        let read = visit.look_into(&folder, Some(since), |arrival| {
            let at = arrival.arrived.unwrap_or(now);
            if at >= since {
                behaviour.note(&arrival.message, at, place, &arrival.flags, &account.owner);
            }
        });
        read.await?;
    }
    let suggestions = behaviour.suggestions(now, &visit.sorter.taught, &visit.sorter.correspondence);
    visit.session.logout().await;
    Ok(suggestions)
}

/// The command that takes a suggestion up, safe to paste into a shell: senders choose their own names.
fn command(suggestion: &Suggestion, account: Option<&str>) -> String {
    let who = sanitise(&identity::spelling(&suggestion.identity));
    let dashes = if who.starts_with('-') { "-- " } else { "" };
    let account = account.map_or_else(String::new, |name| format!("--account {} ", shell_word(name)));
    format!(
        "postroom train {account}{dashes}{} {}",
        shell_word(&who),
        suggestion.bucket
    )
}

/// A word as a POSIX shell takes it for itself.
fn shell_word(text: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "@._+-".contains(c);
    if !text.is_empty() && text.chars().all(plain) {
        text.to_owned()
    } else {
        format!("'{}'", text.replace('\'', r"'\''"))
    }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_senders_name_is_one_word_of_the_command_whatever_he_calls_himself() {
        let line = |name: &str, account| {
            let suggestion = Suggestion {
                identity: Identity::List(name.to_owned()),
                bucket: Bucket::Bulk,
                because: Because::Ignored { left: 5, deleted: 0 },
            };
            command(&suggestion, account)
        };
        assert_eq!(line("talk.example.org", None), "postroom train talk.example.org bulk");
        assert_eq!(
            line("x;reboot", Some("home")),
            "postroom train --account home 'x;reboot' bulk"
        );
        assert_eq!(line("-x'$(id)", None), r"postroom train -- '-x'\''$(id)' bulk");
    }
}
