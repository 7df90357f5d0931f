//! Random kill -9 of the daemon while mail comes in and the user works: `tests/soak/kill.sh N`.

use std::time::{Duration, Instant};

use super::chronicle::Chronicle;
use super::reckoning::look;
use super::support::{Account, Dovecot, Home, Ledger};
use super::user::User;

/// Kills between two looks at everything.
const ROUND: u32 = 50;

/// Letters that come in one life of the daemon, at most: more would only make the counting slower.
const LETTERS: u32 = 8;

#[test]
fn random_kills_lose_and_double_nothing() {
    let Some(kills) = std::env::var("POSTROOM_SOAK_KILLS")
        .ok()
        .and_then(|n| n.parse::<u32>().ok())
    else {
        return;
    };
    let without: &[&str] = if std::env::var_os("POSTROOM_SOAK_COPY").is_some() {
        &["MOVE"]
    } else {
        &[]
    };
    let Some(server) = Dovecot::new().without(without).start() else {
        return;
    };
    let seed = std::env::var("POSTROOM_SOAK_SEED")
        .ok()
        .and_then(|n| n.parse().ok())
        .unwrap_or_else(|| fastrand::u64(..));
    fastrand::seed(seed);
    eprintln!("seed {seed}");
    let home = Home::new(&[Account::new("home", server.port)]);
    home.run_once().expect_code(0);
    let mut hand = server.hand("alice");
    hand.make_folder("Archive");
    let mut user = User::default();
    let mut chronicle = Chronicle::new(seed);
    let (mut deadly, mut worst_double) = (0, 0);
    for kill in 1..=kills {
        let mut daemon = home.start();
        // On a busy machine the daemon would never come beyond its login; one in four is killed there all the same.
        if fastrand::u8(..4) > 0 {
            daemon.wait_ready();
        }
        // Half of the kills wait for a move and come in its midst, which is over in a few milliseconds.
        let aimed = fastrand::bool();
        let longest = if aimed { 3_000 } else { 600 };
        let end = Instant::now() + Duration::from_millis(fastrand::u64(20..longest));
        let mut letters = 0;
        while Instant::now() < end {
            match fastrand::u8(..4) {
                0 | 1 if letters < LETTERS => {
                    letters += 1;
                    user.receive(&server);
                }
                2 => user.act(&mut hand),
                _ => std::thread::sleep(Duration::from_millis(fastrand::u64(..20))),
            }
            if aimed && Ledger::of(&home).open() > 0 {
                std::thread::sleep(Duration::from_millis(fastrand::u64(..8)));
                break;
            }
        }
        daemon.kill();
        chronicle.add(user.acts.drain(..));
        chronicle.add([(Instant::now(), format!("kill {kill}"))]);
        deadly += u32::from(Ledger::of(&home).open() > 0);
        if kill % ROUND == 0 || kill == kills {
            home.run_once().expect_code(0);
            worst_double = worst_double.max(look(&user, &mut hand, &home, kill));
            chronicle.forget();
            eprintln!(
                "{kill} kills in {} s: all is where it should be",
                chronicle.elapsed().as_secs()
            );
        }
    }
    eprintln!(
        "{kills} kills, {deadly} of them with a move under way, {} messages, {} deleted and {} drags by the user, \
         {worst_double} met by the user's own move, in {:.0} s: 0 lost, 0 unexplained doubles, 0 lessons twice",
        user.alive.len() + user.deleted.len(),
        user.deleted.len(),
        user.drags.len(),
        chronicle.elapsed().as_secs_f64(),
    );
}
