//! Waiting for news: IDLE (RFC 2177) on the selected folder, NOTIFY (RFC 5465) together with it for the others, NOOP
//! where there is no IDLE.
//!
//! IDLE is only a hint that a look is due. It is renewed every few minutes, so that a dead link is noticed; DONE has its
//! own short limit; news from before, or from the same segment as `+ idling`, ends the wait at once. NOTIFY is never
//! used alone: without IDLE Dovecot 2.3 leaves out the selected folder.

use std::collections::BTreeSet;
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::{Instant, sleep_until};

use super::completion::Completion;
use super::error::ImapError;
use super::folders::quote;
use super::reply::Pending;
use super::session::{Session, refused};
use crate::sort::mailbox::Mailbox;

/// What has happened while we waited.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Changes {
    /// Something has arrived in the selected folder or left it.
    pub selected: bool,
    /// Other folders in which something has changed; only where the server has NOTIFY.
    pub others: BTreeSet<Mailbox>,
    /// The caller's own interrupt ended the wait.
    pub interrupted: bool,
}

impl Changes {
    /// True when there is anything to look at.
    pub fn any(&self) -> bool {
        self.selected || self.interrupted || !self.others.is_empty()
    }
}

/// An IDLE shorter than this, ended by the server itself, counts as a refusal.
const NO_IDLE: Duration = Duration::from_secs(1);

/// Waits for news about the selected folder, and about `others` where the server has NOTIFY, for at most `limit`, or
/// until `interrupt` is notified. No news at the end of `limit` is a result, not an error.
pub async fn wait(
    session: &mut Session,
    others: &[Mailbox],
    limit: Duration,
    interrupt: &Notify,
) -> Result<Changes, ImapError> {
    let until = Instant::now() + limit;
    session.settle().await?;
    // Alone, NOTIFY was seen to miss deliveries (performance.md, finding 6): only together with IDLE.
    if session.capabilities().notify && session.capabilities().idle && !session.notify_refused {
        subscribe(session, others).await?;
    }
    loop {
        let changes = news(session, others);
        if changes.any() || Instant::now() >= until {
            return Ok(changes);
        }
        let interrupted = if session.capabilities().idle && !session.idle_refused {
            idle(session, others, until, interrupt).await?
        } else {
            poll(session, until, interrupt).await?
        };
        if interrupted {
            return Ok(Changes {
                interrupted,
                ..news(session, others)
            });
        }
    }
}

/// What is known and has not been told; telling it makes it known.
fn news(session: &mut Session, others: &[Mailbox]) -> Changes {
    let arrived = session.take_news();
    let memory = &mut session.memory;
    let changes = Changes {
        selected: arrived | std::mem::take(&mut memory.left),
        others: others
            .iter()
            .filter(|mailbox| memory.others.contains(*mailbox))
            .cloned()
            .collect(),
        interrupted: false,
    };
    memory.others.clear();
    changes
}

fn has_news(session: &Session, others: &[Mailbox]) -> bool {
    session.memory.has_news()
        || session.memory.left
        || others.iter().any(|mailbox| session.memory.others.contains(mailbox))
}

/// NOTIFY SET, once for each set of folders. A server that refuses it is watched without.
async fn subscribe(session: &mut Session, others: &[Mailbox]) -> Result<(), ImapError> {
    let wanted: BTreeSet<Mailbox> = others.iter().cloned().collect();
    if session.notified.as_ref() == Some(&wanted) {
        return Ok(());
    }
    let mut names = Vec::new();
    for mailbox in &wanted {
        names.push(quote(&session.names().to_wire(mailbox)?));
    }
    let others = if names.is_empty() {
        String::new()
    } else {
        format!(" (mailboxes ({}) (MessageNew MessageExpunge))", names.join(" "))
    };
    let body = format!("NOTIFY SET STATUS (selected (MessageNew MessageExpunge)){others}");
    let completion = session.exec("NOTIFY", &body, |_| {}).await?;
    session.notify_refused = refused(&completion);
    session.notified = Some(wanted);
    Ok(())
}

/// One IDLE, until there is news, it is `until`, or it is time to renew; true when the caller interrupted.
async fn idle(
    session: &mut Session,
    others: &[Mailbox],
    until: Instant,
    interrupt: &Notify,
) -> Result<bool, ImapError> {
    let pending = session.wire().begin("IDLE", "IDLE")?;
    session.wire().push("IDLE").await?;
    let began = Instant::now();
    let limits = session.wire().limits;
    let end = until.min(began + limits.idle_renewal);
    match begin_idle(session, &pending).await? {
        Ok(()) => {}
        Err(completion) => {
            session.idle_refused |= refused(&completion) || began.elapsed() < NO_IDLE;
            return Ok(false);
        }
    }
    let mut interrupted = false;
    while !interrupted && !has_news(session, others) {
        let (wire, memory) = session.parts();
        let ended = tokio::select! {
            biased;
            heard = wire.listen(&pending, limits.idle_renewal * 2, |response| memory.observe(response)) => Some(heard?),
            () = interrupt.notified() => { interrupted = true; None }
            () = sleep_until(end) => None,
        };
        session.wire().listened();
        match ended {
            Some(None) => {}
            Some(Some(completion)) => {
                // The server ended IDLE by itself: with an OK it may be asked again, unless it makes a habit of it.
                session.idle_refused |= refused(&completion) || began.elapsed() < NO_IDLE;
                return Ok(interrupted);
            }
            None if !interrupted && Instant::now() < end => {}
            None => break,
        }
    }
    done(session, pending, limits.done).await?;
    Ok(interrupted)
}

async fn begin_idle(session: &mut Session, pending: &Pending) -> Result<Result<(), Completion>, ImapError> {
    let (wire, memory) = session.parts();
    let answer = wire.continuation(pending, |response| memory.observe(response)).await?;
    Ok(answer.map(drop))
}

async fn done(session: &mut Session, pending: Pending, limit: Duration) -> Result<(), ImapError> {
    session.wire().write("IDLE", b"DONE\r\n").await?;
    let usual = std::mem::replace(&mut session.wire().limits.command, limit);
    let answer = session.finish(pending, |_| {}).await;
    session.wire().limits.command = usual;
    // NO or BAD to DONE: IDLE is over all the same.
    answer.map(drop)
}

/// One pause and one NOOP; true when the caller interrupted.
async fn poll(session: &mut Session, until: Instant, interrupt: &Notify) -> Result<bool, ImapError> {
    let pause = session.wire().limits.poll.min(Duration::from_mins(1));
    let interrupted = tokio::select! {
        biased;
        () = interrupt.notified() => true,
        () = sleep_until(until.min(Instant::now() + pause)) => false,
    };
    session.noop().await?;
    Ok(interrupted)
}
