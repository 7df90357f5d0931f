//! Sweep after sweep through a proxy that cuts the connection at a random command and moment, while mail comes in and the
//! user works: `tests/soak/faults.sh N`.

use std::time::{Duration, Instant};

use super::reckoning::look;
use super::support::{Account, Dovecot, Home, Moment, Proxy};
use super::user::User;

/// Faults between two looks at everything.
const ROUND: u32 = 50;

/// Commands of a sweep that may be cut, those of the ladders most often.
const COMMANDS: [&str; 12] = [
    "UID MOVE",
    "UID MOVE",
    "UID MOVE",
    "UID COPY",
    "UID STORE",
    "UID EXPUNGE",
    "UID COPY",
    "UID FETCH",
    "UID SEARCH",
    "SELECT",
    "EXAMINE",
    "LIST",
];

#[test]
fn random_faults_lose_and_double_nothing() {
    let Some(faults) = std::env::var("POSTROOM_SOAK_FAULTS")
        .ok()
        .and_then(|n| n.parse::<u32>().ok())
    else {
        return;
    };
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
    let (start, mut cut, mut rounds, mut worst_double, mut looked) = (Instant::now(), 0, 0, 0, 0);
    while cut < faults {
        rounds += 1;
        for _ in 0..fastrand::u8(1..4) {
            user.receive(&server);
        }
        let (command, moment) = (
            COMMANDS[fastrand::usize(..COMMANDS.len())],
            Moment::ALL[fastrand::usize(..6)],
        );
        let setup = Proxy::to(server.port).cut(command, fastrand::usize(1..3), moment);
        // Without MOVE the other ladder is climbed, on the same mailbox and the same records.
        let copies = ["UID COPY", "UID STORE", "UID EXPUNGE"].contains(&command);
        let proxy = if copies { setup.hide(&["MOVE"]) } else { setup }.start();
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
        if cut >= looked + ROUND || cut >= faults {
            looked = cut;
            home.configure(&[Account::new("home", server.port)]);
            home.run_once().expect_code(0);
            worst_double = worst_double.max(look(&user, &mut hand, &home, rounds));
        }
    }
    eprintln!(
        "{cut} faults in {rounds} sweeps, {} messages, {} deleted and {} drags by the user, {worst_double} met by the user's \
         own move, in {:.0} s: 0 lost, 0 unexplained doubles, 0 lessons twice",
        user.alive.len() + user.deleted.len(),
        user.deleted.len(),
        user.drags.len(),
        start.elapsed().as_secs_f64(),
    );
}
