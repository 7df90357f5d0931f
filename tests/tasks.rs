//! Things a user says, and the one command that answers each. The list was written before the help was looked at; each
//! command must be found in `postroom --help` by a word that the user has said or would look for, and must answer, on a real
//! Dovecot with a day of mail behind it.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::string_slice
)]

mod support;

use support::{Account, Dovecot, Drag, Home, Letter, Server, eventually};

/// What the user says, the word that is looked for in the list of commands, the command, and what its answer contains.
struct Task {
    said: &'static str,
    word: &'static str,
    command: &'static [&'static str],
    answer: &'static str,
}

const fn task(said: &'static str, word: &'static str, command: &'static [&'static str], answer: &'static str) -> Task {
    Task {
        said,
        word,
        command,
        answer,
    }
}

/// In an order in which a day could bring them.
const TASKS: [Task; 34] = [
    task("is it running?", "whether it runs", &["status"], "connected since"),
    task(
        "why is this mail in Bulk?",
        "why in Bulk",
        &["explain", "robot@machine.example"],
        "moved to Bulk",
    ),
    task(
        "what did you do last night?",
        "last night",
        &["log", "--since", "12h"],
        "Bulk",
    ),
    task(
        "where did the mail of this shop go?",
        "what it did",
        &["log", "--from", "deals@shop.example"],
        "Bulk",
    ),
    task(
        "whom do I write to most?",
        "whom you write to",
        &["senders", "--sort", "sent"],
        "bea@people.example",
    ),
    task(
        "what do you know about Bea?",
        "about one sender",
        &["senders", "bea@people.example"],
        "bea@people.example",
    ),
    task("how much of my mail is newsletters?", "day by day", &["stats"], "news"),
    task(
        "what would happen if I added this rule?",
        "what if I added this rule",
        &["preview", "--rules", "new.toml"],
        "1 in INBOX = 1 bulk",
    ),
    task("are my rules right?", "the rules", &["check"], "fine"),
    task(
        "never this shop again",
        "never again",
        &["train", "@shop.example", "blackhole"],
        "shop.example",
    ),
    task(
        "whom have I sent away for good?",
        "what you taught",
        &["senders", "--bucket", "blackhole"],
        "shop.example",
    ),
    task(
        "my mother always on top",
        "always top",
        &["train", "mum@people.example", "top"],
        "mum@people.example",
    ),
    task(
        "forget this person",
        "Forget",
        &["forget", "mum@people.example"],
        "Forgotten: mum@people.example",
    ),
    task(
        "take back everything since lunch",
        "since lunch",
        &["undo", "--since", "3h", "--dry-run"],
        "INBOX",
    ),
    task("put that back", "Take moves back", &["undo", "--last", "1"], "INBOX"),
    task("stop for an hour", "Stop for an hour", &["pause", "1h"], "paused until"),
    task("go on", "Go on", &["resume"], "goes on"),
    task(
        "stop sorting for the weekend",
        "until monday",
        &["pause", "monday"],
        "paused until",
    ),
    task("I am back", "after a pause", &["resume"], "goes on"),
    task(
        "why was this not moved?",
        "why a message is where it is",
        &["explain", "stranger@people.example"],
        "left in INBOX",
    ),
    task(
        "what went to Bulk today?",
        "what went to Bulk",
        &["log", "--since", "today", "--to", "Bulk"],
        "robot@machine.example",
    ),
    task(
        "what did I teach you last week?",
        "what you taught",
        &["senders", "--sort", "taught"],
        "shop.example",
    ),
    task("who fills my inbox?", "who writes most", &["stats"], "Most mail from"),
    task("how often were you wrong?", "had to put right", &["stats"], "put right"),
    task(
        "how do I get everything from my bank into a folder?",
        "how to write a rule",
        &["man", "rules"],
        "move = ",
    ),
    task("be quiet at night", "every setting", &["man", "config"], "22:00"),
    task(
        "take my filters from Gmail along",
        "filters of another program",
        &["import", "gmail", "filters.xml"],
        "bank.example",
    ),
    task(
        "clean up what already lies in my inbox",
        "already lies in the inbox",
        &["sort", "--yes"],
        "in INBOX",
    ),
    task(
        "tell me about today",
        "daily summary",
        &["digest", "--print"],
        "arrived",
    ),
    task(
        "give me all you have learned, for my new computer",
        "another machine",
        &["export"],
        "shop.example",
    ),
    task("I want to see that as a picture", "pictures", &["report"], "<svg"),
    task(
        "learn from the folder I have sorted for years",
        "folders you have sorted by hand",
        &["learn", "--from", "Old=bulk", "--dry-run"],
        "old@robots.example",
    ),
    task(
        "do you notice anything about my mail?",
        "suggest",
        &["suggest"],
        "suggest",
    ),
    task(
        "something is wrong; what shall I send you?",
        "bug report",
        &["doctor"],
        "Account 1",
    ),
];

/// What is asked of it while no service runs.
const WITHOUT_SERVICE: [Task; 2] = [
    task("look at my mail now", "look once, now", &["run", "--once"], "connected"),
    task(
        "forget everything about me",
        "Forget everything",
        &["purge", "--yes"],
        "Erased",
    ),
];

const GMAIL: &str = r"<?xml version='1.0' encoding='UTF-8'?>
<feed xmlns='http://www.w3.org/2005/Atom' xmlns:apps='http://schemas.google.com/apps/2006'>
<entry><category term='filter'/><apps:property name='from' value='service@bank.example'/>
<apps:property name='label' value='Bank'/><apps:property name='shouldArchive' value='true'/></entry>
</feed>
";

/// A mailbox with some past: letters to Bea, a folder sorted by hand, and a morning of mail that was sorted.
fn a_day(server: &Server) -> Home {
    let mut hand = server.hand("alice");
    hand.make_folder("Old");
    for _ in 0..3 {
        let old = Letter::from("old@robots.example").field("Auto-Submitted", "auto-generated");
        hand.append("Old", &old.bytes(), &[], None);
        let mine = Letter::from("alice@example.org").field("To", "bea@people.example");
        hand.append("Sent", &mine.bytes(), &[], None);
    }
    let home = Home::new(&[Account::new("home", server.port)]);
    home.rule_file(
        "10.toml",
        "[[rule]]\nname = \"robots\"\nwhen = { from = \"robot@machine.example\" }\nbucket = \"bulk\"\n",
    );
    home.run_once().expect_code(0);
    for letter in [
        Letter::from("robot@machine.example"),
        Letter::from("Deals <deals@shop.example>").newsletter("<deals.shop.example>"),
        Letter::from("stranger@people.example"),
    ] {
        server.deliver("alice", &letter.bytes());
    }
    home
}

#[test]
fn each_task_is_one_command_that_the_help_names() {
    let Some(server) = Dovecot::new().start() else { return };
    let home = a_day(&server);
    let mut daemon = home.start();
    daemon.wait_line("watching");
    let stranger = || home.run(&["log", "--json"]).stdout.contains("stranger@people.example");
    eventually("the morning's mail is sorted", || stranger().then_some(()));
    home.write_private(
        "new.toml",
        "[[rule]]\nname = \"new\"\nwhen = { from = \"stranger@people.example\" }\nbucket = \"bulk\"\n",
    );
    home.write_private("filters.xml", GMAIL);
    let mut failed = unanswered(&home, &TASKS);
    daemon.terminate();
    failed.extend(unanswered(&home, &WITHOUT_SERVICE));
    assert!(failed.is_empty(), "{}", failed.join("\n\n"));
}

/// What the help did not lead to, or was not answered.
fn unanswered(home: &Home, tasks: &[Task]) -> Vec<String> {
    let help = home.run(&["--help"]).expect_code(0).stdout;
    let mut failed = Vec::new();
    for Task {
        said,
        word,
        command,
        answer,
    } in tasks
    {
        let name = command[0];
        let line = help
            .lines()
            .find(|line| line.trim_start().starts_with(&format!("{name} ")));
        if !line.is_some_and(|line| line.contains(word)) {
            failed.push(format!(
                "{said}: the help does not lead from {word:?} to `{name}`: {line:?}"
            ));
        }
        let answered = home.run(command);
        // `doctor` ends with 1 when something wants a look, and says what.
        if !answered.text().contains(answer)
            || answered
                .code
                .is_none_or(|code| code > u8::from(name == "doctor").into())
        {
            failed.push(format!("{said}: {command:?} says no {answer:?}: {answered:?}"));
        }
    }
    failed
}

#[test]
fn a_pause_leaves_mail_alone_and_what_came_meanwhile_is_sorted_and_learned_from_afterwards() {
    let Some(server) = Dovecot::new().start() else { return };
    let home = Home::new(&[Account::new("home", server.port)]);
    home.run_once().expect_code(0);
    let mut daemon = home.start();
    daemon.wait_line("watching");
    let said = home.run(&["pause", "1h"]).expect_code(0).text();
    assert!(said.contains("has been told"), "{said}");
    daemon.wait_line("paused until");
    let letter = Letter::from("News <news@weekly.example>").newsletter("<weekly.list.example>");
    let dragged = Letter::from("shop@shop.example");
    server.deliver("alice", &letter.bytes());
    server.deliver("alice", &dragged.bytes());
    server
        .hand("alice")
        .drag_message(Drag::Move, &dragged.id(), "INBOX", "Bulk");
    let status = home.run(&["status"]).expect_code(0).stdout;
    assert!(
        status.contains("by you") && status.contains("not connected"),
        "{status}"
    );
    // Neither a restart nor a sweep that somebody else asks for ends it.
    daemon.terminate();
    let swept = home.run_once().expect_code(0).text();
    assert!(swept.contains("nothing is done"), "{swept}");
    let mut daemon = home.start();
    daemon.wait_line("paused until");
    assert_eq!(server.hand("alice").find("INBOX", &letter.id()).len(), 1);
    home.run(&["resume"]).expect_code(0);
    server.hand("alice").wait_for("News", &letter.id());
    daemon.wait_line("watching");
    let lessons = home.run(&["senders"]).expect_code(0).stdout;
    assert!(lessons.contains("shop@shop.example"), "{lessons}");
    // An hour later nobody needs to say anything.
    home.run(&["pause", "1h"]).expect_code(0);
    daemon.terminate();
    home.set_clock_ahead(std::time::Duration::from_hours(2));
    assert!(!home.run(&["status"]).stdout.contains("by you"));
    let mut daemon = home.start();
    daemon.wait_line("watching");
    daemon.terminate();
}
