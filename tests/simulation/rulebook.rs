//! The rules of the day as their owner writes them: good ones, half a file, a mistake, none at all, mended again; and the
//! program's own keeper that reads them beside the worker, half a second after the directory was quiet.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use postroom::config::{Account, Config};
use postroom::daemon::reload::RulesKeeper;
use postroom::sort::ledger::Row;
use postroom::sort::rules::RuleSet;
use tokio::sync::{Notify, watch};
use tokio::time::sleep;

use super::world::{Shared, World};

/// How long the directory must be quiet before the daemon reads it.
const QUIET: Duration = Duration::from_millis(500);

/// A command of older rules may still be on its way so long after newer ones were read, in milliseconds.
const ON_ITS_WAY: u64 = 15 * 60_000;

/// Where a rule of the simulation moves mail, beside the buckets.
pub const TARGET: &str = "Archive";

/// What one rule asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Order {
    /// The list it is about.
    pub list: u32,
    /// `None` keeps the message in INBOX.
    pub folder: Option<&'static str>,
    /// `after`, in seconds.
    pub after: i64,
}

/// A set of rules that was in force, from when until when (milliseconds).
#[derive(Debug)]
pub struct Edition {
    digest: String,
    pub orders: BTreeMap<String, Order>,
    pub from: u64,
    pub until: Option<u64>,
}

/// The daemon as far as it has to do with rules.
struct Running {
    keeper: RulesKeeper,
    rules: watch::Sender<Arc<RuleSet>>,
    wake: Arc<Notify>,
}

/// The rules directory and all that was ever in force.
pub struct Rulebook {
    config: Config,
    /// What the file holds, where that is a set of rules.
    orders: Option<BTreeMap<String, Order>>,
    pub editions: Vec<Edition>,
    running: Option<Running>,
}

impl Rulebook {
    /// An empty directory.
    pub fn new(state: &Path, account: &Account) -> Self {
        let rules = state.join("rules");
        fs::create_dir_all(&rules).expect("a directory for the rules");
        Self {
            config: Config {
                path: state.join("postroom.toml"),
                rules,
                state: state.to_owned(),
                metrics_file: None,
                privacy_key: None,
                accounts: vec![account.clone()],
            },
            orders: Some(BTreeMap::new()),
            editions: Vec::new(),
            running: None,
        }
    }

    /// Writes what becomes the whole of the rules: as an editor does, beside the file and then over it.
    fn write(&mut self, text: &str, orders: Option<BTreeMap<String, Order>>) {
        let (file, beside) = (
            self.config.rules.join("10-own.toml"),
            self.config.rules.join(".10-own.toml.new"),
        );
        fs::write(&beside, text)
            .and_then(|()| fs::rename(&beside, &file))
            .expect("the rules can be written");
        self.orders = orders;
    }

    /// The newest rules that were good at some time.
    pub fn current(&self) -> Option<&Edition> {
        self.editions.last()
    }

    /// What the rule asks for by which a row was decided.
    pub fn order(&self, row: &Row) -> Option<&Order> {
        let edition = self
            .editions
            .iter()
            .find(|edition| *edition.digest == *row.entry.rules)?;
        edition.orders.get(row.entry.reason.rule.as_deref()?)
    }

    fn put_in_force(&mut self, now: u64, set: &RuleSet) {
        if self.current().is_some_and(|current| current.digest == set.digest()) {
            return;
        }
        if let Some(last) = self.editions.last_mut() {
            last.until = Some(now);
        }
        self.editions.push(Edition {
            digest: set.digest().to_owned(),
            orders: self.orders.clone().unwrap_or_default(),
            from: now,
            until: None,
        });
    }

    /// The daemon begins a life; `None` when it refuses to, for the rules are broken.
    pub fn begin(&mut self, now: u64, wake: Arc<Notify>) -> Option<watch::Receiver<Arc<RuleSet>>> {
        let keeper = RulesKeeper::open(&self.config);
        assert_eq!(keeper.is_ok(), self.orders.is_some(), "{keeper:?}");
        let keeper = keeper.ok()?;
        let set = keeper.current();
        self.put_in_force(now, &set);
        let (rules, heard) = watch::channel(set);
        self.running = Some(Running { keeper, rules, wake });
        Some(heard)
    }

    /// The life is over.
    pub fn end(&mut self) {
        self.running = None;
    }

    /// The daemon, if there is one, has noticed that something has changed; `Err` when it takes broken rules for good ones.
    fn reload(&mut self, now: u64) -> Result<(), String> {
        let Some(mut running) = self.running.take() else {
            return Ok(());
        };
        if let Some(set) = running.keeper.reload() {
            self.put_in_force(now, &set);
            running.rules.send_replace(set);
        }
        let refused = running.keeper.refused().map(str::to_owned);
        running.wake.notify_one();
        self.running = Some(running);
        if refused.is_some() == self.orders.is_none() {
            Ok(())
        } else {
            Err(format!("F1: rules taken for what they are not: {refused:?}"))
        }
    }

    /// S8: a row is acted upon under the rules of now, or of a moment ago.
    pub fn inspect(&self, now: u64, row: &Row) -> Result<(), String> {
        let fresh = |edition: &&Edition| edition.until.is_none_or(|until| now <= until + ON_ITS_WAY);
        let of_row = |edition: &&Edition| *edition.digest == *row.entry.rules;
        let Some(edition) = self.editions.iter().filter(of_row).find(fresh) else {
            return Err(format!("S8: row {} was decided by rules that are not in force", row.id));
        };
        let Some(name) = &row.entry.reason.rule else {
            return Ok(());
        };
        let planned = row.entry.destination.as_ref().map(|folder| folder.as_str().to_owned());
        match edition.orders.get(&**name) {
            Some(order) if order.folder.map(str::to_owned) == planned => Ok(()),
            order => Err(format!("S8: row {} by rule {name:?}, which says {order:?}", row.id)),
        }
    }
}

impl std::fmt::Debug for Rulebook {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Rulebook").finish_non_exhaustive()
    }
}

/// Good rules: about some of the lists, each of another mind than before.
fn compose(random: &mut fastrand::Rng) -> (String, BTreeMap<String, Order>) {
    let (mut text, mut orders) = (String::new(), BTreeMap::new());
    for list in 0..6 {
        let (name, action, folder, after) = match random.u8(..8) {
            0 | 1 => ("archive", "move = \"Archive\"", Some(TARGET), 0),
            2 => (
                "archive soon",
                "move = \"Archive\"\nafter = \"1h\"",
                Some(TARGET),
                3_600,
            ),
            3 => (
                "archive later",
                "move = \"Archive\"\nafter = \"4h\"",
                Some(TARGET),
                4 * 3_600,
            ),
            4 => ("keep", "keep = true", None, 0),
            5 => ("bulk", "bucket = \"bulk\"", Some("Bulk"), 0),
            _ => continue,
        };
        let name = format!("{name} {list}");
        let _ = write!(
            text,
            "[[rule]]\nname = \"{name}\"\nwhen = {{ list_id = \"n{list}.list.example\" }}\n{action}\n\n"
        );
        orders.insert(name, Order { list, folder, after });
    }
    (text, orders)
}

/// The owner writes new rules and the daemon reads them.
async fn revise(world: &Shared, text: &str, orders: Option<BTreeMap<String, Order>>) {
    {
        let mut world = world.lock();
        world.note(&format!("owner: writes rules: {orders:?}"));
        world.book().write(text, orders);
    }
    sleep(QUIET).await;
    let mut world = world.lock();
    let now = world.now();
    if let Err(rule) = world.book().reload(now) {
        world.breaks(rule);
    }
}

/// The owner at work on his rules, for ever.
pub async fn edit(world: Shared, mut random: fastrand::Rng) {
    loop {
        sleep(Duration::from_secs(random.u64(60..4 * 3_600))).await;
        let (good, orders) = compose(&mut random);
        let broken = match random.u8(..8) {
            0 => Some(good.replace("name", "nmae") + "[[rule]]\nwehn = 1\n"),
            1 => Some(good.clone() + "[[rule]]\nname = \"unfinished"),
            2 => {
                Some(good.clone() + "[[rule]]\nname = \"no such bucket\"\nwhen = { list = true }\nbucket = \"bluk\"\n")
            }
            _ => None,
        };
        if let Some(broken) = broken {
            revise(&world, &broken, None).await;
            // He notices, at once or hours later.
            sleep(Duration::from_secs([2, 600, 7_200][random.usize(..3)])).await;
        }
        revise(&world, &good, Some(orders)).await;
    }
}

/// In the evening everything is mended, if anything is broken.
pub fn mend(world: &mut World) {
    if world.book().orders.is_none() {
        world.book().write("", Some(BTreeMap::new()));
    }
}
