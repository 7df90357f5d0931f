//! What must hold whatever a stranger has written: the properties behind the fuzz targets (`tests/fuzz`) and the test that
//! replays the named files of `fixtures/hostile`. Each takes bytes and panics when something does not hold.
#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::string_slice
)]

#[path = "../support/sorter.rs"]
mod sorter;

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::fs;
use std::sync::{Arc, LazyLock};

use postroom::config::{diagnostic, rules};
use postroom::report::escape::escape;
use postroom::sort::arrival::Event;
use postroom::sort::authenticity::{Authentication, Provider};
use postroom::sort::bucket::Bucket;
use postroom::sort::evidence::Evidence;
use postroom::sort::facts::Facts;
use postroom::sort::folders::Folders;
use postroom::sort::ledger::{Mid, Row};
use postroom::sort::mailbox::{Mailbox, Timestamp};
use postroom::sort::message::{Message, addresses, decode};
use postroom::sort::rules::ruleset::Context;
use postroom::sort::rules::{Includes, RuleSet, Severity, SourceFile, Stage};
use postroom::sort::sender::{Address, Owner};
use postroom::sort::{Arrival, Settings, Sorter, sanitise};
use postroom::store::{FILE_NAME, Query, Store};

/// A friend of the user's, whom strangers would like to be.
const FRIEND: &str = "anna@example.com";
/// The name under which the user's own provider signs its verdicts.
const PROVIDER: &str = "mx.provider.example";
/// Longest foreign text on one line, in characters.
const OWN: &str = "me@example.org";
const LONGEST: usize = 200;
const NOW: Timestamp = Timestamp(1_795_000_000);

fn owner() -> Owner {
    Owner::new(vec![Address::parse(OWN).unwrap()])
}

fn folders() -> Folders {
    Folders {
        sent: Some("Sent".into()),
        ..Folders::default()
    }
}

fn sorter(rules: RuleSet) -> Sorter {
    let settings = Settings {
        folders: folders(),
        ..sorter::settings(OWN, Some(PROVIDER))
    };
    Sorter::new(settings, Arc::new(rules))
}

/// One sorter for all inputs: it is never told of what it judges.
static KNOWS_ANNA: LazyLock<Sorter> = LazyLock::new(|| {
    let mut sorter = sorter(rules::shipped(&Context::default()).set);
    let letter = format!("To: {FRIEND}\r\nSubject: x\r\nMessage-ID: <1@example.org>\r\n\r\n");
    for _ in 0..9 {
        sorter.sent(NOW, &Message::parse(letter.as_bytes()));
    }
    sorter
});

fn arrival(message: Message, folder: &str, history: Vec<Row>) -> Arrival {
    let mut arrival = sorter::arrival(message, Some(NOW));
    arrival.location.mailbox = folder.into();
    Arrival { history, ..arrival }
}

/// A header: read the same way twice, its addresses are addresses, and no stranger's header reaches top: neither by the
/// friend's name without the provider's word, nor in any other way but by answering the user's own letter.
pub fn header(raw: &[u8]) {
    let message = Message::parse(raw);
    assert_eq!(message.fingerprint(7), Message::parse(raw).fingerprint(7));
    for address in message.recipients().chain(message.from()).chain(&message.reply_to) {
        assert_eq!(
            Address::parse(address.as_str()).as_ref(),
            Some(address),
            "reads otherwise again"
        );
        assert!(!address.as_str().contains(char::is_control), "{address:?}");
        assert!(!address.domain().is_empty() && !address.organisational_domain().is_empty());
    }
    for field in message.fields() {
        assert_is_printable(&sanitise(&decode(&field.value)));
        let _ = addresses(&field.value);
    }
    let vouched = KNOWS_ANNA.provider.authenticate(&message) == Authentication::Pass;
    // An identifier may be folded in the middle.
    let unfolded: Vec<u8> = raw.iter().copied().filter(|byte| !byte.is_ascii_whitespace()).collect();
    let answers = contains(&unfolded, b"<1@example.org>");
    let from_friend = message.from().is_some_and(|from| from.as_str() == FRIEND);
    let decision = KNOWS_ANNA.decide(NOW, &arrival(message.clone(), "INBOX", Vec::new()));
    assert!(
        decision.verdict.bucket != Bucket::Top || answers || (from_friend && vouched),
        "{:?}",
        decision.verdict
    );
    for stage in &decision.stages {
        assert!(!stage.text.contains(char::is_control), "{:?}", stage.text);
    }
    // What it teaches when the user files it, or has written it himself.
    let mut learner = KNOWS_ANNA.clone();
    learner.handle(
        NOW,
        Event::Arrived(Box::new(arrival(message.clone(), "Blackhole/Domain", Vec::new()))),
    );
    let sent = Event::Sent {
        at: NOW,
        message: Box::new(message),
    };
    learner.handle(NOW, sent);
}

/// Authentication-Results, the bytes being all of the header but From: without the provider's own name in it there is no
/// pass and no fail.
pub fn authentication(raw: &[u8]) {
    let mut whole = raw.to_vec();
    whole.extend_from_slice(format!("\r\nFrom: {FRIEND}\r\n\r\n").as_bytes());
    let message = Message::parse(&whole);
    let verdict = Provider::configured(Some(PROVIDER)).authenticate(&message);
    let named = message.raw("authentication-results").any(|value| {
        // Comments may stand between any two characters of interest, and are no part of the name.
        PROVIDER.split('.').all(|part| value.to_lowercase().contains(part))
    });
    assert!(named || verdict == Authentication::None, "{verdict:?} on nobody's word");
    let passes = message
        .raw("authentication-results")
        .any(|value| value.to_lowercase().contains("pass"));
    assert!(passes || verdict != Authentication::Pass, "a pass nobody gave");
    let mut provider = Provider::default();
    for day in 0..4 {
        provider.learn(Timestamp(NOW.0 + day * 86_400), &message, day % 2 == 0);
    }
    assert_eq!(provider.id, None, "four messages taught an id");
}

/// Rule files: refused with a place that can be shown, or a set that answers and explains every message.
pub fn rules(raw: &[u8]) {
    let Ok(text) = std::str::from_utf8(raw) else { return };
    let file = SourceFile {
        name: "10-mine.toml".to_owned(),
        text: text.to_owned(),
    };
    let mut includes: Includes = Includes::new();
    for name in postroom::sort::rules::named_files(&file) {
        let content = if name.len().is_multiple_of(2) {
            Ok(b"bea@example.com\n@.shop.example\n# x\n".to_vec())
        } else {
            Err("it is not there".to_owned())
        };
        includes.insert(name, content);
    }
    let context = Context {
        folders: BTreeMap::from([("home".to_owned(), folders())]),
    };
    let reading = RuleSet::parse(std::slice::from_ref(&file), &includes, &context);
    let sources = diagnostic::Sources::from([(file.name.clone(), file.text.clone())]);
    for colour in [false, true] {
        let shown = diagnostic::render(&reading.findings, &sources, colour);
        assert!(colour || !shown.contains('\x1b'), "{shown}");
    }
    for finding in &reading.findings {
        assert!(!diagnostic::one_line(finding, &sources).contains('\n'));
        let _ = diagnostic::json(finding, &sources);
        assert!(finding.span.start <= finding.span.end, "{finding:?}");
    }
    let refused = reading
        .findings
        .iter()
        .any(|finding| finding.severity == Severity::Error);
    assert_eq!(refused, reading.set.is_none(), "{:?}", reading.findings);
    let Some(set) = reading.set else { return };
    let message = Message::parse(SAMPLE);
    let evidence = Evidence::of(&message, &owner());
    let folder = Mailbox::inbox();
    let me = owner();
    let facts = Facts {
        message: &message,
        now: NOW,
        arrived: NOW,
        utc_offset: 3_600,
        size: 9_000,
        flags: &["\\Flagged".to_owned()],
        account: "home",
        folder: &folder,
        owner: &me,
        authentication: Authentication::None,
        evidence: &evidence,
        tally: None,
        reply_to_me: false,
        duplicate: false,
        attachments: Some(&[]),
    };
    for stage in [Stage::User, Stage::Fallback] {
        let decided = set.decide(stage, &facts);
        let explained = set.explain(stage, &facts);
        assert!(
            decided.is_none() || explained.iter().any(|answer| answer.matched),
            "{explained:?}"
        );
    }
    let mut sorter = sorter(set);
    sorter.handle(NOW, Event::Arrived(Box::new(arrival(message, "INBOX", Vec::new()))));
}

const SAMPLE: &[u8] = b"Received: from a.example by mx.provider.example; Mon, 16 Nov 2026 09:00:00 +0000\r\n\
From: \"Shop\" <billing@shop.example>\r\nTo: me@example.org, bea@example.com\r\nCc: list@lists.example\r\n\
Subject: Re: Invoice 7\r\nList-Id: News <news.shop.example>\r\nDate: Mon, 16 Nov 2026 10:00:00 +0100\r\n\
Message-ID: <7@shop.example>\r\nPrecedence: bulk\r\nX-Spam-Score: 3.1\r\n\r\n";

/// A database file with rows of every kind, as the store of this version has brought it up to date.
static WHOLE: LazyLock<Vec<u8>> = LazyLock::new(|| {
    let ground = ground();
    let dump = concat!(env!("CARGO_MANIFEST_DIR"), "/fixtures/state/v1/state.sql");
    let dump = fs::read_to_string(dump)
        .or_else(|_| fs::read_to_string(dump.replace("/tests/fuzz/", "/")))
        .unwrap();
    let connection = rusqlite::Connection::open(ground.path().join(FILE_NAME)).unwrap();
    connection.execute_batch(&dump).unwrap();
    drop(connection);
    drop(Store::open(ground.path(), NOW).unwrap());
    fs::read(ground.path().join(FILE_NAME)).unwrap()
});

thread_local! {
    static GROUND: RefCell<Option<tempfile::TempDir>> = const { RefCell::new(None) };
}

/// A directory in memory where there is one.
fn ground() -> tempfile::TempDir {
    tempfile::tempdir_in("/dev/shm")
        .or_else(|_| tempfile::tempdir())
        .unwrap()
}

/// The ledger and all beside it on disk, damaged: in bytes of the file (an even first byte; then groups of three offset
/// bytes and one to put there), or in what the columns hold (odd; groups of table, column, row and a text). The store
/// refuses, sets aside or reads on, and the sorter takes whatever it read.
pub fn ledger(raw: &[u8]) {
    let Some((&way, rest)) = raw.split_first() else { return };
    GROUND.with_borrow_mut(|dir| {
        let path = dir.get_or_insert_with(ground).path().to_owned();
        for entry in fs::read_dir(&path).unwrap() {
            let _ = fs::remove_file(entry.unwrap().path());
        }
        let file = path.join(FILE_NAME);
        let mut bytes = WHOLE.clone();
        if way.is_multiple_of(2) {
            for group in rest.chunks_exact(4) {
                let offset = u32::from_le_bytes([group[0], group[1], group[2], 0]) as usize % bytes.len();
                bytes[offset] = group[3];
            }
        }
        fs::write(&file, &bytes).unwrap();
        if way % 2 == 1 {
            rewrite_columns(&file, rest);
        }
        if let Ok(store) = Store::open_read_only(&path) {
            read_everything(&store);
        }
        if let Ok(opened) = Store::open(&path, NOW) {
            let whole = read_everything(&opened.store);
            assert!(
                opened.set_aside.is_none() || whole,
                "a fresh database that cannot be read"
            );
        }
    });
}

/// Puts texts into columns, past the checks of the schema: what another program, or a bug, may have left there.
fn rewrite_columns(file: &std::path::Path, mut rest: &[u8]) {
    let connection = rusqlite::Connection::open(file).unwrap();
    connection
        .execute_batch("PRAGMA ignore_check_constraints = ON; PRAGMA foreign_keys = OFF; PRAGMA synchronous = OFF;")
        .unwrap();
    let names = |sql: &str| -> Vec<String> {
        let mut statement = connection.prepare(sql).unwrap();
        let rows = statement.query_map([], |row| row.get(0)).unwrap();
        rows.collect::<Result<_, _>>().unwrap()
    };
    let tables = names("SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite%' ORDER BY name");
    while let [table, column, row, kind, length, more @ ..] = rest {
        let (value, after) = more.split_at(usize::from(*length).min(more.len()));
        rest = after;
        let table = &tables[usize::from(*table) % tables.len()];
        let columns = names(&format!("SELECT name FROM pragma_table_info('{table}')"));
        let column = &columns[usize::from(*column) % columns.len()];
        let number = value.iter().fold(0_i64, |number, byte| {
            number.wrapping_mul(256).wrapping_add(i64::from(*byte))
        });
        let value: Box<dyn rusqlite::ToSql> = match kind % 4 {
            0 => Box::new(rusqlite::types::Null),
            1 => Box::new(number),
            2 => Box::new(f64::from_bits(number.cast_unsigned())),
            _ => Box::new(String::from_utf8_lossy(value).into_owned()),
        };
        let first = names(&format!(
            "SELECT name FROM pragma_table_info('{table}') WHERE pk > 0 ORDER BY pk"
        ));
        let key = first.join(", ");
        // STRICT tables and unique keys refuse some of it; the rest is what a reader may meet.
        let _ = connection.execute(
            &format!(
                "UPDATE \"{table}\" SET \"{column}\" = ?1 WHERE ({key}) = (SELECT {key} FROM \"{table}\" LIMIT 1 OFFSET ?2)"
            ),
            rusqlite::params![value, row % 8],
        );
    }
}

/// True when everything could be read.
fn read_everything(store: &Store) -> bool {
    let mut whole = true;
    let mut note = |fine: bool| whole &= fine;
    let rows = store.rows(&Query::default());
    note(rows.is_ok());
    let rows = rows.unwrap_or_default();
    let mut sorter = sorter(RuleSet::default());
    for account in store.accounts().unwrap_or_default() {
        note(store.open_rows(&account).is_ok());
        note(store.folders(&account).is_ok());
        note(store.held(&account).is_ok());
        match (
            store.lessons(&account),
            store.tallies(&account),
            store.sent_ids(&account),
        ) {
            (Ok(lessons), Ok(tallies), Ok(sent)) => {
                sorter.taught.load(lessons);
                sorter.correspondence.load(tallies);
                sorter.sent_index.load(sent);
            }
            _ => note(false),
        }
        if let Ok(Some(provider)) = store.get_note(&account, "provider") {
            sorter.provider = serde_json::from_str(&provider).unwrap_or_default();
        }
        let mids: Vec<Mid> = rows.iter().map(|row| row.entry.mid.clone()).collect();
        note(store.history(&account, &mids).is_ok());
    }
    for row in &rows {
        note(store.undone_by(row.id).is_ok());
        assert_is_printable(&sanitise(&row.entry.reason.text));
    }
    for folder in ["INBOX", "Bulk"] {
        let arrival = arrival(Message::parse(SAMPLE), folder, rows.clone());
        sorter.handle(NOW, Event::Arrived(Box::new(arrival)));
    }
    whole
}

/// Foreign text on its way to a terminal, a log or a page.
pub fn text(raw: &[u8]) {
    let text = String::from_utf8_lossy(raw);
    let safe = sanitise(&text);
    assert_is_printable(&safe);
    assert_eq!(sanitise(&safe), safe, "a second time changes it again");
    let escaped = escape(&text);
    assert!(!escaped.contains(['<', '>', '"', '\'', '`']), "{escaped}");
    let plain = text.chars().count() <= LONGEST && text.chars().all(|c| c.is_ascii_graphic() || c == ' ');
    assert!(!plain || safe == text, "plain text was changed");
}

/// One line of at most 200 characters and an ellipsis, nothing in it that moves the cursor, turns the direction of
/// writing round or cannot be seen.
fn assert_is_printable(text: &str) {
    assert!(text.chars().count() <= LONGEST + 1, "too long: {text:?}");
    let treacherous = |c: char| {
        c.is_control()
            || matches!(c as u32, 0xAD | 0x61C | 0x200B..=0x200F | 0x2028..=0x202E | 0x2060..=0x206F | 0xFEFF
                | 0xFE00..=0xFE0F | 0xFFFE | 0xFFFF | 0xE0000..=0xE0FFF)
    };
    assert!(!text.contains(treacherous), "{text:?}");
}

fn contains(haystack: &[u8], needle: &[u8]) -> bool {
    haystack.windows(needle.len()).any(|window| window == needle)
}
