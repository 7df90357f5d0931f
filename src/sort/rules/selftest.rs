//! `[[test]]` tables: a mail, and what the rules are expected to say. Run by the evaluator that sorts mail.

use super::finding::Finding;
use super::source::Span;
use super::table::{Item, Reading};
use super::testmail::{TestMail, mail, mail_file};
use super::{Answer, RuleSet, Stage};
use crate::sort::verdict::{Destination, ReasonKind, Verdict};

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
    if let Some(item) = table.take("bucket")
        && let Some(bucket) = reading.bucket(item)
    {
        push(Expected::Bucket(bucket.to_string()), item.span().into());
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
    /// Runs the test against a set of rules. A file of fallback rules alone is tested without the user's rules: these may
    /// take its mail, as they are meant to, and must not fail the tests of a pack that he has not written.
    pub fn run(&self, rules: &RuleSet) -> Outcome {
        let mail = &self.mail;
        let facts = mail.facts();
        let user = if self.is_of_fallback_rules(rules) {
            Answer::default()
        } else {
            rules.ask(Stage::User, &facts)
        };
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

    fn is_of_fallback_rules(&self, rules: &RuleSet) -> bool {
        let mut beside = rules.rules().iter().filter(|rule| *rule.file == *self.file).peekable();
        beside.peek().is_some() && beside.all(|rule| rule.stage == Stage::Fallback)
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
