//! The only place that reads the wall clock and the time zone.
//!
//! Builds for tests (debug assertions on) can be told that time has passed: `POSTROOM_TEST_CLOCK` names a file with a
//! number of seconds to add, read afresh each time. Nothing of it is in a release build.

use std::cell::Cell;

use tokio::time::Instant;

use crate::sort::mailbox::Timestamp;

thread_local! {
    /// In a simulation: what the wall clock showed when tokio's clock, which a simulation pauses, stood there.
    static SIMULATED: Cell<Option<(Timestamp, Instant)>> = const { Cell::new(None) };
}

/// Now.
pub fn now() -> Timestamp {
    match SIMULATED.get() {
        None => Timestamp(jiff::Timestamp::now().as_second().saturating_add(ahead())),
        Some((then, at)) => Timestamp(then.0.saturating_add_unsigned(at.elapsed().as_secs())),
    }
}

/// For simulations: on this thread it is `now`, and from here on the wall clock goes with tokio's. May be said again, as
/// a clock that is set does.
pub fn simulate(now: Timestamp) {
    SIMULATED.set(Some((now, Instant::now())));
}

#[cfg(debug_assertions)]
fn ahead() -> i64 {
    let told = std::env::var_os("POSTROOM_TEST_CLOCK").and_then(|path| std::fs::read_to_string(path).ok());
    told.and_then(|text| text.trim().parse().ok()).unwrap_or(0)
}

#[cfg(not(debug_assertions))]
fn ahead() -> i64 {
    0
}

/// An instant on the user's clock.
pub fn local(at: Timestamp) -> jiff::Zoned {
    let at = jiff::Timestamp::from_second(at.0).unwrap_or_default();
    at.to_zoned(jiff::tz::TimeZone::system())
}

/// An instant as a person says it: the time alone while it is today, on the user's clock.
pub fn shown(at: Timestamp) -> String {
    let (then, today) = (local(at), local(now()));
    let format = if then.date() == today.date() {
        "%H:%M"
    } else {
        "%Y-%m-%d %H:%M"
    };
    then.strftime(format).to_string()
}

/// Offset of the user's time zone at an instant, seconds east of UTC.
pub fn utc_offset(at: Timestamp) -> i32 {
    let at = jiff::Timestamp::from_second(at.0).unwrap_or_default();
    jiff::tz::TimeZone::system().to_offset(at).seconds()
}
