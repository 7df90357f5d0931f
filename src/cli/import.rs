//! `postroom import`: takes lessons from a file that `export` or a person wrote. All of them or, with a mistake anywhere,
//! none.

use std::collections::BTreeMap;
use std::fs;
use std::io::{Read, Write};
use std::path::{Path, PathBuf};

use anyhow::Context;
use clap::{Args, ValueEnum};

use super::filters::Format;
use super::records::Records;
use super::{lesson_file, train};
use crate::sort::sanitise;

/// Largest file that is read, in octets: some 100,000 lessons.
const LARGEST: u64 = 32 << 20;

/// Take lessons from a file, or translate the filters of another program into rules
#[derive(Debug, Clone, Default, Args)]
#[command(
    after_help = "Examples: postroom import lessons.toml\n          postroom import gmail mailFilters.xml > rules/90-gmail.toml\n\n\
                  Of two lessons about one sender the later one stays."
)]
pub struct ImportArgs {
    /// The file, as `postroom export` writes it; `-` for standard input. Or where filters come from: gmail, sieve,
    /// thunderbird, imapfilter
    pub file: PathBuf,
    /// The file with the filters
    pub filters: Option<PathBuf>,
    /// For this account
    #[arg(long, value_name = "NAME")]
    pub account: Option<String>,
    /// Show what would change, change nothing
    #[arg(long)]
    pub dry_run: bool,
}

impl ImportArgs {
    /// Where filters come from and the file with them, when it is filters that are to be taken.
    pub fn filters(&self) -> anyhow::Result<Option<(Format, &Path)>> {
        let Some(file) = &self.filters else { return Ok(None) };
        match Format::from_str(&self.file.to_string_lossy(), true) {
            Ok(format) => Ok(Some((format, file))),
            Err(_) => anyhow::bail!(
                "`{}` is no program whose filters are known: gmail, sieve, thunderbird and imapfilter are",
                sanitise(&self.file.display().to_string())
            ),
        }
    }
}

/// Runs the command; 0 when every lesson of the file is known.
pub fn run(args: &ImportArgs, records: &Records, out: &mut dyn Write) -> anyhow::Result<u8> {
    let name = args.file.display().to_string();
    let text = read(args).with_context(|| sanitise(&name))?;
    let lessons = lesson_file::read(&text, records.now, Some(&records.own_buckets)).with_context(|| sanitise(&name))?;
    for lesson in &lessons {
        train::refuse_shared(&lesson.identity, lesson.bucket)?;
    }
    let mut store = records.write()?;
    let account = records.single(&store, args.account.as_deref())?;
    let known: BTreeMap<_, _> = store
        .lessons(&account)?
        .into_iter()
        .map(|lesson| (lesson.identity, (lesson.at, lesson.bucket)))
        .collect();
    let (mut new, mut changed, mut older) = (0, 0, 0);
    for lesson in &lessons {
        match known.get(&store.names().identity(&lesson.identity)) {
            None => new += 1,
            Some((at, _)) if *at > lesson.at => older += 1,
            Some((_, bucket)) if *bucket != lesson.bucket => changed += 1,
            Some(_) => {}
        }
    }
    if !args.dry_run {
        store.teach(&account, &lessons)?;
    }
    let verb = if args.dry_run { "Would take" } else { "Took" };
    writeln!(
        out,
        "{verb} {} from {}: {new} new, {changed} changed; {older} older than what was taught since and left out.",
        plural(lessons.len(), "lesson"),
        sanitise(&name)
    )?;
    Ok(0)
}

fn read(args: &ImportArgs) -> std::io::Result<String> {
    let mut text = String::new();
    if args.file.as_os_str() == "-" {
        std::io::stdin().lock().take(LARGEST).read_to_string(&mut text)?;
    } else {
        fs::File::open(&args.file)?.take(LARGEST).read_to_string(&mut text)?;
    }
    Ok(text)
}

fn plural(count: usize, noun: &str) -> String {
    if count == 1 {
        format!("1 {noun}")
    } else {
        format!("{count} {noun}s")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::{export, sample};

    fn import(text: &str, dry_run: bool, records: &Records) -> anyhow::Result<String> {
        let file = tempfile::NamedTempFile::new().unwrap();
        fs::write(file.path(), text).unwrap();
        let mut out = Vec::new();
        run(
            &ImportArgs {
                file: file.path().to_owned(),
                filters: None,
                account: None,
                dry_run,
            },
            records,
            &mut out,
        )?;
        Ok(String::from_utf8(out)
            .unwrap()
            .replace(&file.path().display().to_string(), "FILE"))
    }

    fn export(records: &Records) -> String {
        let mut out = Vec::new();
        export::run(&export::ExportArgs::default(), records, &mut out).unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn an_export_goes_into_an_empty_state_and_comes_out_the_same() {
        let (_dir, records) = sample::records();
        let exported = export(&records);
        let empty = tempfile::tempdir().unwrap();
        let mut other = Records::new(empty.path(), records.now);
        other.accounts = vec!["home".to_owned()];
        let said = import(&exported, false, &other).unwrap();
        assert_eq!(
            said,
            "Took 2 lessons from FILE: 2 new, 0 changed; 0 older than what was taught since and left out.\n"
        );
        assert_eq!(export(&other), exported);
    }

    #[test]
    fn a_mistake_anywhere_or_a_dry_run_takes_nothing() {
        let (_dir, records) = sample::records();
        let before = export(&records);
        let fine = "[[lesson]]\naddress = \"a@b.example\"\nbucket = \"top\"\n";
        assert!(import(&format!("{fine}[[lesson]]\nbucket = \"top\"\n"), false, &records).is_err());
        assert!(
            import(
                &format!("{fine}[[lesson]]\ndomain = \"gmail.com\"\nbucket = \"bulk\"\n"),
                false,
                &records
            )
            .is_err()
        );
        assert!(
            import(fine, true, &records)
                .unwrap()
                .starts_with("Would take 1 lesson from")
        );
        assert_eq!(export(&records), before);
    }

    #[test]
    fn an_older_lesson_does_not_undo_a_later_one() {
        let (_dir, records) = sample::records();
        let before = export(&records);
        let old = "[[lesson]]\naddress = \"shop@shop.example\"\nbucket = \"top\"\nat = \"2020-01-01T00:00:00Z\"\n";
        assert!(import(old, false, &records).unwrap().contains("1 older"));
        assert_eq!(export(&records), before);
    }
}
