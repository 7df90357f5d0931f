use super::*;
use crate::sort::authenticity::Authentication;
use crate::sort::evidence::Evidence;
use crate::sort::mailbox::{Mailbox, Timestamp};
use crate::sort::message::Message;
use crate::sort::sender::Owner;

fn read(text: &str) -> Reading {
    let folders = Folders {
        top: Mailbox::inbox(),
        news: Mailbox::new("Reading"),
        ..Folders::default()
    };
    let file = SourceFile {
        name: "10-a.toml".to_owned(),
        text: text.to_owned(),
    };
    RuleSet::parse(
        &[file],
        &Includes::new(),
        &Context {
            folders: [("home".to_owned(), folders)].into(),
        },
    )
}

fn set(text: &str) -> RuleSet {
    let reading = read(text);
    reading.set.unwrap_or_else(|| panic!("{:?}", reading.findings))
}

/// Asks about one header, in an account called `home`.
fn with<T>(header: &str, ask: impl FnOnce(&Facts<'_>) -> T) -> T {
    let (message, folder, owner) = (Message::parse(header.as_bytes()), Mailbox::inbox(), Owner::default());
    let evidence = Evidence::default();
    ask(&Facts {
        message: &message,
        now: Timestamp(0),
        arrived: Timestamp(0),
        utc_offset: 0,
        size: 100,
        flags: &[],
        account: "home",
        folder: &folder,
        owner: &owner,
        authentication: Authentication::None,
        evidence: &evidence,
        tally: None,
        reply_to_me: false,
        duplicate: false,
        attachments: None,
    })
}

const SHOP: &str = "[[rule]]\nname = \"shop\"\nwhen = { from = \"@shop.example\" }\n";

#[test]
fn a_verdict_names_rule_file_and_line() {
    let verdict = with("From: a@shop.example", |facts| {
        set(&format!("{SHOP}bucket = \"bulk\"")).decide(Stage::User, facts)
    });
    let verdict = verdict.unwrap();
    assert_eq!(
        (verdict.bucket, verdict.reason.text.as_str()),
        (Bucket::Bulk, "rule \"shop\" (10-a.toml:1)")
    );
    assert_eq!((verdict.reason.kind, verdict.reason.line), (ReasonKind::Rule, Some(1)));
}

#[test]
fn a_move_to_a_buckets_folder_counts_as_that_bucket() {
    for (folder, bucket) in [
        ("Reading", Bucket::News),
        ("Bulk", Bucket::Bulk),
        ("Elsewhere", Bucket::Inbox),
    ] {
        let rules = set(&format!("{SHOP}move = \"{folder}\""));
        let verdict = with("From: a@shop.example", |facts| rules.decide(Stage::User, facts)).unwrap();
        assert_eq!(verdict.bucket, bucket);
        assert_eq!(
            verdict.orders.destination,
            Some(Destination::Folder(Mailbox::new(folder)))
        );
    }
}

#[test]
fn the_fetch_is_told_what_rules_look_at() {
    let rules = set(&format!(
        "{SHOP}keep = true\n[[rule]]\nname = \"b\"\nwhen = {{ header = {{ \"X-B\" = true, \"x-a\" = \"1\", \"Subject\" = \"y\" }}, bcc = \"@b.example\" }}\nkeep = true"
    ));
    assert_eq!(rules.header_fields(), ["bcc", "x-a", "x-b"]);
    assert!(!rules.needs_attachments());
    assert!(
        set("[[rule]]\nname = \"c\"\nwhen = { not = { attachment = \"*.ics\" } }\nkeep = true").needs_attachments()
    );
}

#[test]
fn explain_tells_matches_and_near_misses() {
    let rules = set(&format!(
        "{SHOP}bucket = \"bulk\"\n\
         [[rule]]\nname = \"near\"\nwhen = {{ from = \"@shop.example\", subject = \"sale\" }}\nkeep = true\n\
         [[rule]]\nname = \"too\"\nwhen = {{ subject = \"hello\" }}\nkeep = true\n\
         [[rule]]\nname = \"far\"\nwhen = {{ from = \"@other.example\", subject = \"sale\" }}\nkeep = true"
    ));
    let answers = with("From: a@shop.example\r\nSubject: hello", |facts| {
        rules.explain(Stage::User, facts)
    });
    let told: Vec<_> = answers
        .iter()
        .map(|answer| (answer.rule.as_str(), answer.matched, answer.text.as_str()))
        .collect();
    assert_eq!(
        told,
        [
            ("shop", true, "matched"),
            ("near", false, "missed by one condition: subject `sale` does not hold"),
            ("too", true, "would match too, but an earlier rule ended the search"),
        ]
    );
}

#[test]
fn a_held_rule_is_out_of_force_and_says_so() {
    let rules = set(&format!("{SHOP}bucket = \"bulk\"")).holding(&BTreeSet::from(["shop".to_owned()]));
    with("From: a@shop.example", |facts| {
        assert_eq!(rules.decide(Stage::User, facts), None);
        assert!(rules.explain(Stage::User, facts)[0].text.contains("held"));
        assert_eq!(rules.matching(facts), [0], "what it would match can still be counted");
    });
}

#[test]
fn the_digest_follows_the_texts_and_nothing_else() {
    let one = set(&format!("{SHOP}bucket = \"bulk\""));
    assert_eq!(one.digest().len(), 16);
    assert_eq!(one.digest(), set(&format!("{SHOP}bucket = \"bulk\"")).digest());
    assert_ne!(one.digest(), set(&format!("{SHOP}bucket = \"news\"")).digest());
}

#[test]
fn more_rules_than_anybody_can_read_are_refused() {
    let rule = |n: usize| format!("[[rule]]\nname = \"{n}\"\nwhen = {{ from = \"{n}@b.example\" }}\nkeep = true\n");
    let reading = read(&(0..=MOST_RULES).map(rule).collect::<String>());
    assert!(reading.set.is_none());
    assert_eq!(
        reading.findings.iter().map(|finding| finding.check).collect::<Vec<_>>(),
        ["too-many"]
    );
}

#[test]
fn a_rule_may_name_a_bucket_of_the_users_own_and_no_other() {
    let read = |word: &str, context: &Context| {
        let file = SourceFile {
            name: "10-a.toml".to_owned(),
            text: format!("[[rule]]\nname = \"r\"\nwhen = {{ from = \"a@b.example\" }}\nbucket = \"{word}\"\n"),
        };
        let reading = RuleSet::parse(&[file], &BTreeMap::new(), context);
        let said = |finding: &Finding| format!("{}; {}", finding.message, finding.hint.clone().unwrap_or_default());
        reading.findings.iter().map(said).collect::<Vec<_>>()
    };
    let mut folders = Folders::default();
    let receipts = crate::sort::bucket::OwnBucket::new("receipts").unwrap();
    folders.own.insert(receipts, Mailbox::new("Receipts"));
    let context = Context {
        folders: [("home".to_owned(), folders)].into(),
    };
    assert_eq!(read("receipts", &context), Vec::<String>::new());
    let said = read("recipts", &context).join("\n");
    assert!(said.contains("did you mean `receipts`?"), "{said}");
    // Without a configuration (`check --rules`) nobody knows which buckets there are.
    let unsure = read("receipts", &Context::default()).join("\n");
    assert!(unsure.contains("which others there are is not known here"), "{unsure}");
    assert!(!read("bluk", &Context::default()).is_empty());
}
