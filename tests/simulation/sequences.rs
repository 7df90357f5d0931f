//! Random sequences of moves and undos, one a message, a hundred at a time: rules move and flag, `undo` takes back, undo of
//! undo does it again, in any order; when all is taken back, every folder and every flag is as it was (invariant S7).

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use postroom::daemon::access::Gate;
use postroom::daemon::logbook::Logbook;
use postroom::daemon::visit::Visit;
use postroom::sort::ledger::{Row, RowKind, State};
use postroom::sort::mailbox::Mailbox;
use postroom::sort::rules::{Context, RuleSet, SourceFile};
use postroom::store::Query;

use super::chronicle::Chronicle;
use super::day::{runtime, scratch};
use super::gate::Pipe;
use super::life::{ACCOUNT, account, open_store, set_clock};
use super::profile::{Ladder, Profile};
use super::reckoning;
use super::user::post;
use super::weather::Weather;
use super::world::{DAWN, Shared, World};

/// Messages, and so sequences, in one round.
pub const IN_A_ROUND: u64 = 100;

const RULES: &str = r#"
[[rule]]
name = "mark lists"
when = { list = true }
flags = ["+\\Flagged", "+$List", "-$New"]
continue = true
"#;

/// What a message is and where: the census.
type Census = BTreeMap<usize, Vec<(String, Vec<String>)>>;

fn census(world: &World) -> Census {
    let one = |letter| {
        let places = world.post.whereabouts(letter).into_iter();
        places
            .map(|(folder, copy)| (folder.to_owned(), copy.flags.iter().cloned().collect()))
            .collect()
    };
    (0..world.post.letters.len())
        .map(|letter| (letter, one(letter)))
        .collect()
}

/// One round of sequences; how many moves and undos there were.
pub fn round(seed: u64) -> usize {
    let state = scratch();
    runtime().block_on(async {
        let mut random = fastrand::Rng::with_seed(seed);
        set_clock(DAWN);
        let mut profile = Profile::random(&mut random);
        if profile.ladder == Ladder::Unsafe {
            profile.ladder = Ladder::Copy;
        }
        let world = Shared::new(profile, Weather::calm(), Chronicle::new(false));
        reckoning::attend(&mut world.lock(), state.path());
        world.lock().keywords = ["\\Flagged", "$List", "$New"].map(str::to_owned).to_vec();
        let account = account(Duration::from_mins(5), false);
        let (store, logbook) = (open_store(state.path()), Logbook::new(ACCOUNT, None));
        let gate = Pipe {
            world: world.clone(),
            password: "secret".to_owned(),
        };
        let session = gate.open(&account.imap, None).await.expect("a session");
        let begun = Visit::begin(session, &account, &store, rules(&account), "sequences", &logbook, true);
        let mut visit = begun.await.expect("a visit");
        let inbox = Mailbox::inbox();
        visit.sweep(&inbox, &|| false).await.expect("the first look");
        {
            let mut world = world.lock();
            for _ in 0..IN_A_ROUND {
                post(&mut world, &mut random, "INBOX");
                let uid = world.post.folders["INBOX"].next - 1;
                for flag in ["\\Seen", "\\Flagged", "$New"] {
                    let set = random.bool();
                    world.post.flag("INBOX", uid, flag, set);
                }
            }
        }
        let before = census(&world.lock());
        visit.sweep(&inbox, &|| false).await.expect("everything is sorted");
        for _ in 0..random.usize(1..8) {
            // A copy is found again where its folder was numbered anew meanwhile.
            if random.u8(..4) == 0 {
                let folder = ["News", "Bulk", "INBOX"][random.usize(..3)];
                world.lock().post.renumber(folder);
            }
            let mut rows = newest(&visit).await;
            rows.retain(|_| random.u8(..3) == 0);
            visit.undo(rows, false).await.expect("some of it is taken back");
        }
        let mut rows = newest(&visit).await;
        rows.retain(|row| row.entry.destination.as_ref().is_some_and(|folder| !folder.is_inbox()));
        visit.undo(rows, false).await.expect("the rest is taken back");
        let world = world.lock();
        assert_eq!(
            before,
            census(&world),
            "seed {seed}: {:?}\n{}",
            world.profile,
            world.chronicle.last()
        );
        assert!(world.broken.is_empty(), "seed {seed}: {:?}", world.broken);
        reckoning::moves(&world)
    })
}

fn rules(account: &postroom::config::Account) -> Arc<RuleSet> {
    let file = SourceFile {
        name: "10-mark.toml".to_owned(),
        text: RULES.to_owned(),
    };
    let context = Context {
        folders: [(ACCOUNT.to_owned(), account.folders.clone())].into(),
    };
    let reading = RuleSet::parse(&[file], &BTreeMap::new(), &context);
    Arc::new(reading.set.unwrap_or_else(|| panic!("{:?}", reading.findings)))
}

/// The last move of each message.
async fn newest(visit: &Visit<'_>) -> Vec<Row> {
    let query = Query {
        account: Some(ACCOUNT.to_owned()),
        kinds: vec![RowKind::Sort, RowKind::Undo],
        state: Some(State::Done),
        ..Query::default()
    };
    let rows = visit.store.run(move |store| store.rows(&query)).await;
    let rows = rows.expect("the records can be read");
    let last: BTreeMap<_, Row> = rows.into_iter().map(|row| (row.entry.mid.clone(), row)).collect();
    last.into_values().collect()
}
