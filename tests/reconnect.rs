//! What it costs to come back to an account whose folders are large: the rounds and octets of a cold reconnect, counted by
//! the proxy. Speed is not asserted; what is said on the wire is.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::string_slice
)]

mod support;

use support::{Account, Dovecot, Home, Letter, Proxy, eventually};

/// Messages in INBOX.
const MESSAGES: usize = 10_000;

#[test]
fn a_cold_reconnect_to_a_large_folder_reads_nothing_again() {
    let Some(server) = Dovecot::new().start() else { return };
    let letters: Vec<Vec<u8>> = (0..MESSAGES)
        .map(|number| Letter::from(&format!("Person {number} <person{number}@letter.example>")).bytes())
        .collect();
    server.fill("alice", "INBOX", letters.iter().map(Vec::as_slice));
    let proxy = Proxy::to(server.port).start();
    let home = Home::new(&[Account::new("home", proxy.port)]);
    let mut daemon = home.start();
    daemon.wait_line("watching");
    proxy.wait_for("IDLE", 1);
    let before = (proxy.flights(), proxy.bytes(), proxy.commands().len());
    proxy.drop_all();
    eventually("the second visit", || {
        (daemon.count_lines("watching") == 2).then_some(())
    });
    proxy.wait_for("IDLE", 2);
    let (flights, (up, down)) = (proxy.flights() - before.0, proxy.bytes());
    let octets = up - before.1.0 + down - before.1.1;
    println!("{flights} flights, {octets} octets, login included");
    let said: Vec<String> = proxy
        .commands()
        .split_off(before.2)
        .into_iter()
        .map(|command| command.text)
        .collect();
    let count = |start: &str| said.iter().filter(|command| command.starts_with(start)).count();
    // UIDNEXT and UIDVALIDITY in the answer to SELECT tell that nothing is new: one round, whatever the folder holds.
    assert_eq!(
        (count("SELECT"), count("EXAMINE"), count("UID")),
        (1, 0, 0),
        "{said:#?}"
    );
    assert!(octets <= 5 * 1024 && flights <= 10, "{said:#?}");
    daemon.terminate();
    proxy.assert_clean();
}
