//! The only place that reads the wall clock and the time zone.

use crate::sort::mailbox::Timestamp;

/// Now.
pub fn now() -> Timestamp {
    Timestamp(jiff::Timestamp::now().as_second())
}

/// Offset of the user's time zone at an instant, seconds east of UTC.
pub fn utc_offset(at: Timestamp) -> i32 {
    let at = jiff::Timestamp::from_second(at.0).unwrap_or_default();
    jiff::tz::TimeZone::system().to_offset(at).seconds()
}
