//! What the user showed by dragging: an identity belongs into a bucket.
//!
//! Asked in the order exact address, List-Id, organisational domain; for one identity the newest lesson is the only
//! one. A drag into a bucket folder teaches at once; a drag back to the inbox takes away what the first drag taught and
//! teaches the inbox.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::authenticity::Authentication;
use super::bucket::Bucket;
use super::evidence::Evidence;
use super::mailbox::Timestamp;
use super::message::Message;
use super::pseudonym::Pseudonyms;
use super::sender::{Address, Owner, is_shared, organisational_domain};

/// Most different senders that one sweep may teach; beyond it the lessons are held until the user confirms them.
pub const MOST_TAUGHT_AT_ONCE: usize = 100;

/// Whose mail a lesson is about.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Identity {
    /// One address.
    Address(Address),
    /// One mailing list, by List-Id.
    List(String),
    /// An organisational domain and everything below it.
    Domain(String),
}

impl std::fmt::Display for Identity {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Identity::Address(address) => f.pad(address.as_str()),
            Identity::List(id) => write!(f, "the list {}", super::sanitise(id)),
            Identity::Domain(domain) => write!(f, "everybody at {domain}"),
        }
    }
}

impl Identity {
    /// The word by which commands and files name it: an address, `@domain`, or a List-Id; safe to print.
    pub fn spelling(&self) -> String {
        match self {
            Identity::Address(address) => address.as_str().to_owned(),
            Identity::List(list) => super::sanitise(list),
            Identity::Domain(domain) => format!("@{domain}"),
        }
    }
}

/// How a lesson came about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Teacher {
    /// The user dragged a message.
    Drag,
    /// `postroom train`.
    Train,
    /// `postroom learn --from` or `import`.
    Import,
}

impl Teacher {
    /// Every teacher.
    pub const ALL: [Teacher; 3] = [Teacher::Drag, Teacher::Train, Teacher::Import];

    /// The stored and printed word.
    pub fn as_str(self) -> &'static str {
        match self {
            Teacher::Drag => "drag",
            Teacher::Train => "train",
            Teacher::Import => "import",
        }
    }
}

/// One lesson: an identity belongs into a bucket.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lesson {
    /// Whose mail.
    pub identity: Identity,
    /// Where it belongs.
    pub bucket: Bucket,
    /// When the user showed it.
    pub at: Timestamp,
    /// Message-ID of the example.
    pub example: Option<String>,
    /// How the example was authenticated: a spoof dragged into Blackhole must not swallow the real sender.
    pub authentication: Authentication,
    /// How it came about.
    pub by: Teacher,
}

impl Lesson {
    /// True when the lesson speaks about mail of this authentication. A Blackhole lesson shown by a forgery is about
    /// forgeries; one shown by unvouched mail is not about mail that the provider vouches for.
    pub fn covers(&self, authentication: Authentication) -> bool {
        self.bucket != Bucket::Blackhole
            || match self.authentication {
                Authentication::Pass => true,
                Authentication::None => authentication != Authentication::Pass,
                Authentication::Fail => authentication == Authentication::Fail,
            }
    }
}

/// One drag, as [`Taught::identities_for`] and [`Taught::drag`] need to see it.
#[derive(Debug, Clone, Copy)]
pub struct Drag<'a> {
    /// The message that was dragged.
    pub message: &'a Message,
    /// What its headers say.
    pub evidence: &'a Evidence,
    /// Whether the provider vouched for it.
    pub authentication: Authentication,
    /// The bucket whose folder it was put into; [`Bucket::Inbox`] for a rescue.
    pub bucket: Bucket,
    /// It was put into `Blackhole/Domain`.
    pub whole_domain: bool,
    /// When.
    pub at: Timestamp,
    /// How.
    pub by: Teacher,
}

/// What a drag changed.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Learned {
    /// New lessons, to be stored.
    pub taught: Vec<Lesson>,
    /// Lessons that are gone, to be deleted: replaced by new ones or taken back by a rescue.
    pub forgotten: Vec<Lesson>,
}

/// Every lesson in force.
#[derive(Debug, Clone, Default)]
pub struct Taught {
    lessons: BTreeMap<Identity, Lesson>,
    names: Pseudonyms,
}

impl Taught {
    /// Nothing yet; identities are remembered under these names.
    pub fn under(names: &Pseudonyms) -> Self {
        Self {
            names: names.clone(),
            ..Self::default()
        }
    }

    /// How identities are remembered.
    pub fn names(&self) -> &Pseudonyms {
        &self.names
    }

    /// Puts back what the store kept; of two lessons about one identity the newer stays.
    pub fn load(&mut self, lessons: impl IntoIterator<Item = Lesson>) {
        for lesson in lessons {
            self.teach(lesson);
        }
    }

    /// Takes one lesson; returns the one it replaces. An older lesson than the one in force changes nothing and is
    /// returned itself.
    pub fn teach(&mut self, lesson: Lesson) -> Option<Lesson> {
        let lesson = self.names.lesson(lesson);
        match self.lessons.get(&lesson.identity) {
            Some(known) if known.at > lesson.at => Some(lesson),
            _ => self.lessons.insert(lesson.identity.clone(), lesson),
        }
    }

    /// Takes a lesson away.
    pub fn forget(&mut self, identity: &Identity) -> Option<Lesson> {
        self.lessons.remove(&self.names.identity(identity))
    }

    /// The lesson about exactly this identity.
    pub fn about(&self, identity: &Identity) -> Option<&Lesson> {
        self.lessons.get(&self.names.identity(identity))
    }

    /// Every lesson, in order of identity.
    pub fn lessons(&self) -> impl Iterator<Item = &Lesson> {
        self.lessons.values()
    }

    /// The lesson that speaks about this message: exact address, then List-Id, then domain.
    pub fn lookup(&self, message: &Message, authentication: Authentication) -> Option<&Lesson> {
        if self.lessons.is_empty() {
            return None;
        }
        let from = message.from();
        let address = from.map(|from| Identity::Address(from.clone()));
        let list = message.list_id.clone().map(Identity::List);
        let domain = from.map(|from| Identity::Domain(from.organisational_domain().to_owned()));
        [address, list, domain]
            .into_iter()
            .flatten()
            .filter_map(|identity| self.about(&identity))
            .find(|lesson| lesson.covers(authentication))
    }

    /// Whom a drag is about. Nobody for a malformed From, and never the user's own address.
    ///
    /// - news, bulk, an own bucket: the List-Id when the message came through a list, else the address;
    /// - blackhole: the address, and for a newsletter or advertisement its List-Id too, since senders rotate addresses;
    ///   a person's post on a discussion list teaches only the person; `Blackhole/Domain` the whole domain, unless
    ///   millions share it;
    /// - top and inbox: the address; a newsletter's List-Id too when it goes back to the inbox.
    pub fn identities_for(drag: &Drag<'_>, owner: &Owner) -> Vec<Identity> {
        let Some(from) = drag.message.from().filter(|from| !owner.is(from)) else {
            return Vec::new();
        };
        let address = Identity::Address(from.clone());
        let list = drag.message.list_id.clone().map(Identity::List);
        let broadcast = if drag.evidence.discussion { None } else { list.clone() };
        match drag.bucket {
            Bucket::News | Bucket::Bulk | Bucket::Own(_) => vec![list.unwrap_or(address)],
            Bucket::Blackhole if drag.whole_domain => {
                let domain = organisational_domain(from.domain());
                if is_shared(domain) {
                    vec![address]
                } else {
                    vec![Identity::Domain(domain.to_owned())]
                }
            }
            Bucket::Blackhole | Bucket::Inbox => std::iter::once(address).chain(broadcast).collect(),
            Bucket::Top => vec![address],
        }
    }

    /// Learns from a drag: out of the inbox (file) or, with [`Bucket::Inbox`], back into it (rescue).
    pub fn drag(&mut self, drag: &Drag<'_>, owner: &Owner) -> Learned {
        let mut learned = Learned::default();
        if drag.bucket == Bucket::Inbox {
            learned.forgotten = self.forget_example(drag.message);
        }
        for identity in Self::identities_for(drag, owner) {
            let lesson = Lesson {
                identity,
                bucket: drag.bucket,
                at: drag.at,
                example: drag.message.message_id.clone(),
                authentication: drag.authentication,
                by: drag.by,
            };
            let lesson = self.names.lesson(lesson);
            learned.forgotten.extend(self.teach(lesson.clone()));
            learned.taught.push(lesson);
        }
        learned
    }

    /// Takes away every lesson that this very message once taught.
    fn forget_example(&mut self, message: &Message) -> Vec<Lesson> {
        let Some(id) = message.message_id.as_deref() else {
            return Vec::new();
        };
        // Only identities of the message itself: a copied Message-ID must not erase somebody else's lesson.
        let names = &self.names;
        let id = names.message_id(id);
        let from = message.from();
        let own = |identity: &Identity| match identity {
            Identity::Address(address) => from.is_some_and(|from| names.address(from).as_ref() == address),
            Identity::List(list) => message.list_id.as_ref().is_some_and(|id| names.list(id) == *list),
            Identity::Domain(domain) => from.is_some_and(|from| names.domain(from.organisational_domain()) == *domain),
        };
        let gone: Vec<Identity> = self
            .lessons
            .values()
            .filter(|lesson| lesson.example.as_deref() == Some(&*id) && own(&lesson.identity))
            .map(|lesson| lesson.identity.clone())
            .collect();
        gone.iter()
            .filter_map(|identity| self.lessons.remove(identity))
            .collect()
    }
}

#[cfg(test)]
mod tests;
