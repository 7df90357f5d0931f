//! The five answers a verdict can give.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// Where a message belongs. `Inbox` means: leave it alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Bucket {
    /// People the user really talks to.
    Top,
    /// Everything that has no better place; the message stays where it was delivered.
    Inbox,
    /// Newsletters and lists, read when there is time.
    News,
    /// Machines talking: receipts, notices, marketing.
    Bulk,
    /// Never again.
    Blackhole,
}

impl Bucket {
    /// Every bucket, in the order used for tables.
    pub const ALL: [Bucket; 5] = [
        Bucket::Top,
        Bucket::Inbox,
        Bucket::News,
        Bucket::Bulk,
        Bucket::Blackhole,
    ];

    /// The word used in configuration, JSON, logs and the manual.
    pub fn as_str(self) -> &'static str {
        match self {
            Bucket::Top => "top",
            Bucket::Inbox => "inbox",
            Bucket::News => "news",
            Bucket::Bulk => "bulk",
            Bucket::Blackhole => "blackhole",
        }
    }

    /// True for the buckets that take a message out of the user's sight: news, bulk, blackhole.
    pub fn buries(self) -> bool {
        matches!(self, Bucket::News | Bucket::Bulk | Bucket::Blackhole)
    }
}

impl fmt::Display for Bucket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// A word that names no bucket.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no bucket; the buckets are top, inbox, news, bulk and blackhole")]
pub struct UnknownBucket(pub String);

impl FromStr for Bucket {
    type Err = UnknownBucket;

    fn from_str(word: &str) -> Result<Self, Self::Err> {
        Self::ALL
            .into_iter()
            .find(|bucket| bucket.as_str() == word)
            .ok_or_else(|| UnknownBucket(word.to_owned()))
    }
}
