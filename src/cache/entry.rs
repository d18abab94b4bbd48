//! The entries of a cache in one contiguous block, addressed by slot; vacated slots are used again, last vacated first.

use std::ops::{Index, IndexMut};

use crate::key::Key;

/// The place of an entry. The facade keeps the value under the same number.
pub type Slot = u32;

/// No slot: the end of a list.
pub const NONE: Slot = Slot::MAX;

/// The list of its policy that an entry is in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Segment {
    /// Under LRU the only one; under `TinyLFU` the newcomers.
    Window,
    /// `TinyLFU`: admitted, seen once since.
    Probation,
    /// `TinyLFU`: seen again.
    Protected,
    /// Past its time to live, waiting to be removed.
    Expired,
}

/// Neighbours in one list.
#[derive(Clone, Copy, Debug)]
pub struct Link {
    pub newer: Slot,
    pub older: Slot,
}

/// The record of a value, without the value. 56 bytes.
#[derive(Debug)]
pub struct Entry {
    pub key: Key,
    /// When it expires, in ms of the caller's clock; infinity: never.
    pub expires: f64,
    /// Size of the value (and of what the caller keeps as its key), in bytes.
    pub bytes: u64,
    /// By [`super::list::Chain`].
    pub links: [Link; 2],
    pub segment: Segment,
    /// Its time to live is its own, not the cache's.
    pub own_ttl: bool,
}

/// All entries.
#[derive(Debug, Default)]
pub struct Entries {
    entries: Vec<Entry>,
    vacant: Vec<Slot>,
}

impl Entries {
    /// Puts a new entry into a vacant slot, in no list. There will never be more than `most`. O(1) amortised.
    pub fn occupy(&mut self, key: Key, bytes: u64, most: usize) -> Slot {
        let link = Link {
            newer: NONE,
            older: NONE,
        };
        let entry = Entry {
            key,
            expires: f64::INFINITY,
            bytes,
            links: [link; 2],
            segment: Segment::Window,
            own_ttl: false,
        };
        if let Some(slot) = self.vacant.pop() {
            self.entries[slot as usize] = entry;
            return slot;
        }
        let held = self.entries.len();
        if held == self.entries.capacity() {
            // Doubled, but not beyond what can be used: a full cache holds nothing in reserve.
            self.entries
                .reserve_exact(most.saturating_sub(held).min(held.max(8)));
        }
        self.entries.push(entry);
        (self.entries.len() - 1) as Slot
    }

    /// Gives `slot` back.
    pub fn vacate(&mut self, slot: Slot) {
        self.vacant.push(slot);
    }

    /// Memory of the entries themselves, in bytes.
    pub fn allocated(&self) -> usize {
        self.entries.capacity() * size_of::<Entry>() + self.vacant.capacity() * size_of::<Slot>()
    }

    /// Drops every entry and its memory.
    pub fn clear(&mut self) {
        *self = Self::default();
    }
}

impl Index<Slot> for Entries {
    type Output = Entry;

    #[inline]
    fn index(&self, slot: Slot) -> &Entry {
        &self.entries[slot as usize]
    }
}

impl IndexMut<Slot> for Entries {
    #[inline]
    fn index_mut(&mut self, slot: Slot) -> &mut Entry {
        &mut self.entries[slot as usize]
    }
}
