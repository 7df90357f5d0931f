//! `postroom metrics`: counts in the Prometheus text format, on standard output or in a file for node_exporter's textfile
//! collector. There is no listening port.

use std::io::Write;
use std::path::PathBuf;

use anyhow::Context as _;
use clap::Args;

use super::records::Records;
use crate::daemon::metrics::pulses;
use crate::report::metrics::{replace, text};

/// Print counts for Prometheus
#[derive(Debug, Clone, Default, Args)]
#[command(
    after_help = "By itself, every five minutes: metrics_file = \"FILE\" in postroom.toml\n\nExample: postroom metrics --output /var/lib/prometheus/node-exporter/postroom.prom"
)]
pub struct MetricsArgs {
    /// Replace this file, in one step, instead of printing
    #[arg(long, value_name = "FILE")]
    pub output: Option<PathBuf>,
}

/// Runs the command; 0 unless it cannot.
pub fn run(args: &MetricsArgs, records: &Records, out: &mut dyn Write) -> anyhow::Result<u8> {
    let store = records.read()?;
    let pulses = pulses(&store, &records.chosen(&store, None)?)?;
    let text = text(&store, &pulses, records.now, &records.zone)?;
    match &args.output {
        None => write!(out, "{text}")?,
        Some(path) => replace(path, &text).with_context(|| format!("cannot write {}", path.display()))?,
    }
    Ok(0)
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::cli::sample;

    #[test]
    fn every_line_is_a_comment_or_a_sample() {
        let (_dir, records) = sample::records();
        let mut out = Vec::new();
        assert_eq!(run(&MetricsArgs::default(), &records, &mut out).unwrap(), 0);
        let text = String::from_utf8(out).unwrap();
        let sample = regex::Regex::new(r#"^[a-z_]+\{account="home"(,[a-z]+="[a-z]+")?\} -?\d+$"#).unwrap();
        for line in text.lines().filter(|line| !line.starts_with("# ")) {
            assert!(sample.is_match(line), "{line}");
        }
        for line in [
            "postroom_messages_total{account=\"home\",bucket=\"bulk\"} 2",
            "postroom_moves_refused_total{account=\"home\"} 1",
            "postroom_lessons{account=\"home\"} 2",
            "postroom_connected{account=\"home\"} 0",
        ] {
            assert!(text.lines().any(|found| found == line), "{line}\nin\n{text}");
        }
    }

    #[test]
    fn a_file_is_replaced_in_one_step() {
        let (dir, records) = sample::records();
        let output = dir.path().join("postroom.prom");
        let args = MetricsArgs {
            output: Some(output.clone()),
        };
        run(&args, &records, &mut Vec::new()).unwrap();
        run(&args, &records, &mut Vec::new()).unwrap();
        assert!(fs::read_to_string(output).unwrap().starts_with("# HELP"));
        assert!(!dir.path().join("postroom.prom.new").exists());
    }
}
