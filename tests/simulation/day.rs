//! One seed, from the first message to the verdict.

use std::path::{Path, PathBuf};
use std::time::Duration;

use postroom::daemon::slumber;
use postroom::store::simulate_full_disk;
use tokio::time::sleep;

use super::accidents::{happen, pass};
use super::chronicle::Chronicle;
use super::life::{Life, account, set_clock};
use super::profile::{Ladder, Profile};
use super::reckoning;
use super::rulebook::{Rulebook, edit, mend};
use super::undo::take_back;
use super::user::{Pace, deliver, post, work};
use super::weather::Weather;
use super::world::{DAWN, Shared};

/// How long a day is before it gets quiet.
const DAY: Duration = Duration::from_hours(24);

/// What came of one seed.
#[derive(Debug)]
pub struct Outcome {
    pub seed: u64,
    /// The chronicle's number.
    pub digest: u64,
    /// What happened, newest last.
    pub last: String,
    /// Rules that were broken; empty is good.
    pub broken: Vec<String>,
    pub faults: u32,
    pub lives: u32,
    pub messages: usize,
    pub moves: usize,
    pub met: usize,
}

/// Runs one seed. With `all`, the chronicle is whole.
pub fn run(seed: u64, all: bool) -> Outcome {
    let state = scratch();
    runtime().block_on(day(seed, all, state.path()))
}

/// One thread, and time that passes when nobody has anything to do.
pub fn runtime() -> tokio::runtime::Runtime {
    let mut builder = tokio::runtime::Builder::new_current_thread();
    builder.enable_all().start_paused(true).build().expect("a runtime")
}

/// A directory that costs no disk, where there is one.
pub fn scratch() -> tempfile::TempDir {
    let memory = PathBuf::from("/dev/shm");
    let made = if memory.is_dir() {
        tempfile::tempdir_in(memory)
    } else {
        tempfile::tempdir()
    };
    made.expect("a directory for the records")
}

async fn day(seed: u64, all: bool, state: &Path) -> Outcome {
    let mut random = fastrand::Rng::with_seed(seed);
    // The daemon's own dice: how long it waits between two attempts.
    fastrand::seed(seed);
    set_clock(DAWN);
    slumber::simulate(Duration::ZERO);
    simulate_full_disk(false);
    let profile = Profile::random(&mut random);
    let weather = Weather::random(&mut random);
    let poll = Duration::from_secs([30, 120, 300, 300, 300, 300][random.usize(..6)]);
    let mut account = account(poll, profile.ladder == Ladder::Unsafe && random.bool());
    if random.bool() {
        account.digest = ["08:00", "18:30"].map(|time| time.parse().expect("a time")).to_vec();
    }
    let pace = Pace {
        mail: Duration::from_secs(random.u64(200..1_500)),
        acts: Duration::from_secs(random.u64(200..2_000)),
    };
    let world = Shared::new(profile, weather, Chronicle::new(all));
    {
        let mut world = world.lock();
        world.rules = Some(Rulebook::new(state, &account));
        let (profile, weather) = (format!("{:?}", world.profile), format!("{:?}", world.weather));
        world.note(&format!("seed {seed}: {profile}, {weather}, poll {poll:?}, {pace:?}"));
        for _ in 0..random.usize(..20) {
            post(&mut world, &mut random, "INBOX");
        }
        reckoning::attend(&mut world, state);
    }
    let postman = tokio::spawn(deliver(world.clone(), random.fork(), pace));
    let user = tokio::spawn(work(world.clone(), random.fork(), pace));
    let accidents = [None, Some(6), Some(3), Some(1)][random.usize(..4)].map(|hours| {
        let mean = Duration::from_hours(hours);
        tokio::spawn(happen(world.clone(), random.fork(), mean))
    });
    let owner = (random.u8(..3) > 0).then(|| tokio::spawn(edit(world.clone(), random.fork())));
    let (begun, mut lives) = (tokio::time::Instant::now(), 0);
    while begun.elapsed() < DAY {
        lives += 1;
        let Some(life) = Life::new(&world, &account, state, lives) else {
            world
                .lock()
                .note(&format!("life {lives} does not begin: the rules are broken"));
            sleep(Duration::from_mins(1)).await;
            continue;
        };
        let span = Duration::from_millis(random.u64(1..6 * 3_600_000)).min(DAY.saturating_sub(begun.elapsed()));
        world.lock().note(&format!("life {lives} begins"));
        if random.u8(..4) == 0 {
            life.until_stopped(span).await;
            world.lock().note(&format!("life {lives} was stopped"));
        } else {
            life.until_killed(span, random.u32(..40)).await;
            world.lock().note(&format!("life {lives} was killed"));
        }
        sleep(Duration::from_millis(random.u64(1..30_000))).await;
    }
    postman.abort();
    user.abort();
    for task in accidents.into_iter().chain(owner) {
        task.abort();
    }
    let faults = {
        let mut world = world.lock();
        world.weather.clear();
        pass(&mut world);
        mend(&mut world);
        world.note("the evening: nobody does anything more");
        world.weather.faults
    };
    sleep(Duration::from_mins(1)).await;
    lives += 1;
    Life::new(&world, &account, state, lives)
        .expect("the rules are mended")
        .until_stopped(Duration::from_mins(30))
        .await;
    reckoning::settle(&world, state);
    take_back(&world, &account, state, lives).await;
    let world = world.lock();
    Outcome {
        seed,
        digest: world.chronicle.digest(),
        last: world.chronicle.last(),
        broken: world.broken.clone(),
        faults,
        lives,
        messages: world.post.letters.len(),
        moves: reckoning::moves(&world),
        met: world.met.len(),
    }
}
