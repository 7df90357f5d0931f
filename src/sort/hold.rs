//! Quiet hours: between two times of the day only top stays in the inbox, the rest of the inbox's mail waits in a folder and
//! comes back at the end. Pure: when it is now, and in which time zone, are arguments.

use jiff::civil::Time;
use jiff::tz::TimeZone;

use super::mailbox::{Mailbox, Timestamp};

/// When mail waits, and where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hold {
    /// The first minute of quiet.
    pub begin: Time,
    /// The first minute after it; before `begin` when midnight lies between.
    pub end: Time,
    /// Where mail waits.
    pub folder: Mailbox,
}

impl Hold {
    /// The usual folder.
    pub const FOLDER: &str = "Held";

    /// True when it is quiet at `now`.
    pub fn is_quiet(&self, now: Timestamp, zone: &TimeZone) -> bool {
        let Some(clock) = local(now, zone).map(|now| now.time()) else {
            return false;
        };
        if self.begin <= self.end {
            self.begin <= clock && clock < self.end
        } else {
            self.begin <= clock || clock < self.end
        }
    }

    /// When mail that began to wait at `since` comes back: the next time that the clock says `end`.
    pub fn due(&self, since: Timestamp, zone: &TimeZone) -> Timestamp {
        let end = local(since, zone).and_then(|since| {
            let on = |day: jiff::civil::Date| day.to_datetime(self.end).to_zoned(zone.clone()).ok();
            on(since.date())
                .filter(|end| *end > since)
                .or_else(|| on(since.date().tomorrow().ok()?))
        });
        end.map_or(since, |end| Timestamp(end.timestamp().as_second()))
    }
}

fn local(at: Timestamp, zone: &TimeZone) -> Option<jiff::Zoned> {
    let instant = jiff::Timestamp::from_second(at.0).ok()?;
    Some(instant.to_zoned(zone.clone()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn zone() -> TimeZone {
        TimeZone::posix("CET-1CEST,M3.5.0,M10.5.0/3").unwrap()
    }

    fn at(text: &str) -> Timestamp {
        let local: jiff::civil::DateTime = text.parse().unwrap();
        Timestamp(local.to_zoned(zone()).unwrap().timestamp().as_second())
    }

    fn hold(begin: &str, end: &str) -> Hold {
        Hold {
            begin: begin.parse().unwrap(),
            end: end.parse().unwrap(),
            folder: Mailbox::new(Hold::FOLDER),
        }
    }

    #[test]
    fn quiet_hours_go_over_midnight_or_not() {
        for (begin, end, now, quiet) in [
            ("22:00", "07:00", "2026-11-18T21:59:59", false),
            ("22:00", "07:00", "2026-11-18T22:00", true),
            ("22:00", "07:00", "2026-11-19T00:00", true),
            ("22:00", "07:00", "2026-11-19T06:59:59", true),
            ("22:00", "07:00", "2026-11-19T07:00", false),
            ("12:00", "13:00", "2026-11-19T12:30", true),
            ("12:00", "13:00", "2026-11-19T13:00", false),
        ] {
            assert_eq!(
                hold(begin, end).is_quiet(at(now), &zone()),
                quiet,
                "{begin}-{end} {now}"
            );
        }
    }

    #[test]
    fn mail_comes_back_when_the_clock_next_says_the_end() {
        for (since, back) in [
            ("2026-11-18T22:30", "2026-11-19T07:00"),
            ("2026-11-19T03:00", "2026-11-19T07:00"),
            ("2026-11-19T07:00", "2026-11-20T07:00"),
            // The nights in which the clocks change.
            ("2026-10-24T23:00", "2026-10-25T07:00"),
            ("2027-03-27T23:00", "2027-03-28T07:00"),
        ] {
            assert_eq!(hold("22:00", "07:00").due(at(since), &zone()), at(back), "{since}");
        }
        // An end that the change of the clocks skips is an hour later.
        assert_eq!(
            hold("22:00", "02:30").due(at("2027-03-27T23:00"), &zone()),
            at("2027-03-28T03:30")
        );
    }
}
