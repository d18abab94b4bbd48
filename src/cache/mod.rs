//! Caches: which entries one holds, and which is evicted. The values themselves stay with the caller.
//!
//! A [`Cache`] maps a [`Key`] of 128 bits to a [`Slot`], a small number under which the caller keeps the value. It is a
//! hash table over one contiguous block of entries, through which the recency and the expiry order are threaded.
//!
//! Invariants:
//! - there are never more than `max_entries` entries, nor more than `max_bytes` bytes of them;
//! - under [`Policy::Lru`] the entry that leaves for a new one is an expired one if there is any, and else exactly the
//!   least recently used live one; `get` and `set` are uses, `peek` is not;
//! - an entry that has expired is never returned but by [`Cache::get_stale`], and stays expired if the clock goes back;
//! - every slot that loses its value is either given out again by the same `set` or reported by [`Cache::take_dropped`].
//!
//! Cost: O(1) amortised for every operation, whatever the number of entries; O(log n) where an entry has a time to live
//! of its own, n being the number of such entries. About 61 bytes per entry. Time is an argument, in milliseconds.

pub mod disk;
mod entry;
mod expiry;
mod item;
pub mod leases;
mod list;
mod policy;
pub mod shared;
mod sketch;
mod vectors;

#[cfg(test)]
mod tests;

use hashbrown::HashTable;

use crate::key::Key;
pub use entry::Slot;
use entry::{Entries, Segment};
use expiry::{ExpiryOrder, is_due};
pub use item::Item;
use list::{Chain, List};
use policy::EvictionOrder;
pub use policy::Policy;
pub use vectors::{Vectors, cosine};

/// Fixed limits of a cache.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Entries, at least 1.
    pub max_entries: usize,
    /// Bytes held (as [`Cache::bytes`] counts them); `u64::MAX` for no limit.
    pub max_bytes: u64,
    /// Milliseconds an entry lives from its last `set`; infinity: for ever.
    pub ttl: f64,
    /// Milliseconds an expired entry stays for [`Cache::get_stale`], unless room is needed.
    pub stale: f64,
    /// The choice of the entry to evict.
    pub policy: Policy,
    /// Report every entry that is evicted or expires, also those whose slot is used again at once.
    pub report_all: bool,
}

/// The reason why an entry left without a call for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reason {
    /// There were `max_entries` others.
    Entries = 0,
    /// There were `max_bytes` bytes of others, or it is larger than that alone.
    Bytes = 1,
    /// Its time to live was over.
    Expired = 2,
}

/// A slot whose value the caller can forget.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Dropped {
    /// Its former place.
    pub slot: Slot,
    /// The reason.
    pub reason: Reason,
}

/// Figures since the last [`Cache::clear`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counters {
    /// `get`s that found a live entry.
    pub hits: u64,
    /// `get`s that did not.
    pub misses: u64,
    /// Live entries given up for want of room.
    pub evictions: u64,
}

/// A cache without its values. See the module.
#[derive(Debug)]
pub struct Cache {
    limits: Limits,
    table: HashTable<Slot>,
    entries: Entries,
    order: EvictionOrder,
    expiry: ExpiryOrder,
    expired: List,
    bytes: u64,
    counters: Counters,
    dropped: Vec<Dropped>,
}

impl Cache {
    /// An empty cache. Allocates nothing that depends on `max_entries`.
    pub fn new(limits: Limits) -> Self {
        Self {
            limits,
            table: HashTable::new(),
            entries: Entries::default(),
            order: EvictionOrder::new(limits.policy, limits.max_entries),
            expiry: ExpiryOrder::new(),
            expired: List::new(Chain::Recency),
            bytes: 0,
            counters: Counters::default(),
            dropped: Vec::new(),
        }
    }

    /// The slot of `key` if it is held and has not expired at `now`. Counts as a hit or a miss, and as a use.
    pub fn get(&mut self, key: Key, now: f64) -> Option<Slot> {
        let Some(slot) = self.find(key) else {
            self.counters.misses += 1;
            return None;
        };
        if self.is_expired(slot, now) {
            self.counters.misses += 1;
            self.drop_if_stale(slot, now);
            return None;
        }
        self.counters.hits += 1;
        self.order.touch(&mut self.entries, slot);
        Some(slot)
    }

    /// Like [`Cache::get`], and also what expired less than `window` ms ago: with true, then. Such an answer is a hit, and no
    /// use: the entry leaves as if it had not been asked for.
    pub fn get_stale(&mut self, key: Key, now: f64, window: f64) -> Option<(Slot, bool)> {
        if let Some(slot) = self.find(key)
            && self.is_expired(slot, now)
            && !is_due(self.entries[slot].expires + window, now)
        {
            self.counters.hits += 1;
            return Some((slot, true));
        }
        self.get(key, now).map(|slot| (slot, false))
    }

    /// The slot of `key` if it is held and has not expired at `now`. Changes nothing.
    pub fn peek(&self, key: Key, now: f64) -> Option<Slot> {
        self.find(key).filter(|slot| !self.is_expired(*slot, now))
    }

    /// Holds a value of `bytes` under `key`, for `ttl` ms if given and else for the cache's own time to live. Returns
    /// the slot to keep it in, or `None` when it is larger than all that the cache may hold: then nothing is stored, and
    /// what was stored under `key` is dropped. Other entries that had to leave are in [`Cache::take_dropped`].
    pub fn set(&mut self, key: Key, bytes: u64, ttl: Option<f64>, now: f64) -> Option<Slot> {
        let held = self.find(key);
        if bytes > self.limits.max_bytes {
            if let Some(slot) = held {
                self.drop_entry(slot, Reason::Bytes);
            }
            return None;
        }
        let slot = match held {
            Some(slot) if !self.is_expired(slot, now) => {
                self.bytes = self.bytes - self.entries[slot].bytes + bytes;
                self.expiry.remove(&mut self.entries, slot);
                self.entries[slot].bytes = bytes;
                self.order.touch(&mut self.entries, slot);
                slot
            }
            _ => {
                if let Some(slot) = held {
                    self.drop_entry(slot, Reason::Expired);
                }
                self.occupy(key, bytes, now)
            }
        };
        let entry = &mut self.entries[slot];
        entry.own_ttl = ttl.is_some();
        entry.expires = now + ttl.unwrap_or(self.limits.ttl);
        self.expiry.insert(&mut self.entries, slot);
        while self.bytes > self.limits.max_bytes && self.make_room(Some(slot), Reason::Bytes, now) {}
        Some(slot)
    }

    /// Drops `key`. Returns its slot, and whether it was live: the caller forgets the value either way.
    pub fn remove(&mut self, key: Key, now: f64) -> Option<(Slot, bool)> {
        let slot = self.find(key)?;
        let live = !self.is_expired(slot, now);
        self.unlink(slot);
        Some((slot, live))
    }

    /// Drops the entry in the occupied slot `slot`.
    pub fn remove_slot(&mut self, slot: Slot) {
        self.unlink(slot);
    }

    /// The key of the occupied slot `slot`.
    pub fn key_of(&self, slot: Slot) -> Key {
        self.entries[slot].key
    }

    /// Counts a hit and a use of the occupied slot `slot`, whose entry the caller knew to be live.
    pub fn touch_slot(&mut self, slot: Slot) {
        self.counters.hits += 1;
        if self.entries[slot].segment != Segment::Expired {
            self.order.touch(&mut self.entries, slot);
        }
    }

    /// Drops every entry that expired at least [`Limits::stale`] ms before `now`; all are reported. Returns how many.
    /// O(number of expired entries).
    pub fn remove_expired(&mut self, now: f64) -> usize {
        self.set_expired_aside(now);
        let before = self.expired.len();
        let expired: Vec<Slot> = self.expired.oldest_first(&self.entries).collect();
        for slot in expired {
            self.drop_if_stale(slot, now);
        }
        before - self.expired.len()
    }

    /// Drops everything and zeroes the counters.
    pub fn clear(&mut self) {
        self.table = HashTable::new();
        self.entries.clear();
        self.order.clear();
        self.expiry.clear();
        self.expired.clear();
        self.bytes = 0;
        self.counters = Counters::default();
        self.dropped = Vec::new();
    }

    /// Number of entries that have not expired at `now`. O(1) amortised.
    pub fn live(&mut self, now: f64) -> usize {
        self.set_expired_aside(now);
        self.order.len()
    }

    /// Slots of the live entries at `now`; under LRU from the least to the most recently used.
    pub fn live_slots(&mut self, now: f64) -> impl Iterator<Item = Slot> {
        self.set_expired_aside(now);
        self.order.oldest_first(&self.entries)
    }

    /// Returns true if the occupied slot `slot` holds an entry that has not expired at `now`.
    pub fn is_live(&self, slot: Slot, now: f64) -> bool {
        !self.is_expired(slot, now)
    }

    /// Figures since the last `clear`.
    pub fn counters(&self) -> Counters {
        self.counters
    }

    /// Sum of the sizes of the values held, expired ones that were not removed yet included.
    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Memory of the cache beside the values, in bytes. O(1).
    pub fn allocated(&self) -> usize {
        self.table.allocation_size()
            + self.entries.allocated()
            + self.order.allocated()
            + self.expiry.allocated()
            + self.dropped.capacity() * size_of::<Dropped>()
    }

    /// Returns true if [`Cache::take_dropped`] has anything to say.
    #[inline]
    pub fn has_dropped(&self) -> bool {
        !self.dropped.is_empty()
    }

    /// The slots that lost their value since the last call, oldest first, at most `limit` of them.
    pub fn take_dropped(&mut self, limit: usize) -> impl Iterator<Item = Dropped> + '_ {
        self.dropped.drain(..limit.min(self.dropped.len()))
    }

    fn find(&self, key: Key) -> Option<Slot> {
        self.table
            .find(key.high, |slot| self.entries[*slot].key == key)
            .copied()
    }

    fn is_expired(&self, slot: Slot, now: f64) -> bool {
        let entry = &self.entries[slot];
        is_due(entry.expires, now) || entry.segment == Segment::Expired
    }

    /// A slot for a key that is not held, in no expiry order yet.
    fn occupy(&mut self, key: Key, bytes: u64, now: f64) -> Slot {
        while self.table.len() >= self.limits.max_entries && self.make_room(None, Reason::Entries, now) {}
        let slot = self.entries.occupy(key, bytes, self.limits.max_entries);
        let entries = &self.entries;
        self.table
            .insert_unique(key.high, slot, |slot| entries[*slot].key.high);
        self.order.insert(&mut self.entries, slot);
        self.bytes += bytes;
        if !self.limits.report_all && self.dropped.last().is_some_and(|last| last.slot == slot) {
            self.dropped.pop();
        }
        slot
    }

    /// Drops one entry other than `spare`: an expired one if there is any. False when there is none.
    fn make_room(&mut self, spare: Option<Slot>, reason: Reason, now: f64) -> bool {
        self.set_expired_aside(now);
        if let Some(slot) = self.expired.tail() {
            self.drop_entry(slot, Reason::Expired);
            return true;
        }
        let Some(slot) = self.order.victim(&self.entries, spare) else {
            return false;
        };
        self.counters.evictions += 1;
        self.drop_entry(slot, reason);
        true
    }

    /// Moves what has expired at `now` out of the leaving order. O(1) amortised: each entry expires once.
    fn set_expired_aside(&mut self, now: f64) {
        while let Some(slot) = self.expiry.due(&self.entries, now) {
            self.expiry.remove(&mut self.entries, slot);
            self.order.remove(&mut self.entries, slot);
            self.entries[slot].segment = Segment::Expired;
            self.expired.push_front(&mut self.entries, slot);
        }
    }

    /// Drops the expired entry `slot` unless [`Cache::get_stale`] may still ask for it.
    fn drop_if_stale(&mut self, slot: Slot, now: f64) {
        if is_due(self.entries[slot].expires + self.limits.stale, now) {
            self.drop_entry(slot, Reason::Expired);
        }
    }

    fn drop_entry(&mut self, slot: Slot, reason: Reason) {
        self.unlink(slot);
        self.dropped.push(Dropped { slot, reason });
    }

    fn unlink(&mut self, slot: Slot) {
        let key = self.entries[slot].key;
        if let Ok(occupied) = self.table.find_entry(key.high, |held| *held == slot) {
            occupied.remove();
        }
        if self.entries[slot].segment == Segment::Expired {
            self.expired.remove(&mut self.entries, slot);
        } else {
            self.expiry.remove(&mut self.entries, slot);
            self.order.remove(&mut self.entries, slot);
        }
        self.bytes -= self.entries[slot].bytes;
        self.entries.vacate(slot);
    }
}
