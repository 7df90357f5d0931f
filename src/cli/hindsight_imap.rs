//! `postroom preview --replay 90d`: the account's past in date order, as if Postroom had been running, and what the user
//! has since done with each message. Every folder is opened with EXAMINE and nothing is written anywhere.
//!
//! Nothing of the future is known to a verdict: mail the user sent counts from its date, a lesson from the day it was
//! taught, and flags only when the verdict has been given. The folders are read as they are now, so mail that the user
//! has removed from all of them cannot be judged.

use std::collections::BTreeSet;
use std::io::{self, Write};

use serde_json::json;

use super::context::{Context, account, block_on, store_to_read};
use super::hindsight::{Deed, Hindsight};
use super::records::rfc3339;
use super::{exit, logging};
use crate::config::{Account, Config};
use crate::daemon::DaemonError;
use crate::daemon::clock;
use crate::daemon::logbook::Logbook;
use crate::daemon::reload::RulesKeeper;
use crate::daemon::visit::Visit;
use crate::daemon::worker::Worker;
use crate::sort::mailbox::{Mailbox, Timestamp};
use crate::sort::taught::Lesson;
use crate::sort::{Arrival, Sorter};

/// Sent mail is known from this long before the replay begins, seconds; the daemon's first look goes as far back.
const SENT_BEFORE: i64 = 2 * 365 * 86_400;

/// Something that happened, in order of time.
#[derive(Debug)]
enum Event {
    Sent(Box<Arrival>),
    Taught(Lesson),
    Arrived { arrival: Box<Arrival>, deleted: bool },
}

/// Judges the mail since then; with `json` as one object in place of the page.
pub fn run(since: Timestamp, name: Option<&str>, json: bool, context: &Context) -> anyhow::Result<u8> {
    logging::start("warn");
    let (config, keeper) = context.config_and_rules()?;
    let account = account(&config, name)?;
    let (hindsight, folders) = block_on(replay(&config, account, &keeper, since))??;
    let mut out = io::stdout().lock();
    if json {
        let mut object = json!({ "account": account.name, "since": rfc3339(since), "folders": folders });
        if let (Some(object), serde_json::Value::Object(told)) = (object.as_object_mut(), hindsight.to_json()) {
            object.extend(told);
        }
        writeln!(out, "{object}")?;
    } else {
        let names: Vec<&str> = folders.iter().map(Mailbox::as_str).collect();
        writeln!(out, "Read: {}\n", crate::sort::sanitise(&names.join(", ")))?;
        hindsight.print(&mut out)?;
        writeln!(
            out,
            "\nMail that you have deleted for good or moved to other folders cannot be seen and is not counted."
        )?;
    }
    Ok(exit::OK)
}

/// The same for a page of another kind.
pub(super) fn judge(
    config: &Config,
    account: &Account,
    keeper: &RulesKeeper,
    since: Timestamp,
) -> anyhow::Result<Hindsight> {
    let (hindsight, _) = block_on(replay(config, account, keeper, since))??;
    Ok(hindsight)
}

/// Reads the folders and walks through what happened.
async fn replay(
    config: &Config,
    account: &Account,
    keeper: &RulesKeeper,
    since: Timestamp,
) -> Result<(Hindsight, Vec<Mailbox>), DaemonError> {
    let logbook = Logbook::new(&account.name, None);
    let store = store_to_read(config)?;
    let mut visit = Worker::open(account, &store, keeper.current(), "", &logbook, false).await?;
    let (events, folders) = gather(&mut visit, since).await?;
    let sorter = Sorter::new(visit.sorter.settings.clone(), visit.sorter.rules.clone()).under(visit.sorter.names());
    visit.session.logout().await;
    Ok((walk(sorter, events, since), folders))
}

/// Everything that happened, in order of time; at the same second what the user did comes first.
async fn gather(
    visit: &mut Visit<'_>,
    since: Timestamp,
) -> Result<(Vec<(Timestamp, Event)>, Vec<Mailbox>), DaemonError> {
    let now = clock::now();
    let mut events: Vec<(Timestamp, Event)> = visit
        .sorter
        .taught
        .lessons()
        .map(|lesson| (lesson.at, Event::Taught(lesson.clone())))
        .collect();
    let mut folders = Vec::new();
    if let Some(sent) = visit.layout.sent.clone() {
        let oldest = Timestamp(since.0.saturating_sub(SENT_BEFORE));
        visit
            .look_into(&sent, Some(oldest), |arrival| {
                let at = arrival.message.date.or(arrival.arrived).unwrap_or(now).min(now);
                if at >= oldest {
                    events.push((at, Event::Sent(arrival)));
                }
            })
            .await?;
        folders.push(sent);
    }
    let trash = visit.layout.special_use.get("\\trash").cloned();
    let archive = visit.layout.special_use.get("\\archive").cloned();
    let mut met = BTreeSet::new();
    let received = std::iter::once(Mailbox::inbox())
        .chain(visit.layout.buckets.clone())
        .chain(archive)
        .chain(trash.clone());
    for folder in received {
        if folders.contains(&folder) {
            continue;
        }
        let deleted = trash.as_ref() == Some(&folder);
        visit
            .look_into(&folder, Some(since), |arrival| {
                let at = arrival.arrived.or(arrival.message.date).unwrap_or(now).min(now);
                if met.insert(arrival.mid.clone()) {
                    events.push((at, Event::Arrived { arrival, deleted }));
                }
            })
            .await?;
        folders.push(folder);
    }
    events.sort_by_key(|(at, event)| (*at, matches!(event, Event::Arrived { .. })));
    Ok((events, folders))
}

/// The verdicts as they would have been. What arrived before `since` is known and not judged.
fn walk(mut sorter: Sorter, events: Vec<(Timestamp, Event)>, since: Timestamp) -> Hindsight {
    let mut hindsight = Hindsight::default();
    for (at, event) in events {
        match event {
            Event::Taught(lesson) => drop(sorter.taught.teach(&lesson)),
            Event::Sent(arrival) => {
                hindsight.sent(at, &arrival.message);
                sorter.sent(at, &arrival.message);
            }
            Event::Arrived { mut arrival, deleted } => {
                // The archive and the trash hold the user's own mail too, which never came in.
                let from_me = arrival
                    .message
                    .from()
                    .is_some_and(|from| sorter.settings.owner.is(from));
                let place = format!("{} {}", arrival.location.mailbox, arrival.location.uid);
                // A new message has no flags yet, and it came to the inbox wherever it lies now.
                let flags = std::mem::take(&mut arrival.flags);
                arrival.location.mailbox = Mailbox::inbox();
                if at >= since && !from_me {
                    let verdict = sorter.decide(at, &arrival).verdict;
                    let deed = Deed::by_flags(Some(&flags), deleted);
                    hindsight.judged(at, place, &arrival.message, &verdict, deed);
                }
                sorter.received(at, &arrival);
            }
        }
    }
    hindsight
}
