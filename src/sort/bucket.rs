//! The answers a verdict can give: five that every account has, and those that the user has made.

use std::fmt;
use std::str::FromStr;

use serde::de::{self, Deserialize, Deserializer};
use serde::{Serialize, Serializer};

use super::rules::finding::nearest;

/// Where a message belongs. `Inbox` means: leave it alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
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
    /// One that the user has made (`[account.bucket.NAME]`). Only a rule or the user's hand leads there.
    Own(OwnBucket),
}

/// Longest name of an own bucket, in letters.
const LONGEST: usize = 24;

/// The name of an own bucket: small letters, digits and hyphens, a letter first. Kept in place, so that a [`Bucket`] stays
/// a value that is copied.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct OwnBucket {
    letters: [u8; LONGEST],
    length: u8,
}

impl OwnBucket {
    /// A name, when it is one and no built-in bucket has it.
    pub fn new(name: &str) -> Option<Self> {
        let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
        let sound = name.len() <= LONGEST
            && name.bytes().next().is_some_and(|byte| byte.is_ascii_lowercase())
            && name.bytes().all(plain)
            && Bucket::BUILT_IN.iter().all(|bucket| bucket.as_str() != name);
        if !sound {
            return None;
        }
        let mut letters = [0; LONGEST];
        letters.iter_mut().zip(name.bytes()).for_each(|(to, from)| *to = from);
        Some(Self {
            letters,
            length: u8::try_from(name.len()).ok()?,
        })
    }

    /// The name.
    pub fn as_str(&self) -> &str {
        let letters = self.letters.get(..usize::from(self.length)).unwrap_or_default();
        std::str::from_utf8(letters).unwrap_or_default()
    }
}

impl fmt::Debug for OwnBucket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self.as_str(), f)
    }
}

impl Bucket {
    /// The buckets that every account has, in the order used for tables.
    pub const BUILT_IN: [Bucket; 5] = [
        Bucket::Top,
        Bucket::Inbox,
        Bucket::News,
        Bucket::Bulk,
        Bucket::Blackhole,
    ];

    /// The word used in configuration, JSON, logs and the manual.
    pub fn as_str(&self) -> &str {
        match self {
            Bucket::Top => "top",
            Bucket::Inbox => "inbox",
            Bucket::News => "news",
            Bucket::Bulk => "bulk",
            Bucket::Blackhole => "blackhole",
            Bucket::Own(name) => name.as_str(),
        }
    }

    /// The same, with one word for all own buckets, where there is no room for a name (a colour, a piece of a bar).
    pub fn family(self) -> &'static str {
        match self {
            Bucket::Top => "top",
            Bucket::Inbox => "inbox",
            Bucket::News => "news",
            Bucket::Bulk => "bulk",
            Bucket::Blackhole => "blackhole",
            Bucket::Own(_) => "own",
        }
    }

    /// True for the buckets that take a message out of the user's sight: all but top and inbox.
    pub fn buries(self) -> bool {
        !matches!(self, Bucket::Top | Bucket::Inbox)
    }

    /// The bucket that a person means by `word`, where `own` are those he has made.
    pub fn meant(word: &str, own: impl IntoIterator<Item = Bucket>) -> Result<Self, UnknownBucket> {
        let known: Vec<Bucket> = Self::BUILT_IN.into_iter().chain(own).collect();
        if let Some(bucket) = known.iter().find(|bucket| bucket.as_str() == word) {
            return Ok(*bucket);
        }
        let words = || known.iter().map(Bucket::as_str);
        let hint = nearest(word, words()).map_or_else(
            || format!("there are {}", words().collect::<Vec<_>>().join(", ")),
            |near| format!("did you mean `{near}`?"),
        );
        Err(UnknownBucket {
            word: super::sanitise(word),
            hint,
        })
    }
}

impl fmt::Display for Bucket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl Serialize for Bucket {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

impl<'de> Deserialize<'de> for Bucket {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let word = String::deserialize(deserializer)?;
        word.parse().map_err(de::Error::custom)
    }
}

/// A word that names no bucket.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{word}` is no bucket; {hint}")]
pub struct UnknownBucket {
    /// The word, safe to print.
    pub word: String,
    /// What was probably meant, or what there is.
    pub hint: String,
}

impl FromStr for Bucket {
    type Err = UnknownBucket;

    /// Reads back what was written: the own bucket of any sound name, whether or not it is still configured. What a
    /// person types goes through [`Bucket::meant`].
    fn from_str(word: &str) -> Result<Self, Self::Err> {
        match OwnBucket::new(word) {
            Some(own) => Ok(Bucket::Own(own)),
            None => Self::meant(word, []),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_own_bucket_has_a_plain_name_that_no_other_has() {
        let own = Bucket::Own(OwnBucket::new("receipts-2026").unwrap());
        assert_eq!(own.as_str(), "receipts-2026");
        assert_eq!("receipts-2026".parse(), Ok(own));
        assert!(own.buries());
        for bad in ["", "top", "Receipts", "2026", "a b", "ä", "a/b", &"a".repeat(25)] {
            assert!(OwnBucket::new(bad).is_none(), "{bad}");
        }
        assert!(OwnBucket::new(&"a".repeat(24)).is_some());
    }

    #[test]
    fn a_word_is_understood_or_the_nearest_is_named() {
        let own = Bucket::Own(OwnBucket::new("receipts").unwrap());
        assert_eq!(Bucket::meant("receipts", [own]), Ok(own));
        let said = |word| Bucket::meant(word, [own]).unwrap_err().to_string();
        assert_eq!(said("recipts"), "`recipts` is no bucket; did you mean `receipts`?");
        assert_eq!(
            said("zzz"),
            "`zzz` is no bucket; there are top, inbox, news, bulk, blackhole, receipts"
        );
    }

    #[test]
    fn json_has_the_word_alone() {
        for bucket in [Bucket::News, Bucket::Own(OwnBucket::new("receipts").unwrap())] {
            let text = serde_json::to_string(&bucket).unwrap();
            assert_eq!(text, format!("\"{bucket}\""));
            assert_eq!(serde_json::from_str::<Bucket>(&text).unwrap(), bucket);
        }
    }
}
