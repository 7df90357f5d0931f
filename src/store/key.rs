//! Where the records are, and the key of their pseudonyms: a file that its owner alone may read. Beside the records it is
//! made when it is first needed; anywhere else, as where systemd puts a credential, the user has made it.

use std::fmt::Write as _;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write as _};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use crate::sort::pseudonym::Pseudonyms;

/// Name of the key in the state directory; `config` knows it too.
pub const KEY_NAME: &str = "privacy.key";

/// Octets of a key that is made here.
const MADE: usize = 32;

/// Fewest and most octets of a key. Other people's keys may be written in hexadecimal or base64.
const FITTING: std::ops::RangeInclusive<usize> = 32..=4_096;

/// Where the records are, and how names are to be kept in them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// The state directory.
    pub dir: PathBuf,
    /// The file with the key where names are to be kept as pseudonyms; `None` for names in clear.
    pub key: Option<PathBuf>,
}

impl Place {
    /// Records in `dir`.
    pub fn new(dir: &Path, key: Option<&Path>) -> Self {
        Self {
            dir: dir.to_owned(),
            key: key.map(Path::to_owned),
        }
    }
}

impl From<&Place> for Place {
    fn from(place: &Place) -> Self {
        place.clone()
    }
}

impl From<&Path> for Place {
    /// With names in clear.
    fn from(dir: &Path) -> Self {
        Self::new(dir, None)
    }
}

impl From<&PathBuf> for Place {
    /// With names in clear.
    fn from(dir: &PathBuf) -> Self {
        Self::new(dir, None)
    }
}

/// Why there is no key.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    /// It cannot be read or made.
    #[error("{0}")]
    Io(#[from] io::Error),
    /// Not a regular file.
    #[error("it is not a regular file")]
    NotAFile,
    /// Others may read or write it.
    #[error("it may be read by others (mode {0:03o}); run chmod 600 on it")]
    Open(u32),
    /// It is no key.
    #[error("a key has 32 to 4096 octets; make one with: head -c 32 /dev/urandom | base64 > FILE")]
    Unfit,
}

/// Reads a key.
pub(super) fn read(path: &Path) -> Result<Pseudonyms, KeyError> {
    // Asked before opening: opening a FIFO would wait for a writer.
    let metadata = fs::metadata(path)?;
    if !metadata.is_file() {
        return Err(KeyError::NotAFile);
    }
    let mode = metadata.mode() & 0o777;
    // systemd lets a service read its credentials by the group's bits.
    if mode & 0o027 != 0 {
        return Err(KeyError::Open(mode));
    }
    let mut key = Vec::new();
    File::open(path)?
        .take(*FITTING.end() as u64 + 1)
        .read_to_end(&mut key)?;
    let key = key.trim_ascii_end();
    if !FITTING.contains(&key.len()) {
        return Err(KeyError::Unfit);
    }
    Ok(Pseudonyms::keyed(key))
}

/// Makes a key of random octets, in hexadecimal, unless there is one. It is on the disk when this returns: records under a
/// key that a power cut has taken away could never be read again.
pub(super) fn make(path: &Path) -> Result<(), KeyError> {
    if path.try_exists()? {
        return Ok(());
    }
    let mut random = [0; MADE];
    File::open("/dev/urandom")?.read_exact(&mut random)?;
    let mut text = String::new();
    for octet in random {
        let _ = write!(text, "{octet:02x}");
    }
    text.push('\n');
    let draft = path.with_extension("new");
    let _ = fs::remove_file(&draft);
    let mut file = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(&draft)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()?;
    fs::rename(&draft, path)?;
    if let Some(dir) = path.parent() {
        File::open(dir)?.sync_all()?;
    }
    Ok(())
}
