//! What happened, line by line: the newest lines are kept for people, all of them go into one number by which two runs
//! of a seed are compared.

use std::collections::VecDeque;

/// Lines that are kept.
const KEPT: usize = 400;

/// The chronicle of one run.
#[derive(Debug)]
pub struct Chronicle {
    lines: VecDeque<String>,
    kept: usize,
    digest: u64,
    count: u64,
}

impl Chronicle {
    /// Nothing has happened. With `all`, every line is kept.
    pub fn new(all: bool) -> Self {
        Self {
            lines: VecDeque::new(),
            kept: if all { usize::MAX } else { KEPT },
            digest: 0xcbf2_9ce4_8422_2325,
            count: 0,
        }
    }

    /// `what` happened at `at`, in milliseconds since the beginning.
    pub fn note(&mut self, at: u64, what: &str) {
        // FNV-1a.
        for byte in at.to_be_bytes().into_iter().chain(what.bytes()) {
            self.digest = (self.digest ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3);
        }
        self.count += 1;
        if self.lines.len() >= self.kept {
            self.lines.pop_front();
        }
        let (hours, minutes, seconds) = (at / 3_600_000, at / 60_000 % 60, at / 1_000 % 60);
        self.lines
            .push_back(format!("{hours:02}:{minutes:02}:{seconds:02}.{:03} {what}", at % 1_000));
    }

    /// One number for everything that happened.
    pub fn digest(&self) -> u64 {
        self.digest
    }

    /// How many things happened.
    pub fn count(&self) -> u64 {
        self.count
    }

    /// The newest lines.
    pub fn last(&self) -> String {
        self.lines.iter().map(|line| format!("{line}\n")).collect()
    }
}
