//! The rules that must hold, whatever happened: at every command that changes mail, and at the end of the day
//! (reliability.md section 3, S1 to S10).

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use postroom::sort::ledger::{Row, RowKind, State};
use postroom::sort::mailbox::Mailbox;
use postroom::sort::refusal::{PERHAPS, left_a_copy};
use postroom::store::{Query, Store};

use super::letter::Kind;
use super::life::ACCOUNT;
use super::post::{Hand, Place};
use super::profile::Ladder;
use super::world::{Act, Shared, World};

/// Looks over the daemon's shoulder from now on.
pub fn attend(world: &mut World, state: &Path) {
    let state: PathBuf = state.to_owned();
    let path = state.clone();
    world.look_with(Box::new(move || {
        let store = Store::open_read_only(&path).ok();
        store.is_some_and(|store| {
            store
                .folder(ACCOUNT, &Mailbox::inbox())
                .is_ok_and(|mark| mark.is_some())
        })
    }));
    let mut records: Option<Store> = None;
    world.inspect_with(Box::new(move |world, acts| {
        if records.is_none() {
            records = Store::open_read_only(&state).ok();
        }
        let Some(store) = &records else {
            return vec!["a command that changes mail, and there are no records".to_owned()];
        };
        let open = store.open_rows(ACCOUNT).expect("the records can be read");
        let found = acts.iter().map(|act| inspect(world, act, &open, store));
        found.filter_map(Result::err).collect()
    }));
}

pub fn all_rows(store: &Store) -> Vec<Row> {
    let query = Query {
        account: Some(ACCOUNT.to_owned()),
        ..Query::default()
    };
    store.rows(&query).expect("the records can be read")
}

/// The place a row is about.
fn source(row: &Row) -> Place {
    Place {
        folder: row.entry.source.mailbox.as_str().to_owned(),
        epoch: row.entry.source.uid_validity.0,
        uid: row.entry.source.uid.0,
    }
}

/// One command about one copy.
fn inspect(world: &World, act: &Act, open: &[Row], store: &Store) -> Result<(), String> {
    let Act {
        verb,
        place,
        to,
        letter,
    } = act;
    // S4: the ledger first.
    let Some(open) = open.iter().find(|row| source(row) == *place) else {
        return Err(format!("S4: {verb} of {place:?} to {to:?} without an open row"));
    };
    if let Some(to) = to
        && open
            .entry
            .destination
            .as_ref()
            .is_none_or(|planned| planned.as_str() != to)
    {
        return Err(format!(
            "S4: {verb} of {place:?} to {to}, but the row says {:?}",
            open.entry.destination
        ));
    }
    if open.entry.kind == RowKind::Sort
        && to.is_some()
        && let Some(rules) = &world.rules
    {
        rules.inspect(world.now(), open)?;
    }
    let Some(number) = letter else { return Ok(()) };
    let letter = &world.post.letters[*number];
    if letter.kind == Kind::Digest {
        return Err(format!("{verb} of {place:?}, which is our own digest"));
    }
    if open.entry.message_id.as_deref() != Some(letter.id.as_str()) {
        return Err(format!(
            "S6: {verb} of {place:?}, which is {} and not {:?}",
            letter.id, open.entry.message_id
        ));
    }
    // Of what is expunged the copy was looked at before.
    if open.entry.kind == RowKind::Undo || *verb == "EXPUNGE" {
        return Ok(());
    }
    // S5: what the user has put there, or what was decided before, is not moved.
    let hand = world.post.put_by.get(place).copied().unwrap_or(Hand::Server);
    let query = Query {
        account: Some(ACCOUNT.to_owned()),
        message_id: Some(letter.id.clone()),
        ..Query::default()
    };
    let rows = store.rows(&query).expect("the records can be read");
    // S10: of what was copied once, and is still there, no second copy is made.
    let copied = |row: &&Row| source(row) == *place && row.entry.kind != RowKind::Copy && left_a_copy(row);
    let moves = to.is_some() && open.entry.kind != RowKind::Copy;
    if let Some(before) = rows.iter().find(copied).filter(|_| moves) {
        return Err(format!("S10: {verb} of {place:?}, which row {} has copied", before.id));
    }
    for other in rows.iter().filter(|row| source(row) != *place) {
        if hand == Hand::User {
            return Err(format!(
                "S5: {verb} of {place:?}, which the user has put there, though row {} knew it",
                other.id
            ));
        }
        if other.state != State::Failed {
            return Err(format!(
                "S5: {verb} of {place:?} for the second time; row {} was the first",
                other.id
            ));
        }
    }
    // What came while the daemon was away is new, whatever number it has by now; no row knows it.
    if hand == Hand::Server && (*number < world.old || letter.is_from_user()) {
        return Err(format!(
            "B1: {verb} of {place:?}, which lay there when the folder was renumbered"
        ));
    }
    Ok(())
}

/// Moves that the daemon has made.
pub fn moves(world: &World) -> usize {
    world.post.deeds.iter().filter(|deed| deed.hand == Hand::Daemon).count()
}

/// The end of the day.
pub fn settle(world: &Shared, state: &Path) {
    let store = Store::open_read_only(state).expect("the records can be read");
    let rows = all_rows(&store);
    let mut world = world.lock();
    let mut broken = Vec::new();
    census(&world, &rows, &mut broken);
    marks(&world, &rows, &mut broken);
    ledger(&world, &rows, &mut broken);
    nothing_skipped(&world, &rows, &mut broken);
    lessons(&world, &rows, &store, &mut broken);
    in_time(&world, &rows, &mut broken);
    for rule in broken {
        world.breaks(rule);
    }
}

/// S1, S2: the daemon has made no message fewer, and none more that the ledger does not tell of.
fn census(world: &World, rows: &[Row], broken: &mut Vec<String>) {
    let mut net: BTreeMap<usize, i32> = BTreeMap::new();
    let mut all: BTreeMap<usize, i32> = BTreeMap::new();
    for deed in &world.post.deeds {
        let change = i32::from(deed.to.is_some()) - i32::from(deed.from.is_some() && !deed.kept);
        *all.entry(deed.letter).or_default() += change;
        if deed.hand == Hand::Daemon && deed.from.is_some() {
            *net.entry(deed.letter).or_default() += change;
        }
    }
    for letter in 0..world.post.letters.len() {
        let (count, due) = (
            world.post.whereabouts(letter).len() as i32,
            all.get(&letter).copied().unwrap_or(0),
        );
        if count != due {
            broken.push(format!(
                "the model itself: {count} copies of {letter}, {due} by its history"
            ));
        }
    }
    for (letter, net) in net.into_iter().filter(|(_, net)| *net != 0) {
        if net < -1 || net == -1 && !copied_by_the_user(world, rows, letter) {
            broken.push(format!(
                "S1: message {letter} ({:?}) is lost",
                world.post.letters[letter].kind
            ));
        } else if net > 0 && !is_told(world, rows, letter) {
            broken.push(format!(
                "S2: message {letter} is there {net} times too often, and nothing tells of it"
            ));
        }
    }
}

/// The user has copied the message to the very folder to which a lost command was to move it: nobody can tell his copy from
/// ours, and the original was taken away as if it were. The message is where both wanted it, once (seed 2396).
fn copied_by_the_user(world: &World, rows: &[Row], letter: usize) -> bool {
    let id = &world.post.letters[letter].id;
    rows.iter().any(|row| {
        let place = row.entry.destination.as_ref().zip(row.destination_uid);
        let hand = place.and_then(|(folder, (epoch, uid))| {
            let (folder, epoch, uid) = (folder.as_str().to_owned(), epoch.0, uid.0);
            world.post.put_by.get(&Place { folder, epoch, uid })
        });
        row.entry.message_id.as_ref() == Some(id) && row.state == State::Done && hand == Some(&Hand::User)
    })
}

/// The ledger tells of a second copy, or it could not be otherwise.
fn is_told(world: &World, rows: &[Row], letter: usize) -> bool {
    let id = &world.post.letters[letter].id;
    let told = |row: &Row| {
        let code = row.code.as_deref().unwrap_or_default();
        // What was perhaps copied could not be seen: the user had renamed the folder, or taken the copy away (seed 475).
        let copied = code.starts_with("copied, but ") || row.state == State::Void && code.starts_with(PERHAPS);
        let marked = world.profile.ladder == Ladder::Unsafe && row.state == State::Done;
        copied || marked
    };
    world.met.contains_key(&letter)
        || rows
            .iter()
            .any(|row| row.entry.message_id.as_ref() == Some(id) && told(row))
}

/// S3: no \Deleted of ours stays where nothing tells of it.
fn marks(world: &World, rows: &[Row], broken: &mut Vec<String>) {
    for (place, letter) in &world.marked {
        let copy = world.post.copy(&place.folder, place.uid);
        let there = world.post.place(&place.folder, place.uid) == *place;
        if there && copy.is_some_and(|copy| copy.flags.contains("\\Deleted")) && !is_told(world, rows, *letter) {
            broken.push(format!("S3: {place:?} is still flagged as deleted by us"));
        }
    }
}

/// L2: whatever came into the inbox was decided about, and what was there before was not.
fn nothing_skipped(world: &World, rows: &[Row], broken: &mut Vec<String>) {
    let mut hands: BTreeMap<usize, BTreeSet<Hand>> = BTreeMap::new();
    for deed in &world.post.deeds {
        hands.entry(deed.letter).or_default().insert(deed.hand);
    }
    for (letter, hands) in hands.iter().filter(|(_, hands)| hands.contains(&Hand::Postman)) {
        let id = &world.post.letters[*letter].id;
        let known = rows.iter().any(|row| row.entry.message_id.as_ref() == Some(id));
        let untouched = !hands.contains(&Hand::User);
        let marked = world
            .post
            .whereabouts(*letter)
            .iter()
            .any(|(_, copy)| copy.flags.contains("\\Deleted"));
        if untouched && !known && !marked && *letter >= world.old.max(world.renumbered) {
            broken.push(format!("L2: nobody has looked at message {letter}"));
        }
        if untouched && known && *letter < world.old {
            broken.push(format!("message {letter} was there before, and is in the ledger"));
        }
    }
}

/// What has its time comes at its time: moves that a rule puts off, and the digest.
fn in_time(world: &World, rows: &[Row], broken: &mut Vec<String>) {
    /// The last sweeps of the day, in milliseconds.
    const LAST: u64 = 20 * 60_000;
    let digests = world.post.letters.iter().filter(|letter| letter.kind == Kind::Digest);
    if digests.count() as u32 > 3 + 2 * world.jumps {
        broken.push("more digests than times for them".to_owned());
    }
    let Some(rules) = world.rules.as_ref().filter(|_| world.jumps == 0) else {
        return;
    };
    let mut arrived: BTreeMap<usize, u64> = BTreeMap::new();
    let mut touched: BTreeSet<usize> = BTreeSet::new();
    for deed in &world.post.deeds {
        match deed.hand {
            Hand::Postman => drop(arrived.insert(deed.letter, deed.at)),
            Hand::User | Hand::Server => drop(touched.insert(deed.letter)),
            Hand::Daemon => {
                touched.insert(deed.letter);
                let row = rows
                    .iter()
                    .find(|row| row.entry.kind == RowKind::Sort && deed.from.as_ref() == Some(&source(row)));
                let (Some(order), Some(arrived)) = (row.and_then(|row| rules.order(row)), arrived.get(&deed.letter))
                else {
                    continue;
                };
                if deed.at + 1_000 < arrived + order.after.unsigned_abs() * 1_000 {
                    broken.push(format!("message {} was moved too early by {order:?}", deed.letter));
                }
            }
        }
    }
    let Some(current) = rules.current().filter(|_| world.profile.ladder != Ladder::Unsafe) else {
        return;
    };
    for (letter, arrived) in &arrived {
        let Kind::News(list) = world.post.letters[*letter].kind else {
            continue;
        };
        let order = current
            .orders
            .values()
            .find(|order| order.list == list && order.folder.is_some());
        let Some(order) = order else { continue };
        let id = &world.post.letters[*letter].id;
        let refused = |row: &&Row| row.entry.message_id.as_ref() == Some(id) && row.state == State::Failed;
        let due = arrived + order.after.unsigned_abs() * 1_000 + LAST;
        let excused = touched.contains(letter)
            || *letter < world.old.max(world.renumbered)
            || *arrived < current.from + LAST
            || due > world.now()
            || rows.iter().any(|row| refused(&row));
        if !excused {
            broken.push(format!(
                "message {letter} came at {arrived} ms and nothing was done about it: {order:?}"
            ));
        }
    }
}

/// Every row is closed, and what the server did and what the ledger says are one.
fn ledger(world: &World, rows: &[Row], broken: &mut Vec<String>) {
    for row in rows.iter().filter(|row| row.state.is_open()) {
        broken.push(format!("row {} is still {}", row.id, row.state.as_str()));
    }
    let done: BTreeSet<Place> = rows
        .iter()
        .filter(|row| row.entry.kind.moves() && row.state != State::Failed)
        .map(source)
        .collect();
    for deed in world.post.deeds.iter().filter(|deed| deed.hand == Hand::Daemon) {
        let (Some(from), Some(to)) = (&deed.from, &deed.to) else {
            continue;
        };
        let told = done.contains(from)
            || rows
                .iter()
                .any(|row| source(row) == *from && row.code.as_deref().is_some_and(|code| code.starts_with("copied")));
        if !told && !world.met.contains_key(&deed.letter) {
            broken.push(format!(
                "the daemon moved {from:?} to {to:?} at {} ms, and no row says so",
                deed.at
            ));
        }
    }
    let to = |row: &Row| row.entry.destination.as_ref().map(|folder| folder.as_str().to_owned());
    let did: BTreeSet<(&str, &str)> = world
        .post
        .deeds
        .iter()
        .filter_map(|deed| {
            Some((
                world.post.letters[deed.letter].id.as_str(),
                deed.to.as_ref()?.folder.as_str(),
            ))
        })
        .collect();
    for row in rows
        .iter()
        .filter(|row| row.entry.kind.moves() && row.state == State::Done)
    {
        let (id, folder) = (
            row.entry.message_id.as_deref().unwrap_or_default(),
            to(row).unwrap_or_default(),
        );
        if !did.contains(&(id, folder.as_str())) {
            broken.push(format!(
                "row {} says that {id} was moved to {folder}, and nobody did that",
                row.id
            ));
        }
    }
    for row in rows {
        let Some((epoch, uid)) = row
            .destination_uid
            .filter(|_| row.state == State::Done && row.entry.kind.moves())
        else {
            continue;
        };
        let folder = row.entry.destination.as_ref().map(|folder| folder.as_str().to_owned());
        let place = Place {
            folder: folder.unwrap_or_default(),
            epoch: epoch.0,
            uid: uid.0,
        };
        let found = world
            .post
            .ever
            .get(&place)
            .map(|letter| &world.post.letters[*letter].id);
        if found != row.entry.message_id.as_ref() {
            broken.push(format!("row {} says {place:?}, where there was {found:?}", row.id));
        }
    }
}

/// S9: a lesson comes from the user's hand, and once.
fn lessons(world: &World, rows: &[Row], store: &Store, broken: &mut Vec<String>) {
    let mut met: BTreeSet<Place> = BTreeSet::new();
    for row in rows
        .iter()
        .filter(|row| matches!(row.entry.kind, RowKind::File | RowKind::Rescue))
    {
        let place = source(row);
        let hand = world.post.put_by.get(&place).copied();
        // Where he took the original between COPY and EXPUNGE to where our copy lay, nobody can tell the two apart.
        let letter = world.post.ever.get(&place);
        let beside = letter.is_some_and(|letter| world.met.contains_key(letter))
            && world.post.put_by.iter().any(|(other, by)| {
                *by == Hand::User && other.folder == place.folder && world.post.ever.get(other) == letter
            });
        if hand != Some(Hand::User) && !beside {
            broken.push(format!(
                "S9: row {} calls {place:?} the user's doing; it was {hand:?}",
                row.id
            ));
        }
        if !met.insert(place.clone()) {
            broken.push(format!("S9: {place:?} was counted twice"));
        }
    }
    for lesson in store.lessons(ACCOUNT).expect("the lessons can be read") {
        let dragged = rows.iter().any(|row| {
            matches!(row.entry.kind, RowKind::File | RowKind::Rescue)
                && row.entry.message_id == lesson.example
                && row.entry.bucket == lesson.bucket
        });
        if !dragged {
            broken.push(format!("S9: the lesson about {} comes from no drag", lesson.identity));
        }
    }
}
