//! Mail and rules for the measurements: 200 senders, some writing far more than others, a header of 24 fields in 2 KB as
//! providers leave it, and rule sets of any size of which the same twenty rules move the same two thirds of the mail.

#![allow(dead_code)]

use std::collections::HashMap;
use std::fmt::Write as _;
use std::fs;
use std::os::unix::fs::{MetadataExt as _, chown};
use std::path::Path;
use std::process::Command;

use super::support::Server;

/// Senders there are; the first [`RULED`] have a rule of their own.
const SENDERS: usize = 200;
const RULED: usize = 20;

/// Octets of a body: large enough that it is seen if anybody reads it.
const BODY: usize = 4_000;

/// Where mail goes.
pub const FOLDERS: [&str; 4] = ["Top", "News", "Bulk", "Blackhole"];
const BUCKETS: [&str; 4] = ["top", "news", "bulk", "blackhole"];

/// The folder a message with that number belongs into; `None` when it stays.
pub fn folder_of(number: usize) -> Option<&'static str> {
    let sender = sender_of(number);
    (sender < RULED).then(|| FOLDERS[sender % 4])
}

/// Of three messages, two come from the senders that have a rule; of those, half from the first four.
fn sender_of(number: usize) -> usize {
    let shuffled = number.wrapping_mul(2_654_435_761) >> 7;
    match shuffled % 6 {
        0 | 1 => shuffled / 6 % 4,
        2 | 3 => shuffled / 6 % RULED,
        _ => RULED + shuffled / 6 % (SENDERS - RULED),
    }
}

fn address(sender: usize) -> String {
    format!("writer{sender}@house{}.example", sender % 67)
}

/// What the floor looks up.
pub fn table() -> HashMap<String, &'static str> {
    (0..RULED)
        .map(|sender| (address(sender), FOLDERS[sender % 4]))
        .collect()
}

/// How many of the first `count` messages belong into each folder, INBOX included.
pub fn expected(count: usize) -> HashMap<&'static str, usize> {
    let mut expected = HashMap::from([("INBOX", 0)]);
    for folder in FOLDERS {
        expected.insert(folder, 0);
    }
    for number in 0..count {
        *expected.entry(folder_of(number).unwrap_or("INBOX")).or_default() += 1;
    }
    expected
}

/// A rule file of `count` rules: the twenty that move mail, spread among rules that nothing here meets. Of those, half
/// name an address, a quarter a domain, an eighth a subject, an eighth a list.
pub fn rules(count: usize) -> String {
    let mut text = String::new();
    for (number, sender) in spread(count) {
        let (bucket, when) = match sender {
            Some(sender) => (BUCKETS[sender % 4], format!("from = \"{}\"", address(sender))),
            None => (
                BUCKETS[number % 4],
                match number % 8 {
                    0..=3 => format!("from = \"nobody{number}@elsewhere.example\""),
                    4 | 5 => format!("from = \"@no{number}.example\""),
                    6 => format!("subject = \"never said {number} times\""),
                    _ => format!("list_id = \"quiet{number}.example\""),
                },
            ),
        };
        writeln!(
            text,
            "[[rule]]\nname = \"rule {number}\"\nbucket = \"{bucket}\"\nwhen = {{ {when} }}\n"
        )
        .unwrap();
    }
    text
}

/// For programs without our rules: folder and sender of `count` rules, the same twenty among others that nothing meets.
pub fn ruled(count: usize) -> impl Iterator<Item = (&'static str, String)> {
    spread(count).map(|(number, sender)| match sender {
        Some(sender) => (FOLDERS[sender % 4], address(sender)),
        None => (FOLDERS[number % 4], format!("nobody{number}@elsewhere.example")),
    })
}

/// Numbers of rules, and the sender of those that meet any.
fn spread(count: usize) -> impl Iterator<Item = (usize, Option<usize>)> {
    let step = count / RULED;
    (0..count).map(move |number| {
        let sender = (number % step == 0 && number / step < RULED).then(|| number / step);
        (number, sender)
    })
}

/// One message, with bare newlines as a Maildir keeps it.
pub fn letter(number: usize) -> String {
    let from = address(sender_of(number));
    let (minute, day) = (number / 60 % 60, 1 + number / 100_000);
    let hash = number.wrapping_mul(0x9E37_79B9_7F4A_7C15);
    let signature = format!("{hash:016x}").repeat(11);
    let mut text = format!(
        "Return-Path: <{from}>\n\
         Delivered-To: alice@example.org\n\
         Received: from mx.example.org ([192.0.2.4])\n\tby store.example.org with LMTP id {number:08x}\n\tfor <alice@example.org>; Sun, {day} Nov 2026 06:{minute:02}:09 +0000\n\
         Received: from out.house.example (out.house.example [192.0.2.77])\n\tby mx.example.org (Postfix) with ESMTPS id 4Q{number:08x}\n\tfor <alice@example.org>; Sun, {day} Nov 2026 06:{minute:02}:07 +0000\n\
         Authentication-Results: mx.example.org; spf=pass smtp.mailfrom={from};\n\tdkim=pass header.d=house.example; dmarc=pass header.from=house.example\n\
         DKIM-Signature: v=1; a=rsa-sha256; c=relaxed/relaxed; d=house.example; s=s1;\n\th=from:to:subject:date:message-id; bh={hash:016x};\n\tb={signature}\n\
         ARC-Seal: i=1; a=rsa-sha256; t=1795300000; cv=none; d=example.org; s=arc; b={signature}\n\
         X-Envelope-From: {from}\n\
         From: Writer Number {sender} <{from}>\n\
         To: Alice Example <alice@example.org>\n\
         Subject: Letter {number} about the matter of last week\n\
         Date: Sun, {day} Nov 2026 06:{minute:02}:00 +0000\n\
         Message-ID: <{number}.{hash:016x}@house.example>\n",
        sender = sender_of(number),
    );
    if number.is_multiple_of(3) {
        writeln!(text, "In-Reply-To: <{}.before@house.example>", number / 3).unwrap();
        writeln!(text, "References: <{}.before@house.example>", number / 3).unwrap();
    }
    text.push_str(
        "MIME-Version: 1.0\n\
         Content-Type: text/plain; charset=utf-8\n\
         Content-Transfer-Encoding: 8bit\n\
         Content-Language: en\n\
         User-Agent: Some Mail Program 128.4\n\
         X-Priority: 3\n\
         X-Scanned-By: a filter of the provider, version 4.2.0 on mx.example.org\n\
         X-Spam-Score: 0.1\n\
         X-Originating-IP: [198.51.100.23]\n\n",
    );
    while text.len() < BODY {
        text.push_str("A line of an ordinary letter, as long as lines of letters are.\n");
    }
    text
}

/// Mail of one size, kept beside the server's users; a user's Maildir is made of hard links to it.
pub struct Stock {
    /// Messages in it, numbered from 0.
    pub count: usize,
}

impl Stock {
    /// Writes `count` messages. Anything cached about earlier ones stays with those users.
    pub fn new(server: &Server, count: usize) -> Self {
        let stock = Self { count };
        let directory = server.root().join(stock.name());
        fs::create_dir(&directory).unwrap();
        let owner = fs::metadata(server.root().join("mail")).unwrap();
        chown(&directory, Some(owner.uid()), Some(owner.gid())).unwrap();
        for number in 0..count {
            let path = directory.join(format!("{}.M{number:06}.bench:2,", 1_795_000_000 + number / 1_000));
            fs::write(&path, letter(number)).unwrap();
            chown(&path, Some(owner.uid()), Some(owner.gid())).unwrap();
        }
        stock
    }

    fn name(&self) -> String {
        format!("stock-{}", self.count)
    }

    /// Gives the user a mailbox of exactly this mail in INBOX, read by nobody yet, and four empty folders.
    pub fn give(&self, server: &Server, user: &str) {
        let maildir = server.maildir(user, "INBOX");
        let _ = fs::remove_dir_all(&maildir);
        let mut hand = server.hand(user);
        for folder in FOLDERS {
            hand.make_folder(folder);
        }
        hand.leave();
        link_all(&server.root().join(self.name()), &maildir.join("cur"));
    }
}

fn link_all(from: &Path, to: &Path) {
    let linked = Command::new("cp")
        .args(["-al", "-T"])
        .arg(from)
        .arg(to)
        .status()
        .unwrap();
    assert!(linked.success(), "cp -al {} {}", from.display(), to.display());
}

/// Fails unless the user's folders hold what they should.
pub fn assert_sorted(server: &Server, user: &str, count: usize) {
    let mut hand = server.hand(user);
    for (folder, expected) in expected(count) {
        let found = hand.status(folder).messages as usize;
        assert_eq!(found, expected, "messages in {folder} of {user}");
    }
}
