//! The guard and the reader in the hands of a fuzzer: whatever a server sends, no panic, no endless wait, no unreadable
//! frame handed up, no answer believed that does not hold together. `tests/fuzz` feeds random bytes, `seeds` in
//! `imap::tests` the named files of `fixtures/hostile/server`.
#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::string_slice
)]

use std::collections::VecDeque;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use async_imap::imap_proto::Response;
use secrecy::SecretString;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, ReadBuf};
use tokio::runtime::Runtime;
use tokio::sync::Notify;

use super::capability::Capabilities;
use super::connect::{Limits, greet, start_tls};
use super::folders::Names;
use super::guard::{FrameLimits, Guard};
use super::mover::{self, Policy};
use super::reply::Wire;
use super::selected::Access;
use super::session::Session;
use super::{ImapError, login, watch};
use crate::sort::ledger::{Committed, PlannedMove, RowId};
use crate::sort::mailbox::{Location, Mailbox, Uid, UidValidity};
use crate::sort::verdict::FlagChange;

/// Bytes that come in segments of `step`, then the end.
struct Segments<'a> {
    rest: &'a [u8],
    step: usize,
}

impl AsyncRead for Segments<'_> {
    fn poll_read(mut self: Pin<&mut Self>, _: &mut Context<'_>, up: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let (now, later) = self.rest.split_at(self.step.min(self.rest.len()).min(up.remaining()));
        up.put_slice(now);
        self.rest = later;
        Poll::Ready(Ok(()))
    }
}

/// Everything the guard hands up, everything it hands over raw, and how it ended.
pub(super) type Filtered = (Vec<Vec<u8>>, Vec<Box<[u8]>>, io::ErrorKind);

/// Sends `bytes` in segments of `step` through a guard with small limits.
pub(super) fn filtered(bytes: &[u8], step: usize) -> Filtered {
    let limits = FrameLimits {
        line: 200,
        literal: 50,
        literals: 80,
        depth: 4,
        ..FrameLimits::default()
    };
    runtime().block_on(async {
        let mut guard = Guard::new(Segments { rest: bytes, step }, limits);
        let mut frames = Vec::new();
        let mut frame = vec![0; 4_096];
        loop {
            match guard.read(&mut frame).await {
                Ok(length) => frames.push(frame[..length].to_vec()),
                Err(end) => return (frames, guard.take_raw(), end.kind()),
            }
        }
    })
}

/// The guard: what goes up is readable and bounded, and how the bytes were cut into segments is all one.
pub fn guard(bytes: &[u8]) {
    let Some((&step, bytes)) = bytes.split_first() else {
        return;
    };
    let whole = filtered(bytes, usize::MAX);
    for frame in &whole.0 {
        assert!(
            matches!(Response::parse(frame), Ok(([], _))),
            "handed up and unreadable: {}",
            String::from_utf8_lossy(frame)
        );
    }
    assert!(matches!(
        whole.2,
        io::ErrorKind::UnexpectedEof | io::ErrorKind::InvalidData
    ));
    assert_eq!(whole, filtered(bytes, usize::from(step).max(1)), "segments of {step}");
}

/// A server that says its lines one by one, whatever it is asked; `$` at the start of a line stands for the oldest tag
/// that it has not used yet. After the last line it hangs up.
#[derive(Debug)]
struct Canned {
    rest: Vec<u8>,
    tags: VecDeque<String>,
    at_line_start: bool,
}

impl AsyncRead for Canned {
    fn poll_read(mut self: Pin<&mut Self>, _: &mut Context<'_>, up: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        if self.at_line_start && self.rest.first() == Some(&b'$') {
            self.rest.remove(0);
            let tag = self.tags.pop_front().unwrap_or_else(|| "P1".to_owned());
            self.rest.splice(0..0, tag.into_bytes());
        }
        let line = self.rest.iter().position(|byte| *byte == b'\n');
        let length = line.map_or(self.rest.len(), |end| end + 1).min(up.remaining());
        up.put_slice(&self.rest[..length]);
        self.at_line_start = line.is_some_and(|end| length == end + 1);
        self.rest.drain(..length);
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Canned {
    fn poll_write(mut self: Pin<&mut Self>, _: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let text = String::from_utf8_lossy(bytes);
        let tags = text.lines().filter_map(|line| line.split_once(' ')).map(|(tag, _)| tag);
        self.tags
            .extend(tags.filter(|tag| tag.starts_with('P')).map(str::to_owned));
        Poll::Ready(Ok(bytes.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

/// The reader and all that stands on it: the first byte chooses the conversation, the others are what the server says.
/// The server hangs up in the end, so every conversation must end too, by an error or because all was said.
pub fn reader(bytes: &[u8]) {
    let Some((&choice, bytes)) = bytes.split_first() else {
        return;
    };
    let canned = Canned {
        rest: bytes.to_vec(),
        tags: VecDeque::new(),
        at_line_start: true,
    };
    runtime().block_on(async {
        match choice % 4 {
            0 => drop(opening(canned).await),
            1 => drop(upgrade(canned).await),
            kind => {
                let offered = if kind == 2 {
                    "IMAP4rev1 MOVE UIDPLUS IDLE ESEARCH"
                } else {
                    "IMAP4rev1 UIDPLUS LIST-EXTENDED LIST-STATUS SPECIAL-USE"
                };
                let wire = Wire::new(Box::new(canned), Limits::default());
                let offered = Capabilities::new(offered.split(' '));
                let mut session = Session::new(wire, offered, Names::new(&[], None));
                let ended = working_day(&mut session).await;
                let fatal = ended.is_err_and(|error| error.ends_connection());
                assert!(
                    !fatal || session.is_dead() || session.noop().await.is_err(),
                    "a session outlived its fault"
                );
            }
        }
    });
}

async fn opening(canned: Canned) -> Result<(), ImapError> {
    let greeted = greet(Box::new(canned), "imap.example.org", Limits::default(), true).await?;
    let mut session = login(greeted, "alice", &SecretString::from("secret")).await?;
    session.list().await?;
    session.logout().await;
    Ok(())
}

async fn upgrade(canned: Canned) -> Result<(), ImapError> {
    let greeted = greet(Box::new(canned), "imap.example.org", Limits::default(), false).await?;
    start_tls(greeted).await.map(drop)
}

/// Everything a session can be asked, until something fails for good; what is refused is skipped.
async fn working_day(session: &mut Session) -> Result<(), ImapError> {
    let fatal = |error: ImapError| if error.ends_connection() { Err(error) } else { Ok(()) };
    for folder in session
        .list()
        .await
        .or_else(|error| fatal(error).map(|()| Vec::new()))?
    {
        // A name that was listed can be asked for or is refused; neither may break the line.
        let _ = session
            .names()
            .to_wire(&folder.mailbox)
            .map(|wire| assert_one_line(&wire));
    }
    session.status(&[Mailbox::new("Top")]).await.map(drop).or_else(fatal)?;
    session
        .select(&Mailbox::inbox(), Access::ReadWrite)
        .await
        .map(drop)
        .or_else(fatal)?;
    let uids = session
        .uids(Uid(1), None)
        .await
        .or_else(|error| fatal(error).map(|()| Vec::new()))?;
    assert!(uids.windows(2).all(|pair| pair[0] < pair[1]), "UIDs out of order");
    let few: Vec<Uid> = uids.iter().copied().take(600).collect();
    let headers = session.headers(&few, &["From".to_owned(), "List-Id".to_owned()]).await;
    for message in headers.or_else(|error| fatal(error).map(|()| Vec::new()))? {
        assert!(few.binary_search(&message.uid).is_ok(), "a message nobody asked for");
    }
    session.flags(&few).await.map(drop).or_else(fatal)?;
    let moves: Vec<PlannedMove> = few.iter().take(5).map(|uid| planned(*uid, session)).collect();
    let count = moves.len();
    let report = mover::move_messages(session, &Committed::after_fsync(moves), Policy::default()).await;
    let mut rows: Vec<RowId> = report.outcomes.iter().map(|(row, _)| *row).collect();
    rows.sort_unstable();
    rows.dedup();
    assert_eq!(rows.len(), report.outcomes.len(), "a row with two outcomes");
    assert!(rows.len() <= count);
    report.error.map_or(Ok(()), fatal)?;
    watch::wait(session, &[Mailbox::new("Top")], Duration::from_mins(30), &Notify::new())
        .await
        .map(drop)
}

fn planned(uid: Uid, session: &Session) -> PlannedMove {
    let validity = session
        .selected()
        .map_or(UidValidity(1), |selected| selected.uid_validity);
    PlannedMove {
        row: RowId(i64::from(uid.0)),
        source: Location {
            mailbox: Mailbox::inbox(),
            uid_validity: validity,
            uid,
        },
        leaves_original: false,
        destination: Mailbox::new(if uid.0.is_multiple_of(2) { "Top" } else { "News" }),
        flags: if uid.0.is_multiple_of(3) {
            vec![FlagChange {
                set: true,
                flag: "$Invoice".to_owned(),
            }]
        } else {
            Vec::new()
        },
    }
}

fn assert_one_line(wire: &str) {
    assert!(
        !wire.contains(['\r', '\n', '\0']),
        "a name that ends the command: {wire:?}"
    );
}

/// Time stands still until everybody waits.
fn runtime() -> Runtime {
    tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .unwrap()
}
