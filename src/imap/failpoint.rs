//! Named steps at which a test may kill the process (feature `failpoints`; nothing at all is compiled in otherwise).
//!
//! `POSTROOM_FAILPOINT=name` aborts the first time the step `name` is reached, `name:3` the third time. The names are
//! those passed to [`failpoint`] by the mover and, around the ledger's commits, by the daemon; the kill matrix under
//! `tests/` walks through [`STEPS`].

/// Every step of a move, in the order in which a move passes them.
pub const STEPS: [&str; 19] = [
    "plan-before-commit",
    "plan-after-commit",
    "move-before-send",
    "move-half-sent",
    "move-after-send",
    "move-after-untagged",
    "move-after-tagged",
    "copy-before-send",
    "copy-half-sent",
    "copy-after-send",
    "copy-after-tagged",
    "store-after-send",
    "store-after-tagged",
    "expunge-after-send",
    "expunge-after-tagged",
    "all-reported",
    "close-before-commit",
    "close-after-commit",
    "recovery-before-settling",
];

/// Aborts the process when this step is the one that `POSTROOM_FAILPOINT` names.
#[cfg(feature = "failpoints")]
pub fn failpoint(name: &str) {
    if reached(name) {
        std::process::abort();
    }
}

/// Does nothing: the feature `failpoints` is off.
#[cfg(not(feature = "failpoints"))]
#[inline]
pub fn failpoint(_name: &str) {}

/// True when this is the step, and the time, that `POSTROOM_FAILPOINT` names.
#[cfg(feature = "failpoints")]
pub(super) fn reached(name: &str) -> bool {
    use std::sync::atomic::{AtomicU32, Ordering};
    static PASSED: AtomicU32 = AtomicU32::new(0);
    let Ok(wanted) = std::env::var("POSTROOM_FAILPOINT") else {
        return false;
    };
    let (step, time) = wanted.split_once(':').unwrap_or((&wanted, "1"));
    let time: u32 = time.parse().unwrap_or(1);
    step == name && PASSED.fetch_add(1, Ordering::SeqCst) + 1 == time
}

#[cfg(not(feature = "failpoints"))]
#[inline]
pub(super) fn reached(_name: &str) -> bool {
    false
}
