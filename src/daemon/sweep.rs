//! A sweep: compare one folder with the ledger, and deal with what is new. IDLE and NOTIFY only hint that one is due.

use std::collections::BTreeSet;

use super::clock;
use super::error::DaemonError;
use super::first_look::FirstLook;
use super::visit::{Stopping, Visit, written};
use crate::imap::Fetched;
use crate::imap::Status;
use crate::imap::{Access, Selected};
use crate::sort::arrival::Event;
use crate::sort::mailbox::{Mailbox, Uid};
use crate::sort::message::Message;
use crate::store::FolderMark;

/// Messages fetched with one command. A thousand costs no more than all at once and bounds the memory.
pub const WINDOW: usize = 1_000;

/// Moves that are collected before the server is asked to carry them out: enough that its work for each MOVE, which grows
/// with the folder, is shared by thousands; few enough that what waits stays at some MB.
const MOVES_AT_ONCE: usize = 8_000;

impl Visit<'_> {
    /// Compares a folder with the ledger and acts on what is new. `stop` is asked between windows.
    pub async fn sweep(&mut self, mailbox: &Mailbox, stop: Stopping<'_>) -> Result<(), DaemonError> {
        let selected = self.enter(mailbox).await?;
        self.session.looked_through();
        let Some(mut mark) = self.mark(&selected).await? else {
            return Ok(());
        };
        if selected.uid_next == mark.next_uid {
            return Ok(());
        }
        let mut uids = match selected.uids_without_gap(mark.next_uid) {
            Some(uids) => uids,
            None => self.session.uids(mark.next_uid, None).await?,
        };
        if mailbox.is_inbox() {
            let came = selected.uid_next.0.saturating_sub(mark.next_uid.0);
            let vanished = came.saturating_sub(uids.len() as u32);
            self.sorter.lookout.vanished(clock::now(), vanished);
        }
        if let Some(ours) = self.ours.get(mailbox) {
            uids.retain(|uid| !ours.contains(uid));
        }
        if !uids.is_empty() {
            self.refresh().await?;
        }
        let fields = self.fields();
        let mut newcomers = selected.uid_next;
        let mut windows = uids.chunks(WINDOW).peekable();
        while let Some(window) = windows.next() {
            let fetched = self.session.headers(window, &fields).await?;
            let withheld = self.withheld(mailbox, window, &fetched).await?;
            let Some(last) = window.last() else { continue };
            if let Some(next) = windows.peek().filter(|_| withheld.is_none()) {
                // On its way while this one is decided and written down.
                self.session.ask_ahead(next, &fields).await?;
            }
            mark.next_uid = withheld.unwrap_or(Uid(last.0.saturating_add(1)));
            self.take_in(mailbox, &mark, fetched).await?;
            if self.pending.len() >= MOVES_AT_ONCE {
                self.session.settle().await?;
                self.carry_out().await?;
            }
            if stop() || withheld.is_some() {
                break;
            }
            if mailbox.is_inbox() && windows.peek().is_some() {
                newcomers = self.newcomers_first(&mark, mailbox, newcomers).await?;
            }
        }
        self.session.settle().await?;
        self.carry_out().await?;
        self.pass_over_ours(mailbox);
        Ok(())
    }

    /// New mail goes first: deals with what has come into `mailbox` behind UID `from` while older mail waits there, and
    /// leaves that where it was. The next UID to look at.
    ///
    /// The mark stays with the older mail. After a crash in between, the newcomers are met again, and known.
    async fn newcomers_first(&mut self, mark: &FolderMark, mailbox: &Mailbox, from: Uid) -> Result<Uid, DaemonError> {
        if self.session.take_arrivals() == 0 {
            return Ok(from);
        }
        let fetched = self.session.headers_from(from, &self.fields()).await?;
        let Some(last) = fetched.last().map(|message| message.uid) else {
            return Ok(from);
        };
        let met: Vec<Uid> = fetched.iter().map(|message| message.uid).collect();
        let older = std::mem::take(&mut self.pending);
        self.take_in(mailbox, mark, fetched).await?;
        self.carry_out().await?;
        self.pending = older;
        self.ours.entry(mailbox.clone()).or_default().extend(met);
        Ok(Uid(last.0.saturating_add(1)))
    }

    /// Moves the mark over messages that this visit has dealt with already.
    pub(super) fn pass_over_ours(&mut self, mailbox: &Mailbox) {
        let (Some(mark), Some(ours)) = (self.marks.get_mut(mailbox), self.ours.get_mut(mailbox)) else {
            return;
        };
        while ours.remove(&mark.next_uid) {
            mark.next_uid = Uid(mark.next_uid.0.saturating_add(1));
        }
        if ours.is_empty() {
            self.ours.remove(mailbox);
        }
    }

    /// Sees to it that INBOX is the selected folder, since IDLE tells of no other, and that nothing has come there unseen:
    /// whatever was looked at last, and by whom.
    pub async fn watch_inbox(&mut self, stop: Stopping<'_>) -> Result<(), DaemonError> {
        let inbox = Mailbox::inbox();
        if self.session.announces(&inbox) {
            return Ok(());
        }
        self.sweep(&inbox, stop).await
    }

    /// Deals with what the server has just told of INBOX while it was selected: one FETCH, and the moves. Whenever what
    /// comes is not exactly what was announced, the whole sweep has the word.
    pub async fn take_news(&mut self, mailbox: &Mailbox, stop: Stopping<'_>) -> Result<(), DaemonError> {
        let arrivals = self.session.take_arrivals() as usize;
        let mark = self.marks.get(mailbox).copied();
        let selected = self.session.selected();
        let known = mark.filter(|mark| {
            selected.is_some_and(|selected| {
                selected.mailbox == *mailbox
                    && selected.uid_validity == mark.uid_validity
                    && selected.read_only != self.writes(mailbox)
            })
        });
        let plain = arrivals <= WINDOW && self.withheld.is_empty() && !self.ours.contains_key(mailbox);
        let Some(mut mark) = known.filter(|_| plain) else {
            return self.sweep(mailbox, stop).await;
        };
        if arrivals == 0 {
            return Ok(());
        }
        self.refresh().await?;
        let fetched = self.session.headers_from(mark.next_uid, &self.fields()).await?;
        // Without a gap nothing can have been passed over.
        let mut expected = (mark.next_uid.0..).map(Uid).zip(&fetched);
        let without_gap = expected.all(|(uid, message)| uid == message.uid);
        if !without_gap || fetched.len() < arrivals {
            return self.sweep(mailbox, stop).await;
        }
        mark.next_uid = Uid(mark.next_uid.0.saturating_add(fetched.len() as u32));
        self.take_in(mailbox, &mark, fetched).await?;
        self.carry_out().await
    }

    /// Decides about messages of a folder and writes it down; moves wait in `pending`.
    async fn take_in(
        &mut self,
        mailbox: &Mailbox,
        mark: &FolderMark,
        fetched: Vec<Fetched>,
    ) -> Result<(), DaemonError> {
        let events = if self.layout.sent.as_ref() == Some(mailbox) {
            let now = clock::now();
            let sent = fetched.into_iter().map(|fetched| {
                let message = Message::parse(&fetched.header);
                Event::Sent {
                    at: written(&message, &fetched, now),
                    message: Box::new(message),
                }
            });
            sent.collect()
        } else {
            self.read(mailbox, mark.uid_validity, fetched).await?
        };
        self.follow(mailbox, mark, events).await
    }

    /// Writes down what follows from events of a folder; moves wait in `pending`.
    async fn follow(&mut self, mailbox: &Mailbox, mark: &FolderMark, events: Vec<Event>) -> Result<(), DaemonError> {
        let now = clock::now();
        let actions = events
            .into_iter()
            .flat_map(|event| self.sorter.handle(now, event))
            .collect();
        self.record(now, mailbox, mark, actions).await
    }

    /// Asks INBOX, which is selected, for messages that were met before, and carries out what follows from each when it is
    /// taken as `taken_as` says. The mark stays where it is.
    pub(super) async fn decide_once_more(
        &mut self,
        mark: &FolderMark,
        mut uids: Vec<Uid>,
        taken_as: fn(Event) -> Event,
    ) -> Result<(), DaemonError> {
        let inbox = Mailbox::inbox();
        uids.sort_unstable();
        uids.dedup();
        let fetched = self.session.headers(&uids, &self.fields()).await?;
        let events = self.read(&inbox, mark.uid_validity, fetched).await?;
        self.follow(&inbox, mark, events.into_iter().map(taken_as).collect())
            .await?;
        self.carry_out().await
    }

    /// The first message of a window that is still in the folder although the server did not give its header. The folder
    /// is looked at again from there next time; after three refusals of one message the sweep goes on without it.
    async fn withheld(
        &mut self,
        mailbox: &Mailbox,
        window: &[Uid],
        fetched: &[Fetched],
    ) -> Result<Option<Uid>, DaemonError> {
        const PATIENCE: u8 = 3;
        let given: BTreeSet<Uid> = fetched.iter().map(|fetched| fetched.uid).collect();
        let missing: Vec<Uid> = window.iter().filter(|uid| !given.contains(uid)).copied().collect();
        let (Some(first), Some(last)) = (missing.first(), missing.last()) else {
            return Ok(None);
        };
        let there = self.session.uids(*first, Some(*last)).await?;
        for uid in missing.into_iter().filter(|uid| there.binary_search(uid).is_ok()) {
            let refusals = self.withheld.entry((mailbox.clone(), uid)).or_default();
            *refusals = refusals.saturating_add(1);
            if *refusals < PATIENCE {
                return Ok(Some(uid));
            }
            self.logbook.unreadable(uid);
        }
        Ok(None)
    }

    /// Selects a folder: for writing only where mail may be moved out of it.
    pub async fn enter(&mut self, mailbox: &Mailbox) -> Result<Selected, DaemonError> {
        let access = if self.writes(mailbox) {
            Access::ReadWrite
        } else {
            Access::ReadOnly
        };
        let selected = self.session.select(mailbox, access).await?;
        if selected.read_only && access == Access::ReadWrite {
            self.look_on();
        }
        Ok(selected)
    }

    fn writes(&self, mailbox: &Mailbox) -> bool {
        mailbox.is_inbox() && self.sorter.settings.moves
    }

    /// Up to where the folder has been looked at; `None` when this was the first look and there is nothing to do.
    async fn mark(&mut self, selected: &Selected) -> Result<Option<FolderMark>, DaemonError> {
        let mailbox = &selected.mailbox;
        match self.marks.get(mailbox) {
            // In a snooze folder everything waits, whenever it came there: nothing may be left behind.
            Some(mark) if self.waits_in(mailbox) && mark.uid_validity != selected.uid_validity => {
                Ok(Some(baseline(selected, Uid(1))))
            }
            None if self.waits_in(mailbox) => Ok(Some(baseline(selected, Uid(1)))),
            Some(mark) if mark.uid_validity != selected.uid_validity || selected.uid_next < mark.next_uid => {
                let mark = *mark;
                self.begin_anew(&mark, selected).await?;
                Ok(None)
            }
            Some(mark) => Ok(Some(*mark)),
            None => {
                let sorts_backlog = mailbox.is_inbox() && self.account.backlog == crate::config::Backlog::Sort;
                let from = if sorts_backlog { Uid(1) } else { selected.uid_next };
                let mark = baseline(selected, from);
                self.logbook
                    .baseline(mailbox, if sorts_backlog { 0 } else { selected.exists });
                self.set_mark(mailbox, mark).await?;
                Ok(sorts_backlog.then_some(mark))
            }
        }
    }

    /// Of the folders given, those that must be opened to know what is new in them: one STATUS tells of all others that
    /// nothing is, and where a new folder begins.
    pub async fn unseen(&mut self, folders: &[Mailbox]) -> Result<Vec<Mailbox>, DaemonError> {
        // What was done meanwhile is in the marks, or met by the next look.
        let seen = self.first_look.take();
        let statuses = match seen.as_ref().and_then(FirstLook::fresh) {
            Some(seen) if folders.iter().all(|folder| seen.contains_key(folder)) => seen.clone(),
            _ => self.session.status(folders).await?,
        };
        let (mut unseen, mut new) = (Vec::new(), Vec::new());
        for mailbox in folders {
            match (statuses.get(mailbox), self.marks.get(mailbox)) {
                (Some(status), Some(mark))
                    if (status.uid_validity, status.uid_next) == (mark.uid_validity, mark.next_uid) => {}
                (Some(status), None) if !self.waits_in(mailbox) => {
                    self.logbook.baseline(mailbox, status.messages);
                    let mark = FolderMark {
                        uid_validity: status.uid_validity,
                        next_uid: status.uid_next,
                        highest_modseq: status.highest_modseq,
                        baseline_done: true,
                        seen_at: clock::now(),
                    };
                    new.push((mailbox.clone(), mark));
                }
                _ => unseen.push(mailbox.clone()),
            }
        }
        if !new.is_empty() {
            self.set_marks(new).await?;
        }
        Ok(unseen)
    }

    /// Of the folders given, those whose STATUS differs from what was last looked at.
    pub async fn changed(&mut self, folders: &[Mailbox]) -> Result<Vec<Mailbox>, DaemonError> {
        let statuses = self.session.status(folders).await?;
        let differs = |mailbox: &&Mailbox| match (statuses.get(mailbox), self.marks.get(mailbox)) {
            (
                Some(Status {
                    uid_validity, uid_next, ..
                }),
                Some(mark),
            ) => *uid_validity != mark.uid_validity || *uid_next != mark.next_uid,
            (Some(_), None) => true,
            (None, _) => false,
        };
        Ok(folders.iter().filter(differs).cloned().collect())
    }

    /// Remembers up to where a folder has been looked at.
    pub async fn set_mark(&mut self, mailbox: &Mailbox, mark: FolderMark) -> Result<(), DaemonError> {
        self.set_marks(vec![(mailbox.clone(), mark)]).await
    }

    async fn set_marks(&mut self, marks: Vec<(Mailbox, FolderMark)>) -> Result<(), DaemonError> {
        let (account, stored) = (self.account.name.clone(), marks.clone());
        self.store
            .run(move |store| store.set_folders(&account, &stored))
            .await?;
        self.marks.extend(marks);
        Ok(())
    }
}

pub(super) fn baseline(selected: &Selected, next_uid: Uid) -> FolderMark {
    FolderMark {
        uid_validity: selected.uid_validity,
        next_uid,
        highest_modseq: selected.highest_modseq,
        baseline_done: true,
        seen_at: clock::now(),
    }
}
