//! FETCH (RFC 9051 section 6.4.5): messages, or the parts of them that a client names.

use super::answer::Answer;
use super::command::{FetchItem, NumberSet, Section, SectionText};
use super::envelope::envelope;
use super::mailbox::{Folder, Stored};
use super::search::{body, header_length};
use super::selected::flags_list;
use super::session::Session;
use super::structure;
use crate::sort::mailbox::Timestamp;

impl Session {
    pub(super) fn fetch(&mut self, uid: bool, set: &NumberSet, items: &[FetchItem]) -> Answer {
        let user = self.user().to_owned();
        let Some(selected) = &mut self.selected else {
            return Answer::bad("No mailbox selected.");
        };
        let marks_seen = !selected.read_only
            && items
                .iter()
                .any(|item| matches!(item, FetchItem::Section(section) if !section.peek));
        let named = selected.named(set, uid);
        let mut lines = Vec::new();
        let messages: Vec<(u32, Stored, bool)> = {
            let look = |folder: &Folder| {
                named
                    .iter()
                    .filter_map(|&(sequence, uid)| Some((sequence, folder.get(uid)?.clone(), false)))
                    .collect()
            };
            if marks_seen {
                self.shared.change(|state| {
                    let account = state.store.account_mut(&user);
                    let folder = account.and_then(|account| account.by_id_mut(selected.folder));
                    let Some(folder) = folder else { return Vec::new() };
                    let mut messages: Vec<(u32, Stored, bool)> = look(folder);
                    for (_, stored, newly_seen) in &mut messages {
                        if stored.flags.insert("\\Seen".to_owned()) {
                            *newly_seen = true;
                            stored.changed = folder.set_flags(stored.uid, stored.flags.clone()).unwrap_or(0);
                        }
                    }
                    messages
                })
            } else {
                self.shared.read(|state| {
                    let account = state.store.account(&user);
                    account
                        .and_then(|account| account.by_id(selected.folder))
                        .map(look)
                        .unwrap_or_default()
                })
            }
        };
        for (sequence, stored, newly_seen) in &messages {
            let asks_flags = items.contains(&FetchItem::Flags);
            if asks_flags || *newly_seen {
                selected.knows_flags(stored.uid, stored.changed);
            }
            lines.extend_from_slice(format!("* {sequence} FETCH (").as_bytes());
            for (number, item) in items.iter().enumerate() {
                if number > 0 {
                    lines.push(b' ');
                }
                write_item(&mut lines, item, stored);
            }
            if *newly_seen && !asks_flags {
                lines.extend_from_slice(format!(" FLAGS {}", flags_list(stored)).as_bytes());
            }
            lines.extend_from_slice(b")\r\n");
        }
        let answer = Answer::ok("Fetch completed.").with_lines(&lines);
        if uid { answer } else { answer.without_expunges() }
    }
}

fn write_item(out: &mut Vec<u8>, item: &FetchItem, stored: &Stored) {
    let text = match item {
        FetchItem::Uid => format!("UID {}", stored.uid),
        FetchItem::Flags => format!("FLAGS {}", flags_list(stored)),
        FetchItem::InternalDate => format!("INTERNALDATE \"{}\"", date_time(stored.internal_date)),
        FetchItem::Size => format!("RFC822.SIZE {}", stored.bytes.len()),
        FetchItem::Envelope => format!("ENVELOPE {}", envelope(&stored.bytes)),
        FetchItem::Structure { extended } => {
            let name = if *extended { "BODYSTRUCTURE" } else { "BODY" };
            format!("{name} {}", structure::structure(&stored.bytes, *extended))
        }
        FetchItem::Section(section) => {
            out.extend_from_slice(section.label.as_bytes());
            match section_octets(section, &stored.bytes) {
                None => out.extend_from_slice(b" NIL"),
                Some(octets) => {
                    out.extend_from_slice(format!(" {{{}}}\r\n", octets.len()).as_bytes());
                    out.extend_from_slice(&octets);
                }
            }
            return;
        }
    };
    out.extend_from_slice(text.as_bytes());
}

/// The octets of a section, cut to the partial range; `None` when the message has no such part.
fn section_octets(section: &Section, message: &[u8]) -> Option<Vec<u8>> {
    let octets = if section.part.is_empty() {
        match &section.text {
            SectionText::All => message.to_vec(),
            SectionText::Header => message.get(..header_length(message))?.to_vec(),
            SectionText::Text | SectionText::Mime => body(message).to_vec(),
            SectionText::Fields { names, except } => fields(message, names, *except),
        }
    } else {
        let part = structure::part(message, &section.part)?;
        match &section.text {
            SectionText::All => part.body,
            SectionText::Mime => part.header,
            // The rest is about an enclosed message (RFC 9051 section 6.4.5.1).
            SectionText::Header => part.body.get(..header_length(&part.body))?.to_vec(),
            SectionText::Text => body(&part.body).to_vec(),
            SectionText::Fields { names, except } => fields(&part.body, names, *except),
        }
    };
    Some(match section.partial {
        None => octets,
        Some((from, length)) => octets.into_iter().skip(from as usize).take(length as usize).collect(),
    })
}

/// The named header fields (or all others) with their folded lines, and the empty line.
fn fields(message: &[u8], names: &[String], except: bool) -> Vec<u8> {
    let header = message.get(..header_length(message)).unwrap_or_default();
    let mut out = Vec::new();
    let mut wanted = false;
    for line in header.split_inclusive(|&octet| octet == b'\n') {
        if line.trim_ascii().is_empty() {
            break;
        }
        if !matches!(line.first(), Some(b' ' | b'\t')) {
            let name = line
                .split(|&octet| octet == b':')
                .next()
                .unwrap_or_default()
                .trim_ascii();
            wanted = names.iter().any(|known| known.as_bytes().eq_ignore_ascii_case(name)) != except;
        }
        if wanted {
            out.extend_from_slice(line);
        }
    }
    out.extend_from_slice(b"\r\n");
    out
}

/// A point in time as INTERNALDATE writes it, in UTC.
fn date_time(at: Timestamp) -> String {
    let at = jiff::Timestamp::from_second(at.0).unwrap_or(jiff::Timestamp::UNIX_EPOCH);
    at.strftime("%d-%b-%Y %H:%M:%S +0000").to_string()
}
