//! What an address says about its owner: a robot, a newsroom, a shop, or perhaps a person.

use std::collections::HashMap;
use std::sync::LazyLock;

use crate::sort::sender::Address;

/// What the local part or the host declares; the earlier the plainer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
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

/// Parts of a word that refuses answers, in several languages.
const NO_REPLY: [&str; 14] = [
    "noreply",
    "donotreply",
    "dontreply",
    "noanswer",
    "doesnotreply",
    "nichtantworten",
    "keineantwort",
    "nepasrepondre",
    "noresponder",
    "naoresponda",
    "naoresponder",
    "nonrispondere",
    "norispondere",
    "unmonitored",
];

/// Words of local parts.
const LOCAL_PARTS: [(Role, &str); 5] = [
    (Role::MailSystem, "mailerdaemon postmaster maildaemon mailsystem"),
    (
        Role::Robot,
        "bot robot mailrobot cron daemon root nobody notification notifications notify notifier notice alert alerts automated
         automatic autoresponder automailer bounce bounces monitoring nagios jenkins bugzilla patchwork
         syzbot mailer delivery edelivery arsystem invitations",
    ),
    (
        Role::News,
        "newsletter newsletters news enews newsflash newsdesk digest daily weekly monthly bulletin editor editors editorial
         announce announcements announcement mailinglist list lists journal magazine gazette nieuwsbrief headlines",
    ),
    (
        Role::Marketing,
        "marketing offer offers promo promos promotion promotions deals deal sale special specials rewards reward campaign
         campaigns mailing mailings member members subscriber subscribers subscription subscriptions loyalty club clubinfo
         email emails eservices customerservice savings bonus",
    ),
    (
        Role::Office,
        "info support service services sales contact hello hi team office help helpdesk admin administrator webmaster feedback
         updates update orders order billing account accounts customer customers shop store mail reply replies post message
         messages security system sysadmin monitor tracker kundenservice welcome reports research distribution",
    ),
];

/// Role words that are family names too: between dots they name a person (`emily.deal@`).
const FAMILY_NAMES: &str =
    "daily root bot deal sale special club bonus editor journal list post mail shop store office member
    monitor notice digest weekly alert bounce help hi order service update";

/// Host names that mass mail is sent from, below the organisation's own domain.
const HOSTS: [(Role, &str); 2] = [
    (Role::News, "news newsletter newsletters enews"),
    (
        Role::Marketing,
        "email emails e em emailing mailing mailings mailer list lists listserv bounce bounces reply response info marketing
         promo promotions offers angebote campaign campaigns updates notify notifications notification messages message mkt crm
         click go donotreply noreply alerts deals rewards send sg",
    ),
];

type Roles = HashMap<&'static str, Role>;

fn roles(table: &[(Role, &'static str)]) -> Roles {
    table
        .iter()
        .flat_map(|(role, words)| words.split_whitespace().map(|word| (word, *role)))
        .collect()
}

static LOCAL: LazyLock<Roles> = LazyLock::new(|| roles(&LOCAL_PARTS));
static HOST: LazyLock<Roles> = LazyLock::new(|| roles(&HOSTS));

/// The plainest role the local part declares. The whole part is compared, then its words, so that `talbot@` stays a
/// person and `news.bot@` does not.
pub(super) fn of_local_part(local: &str) -> Option<Role> {
    let bare: String = local.chars().filter(char::is_ascii_alphanumeric).collect();
    if NO_REPLY.iter().any(|word| bare.contains(word)) {
        return Some(Role::NoReply);
    }
    if bare.starts_with("mailerdaemon") || bare.starts_with("postmaster") {
        return Some(Role::MailSystem);
    }
    if bare.contains("newsletter") {
        return Some(Role::News);
    }
    let dotted = local.contains('.');
    let is_name = |word: &str| dotted && FAMILY_NAMES.split_whitespace().any(|name| name == word);
    let words = local
        .split(|c: char| !c.is_alphanumeric())
        .filter(|word| !word.is_empty() && !is_name(word));
    words.chain([&*bare]).filter_map(|word| LOCAL.get(word).copied()).min()
}

/// What the labels below the organisational domain say: newsletters or mass mail are sent from here.
pub(super) fn of_host(address: &Address) -> Option<Role> {
    let domain = address.domain();
    let below = domain.strip_suffix(address.organisational_domain()).unwrap_or_default();
    below
        .split('.')
        .filter_map(|label| HOST.get(label.trim_end_matches(|c: char| c.is_ascii_digit())).copied())
        .min()
}

/// A local part that no person would choose: a long mixture of digits and letters, or many dots.
pub(super) fn is_generated(local: &str) -> bool {
    let mixture = local.split(|c: char| !c.is_ascii_alphanumeric()).any(|word| {
        let digits = word.bytes().filter(u8::is_ascii_digit).count();
        // Letters after digits: `anna19840312` ends in its number.
        let last = word.trim_end_matches(|c: char| c.is_ascii_digit());
        word.len() >= 12 && last.bytes().filter(u8::is_ascii_digit).count() >= 2 && digits < word.len()
    });
    // A dot before a long number is a mailing tool's counter; `anna19840312` is a birthday, `123456789` a mobile phone.
    let counter = local
        .rsplit(['.', '-', '_', '+'])
        .next()
        .is_some_and(|word| word.len() >= 6 && word.len() < local.len() && word.bytes().all(|b| b.is_ascii_digit()));
    mixture || counter || local.matches('.').count() >= 4
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn roles_are_whole_words_and_names_are_persons() {
        for (local, role) in [
            ("no-reply", Some(Role::NoReply)),
            ("do_not_reply.shop", Some(Role::NoReply)),
            ("mailer-daemon", Some(Role::MailSystem)),
            ("ci-bot", Some(Role::Robot)),
            ("talbot", None),
            ("newsletter-de", Some(Role::News)),
            ("newsome", None),
            ("info", Some(Role::Office)),
            ("anna.smith", None),
            ("emily.deal", None),
            ("tim.daily", None),
            ("daily", Some(Role::News)),
        ] {
            assert_eq!(of_local_part(local), role, "{local}");
        }
    }

    #[test]
    fn mass_hosts_are_labels_below_the_organisation() {
        let host = |text: &str| of_host(&Address::parse(text).unwrap());
        assert_eq!(host("a@news.shop.example"), Some(Role::News));
        assert_eq!(host("a@email2.shop.example"), Some(Role::Marketing));
        for plain in ["a@news.example", "a@mail.shop.example", "a@shop.example"] {
            assert_eq!(host(plain), None, "{plain}");
        }
    }

    #[test]
    fn birthdays_and_telephones_are_no_generated_addresses() {
        for person in ["anna19840312", "123456789", "k.e.miller77", "jean-luc.o-hara"] {
            assert!(!is_generated(person), "{person}");
        }
        for tool in ["1234567a8b9c", "offers.251421602", "a.b.c.d.e"] {
            assert!(is_generated(tool), "{tool}");
        }
    }
}
