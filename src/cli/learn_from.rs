//! `postroom learn --from FOLDER=BUCKET`: folders that were sorted before Postroom came, read once with EXAMINE as a
//! training set. Moves nothing; a running daemon takes the lessons up before its next verdict.

use std::collections::BTreeMap;
use std::io::{self, Write};
use std::str::FromStr;

use anyhow::bail;

use super::context::{Context, account, block_on, visit_to_look};
use super::learn::LearnArgs;
use super::{exit, identity, logging};
use crate::config::{Account, Config};
use crate::daemon::clock;
use crate::daemon::logbook::Logbook;
use crate::daemon::past::MOST_MESSAGES;
use crate::daemon::reload::RulesKeeper;
use crate::daemon::supervisor::place;
use crate::sort::bucket::Bucket;
use crate::sort::evidence::Evidence;
use crate::sort::mailbox::Mailbox;
use crate::sort::sanitise;
use crate::sort::taught::{Drag, Identity, Teacher};
use crate::sort::training::{Trained, Training};
use crate::store::{Learning, Store};

/// One folder and the bucket its mail belongs to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lot {
    /// The folder.
    pub folder: Mailbox,
    /// The bucket.
    pub bucket: Bucket,
}

impl FromStr for Lot {
    type Err = String;

    /// `Old/Newsletters=news`; the last equals sign parts the two, since folders may have one in their name.
    fn from_str(text: &str) -> Result<Self, String> {
        let (folder, bucket) = text
            .rsplit_once('=')
            .ok_or_else(|| "say FOLDER=BUCKET, for example Newsletters=news".to_owned())?;
        if folder.is_empty() {
            return Err("the folder's name is missing; say for example Newsletters=news".to_owned());
        }
        let bucket = bucket.parse().map_err(|error| format!("{error}"))?;
        Ok(Self {
            folder: Mailbox::new(folder),
            bucket,
        })
    }
}

/// What a SaneBox user's folders stand for, by their last name in lower case. The others (reminders, snoozed mail, mail
/// with copies to others) say when to read, not whose mail it is.
const SANEBOX: [(&str, Bucket); 6] = [
    ("@sanenews", Bucket::News),
    ("@sanelater", Bucket::Bulk),
    ("@sanebulk", Bucket::Bulk),
    ("@sanepromotions", Bucket::Bulk),
    ("@sanenoreplies", Bucket::Bulk),
    ("@saneblackhole", Bucket::Blackhole),
];

/// Runs the command.
///
/// # Errors
/// A folder that is not there, and those of the connection and of the records.
pub fn run(args: &LearnArgs, context: &Context) -> anyhow::Result<u8> {
    logging::start("warn");
    let (config, keeper) = context.config_and_rules()?;
    let account = account(&config, args.account.as_deref())?;
    for lot in &args.from {
        Bucket::meant(lot.bucket.as_str(), account.folders.own_buckets())?;
    }
    let (lots, trained) = block_on(read(args, &config, account, &keeper))??;
    let mut out = io::stdout().lock();
    for (lot, messages) in &lots {
        let most = if *messages == MOST_MESSAGES { ", the newest" } else { "" };
        let (folder, bucket) = (sanitise(lot.folder.as_str()), lot.bucket);
        writeln!(
            out,
            "{folder} -> {bucket}: {} read{most}",
            counted(*messages, "message")
        )?;
    }
    if !args.dry_run && !trained.lessons.is_empty() {
        let learning = Learning {
            run: crate::cli::context::new_run(),
            lessons: trained.lessons.iter().map(|(lesson, _)| lesson.clone()).collect(),
            ..Learning::default()
        };
        let now = clock::now();
        let _ = Store::open_beside(place(&config), now)?.commit_learning(&account.name, now, &learning)?;
    }
    report(&trained, args.dry_run, &mut out)?;
    Ok(exit::OK)
}

/// Reads the folders; each with the number of its messages, and what they come to.
async fn read(
    args: &LearnArgs,
    config: &Config,
    account: &Account,
    keeper: &RulesKeeper,
) -> anyhow::Result<(Vec<(Lot, usize)>, Trained)> {
    let logbook = Logbook::new(&account.name, None);
    let mut visit = visit_to_look(config, account, keeper.current(), &logbook).await?;
    let folders: Vec<Mailbox> = visit
        .session
        .list()
        .await?
        .into_iter()
        .filter(|folder| folder.selectable)
        .map(|folder| folder.mailbox)
        .collect();
    let mut read = Vec::new();
    let mut training = Training::default();
    let (provider, owner) = (visit.sorter.provider.clone(), account.owner.clone());
    for lot in lots(args, &folders)? {
        let now = clock::now();
        let messages = visit.look_into(&lot.folder, None, |arrival| {
            let message = &arrival.message;
            let drag = Drag {
                message,
                evidence: &Evidence::of(message, &owner),
                authentication: provider.authenticate(message),
                bucket: lot.bucket,
                whole_domain: false,
                at: arrival.arrived.unwrap_or(now),
                by: Teacher::Import,
            };
            training.add(&drag, &owner);
        });
        let messages = messages.await?;
        read.push((lot, messages));
    }
    let trained = training.finish(clock::now(), &visit.sorter.taught, &visit.sorter.correspondence);
    visit.session.logout().await;
    Ok((read, trained))
}

/// The folders asked for, all of them there.
fn lots(args: &LearnArgs, folders: &[Mailbox]) -> anyhow::Result<Vec<Lot>> {
    let mut lots = args.from.clone();
    if args.from_sanebox {
        lots.extend(of_sanebox(folders));
        if lots.is_empty() {
            bail!(
                "this account has no folder of SaneBox (@SaneNews, @SaneLater, @SaneBlackHole); name yours with --from FOLDER=BUCKET"
            );
        }
    }
    if lots.is_empty() {
        bail!("say which folder teaches what, for example --from Newsletters=news");
    }
    match lots.iter().find(|lot| !folders.contains(&lot.folder)) {
        None => Ok(lots),
        Some(lot) => {
            let names: Vec<String> = folders.iter().map(|folder| sanitise(folder.as_str())).collect();
            bail!("there is no folder {}; there are {}", lot.folder, names.join(", "));
        }
    }
}

fn of_sanebox(folders: &[Mailbox]) -> Vec<Lot> {
    let bucket = |folder: &Mailbox| {
        let name = folder.as_str().rsplit('/').next().unwrap_or_default().to_lowercase();
        SANEBOX
            .iter()
            .find(|(known, _)| *known == name)
            .map(|(_, bucket)| *bucket)
    };
    let found = folders.iter().filter_map(|folder| {
        let (folder, bucket) = (folder.clone(), bucket(folder)?);
        Some(Lot { folder, bucket })
    });
    found.collect()
}

fn report(trained: &Trained, dry_run: bool, out: &mut dyn Write) -> io::Result<()> {
    let mut counts: BTreeMap<Bucket, (usize, usize)> = BTreeMap::new();
    for (lesson, messages) in &trained.lessons {
        let (senders, lists) = counts.entry(lesson.bucket).or_default();
        match lesson.identity {
            Identity::List(_) => *lists += 1,
            Identity::Address(_) | Identity::Domain(_) => *senders += 1,
        }
        if dry_run {
            let who = sanitise(&identity::spelling(&lesson.identity));
            writeln!(
                out,
                "  {:<9}  {who}  ({})",
                lesson.bucket,
                counted(*messages, "message")
            )?;
        }
    }
    let verb = if dry_run { "would be taught" } else { "taught" };
    if counts.is_empty() {
        writeln!(out, "nothing {verb}")?;
    }
    for (bucket, (senders, lists)) in counts {
        let (senders, lists) = (counted(senders, "sender"), counted(lists, "list"));
        writeln!(out, "{bucket}: {verb} {senders}, {lists}")?;
    }
    let names = |names: &mut dyn Iterator<Item = String>| names.collect::<Vec<_>>().join(", ");
    if !trained.correspondents.is_empty() {
        let people = names(&mut trained.correspondents.iter().map(|address| sanitise(address.as_str())));
        writeln!(
            out,
            "left out, since you write to them: {people}. To have it so all the same: postroom train ADDRESS BUCKET"
        )?;
    }
    if !trained.kept.is_empty() {
        let kept = names(&mut trained.kept.iter().map(|kept| sanitise(&identity::spelling(kept))));
        writeln!(out, "left as you taught them yourself: {kept}")?;
    }
    if !dry_run && !trained.lessons.is_empty() {
        writeln!(
            out,
            "No mail was moved. `postroom senders` lists what was learned, `postroom forget` takes it back."
        )?;
    }
    Ok(())
}

fn counted(count: usize, what: &str) -> String {
    format!("{count} {what}{}", if count == 1 { "" } else { "s" })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_may_have_an_equals_sign_and_the_bucket_must_be_one() {
        let lot: Lot = "Shop=Mail/Old=bulk".parse().unwrap();
        assert_eq!((lot.folder.as_str(), lot.bucket), ("Shop=Mail/Old", Bucket::Bulk));
        for wrong in ["Old", "=bulk", "Old=Not a bucket"] {
            assert!(Lot::from_str(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn folders_of_sanebox_are_known_wherever_they_lie_and_the_others_are_let_be() {
        let folders = [
            "INBOX",
            "@SaneLater",
            "INBOX/@SaneBlackHole",
            "@SaneTomorrow",
            "SaneNews",
        ]
        .map(Mailbox::from);
        let found: Vec<_> = of_sanebox(&folders)
            .into_iter()
            .map(|lot| (lot.folder.as_str().to_owned(), lot.bucket))
            .collect();
        assert_eq!(
            found,
            [
                ("@SaneLater".to_owned(), Bucket::Bulk),
                ("INBOX/@SaneBlackHole".to_owned(), Bucket::Blackhole)
            ]
        );
    }
}
