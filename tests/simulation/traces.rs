//! The model server beside Dovecot: the same random commands by two clients on both, and the same answers but for what a
//! server may choose (texts, the order of responses, UIDVALIDITY, the moment at which a client is told of changes: a NOOP
//! before and after each command brings every client up to date).

use std::collections::BTreeSet;

use super::chronicle::Chronicle;
use super::command::Command;
use super::letter::{Kind, Letter};
use super::post::Hand as Doer;
use super::profile::Profile;
use super::session::Session;
use super::support::Server;
use super::support::wire::{Token, read_response, tokens};
use super::weather::Weather;
use super::world::{DAWN, Shared};

/// Commands of one trace.
const LENGTH: usize = 60;

/// What one command brought: comparable facts, and how many messages the client now knows of.
#[derive(Debug, Default, PartialEq, Eq)]
struct Seen {
    verdict: String,
    facts: BTreeSet<String>,
    exists: u32,
}

/// The model, with two clients.
struct Model {
    world: Shared,
    clients: [Session; 2],
}

impl Model {
    fn command(&mut self, client: usize, text: &str) -> (Vec<Vec<u8>>, String) {
        let command = Command::parse(text).unwrap_or_else(|why| panic!("{why}"));
        let world = &mut self.world.lock();
        self.clients[client].read(world, &command);
        let (untagged, tagged) = self.clients[client]
            .carry_out(world, &command)
            .expect("nobody is thrown out");
        let mut bytes = untagged.as_slice();
        let mut responses = Vec::new();
        while let Ok(Some(response)) = read_response(&mut bytes) {
            responses.push(response);
        }
        (responses, tagged)
    }
}

/// Replays one trace on both; the first difference ends it.
pub fn replay(seed: u64, server: &Server) {
    let mut random = fastrand::Rng::with_seed(seed);
    let mut hands = [server.hand("alice"), server.hand("alice")];
    let mut model = Model {
        world: Shared::new(Profile::dovecot(), Weather::calm(), Chronicle::new(false)),
        clients: [Session::default(), Session::default()],
    };
    let folders: Vec<String> = ["A", "B", "C"].iter().map(|name| format!("T{seed}{name}")).collect();
    for folder in &folders {
        hands[0].make_folder(folder);
        let mut world = model.world.lock();
        world.post.make(folder);
        for number in 0..random.usize(1..6) {
            let letter = Letter::new(Kind::News(number as u32), number, DAWN);
            hands[0].append(folder, &letter.bytes, &[], None);
            world.post.add(0, Doer::Postman, folder, letter, DAWN, &[]);
        }
    }
    let (mut exists, mut open) = ([[0_u32; 2]; 2], [false; 2]);
    for step in 0..LENGTH {
        let client = random.usize(..2);
        let text = any_command(&mut random, &folders, open[client]);
        open[client] |= text.starts_with("SELECT");
        let mut seen = [Seen::default(), Seen::default()];
        for (which, text) in [(false, "NOOP"), (true, text.as_str()), (false, "NOOP")] {
            let reply = hands[client].command(text);
            let (responses, tagged) = model.command(client, text);
            let sides = [
                (reply.untagged, format!("{} {}", reply.status, reply.text)),
                (responses, tagged),
            ];
            for (side, (responses, tagged)) in sides.into_iter().enumerate() {
                let known = &mut exists[client][side];
                if text.starts_with("SELECT") {
                    *known = 0;
                }
                let noted = note(&responses, &tagged, known);
                if which {
                    seen[side] = noted;
                }
                seen[side].exists = *known;
            }
        }
        let [dovecot, ours] = seen;
        assert_eq!(
            dovecot, ours,
            "trace {seed}, step {step}, client {client}: {text} (left Dovecot, right the model)"
        );
    }
}

fn any_command(random: &mut fastrand::Rng, folders: &[String], open: bool) -> String {
    let folder = &folders[random.usize(..folders.len())];
    let mut set = || {
        let from = random.u32(1..9);
        match random.u8(..4) {
            0 => format!("{from}:*"),
            1 => format!("{from}:{}", from + random.u32(..4)),
            2 => format!("{from},{}", from + random.u32(1..4)),
            _ => from.to_string(),
        }
    };
    let set = set();
    let missing = random.u8(..12) == 0;
    let to = if missing { "Nowhere" } else { folder };
    let flag = ["\\Deleted", "\\Deleted", "\\Flagged", "$List"][random.usize(..4)];
    let sign = if random.u8(..3) > 0 { '+' } else { '-' };
    match random.u8(..if open { 16 } else { 3 }) {
        0 | 1 => format!("SELECT \"{to}\""),
        2 => format!("STATUS \"{to}\" (UIDNEXT MESSAGES)"),
        3..6 => format!(
            "UID FETCH {set} (UID FLAGS RFC822.SIZE BODY.PEEK[HEADER.FIELDS (From Message-ID X-None)]<0.65536>)"
        ),
        6 => format!("UID SEARCH UID {set}"),
        7 => format!("UID SEARCH RETURN (ALL) UID {set}"),
        8..10 => format!("UID COPY {set} \"{to}\""),
        10..12 => format!("UID MOVE {set} \"{to}\""),
        12..15 => format!("UID STORE {set} {sign}FLAGS.SILENT ({flag})"),
        _ => format!("UID EXPUNGE {set}"),
    }
}

/// What the responses to one command say.
fn note(responses: &[Vec<u8>], tagged: &str, exists: &mut u32) -> Seen {
    let mut seen = Seen::default();
    for response in responses {
        let words = tokens(response);
        let text = |at: usize| words.get(at).map(Token::text).unwrap_or_default();
        match (text(1).as_str(), text(2).as_str()) {
            (count, "EXISTS") => *exists = count.parse().expect("a number"),
            (_, "EXPUNGE") => *exists -= 1,
            (_, "FETCH") => seen.facts.extend(fetched(words[3].list())),
            ("SEARCH", _) => drop(seen.facts.insert(format!("found {:?}", numbers(&words[2..])))),
            ("ESEARCH", _) => {
                let all = words.iter().position(|word| word.text() == "ALL");
                let found = all.map_or(Vec::new(), |at| expanded(&words[at + 1].text()));
                seen.facts.insert(format!("found {found:?}"));
            }
            ("STATUS", folder) => {
                let items: Vec<String> = words[3].list().iter().map(Token::text).collect();
                let pairs: BTreeSet<&[String]> = items.chunks(2).collect();
                seen.facts.insert(format!("status {folder} {pairs:?}"));
            }
            _ => seen.facts.extend(copied(&String::from_utf8_lossy(response))),
        }
    }
    seen.facts.extend(copied(tagged));
    let status = tagged.split(' ').next().unwrap_or_default();
    let create = if tagged.contains("[TRYCREATE]") {
        " [TRYCREATE]"
    } else {
        ""
    };
    seen.verdict = format!("{status}{create}");
    seen
}

/// A message as FETCH tells of it; news of flags alone are no fact, since a server chooses when to tell.
fn fetched(attributes: &[Token]) -> Option<String> {
    let at = |name: &str| attributes.iter().position(|word| word.text() == name);
    let value = |name: &str| attributes.get(at(name)? + 1);
    let size = value("RFC822.SIZE")?.text();
    let flags: BTreeSet<String> = value("FLAGS")?.list().iter().map(Token::text).collect();
    let flags: Vec<&String> = flags.iter().filter(|flag| *flag != "\\Recent").collect();
    let header = attributes.iter().rev().find(|word| word.bytes().contains(&b'\n'))?;
    let uid = value("UID")?.text();
    Some(format!(
        "{uid} {flags:?} {size} {}",
        String::from_utf8_lossy(&header.bytes())
    ))
}

/// COPYUID as pairs.
fn copied(text: &str) -> Option<String> {
    let (_, code) = text.split_once("[COPYUID ")?;
    let (code, _) = code.split_once(']')?;
    let mut words = code.split(' ').skip(1);
    let (from, to) = (expanded(words.next()?), expanded(words.next()?));
    let pairs: BTreeSet<(u32, u32)> = from.into_iter().zip(to).collect();
    Some(format!("copied {pairs:?}"))
}

fn numbers(words: &[Token]) -> Vec<u32> {
    words.iter().filter_map(Token::number).collect()
}

fn expanded(set: &str) -> Vec<u32> {
    let range = |part: &str| {
        let (from, to) = part.split_once(':').unwrap_or((part, part));
        from.parse::<u32>().unwrap_or(0)..=to.parse::<u32>().unwrap_or(0)
    };
    let mut all: Vec<u32> = set.split(',').flat_map(range).collect();
    all.sort_unstable();
    all
}
