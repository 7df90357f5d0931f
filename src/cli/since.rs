//! `--since`: a point in the past as a person says it.

use anyhow::{Context, bail};
use jiff::civil::{Date, DateTime};
use jiff::{Span, Zoned};

use crate::sort::mailbox::Timestamp;

/// The instant meant by `1h`, `30d`, `2w`, `1h 30m`, `today`, `yesterday`, `2026-11-22`, `2026-11-22 14:00` or `14:00`
/// (today), in the zone of `now`. Days and weeks follow the calendar, also where the clocks change.
pub fn parse(text: &str, now: &Zoned) -> anyhow::Result<Timestamp> {
    let text = text.trim();
    let instant = match text {
        "today" => now.start_of_day()?,
        "yesterday" => now.yesterday()?.start_of_day()?,
        _ => {
            if let Ok(span) = text.parse::<Span>() {
                now.checked_sub(span.abs()).context("that is too long ago")?
            } else if let Ok(time) = text.parse::<jiff::Timestamp>() {
                time.to_zoned(now.time_zone().clone())
            } else if let Ok(moment) = text.parse::<DateTime>() {
                moment.to_zoned(now.time_zone().clone())?
            } else if let Ok(date) = text.parse::<Date>() {
                date.to_zoned(now.time_zone().clone())?
            } else if let Ok(time) = text.parse::<jiff::civil::Time>() {
                now.date().to_datetime(time).to_zoned(now.time_zone().clone())?
            } else {
                bail!("`{text}` is no time; say for example 1h, 30d, today, 2026-11-22 or \"2026-11-22 14:00\"");
            }
        }
    };
    Ok(Timestamp(instant.timestamp().as_second()))
}

/// [`parse`] for an option, against the clock and the zone of this machine.
pub fn argument(text: &str) -> Result<Timestamp, String> {
    parse(text, &Zoned::now()).map_err(|error| error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_people_say_is_understood() {
        // The rules of Berlin, spelled out: a test machine may have no list of zones.
        let berlin = jiff::tz::TimeZone::posix("CET-1CEST,M3.5.0,M10.5.0/3").unwrap();
        let now = jiff::civil::date(2026, 11, 22)
            .at(4, 10, 31, 0)
            .to_zoned(berlin)
            .unwrap();
        let cases = [
            ("1h", "2026-11-22T03:10:31+01:00"),
            ("90m", "2026-11-22T02:40:31+01:00"),
            ("1h 30m", "2026-11-22T02:40:31+01:00"),
            ("2w", "2026-11-08T04:10:31+01:00"),
            // Over the end of summer time: the same hour of the day.
            ("30d", "2026-10-23T04:10:31+02:00"),
            ("today", "2026-11-22T00:00:00+01:00"),
            ("yesterday", "2026-11-21T00:00:00+01:00"),
            ("2026-11-20", "2026-11-20T00:00:00+01:00"),
            ("2026-11-20 14:00", "2026-11-20T14:00:00+01:00"),
            ("03:30", "2026-11-22T03:30:00+01:00"),
            ("2026-11-20T14:00:00Z", "2026-11-20T14:00:00Z"),
        ];
        for (said, meant) in cases {
            let meant: jiff::Timestamp = meant.parse().unwrap();
            assert_eq!(parse(said, &now).unwrap(), Timestamp(meant.as_second()), "{said}");
        }
    }

    #[test]
    fn what_is_no_time_is_refused() {
        let now = jiff::Timestamp::UNIX_EPOCH.to_zoned(jiff::tz::TimeZone::UTC);
        for said in ["", "soon", "30", "2026-13-01", "999999999w", "d1"] {
            assert!(parse(said, &now).is_err(), "{said}");
        }
    }
}
