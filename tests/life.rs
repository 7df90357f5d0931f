//! The life of a message with the whole daemon on a real Dovecot: sorted, dragged, rescued, undone, never lost.
//!
//! Every test ends with a census: each message is there once, with the same bytes, flags and INTERNALDATE, and with the
//! proxy's word that only the closed list of commands was used.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::string_slice
)]

mod support;

use support::{Account, Census, Daemon, Dovecot, Drag, Home, Letter, Moment, Proxy, Server, eventually};

/// A daemon on one account of a server, with the proxy between them.
struct Life {
    server: Server,
    proxy: Proxy,
    home: Home,
}

impl Life {
    fn new(server: Server) -> Self {
        Self::with(server, |account| account)
    }

    fn with(server: Server, adjust: impl FnOnce(Account) -> Account) -> Self {
        let proxy = Proxy::to(server.port).start();
        let home = Home::new(&[adjust(Account::new("home", proxy.port))]);
        Self { server, proxy, home }
    }

    /// The daemon, past its first look at every folder.
    fn start(&self) -> Daemon {
        let mut daemon = self.home.start();
        daemon.wait_ready();
        daemon.wait_line("watching");
        daemon
    }

    fn deliver(&self, letter: &Letter) {
        self.server.deliver("alice", &letter.bytes());
    }

    /// Waits until the letter lies in `folder`, and nowhere else.
    fn arrives(&self, letter: &Letter, folder: &str) {
        let mut hand = self.server.hand("alice");
        hand.wait_for(folder, &letter.id());
        for other in ["INBOX", "Top", "News", "Bulk", "Blackhole"] {
            if other != folder && hand.has_folder(other) {
                // A copy, and then the original's removal: for a moment it is in both.
                hand.wait_until_gone(other, &letter.id());
            }
        }
    }

    fn drag(&self, letter: &Letter, from: &str, to: &str) {
        self.server
            .hand("alice")
            .drag_message(Drag::Move, &letter.id(), from, to);
    }

    /// The verdict line of a letter in `postroom explain`.
    fn why(&self, letter: &Letter) -> String {
        self.home.run(&["explain", &letter.id()]).expect_code(0).text()
    }
}

fn newsletter(name: &str) -> Letter {
    Letter::from(&format!("News <news@{name}.example>")).newsletter(&format!("<{name}.list.example>"))
}

#[test]
fn new_mail_is_sorted_and_old_mail_is_left_alone() {
    let Some(server) = Dovecot::new().start() else { return };
    let old = newsletter("old");
    server.deliver("alice", &old.bytes());
    let life = Life::new(server);
    let mut daemon = life.start();
    let (news, stranger) = (newsletter("weekly"), Letter::from("Stranger <first@letter.example>"));
    life.deliver(&stranger);
    life.deliver(&news);
    let before = Census::of(&life.server, "alice");
    life.arrives(&news, "News");
    life.arrives(&stranger, "INBOX");
    life.arrives(&old, "INBOX");
    daemon.wait_line("first@letter.example");
    before.assert_same(&Census::of(&life.server, "alice"));
    assert!(life.why(&news).contains("news"), "{}", life.why(&news));
    let (status, _) = daemon.terminate();
    assert!(status.success(), "{status:?}");
    life.proxy.assert_clean();
}

#[test]
fn somebody_written_to_is_top_and_a_reply_is_too() {
    let Some(server) = Dovecot::new().start() else { return };
    let mut sent = Vec::new();
    for _ in 0..6 {
        let letter = Letter::from("alice@example.org").to("friend@people.example");
        server.deliver_to("alice", "Sent", &letter.bytes());
        sent.push(letter);
    }
    let asked = Letter::from("alice@example.org").to("office@people.example");
    server.deliver_to("alice", "Sent", &asked.bytes());
    let life = Life::new(server);
    let daemon = life.start();
    let from_friend = Letter::from("Friend <friend@people.example>");
    let answer = Letter::from("Somebody Else <else@people.example>").reply_to(&asked.id());
    life.deliver(&from_friend);
    life.deliver(&answer);
    life.arrives(&from_friend, "Top");
    life.arrives(&answer, "Top");
    assert!(
        life.why(&from_friend).contains("you wrote to them 6 times"),
        "{}",
        life.why(&from_friend)
    );
    assert!(
        life.why(&answer).contains("it answers a message of yours"),
        "{}",
        life.why(&answer)
    );
    daemon.terminate();
    life.proxy.assert_clean();
}

#[test]
fn a_drag_into_each_bucket_teaches_and_a_rescue_takes_it_back() {
    let Some(server) = Dovecot::new().start() else { return };
    let life = Life::new(server);
    let daemon = life.start();
    for (how, bucket, folder) in [
        (Drag::Move, "top", "Top"),
        (Drag::CopyDelete, "bulk", "Bulk"),
        (Drag::AppendDelete, "news", "News"),
        (Drag::Move, "blackhole", "Blackhole"),
    ] {
        let who = format!("anna.{}@taught.example", folder.len() + usize::from(bucket == "news"));
        let (first, second, third) = (Letter::from(&who), Letter::from(&who), Letter::from(&who));
        life.deliver(&first);
        life.arrives(&first, "INBOX");
        eventually("the first verdict", || {
            (life.home.run(&["explain", &first.id()]).code == Some(0)).then_some(())
        });
        life.server
            .hand("alice")
            .drag_message(how, &first.id(), "INBOX", folder);
        eventually("the drag in the ledger", || {
            life.why(&first).contains("you filed it").then_some(())
        });
        life.deliver(&second);
        life.arrives(&second, folder);
        assert!(life.why(&second).contains("you put mail of"), "{}", life.why(&second));
        life.drag(&second, folder, "INBOX");
        eventually("the rescue in the ledger", || {
            life.why(&second).contains("you put it back").then_some(())
        });
        life.deliver(&third);
        eventually("a verdict on the third", || {
            (life.home.run(&["explain", &third.id()]).code == Some(0)).then_some(())
        });
        life.arrives(&third, "INBOX");
        life.arrives(&second, "INBOX");
    }
    daemon.terminate();
    life.proxy.assert_clean();
}

#[test]
fn our_own_moves_teach_nothing() {
    let Some(server) = Dovecot::new().start() else { return };
    let life = Life::new(server);
    let mut daemon = life.start();
    let letters: Vec<Letter> = (0..5).map(|n| newsletter(&format!("own{n}"))).collect();
    for letter in &letters {
        life.deliver(letter);
    }
    for letter in &letters {
        life.arrives(letter, "News");
    }
    // A restart makes it look at every folder again, with nothing but the ledger to know its own moves by.
    daemon.terminate();
    daemon = life.start();
    let marker = newsletter("marker");
    life.deliver(&marker);
    life.arrives(&marker, "News");
    assert_eq!(daemon.count_lines("learn"), 0, "{}", daemon.output());
    assert_eq!(daemon.count_lines(" file"), 0, "{}", daemon.output());
    daemon.terminate();
    life.proxy.assert_clean();
}

#[test]
fn undo_brings_mail_back_and_the_daemon_lets_it_lie() {
    let Some(server) = Dovecot::new().start() else { return };
    let life = Life::new(server);
    let daemon = life.start();
    let news = newsletter("undone");
    life.deliver(&news);
    let before = Census::of(&life.server, "alice");
    life.arrives(&news, "News");
    let said = life.home.run(&["undo", "--last", "1"]).expect_code(0).text();
    assert!(said.contains("is back in INBOX"), "{said}");
    life.arrives(&news, "INBOX");
    let marker = newsletter("after");
    life.deliver(&marker);
    life.arrives(&marker, "News");
    life.arrives(&news, "INBOX");
    let again = life.home.run(&["undo", "--last", "2"]).expect_code(0).text();
    assert!(again.contains("was taken back before"), "{again}");
    daemon.terminate();
    let after = Census::of(&life.server, "alice");
    assert_eq!(before.len() + 1, after.len());
    life.proxy.assert_clean();
}

#[test]
fn undo_refuses_what_the_user_has_touched_since() {
    let Some(server) = Dovecot::new().start() else { return };
    let life = Life::new(server);
    let daemon = life.start();
    let news = newsletter("touched");
    life.deliver(&news);
    life.arrives(&news, "News");
    life.drag(&news, "News", "Trash");
    let said = life.home.run(&["undo", "--last", "1"]);
    assert_eq!(said.code, Some(1), "{}", said.text());
    assert!(
        said.text().contains("you have moved or deleted it since"),
        "{}",
        said.text()
    );
    life.server.hand("alice").wait_for("Trash", &news.id());
    daemon.terminate();
}

#[test]
fn without_move_the_uidplus_ladder_moves() {
    let Some(server) = Dovecot::new().without(&["MOVE"]).start() else {
        return;
    };
    the_short_story(&Life::new(server), "UID COPY");
}

#[test]
fn with_move_one_command_moves() {
    let Some(server) = Dovecot::new().start() else { return };
    the_short_story(&Life::new(server), "UID MOVE");
}

#[test]
fn a_server_with_an_inbox_prefix_and_dots_is_no_different() {
    let Some(server) = Dovecot::new().inbox_prefix().start() else {
        return;
    };
    the_short_story(&Life::new(server), "UID MOVE");
}

#[test]
fn without_idle_the_folder_is_polled() {
    let Some(server) = Dovecot::new().without(&["IDLE", "NOTIFY"]).start() else {
        return;
    };
    the_short_story(
        &Life::with(server, |account| account.imap_line("poll = \"1s\"")),
        "UID MOVE",
    );
}

#[test]
fn without_notify_the_other_folders_are_polled() {
    let Some(server) = Dovecot::new().without(&["NOTIFY"]).start() else {
        return;
    };
    the_short_story(
        &Life::with(server, |account| account.imap_line("poll = \"1s\"")),
        "UID MOVE",
    );
}

/// Sorted, dragged into Blackhole, swallowed; nothing lost.
fn the_short_story(life: &Life, moves_by: &str) {
    let daemon = life.start();
    let (news, pest, pest_again) = (
        newsletter("story"),
        Letter::from("pest@shop.example"),
        Letter::from("pest@shop.example"),
    );
    let keeper = Letter::from("person@letter.example");
    for letter in [&news, &pest, &keeper] {
        life.deliver(letter);
    }
    life.arrives(&news, "News");
    life.arrives(&pest, "INBOX");
    eventually("a verdict on the pest", || {
        (life.home.run(&["explain", &pest.id()]).code == Some(0)).then_some(())
    });
    life.drag(&pest, "INBOX", "Blackhole");
    eventually("the drag in the ledger", || {
        life.why(&pest).contains("you filed it").then_some(())
    });
    let before = Census::of(&life.server, "alice").len();
    life.deliver(&pest_again);
    life.arrives(&pest_again, "Blackhole");
    life.arrives(&keeper, "INBOX");
    daemon.terminate();
    assert_eq!(Census::of(&life.server, "alice").len(), before + 1);
    assert!(life.proxy.count(moves_by) >= 2, "{:?}", life.proxy.commands());
    life.proxy.assert_clean();
}

#[test]
fn kill_9_between_plan_and_done_loses_and_doubles_nothing() {
    for (without, command) in [
        (vec![], "UID MOVE"),
        (vec!["MOVE"], "UID COPY"),
        (vec!["MOVE"], "UID EXPUNGE"),
    ] {
        for moment in [Moment::BeforeSend, Moment::NotExecuted, Moment::NoAnswer] {
            let Some(server) = Dovecot::new().without(&without).start() else {
                return;
            };
            let proxy = Proxy::to(server.port).cut(command, 1, moment).start();
            let home = Home::new(&[Account::new("home", proxy.port)]);
            let life = Life { server, proxy, home };
            let daemon = life.start();
            let (news, person) = (newsletter("killed"), Letter::from("person@letter.example"));
            life.deliver(&person);
            life.deliver(&news);
            life.proxy.wait_cut();
            daemon.kill();
            let daemon = life.start();
            life.arrives(&news, "News");
            life.arrives(&person, "INBOX");
            daemon.terminate();
            assert_eq!(Census::of(&life.server, "alice").len(), 2, "{command} {moment:?}");
            life.proxy.assert_clean();
        }
    }
}

#[test]
fn a_renumbered_inbox_teaches_nothing_and_moves_nothing_old() {
    let Some(server) = Dovecot::new().start() else { return };
    let mut life = Life::new(server);
    let daemon = life.start();
    let (news, person) = (newsletter("before"), Letter::from("person@letter.example"));
    life.deliver(&person);
    life.deliver(&news);
    life.arrives(&news, "News");
    life.drag(&news, "News", "INBOX");
    eventually("the rescue in the ledger", || {
        life.why(&news).contains("you put it back").then_some(())
    });
    daemon.terminate();
    // Dovecot makes a new UIDVALIDITY when its list of UIDs is gone.
    life.server.stop();
    for name in [
        "dovecot-uidlist",
        "dovecot.index",
        "dovecot.index.log",
        "dovecot.index.cache",
        "dovecot-uidvalidity",
    ] {
        let _ = std::fs::remove_file(life.server.maildir("alice", "INBOX").join(name));
    }
    life.server.start_again();
    let mut daemon = life.home.start();
    daemon.wait_line("watching");
    let after = newsletter("later");
    life.deliver(&after);
    life.arrives(&after, "News");
    life.arrives(&news, "INBOX");
    life.arrives(&person, "INBOX");
    assert_eq!(daemon.count_lines("INFO learn"), 0, "{}", daemon.output());
    daemon.terminate();
    life.proxy.assert_clean();
}

#[test]
fn two_accounts_in_one_process_do_not_disturb_each_other() {
    let Some(server) = Dovecot::new().start() else { return };
    let home = Home::new(&[
        Account::new("good", server.port),
        Account::new("wrong", server.port).user("carol").password("not-it"),
        Account::new("other", server.port).user("bob"),
    ]);
    let mut daemon = home.start();
    daemon.wait_ready();
    daemon.wait_line("refused");
    for user in ["alice", "bob"] {
        eventually("its folders", || server.hand(user).has_folder("News").then_some(()));
    }
    eventually("both accounts to watch", || {
        (daemon.count_lines("watching") >= 2).then_some(())
    });
    let news = newsletter("both");
    for user in ["alice", "bob"] {
        server.deliver(user, &news.bytes());
        server.hand(user).wait_for("News", &news.id());
    }
    assert_eq!(daemon.count_lines("learn"), 0);
    daemon.terminate();
}

#[test]
fn a_broken_rule_file_keeps_the_old_rules_and_a_good_one_takes_over() {
    let Some(server) = Dovecot::new().start() else { return };
    let life = Life::new(server);
    life.home.rule_file(
        "10-mine.toml",
        "[[rule]]\nname = \"one\"\nwhen = { from = \"boss@work.example\" }\nbucket = \"top\"\n",
    );
    let mut daemon = life.start();
    life.home.rule_file(
        "10-mine.toml",
        "[[rule]]\nname = \"two\"\nwhen = { form = \"boss@work.example\" }\nbucket = \"news\"\n",
    );
    daemon.wait_line("old ones keep running");
    let first = Letter::from("boss@work.example");
    life.deliver(&first);
    life.arrives(&first, "Top");
    life.home.rule_file(
        "10-mine.toml",
        "[[rule]]\nname = \"two\"\nwhen = { from = \"boss@work.example\" }\nbucket = \"news\"\n",
    );
    eventually("the new rules", || {
        (daemon.count_lines("rules loaded") >= 2).then_some(())
    });
    let second = Letter::from("boss@work.example");
    life.deliver(&second);
    life.arrives(&second, "News");
    assert!(life.why(&second).contains("10-mine.toml:1"), "{}", life.why(&second));
    daemon.terminate();
}

#[test]
fn preview_decides_and_moves_nothing() {
    let Some(server) = Dovecot::new().start() else { return };
    let life = Life::with(server, |account| account.mode("preview"));
    let news = newsletter("looked-at");
    life.deliver(&news);
    let before = Census::of(&life.server, "alice");
    let plan = life.home.run(&["preview"]).expect_code(0).text();
    assert!(plan.contains("1 in INBOX = 1 news"), "{plan}");
    let daemon = life.start();
    let later = newsletter("later");
    life.deliver(&later);
    eventually("a verdict", || {
        life.home
            .run(&["explain", &later.id()])
            .text()
            .contains("would have gone")
            .then_some(())
    });
    life.arrives(&news, "INBOX");
    life.arrives(&later, "INBOX");
    daemon.terminate();
    assert_eq!(before.len() + 1, Census::of(&life.server, "alice").len());
    assert_eq!(life.proxy.count("UID MOVE") + life.proxy.count("CREATE"), 0);
    life.proxy.assert_clean();
}

#[test]
fn run_once_sorts_the_backlog_and_a_second_run_moves_nothing() {
    let Some(server) = Dovecot::new().start() else { return };
    let letters: Vec<Letter> = (0..250)
        .map(|n| {
            if n % 2 == 0 {
                newsletter(&format!("n{n}"))
            } else {
                Letter::from(&format!("p{n}@letter.example"))
            }
        })
        .collect();
    let raw: Vec<Vec<u8>> = letters.iter().map(Letter::bytes).collect();
    server.fill("alice", "INBOX", raw.iter().map(Vec::as_slice));
    let life = Life::with(server, |account| account.backlog("sort"));
    let before = Census::of(&life.server, "alice");
    life.home.run_once().expect_code(0);
    let mut hand = life.server.hand("alice");
    assert_eq!((hand.uids("INBOX").len(), hand.uids("News").len()), (125, 125));
    let moves = life.proxy.count("UID MOVE");
    assert!(moves <= 4, "{moves} MOVE commands for 125 messages");
    life.home.run_once().expect_code(0);
    assert_eq!(life.proxy.count("UID MOVE"), moves);
    before.assert_same(&Census::of(&life.server, "alice"));
    life.proxy.assert_clean();
}

#[test]
fn a_rule_that_waits_moves_when_the_time_has_come_and_flags_what_it_keeps() {
    let Some(server) = Dovecot::new().start() else { return };
    let life = Life::new(server);
    life.home.rule_file(
        "10-wait.toml",
        "[[rule]]\nname = \"offers\"\nwhen = { from = \"offers@shop.example\" }\nmove = \"Old offers\"\nafter = \"7d\"\n\n\
         [[rule]]\nname = \"boss\"\nwhen = { from = \"boss@work.example\" }\nkeep = true\nflags = [\"+$Boss\"]\n",
    );
    let daemon = life.start();
    let (fresh, boss) = (Letter::from("offers@shop.example"), Letter::from("boss@work.example"));
    life.deliver(&fresh);
    life.deliver(&boss);
    eventually("a verdict on both", || {
        let known = |letter: &Letter| life.home.run(&["explain", &letter.id()]).code == Some(0);
        (known(&fresh) && known(&boss)).then_some(())
    });
    life.arrives(&fresh, "INBOX");
    eventually("the flag of the boss's letter", || {
        let mut hand = life.server.hand("alice");
        let uid = hand.only("INBOX", &boss.id());
        hand.message("INBOX", uid).flags.contains("$Boss").then_some(())
    });
    daemon.terminate();
    // What arrived eight days ago is due at once.
    let old = Letter::from("offers@shop.example");
    let eight_days = std::time::Duration::from_hours(8 * 24);
    life.server.deliver_at(
        "alice",
        "INBOX",
        &old.bytes(),
        std::time::SystemTime::now() - eight_days,
    );
    life.home.run_once().expect_code(0);
    life.server.hand("alice").wait_for("Old offers", &old.id());
    life.arrives(&fresh, "INBOX");
    life.proxy.assert_clean();
}

#[test]
fn what_has_lain_in_blackhole_long_enough_goes_to_the_trash_and_nothing_else_does() {
    let Some(server) = Dovecot::new().start() else { return };
    let unseen = Letter::from("before@us.example");
    server.hand("alice").make_folder("Blackhole");
    server.deliver_to("alice", "Blackhole", &unseen.bytes());
    let life = Life::with(server, |account| {
        account.folder_line("blackhole = { folder = \"Blackhole\", trash_after = \"1s\" }")
    });
    let daemon = life.start();
    let pest = Letter::from("pest@shop.example");
    life.deliver(&pest);
    eventually("a verdict on the pest", || {
        (life.home.run(&["explain", &pest.id()]).code == Some(0)).then_some(())
    });
    life.drag(&pest, "INBOX", "Blackhole");
    eventually("the drag in the ledger", || {
        life.why(&pest).contains("you filed it").then_some(())
    });
    daemon.terminate();
    eventually("the pest in the trash", || {
        life.home.run_once().expect_code(0);
        (!life.server.hand("alice").find("Trash", &pest.id()).is_empty()).then_some(())
    });
    life.arrives(&unseen, "Blackhole");
    life.proxy.assert_clean();
}
