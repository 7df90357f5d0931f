//! What happened since mail was last counted, line by line with its time: the user's acts and every command of the daemon.
//! Written to a file when the run fails, because a soak's finding seldom comes twice.

use std::fmt::Write as _;
use std::time::{Duration, Instant};

use super::support::Proxy;

/// The lines since the last look.
pub struct Chronicle {
    seed: u64,
    start: Instant,
    lines: Vec<(Duration, String)>,
}

impl Chronicle {
    /// Begins now.
    pub fn new(seed: u64) -> Self {
        Self {
            seed,
            start: Instant::now(),
            lines: Vec::new(),
        }
    }

    /// How long the run has lasted.
    pub fn elapsed(&self) -> Duration {
        self.start.elapsed()
    }

    /// Adds what somebody else has kept, with the moment of each line.
    pub fn add(&mut self, lines: impl IntoIterator<Item = (Instant, String)>) {
        let since = |at: Instant| at.saturating_duration_since(self.start);
        let timed: Vec<_> = lines.into_iter().map(|(at, line)| (since(at), line)).collect();
        self.lines.extend(timed);
    }

    /// Adds every command that passed through a proxy started at `began`.
    pub fn add_commands(&mut self, began: Instant, proxy: &Proxy) {
        let said = proxy.commands().into_iter();
        self.add(said.map(|command| {
            (
                began + command.at,
                format!("daemon #{} {}", command.connection, command.text),
            )
        }));
    }

    /// All was counted and is well: what led here is no longer needed.
    pub fn forget(&mut self) {
        self.lines.clear();
    }
}

impl Drop for Chronicle {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            return;
        }
        self.lines.sort_by_key(|(at, _)| *at);
        let mut text = String::new();
        for (at, line) in &self.lines {
            let _ = writeln!(text, "{:>10.3} {line}", at.as_secs_f64());
        }
        let path = std::env::temp_dir().join(format!("postroom-soak-{}.txt", self.seed));
        match std::fs::write(&path, text) {
            Ok(()) => eprintln!("what happened since the last look: {}", path.display()),
            Err(error) => eprintln!("what happened could not be written to {}: {error}", path.display()),
        }
    }
}
