//! The story, told with a daemon that knows the verdicts of the fixtures instead of finding them.

use std::collections::{BTreeSet, VecDeque};
use std::path::Path;

use super::client::DEADLINE;
use crate::demo::story::{self, Daemon, Style, Told, USER};
use crate::demo::{Server, ServerOptions, sample};
use crate::sort::bucket::Bucket;
use crate::sort::mailbox::Timestamp;
use crate::sort::message::Message;

const NOW: Timestamp = Timestamp(1_795_334_400);

/// Plays the daemon: moves through the server's handle, by the verdict files.
struct Actor {
    server: Server,
    queue: VecDeque<Told>,
    seen: BTreeSet<String>,
    settled: bool,
    blackholed: bool,
}

impl Actor {
    fn new(server: &Server) -> Self {
        let (queue, seen) = (VecDeque::new(), BTreeSet::new());
        Self {
            server: server.clone(),
            queue,
            seen,
            settled: false,
            blackholed: false,
        }
    }

    fn new_letters(&self, server: &Server) -> Vec<String> {
        ids(server, "INBOX")
            .into_iter()
            .filter(|id| !self.seen.contains(id))
            .collect()
    }

    fn dragged(&self, server: &Server) -> bool {
        !self.blackholed && !server.messages(USER, "Blackhole").is_empty()
    }

    fn sort(&mut self) {
        for id in self.new_letters(&self.server.clone()) {
            self.seen.insert(id.clone());
            let (bucket, reason) = if self.blackholed {
                (
                    Bucket::Blackhole,
                    "you put mail of deals@gadgets.example into blackhole today".to_owned(),
                )
            } else {
                verdict(&id)
            };
            if bucket == Bucket::Inbox {
                self.queue.push_back(Told::Kept { message_id: id, reason });
                continue;
            }
            self.server.drag(USER, "INBOX", &id, folder(bucket)).unwrap();
            self.queue.push_back(Told::Moved {
                message_id: id,
                bucket,
                reason,
            });
        }
    }
}

impl Daemon for Actor {
    async fn told(&mut self) -> Option<Told> {
        if let Some(told) = self.queue.pop_front() {
            return Some(told);
        }
        if self.settled {
            let server = self.server.clone();
            let wake = |server: &Server| !self.new_letters(server).is_empty() || self.dragged(server);
            assert!(
                server.wait_until(DEADLINE, wake).await,
                "nothing happened on the server"
            );
            if self.dragged(&server) {
                self.blackholed = true;
                return Some(Told::Learned {
                    lesson: "mail of deals@gadgets.example goes to blackhole".to_owned(),
                });
            }
        }
        self.sort();
        if self.queue.is_empty() || !self.settled {
            self.queue.push_back(Told::Settled);
        }
        self.settled = true;
        self.queue.pop_front()
    }

    async fn undo_last(&mut self) -> Result<(), String> {
        let id = ids(&self.server, "Blackhole").pop().unwrap();
        self.server
            .drag(USER, "Blackhole", &id, "INBOX")
            .map(|_| ())
            .ok_or_else(|| "gone".to_owned())
    }
}

fn ids(server: &Server, folder: &str) -> Vec<String> {
    let messages = server.messages(USER, folder);
    messages
        .iter()
        .map(|stored| Message::parse(&stored.bytes).message_id.unwrap())
        .collect()
}

fn folder(bucket: Bucket) -> &'static str {
    match bucket {
        Bucket::Top => "Top",
        Bucket::Inbox => "INBOX",
        Bucket::News => "News",
        Bucket::Bulk => "Bulk",
        Bucket::Blackhole => "Blackhole",
        Bucket::Own(_) => panic!("the demo has no bucket of its own"),
    }
}

/// The verdict file's bucket and sentence.
fn verdict(message_id: &str) -> (Bucket, String) {
    let mut letters = sample::inbox().iter().chain(sample::arriving());
    let letter = letters.find(|letter| letter.message_id() == message_id).unwrap();
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("fixtures/mail/{}.verdict", letter.name));
    let text = std::fs::read_to_string(path).unwrap();
    let (first, why) = text.split_once('\n').unwrap();
    (first.split(' ').next().unwrap().parse().unwrap(), why.trim().to_owned())
}

#[tokio::test]
async fn the_story_is_told_from_the_first_letter_to_the_undo() {
    let server = Server::start(ServerOptions::default()).await.unwrap();
    for name in ["Top", "News", "Bulk", "Blackhole"] {
        server.create(USER, name);
    }
    story::fill(&server, NOW);
    assert_eq!(server.messages(USER, "INBOX").len(), sample::inbox().len());
    let mut out = Vec::new();
    story::tell(&server, &mut Actor::new(&server), &mut out, Style::Plain, || NOW)
        .await
        .unwrap();
    story::invite(&server, Path::new("/tmp/postroom.toml"), &mut out).unwrap();
    let text = String::from_utf8(out).unwrap();
    println!("{text}");
    for line in [
        "  top       Bea Lindqvist             Friday was lovely",
        "  inbox     Agnes Moreau              A question about your workshop",
        "  bulk      Gadget Gully              Deal of the day: a lamp that sings",
        "  learned   mail of deals@gadgets.example goes to blackhole",
        "  blackhole Gadget Gully              Deal of the day: a kettle with opinions",
        "  inbox     Gadget Gully              Deal of the day: a kettle with opinions",
    ] {
        assert!(text.lines().any(|told| told == line), "missing: {line}\n{text}");
    }
    assert!(!text.contains('\u{1b}'));
    assert_eq!(server.messages(USER, "Blackhole").len(), 1);
    let moved = text.matches("\n            ").count();
    assert!(moved > 40, "only {moved} letters told of");
}

#[tokio::test(start_paused = true)]
async fn the_story_says_what_it_waited_for() {
    struct Mute;
    impl Daemon for Mute {
        async fn told(&mut self) -> Option<Told> {
            std::future::pending().await
        }
        async fn undo_last(&mut self) -> Result<(), String> {
            Ok(())
        }
    }
    let server = Server::start(ServerOptions::default()).await.unwrap();
    let error = story::tell(&server, &mut Mute, &mut Vec::new(), Style::Plain, || NOW)
        .await
        .unwrap_err();
    assert_eq!(
        error.to_string(),
        "the demo waited 60 seconds for this in vain: the inbox is sorted"
    );
}
