//! `postroom export records`: everything that is stored, one JSON object a line, each saying in `record` what it is: to see what is known
//! about oneself and others, and to take it along.

use std::io::Write;

use serde_json::{Value, json};

use super::records::{Records, rfc3339};
use super::{log, senders};
use crate::sort::sanitise;
use crate::sort::taught::Lesson;
use crate::store::{Query, Store};

/// Writes all records of the chosen accounts.
pub fn write(account: Option<&str>, records: &Records, out: &mut dyn Write) -> anyhow::Result<u8> {
    let store = records.read()?;
    for account in records.chosen(&store, account)? {
        for line in of_account(&store, &account)? {
            writeln!(out, "{line}")?;
        }
        let all = Query {
            account: Some(account),
            ..Query::default()
        };
        let mut written = Ok(());
        store.each_row(&all, |row| {
            if written.is_ok() {
                let mut object = log::object(row);
                if let Some(object) = object.as_object_mut() {
                    object.insert("record".to_owned(), "move".into());
                }
                written = writeln!(out, "{object}");
            }
        })?;
        written?;
    }
    Ok(0)
}

fn of_account(store: &Store, account: &str) -> anyhow::Result<Vec<Value>> {
    let lesson = |lesson: &Lesson, record: &str| {
        let mut object = json!({
            "record": record,
            "account": account,
            "sender": sanitise(&lesson.identity.spelling()),
        });
        if let (Value::Object(object), Value::Object(taught)) = (&mut object, senders::taught(lesson)) {
            object.extend(taught);
        }
        object
    };
    let mut lines: Vec<Value> = store.lessons(account)?.iter().map(|it| lesson(it, "lesson")).collect();
    lines.extend(store.held(account)?.iter().map(|it| lesson(it, "held lesson")));
    for (address, tally) in store.tallies(account)? {
        lines.push(json!({
            "record": "correspondent",
            "account": account,
            "sender": sanitise(address.as_str()),
            "sent": tally.sent_count,
            "answered": tally.answered_count,
            "received": tally.received_count,
            "last_sent": tally.last_sent.map(rfc3339),
        }));
    }
    for (folder, mark) in store.folders(account)? {
        lines.push(json!({
            "record": "folder",
            "account": account,
            "folder": sanitise(folder.as_str()),
            "looked_at": rfc3339(mark.seen_at),
            "next_uid": mark.next_uid.0,
        }));
    }
    lines.push(json!({
        "record": "sent messages",
        "account": account,
        "hashes": store.sent_ids(account)?.len(),
    }));
    for (key, value) in store.notes(account)? {
        lines.push(json!({ "record": "note", "account": account, "name": key, "text": sanitise(&value) }));
    }
    Ok(lines)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::cli::sample;

    #[test]
    fn everything_that_is_stored_is_told_as_one_object_a_line() {
        let (_dir, records) = sample::records();
        records.write().unwrap().set_note("home", "digest", Some("{}")).unwrap();
        let mut out = Vec::new();
        write(None, &records, &mut out).unwrap();
        let mut kinds: BTreeMap<String, usize> = BTreeMap::new();
        for line in String::from_utf8(out).unwrap().lines() {
            let object: Value = serde_json::from_str(line).unwrap();
            assert_eq!(object["account"], "home");
            *kinds.entry(object["record"].as_str().unwrap().to_owned()).or_default() += 1;
        }
        let kinds: Vec<(&str, usize)> = kinds.iter().map(|(kind, count)| (kind.as_str(), *count)).collect();
        assert_eq!(
            kinds,
            [
                ("correspondent", 2),
                ("lesson", 2),
                ("move", 5),
                ("note", 1),
                ("sent messages", 1)
            ]
        );
    }
}
