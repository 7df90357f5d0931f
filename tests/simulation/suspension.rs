//! The machine the daemon runs on: while it sleeps nothing on it moves, and when it wakes no link is what it was.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use postroom::daemon::slumber;
use tokio::time::{Instant, Sleep, sleep};

use super::world::{Shared, World};

/// A nap shorter than this breaks no link.
const NAP: Duration = Duration::from_secs(30);

/// From waking to the next login (G2).
const BACK_WITHIN: Duration = Duration::from_secs(30);

/// The span of the login budget.
const BUDGET: Duration = Duration::from_mins(2);

/// What has been slept, and how the links of now will end.
#[derive(Debug, Default)]
pub struct Slumber {
    /// Asleep until then.
    until: Option<Instant>,
    /// Since then.
    begun: Option<Instant>,
    /// In all, but for the sleep of now.
    pub slept: Duration,
    /// How often it was long enough to break the links.
    pub breaks: u32,
    /// The last time they broke without a word.
    pub silent: bool,
}

impl Slumber {
    /// What has been slept, the sleep that is just ending included.
    pub fn in_all(&self, span_left: Instant) -> Duration {
        self.slept
            + self
                .begun
                .filter(|_| self.until.is_some())
                .map_or(Duration::ZERO, |begun| span_left - begun)
    }
}

/// A life that stands still while the machine sleeps.
pub struct Machine<F> {
    world: Shared,
    life: Pin<Box<F>>,
    alarm: Pin<Box<Sleep>>,
}

impl<F: Future<Output = ()>> Machine<F> {
    pub fn new(world: &Shared, life: F) -> Self {
        Self {
            world: world.clone(),
            life: Box::pin(life),
            alarm: Box::pin(sleep(Duration::ZERO)),
        }
    }
}

impl<F: Future<Output = ()>> Future for Machine<F> {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        let until = self.world.lock().slumber.until;
        match until.filter(|until| Instant::now() < *until) {
            Some(until) => {
                self.alarm.as_mut().reset(until);
                let _ = self.alarm.as_mut().poll(context);
                Poll::Pending
            }
            None => self.life.as_mut().poll(context),
        }
    }
}

/// The lid is closed and opened again.
pub async fn suspend(world: &Shared, random: &mut fastrand::Rng) {
    let span = Duration::from_secs([5, 40, 900, 8 * 3_600][random.usize(..4)]);
    let (listening, life, dials) = {
        let mut world = world.lock();
        world.note(&format!("accident: the machine sleeps for {span:?}"));
        world.slumber.begun = Some(Instant::now());
        world.slumber.until = Some(Instant::now() + span);
        if span > NAP {
            world.slumber.breaks += 1;
            world.slumber.silent = random.bool();
            world.post.changed.notify_waiters();
        }
        (world.idling > 0, world.life, world.dials.len())
    };
    sleep(span).await;
    {
        let mut world = world.lock();
        wake(&mut world, span);
        world.note("accident: the machine wakes");
    }
    if span <= NAP || !listening {
        return;
    }
    sleep(BACK_WITHIN).await;
    let mut world = world.lock();
    // Two logins in two minutes are the most there may be, whoever has woken (A3).
    let recent = world.now().saturating_sub(BUDGET.as_millis() as u64);
    let spent = world.dials.iter().filter(|at| **at > recent).count() >= 2;
    if world.life == life && world.alive && world.dials.len() == dials && !spent {
        world.breaks(format!(
            "G2: {BACK_WITHIN:?} after the machine woke, nobody has connected"
        ));
    }
}

/// Time has passed for everybody but the machine.
fn wake(world: &mut World, span: Duration) {
    world.slumber.until = None;
    world.slumber.slept += span;
    slumber::simulate(world.slumber.slept);
}

/// In the evening nobody sleeps.
pub fn stay_awake(world: &mut World) {
    if let Some(until) = world.slumber.until.take() {
        let left = until.saturating_duration_since(Instant::now());
        // However long it was to be.
        world.slumber.slept += NAP + left;
        slumber::simulate(world.slumber.slept);
    }
}
