//! The only place that reads the wall clock and the time zone.

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
        None => Timestamp(jiff::Timestamp::now().as_second()),
        Some((then, at)) => Timestamp(then.0.saturating_add_unsigned(at.elapsed().as_secs())),
    }
}

/// For simulations: on this thread it is `now`, and from here on the wall clock goes with tokio's. May be said again, as
/// a clock that is set does.
pub fn simulate(now: Timestamp) {
    SIMULATED.set(Some((now, Instant::now())));
}

/// Offset of the user's time zone at an instant, seconds east of UTC.
pub fn utc_offset(at: Timestamp) -> i32 {
    let at = jiff::Timestamp::from_second(at.0).unwrap_or_default();
    jiff::tz::TimeZone::system().to_offset(at).seconds()
}
