//! What a server says beside its answers: ALERT and worse for people (RFC 9051 section 7.1, RFC 5530), and `[THROTTLED]`,
//! which Gmail puts at the end of an OK, for us. Nothing said before TLS is kept: the reader begins anew behind it.
//!
//! Throttled, we go at half speed for a quarter of an hour: every command waits as long as the one before has taken.

use std::time::Duration;

use async_imap::imap_proto::{Outcome, ResponseCode};
use tokio::time::Instant;

use crate::sort::sanitise;

/// So long a server that throttles is spoken to at half speed.
const SLOW: Duration = Duration::from_mins(15);

/// Between two commands to such a server, at least and at most.
const SHORTEST: Duration = Duration::from_millis(250);
const LONGEST: Duration = Duration::from_secs(30);

/// Texts that are kept until somebody asks; the first ones.
const MOST: usize = 5;

/// Words for people.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Warning {
    /// Nothing should be changed any more: the server speaks of damage, sends us to its administrator, or refuses with an
    /// ALERT.
    pub grave: bool,
    /// The server's words, sanitised.
    pub text: String,
}

/// One response that is more than an answer.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Notice {
    Throttled,
    Warning(Warning),
}

impl Notice {
    /// Reads a status response; `refusal` when it is the NO or BAD to a command.
    pub(super) fn of(outcome: &Outcome<'_>, refusal: bool) -> Option<Self> {
        let text = outcome.information.as_deref().unwrap_or_default();
        let code = match &outcome.code {
            Some(ResponseCode::Alert) => "ALERT".to_owned(),
            Some(_) => return None,
            None => code(text),
        };
        let grave = match code.as_str() {
            "ALERT" => refusal,
            "CORRUPTION" | "CONTACTADMIN" => true,
            _ if text.to_ascii_uppercase().contains("[THROTTLED]") => return Some(Self::Throttled),
            _ => return None,
        };
        let text = format!(
            "[{code}] {}",
            text.split_once(']').map_or(text, |(_, rest)| rest).trim()
        );
        Some(Self::Warning(Warning {
            grave,
            text: sanitise(text.trim_end()),
        }))
    }
}

/// The code that the parser has left in the text, in capitals.
fn code(text: &str) -> String {
    let inside = text.strip_prefix('[').and_then(|rest| rest.split_once(']'));
    let word = inside.and_then(|(code, _)| code.split(' ').next());
    word.unwrap_or_default().to_ascii_uppercase()
}

/// What has been said on one connection.
#[derive(Debug, Default)]
pub(super) struct Notices {
    slow_until: Option<Instant>,
    sent: Option<Instant>,
    took: Duration,
    warnings: Vec<Warning>,
}

impl Notices {
    pub(super) fn heard(&mut self, now: Instant, notice: Notice) {
        match notice {
            Notice::Throttled => {
                if self.slow_until.is_none_or(|until| until <= now) {
                    tracing::warn!("the server throttles us; half the speed for a quarter of an hour");
                }
                self.slow_until = Some(now + SLOW);
            }
            Notice::Warning(warning) => {
                if self.warnings.len() < MOST && !self.warnings.contains(&warning) {
                    self.warnings.push(warning);
                }
            }
        }
    }

    pub(super) fn sent(&mut self, now: Instant) {
        self.sent = Some(now);
    }

    pub(super) fn answered(&mut self, now: Instant) {
        if let Some(sent) = self.sent.take() {
            self.took = now.saturating_duration_since(sent);
        }
    }

    /// How long the next command is to wait.
    pub(super) fn pause(&self, now: Instant) -> Duration {
        match self.slow_until {
            Some(until) if now < until => self.took.clamp(SHORTEST, LONGEST),
            _ => Duration::ZERO,
        }
    }

    pub(super) fn take(&mut self) -> Vec<Warning> {
        std::mem::take(&mut self.warnings)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_waits_as_long_as_the_one_before_has_taken() {
        let (mut notices, start) = (Notices::default(), Instant::now());
        let seconds = |n| start + Duration::from_secs(n);
        notices.sent(start);
        notices.answered(seconds(7));
        assert_eq!(notices.pause(seconds(7)), Duration::ZERO);
        notices.heard(seconds(7), Notice::Throttled);
        assert_eq!(notices.pause(seconds(8)), Duration::from_secs(7));
        notices.sent(seconds(10));
        notices.answered(seconds(100));
        assert_eq!(notices.pause(seconds(100)), LONGEST);
        assert_eq!(notices.pause(seconds(7) + SLOW), Duration::ZERO);
    }
}
