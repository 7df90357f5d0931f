//! What an address says about its owner: a robot, a newsroom, a shop, or perhaps a person.

use crate::sort::sender::Address;

/// What the local part or the domain declares.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Role {
    /// Nobody reads answers: `no-reply@`.
    NoReply,
    /// A mail system: `mailer-daemon@`, `postmaster@`.
    MailSystem,
    /// A program: `bot@`, `cron@`, `notifications@`, `alerts@`.
    Robot,
    /// A periodical: `newsletter@`, `news@`, `digest@`.
    News,
    /// Selling: `offers@`, `marketing@`, `promo@`.
    Marketing,
    /// An office where people may sit: `info@`, `support@`, `sales@`.
    Office,
}

const NO_REPLY: [&str; 16] = [
    "noreply",
    "donotreply",
    "dontreply",
    "noanswer",
    "doesnotreply",
    "neantworten",
    "nichtantworten",
    "keineantwort",
    "nepasrepondre",
    "noresponder",
    "naoresponda",
    "naoresponder",
    "nonrispondere",
    "norispondere",
    "nietbeantwoorden",
    "unmonitored",
];

const MAIL_SYSTEM: [&str; 4] = ["mailerdaemon", "postmaster", "maildaemon", "mailsystem"];

const ROBOT: [&str; 37] = [
    "bot",
    "robot",
    "mailrobot",
    "cron",
    "daemon",
    "root",
    "nobody",
    "notification",
    "notifications",
    "notify",
    "notifier",
    "notice",
    "alert",
    "alerts",
    "automated",
    "automatic",
    "autoresponder",
    "auto",
    "automailer",
    "bounce",
    "bounces",
    "system",
    "sysadmin",
    "monitor",
    "monitoring",
    "nagios",
    "jenkins",
    "bugzilla",
    "patchwork",
    "tracker",
    "ci",
    "syzbot",
    "mailer",
    "delivery",
    "edelivery",
    "arsystem",
    "invitations",
];

const NEWS: [&str; 26] = [
    "newsletter",
    "newsletters",
    "news",
    "enews",
    "newsflash",
    "newsdesk",
    "digest",
    "daily",
    "weekly",
    "monthly",
    "bulletin",
    "editor",
    "editors",
    "editorial",
    "announce",
    "announcements",
    "announcement",
    "mailinglist",
    "list",
    "lists",
    "journal",
    "magazine",
    "gazette",
    "nieuwsbrief",
    "headlines",
    "alert-news",
];

const MARKETING: [&str; 34] = [
    "marketing",
    "offer",
    "offers",
    "promo",
    "promos",
    "promotion",
    "promotions",
    "deals",
    "deal",
    "sale",
    "special",
    "specials",
    "rewards",
    "reward",
    "campaign",
    "campaigns",
    "mailing",
    "mailings",
    "member",
    "members",
    "subscriber",
    "subscribers",
    "subscription",
    "subscriptions",
    "loyalty",
    "club",
    "clubinfo",
    "email",
    "eservices",
    "emails",
    "customerservice",
    "universalcardservices",
    "savings",
    "bonus",
];

const OFFICE: [&str; 36] = [
    "info",
    "support",
    "service",
    "services",
    "sales",
    "contact",
    "hello",
    "hi",
    "team",
    "office",
    "help",
    "helpdesk",
    "admin",
    "administrator",
    "webmaster",
    "feedback",
    "updates",
    "update",
    "orders",
    "order",
    "billing",
    "account",
    "accounts",
    "customer",
    "customers",
    "shop",
    "store",
    "mail",
    "reply",
    "replies",
    "post",
    "message",
    "messages",
    "security",
    "kundenservice",
    "welcome",
];

/// The strongest role the local part declares. The whole part is compared, then its words, so that `talbot@` stays a
/// person and `news.bot@` does not.
pub(super) fn of_local_part(local: &str) -> Option<Role> {
    let bare: String = local.chars().filter(char::is_ascii_alphanumeric).collect();
    let words: Vec<&str> = local
        .split(|c: char| !c.is_alphanumeric())
        .filter(|word| !word.is_empty())
        .collect();
    let any = |list: &[&str]| words.iter().any(|word| list.contains(word)) || list.contains(&&*bare);
    if NO_REPLY.iter().any(|word| bare.contains(word)) {
        Some(Role::NoReply)
    } else if MAIL_SYSTEM.iter().any(|word| bare.starts_with(word)) {
        Some(Role::MailSystem)
    } else if any(&ROBOT) {
        Some(Role::Robot)
    } else if any(&NEWS) || bare.contains("newsletter") {
        Some(Role::News)
    } else if any(&MARKETING) {
        Some(Role::Marketing)
    } else if any(&OFFICE) {
        Some(Role::Office)
    } else {
        None
    }
}

/// Host names that mass mail is sent from, below the organisation's own domain.
const MASS_HOSTS: [&str; 44] = [
    "news",
    "newsletter",
    "newsletters",
    "enews",
    "email",
    "emails",
    "e",
    "em",
    "emailing",
    "mailing",
    "mailings",
    "mailer",
    "list",
    "lists",
    "listserv",
    "bounce",
    "bounces",
    "reply",
    "response",
    "info",
    "marketing",
    "promo",
    "promotions",
    "offers",
    "angebote",
    "campaign",
    "campaigns",
    "updates",
    "notify",
    "notifications",
    "notification",
    "messages",
    "message",
    "mkt",
    "crm",
    "click",
    "go",
    "donotreply",
    "noreply",
    "alerts",
    "deals",
    "rewards",
    "send",
    "sg",
];

/// True when a label below the organisational domain says that machines write from here.
pub(super) fn is_mass_host(address: &Address) -> bool {
    let domain = address.domain();
    let below = domain.strip_suffix(address.organisational_domain()).unwrap_or_default();
    below.split('.').any(|label| {
        let bare = label.trim_end_matches(|c: char| c.is_ascii_digit());
        MASS_HOSTS.contains(&bare)
    })
}

/// A local part that no person would choose: long runs of digits, or a random mixture.
pub(super) fn is_generated(local: &str) -> bool {
    let digits = local.bytes().filter(u8::is_ascii_digit).count();
    let hex_run = local.split(|c: char| !c.is_ascii_alphanumeric()).any(|word| {
        word.len() >= 12 && word.bytes().any(|b| b.is_ascii_digit()) && word.bytes().any(|b| b.is_ascii_alphabetic())
    });
    digits >= 6 || hex_run || local.matches('.').count() >= 4
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn roles_are_whole_words() {
        for (local, role) in [
            ("no-reply", Some(Role::NoReply)),
            ("Do_Not_Reply.shop".to_lowercase().leak(), Some(Role::NoReply)),
            ("mailer-daemon", Some(Role::MailSystem)),
            ("ci-bot", Some(Role::Robot)),
            ("talbot", None),
            ("newsletter-de", Some(Role::News)),
            ("newsome", None),
            ("info", Some(Role::Office)),
            ("anna.smith", None),
        ] {
            assert_eq!(of_local_part(local), role, "{local}");
        }
    }

    #[test]
    fn mass_hosts_are_labels_below_the_organisation() {
        let host = |text: &str| is_mass_host(&Address::parse(text).unwrap());
        assert!(host("a@news.shop.example") && host("a@email2.shop.example"));
        assert!(!host("a@news.example") && !host("a@mail.shop.example") && !host("a@shop.example"));
    }
}
