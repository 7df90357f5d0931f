//! Every `fixtures/mail/NN-name.eml` gets the verdict in `NN-name.verdict` from a fresh Postroom that knows nothing but
//! the `sent-*.eml` beside it. The first line of a verdict names the bucket and the kind of reason; the rest is for
//! people. `fixtures/mail/README.md` says under which settings.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use postroom::config::rules;
use postroom::sort::correspondence::Learning;
use postroom::sort::folders::Folders;
use postroom::sort::ledger::Mid;
use postroom::sort::mailbox::{Location, Mailbox, Timestamp, Uid, UidValidity};
use postroom::sort::message::Message;
use postroom::sort::rules::Context;
use postroom::sort::sender::{Address, Owner};
use postroom::sort::{Arrival, Settings, Sorter};

/// 22 November 2026, noon.
const NOW: Timestamp = Timestamp(1_795_348_800);

fn files(wanted: impl Fn(&str) -> bool) -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/mail");
    let mut paths: Vec<PathBuf> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| wanted(&path.file_name().unwrap().to_string_lossy()))
        .collect();
    paths.sort();
    paths
}

fn message(path: &Path) -> Message {
    Message::parse(&fs::read(path).unwrap())
}

fn sorter() -> Sorter {
    let folders = Folders::default();
    let context = Context {
        folders: [("home".to_owned(), folders.clone())].into(),
    };
    let settings = Settings {
        account: "home".to_owned(),
        owner: Owner::new(vec![Address::parse("alice@example.org").unwrap()]),
        folders,
        learning: Learning::default(),
        authserv_id: Some("mx.example.net".to_owned()),
        moves: true,
        special_use: std::collections::BTreeMap::new(),
    };
    let mut sorter = Sorter::new(settings, Arc::new(rules::shipped(&context).set));
    for path in files(|name| name.starts_with("sent-")) {
        let message = message(&path);
        sorter.sent(message.date.unwrap(), &message);
    }
    sorter
}

fn arrival(message: Message) -> Arrival {
    Arrival {
        mid: Mid::fingerprint(message.fingerprint(1)),
        arrived: message.date,
        message,
        location: Location {
            mailbox: Mailbox::inbox(),
            uid_validity: UidValidity(1),
            uid: Uid(1),
        },
        size: 1,
        utc_offset: 0,
        flags: Vec::new(),
        attachments: None,
        history: Vec::new(),
    }
}

#[test]
fn every_sample_gets_its_verdict() {
    let sorter = sorter();
    let (mut seen, mut wrong) = (0, Vec::new());
    for path in files(|name| name.strip_suffix(".eml").is_some() && name.starts_with(|c: char| c.is_ascii_digit())) {
        let wanted = fs::read_to_string(path.with_extension("verdict")).unwrap();
        let decision = sorter.decide(NOW, &arrival(message(&path)));
        let verdict = decision.verdict;
        let found = format!("{} {}", verdict.bucket, verdict.reason.kind.as_str());
        if wanted.lines().next() != Some(found.as_str()) {
            let name = path.file_name().unwrap().to_string_lossy().into_owned();
            wrong.push(format!(
                "{name}: wanted `{}`, found `{found}`: {}",
                wanted.lines().next().unwrap_or_default(),
                verdict.reason.text
            ));
        }
        seen += 1;
    }
    assert!(seen >= 80, "only {seen} samples found");
    assert!(wrong.is_empty(), "{} of {seen}:\n{}", wrong.len(), wrong.join("\n"));
}
