//! Learning from what lies in the mailbox already, on a real Dovecot: folders as a training set, the past replayed, and
//! what the user's flags suggest. Nothing here may change the mailbox: the census and the proxy's list say so.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::string_slice
)]

mod support;

use std::time::{Duration, SystemTime};

use serde_json::{Value, json};
use support::{Account, Census, Dovecot, Home, Letter, Proxy, Server};

/// An account with a past, and the proxy before it.
struct Past {
    server: Server,
    proxy: Proxy,
    home: Home,
}

impl Past {
    fn new(server: Server) -> Self {
        let proxy = Proxy::to(server.port).start();
        let home = Home::new(&[Account::new("home", proxy.port)]);
        Self { server, proxy, home }
    }

    /// Puts mail into a folder, which is made when it is missing.
    fn lies(&self, folder: &str, letters: &[Letter]) {
        self.make(folder);
        for letter in letters {
            self.server.deliver_to("alice", folder, &letter.bytes());
        }
    }

    /// Puts a letter that came so many days ago into a folder, with the flags it has since got.
    fn came(&self, days: u64, folder: &str, letter: &Letter, flags: &[&str]) {
        self.make(folder);
        let at = SystemTime::now() - Duration::from_secs(days * 86_400);
        let date = jiff::Timestamp::try_from(at).unwrap().to_zoned(jiff::tz::TimeZone::UTC);
        let letter = letter
            .clone()
            .field("Date", &jiff::fmt::rfc2822::to_string(&date).unwrap());
        self.server.deliver_at("alice", folder, &letter.bytes(), at);
        if !flags.is_empty() {
            let mut hand = self.server.hand("alice");
            let uid = hand.only(folder, &letter.id());
            hand.add_flags(folder, uid, flags);
        }
    }

    fn make(&self, folder: &str) {
        let mut hand = self.server.hand("alice");
        if !hand.has_folder(folder) {
            hand.make_folder(folder);
        }
    }

    /// Runs a command that may look and nothing else.
    fn looks(&self, arguments: &[&str]) -> String {
        let before = Census::of(&self.server, "alice");
        let said = self.home.run(arguments).expect_code(0).stdout;
        before.assert_untouched(&Census::of(&self.server, "alice"));
        assert_eq!(self.proxy.count("SELECT"), 0, "only EXAMINE opens a folder here");
        self.proxy.assert_clean();
        said
    }
}

fn letters(from: &str, count: usize) -> Vec<Letter> {
    (0..count).map(|_| Letter::from(from)).collect()
}

#[test]
fn folders_sorted_before_teach_whose_mail_belongs_where() {
    let Some(server) = Dovecot::new().start() else { return };
    let account = Past::new(server);
    let (shop, friend) = ("offers@shop.example", "friend@people.example");
    account.lies("Sent", &[Letter::from("alice@example.org").to(friend)]);
    account.lies("Shops = Old", &letters(shop, 3));
    account.lies("Shops = Old", &letters(friend, 1));
    account.lies("@SaneNews", &letters("editor@paper.example", 2));

    let dry = account.looks(&["learn", "--from", "Shops = Old=bulk", "--from-sanebox", "--dry-run"]);
    assert!(dry.contains("bulk       offers@shop.example  (3 messages)"), "{dry}");
    assert!(dry.contains("news       editor@paper.example  (2 messages)"), "{dry}");
    assert!(
        !account.looks(&["preview"]).contains("shop.example"),
        "a dry run teaches nothing"
    );

    let said = account.looks(&["learn", "--from", "Shops = Old=bulk", "--from-sanebox"]);
    assert!(said.contains("bulk: taught 1 sender, 0 lists"), "{said}");
    assert!(
        said.contains("since you write to them: friend@people.example"),
        "{said}"
    );

    let fresh = Letter::from(shop);
    let stranger = Letter::from("stranger@shop.example");
    account.lies("INBOX", &[fresh.clone(), stranger.clone(), Letter::from(friend)]);
    let plan = account.looks(&["preview"]);
    assert!(plan.contains("1 bulk") && plan.contains(shop), "{plan}");
    assert!(!plan.contains("stranger@"), "{plan}");

    let wrong = account.home.run(&["learn", "--from", "Shop=bulk"]);
    assert!(
        wrong.code != Some(0) && wrong.stderr.contains("there is no folder Shop"),
        "{wrong:?}"
    );
}

#[test]
fn a_running_daemon_takes_up_what_folders_taught() {
    let Some(server) = Dovecot::new().start() else { return };
    let account = Past::new(server);
    account.lies("Old", &letters("offers@shop.example", 2));
    let mut daemon = account.home.start();
    daemon.wait_ready();
    daemon.wait_line("watching");
    account.home.run(&["learn", "--from", "Old=bulk"]).expect_code(0);
    let fresh = Letter::from("offers@shop.example");
    account.server.deliver("alice", &fresh.bytes());
    account.server.hand("alice").wait_for("Bulk", &fresh.id());
    daemon.terminate();
    account.proxy.assert_clean();
}

fn newsletter(name: &str) -> Letter {
    Letter::from(&format!("News <news@{name}.example>")).newsletter(&format!("<{name}.list.example>"))
}

#[test]
fn the_past_is_replayed_without_knowing_the_future_and_told_against_the_flags() {
    let Some(server) = Dovecot::new().start() else { return };
    let past = Past::new(server);
    let (friend, later) = ("friend@people.example", "later@people.example");
    for days in [50, 45, 40] {
        past.came(days, "Sent", &Letter::from("alice@example.org").to(friend), &["\\Seen"]);
    }
    past.came(30, "INBOX", &Letter::from(friend), &["\\Seen", "\\Answered"]);
    past.came(20, "INBOX", &Letter::from("stranger@letter.example"), &[]);
    past.came(15, "News", &newsletter("read"), &["\\Seen"]);
    let buried = newsletter("replied");
    past.came(12, "INBOX", &buried, &["\\Seen", "\\Answered"]);
    // Written to only afterwards: on that day a stranger.
    past.came(10, "INBOX", &Letter::from(later), &["\\Seen"]);
    for days in [5, 4, 3] {
        past.came(days, "Sent", &Letter::from("alice@example.org").to(later), &["\\Seen"]);
    }
    past.came(8, "INBOX", &newsletter("ignored"), &[]);
    past.came(6, "Trash", &newsletter("thrown"), &[]);
    past.came(200, "INBOX", &newsletter("ancient"), &[]);

    let told: Value = serde_json::from_str(&past.looks(&["preview", "--replay", "90d", "--json"])).unwrap();
    let row = |cells: [usize; 5]| {
        let [top, inbox, news, bulk, blackhole] = cells;
        let all = cells.iter().sum::<usize>();
        json!({"top": top, "inbox": inbox, "news": news, "bulk": bulk, "blackhole": blackhole, "all": all})
    };
    assert_eq!(told["messages"], 7, "{told}");
    assert_eq!(told["confusion"]["answered"], row([1, 0, 1, 0, 0]), "{told}");
    assert_eq!(told["confusion"]["read"], row([0, 1, 1, 0, 0]), "{told}");
    assert_eq!(told["confusion"]["unread"], row([0, 1, 1, 0, 0]), "{told}");
    assert_eq!(told["confusion"]["deleted_unread"], row([0, 0, 1, 0, 0]), "{told}");
    assert_eq!(told["answered_and_buried"].as_array().unwrap().len(), 1, "{told}");
    assert_eq!(
        told["answered_and_buried"][0]["message_id"].as_str().unwrap(),
        buried.id().trim_matches(['<', '>'])
    );

    let page = past.looks(&["preview", "--replay", "90d"]);
    assert!(
        page.contains("Of 2 messages you answered, 1 would have stayed in sight, 1 of them in top."),
        "{page}"
    );
    assert!(
        page.contains("Of 3 messages you never opened, 2 would have been out of your way."),
        "{page}"
    );
    assert!(
        page.contains("news@replied.example") && !page.contains("news@read.example"),
        "{page}"
    );
}

#[test]
fn flags_suggest_and_nothing_is_done() {
    let Some(server) = Dovecot::new().start() else { return };
    let past = Past::new(server);
    past.came(
        60,
        "Sent",
        &Letter::from("alice@example.org").to("friend@people.example"),
        &[],
    );
    for days in 20..25 {
        past.came(days, "INBOX", &Letter::from("offers@shop.example"), &[]);
        past.came(days, "INBOX", &Letter::from("friend@people.example"), &[]);
        past.came(days, "INBOX", &Letter::from("read@shop.example"), &["\\Seen"]);
    }
    for days in 1..4 {
        past.came(
            days,
            "News",
            &Letter::from("anna@club.example"),
            &["\\Seen", "\\Answered"],
        );
    }
    let lines = past.looks(&["suggest", "--json"]);
    let told: Vec<Value> = lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let commands: Vec<&str> = told.iter().map(|object| object["command"].as_str().unwrap()).collect();
    assert_eq!(
        commands,
        [
            "postroom train anna@club.example top",
            "postroom train offers@shop.example bulk"
        ],
        "{lines}"
    );
    assert_eq!(told[1]["counts"]["left_unread"], 5);
    // The command it names is one that works, and then there is nothing more to say about that sender.
    let words: Vec<&str> = commands[1].split(' ').skip(1).collect();
    past.home.run_once();
    past.home.run(&words).expect_code(0);
    let page = past.home.run(&["suggest"]).expect_code(0).stdout;
    assert!(
        page.contains("you answered 3") && !page.contains("offers@shop.example"),
        "{page}"
    );
}

/// What somebody wrote is counted from the first day on; how often the inbox was looked at before is no matter.
#[test]
fn looking_at_the_backlog_again_counts_none_of_its_letters() {
    let Some(server) = Dovecot::new().start() else { return };
    let account = Past::new(server);
    let friend = "bea@people.example";
    let to_her = Letter::from("alice@example.org").to(friend);
    account.lies("Sent", &[to_her.clone(), to_her]);
    account.lies("INBOX", &letters(friend, 1));
    let asked = account.home.run(&["sort"]).expect_code(2);
    for plan in [
        account.home.run(&["preview"]),
        account.home.run(&["sort"]),
        account.home.run(&["preview"]),
    ] {
        assert_eq!(plan.stdout.matches("they wrote 0,").count(), 1, "{}", plan.text());
    }
    account.home.run_once().expect_code(0);
    account.home.run(&["sort", "--yes"]).expect_code(0);
    let known = account.home.run(&["senders", friend]).expect_code(0).stdout;
    assert!(known.contains("they wrote 0,"), "{known}");
    assert!(asked.stderr.contains("--yes"), "{}", asked.stderr);
    account.proxy.assert_clean();
}
