//! Large providers: where their server is, how one logs in, and what to do there first. Facts, one row a provider.
//!
//! A provider is known by the address's domain, or, for mail under the user's own domain, by the host its MX names.
//!
//! Where the facts are from, looked up in November 2026: the providers' own help pages (Zoho: `imappro` for domains of one's
//! own; o2: the letter to a new user), what other programs' public lists of providers say (AOL, Comcast, freenet, GMX,
//! Infomaniak, Migadu, Naver, Riseup, T-Online, Zoho in Europe), and reliability notes of IMAP clients (Gmail, iCloud,
//! Microsoft, Proton Bridge, Yahoo). The other rows are from memory. `init` tests every one of them before it writes anything.

use crate::config::Tls;

/// How one logs in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Login {
    /// The account's own password.
    Password,
    /// A password made for one program, on the provider's page.
    AppPassword,
    /// OAuth 2.0 only.
    OAuth,
    /// There is no IMAP.
    Impossible,
}

/// What the login name is made of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum UserForm {
    /// The whole address.
    Address,
    /// What stands before the @.
    LocalPart,
}

/// One provider.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Provider {
    /// Its name for people.
    pub name: &'static str,
    /// Domains of its addresses; one that ends in `.*` stands for every top-level domain.
    pub domains: &'static [&'static str],
    /// Ends of the names of its MX hosts.
    pub mx: &'static [&'static str],
    /// IMAP host.
    pub host: &'static str,
    /// Port.
    pub port: u16,
    /// Encryption.
    pub tls: Tls,
    /// The login name.
    pub user: UserForm,
    /// How one logs in.
    pub login: Login,
    /// What to do there, one sentence; empty when nothing.
    pub advice: &'static str,
}

const fn plain(
    name: &'static str,
    domains: &'static [&'static str],
    mx: &'static [&'static str],
    host: &'static str,
) -> Provider {
    Provider {
        name,
        domains,
        mx,
        host,
        port: 993,
        tls: Tls::Implicit,
        user: UserForm::Address,
        login: Login::Password,
        advice: "",
    }
}

const fn app(
    name: &'static str,
    domains: &'static [&'static str],
    mx: &'static [&'static str],
    host: &'static str,
    advice: &'static str,
) -> Provider {
    Provider {
        login: Login::AppPassword,
        advice,
        ..plain(name, domains, mx, host)
    }
}

const fn advised(provider: Provider, advice: &'static str) -> Provider {
    Provider { advice, ..provider }
}

const ZOHO: &str = "Switch IMAP on in Zoho mail's settings, under Mail Accounts; with 2-step verification, make an application password.";

/// The table, by name.
pub const PROVIDERS: [Provider; 45] = [
    app(
        "AOL",
        &["aol.*", "aim.com", "verizon.net"],
        &[],
        "imap.aol.com",
        "Make an app password: login.aol.com/account/security, \"Generate app password\".",
    ),
    app(
        "AT&T",
        &["att.net", "sbcglobal.net", "bellsouth.net", "ameritech.net"],
        &[],
        "imap.mail.att.net",
        "Make a secure mail key in your AT&T profile and use it as the password.",
    ),
    advised(
        plain("Comcast", &["comcast.net"], &[], "imap.comcast.net"),
        "Allow third-party access in Xfinity mail's settings, under Security.",
    ),
    plain("Disroot", &["disroot.org"], &[], "disroot.org"),
    app(
        "Fastmail",
        &["fastmail.*", "fastmail.fm", "messagingengine.com", "sent.com"],
        &["messagingengine.com"],
        "imap.fastmail.com",
        "Make an app password for IMAP: app.fastmail.com, Settings, Privacy & Security, Connected apps.",
    ),
    plain("Free", &["free.fr"], &["free.fr"], "imap.free.fr"),
    advised(
        plain("Freenet", &["freenet.de"], &[], "mx.freenet.de"),
        "Allow IMAP in the web mail's settings first.",
    ),
    plain("Gandi", &[], &["mail.gandi.net"], "mail.gandi.net"),
    app(
        "Gmail",
        &["gmail.com", "googlemail.com"],
        &["google.com", "googlemail.com"],
        "imap.gmail.com",
        "Switch on 2-step verification, then make an app password: myaccount.google.com/apppasswords. Workspace accounts without it need OAuth (--oauth google).",
    ),
    advised(
        plain(
            "GMX",
            &[
                "gmx.de", "gmx.net", "gmx.at", "gmx.ch", "gmx.org", "gmx.eu", "gmx.info", "gmx.biz",
            ],
            &["gmx.net"],
            "imap.gmx.net",
        ),
        "Allow POP3 and IMAP in GMX's settings first: E-Mail, Einstellungen, POP3/IMAP Abruf.",
    ),
    advised(
        plain(
            "GMX (international)",
            &["gmx.com", "gmx.us", "gmx.co.uk", "gmx.fr", "gmx.es"],
            &["gmx.com"],
            "imap.gmx.com",
        ),
        "Allow POP3 and IMAP in GMX's settings first.",
    ),
    Provider {
        login: Login::Impossible,
        advice: "HEY has no IMAP; its mail can only be read in its own programs.",
        ..plain("HEY", &["hey.com"], &["hey.com"], "")
    },
    plain("Hostinger", &[], &["hostinger.com"], "imap.hostinger.com"),
    app(
        "iCloud",
        &["icloud.com", "me.com", "mac.com"],
        &["icloud.com"],
        "imap.mail.me.com",
        "Make an app-specific password: account.apple.com, Sign-In and Security.",
    ),
    plain(
        "Infomaniak",
        &["ik.me", "etik.com"],
        &["infomaniak.ch"],
        "mail.infomaniak.com",
    ),
    plain(
        "IONOS",
        &["online.de", "onlinehome.de"],
        &["kundenserver.de", "ionos.de"],
        "imap.ionos.de",
    ),
    plain(
        "IONOS (international)",
        &[],
        &["ionos.com", "1and1.com", "perfora.net"],
        "imap.ionos.com",
    ),
    advised(
        plain("La Poste", &["laposte.net"], &[], "imap.laposte.net"),
        "Allow IMAP in the web mail's settings first.",
    ),
    plain(
        "Libero",
        &["libero.it", "iol.it", "inwind.it"],
        &[],
        "imapmail.libero.it",
    ),
    app(
        "Mail.ru",
        &["mail.ru", "inbox.ru", "list.ru", "bk.ru"],
        &[],
        "imap.mail.ru",
        "Make a password for external programs in the account's security settings.",
    ),
    plain("mailbox.org", &["mailbox.org"], &["mailbox.org"], "imap.mailbox.org"),
    plain(
        "Mailfence",
        &["mailfence.com"],
        &["mailfence.com"],
        "imap.mailfence.com",
    ),
    Provider {
        login: Login::OAuth,
        advice: "Microsoft takes no passwords for IMAP; say --oauth microsoft and your client id.",
        ..plain(
            "Microsoft Outlook",
            &["outlook.*", "hotmail.*", "live.*", "msn.com"],
            &["outlook.com"],
            "outlook.office365.com",
        )
    },
    plain("Migadu", &[], &["migadu.com"], "imap.migadu.com"),
    Provider {
        user: UserForm::LocalPart,
        ..app(
            "Naver",
            &["naver.com"],
            &[],
            "imap.naver.com",
            "Switch IMAP on in Naver mail's settings; with 2-step verification, make an application password.",
        )
    },
    plain(
        "o2 (Poland)",
        &["o2.pl", "go2.pl", "tlen.pl", "prokonto.pl"],
        &[],
        "poczta.o2.pl",
    ),
    plain("Orange", &["orange.fr", "wanadoo.fr"], &["orange.fr"], "imap.orange.fr"),
    plain("OVH", &[], &["mail.ovh.net"], "ssl0.ovh.net"),
    plain("Posteo", &["posteo.*"], &["posteo.de"], "posteo.de"),
    Provider {
        port: 1143,
        tls: Tls::StartTls,
        advice: "Proton is reached through Proton Bridge on this machine; use the password the Bridge shows, and export its certificate for --ca-file.",
        ..plain(
            "Proton",
            &["proton.me", "protonmail.com", "protonmail.ch", "pm.me"],
            &["protonmail.ch"],
            "127.0.0.1",
        )
    },
    app(
        "QQ",
        &["qq.com", "foxmail.com"],
        &["qq.com"],
        "imap.qq.com",
        "Switch IMAP on in QQ mail's settings; the authorisation code it shows is the password.",
    ),
    plain("Rackspace", &[], &["emailsrvr.com"], "secure.emailsrvr.com"),
    Provider {
        user: UserForm::LocalPart,
        ..plain("Riseup", &["riseup.net"], &[], "mail.riseup.net")
    },
    plain("Runbox", &["runbox.com"], &["runbox.com"], "mail.runbox.com"),
    plain("Seznam", &["seznam.cz", "email.cz"], &["seznam.cz"], "imap.seznam.cz"),
    app(
        "StartMail",
        &["startmail.com"],
        &["startmail.com"],
        "imap.startmail.com",
        "Make a device password in StartMail's settings, under IMAP.",
    ),
    advised(
        plain(
            "T-Online",
            &["t-online.de", "magenta.de"],
            &[],
            "secureimap.t-online.de",
        ),
        "Set an e-mail password for programs in the Kundencenter first; it is not the login's.",
    ),
    Provider {
        login: Login::Impossible,
        advice: "Tuta has no IMAP; its mail can only be read in its own programs.",
        ..plain(
            "Tuta",
            &["tuta.com", "tutanota.com", "tutanota.de", "tutamail.com", "keemail.me"],
            &["tutanota.de"],
            "",
        )
    },
    advised(
        plain("WEB.DE", &["web.de"], &[], "imap.web.de"),
        "Allow POP3 and IMAP in WEB.DE's settings first: E-Mail, Einstellungen, POP3/IMAP Abruf.",
    ),
    plain("WP", &["wp.pl"], &[], "imap.wp.pl"),
    app(
        "Yahoo",
        &["yahoo.*", "ymail.com", "rocketmail.com"],
        &["yahoodns.net"],
        "imap.mail.yahoo.com",
        "Make an app password: login.yahoo.com/account/security, \"Generate app password\".",
    ),
    app(
        "Yandex",
        &["yandex.*", "ya.ru"],
        &["yandex.net", "yandex.ru"],
        "imap.yandex.com",
        "Switch IMAP on in Yandex mail's settings and make an app password: id.yandex.com/security.",
    ),
    advised(plain("Zoho", &["zoho.com", "zohomail.com"], &[], "imap.zoho.com"), ZOHO),
    advised(
        plain("Zoho (Europe)", &["zoho.eu", "zohomail.eu"], &[], "imap.zoho.eu"),
        ZOHO,
    ),
    advised(plain("Zoho (own domain)", &[], &["zoho.com"], "imappro.zoho.com"), ZOHO),
];

/// The provider that a domain belongs to.
pub fn by_domain(domain: &str) -> Option<&'static Provider> {
    let domain = domain.to_ascii_lowercase();
    let named = |pattern: &str| match pattern.strip_suffix(".*") {
        // `yahoo.co.uk` is one of theirs, `yahoo.example.com` is not.
        Some(name) => domain
            .strip_prefix(name)
            .and_then(|rest| rest.strip_prefix('.'))
            .is_some_and(|rest| matches!(rest.split('.').collect::<Vec<_>>().as_slice(), [_] | ["co" | "com", _])),
        None => domain == pattern,
    };
    PROVIDERS
        .iter()
        .find(|provider| provider.domains.iter().any(|pattern| named(pattern)))
}

/// The provider that receives the mail of a domain whose MX is this host.
pub fn by_mx(host: &str) -> Option<&'static Provider> {
    let host = host.trim_end_matches('.').to_ascii_lowercase();
    let below = |end: &str| {
        host.strip_suffix(end)
            .is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
    };
    PROVIDERS
        .iter()
        .find(|provider| provider.mx.iter().any(|end| below(end)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_provider_is_known_by_its_domains() {
        let name = |domain| by_domain(domain).map(|provider| provider.name);
        assert_eq!(name("GMail.com"), Some("Gmail"));
        assert_eq!(name("yahoo.co.uk"), Some("Yahoo"));
        assert_eq!(name("hotmail.fr"), Some("Microsoft Outlook"));
        assert_eq!(name("yahoo.example.com"), None);
        assert_eq!(name("notgmail.com"), None);
        assert_eq!(name("example.org"), None);
    }

    #[test]
    fn a_domain_of_ones_own_is_known_by_its_mx() {
        let name = |host| by_mx(host).map(|provider| provider.name);
        assert_eq!(name("aspmx.l.google.com."), Some("Gmail"));
        assert_eq!(
            name("example-org.mail.protection.outlook.com"),
            Some("Microsoft Outlook")
        );
        assert_eq!(by_mx("mx.zoho.com").unwrap().host, "imappro.zoho.com");
        assert_eq!(name("in1-smtp.messagingengine.com"), Some("Fastmail"));
        assert_eq!(name("mail.notgoogle.com"), None);
    }

    #[test]
    fn every_row_is_of_use() {
        for provider in &PROVIDERS {
            assert!(
                !(provider.domains.is_empty() && provider.mx.is_empty()),
                "{}",
                provider.name
            );
            assert_eq!(
                provider.host.is_empty(),
                provider.login == Login::Impossible,
                "{}",
                provider.name
            );
            let silent = matches!(provider.login, Login::Password);
            assert!(
                silent || !provider.advice.is_empty(),
                "{} does not say what to do",
                provider.name
            );
        }
        let names: Vec<_> = PROVIDERS.iter().map(|provider| provider.name.to_lowercase()).collect();
        assert!(names.is_sorted(), "{names:?}");
    }
}
