//! The machine was asleep: no link has survived, and no timer has run meanwhile (CLOCK_MONOTONIC stands still in suspend,
//! CLOCK_BOOTTIME does not).

use std::cell::Cell;
use std::time::Duration;

use rustix::time::{ClockId, clock_gettime};

/// How often the clocks are compared.
const LOOK: Duration = Duration::from_secs(10);

/// A nap shorter than this breaks no link.
const NAP: Duration = Duration::from_secs(30);

thread_local! {
    /// In a simulation: how long this thread's machine has slept.
    static SIMULATED: Cell<Option<Duration>> = const { Cell::new(None) };
}

/// For simulations: on this thread the machine has slept so long since it was started.
pub fn simulate(asleep: Duration) {
    SIMULATED.set(Some(asleep));
}

/// Time spent asleep since the machine was started.
pub fn asleep() -> Duration {
    SIMULATED.get().unwrap_or_else(measured)
}

fn measured() -> Duration {
    let span = |clock| {
        let now = clock_gettime(clock);
        let seconds = u64::try_from(now.tv_sec).unwrap_or_default();
        Duration::new(seconds, u32::try_from(now.tv_nsec).unwrap_or_default())
    };
    span(ClockId::Boottime).saturating_sub(span(ClockId::Monotonic))
}

/// Ends when the machine has slept, at most ten seconds after it has woken.
pub async fn over(asleep: impl Fn() -> Duration) {
    let before = asleep();
    loop {
        tokio::time::sleep(LOOK).await;
        if asleep().saturating_sub(before) > NAP {
            return;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use tokio::time::Instant;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_night_is_noticed_within_ten_seconds_and_a_nap_not_at_all() {
        for (slept, noticed) in [
            (Duration::from_hours(8), true),
            (Duration::from_mins(1), true),
            (NAP, false),
        ] {
            let (start, since) = (Instant::now(), Cell::new(Duration::ZERO));
            let wakes = Duration::from_secs(25);
            let clock = || if start.elapsed() >= wakes { slept } else { since.get() };
            let within = tokio::time::timeout(wakes + LOOK, over(clock)).await;
            assert_eq!(within.is_ok(), noticed, "{slept:?}");
        }
    }

    #[test]
    fn the_clocks_of_this_machine_can_be_compared() {
        assert!(asleep() < Duration::from_hours(24 * 365));
    }
}
