//! Doubly linked lists threaded through the entries themselves: an entry is in at most one list per [`Chain`].

use super::entry::{Entries, NONE, Slot};

/// The pair of links of an entry that a list uses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Chain {
    /// The order in which entries leave.
    Recency = 0,
    /// The order in which entries expire.
    Expiry = 1,
}

/// One list. Every operation is O(1); the list does not own its entries.
#[derive(Debug)]
pub struct List {
    chain: Chain,
    head: Slot,
    tail: Slot,
    len: usize,
}

impl List {
    pub const fn new(chain: Chain) -> Self {
        Self {
            chain,
            head: NONE,
            tail: NONE,
            len: 0,
        }
    }

    pub const fn len(&self) -> usize {
        self.len
    }

    /// The entry that has been in the list for longest.
    pub fn tail(&self) -> Option<Slot> {
        (self.tail != NONE).then_some(self.tail)
    }

    /// Puts `slot`, which is in no list of this chain, in front.
    pub fn push_front(&mut self, entries: &mut Entries, slot: Slot) {
        let chain = self.chain as usize;
        let head = self.head;
        let link = &mut entries[slot].links[chain];
        link.newer = NONE;
        link.older = head;
        if head == NONE {
            self.tail = slot;
        } else {
            entries[head].links[chain].newer = slot;
        }
        self.head = slot;
        self.len += 1;
    }

    /// Takes `slot`, which is in this list, out of it.
    pub fn remove(&mut self, entries: &mut Entries, slot: Slot) {
        let chain = self.chain as usize;
        let link = entries[slot].links[chain];
        if link.newer == NONE {
            self.head = link.older;
        } else {
            entries[link.newer].links[chain].older = link.older;
        }
        if link.older == NONE {
            self.tail = link.newer;
        } else {
            entries[link.older].links[chain].newer = link.newer;
        }
        self.len -= 1;
    }

    /// Makes `slot`, which is in this list, the newest.
    pub fn touch(&mut self, entries: &mut Entries, slot: Slot) {
        if self.head != slot {
            self.remove(entries, slot);
            self.push_front(entries, slot);
        }
    }

    /// Slots from the oldest to the newest.
    pub fn oldest_first<'a>(&self, entries: &'a Entries) -> impl Iterator<Item = Slot> + use<'a> {
        let chain = self.chain as usize;
        let mut next = self.tail;
        std::iter::from_fn(move || {
            let slot = (next != NONE).then_some(next)?;
            next = entries[slot].links[chain].newer;
            Some(slot)
        })
    }

    /// Forgets every entry.
    pub fn clear(&mut self) {
        *self = Self::new(self.chain);
    }
}
