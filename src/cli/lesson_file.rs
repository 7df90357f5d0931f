//! Lessons as TOML that people can read, edit and keep in version control: what `export` writes and `import` reads.
//!
//! ```toml
//! [[lesson]]
//! address = "offers@shop.example"   # or list = "weekly.news.example", or domain = "shop.example"
//! bucket = "blackhole"
//! at = "2026-11-22T04:10:31Z"       # the rest may be left out
//! by = "drag"
//! authentication = "pass"
//! example = "<offer-7@shop.example>"
//! ```

use std::collections::BTreeMap;

use anyhow::{Context, bail};
use serde::Deserialize;
use toml::Spanned;

use super::identity;
use super::records::rfc3339;
use crate::sort::authenticity::Authentication;
use crate::sort::bucket::Bucket;
use crate::sort::mailbox::Timestamp;
use crate::sort::sanitise;
use crate::sort::sender::Address;
use crate::sort::taught::{Identity, Lesson, Teacher};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    #[serde(default)]
    lesson: Vec<Spanned<Raw>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Raw {
    address: Option<String>,
    list: Option<String>,
    domain: Option<String>,
    bucket: String,
    at: Option<String>,
    by: Option<Teacher>,
    authentication: Option<Authentication>,
    example: Option<String>,
}

/// The file for these lessons, in order of kind and name, so that two exports differ only where the lessons do.
pub fn write(lessons: &[Lesson]) -> String {
    let ordered: BTreeMap<&Identity, &Lesson> = lessons.iter().map(|lesson| (&lesson.identity, lesson)).collect();
    let mut text = "# What Postroom was taught. `postroom import FILE` reads it back.\n".to_owned();
    for lesson in ordered.into_values() {
        let (kind, name) = match &lesson.identity {
            Identity::Address(address) => ("address", address.as_str()),
            Identity::List(list) => ("list", list.as_str()),
            Identity::Domain(domain) => ("domain", domain.as_str()),
        };
        text.push_str("\n[[lesson]]\n");
        let at = rfc3339(lesson.at);
        let mut fields = vec![(kind, name), ("bucket", lesson.bucket.as_str()), ("at", at.as_str())];
        fields.push(("by", lesson.by.as_str()));
        fields.push(("authentication", lesson.authentication.as_str()));
        fields.extend(lesson.example.as_deref().map(|example| ("example", example)));
        for (key, value) in fields {
            text.extend([key, " = ", &quoted(value), "\n"]);
        }
    }
    text
}

/// A basic string of TOML in which whatever could mislead a terminal or an editor is written by its number.
fn quoted(text: &str) -> String {
    let mut quoted = "\"".to_owned();
    for c in text.chars() {
        if sanitise(c.encode_utf8(&mut [0; 4])).chars().ne([c]) {
            quoted.extend(format!("\\U{:08X}", u32::from(c)).chars());
        } else {
            if matches!(c, '"' | '\\') {
                quoted.push('\\');
            }
            quoted.push(c);
        }
    }
    quoted + "\""
}

/// The lessons of a file, by a user who has made the buckets `own`, or nobody knows which. What is left out is taken as imported `now`, and as meant for all mail of that sender.
///
/// # Errors
/// Text that is no such file, with the line.
pub fn read(text: &str, now: Timestamp, own: Option<&[Bucket]>) -> anyhow::Result<Vec<Lesson>> {
    let file: File = match toml::from_str(text) {
        Ok(file) => file,
        Err(error) => {
            let line = error.span().map_or(1, |span| line_of(text, span.start));
            bail!("line {line}: {}", sanitise(error.message().trim()));
        }
    };
    file.lesson
        .into_iter()
        .map(|raw| {
            let line = line_of(text, raw.span().start);
            lesson(raw.into_inner(), now, own).with_context(|| format!("the lesson on line {line}"))
        })
        .collect()
}

fn line_of(text: &str, offset: usize) -> usize {
    text.bytes().take(offset).filter(|byte| *byte == b'\n').count() + 1
}

fn lesson(raw: Raw, now: Timestamp, own: Option<&[Bucket]>) -> anyhow::Result<Lesson> {
    let identity = match (raw.address, raw.list, raw.domain) {
        (Some(address), None, None) => match Address::parse(&address) {
            Some(address) => Identity::Address(address),
            None => bail!("`{}` is no address", sanitise(&address)),
        },
        (None, Some(list), None) => match identity::parse(&list)? {
            list @ Identity::List(_) => list,
            _ => bail!("`{}` is no List-Id", sanitise(&list)),
        },
        (None, None, Some(domain)) => identity::parse(&format!("@{}", domain.trim_start_matches('@')))?,
        _ => bail!("it needs one of `address`, `list` and `domain`"),
    };
    let at = match raw.at {
        None => now,
        Some(text) => match text.parse::<jiff::Timestamp>() {
            // A lesson of the future would outlive every drag made until then.
            Ok(time) => Timestamp(time.as_second()).min(now),
            Err(_) => bail!("`at` is no time; it is written as 2026-11-22T04:10:31Z"),
        },
    };
    Ok(Lesson {
        identity,
        bucket: match own {
            Some(own) => Bucket::meant(&raw.bucket, own.iter().copied())?,
            None => raw.bucket.parse()?,
        },
        at,
        example: raw.example,
        authentication: raw.authentication.unwrap_or(Authentication::Pass),
        by: raw.by.unwrap_or(Teacher::Import),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp(1_795_000_000);

    fn lessons() -> Vec<Lesson> {
        let lesson = |identity, bucket, by| Lesson {
            identity,
            bucket,
            at: Timestamp(NOW.0 - 5),
            example: Some("<\"odd\\\u{202e}\"@shop.example>".to_owned()),
            authentication: Authentication::Fail,
            by,
        };
        let address = |text| Identity::Address(Address::parse(text).unwrap());
        vec![
            lesson(address("a@shop.example"), Bucket::Blackhole, Teacher::Drag),
            lesson(address("b@shop.example"), Bucket::Top, Teacher::Train),
            lesson(
                Identity::List("weekly.news.example".to_owned()),
                Bucket::News,
                Teacher::Import,
            ),
            Lesson {
                example: None,
                ..lesson(
                    Identity::Domain("casino.example".to_owned()),
                    Bucket::Blackhole,
                    Teacher::Drag,
                )
            },
        ]
    }

    #[test]
    fn what_is_written_is_read_back_and_always_the_same() {
        let text = write(&lessons());
        assert!(!text.contains('\u{202e}'));
        assert_eq!(read(&text, NOW, Some(&[])).unwrap(), lessons());
        let mut shuffled = lessons();
        shuffled.reverse();
        assert_eq!(write(&shuffled), text);
        assert_eq!(read(&write(&[]), NOW, Some(&[])).unwrap(), []);
    }

    #[test]
    fn two_lines_by_hand_are_enough() {
        let read = read(
            "[[lesson]]\naddress = \"Anna@Example.org\"\nbucket = \"top\"\n",
            NOW,
            Some(&[]),
        )
        .unwrap();
        assert_eq!(read.len(), 1);
        assert_eq!(
            read[0].identity,
            Identity::Address(Address::parse("anna@example.org").unwrap())
        );
        assert_eq!((read[0].at, read[0].by), (NOW, Teacher::Import));
        assert!(read[0].covers(Authentication::None));
    }

    #[test]
    fn a_lesson_of_the_future_is_of_today() {
        let text = "[[lesson]]\ndomain = \"x.example\"\nbucket = \"bulk\"\nat = \"2999-01-01T00:00:00Z\"\n";
        assert_eq!(read(text, NOW, Some(&[])).unwrap()[0].at, NOW);
    }

    #[test]
    fn mistakes_are_named_with_their_line() {
        let fine = "[[lesson]]\naddress = \"a@b.example\"\nbucket = \"top\"\n";
        for (bad, line, said) in [
            ("[[lesson]]\naddress = \"nobody\"\nbucket = \"top\"\n", 4, "no address"),
            (
                "[[lesson]]\nlist = \"x\"\ndomain = \"x.example\"\nbucket = \"top\"\n",
                4,
                "one of",
            ),
            ("[[lesson]]\nlist = \"x\"\nbucket = \"spam\"\n", 4, "no bucket"),
            ("[[lesson]]\nlist = \"x\"\nbukcet = \"top\"\n", 6, "bukcet"),
            ("[[lesson\n", 4, ""),
        ] {
            let error = format!("{:#}", read(&format!("{fine}{bad}"), NOW, Some(&[])).unwrap_err());
            assert!(
                error.contains(&format!("line {line}")) && error.contains(said),
                "{bad}: {error}"
            );
        }
    }
}
