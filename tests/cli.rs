//! What people see: the help of each command, the sentence behind each exit code, and that no stranger's text reaches a
//! terminal as anything but text.
//!
//! The goldens lie in `tests/cli`. `POSTROOM_UPDATE=1 cargo nextest run --test cli` writes them anew; read the difference.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::string_slice
)]

mod support;

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use support::daemon::finish;
use support::{Account, Dovecot, Finished, Home, Letter};

use std::process::Command;
use std::time::Duration;

/// Lines of a screen that everybody has.
const SCREEN: usize = 30;

/// The list of all commands, and `init`, which has a flag for every question, may be longer.
const LONGEST: usize = 42;

fn golden(name: &str, said: &str) {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/cli").join(name);
    if std::env::var_os("POSTROOM_UPDATE").is_some() {
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, said).unwrap();
    }
    let expected = fs::read_to_string(&path).unwrap_or_default();
    assert!(
        said == expected,
        "{} says otherwise; POSTROOM_UPDATE=1 takes it as right\n--- it says\n{said}\n--- expected\n{expected}",
        path.display()
    );
}

fn postroom(arguments: &[&str]) -> Finished {
    let mut command = Command::new(env!("CARGO_BIN_EXE_postroom"));
    command
        .args(arguments)
        .env_clear()
        .env("HOME", "/nonexistent")
        .env("TZ", "UTC");
    finish(command, Duration::from_secs(30))
}

/// The commands that `postroom --help` lists.
fn commands() -> Vec<String> {
    let help = postroom(&["--help"]).expect_code(0).stdout;
    let listed = help.split("Commands:\n").nth(1).unwrap().split("\n\n").next().unwrap();
    let words = listed
        .lines()
        .filter_map(|line| line.strip_prefix("  ")?.split(' ').next());
    words
        .filter(|word| !word.is_empty() && *word != "help")
        .map(str::to_owned)
        .collect()
}

#[test]
fn the_help_of_each_command_fits_a_screen_and_has_an_example() {
    let overview = postroom(&["--help"]).expect_code(0).stdout;
    assert!(overview.lines().count() <= LONGEST, "{overview}");
    golden("help/postroom.txt", &overview);
    let commands = commands();
    assert!(commands.len() > 15, "{commands:?}");
    for command in commands {
        let help = postroom(&[&command, "--help"]).expect_code(0).stdout;
        let most = if command == "init" { LONGEST } else { SCREEN };
        assert!(help.lines().count() <= most, "{command}:\n{help}");
        assert!(help.contains("Example"), "{command} shows no example:\n{help}");
        golden(&format!("help/{command}.txt"), &help);
    }
}

/// The exit code and what was said on standard error, with this machine's paths and numbers taken out.
fn ending(finished: &Finished, home: Option<&Home>) -> String {
    let mut said = format!("exit {}\n{}", finished.code.unwrap_or(-1), finished.stderr);
    if let Some(home) = home {
        said = said.replace(home.path("").display().to_string().trim_end_matches('/'), "HOME");
    }
    let port = regex::Regex::new(r"(127\.0\.0\.1[: ](port )?|port )\d+").unwrap();
    port.replace_all(&said, "${1}PORT").into_owned()
}

#[test]
fn wrong_arguments_end_with_2_and_say_what_is_right() {
    golden("exit/02-no-such-command.txt", &ending(&postroom(&["srot"]), None));
    golden("exit/02-undo-what.txt", &ending(&postroom(&["undo"]), None));
    golden(
        "exit/02-no-time.txt",
        &ending(&postroom(&["preview", "--since", "soon"]), None),
    );
    let home = Home::new(&[Account::new("home", 1)]);
    let unknown = home.run(&["explain", "<nobody@shop.example>"]);
    golden("exit/02-no-such-message.txt", &ending(&unknown, Some(&home)));
    let account = home.run(&["preview", "--account", "work"]);
    golden("exit/02-no-such-account.txt", &ending(&account, Some(&home)));
}

#[test]
fn an_unreachable_server_ends_with_69() {
    let home = Home::new(&[Account::new("home", unused_port())]);
    golden("exit/69-unreachable.txt", &ending(&home.run(&["preview"]), Some(&home)));
}

#[test]
fn a_file_that_cannot_be_read_ends_with_74() {
    let missing = postroom(&["--config", "/nonexistent/postroom.toml", "status"]);
    golden("exit/74-no-such-file.txt", &ending(&missing, None));
    let home = Home::new(&[Account::new("home", 1)]);
    golden("exit/74-no-records-yet.txt", &ending(&home.run(&["log"]), Some(&home)));
}

#[test]
fn a_bad_configuration_ends_with_78_and_the_place() {
    let home = Home::new(&[Account::new("home", 1)]);
    let good = fs::read_to_string(home.config()).unwrap();
    home.write_private("postroom.toml", &good.replace("mode =", "mood ="));
    golden("exit/78-unknown-key.txt", &ending(&home.run(&["status"]), Some(&home)));
    home.write_private("postroom.toml", &good);
    home.rule_file(
        "10.toml",
        "[[rule]]\nname = \"x\"\nwhen = { form = \"a@b.example\" }\nbucket = \"bulk\"\n",
    );
    golden("exit/78-bad-rule.txt", &ending(&home.run(&["preview"]), Some(&home)));
}

#[test]
fn a_refused_login_ends_with_77() {
    let Some(server) = Dovecot::new().start() else { return };
    let home = Home::new(&[Account::new("home", server.port).password("wrong")]);
    golden("exit/77-refused.txt", &ending(&home.run(&["preview"]), Some(&home)));
}

/// Nothing a stranger can write may reach the terminal as more than text.
#[track_caller]
fn assert_harmless(command: &str, finished: &Finished) {
    for text in [&finished.stdout, &finished.stderr] {
        let stray: Vec<char> = text
            .chars()
            .filter(|c| {
                (c.is_control() && *c != '\n')
                    || matches!(*c as u32, 0xAD | 0x61C | 0x200B..=0x200F | 0x2028..=0x202E | 0x2060..=0x206F | 0xFEFF
                        | 0xFE00..=0xFE0F | 0xE0000..=0xE0FFF)
            })
            .collect();
        assert!(stray.is_empty(), "{command}: {stray:?} in\n{text}");
    }
}

/// The texts of `fixtures/hostile/text` as they fit into a header: one line, no quotes.
fn hostile_texts() -> Vec<String> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/hostile/text");
    let mut files: Vec<PathBuf> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    files.sort();
    let texts = files.iter().map(|file| {
        let text = String::from_utf8_lossy(&fs::read(file).unwrap()).into_owned();
        text.chars().filter(|c| !"\r\n\"\\<>".contains(*c)).take(300).collect()
    });
    texts.collect()
}

#[test]
fn escape_sequences_of_strangers_reach_no_terminal() {
    let Some(server) = Dovecot::new().start() else { return };
    let home = Home::new(&[Account::new("home", server.port).mode("sort")]);
    home.run_once().expect_code(0);
    let evil = "\u{1b}[2J\u{1b}]0;x\u{7}\u{9b}31m\u{202e}\u{200b}";
    let letter = |n: usize, evil: &str| {
        Letter::from(&format!("\"{evil}\" <shop{n}@shop.example>"))
            .newsletter(&format!("<{evil}{n}.list.example>"))
            .field("Subject", &format!("{evil} subject"))
            .field("Message-ID", &format!("<{n}{evil}@shop.example>"))
    };
    server.deliver("alice", &letter(1, evil).bytes());
    for (n, text) in hostile_texts().iter().enumerate() {
        server.deliver("alice", &letter(n + 2, text).bytes());
    }
    let maildir = home.path("maildir");
    fs::create_dir(&maildir).unwrap();
    fs::write(maildir.join("letter.eml"), letter(999, evil).bytes()).unwrap();
    let (maildir, eml) = (
        maildir.display().to_string(),
        maildir.join("letter.eml").display().to_string(),
    );
    let (mine, sieve) = (home.path("mine"), home.path("evil.sieve"));
    fs::create_dir(&mine).unwrap();
    let rule = "[[rule]]\nname = \"\\u001b[2J\\u202ex\"\nwhen = { form = \"\\u001b]0;x\\u0007\u{202e}\" }\nbucket = \"\\u202e\"\n";
    fs::write(mine.join("10.toml"), rule).unwrap();
    fs::write(
        &sieve,
        format!("if header :contains \"Subject\" \"{evil}\" {{ \"{evil}\"; }}\n"),
    )
    .unwrap();
    let sieve = sieve.display().to_string();
    for command in ["preview", "preview --subjects", "preview --json"] {
        let arguments: Vec<&str> = command.split(' ').collect();
        assert_harmless(command, &home.run(&arguments).expect_code(0));
    }
    assert_harmless("run --once", &home.run_once().expect_code(0));
    let id = format!("<1{evil}@shop.example>");
    assert_harmless("explain FILE", &home.run(&["explain", &eml]).expect_code(0));
    assert_harmless(
        "explain FILE --json",
        &home.run(&["explain", &eml, "--json"]).expect_code(0),
    );
    assert_harmless("explain ID", &home.run(&["explain", &id]));
    assert_harmless("train", &home.run(&["train", &id, "bulk"]));
    assert_harmless("forget", &home.run(&["forget", evil]));
    assert_harmless("check DIR", &home.run(&["check", &mine.display().to_string()]));
    assert_harmless("import sieve", &home.run(&["import", "sieve", &sieve]));
    let replay = [
        "replay",
        "--inbox",
        &maildir,
        "--sent",
        &maildir,
        "--own",
        "alice@example.org",
    ];
    assert_harmless("replay", &home.run(&replay));
    for command in [
        "explain INBOX/1",
        "log",
        "log --json",
        "status",
        "status --json",
        "stats",
        "senders",
        "senders --json",
        "senders shop1@shop.example",
        "suggest",
        "export",
        "export sieve",
        "digest --print",
        "digest",
        "metrics",
        "doctor",
        "undo --all --dry-run",
        "sort --yes",
        "undo --all",
        "report",
        "learn",
        "learn --from Bulk=bulk",
    ] {
        let arguments: Vec<&str> = command.split(' ').collect();
        assert_harmless(command, &home.run(&arguments));
    }
}

#[test]
fn an_explanation_says_what_was_asked_and_what_would_change_it() {
    let root = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
    let home = Home::new(&[Account::new("home", 1)]);
    for entry in fs::read_dir(root.join("rules")).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_some_and(|extension| extension == "toml") {
            let name = path.file_name().unwrap().to_string_lossy().into_owned();
            home.rule_file(&name, &fs::read_to_string(&path).unwrap());
        }
    }
    let mine = "[[rule]]\nname = \"big parcels\"\nwhen = { from = \"@parcelhop.example\", larger = \"5M\" }\nbucket = \"top\"\n";
    home.rule_file("05-mine.toml", mine);
    for name in ["01-bea-dinner", "30-rust-weekly", "43-shipping", "57-bounce"] {
        let file = root.join(format!("fixtures/mail/{name}.eml")).display().to_string();
        let said = home.run(&["explain", &file]).expect_code(0).stdout;
        golden(&format!("explain/{name}.txt"), &said);
    }
}

#[test]
fn the_digest_is_in_the_inbox_and_is_never_sorted() {
    let Some(server) = Dovecot::new().start() else { return };
    let home = Home::new(&[Account::new("home", server.port)]);
    home.run_once().expect_code(0);
    let letter = Letter::from("News <news@weekly.example>").newsletter("<weekly.list.example>");
    server.deliver("alice", &letter.bytes());
    home.run_once().expect_code(0);
    // A digest ends before the second in which it is written.
    let printed = support::eventually("the letter in the digest", || {
        let printed = home.run(&["digest", "--print"]).expect_code(0).stdout;
        printed.contains("1 message arrived").then_some(printed)
    });
    assert!(printed.contains("news@weekly.example"), "{printed}");
    let said = home.run(&["digest"]).expect_code(0).stdout;
    assert!(
        said.contains("In your inbox now: Postroom: 1 message arrived, 1 filed"),
        "{said}"
    );
    home.run_once().expect_code(0);
    let again = home.run(&["digest"]).expect_code(0).stdout;
    assert!(again.contains("none was written"), "{again}");
    let log = home.run(&["log"]).expect_code(0).stdout;
    assert!(!log.contains("alice@example.org"), "its own mail was sorted:\n{log}");
    let plan = home.run(&["preview", "--json"]).expect_code(0).stdout;
    assert_eq!(plan.matches("digest.home.").count(), 1, "{plan}");
}

#[test]
fn the_digest_comes_at_its_time_and_once() {
    let Some(server) = Dovecot::new().start() else { return };
    // Every second of the next two minutes is one of its times.
    let now = jiff::Zoned::now();
    let times: Vec<String> = (1..120)
        .map(|second| {
            now.saturating_add(jiff::ToSpan::seconds(second))
                .strftime("\"%H:%M:%S\"")
                .to_string()
        })
        .collect();
    let account = Account::new("home", server.port)
        .line(&format!("digest = [{}]", times.join(", ")))
        .imap_line("poll = \"1s\"");
    let home = Home::new(&[account]);
    // What lies there at the first look is left alone, so that look comes before the letter; the letter is sorted in an
    // earlier second than that in which the daemon first asks whether a digest is due.
    home.run_once().expect_code(0);
    let letter = Letter::from("News <news@weekly.example>").newsletter("<weekly.list.example>");
    server.deliver("alice", &letter.bytes());
    home.run_once().expect_code(0);
    let sorted = jiff::Timestamp::now().as_second();
    support::eventually("the next second", || {
        (jiff::Timestamp::now().as_second() > sorted).then_some(())
    });
    let daemon = home.start();
    let digests = || {
        home.run(&["preview", "--json"])
            .expect_code(0)
            .stdout
            .matches("digest.home.")
            .count()
    };
    support::eventually("the digest in the inbox", || (digests() > 0).then_some(()));
    // A second letter that moves nothing: when its verdict is down, the next times have passed without a digest.
    let quiet = Letter::from("anna@people.example");
    server.deliver("alice", &quiet.bytes());
    support::eventually("the next verdict", || {
        (home.run(&["explain", &quiet.id()]).code == Some(0)).then_some(())
    });
    assert_eq!(digests(), 1);
    let log = home.run(&["log"]).expect_code(0).stdout;
    assert!(!log.contains("alice@example.org"), "its own mail was sorted:\n{log}");
    daemon.terminate();
}

#[test]
fn a_message_is_explained_by_its_place_also_one_that_was_never_sorted() {
    let Some(server) = Dovecot::new().start() else { return };
    let old = Letter::from("Bob <bob@example.net>");
    server.deliver("alice", &old.bytes());
    let home = Home::new(&[Account::new("home", server.port)]);
    home.run_once().expect_code(0);
    let letter = Letter::from("News <news@weekly.example>").newsletter("<weekly.list.example>");
    server.deliver("alice", &letter.bytes());
    home.run_once().expect_code(0);
    let never = home.run(&["explain", "INBOX/1"]).expect_code(0).stdout;
    assert!(
        never.contains("never sorted this message") && never.contains("→ nothing else"),
        "{never}"
    );
    let before = home.run(&["explain", "INBOX/2"]).expect_code(0).stdout;
    let after = home.run(&["explain", "News/1"]).expect_code(0).stdout;
    assert_eq!(before, after);
    assert!(
        after.contains("moved to News") && after.contains("So it was last seen in News."),
        "{after}"
    );
    let again = home.run(&["explain", "News/1", "--again"]).expect_code(0).stdout;
    assert!(
        again.contains("Asked again now:") && again.contains("people you write to"),
        "{again}"
    );
    home.run(&["explain", "INBOX/99"]).expect_code(2);
}

/// A browser, if this machine has one.
fn browser() -> Option<PathBuf> {
    let found = [
        "/usr/bin/chromium",
        "/usr/bin/chromium-browser",
        "/usr/bin/google-chrome",
    ];
    let browser = found.into_iter().map(PathBuf::from).find(|path| path.exists());
    if browser.is_none() {
        let word = "SKIPPED: no Chromium here (apt-get install chromium)";
        assert!(
            std::env::var_os("POSTROOM_TEST_NO_SKIP").is_none_or(|set| set.is_empty()),
            "{word}"
        );
        eprintln!("{word}");
    }
    browser
}

/// Opens a page and gives what the browser complained about, and the page as it stands after loading.
fn opened(browser: &Path, page: &Path, screenshot: &Path) -> (String, String) {
    let mut command = Command::new(browser);
    let profile = page.with_extension("profile");
    command
        .args([
            "--headless",
            "--no-sandbox",
            "--disable-gpu",
            "--disable-dev-shm-usage",
            "--no-first-run",
        ])
        .args([
            "--disable-background-networking",
            "--disable-sync",
            "--disable-component-update",
            "--enable-logging=stderr",
        ])
        .arg("--window-size=1000,1600")
        .arg(format!("--user-data-dir={}", profile.display()))
        .arg(format!("--screenshot={}", screenshot.display()))
        .arg("--dump-dom")
        .arg(format!("file://{}", page.display()));
    let finished = finish(command, Duration::from_mins(2));
    let complaints = &finished.stderr;
    let console: Vec<&str> = complaints.lines().filter(|line| line.contains("CONSOLE")).collect();
    (console.join("\n"), finished.stdout)
}

#[test]
fn the_report_opens_in_a_real_browser_without_a_complaint() {
    let Some(browser) = browser() else { return };
    let Some(server) = Dovecot::new().start() else { return };
    let home = Home::new(&[Account::new("home", server.port)]);
    home.run_once().expect_code(0);
    for n in 0..12 {
        let from = format!("<\"<script>document.title=1</script>{n}\"@shop.example>");
        server.deliver(
            "alice",
            &Letter::from(&from).newsletter("<weekly.list.example>").bytes(),
        );
        server.deliver("alice", &Letter::from(&format!("n{n}@people.example")).bytes());
    }
    home.run_once().expect_code(0);
    let page = home.path("mail.html");
    let replayed = home.run(&["report", "--replay", "90d"]).expect_code(0).stdout;
    assert!(replayed.contains("How often it would have been right"), "{replayed}");
    assert!(
        replayed.contains("Of 24 messages you never opened, 12 would have been out of your way."),
        "{replayed}"
    );
    fs::write(&page, replayed).unwrap();
    fs::set_permissions(&page, fs::Permissions::from_mode(0o600)).unwrap();
    let screenshot = home.path("mail.png");
    let (console, dom) = opened(&browser, &page, &screenshot);
    assert_eq!(console, "");
    assert!(dom.contains("<title>Postroom report</title>"), "{dom}");
    assert!(!dom.contains("<script"), "{dom}");
    assert!(fs::metadata(&screenshot).unwrap().len() > 10_000);
    // The test can fail: a page that breaks its own policy is complained about.
    let broken = fs::read_to_string(&page)
        .unwrap()
        .replace("</body>", "<script>let x = 1;</script></body>");
    fs::write(&page, broken).unwrap();
    let (console, _) = opened(&browser, &page, &screenshot);
    assert!(console.contains("Content Security Policy"), "{console}");
}

fn unused_port() -> u16 {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    listener.local_addr().unwrap().port()
}
