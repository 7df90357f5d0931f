//! `postroom train`: says where a sender's mail belongs, without a drag.

use std::io::Write;

use anyhow::{anyhow, bail};
use clap::Args;

use super::identity;
use super::records::Records;
use crate::sort::authenticity::Authentication;
use crate::sort::bucket::Bucket;
use crate::sort::taught::{Identity, Lesson, Teacher};

/// Say where a sender's mail belongs from now on
#[derive(Debug, Clone, Default, Args)]
#[command(
    after_help = "Examples:\n  never this shop again     postroom train @shop.example blackhole\n  this list is news         postroom train talk.example.org news\n  this person stays         postroom train anna@example.org inbox"
)]
pub struct TrainArgs {
    /// An address, a domain with everything below it (@shop.example), or a List-Id
    #[arg(value_name = "ADDRESS|@DOMAIN|LIST")]
    pub sender: String,
    /// top, inbox, news, bulk, blackhole, or a bucket of your own ([account.bucket.NAME] in postroom.toml)
    pub bucket: String,
    /// For this account
    #[arg(long, value_name = "NAME")]
    pub account: Option<String>,
}

/// Runs the command; 0 when the lesson is in force.
pub fn run(args: &TrainArgs, records: &Records, out: &mut dyn Write) -> anyhow::Result<u8> {
    let identity = identity::parse(&args.sender)?;
    let bucket = records.bucket(&args.bucket).map_err(|unknown| {
        anyhow!("{unknown}. A folder of your own becomes a bucket by two lines in postroom.toml: [account.bucket.NAME] and folder = \"FOLDER\"")
    })?;
    refuse_shared(&identity, bucket)?;
    let mut store = records.write()?;
    let account = records.single(&store, args.account.as_deref())?;
    let known = store.names().identity(&identity);
    let before = store
        .lessons(&account)?
        .into_iter()
        .find(|lesson| lesson.identity == known);
    // A clock that was set back must not keep the user's latest word from counting.
    let at = before.as_ref().map_or(records.now, |lesson| records.now.max(lesson.at));
    let lesson = Lesson {
        identity,
        bucket,
        at,
        example: None,
        // Said by the user about the sender, not shown by a message that might be forged.
        authentication: Authentication::Pass,
        by: Teacher::Train,
    };
    store.teach(&account, std::slice::from_ref(&lesson))?;
    let name = &lesson.identity;
    let belongs = |bucket: Bucket| match bucket {
        Bucket::Inbox => "stays in the inbox".to_owned(),
        bucket => format!("goes to {bucket}"),
    };
    writeln!(out, "From now on mail from {name} {}.", belongs(bucket))?;
    match before {
        Some(before) if before.bucket != bucket => {
            writeln!(
                out,
                "Until now it was {}, since {}.",
                before.bucket,
                records.day(before.at)
            )?;
        }
        _ => {}
    }
    writeln!(
        out,
        "A rule of yours still comes first. Take it back with: postroom forget {}",
        identity::spelling(name)
    )?;
    Ok(0)
}

/// Millions share some domains: no one word can be meant for all of their mail.
pub(super) fn refuse_shared(identity: &Identity, bucket: Bucket) -> anyhow::Result<()> {
    match identity {
        Identity::Domain(domain) if crate::sort::sender::is_shared(domain) => bail!(
            "{domain} belongs to millions of people, so not all of its mail can be {bucket}; name an address instead"
        ),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::sample;

    fn train(sender: &str, bucket: &str, records: &Records) -> anyhow::Result<String> {
        let args = TrainArgs {
            sender: sender.to_owned(),
            bucket: bucket.to_owned(),
            account: None,
        };
        let mut out = Vec::new();
        run(&args, records, &mut out)?;
        Ok(String::from_utf8(out).unwrap())
    }

    #[test]
    fn the_users_word_is_in_force_at_once_and_can_be_taken_back() {
        let (_dir, records) = sample::records();
        let said = train("shop@shop.example", "inbox", &records).unwrap();
        assert_eq!(
            said,
            "From now on mail from shop@shop.example stays in the inbox.\n\
             Until now it was blackhole, since 2026-11-18.\n\
             A rule of yours still comes first. Take it back with: postroom forget shop@shop.example\n"
        );
        let lessons = records.read().unwrap().lessons("home").unwrap();
        let lesson = lessons.iter().find(|lesson| lesson.bucket == Bucket::Inbox).unwrap();
        assert_eq!((lesson.at, lesson.by), (records.now, Teacher::Train));
    }

    #[test]
    fn a_clock_set_back_does_not_make_the_user_speak_in_vain() {
        let (_dir, mut records) = sample::records();
        records.now = sample::THEN;
        train("shop@shop.example", "top", &records).unwrap();
        let lessons = records.read().unwrap().lessons("home").unwrap();
        assert_eq!(lessons[0].bucket, Bucket::Top);
    }

    #[test]
    fn a_domain_of_millions_and_unknown_words_are_refused() {
        let (_dir, records) = sample::records();
        let refused = |sender, bucket| train(sender, bucket, &records).unwrap_err().to_string();
        assert!(refused("@gmail.com", "blackhole").contains("millions"));
        assert!(refused("shop@shop.example", "spam").contains("no bucket"));
        assert!(refused("not an address", "bulk").contains("names no sender"));
    }

    #[test]
    fn with_two_accounts_one_has_to_be_named() {
        let (_dir, mut records) = sample::records();
        records.accounts = vec!["home".to_owned(), "work".to_owned()];
        assert!(
            train("a@shop.example", "bulk", &records)
                .unwrap_err()
                .to_string()
                .contains("--account")
        );
        let args = TrainArgs {
            sender: "a@shop.example".to_owned(),
            bucket: "bulk".to_owned(),
            account: Some("work".to_owned()),
        };
        run(&args, &records, &mut Vec::new()).unwrap();
        assert_eq!(records.read().unwrap().lessons("work").unwrap().len(), 1);
    }
}
