//! The marks: each one observation about a header, with its weight and the words in which `explain` names it.

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
