//! `postroom stats`: the ledger in numbers and bars.

use std::io::Write;

use clap::Args;
use serde_json::{Map, Value, json};

use super::log::colour;
use super::records::{Records, explain_names, rfc3339};
use super::since;
use crate::report::page::reason_words;
use crate::report::stats::{ByBucket, Stats};
use crate::sort::bucket::Bucket;
use crate::sort::sanitise;

/// Show what went where, day by day, and how often you put something right
#[derive(Debug, Clone, Default, Args)]
#[command(after_help = "Example: postroom stats --since 30d")]
pub struct StatsArgs {
    /// From this time on: 1h, 30d, today, 2026-11-22 [default: 13d, two weeks with today]
    #[arg(long, value_name = "TIME")]
    pub since: Option<String>,
    /// Of this account only
    #[arg(long, value_name = "NAME")]
    pub account: Option<String>,
    /// One JSON object
    #[arg(long)]
    pub json: bool,
}

/// Runs the command; 0 unless it cannot.
pub fn run(args: &StatsArgs, records: &Records, out: &mut dyn Write) -> anyhow::Result<u8> {
    let store = records.read()?;
    let accounts = records.chosen(&store, args.account.as_deref())?;
    let said = args.since.as_deref().unwrap_or("13d");
    let since = since::parse(said, &records.local(records.now))?;
    let stats = Stats::gather(&store, &accounts, since, records.now, &records.zone)?;
    if args.json {
        writeln!(out, "{}", object(&stats, &rfc3339(since), &rfc3339(records.now)))?;
        return Ok(0);
    }
    writeln!(out, "{} since {}", messages(stats.verdicts.total()), records.day(since))?;
    if stats.verdicts.total() > 0 {
        days(&stats, records, out)?;
        reasons(&stats, out)?;
        explain_names(&store, out)?;
    }
    corrections(&stats, out)?;
    Ok(0)
}

fn messages(count: u64) -> String {
    if count == 1 {
        "1 message".to_owned()
    } else {
        format!("{count} messages")
    }
}

/// The mark of a bucket in a bar; told apart without colours too.
fn mark(bucket: Bucket) -> &'static str {
    match bucket {
        Bucket::Top => "█",
        Bucket::Inbox => "▓",
        Bucket::News => "▒",
        Bucket::Bulk => "░",
        Bucket::Blackhole => "·",
        Bucket::Own(_) => "▚",
    }
}

fn painted(bucket: Bucket, text: &str, records: &Records) -> String {
    if records.colour && !text.is_empty() {
        format!("{}{text}\x1b[0m", colour(bucket))
    } else {
        text.to_owned()
    }
}

fn days(stats: &Stats, records: &Records, out: &mut dyn Write) -> anyhow::Result<()> {
    let busiest = stats.days.values().map(ByBucket::total).max().unwrap_or(0);
    // The date, the count and the spaces between take 20 columns.
    let room = u64::from(records.width.saturating_sub(20).clamp(10, 100));
    writeln!(out)?;
    for (day, counts) in &stats.days {
        writeln!(
            out,
            "{day}  {:>6}  {}",
            counts.total(),
            bar(counts, busiest, room, records)
        )?;
    }
    let legend: Vec<String> = stats
        .verdicts
        .each()
        .map(|(bucket, count)| format!("{} {bucket} {count}", painted(bucket, mark(bucket), records)))
        .collect();
    writeln!(out, "{:>20}{}", "", legend.join("   "))?;
    Ok(())
}

/// A bar of at most `room` columns. Ends of its pieces are rounded, not the pieces, so that they add up.
fn bar(counts: &ByBucket, busiest: u64, room: u64, records: &Records) -> String {
    let scale = |count: u64| {
        if busiest <= room {
            count
        } else {
            (count * room).div_ceil(busiest)
        }
    };
    let (mut bar, mut sum) = (String::new(), 0);
    for (bucket, count) in counts.each() {
        let columns = scale(sum + count) - scale(sum);
        sum += count;
        bar.push_str(&painted(bucket, &mark(bucket).repeat(columns as usize), records));
    }
    bar
}

fn reasons(stats: &Stats, out: &mut dyn Write) -> anyhow::Result<()> {
    let mut reasons: Vec<_> = stats.reasons.iter().collect();
    reasons.sort_by_key(|(_, count)| std::cmp::Reverse(**count));
    let reasons: Vec<String> = reasons
        .iter()
        .map(|(kind, count)| format!("{} ({count})", reason_words(**kind)))
        .collect();
    writeln!(out, "\nDecided by: {}", reasons.join(", "))?;
    if let (Some(half), Some(most)) = (stats.wait(0.5), stats.wait(0.99)) {
        writeln!(
            out,
            "From arrival to its folder: half within {half} s, 99 of 100 within {most} s"
        )?;
    }
    if stats.failed > 0 {
        writeln!(
            out,
            "Refused by the server: {} (postroom log --only sort)",
            messages(stats.failed)
        )?;
    }
    writeln!(out, "\nMost mail from:")?;
    for (from, count) in stats.top_senders(5) {
        writeln!(out, "{count:>8}  {}", sanitise(from))?;
    }
    Ok(())
}

fn corrections(stats: &Stats, out: &mut dyn Write) -> anyhow::Result<()> {
    if stats.weeks.is_empty() {
        writeln!(out, "\nThere was nothing for you to put right.")?;
        return Ok(());
    }
    writeln!(out, "\nWhat you put right:")?;
    for (monday, week) in &stats.weeks {
        writeln!(
            out,
            "  week of {monday}: {} filed, {} put back into the inbox, {} undone",
            week.filed, week.rescued, week.undone
        )?;
    }
    Ok(())
}

fn object(stats: &Stats, since: &str, until: &str) -> Value {
    let buckets = |counts: &ByBucket| -> Map<String, Value> {
        counts
            .each()
            .map(|(bucket, count)| (bucket.as_str().to_owned(), count.into()))
            .collect()
    };
    let day = |(day, counts): (&jiff::civil::Date, &ByBucket)| {
        let mut object = Map::from_iter([("date".to_owned(), day.to_string().into())]);
        object.extend(buckets(counts));
        Value::from(object)
    };
    json!({
        "since": since,
        "until": until,
        "messages": stats.verdicts.total(),
        "buckets": buckets(&stats.verdicts),
        "days": stats.days.iter().map(day).collect::<Vec<_>>(),
        "corrections": stats.weeks.iter().map(|(monday, week)| json!({
            "week": monday.to_string(), "filed": week.filed, "rescued": week.rescued, "undone": week.undone,
        })).collect::<Vec<_>>(),
        "reasons": stats.reasons.iter().map(|(kind, count)| (kind.as_str().to_owned(), (*count).into())).collect::<Map<String, Value>>(),
        "wait_p50": stats.wait(0.5),
        "wait_p99": stats.wait(0.99),
        "failed": stats.failed,
        "senders": stats.top_senders(20).iter().map(|(from, count)| json!({"from": sanitise(from), "messages": count})).collect::<Vec<_>>(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::sample;

    fn said(args: &StatsArgs, records: &Records) -> String {
        let mut out = Vec::new();
        assert_eq!(run(args, records, &mut out).unwrap(), 0);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn bars_are_readable_without_colours() {
        let (_dir, records) = sample::records();
        let said = said(
            &StatsArgs {
                since: Some("yesterday".to_owned()),
                ..StatsArgs::default()
            },
            &records,
        );
        let expected = "\
4 messages since 2026-11-17

2026-11-17       0  
2026-11-18       4  █▒░░
                    █ top 1   ▓ inbox 0   ▒ news 1   ░ bulk 2   · blackhole 0

Decided by: what its headers say (2), a rule of yours (1), you write to them (1)
From arrival to its folder: half within 3 s, 99 of 100 within 3 s
Refused by the server: 1 message (postroom log --only sort)

Most mail from:
       1  anna@example.org
       1  editor@news.example
       1  shop@shop.example

What you put right:
  week of 2026-11-16: 1 filed, 0 put back into the inbox, 0 undone
";
        assert_eq!(said, expected);
    }

    #[test]
    fn bars_fit_the_terminal_and_add_up() {
        let (_dir, mut records) = sample::records();
        records.width = 40;
        let mut store = records.write().unwrap();
        for kind in [
            crate::sort::ledger::RowKind::Keep,
            crate::sort::ledger::RowKind::Preview,
        ] {
            let many: Vec<_> = (0..333)
                .map(|n| crate::sort::ledger::Entry {
                    kind,
                    ..sample::entry(n)
                })
                .collect();
            let _ = store.plan("home", "r2", records.now, &many).unwrap();
        }
        let said = said(
            &StatsArgs {
                since: Some("today".to_owned()),
                ..StatsArgs::default()
            },
            &records,
        );
        let bar = said.lines().find(|line| line.starts_with("2026-11-18")).unwrap();
        assert_eq!(bar.chars().count(), 40, "{bar}");
        assert!(said.starts_with("670 messages"));
    }

    #[test]
    fn nothing_is_said_plainly() {
        let (_dir, records) = sample::records();
        let said = said(
            &StatsArgs {
                since: Some("5s".to_owned()),
                ..StatsArgs::default()
            },
            &records,
        );
        assert_eq!(
            said,
            "0 messages since 2026-11-18\n\nThere was nothing for you to put right.\n"
        );
    }

    #[test]
    fn json_holds_the_same_counts() {
        let (_dir, records) = sample::records();
        let object: Value = serde_json::from_str(&said(
            &StatsArgs {
                json: true,
                ..StatsArgs::default()
            },
            &records,
        ))
        .unwrap();
        assert_eq!(object["messages"], 4);
        assert_eq!(object["days"].as_array().unwrap().len(), 14);
        assert_eq!(
            object["days"][13],
            json!({"date": "2026-11-18", "top": 1, "inbox": 0, "news": 1, "bulk": 2, "blackhole": 0})
        );
        assert_eq!(
            object["corrections"],
            json!([{"week": "2026-11-16", "filed": 1, "rescued": 0, "undone": 0}])
        );
        assert_eq!(object["reasons"]["rule"], 1);
    }
}
