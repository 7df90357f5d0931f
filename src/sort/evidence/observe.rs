//! Looks a header over and notes its marks.

use super::lists::{self, ListKind};
use super::marks::Mark;
use super::roles::{self, Role};
use super::words;
use crate::sort::message::{Author, Message, decode};
use crate::sort::sender::Address;
use crate::sort::sent::is_answer;

/// Collects the marks of a message.
pub(super) fn marks(message: &Message, named: bool, list: ListKind) -> Vec<Mark> {
    let mut marks = Vec::new();
    if is_report(message) {
        marks.push(Mark::Report);
    }
    if message
        .raw("auto-submitted")
        .next()
        .is_some_and(|value| !value.trim().to_ascii_lowercase().starts_with("no"))
    {
        marks.push(Mark::AutoSubmitted);
    }
    sender(message, &mut marks);
    if !matches!(list, ListKind::Discussion | ListKind::Unmarked) {
        mailing(message, &mut marks);
    }
    subject(message, list, &mut marks);
    recipients(message, named, &mut marks);
    if message
        .raw("content-type")
        .next()
        .is_some_and(|value| value.trim_start().to_ascii_lowercase().starts_with("text/html"))
    {
        marks.push(Mark::HtmlOnly);
    }
    if called_spam(message) {
        marks.push(Mark::CalledSpam);
    }
    if !message.answers.is_empty() {
        marks.push(Mark::Answer);
    }
    if is_answer(&message.subject) {
        marks.push(Mark::AnswerSubject);
    }
    marks
}

fn is_report(message: &Message) -> bool {
    let report = message
        .raw("content-type")
        .next()
        .is_some_and(|value| value.trim_start().to_ascii_lowercase().starts_with("multipart/report"));
    let from = message.raw("from").next().unwrap_or_default();
    let system = match message.author() {
        // A postmaster is a person too, when he answers.
        Author::One { address, .. } => {
            roles::of_local_part(address.local_part()) == Some(Role::MailSystem)
                && (message.answers.is_empty() || !is_answer(&message.subject))
        }
        // Reports often bear a From that is no address at all: `MAILER-DAEMON`, `<>`.
        Author::Malformed(_) => {
            let from = from.to_ascii_lowercase();
            from.contains("mailer-daemon") || from.trim().ends_with("<>") || from.trim().starts_with("postmaster")
        }
    };
    report || system
}

fn sender(message: &Message, marks: &mut Vec<Mark>) {
    let Some(from) = message.from() else {
        marks.push(Mark::MalformedFrom);
        return;
    };
    match roles::of_local_part(from.local_part()) {
        Some(Role::NoReply) => marks.push(Mark::NoReply),
        Some(Role::MailSystem | Role::Robot) => marks.push(Mark::Robot),
        Some(Role::News) => marks.push(Mark::NewsRole),
        Some(Role::Marketing) => marks.push(Mark::MarketingRole),
        Some(Role::Office) => marks.push(Mark::OfficeRole),
        None => {}
    }
    match roles::of_host(from) {
        Some(Role::News) => marks.push(Mark::NewsHost),
        Some(_) => marks.push(Mark::MassHost),
        None => {}
    }
    if roles::is_generated(from.local_part()) {
        marks.push(Mark::GeneratedAddress);
    }
}

/// What mailing tools leave behind. Not asked on discussion lists, where the manager leaves the same traces.
fn mailing(message: &Message, marks: &mut Vec<Mark>) {
    if message.has("list-unsubscribe") {
        marks.push(Mark::Unsubscribe);
    }
    if message.has("list-unsubscribe-post") {
        marks.push(Mark::OneClick);
    }
    if message.has("list-id") {
        marks.push(Mark::BroadcastList);
    }
    if message.has("feedback-id") {
        marks.push(Mark::FeedbackId);
    }
    if matches!(lists::precedence(message).as_deref(), Some("bulk" | "junk" | "list")) {
        marks.push(Mark::Precedence);
    }
    match message.raw("x-mailer").next().and_then(mailer) {
        Some(true) => marks.push(Mark::MassMailer),
        Some(false) => marks.push(Mark::Script),
        None => {}
    }
    if message
        .raw("return-path")
        .next()
        .is_some_and(|path| path.trim() == "<>")
    {
        marks.push(Mark::NullReturn);
    }
    let Some(from) = message.from() else { return };
    if let Some(path) = return_path(message) {
        if is_bounce_address(path.local_part()) {
            marks.push(Mark::BounceAddress);
        }
        if path.organisational_domain() != from.organisational_domain() {
            marks.push(Mark::ForeignReturn);
        }
    }
    if message
        .reply_to
        .first()
        .is_some_and(|to| to.organisational_domain() != from.organisational_domain())
    {
        marks.push(Mark::ForeignReplyTo);
    }
}

fn subject(message: &Message, list: ListKind, marks: &mut Vec<Mark>) {
    let subject = words::topics(&message.subject);
    let display = words::topics(message.display_name());
    if list != ListKind::Discussion && subject.code {
        marks.push(Mark::Code);
    }
    if subject.periodical || display.periodical {
        marks.push(Mark::Periodical);
    }
    if subject.offer || display.offer {
        marks.push(Mark::Offer);
    }
    let lower = message.subject.to_lowercase();
    if lower.contains('@') && message.to.iter().any(|to| lower.contains(to.as_str())) {
        marks.push(Mark::AddressInSubject);
    }
}

fn recipients(message: &Message, named: bool, marks: &mut Vec<Mark>) {
    if !named {
        marks.push(Mark::NotNamed);
    }
    if message.recipients().next().is_none() {
        marks.push(Mark::Undisclosed);
    } else if message.cc.is_empty() && message.to.len() == 1 && message.to.first() == message.from() {
        marks.push(Mark::ToItself);
    }
}

/// Where bounces go, unless a forwarder or a signing server has rewritten it (SRS, BATV): then it says nothing.
fn return_path(message: &Message) -> Option<Address> {
    let value = message.raw("return-path").next()?;
    let path = Address::parse(value.trim().trim_matches(['<', '>']))?;
    let local = path.local_part();
    let rewritten = ["srs0", "srs1", "prvs=", "btv1="]
        .iter()
        .any(|prefix| local.starts_with(prefix))
        || local.contains("+caf_=");
    (!rewritten).then_some(path)
}

/// A local part that carries a code for one recipient (variable envelope return path) or is named after bounces.
fn is_bounce_address(local: &str) -> bool {
    const NAMED: [&str; 6] = ["bounce", "return", "rp", "msprv", "error", "listbounce"];
    let mut words = local
        .split(|c: char| !c.is_ascii_alphanumeric())
        .filter(|word| !word.is_empty());
    let named = words.any(|word| {
        let word = word
            .trim_end_matches(|c: char| c.is_ascii_digit())
            .trim_end_matches('s');
        NAMED.contains(&word)
    });
    named || local.contains('=') || (local.len() > 24 && roles::is_generated(local))
}

/// What X-Mailer names: a service or program for mass mail (true), a library that scripts use (false), or neither.
fn mailer(name: &str) -> Option<bool> {
    const MASS: [&str; 34] = [
        "accucast",
        "mailchimp",
        "sendgrid",
        "phplist",
        "sendinblue",
        "brevo",
        "mailjet",
        "inxmail",
        "campaign",
        "newsletter",
        "mass",
        "bulk",
        "lyris",
        "listmanager",
        "targetmail",
        "emessaging",
        "aspnetemail",
        "gfimailer",
        "store-mailer",
        "unica",
        "responsys",
        "exacttarget",
        "salesforce",
        "hubspot",
        "klaviyo",
        "marketing",
        "acymailing",
        "emarsys",
        "optivo",
        "episerver",
        "smart_send",
        "mailing",
        "custom mailer",
        "cleverreach",
    ];
    const SCRIPT: [&str; 14] = [
        "phpmailer",
        "swiftmailer",
        "php",
        "perl",
        "python",
        "mime::lite",
        "mime-tools",
        "framework",
        "smtpmail",
        "cdo for windows",
        "aspmail",
        "jmail",
        "drupal",
        "sendemail",
    ];
    let name = name.to_ascii_lowercase();
    if MASS.iter().any(|word| name.contains(word)) {
        Some(true)
    } else if SCRIPT.iter().any(|word| name.contains(word)) {
        Some(false)
    } else {
        None
    }
}

fn called_spam(message: &Message) -> bool {
    let says = |name: &'static str| {
        message.raw(name).any(|value| {
            let value = decode(value).trim().to_ascii_lowercase();
            value.starts_with("yes") || value.starts_with("true")
        })
    };
    says("x-spam-flag") || says("x-spam-status") || says("x-spam")
}
