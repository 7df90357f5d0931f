//! Headers on their way while others are read and decided: at most two windows at a time, and behind the last of them a
//! question for news of the folder.

use std::collections::{BTreeMap, VecDeque};

use super::{Fetched, WINDOW, complete, described, is_made_up, nothing_selected};
use crate::imap::bounds;
use crate::imap::error::ImapError;
use crate::imap::reply::Pending;
use crate::imap::session::{CAUTIOUS_SET, Session};
use crate::imap::uid_set;
use crate::sort::mailbox::Uid;

/// Windows on their way at a time.
const IN_FLIGHT: usize = 2;

/// Headers that were asked for, and as many of them as have come.
#[derive(Debug)]
pub(in crate::imap) struct Ahead {
    uids: Vec<Uid>,
    items: String,
    /// UID sets of the windows that are still to be asked for.
    unasked: VecDeque<String>,
    /// The commands on their way, in order.
    asked: VecDeque<Pending>,
    /// Asks for news of the folder behind the last window: some servers tell of them with no FETCH.
    news: News,
    found: BTreeMap<Uid, Fetched>,
    /// Octets of header held.
    octets: usize,
    /// The first refusal; it is for whoever wants the headers, not for the command that happened to come next.
    refused: Option<ImapError>,
}

/// A NOOP (RFC 9051 section 6.1.2) that goes with the windows.
#[derive(Debug)]
enum News {
    NotWanted,
    Wanted,
    Asked(Pending),
}

impl Ahead {
    /// Keeps a message that was asked for.
    fn keep(&mut self, mut message: Fetched) {
        if self.uids.binary_search(&message.uid).is_ok() {
            bounds::shorten(&mut message, &mut self.octets);
            self.found.insert(message.uid, message);
        }
    }
}

impl Session {
    /// Flags, size, date, identity and the named header fields of `uids` (ascending), in their order; messages that are
    /// gone are left out. `fields` are names as in [`crate::sort::message::FIELDS`]; ask for the same list every time,
    /// so that the server's header cache can answer. What [`Session::ask_ahead`] has asked for is only read.
    pub async fn headers(&mut self, uids: &[Uid], fields: &[String]) -> Result<Vec<Fetched>, ImapError> {
        if self.ahead.as_ref().is_none_or(|ahead| ahead.uids != uids) {
            self.ask(uids, fields, News::NotWanted).await?;
        }
        self.settle().await?;
        match self.ahead.take() {
            Some(Ahead {
                refused: Some(error), ..
            }) => Err(error),
            Some(Ahead { found, .. }) => Ok(found.into_values().filter(|message| !is_made_up(message)).collect()),
            None => Ok(Vec::new()),
        }
    }

    /// Asks for what [`Session::headers`] will be asked for next, so that it is on its way meanwhile. Any other command
    /// that comes first waits until the answers are in, and leaves them for `headers`. What has arrived until then is in
    /// [`Session::take_arrivals`], at the cost of no flight.
    pub async fn ask_ahead(&mut self, uids: &[Uid], fields: &[String]) -> Result<(), ImapError> {
        self.ask(uids, fields, News::Wanted).await
    }

    async fn ask(&mut self, uids: &[Uid], fields: &[String], news: News) -> Result<(), ImapError> {
        if self.selected().is_none() {
            return Err(nothing_selected());
        }
        self.settle().await?;
        let windows = uid_set::cut(uids, CAUTIOUS_SET, WINDOW);
        self.ahead = Some(Ahead {
            uids: uids.to_vec(),
            items: self.items(fields),
            unasked: windows.into_iter().map(|(set, _)| set).collect(),
            asked: VecDeque::new(),
            news,
            found: BTreeMap::new(),
            octets: 0,
            refused: None,
        });
        self.ask_more().await
    }

    /// Keeps at most [`IN_FLIGHT`] windows on their way: with more, both sides might wait to be read by the other.
    async fn ask_more(&mut self) -> Result<(), ImapError> {
        let Self { wire, ahead, .. } = self;
        let Some(ahead) = ahead else { return Ok(()) };
        let mut begun = false;
        while ahead.asked.len() < IN_FLIGHT {
            let Some(set) = ahead.unasked.pop_front() else { break };
            let body = format!("UID FETCH {set} {}", ahead.items);
            ahead.asked.push_back(wire.begin("UID FETCH", &body)?);
            begun = true;
        }
        if ahead.unasked.is_empty() && matches!(ahead.news, News::Wanted) {
            ahead.news = News::Asked(wire.begin("NOOP", "NOOP")?);
            begun = true;
        }
        if begun {
            wire.push("UID FETCH").await?;
        }
        Ok(())
    }

    /// Reads every answer that is still on its way, so that the next command meets only its own.
    pub async fn settle(&mut self) -> Result<(), ImapError> {
        while let Some(pending) = self.ahead.as_mut().and_then(|ahead| ahead.asked.pop_front()) {
            let Self {
                wire, memory, ahead, ..
            } = self;
            let answer = wire.finish(pending, |response| {
                memory.observe(response);
                if let Some(ahead) = ahead {
                    // Dovecot answers two FETCHes in one go, before the first is tagged.
                    described(response).for_each(|(_, message)| ahead.keep(message));
                }
            });
            match (answer.await.and_then(complete), &mut self.ahead) {
                (Ok(()), _) => self.ask_more().await?,
                (Err(error), Some(ahead)) if !error.ends_connection() => {
                    ahead.unasked.clear();
                    ahead.refused.get_or_insert(error);
                }
                (Err(error), _) => return Err(error),
            }
        }
        self.hear_news().await
    }

    async fn hear_news(&mut self) -> Result<(), ImapError> {
        let Self {
            wire, memory, ahead, ..
        } = self;
        let asked = ahead
            .as_mut()
            .map(|ahead| std::mem::replace(&mut ahead.news, News::NotWanted));
        match asked {
            Some(News::Asked(pending)) => {
                // Whatever it says to the NOOP itself, what it told before has been heard.
                wire.finish(pending, |response| memory.observe(response)).await?;
                Ok(())
            }
            _ => Ok(()),
        }
    }
}
