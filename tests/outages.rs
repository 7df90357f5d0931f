//! What fails for a while, on the server or at home: a full or vanished folder, a wrong password, a full disk, damaged
//! records, a second daemon. No mail is moved without a record, the account is left alone as long as it must be, and
//! everything goes on by itself.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::string_slice
)]

mod support;

use std::fs;
use std::io::Write as _;
use std::os::unix::process::ExitStatusExt as _;
use std::path::Path;
use std::process::Command;

use rustix::process::{Pid, Resource, Rlimit, Signal, getrlimit, kill_process, setrlimit};

use support::{Account, Census, Daemon, Dovecot, Home, Ledger, Letter, Proxy, Server, eventually};

const CANARY: &str = "canary-Zeisig-7731";

fn newsletter(name: &str) -> Letter {
    Letter::from(&format!("News <news@{name}.example>")).newsletter(&format!("<{name}.list.example>"))
}

struct Scene {
    server: Server,
    proxy: Proxy,
    home: Home,
}

impl Scene {
    fn new(server: Dovecot) -> Option<Self> {
        let server = server.start()?;
        let proxy = Proxy::to(server.port).start();
        let home = Home::new(&[Account::new("home", proxy.port)]);
        Some(Self { server, proxy, home })
    }

    fn start(&self) -> Daemon {
        watching(self.home.start())
    }

    fn deliver(&self, letter: &Letter) {
        self.server.deliver("alice", &letter.bytes());
    }

    fn lies_in(&self, letter: &Letter, folder: &str) {
        self.server.hand("alice").wait_for(folder, &letter.id());
    }
}

fn watching(mut daemon: Daemon) -> Daemon {
    daemon.wait_ready();
    daemon.wait_line("watching");
    daemon
}

#[test]
fn a_folder_over_quota_is_asked_once_and_then_left_alone() {
    let Some(scene) = Scene::new(Dovecot::new().without(&["MOVE"]).quota(2)) else {
        return;
    };
    let mut daemon = scene.start();
    let (first, second) = (newsletter("first"), newsletter("second"));
    scene.deliver(&first);
    // The copy would be the third message of a user who may have two: the second letter makes it so.
    scene.deliver(&Letter::from("p@letter.example"));
    scene.deliver(&second);
    daemon.wait_line("takes no mail; it is left alone");
    scene.lies_in(&second, "INBOX");
    let marker = Letter::from("q@letter.example");
    scene.deliver(&marker);
    daemon.wait_line("q@letter.example");
    let copies = scene.proxy.count("UID COPY");
    let late = newsletter("late");
    scene.deliver(&late);
    daemon.wait_line("News takes no mail for now");
    assert_eq!(
        scene.proxy.count("UID COPY"),
        copies,
        "a folder known to be full was asked again"
    );
    assert_eq!(daemon.count_lines("left alone for an hour"), 1, "the user is told once");
    let before = Census::of(&scene.server, "alice");
    daemon.terminate();
    // Known from the records: a restart does not begin anew.
    let daemon = scene.start();
    assert_eq!(scene.proxy.count("UID COPY"), copies);
    daemon.terminate();
    before.assert_untouched(&Census::of(&scene.server, "alice"));
    assert_eq!(Ledger::of(&scene.home).open(), 0);
    scene.proxy.assert_clean();
}

#[test]
fn a_folder_the_user_has_removed_is_not_made_again_and_its_mail_waits_in_the_inbox() {
    let Some(scene) = Scene::new(Dovecot::new()) else {
        return;
    };
    let mut daemon = scene.start();
    let early = newsletter("early");
    scene.deliver(&early);
    scene.lies_in(&early, "News");
    scene.server.hand("alice").rename_folder("News", "Reading");
    let (one, two) = (newsletter("one"), newsletter("two"));
    scene.deliver(&one);
    daemon.wait_line("takes no mail; it is left alone");
    scene.deliver(&two);
    daemon.wait_line("News takes no mail for now");
    daemon.terminate();
    let mut daemon = scene.start();
    daemon.wait_line("did you rename it to Reading?");
    assert!(!scene.server.hand("alice").has_folder("News"));
    daemon.terminate();
    for letter in [&one, &two] {
        scene.lies_in(letter, "INBOX");
    }
    // It is there again: what waited is sorted.
    scene.server.hand("alice").make_folder("News");
    let daemon = scene.start();
    for letter in [&one, &two] {
        scene.lies_in(letter, "News");
        scene.server.hand("alice").wait_until_gone("INBOX", &letter.id());
    }
    let ledger = Ledger::of(&scene.home);
    assert_eq!((ledger.open(), ledger.lessons), (0, 0), "{ledger:?}");
    daemon.terminate();
    scene.proxy.assert_clean();
}

/// `status`, its JSON and `doctor` name the folder, the name it has now and the line to write; written, everything goes on.
#[test]
fn a_renamed_folder_is_named_with_its_new_name_and_the_line_to_write() {
    let Some(scene) = Scene::new(Dovecot::new()) else {
        return;
    };
    let mut daemon = scene.start();
    let (early, waiting, late) = (newsletter("early"), newsletter("waiting"), newsletter("late"));
    scene.deliver(&early);
    scene.lies_in(&early, "News");
    scene.server.hand("alice").rename_folder("News", "Newsletters");
    scene.deliver(&waiting);
    daemon.wait_line("did you rename it to Newsletters?");
    let told = || {
        for command in [&["status"][..], &["status", "--json"], &["doctor"]] {
            let said = scene.home.run(command).text().replace('\\', "");
            for part in [
                "the folder News is gone; did you rename it to Newsletters?",
                "write `news = \"Newsletters\"` under [account.folders] in postroom.toml",
                "Until this is settled its mail stays in the inbox",
            ] {
                assert!(said.contains(part), "{command:?} lacks {part}:\n{said}");
            }
            assert!(command != ["doctor"] || !said.contains("example"), "{said}");
        }
    };
    told();
    daemon.terminate();
    // Found by a daemon that starts later, just as well.
    let daemon = scene.start();
    told();
    scene.lies_in(&waiting, "INBOX");
    scene
        .home
        .configure(&[Account::new("home", scene.proxy.port).folder_line("news = \"Newsletters\"")]);
    daemon.hang_up();
    scene.lies_in(&waiting, "Newsletters");
    scene.deliver(&late);
    scene.lies_in(&late, "Newsletters");
    assert!(!scene.home.run(&["status"]).text().contains("is gone"));
    daemon.terminate();
    assert!(!scene.server.hand("alice").has_folder("News"));
    let ledger = Ledger::of(&scene.home);
    assert_eq!((ledger.open(), ledger.lessons), (0, 0), "{ledger:?}");
    scene.proxy.assert_clean();
}

#[test]
fn mail_marked_as_deleted_is_never_moved() {
    let Some(scene) = Scene::new(Dovecot::new()) else {
        return;
    };
    let mut daemon = scene.start();
    let (deleted, news) = (newsletter("deleted"), newsletter("alive"));
    scene
        .server
        .hand("alice")
        .append("INBOX", &deleted.bytes(), &["\\Deleted"], None);
    scene.deliver(&news);
    scene.lies_in(&news, "News");
    scene.lies_in(&deleted, "INBOX");
    daemon.wait_line("news@alive.example");
    daemon.terminate();
    scene.proxy.assert_clean();
}

#[test]
fn a_wrong_password_is_tried_once_and_the_right_one_as_soon_as_it_is_there() {
    let Some(server) = Dovecot::new().start() else { return };
    let proxy = Proxy::to(server.port).start();
    let home = Home::new(&[Account::new("home", proxy.port).password("not-it")]);
    let mut daemon = home.start();
    daemon.wait_ready();
    daemon.wait_line("login refused");
    // Rules that change wake the account, and must not make it knock again.
    home.rule_file(
        "10-mine.toml",
        "[[rule]]\nname = \"one\"\nwhen = { from = \"a@b.example\" }\nbucket = \"top\"\n",
    );
    eventually("the new rules", || {
        (daemon.count_lines("rules loaded") >= 2).then_some(())
    });
    home.write_private("secret-home", "secret\n");
    daemon.wait_line("watching");
    assert_eq!(proxy.count("AUTHENTICATE"), 2, "{:?}", proxy.commands());
    daemon.terminate();
}

#[test]
fn a_full_disk_pauses_the_account_and_space_lets_it_go_on() {
    let Some(scene) = Scene::new(Dovecot::new()) else {
        return;
    };
    let state = scene.home.path("state");
    let mut command = Command::new("unshare");
    let postroom = scene.home.command(&["run"]);
    let mount = "mount -t tmpfs -o size=6m tmpfs \"$1\" || exit 99; shift; exec \"$@\"";
    command
        .args(["-m", "sh", "-c", mount, "sh"])
        .arg(&state)
        .arg(postroom.get_program())
        .args(postroom.get_args());
    command.env_clear().current_dir(scene.home.path("."));
    command.envs(postroom.get_envs().filter_map(|(key, value)| Some((key, value?))));
    let mut probe = Command::new("unshare");
    if !probe
        .args(["-m", "mount", "-t", "tmpfs", "tmpfs"])
        .arg(&state)
        .status()
        .is_ok_and(|status| status.success())
    {
        eprintln!("SKIPPED: a full disk: cannot mount a tmpfs here");
        return;
    }
    let mut daemon = watching(Daemon::spawn(command));
    let filler = format!("/proc/{}/root{}/filler", daemon.id(), state.display());
    fill(Path::new(&filler));
    let news = newsletter("waits");
    scene.deliver(&news);
    daemon.wait_line("no mail is moved");
    scene.lies_in(&news, "INBOX");
    assert_eq!(scene.proxy.count("UID MOVE"), 0);
    assert_eq!(scene.proxy.open_connections(), 1, "IDLE is kept");
    daemon.wait_notice("STATUS=Paused");
    // The daemon cannot write down that it is paused; `status` sees for itself. It must look from inside the mount.
    let status = scene.home.command(&["status"]);
    let mut inside = Command::new("nsenter");
    inside.args(["-m", "-t", &daemon.id().to_string(), "--"]);
    inside.arg(status.get_program()).args(status.get_args());
    inside.env_clear().current_dir("/");
    inside.envs(status.get_envs().filter_map(|(key, value)| Some((key, value?))));
    let said = String::from_utf8(inside.output().unwrap().stdout).unwrap();
    assert!(
        said.contains("paused since") && said.contains("cannot be written"),
        "{said}"
    );
    let before = Census::of(&scene.server, "alice");
    fs::remove_file(&filler).unwrap();
    scene.lies_in(&news, "News");
    daemon.wait_line("sorting goes on");
    assert_eq!(scene.proxy.count("AUTHENTICATE"), 1, "one connection all the time");
    daemon.terminate();
    before.assert_same(&Census::of(&scene.server, "alice"));
    scene.proxy.assert_clean();
}

/// At the start nothing is watched yet that could be kept: the service manager tries again.
#[test]
fn records_that_cannot_be_made_end_the_start() {
    let home = Home::new(&[Account::new("home", 1)]);
    fs::remove_dir(home.path("state")).unwrap();
    fs::write(home.path("state"), "no directory").unwrap();
    let said = home.run(&["run"]).expect_code(74).text();
    assert!(said.contains("state"), "{said}");
}

/// Fills a disk to the last octet.
fn fill(filler: &Path) {
    let mut file = fs::OpenOptions::new().create(true).append(true).open(filler).unwrap();
    for block in [64 << 10, 4 << 10, 1] {
        while file.write_all(&vec![b'x'; block]).is_ok() {}
    }
}

#[test]
fn a_second_daemon_on_the_same_state_is_refused_and_told_who_is_there() {
    let Some(scene) = Scene::new(Dovecot::new()) else {
        return;
    };
    let daemon = scene.start();
    for command in [&["run"][..], &["run", "--once"], &["purge", "--yes"]] {
        let second = scene.home.run(command).expect_code(74).text();
        assert!(second.contains(&format!("process {}", daemon.id())), "{second}");
        // It is no service: whoever runs one is told `systemctl stop` (daemon/service.rs).
        let stop = format!(
            "Stop it with ^C in the terminal where it runs, or with `kill {}`",
            daemon.id()
        );
        assert!(second.contains(&stop), "{second}");
    }
    daemon.terminate();
}

/// Two hosts, two states, one mailbox: each wakes on the same message. What the detector makes of it is tested in
/// `sort::rival`; who comes first here is chance.
#[test]
fn two_daemons_on_one_mailbox_lose_nothing() {
    let Some(scene) = Scene::new(Dovecot::new()) else {
        return;
    };
    let elsewhere = Home::new(&[Account::new("home", scene.proxy.port)]);
    let mut here = scene.start();
    let mut there = watching(elsewhere.start());
    for n in 0..10 {
        let letter = newsletter(&format!("both{n}"));
        scene.deliver(&letter);
        scene.lies_in(&letter, "News");
        scene.server.hand("alice").wait_until_gone("INBOX", &letter.id());
    }
    assert!(here.is_running() && there.is_running());
    here.terminate();
    there.terminate();
    scene.proxy.assert_clean();
}

#[test]
fn the_password_is_found_nowhere() {
    let Some(server) = Dovecot::new().start() else { return };
    let proxy = Proxy::to(server.port).start();
    for (password, line) in [(CANARY, "login refused"), ("secret", "watching")] {
        let home = Home::new(&[Account::new("home", proxy.port).password(password)]);
        let mut daemon = home.start_with(|command| {
            command.env("RUST_LOG", "trace").env("RUST_BACKTRACE", "1");
        });
        daemon.wait_ready();
        daemon.wait_line(line);
        let coded = base64_of(password);
        for name in ["environ", "cmdline"] {
            let bytes = fs::read(format!("/proc/{}/{name}", daemon.id())).unwrap();
            assert!(!contains(&bytes, password), "the password is in /proc/PID/{name}");
        }
        let said = [
            home.run(&["status"]).text(),
            home.run(&["status", "--json"]).text(),
            home.run(&["check"]).text(),
            home.run(&["log"]).text(),
        ];
        let (_, log) = daemon.terminate();
        assert!(log.lines().count() > 3, "{log}");
        if password == CANARY {
            for text in said.iter().chain([&log]) {
                assert!(
                    !text.contains(password) && !text.contains(&coded),
                    "the password is in:\n{text}"
                );
            }
            for entry in fs::read_dir(home.path("state")).unwrap() {
                let path = entry.unwrap().path();
                assert!(
                    !contains(&fs::read(&path).unwrap(), password),
                    "the password is in {}",
                    path.display()
                );
            }
        }
    }
}

#[test]
fn no_core_dump_can_hold_the_password() {
    let most = getrlimit(Resource::Core).maximum;
    let unlimited = Rlimit {
        current: most,
        maximum: most,
    };
    setrlimit(Resource::Core, unlimited).unwrap();
    let ground = tempfile::tempdir().unwrap();
    let mut shell = Command::new("sh");
    shell.args(["-c", "kill -ABRT $$"]).current_dir(ground.path());
    if !shell.status().unwrap().core_dumped() {
        eprintln!("SKIPPED: core dumps: this machine makes none");
        return;
    }
    let Some(server) = Dovecot::new().start() else { return };
    let home = Home::new(&[Account::new("home", server.port)]);
    let daemon = watching(home.start());
    let process = Pid::from_raw(daemon.id().cast_signed()).unwrap();
    kill_process(process, Signal::ABORT).unwrap();
    let (status, _) = daemon.wait_end();
    assert_eq!(status.signal(), Some(Signal::ABORT.as_raw()));
    assert!(!status.core_dumped());
}

fn contains(haystack: &[u8], needle: &str) -> bool {
    haystack.windows(needle.len()).any(|window| window == needle.as_bytes())
}

/// The middle of what AUTHENTICATE PLAIN would send, whatever stands before it.
fn base64_of(password: &str) -> String {
    use base64::Engine as _;
    let whole = base64::engine::general_purpose::STANDARD.encode(format!("\0alice\0{password}"));
    whole[12..whole.len() - 4].to_owned()
}
