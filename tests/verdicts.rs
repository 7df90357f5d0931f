//! Every `fixtures/mail/NN-name.eml` gets the verdict in `NN-name.verdict` from a fresh Postroom that knows nothing but
//! the `sent-*.eml` beside it. The first line of a verdict names the bucket and the kind of reason; the rest is for
//! people. `fixtures/mail/README.md` says under which settings.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

#[path = "support/sorter.rs"]
mod sorter;

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use postroom::config::rules;
use postroom::sort::mailbox::Timestamp;
use postroom::sort::message::Message;
use postroom::sort::pseudonym::Pseudonyms;
use postroom::sort::rules::Context;
use postroom::sort::{Arrival, Sorter};

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

fn sorter(names: &Pseudonyms) -> Sorter {
    let settings = sorter::settings("alice@example.org", Some("mx.example.net"));
    let context = Context {
        folders: [("home".to_owned(), settings.folders.clone())].into(),
    };
    let mut sorter = Sorter::new(settings, Arc::new(rules::shipped(&context).set)).under(names);
    for path in files(|name| name.starts_with("sent-")) {
        let message = message(&path);
        sorter.sent(message.date.unwrap(), &message);
    }
    sorter
}

fn arrival(message: Message) -> Arrival {
    let date = message.date;
    sorter::arrival(message, date)
}

#[test]
fn every_sample_gets_its_verdict() {
    every_verdict_is_right(&sorter(&Pseudonyms::default()));
}

/// But for one loss, which the manual names: whom an address resembles is not told by hashes.
#[test]
fn under_hashed_names_the_verdicts_are_the_same() {
    every_verdict_is_right(&sorter(&Pseudonyms::keyed(b"key")));
}

fn every_verdict_is_right(sorter: &Sorter) {
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
