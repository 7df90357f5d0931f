//! What a stranger can do to the model by sending mail: nothing. Floods and forgeries displace no legitimate message.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

#[path = "support/sorter.rs"]
mod sorter;

use std::sync::Arc;

use postroom::sort::authenticity::Authentication;
use postroom::sort::bucket::Bucket;
use postroom::sort::evidence::Evidence;
use postroom::sort::mailbox::Timestamp;
use postroom::sort::message::Message;
use postroom::sort::rules::RuleSet;
use postroom::sort::sender::{Address, Owner};
use postroom::sort::taught::{Drag, Teacher};
use postroom::sort::{Arrival, Sorter};

const OWN: &str = "me@example.org";
const DAY: i64 = 86_400;
const NOW: Timestamp = Timestamp(1_795_000_000);

fn owner() -> Owner {
    Owner::new(vec![Address::parse(OWN).unwrap()])
}

/// Somebody who wrote to Anna, Bo and Carl lately.
fn sorter(authserv_id: Option<&str>) -> Sorter {
    let settings = sorter::settings(OWN, authserv_id);
    let mut sorter = Sorter::new(settings, Arc::new(RuleSet::default()));
    for (number, friend) in ["anna", "bo", "carl"].iter().enumerate() {
        let mail =
            format!("To: {friend}@friends.example\r\nSubject: Re: hello\r\nMessage-ID: <s{number}@example.org>\r\n");
        sorter.sent(Timestamp(NOW.0 - DAY), &Message::parse(mail.as_bytes()));
    }
    sorter
}

fn arrival(header: &str) -> Arrival {
    sorter::arrival(Message::parse(header.as_bytes()), Some(NOW))
}

/// Legitimate mail of all kinds; `results` is what the provider writes on top of it.
fn legitimate(results: &str) -> Vec<Arrival> {
    let friends = ["anna", "bo", "carl"].map(|friend| {
        format!("{results}From: {friend}@friends.example\r\nTo: me@example.org\r\nSubject: Sunday\r\nMessage-ID: <l-{friend}@friends.example>\r\n")
    });
    let others = [
        "From: stranger@new.example\r\nTo: me@example.org\r\nSubject: May I ask\r\n".to_owned(),
        "From: dora@lists.example\r\nTo: talk@lists.example\r\nList-Id: <talk.lists.example>\r\nPrecedence: list\r\n"
            .to_owned(),
        "From: x@y.example\r\nTo: me@example.org\r\nIn-Reply-To: <s0@example.org>\r\n".to_owned(),
    ];
    friends
        .into_iter()
        .chain(others)
        .map(|header| arrival(&header))
        .collect()
}

fn buckets(sorter: &Sorter, results: &str) -> Vec<Bucket> {
    legitimate(results)
        .iter()
        .map(|mail| sorter.decide(NOW, mail).verdict.bucket)
        .collect()
}

/// Sends `count` messages with growing numbers in place of `{n}`.
fn flood(sorter: &mut Sorter, count: i64, header: &str) -> Vec<Bucket> {
    let mut got = Vec::new();
    for number in 0..count {
        let mail = arrival(&header.replace("{n}", &number.to_string()));
        let at = Timestamp(NOW.0 - DAY + number * 80);
        got.push(sorter.decide(at, &mail).verdict.bucket);
        sorter.received(at, &mail);
    }
    got
}

#[test]
fn a_thousand_forgeries_of_a_friend_displace_nothing() {
    let pass = "Authentication-Results: mx.example.net; dmarc=pass header.from=friends.example\r\n";
    let forged = "Authentication-Results: mx.example.net; dmarc=fail header.from=friends.example\r\n\
                  From: anna@friends.example\r\nTo: me@example.org\r\nSubject: money {n}\r\nMessage-ID: <f{n}@x>\r\n";
    let mut sorter = sorter(Some("mx.example.net"));
    let before = buckets(&sorter, pass);
    assert_eq!(before.first(), Some(&Bucket::Top));
    let got = flood(&mut sorter, 1_000, forged);
    assert!(!got.contains(&Bucket::Top), "a forgery reached top");
    assert_eq!(buckets(&sorter, pass), before);
}

#[test]
fn a_thousand_forgeries_displace_nothing_where_nobody_checks_them_either() {
    let mut sorter = sorter(None);
    let before = buckets(&sorter, "");
    flood(
        &mut sorter,
        1_000,
        "From: anna@friends.example\r\nTo: me@example.org\r\nSubject: money {n}\r\nMessage-ID: <f{n}@x>\r\n",
    );
    assert_eq!(buckets(&sorter, ""), before);
}

#[test]
fn ten_thousand_letters_of_one_sender_make_him_nobody() {
    let mut sorter = sorter(None);
    let before = buckets(&sorter, "");
    let header = "Authentication-Results: evil.example; dmarc=pass header.from=evil.example\r\n\
                  From: often@evil.example\r\nTo: me@example.org\r\nSubject: Re: hello {n}\r\nMessage-ID: <o{n}@x>\r\n";
    let got = flood(&mut sorter, 10_000, header);
    assert!(!got.contains(&Bucket::Top));
    assert_eq!(buckets(&sorter, ""), before);
    assert!(!sorter.provider.is_known());
    assert!(
        sorter
            .correspondence
            .tally(&Address::parse("often@evil.example").unwrap())
            .is_none(),
        "he costs no memory"
    );
}

#[test]
fn a_spoof_dragged_into_the_blackhole_does_not_swallow_the_friend() {
    let pass = "Authentication-Results: mx.example.net; dmarc=pass header.from=friends.example\r\n";
    let mut sorter = sorter(Some("mx.example.net"));
    let before = buckets(&sorter, pass);
    for result in ["dmarc=fail header.from=friends.example", "spf=softfail"] {
        let header = format!(
            "Authentication-Results: mx.example.net; {result}\r\nFrom: anna@friends.example\r\nMessage-ID: <spoof@x>\r\n"
        );
        let spoof = Message::parse(header.as_bytes());
        let authentication = sorter.provider.authenticate(&spoof);
        assert_ne!(authentication, Authentication::Pass);
        let evidence = Evidence::of(&spoof, &owner());
        let drag = Drag {
            message: &spoof,
            evidence: &evidence,
            authentication,
            bucket: Bucket::Blackhole,
            whole_domain: false,
            at: NOW,
            by: Teacher::Drag,
        };
        sorter.taught.drag(&drag, &owner());
        assert_eq!(
            sorter.decide(NOW, &arrival(&header)).verdict.bucket,
            Bucket::Blackhole,
            "{result}"
        );
    }
    assert_eq!(buckets(&sorter, pass), before);
}

#[test]
fn a_look_alike_who_knows_a_message_id_does_not_reach_top() {
    let sorter = sorter(None);
    let reply = |from: &str| {
        let header =
            format!("From: {from}\r\nTo: me@example.org\r\nIn-Reply-To: <s0@example.org>\r\nSubject: Re: hello\r\n");
        sorter.decide(NOW, &arrival(&header)).verdict.bucket
    };
    assert_eq!(reply("anna@friends.example"), Bucket::Top);
    assert_eq!(reply("anna@friend5.example"), Bucket::Inbox);
    assert_eq!(reply("anna@fri\u{435}nds.example"), Bucket::Inbox);
}
