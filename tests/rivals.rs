//! Two daemons with two states on one mailbox, as on two hosts (reliability.md E2): what the other one does is not taken
//! for the user's hand, both say so, and with `claim = true` no message is moved twice.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::string_slice
)]

mod support;

use support::grammar::Allowance;
use support::{Account, Census, Daemon, Dovecot, Drag, Hand, Home, Ledger, Letter, Proxy, Server, eventually};

/// Two hosts with nothing in common but the mailbox.
struct Scene {
    server: Server,
    proxy: Proxy,
    homes: [Home; 2],
}

impl Scene {
    fn new(server: Dovecot, adjust: impl Fn(Account) -> Account) -> Option<Self> {
        let server = server.start()?;
        let allowance = Allowance {
            claim: true,
            ..Allowance::default()
        };
        let proxy = Proxy::to(server.port).allow(allowance).start();
        let homes = [(); 2].map(|()| Home::new(&[adjust(Account::new("home", proxy.port))]));
        Some(Self { server, proxy, homes })
    }

    fn start(&self) -> [Daemon; 2] {
        // One after the other: the second finds the folders that the first has made.
        [&self.homes[0], &self.homes[1]].map(|home| {
            let mut daemon = home.start();
            daemon.wait_ready();
            daemon.wait_line("watching");
            daemon
        })
    }

    /// Delivers newsletters one by one, each as soon as the one before has left the inbox.
    fn deliver(&self, count: usize) -> Vec<Letter> {
        let mut hand = self.server.hand("alice");
        (0..count)
            .map(|n| {
                let letter = newsletter(&format!("paper{n}"));
                self.server.deliver("alice", &letter.bytes());
                hand.wait_for("News", &letter.id());
                hand.wait_until_gone("INBOX", &letter.id());
                letter
            })
            .collect()
    }

    /// Copies beyond the first, of all letters.
    fn doubles(&self, letters: &[Letter]) -> usize {
        let mut hand = self.server.hand("alice");
        letters
            .iter()
            .map(|letter| hand.find("News", &letter.id()).len() - 1)
            .sum()
    }
}

fn newsletter(name: &str) -> Letter {
    Letter::from(&format!("News <news@{name}.example>")).newsletter(&format!("<{name}.list.example>"))
}

/// Waits until nothing is on its way any more, and says what the daemon has written down.
fn settled(home: &Home) -> Ledger {
    eventually("every row closed", || {
        Some(Ledger::of(home)).filter(|ledger| ledger.open() == 0)
    })
}

#[test]
fn the_other_daemon_is_noticed_reported_and_teaches_nothing() {
    let Some(scene) = Scene::new(Dovecot::new(), |account| account) else {
        return;
    };
    let mut daemons = scene.start();
    let letters = scene.deliver(40);
    let doubles = scene.doubles(&letters);
    let census = Census::of(&scene.server, "alice");
    assert_eq!(census.len(), 40 + doubles, "nothing is lost, and no copy is deleted");
    // Whoever is always first has nothing to notice.
    let notice = "another program moves the same mail";
    let noticed = eventually("one of them to notice", || {
        daemons.iter().position(|daemon| daemon.count_lines(notice) > 0)
    });
    let status = scene.homes[noticed].run(&["status"]).expect_code(0).text();
    assert!(status.contains("stop one of the two, or set claim = true"), "{status}");
    for home in &scene.homes {
        let ledger = settled(home);
        assert_eq!(ledger.lessons, 0, "{ledger:?}");
    }
    println!("{doubles} of 40 messages doubled");
    assert_eq!(scene.proxy.count("UID STORE"), 0, "nobody claims who was not told to");

    // What the user does now may be the other daemon's work: nothing is learned before he says so.
    let letter = Letter::from("Stranger <first@letter.example>");
    scene.server.deliver("alice", &letter.bytes());
    for daemon in &mut daemons {
        daemon.wait_line("first@letter.example");
    }
    let mut hand = scene.server.hand("alice");
    hand.drag_message(Drag::Move, &letter.id(), "INBOX", "Blackhole");
    daemons[noticed].wait_line("learning held");
    let senders = || scene.homes[noticed].run(&["senders"]).expect_code(0).text();
    assert!(senders().contains("waits for you"), "{}", senders());
    scene.homes[noticed].run(&["learn", "--confirm"]).expect_code(0);
    assert!(!senders().contains("waits for you") && senders().contains("first@letter.example"));
    for daemon in daemons {
        daemon.terminate();
    }
    scene.proxy.assert_clean();
}

/// Another program copies each message to the same folder in the instant before the daemon's own move.
#[test]
fn second_copies_are_told_of_and_kept_and_four_of_them_end_the_moving() {
    let Some(server) = Dovecot::new().start() else { return };
    let port = server.port;
    let proxy = Proxy::to(port).before_each(move |command| {
        let mut words = command.split(' ').skip(2);
        if let (true, Some(uid)) = (command.starts_with("UID MOVE"), words.next()) {
            let mut hand = Hand::login(port, "alice", "secret");
            hand.select("INBOX");
            hand.ok(&format!("UID COPY {uid} News"));
        }
    });
    let proxy = proxy.start();
    let home = Home::new(&[Account::new("home", proxy.port)]);
    let mut daemon = home.start();
    daemon.wait_ready();
    daemon.wait_line("watching");
    let mut hand = server.hand("alice");
    for n in 1..=4 {
        server.deliver("alice", &newsletter(&format!("twice{n}")).bytes());
        daemon.wait_line("doubled: another program moved this message too");
        hand.wait_for_count("News", 2 * n);
        if n == 3 {
            eventually("the third in the status", || {
                let status = home.run(&["status", "--json"]).expect_code(0).text();
                (status.contains("\"doubled\":3") && status.contains("every move waits")).then_some(())
            });
        }
    }
    daemon.wait_line("moves nothing until the signs are a day old");
    let fifth = newsletter("once");
    server.deliver("alice", &fifth.bytes());
    daemon.wait_line("news@once.example");
    hand.wait_for("INBOX", &fifth.id());
    assert_eq!(proxy.count("UID MOVE"), 4);
    let status = home.run(&["status"]).expect_code(0).text();
    assert!(status.contains("made 4 second copies"), "{status}");
    assert!(
        status.contains("moves nothing (another program moves the same mail)"),
        "{status}"
    );
    let ledger = Ledger::of(&home);
    assert_eq!((ledger.lessons, ledger.open()), (0, 0), "{ledger:?}");
    assert_eq!(Census::of(&server, "alice").len(), 9, "neither copy of any is deleted");
    // Taking back our own move is not held up by the other's copy.
    let undone = home.run(&["undo", "--id", "1"]).expect_code(0).text();
    assert!(undone.contains("is back in INBOX"), "{undone}");
    daemon.terminate();
    proxy.assert_clean();
}

/// One story on both ladders: with `claim = true` on both sides no message is moved twice, however they come.
fn they_share(server: Dovecot) {
    let Some(scene) = Scene::new(server, |account| account.line("claim = true")) else {
        return;
    };
    let daemons = scene.start();
    let mut letters = scene.deliver(20);
    let more: Vec<Letter> = (0..20).map(|n| newsletter(&format!("burst{n}"))).collect();
    for letter in &more {
        scene.server.deliver("alice", &letter.bytes());
    }
    letters.extend(more);
    let mut hand = scene.server.hand("alice");
    hand.wait_for_count("INBOX", 0);
    let before = Census::of(&scene.server, "alice");
    assert_eq!(before.len(), 40, "moved twice");
    for (home, daemon) in scene.homes.iter().zip(&daemons) {
        let ledger = settled(home);
        assert_eq!(ledger.lessons, 0, "{ledger:?}");
        assert_eq!(daemon.count_lines("another program"), 0, "{}", daemon.output());
        println!(
            "moved {}, left to the other {}",
            ledger.moved.len(),
            daemon.count_lines("left to another Postroom")
        );
    }
    let claimed = hand.search("News", "ALL").len() - unclaimed(&mut hand).len();
    assert_eq!(claimed, 40, "the claim travels with the message");
    for daemon in daemons {
        daemon.terminate();
    }
    for home in &scene.homes {
        home.run_once().expect_code(0);
    }
    assert_eq!(unclaimed(&mut hand).len(), 40, "every claim is taken off again");
    scene.proxy.assert_clean();
}

/// Messages in News without any keyword of ours.
fn unclaimed(hand: &mut Hand) -> Vec<u32> {
    let copies = hand.messages("News", false);
    let free = copies
        .iter()
        .filter(|copy| !copy.flags.iter().any(|flag| flag.starts_with("$PostroomClaim-")));
    free.map(|copy| copy.uid).collect()
}

#[test]
fn with_claims_no_message_is_moved_twice() {
    they_share(Dovecot::new());
}

#[test]
fn with_claims_no_message_is_copied_twice() {
    they_share(Dovecot::new().without(&["MOVE"]));
}

/// A message that stays in the inbox does not tell by its absence that somebody else was faster: its claim does.
#[test]
fn with_claims_a_message_that_stays_is_copied_once() {
    let Some(scene) = Scene::new(Dovecot::new(), |account| account.line("claim = true")) else {
        return;
    };
    for home in &scene.homes {
        home.rule_file(
            "10.toml",
            "[[rule]]\nname = \"kept\"\nwhen = { from = \"@paper.example\" }\nkeep = true\ncopy = \"Copies\"\n",
        );
    }
    scene.server.hand("alice").make_folder("Copies");
    let daemons = scene.start();
    let mut hand = scene.server.hand("alice");
    for n in 0..10 {
        let letter = Letter::from(&format!("reader{n}@paper.example"));
        // Every other one is met by the second daemon when the first has done its work.
        let late = n % 2 == 0;
        if late {
            daemons[1].pause();
        }
        scene.server.deliver("alice", &letter.bytes());
        hand.wait_for("Copies", &letter.id());
        if late {
            daemons[1].resume();
        }
        eventually("both to have met it", || {
            let met = |daemon: &Daemon| daemon.count_lines(&format!("from=reader{n}@paper.example")) > 0;
            daemons.iter().all(met).then_some(())
        });
    }
    eventually("one of the two to leave it to the other, each time", || {
        let left = daemons
            .iter()
            .map(|daemon| daemon.count_lines("left to another Postroom"));
        (left.sum::<usize>() == 10).then_some(())
    });
    for folder in ["INBOX", "Copies"] {
        assert_eq!(hand.messages(folder, false).len(), 10, "{folder}");
    }
    for daemon in daemons {
        daemon.terminate();
    }
    for home in &scene.homes {
        settled(home);
        home.run_once().expect_code(0);
    }
    for folder in ["INBOX", "Copies"] {
        let copies = hand.messages(folder, false);
        let claimed = copies
            .iter()
            .filter(|copy| copy.flags.iter().any(|flag| flag.contains("Claim")));
        assert_eq!(claimed.count(), 0, "every claim in {folder} is taken off again");
    }
    scene.proxy.assert_clean();
}

#[test]
fn a_claim_that_another_holds_is_respected_and_one_that_cannot_be_made_is_said() {
    let Some(scene) = Scene::new(Dovecot::new(), |account| account.line("claim = true")) else {
        return;
    };
    let mut daemon = scene.homes[0].start();
    daemon.wait_ready();
    daemon.wait_line("watching");
    let letter = newsletter("held");
    let mut hand = scene.server.hand("alice");
    hand.append("INBOX", &letter.bytes(), &["$PostroomClaim-deadbeef"], None);
    daemon.wait_line("left to another Postroom");
    hand.wait_for("INBOX", &letter.id());
    assert_eq!(scene.proxy.count("UID MOVE"), 0);
    daemon.terminate();

    let proxy = Proxy::to(scene.server.port).hide(&["CONDSTORE", "QRESYNC"]).start();
    let home = Home::new(&[Account::new("home", proxy.port).line("claim = true")]);
    let mut daemon = home.start();
    daemon.wait_ready();
    daemon.wait_line("claim = true is of no use here");
    let letter = newsletter("careful");
    scene.server.deliver("alice", &letter.bytes());
    hand.wait_for("News", &letter.id());
    assert!(proxy.count("NOOP") > 0, "it looks again before it moves");
    daemon.terminate();
    proxy.assert_clean();
}
