//! NOTIFY (RFC 5465), as much of it as a client needs that watches several folders over one connection: for folders that
//! are not selected, a STATUS line when something arrives or goes.
//!
//! What happens in the selected folder is told as always; events other than arrivals and removals are accepted and
//! never sent.

use std::collections::BTreeMap;

use super::answer::{Answer, string, untagged};
use super::mailbox::{Account, Folder};
use super::names;
use super::options::ServerOptions;
use super::scanner::{Scan, Scanner};
use super::session::Session;

/// Which folders a client wants to be told about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Watched {
    /// The selected one, which needs no further word.
    Selected,
    /// Every folder of the user.
    Personal,
    /// Only the inbox.
    Inboxes,
    /// The subscribed ones.
    Subscribed,
    /// These, by their names on the wire.
    Mailboxes(Vec<String>),
    /// These and what is below them.
    Subtree(Vec<String>),
}

/// What a NOTIFY asks for; no groups at all for `NOTIFY NONE`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Notify {
    /// Whether a STATUS line of every watched folder comes at once.
    pub(super) status: bool,
    /// The groups with any event.
    pub(super) groups: Vec<Watched>,
}

/// Reads everything behind `NOTIFY `.
pub(super) fn notify(scanner: &mut Scanner<'_>) -> Scan<Notify> {
    match scanner.word()?.as_str() {
        "NONE" => return Ok(Notify::default()),
        "SET" => {}
        _ => return Err("NOTIFY is followed by SET or NONE".to_owned()),
    }
    let mut notify = Notify::default();
    scanner.space()?;
    if scanner.peek() != Some(b'(') {
        if scanner.word()? != "STATUS" {
            return Err("expected STATUS or a group of folders".to_owned());
        }
        notify.status = true;
        scanner.space()?;
    }
    loop {
        notify.groups.extend(group(scanner)?);
        if !scanner.skip(b' ') {
            return Ok(notify);
        }
    }
}

/// `(mailboxes (a b) (MessageNew MessageExpunge))`; nothing when no event is asked for.
fn group(scanner: &mut Scanner<'_>) -> Scan<Option<Watched>> {
    scanner.expect(b'(')?;
    let watched = match scanner.word()?.as_str() {
        "SELECTED" | "SELECTED-DELAYED" => Watched::Selected,
        "PERSONAL" => Watched::Personal,
        "INBOXES" => Watched::Inboxes,
        "SUBSCRIBED" => Watched::Subscribed,
        "MAILBOXES" => Watched::Mailboxes(one_or_many(scanner)?),
        "SUBTREE" => Watched::Subtree(one_or_many(scanner)?),
        word => return Err(format!("{word} is no group of folders")),
    };
    scanner.space()?;
    let events = if scanner.peek() == Some(b'(') {
        scanner.list(event)?.len()
    } else if scanner.word()? == "NONE" {
        0
    } else {
        return Err("expected a list of events or NONE".to_owned());
    };
    scanner.expect(b')')?;
    Ok((events > 0).then_some(watched))
}

fn one_or_many(scanner: &mut Scanner<'_>) -> Scan<Vec<String>> {
    scanner.space()?;
    if scanner.peek() == Some(b'(') {
        scanner.list(Scanner::string)
    } else {
        Ok(vec![scanner.string()?])
    }
}

/// An event, or the fetch items that may follow MessageNew and are not sent here.
fn event(scanner: &mut Scanner<'_>) -> Scan<()> {
    if scanner.peek() == Some(b'(') {
        scanner.list(Scanner::word).map(drop)
    } else {
        scanner.word().map(drop)
    }
}

/// What a session watches, and what it has been told.
#[derive(Debug, Default)]
pub(super) struct Watch {
    groups: Vec<Watched>,
    /// Number of messages and next UID, by the folder's id.
    told: BTreeMap<u64, (usize, u32)>,
}

impl Watch {
    fn wants(&self, options: &ServerOptions, name: &str, folder: &Folder) -> bool {
        let named = |wire: &String| names::from_wire(options, wire).ok();
        self.groups.iter().any(|group| match group {
            Watched::Selected => false,
            Watched::Personal => true,
            Watched::Inboxes => name == "INBOX",
            Watched::Subscribed => folder.subscribed,
            Watched::Mailboxes(list) => list.iter().filter_map(named).any(|listed| listed == name),
            Watched::Subtree(list) => list.iter().filter_map(named).any(|top| {
                name.strip_prefix(top.as_str())
                    .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
            }),
        })
    }

    /// Tells of every watched folder but the selected one in which messages have come or gone since last time.
    pub(super) fn report(
        &mut self,
        options: &ServerOptions,
        account: &Account,
        selected: Option<u64>,
        out: &mut Vec<u8>,
    ) {
        if self.groups.is_empty() {
            return;
        }
        for (name, folder) in &account.folders {
            if Some(folder.id) == selected || !self.wants(options, name, folder) {
                continue;
            }
            let now = (folder.messages().len(), folder.uid_next.0);
            if self.told.insert(folder.id, now) != Some(now) {
                let wire = string(&names::to_wire(options, name));
                let (messages, next, validity) = (now.0, now.1, folder.uid_validity);
                untagged(
                    out,
                    &format!("STATUS {wire} (MESSAGES {messages} UIDNEXT {next} UIDVALIDITY {validity})"),
                );
            }
        }
    }

    /// Takes the present state as told.
    fn know(&mut self, options: &ServerOptions, account: &Account) {
        self.report(options, account, None, &mut Vec::new());
    }
}

impl Session {
    pub(super) fn notify(&mut self, notify: Notify) -> Answer {
        let mut watch = Watch {
            groups: notify.groups,
            told: BTreeMap::new(),
        };
        if !notify.status {
            self.shared.read(|state| {
                if let Some(account) = state.store.account(self.user()) {
                    watch.know(&self.shared.options, account);
                }
            });
        }
        // What is not known yet comes with the report that every answer ends with.
        self.watch = watch;
        Answer::ok("NOTIFY completed.")
    }
}
