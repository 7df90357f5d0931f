//! The user, with some mail program, and the postman. What they do is done at once and for good; the daemon's command may
//! be half way through at that moment.

use std::time::Duration;

use tokio::time::sleep;

use super::letter::{Kind, Letter};
use super::post::{Hand, Place};
use super::world::{Shared, World};

/// Folders between which things are dragged; INBOX most often.
const FOLDERS: [&str; 9] = [
    "INBOX",
    "INBOX",
    "INBOX",
    "News",
    "Bulk",
    "Top",
    "Blackhole",
    "Archive",
    "Trash",
];

/// Newsletters and people there are.
const SENDERS: u32 = 12;

/// How much happens in a day.
#[derive(Debug, Clone, Copy)]
pub struct Pace {
    /// Mean time between two messages that come in.
    pub mail: Duration,
    /// Mean time between two things the user does.
    pub acts: Duration,
}

/// Somebody's next move comes after about this long.
fn pause(random: &mut fastrand::Rng, mean: Duration) -> Duration {
    // Evenly spread over two means, and in whole milliseconds.
    Duration::from_millis(random.u64(1..2 * mean.as_millis() as u64))
}

/// Delivers mail for ever.
pub async fn deliver(world: Shared, mut random: fastrand::Rng, pace: Pace) {
    loop {
        sleep(pause(&mut random, pace.mail)).await;
        let burst = if random.u8(..10) == 0 { random.usize(2..12) } else { 1 };
        let mut world = world.lock();
        for _ in 0..burst {
            post(&mut world, &mut random, "INBOX");
        }
    }
}

/// One new message in a folder.
pub fn post(world: &mut World, random: &mut fastrand::Rng, folder: &str) {
    let (now, seconds, number) = (world.now(), world.seconds(), world.post.letters.len());
    let kind = match random.u8(..10) {
        0..5 => Kind::News(random.u32(..SENDERS)),
        5..9 => Kind::Person(random.u32(..SENDERS)),
        _ => Kind::Machine(random.u32(..SENDERS)),
    };
    let uid = world.post.add(
        now,
        Hand::Postman,
        folder,
        Letter::new(kind, number, seconds),
        seconds,
        &[],
    );
    world.note(&format!("postman: {number} ({kind:?}) into {folder} as {uid}"));
}

/// The user at work, for ever.
pub async fn work(world: Shared, mut random: fastrand::Rng, pace: Pace) {
    loop {
        sleep(pause(&mut random, pace.acts)).await;
        act(&world, &mut random).await;
    }
}

async fn act(world: &Shared, random: &mut fastrand::Rng) {
    let Some((folder, uid)) = any_message(&world.lock(), random) else {
        return;
    };
    match random.u8(..100) {
        0..25 => {
            let flag = ["\\Seen", "\\Flagged", "\\Answered"][random.usize(..3)];
            let set = random.u8(..4) > 0;
            let mut world = world.lock();
            world.post.flag(&folder, uid, flag, set);
            world.note(&format!("user: {flag} {set} on {folder} {uid}"));
        }
        25..70 => {
            let mut at = (folder, uid);
            // Two drags in a row now and then.
            loop {
                let to = FOLDERS[random.usize(..FOLDERS.len())];
                let Some(new) = drag(world, random, &at.0, at.1, to).await else {
                    return;
                };
                if random.u8(..4) > 0 {
                    return;
                }
                at = (to.to_owned(), new);
                sleep(Duration::from_millis(random.u64(1..6_000))).await;
            }
        }
        70..80 => {
            let mut world = world.lock();
            let place = world.post.place(&folder, uid);
            world.user_touches(&place);
            world.note(&format!("user: deletes {folder} {uid} for good"));
            let now = world.now();
            world.post.expunge(now, Hand::User, &folder, uid);
        }
        80..84 => {
            let mut world = world.lock();
            let place = world.post.place(&folder, uid);
            world.user_touches(&place);
            let now = world.now();
            let copy = world.post.duplicate(now, Hand::User, &folder, uid, "Archive");
            world.note(&format!("user: copies {folder} {uid} to Archive as {copy:?}"));
        }
        _ => write(&mut world.lock(), random),
    }
}

/// The user writes to somebody.
fn write(world: &mut World, random: &mut fastrand::Rng) {
    let (now, seconds, number) = (world.now(), world.seconds(), world.post.letters.len());
    let kind = Kind::Sent(random.u32(..SENDERS));
    if world.post.folders.contains_key("Sent") {
        let letter = Letter::new(kind, number, seconds);
        world.post.add(now, Hand::User, "Sent", letter, seconds, &["\\Seen"]);
        world.note(&format!("user: writes {number} ({kind:?})"));
    }
}

/// Any message of the folders where things are dragged about.
fn any_message(world: &World, random: &mut fastrand::Rng) -> Option<(String, u32)> {
    let name = FOLDERS[random.usize(..FOLDERS.len())];
    let folder = world.post.folders.get(name)?;
    // The newest, more often than not: that is what the daemon is at work on.
    let count = folder.copies.len();
    let recent = if random.bool() { count.min(3) } else { count };
    let index = count.checked_sub(1 + random.usize(..recent.max(1)))?;
    folder.copies.get(index).map(|copy| (name.to_owned(), copy.uid))
}

/// Drags a message; where it is now.
async fn drag(world: &Shared, random: &mut fastrand::Rng, from: &str, uid: u32, to: &str) -> Option<u32> {
    if from == to {
        return None;
    }
    if random.u8(..3) > 0 {
        let mut world = world.lock();
        let place = world.post.place(from, uid);
        world.user_touches(&place);
        let now = world.now();
        let new = world.post.shift(now, Hand::User, from, uid, to);
        world.note(&format!("user: drags {from} {uid} to {to} as {new:?}"));
        return new;
    }
    drag_by_copy(world, random, from, uid, to).await
}

/// As older mail programs do it: COPY, then \Deleted, then EXPUNGE, each with its own round trip.
async fn drag_by_copy(world: &Shared, random: &mut fastrand::Rng, from: &str, uid: u32, to: &str) -> Option<u32> {
    let (place, letter, new) = {
        let mut world = world.lock();
        let letter = world.post.copy(from, uid)?.letter;
        let (now, place) = (world.now(), world.post.place(from, uid));
        world.user_touches(&place);
        let new = world.post.duplicate(now, Hand::User, from, uid, to);
        world.note(&format!("user: copies {from} {uid} to {to} as {new:?}, to delete it"));
        (place, letter, new?)
    };
    for step in 0..2 {
        sleep(Duration::from_millis(random.u64(1..900))).await;
        let mut world = world.lock();
        if !still_there(&world, &place) {
            // The daemon was in between: its move and the user's have met.
            world
                .met
                .insert(letter, "the daemon moved it between the user's COPY and EXPUNGE");
            world.note(&format!("user: {from} {uid} has gone meanwhile"));
            return Some(new);
        }
        world.user_touches(&place);
        if step == 0 {
            world.post.flag(from, uid, "\\Deleted", true);
        } else {
            let now = world.now();
            world.note(&format!("user: expunges {from} {uid}"));
            world.post.expunge(now, Hand::User, from, uid);
        }
    }
    Some(new)
}

fn still_there(world: &World, place: &Place) -> bool {
    world.post.place(&place.folder, place.uid) == *place && world.post.copy(&place.folder, place.uid).is_some()
}
