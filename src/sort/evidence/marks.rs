//! The marks: each one observation about a header, with its weight and the words in which `explain` names it.

use super::lists::{self, ListKind};
use super::roles::{self, Role};
use super::words;
use crate::sort::message::{Author, Message, decode};
use crate::sort::sender::Address;
use crate::sort::sent::is_answer;

/// One observation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Mark {
    /// A delivery report or receipt: multipart/report, or from a mail system.
    Report,
    /// Auto-Submitted other than `no` (RFC 3834).
    AutoSubmitted,
    /// The address says that nobody reads answers.
    NoReply,
    /// The address is a program's.
    Robot,
    /// The address is a periodical's.
    NewsRole,
    /// The address is a seller's.
    MarketingRole,
    /// The address is an office's.
    OfficeRole,
    /// Sent from a host for mass mail.
    MassHost,
    /// Sent from a host whose name says newsletter.
    NewsHost,
    /// List-Unsubscribe, on no discussion list.
    Unsubscribe,
    /// List-Unsubscribe-Post (RFC 8058).
    OneClick,
    /// List-Id, on no discussion list.
    BroadcastList,
    /// Feedback-ID, the bulk sender's own bookkeeping.
    FeedbackId,
    /// Precedence: bulk or junk.
    Precedence,
    /// X-Mailer names a mass mailing service.
    MassMailer,
    /// X-Mailer names a library that scripts use.
    Script,
    /// The return address carries a code for this one recipient.
    BounceAddress,
    /// Bounces go to another organisation than the sender's.
    ForeignReturn,
    /// Bounces go nowhere, as only reports and automatic answers may have it (RFC 5321 section 4.5.5).
    NullReturn,
    /// The subject contains the recipient's own address.
    AddressInSubject,
    /// The sender's address looks generated.
    GeneratedAddress,
    /// The subject or sender's name is a periodical's.
    Periodical,
    /// The subject sells.
    Offer,
    /// A login code or security alert.
    Code,
    /// Neither To nor Cc names the user.
    NotNamed,
    /// No visible recipient.
    Undisclosed,
    /// Addressed to the sender's own address, or to nobody.
    ToItself,
    /// Answers go to another organisation than the sender's.
    ForeignReplyTo,
    /// HTML and nothing else.
    HtmlOnly,
    /// From is malformed.
    MalformedFrom,
    /// The provider's filter calls it spam.
    CalledSpam,
    /// It answers something: In-Reply-To or References.
    Answer,
    /// The subject begins like an answer.
    AnswerSubject,
}

impl Mark {
    /// Stable name.
    pub fn slug(self) -> &'static str {
        match self {
            Mark::Report => "report",
            Mark::AutoSubmitted => "auto-submitted",
            Mark::NoReply => "no-reply",
            Mark::Robot => "robot",
            Mark::NewsRole => "news-role",
            Mark::MarketingRole => "marketing-role",
            Mark::OfficeRole => "office-role",
            Mark::MassHost => "mass-host",
            Mark::NewsHost => "news-host",
            Mark::Unsubscribe => "unsubscribe",
            Mark::OneClick => "one-click",
            Mark::BroadcastList => "broadcast-list",
            Mark::FeedbackId => "feedback-id",
            Mark::Precedence => "precedence",
            Mark::MassMailer => "mass-mailer",
            Mark::Script => "script",
            Mark::BounceAddress => "bounce-address",
            Mark::ForeignReturn => "foreign-return",
            Mark::NullReturn => "null-return",
            Mark::AddressInSubject => "address-in-subject",
            Mark::GeneratedAddress => "generated-address",
            Mark::Periodical => "periodical",
            Mark::Offer => "offer",
            Mark::Code => "code",
            Mark::NotNamed => "not-named",
            Mark::Undisclosed => "undisclosed",
            Mark::ToItself => "to-itself",
            Mark::ForeignReplyTo => "foreign-reply-to",
            Mark::HtmlOnly => "html-only",
            Mark::MalformedFrom => "malformed-from",
            Mark::CalledSpam => "called-spam",
            Mark::Answer => "answer",
            Mark::AnswerSubject => "answer-subject",
        }
    }

    /// How much it speaks for a machine or mass mail; below zero for a person.
    pub fn weight(self) -> i32 {
        match self {
            Mark::Report
            | Mark::AutoSubmitted
            | Mark::NoReply
            | Mark::Robot
            | Mark::NewsRole
            | Mark::Unsubscribe
            | Mark::OneClick
            | Mark::MassMailer
            | Mark::CalledSpam => 3,
            Mark::MarketingRole
            | Mark::MassHost
            | Mark::NewsHost
            | Mark::BroadcastList
            | Mark::FeedbackId
            | Mark::Precedence
            | Mark::BounceAddress
            | Mark::NullReturn
            | Mark::AddressInSubject
            | Mark::GeneratedAddress
            | Mark::MalformedFrom => 2,
            Mark::OfficeRole
            | Mark::ForeignReturn
            | Mark::Script
            | Mark::Periodical
            | Mark::Offer
            | Mark::NotNamed
            | Mark::Undisclosed
            | Mark::ToItself
            | Mark::ForeignReplyTo
            | Mark::HtmlOnly => 1,
            Mark::Code => 0,
            Mark::AnswerSubject => -1,
            Mark::Answer => -2,
        }
    }

    /// Marks of which one at least must be there: persons do not leave them by accident.
    pub(super) fn is_strong(self) -> bool {
        self.weight() >= 2 && self != Mark::MalformedFrom
    }

    /// Marks that a mailing tool or a program leaves, as opposed to what a name or a word suggests.
    pub(super) fn is_in_header(self) -> bool {
        matches!(
            self,
            Mark::Report
                | Mark::AutoSubmitted
                | Mark::NoReply
                | Mark::Unsubscribe
                | Mark::OneClick
                | Mark::BroadcastList
                | Mark::FeedbackId
                | Mark::Precedence
                | Mark::MassMailer
                | Mark::BounceAddress
                | Mark::NullReturn
                | Mark::CalledSpam
        )
    }

    /// How much it speaks for a periodical, below zero for an advertisement.
    pub(super) fn periodical(self) -> i32 {
        match self {
            Mark::NewsRole | Mark::Periodical | Mark::NewsHost => 2,
            Mark::Offer => -2,
            Mark::MarketingRole | Mark::CalledSpam => -1,
            _ => 0,
        }
    }

    /// The words in which a verdict names it.
    pub fn sentence(self) -> &'static str {
        match self {
            Mark::Report => "a delivery report or receipt",
            Mark::AutoSubmitted => "it says that a program sent it (Auto-Submitted)",
            Mark::NoReply => "the sender's address takes no answers",
            Mark::Robot => "the sender's address is a program's",
            Mark::NewsRole => "the sender's address is a newsletter's",
            Mark::MarketingRole => "the sender's address is an advertiser's",
            Mark::OfficeRole => "the sender's address is an office, not a person",
            Mark::MassHost => "it comes from a host for mass mail",
            Mark::NewsHost => "it comes from a newsletter's host",
            Mark::Unsubscribe => "it can be unsubscribed (List-Unsubscribe)",
            Mark::OneClick => "it offers one-click unsubscription",
            Mark::BroadcastList => "it carries the List-Id of a mailing tool",
            Mark::FeedbackId => "it carries a bulk sender's Feedback-ID",
            Mark::Precedence => "it says that it is bulk (Precedence)",
            Mark::MassMailer => "a mass mailing service sent it",
            Mark::Script => "a script sent it",
            Mark::BounceAddress => "its return address is made for one recipient",
            Mark::ForeignReturn => "its return address belongs to somebody else",
            Mark::NullReturn => "its return address is empty",
            Mark::AddressInSubject => "its subject contains the recipient's address",
            Mark::GeneratedAddress => "the sender's address looks generated",
            Mark::Periodical => "its subject or sender is a periodical's",
            Mark::Offer => "its subject advertises",
            Mark::Code => "a login code, a password mail or a security alert",
            Mark::NotNamed => "it does not name you",
            Mark::Undisclosed => "it names no recipient",
            Mark::ToItself => "it is addressed to its own sender",
            Mark::ForeignReplyTo => "answers would go to somebody else",
            Mark::HtmlOnly => "it is HTML only",
            Mark::MalformedFrom => "its From field is malformed",
            Mark::CalledSpam => "the provider's filter calls it spam",
            Mark::Answer => "it answers a message",
            Mark::AnswerSubject => "its subject is an answer's",
        }
    }
}

/// Collects the marks of a message.
pub(super) fn of(message: &Message, named: bool, list: ListKind) -> Vec<Mark> {
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
