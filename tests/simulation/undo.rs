//! `postroom undo --all` at the end of the day: what the user has not touched goes back, and nothing else changes.

use std::path::Path;
use std::sync::Arc;

use postroom::config::Account;
use postroom::daemon::DaemonError;
use postroom::daemon::access::Gate;
use postroom::daemon::logbook::Logbook;
use postroom::daemon::undo::Undone;
use postroom::daemon::visit::Visit;
use postroom::sort::ledger::{Row, RowKind, State};
use postroom::sort::rules::RuleSet;
use postroom::store::{Query, Store};

use super::gate::Pipe;
use super::life::{ACCOUNT, open_store};
use super::post::Hand;
use super::world::{Shared, World};

/// Takes every move back, and looks whether all is right.
pub async fn take_back(world: &Shared, account: &Account, state: &Path, life: u32) {
    world.lock().note("undo --all");
    let rows: Vec<Row> = {
        let store = Store::open_read_only(state).expect("the records can be read");
        let query = Query {
            account: Some(ACCOUNT.to_owned()),
            kinds: vec![RowKind::Sort],
            state: Some(State::Done),
            newest_first: true,
            ..Query::default()
        };
        store.rows(&query).expect("the records can be read")
    };
    let results = match undo(world, account, state, &format!("undo.{life}"), rows.clone()).await {
        Ok(results) => results,
        Err(error) => return world.lock().breaks(format!("undo: {error}")),
    };
    let mut world = world.lock();
    let mut broken = Vec::new();
    for (id, undone) in results {
        let row = rows.iter().find(|row| row.id == id).expect("a row that was asked for");
        look_after(&world, row, &undone, &mut broken);
    }
    for rule in broken {
        world.breaks(rule);
    }
}

/// As `postroom undo` does it, over a connection of its own.
pub async fn undo(
    world: &Shared,
    account: &Account,
    state: &Path,
    run: &str,
    rows: Vec<Row>,
) -> Result<Vec<(postroom::sort::ledger::RowId, Undone)>, DaemonError> {
    let gate = Pipe {
        world: world.clone(),
        password: "secret".to_owned(),
    };
    let (store, logbook, rules) = (
        open_store(state),
        Logbook::new(ACCOUNT, None),
        Arc::new(RuleSet::default()),
    );
    let session = gate.open(&account.imap, None).await?;
    let mut visit = Visit::begin(session, account, &store, rules, run, &logbook, true).await?;
    visit.sorter.settings.moves = true;
    visit.recover().await?;
    let results = visit.undo(rows, false).await?;
    visit.session.logout().await;
    Ok(results)
}

/// One row that was to be taken back.
fn look_after(world: &World, row: &Row, undone: &Undone, broken: &mut Vec<String>) {
    let id = row.entry.message_id.as_deref().unwrap_or_default();
    let Some(letter) = world.post.letters.iter().position(|letter| letter.id == id) else {
        return;
    };
    let touched = world
        .post
        .deeds
        .iter()
        .any(|deed| deed.letter == letter && deed.hand == Hand::User);
    let in_inbox = world
        .post
        .whereabouts(letter)
        .iter()
        .any(|(folder, copy)| *folder == "INBOX" && !copy.flags.contains("\\Deleted"));
    match undone {
        Undone::Refused(why) if !touched => broken.push(format!(
            "S7: row {} (message {letter}, {:?}, put at {:?}) was not taken back: {why}",
            row.id, row.entry.source, row.destination_uid
        )),
        Undone::Back(_) if !touched && !in_inbox => {
            broken.push(format!(
                "S7: row {} is said to be back, and message {letter} is not in the inbox",
                row.id
            ));
        }
        _ => {}
    }
}
