//! How a password reaches a server: proven by SCRAM-SHA-256 where offered, else sent, and only once. Dovecot with three ways
//! of keeping passwords, Cyrus, and a server that is not what it says.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::string_slice
)]

mod support;

use support::{Account, Cyrus, Dovecot, Home, Proxy, Ways};

fn logins(proxy: &Proxy) -> Vec<String> {
    let commands = proxy.commands().into_iter().map(|command| command.text);
    commands
        .filter(|command| command.starts_with("AUTHENTICATE") || command.starts_with("LOGIN"))
        .collect()
}

/// One run with the right password and one with a wrong one; the logins of each.
fn tried(port: u16) -> [Vec<String>; 2] {
    ["secret", "wrong"].map(|password| {
        let proxy = Proxy::to(port).start();
        let home = Home::new(&[Account::new("home", proxy.port).password(password)]);
        let run = home.run_once();
        assert_eq!(
            run.code,
            Some(if password == "secret" { 0 } else { 77 }),
            "{}",
            run.text()
        );
        proxy.assert_clean();
        logins(&proxy)
    })
}

#[test]
fn dovecot_scram_proves_the_password_without_sending_it() {
    for scheme in ["SCRAM-SHA-256", "PLAIN"] {
        let Some(server) = Dovecot::new().scram(scheme).start() else {
            return;
        };
        let [right, wrong] = tried(server.port);
        assert_eq!(right, ["AUTHENTICATE SCRAM-SHA-256"], "{scheme}");
        assert_eq!(
            wrong,
            ["AUTHENTICATE SCRAM-SHA-256"],
            "{scheme}: a wrong password was tried twice"
        );
    }
}

#[test]
fn dovecot_scram_without_initial_response() {
    let Some(server) = Dovecot::new().scram("SCRAM-SHA-256").start() else {
        return;
    };
    let proxy = Proxy::to(server.port).hide(&["SASL-IR"]).start();
    Home::new(&[Account::new("home", proxy.port)]).run_once().expect_code(0);
    assert_eq!(logins(&proxy), ["AUTHENTICATE SCRAM-SHA-256"]);
}

/// SCRAM is offered and the passwords are kept in another way, so nothing can be proven: the password is sent, once.
#[test]
fn dovecot_scram_that_cannot_work_falls_back() {
    let Some(server) = Dovecot::new().scram("SSHA256").start() else {
        return;
    };
    for logins in tried(server.port) {
        assert_eq!(logins, ["AUTHENTICATE SCRAM-SHA-256", "AUTHENTICATE PLAIN"]);
    }
}

#[test]
fn cyrus_scram() {
    let Some(server) = Cyrus::new().scram().start() else {
        return;
    };
    for logins in tried(server.port) {
        assert_eq!(logins, ["AUTHENTICATE SCRAM-SHA-256"]);
    }
}

/// A server that says OK without its own proof does not know the password, and is not the one we mean.
#[test]
fn a_server_that_proves_nothing_is_not_believed() {
    let ways = Ways {
        greeting: "OK [CAPABILITY IMAP4rev1 AUTH=SCRAM-SHA-256 AUTH=PLAIN SASL-IR] ready",
        ..Ways::default()
    };
    let server = ways.start();
    let run = Home::new(&[Account::new("home", server.port)]).run_once();
    assert_eq!(run.code, Some(69), "{}", run.text());
    assert!(
        run.text().contains("without proving that it knows the password"),
        "{}",
        run.text()
    );
    assert_eq!(server.heard(), ["AUTHENTICATE"]);
}
