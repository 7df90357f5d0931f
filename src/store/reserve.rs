//! Room on the disk kept back for outcomes.
//!
//! A move that has left for the server happens whether or not its outcome can be written. So no move is planned unless
//! this file is there; when the disk is full, closing a row gives its room back to the system and tries once more.

use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

/// Octets kept back: several times what closing the largest set of moves writes.
const ROOM: usize = 2 << 20;

/// Writes something into a state directory and takes it away again: what `status` does to see whether the daemon can.
pub(super) fn try_room(dir: &Path) -> io::Result<()> {
    let path = dir.join(format!("probe.{}", std::process::id()));
    let written = OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(&path)
        .and_then(|mut file| {
            file.write_all(&vec![b'.'; 64 << 10])?;
            file.sync_all()
        });
    let _ = fs::remove_file(&path);
    written
}

/// The file that holds the room.
#[derive(Debug)]
pub(super) struct Reserve {
    path: PathBuf,
    held: bool,
}

impl Reserve {
    /// The reserve in a state directory. Nothing is written yet.
    pub(super) fn new(dir: &Path) -> Self {
        Self {
            path: dir.join("reserve"),
            held: false,
        }
    }

    /// Makes sure of the room; an error means that the disk is as good as full.
    pub(super) fn hold(&mut self) -> io::Result<()> {
        if self.held {
            return Ok(());
        }
        if !fs::metadata(&self.path).is_ok_and(|file| file.len() == ROOM as u64) {
            self.fill().inspect_err(|_| {
                let _ = fs::remove_file(&self.path);
            })?;
        }
        self.held = true;
        Ok(())
    }

    /// Gives the room back; false when there was none.
    pub(super) fn release(&mut self) -> bool {
        self.held = false;
        fs::remove_file(&self.path).is_ok()
    }

    /// Real octets: a file made longer without writing takes no room.
    fn fill(&self) -> io::Result<()> {
        let mut file = OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(true)
            .mode(0o600)
            .open(&self.path)?;
        let block = vec![b'.'; 64 << 10];
        for _ in 0..ROOM / block.len() {
            file.write_all(&block)?;
        }
        file.sync_all()
    }
}
