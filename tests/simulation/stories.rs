//! Single stories on the model server: what a seed meets seldom, told step by step.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use postroom::daemon::access::Gate;
use postroom::daemon::logbook::Logbook;
use postroom::daemon::visit::Visit;
use postroom::sort::mailbox::Mailbox;
use postroom::sort::rules::{Context, RuleSet, SourceFile};
use postroom::store::simulate_full_disk;
use tokio::time::sleep;

use super::chronicle::Chronicle;
use super::day::{runtime, scratch};
use super::gate::Pipe;
use super::letter::{Kind, Letter};
use super::life::{ACCOUNT, Life, account, open_store, set_clock};
use super::post::Hand;
use super::profile::Profile;
use super::reckoning;
use super::rulebook::{Order, Rulebook, TARGET, revise};
use super::weather::Weather;
use super::world::{DAWN, Shared};

/// The mail of list 1 leaves an hour after it came.
const AFTER_AN_HOUR: &str = r#"
[[rule]]
name = "later"
when = { list_id = "n1.list.example" }
move = "Archive"
after = "1h"
"#;

fn rules(text: &str) -> Arc<RuleSet> {
    let file = SourceFile {
        name: "10-story.toml".to_owned(),
        text: text.to_owned(),
    };
    let context = Context {
        folders: [(
            ACCOUNT.to_owned(),
            account(Duration::from_mins(5), false).folders.clone(),
        )]
        .into(),
    };
    let reading = RuleSet::parse(&[file], &BTreeMap::new(), &context);
    Arc::new(reading.set.unwrap_or_else(|| panic!("{:?}", reading.findings)))
}

/// One visit to a calm server like Dovecot, which has looked at an empty INBOX.
async fn visited(rules_text: &str, story: impl AsyncFnOnce(&Shared, &mut Visit<'_>)) {
    let state = scratch();
    set_clock(DAWN);
    let world = Shared::new(Profile::dovecot(), Weather::calm(), Chronicle::new(true));
    reckoning::attend(&mut world.lock(), state.path());
    let account = account(Duration::from_mins(5), false);
    let (store, logbook) = (open_store(state.path()), Logbook::new(ACCOUNT, None));
    let gate = Pipe {
        world: world.clone(),
        password: "secret".to_owned(),
    };
    let session = gate.open(&account.imap, None).await.unwrap();
    let begun = Visit::begin(session, &account, &store, rules(rules_text), "story", &logbook, true);
    let mut visit = begun.await.unwrap();
    visit.begin_round(&|| false).await.unwrap();
    story(&world, &mut visit).await;
    let world = world.lock();
    assert!(
        world.broken.is_empty(),
        "{:#?}\n{}",
        world.broken,
        world.chronicle.last()
    );
}

/// A world without weather, whose rules have an owner, and a daemon's life in it.
fn lives(state: &Path) -> (Shared, Life) {
    set_clock(DAWN);
    let account = account(Duration::from_mins(5), false);
    let world = Shared::new(Profile::dovecot(), Weather::calm(), Chronicle::new(true));
    world.lock().rules = Some(Rulebook::new(state, &account));
    reckoning::attend(&mut world.lock(), state);
    let life = Life::new(&world, &account, state, 1).unwrap();
    (world, life)
}

/// Somebody delivers a newsletter of that list; its number.
fn newsletter(world: &Shared, list: u32) -> usize {
    let mut world = world.lock();
    let (now, seconds, number) = (world.now(), world.seconds(), world.post.letters.len());
    let letter = Letter::new(Kind::News(list), number, seconds);
    world.post.add(now, Hand::Postman, "INBOX", letter, seconds, &[]);
    number
}

/// The folder that a message lies in.
fn place(world: &Shared, letter: usize) -> String {
    let world = world.lock();
    let places: Vec<&str> = world
        .post
        .whereabouts(letter)
        .into_iter()
        .map(|(folder, _)| folder)
        .collect();
    let [place] = places.as_slice() else {
        panic!("{letter} is at {places:?}");
    };
    (*place).to_owned()
}

/// The folder refuses mail from now on, with these words, or takes it again.
fn refuse(world: &Shared, folder: &str, words: Option<&'static str>) {
    world.lock().post.folders.get_mut(folder).unwrap().refuses = words;
}

#[test]
fn a_number_of_before_the_renumbering_names_no_other_message() {
    runtime().block_on(visited("", async |world, visit| {
        // Three letters stay in INBOX, where nobody had looked at them before: old mail.
        refuse(world, "News", Some("[UNAVAILABLE] Later."));
        let kept = {
            let mut world = world.lock();
            let (now, seconds, number) = (world.now(), world.seconds(), world.post.letters.len());
            let letter = Letter::new(Kind::Person(1), number, seconds);
            world.post.add(now, Hand::Postman, "INBOX", letter, seconds, &[]);
            number
        };
        let refused = newsletter(world, 1);
        visit.sweep(&Mailbox::inbox(), &|| false).await.unwrap();
        // Behind our back another client brings old newsletters of its own, and takes the refused one away; then INBOX
        // is numbered anew, and what has the refused one's UID now is one of them.
        {
            let mut world = world.lock();
            let (now, seconds) = (world.now(), world.seconds());
            for list in 5..8 {
                let letter = Letter::new(Kind::News(list), world.post.letters.len(), seconds);
                world.post.add(now, Hand::User, "INBOX", letter, seconds, &[]);
            }
            world.post.shift(now, Hand::User, "INBOX", 2, "Archive");
            world.post.renumber("INBOX");
            world.post.folders.get_mut("News").unwrap().refuses = None;
        }
        visit.sweep(&Mailbox::inbox(), &|| false).await.unwrap();
        sleep(Duration::from_mins(10)).await;
        visit.try_again().await.unwrap();
        assert_eq!(place(world, refused), "Archive");
        assert_eq!(place(world, kept), "INBOX");
        for old in [2, 3, 4] {
            assert_eq!(
                place(world, old),
                "INBOX",
                "{old} lay there when the folder was numbered anew"
            );
        }
    }));
}

#[test]
fn a_move_after_its_time_is_tried_again_when_it_was_refused() {
    runtime().block_on(visited(AFTER_AN_HOUR, async |world, visit| {
        let letter = newsletter(world, 1);
        visit.sweep(&Mailbox::inbox(), &|| false).await.unwrap();
        refuse(world, "Archive", Some("[UNAVAILABLE] Later."));
        sleep(Duration::from_mins(61)).await;
        visit.begin_round(&|| false).await.unwrap();
        assert_eq!(place(world, letter), "INBOX");
        refuse(world, "Archive", None);
        sleep(Duration::from_mins(2)).await;
        visit.try_again().await.unwrap();
        assert_eq!(place(world, letter), "Archive");
    }));
}

#[test]
fn a_move_that_the_new_rules_put_off_once_more_is_not_forgotten() {
    runtime().block_on(visited(AFTER_AN_HOUR, async |world, visit| {
        let letter = newsletter(world, 1);
        visit.sweep(&Mailbox::inbox(), &|| false).await.unwrap();
        visit
            .use_rules(rules(&AFTER_AN_HOUR.replace("1h", "3h")))
            .await
            .unwrap();
        sleep(Duration::from_mins(61)).await;
        visit.begin_round(&|| false).await.unwrap();
        assert_eq!(place(world, letter), "INBOX", "three hours by the rules of now");
        sleep(Duration::from_mins(121)).await;
        visit.begin_round(&|| false).await.unwrap();
        assert_eq!(place(world, letter), "Archive");
    }));
}

#[test]
fn rules_that_came_while_nothing_could_be_written_decide_about_what_came_meanwhile() {
    const RULES: &str = "[[rule]]\nname = \"now\"\nwhen = { list_id = \"n1.list.example\" }\nmove = \"Archive\"\n";
    let order = Order {
        list: 1,
        folder: Some(TARGET),
        after: 0,
    };
    runtime().block_on(async {
        let state = scratch();
        let (world, life) = lives(state.path());
        let story = async {
            sleep(Duration::from_mins(10)).await;
            simulate_full_disk(true);
            let letter = newsletter(&world, 1);
            sleep(Duration::from_mins(1)).await;
            revise(&world, RULES, Some([("now".to_owned(), order)].into())).await;
            sleep(Duration::from_mins(1)).await;
            assert_eq!(place(&world, letter), "INBOX");
            simulate_full_disk(false);
            sleep(Duration::from_mins(1)).await;
            assert_eq!(place(&world, letter), TARGET, "by the rules of now");
        };
        tokio::join!(life.until_stopped(Duration::from_mins(20)), story);
    });
}

/// Found by seed 395: asked to stop while the disk was full, the worker began its work anew without end, some hundred
/// commands a second, until there was room.
#[test]
fn a_worker_that_cannot_write_stops_when_asked_to() {
    runtime().block_on(async {
        let state = scratch();
        let (world, life) = lives(state.path());
        let story = async {
            sleep(Duration::from_mins(10)).await;
            simulate_full_disk(true);
            newsletter(&world, 1);
            sleep(Duration::from_mins(30)).await;
            simulate_full_disk(false);
        };
        let begun = tokio::time::Instant::now();
        let stopped = async {
            life.until_stopped(Duration::from_mins(20)).await;
            begun.elapsed()
        };
        let (stopped, ()) = tokio::join!(stopped, story);
        assert!(stopped < Duration::from_mins(21), "it went on for {stopped:?}");
    });
}
