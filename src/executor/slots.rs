//! Slots that tasks run in.

use crate::limiter::{Entry, Nanos, Ticket};

/// An attempt in a slot.
#[derive(Debug, Clone, Copy)]
pub(super) struct Running {
    pub line: usize,
    pub entry: Entry,
    pub ticket: Ticket,
    pub started: Nanos,
    pub stamped: bool,
    /// Its outcome no longer counts; the slot is held until the function settles, or until then.
    pub abandoned: Option<Nanos>,
}

/// Numbered slots; a free one is used again before a new one is made. All calls O(1).
#[derive(Debug, Default)]
pub(super) struct Slots {
    running: Vec<Option<Running>>,
    vacant: Vec<usize>,
    in_use: usize,
}

impl Slots {
    pub fn in_use(&self) -> usize {
        self.in_use
    }

    pub fn occupy(&mut self, running: Running) -> usize {
        self.in_use += 1;
        if let Some(slot) = self.vacant.pop() {
            self.running[slot] = Some(running);
            return slot;
        }
        self.running.push(Some(running));
        self.running.len() - 1
    }

    pub fn vacate(&mut self, slot: usize) -> Option<Running> {
        let running = self.running.get_mut(slot)?.take()?;
        self.in_use -= 1;
        self.vacant.push(slot);
        Some(running)
    }

    pub fn get(&self, slot: usize) -> Option<&Running> {
        self.running.get(slot)?.as_ref()
    }

    pub fn get_mut(&mut self, slot: usize) -> Option<&mut Running> {
        self.running.get_mut(slot)?.as_mut()
    }

    /// One more than the highest number given out.
    pub fn bound(&self) -> usize {
        self.running.len()
    }
}
