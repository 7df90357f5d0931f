use super::*;
use crate::cli::sample;

fn said(args: &SendersArgs, records: &Records) -> String {
    let mut out = Vec::new();
    assert_eq!(run(args, records, &mut out).unwrap(), 0);
    String::from_utf8(out).unwrap()
}

fn names(args: SendersArgs, records: &Records) -> Vec<String> {
    said(&SendersArgs { json: true, ..args }, records)
        .lines()
        .map(|line| {
            serde_json::from_str::<Value>(line).unwrap()["sender"]
                .as_str()
                .unwrap()
                .to_owned()
        })
        .collect()
}

#[test]
fn the_table_shows_lessons_and_correspondence() {
    let (_dir, records) = sample::records();
    let said = said(&SendersArgs::default(), &records);
    let lines: Vec<String> = said
        .lines()
        .map(|line| line.split_whitespace().collect::<Vec<_>>().join(" "))
        .collect();
    assert_eq!(
        lines,
        [
            "Sender Goes to Taught You wrote You answered They wrote You wrote last",
            "shop@shop.example blackhole 2026-11-18 12",
            "talk.example.org news 2026-11-18",
            "anna@example.org 2 1 5 2026-11-18",
        ]
    );
}

#[test]
fn the_table_can_be_narrowed_and_ordered() {
    let (_dir, records) = sample::records();
    let all = SendersArgs::default;
    assert_eq!(
        names(
            SendersArgs {
                sort: Order::Name,
                ..all()
            },
            &records
        ),
        ["anna@example.org", "shop@shop.example", "talk.example.org"]
    );
    assert_eq!(
        names(
            SendersArgs {
                sort: Order::Received,
                ..all()
            },
            &records
        )[0],
        "shop@shop.example"
    );
    assert_eq!(
        names(
            SendersArgs {
                sort: Order::Last,
                ..all()
            },
            &records
        )[0],
        "anna@example.org"
    );
    assert_eq!(
        names(
            SendersArgs {
                bucket: Some("news".to_owned()),
                ..all()
            },
            &records
        ),
        ["talk.example.org"]
    );
    assert_eq!(
        names(
            SendersArgs {
                who: Some("EXAMPLE.ORG".to_owned()),
                sort: Order::Name,
                ..all()
            },
            &records
        ),
        ["anna@example.org", "talk.example.org"]
    );
    assert_eq!(
        names(
            SendersArgs {
                who: Some("anna@example.org".to_owned()),
                ..all()
            },
            &records
        ),
        ["anna@example.org"]
    );
    assert_eq!(
        names(
            SendersArgs {
                limit: Some(1),
                ..all()
            },
            &records
        )
        .len(),
        1
    );
    assert!(
        said(
            &SendersArgs {
                limit: Some(1),
                ..all()
            },
            &records
        )
        .contains("1 of 3 senders")
    );
    assert!(
        said(
            &SendersArgs {
                who: Some("zzz".to_owned()),
                ..all()
            },
            &records
        )
        .contains("Nobody")
    );
}

#[test]
fn held_lessons_are_shown_as_questions() {
    let (_dir, records) = sample::records();
    let mut store = records.write().unwrap();
    let mut lesson = store.lessons("home").unwrap().remove(0);
    lesson.identity = Identity::Domain("casino.example".to_owned());
    store.hold("home", &[lesson]).unwrap();
    let table = said(&SendersArgs::default(), &records);
    assert!(table.contains("(blackhole?)"), "{table}");
    let one = said(
        &SendersArgs {
            who: Some("x@casino.example".to_owned()),
            ..SendersArgs::default()
        },
        &records,
    );
    assert!(one.contains("Held back until you confirm it"), "{one}");
}
