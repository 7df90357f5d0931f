//! Folders by whose name mail comes back: `Snooze/Tomorrow`, `Snooze/Monday`, `Snooze/3 days`. What a name means is said
//! here; when it is now, and in which time zone, are arguments.
//!
//! | name | comes back |
//! |---|---|
//! | `90 minutes`, `3 hours` | so long after it was put there |
//! | `3 days`, `2 weeks`, `1 month` | in the morning of that day |
//! | `Tomorrow`, `Monday`, `Weekend`, `Next week`, `Next month` | in the morning of the next such day |
//! | `Tonight`, `This evening` | at 18:00 |
//! | `2026-12-24` | in the morning of that day |
//! | `18:30`; and behind any of the days, `Monday 18:30` | when the clock says so next |
//!
//! Capitals do not matter, `in` may stand before. A time that the change of the clocks skips is taken an hour later. What
//! is past already comes back at once; what is more than a year away is refused, since the ledger forgets after 400 days.

use jiff::civil::{Date, Time, Weekday, time};
use jiff::tz::TimeZone;
use jiff::{Span, ToSpan, Zoned};

use super::mailbox::{Mailbox, Timestamp};
use super::weekday;

/// Longest wait, in days.
const LONGEST_DAYS: f64 = 366.0;

/// `Tonight`.
const EVENING: Time = time(18, 0, 0, 0);

/// The snooze folders of an account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Snooze {
    /// The folder above them.
    pub folder: Mailbox,
    /// Names of those that are made by themselves.
    pub times: Vec<String>,
    /// When a day's mail comes back.
    pub morning: Time,
}

impl Default for Snooze {
    fn default() -> Self {
        Self {
            folder: Mailbox::new("Snooze"),
            times: ["Tomorrow", "Monday", "3 days"].map(str::to_owned).to_vec(),
            morning: time(8, 0, 0, 0),
        }
    }
}

impl Snooze {
    /// The last part of the name of a folder right below ours.
    pub fn name_of<'a>(&self, mailbox: &'a Mailbox) -> Option<&'a str> {
        let below = mailbox.as_str().strip_prefix(self.folder.as_str())?;
        let name = below.strip_prefix('/')?;
        (!name.contains('/')).then_some(name)
    }

    /// When mail that was put into the folder called `name` at `since` comes back.
    pub fn due(&self, name: &str, since: Timestamp, zone: &TimeZone) -> Result<Timestamp, NoTime> {
        due(name, since, self.morning, zone)
    }
}

/// Why a name says no time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NoTime {
    /// No such words.
    #[error("its name says no time; Tomorrow, Monday, 3 days, 2026-12-24 or 18:30 do")]
    Nonsense,
    /// A time that is too far away.
    #[error("its name says more than a year, and mail waits for a year at most")]
    TooFar,
}

/// When mail that was put into a folder of that name at `since` comes back; days begin at `morning`.
pub fn due(name: &str, since: Timestamp, morning: Time, zone: &TimeZone) -> Result<Timestamp, NoTime> {
    let instant = jiff::Timestamp::from_second(since.0).map_err(|_| NoTime::TooFar)?;
    let since_here = instant.to_zoned(zone.clone());
    let words: Vec<String> = name.split_whitespace().map(str::to_lowercase).collect();
    let mut words: Vec<&str> = words.iter().map(String::as_str).collect();
    if words.first() == Some(&"in") {
        words.remove(0);
    }
    let at = match words.as_slice() {
        [clock] if clock_time(clock).is_some() => next_clock(&since_here, clock_time(clock).unwrap_or(morning)),
        [day @ .., clock] if !day.is_empty() && clock_time(clock).is_some() => on(
            &since_here,
            day_named(day, &since_here)?,
            clock_time(clock).unwrap_or(morning),
        ),
        ["tonight"] | ["this", "evening"] => next_clock(&since_here, EVENING),
        words => match span(words)? {
            Some(span) => since_here.checked_add(span).ok(),
            None => on(&since_here, day_named(words, &since_here)?, morning),
        },
    };
    let at = Timestamp(at.ok_or(NoTime::TooFar)?.timestamp().as_second());
    if at.days_since(since) > LONGEST_DAYS {
        return Err(NoTime::TooFar);
    }
    Ok(at.max(since))
}

/// `18:30` or `8:00`.
fn clock_time(word: &str) -> Option<Time> {
    let (hour, minute) = word.split_once(':')?;
    let digits = |text: &str| !text.is_empty() && text.len() <= 2 && text.bytes().all(|byte| byte.is_ascii_digit());
    if !digits(hour) || minute.len() != 2 || !digits(minute) {
        return None;
    }
    Time::new(hour.parse().ok()?, minute.parse().ok()?, 0, 0).ok()
}

fn on(since: &Zoned, day: Date, clock: Time) -> Option<Zoned> {
    day.to_datetime(clock).to_zoned(since.time_zone().clone()).ok()
}

fn next_clock(since: &Zoned, clock: Time) -> Option<Zoned> {
    let today = on(since, since.date(), clock)?;
    if today > *since {
        return Some(today);
    }
    on(since, since.date().tomorrow().ok()?, clock)
}

/// A number and a unit shorter than a day: exactly so long.
fn span(words: &[&str]) -> Result<Option<Span>, NoTime> {
    let Some((count, unit)) = counted(words) else {
        return Ok(None);
    };
    let span = match unit {
        "m" | "min" | "mins" | "minute" | "minutes" => Span::new().try_minutes(count),
        "h" | "hour" | "hours" => Span::new().try_hours(count),
        _ => return Ok(None),
    };
    span.map(Some).map_err(|_| NoTime::TooFar)
}

/// `3 days`, `3days`, `3d`, `a week`.
fn counted<'w>(words: &[&'w str]) -> Option<(i64, &'w str)> {
    match words {
        ["a" | "an" | "one", unit] => Some((1, unit)),
        [count, unit] => Some((number(count)?, unit)),
        [both] => {
            let digits = both.bytes().take_while(u8::is_ascii_digit).count();
            let (count, unit) = both.split_at_checked(digits)?;
            let plain = !unit.is_empty() && unit.bytes().all(|byte| byte.is_ascii_alphabetic());
            plain.then(|| number(count).map(|count| (count, unit))).flatten()
        }
        _ => None,
    }
}

fn number(text: &str) -> Option<i64> {
    let plain = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    plain.then(|| text.parse().ok()).flatten().filter(|count| *count > 0)
}

/// The day that the words name, seen from `since`.
fn day_named(words: &[&str], since: &Zoned) -> Result<Date, NoTime> {
    let today = since.date();
    let next = |weekday| today.nth_weekday(1, weekday);
    if let Some((count, unit)) = counted(words) {
        let span = match unit {
            "d" | "day" | "days" => Span::new().try_days(count),
            "w" | "week" | "weeks" => Span::new().try_weeks(count),
            "month" | "months" => Span::new().try_months(count),
            _ => return Err(NoTime::Nonsense),
        };
        return span
            .and_then(|span| today.checked_add(span))
            .map_err(|_| NoTime::TooFar);
    }
    let named = match words {
        ["today"] => Ok(today),
        ["tomorrow"] => today.tomorrow(),
        ["weekend"] | ["this", "weekend"] => next(Weekday::Saturday),
        ["next", "week"] => next(Weekday::Monday),
        ["next", "month"] => today.first_of_month().checked_add(1.month()),
        ["next" | "on", word] | [word] => match weekday::named_or_short(word) {
            Some(weekday) => next(weekday),
            None => return word.parse::<Date>().map_err(|_| NoTime::Nonsense),
        },
        _ => return Err(NoTime::Nonsense),
    };
    named.map_err(|_| NoTime::TooFar)
}

#[cfg(test)]
mod tests {
    use super::*;

    const MORNING: Time = time(8, 0, 0, 0);

    fn zone() -> TimeZone {
        TimeZone::posix("CET-1CEST,M3.5.0,M10.5.0/3").unwrap()
    }

    fn at(text: &str) -> Timestamp {
        let local: jiff::civil::DateTime = text.parse().unwrap();
        Timestamp(local.to_zoned(zone()).unwrap().timestamp().as_second())
    }

    /// What the folder's name means for mail that was put there at `since`, in local time.
    fn back(name: &str, since: &str) -> Result<String, NoTime> {
        let due = due(name, at(since), MORNING, &zone())?;
        let local = jiff::Timestamp::from_second(due.0).unwrap().to_zoned(zone());
        Ok(local.strftime("%Y-%m-%d %H:%M").to_string())
    }

    #[test]
    fn names_say_when() {
        // 2026-11-18 is a Wednesday.
        for (name, says) in [
            ("Tomorrow", "2026-11-19 08:00"),
            ("tomorrow 14:30", "2026-11-19 14:30"),
            ("Monday", "2026-11-23 08:00"),
            ("next Monday", "2026-11-23 08:00"),
            ("Mon 9:15", "2026-11-23 09:15"),
            ("Wednesday", "2026-11-25 08:00"),
            ("Weekend", "2026-11-21 08:00"),
            ("Next week", "2026-11-23 08:00"),
            ("Next month", "2026-12-01 08:00"),
            ("3 days", "2026-11-21 08:00"),
            ("in 3 days", "2026-11-21 08:00"),
            ("3d", "2026-11-21 08:00"),
            ("a week", "2026-11-25 08:00"),
            ("2 weeks 18:00", "2026-12-02 18:00"),
            ("1 month", "2026-12-18 08:00"),
            ("90 minutes", "2026-11-18 11:37"),
            ("3 hours", "2026-11-18 13:07"),
            ("12h", "2026-11-18 22:07"),
            ("Tonight", "2026-11-18 18:00"),
            ("This Evening", "2026-11-18 18:00"),
            ("18:30", "2026-11-18 18:30"),
            ("9:00", "2026-11-19 09:00"),
            ("2026-12-24", "2026-12-24 08:00"),
            ("2026-12-24 18:00", "2026-12-24 18:00"),
            // Over already: at once.
            ("2026-11-17", "2026-11-18 10:07"),
            ("today", "2026-11-18 10:07"),
        ] {
            assert_eq!(back(name, "2026-11-18T10:07"), Ok(says.to_owned()), "{name}");
        }
        assert_eq!(back("Monday", "2026-11-23T05:00"), Ok("2026-11-30 08:00".to_owned()));
        assert_eq!(back("Tonight", "2026-11-18T19:00"), Ok("2026-11-19 18:00".to_owned()));
        assert_eq!(back("1 month", "2026-01-31T10:00"), Ok("2026-02-28 08:00".to_owned()));
    }

    #[test]
    fn the_clocks_change_and_the_morning_stays_the_morning() {
        // Back an hour in the night to 2026-10-25, forward in the night to 2027-03-28.
        for (name, since, says) in [
            ("Tomorrow", "2026-10-24T20:00", "2026-10-25 08:00"),
            ("24 hours", "2026-10-24T20:00", "2026-10-25 19:00"),
            ("Tomorrow", "2027-03-27T20:00", "2027-03-28 08:00"),
            ("24 hours", "2027-03-27T20:00", "2027-03-28 21:00"),
            // 02:30 does not exist that day.
            ("Tomorrow 2:30", "2027-03-27T20:00", "2027-03-28 03:30"),
        ] {
            assert_eq!(back(name, since), Ok(says.to_owned()), "{name} {since}");
        }
        let tokyo = TimeZone::fixed(jiff::tz::offset(9));
        let since = Timestamp("2026-11-18T16:00:00Z".parse::<jiff::Timestamp>().unwrap().as_second());
        let due = due("Tomorrow", since, MORNING, &tokyo).unwrap();
        // In Tokyo it is the 19th already.
        assert_eq!(
            due.0,
            "2026-11-19T23:00:00Z".parse::<jiff::Timestamp>().unwrap().as_second()
        );
    }

    #[test]
    fn nonsense_is_no_time_and_what_is_too_far_is_refused() {
        for name in [
            "",
            "Soon",
            "3",
            "days",
            "3 cows",
            "-3 days",
            "0 days",
            "Mondays",
            "25:00",
            "12:60",
            "2026-13-01",
            "3 days ago",
            "1:2:3",
            "Tomorrow Monday",
            "ñ",
            "3 days\u{202e}",
            "next",
            "+3 days",
        ] {
            assert_eq!(back(name, "2026-11-18T10:07"), Err(NoTime::Nonsense), "{name}");
        }
        for name in [
            "13 months",
            "400 days",
            "9223372036854775807 hours",
            "9999-12-31",
            "10000 weeks",
        ] {
            assert_eq!(back(name, "2026-11-18T10:07"), Err(NoTime::TooFar), "{name}");
        }
        assert!(due("Tomorrow", Timestamp(i64::MAX), MORNING, &zone()).is_err());
    }

    #[test]
    fn only_folders_right_below_are_ours() {
        let snooze = Snooze::default();
        for (folder, name) in [
            ("Snooze/Monday", Some("Monday")),
            ("Snooze", None),
            ("Snooze/", Some("")),
            ("Snoozed/Monday", None),
            ("Snooze/a/b", None),
            ("Old/Snooze/Monday", None),
        ] {
            assert_eq!(snooze.name_of(&folder.into()), name, "{folder}");
        }
    }
}
