//! `--since`: how far back a command looks.

use crate::daemon::clock;
use crate::sort::mailbox::Timestamp;

/// Reads `90s`, `30m`, `1h`, `30d`, `2w`, `2026-11-22` or a full RFC 3339 time as an instant in the past.
pub fn parse(text: &str) -> Result<Timestamp, String> {
    let hint = "give an age such as 30m, 1h, 30d or 2w, or a date such as 2026-11-22";
    let number_of = |unit: char| text.strip_suffix(unit).and_then(|number| number.parse::<u32>().ok());
    for (unit, seconds) in [('s', 1_i64), ('m', 60), ('h', 3_600), ('d', 86_400), ('w', 604_800)] {
        if let Some(number) = number_of(unit) {
            return Ok(Timestamp(clock::now().0.saturating_sub(i64::from(number) * seconds)));
        }
    }
    if let Ok(instant) = text.parse::<jiff::Timestamp>() {
        return Ok(Timestamp(instant.as_second()));
    }
    let date = text.parse::<jiff::civil::Date>().map_err(|_| hint.to_owned())?;
    let start = date
        .to_zoned(jiff::tz::TimeZone::system())
        .map_err(|_| hint.to_owned())?;
    Ok(Timestamp(start.timestamp().as_second()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ages_and_dates_are_read_and_the_rest_is_refused_with_a_hint() {
        let day = clock::now().0 - parse("1d").unwrap().0;
        assert!((86_399..=86_401).contains(&day));
        assert_eq!(parse("2026-11-22T10:00:00Z"), Ok(Timestamp(1_795_341_600)));
        assert!(parse("2026-11-22").is_ok());
        assert!(parse("yesterday").unwrap_err().contains("30d"));
    }
}
