//! The daemon's lives: the real worker over the real records, started, ended at any step, and started again.

use std::future::Future;
use std::path::Path;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use postroom::config::{Account, Backlog, Imap, Mode, Secret, Tls};
use postroom::daemon::access::Gate;
use postroom::daemon::clock;
use postroom::daemon::logbook::Logbook;
use postroom::daemon::worker::Worker;
use postroom::sort::correspondence::Learning;
use postroom::sort::folders::Folders;
use postroom::sort::mailbox::Timestamp;
use postroom::sort::sender::{Address, Owner};
use postroom::store::{Store, StoreHandle};
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use super::gate::Pipe;
use super::letter::OWNER;
use super::suspension::Machine;
use super::world::Shared;

/// Name of the account.
pub const ACCOUNT: &str = "home";

/// The account as `postroom.toml` would have it.
pub fn account(poll: Duration, allow_unsafe_move: bool) -> Account {
    Account {
        name: ACCOUNT.to_owned(),
        owner: Owner::new(Address::parse(OWNER).into_iter().collect()),
        mode: Mode::Sort,
        backlog: Backlog::Leave,
        allow_unsafe_move,
        claim: false,
        authserv_id: None,
        imap: Imap {
            idle: Vec::new(),
            host: "model.example".to_owned(),
            port: 993,
            tls: Tls::Implicit,
            ca_file: None,
            user: "alice".to_owned(),
            secret: Secret::PasswordFile("/nowhere".into()),
            poll,
            settle: Duration::from_mins(1),
        },
        folders: Folders::default(),
        learning: Learning::default(),
        contacts: None,
        no_reply: None,
        digest: Vec::new(),
    }
}

/// A store that asks nobody's other thread.
pub fn open_store(state: &Path) -> StoreHandle {
    StoreHandle::here(
        Store::open(state, clock::now())
            .expect("the records can be opened")
            .store,
    )
}

/// The worker of one life.
pub struct Life {
    pub stop: CancellationToken,
    pub wake: Arc<Notify>,
    world: Shared,
    worker: Worker,
}

impl Life {
    /// The daemon, about to begin its life number `number`; `None` when it refuses to, for its rules are broken.
    pub fn new(world: &Shared, account: &Account, state: &Path, number: u32) -> Option<Self> {
        let (stop, wake) = (CancellationToken::new(), Arc::new(Notify::new()));
        let rules = {
            let mut world = world.lock();
            let now = world.now();
            let rules = world.book().begin(now, wake.clone())?;
            (world.life, world.alive) = (number, true);
            rules
        };
        let gate: Arc<dyn Gate> = Arc::new(Pipe {
            world: world.clone(),
            password: "secret".to_owned(),
        });
        let worker = Worker {
            account: account.clone(),
            gate,
            store: open_store(state),
            run: format!("life.{number}"),
            rules,
            logbook: Logbook::new(ACCOUNT, None),
            stop: stop.clone(),
            wake: wake.clone(),
        };
        Some(Self {
            stop,
            wake,
            world: world.clone(),
            worker,
        })
    }

    /// Lives for `span`, then dies within the next `steps` steps, as by kill -9.
    pub async fn until_killed(self, span: Duration, steps: u32) {
        let world = self.world;
        let mortal = Mortal {
            life: Box::pin(Machine::new(&world, self.worker.run())),
            end: Box::pin(tokio::time::sleep(span)),
            doomed: false,
            steps,
        };
        mortal.await;
        over(&world);
    }

    /// Lives for `span`, then is asked to stop and stops in order.
    pub async fn until_stopped(self, span: Duration) {
        let Self {
            stop,
            wake,
            world,
            worker,
        } = self;
        let mut life = Box::pin(Machine::new(&world, worker.run()));
        tokio::select! {
            biased;
            () = &mut life => panic!("the worker ended by itself"),
            () = tokio::time::sleep(span) => {}
        }
        stop.cancel();
        wake.notify_one();
        // It may be in the middle of a command that is never answered. A machine that sleeps stops nothing.
        let slept = |world: &Shared| world.lock().slumber.in_all(tokio::time::Instant::now());
        let (begun, before) = (tokio::time::Instant::now(), slept(&world));
        tokio::time::timeout(Duration::from_hours(12), life)
            .await
            .expect("the worker stops when asked to");
        let took = begun.elapsed().saturating_sub(slept(&world).saturating_sub(before));
        assert!(
            took < Duration::from_mins(12),
            "the worker stops when asked to, not {took:?} later"
        );
        over(&world);
    }
}

fn over(world: &Shared) {
    let mut world = world.lock();
    world.alive = false;
    world.book().end();
}

/// A life that can be ended between any two steps; a step is a poll, so every await is a place to die at.
struct Mortal<F> {
    life: Pin<Box<Machine<F>>>,
    end: Pin<Box<tokio::time::Sleep>>,
    doomed: bool,
    steps: u32,
}

impl<F: Future<Output = ()>> Future for Mortal<F> {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        if !self.doomed && self.end.as_mut().poll(context).is_ready() {
            self.doomed = true;
        }
        if self.doomed {
            if self.steps == 0 {
                return Poll::Ready(());
            }
            self.steps -= 1;
        }
        assert!(
            self.life.as_mut().poll(context).is_pending(),
            "the worker ended by itself"
        );
        Poll::Pending
    }
}

/// An instant of the simulation as the daemon's wall clock shows it.
pub fn set_clock(at: i64) {
    clock::simulate(Timestamp(at));
}
