//! The sample mail of `fixtures/mail`, compiled in, so that the demo needs nothing but the binary.
//!
//! The letters were written in November 2026. So that a correspondence is as fresh in any later year, every date in a
//! header is shifted on delivery (RFC 5322 section 3.3).

mod letters;

use jiff::fmt::rfc2822;
use jiff::{SignedDuration, Zoned};

use crate::sort::mailbox::Timestamp;
use crate::sort::message::Message;
use letters::{ARRIVING, INBOX, SENT};

/// The day after the newest letter that lay in the inbox: 2026-11-22 00:00:00 UTC.
const WRITTEN: Timestamp = Timestamp(1_795_305_600);

/// Seconds of a day.
const DAY: i64 = 86_400;

/// One letter.
#[derive(Debug, Clone, Copy)]
pub struct Sample {
    /// The file's name without its ending.
    pub name: &'static str,
    /// The file, with LF at the ends of lines.
    pub raw: &'static [u8],
}

impl Sample {
    /// The letter as it lay in the mailbox by `now`: as many days old as it was on 22 November 2026.
    pub fn aged(&self, now: Timestamp) -> (Vec<u8>, Timestamp) {
        self.shifted(now.0.saturating_sub(WRITTEN.0).div_euclid(DAY).saturating_mul(DAY))
    }

    /// The letter as it would be if it were written `now`.
    pub fn fresh(&self, now: Timestamp) -> (Vec<u8>, Timestamp) {
        self.shifted(now.0.saturating_sub(self.date().0))
    }

    /// Its Message-ID without angle brackets.
    pub fn message_id(&self) -> String {
        Message::parse(self.raw).message_id.unwrap_or_default()
    }

    fn date(&self) -> Timestamp {
        Message::parse(self.raw).date.unwrap_or(WRITTEN)
    }

    /// The letter with CR LF and with every date of its header shifted by so many seconds, and its own date.
    fn shifted(&self, seconds: i64) -> (Vec<u8>, Timestamp) {
        let text = String::from_utf8_lossy(self.raw);
        let (header, body) = text.split_once("\n\n").unwrap_or((&text, ""));
        let mut shifted = String::with_capacity(text.len() + 200);
        for line in header.lines() {
            let line = redated(line, seconds).unwrap_or_else(|| line.to_owned());
            shifted.extend([&line, "\r\n"]);
        }
        shifted.push_str("\r\n");
        for line in body.lines() {
            shifted.extend([line, "\r\n"]);
        }
        (shifted.into_bytes(), Timestamp(self.date().0.saturating_add(seconds)))
    }
}

/// The line with its date shifted; `None` when it does not end in a date.
fn redated(line: &str, seconds: i64) -> Option<String> {
    let start = match (line.strip_prefix("Date: "), line.rfind("; ")) {
        (Some(_), _) => "Date: ".len(),
        (None, Some(at)) => at + "; ".len(),
        (None, None) => line.len() - line.trim_start().len(),
    };
    let (before, date) = line.split_at_checked(start)?;
    let date: Zoned = rfc2822::parse(date).ok()?;
    let date = date.checked_add(SignedDuration::from_secs(seconds)).ok()?;
    Some(format!("{before}{}", rfc2822::to_string(&date).ok()?))
}

/// What lay in the inbox before the demo.
pub fn inbox() -> &'static [Sample] {
    &INBOX
}

/// What lay in Sent before the demo.
pub fn sent() -> &'static [Sample] {
    &SENT
}

/// What arrives while the demo runs.
pub fn arriving() -> &'static [Sample] {
    &ARRIVING
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_letter_of_the_fixtures_is_compiled_in() {
        let directory = concat!(env!("CARGO_MANIFEST_DIR"), "/fixtures/mail");
        let mut files: Vec<String> = std::fs::read_dir(directory)
            .unwrap()
            .filter_map(|entry| Some(entry.unwrap().file_name().to_str()?.strip_suffix(".eml")?.to_owned()))
            .filter(|name| name.starts_with("sent-") || name.as_str() < "80")
            .collect();
        files.sort();
        let mut names: Vec<&str> = INBOX
            .iter()
            .chain(&ARRIVING)
            .chain(&SENT)
            .map(|sample| sample.name)
            .collect();
        names.sort_unstable();
        assert_eq!(names, files);
    }

    #[test]
    fn dates_are_shifted_together_and_nothing_else_is() {
        let now = Timestamp(WRITTEN.0 + 400 * DAY + 3_600);
        for sample in INBOX.iter().chain(&SENT) {
            let (raw, date) = sample.aged(now);
            let (before, after) = (Message::parse(sample.raw), Message::parse(&raw));
            assert_eq!(after.date, Some(date), "{}", sample.name);
            assert_eq!(date.0 - before.date.unwrap().0, 400 * DAY, "{}", sample.name);
            assert!(date < now, "{} is not of the past", sample.name);
            let fields = |message: &Message| -> Vec<String> {
                let others = message
                    .fields()
                    .iter()
                    .filter(|field| !["date", "received"].contains(&&*field.name));
                others.map(|field| format!("{}: {}", field.name, field.value)).collect()
            };
            assert_eq!(fields(&before), fields(&after), "{}", sample.name);
            for received in after.raw("received") {
                assert!(
                    received.contains(" 2027 ") || received.contains(" 2028 "),
                    "{}: {received}",
                    sample.name
                );
            }
        }
        let (raw, date) = ARRIVING[0].fresh(now);
        assert_eq!((Message::parse(&raw).date, date), (Some(now), now));
    }

    #[test]
    fn identities_are_unique() {
        let mut ids: Vec<String> = INBOX
            .iter()
            .chain(&ARRIVING)
            .chain(&SENT)
            .map(Sample::message_id)
            .collect();
        ids.sort();
        let count = ids.len();
        ids.dedup();
        assert!(!ids.contains(&String::new()));
        assert_eq!(ids.len(), count);
    }
}
