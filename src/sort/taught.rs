//! What the user showed by dragging. (being built)

use serde::{Deserialize, Serialize};

use super::authenticity::Authentication;
use super::bucket::Bucket;
use super::mailbox::Timestamp;
use super::sender::Address;

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
