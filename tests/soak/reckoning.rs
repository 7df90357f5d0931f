//! Counts all mail: nothing lost, no byte and no flag changed, and no message in two places unless it is proven that two
//! moves of one and the same copy met in the server.
//!
//! The proof of such a meeting: the user's COPYUID for a copy (folder, UID), a row of the ledger that is done about the very
//! same (folder, UID), and both of their results among the copies or their forebears. A UID is moved once; where two
//! moves of one UID were both answered with a new one, the server ran them at the same time (RFC 2180 section 4.4.2), and
//! neither client could have known. Or the ledger itself tells of the second copy: an original that could not be removed, or
//! a copy whose answer was lost and which the user's own COPYUID took out of the folder where nobody but us had put it.

use std::collections::{BTreeMap, BTreeSet};

use rusqlite::{Connection, OpenFlags};

use super::support::{Hand, Home, Ledger};
use super::user::{Drag, Found, Place, User};

/// A move as the ledger has it.
#[derive(Debug)]
struct Row {
    state: String,
    from: Place,
    /// The folder it was meant for.
    folder: String,
    to: Option<Place>,
    code: Option<String>,
}

impl Row {
    /// The answer to COPY was lost, and what came into the folder since was not all there any more.
    fn is_perhaps_copied(&self) -> bool {
        self.state == "void"
            && self
                .code
                .as_deref()
                .is_some_and(|code| code.starts_with("perhaps copied"))
    }
}

/// Everything must be where it can be explained; returns how many messages are double because the user moved them in
/// the very instant the daemon did.
pub fn look(user: &User, hand: &mut Hand, home: &Home, rounds: u32) -> usize {
    let places = User::places(hand);
    let lost: Vec<&String> = user.alive.iter().filter(|id| !places.contains_key(*id)).collect();
    assert!(lost.is_empty(), "after {rounds} rounds lost: {lost:?}");
    let rows = moves(home);
    let met = |id: &String, copies: &[Found]| {
        let drags: Vec<&Drag> = user.drags.iter().filter(|drag| drag.id == *id).collect();
        meetings(copies, &drags, rows.get(id).map_or(&[][..], Vec::as_slice))
    };
    for (id, copies) in &places {
        let asked = user.flagged.get(id).cloned().unwrap_or_default();
        for copy in copies {
            assert_eq!(
                user.delivered.get(id),
                Some(&copy.bytes),
                "after {rounds} rounds {id} has other bytes at {:?}",
                copy.place
            );
            let mut ours: Vec<&String> = copy.flags.difference(&asked).collect();
            // The user took it between our STORE and our UID EXPUNGE, and the flag went with it; or he took our copy, and the flag stayed behind.
            if copies.len() > 1 && met(id, copies) > 0 {
                ours.retain(|flag| *flag != "\\Deleted");
            }
            assert!(
                ours.is_empty(),
                "after {rounds} rounds {id} has flags {ours:?} at {:?}, which the user never set: {copies:?}, {:?}, {:?}",
                copy.place,
                user.drags.iter().filter(|drag| drag.id == *id).collect::<Vec<_>>(),
                rows.get(id)
            );
        }
    }
    let mut doubled = 0;
    for (id, copies) in places.iter().filter(|(_, copies)| copies.len() > 1) {
        let meetings = met(id, copies);
        assert!(
            copies.len() - 1 <= meetings,
            "after {rounds} rounds {id} is at {:?} and {meetings} meetings are proven; the user's moves {:?}, ours {:?}",
            copies.iter().map(|copy| &copy.place).collect::<Vec<_>>(),
            user.drags.iter().filter(|drag| drag.id == *id).collect::<Vec<_>>(),
            rows.get(id)
        );
        doubled += 1;
    }
    let ledger = Ledger::of(home);
    assert_eq!(ledger.open(), 0, "after {rounds} rounds: {ledger:?}");
    assert!(
        ledger.drags <= user.lessons_given,
        "after {rounds} rounds {} drags were counted, {} were made",
        ledger.drags,
        user.lessons_given
    );
    doubled
}

/// How many second copies are explained.
fn meetings(copies: &[Found], drags: &[&Drag], rows: &[Row]) -> usize {
    let mut known: BTreeSet<Place> = copies.iter().map(|copy| copy.place.clone()).collect();
    // Back to where each copy came from.
    loop {
        let before = known.len();
        let by_user = drags.iter().map(|drag| (&drag.from, &drag.to));
        let by_us = rows.iter().filter_map(|row| Some((&row.from, row.to.as_ref()?)));
        let forebears: Vec<Place> = by_user
            .chain(by_us)
            .filter(|(_, to)| known.contains(to))
            .map(|(from, _)| from.clone())
            .collect();
        known.extend(forebears);
        if known.len() == before {
            break;
        }
    }
    // The user's move of a copy out of the folder of our row, where no other move had put it.
    let taken = |row: &Row| {
        drags.iter().find(|later| {
            let put_there = drags.iter().any(|other| other.to == later.from)
                || rows.iter().any(|other| other.to.as_ref() == Some(&later.from));
            later.from.folder == row.folder && !put_there && known.contains(&later.from)
        })
    };
    let met = drags.iter().filter(|drag| {
        let ours = rows.iter().any(|row| {
            row.state == "done" && row.from == drag.from && row.to.as_ref().is_some_and(|to| known.contains(to))
        });
        // The user dragged our result on before it was read back: nobody else can have put it where it came from.
        let dragged_on = rows.iter().any(|row| {
            row.state == "void" && !row.is_perhaps_copied() && row.from == drag.from && taken(row).is_some()
        });
        (ours || dragged_on) && known.contains(&drag.to)
    });
    let perhaps = rows
        .iter()
        .filter(|row| row.is_perhaps_copied() && known.contains(&row.from) && taken(row).is_some());
    let told = rows
        .iter()
        .filter(|row| row.code.as_deref().is_some_and(|code| code.starts_with("copied, but ")));
    met.count() + perhaps.count() + told.count()
}

/// The ledger's moves of each message, read by plain SQL.
fn moves(home: &Home) -> BTreeMap<String, Vec<Row>> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let database = Connection::open_with_flags(home.path("state/postroom.db"), flags).unwrap();
    database.busy_timeout(std::time::Duration::from_secs(10)).unwrap();
    let mut statement = database
        .prepare(
            "SELECT l.message_id, l.state, source.text, l.source_uid, destination.text, l.destination_uid, l.code FROM ledger l \
             JOIN word source ON source.id = l.source JOIN word destination ON destination.id = l.destination \
             WHERE l.kind IN ('sort', 'undo', 'copy') AND l.message_id IS NOT NULL",
        )
        .unwrap();
    let place = |folder, uid| Place { folder, uid };
    let rows = statement
        .query_map([], |row| {
            let id: String = row.get(0)?;
            let uid: Option<u32> = row.get(5)?;
            let folder: String = row.get(4)?;
            Ok((
                format!("<{id}>"),
                Row {
                    state: row.get(1)?,
                    from: place(row.get(2)?, row.get(3)?),
                    folder: folder.clone(),
                    to: uid.map(|uid| place(folder, uid)),
                    code: row.get(6)?,
                },
            ))
        })
        .unwrap();
    let mut moves: BTreeMap<String, Vec<Row>> = BTreeMap::new();
    for (id, row) in rows.map(Result::unwrap) {
        moves.entry(id).or_default().push(row);
    }
    moves
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(folder: &str, uid: u32) -> Place {
        Place {
            folder: folder.to_owned(),
            uid,
        }
    }

    fn found(place: Place) -> Found {
        Found {
            place,
            flags: BTreeSet::new(),
            bytes: Vec::new(),
        }
    }

    fn ours(state: &str, from: Place, to: Place) -> Row {
        Row {
            state: state.to_owned(),
            from,
            folder: to.folder.clone(),
            to: Some(to),
            code: None,
        }
    }

    #[test]
    fn only_two_moves_of_one_copy_explain_a_second_one() {
        let drag = |from: Place, to: Place| Drag {
            id: "<1@example.org>".to_owned(),
            from,
            to,
        };
        let copies = [found(at("News", 5)), found(at("Archive", 3))];
        let met = drag(at("INBOX", 7), at("Archive", 3));
        let row = || ours("done", at("INBOX", 7), at("News", 5));
        assert_eq!(meetings(&copies, &[&met], &[row()]), 1);
        // The user has dragged the message, but not that copy.
        let later = drag(at("INBOX", 9), at("Archive", 3));
        assert_eq!(meetings(&copies, &[&later], &[row()]), 0);
        // Another of the daemon's copies.
        assert_eq!(
            meetings(&copies, &[&met], &[ours("done", at("INBOX", 7), at("News", 6))]),
            0
        );
        assert_eq!(
            meetings(&copies, &[&met], &[ours("failed", at("INBOX", 7), at("News", 5))]),
            0
        );
        assert_eq!(meetings(&copies, &[], &[row()]), 0);
        // Copied, the answer lost, and the copy taken away: only with the word of the ledger and the user's COPYUID.
        let mut lost = ours("void", at("INBOX", 7), at("News", 5));
        lost.to = None;
        lost.code = Some("perhaps copied, and more".to_owned());
        let away = drag(at("News", 5), at("Archive", 3));
        let copies = [found(at("INBOX", 7)), found(at("Archive", 3))];
        assert_eq!(meetings(&copies, &[&away], &[lost]), 1);
        let mut again = ours("failed", at("INBOX", 7), at("News", 5));
        again.to = None;
        assert_eq!(meetings(&copies, &[&away], &[again]), 0);
        // Dragged on afterwards: the forebears count.
        let on = drag(at("News", 5), at("Trash", 1));
        let copies = [found(at("Trash", 1)), found(at("Archive", 3))];
        assert_eq!(meetings(&copies, &[&met, &on], &[row()]), 1);
    }
}
