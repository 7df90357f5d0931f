//! A sorter with nothing behind it, and mail that arrives for it: for tests of verdicts, which need no server.
//!
//! No part of the rig, which shares no code with `src/`: included by its path where it is needed.

use std::collections::BTreeMap;

use postroom::sort::correspondence::{Learning, Tally};
use postroom::sort::folders::Folders;
use postroom::sort::ledger::Mid;
use postroom::sort::mailbox::{Location, Mailbox, Timestamp, Uid, UidValidity};
use postroom::sort::message::Message;
use postroom::sort::sender::{Address, Owner};
use postroom::sort::{Arrival, Settings};

/// The account `home` of that address, which sorts into the usual folders; its provider's authserv-id when it is known.
pub fn settings(own: &str, authserv_id: Option<&str>) -> Settings {
    Settings {
        account: "home".to_owned(),
        owner: Owner::new(Address::parse(own).into_iter().collect()),
        folders: Folders::default(),
        learning: Learning::default(),
        authserv_id: authserv_id.map(str::to_owned),
        moves: true,
        special_use: BTreeMap::new(),
    }
}

/// A message of one octet that arrives in INBOX, met for the first time.
pub fn arrival(message: Message, arrived: Option<Timestamp>) -> Arrival {
    Arrival {
        mid: Mid::fingerprint(message.fingerprint(1)),
        message,
        location: Location {
            mailbox: Mailbox::inbox(),
            uid_validity: UidValidity(1),
            uid: Uid(1),
        },
        size: 1,
        arrived,
        utc_offset: 0,
        flags: Vec::new(),
        attachments: None,
        history: Vec::new(),
    }
}

/// So many people, to each of whom the user wrote once, at that time: `person.number7@company7.example`.
#[allow(dead_code)] // not every test that includes this file needs a crowd
pub fn correspondents(count: u32, at: Timestamp) -> impl Iterator<Item = (Address, Tally)> {
    (0..count).filter_map(move |number| {
        let address = Address::parse(&format!("person.number{number}@company{}.example", number % 9_973))?;
        let tally = Tally {
            sent: 1.0,
            sent_count: 1,
            as_of: at,
            last_sent: Some(at),
            ..Tally::default()
        };
        Some((address, tally))
    })
}
