//! The strict reader: commands out, responses in, and nothing is a success but the tagged OK of the command itself.
//!
//! async-imap serves as transport, buffer and parser below; its own commands are not used, because they report a lost
//! connection, NO and BAD as an empty success. Commands are written here in one piece (one TLS record), also so that a
//! login never passes async-imap's trace log. Every wait has a limit. A fault of the connection poisons the [`Wire`]:
//! nothing more is sent on it. So does a command whose future was dropped half way.

use std::fmt;
use std::io;
use std::time::Duration;

use async_imap::Client;
use async_imap::imap_proto::{Response, Status};
use secrecy::zeroize::Zeroizing;
use tokio::io::AsyncWriteExt;
use tokio::time::{Instant, sleep, timeout};

use super::completion::{Completion, Verdict, completion};
use super::connect::{Limits, Link};
use super::error::ImapError;
use super::guard::{FrameLimits, Guard};
use super::notices::{Notice, Notices};
use crate::sort::sanitise;

/// Most untagged responses to one command.
const MOST_RESPONSES: u32 = 200_000;

/// A connection on which commands and responses travel.
pub(super) struct Wire {
    client: Client<Guard<Box<dyn Link>>>,
    pub(super) limits: Limits,
    out: Vec<u8>,
    tags: u32,
    /// Commands that were sent and whose tagged answer has not been taken, in order.
    in_flight: Vec<String>,
    /// Tagged answers that came before their turn.
    early: Vec<(String, Completion)>,
    /// True while a future of ours is reading or writing; found true at the start of another, that future was dropped.
    awaiting: bool,
    dead: Option<&'static str>,
    pub(super) notices: Notices,
}

/// A command on its way.
#[derive(Debug)]
#[must_use]
pub(super) struct Pending {
    name: &'static str,
    tag: String,
}

/// What one read gave, as far as the reader itself must know.
enum Step {
    Untagged,
    Continue(String),
    Bye(String),
    Done(String, Completion),
}

impl fmt::Debug for Wire {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Wire")
            .field("tags", &self.tags)
            .field("dead", &self.dead)
            .finish_non_exhaustive()
    }
}

impl Wire {
    pub(super) fn new(link: Box<dyn Link>, limits: Limits) -> Self {
        Self {
            client: Client::new(Guard::new(link, FrameLimits::default())),
            limits,
            out: Vec::new(),
            tags: 0,
            in_flight: Vec::new(),
            early: Vec::new(),
            awaiting: false,
            dead: None,
            notices: Notices::default(),
        }
    }

    /// The stream below, and whether bytes of the server were left unread.
    pub(super) fn into_inner(self) -> (Box<dyn Link>, bool) {
        self.client.into_inner().into_inner()
    }

    /// Untagged responses that the parser cannot read and we do.
    pub(super) fn take_raw(&mut self) -> Vec<Box<[u8]>> {
        self.client.get_mut().take_raw()
    }

    /// Whether BODYSTRUCTURE is on its way, which goes round the parser.
    pub(super) fn expect_structures(&mut self, expected: bool) {
        self.client.get_mut().expect_structures(expected);
    }

    /// Unreadable responses dropped since the connection began.
    pub(super) fn dropped(&self) -> u64 {
        self.client.get_ref().dropped_ever()
    }

    /// True when nothing more can be sent.
    pub(super) fn is_dead(&self) -> bool {
        self.dead.is_some() || self.awaiting
    }

    /// Puts a command into the outgoing buffer. `body` is the command without tag and CRLF; strings in it are quoted.
    pub(super) fn begin(&mut self, name: &'static str, body: &str) -> Result<Pending, ImapError> {
        self.alive(name)?;
        if body.bytes().any(|byte| matches!(byte, b'\r' | b'\n' | 0)) {
            return Err(ImapError::Unsupported {
                what: format!("{name}: a line break or NUL cannot be sent to a server"),
            });
        }
        self.tags = self.tags.wrapping_add(1);
        let tag = format!("P{}", self.tags);
        for part in [tag.as_bytes(), b" ", body.as_bytes(), b"\r\n"] {
            self.out.extend_from_slice(part);
        }
        self.in_flight.push(tag.clone());
        Ok(Pending { name, tag })
    }

    /// Sends what [`Wire::begin`] has put together, in one write.
    pub(super) async fn push(&mut self, during: &'static str) -> Result<(), ImapError> {
        // It may hold a password.
        let out = Zeroizing::new(std::mem::take(&mut self.out));
        let pause = self.notices.pause(Instant::now());
        if !pause.is_zero() {
            self.awaiting = true;
            sleep(pause).await;
            self.awaiting = false;
        }
        self.notices.sent(Instant::now());
        self.write(during, &out).await
    }

    /// Takes back what has been put together and not sent.
    pub(super) fn unsent(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.out)
    }

    /// Sends bytes that are not a command: a literal, a continuation, DONE.
    pub(super) async fn write(&mut self, during: &'static str, bytes: &[u8]) -> Result<(), ImapError> {
        self.alive(during)?;
        self.awaiting = true;
        let limit = self.limits.command;
        let stream = self.client.get_mut();
        let written = timeout(limit, async {
            stream.write_all(bytes).await?;
            stream.flush().await
        });
        let result = match written.await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(fault)) => Err(ImapError::lost(during, fault.to_string())),
            Err(_) => Err(ImapError::TimedOut { during, after: limit }),
        };
        self.awaiting = false;
        self.judge(result)
    }

    /// Sends one command and reads its answer; `each` sees every untagged response on the way.
    pub(super) async fn exec(
        &mut self,
        name: &'static str,
        body: &str,
        each: impl FnMut(&Response<'_>) + Send,
    ) -> Result<Completion, ImapError> {
        let pending = self.begin(name, body)?;
        self.push(name).await?;
        self.finish(pending, each).await
    }

    /// Reads until the answer to `pending`. A tag of no command in flight ends the connection.
    pub(super) async fn finish(
        &mut self,
        pending: Pending,
        mut each: impl FnMut(&Response<'_>) + Send,
    ) -> Result<Completion, ImapError> {
        if let Some(at) = self.early.iter().position(|(tag, _)| *tag == pending.tag) {
            return Ok(self.early.remove(at).1);
        }
        let deadline = Instant::now() + self.limits.whole_command;
        for _ in 0..MOST_RESPONSES {
            let limit = self
                .limits
                .command
                .min(deadline.saturating_duration_since(Instant::now()));
            match self.step(pending.name, limit, &mut each).await? {
                Step::Untagged => {}
                Step::Continue(_) => return self.judge(Err(ImapError::hostile("a continuation nobody asked for"))),
                Step::Bye(text) => {
                    return self.judge(Err(ImapError::said_bye(pending.name, &text)));
                }
                Step::Done(tag, completion) if tag == pending.tag => return Ok(completion),
                Step::Done(tag, completion) => self.early.push((tag, completion)),
            }
        }
        self.judge(Err(ImapError::hostile(
            "more responses to one command than any folder holds messages",
        )))
    }

    /// Reads until the server asks for the rest of the command (`+`), whose text is returned, or answers it.
    pub(super) async fn continuation(
        &mut self,
        pending: &Pending,
        mut each: impl FnMut(&Response<'_>) + Send,
    ) -> Result<Result<String, Completion>, ImapError> {
        for _ in 0..MOST_RESPONSES {
            match self.step(pending.name, self.limits.command, &mut each).await? {
                Step::Untagged => {}
                Step::Continue(text) => return Ok(Ok(text)),
                Step::Bye(text) => {
                    return self.judge(Err(ImapError::said_bye(pending.name, &text)));
                }
                Step::Done(_, completion) => return Ok(Err(completion)),
            }
        }
        self.judge(Err(ImapError::hostile(
            "more responses to one command than any folder holds messages",
        )))
    }

    /// Waits for one more response while `pending` runs (IDLE): `None` for untagged data, else the tagged answer.
    /// May be dropped and called again: nothing is lost.
    pub(super) async fn listen(
        &mut self,
        pending: &Pending,
        limit: Duration,
        each: impl FnMut(&Response<'_>) + Send,
    ) -> Result<Option<Completion>, ImapError> {
        let step = self.step(pending.name, limit, each).await;
        match step? {
            Step::Untagged | Step::Continue(_) => Ok(None),
            Step::Bye(text) => self.judge(Err(ImapError::said_bye(pending.name, &text))),
            Step::Done(_, completion) => Ok(Some(completion)),
        }
    }

    /// Called when the future of [`Wire::listen`] was dropped on purpose: the stream keeps what it has read.
    pub(super) fn listened(&mut self) {
        self.awaiting = false;
    }

    /// Reads the greeting (RFC 9051 section 7.1): its status, its text, and the capabilities it carried.
    pub(super) async fn greeting(&mut self) -> Result<(bool, Completion), ImapError> {
        let limit = self.limits.command;
        let greeting = self.read("greeting", limit, |response| match response {
            Response::Data {
                status: Status::Ok,
                outcome,
            } => Some((false, completion(Verdict::Ok, outcome))),
            Response::Data {
                status: Status::PreAuth,
                outcome,
            } => Some((true, completion(Verdict::Ok, outcome))),
            Response::Data {
                status: Status::Bye,
                outcome,
            } => Some((false, completion(Verdict::No, outcome))),
            _ => None,
        });
        match greeting.await? {
            Some((
                _,
                Completion {
                    verdict: Verdict::No,
                    text,
                    ..
                },
            )) => self.judge(Err(ImapError::said_bye("greeting", &text))),
            Some(greeting) => Ok(greeting),
            None => self.judge(Err(ImapError::hostile("the greeting is not a greeting"))),
        }
    }

    async fn step(
        &mut self,
        during: &'static str,
        limit: Duration,
        mut each: impl FnMut(&Response<'_>) + Send,
    ) -> Result<Step, ImapError> {
        let mut notice = None;
        let step = self.read(during, limit, |response| match response {
            Response::Done { tag, status, outcome } => {
                let verdict = match status {
                    Status::Ok => Verdict::Ok,
                    Status::No => Verdict::No,
                    _ => Verdict::Bad,
                };
                notice = Notice::of(outcome, verdict != Verdict::Ok);
                Step::Done(tag.0.clone(), completion(verdict, outcome))
            }
            Response::Continue(outcome) => {
                Step::Continue(outcome.information.as_deref().unwrap_or_default().to_owned())
            }
            Response::Data {
                status: Status::Bye,
                outcome,
            } => Step::Bye(completion(Verdict::No, outcome).text),
            _ => {
                if let Response::Data { outcome, .. } = response {
                    notice = Notice::of(outcome, false);
                }
                each(response);
                Step::Untagged
            }
        });
        let step = step.await?;
        if let Some(notice) = notice {
            self.notices.heard(Instant::now(), notice);
        }
        if let Step::Done(tag, _) = &step {
            self.notices.answered(Instant::now());
            match self.in_flight.iter().position(|sent| sent == tag) {
                Some(at) => drop(self.in_flight.remove(at)),
                None => return self.judge(Err(ImapError::hostile("an answer to a command that was not sent"))),
            }
        }
        Ok(step)
    }

    async fn read<R>(
        &mut self,
        during: &'static str,
        limit: Duration,
        look: impl FnOnce(&Response<'_>) -> R,
    ) -> Result<R, ImapError> {
        self.alive(during)?;
        self.awaiting = true;
        let read = timeout(limit, self.client.read_response()).await;
        self.awaiting = false;
        let result = match read {
            Ok(Ok(Some(data))) => Ok(look(data.parsed())),
            Ok(Ok(None)) => Err(ImapError::lost(during, "the server closed the connection")),
            Ok(Err(fault)) if fault.kind() == io::ErrorKind::InvalidData => {
                Err(ImapError::hostile(sanitise(&fault.to_string())))
            }
            // The text of a parse error may carry mail; what the guard lets through always parses.
            Ok(Err(fault)) if fault.kind() == io::ErrorKind::Other => {
                Err(ImapError::hostile("an answer that cannot be read"))
            }
            Ok(Err(fault)) => Err(ImapError::lost(during, fault.to_string())),
            Err(_) => Err(ImapError::TimedOut { during, after: limit }),
        };
        self.judge(result)
    }

    fn alive(&mut self, during: &'static str) -> Result<(), ImapError> {
        if self.awaiting {
            self.awaiting = false;
            self.dead = Some("a command was abandoned half way");
        }
        match self.dead {
            Some(why) => Err(ImapError::lost(during, why)),
            None => Ok(()),
        }
    }

    pub(super) fn judge<T>(&mut self, result: Result<T, ImapError>) -> Result<T, ImapError> {
        if result.as_ref().is_err_and(ImapError::ends_connection) {
            self.dead = Some("the connection was given up after an earlier fault");
        }
        result
    }
}
