//! `postroom explain`: why a message is where it is. Looks in three places: a file, the ledger, and the folder on the
//! server (opened with EXAMINE, so nothing changes there).

mod page;
mod story;

use std::io::{self, Write};
use std::path::Path;
use std::sync::Arc;

use anyhow::{Context as _, anyhow, bail};

use super::context::{Context, account, block_on, store_to_read, visit_to_look};
use super::{exit, logging};
use crate::config::{Account, Config};
use crate::daemon::layout::Layout;
use crate::daemon::logbook::Logbook;
use crate::daemon::reload::RulesKeeper;
use crate::daemon::{DaemonError, clock, contacts, model};
use crate::imap::{Access, ImapError};
use crate::sort::arrival::Event;
use crate::sort::attachments;
use crate::sort::inquiry::Inquiry;
use crate::sort::ledger::{Mid, Row};
use crate::sort::mailbox::{Location, Mailbox, Uid, UidValidity};
use crate::sort::message::Message;
use crate::sort::rules::RuleSet;
use crate::sort::sender::Address;
use crate::sort::{Arrival, sanitise};
use crate::store::{Query, Store, StoreError};
use page::Asked;
use story::Story;

/// Options of `postroom explain`.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  the newest from a sender  postroom explain offers@shop.example\n  a saved message           postroom explain letter.eml\n  by its Message-ID         postroom explain '<1234@shop.example>'\n  asked again now           postroom explain Bulk/4711 --again"
)]
pub struct Args {
    /// A sender's address (their newest message), a saved message, a Message-ID, or a folder and the message's number (UID)
    /// in it
    #[arg(value_name = "ADDRESS|FILE.eml|MESSAGE-ID|FOLDER/UID")]
    pub what: String,
    /// Fetch the header again and ask today's rules and lessons too, beside what was recorded
    #[arg(long)]
    pub again: bool,
    /// The account, when there are several
    #[arg(long, value_name = "NAME")]
    pub account: Option<String>,
    /// JSON instead of sentences
    #[arg(long)]
    pub json: bool,
}

/// Explains a file, a Message-ID or a place.
pub fn run(args: &Args, context: &Context) -> anyhow::Result<u8> {
    logging::start("warn");
    // What was recorded is told whatever has become of the rules since.
    let config = context.config()?;
    let keeper = RulesKeeper::open(&config);
    let mut out = io::stdout().lock();
    let file = Path::new(&args.what);
    if file.is_file() {
        let account = account(&config, args.account.as_deref())?;
        let raw = std::fs::read(file).with_context(|| format!("cannot read {}", file.display()))?;
        let asked = ask_about_file(&config, account, keeper?.current(), &args.what, &raw)?;
        asked.write(args.json, &mut out)?;
        return Ok(exit::OK);
    }
    let place = place(&args.what);
    let (mut rows, store) = (Vec::new(), store_to_read(&config)?);
    let (wanted, only) = (args.what.clone(), args.account.clone());
    rows.extend(block_on(async {
        store.run(move |store| rows_about(store, &wanted, only)).await
    })??);
    let stories = Story::tell(rows);
    let rules = keeper.as_ref().map(RulesKeeper::current).unwrap_or_default();
    for story in &stories {
        story.write(args.json, rules.digest(), args.again, &mut out)?;
    }
    if !stories.is_empty() && !args.again {
        return Ok(exit::OK);
    }
    let (account, mailbox, uid) = match (stories.last(), place) {
        (Some(story), _) => {
            let (mailbox, uid) = story
                .place()
                .context("where the message is now was never recorded, so its header cannot be fetched again")?;
            (self::account(&config, Some(&story.account))?, mailbox, uid)
        }
        (None, Some((mailbox, uid))) => (self::account(&config, args.account.as_deref())?, mailbox, uid),
        (None, None) => bail!(
            "the records know no message `{}` and none from such a sender, and there is no such file. Say the sender's \
             address, a saved message, the Message-ID as the header has it, or FOLDER/UID",
            sanitise(&args.what)
        ),
    };
    let asked = ask_about_place(&config, account, &keeper?, &mailbox, uid)?;
    if !args.json {
        writeln!(
            out,
            "{}",
            if stories.is_empty() {
                "Postroom never sorted this message. Asked now, it would say:\n"
            } else {
                "\nAsked again now:\n"
            }
        )?;
    }
    asked.write(args.json, &mut out)?;
    Ok(exit::OK)
}

/// `Bulk/4711`: a folder and a UID. The folder may hold slashes itself.
fn place(what: &str) -> Option<(Mailbox, Uid)> {
    let (folder, uid) = what.rsplit_once('/')?;
    let uid: u32 = uid.parse().ok()?;
    (!folder.is_empty() && uid > 0).then(|| (Mailbox::new(folder), Uid(uid)))
}

/// The rows about the message that `what` names: by Message-ID, else by place, else the newest of that sender.
fn rows_about(store: &Store, what: &str, account: Option<String>) -> Result<Vec<Row>, StoreError> {
    let by_id = Query {
        account: account.clone(),
        message_id: Some(what.trim_start_matches('<').trim_end_matches('>').to_owned()),
        ..Query::default()
    };
    let rows = store.rows(&by_id)?;
    if !rows.is_empty() {
        return Ok(rows);
    }
    let latest = Query {
        account,
        limit: Some(1),
        newest_first: true,
        ..Query::default()
    };
    let latest = if let Some(place) = place(what) {
        Query {
            place: Some(place),
            ..latest
        }
    } else if let Some(from) = Address::parse(what) {
        Query {
            from: Some(from),
            ..latest
        }
    } else {
        return Ok(Vec::new());
    };
    let newest = store.rows(&latest)?.pop();
    let Some(newest) = newest else { return Ok(Vec::new()) };
    let same = Query {
        account: Some(newest.account),
        mid: Some(newest.entry.mid),
        ..Query::default()
    };
    store.rows(&same)
}

fn ask_about_file(
    config: &Config,
    account: &Account,
    rules: Arc<RuleSet>,
    path: &str,
    raw: &[u8],
) -> anyhow::Result<Asked> {
    let store = store_to_read(config)?;
    let settings = model::settings(account, &Layout::default());
    let mut sorter = block_on(async { store.run(move |store| model::load(store, settings, rules)).await })??;
    if let Some(path) = &account.contacts {
        // `check` and the log say what is wrong with a file that cannot be read.
        sorter.contacts = contacts::read(path).unwrap_or_default();
    }
    let message = Message::parse(raw);
    let now = clock::now();
    let arrival = Arrival {
        mid: Mid::fingerprint(message.fingerprint(raw.len() as u32)),
        location: Location {
            mailbox: Mailbox::inbox(),
            uid_validity: UidValidity(0),
            uid: Uid(0),
        },
        size: raw.len() as u32,
        arrived: message.date,
        utc_offset: clock::utc_offset(message.date.unwrap_or(now)),
        flags: Vec::new(),
        attachments: Some(attachments::names(raw)),
        history: Vec::new(),
        message,
    };
    let inquiry = sorter.inquire(now, &arrival);
    let folder = sorter.destination(&inquiry.verdict).unwrap_or_else(Mailbox::inbox);
    Ok(Asked {
        path: Some(path.to_owned()),
        arrival,
        inquiry,
        folder,
        now,
    })
}

/// Fetches one header, changing nothing on the server.
fn ask_about_place(
    config: &Config,
    account: &Account,
    keeper: &RulesKeeper,
    mailbox: &Mailbox,
    uid: Uid,
) -> anyhow::Result<Asked> {
    let logbook = Logbook::new(&account.name, None);
    let found = block_on(async {
        let mut visit = visit_to_look(config, account, keeper.current(), &logbook).await?;
        let selected = match visit.session.select(mailbox, Access::ReadOnly).await {
            Err(ImapError::Refused { bad: false, text, .. }) => return Ok(Err(text)),
            selected => selected?,
        };
        let fetched = visit.session.headers(&[uid], &visit.fields()).await?;
        let events = visit.read(mailbox, selected.uid_validity, fetched).await?;
        let now = clock::now();
        let asked = events.into_iter().find_map(|event| match event {
            Event::Arrived(arrival) if arrival.location.uid == uid => {
                let inquiry: Inquiry = visit.sorter.inquire(now, &arrival);
                let folder = visit.sorter.destination(&inquiry.verdict);
                Some(Asked {
                    path: None,
                    arrival: *arrival,
                    inquiry,
                    folder: folder.unwrap_or_else(Mailbox::inbox),
                    now,
                })
            }
            _ => None,
        });
        visit.session.logout().await;
        Ok::<_, DaemonError>(Ok(asked))
    })??;
    let found = found.map_err(|words| {
        anyhow!(
            "the server opens no folder {}: {}. Write the folder as `postroom log` does, with / between the levels",
            sanitise(mailbox.as_str()),
            sanitise(words.trim_end_matches('.'))
        )
    })?;
    found.with_context(|| {
        format!(
            "there is no message {uid} in {} any more; a message gets another number in each folder it is moved to, so ask \
             by its Message-ID",
            sanitise(mailbox.as_str())
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_a_folder_and_a_number() {
        assert_eq!(place("Bulk/4711"), Some((Mailbox::new("Bulk"), Uid(4711))));
        assert_eq!(place("a/b/7"), Some((Mailbox::new("a/b"), Uid(7))));
        for no in ["Bulk", "/7", "Bulk/0", "Bulk/x", "<7@shop.example>", "Bulk/-1"] {
            assert_eq!(place(no), None, "{no}");
        }
    }

    #[test]
    fn a_message_is_found_by_its_place_before_and_after_the_move() {
        let (_dir, records) = crate::cli::sample::records();
        let mut store = records.write().unwrap();
        let entry = crate::cli::sample::entry(70);
        let rows = store.plan("home", "r9", records.now, &[entry]).unwrap().into_inner();
        let there = crate::sort::ledger::Outcome::Done(Some((UidValidity(3), Uid(900))));
        store.close(records.now, &[(rows[0], there)]).unwrap();
        for what in ["INBOX/110", "News/900", "inbox/110"] {
            let found = rows_about(&store, what, None).unwrap();
            assert_eq!(found.iter().map(|row| row.id).collect::<Vec<_>>(), rows, "{what}");
        }
        assert!(rows_about(&store, "News/901", None).unwrap().is_empty());
    }
}
