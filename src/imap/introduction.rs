//! What a session begins with: the program names itself (ID, RFC 2971) and asks for the namespace (RFC 2342). Whoever will
//! want the account's folders and INBOX next has them asked for in the same flight.
//!
//! Commands go together only where none hangs on the result of another and no answer can be taken for another's (RFC 9051
//! section 5.5): LIST of everything and SELECT INBOX need no prefix and no separator. That much is asked only of servers
//! with NAMESPACE and LIST-EXTENDED (RFC 5258), which are none of those that lose what comes behind a command; of the others, and
//! wherever an answer is not what it should be, each command is asked alone when its time comes.

use async_imap::imap_proto::{MailboxDatum, Response};

use super::completion::Verdict;
use super::error::ImapError;
use super::folders::{Names, quote, unquoted};
use super::listing::{Listed, list_options};
use super::opening::{Opening, verb};
use super::reply::Pending;
use super::selected::Access;
use super::session::Session;
use crate::sort::mailbox::Mailbox;

impl Session {
    /// Says who we are and asks how folders are named; without NAMESPACE a LIST of nothing tells at least the separator (RFC
    /// 3501 section 6.3.8). With `inbox` also lists the folders and opens INBOX so. A server that refuses any of it is a
    /// server all the same.
    pub(super) async fn introduce(&mut self, inbox: Option<Access>) -> Result<(), ImapError> {
        let offered = self.capabilities();
        let (id, namespace, utf8) = (offered.id, offered.namespace, offered.rev2_only);
        let inbox = inbox.filter(|_| namespace && offered.list_extended);
        let everything = format!("LIST \"\" \"*\"{}", list_options(offered));
        let wire = self.wire();
        let mut sent = Vec::new();
        if id {
            let version = quote(env!("CARGO_PKG_VERSION"));
            sent.push(wire.begin("ID", &format!("ID (\"name\" \"postroom\" \"version\" {version})"))?);
        }
        sent.push(if namespace {
            wire.begin("NAMESPACE", "NAMESPACE")?
        } else {
            wire.begin("LIST", "LIST \"\" \"\"")?
        });
        let ahead = match inbox {
            Some(access) => {
                let list = wire.begin("LIST", &everything)?;
                let name = verb(access);
                Some((access, list, wire.begin(name, &format!("{name} \"INBOX\""))?))
            }
            None => None,
        };
        wire.push("NAMESPACE").await?;
        let (mut separator, mut listed) = (None, Listed::default());
        for pending in sent {
            let answer = self.finish(pending, |response| {
                listed.note(response);
                if let Response::MailboxData(MailboxDatum::List(entry)) = response {
                    let delimiter = entry.delimiter.as_deref();
                    separator = delimiter.and_then(|delimiter| unquoted(delimiter).chars().next());
                }
            });
            answer.await?;
        }
        if let Some((access, list, open)) = ahead {
            let answer = self.finish(list, |response| listed.note(response)).await?;
            self.listed_ahead = Some(listed).filter(|_| answer.verdict == Verdict::Ok);
            self.open_ahead(access, open).await?;
        }
        self.memory.names = Names::new(&self.take_raw(), separator).in_utf8(utf8);
        Ok(())
    }

    /// Reads the answer to SELECT INBOX. It counts only where it stands whole behind the answers to the commands before it: a
    /// number that may be news would be taken for the state of the folder.
    async fn open_ahead(&mut self, access: Access, open: Pending) -> Result<(), ImapError> {
        let mut opening = Opening::default();
        let answer = self.finish(open, |response| opening.note(response)).await?;
        if answer.verdict != Verdict::Ok || !opening.is_whole() {
            return Ok(());
        }
        if let Some(selected) = opening.selected(&Mailbox::inbox(), access, &answer) {
            self.memory.opened(selected);
            self.memory.opened_ahead = Some(access);
        }
        Ok(())
    }
}
