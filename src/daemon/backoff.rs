//! How long to wait before speaking to a server again: full jitter, 2 s doubling to 5 min; longer where haste does harm.
//!
//! A refused password is left alone for six hours, because providers lock accounts (reliability.md D1): at most five
//! refusals in a day, whoever wakes us, until the password itself has changed. Whatever happens, there are at most two
//! logins in 120 s and thirty in an hour (A3). A server that does not understand us three times in an hour (C5) is not
//! spoken to until the user says so.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

/// First and longest wait after a lost or refused connection.
const FIRST: Duration = Duration::from_secs(2);
const LONGEST: Duration = Duration::from_mins(5);

/// Between two attempts with a password that was refused.
const REFUSED: Duration = Duration::from_hours(6);

/// Before a refusal without a reason counts as one of the password.
const DOUBTFUL: [Duration; 3] = [Duration::from_mins(5), Duration::from_mins(30), Duration::from_hours(1)];

/// So many refused logins in so much time.
const REFUSALS: (usize, Duration) = (5, Duration::from_hours(24));

/// So many commands not understood in so much time.
const BLUNDERS: (usize, Duration) = (3, Duration::from_hours(1));

/// For good, until somebody wakes us.
pub const FOR_GOOD: Duration = Duration::from_hours(24 * 365);

/// What ended the last attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ending {
    /// The connection was lost or could not be made.
    Lost,
    /// The server asked for patience: too many connections, temporary failure.
    Asked,
    /// The server asked for this much patience.
    Throttled(Duration),
    /// The certificate does not hold, or STARTTLS is missing: nothing will change by itself soon.
    Untrusted,
    /// The password was refused.
    LoginRefused,
    /// The login was refused without a reason: the password, or the number of connections.
    LoginDoubtful,
    /// A command was answered BAD.
    Blunder,
}

/// So many logins of one account in so much time, whichever connection they are for.
const LOGINS: [(usize, Duration); 2] = [(2, Duration::from_mins(2)), (30, Duration::from_hours(1))];

/// The logins of one account, shared by all its connections.
#[derive(Debug, Clone, Default)]
pub struct Logins(Arc<Mutex<VecDeque<Instant>>>);

impl Logins {
    /// How long a login must wait to stay within the budget.
    fn wait(&self, now: Instant) -> Duration {
        let times = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let waits = LOGINS.iter().map(|budget| until_free(&times, *budget, now));
        waits.max().unwrap_or_default()
    }

    fn note(&self, at: Instant) {
        remember(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner), at);
    }

    /// Waits until a login is within the budget, and counts it. One that is given up meanwhile costs nothing.
    pub async fn turn(&self) {
        loop {
            let wait = self.wait(Instant::now());
            if wait.is_zero() {
                return self.note(Instant::now());
            }
            tokio::time::sleep(wait).await;
        }
    }
}

/// The waiting discipline of one account.
#[derive(Debug, Default)]
pub struct Backoff {
    attempts: u32,
    doubts: usize,
    /// Of this account, all its connections together.
    pub logins: Logins,
    refusals: VecDeque<Instant>,
    blunders: VecDeque<Instant>,
}

impl Backoff {
    /// A connection has worked for a while: the next failure starts from the beginning.
    pub fn succeeded(&mut self) {
        self.attempts = 0;
        self.doubts = 0;
    }

    /// The password is another one: what was said about the old one no longer counts.
    pub fn password_changed(&mut self) {
        self.refusals.clear();
        self.doubts = 0;
    }

    /// Notes a login, and says how long it must wait to stay within the login budget.
    pub fn before_login(&mut self, now: Instant) -> Duration {
        let wait = self.logins.wait(now).max(until_free(&self.refusals, REFUSALS, now));
        self.logins.note(now + wait);
        wait
    }

    /// The wait after an attempt that failed at `now`; [`FOR_GOOD`] when only the user can go on.
    pub fn after(&mut self, ending: Ending, now: Instant) -> Duration {
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
            Ending::Throttled(span) => span.mul_f64(1.0 + 0.1 * fastrand::f64()),
            Ending::Untrusted => doubled(Duration::from_mins(1), Duration::from_hours(1), self.attempts),
            Ending::LoginRefused => {
                remember(&mut self.refusals, now);
                REFUSED
            }
            Ending::LoginDoubtful => {
                remember(&mut self.refusals, now);
                self.doubts += 1;
                DOUBTFUL.get(self.doubts - 1).copied().unwrap_or(REFUSED)
            }
            Ending::Blunder => {
                remember(&mut self.blunders, now);
                if until_free(&self.blunders, BLUNDERS, now).is_zero() {
                    return doubled(Duration::from_mins(1), LONGEST, self.attempts);
                }
                self.blunders.clear();
                FOR_GOOD
            }
        }
    }
}

/// How long until one more keeps within `count` in `span`.
fn until_free(times: &VecDeque<Instant>, (count, span): (usize, Duration), now: Instant) -> Duration {
    let oldest = times.len().checked_sub(count).and_then(|index| times.get(index));
    oldest.map_or(Duration::ZERO, |oldest| (*oldest + span).saturating_duration_since(now))
}

fn remember(times: &mut VecDeque<Instant>, at: Instant) {
    const MOST: usize = 30;
    times.push_back(at);
    while times.len() > MOST {
        times.pop_front();
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
            let wait = backoff.after(Ending::Lost, Instant::now());
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

    #[tokio::test(start_paused = true)]
    async fn connections_that_only_listen_share_the_budget() {
        let mut backoff = Backoff::default();
        let (logins, start) = (backoff.logins.clone(), Instant::now());
        assert_eq!(backoff.before_login(start), Duration::ZERO);
        logins.turn().await;
        assert_eq!(start.elapsed(), Duration::ZERO);
        // One that waits and is given up takes nobody's turn.
        let given_up = tokio::time::timeout(Duration::from_secs(5), logins.turn()).await;
        assert!(given_up.is_err(), "a third login within two minutes");
        assert_eq!(backoff.before_login(Instant::now()), Duration::from_secs(115));
    }

    /// Logins within a simulated week with a password that is wrong, while `wakes` ends a wait early.
    async fn week(ending: Ending, wakes: Option<Duration>) -> usize {
        let (mut backoff, start, mut logins) = (Backoff::default(), Instant::now(), 0);
        let week = Duration::from_hours(7 * 24);
        loop {
            let budget = backoff.before_login(Instant::now());
            tokio::time::sleep(budget).await;
            if start.elapsed() >= week {
                return logins;
            }
            logins += 1;
            let wait = backoff.after(ending, Instant::now());
            tokio::time::sleep(wakes.map_or(wait, |wake| wake.min(wait))).await;
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_week_with_a_wrong_password_makes_at_most_35_logins() {
        for ending in [Ending::LoginRefused, Ending::LoginDoubtful] {
            for wakes in [None, Some(Duration::from_mins(1)), Some(Duration::from_hours(5))] {
                let logins = week(ending, wakes).await;
                assert!(
                    logins <= 35,
                    "{logins} logins in a week, {ending:?}, woken every {wakes:?}"
                );
                assert!(
                    logins >= 28,
                    "{logins} logins in a week: a mended server would not be found"
                );
            }
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_new_password_is_tried_at_once_however_often_the_old_one_was_refused() {
        let mut backoff = Backoff::default();
        for _ in 0..5 {
            tokio::time::sleep(backoff.before_login(Instant::now())).await;
            backoff.after(Ending::LoginRefused, Instant::now());
        }
        assert!(backoff.before_login(Instant::now()) > Duration::from_hours(20));
        backoff.password_changed();
        assert!(backoff.before_login(Instant::now()) <= Duration::from_mins(2));
    }

    #[tokio::test(start_paused = true)]
    async fn a_refusal_without_a_reason_is_tried_again_after_5_30_and_60_minutes() {
        let mut backoff = Backoff::default();
        let waits: Vec<u64> = (0..5)
            .map(|_| backoff.after(Ending::LoginDoubtful, Instant::now()).as_secs() / 60)
            .collect();
        assert_eq!(waits, [5, 30, 60, 360, 360]);
    }

    #[tokio::test(start_paused = true)]
    async fn the_third_bad_within_an_hour_is_the_last() {
        let mut backoff = Backoff::default();
        for _ in 0..10 {
            assert_ne!(backoff.after(Ending::Blunder, Instant::now()), FOR_GOOD);
            tokio::time::sleep(Duration::from_mins(31)).await;
        }
        tokio::time::sleep(Duration::from_hours(2)).await;
        let waits = [1, 2, 3].map(|_| backoff.after(Ending::Blunder, Instant::now()));
        assert_eq!(waits.map(|wait| wait == FOR_GOOD), [false, false, true]);
    }

    #[test]
    fn the_servers_own_wait_is_kept_to() {
        let wait = Backoff::default().after(Ending::Throttled(Duration::from_mins(5)), Instant::now());
        assert!((Duration::from_mins(5)..Duration::from_mins(6)).contains(&wait));
    }
}
