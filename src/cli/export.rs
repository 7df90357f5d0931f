//! `postroom export`: the lessons as text, to read, to keep, to carry to another machine.

use std::io::Write;

use clap::{Args, ValueEnum};

use super::lesson_file;
use super::records::Records;
use crate::sort::pseudonym::EXPLAINED;

/// Print what was taught, as a file that `import` reads
#[derive(Debug, Clone, Default, Args)]
#[command(
    after_help = "Examples: postroom export > lessons.toml\n          postroom export sieve > postroom.sieve\n          postroom export records > records.jsonl\n\nTo move to another machine with all records: stop postroom, copy postroom.toml, the rules and the directory `state`."
)]
pub struct ExportArgs {
    /// `sieve`: rules and lessons as a Sieve script; `records`: everything that is stored, one JSON object a line
    #[arg(hide_possible_values = true)]
    pub what: Option<What>,
    /// Of this account
    #[arg(long, value_name = "NAME")]
    pub account: Option<String>,
}

/// Something else than lessons.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum What {
    /// Rules and lessons as a Sieve script
    Sieve,
    /// Everything that is stored, one JSON object a line
    Records,
}

/// Runs the command; 0 unless it cannot.
pub fn run(args: &ExportArgs, records: &Records, out: &mut dyn Write) -> anyhow::Result<u8> {
    let store = records.read()?;
    let account = records.single(&store, args.account.as_deref())?;
    out.write_all(lesson_file::write(&store.lessons(&account)?).as_bytes())?;
    if store.names().are_used() {
        writeln!(
            out,
            "\n# {EXPLAINED}\n# Only records with the same key understand these names."
        )?;
    }
    Ok(0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::sample;

    #[test]
    fn the_file_is_as_documented() {
        let (_dir, records) = sample::records();
        let mut out = Vec::new();
        run(&ExportArgs::default(), &records, &mut out).unwrap();
        assert_eq!(
            String::from_utf8(out).unwrap(),
            r#"# What Postroom was taught. `postroom import FILE` reads it back.

[[lesson]]
address = "shop@shop.example"
bucket = "blackhole"
at = "2026-11-18T11:07:40Z"
by = "drag"
authentication = "pass"
example = "<3@shop.example>"

[[lesson]]
list = "talk.example.org"
bucket = "news"
at = "2026-11-18T11:07:40Z"
by = "train"
authentication = "pass"
example = "<3@shop.example>"
"#
        );
    }
}
