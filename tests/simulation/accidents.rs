//! What befalls a mailbox beside the single command: folders numbered anew, renamed, removed or full, a server that starts
//! again, a clock that jumps, a machine that sleeps, a disk that is full.

use std::time::Duration;

use postroom::store::simulate_full_disk;
use tokio::time::sleep;

use super::life::set_clock;
use super::post::Hand;
use super::suspension::{stay_awake, suspend};
use super::world::{Shared, World};

/// Folders to which things happen.
const FOLDERS: [&str; 7] = ["INBOX", "News", "Bulk", "Top", "Blackhole", "Sent", "Archive"];

const HOUR: i64 = 3_600;
const YEAR: i64 = 365 * 24 * HOUR;

/// Accidents for ever, one after the other, about `mean` apart.
pub async fn happen(world: Shared, mut random: fastrand::Rng, mean: Duration) {
    loop {
        sleep(Duration::from_millis(random.u64(1..2 * mean.as_millis() as u64))).await;
        let folder = FOLDERS[random.usize(..FOLDERS.len())];
        match random.u8(..14) {
            0 | 1 => renumber(&mut world.lock(), folder),
            2 | 3 => refuse(&mut world.lock(), folder, &mut random),
            4 if folder != "INBOX" => rename(&mut world.lock(), folder),
            5 if !["INBOX", "Sent", "Archive"].contains(&folder) => remove(&mut world.lock(), folder),
            6 | 7 => restart(&mut world.lock()),
            8 => {
                let mut world = world.lock();
                let skew = [-10 * YEAR, -HOUR, HOUR, 10 * YEAR, 0][random.usize(..5)];
                world.note(&format!("accident: the clock is {skew} s off"));
                world.jumps += 1;
                set_clock(world.seconds() + skew);
            }
            9 | 10 => suspend(&world, &mut random).await,
            11 => fill_disk(&world, &mut random).await,
            _ => {}
        }
    }
}

/// Everything is as it should be again, but for what was numbered anew or removed.
pub fn pass(world: &mut World) {
    let names: Vec<String> = world.post.folders.keys().cloned().collect();
    for name in names {
        if let Some(folder) = world.post.folders.get_mut(&name) {
            folder.refuses = None;
        }
        if let Some(before) = name.strip_suffix(" (renamed)") {
            world.post.rename(&name, before);
        }
    }
    set_clock(world.seconds());
    simulate_full_disk(false);
    stay_awake(world);
}

/// Nothing can be written where the records are, for a while.
async fn fill_disk(world: &Shared, random: &mut fastrand::Rng) {
    let span = Duration::from_secs([1, 60, 5_000][random.usize(..3)]);
    world.lock().note(&format!("accident: the disk is full for {span:?}"));
    simulate_full_disk(true);
    sleep(span).await;
    simulate_full_disk(false);
    world.lock().note("accident: the disk has room again");
}

fn renumber(world: &mut World, folder: &str) {
    world.note(&format!("accident: {folder} is numbered anew"));
    world.post.renumber(folder);
    if folder == "INBOX" {
        world.renumbered = world.post.letters.len();
    }
}

fn refuse(world: &mut World, name: &str, random: &mut fastrand::Rng) {
    let words = [
        "[OVERQUOTA] Quota exceeded.",
        "[NOPERM] Permission denied.",
        "[UNAVAILABLE] Later.",
    ];
    let Some(folder) = world.post.folders.get_mut(name) else {
        return;
    };
    folder.refuses = match folder.refuses {
        Some(_) => None,
        None => Some(words[random.usize(..words.len())]),
    };
    let now = folder.refuses;
    world.note(&format!("accident: {name} refuses mail: {now:?}"));
}

/// The user gives a folder another name, and its old one the next time.
fn rename(world: &mut World, name: &str) {
    let other = format!("{name} (renamed)");
    let done = world.post.rename(name, &other) || world.post.rename(&other, name);
    world.note(&format!("user: renames {name} or back: {done}"));
}

/// The user removes a folder with all that is in it.
fn remove(world: &mut World, name: &str) {
    let now = world.now();
    let uids: Vec<u32> = match world.post.folders.get(name) {
        Some(folder) => folder.copies.iter().map(|copy| copy.uid).collect(),
        None => return,
    };
    world.note(&format!("user: removes {name} with {} messages", uids.len()));
    for uid in uids {
        let place = world.post.place(name, uid);
        world.user_touches(&place);
        world.post.expunge(now, Hand::User, name, uid);
    }
    world.post.remove(name);
}

/// Every connection ends.
fn restart(world: &mut World) {
    world.note("accident: the server is started again");
    world.restarts += 1;
    world.post.changed.notify_waiters();
}
