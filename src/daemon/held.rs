//! Rules that would take a large share of the mail: held out of force until the user confirms them, since one `*` in the
//! wrong place moves everything (`sort::rules::lint::broad`).
//!
//! A set of rules is examined once, when the daemon meets it for the first time: against the newest messages of INBOX,
//! the bucket folders and those that rules name, and against the list of folders. What came of it is a note in the
//! records, where `check`, `status` and `preview` read it. `postroom sort --yes` confirms; a rule that is changed
//! afterwards is examined anew.

use std::collections::BTreeSet;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::clock;
use super::error::DaemonError;
use super::visit::Visit;
use crate::imap::{Access, ImapError};
use crate::sort::Arrival;
use crate::sort::arrival::Event;
use crate::sort::mailbox::{Mailbox, Uid};
use crate::sort::rules::{Finding, RuleSet, lint};
use crate::store::{Store, StoreError};

/// Key of the note in the store.
const NOTE: &str = "rules";

/// Folders that are looked into for recent mail.
const MOST_FOLDERS: usize = 20;

/// What is known about the rules of one account.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Examination {
    /// The set that was examined.
    digest: String,
    /// Recent mail was looked at; in mode preview, or with too little of it, it was not.
    sampled: bool,
    /// Rules out of force.
    held: Vec<Held>,
    /// Fingerprints of rules that the user has confirmed.
    confirmed: BTreeSet<String>,
    /// Folders that rules name and that were not there.
    missing: BTreeSet<String>,
}

/// One rule that is held.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Held {
    /// Its name.
    pub rule: String,
    /// Recent messages that it matches.
    pub matches: usize,
    /// Of so many.
    pub of: usize,
}

impl std::fmt::Display for Held {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { rule, matches, of } = self;
        let rule = crate::sort::sanitise(rule);
        write!(
            f,
            "rule \"{rule}\" is held: it would match {matches} of the last {of} messages"
        )
    }
}

impl Examination {
    /// What was last written down about an account's rules.
    pub fn read(store: &Store, account: &str) -> Result<Self, StoreError> {
        // A note that cannot be read is none: the rules are examined again.
        let note = store.get_note(account, NOTE)?;
        Ok(note
            .and_then(|text| serde_json::from_str(&text).ok())
            .unwrap_or_default())
    }

    /// Warnings about the set, when it is the one that was examined: rules that are held, folders that are not there.
    pub fn findings(&self, set: &RuleSet) -> Vec<Finding> {
        if self.digest != set.digest() {
            return Vec::new();
        }
        let of = self.held.first().map_or(0, |held| held.of);
        let count = |name: &str| self.held.iter().find(|held| held.rule == name);
        let counts: Vec<usize> = set
            .rules()
            .iter()
            .map(|rule| count(&rule.name).map_or(0, |held| held.matches))
            .collect();
        let broad = lint::broad(set, &counts, of).into_iter().map(|(_, finding)| finding);
        let missing = lint::missing_folders(set, |folder| !self.missing.contains(folder.as_str()));
        broad.chain(missing).collect()
    }

    /// The rules that are held.
    pub fn held(&self) -> &[Held] {
        &self.held
    }

    fn names(&self) -> BTreeSet<String> {
        self.held.iter().map(|held| held.rule.clone()).collect()
    }
}

impl Visit<'_> {
    /// Puts a set of rules in force, but for those that would take a large share of the mail.
    pub async fn use_rules(&mut self, rules: Arc<RuleSet>) -> Result<(), DaemonError> {
        self.sorter.rules = rules;
        let examined = self.examine_rules().await?;
        self.hold(&examined);
        Ok(())
    }

    /// Leaves the rules out of force that are held in the records as they are now; another process may have released some.
    pub async fn hold_as_recorded(&mut self) -> Result<(), DaemonError> {
        let examined = self.examination().await?;
        if examined.digest == self.sorter.rules.digest() {
            self.hold(&examined);
        }
        Ok(())
    }

    fn hold(&mut self, examined: &Examination) {
        self.sorter.rules = Arc::new(self.sorter.rules.holding(&examined.names()));
    }

    /// Looks at the rules in force, unless this set has been looked at before.
    pub async fn examine_rules(&mut self) -> Result<Examination, DaemonError> {
        let before = self.examination().await?;
        let set = self.sorter.rules.holding(&BTreeSet::new());
        let moves = self.sorter.settings.moves;
        let wants_sample = moves && set.rules().iter().any(lint::may_be_broad);
        if before.digest == set.digest() && (before.sampled || !wants_sample) {
            return Ok(before);
        }
        let (mut missing, mut folders) = (BTreeSet::new(), BTreeSet::from([Mailbox::inbox()]));
        folders.extend(self.layout.buckets.iter().cloned());
        // The buckets are known to be there: the server is asked only about a folder that a rule names besides.
        let named_besides = lint::named_folders(&set).any(|(_, folder)| !folders.contains(&folder));
        let listed = if named_besides {
            self.session.list().await?
        } else {
            Vec::new()
        };
        // Said once for each folder, however often the rules change before it is there.
        let news = lint::missing_folders(&set, |folder| {
            let there = folders.contains(folder) || listed.iter().any(|there| there.mailbox == *folder);
            if there {
                folders.insert(folder.clone());
            } else {
                missing.insert(folder.as_str().to_owned());
            }
            there || before.missing.contains(folder.as_str())
        });
        let sample = if wants_sample {
            self.sample(folders).await?
        } else {
            Vec::new()
        };
        let mut counts = vec![0; set.rules().len()];
        let now = clock::now();
        for arrival in &sample {
            for index in self.sorter.rules_met(now, arrival) {
                counts.get_mut(index).into_iter().for_each(|count| *count += 1);
            }
        }
        let mut held = Vec::new();
        for (name, finding) in lint::broad(&set, &counts, sample.len()) {
            let rule = set.rules().iter().zip(&counts).find(|(rule, _)| *rule.name == *name);
            let Some((rule, count)) = rule.filter(|(rule, _)| !before.confirmed.contains(&lint::fingerprint(rule)))
            else {
                continue;
            };
            self.logbook.rule(&finding);
            held.push(Held {
                rule: rule.name.to_string(),
                matches: *count,
                of: sample.len(),
            });
        }
        for finding in &news {
            self.logbook.rule(finding);
        }
        let examined = Examination {
            digest: set.digest().to_owned(),
            sampled: sample.len() >= lint::SMALLEST_SAMPLE,
            held,
            missing,
            ..before
        };
        self.write_examination(&examined).await?;
        Ok(examined)
    }

    /// The user has seen what the held rules do and wants them: they are in force from now on.
    pub async fn confirm_rules(&mut self) -> Result<(), DaemonError> {
        let mut examined = self.examination().await?;
        let names = examined.names();
        let held = self
            .sorter
            .rules
            .rules()
            .iter()
            .filter(|rule| names.contains(&*rule.name));
        examined.confirmed.extend(held.map(lint::fingerprint));
        examined.held.clear();
        self.write_examination(&examined).await
    }

    async fn examination(&mut self) -> Result<Examination, DaemonError> {
        let account = self.account.name.clone();
        Ok(self.store.run(move |store| Examination::read(store, &account)).await?)
    }

    async fn write_examination(&mut self, examined: &Examination) -> Result<(), DaemonError> {
        let (account, text) = (
            self.account.name.clone(),
            serde_json::to_string(examined).unwrap_or_default(),
        );
        let written = self.store.run(move |store| store.set_note(&account, NOTE, Some(&text)));
        Ok(written.await?)
    }

    /// The newest messages of these folders, by arrival.
    async fn sample(&mut self, folders: BTreeSet<Mailbox>) -> Result<Vec<Arrival>, DaemonError> {
        let mut found = Vec::new();
        for folder in folders.into_iter().take(MOST_FOLDERS) {
            let selected = match self.session.select(&folder, Access::ReadOnly).await {
                Err(ImapError::Refused { bad: false, .. }) => continue,
                selected => selected?,
            };
            let uids: Vec<Uid> = self.session.uids(Uid(1), None).await?;
            let newest = uids.len().saturating_sub(lint::BROAD_SAMPLE);
            let fetched = self
                .session
                .headers(uids.get(newest..).unwrap_or_default(), &self.fields())
                .await?;
            for event in self.read(&folder, selected.uid_validity, fetched).await? {
                if let Event::Arrived(arrival) = event {
                    found.push(*arrival);
                }
            }
        }
        found.sort_by_key(|arrival| std::cmp::Reverse(arrival.arrived));
        found.truncate(lint::BROAD_SAMPLE);
        Ok(found)
    }
}
