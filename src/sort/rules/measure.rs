//! Lengths of time, sizes, dates, hours and weekdays as rules write them.

use jiff::civil::Weekday;
use toml::value::{Datetime, Offset};

use crate::sort::mailbox::Timestamp;
use crate::sort::weekday;

/// Seconds of a day.
const DAY: i64 = 86_400;

/// `90s`, `30m`, `12h`, `7d`, `2w`, `1y` (365 days), in seconds.
pub fn duration(text: &str) -> Option<i64> {
    let (number, unit) = split_unit(text)?;
    let seconds = match unit {
        "s" => 1,
        "m" | "min" => 60,
        "h" => 3_600,
        "d" => DAY,
        "w" => 7 * DAY,
        "y" => 365 * DAY,
        _ => return None,
    };
    i64::try_from(number).ok()?.checked_mul(seconds)
}

/// `500`, `100k`, `5M`, `1G`, in octets, steps of 1024.
pub fn size(text: &str) -> Option<u64> {
    let (number, unit) = split_unit(text)?;
    let factor = match unit {
        "" | "b" | "B" => 1,
        "k" | "K" | "kB" | "KB" | "KiB" => 1 << 10,
        "m" | "M" | "MB" | "MiB" => 1 << 20,
        "g" | "G" | "GB" | "GiB" => 1 << 30,
        _ => return None,
    };
    number.checked_mul(factor)
}

/// A size as a rule may say it: `5M` for 5242880.
pub fn size_shown(octets: u64) -> String {
    let units = [(30, "G"), (20, "M"), (10, "k")].into_iter();
    let whole = units.filter(|(shift, _)| octets > 0 && octets.trailing_zeros() >= *shift);
    whole
        .map(|(shift, unit)| format!("{}{unit}", octets >> shift))
        .next()
        .unwrap_or_else(|| format!("{octets} bytes"))
}

fn split_unit(text: &str) -> Option<(u64, &str)> {
    let text = text.trim();
    let end = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (number, unit) = text.split_at_checked(end)?;
    Some((number.parse().ok()?, unit.trim()))
}

/// A date a rule names: an instant, or a moment of the user's own clock.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Moment {
    /// Written with an offset.
    Instant(Timestamp),
    /// Written without: seconds since 1970-01-01 00:00 on the user's clock.
    Local(i64),
}

impl Moment {
    /// Reads `2026-01-31`, `2026-01-31T12:00:00` or the same with `Z` or `+01:00` (RFC 3339).
    pub fn parse(text: &str) -> Option<Self> {
        text.trim()
            .parse()
            .ok()
            .and_then(|datetime: Datetime| Self::from_toml(&datetime))
    }

    /// The same from TOML's own date; `None` for a time without a date and for days that do not exist.
    pub fn from_toml(datetime: &Datetime) -> Option<Self> {
        let date = datetime.date?;
        let days = days_since_epoch(i64::from(date.year), i64::from(date.month), i64::from(date.day))?;
        let time = datetime.time.map_or(0, |time| {
            i64::from(time.hour) * 3_600 + i64::from(time.minute) * 60 + i64::from(time.second.unwrap_or(0))
        });
        let local = days * DAY + time;
        Some(match datetime.offset {
            None => Self::Local(local),
            Some(Offset::Z) => Self::Instant(Timestamp(local)),
            Some(Offset::Custom { minutes }) => Self::Instant(Timestamp(local - i64::from(minutes) * 60)),
        })
    }

    /// The instant it means to a user whose clock is `utc_offset` seconds east of UTC.
    pub fn at(self, utc_offset: i32) -> Timestamp {
        match self {
            Self::Instant(at) => at,
            Self::Local(local) => Timestamp(local - i64::from(utc_offset)),
        }
    }
}

fn days_since_epoch(year: i64, month: i64, day: i64) -> Option<i64> {
    let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let longest = match month {
        2 if leap => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        1..=12 => 31,
        _ => return None,
    };
    if !(1..=longest).contains(&day) {
        return None;
    }
    // Years counted from March, so that the leap day is the last of its year.
    let shifted = if month <= 2 { year - 1 } else { year };
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    Some(
        365 * shifted + shifted.div_euclid(4) - shifted.div_euclid(100) + shifted.div_euclid(400) + day_of_year
            - 719_468,
    )
}

/// Year, month and day of a moment on the user's clock.
pub fn civil(at: Timestamp, utc_offset: i32) -> (i64, u8, u8) {
    let days = (at.0 + i64::from(utc_offset)).div_euclid(DAY) + 719_468;
    let era = days.div_euclid(146_097);
    let of_era = days.rem_euclid(146_097);
    let year_of_era = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
    let day_of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted_month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * shifted_month + 2) / 5 + 1;
    let month = if shifted_month < 10 {
        shifted_month + 3
    } else {
        shifted_month - 9
    };
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    (year, month as u8, day as u8)
}

/// A span of the day, `22-07` or `22:30-07:15`: from the first minute up to, not including, the last; may pass midnight.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Hours {
    from: u16,
    to: u16,
}

impl Hours {
    /// Reads `22-07`; `None` when it is no span or both ends are equal.
    pub fn parse(text: &str) -> Option<Self> {
        let (from, to) = text.split_once('-')?;
        let (from, to) = (minute_of_day(from)?, minute_of_day(to)?);
        (from != to).then_some(Self { from, to })
    }

    /// True when the moment lies in it, on the user's clock.
    pub fn holds(self, at: Timestamp, utc_offset: i32) -> bool {
        let minute = ((at.0 + i64::from(utc_offset)).rem_euclid(DAY) / 60) as u16;
        if self.from < self.to {
            (self.from..self.to).contains(&minute)
        } else {
            minute >= self.from || minute < self.to
        }
    }
}

fn minute_of_day(text: &str) -> Option<u16> {
    let (hour, minute) = text.trim().split_once(':').unwrap_or((text.trim(), "0"));
    let (hour, minute): (u16, u16) = (hour.parse().ok()?, minute.parse().ok()?);
    let of_day = hour.checked_mul(60)?.checked_add(minute)?;
    (minute < 60 && of_day <= 24 * 60).then_some(of_day)
}

/// Days of the week as a set: bit 0 is Monday.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Weekdays(u8);

impl Weekdays {
    /// The words that rules use.
    pub const WORDS: [&'static str; 7] = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];

    /// Reads `sat` or `mon-fri`, in English, long or short.
    pub fn parse(text: &str) -> Option<Self> {
        let (first, last) = text.split_once('-').unwrap_or((text, text));
        let position = |word: &str| weekday::abbreviated(word.trim()).map(Weekday::to_monday_zero_offset);
        let (first, last) = (position(first)?, position(last)?);
        let mut set = 0;
        let mut day = first;
        loop {
            set |= 1 << day;
            if day == last {
                return Some(Self(set));
            }
            day = (day + 1) % 7;
        }
    }

    /// Both sets.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// True when the moment falls on one of them, on the user's clock.
    pub fn holds(self, at: Timestamp, utc_offset: i32) -> bool {
        // 1970-01-01 was a Thursday.
        let day = ((at.0 + i64::from(utc_offset)).div_euclid(DAY) + 3).rem_euclid(7);
        self.0 & (1 << day) != 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_and_sizes_have_units() {
        assert_eq!(duration("7d"), Some(604_800));
        assert_eq!(duration("2 w"), Some(1_209_600));
        assert_eq!(size("5M"), Some(5 << 20));
        for bad in ["", "d", "7", "7 days ago", "-1d", "99999999999999999999d"] {
            assert_eq!(duration(bad), None, "{bad}");
        }
        assert_eq!(size("1.5M"), None);
    }

    #[test]
    fn dates_are_real_days_and_follow_the_users_clock() {
        assert_eq!(Moment::parse("1970-01-02").unwrap().at(3_600), Timestamp(82_800));
        assert_eq!(
            Moment::parse("2024-02-29T12:00:00Z").unwrap().at(7_200),
            Timestamp(1_709_208_000)
        );
        assert_eq!(
            Moment::parse("2026-01-31T12:00:00+01:00").unwrap().at(0),
            Timestamp(1_769_857_200)
        );
        for bad in ["2023-02-29", "31.01.2026", "12:00:00", "yesterday", "2026-13-01"] {
            assert_eq!(Moment::parse(bad), None, "{bad}");
        }
        assert_eq!(civil(Timestamp(1_709_208_000), 0), (2024, 2, 29));
        assert_eq!(civil(Timestamp(-1), 0), (1969, 12, 31));
    }

    #[test]
    fn nights_pass_midnight_and_weeks_wrap() {
        let night = Hours::parse("22-07").unwrap();
        assert!(night.holds(Timestamp(23 * 3_600), 0) && night.holds(Timestamp(6 * 3_600 + 3_599), 0));
        assert!(!night.holds(Timestamp(7 * 3_600), 0));
        assert!(night.holds(Timestamp(20 * 3_600), 7_200));
        assert_eq!(Hours::parse("22-22"), None);
        assert_eq!(Hours::parse("25-07"), None);
        let weekend = Weekdays::parse("sat-sun").unwrap();
        assert!(weekend.holds(Timestamp(2 * DAY), 0) && !weekend.holds(Timestamp(0), 0));
        assert!(Weekdays::parse("fri-mon").unwrap().holds(Timestamp(4 * DAY), 0));
        assert_eq!(Weekdays::parse("someday"), None);
    }
}
