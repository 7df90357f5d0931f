//! `[[test]]` tables: a mail, and what the rules are expected to say. Run by the evaluator that sorts mail.

use super::condition::auth_word;
use super::finding::Finding;
use super::source::Span;
use super::table::{Item, Reading, Table, whole};
use super::{RuleSet, Stage};
use crate::sort::authenticity::Authentication;
use crate::sort::correspondence::Tally;
use crate::sort::evidence::Evidence;
use crate::sort::facts::Facts;
use crate::sort::mailbox::{Mailbox, Timestamp};
use crate::sort::message::Message;
use crate::sort::rules::measure::Moment;
use crate::sort::sender::{Address, Owner};
use crate::sort::verdict::{Destination, ReasonKind, Verdict};

/// When a test mail arrives that says nothing: Thursday, 15 January 2026, 12:00 UTC. Fixed, so that no test begins to
/// fail on New Year's Day.
pub const DEFAULT_ARRIVAL: Timestamp = Timestamp(1_768_478_400);

/// One `[[test]]`.
#[derive(Debug, Clone)]
pub struct SelfTest {
    /// Its name, or the file and line where it begins.
    pub name: String,
    /// File, relative to the rules directory.
    pub file: Box<str>,
    /// Line of its `[[test]]`.
    pub line: u32,
    span: Span,
    mail: TestMail,
    expect: Vec<Expectation>,
}

/// The mail of a test with its surroundings.
#[derive(Debug, Clone)]
struct TestMail {
    message: Message,
    size: u32,
    arrived: Timestamp,
    now: Option<Timestamp>,
    utc_offset: i32,
    flags: Vec<String>,
    account: String,
    folder: Mailbox,
    owner: Owner,
    authentication: Authentication,
    evidence: Evidence,
    tally: Option<Tally>,
    reply_to_me: bool,
    duplicate: bool,
    attachments: Vec<String>,
}

#[derive(Debug, Clone)]
struct Expectation {
    what: Expected,
    span: Span,
}

#[derive(Debug, Clone)]
enum Expected {
    Rule(String),
    NoRule,
    Bucket(String),
    Move(String),
    Copy(Vec<String>),
    Flags(Vec<String>),
    Keep,
    Learn(bool),
}

/// How one test went.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outcome {
    /// Name of the test.
    pub test: String,
    /// Its file.
    pub file: String,
    /// Its line.
    pub line: u32,
    /// What the rules said.
    pub said: String,
    /// What was expected and did not happen; empty when it passed.
    pub failures: Vec<(Span, String)>,
}

impl Outcome {
    /// True when everything expected happened.
    pub fn passed(&self) -> bool {
        self.failures.is_empty()
    }

    /// The failures as errors that refuse the file set.
    pub fn findings(&self) -> Vec<Finding> {
        let finding = |(span, message): &(Span, String)| {
            Finding::error(
                "failed-test",
                &self.file,
                *span,
                format!("test \"{}\": {message}", self.test),
            )
            .hint(format!("the rules said: {}", self.said))
        };
        self.failures.iter().map(finding).collect()
    }
}

/// Reads one `[[test]]`; `None` when an error was reported.
pub(super) fn test(reading: &mut Reading<'_>, item: &Item<'_>) -> Option<SelfTest> {
    let before = reading.findings.len();
    let mut table = reading.table("test", item)?;
    let at = reading.lines.line(item.span().start);
    let name = table
        .take("name")
        .and_then(|item| reading.text("name", item))
        .map(str::to_owned);
    let file = table.take("file").and_then(|item| mail_file(reading, item));
    let mail_item = table.take("mail");
    if mail_item.is_none() && file.is_none() && table.key_span("file").is_none() {
        let hint = "add mail = { from = \"..\", subject = \"..\" } or file = \"mail/example.eml\"";
        reading.error("missing-mail", item.span(), "the test has no mail", hint);
    }
    let mail = mail(reading, mail_item, file);
    let expect = table.take("expect").map(|item| expectations(reading, item));
    if expect.is_none() {
        let hint = "add expect = { rule = \"..\", bucket = \"..\" }, or { rule = false } for no rule at all";
        reading.error("missing-expect", item.span(), "the test expects nothing", hint);
    }
    table.finish(reading, "a test", |_| None);
    (!reading.failed_since(before)).then(|| SelfTest {
        name: name.unwrap_or_else(|| format!("{}:{at}", reading.file.name)),
        file: reading.file.name.as_str().into(),
        line: at,
        span: item.span().into(),
        mail,
        expect: expect.unwrap_or_default(),
    })
}

fn mail_file(reading: &mut Reading<'_>, item: &Item<'_>) -> Option<Vec<u8>> {
    let name = reading.text("file", item)?;
    let (reason, bytes) = match reading.includes.get(name) {
        Some(Ok(bytes)) => return Some(bytes.clone()),
        Some(Err(reason)) => (reason.clone(), None),
        None => ("it was not read".to_owned(), None),
    };
    let hint = "paths are relative to the rules directory";
    reading.error(
        "missing-file",
        item.span(),
        format!("cannot read `{name}`: {reason}"),
        hint,
    );
    bytes
}

fn mail(reading: &mut Reading<'_>, item: Option<&Item<'_>>, mut raw: Option<Vec<u8>>) -> TestMail {
    let mut header = String::new();
    let mut mail = TestMail {
        message: Message::parse(b""),
        size: 4_096,
        arrived: DEFAULT_ARRIVAL,
        now: None,
        utc_offset: 0,
        flags: Vec::new(),
        account: "test".to_owned(),
        folder: Mailbox::inbox(),
        owner: Owner::default(),
        authentication: Authentication::None,
        evidence: Evidence::default(),
        tally: None,
        reply_to_me: false,
        duplicate: false,
        attachments: Vec::new(),
    };
    if let Some(mut table) = item.and_then(|item| reading.table("mail", item)) {
        if let Some(item) = table.take("file") {
            raw = raw.or_else(|| mail_file(reading, item));
        }
        header_fields(reading, &mut table, &mut header);
        surroundings(reading, &mut table, &mut mail);
        table.finish(reading, "a test mail", |key| match key {
            "body" => Some("Postroom never looks at the body"),
            _ if key.contains('-') => Some("write other header fields as header.\"X-Name\" = \"..\""),
            _ => None,
        });
    }
    let mut bytes = header.into_bytes();
    bytes.extend(raw.unwrap_or_default());
    mail.message = Message::parse(&bytes);
    // A test that names nobody's addresses is about mail that names its reader.
    mail.evidence = match mail.owner.addresses() {
        [] => Evidence::of(&mail.message),
        _ => Evidence::for_owner(&mail.message, &mail.owner),
    };
    if let Some(mut table) = item.and_then(|item| item.get_ref().as_table()).map(Table::new) {
        told_marks(reading, &mut table, &mut mail.evidence);
    }
    mail
}

fn header_fields(reading: &mut Reading<'_>, table: &mut Table<'_, '_>, header: &mut String) {
    for (key, field, between) in [
        ("from", "From", ", "),
        ("to", "To", ", "),
        ("cc", "Cc", ", "),
        ("bcc", "Bcc", ", "),
        ("reply_to", "Reply-To", ", "),
        ("subject", "Subject", " "),
        ("date", "Date", " "),
        ("message_id", "Message-ID", " "),
        ("in_reply_to", "In-Reply-To", " "),
    ] {
        if let Some(item) = table.take(key) {
            let texts: Vec<_> = reading.texts(key, item).into_iter().map(|(text, _)| text).collect();
            field_line(header, field, &texts.join(between));
        }
    }
    if let Some(item) = table.take("list_id")
        && let Some(text) = reading.text("list_id", item)
    {
        let value = if text.contains('<') {
            text.to_owned()
        } else {
            format!("<{text}>")
        };
        field_line(header, "List-Id", &value);
    }
    let Some(item) = table.take("header") else { return };
    let Some(fields) = item.get_ref().as_table() else {
        reading.wrong_type("header", item, "a table such as header.\"X-Name\" = \"text\"");
        return;
    };
    for (name, item) in fields {
        // Several values are several fields of that name.
        for (text, _) in reading.texts("header", item) {
            field_line(header, name.get_ref(), text);
        }
    }
}

/// Adds one field; line breaks of the value become folds, so that no value can begin another field.
fn field_line(header: &mut String, name: &str, value: &str) {
    header.push_str(name);
    header.push_str(": ");
    header.push_str(
        &value
            .replace("\r\n", "\n")
            .replace('\r', "\n")
            .lines()
            .collect::<Vec<_>>()
            .join("\r\n "),
    );
    header.push_str("\r\n");
}

fn surroundings(reading: &mut Reading<'_>, table: &mut Table<'_, '_>, mail: &mut TestMail) {
    if let Some(item) = table.take("size") {
        let octets = whole(item).or_else(|| item.get_ref().as_str().and_then(super::measure::size));
        match octets {
            Some(octets) => mail.size = u32::try_from(octets).unwrap_or(u32::MAX),
            None => reading.wrong_type("size", item, "octets or \"5M\""),
        }
    }
    if let Some(item) = table.take("utc_offset") {
        let minutes = item.get_ref().as_str().and_then(offset_seconds);
        match minutes {
            Some(seconds) => mail.utc_offset = seconds,
            None => reading.wrong_type("utc_offset", item, "an offset such as \"+02:00\""),
        }
    }
    if let Some(at) = instant(reading, table, "arrived", mail.utc_offset) {
        mail.arrived = at;
    }
    mail.now = instant(reading, table, "now", mail.utc_offset);
    if let Some(item) = table.take("flags") {
        let flags = reading.texts("flags", item);
        mail.flags = flags
            .into_iter()
            .filter_map(|(text, span)| super::when::flag(reading, text, span))
            .map(Into::into)
            .collect();
    }
    if let Some(text) = table.take("account").and_then(|item| reading.text("account", item)) {
        text.clone_into(&mut mail.account);
    }
    if let Some(text) = table.take("folder").and_then(|item| reading.text("folder", item)) {
        mail.folder = Mailbox::new(text);
    }
    if let Some(item) = table.take("own") {
        let mut own = Vec::new();
        for (text, span) in reading.texts("own", item) {
            match Address::parse(text) {
                Some(address) => own.push(address),
                None => reading.error(
                    "bad-address",
                    span,
                    format!("`{text}` is not an address"),
                    "write name@domain",
                ),
            }
        }
        mail.owner = Owner::new(own);
    }
    if let Some(item) = table.take("attachments") {
        // A mail without any file is written as an empty list, which `texts` would refuse.
        let empty = item.get_ref().as_array().is_some_and(|list| list.is_empty());
        let names = if empty {
            Vec::new()
        } else {
            reading.texts("attachments", item)
        };
        mail.attachments = names.into_iter().map(|(text, _)| text.to_owned()).collect();
    }
    people(reading, table, mail);
    // Their values are read once the header is known; here they only become known keys.
    for key in ["list", "bulk", "automatic", "spam"] {
        table.take(key);
    }
    for (slot, key) in [
        (&mut mail.reply_to_me, "reply_to_me"),
        (&mut mail.duplicate, "duplicate"),
    ] {
        *slot = table
            .take(key)
            .and_then(|item| reading.boolean(key, item))
            .unwrap_or(false);
    }
}

/// What the test says about the mail's marks beats what its header says.
fn told_marks(reading: &mut Reading<'_>, table: &mut Table<'_, '_>, evidence: &mut Evidence) {
    for (slot, key) in [
        (&mut evidence.list, "list"),
        (&mut evidence.bulk, "bulk"),
        (&mut evidence.automatic, "automatic"),
        (&mut evidence.spam, "spam"),
    ] {
        if let Some(told) = table.take(key).and_then(|item| reading.boolean(key, item)) {
            *slot = told;
        }
    }
}

fn people(reading: &mut Reading<'_>, table: &mut Table<'_, '_>, mail: &mut TestMail) {
    if let Some(item) = table.take("auth") {
        let all = [Authentication::Pass, Authentication::Fail, Authentication::None];
        let words = all.map(|result| (auth_word(result), result));
        let result = reading
            .text("auth", item)
            .and_then(|text| reading.word("auth", text, item.span().into(), &words));
        mail.authentication = result.unwrap_or_default();
    }
    let mut tally = Tally::default();
    let mut met = false;
    if let Some(item) = table.take("sender") {
        let words = [("unknown", 0_u8), ("known", 1), ("replied", 2)];
        let kind = reading
            .text("sender", item)
            .and_then(|text| reading.word("sender", text, item.span().into(), &words));
        if let Some(kind) = kind.filter(|kind| *kind > 0) {
            met = true;
            tally.sent_count = 1;
            tally.answered_count = u32::from(kind == 2);
        }
    }
    if let Some(item) = table.take("sender_seen") {
        met = true;
        tally.received_count = reading
            .number("sender_seen", item)
            .map_or(0, |n| u32::try_from(n).unwrap_or(u32::MAX));
    }
    mail.tally = met.then_some(tally);
}

fn instant(
    reading: &mut Reading<'_>,
    table: &mut Table<'_, '_>,
    key: &'static str,
    utc_offset: i32,
) -> Option<Timestamp> {
    let item = table.take(key)?;
    let moment = match (item.get_ref().as_datetime(), item.get_ref().as_str()) {
        (Some(datetime), _) => Moment::from_toml(datetime),
        (None, text) => text.and_then(Moment::parse),
    };
    if moment.is_none() {
        reading.error(
            "bad-date",
            item.span(),
            format!("`{key}` wants a date"),
            "write 2026-01-31T12:00:00Z",
        );
    }
    moment.map(|moment| moment.at(utc_offset))
}

fn offset_seconds(text: &str) -> Option<i32> {
    let (sign, rest) = match (text.strip_prefix('+'), text.strip_prefix('-')) {
        (Some(rest), _) => (1, rest),
        (None, Some(rest)) => (-1, rest),
        (None, None) => return None,
    };
    let (hours, minutes) = rest.split_once(':')?;
    let (hours, minutes): (i32, i32) = (hours.parse().ok()?, minutes.parse().ok()?);
    ((0..=14).contains(&hours) && (0..60).contains(&minutes)).then_some(sign * (hours * 3_600 + minutes * 60))
}

fn expectations(reading: &mut Reading<'_>, item: &Item<'_>) -> Vec<Expectation> {
    let mut expected = Vec::new();
    let Some(mut table) = reading.table("expect", item) else {
        return expected;
    };
    let mut push = |what: Expected, span: Span| expected.push(Expectation { what, span });
    if let Some(item) = table.take("rule") {
        match (item.get_ref().as_bool(), item.get_ref().as_str()) {
            (Some(false), _) => push(Expected::NoRule, item.span().into()),
            (_, Some(name)) => push(Expected::Rule(name.to_owned()), item.span().into()),
            _ => reading.wrong_type("rule", item, "the name of a rule, or false for none"),
        }
    }
    if let Some(item) = table.take("bucket") {
        let words = crate::sort::bucket::Bucket::ALL.map(|bucket| (bucket.as_str(), bucket));
        let bucket = reading
            .text("bucket", item)
            .and_then(|text| reading.word("bucket", text, item.span().into(), &words));
        if let Some(bucket) = bucket {
            push(Expected::Bucket(bucket.to_string()), item.span().into());
        }
    }
    if let Some(item) = table.take("move")
        && let Some(folder) = reading.text("move", item)
    {
        push(Expected::Move(folder.to_owned()), item.span().into());
    }
    for (key, make) in [
        ("copy", Expected::Copy as fn(Vec<String>) -> Expected),
        ("flags", Expected::Flags),
    ] {
        if let Some(item) = table.take(key) {
            let texts = reading
                .texts(key, item)
                .into_iter()
                .map(|(text, _)| text.to_owned())
                .collect();
            push(make(texts), item.span().into());
        }
    }
    for (key, special) in [("trash", "\\Trash"), ("archive", "\\Archive")] {
        if let Some(item) = table.take(key)
            && reading.boolean(key, item) == Some(true)
        {
            push(Expected::Move(special.to_owned()), item.span().into());
        }
    }
    if let Some(item) = table.take("keep")
        && reading.boolean("keep", item) == Some(true)
    {
        push(Expected::Keep, item.span().into());
    }
    if let Some(item) = table.take("learn")
        && let Some(learn) = reading.boolean("learn", item)
    {
        push(Expected::Learn(learn), item.span().into());
    }
    table.finish(reading, "`expect`", |_| None);
    if expected.is_empty() && reading.findings.is_empty() {
        let hint = "name a rule, a bucket, a folder, or rule = false";
        reading.error("missing-expect", item.span(), "the test expects nothing", hint);
    }
    expected
}

impl SelfTest {
    /// Runs the test against a set of rules.
    pub fn run(&self, rules: &RuleSet) -> Outcome {
        let mail = &self.mail;
        let facts = Facts {
            message: &mail.message,
            now: mail.now.unwrap_or(mail.arrived),
            arrived: mail.arrived,
            utc_offset: mail.utc_offset,
            size: mail.size,
            flags: &mail.flags,
            account: &mail.account,
            folder: &mail.folder,
            owner: &mail.owner,
            authentication: mail.authentication,
            evidence: &mail.evidence,
            tally: mail.tally.as_ref(),
            reply_to_me: mail.reply_to_me,
            duplicate: mail.duplicate,
            attachments: Some(&mail.attachments),
        };
        let user = rules.ask(Stage::User, &facts);
        let mut orders = user.orders;
        let verdict = user.verdict.or_else(|| {
            let answer = rules.ask(Stage::Fallback, &facts);
            orders.merge(answer.orders);
            answer.verdict
        });
        let verdict = verdict.map(|mut verdict| {
            if verdict.reason.kind == ReasonKind::Fallback {
                verdict.orders.merge(orders.clone());
            }
            verdict
        });
        let actual = Actual { verdict, orders };
        let failures = self
            .expect
            .iter()
            .filter_map(|e| actual.mismatch(&e.what).map(|text| (e.span, text)))
            .collect();
        Outcome {
            test: self.name.clone(),
            file: self.file.to_string(),
            line: self.line,
            said: actual.said(),
            failures,
        }
    }

    /// Where the test stands, for findings about the test as a whole.
    pub fn span(&self) -> Span {
        self.span
    }
}

/// What the rules said about a test mail.
struct Actual {
    verdict: Option<Verdict>,
    orders: crate::sort::verdict::Orders,
}

impl Actual {
    fn orders(&self) -> &crate::sort::verdict::Orders {
        self.verdict.as_ref().map_or(&self.orders, |verdict| &verdict.orders)
    }

    fn said(&self) -> String {
        match &self.verdict {
            Some(verdict) => {
                let text = format!("{}, bucket {}", verdict.reason.text, verdict.bucket);
                match &verdict.orders.destination {
                    Some(destination) => format!("{text}, move {}", destination_text(destination)),
                    None => text,
                }
            }
            None => "no rule decides".to_owned(),
        }
    }

    fn mismatch(&self, expected: &Expected) -> Option<String> {
        let rule = self.verdict.as_ref().and_then(|verdict| verdict.reason.rule.as_deref());
        let bucket = self.verdict.as_ref().map(|verdict| verdict.bucket.as_str());
        let destination = self.orders().destination.as_ref().map(destination_text);
        match expected {
            Expected::Rule(name) if rule != Some(name) => Some(match rule {
                Some(other) => format!("expected rule \"{name}\", but \"{other}\" matched"),
                None => format!("expected rule \"{name}\", but no rule decided"),
            }),
            Expected::NoRule => rule.map(|name| format!("expected no rule, but \"{name}\" matched")),
            Expected::Bucket(name) if bucket != Some(name) => {
                Some(format!("expected bucket {name}, got {}", bucket.unwrap_or("none")))
            }
            Expected::Move(folder) if destination.as_deref() != Some(folder) => Some(format!(
                "expected a move to {folder}, got {}",
                destination.as_deref().unwrap_or("none")
            )),
            Expected::Copy(folders) => {
                let got: Vec<_> = self.orders().copies.iter().map(destination_text).collect();
                (got != *folders).then(|| format!("expected copies in {folders:?}, got {got:?}"))
            }
            Expected::Flags(flags) => {
                let spell = |set: bool, flag: &str| {
                    format!("{}{flag}", if set { '+' } else { '-' })
                        .to_lowercase()
                        .replace('\\', "")
                };
                let got: Vec<_> = self
                    .orders()
                    .flags
                    .iter()
                    .map(|change| spell(change.set, &change.flag))
                    .collect();
                let want: Vec<_> = flags.iter().map(|flag| flag.to_lowercase().replace('\\', "")).collect();
                (got != want).then(|| format!("expected flags {want:?}, got {got:?}"))
            }
            Expected::Keep => {
                let stays = bucket == Some("inbox") && destination.is_none();
                (!stays).then(|| format!("expected the mail to stay, but {}", self.said()))
            }
            Expected::Learn(learn) => {
                (self.orders().no_learning == *learn).then(|| format!("expected learn = {learn}, got {}", !learn))
            }
            _ => None,
        }
    }
}

fn destination_text(destination: &Destination) -> String {
    match destination {
        Destination::Folder(mailbox) => mailbox.to_string(),
        Destination::SpecialUse(name) => name.clone(),
    }
}
