//! `postroom learn`: lessons that were held back because one sweep taught suspiciously many senders at once. A folder
//! restored from a backup looks like a thousand drags; only the user knows which it was. Folders as a training set
//! (`--from`) are in [`super::learn_from`].

use std::io::Write;

use clap::Args;

use super::identity;
use super::learn_from::Lot;
use super::records::{Records, explain_names};
use crate::sort::sanitise;
use crate::sort::taught::Lesson;

/// Show, confirm or discard lessons that were held back; learn from folders
#[derive(Debug, Clone, Default, Args)]
#[command(
    after_help = "Examples: postroom learn --confirm\n          postroom learn --from Newsletters=news --from Shops=bulk --dry-run"
)]
pub struct LearnArgs {
    /// Read a folder as a training set: whose mail lies there belongs into that bucket. May be given several times
    #[arg(long, value_name = "FOLDER=BUCKET", conflicts_with_all = ["confirm", "discard"])]
    pub from: Vec<Lot>,
    /// Read the folders of SaneBox: @SaneNews, @SaneLater, @SaneBlackHole and their kind
    #[arg(long, conflicts_with_all = ["confirm", "discard"])]
    pub from_sanebox: bool,
    /// Only show what the folders would teach
    #[arg(long, conflicts_with_all = ["confirm", "discard"])]
    pub dry_run: bool,
    /// Take the held lessons in force
    #[arg(long, conflicts_with = "discard")]
    pub confirm: bool,
    /// Throw the held lessons away
    #[arg(long)]
    pub discard: bool,
    /// Of this account
    #[arg(long, value_name = "NAME")]
    pub account: Option<String>,
}

impl LearnArgs {
    /// True when folders are to be read, for which a connection is needed.
    pub fn reads_folders(&self) -> bool {
        self.from_sanebox || self.dry_run || !self.from.is_empty()
    }
}

/// Runs the command on the records; 0 unless it cannot.
pub fn run(args: &LearnArgs, records: &Records, out: &mut dyn Write) -> anyhow::Result<u8> {
    if args.confirm || args.discard {
        let mut store = records.write()?;
        let account = records.single(&store, args.account.as_deref())?;
        if store.held(&account)?.is_empty() {
            let what = if args.confirm { "confirm" } else { "throw away" };
            writeln!(
                out,
                "{}: no lessons are held back; there is nothing to {what}.",
                sanitise(&account)
            )?;
        } else if args.confirm {
            let learned = store.confirm(&account)?;
            writeln!(
                out,
                "{} now in force. `postroom senders` lists them.",
                lessons(learned.len())
            )?;
        } else {
            let gone = store.discard(&account)?;
            writeln!(
                out,
                "{} thrown away. Where the mail lies is not changed.",
                lessons(gone)
            )?;
        }
        return Ok(0);
    }
    let store = records.read()?;
    for account in records.chosen(&store, args.account.as_deref())? {
        let held = store.held(&account)?;
        if held.is_empty() {
            writeln!(out, "{}: no lessons are held back.", sanitise(&account))?;
        } else {
            show(&account, &held, records, out)?;
            explain_names(&store, out)?;
        }
    }
    Ok(0)
}

fn show(account: &str, held: &[Lesson], records: &Records, out: &mut dyn Write) -> anyhow::Result<()> {
    writeln!(out, "{}: {} held back:", sanitise(account), lessons(held.len()))?;
    for lesson in held {
        writeln!(
            out,
            "  {}  {:<9}  {}",
            records.day(lesson.at),
            lesson.bucket,
            identity::spelling(&lesson.identity)
        )?;
    }
    writeln!(
        out,
        "If you dragged this mail yourself: postroom learn --confirm. If not: postroom learn --discard."
    )?;
    Ok(())
}

fn lessons(count: usize) -> String {
    if count == 1 {
        "1 lesson".to_owned()
    } else {
        format!("{count} lessons")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::sample;
    use crate::sort::taught::Identity;

    fn said(args: &LearnArgs, records: &Records) -> String {
        let mut out = Vec::new();
        assert_eq!(run(args, records, &mut out).unwrap(), 0);
        String::from_utf8(out).unwrap()
    }

    fn hold(records: &Records) {
        let mut store = records.write().unwrap();
        let mut lesson = store.lessons("home").unwrap().remove(0);
        lesson.identity = Identity::Domain("casino.example".to_owned());
        store.hold("home", &[lesson]).unwrap();
    }

    #[test]
    fn held_lessons_are_shown_and_then_confirmed_or_thrown_away() {
        let (_dir, records) = sample::records();
        let (show, confirm, discard) = (
            LearnArgs::default(),
            LearnArgs {
                confirm: true,
                ..LearnArgs::default()
            },
            LearnArgs {
                discard: true,
                ..LearnArgs::default()
            },
        );
        assert_eq!(said(&show, &records), "home: no lessons are held back.\n");
        hold(&records);
        assert_eq!(
            said(&show, &records),
            "home: 1 lesson held back:\n  2026-11-18  blackhole  @casino.example\n\
             If you dragged this mail yourself: postroom learn --confirm. If not: postroom learn --discard.\n"
        );
        assert!(said(&discard, &records).starts_with("1 lesson thrown away"));
        assert_eq!(records.read().unwrap().lessons("home").unwrap().len(), 2);
        hold(&records);
        assert!(said(&confirm, &records).starts_with("1 lesson now in force"));
        assert_eq!(records.read().unwrap().lessons("home").unwrap().len(), 3);
    }
}
