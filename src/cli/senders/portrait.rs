//! One sender: the tally in a sentence, what was taught, and what was done with the latest mail.

use std::io::Write;

use crate::cli::records::Records;
use crate::sort::pseudonym::Pseudonyms;
use crate::sort::sanitise;
use crate::sort::sender::Address;
use crate::sort::taught::{Identity, Lesson, Teacher};
use crate::store::{Query, Store};

/// All that is known about one address.
pub(super) fn write(
    address: &Address,
    account: &str,
    store: &Store,
    records: &Records,
    several: bool,
    out: &mut dyn Write,
) -> anyhow::Result<()> {
    let heading = sanitise(address.as_str());
    writeln!(
        out,
        "{heading}{}",
        if several {
            format!("  (account {})", sanitise(account))
        } else {
            String::new()
        }
    )?;
    match store.tally(account, address)? {
        Some(tally) => writeln!(out, "  {}", capitalised(&tally.sentence(records.now)))?,
        // What somebody writes is counted from the day on which the user writes to him.
        None => writeln!(out, "  You never wrote to them")?,
    }
    let names = store.names();
    let domain = names.identity(&Identity::Domain(address.organisational_domain().to_owned()));
    let identity = names.identity(&Identity::Address(address.clone()));
    let about = |lesson: &Lesson| lesson.identity == identity || lesson.identity == domain;
    let lessons: Vec<Lesson> = store.lessons(account)?.into_iter().filter(about).collect();
    for lesson in &lessons {
        writeln!(out, "  {}", sentence(lesson, names, records))?;
    }
    for lesson in store.held(account)?.iter().filter(|lesson| about(lesson)) {
        writeln!(
            out,
            "  Held back until you confirm it: {}",
            sentence(lesson, names, records)
        )?;
    }
    if lessons.is_empty() {
        writeln!(out, "  Taught: nothing")?;
    }
    let query = Query {
        account: Some(account.to_owned()),
        from: Some(address.clone()),
        newest_first: true,
        limit: Some(10),
        ..Query::default()
    };
    for row in store.rows(&query)? {
        let verb = row.entry.kind.as_str();
        let text = sanitise(&row.entry.reason.text);
        writeln!(
            out,
            "  {}  {verb:<7} {:<9}  {text}  #{}",
            records.clock(row.at),
            row.entry.bucket,
            row.id
        )?;
    }
    Ok(())
}

/// `Mail from the list talk.example.org goes to news: you dragged a message there on 2026-11-18 (<3@shop.example>)`
fn sentence(lesson: &Lesson, names: &Pseudonyms, records: &Records) -> String {
    let how = match lesson.by {
        Teacher::Drag => "you dragged a message there",
        Teacher::Train => "you said so",
        Teacher::Import => "imported",
    };
    let example = lesson
        .example
        .as_deref()
        .map(|id| format!(" ({})", sanitise(id)))
        .unwrap_or_default();
    let whose = names.whose(&lesson.identity);
    format!(
        "Mail from {whose} goes to {}: {how} on {}{example}",
        lesson.bucket,
        records.day(lesson.at)
    )
}

fn capitalised(text: &str) -> String {
    let mut chars = text.chars();
    chars
        .next()
        .map(|first| first.to_uppercase().chain(chars).collect())
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use crate::cli::records::Records;
    use crate::cli::sample;
    use crate::cli::senders::{SendersArgs, run};

    fn said(who: &str, records: &Records) -> String {
        let mut out = Vec::new();
        let args = SendersArgs {
            who: Some(who.to_owned()),
            ..SendersArgs::default()
        };
        assert_eq!(run(&args, records, &mut out).unwrap(), 0);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn one_address_is_shown_with_all_that_is_known() {
        let (_dir, records) = sample::records();
        let expected = "\
shop@shop.example
  You wrote to them 0 times, they wrote 12, you answered 0
  Mail from shop@shop.example goes to blackhole: you dragged a message there on 2026-11-18 (<3@shop.example>)
  2026-11-18 11:07:40  file    blackhole  you filed it there  #5
  2026-11-18 11:06:40  sort    bulk       an advertisement  #3
";
        assert_eq!(said("SHOP@shop.example", &records), expected);
        assert!(said("new@x.example", &records).contains("Taught: nothing"));
    }
}
