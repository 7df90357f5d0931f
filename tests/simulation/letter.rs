//! Messages of the simulation: header fields in order, a short body, CRLF throughout; numbered, never changed.

/// What sort of mail it is; what a sorter that knows nothing else makes of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A newsletter of the list with that number.
    News(u32),
    /// A letter from the person with that number.
    Person(u32),
    /// A machine's message.
    Machine(u32),
    /// Written by the user.
    Sent(u32),
    /// Written by the program under test: its digest.
    Digest,
}

/// One message.
#[derive(Debug, Clone)]
pub struct Letter {
    /// What sort it is.
    pub kind: Kind,
    /// Message-ID without the angle brackets.
    pub id: String,
    /// All of it as it travels.
    pub bytes: Vec<u8>,
}

/// The user's address.
pub const OWNER: &str = "alice@example.org";

impl Letter {
    /// Message `number` of that sort, written at `at` (seconds since 1970).
    pub fn new(kind: Kind, number: usize, at: i64) -> Self {
        let id = format!("{number}.sim@example.net");
        let mut fields = Vec::new();
        let mut field = |name: &str, value: String| fields.push(format!("{name}: {value}\r\n"));
        if !matches!(kind, Kind::Sent(_)) {
            field(
                "Received",
                format!("from mx{number}.example.net by mail.example.org; {}", date(at)),
            );
        }
        let (from, to) = match kind {
            Kind::News(list) => (format!("News <news@n{list}.example>"), OWNER.to_owned()),
            Kind::Person(person) => (format!("p{person}@person.example"), OWNER.to_owned()),
            Kind::Machine(machine) => (format!("noreply@m{machine}.example"), OWNER.to_owned()),
            Kind::Sent(person) => (OWNER.to_owned(), format!("p{person}@person.example")),
            Kind::Digest => (OWNER.to_owned(), OWNER.to_owned()),
        };
        field("From", from);
        field("To", to);
        field("Subject", format!("number {number}"));
        field("Date", date(at));
        field("Message-ID", format!("<{id}>"));
        match kind {
            Kind::News(list) => {
                field("List-Id", format!("<n{list}.list.example>"));
                field("List-Unsubscribe", "<https://example.net/leave>".to_owned());
                field("Precedence", "bulk".to_owned());
            }
            Kind::Machine(_) => field("Auto-Submitted", "auto-generated".to_owned()),
            _ => {}
        }
        let bytes = format!("{}\r\nbody of {number}\r\n", fields.concat()).into_bytes();
        Self { kind, id, bytes }
    }

    /// A message that somebody appended.
    pub fn appended(bytes: Vec<u8>) -> Self {
        let text = String::from_utf8_lossy(&bytes);
        let id = text
            .lines()
            .find_map(|line| line.strip_prefix("Message-ID: "))
            .unwrap_or_default()
            .trim_matches(['<', '>'])
            .to_owned();
        Self {
            kind: Kind::Digest,
            id,
            bytes,
        }
    }

    /// The user, or his program, has written it.
    pub fn is_from_user(&self) -> bool {
        matches!(self.kind, Kind::Sent(_) | Kind::Digest)
    }

    /// The header fields with these names, in the message's order, with the empty line at the end.
    pub fn fields(&self, names: &[String]) -> Vec<u8> {
        let text = String::from_utf8_lossy(&self.bytes);
        let (header, _) = text.split_once("\r\n\r\n").unwrap_or((&text, ""));
        let (mut found, mut wanted) = (String::new(), false);
        for line in header.split("\r\n") {
            if !line.starts_with([' ', '\t']) {
                let name = line.split(':').next().unwrap_or_default();
                wanted = names.iter().any(|one| one.eq_ignore_ascii_case(name));
            }
            if wanted {
                found.push_str(line);
                found.push_str("\r\n");
            }
        }
        found.push_str("\r\n");
        found.into_bytes()
    }
}

/// RFC 5322 date-time of an instant.
pub fn date(at: i64) -> String {
    let (year, month, day, hour, minute, second) = civil(at);
    format!(
        "{day:02} {} {year} {hour:02}:{minute:02}:{second:02} +0000",
        MONTHS[month]
    )
}

/// INTERNALDATE of an instant (RFC 9051 section 7.5.2).
pub fn internal_date(at: i64) -> String {
    let (year, month, day, hour, minute, second) = civil(at);
    format!(
        "{day:2}-{}-{year} {hour:02}:{minute:02}:{second:02} +0000",
        MONTHS[month]
    )
}

const MONTHS: [&str; 12] = [
    "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
];

/// Year, month (from 0), day, hour, minute, second in UTC.
fn civil(at: i64) -> (i64, usize, i64, i64, i64, i64) {
    let (mut days, seconds) = (at.div_euclid(86_400), at.rem_euclid(86_400));
    let leap = |year: i64| year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let mut year = 1970;
    while days >= 365 + i64::from(leap(year)) {
        days -= 365 + i64::from(leap(year));
        year += 1;
    }
    let mut month = 0;
    for length in [31, 28 + i64::from(leap(year)), 31, 30, 31, 30, 31, 31, 30, 31, 30, 31] {
        if days < length {
            break;
        }
        days -= length;
        month += 1;
    }
    (year, month, days + 1, seconds / 3600, seconds / 60 % 60, seconds % 60)
}
