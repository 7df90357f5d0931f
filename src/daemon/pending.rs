//! Moves that are on disk and wait for the server: collected over several fetch windows, because one MOVE of thousands
//! costs the server hardly more than one MOVE of one (performance.md, finding 2).

use std::collections::BTreeMap;

use crate::sort::ledger::{Committed, Entry, PlannedMove, RowId};

/// Moves with the rows they belong to.
#[derive(Debug)]
pub struct Pending {
    moves: Committed<Vec<PlannedMove>>,
    /// Boxed, since the map keeps its nodes half empty.
    entries: BTreeMap<RowId, Box<Entry>>,
}

impl Default for Pending {
    fn default() -> Self {
        Self {
            moves: Committed::none(),
            entries: BTreeMap::new(),
        }
    }
}

impl Pending {
    /// Takes freshly written rows; `entries` are their contents in the same order.
    pub fn add(&mut self, rows: Committed<Vec<RowId>>, entries: Vec<Entry>) {
        let numbers = rows.get().clone();
        self.moves.append(rows.moves(&entries));
        let moving = numbers.into_iter().zip(entries).filter(|(_, entry)| entry.kind.moves());
        self.entries.extend(moving.map(|(row, entry)| (row, Box::new(entry))));
    }

    /// How many moves wait.
    pub fn len(&self) -> usize {
        self.moves.get().len()
    }

    /// True when nothing waits.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Hands everything over and starts anew.
    pub fn take(&mut self) -> (Committed<Vec<PlannedMove>>, BTreeMap<RowId, Box<Entry>>) {
        let taken = std::mem::take(self);
        (taken.moves, taken.entries)
    }
}
