//! From an address to a server: the list of large providers, the domain's autoconfig page, its SRV records (RFC 6186), the
//! provider its MX names, and last the names that hosts usually have.

use std::time::Duration;

use super::dns::Resolver;
use super::providers::{Login, Provider, UserForm, by_domain, by_mx};
use super::{autoconfig, providers};
use crate::config::{Imap, Secret, Tls};
use crate::daemon::access;
use crate::sort::sender::Address;

/// Where an answer came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Origin {
    /// The list in this program.
    Provider(&'static Provider),
    /// The domain's autoconfig page.
    Autoconfig,
    /// The domain's SRV records.
    Service,
    /// The usual names, tried one after the other.
    Guess,
    /// The command line.
    Told,
}

/// A server, and why we think so.
#[derive(Debug, Clone)]
pub struct Found {
    /// How to reach it; its secret is still empty.
    pub imap: Imap,
    /// Where this came from.
    pub origin: Origin,
    /// How one logs in.
    pub login: Login,
    /// False when nothing vouches for it but an unsigned answer of the domain name system: the user must agree.
    pub vouched: bool,
}

impl Found {
    /// A server reached by password, at the usual port when none is given.
    pub fn new(origin: Origin, host: &str, port: Option<u16>, tls: Tls, user: String) -> Self {
        let imap = Imap {
            host: host.to_owned(),
            port: port.unwrap_or(if tls == Tls::Implicit { 993 } else { 143 }),
            tls,
            ca_file: None,
            user,
            secret: Secret::PasswordFile("secret".into()),
            poll: Duration::from_secs(30),
            settle: Duration::from_mins(1),
            idle: Vec::new(),
        };
        Self {
            imap,
            origin,
            login: Login::Password,
            vouched: true,
        }
    }

    fn of_provider(provider: &'static Provider, address: &Address) -> Self {
        let user = match provider.user {
            UserForm::Address => address.as_str(),
            UserForm::LocalPart => address.local_part(),
        };
        let origin = Origin::Provider(provider);
        let mut found = Self::new(
            origin,
            provider.host,
            Some(provider.port),
            provider.tls,
            user.to_owned(),
        );
        found.login = provider.login;
        found
    }

    /// True when the host is the domain or below it.
    pub fn is_below(&self, domain: &str) -> bool {
        let host = self.imap.host.to_ascii_lowercase();
        host.strip_suffix(&domain.to_ascii_lowercase())
            .is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
    }

    /// What was found, one sentence.
    pub fn sentence(&self) -> String {
        let Imap {
            host, port, tls, user, ..
        } = &self.imap;
        let tls = match tls {
            Tls::Implicit => "TLS",
            Tls::StartTls => "STARTTLS",
            Tls::None => "no encryption",
        };
        let why = match self.origin {
            Origin::Provider(provider) => format!("this is {}", provider.name),
            Origin::Autoconfig => "the domain's autoconfig page says so".to_owned(),
            Origin::Service => "the domain's SRV records say so".to_owned(),
            Origin::Guess => "it answers at the usual name".to_owned(),
            Origin::Told => "you said so".to_owned(),
        };
        format!("{host}, port {port}, {tls}, as {user}: {why}")
    }
}

/// Where to ask; tests point everything at this machine.
#[derive(Debug, Clone, Default)]
pub struct Sources {
    /// Base of the autoconfig page instead of the domain's own places; `off` asks none.
    pub autoconfig: Option<String>,
    /// Who answers questions about names instead of the system's server.
    pub resolver: Option<Resolver>,
}

/// Finds the server of an address. `None` when nothing answers.
pub async fn discover(address: &Address, sources: &Sources) -> Option<Found> {
    if let Some(provider) = by_domain(address.domain()) {
        return Some(Found::of_provider(provider, address));
    }
    let (asked, told) = (address.clone(), sources.clone());
    // HTTP and the questions about names block.
    let said = tokio::task::spawn_blocking(move || {
        let page = match told.autoconfig.as_deref() {
            Some("off") => None,
            base => autoconfig::look_up(&asked, base),
        };
        page.or_else(|| by_names(&asked, told.resolver))
    });
    match said.await.ok().flatten() {
        Some(found) => Some(found),
        None => guess(address).await,
    }
}

fn by_names(address: &Address, told: Option<Resolver>) -> Option<Found> {
    let resolver = told.or_else(Resolver::of_system)?;
    let domain = address.domain();
    for (service, tls) in [("_imaps._tcp", Tls::Implicit), ("_imap._tcp", Tls::StartTls)] {
        let offered = resolver.services(&format!("{service}.{domain}"));
        if let Some(best) = offered.into_iter().find(|service| service.target != ".") {
            let user = address.as_str().to_owned();
            let mut found = Found::new(Origin::Service, &best.target, Some(best.port), tls, user);
            // RFC 6186 section 6: another domain's host is to be confirmed by the user.
            found.vouched = told.is_some() || found.is_below(domain);
            return Some(found);
        }
    }
    // The name comes from our list, so a forged MX can send us to a large provider at worst.
    let provider = resolver.mail_hosts(domain).iter().find_map(|host| by_mx(host))?;
    Some(Found::of_provider(provider, address))
}

/// Knocks at the usual names until one greets with a valid certificate.
async fn guess(address: &Address) -> Option<Found> {
    let domain = address.domain();
    let usual = [
        ("imap", Tls::Implicit),
        ("mail", Tls::Implicit),
        ("imap", Tls::StartTls),
        ("mail", Tls::StartTls),
    ];
    for (name, tls) in usual {
        let user = address.as_str().to_owned();
        let found = Found::new(Origin::Guess, &format!("{name}.{domain}"), None, tls, user);
        let knock = tokio::time::timeout(Duration::from_secs(8), access::greet(&found.imap));
        if matches!(knock.await, Ok(Ok(_))) {
            return Some(found);
        }
    }
    None
}

/// What to do at the provider before a login can work; empty when nothing is known.
pub fn advice(found: &Found) -> &'static str {
    match found.origin {
        Origin::Provider(provider) => provider.advice,
        _ => providers::by_mx(&found.imap.host).map_or("", |provider| provider.advice),
    }
}
