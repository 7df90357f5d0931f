//! What a run of the program costs: wall time, processor time, peak memory; read from /proc, as `top` does.

#![allow(dead_code)]

use std::fs;
use std::io::{BufRead as _, BufReader, Read as _};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

/// Linux counts processor time in hundredths of a second for every program that asks.
const TICKS_A_SECOND: f64 = 100.0;

/// What a finished run took.
#[derive(Debug, Clone, Copy)]
pub struct Cost {
    /// From spawn to the end of its output, seconds.
    pub wall: f64,
    /// User and system time, seconds.
    pub cpu: f64,
    /// Peak resident memory, MiB.
    pub peak: f64,
}

/// Runs a command to its end, which must be a success.
pub fn measure(mut command: Command) -> Cost {
    let begun = Instant::now();
    let mut child = command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
    let (id, ended, peak) = (child.id(), AtomicBool::new(false), AtomicU64::new(0));
    let mut output = Vec::new();
    let wall = thread::scope(|scope| {
        scope.spawn(|| {
            while !ended.load(Ordering::Relaxed) {
                peak.fetch_max(status(id, "VmHWM:").unwrap_or(0), Ordering::Relaxed);
                thread::sleep(Duration::from_millis(5));
            }
        });
        BufReader::new(child.stderr.take().unwrap())
            .read_to_end(&mut output)
            .unwrap();
        let wall = begun.elapsed().as_secs_f64();
        ended.store(true, Ordering::Relaxed);
        wall
    });
    // Ended and not yet waited for, it still says what it used.
    while !is_gone(id) {
        thread::sleep(Duration::from_millis(1));
    }
    let cpu = cpu(id);
    let ended = child.wait().unwrap();
    assert!(
        ended.success(),
        "{command:?}: {ended}\n{}",
        String::from_utf8_lossy(&output)
    );
    Cost {
        wall,
        cpu,
        peak: peak.load(Ordering::Relaxed) as f64 / 1024.0,
    }
}

/// Processor time of a process so far, seconds.
pub fn cpu(id: u32) -> f64 {
    let ticks: f64 = [13, 14]
        .iter()
        .filter_map(|&at| stat(id, at)?.parse::<f64>().ok())
        .sum();
    ticks / TICKS_A_SECOND
}

/// A line of /proc/PID/status in KiB: `VmRSS:`, `VmHWM:`.
pub fn status(id: u32, line: &str) -> Option<u64> {
    let file = fs::File::open(format!("/proc/{id}/status")).ok()?;
    let mut lines = BufReader::new(file).lines().map_while(Result::ok);
    let found = lines.find(|text| text.starts_with(line))?;
    found.split_whitespace().nth(1)?.parse().ok()
}

fn is_gone(id: u32) -> bool {
    stat(id, 2).is_none_or(|state| state == "Z")
}

/// A field of /proc/PID/stat, counted from 0. The name in parentheses may hold spaces; ours does not.
fn stat(id: u32, at: usize) -> Option<String> {
    let text = fs::read_to_string(format!("/proc/{id}/stat")).ok()?;
    text.split_whitespace().nth(at).map(str::to_owned)
}

/// The middle one; of an even number the lower.
pub fn median(values: &[f64]) -> f64 {
    percentile(values, 50)
}

/// The smallest value that `percent` of all do not exceed.
pub fn percentile(values: &[f64], percent: usize) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted
        .get((sorted.len() * percent).div_ceil(100).saturating_sub(1))
        .copied()
        .unwrap_or(f64::NAN)
}
