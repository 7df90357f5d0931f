//! The log is an interface: fixed verbs with fields, all wording here. Never a subject, never a secret; every foreign
//! string is sanitised. The demo listens to the same events through a channel.

use std::fmt;
use std::time::Duration;

use tokio::sync::mpsc::UnboundedSender;
use tracing::{error, info, warn};

use crate::sort::arrival::Note;
use crate::sort::bucket::Bucket;
use crate::sort::ledger::{Entry, Outcome, RowId, RowKind};
use crate::sort::mailbox::{Mailbox, Uid, UidValidity};
use crate::sort::refusal::{CLAIMED, Refusal};
use crate::sort::rules::Finding;
use crate::sort::rules::template::MOST_FOLDERS;
use crate::sort::sanitise;
use crate::sort::taught::Lesson;
use crate::sort::verdict::Reason;

/// What a listener is told, besides the log.
#[derive(Debug, Clone, PartialEq)]
pub enum Told {
    /// A message was decided about, and moved if it had to be.
    Decided {
        /// The ledger row.
        row: RowId,
        /// What kind of row.
        kind: RowKind,
        /// Message-ID.
        message_id: Option<String>,
        /// Sender.
        from: Option<String>,
        /// The verdict's bucket.
        bucket: Bucket,
        /// Where the message is now.
        folder: Mailbox,
        /// Why.
        reason: Reason,
    },
    /// A lesson was learned.
    Learned(Lesson),
    /// Every folder has been compared with the ledger; now waiting for news.
    Idle,
    /// Something is wrong; a sentence for people.
    Problem(String),
}

/// The log of one account.
#[derive(Debug, Clone)]
pub struct Logbook {
    account: String,
    listener: Option<UnboundedSender<Told>>,
}

impl Logbook {
    /// The log of `account`, with an optional listener.
    pub fn new(account: &str, listener: Option<UnboundedSender<Told>>) -> Self {
        Self {
            account: account.to_owned(),
            listener,
        }
    }

    fn tell(&self, told: Told) {
        if let Some(listener) = &self.listener {
            // A listener that has gone away is no reason to stop sorting mail.
            let _ = listener.send(told);
        }
    }

    /// A row reached the end of its way.
    pub fn decided(&self, row: RowId, entry: &Entry, outcome: &Outcome) {
        let (account, verb) = (self.account.as_str(), entry.kind.as_str());
        let message_id = entry.message_id.as_deref().map(sanitise);
        let from = entry.from.as_ref().map(|from| sanitise(from.as_str()));
        let (id, sender) = (Shown(message_id.as_deref()), Shown(from.as_deref()));
        let (bucket, reason) = (entry.bucket, entry.reason.text.as_str());
        let folder = entry.destination.as_ref().unwrap_or(&entry.source.mailbox);
        match outcome {
            Outcome::Done(_) => {
                info!(account, row = row.0, message_id = %id, from = %sender, %bucket, %folder, reason, "{verb}");
                self.tell(Told::Decided {
                    row,
                    kind: entry.kind,
                    message_id,
                    from,
                    bucket,
                    folder: folder.clone(),
                    reason: entry.reason.clone(),
                });
            }
            Outcome::Void(why) => info!(account, row = row.0, message_id = %id, %folder, why, "{verb} void"),
            Outcome::Failed(code) if code == CLAIMED => {
                info!(account, row = row.0, message_id = %id, %folder, "{verb} left to another Postroom, which has claimed it");
            }
            Outcome::Failed(code) if matches!(Refusal::of(code), Refusal::Interrupted | Refusal::Held) => {
                info!(account, row = row.0, message_id = %id, %folder, code, "{verb} put off; the message is decided about again");
            }
            Outcome::Failed(code) if entry.kind == RowKind::Copy => {
                warn!(account, row = row.0, message_id = %id, %folder, code, "no copy was made; the message itself goes its way");
                self.tell(Told::Problem(format!("no copy was made in {folder}: {code}")));
            }
            Outcome::Failed(code) => {
                warn!(account, row = row.0, message_id = %id, %folder, code, "{verb} failed; the message stays where it is");
                self.tell(Told::Problem(format!("moving a message to {folder} failed: {code}")));
            }
            Outcome::Unknown => {
                warn!(account, row = row.0, message_id = %id, %folder, "{verb} unanswered; it will be read back before anything else");
            }
        }
    }

    /// A lesson was learned.
    pub fn learned(&self, lesson: &Lesson) {
        let identity = sanitise(&lesson.identity.to_string());
        info!(account = self.account.as_str(), identity, bucket = %lesson.bucket, "learn");
        self.tell(Told::Learned(lesson.clone()));
    }

    /// Lessons were put aside instead of learned, and why: nothing is learned until the user says so.
    pub fn held(&self, lessons: usize, why: &str) {
        let account = self.account.as_str();
        warn!(
            account,
            lessons, "learning held: {why}; `postroom learn --confirm` takes them"
        );
        self.tell(Told::Problem(format!(
            "{lessons} lessons are held; `postroom learn --confirm` takes them"
        )));
    }

    /// The sorter has something to say.
    pub fn note(&self, note: &Note) {
        let account = self.account.as_str();
        match note {
            Note::Unsortable { location, why } => {
                warn!(account, folder = %location.mailbox, uid = location.uid.0, why = sanitise(why), "left alone");
            }
            Note::CopyNotMade { rule, target } => {
                warn!(account, rule = %Shown(rule.rule.as_deref()), target, "no copy is made: the server marks no folder for this use");
            }
            Note::Doubled { location, message_id } => {
                let message_id = message_id.as_deref().map(sanitise);
                warn!(account, folder = %location.mailbox, uid = location.uid.0, message_id = %Shown(message_id.as_deref()),
                    "doubled: another program moved this message too; both copies stay, remove one by hand");
            }
            Note::RuleAgainstHand { rule, bucket } => {
                let (name, file, line) = (rule.rule.as_deref(), rule.file.as_deref(), rule.line);
                warn!(account, rule = %Shown(name), file = %Shown(file), line = line.unwrap_or_default(), %bucket,
                    "your hand and a rule of yours disagree; the rule goes on deciding about new mail of this sender");
            }
        }
    }

    /// Something about a rule that its author should know.
    pub fn rule(&self, finding: &Finding) {
        let (message, hint) = (
            sanitise(&finding.message),
            sanitise(finding.hint.as_deref().unwrap_or_default()),
        );
        warn!(
            account = self.account.as_str(),
            check = finding.check,
            "{message}; {hint}"
        );
    }

    /// A rule with a template has filled as many folders as one rule may.
    pub fn rule_is_full(&self, rule: Option<&str>, folder: &Mailbox) {
        let account = self.account.as_str();
        warn!(account, rule = %Shown(rule), %folder,
            "the rule has filled {MOST_FOLDERS} folders and makes no more; its further mail stays in the inbox; make the folder yourself, or change the rule");
    }

    /// A connection stands and the account is being watched.
    pub fn connected(&self, host: &str) {
        info!(account = self.account.as_str(), host, "connected");
    }

    /// Everything has been compared with the ledger for the first time; from here on news are waited for.
    pub fn watching(&self) {
        info!(account = self.account.as_str(), "watching");
    }

    /// A folder is watched by a connection of its own.
    pub fn attended(&self, folder: &Mailbox) {
        info!(account = self.account.as_str(), %folder, "listening to this folder too");
    }

    /// A folder cannot be watched by a connection of its own.
    pub fn unattended(&self, folder: &Mailbox, why: &dyn fmt::Display, poll: Duration) {
        let (account, poll_s) = (self.account.as_str(), poll.as_secs());
        let why = sanitise(&why.to_string());
        warn!(account, %folder, "no connection of its own for this folder ({why}); it is looked at every {poll_s} s");
    }

    /// Every folder has been looked at.
    pub fn idle(&self) {
        self.tell(Told::Idle);
    }

    /// Compared a folder for the first time; what lies there stays and teaches nothing.
    pub fn baseline(&self, folder: &Mailbox, messages: u32) {
        info!(account = self.account.as_str(), %folder, messages, "baseline: what lies here already stays");
    }

    /// The server lists a message and does not give its header.
    pub fn unreadable(&self, uid: Uid) {
        warn!(
            account = self.account.as_str(),
            uid = uid.0,
            "the server lists this message but does not give its header; it stays where it is"
        );
    }

    /// A folder's UIDs have started anew.
    pub fn uid_validity_changed(&self, folder: &Mailbox, old: UidValidity, new: UidValidity) {
        warn!(account = self.account.as_str(), %folder, old = old.0, new = new.0,
            "the server renumbered this folder; what was met before is left alone and nothing is learned from it");
    }

    /// A folder has begun to refuse mail.
    pub fn closed(&self, folder: &Mailbox, words: &str) {
        let (account, words) = (self.account.as_str(), sanitise(words));
        warn!(account, %folder, words, "this folder takes no mail; it is left alone for an hour, then longer; the messages stay in the inbox");
        self.tell(Told::Problem(format!("{folder} takes no mail: {words}")));
    }

    /// Another program sorts the same mailbox; the sentence says what is seen and what to do.
    pub fn rival(&self, sentence: &str) {
        error!(account = self.account.as_str(), "{sentence}");
        self.tell(Told::Problem(sentence.to_owned()));
    }

    /// `claim = true`, and the server cannot do what it takes.
    pub fn no_claims(&self) {
        self.stuck(
            &"claim = true is of no use here: the server has no CONDSTORE, or keeps no keywords in the inbox",
            "instead every move waits up to two seconds and looks again; better let one Postroom alone look after this account",
        );
    }

    /// The server has words for people (ALERT and the like), sanitised already.
    pub fn server_says(&self, words: &str, grave: bool) {
        let account = self.account.as_str();
        if grave {
            error!(
                account,
                words, "the server says something is wrong; nothing is moved for an hour"
            );
        } else {
            warn!(account, words, "the server says");
        }
        self.tell(Told::Problem(format!("the server says {words}")));
    }

    /// The signs of another sorter are a day old.
    pub fn alone_again(&self) {
        info!(
            account = self.account.as_str(),
            "no other program has moved the same mail for a day; moving as usual"
        );
    }

    /// A snooze folder that was there before is gone.
    pub fn snooze_folder_gone(&self, folder: &Mailbox) {
        self.stuck(
            &format!("the folder {folder} is gone"),
            "make it again, or take its name out of the `times` of `snooze` in postroom.toml",
        );
    }

    /// The address book was read.
    pub fn contacts(&self, addresses: usize) {
        info!(account = self.account.as_str(), addresses, "contacts loaded");
    }

    /// A snooze folder's name says no time.
    pub fn timeless(&self, folder: &Mailbox) {
        self.stuck(
            &format!("{folder} is no snooze folder: its name says no time"),
            "what lies there stays there; name it after a time, as Tomorrow, Monday, 3 days or 2026-12-24",
        );
    }

    /// Two names stand for one folder, as far as can be seen.
    pub fn alias(&self, one: &Mailbox, other: &Mailbox) {
        self.stuck(
            &format!("{one} and {other} seem to be one folder: same numbering, same number of messages"),
            "if they are, name another folder for one of them in postroom.toml",
        );
    }

    /// The records cannot be written.
    pub fn paused(&self, why: &dyn fmt::Display) {
        self.stuck(
            why,
            "paused; the connection is kept, and sorting goes on by itself when the records can be written",
        );
    }

    /// The user has paused the account, or the pause is over.
    pub fn recess(&self, words: &str) {
        info!(account = self.account.as_str(), "{words}");
    }

    /// The records can be written again.
    pub fn resumed(&self) {
        info!(
            account = self.account.as_str(),
            "the records can be written again; sorting goes on"
        );
    }

    /// The server has not understood us three times in an hour.
    pub fn stopped(&self, why: &dyn fmt::Display) {
        self.stuck(
            why,
            "the third time within an hour: this account is left alone until `systemctl reload postroom` (SIGHUP); please report this",
        );
    }

    /// An attempt failed and another will be made.
    pub fn waiting(&self, why: &dyn fmt::Display, wait: Duration) {
        let (account, wait_s) = (self.account.as_str(), wait.as_secs());
        let why = sanitise(&why.to_string());
        warn!(account, wait_s, "{why}; trying again in {wait_s} s");
        self.tell(Told::Problem(why));
    }

    /// Something only the user can mend.
    pub fn stuck(&self, why: &dyn fmt::Display, remedy: &str) {
        let why = sanitise(&why.to_string());
        error!(account = self.account.as_str(), "{why}; {remedy}");
        self.tell(Told::Problem(why));
    }
}

/// A value or a dash.
struct Shown<'a>(Option<&'a str>);

impl fmt::Display for Shown<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0.unwrap_or("-"))
    }
}
