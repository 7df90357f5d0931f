//! What goes wrong, and when: for each command, from the seed.

use std::time::Duration;

/// What becomes of one command.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// Nothing bad.
    None,
    /// The answer takes this long.
    Slow(Duration),
    /// The connection ends before the command is carried out.
    CutBefore,
    /// The command is carried out and the connection ends without an answer.
    CutUnanswered,
    /// The connection ends at once, and the command is carried out all the same, so much later.
    Outlives(Duration),
    /// The connection ends in the middle of the answer.
    CutWithin,
    /// The connection ends right after the answer.
    CutAfter,
    /// The peer is gone without a word, before the command is carried out.
    SilentBefore,
    /// The command is carried out, and the peer is gone without a word.
    SilentAfter,
    /// Not carried out, answered so.
    Refused(&'static str),
    /// `* BYE`, and the end.
    Bye,
    /// Carried out, and answered with a complaint about the rate at the end of the OK.
    Throttled,
    /// EXISTS is said twice.
    SaidTwice,
}

/// What a connection meets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Arrival {
    /// A greeting.
    Greeted,
    /// Nobody is there.
    Unreachable,
    /// A `BYE` instead of a greeting.
    Bye,
    /// No greeting ever.
    Silent,
}

/// The weather of one day.
#[derive(Debug)]
pub struct Weather {
    random: fastrand::Rng,
    /// Faults among 10,000 commands that change nothing.
    common: u32,
    /// Faults among 10,000 commands that move mail.
    moves: u32,
    /// How many there were.
    pub faults: u32,
}

impl Weather {
    /// Nothing ever goes wrong.
    pub fn calm() -> Self {
        Self {
            random: fastrand::Rng::with_seed(0),
            common: 0,
            moves: 0,
            faults: 0,
        }
    }

    /// Some day.
    pub fn random(random: &mut fastrand::Rng) -> Self {
        let strength = [0, 1, 2, 4][random.usize(..4)];
        Self {
            random: random.fork(),
            common: 60 * strength,
            moves: 1_200 * strength,
            faults: 0,
        }
    }

    /// From here on nothing goes wrong.
    pub fn clear(&mut self) {
        self.common = 0;
        self.moves = 0;
    }

    /// The time a command takes when nothing is wrong.
    pub fn latency(&mut self) -> Duration {
        Duration::from_millis(match self.random.u8(..) {
            0..200 => 0,
            200..250 => self.random.u64(1..40),
            _ => self.random.u64(40..900),
        })
    }

    /// What a new connection meets.
    pub fn arrival(&mut self) -> Arrival {
        if self.common == 0 || self.random.u32(..10) > 0 {
            return Arrival::Greeted;
        }
        self.faults += 1;
        [
            Arrival::Unreachable,
            Arrival::Unreachable,
            Arrival::Bye,
            Arrival::Silent,
        ][self.random.usize(..4)]
    }

    /// What becomes of a command.
    pub fn of(&mut self, command: &str) -> Fault {
        let changes = ["UID MOVE", "UID COPY", "UID STORE", "UID EXPUNGE"].contains(&command);
        let odds = if changes { self.moves } else { self.common };
        if odds == 0 || self.random.u32(..10_000) >= odds {
            return Fault::None;
        }
        self.faults += 1;
        match command {
            "LOGIN" => Fault::Refused(LOGIN[self.random.usize(..LOGIN.len())]),
            _ if changes && self.random.bool() => Fault::Refused(MOVE[self.random.usize(..MOVE.len())]),
            _ => match self.random.u8(..12) {
                0 => Fault::Slow(Duration::from_secs(self.random.u64(1..50))),
                1 | 2 => Fault::CutBefore,
                3 if changes => Fault::Outlives(Duration::from_secs(self.random.u64(1..50))),
                3 | 4 => Fault::CutUnanswered,
                5 => Fault::CutWithin,
                6 => Fault::CutAfter,
                7 => Fault::SilentBefore,
                8 => Fault::SilentAfter,
                9 => Fault::Bye,
                10 => Fault::Throttled,
                _ => Fault::SaidTwice,
            },
        }
    }
}

/// Refusals of a login that pass.
const LOGIN: [&str; 3] = [
    "NO [UNAVAILABLE] Temporary authentication failure.",
    "NO [LIMIT] Too many connections.",
    "NO [INUSE] Mailbox is in use.",
];

/// Refusals of a move.
const MOVE: [&str; 8] = [
    "NO [UNAVAILABLE] Try again.",
    "NO [LIMIT] Too many messages at once.",
    "NO [INUSE] The folder is locked.",
    "NO [SERVERBUG] Internal error occurred. Refer to server log for more information.",
    "NO [OVERQUOTA] Quota exceeded.",
    "NO Request is throttled. Suggested Backoff Time: 299961 milliseconds",
    "NO [NOPERM] Permission denied.",
    "NO Something went wrong.",
];
