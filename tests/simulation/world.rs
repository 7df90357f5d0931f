//! Everything outside the daemon, in one place: the mail, the server's shape, the weather, the chronicle, and the rules
//! that were seen broken while it ran.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard};

use tokio::sync::Notify;
use tokio::time::Instant;

use super::chronicle::Chronicle;
use super::post::{Place, Post};
use super::profile::Profile;
use super::rulebook::Rulebook;
use super::suspension::Slumber;
use super::weather::Weather;

/// When every simulation begins: Monday 2026-11-02 00:00:00 UTC, in seconds since 1970.
pub const DAWN: i64 = 1_793_577_600;

/// A command of the daemon that changes mail, about one copy.
#[derive(Debug, Clone)]
pub struct Act {
    /// `MOVE`, `COPY`, `STORE`, `EXPUNGE`.
    pub verb: &'static str,
    /// The copy.
    pub place: Place,
    /// Where to, for MOVE and COPY.
    pub to: Option<String>,
    /// The message, when the copy is there.
    pub letter: Option<usize>,
}

/// Looks at what the daemon asks the server to do with one command, at the moment it is asked: the rules that are broken.
pub type Inspector = Box<dyn FnMut(&World, &[Act]) -> Vec<String> + Send>;

/// The world.
pub struct World {
    pub post: Post,
    pub profile: Profile,
    pub weather: Weather,
    pub chronicle: Chronicle,
    /// What the server takes for the password.
    pub password: String,
    /// Messages that were there when the daemon first looked: the first so many.
    pub old: usize,
    /// Messages that were there when INBOX was last numbered anew: the first so many.
    pub renumbered: usize,
    /// How often the server was started again.
    pub restarts: u32,
    /// Flags that the rules in force may change.
    pub keywords: Vec<String>,
    /// Copies that the daemon has flagged \Deleted and not unflagged.
    pub marked: BTreeMap<Place, usize>,
    /// Rules that were broken.
    pub broken: Vec<String>,
    /// Messages of which two moves met in the server, or that the user touched between the daemon's COPY and EXPUNGE.
    pub met: BTreeMap<usize, &'static str>,
    /// Originals that the daemon has copied by COPY and not yet removed, each with its copy.
    pub copying: BTreeMap<Place, (Place, usize)>,
    /// Moments of logins, in milliseconds.
    pub logins: Vec<u64>,
    /// Moments of every attempt to connect, in milliseconds.
    pub dials: Vec<u64>,
    /// Connections that are open, and how many of them wait in IDLE.
    pub connections: u32,
    pub idling: u32,
    /// Number of the daemon's life, and whether it lasts.
    pub life: u32,
    pub alive: bool,
    /// How often the clock of the daemon's machine has jumped.
    pub jumps: u32,
    /// The sleep of the daemon's machine.
    pub slumber: Slumber,
    /// The rules and their owner.
    pub rules: Option<Rulebook>,
    inspector: Option<Inspector>,
    /// Whether the records say where INBOX was left; `None` once they do.
    has_looked: Option<Box<dyn FnMut() -> bool + Send>>,
    start: Instant,
}

/// The world as everybody in it has it.
#[derive(Clone)]
pub struct Shared(Arc<Mutex<World>>);

impl std::fmt::Debug for Shared {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Shared")
    }
}

impl Shared {
    /// A world with no mail yet.
    pub fn new(profile: Profile, weather: Weather, chronicle: Chronicle) -> Self {
        Self(Arc::new(Mutex::new(World {
            post: Post::new(Arc::new(Notify::new())),
            profile,
            weather,
            chronicle,
            password: "secret".to_owned(),
            old: 0,
            renumbered: 0,
            restarts: 0,
            keywords: Vec::new(),
            marked: BTreeMap::new(),
            broken: Vec::new(),
            met: BTreeMap::new(),
            copying: BTreeMap::new(),
            logins: Vec::new(),
            connections: 0,
            dials: Vec::new(),
            idling: 0,
            life: 0,
            alive: false,
            jumps: 0,
            slumber: Slumber::default(),
            rules: None,
            inspector: None,
            has_looked: None,
            start: Instant::now(),
        })))
    }

    /// For one act; never held over an await.
    pub fn lock(&self) -> MutexGuard<'_, World> {
        self.0.lock().expect("nobody panics in the world")
    }
}

impl World {
    /// The rules, where the daemon reads any.
    pub fn book(&mut self) -> &mut Rulebook {
        self.rules.as_mut().expect("a world with rules")
    }

    /// Milliseconds since the beginning.
    pub fn now(&self) -> u64 {
        u64::try_from(self.start.elapsed().as_millis()).unwrap_or(u64::MAX)
    }

    /// Seconds since 1970, on the world's own clock.
    pub fn seconds(&self) -> i64 {
        DAWN + (self.now() / 1_000) as i64
    }

    /// Writes into the chronicle.
    pub fn note(&mut self, what: &str) {
        let now = self.now();
        self.chronicle.note(now, what);
    }

    /// A rule was broken.
    pub fn breaks(&mut self, rule: String) {
        self.note(&format!("BROKEN: {rule}"));
        self.broken.push(rule);
    }

    /// Who looks at the daemon's acts.
    pub fn inspect_with(&mut self, inspector: Inspector) {
        self.inspector = Some(inspector);
    }

    /// Who can tell whether the daemon has looked at INBOX before.
    pub fn look_with(&mut self, has_looked: Box<dyn FnMut() -> bool + Send>) {
        self.has_looked = Some(has_looked);
    }

    /// INBOX is opened: what lies there is old mail, if it is for the first time.
    pub fn inbox_opened(&mut self) {
        let Some(has_looked) = &mut self.has_looked else { return };
        if has_looked() {
            self.has_looked = None;
        } else {
            self.old = self.post.letters.len();
        }
    }

    /// The daemon asks for this.
    pub fn asked(&mut self, acts: &[Act]) {
        if let Some(mut inspector) = self.inspector.take() {
            for rule in inspector(self, acts) {
                self.breaks(rule);
            }
            self.inspector = Some(inspector);
        }
    }

    /// The user touches this message: when the daemon's COPY of it stands and the original is not yet removed, there may
    /// be two in the end, and that is nobody's fault.
    pub fn user_touches(&mut self, place: &Place) {
        let half_way = self
            .copying
            .iter()
            .find(|(original, (copy, _))| *original == place || copy == place);
        if let Some((_, (_, letter))) = half_way {
            self.met.insert(*letter, "the user touched it between COPY and EXPUNGE");
        }
    }
}
