//! Mozilla's autoconfig: a small XML page at the address's own domain that names the mail server.
//!
//! <https://www.bucksch.org/1/projects/thunderbird/autoconfiguration/>. Only the domain itself is asked, never a third
//! party. The page comes over HTTPS; one that came in clear is believed only when the server it names is below the
//! address's own domain, since whoever forged it could not show a certificate for that name.

use std::time::Duration;

use quick_xml::Reader;
use quick_xml::events::{BytesStart, Event};

use super::discover::{Found, Origin};
use super::providers::Login;
use crate::config::Tls;
use crate::http;
use crate::sort::sender::Address;

/// How long one page may take.
const LIMIT: Duration = Duration::from_secs(8);

/// The page's path below its base.
const PAGE: &str = "/mail/config-v1.1.xml";

/// Looks the page up: at `base` when one is given (by the user: believed), else at the domain's usual places.
pub fn look_up(address: &Address, base: Option<&str>) -> Option<Found> {
    let domain = address.domain();
    if let Some(base) = base {
        let page = format!("{}{PAGE}?emailaddress={}", base.trim_end_matches('/'), address.as_str());
        return fetch(&page, address);
    }
    let secure = [
        format!("https://autoconfig.{domain}{PAGE}?emailaddress={}", address.as_str()),
        format!(
            "https://{domain}/.well-known/autoconfig{PAGE}?emailaddress={}",
            address.as_str()
        ),
    ];
    if let Some(found) = secure.iter().find_map(|page| fetch(page, address)) {
        return Some(found);
    }
    // The address is left out where everybody on the way can read it.
    fetch(&format!("http://autoconfig.{domain}{PAGE}"), address).filter(|found| found.is_below(domain))
}

fn fetch(page: &str, address: &Address) -> Option<Found> {
    let body = http::get(page, LIMIT).ok()??;
    parse(&String::from_utf8_lossy(&body), address)
}

/// One `<incomingServer>` as far as it has been read.
#[derive(Debug, Default)]
struct Server {
    host: String,
    port: Option<u16>,
    socket: String,
    user: String,
    authentication: Vec<String>,
}

/// The best IMAP server that the page names; `None` when it names none that can be used with encryption.
pub fn parse(page: &str, address: &Address) -> Option<Found> {
    let mut reader = Reader::from_str(page);
    let (mut servers, mut current, mut field) = (Vec::new(), None::<Server>, String::new());
    loop {
        match reader.read_event() {
            Ok(Event::Start(tag)) if is_imap(&tag) => current = Some(Server::default()),
            Ok(Event::Start(tag)) => field = name(&tag),
            Ok(Event::Text(text)) => {
                if let Some(server) = &mut current {
                    server.note(&field, text.xml10_content().trim());
                }
            }
            Ok(Event::End(tag)) => {
                field.clear();
                if tag.local_name().as_ref() == "incomingServer" {
                    servers.extend(current.take());
                }
            }
            Ok(Event::Eof) | Err(_) => break,
            Ok(_) => {}
        }
    }
    let mut found: Vec<Found> = servers.into_iter().filter_map(|server| server.found(address)).collect();
    found.sort_by_key(|found| (found.login == Login::OAuth, found.imap.tls != Tls::Implicit));
    found.into_iter().next()
}

fn name(tag: &BytesStart<'_>) -> String {
    tag.local_name().as_ref().to_owned()
}

fn is_imap(tag: &BytesStart<'_>) -> bool {
    name(tag) == "incomingServer"
        && tag
            .attributes()
            .flatten()
            .any(|attribute| attribute.key.as_ref() == "type" && attribute.value.as_ref().eq_ignore_ascii_case("imap"))
}

impl Server {
    fn note(&mut self, field: &str, text: &str) {
        match field {
            _ if text.is_empty() => {}
            "hostname" => text.clone_into(&mut self.host),
            "port" => self.port = text.parse().ok(),
            "socketType" => self.socket = text.to_ascii_uppercase(),
            "username" => text.clone_into(&mut self.user),
            "authentication" => self.authentication.push(text.to_ascii_lowercase()),
            _ => {}
        }
    }

    fn found(self, address: &Address) -> Option<Found> {
        let tls = match self.socket.as_str() {
            "SSL" | "TLS" => Tls::Implicit,
            "STARTTLS" => Tls::StartTls,
            _ => return None,
        };
        let fill = |text: &str| {
            text.replace("%EMAILADDRESS%", address.as_str())
                .replace("%EMAILLOCALPART%", address.local_part())
                .replace("%EMAILDOMAIN%", address.domain())
        };
        let host = fill(&self.host);
        if host.is_empty()
            || !host
                .chars()
                .all(|c| c.is_alphanumeric() || matches!(c, '-' | '.' | ':'))
        {
            return None;
        }
        let oauth_only = !self.authentication.is_empty() && self.authentication.iter().all(|kind| kind == "oauth2");
        let user = if self.user.is_empty() {
            address.as_str().to_owned()
        } else {
            fill(&self.user)
        };
        let mut found = Found::new(Origin::Autoconfig, &host, self.port, tls, user);
        if oauth_only {
            found.login = Login::OAuth;
        }
        Some(found)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(page: &str) -> Option<Found> {
        parse(page, &Address::parse("alice@example.org").unwrap())
    }

    fn server(kind: &str, host: &str, port: u16, socket: &str, authentication: &str) -> String {
        format!(
            "<incomingServer type=\"{kind}\"><hostname>{host}</hostname><port>{port}</port>\
             <socketType>{socket}</socketType><authentication>{authentication}</authentication>\
             <username>%EMAILLOCALPART%</username></incomingServer>"
        )
    }

    fn page(servers: &str) -> String {
        format!(
            "<?xml version=\"1.0\"?><clientConfig version=\"1.1\"><emailProvider id=\"example.org\">\
             <displayName>Example</displayName>{servers}<outgoingServer type=\"smtp\"><hostname>smtp.example.org\
             </hostname></outgoingServer></emailProvider></clientConfig>"
        )
    }

    #[test]
    fn the_best_imap_server_is_taken() {
        let servers = [
            server("pop3", "pop.example.org", 995, "SSL", "password-cleartext"),
            server("imap", "clear.example.org", 143, "plain", "password-cleartext"),
            server("imap", "oauth.example.org", 993, "SSL", "OAuth2"),
            server("imap", "later.example.org", 143, "STARTTLS", "password-cleartext"),
            server("imap", "imap.%EMAILDOMAIN%", 994, "SSL", "password-cleartext"),
        ];
        let found = read(&page(&servers.concat())).unwrap();
        assert_eq!((found.imap.host.as_str(), found.imap.port), ("imap.example.org", 994));
        assert_eq!((found.imap.user.as_str(), found.imap.tls), ("alice", Tls::Implicit));
    }

    #[test]
    fn what_cannot_be_used_is_not_found() {
        let clear = server("imap", "imap.example.org", 143, "plain", "password-cleartext");
        let odd = server("imap", "imap.example.org/../x", 993, "SSL", "password-cleartext");
        for text in [
            &page(&clear),
            &page(&odd),
            "",
            "<html><body>Not found</body></html>",
            "<clientConfig><inc",
        ] {
            assert!(read(text).is_none(), "{text}");
        }
    }

    #[test]
    fn a_server_that_takes_tokens_only_is_known_as_such() {
        let found = read(&page(&server("imap", "imap.example.org", 993, "SSL", "OAuth2"))).unwrap();
        assert_eq!(found.login, Login::OAuth);
    }
}
