//! How long to wait before speaking to a server again: full jitter, 2 s doubling to 5 min; longer where haste does harm.
//!
//! A refused password is tried once and then left alone for six hours, because providers lock accounts
//! (reliability.md D1); whatever happens, there are at most two logins in 120 s and thirty in an hour (A3).

use std::collections::VecDeque;
use std::time::Duration;

use tokio::time::Instant;

/// First and longest wait after a lost or refused connection.
const FIRST: Duration = Duration::from_secs(2);
const LONGEST: Duration = Duration::from_mins(5);

/// What ended the last attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ending {
    /// The connection was lost or could not be made.
    Lost,
    /// The server asked for patience: too many connections, temporary failure, throttling.
    Asked,
    /// The certificate does not hold, or STARTTLS is missing: nothing will change by itself soon.
    Untrusted,
    /// The password was refused.
    LoginRefused,
}

/// The waiting discipline of one account.
#[derive(Debug, Default)]
pub struct Backoff {
    attempts: u32,
    logins: VecDeque<Instant>,
}

impl Backoff {
    /// A connection has worked for a while: the next failure starts from the beginning.
    pub fn succeeded(&mut self) {
        self.attempts = 0;
    }

    /// Notes a login, and says how long it must wait to stay within the login budget.
    pub fn before_login(&mut self, now: Instant) -> Duration {
        const BUDGETS: [(usize, Duration); 2] = [(2, Duration::from_mins(2)), (30, Duration::from_hours(1))];
        while self.logins.len() > 30 {
            self.logins.pop_front();
        }
        let wait = BUDGETS
            .iter()
            .filter_map(|&(count, span)| {
                let oldest = self
                    .logins
                    .len()
                    .checked_sub(count)
                    .and_then(|index| self.logins.get(index))?;
                Some((*oldest + span).saturating_duration_since(now))
            })
            .max()
            .unwrap_or_default();
        self.logins.push_back(now + wait);
        wait
    }

    /// The wait after a failed attempt.
    pub fn after(&mut self, ending: Ending) -> Duration {
        self.attempts = self.attempts.saturating_add(1);
        let doubled = |first: Duration, longest: Duration, attempts: u32| {
            first
                .saturating_mul(1 << attempts.saturating_sub(1).min(16))
                .min(longest)
        };
        match ending {
            // The first retry after a lost connection is quick; from then on full jitter.
            Ending::Lost => jitter(doubled(FIRST, LONGEST, self.attempts)),
            Ending::Asked => doubled(Duration::from_mins(5), Duration::from_hours(1), self.attempts)
                .mul_f64(0.9 + 0.2 * fastrand::f64()),
            Ending::Untrusted => doubled(Duration::from_mins(1), Duration::from_hours(1), self.attempts),
            Ending::LoginRefused => Duration::from_hours(6),
        }
    }
}

/// Between half a second and the whole span, evenly.
fn jitter(span: Duration) -> Duration {
    span.mul_f64(fastrand::f64()).max(Duration::from_millis(500))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lost_connections_wait_longer_each_time_and_never_over_five_minutes() {
        let mut backoff = Backoff::default();
        let mut longest = Duration::ZERO;
        for attempt in 0..100 {
            let wait = backoff.after(Ending::Lost);
            assert!(wait <= LONGEST);
            if attempt == 0 {
                assert!(wait <= FIRST);
            }
            longest = longest.max(wait);
        }
        assert!(
            longest > Duration::from_mins(1),
            "jitter over 5 minutes, yet the longest of 100 was {longest:?}"
        );
    }

    #[test]
    fn logins_keep_within_two_in_two_minutes_and_thirty_an_hour() {
        let mut backoff = Backoff::default();
        let start = Instant::now();
        let (mut now, mut logins) = (start, Vec::new());
        for _ in 0..100 {
            now += backoff.before_login(now);
            logins.push(now);
        }
        for (index, login) in logins.iter().enumerate() {
            let within = |span| {
                logins
                    .iter()
                    .skip(index)
                    .filter(|other| **other < *login + Duration::from_secs(span))
                    .count()
            };
            assert!(within(120) <= 2, "more than two logins in 120 s");
            assert!(within(3600) <= 30, "more than thirty logins in an hour");
        }
    }

    #[test]
    fn a_refused_password_is_left_alone_for_hours() {
        assert_eq!(Backoff::default().after(Ending::LoginRefused), Duration::from_hours(6));
    }
}
