//! INTERNALDATE as servers write it (RFC 9051 section 9, `date-time`).

use crate::sort::mailbox::Timestamp;

const MONTHS: [&str; 12] = [
    "jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec",
];

/// ` 5-Nov-2026 09:05:06 +0100` (RFC 9051 section 9, `date-time`) in seconds since 1970.
pub(super) fn timestamp(date: &str) -> Option<Timestamp> {
    let mut parts = date.split_ascii_whitespace();
    let (day, time, zone) = (parts.next()?, parts.next()?, parts.next()?);
    let mut day = day.split('-');
    let (mday, month, year) = (day.next()?.parse().ok()?, day.next()?, day.next()?.parse().ok()?);
    let month = MONTHS.iter().position(|name| name.eq_ignore_ascii_case(month))? as i8 + 1;
    let mut time = time.split(':');
    let (hour, minute, second) = (
        time.next()?.parse().ok()?,
        time.next()?.parse().ok()?,
        time.next()?.parse::<i8>().ok()?,
    );
    let zone: i64 = zone.parse().ok()?;
    let east = (zone / 100 * 60 + zone % 100) * 60;
    let local = jiff::civil::date(1970, 1, 1).at(0, 0, 0, 0);
    let there = jiff::civil::Date::new(year, month, mday)
        .ok()?
        .to_datetime(jiff::civil::Time::new(hour, minute, second.min(59), 0).ok()?);
    let seconds = there.since((jiff::Unit::Second, local)).ok()?.get_seconds();
    Some(Timestamp(seconds - east))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn internal_dates() {
        assert_eq!(timestamp("17-Jul-1996 02:44:25 -0700"), Some(Timestamp(837_596_665)));
        assert_eq!(timestamp(" 5-Nov-2026 00:00:00 +0000"), Some(Timestamp(1_793_836_800)));
        assert_eq!(timestamp("01-Jan-1970 00:00:60 +0000"), Some(Timestamp(59)));
        for odd in [
            "",
            "31-Feb-2026 00:00:00 +0000",
            "1-Foo-2026 00:00:00 +0000",
            "1-Jan-99999 00:00:00 +0000",
            "1-Jan-2026 25:00:00 +0000",
        ] {
            assert_eq!(timestamp(odd), None, "{odd:?}");
        }
    }
}
