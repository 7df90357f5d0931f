//! Databases of every layout there ever was open with all they hold. `fixtures/state/vN/` has one as SQL text, and what
//! it holds as this version tells it; a new layout adds a directory and leaves the old ones alone.

use std::fmt::Write;
use std::fs;
use std::path::Path;

use super::{NOW, ground};
use crate::sort::ledger::Row;
use crate::sort::mailbox::Mailbox;
use crate::sort::sender::Address;
use crate::store::*;

/// All that a store holds, in words that do not change when a type in the program does.
fn holds(store: &Store) -> String {
    let mut text = String::new();
    for row in store.rows(&Query::default()).unwrap() {
        text += &row_line(&row);
    }
    for account in ["home", "work"] {
        for (shelf, lessons) in [("taught", store.lessons(account)), ("held", store.held(account))] {
            for lesson in lessons.unwrap() {
                let (identity, bucket, example) = (&lesson.identity, lesson.bucket, &lesson.example);
                let (how, by) = (lesson.authentication.as_str(), lesson.by.as_str());
                writeln!(
                    text,
                    "{account} {shelf} {identity}: {bucket} at {} {example:?} {how} {by}",
                    lesson.at.0
                )
                .unwrap();
            }
        }
        for (address, tally) in store.tallies(account).unwrap() {
            let (sent, answered, last) = (tally.sent, tally.answered, tally.last_sent.map(|time| time.0));
            let counts = [tally.sent_count, tally.answered_count, tally.received_count];
            writeln!(
                text,
                "{account} {address}: {sent} {answered} at {} {counts:?} {last:?}",
                tally.as_of.0
            )
            .unwrap();
        }
        let sent: Vec<i64> = store.sent_ids(account).unwrap().iter().map(|key| key.0).collect();
        writeln!(text, "{account} sent {sent:?}").unwrap();
        for (name, mark) in store.folders(account).unwrap() {
            let (next, modseq, done) = (mark.next_uid, mark.highest_modseq, mark.baseline_done);
            writeln!(
                text,
                "{account} {name}: {} {next} {modseq:?} {done} {}",
                mark.uid_validity, mark.seen_at.0
            )
            .unwrap();
        }
        writeln!(
            text,
            "{account} status {:?}",
            store.get_note(account, "status").unwrap()
        )
        .unwrap();
    }
    text
}

fn row_line(row: &Row) -> String {
    let entry = &row.entry;
    let (kind, state) = (entry.kind.as_str(), row.state.as_str());
    let from = entry.from.as_ref().map(Address::as_str);
    let source = format!(
        "{}/{}/{}",
        entry.source.mailbox, entry.source.uid_validity, entry.source.uid
    );
    let to = entry.destination.as_ref().map(Mailbox::as_str);
    let (next, found) = (
        entry.destination_uid_next.map(|uid| uid.0),
        row.destination_uid.map(|(v, uid)| (v.0, uid.0)),
    );
    let reason = &entry.reason;
    let rule = (reason.rule.as_deref(), reason.file.as_deref(), reason.line);
    let flags: Vec<(bool, &str)> = entry
        .flags
        .iter()
        .map(|change| (change.set, change.flag.as_str()))
        .collect();
    let (undoes, arrived) = (entry.undoes.map(|id| id.0), entry.arrived.map(|time| time.0));
    format!(
        "{} {} {} at {} {kind} {state} {} {:?} {from:?}\n  {source} -> {to:?} {next:?} {found:?} {}\n  {} \"{}\" {rule:?} \
         {flags:?} {} undoes {undoes:?} arrived {arrived:?} code {:?} closed {:?}\n",
        row.id,
        row.account,
        row.run,
        row.at.0,
        entry.mid.as_str(),
        entry.message_id,
        entry.bucket,
        reason.kind.as_str(),
        reason.text,
        entry.rules,
        row.code,
        row.closed.map(|time| time.0),
    )
}

#[test]
fn every_old_layout_opens_with_all_it_holds() {
    let fixtures = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/state");
    let mut layouts: Vec<_> = fs::read_dir(fixtures).unwrap().map(|dir| dir.unwrap().path()).collect();
    layouts.sort();
    assert!(!layouts.is_empty());
    for layout in layouts {
        let dir = ground();
        let sql = fs::read_to_string(layout.join("state.sql")).unwrap();
        let old = rusqlite::Connection::open(dir.path().join(FILE_NAME)).unwrap();
        old.execute_batch(&sql).unwrap();
        old.close().unwrap();
        let opened = Store::open(dir.path(), NOW).unwrap();
        assert_eq!(opened.set_aside, None);
        let expected = fs::read_to_string(layout.join("holds.txt")).unwrap();
        assert!(
            holds(&opened.store) == expected,
            "{}:\n{}",
            layout.display(),
            holds(&opened.store)
        );
    }
}
