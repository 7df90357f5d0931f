//! A sorter with nothing behind it, and mail that arrives for it: for tests of verdicts, which need no server.
//!
//! No part of the rig, which shares no code with `src/`: included by its path where it is needed.

use std::collections::BTreeMap;

use postroom::sort::correspondence::Learning;
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
