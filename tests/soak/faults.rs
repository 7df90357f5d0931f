//! Sweep after sweep through a proxy that cuts the connection at a random command and moment, while mail comes in and the
//! user works: `tests/soak/faults.sh N [SECONDS]`.

use std::time::{Duration, Instant};

use super::chronicle::Chronicle;
use super::reckoning::look;
use super::support::{Account, Dovecot, Home, Moment, Proxy};
use super::user::User;

/// Faults between two looks at everything.
const ROUND: u32 = 50;

/// Commands of a sweep that may be cut, those of the ladder most often: with MOVE, and without.
const COMMANDS: [[&str; 8]; 2] = [
    [
        "UID MOVE",
        "UID MOVE",
        "UID MOVE",
        "UID FETCH",
        "UID SEARCH",
        "SELECT",
        "EXAMINE",
        "LIST",
    ],
    [
        "UID COPY",
        "UID COPY",
        "UID STORE",
        "UID EXPUNGE",
        "UID FETCH",
        "UID SEARCH",
        "SELECT",
        "EXAMINE",
    ],
];

#[test]
fn random_faults_lose_and_double_nothing() {
    let Some(faults) = std::env::var("POSTROOM_SOAK_FAULTS")
        .ok()
        .and_then(|n| n.parse::<u32>().ok())
    else {
        return;
    };
    let least = std::env::var("POSTROOM_SOAK_SECONDS")
        .ok()
        .and_then(|n| n.parse().ok())
        .map_or(Duration::ZERO, Duration::from_secs);
    let Some(server) = Dovecot::new().start() else { return };
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
    let (mut cut, mut rounds, mut worst_double, mut looked, mut looks) = (0, 0, 0, 0, 0);
    loop {
        rounds += 1;
        for _ in 0..fastrand::u8(1..4) {
            user.receive(&server);
        }
        // Both ladders on the same mailbox and the same records; a server keeps to one until all rows are closed.
        let ladder = usize::from(looks % 2 == 1);
        let server_now = || Proxy::to(server.port).hide(if ladder == 0 { &[] } else { &["MOVE"] });
        let command = COMMANDS[ladder][fastrand::usize(..8)];
        let (nth, moment) = (fastrand::usize(1..3), Moment::ALL[fastrand::usize(..6)]);
        let (proxy, began) = (server_now().cut(command, nth, moment).start(), Instant::now());
        home.configure(&[Account::new("home", proxy.port)]);
        std::thread::scope(|scope| {
            let sweep = scope.spawn(|| home.run_once());
            while !sweep.is_finished() {
                user.act(&mut hand);
                std::thread::sleep(Duration::from_millis(fastrand::u64(..100)));
            }
            let ended = sweep.join().unwrap();
            assert!(matches!(ended.code, Some(0 | 69)), "{ended:?}");
        });
        cut += u32::try_from(proxy.cuts()).unwrap();
        proxy.assert_clean();
        chronicle.add([(began, format!("sweep {rounds}: {command} {nth} cut {moment:?}"))]);
        chronicle.add_commands(began, &proxy);
        chronicle.add(user.acts.drain(..));
        let last = cut >= faults && chronicle.elapsed() >= least;
        if cut >= looked + ROUND || last {
            looked = cut;
            looks += 1;
            let (proxy, began) = (server_now().start(), Instant::now());
            home.configure(&[Account::new("home", proxy.port)]);
            home.run_once().expect_code(0);
            proxy.assert_clean();
            chronicle.add_commands(began, &proxy);
            worst_double = worst_double.max(look(&user, &mut hand, &home, rounds));
            chronicle.forget();
            let seconds = chronicle.elapsed().as_secs();
            eprintln!("{cut} faults in {rounds} sweeps and {seconds} s: all is where it should be");
            if last {
                break;
            }
        }
    }
    eprintln!(
        "{cut} faults in {rounds} sweeps, {} messages, {} deleted and {} drags by the user, {worst_double} met by the user's \
         own move, in {:.0} s: 0 lost, 0 unexplained doubles, 0 lessons twice",
        user.alive.len() + user.deleted.len(),
        user.deleted.len(),
        user.drags.len(),
        chronicle.elapsed().as_secs_f64(),
    );
}
