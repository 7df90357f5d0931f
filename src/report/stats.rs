//! Counts over the ledger: what went where on which day, what the user put right, how long it took. Input of
//! `postroom stats` and of the reports; reads the store, writes nothing.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;

use jiff::ToSpan;
use jiff::civil::{Date, Weekday};
use jiff::tz::TimeZone;

use crate::sort::bucket::Bucket;
use crate::sort::ledger::{Row, RowKind, State};
use crate::sort::mailbox::Timestamp;
use crate::sort::verdict::ReasonKind;
use crate::store::{Query, Store, StoreError};

/// Mail decided later than this after its arrival lay there before: its wait says nothing about speed. Seconds.
const FRESH: i64 = 3_600;

/// Messages by bucket.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ByBucket(BTreeMap<Bucket, u64>);

impl ByBucket {
    /// Takes one more message of a bucket.
    pub fn count(&mut self, bucket: Bucket) {
        *self.0.entry(bucket).or_default() += 1;
    }

    /// Takes the messages of `other` in.
    pub fn add(&mut self, other: &ByBucket) {
        for (bucket, count) in &other.0 {
            *self.0.entry(*bucket).or_default() += count;
        }
    }

    /// Messages of one bucket.
    pub fn of(&self, bucket: Bucket) -> u64 {
        self.0.get(&bucket).copied().unwrap_or(0)
    }

    /// Every built-in bucket with its messages, then the own ones that have any.
    pub fn each(&self) -> impl Iterator<Item = (Bucket, u64)> + '_ {
        let own = self.0.iter().filter(|(bucket, _)| matches!(bucket, Bucket::Own(_)));
        let built_in = Bucket::BUILT_IN.into_iter().map(|bucket| (bucket, self.of(bucket)));
        built_in.chain(own.map(|(bucket, count)| (*bucket, *count)))
    }

    /// The same with all own buckets as one, by [`Bucket::family`].
    pub fn families(&self) -> Vec<(&'static str, u64)> {
        let mut families: Vec<(&'static str, u64)> = Vec::new();
        for (bucket, count) in self.each() {
            match families.last_mut() {
                Some((family, sum)) if *family == bucket.family() => *sum += count,
                _ => families.push((bucket.family(), count)),
            }
        }
        families
    }

    /// Messages of all buckets.
    pub fn total(&self) -> u64 {
        self.0.values().sum()
    }
}

/// What the user put right within a week.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Corrections {
    /// Messages filed into a bucket folder.
    pub filed: u64,
    /// Messages put back into the inbox.
    pub rescued: u64,
    /// Moves taken back with `postroom undo`.
    pub undone: u64,
}

/// Counts over a stretch of the ledger.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Stats {
    /// Verdicts of each day, also of days without any.
    pub days: BTreeMap<Date, ByBucket>,
    /// Verdicts in all.
    pub verdicts: ByBucket,
    /// Corrections by week, named by its Monday.
    pub weeks: BTreeMap<Date, Corrections>,
    /// Verdicts by the stage that gave them.
    pub reasons: BTreeMap<ReasonKind, u64>,
    /// Verdicts by sender.
    pub senders: BTreeMap<String, u64>,
    /// Seconds from arrival to the confirmed move, of fresh mail, in rising order.
    pub waits: Vec<i64>,
    /// Moves the server refused.
    pub failed: u64,
    /// Verdicts by weekday (Monday first) and hour of the day, at arrival.
    pub hours: [[u64; 24]; 7],
    /// Verdicts by rule, the user's and the fallback ones.
    pub rules: BTreeMap<RuleName, RuleUse>,
}

/// A rule by its file and name.
pub type RuleName = (Arc<str>, Arc<str>);

/// How much a rule decides.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct RuleUse {
    /// Messages it decided about.
    pub messages: u64,
    /// When it last did.
    pub last: Option<Timestamp>,
}

impl Stats {
    /// Counts what `accounts` did from `since` on, until `now`; days begin at midnight in `zone`.
    pub fn gather(
        store: &Store,
        accounts: &[String],
        since: Timestamp,
        now: Timestamp,
        zone: &TimeZone,
    ) -> Result<Self, StoreError> {
        let mut stats = Self::default();
        let mut calendar = Calendar::new(zone);
        let (first, last) = (calendar.date(since), calendar.date(now));
        stats.days = first
            .series(1.day())
            .take_while(|day| *day <= last)
            .map(|day| (day, ByBucket::default()))
            .collect();
        for account in accounts {
            let query = Query {
                account: Some(account.clone()),
                since: Some(since),
                ..Query::default()
            };
            store.each_row(&query, |row| {
                stats.count(row, calendar.date(row.at));
                if is_verdict(row) {
                    stats.count_hour(&mut calendar, row.entry.arrived.unwrap_or(row.at));
                }
            })?;
        }
        stats.waits.sort_unstable();
        Ok(stats)
    }

    fn count(&mut self, row: &Row, day: Date) {
        let entry = &row.entry;
        match entry.kind {
            RowKind::Keep | RowKind::Preview | RowKind::Sort | RowKind::Hold => {
                self.days.entry(day).or_default().count(entry.bucket);
                self.verdicts.count(entry.bucket);
                *self.reasons.entry(entry.reason.kind).or_default() += 1;
                if let Some(from) = &entry.from {
                    *self.senders.entry(from.as_str().to_owned()).or_default() += 1;
                }
                self.failed += u64::from(row.state == State::Failed);
                self.waits.extend(wait(row));
                if let (Some(file), Some(rule)) = (&entry.reason.file, &entry.reason.rule) {
                    let used = self.rules.entry((file.clone(), rule.clone())).or_default();
                    used.messages += 1;
                    used.last = used.last.max(Some(row.at));
                }
            }
            RowKind::File => self.week(day).filed += u64::from(!entry.may_be_anothers()),
            RowKind::Rescue => self.week(day).rescued += u64::from(is_correction(row)),
            RowKind::Undo => self.week(day).undone += u64::from(row.state == State::Done),
            // A copy is not another message.
            RowKind::Snooze | RowKind::Return | RowKind::Copy => {}
        }
    }

    fn count_hour(&mut self, calendar: &mut Calendar<'_>, at: Timestamp) {
        let (weekday, hour) = calendar.hour(at);
        if let Some(count) = self.hours.get_mut(weekday).and_then(|day| day.get_mut(hour)) {
            *count += 1;
        }
    }

    fn week(&mut self, day: Date) -> &mut Corrections {
        let monday = day
            .tomorrow()
            .and_then(|next| next.nth_weekday(-1, Weekday::Monday))
            .unwrap_or(day);
        self.weeks.entry(monday).or_default()
    }

    /// The wait that `share` (0 to 1) of the fresh mail did not exceed, in seconds; `None` without fresh mail.
    pub fn wait(&self, share: f64) -> Option<i64> {
        let rank = (share * self.waits.len() as f64).ceil() as usize;
        self.waits.get(rank.saturating_sub(1)).copied()
    }

    /// The senders of most messages, most first.
    pub fn top_senders(&self, count: usize) -> Vec<(&str, u64)> {
        let mut senders: Vec<(&str, u64)> = self
            .senders
            .iter()
            .map(|(from, count)| (from.as_str(), *count))
            .collect();
        senders.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
        senders.truncate(count);
        senders
    }
}

/// Dates of times in a zone. Rows come in order of time, so the day last asked for is nearly always the one wanted.
struct Calendar<'a> {
    zone: &'a TimeZone,
    last: (Range<i64>, Date),
}

impl<'a> Calendar<'a> {
    fn new(zone: &'a TimeZone) -> Self {
        Self {
            zone,
            last: (0..0, Date::ZERO),
        }
    }

    fn date(&mut self, time: Timestamp) -> Date {
        if !self.last.0.contains(&time.0) {
            let instant = jiff::Timestamp::from_second(time.0).unwrap_or(jiff::Timestamp::UNIX_EPOCH);
            let local = instant.to_zoned(self.zone.clone());
            let begin = local.start_of_day().map(|day| day.timestamp().as_second());
            let end = local
                .tomorrow()
                .and_then(|next| next.start_of_day())
                .map(|day| day.timestamp().as_second());
            // At the ends of the calendar there is no such day, and nothing is remembered.
            let day = begin.and_then(|begin| end.map(|end| begin..end)).unwrap_or(0..0);
            self.last = (day, local.date());
        }
        self.last.1
    }

    /// Days since Monday, and the hour. Where the clocks change, hours of that one day are counted from midnight.
    fn hour(&mut self, time: Timestamp) -> (usize, usize) {
        let weekday = self.date(time).weekday().to_monday_zero_offset();
        let hour = (time.0 - self.last.0.start).div_euclid(3_600).clamp(0, 23);
        (usize::try_from(weekday).unwrap_or(0), hour as usize)
    }
}

/// False for mail that the user only took back before its time had come.
pub(super) fn is_correction(row: &Row) -> bool {
    row.entry.reason.kind == ReasonKind::Taught
}

fn is_verdict(row: &Row) -> bool {
    row.entry.kind.is_verdict()
}

fn wait(row: &Row) -> Option<i64> {
    let arrived = row
        .entry
        .arrived
        .filter(|_| row.state == State::Done && row.entry.kind == RowKind::Sort)?;
    let fresh = row.at.seconds_since(arrived) < FRESH;
    fresh.then_some(row.closed?.seconds_since(arrived).max(0))
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;

    use super::*;
    use crate::cli::sample;

    #[test]
    fn every_row_is_counted_in_its_place() {
        let (_dir, records) = sample::records();
        let store = Store::open_read_only(&records.state).unwrap();
        let since = Timestamp(sample::THEN.0 - 86_400);
        let stats = Stats::gather(&store, &["home".to_owned()], since, records.now, &TimeZone::UTC).unwrap();
        assert_eq!(
            stats.days.keys().copied().collect::<Vec<_>>(),
            [date(2026, 11, 17), date(2026, 11, 18)]
        );
        assert_eq!(stats.days[&date(2026, 11, 17)].total(), 0);
        let today = &stats.days[&date(2026, 11, 18)];
        assert_eq!(*today, stats.verdicts);
        assert_eq!(
            (
                today.of(Bucket::Top),
                today.of(Bucket::News),
                today.of(Bucket::Bulk),
                today.total()
            ),
            (1, 1, 2, 4)
        );
        assert_eq!(stats.reasons[&ReasonKind::Evidence], 2);
        assert_eq!(stats.top_senders(1), [("anna@example.org", 1)]);
        assert_eq!(stats.weeks.len(), 1);
        assert_eq!(
            stats.weeks[&date(2026, 11, 16)],
            Corrections {
                filed: 1,
                rescued: 0,
                undone: 0
            }
        );
        assert_eq!(stats.failed, 1);
        // A Wednesday, 11:06 UTC.
        assert_eq!(stats.hours[2][11], 4);
        let weeklies = ("10-lists.toml".into(), "weeklies".into());
        assert_eq!(stats.rules[&weeklies].messages, 1);
        assert_eq!((stats.wait(0.5), stats.wait(0.99)), (Some(3), Some(3)));
        let empty = Stats::gather(&store, &[], since, records.now, &TimeZone::UTC).unwrap();
        assert_eq!((empty.wait(0.5), empty.verdicts.total()), (None, 0));
    }

    #[test]
    fn a_monday_is_its_own_week_and_a_sunday_the_last_of_one() {
        let mut stats = Stats::default();
        for (day, monday) in [
            (date(2026, 11, 16), date(2026, 11, 16)),
            (date(2026, 11, 22), date(2026, 11, 16)),
            (date(2026, 11, 23), date(2026, 11, 23)),
        ] {
            stats.weeks.clear();
            stats.week(day).filed = 1;
            assert_eq!(stats.weeks.keys().copied().collect::<Vec<_>>(), [monday], "{day}");
        }
    }

    #[test]
    fn days_are_those_of_the_zone_also_where_the_clocks_change() {
        let zone = TimeZone::posix("CET-1CEST,M3.5.0,M10.5.0/3").unwrap();
        let mut calendar = Calendar::new(&zone);
        // The night to 2026-10-25 is an hour longer.
        for (at, day) in [
            ("2026-10-24T21:59:59Z", date(2026, 10, 24)),
            ("2026-10-24T22:00:00Z", date(2026, 10, 25)),
            ("2026-10-25T22:59:59Z", date(2026, 10, 25)),
            ("2026-10-25T23:00:00Z", date(2026, 10, 26)),
            ("2026-10-24T21:59:59Z", date(2026, 10, 24)),
        ] {
            let at: jiff::Timestamp = at.parse().unwrap();
            assert_eq!(calendar.date(Timestamp(at.as_second())), day, "{at}");
        }
    }

    #[test]
    fn the_share_that_waits_is_by_rank() {
        let stats = Stats {
            waits: (1..=100).collect(),
            ..Stats::default()
        };
        assert_eq!(
            (stats.wait(0.5), stats.wait(0.99), stats.wait(1.0)),
            (Some(50), Some(99), Some(100))
        );
    }
}
