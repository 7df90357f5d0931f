//! What sort of server it is: how mail is moved there, and how it tells of news.

/// How a message gets from one folder to another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ladder {
    /// UID MOVE (RFC 6851) with UIDPLUS (RFC 4315).
    Move,
    /// UID MOVE whose COPYUID stands in the tagged answer, as on Exchange.
    MoveTagged,
    /// UID MOVE without UIDPLUS: no COPYUID.
    MoveBlind,
    /// UIDPLUS only: COPY, STORE, UID EXPUNGE.
    Copy,
    /// Neither.
    Unsafe,
}

/// What a server offers and how it behaves.
#[derive(Debug, Clone)]
pub struct Profile {
    pub ladder: Ladder,
    pub idle: bool,
    pub notify: bool,
    pub condstore: bool,
    pub esearch: bool,
    pub list_status: bool,
    pub object_id: bool,
    /// Two moves of one message at the same time may both succeed (RFC 2180 section 4.4.2; Dovecot does so).
    pub racy: bool,
    /// A word to idle connections every two minutes, as Dovecot has it.
    pub still_here: bool,
}

impl Profile {
    /// As Dovecot is.
    pub fn dovecot() -> Self {
        Self {
            ladder: Ladder::Move,
            idle: true,
            notify: true,
            condstore: true,
            esearch: true,
            list_status: true,
            object_id: false,
            racy: true,
            still_here: true,
        }
    }

    /// Any server.
    pub fn random(random: &mut fastrand::Rng) -> Self {
        let ladders = [
            Ladder::Move,
            Ladder::Move,
            Ladder::MoveTagged,
            Ladder::MoveBlind,
            Ladder::Copy,
            Ladder::Copy,
            Ladder::Unsafe,
        ];
        let idle = random.u8(..10) < 8;
        Self {
            ladder: ladders[random.usize(..ladders.len())],
            idle,
            notify: idle && random.bool(),
            condstore: random.bool(),
            esearch: random.bool(),
            list_status: random.bool(),
            object_id: random.bool(),
            racy: random.bool(),
            still_here: random.bool(),
        }
    }

    /// The capability list.
    pub fn capabilities(&self) -> String {
        let mut words = vec![
            "IMAP4rev1",
            "LITERAL+",
            "ID",
            "NAMESPACE",
            "SPECIAL-USE",
            "LIST-EXTENDED",
        ];
        let mut offer = |offered: bool, word| words.extend(offered.then_some(word));
        offer(self.moves(), "MOVE");
        offer(self.uidplus(), "UIDPLUS");
        offer(self.idle, "IDLE");
        offer(self.notify, "NOTIFY");
        offer(self.condstore, "CONDSTORE");
        offer(self.esearch, "ESEARCH");
        offer(self.list_status, "LIST-STATUS");
        offer(self.object_id, "OBJECTID");
        words.join(" ")
    }

    /// It has MOVE.
    pub fn moves(&self) -> bool {
        matches!(self.ladder, Ladder::Move | Ladder::MoveTagged | Ladder::MoveBlind)
    }

    /// It has UIDPLUS.
    pub fn uidplus(&self) -> bool {
        matches!(self.ladder, Ladder::Move | Ladder::MoveTagged | Ladder::Copy)
    }
}
