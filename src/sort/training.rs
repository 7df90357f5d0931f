//! Folders that were sorted before Postroom came, as a training set.
//!
//! What one message teaches is what a drag of it would teach ([`Taught::identities_for`]). Where the folders disagree about
//! a sender, most of his messages decide, and at a tie the newest. Two things a training set may not do:
//!
//! - overrule the user's own hand: an identity he dragged or trained keeps its lesson;
//! - bury a correspondent: an address the user has written to is left out of news, bulk and blackhole. The folder may
//!   have been filled by a machine; the user can still say it with a drag or `postroom train`.

use std::collections::BTreeMap;

use super::authenticity::Authentication;
use super::bucket::Bucket;
use super::correspondence::Correspondence;
use super::mailbox::Timestamp;
use super::sender::{Address, Owner};
use super::taught::{Drag, Identity, Lesson, Taught, Teacher};

/// A training set while it is read.
#[derive(Debug, Clone, Default)]
pub struct Training {
    cases: BTreeMap<Identity, BTreeMap<Bucket, Case>>,
}

/// The messages of one identity that lay in folders of one bucket.
#[derive(Debug, Clone)]
struct Case {
    messages: usize,
    newest: Timestamp,
    example: Option<String>,
    authentication: Authentication,
}

/// What a training set comes to.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Trained {
    /// New lessons, by identity, each with the number of messages behind it.
    pub lessons: Vec<(Lesson, usize)>,
    /// Identities that keep what the user's own hand has taught.
    pub kept: Vec<Identity>,
    /// People the user writes to, who would have been buried.
    pub correspondents: Vec<Address>,
}

impl Training {
    /// Takes one message; `drag.at` is when it arrived.
    pub fn add(&mut self, drag: &Drag<'_>, owner: &Owner) {
        for identity in Taught::identities_for(drag, owner) {
            let case = self
                .cases
                .entry(identity)
                .or_default()
                .entry(drag.bucket)
                .or_insert_with(|| Case {
                    messages: 0,
                    newest: drag.at,
                    example: drag.message.message_id.clone(),
                    authentication: drag.authentication,
                });
            case.messages += 1;
            case.newest = case.newest.max(drag.at);
            // The best vouched-for message is the example: one spoof among many must not narrow the lesson to spoofs.
            if vouched(drag.authentication) > vouched(case.authentication) {
                case.authentication = drag.authentication;
                case.example.clone_from(&drag.message.message_id);
            }
        }
    }

    /// The lessons, as taught at `at`, beside what is known already.
    pub fn finish(self, at: Timestamp, taught: &Taught, correspondence: &Correspondence) -> Trained {
        let by_hand: BTreeMap<&Identity, Bucket> = taught
            .lessons()
            .filter(|lesson| lesson.by != Teacher::Import)
            .map(|lesson| (&lesson.identity, lesson.bucket))
            .collect();
        let mut trained = Trained::default();
        for (identity, cases) in self.cases {
            let most = cases.into_iter().max_by_key(|(_, case)| (case.messages, case.newest));
            let Some((bucket, case)) = most else { continue };
            if let Some(known) = by_hand.get(&taught.names().identity(&identity)) {
                if *known != bucket {
                    trained.kept.push(identity);
                }
                continue;
            }
            match &identity {
                Identity::Address(address) if bucket.buries() && writes_to(correspondence, address) => {
                    trained.correspondents.push(address.clone());
                    continue;
                }
                _ => {}
            }
            let lesson = Lesson {
                identity,
                bucket,
                at,
                example: case.example,
                authentication: case.authentication,
                by: Teacher::Import,
            };
            trained.lessons.push((lesson, case.messages));
        }
        trained
    }
}

fn vouched(authentication: Authentication) -> u8 {
    match authentication {
        Authentication::Pass => 2,
        Authentication::None => 1,
        Authentication::Fail => 0,
    }
}

fn writes_to(correspondence: &Correspondence, address: &Address) -> bool {
    correspondence.tally(address).is_some_and(|tally| tally.sent_count > 0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sort::evidence::Evidence;
    use crate::sort::message::Message;

    fn owner() -> Owner {
        Owner::new(vec![Address::parse("me@example.org").unwrap()])
    }

    fn lying(training: &mut Training, from: &str, bucket: Bucket, at: i64, authentication: Authentication) {
        let message = Message::parse(format!("From: {from}\r\nMessage-ID: <{at}@x>\r\n").as_bytes());
        let drag = Drag {
            message: &message,
            evidence: &Evidence::of(&message, &owner()),
            authentication,
            bucket,
            whole_domain: false,
            at: Timestamp(at),
            by: Teacher::Import,
        };
        training.add(&drag, &owner());
    }

    fn identity(address: &str) -> Identity {
        Identity::Address(Address::parse(address).unwrap())
    }

    #[test]
    fn most_messages_decide_and_at_a_tie_the_newest() {
        let mut training = Training::default();
        for at in 1..4 {
            lying(&mut training, "a@shop.example", Bucket::Bulk, at, Authentication::None);
        }
        lying(&mut training, "a@shop.example", Bucket::News, 9, Authentication::None);
        lying(&mut training, "b@shop.example", Bucket::Bulk, 2, Authentication::None);
        lying(&mut training, "b@shop.example", Bucket::News, 1, Authentication::None);
        let trained = training.finish(Timestamp(50), &Taught::default(), &Correspondence::default());
        let found: Vec<_> = trained
            .lessons
            .iter()
            .map(|(lesson, messages)| (lesson.identity.clone(), lesson.bucket, *messages))
            .collect();
        let wanted = ["a@shop.example", "b@shop.example"].map(identity);
        let [a, b] = wanted;
        assert_eq!(found, [(a, Bucket::Bulk, 3), (b, Bucket::Bulk, 1)]);
        assert!(trained.lessons.iter().all(|(lesson, _)| lesson.at == Timestamp(50)));
    }

    #[test]
    fn the_users_own_hand_is_not_overruled_but_an_earlier_import_is() {
        let lesson = |name: &str, by| Lesson {
            identity: identity(name),
            bucket: Bucket::Inbox,
            at: Timestamp(1),
            example: None,
            authentication: Authentication::None,
            by,
        };
        let mut taught = Taught::default();
        taught.load([
            lesson("a@shop.example", Teacher::Train),
            lesson("b@shop.example", Teacher::Import),
        ]);
        let mut training = Training::default();
        for name in ["a@shop.example", "b@shop.example"] {
            lying(&mut training, name, Bucket::Bulk, 5, Authentication::None);
        }
        let trained = training.finish(Timestamp(9), &taught, &Correspondence::default());
        assert_eq!(trained.kept, [identity("a@shop.example")]);
        assert_eq!(trained.lessons.len(), 1);
        assert_eq!(trained.lessons[0].0.identity, identity("b@shop.example"));
    }

    #[test]
    fn a_correspondent_is_not_buried_and_may_still_be_top() {
        let mut correspondence = Correspondence::default();
        let letter = Message::parse(b"To: anna@example.com, bo@example.com\r\n");
        correspondence.sent(Timestamp(0), &letter, &owner(), 30.0);
        let mut training = Training::default();
        lying(&mut training, "anna@example.com", Bucket::Bulk, 1, Authentication::Pass);
        lying(&mut training, "bo@example.com", Bucket::Top, 1, Authentication::Pass);
        let trained = training.finish(Timestamp(2), &Taught::default(), &correspondence);
        assert_eq!(trained.correspondents, [Address::parse("anna@example.com").unwrap()]);
        assert_eq!(trained.lessons.len(), 1);
        assert_eq!(trained.lessons[0].0.bucket, Bucket::Top);
    }

    #[test]
    fn one_spoof_among_the_mail_does_not_narrow_the_lesson() {
        let mut training = Training::default();
        for (at, authentication) in [
            (1, Authentication::Fail),
            (2, Authentication::Pass),
            (3, Authentication::None),
        ] {
            lying(&mut training, "a@shop.example", Bucket::Blackhole, at, authentication);
        }
        let trained = training.finish(Timestamp(4), &Taught::default(), &Correspondence::default());
        let (lesson, _) = &trained.lessons[0];
        assert_eq!(
            (lesson.authentication, lesson.example.as_deref()),
            (Authentication::Pass, Some("2@x"))
        );
    }
}
