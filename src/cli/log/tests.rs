use super::*;
use crate::cli::sample;
use crate::sort::ledger::Outcome;

fn said(args: &LogArgs, records: &Records) -> String {
    let mut out = Vec::new();
    assert_eq!(run(args, records, &mut out).unwrap(), 0);
    String::from_utf8(out).unwrap()
}

#[test]
fn lines_are_for_people() {
    let (_dir, records) = sample::records();
    let said = said(&LogArgs::default(), &records);
    let expected = "\
2026-11-18 11:06:40  sort    News        editor@news.example             your rule `weeklies`  #1
2026-11-18 11:06:40  keep    INBOX       anna@example.org                you wrote to them twice  #2
2026-11-18 11:06:40  sort    Bulk        shop@shop.example               an advertisement  [failed: OVERQUOTA]  #3
2026-11-18 11:06:40  sort    Bulk        (no clear sender)               an advertisement  [on its way]  #4
2026-11-18 11:07:40  file    Blackhole   shop@shop.example               you filed it there  #5
";
    assert_eq!(said, expected);
}

#[test]
fn json_has_the_fields_of_the_contract() {
    let (_dir, records) = sample::records();
    let said = said(
        &LogArgs {
            json: true,
            limit: Some(5),
            ..LogArgs::default()
        },
        &records,
    );
    let first: Value = serde_json::from_str(said.lines().next().unwrap()).unwrap();
    assert_eq!(
        first,
        json!({
            "id": 1, "at": "2026-11-18T11:06:40Z", "account": "home", "run": "r1", "kind": "sort", "state": "done",
            "uid": 41, "message_id": "<1@news.example>", "from": "editor@news.example", "bucket": "news",
            "source": "INBOX", "folder": "News",
            "reason": {
                "kind": "rule", "text": "your rule `weeklies`", "rule": "weeklies", "file": "10-lists.toml", "line": 4
            },
            "code": null, "undoes": null
        })
    );
    assert_eq!(said.lines().count(), 5);
}

#[test]
fn conditions_narrow_and_mistakes_are_told() {
    let (_dir, records) = sample::records();
    let ids = |args: LogArgs| -> Vec<i64> {
        said(&LogArgs { json: true, ..args }, &records)
            .lines()
            .map(|line| serde_json::from_str::<Value>(line).unwrap()["id"].as_i64().unwrap())
            .collect()
    };
    assert_eq!(
        ids(LogArgs {
            limit: Some(2),
            ..LogArgs::default()
        }),
        [4, 5]
    );
    assert_eq!(
        ids(LogArgs {
            since: Some("90s".to_owned()),
            ..LogArgs::default()
        }),
        [5]
    );
    assert_eq!(
        ids(LogArgs {
            only: vec!["keep".to_owned(), "file".to_owned()],
            ..LogArgs::default()
        }),
        [2, 5]
    );
    assert_eq!(
        ids(LogArgs {
            from: Some("Shop@shop.example".to_owned()),
            ..LogArgs::default()
        }),
        [3, 5]
    );
    assert_eq!(
        ids(LogArgs {
            to: Some("Blackhole".to_owned()),
            ..LogArgs::default()
        }),
        [5]
    );
    for wrong in [
        LogArgs {
            only: vec!["delete".to_owned()],
            ..LogArgs::default()
        },
        LogArgs {
            account: Some("nobody".to_owned()),
            ..LogArgs::default()
        },
        LogArgs {
            from: Some("nobody".to_owned()),
            ..LogArgs::default()
        },
        LogArgs {
            since: Some("soon".to_owned()),
            ..LogArgs::default()
        },
    ] {
        assert!(run(&wrong, &records, &mut Vec::new()).is_err(), "{wrong:?}");
    }
}

#[test]
fn a_follower_shows_new_rows_once_their_outcome_is_known() {
    let (_dir, records) = sample::records();
    let mut store = records.write().unwrap();
    let mut looks = 0;
    let wait = || {
        looks += 1;
        match looks {
            1 => {
                let _ = store.plan("home", "r2", records.now, &[sample::entry(7)]).unwrap();
            }
            3 => store.close(records.now, &[(RowId(6), Outcome::Done(None))]).unwrap(),
            _ => {}
        }
        looks < 5
    };
    let mut out = Vec::new();
    let args = LogArgs {
        follow: true,
        limit: Some(1),
        ..LogArgs::default()
    };
    run_with(&args, &records, wait, &mut out).unwrap();
    let said = String::from_utf8(out).unwrap();
    let numbers: Vec<&str> = said
        .lines()
        .filter_map(|line| line.rsplit_once('#'))
        .map(|(_, id)| id)
        .collect();
    assert_eq!(numbers, ["5", "6"], "{said}");
    assert!(!said.contains("on its way"));
}

#[test]
fn no_foreign_text_reaches_a_terminal_as_it_is() {
    let (_dir, records) = sample::records();
    let mut store = records.write().unwrap();
    let _ = store.plan("home", "r2", records.now, &[sample::hostile()]).unwrap();
    for json in [false, true] {
        let said = said(
            &LogArgs {
                json,
                ..LogArgs::default()
            },
            &records,
        );
        assert!(said.contains("hostile"), "{said}");
        assert!(!said.contains(['\x1b', '\x07', '\u{202e}', '\u{9b}']), "{said:?}");
    }
}

#[test]
fn colours_are_for_terminals() {
    let (_dir, mut records) = sample::records();
    records.colour = true;
    assert!(said(&LogArgs::default(), &records).contains("\x1b[34mNews"));
    assert!(
        !said(
            &LogArgs {
                json: true,
                ..LogArgs::default()
            },
            &records
        )
        .contains('\x1b')
    );
}
