//! Waiting for an event, with a deadline. The only place of the rig that pauses.

use std::time::{Duration, Instant};

/// How long a test waits for anything before it says what did not happen.
pub const PATIENCE: Duration = Duration::from_secs(30);

/// Asks `probe` until it answers, and fails the test with `what` when `limit` has passed.
pub fn within<T>(limit: Duration, what: &str, mut probe: impl FnMut() -> Option<T>) -> T {
    let start = Instant::now();
    loop {
        if let Some(answer) = probe() {
            return answer;
        }
        assert!(start.elapsed() < limit, "waited {limit:?} in vain for: {what}");
        std::thread::sleep(Duration::from_millis(10));
    }
}

/// [`within`] the usual patience.
pub fn eventually<T>(what: &str, probe: impl FnMut() -> Option<T>) -> T {
    within(PATIENCE, what, probe)
}
