//! Whether the provider vouches for the From address (RFC 8601, RFC 7489).
//!
//! A header field proves nothing by being there: anybody can write `Authentication-Results: dmarc=pass`. It counts when
//! it names the provider's own authserv-id, configured or learned, and stands above the first Received field that
//! another organisation wrote, because a border server prepends its own fields. ARC never lifts a verdict, SPF alone
//! never suffices.

use serde::{Deserialize, Serialize};

use super::mailbox::Timestamp;
use super::message::Message;
use super::pseudonym::Pseudonyms;
use super::sender::organisational_domain;

/// What the provider's own Authentication-Results say about the From domain.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Authentication {
    /// dmarc=pass, or dkim=pass aligned with the From domain.
    Pass,
    /// The provider found a forgery.
    Fail,
    /// No verdict of the provider's own.
    #[default]
    None,
}

impl Authentication {
    /// Every state.
    pub const ALL: [Authentication; 3] = [Authentication::Pass, Authentication::Fail, Authentication::None];

    /// The stored and printed word.
    pub fn as_str(self) -> &'static str {
        match self {
            Authentication::Pass => "pass",
            Authentication::Fail => "fail",
            Authentication::None => "none",
        }
    }
}

/// Messages that must agree on an authserv-id before it is believed.
const AGREEING_MESSAGES: u32 = 20;

/// Days those messages must span, so that one flood of forgeries cannot teach an id.
const AGREEING_DAYS: f64 = 3.0;

/// Answers to the user's own messages that must be among them: a stranger can send any number of messages, but cannot
/// easily answer one that he never got.
const AGREEING_ANSWERS: u32 = 3;

/// Which authserv-id is the provider's own. A value to keep: it is all that is learned about the provider.
///
/// Learned from the topmost field of many messages, answers to the user among them; one answer without the field vetoes,
/// and so does a server that mostly writes none or different ones. Once learned the id stays until it is configured
/// anew: a change needs the user's word.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Provider {
    /// The id believed in; `None` until learned or configured. Microsoft's fields bear none: the empty string.
    pub id: Option<String>,
    /// As it is remembered: it may be the domain of anybody who writes to the user.
    candidate: Option<String>,
    agreeing: u32,
    answers: u32,
    differing: u32,
    since: Timestamp,
    #[serde(skip)]
    names: Pseudonyms,
}

impl Provider {
    /// A provider whose id the user has configured.
    pub fn configured(id: Option<&str>) -> Self {
        Self {
            id: id.map(str::to_lowercase),
            ..Self::default()
        }
    }

    /// The same, its candidates remembered under pseudonyms from now on.
    #[must_use]
    pub fn under(self, names: &Pseudonyms) -> Self {
        Self {
            candidate: self.candidate.map(|id| names.list(&id).into_owned()),
            names: names.clone(),
            ..self
        }
    }

    fn anew(&self) -> Self {
        Self {
            names: self.names.clone(),
            ..Self::default()
        }
    }

    /// True when this provider is known to write Authentication-Results, so that their absence says something.
    pub fn is_known(&self) -> bool {
        self.id.is_some()
    }

    /// Takes note of one message that arrived; `answers_me` when it answers a message the user sent.
    pub fn learn(&mut self, now: Timestamp, message: &Message, answers_me: bool) {
        if self.id.is_some() {
            return;
        }
        let top = topmost_id(message);
        let known = top.as_deref().map(|id| self.names.list(id).into_owned());
        match (&self.candidate, known) {
            (Some(candidate), Some(id)) if *candidate == id => {
                self.agreeing = self.agreeing.saturating_add(1);
                self.answers = self.answers.saturating_add(u32::from(answers_me));
            }
            (None, Some(id)) => {
                let fresh = Self {
                    candidate: Some(id),
                    agreeing: 1,
                    since: now,
                    ..self.anew()
                };
                *self = Self {
                    answers: u32::from(answers_me),
                    ..fresh
                };
            }
            (None, None) => {}
            (Some(_), _) if answers_me => *self = self.anew(),
            (Some(_), _) => self.differing = self.differing.saturating_add(1),
        }
        if self.differing > self.agreeing {
            *self = self.anew();
        }
        let consistent = self.agreeing >= AGREEING_MESSAGES
            && self.answers >= AGREEING_ANSWERS
            && self.differing.saturating_mul(4) <= self.agreeing;
        if consistent && now.days_since(self.since) >= AGREEING_DAYS {
            // What has just been counted is the candidate, unless this message differs from the others.
            let agrees = |id: &String| self.candidate.as_deref() == Some(&*self.names.list(id));
            self.id = top.filter(agrees);
        }
    }

    /// The provider's verdict on one message.
    pub fn authenticate(&self, message: &Message) -> Authentication {
        let (Some(id), Some(from)) = (&self.id, message.from()) else {
            return Authentication::None;
        };
        let Some(results) = own_results(message, id) else {
            return Authentication::None;
        };
        let domain = from.domain();
        if results.passes(domain) {
            Authentication::Pass
        } else if results.fails(domain) {
            Authentication::Fail
        } else {
            Authentication::None
        }
    }
}

/// The id of the topmost field, when no other organisation's Received stands above it.
fn topmost_id(message: &Message) -> Option<String> {
    let results = message.raw("authentication-results").next().map(Results::parse)?;
    let above = message
        .fields()
        .iter()
        .take_while(|field| &*field.name != "authentication-results");
    let mut hosts = above
        .filter(|field| &*field.name == "received")
        .filter_map(|field| writer(&field.value));
    let organisation = if results.id.is_empty() {
        hosts.next()
    } else {
        Some(results.id.clone())
    };
    let organisation = organisation.as_deref().map(organisational_domain);
    hosts
        .all(|host| Some(organisational_domain(&host)) == organisation)
        .then_some(results.id)
}

/// The provider's own results: the fields with its id that follow each other without a Received between them, above the
/// first foreign Received. Self-hosted servers write one field a method (one milter each); of a method named twice the
/// first counts, so that a sender who put the provider's id into his message adds nothing to what the provider said.
fn own_results(message: &Message, id: &str) -> Option<Results> {
    let mut own: Option<Results> = None;
    for field in message.fields() {
        match &*field.name {
            "authentication-results" => {
                let results = Results::parse(&field.value);
                if results.id == id {
                    own.get_or_insert_with(|| Results {
                        id: id.to_owned(),
                        clauses: Vec::new(),
                    })
                    .add(results);
                }
            }
            "received" if own.is_some() || (!id.is_empty() && is_foreign(&field.value, id)) => break,
            _ => {}
        }
    }
    own
}

/// True when a Received field was written by a host outside the provider's organisation.
fn is_foreign(received: &str, id: &str) -> bool {
    writer(received).is_some_and(|host| organisational_domain(&host) != organisational_domain(id))
}

/// The host that wrote a Received field (`by`, RFC 5321 section 4.4), lower case; `None` for bare host names and address
/// literals, which is how internal hops look.
fn writer(received: &str) -> Option<String> {
    let mut words = received
        .split_ascii_whitespace()
        .skip_while(|word| !word.eq_ignore_ascii_case("by"))
        .skip(1);
    let host = words.next()?.trim_end_matches([';', '.']).to_ascii_lowercase();
    let literal = host.starts_with('[') || host.bytes().all(|b| b.is_ascii_digit() || b == b'.' || b == b':');
    (host.contains('.') && !literal).then_some(host)
}

/// One Authentication-Results field, as far as it is looked at.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Results {
    /// Lower case; empty when the field bears none.
    id: String,
    /// Method, result and properties of each clause, lower case.
    clauses: Vec<Clause>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Clause {
    method: String,
    result: String,
    /// `header.from`, `header.d` and the domain of `header.i`.
    from: Option<String>,
    signer: Option<String>,
}

impl Results {
    fn parse(value: &str) -> Self {
        let bare = without_comments(value).to_lowercase();
        let mut clauses = Vec::new();
        let mut id = String::new();
        for (number, clause) in bare.split(';').enumerate().take(40) {
            let mut words = clause.split_ascii_whitespace();
            let Some(first) = words.next() else { continue };
            match first.split_once('=') {
                None if number == 0 => first.trim_matches('"').clone_into(&mut id),
                None => {}
                Some((method, result)) => {
                    let method = method.split('/').next().unwrap_or_default();
                    let mut found = Clause {
                        method: method.to_owned(),
                        result: result.trim_matches('"').to_owned(),
                        from: None,
                        signer: None,
                    };
                    for word in words {
                        match word.split_once('=') {
                            Some(("header.from", domain)) => found.from = Some(domain_part(domain)),
                            Some(("header.d" | "header.i", domain)) => {
                                found.signer.get_or_insert_with(|| domain_part(domain));
                            }
                            _ => {}
                        }
                    }
                    clauses.push(found);
                }
            }
        }
        Self { id, clauses }
    }

    /// Adds the clauses of methods that are not there yet.
    fn add(&mut self, more: Results) {
        let known = self.clauses.len();
        for clause in more.clauses {
            if !self
                .clauses
                .iter()
                .take(known)
                .any(|earlier| earlier.method == clause.method)
            {
                self.clauses.push(clause);
            }
        }
    }

    fn passes(&self, domain: &str) -> bool {
        self.clauses
            .iter()
            .any(|clause| match (&*clause.method, &*clause.result) {
                ("dmarc", "pass") => clause.from.as_deref().is_none_or(|from| from == domain),
                ("dkim", "pass") => clause
                    .signer
                    .as_deref()
                    .is_some_and(|signer| organisational_domain(signer) == organisational_domain(domain)),
                _ => false,
            })
    }

    fn fails(&self, domain: &str) -> bool {
        self.clauses.iter().any(|clause| match &*clause.method {
            "dmarc" => clause.result == "fail" && clause.from.as_deref().is_none_or(|from| from == domain),
            "compauth" => clause.result == "fail",
            _ => false,
        })
    }
}

fn domain_part(value: &str) -> String {
    let value = value.trim_matches('"');
    value
        .rsplit_once('@')
        .map_or(value, |(_, domain)| domain)
        .trim_end_matches('.')
        .to_owned()
}

/// The value without RFC 5322 comments, which may hold anything, `dmarc=pass` included.
fn without_comments(value: &str) -> String {
    let (mut bare, mut depth, mut quoted, mut escaped) = (String::with_capacity(value.len()), 0_u32, false, false);
    for c in value.chars() {
        match c {
            _ if escaped => escaped = false,
            '\\' if quoted || depth > 0 => escaped = true,
            '"' if depth == 0 => {
                // It stays, so that half a word in quotes does not make another word of both.
                quoted = !quoted;
                bare.push(c);
            }
            '(' if !quoted => depth += 1,
            ')' if !quoted && depth > 0 => depth -= 1,
            _ if depth > 0 => {}
            // A quoted semicolon would otherwise open a clause of the sender's own making, a quoted space another property.
            c if quoted && (c == ';' || c.is_whitespace()) => {}
            _ => bare.push(c),
        }
    }
    bare
}

#[cfg(test)]
mod tests;
