//! The story `postroom demo` tells: a full inbox is sorted, new mail comes, the user drags one letter into Blackhole, the
//! next letter of that sender is swallowed, and that is taken back.
//!
//! Told from what really happens: every line comes from an event of the daemon or from a look into the server. The
//! daemon itself is behind [`Daemon`], so that this file knows neither it nor the client code.

mod page;

use std::collections::BTreeMap;
use std::io::{self, Write};
use std::path::Path;
use std::time::Duration;

use super::sample::{self, Sample};
use super::server::Server;
use crate::sort::bucket::Bucket;
use crate::sort::mailbox::Timestamp;
use crate::sort::message::Message;
use crate::sort::sanitise;

pub use page::Style;
use page::{Heading, Lines};

/// The demo's user.
pub const USER: &str = "alice";
/// Her password.
pub const PASSWORD: &str = "secret";
/// Her address.
pub const ADDRESS: &str = "alice@example.org";

/// How long any one thing may take before the story gives up.
const PATIENCE: Duration = Duration::from_mins(1);

/// What the daemon tells while it works. Messages are named by their Message-ID without angle brackets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Told {
    /// A message was moved on the server.
    Moved {
        /// Which.
        message_id: String,
        /// The bucket it was found to belong to.
        bucket: Bucket,
        /// The reason's sentence.
        reason: String,
    },
    /// A new message was looked at and left where it is.
    Kept {
        /// Which.
        message_id: String,
        /// The reason's sentence.
        reason: String,
    },
    /// A drag was understood.
    Learned {
        /// One sentence: whose mail goes where from now on.
        lesson: String,
    },
    /// A sweep has ended: everything that was there has been looked at.
    Settled,
}

/// The daemon, as far as the story needs it.
pub trait Daemon {
    /// The next thing it tells; `None` when it has ended, and the story with it.
    fn told(&mut self) -> impl Future<Output = Option<Told>> + Send;

    /// Takes back its last move, as `postroom undo --last 1` does. The error is a sentence.
    fn undo_last(&mut self) -> impl Future<Output = Result<(), String>> + Send;
}

/// Why the story ended before its end.
#[derive(Debug, thiserror::Error)]
pub enum StoryError {
    /// Something did not happen in time.
    #[error("the demo waited {} seconds for this in vain: {waited_for}", PATIENCE.as_secs())]
    Late {
        /// What should have happened.
        waited_for: String,
    },
    /// The daemon stopped.
    #[error("the daemon ended while the demo waited for this: {waited_for}")]
    Ended {
        /// What should have happened.
        waited_for: String,
    },
    /// The move could not be taken back.
    #[error("the move could not be taken back: {0}")]
    Undo(String),
    /// The terminal is gone.
    #[error("the story could not be written: {0}")]
    Write(#[from] io::Error),
}

/// Fills the user's folders with the sample mail, as it would lie there by `now`. To be called before the daemon starts.
pub fn fill(server: &Server, now: Timestamp) {
    for letter in sample::sent() {
        let (raw, date) = letter.aged(now);
        server.deliver_flagged(USER, "Sent", &raw, date, &["\\Seen"]);
    }
    let mut letters: Vec<(Vec<u8>, Timestamp)> = sample::inbox().iter().map(|letter| letter.aged(now)).collect();
    letters.sort_by_key(|(_, date)| *date);
    for (raw, date) in letters {
        server.deliver(USER, "INBOX", &raw, date);
    }
}

/// Tells the story to `out`, from the first sweep to the undo. The daemon must just have been started on the filled
/// server, with permission to sort what lies in the inbox. `now` answers the present time.
pub async fn tell<D: Daemon>(
    server: &Server,
    daemon: &mut D,
    out: &mut (impl Write + Send),
    style: Style,
    now: impl Fn() -> Timestamp + Send,
) -> Result<(), StoryError> {
    let mut teller = Teller {
        daemon,
        out,
        style,
        server,
        subjects: subjects(),
    };
    teller.opening()?;
    teller.first_sweep().await?;
    teller.new_mail(&now).await?;
    teller.drag().await?;
    teller.next_morning(&now).await?;
    teller.undo().await
}

/// Says how to connect a mail program, and where the configuration lies on which other commands can be tried.
pub fn invite(server: &Server, config: &Path, out: &mut impl Write) -> io::Result<()> {
    let (address, config) = (server.address(), config.display());
    writeln!(
        out,
        "\nServer and daemon keep running. Connect a mail program, drag letters, and watch them learn:\n"
    )?;
    writeln!(
        out,
        "  IMAP      {}  port {}  no encryption: it is on this machine",
        address.ip(),
        address.port()
    )?;
    writeln!(out, "  user      {USER}  password {PASSWORD}\n")?;
    writeln!(out, "Every other command works here too:\n")?;
    writeln!(out, "  postroom --config {config} status\n")?;
    writeln!(out, "Ctrl-C ends the demo. Nothing of it is kept.\n")
}

/// Writes one event in the way of the story; for what happens after its end, when the user is dragging.
pub fn narrate(server: &Server, told: &Told, out: &mut (impl Write + Send), style: Style) -> io::Result<()> {
    let mut lines = Lines { out, style };
    match told {
        Told::Moved {
            message_id,
            bucket,
            reason,
        } => lines.letter(*bucket, &subject_on(server, message_id), reason),
        Told::Kept { message_id, reason } => lines.letter(Bucket::Inbox, &subject_on(server, message_id), reason),
        Told::Learned { lesson } => lines.learned(lesson),
        Told::Settled => Ok(()),
    }
}

struct Teller<'a, D, W> {
    daemon: &'a mut D,
    out: &'a mut W,
    style: Style,
    server: &'a Server,
    subjects: BTreeMap<String, Heading>,
}

impl<D: Daemon, W: Write + Send> Teller<'_, D, W> {
    fn lines(&mut self) -> Lines<'_, W> {
        Lines {
            out: self.out,
            style: self.style,
        }
    }

    fn opening(&mut self) -> io::Result<()> {
        let (inbox, sent) = (sample::inbox().len(), sample::sent().len());
        self.lines().heading(&format!(
            "Alice has {inbox} letters in her inbox, and wrote {sent} herself."
        ))?;
        self.lines().text("Postroom reads only the headers, and sorts:\n")
    }

    /// Everything that lies in the inbox, move by move, until the daemon has nothing left to do.
    async fn first_sweep(&mut self) -> Result<(), StoryError> {
        let mut counts: BTreeMap<Bucket, usize> = BTreeMap::new();
        loop {
            match self.next("the inbox is sorted").await? {
                Told::Moved {
                    message_id,
                    bucket,
                    reason,
                } => {
                    *counts.entry(bucket).or_default() += 1;
                    self.letter(bucket, &message_id, &reason)?;
                }
                Told::Settled if !counts.is_empty() => break,
                Told::Kept { .. } | Told::Learned { .. } | Told::Settled => {}
            }
        }
        let left = self.server.messages(USER, "INBOX").len();
        let told: Vec<String> = counts
            .iter()
            .map(|(bucket, count)| format!("{bucket} {count}"))
            .collect();
        writeln!(self.out, "\n  {} · {left} stay in the inbox", told.join(" · "))?;
        self.lines()
            .text("What stays: strangers' first letters, login codes, and whatever nothing spoke for.")?;
        Ok(())
    }

    async fn new_mail(&mut self, now: &(impl Fn() -> Timestamp + Send)) -> Result<(), StoryError> {
        self.lines().heading("New mail comes in while Postroom listens.")?;
        for name in ["72-bea-otto", "73-stranger-workshop", "70-gadget-deal"] {
            self.deliver_and_wait(name, now()).await?;
        }
        Ok(())
    }

    async fn drag(&mut self) -> Result<(), StoryError> {
        self.lines()
            .heading("Alice has had enough of Gadget Gully and drags that letter into Blackhole.")?;
        let letter = arriving("70-gadget-deal");
        let id = letter.message_id();
        let lies_in = ["Bulk", "News", "Top", "INBOX"];
        let dragged = lies_in
            .iter()
            .find_map(|folder| self.server.drag(USER, folder, &id, "Blackhole"));
        if dragged.is_none() {
            return Err(StoryError::Late {
                waited_for: "the letter of Gadget Gully lies in a folder".to_owned(),
            });
        }
        loop {
            if let Told::Learned { lesson } = self.next("the drag is understood").await? {
                return Ok(self.lines().learned(&lesson)?);
            }
        }
    }

    async fn next_morning(&mut self, now: &(impl Fn() -> Timestamp + Send)) -> Result<(), StoryError> {
        self.lines().heading("Next morning Gadget Gully writes again.")?;
        self.deliver_and_wait("71-gadget-again", now()).await
    }

    async fn undo(&mut self) -> Result<(), StoryError> {
        self.lines()
            .heading("Every move can be taken back: postroom undo --last 1")?;
        self.daemon.undo_last().await.map_err(StoryError::Undo)?;
        let letter = arriving("71-gadget-again");
        let id = letter.message_id();
        let back = self
            .server
            .wait_until(PATIENCE, |server| on_server(server, "INBOX", &id))
            .await;
        if !back {
            return Err(StoryError::Late {
                waited_for: "the letter is back in the inbox".to_owned(),
            });
        }
        self.letter(
            Bucket::Inbox,
            &id,
            "taken back; Postroom will not move this letter again",
        )?;
        writeln!(self.out)?;
        Ok(())
    }

    /// Delivers a letter and waits until the daemon has said what it does with it.
    async fn deliver_and_wait(&mut self, name: &str, now: Timestamp) -> Result<(), StoryError> {
        let letter = arriving(name);
        let id = letter.message_id();
        let (raw, date) = letter.fresh(now);
        self.server.deliver(USER, "INBOX", &raw, date);
        let waited_for = format!("a verdict on \"{}\"", self.heading(&id).1);
        loop {
            match self.next(&waited_for).await? {
                Told::Moved {
                    message_id,
                    bucket,
                    reason,
                } if message_id == id => {
                    return Ok(self.letter(bucket, &id, &reason)?);
                }
                Told::Kept { message_id, reason } if message_id == id => {
                    return Ok(self.letter(Bucket::Inbox, &id, &reason)?);
                }
                _ => {}
            }
        }
    }

    async fn next(&mut self, waited_for: &str) -> Result<Told, StoryError> {
        let waited_for = || waited_for.to_owned();
        match tokio::time::timeout(PATIENCE, self.daemon.told()).await {
            Err(_) => Err(StoryError::Late {
                waited_for: waited_for(),
            }),
            Ok(None) => Err(StoryError::Ended {
                waited_for: waited_for(),
            }),
            Ok(Some(told)) => Ok(told),
        }
    }

    fn heading(&self, message_id: &str) -> Heading {
        self.subjects
            .get(message_id)
            .cloned()
            .unwrap_or_else(|| subject_on(self.server, message_id))
    }

    fn letter(&mut self, bucket: Bucket, message_id: &str, reason: &str) -> io::Result<()> {
        let heading = self.heading(message_id);
        self.lines().letter(bucket, &heading, reason)
    }
}

/// Sender and subject of every sample letter, by Message-ID.
fn subjects() -> BTreeMap<String, Heading> {
    let letters = sample::inbox().iter().chain(sample::arriving());
    letters
        .map(|letter| (letter.message_id(), heading_of(&Message::parse(letter.raw))))
        .collect()
}

fn heading_of(message: &Message) -> Heading {
    let address = message.from().map(ToString::to_string).unwrap_or_default();
    let sender = match message.display_name() {
        "" if address.is_empty() => "(malformed sender)",
        "" => &address,
        name => name,
    };
    (sanitise(sender), sanitise(&message.subject))
}

/// Sender and subject of a letter that some mail program has put there.
fn subject_on(server: &Server, message_id: &str) -> Heading {
    let folders = server.folders(USER);
    let letters = folders.iter().flat_map(|folder| server.messages(USER, folder));
    letters
        .map(|stored| Message::parse(&stored.bytes))
        .find(|message| message.message_id.as_deref() == Some(message_id))
        .map_or_else(
            || ("?".to_owned(), sanitise(message_id)),
            |message| heading_of(&message),
        )
}

fn on_server(server: &Server, folder: &str, message_id: &str) -> bool {
    server
        .messages(USER, folder)
        .iter()
        .any(|stored| Message::parse(&stored.bytes).message_id.as_deref() == Some(message_id))
}

/// The arriving letter of this name; an empty one if there is none, which the tests do not let happen.
fn arriving(name: &str) -> Sample {
    let known = sample::arriving().iter().find(|letter| letter.name == name).copied();
    known.unwrap_or(Sample { name: "", raw: b"" })
}
