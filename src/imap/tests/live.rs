//! The whole edge against a real server, by hand:
//! `POSTROOM_TEST_IMAP=127.0.0.1:22100 cargo test --lib imap::tests::live -- --ignored --nocapture`
//! with `POSTROOM_TEST_USER` (alice), `POSTROOM_TEST_PASSWORD` (secret), `POSTROOM_TEST_TLS` (none, starttls, implicit)
//! and `POSTROOM_TEST_CA` (a PEM file). The user's mailbox is changed.

use std::time::Duration;

use secrecy::SecretString;
use tokio::sync::Notify;

use crate::imap::mover::{self, Policy};
use crate::imap::watch;
use crate::imap::{Access, Encryption, Limits, Session, Target, connect, login};
use crate::sort::ledger::{Committed, Outcome, PlannedMove, RowId};
use crate::sort::mailbox::{Location, Mailbox, Uid};
use crate::sort::verdict::FlagChange;

fn setting(name: &str, usual: &str) -> String {
    std::env::var(format!("POSTROOM_TEST_{name}")).unwrap_or_else(|_| usual.to_owned())
}

async fn session() -> Session {
    let at = setting("IMAP", "127.0.0.1:22100");
    let (host, port) = at.rsplit_once(':').unwrap();
    let tls = match setting("TLS", "none").as_str() {
        "implicit" => Encryption::Implicit,
        "starttls" => Encryption::StartTls,
        _ => Encryption::None,
    };
    let ca_pem = std::env::var("POSTROOM_TEST_CA")
        .ok()
        .map(|path| std::fs::read(path).unwrap());
    let limits = Limits {
        poll: Duration::from_secs(1),
        ..Limits::default()
    };
    let target = Target {
        host: host.to_owned(),
        port: port.parse().unwrap(),
        tls,
        ca_pem,
        limits,
    };
    let password = SecretString::from(setting("PASSWORD", "secret"));
    login(connect(&target).await.unwrap(), &setting("USER", "alice"), &password)
        .await
        .unwrap()
}

fn letter(n: u32) -> Vec<u8> {
    format!("From: a{n}@shop.example\r\nTo: alice@example.org\r\nSubject: letter {n}\r\nMessage-ID: <{n}@shop.example>\r\nDate: Fri, 20 Nov 2026 10:00:00 +0000\r\n\r\nHello.\r\n").into_bytes()
}

#[tokio::test]
#[ignore = "needs a real server, see the head of this file"]
async fn everything_once() {
    let mut session = session().await;
    println!("capabilities: {:?}", session.capabilities().words);
    let odd = Mailbox::new("Post Übung/A&B \"x\"");
    let target = Mailbox::new("Lab Top");
    for mailbox in [&target, &odd] {
        match mover::create(&mut session, mailbox).await {
            Ok(()) => mover::create(&mut session, mailbox).await.unwrap(),
            Err(error) => println!("create {mailbox}: {error}"),
        }
    }
    let folders = session.list().await.unwrap();
    println!("{folders:#?}");
    assert!(
        folders
            .iter()
            .any(|folder| folder.mailbox == target && folder.selectable)
    );
    let inbox = Mailbox::inbox();
    let mut before = Vec::new();
    for n in 1..=20 {
        before.push(
            mover::append(
                &mut session,
                &inbox,
                &["\\Seen".to_owned()],
                &Committed::after_fsync(letter(n)),
            )
            .await
            .unwrap(),
        );
    }
    println!("appended: {before:?}");
    let asked: Vec<Mailbox> = folders
        .iter()
        .filter(|f| f.selectable)
        .map(|f| f.mailbox.clone())
        .collect();
    let status = session
        .status(&[&asked[..], &[Mailbox::new("No Such Folder")]].concat())
        .await
        .unwrap();
    println!("{status:?}");
    assert_eq!(status.len(), asked.len());
    let selected = session.select(&inbox, Access::ReadWrite).await.unwrap();
    println!("{selected:?}");
    assert!(
        session
            .select(&Mailbox::new("No Such Folder"), Access::ReadOnly)
            .await
            .is_err()
    );
    assert!(session.selected().is_none());
    let selected = session.select(&inbox, Access::ReadWrite).await.unwrap();
    let uids = session.uids(Uid(1), None).await.unwrap();
    assert_eq!(uids.len(), selected.exists as usize);
    assert_eq!(session.uids(Uid(uids.last().unwrap().0 + 10), None).await.unwrap(), []);
    let fields: Vec<String> = crate::sort::message::FIELDS
        .iter()
        .map(|field| (*field).to_owned())
        .collect();
    let headers = session.headers(&uids, &fields).await.unwrap();
    assert_eq!(headers.len(), uids.len());
    println!("{:?} {}", headers[0], String::from_utf8_lossy(&headers[0].header));
    assert_eq!(session.flags(&uids).await.unwrap().len(), uids.len());

    let plan = |uids: &[Uid], destination: &Mailbox, flags: &[FlagChange]| {
        Committed::after_fsync(
            uids.iter()
                .map(|uid| PlannedMove {
                    row: RowId(i64::from(uid.0)),
                    source: Location {
                        mailbox: inbox.clone(),
                        uid_validity: selected.uid_validity,
                        uid: *uid,
                    },
                    destination: destination.clone(),
                    flags: flags.to_vec(),
                    leaves_original: false,
                })
                .collect::<Vec<_>>(),
        )
    };
    let mark = [FlagChange {
        set: true,
        flag: "$Postroom".to_owned(),
    }];
    let mut plans = plan(&uids[..5], &target, &mark).into_inner();
    plans.extend(plan(&uids[5..7], &Mailbox::new("Trash"), &[]).into_inner());
    plans.extend(plan(&[Uid(4_000_000)], &target, &[]).into_inner());
    plans.extend(plan(&uids[7..8], &Mailbox::new("No Such Folder"), &[]).into_inner());
    let report = mover::move_messages(
        &mut session,
        &Committed::after_fsync(plans),
        Policy {
            allow_unsafe_move: true,
            claim: None,
        },
    )
    .await;
    println!("{report:#?}");
    assert_eq!(report.error, None);
    assert_eq!(report.outcomes.len(), 9);
    let done = report
        .outcomes
        .iter()
        .filter(|(_, outcome)| matches!(outcome, Outcome::Done(_)))
        .count();
    assert!(done >= 7);
    let left = session.uids(Uid(1), None).await.unwrap();
    println!("{} -> {}", uids.len(), left.len());

    let others = [target.clone()];
    let interrupt = Notify::new();
    session.take_news();
    let quiet = watch::wait(&mut session, &others, Duration::from_millis(500), &interrupt)
        .await
        .unwrap();
    println!("first wait {quiet:?}");
    let quiet = watch::wait(&mut session, &others, Duration::from_millis(1500), &interrupt)
        .await
        .unwrap();
    println!("second wait {quiet:?}");
    let mut other = self::session().await;
    let (changes, ()) = tokio::join!(
        watch::wait(&mut session, &others, Duration::from_secs(20), &interrupt),
        async {
            mover::append(&mut other, &inbox, &[], &Committed::after_fsync(letter(99)))
                .await
                .unwrap();
        }
    );
    println!("after append {changes:?}");
    assert!(changes.unwrap().selected);
    if session.capabilities().notify {
        let (changes, ()) = tokio::join!(
            watch::wait(&mut session, &others, Duration::from_secs(20), &interrupt),
            async {
                mover::append(&mut other, &target, &[], &Committed::after_fsync(letter(100)))
                    .await
                    .unwrap();
            }
        );
        println!("after append to other {changes:?}");
        assert!(changes.unwrap().others.contains(&target));
    }
    interrupt.notify_one();
    let changes = watch::wait(&mut session, &others, Duration::from_secs(20), &interrupt)
        .await
        .unwrap();
    assert!(changes.interrupted);
    println!("dropped: {}", session.dropped_responses());
    other.logout().await;
    session.logout().await;
}

/// How long a backlog takes: all headers, then everything into four folders. Prints, asserts no speed.
#[tokio::test]
#[ignore = "needs a real server with a full INBOX, see the head of this file"]
async fn backlog_figures() {
    let mut session = session().await;
    let inbox = Mailbox::inbox();
    let places: Vec<Mailbox> = (0..4).map(|n| Mailbox::new(format!("Lab {n}"))).collect();
    for place in &places {
        mover::create(&mut session, place).await.unwrap();
    }
    let clock = std::time::Instant::now();
    let selected = session.select(&inbox, Access::ReadWrite).await.unwrap();
    println!("{:?} selected, {} messages", clock.elapsed(), selected.exists);
    let uids = session.uids(Uid(1), None).await.unwrap();
    println!("{:?} UIDs", clock.elapsed());
    let fields: Vec<String> = crate::sort::message::FIELDS
        .iter()
        .map(|field| (*field).to_owned())
        .collect();
    let headers = session.headers(&uids, &fields).await.unwrap();
    let (count, bytes) = (
        headers.len(),
        headers.iter().map(|message| message.header.len()).sum::<usize>(),
    );
    println!("{:?} {count} headers, {bytes} octets", clock.elapsed());
    assert_eq!(count, uids.len());
    let moves: Vec<PlannedMove> = uids
        .iter()
        .map(|uid| PlannedMove {
            row: RowId(i64::from(uid.0)),
            source: Location {
                mailbox: inbox.clone(),
                uid_validity: selected.uid_validity,
                uid: *uid,
            },
            destination: places[(uid.0.wrapping_mul(2_654_435_761) >> 30) as usize].clone(),
            flags: Vec::new(),
            leaves_original: false,
        })
        .collect();
    let report = mover::move_messages(&mut session, &Committed::after_fsync(moves), Policy::default()).await;
    let done = report
        .outcomes
        .iter()
        .filter(|(_, outcome)| matches!(outcome, Outcome::Done(Some(_))))
        .count();
    println!("{:?} {done} of {} moved", clock.elapsed(), uids.len());
    assert_eq!((report.error, done), (None, uids.len()));
    session.logout().await;
}
