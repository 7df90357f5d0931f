//! Times as a person says them: a point in the past (`--since`), and one ahead (`postroom pause`).

use anyhow::{Context, bail};
use jiff::civil::{Date, DateTime, Time};
use jiff::{Span, Zoned};

use crate::sort::mailbox::Timestamp;
use crate::sort::weekday;

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
            } else if let Some(instant) = named(text, now)? {
                instant
            } else if let Ok(time) = text.parse::<Time>() {
                at(now.date(), time, now)?
            } else {
                bail!("`{text}` is no time; say for example 1h, 30d, today, 2026-11-22 or \"2026-11-22 14:00\"");
            }
        }
    };
    Ok(Timestamp(instant.timestamp().as_second()))
}

/// The instant ahead that is meant by `1h`, `2d`, `tomorrow`, `monday` (where the next one begins), `18:00` (the next one),
/// `2026-11-23` or `2026-11-23 08:00`.
pub fn parse_ahead(text: &str, now: &Zoned) -> anyhow::Result<Timestamp> {
    let text = text.trim();
    let instant = if let Ok(span) = text.parse::<Span>() {
        now.checked_add(span.abs()).context("that is too far ahead")?
    } else if text == "tomorrow" {
        now.tomorrow()?.start_of_day()?
    } else if let Some(weekday) = weekday::named(text) {
        now.nth_weekday(1, weekday)?.start_of_day()?
    } else if let Some(instant) = named(text, now)? {
        instant
    } else if let Ok(time) = text.parse::<Time>() {
        let today = at(now.date(), time, now)?;
        if today > *now {
            today
        } else {
            at(now.date().tomorrow()?, time, now)?
        }
    } else {
        bail!("`{text}` is no time; say for example 30m, 1h, 2d, tomorrow, monday, 18:00 or 2026-11-23");
    };
    if instant <= *now {
        bail!("`{text}` is over already");
    }
    Ok(Timestamp(instant.timestamp().as_second()))
}

/// A day or an instant that is written out: RFC 3339, `2026-11-22 14:00`, `2026-11-22`.
fn named(text: &str, now: &Zoned) -> Result<Option<Zoned>, jiff::Error> {
    let zone = now.time_zone().clone();
    if let Ok(instant) = text.parse::<jiff::Timestamp>() {
        return Ok(Some(instant.to_zoned(zone)));
    }
    if let Ok(moment) = text.parse::<DateTime>() {
        return moment.to_zoned(zone).map(Some);
    }
    let day = text.parse::<Date>().ok();
    day.map(|day| day.to_zoned(zone)).transpose()
}

fn at(day: Date, time: Time, now: &Zoned) -> Result<Zoned, jiff::Error> {
    day.to_datetime(time).to_zoned(now.time_zone().clone())
}

/// [`parse_ahead`] for an option, against the clock and the zone of this machine.
pub fn ahead_argument(text: &str) -> Result<Timestamp, String> {
    parse_ahead(text, &Zoned::now()).map_err(|error| error.to_string())
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
    fn a_time_ahead_is_the_next_of_its_name() {
        let now = jiff::civil::date(2026, 11, 22).at(16, 30, 0, 0);
        let now = now.to_zoned(jiff::tz::TimeZone::UTC).unwrap();
        for (said, meant) in [
            ("1h", "2026-11-22T17:30:00Z"),
            ("2d", "2026-11-24T16:30:00Z"),
            ("18:00", "2026-11-22T18:00:00Z"),
            ("07:00", "2026-11-23T07:00:00Z"),
            ("tomorrow", "2026-11-23T00:00:00Z"),
            // It is a Sunday.
            ("monday", "2026-11-23T00:00:00Z"),
            ("Sunday", "2026-11-29T00:00:00Z"),
            ("2026-11-25", "2026-11-25T00:00:00Z"),
            ("2026-11-25 08:00", "2026-11-25T08:00:00Z"),
        ] {
            let meant: jiff::Timestamp = meant.parse().unwrap();
            assert_eq!(parse_ahead(said, &now).unwrap(), Timestamp(meant.as_second()), "{said}");
        }
        for said in ["2026-11-21", "2026-11-22", "soon", "", "yesterday"] {
            assert!(parse_ahead(said, &now).is_err(), "{said}");
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
