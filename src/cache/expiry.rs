//! The order in which entries expire.
//!
//! Entries with the cache's own time to live expire in the order they were set: a list, O(1) for every operation. Those
//! with a time to live of their own are in a binary heap that knows where each of them is: O(log n), n being the number
//! of such entries only. Entries that never expire are in neither.

use super::entry::{Entries, Slot};
use super::list::{Chain, List};

/// A clock reading may be this much (ms) below the sum of two others that it equals in exact arithmetic.
const ROUNDING: f64 = 1e-6;

/// Returns true if an entry that expires at `expires` has done so at `now`.
#[inline]
pub fn is_due(expires: f64, now: f64) -> bool {
    now + ROUNDING >= expires
}

/// The expiry order of the live entries of one cache.
#[derive(Debug)]
pub struct ExpiryOrder {
    by_set: List,
    own: Vec<Slot>,
}

impl ExpiryOrder {
    pub const fn new() -> Self {
        Self {
            by_set: List::new(Chain::Expiry),
            own: Vec::new(),
        }
    }

    /// Enters `slot`, whose `expires` and `own_ttl` are set.
    pub fn insert(&mut self, entries: &mut Entries, slot: Slot) {
        if entries[slot].expires == f64::INFINITY {
            return;
        }
        if entries[slot].own_ttl {
            self.own.push(slot);
            self.rise(entries, self.own.len() - 1);
        } else {
            self.by_set.push_front(entries, slot);
        }
    }

    /// Takes `slot` out, before its `expires` or `own_ttl` change.
    pub fn remove(&mut self, entries: &mut Entries, slot: Slot) {
        if entries[slot].expires == f64::INFINITY {
            return;
        }
        if !entries[slot].own_ttl {
            self.by_set.remove(entries, slot);
            return;
        }
        let at = position(entries, slot);
        let Some(last) = self.own.pop() else { return };
        if last != slot {
            self.own[at] = last;
            self.sink(entries, at);
            self.rise(entries, at);
        }
    }

    /// The next entry to expire, if it has at `now`.
    pub fn due(&self, entries: &Entries, now: f64) -> Option<Slot> {
        let due = |slot: &Slot| is_due(entries[*slot].expires, now);
        self.by_set
            .tail()
            .filter(due)
            .or_else(|| self.own.first().copied().filter(due))
    }

    /// Memory of the heap, in bytes.
    pub fn allocated(&self) -> usize {
        self.own.capacity() * size_of::<Slot>()
    }

    pub fn clear(&mut self) {
        *self = Self::new();
    }

    fn rise(&mut self, entries: &mut Entries, mut at: usize) {
        let slot = self.own[at];
        while at > 0 {
            let parent = (at - 1) / 2;
            if entries[self.own[parent]].expires <= entries[slot].expires {
                break;
            }
            self.place(entries, at, self.own[parent]);
            at = parent;
        }
        self.place(entries, at, slot);
    }

    fn sink(&mut self, entries: &mut Entries, mut at: usize) {
        let slot = self.own[at];
        loop {
            let left = 2 * at + 1;
            let Some(&first) = self.own.get(left) else { break };
            let (child, candidate) = match self.own.get(left + 1) {
                Some(&second) if entries[second].expires < entries[first].expires => (left + 1, second),
                _ => (left, first),
            };
            if entries[slot].expires <= entries[candidate].expires {
                break;
            }
            self.place(entries, at, candidate);
            at = child;
        }
        self.place(entries, at, slot);
    }

    fn place(&mut self, entries: &mut Entries, at: usize, slot: Slot) {
        self.own[at] = slot;
        entries[slot].links[Chain::Expiry as usize].newer = at as Slot;
    }
}

/// The place of `slot` in the heap: kept in a link that entries with their own time to live have no other use for.
fn position(entries: &Entries, slot: Slot) -> usize {
    entries[slot].links[Chain::Expiry as usize].newer as usize
}
