//! What others can read in the state directory, with the whole program on a real Dovecot: by permission nothing, and with
//! `privacy = "hashed"` no name of a person, a domain, a list or a message even in a copy of all its files, while everything
//! that was learned goes on to count.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::string_slice
)]

mod support;

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;

use support::grammar::Allowance;
use support::{Account, Census, Daemon, Dovecot, Drag, Home, Letter, Proxy, Server};

const HASHED: &str = "privacy = \"hashed\"\n";

/// An account with a past, the proxy before it, and every name that was met.
struct Post {
    server: Server,
    proxy: Proxy,
    home: Home,
    names: BTreeSet<String>,
}

impl Post {
    fn new(server: Server) -> Self {
        let allowance = Allowance {
            digest: true,
            ..Allowance::default()
        };
        let proxy = Proxy::to(server.port).allow(allowance).start();
        let home = Home::new(&[Account::new("home", proxy.port).line("unknown = \"Screener\"")]);
        let names = ["alice@example.org", "mx.example.net"].map(str::to_owned).into();
        Self {
            server,
            proxy,
            home,
            names,
        }
    }

    /// Puts lines before the configuration, in place of those that were put there.
    fn configure(&self, lines: &str) {
        let text = fs::read_to_string(self.home.config()).unwrap();
        let (_, text) = text.split_once("rules = ").unwrap();
        self.home
            .write_private("postroom.toml", &format!("{lines}rules = {text}"));
    }

    /// A letter whose every name is watched for.
    fn letter(&mut self, name: &str, address: &str, subject: &str) -> Letter {
        let letter = Letter::from(&format!("{name} <{address}>"))
            .subject(subject)
            .field("Authentication-Results", "mx.example.net; spf=none");
        let domain = address.split('@').nth(1).unwrap();
        let words = name.split(' ').chain(subject.split(' ')).chain([address, domain]);
        self.names.extend(words.map(str::to_lowercase));
        self.names.insert(letter.id().trim_matches(['<', '>']).to_owned());
        letter
    }

    /// A letter of the user's own in Sent.
    fn sent(&mut self, to: &str, subject: &str) -> Letter {
        let letter = Letter::from("alice@example.org").to(to).subject(subject);
        let words = subject.split(' ').chain([to, to.split('@').nth(1).unwrap()]);
        self.names.extend(words.map(str::to_lowercase));
        self.names.insert(letter.id().trim_matches(['<', '>']).to_owned());
        self.server.deliver_to("alice", "Sent", &letter.bytes());
        letter
    }

    fn newsletter(&mut self, name: &str, domain: &str, subject: &str) -> Letter {
        let list = format!("weekly.{domain}");
        let letter = self.letter(name, &format!("editor@{domain}"), subject);
        self.names.insert(list.clone());
        letter.newsletter(&format!("<{list}>"))
    }

    fn deliver(&self, letter: &Letter) {
        self.server.deliver("alice", &letter.bytes());
    }

    #[track_caller]
    fn arrives(&self, letter: &Letter, folder: &str) {
        self.server.hand("alice").wait_for(folder, &letter.id());
    }

    fn drag(&self, letter: &Letter, from: &str, to: &str) {
        let mut hand = self.server.hand("alice");
        hand.drag_message(Drag::Move, &letter.id(), from, to);
    }

    /// The names that stand somewhere in the files of the state directory.
    fn found(&self) -> BTreeSet<&str> {
        let mut found = BTreeSet::new();
        for file in fs::read_dir(self.home.path("state")).unwrap() {
            let text = letters(&fs::read(file.unwrap().path()).unwrap());
            let there = |name: &&String| text.contains(&letters(name.as_bytes()));
            found.extend(self.names.iter().filter(there).map(String::as_str));
        }
        found
    }

    #[track_caller]
    fn says(&self, arguments: &[&str]) -> String {
        self.home.run(arguments).expect_code(0).text()
    }

    /// Fails when a text names anybody.
    #[track_caller]
    fn assert_nameless(&self, text: &str) {
        let text = text.to_lowercase();
        let named: Vec<&String> = self.names.iter().filter(|name| text.contains(*name)).collect();
        assert!(named.is_empty(), "{named:?} in\n{text}");
    }

    fn start(&self) -> Daemon {
        let mut daemon = self.home.start();
        daemon.wait_line("watching");
        daemon
    }

    /// A day: a correspondent, an answer, newsletters, a stranger, two drags, an undo, a digest.
    fn day(&mut self, daemon: &mut Daemon) -> Day {
        let (friend, shop, paper) = ("bertram@freundin.example", "Kaufhaus", "Tageblatt");
        let first = self.letter("Bertram Falkenhain", friend, "Wanderung");
        let advertisement = self.newsletter(shop, "kaufhaus.example", "Sommerschlussverkauf");
        let news = self.newsletter(paper, "tageblatt.example", "Morgenausgabe");
        let stranger = self.letter("Xaver Unbekannt", "xaver@fremde.example", "Anfrage");
        for letter in [&first, &advertisement, &news, &stranger] {
            self.deliver(letter);
        }
        self.arrives(&first, "Top");
        self.arrives(&advertisement, "News");
        self.arrives(&news, "News");
        self.arrives(&stranger, "Screener");
        self.drag(&advertisement, "News", "Blackhole");
        daemon.wait_line("bucket=blackhole");
        self.drag(&news, "News", "Bulk");
        daemon.wait_line("bucket=bulk");
        let again = self.newsletter(shop, "kaufhaus.example", "Wintermantel");
        self.deliver(&again);
        self.arrives(&again, "Blackhole");
        Day { first, again }
    }
}

/// One letter an octet, small where there is a small one: what is searched in may be no text.
fn letters(octets: &[u8]) -> String {
    octets
        .iter()
        .map(|octet| char::from(octet.to_ascii_lowercase()))
        .collect()
}

struct Day {
    first: Letter,
    again: Letter,
}

fn past(server: Server) -> (Post, Letter) {
    let mut post = Post::new(server);
    let old = post.letter("Ottilie Altmann", "ottilie@vorzeiten.example", "Kirschkuchen");
    post.deliver(&old);
    for subject in [
        "Bergtour",
        "Zeltplatz",
        "Rucksack",
        "Proviant",
        "Wanderkarte",
        "Almhütte",
    ] {
        post.sent("bertram@freundin.example", subject);
    }
    let asked = post.sent("praxis@zahnarzt.example", "Terminwunsch");
    (post, asked)
}

#[test]
fn nothing_in_the_state_directory_names_anybody() {
    let Some(server) = Dovecot::new().start() else { return };
    let (mut post, asked) = past(server);
    post.configure(HASHED);
    let mut daemon = post.start();
    let day = post.day(&mut daemon);
    let answer = post
        .letter("Doktor Backenzahn", "sprechstunde@praxis.example", "Terminvorschlag")
        .reply_to(&asked.id());
    post.deliver(&answer);
    post.arrives(&answer, "Top");
    assert!(
        post.says(&["explain", &answer.id()])
            .contains("it answers a message of yours")
    );
    let before = Census::of(&post.server, "alice");
    assert!(post.says(&["undo", "--last", "1"]).contains("is back in INBOX"));
    post.arrives(&answer, "INBOX");
    before.assert_same(&Census::of(&post.server, "alice"));
    post.says(&["digest"]);
    post.assert_nameless(&daemon.output());

    // An address in clear finds its row; a list shows pseudonyms and says why.
    let portrait = post.says(&["senders", "bertram@freundin.example"]);
    assert!(portrait.contains("You wrote to them 6 times"), "{portrait}");
    let portrait = post.says(&["senders", "editor@kaufhaus.example"]);
    assert!(
        portrait.contains("Mail from this sender goes to blackhole"),
        "{portrait}"
    );
    let everybody = post.says(&["senders"]);
    assert!(
        everybody.contains(".hashed") && everybody.contains("Names are hashed"),
        "{everybody}"
    );
    for command in [
        &["senders"][..],
        &["senders", "--json"],
        &["log"],
        &["stats"],
        &["digest", "--print", "--since", "1h"],
        &["report"],
        &["export"],
        &["export", "records"],
        &["status"],
    ] {
        post.assert_nameless(&post.says(command));
    }
    let pseudonym = everybody
        .split_whitespace()
        .find(|word| word.contains(".hashed") && word.contains('@'))
        .unwrap();
    assert!(post.says(&["senders", pseudonym]).contains("Mail from"), "{pseudonym}");
    let why = post.says(&["explain", &day.again.id()]);
    assert!(
        why.contains("because you put mail of this sender into blackhole"),
        "{why}"
    );

    let said = post.says(&["train", "xaver@fremde.example", "top"]);
    assert!(said.contains("mail from xaver@fremde.example goes to top"), "{said}");
    let second = post.letter("Xaver Unbekannt", "xaver@fremde.example", "Nachfrage");
    post.deliver(&second);
    post.arrives(&second, "Top");
    assert!(post.says(&["forget", "xaver@fremde.example"]).contains("Forgotten"));
    let third = post.letter("Xaver Unbekannt", "xaver@fremde.example", "Rückfrage");
    post.deliver(&third);
    post.arrives(&third, "Screener");

    assert_eq!(post.found(), BTreeSet::new(), "while it runs");
    daemon.kill();
    assert_eq!(post.found(), BTreeSet::new(), "with the log it leaves behind");
    let daemon = post.start();
    let friend = post.letter("Bertram Falkenhain", "bertram@freundin.example", "Gipfelkreuz");
    post.deliver(&friend);
    post.arrives(&friend, "Top");
    daemon.terminate();
    assert_eq!(post.found(), BTreeSet::new(), "after another start");
    for file in fs::read_dir(post.home.path("state")).unwrap() {
        let file = file.unwrap();
        let mode = file.metadata().unwrap().permissions().mode() & 0o777;
        assert_eq!(mode & 0o077, 0, "{:?} has mode {mode:o}", file.file_name());
    }
    post.proxy.assert_clean();
}

#[test]
fn what_was_learned_in_clear_counts_under_pseudonyms_and_no_clear_text_is_left() {
    let Some(server) = Dovecot::new().start() else { return };
    let (mut post, asked) = past(server);
    let mut daemon = post.start();
    let day = post.day(&mut daemon);
    daemon.terminate();
    let clear = post.found();
    for name in [
        "bertram@freundin.example",
        "weekly.kaufhaus.example",
        "xaver@fremde.example",
    ] {
        assert!(
            clear.contains(name),
            "{name} is not found in clear, so this test proves nothing: {clear:?}"
        );
    }

    post.configure(HASHED);
    let doctor = post.home.run(&["doctor"]).expect_code(1).text();
    assert!(doctor.contains("still in clear"), "{doctor}");
    let mut daemon = post.start();
    daemon.wait_line("the names in the records are hashed from now on");
    assert_eq!(post.found(), BTreeSet::new());
    let key = fs::metadata(post.home.path("state/privacy.key")).unwrap();
    assert_eq!(key.permissions().mode() & 0o777, 0o600);

    let never = post.newsletter("Kaufhaus", "kaufhaus.example", "Osterhase");
    let friend = post.letter("Bertram Falkenhain", "bertram@freundin.example", "Hüttenabend");
    let answer = post
        .letter("Doktor Backenzahn", "sprechstunde@praxis.example", "Terminvorschlag")
        .reply_to(&asked.id());
    let met = post.letter("Ottilie Altmann", "ottilie@vorzeiten.example", "Apfelkuchen");
    for (letter, folder) in [
        (&never, "Blackhole"),
        (&friend, "Top"),
        (&answer, "Top"),
        (&met, "INBOX"),
    ] {
        post.deliver(letter);
        post.arrives(letter, folder);
    }
    let rows = |text: &str| text.lines().filter(|line| line.contains("\"record\":\"move\"")).count();
    let all = post.says(&["export", "records"]);
    assert!(rows(&all) >= 9, "{all}");
    let why = post.says(&["explain", &day.again.id()]);
    assert!(
        why.contains("because you put mail of this sender into blackhole"),
        "{why}"
    );
    // What was moved in clear can be taken back.
    let row = post.says(&["explain", &day.first.id()]);
    let row = row
        .split('#')
        .nth(1)
        .unwrap()
        .split_whitespace()
        .next()
        .unwrap()
        .to_owned();
    post.says(&["undo", "--id", &row]);
    post.arrives(&day.first, "INBOX");
    daemon.terminate();
    assert_eq!(post.found(), BTreeSet::new());
    post.proxy.assert_clean();
}

#[test]
fn there_is_no_way_back_and_no_way_with_another_key() {
    let Some(server) = Dovecot::new().start() else { return };
    let (post, _) = past(server);
    post.configure(HASHED);
    post.home.run_once().expect_code(0);
    assert_eq!(post.found(), BTreeSet::new());
    let key = fs::read_to_string(post.home.path("state/privacy.key")).unwrap();

    post.configure("");
    for command in [&["run", "--once"][..], &["senders"], &["train", "a@b.example", "top"]] {
        let refused = post.home.run(command).expect_code(78);
        assert!(refused.stderr.contains("nothing turns them back"), "{}", refused.stderr);
    }
    post.configure(HASHED);
    post.home
        .write_private("state/privacy.key", &key.replace(char::is_numeric, "f"));
    let refused = post.home.run(&["run", "--once"]).expect_code(78).stderr;
    assert!(refused.contains("another key"), "{refused}");
    fs::remove_file(post.home.path("state/privacy.key")).unwrap();
    let refused = post.home.run(&["senders"]).expect_code(78).stderr;
    assert!(
        refused.contains("privacy.key") && refused.contains("cannot be used"),
        "{refused}"
    );
    let refused = post.home.run(&["run", "--once"]).expect_code(78).stderr;
    assert!(refused.contains("cannot be used"), "no other key is made: {refused}");

    // The key may lie elsewhere, and whoever has only the records has nothing.
    post.home.write_private("elsewhere", &key);
    post.configure(&format!("{HASHED}privacy_key_file = \"elsewhere\"\n"));
    assert!(post.says(&["senders", "bertram@freundin.example"]).contains("6 times"));
    let census = Census::of(&post.server, "alice");
    let asked = post.home.run(&["purge"]);
    assert!(asked.code != Some(0) && asked.stderr.contains("--yes"), "{asked:?}");
    let daemon = post.start();
    let refused = post.home.run(&["purge", "--yes"]);
    assert!(
        refused.code == Some(74) && refused.stderr.contains(&format!("`kill {}`", daemon.id())),
        "{refused:?}"
    );
    daemon.terminate();
    let said = post.says(&["purge", "--yes"]);
    assert!(said.contains("Erased") && said.contains("elsewhere stays"), "{said}");
    assert_eq!(fs::read_dir(post.home.path("state")).unwrap().count(), 0);
    Census::of(&post.server, "alice").assert_same(&census);
    post.configure("");
    post.home.run_once().expect_code(0);
}
