//! Two questions to the domain name system that the system's own resolver library cannot answer: SRV (RFC 2782, for mail
//! RFC 6186) and MX (RFC 1035). One datagram out, one in; an answer that does not fit or cannot be read is no answer.
//!
//! A whole resolver crate would be 120 further crates for these two questions.

use std::net::{IpAddr, SocketAddr, UdpSocket};
use std::time::Duration;

/// How long one datagram is waited for; asked twice.
const PATIENCE: Duration = Duration::from_secs(2);

/// Largest datagram that is read (EDNS0 is not used, so servers keep to 512).
const LARGEST: usize = 4_096;

/// Record types.
const MX: u16 = 15;
const SRV: u16 = 33;

/// One SRV record.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Service {
    /// Lower comes first.
    pub priority: u16,
    /// Heavier is asked more often among equals; here simply first.
    pub weight: u16,
    /// Port.
    pub port: u16,
    /// Host; `.` means that the service is decidedly not offered.
    pub target: String,
}

/// Who answers.
#[derive(Debug, Clone, Copy)]
pub struct Resolver {
    server: SocketAddr,
}

impl Resolver {
    /// This server.
    pub fn at(server: SocketAddr) -> Self {
        Self { server }
    }

    /// The first name server of /etc/resolv.conf.
    pub fn of_system() -> Option<Self> {
        let text = std::fs::read_to_string("/etc/resolv.conf").ok()?;
        let address = text
            .lines()
            .find_map(|line| line.trim().strip_prefix("nameserver")?.trim().parse::<IpAddr>().ok())?;
        Some(Self::at(SocketAddr::new(address, 53)))
    }

    /// SRV records in the order in which they are to be tried.
    pub fn services(&self, name: &str) -> Vec<Service> {
        let mut found: Vec<Service> = self.ask(name, SRV, |packet, at, _| {
            let number = |offset| Reader::number(packet, at + offset);
            let (target, _) = Reader::name(packet, at + 6)?;
            Some(Service {
                priority: number(0)?,
                weight: number(2)?,
                port: number(4)?,
                target,
            })
        });
        found.sort_by_key(|service| {
            (
                service.priority,
                std::cmp::Reverse(service.weight),
                service.target.clone(),
            )
        });
        found
    }

    /// Hosts that take the domain's mail, the preferred one first.
    pub fn mail_hosts(&self, domain: &str) -> Vec<String> {
        let mut found = self.ask(domain, MX, |packet, at, _| {
            Some((Reader::number(packet, at)?, Reader::name(packet, at + 2)?.0))
        });
        found.sort();
        found.into_iter().map(|(_, host)| host).collect()
    }

    fn ask<T>(&self, name: &str, kind: u16, read: impl Fn(&[u8], usize, usize) -> Option<T>) -> Vec<T> {
        let id = fastrand::u16(..);
        let Some(question) = question(id, name, kind) else {
            return Vec::new();
        };
        (0..2)
            .find_map(|_| self.exchange(&question, id))
            .and_then(|packet| answers(&packet, kind, read))
            .unwrap_or_default()
    }

    fn exchange(&self, question: &[u8], id: u16) -> Option<Vec<u8>> {
        let any: SocketAddr = if self.server.is_ipv6() {
            ([0_u16; 8], 0).into()
        } else {
            ([0_u8; 4], 0).into()
        };
        let socket = UdpSocket::bind(any).ok()?;
        // Connected: datagrams from anybody else are dropped by the kernel.
        socket.connect(self.server).ok()?;
        socket.set_read_timeout(Some(PATIENCE)).ok()?;
        socket.send(question).ok()?;
        let mut buffer = vec![0; LARGEST];
        let length = socket.recv(&mut buffer).ok()?;
        buffer.truncate(length);
        (Reader::number(&buffer, 0) == Some(id)).then_some(buffer)
    }
}

/// The question as a datagram; `None` for what is no host name.
fn question(id: u16, name: &str, kind: u16) -> Option<Vec<u8>> {
    let mut packet = Vec::with_capacity(64);
    // Recursion desired, one question.
    for word in [id, 0x0100, 1, 0, 0, 0] {
        packet.extend(word.to_be_bytes());
    }
    for label in name.trim_end_matches('.').split('.') {
        let length = u8::try_from(label.len())
            .ok()
            .filter(|length| (1..=63).contains(length))?;
        packet.push(length);
        packet.extend(label.bytes());
    }
    packet.push(0);
    for word in [kind, 1] {
        packet.extend(word.to_be_bytes());
    }
    (packet.len() < 300).then_some(packet)
}

/// What the records of that kind say. `None` when the packet is truncated, an error, or nonsense.
fn answers<T>(packet: &[u8], kind: u16, read: impl Fn(&[u8], usize, usize) -> Option<T>) -> Option<Vec<T>> {
    let flags = Reader::number(packet, 2)?;
    let (is_answer, truncated, code) = (flags & 0x8000 != 0, flags & 0x0200 != 0, flags & 0x000f);
    if !is_answer || truncated || code != 0 {
        return None;
    }
    let mut at = 12;
    for _ in 0..Reader::number(packet, 4)? {
        at = Reader::name(packet, at)?.1 + 4;
    }
    let mut found = Vec::new();
    for _ in 0..Reader::number(packet, 6)?.min(50) {
        let (_, fields) = Reader::name(packet, at)?;
        let length = usize::from(Reader::number(packet, fields + 8)?);
        if Reader::number(packet, fields)? == kind {
            found.extend(read(packet, fields + 10, length));
        }
        at = fields + 10 + length;
    }
    Some(found)
}

/// Reads a packet; nothing in it is trusted.
struct Reader;

impl Reader {
    fn number(packet: &[u8], at: usize) -> Option<u16> {
        Some(u16::from_be_bytes([*packet.get(at)?, *packet.get(at + 1)?]))
    }

    /// A name and the place behind it (RFC 1035 section 4.1.4: a pointer may end it).
    fn name(packet: &[u8], mut at: usize) -> Option<(String, usize)> {
        let (mut labels, mut behind) = (Vec::new(), None);
        // A loop of pointers ends here.
        for _ in 0..128 {
            let length = usize::from(*packet.get(at)?);
            match length {
                0 => {
                    let name = if labels.is_empty() {
                        ".".to_owned()
                    } else {
                        labels.join(".")
                    };
                    return Some((name, behind.unwrap_or(at + 1)));
                }
                1..=63 => {
                    let label = packet.get(at + 1..at + 1 + length)?;
                    labels.push(String::from_utf8_lossy(label).into_owned());
                    at += 1 + length;
                }
                _ => {
                    behind.get_or_insert(at + 2);
                    at = usize::from(Self::number(packet, at)? & 0x3fff);
                }
            }
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// An answer to `question` with one record of this kind and data, its name a pointer to the question's.
    fn answer(question: &[u8], kind: u16, data: &[u8]) -> Vec<u8> {
        let mut packet = question.to_vec();
        packet[2..4].copy_from_slice(&[0x81, 0x80]);
        packet[7] = 1;
        packet.extend([0xc0, 12]);
        packet.extend(kind.to_be_bytes());
        packet.extend([0, 1, 0, 0, 0, 60]);
        packet.extend(u16::try_from(data.len()).unwrap().to_be_bytes());
        packet.extend(data);
        packet
    }

    #[test]
    fn a_record_is_read_through_pointers() {
        let question = question(7, "example.org", MX).unwrap();
        // Preference 10, then `mail` and a pointer to `example.org` in the question.
        let packet = answer(&question, MX, &[0, 10, 4, b'm', b'a', b'i', b'l', 0xc0, 12]);
        let hosts = answers(&packet, MX, |packet, at, _| Some(Reader::name(packet, at + 2)?.0)).unwrap();
        assert_eq!(hosts, ["mail.example.org"]);
    }

    #[test]
    fn nonsense_is_no_answer() {
        let question = question(7, "example.org", MX).unwrap();
        // A pointer to itself.
        let place = u8::try_from(question.len() + 14).unwrap();
        let looped = answer(&question, MX, &[0, 10, 0xc0, place]);
        assert_eq!(
            answers(&looped, MX, |packet, at, _| Reader::name(packet, at + 2)).unwrap(),
            []
        );
        let whole = answer(&question, MX, &[0, 10, 1, b'm', 0]);
        for length in 0..whole.len() {
            let cut = whole.get(..length).unwrap();
            assert!(
                answers(cut, MX, |packet, at, _| Reader::name(packet, at + 2)).is_none_or(|found| found.is_empty())
            );
        }
        assert!(super::question(7, "a..b", MX).is_none());
        assert!(super::question(7, &"a".repeat(64), MX).is_none());
    }
}
