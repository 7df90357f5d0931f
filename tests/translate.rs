//! Moving in and out: filters of other programs under `fixtures/rules/import`, each with the rule file it becomes, and
//! rules as a Sieve script that Pigeonhole's own compiler accepts and its own interpreter obeys.
//!
//! `UPDATE=1 cargo test --test translate` rewrites the expectations; read the difference before keeping it.
#![allow(clippy::unwrap_used, clippy::panic)]

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use postroom::config::translate::{gmail, imapfilter, sieve, sieve_export, thunderbird};
use postroom::sort::authenticity::Authentication;
use postroom::sort::bucket::Bucket;
use postroom::sort::evidence::Evidence;
use postroom::sort::facts::Facts;
use postroom::sort::folders::Folders;
use postroom::sort::mailbox::{Mailbox, Timestamp};
use postroom::sort::message::Message;
use postroom::sort::rules::{Context, Includes, RuleSet, Severity, SourceFile, Stage};
use postroom::sort::sender::{Address, Owner};
use postroom::sort::taught::{Identity, Lesson, Teacher};
use postroom::sort::verdict::Destination;

fn fixtures(directory: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("fixtures/rules")
        .join(directory)
}

fn rule_set(text: &str) -> RuleSet {
    let file = SourceFile {
        name: "rules.toml".to_owned(),
        text: text.to_owned(),
    };
    let reading = RuleSet::parse(&[file], &Includes::new(), &Context::default());
    let errors: Vec<_> = reading
        .findings
        .iter()
        .filter(|finding| finding.severity == Severity::Error)
        .collect();
    assert!(errors.is_empty(), "{errors:?}\n{text}");
    reading.set.unwrap()
}

#[test]
fn filters_of_other_programs_become_the_expected_rules() {
    let mut failures = Vec::new();
    let mut files: Vec<_> = fs::read_dir(fixtures("import"))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    files.sort();
    let mut count = 0;
    for path in files {
        let text = fs::read_to_string(&path).unwrap();
        let translation = match path.extension().unwrap().to_str().unwrap() {
            "xml" => gmail::translate(&text),
            "sieve" => sieve::translate(&text),
            "dat" => thunderbird::translate(&text),
            "lua" => imapfilter::translate(&text),
            _ => continue,
        };
        count += 1;
        let found = translation.to_toml(path.file_name().unwrap().to_str().unwrap());
        rule_set(&found);
        let expected = path.with_extension("toml");
        if std::env::var_os("UPDATE").is_some() {
            fs::write(&expected, &found).unwrap();
        }
        if fs::read_to_string(&expected).unwrap_or_default() != found {
            failures.push(format!("{}\nfound:\n{found}", path.display()));
        }
    }
    assert!(failures.is_empty(), "{}", failures.join("\n"));
    assert_eq!(count, 8);
}

/// Rules that Sieve can express, one of each kind.
const RULES: &str = r#"
[[rule]]
name = "address"
when = { from = "anna@example.org" }
move = "People/Anna"

[[rule]]
name = "domain"
when = { from = "@shop.example" }
bucket = "bulk"

[[rule]]
name = "below"
when = { from = "@.paper.example" }
bucket = "news"

[[rule]]
name = "glob"
when = { from = "billing@*" }
move = "Bills"

[[rule]]
name = "part"
when = { from = "no-reply" }
move = "Robots"

[[rule]]
name = "list"
when = { list_id = "dev.lists.example" }
move = "Lists/Dev"

[[rule]]
name = "recipient"
when = { recipient = "team@corp.example", not = { subject = "urgent" } }
move = "Team"

[[rule]]
name = "detail"
when = { to_detail = "club*" }
move = "Club"

[[rule]]
name = "header"
when = { header."X-Project" = { is = "Apollo \"11\"" } }
move = "Apollo"

[[rule]]
name = "presence"
when = { header = { "X-Loop" = true, "X-Seen" = false } }
move = "Loops"

[[rule]]
name = "subject"
when = { any = [{ subject = ["[sale]", "50\\*"] }, { subject = "win*now" }] }
bucket = "blackhole"

[[rule]]
name = "crowd"
when = { recipients_min = 3 }
move = "Crowds"

[[rule]]
name = "large"
when = { larger = 2000 }
move = "Large"

[[rule]]
name = "keep"
when = { subject = "stay" }
keep = true

[[rule]]
name = "unsayable"
when = { sender = "known", from = "@never.example" }
bucket = "top"

[[rule]]
name = "direct"
fallback = true
when = { to_me = "cc" }
move = "Copied"
"#;

/// Mail as `name`, header, and the folder it belongs into.
const MAIL: [(&str, &str, &str); 24] = [
    ("address", "From: Anna <anna@example.org>", "People/Anna"),
    (
        "address in the name only",
        "From: \"anna@example.org\" <x@evil.example>",
        "INBOX",
    ),
    ("domain", "From: a@shop.example", "Bulk"),
    ("longer domain", "From: a@shop.example.evil.example", "INBOX"),
    ("below", "From: a@mail.paper.example", "News"),
    ("the domain itself", "From: a@paper.example", "News"),
    ("no border", "From: a@newspaper.example", "INBOX"),
    ("glob", "From: billing@any.example", "Bills"),
    ("part", "From: x-no-reply-7@any.example", "Robots"),
    (
        "list",
        "From: a@b.example\r\nList-Id: Developers <dev.lists.example>",
        "Lists/Dev",
    ),
    (
        "recipient",
        "From: a@b.example\r\nTo: x@b.example, Team <team@corp.example>",
        "Team",
    ),
    (
        "urgent",
        "From: a@b.example\r\nCc: team@corp.example\r\nSubject: URGENT",
        "INBOX",
    ),
    ("detail", "From: a@b.example\r\nTo: me+club7@example.org", "Club"),
    ("header", "From: a@b.example\r\nX-Project: apollo \"11\"", "Apollo"),
    (
        "longer header",
        "From: a@b.example\r\nX-Project: apollo \"11\" b",
        "INBOX",
    ),
    ("presence", "From: a@b.example\r\nX-Loop: 1", "Loops"),
    (
        "presence of both",
        "From: a@b.example\r\nX-Loop: 1\r\nX-Seen: 1",
        "INBOX",
    ),
    (
        "encoded subject",
        "From: a@b.example\r\nSubject: =?utf-8?q?Big_=5BSALE=5D?=",
        "Blackhole",
    ),
    ("star", "From: a@b.example\r\nSubject: only 50* now", "Blackhole"),
    ("no star", "From: a@b.example\r\nSubject: only 500 now", "INBOX"),
    ("whole subject", "From: a@b.example\r\nSubject: Win it now", "Blackhole"),
    (
        "crowd",
        "From: a@b.example\r\nTo: a@b.example, b@b.example\r\nCc: c@b.example",
        "Crowds",
    ),
    ("taught", "From: taught@b.example", "Top"),
    (
        "copied",
        "From: a@b.example\r\nTo: x@b.example\r\nCc: me@example.org",
        "Copied",
    ),
];

fn folders() -> Folders {
    Folders::default()
}

fn lesson() -> Lesson {
    Lesson {
        identity: Identity::Address(Address::parse("taught@b.example").unwrap()),
        bucket: Bucket::Top,
        at: Timestamp(0),
        example: None,
        authentication: Authentication::None,
        by: Teacher::Drag,
    }
}

/// Where the rules, then the lesson, then the fallback rules put a message.
fn decided(rules: &RuleSet, raw: &[u8]) -> String {
    let message = Message::parse(raw);
    let owner = Owner::new(vec![Address::parse("me@example.org").unwrap()]);
    let (inbox, evidence) = (Mailbox::inbox(), Evidence::of(&message, &owner));
    let facts = Facts {
        message: &message,
        now: Timestamp(0),
        arrived: Timestamp(0),
        utc_offset: 0,
        size: raw.len() as u32,
        flags: &[],
        account: "home",
        folder: &inbox,
        owner: &owner,
        authentication: Authentication::None,
        evidence: &evidence,
        tally: None,
        reply_to_me: false,
        duplicate: false,
        attachments: None,
    };
    let taught = || message.from().is_some_and(|from| from.as_str() == "taught@b.example");
    let verdict = match rules.decide(Stage::User, &facts) {
        None if taught() => return "Top".to_owned(),
        None => rules.decide(Stage::Fallback, &facts),
        some => some,
    };
    match verdict {
        None => "INBOX".to_owned(),
        Some(verdict) => match verdict.orders.destination {
            Some(Destination::Folder(folder)) => folder.to_string(),
            Some(Destination::SpecialUse(name)) => name,
            None => folders().of(verdict.bucket).to_string(),
        },
    }
}

#[test]
fn the_sieve_script_files_mail_where_the_rules_would() {
    let rules = rule_set(RULES);
    let owner = Owner::new(vec![Address::parse("me@example.org").unwrap()]);
    let export = sieve_export::export(&rules, &[lesson()], &folders(), &owner);
    assert_eq!(
        export.left,
        [(
            "unsayable".to_owned(),
            "Sieve remembers nothing of other mail".to_owned()
        )]
    );
    let large = format!("From: a@b.example\r\nX-Fill: {}", "x".repeat(2_100));
    let mails = MAIL.iter().copied().chain([
        ("large", large.as_str(), "Large"),
        ("stay", "From: a@b.example\r\nSubject: Stay", "INBOX"),
    ]);
    let mails: Vec<_> = mails
        .map(|(name, header, folder)| (name, format!("{header}\r\n\r\nbody\r\n"), folder))
        .collect();
    for (name, raw, folder) in &mails {
        assert_eq!(decided(&rules, raw.as_bytes()), *folder, "{name}");
    }

    let home = tempfile::tempdir().unwrap();
    let script = home.path().join("postroom.sieve");
    fs::write(&script, &export.script).unwrap();
    let settings = home.path().join("dovecot.conf");
    // sieve-test becomes the user whose mail it files, and never root: then it is nobody, in a directory given to it.
    let owner = fs::metadata(home.path()).unwrap();
    let (uid, gid) = if owner.uid() == 0 {
        (65_534, 65_534)
    } else {
        (owner.uid(), owner.gid())
    };
    std::os::unix::fs::chown(home.path(), Some(uid), Some(gid)).unwrap();
    let place = home.path().display();
    let text = format!(
        "mail_uid = {uid}\nmail_gid = {gid}\nfirst_valid_uid = 0\nfirst_valid_gid = 0\nmail_home = {place}\n\
         mail_location = maildir:{place}/mail\nlog_path = /dev/stderr\n\
         plugin {{\n  sieve_extensions = +special-use\n}}\n"
    );
    fs::write(&settings, text).unwrap();
    let Ok(compiled) = Command::new("sievec").arg("-c").arg(&settings).arg(&script).output() else {
        assert!(
            std::env::var_os("POSTROOM_NO_SKIP").is_none(),
            "sievec is not installed"
        );
        eprintln!("skipped: sievec (dovecot-sieve) is not installed");
        return;
    };
    let said = String::from_utf8_lossy(&compiled.stderr);
    assert!(
        compiled.status.success() && !said.contains("error"),
        "{said}\n{}",
        export.script
    );
    let mut wrong = BTreeMap::new();
    for (name, raw, folder) in &mails {
        let mail = home.path().join("mail.eml");
        fs::write(&mail, raw).unwrap();
        let run = Command::new("sieve-test")
            .arg("-c")
            .arg(&settings)
            .arg(&script)
            .arg(&mail)
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&run.stdout).into_owned();
        let filed = said
            .lines()
            .find_map(|line| line.trim().strip_prefix("* store message in folder: "))
            .unwrap_or("nowhere")
            .split(" (")
            .next()
            .unwrap_or_default()
            .trim()
            .to_owned();
        if filed != *folder {
            wrong.insert(
                *name,
                format!("{filed}, not {folder}\n{said}{}", String::from_utf8_lossy(&run.stderr)),
            );
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}\n{}", export.script);
}

#[test]
fn a_special_use_folder_is_one_in_sieve_too() {
    let rules = rule_set("[[rule]]\nname = \"junk\"\nwhen = { from = \"@spam.example\" }\nmove = \"\\\\Junk\"\n");
    let export = sieve_export::export(&rules, &[], &folders(), &Owner::default());
    assert!(
        export
            .script
            .contains("fileinto :specialuse \"\\\\Junk\" :create \"Junk\";"),
        "{}",
        export.script
    );
}
