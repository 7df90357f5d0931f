//! The report: one HTML page that needs nothing but itself. No script, nothing fetched (`default-src 'none'`), light and
//! dark after the reader's own setting.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use jiff::civil::{Date, Weekday};
use jiff::tz::TimeZone;

use super::accuracy::Accuracy;
use super::chart::{self, Bar};
use super::escape::escape;
use super::stats::{ByBucket, Corrections, Stats};
use crate::sort::mailbox::Timestamp;
use crate::sort::verdict::ReasonKind;

/// Senders in the table.
const SENDERS: usize = 20;

/// Days without a message after which a rule is shown as asleep.
const ASLEEP_DAYS: f64 = 60.0;

/// Bars that can still be told apart; longer stretches are shown by week.
const MOST_BARS: usize = 62;

const STYLE: &str = include_str!("page.css");

const WEEKDAYS: [&str; 7] = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"];

/// A rule in force, whether or not it ever decided anything.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct KnownRule {
    /// The file.
    pub file: String,
    /// The rule's name.
    pub name: String,
}

/// What the page is about.
#[derive(Debug, Clone)]
pub struct Report<'a> {
    /// The counts.
    pub stats: &'a Stats,
    /// The accounts counted.
    pub accounts: &'a [String],
    /// From here on.
    pub since: Timestamp,
    /// Up to here.
    pub now: Timestamp,
    /// In which days begin.
    pub zone: &'a TimeZone,
    /// The rules in force; empty when they are not known.
    pub rules: &'a [KnownRule],
    /// What a replay of the past came to, when one was asked for.
    pub accuracy: Option<&'a Accuracy>,
}

impl Report<'_> {
    /// The whole page.
    pub fn page(&self) -> String {
        let stats = self.stats;
        let mut page = format!(
            "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
             <meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">\n\
             <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
             <meta name=\"referrer\" content=\"no-referrer\">\n\
             <title>Postroom report</title>\n<style>\n{STYLE}</style>\n</head>\n<body>\n\
             <h1>Postroom</h1>\n<p class=\"quiet\">{}, {} to {}</p>\n",
            escape(&self.accounts.join(", ")),
            self.day(self.since),
            self.day(self.now)
        );
        self.tiles(&mut page);
        let total = stats.verdicts.total();
        if total == 0 {
            page.push_str("<p>No mail was sorted in this time.</p>\n");
        } else {
            self.arrivals(&mut page);
            self.corrections(&mut page);
            let rows: Vec<(&str, [u64; 24])> = WEEKDAYS.into_iter().zip(stats.hours).collect();
            page.push_str("<section><h2>When mail arrives</h2>\n");
            page.push_str(&chart::heat("Messages by weekday and hour", &rows));
            page.push_str("</section>\n");
            self.reasons(&mut page);
            self.senders(&mut page);
        }
        if let Some(accuracy) = self.accuracy {
            accuracy.section(&mut page);
        }
        self.rules(&mut page);
        page.push_str(
            "<p class=\"quiet\">Made from the records on this machine. The page loads nothing and sends nothing.</p>\n",
        );
        page.push_str("</body>\n</html>\n");
        page
    }

    fn tiles(&self, page: &mut String) {
        let stats = self.stats;
        let weeks = stats.weeks.values();
        let corrected: u64 = weeks.map(|week| week.filed + week.rescued + week.undone).sum();
        let total = stats.verdicts.total();
        page.push_str("<section class=\"tiles\">\n");
        for (bucket, count) in stats.verdicts.each() {
            tile(page, bucket.family(), &count.to_string(), bucket.as_str());
        }
        tile(page, "", &corrected.to_string(), "put right by you");
        if total > 0 {
            let left = 100.0 * (1.0 - corrected as f64 / total as f64).max(0.0);
            tile(page, "", &format!("{left:.1} %"), "left as sorted");
        }
        if let Some(half) = stats.wait(0.5) {
            tile(
                page,
                "",
                &format!("{half} s"),
                "from arrival to folder, half of the mail",
            );
        }
        page.push_str("</section>\n");
    }

    fn arrivals(&self, page: &mut String) {
        let by_day = self.stats.days.len() <= MOST_BARS;
        let mut bars: Vec<(Date, ByBucket)> = Vec::new();
        for (day, counts) in &self.stats.days {
            match bars.last_mut() {
                Some((first, sum)) if !by_day && within_a_week(*first, *day) => sum.add(counts),
                _ => bars.push((*day, counts.clone())),
            }
        }
        let bars: Vec<Bar> = bars
            .iter()
            .map(|(day, counts)| Bar {
                label: day.strftime("%-d %b").to_string(),
                pieces: counts.families(),
            })
            .collect();
        let per = if by_day { "day" } else { "week" };
        let _ = writeln!(page, "<section><h2>Arrivals per {per}</h2>");
        page.push_str(&chart::stacked(&format!("Messages per {per} and bucket"), &bars));
        page.push_str("<p class=\"legend\">");
        for (family, _) in self.stats.verdicts.families() {
            let words = if family == "own" { "your own buckets" } else { family };
            let _ = write!(page, "<span class=\"key {family}\"></span>{words} ");
        }
        page.push_str("</p></section>\n");
    }

    fn corrections(&self, page: &mut String) {
        page.push_str("<section><h2>What you put right, per week</h2>\n");
        if self.stats.weeks.is_empty() {
            page.push_str("<p>Nothing.</p></section>\n");
            return;
        }
        // Weeks in which nothing had to be put right are what one hopes to see.
        let quiet = self.stats.days.keys().filter(|day| day.weekday() == Weekday::Monday);
        let mut weeks: BTreeMap<Date, Corrections> = quiet.map(|day| (*day, Corrections::default())).collect();
        weeks.extend(self.stats.weeks.iter().map(|(monday, week)| (*monday, *week)));
        let bars: Vec<Bar> = weeks
            .iter()
            .map(|(monday, week)| Bar {
                label: monday.strftime("%-d %b").to_string(),
                pieces: vec![
                    ("filed", week.filed),
                    ("rescued", week.rescued),
                    ("undone", week.undone),
                ],
            })
            .collect();
        page.push_str(&chart::stacked("Corrections per week", &bars));
        page.push_str(
            "<p class=\"legend\"><span class=\"key filed\"></span>filed elsewhere <span class=\"key rescued\"></span>put back \
             into the inbox <span class=\"key undone\"></span>taken back with undo</p></section>\n",
        );
    }

    fn reasons(&self, page: &mut String) {
        let rows: Vec<(String, u64)> = self
            .stats
            .reasons
            .iter()
            .map(|(kind, count)| (reason_words(*kind).to_owned(), *count))
            .collect();
        table(page, "What decided", "", rows);
    }

    fn senders(&self, page: &mut String) {
        let rows: Vec<(String, u64)> = self
            .stats
            .top_senders(SENDERS)
            .into_iter()
            .map(|(from, count)| (from.to_owned(), count))
            .collect();
        table(page, "Most mail from", "name", rows);
    }

    fn rules(&self, page: &mut String) {
        let stats = self.stats;
        if self.rules.is_empty() && stats.rules.is_empty() {
            return;
        }
        page.push_str("<section><h2>Rules</h2>\n<table><tr><th>rule<th>file<th class=\"number\">messages<th>last\n");
        let mut rows: Vec<(&str, &str, u64, Option<Timestamp>)> = stats
            .rules
            .iter()
            .map(|((file, name), used)| (&**name, &**file, used.messages, used.last))
            .collect();
        for rule in self.rules {
            let key = (rule.file.as_str().into(), rule.name.as_str().into());
            if !stats.rules.contains_key(&key) {
                rows.push((&rule.name, &rule.file, 0, None));
            }
        }
        rows.sort_by_key(|(name, file, messages, _)| (std::cmp::Reverse(*messages), *file, *name));
        for (name, file, messages, last) in rows {
            let stale = last.is_none_or(|last| self.now.days_since(last) > ASLEEP_DAYS);
            let class = if stale { " class=\"asleep\"" } else { "" };
            let last = last.map_or_else(|| "not in this time".to_owned(), |last| self.day(last));
            let _ = writeln!(
                page,
                "<tr{class}><td class=\"name\">{}<td class=\"name\">{}<td class=\"number\">{messages}<td>{last}",
                escape(name),
                escape(file)
            );
        }
        page.push_str("</table></section>\n");
    }

    fn day(&self, at: Timestamp) -> String {
        let at = jiff::Timestamp::from_second(at.0).unwrap_or_default();
        at.to_zoned(self.zone.clone()).strftime("%-d %B %Y").to_string()
    }
}

fn tile(page: &mut String, class: &str, value: &str, what: &str) {
    let _ = writeln!(
        page,
        "<div class=\"tile {class}\"><b>{value}</b><span>{what}</span></div>"
    );
}

fn table(page: &mut String, heading: &str, class: &str, mut rows: Vec<(String, u64)>) {
    rows.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
    let most = rows.first().map_or(1, |(_, count)| *count).max(1);
    let _ = writeln!(page, "<section><h2>{heading}</h2>\n<table>");
    for (what, count) in rows {
        let bar = chart::bar(count as f64 / most as f64);
        let what = escape(&what);
        let _ = writeln!(
            page,
            "<tr><td class=\"number\">{count}<td class=\"picture\">{bar}<td class=\"{class}\">{what}"
        );
    }
    page.push_str("</table></section>\n");
}

fn within_a_week(first: Date, day: Date) -> bool {
    first.until(day).is_ok_and(|span| span.get_days() < 7)
}

/// What decided, in a few words for people.
pub fn reason_words(kind: ReasonKind) -> &'static str {
    match kind {
        ReasonKind::Rule => "a rule of yours",
        ReasonKind::Taught => "what you showed by dragging",
        ReasonKind::Reply => "it answers you",
        ReasonKind::Correspondence => "you write to them",
        ReasonKind::Named => "a list message that names you",
        ReasonKind::Fallback => "a fallback rule",
        ReasonKind::Evidence => "what its headers say",
        ReasonKind::Default => "nothing: it stays in the inbox",
    }
}

#[cfg(test)]
#[path = "page/tests.rs"]
mod tests;
