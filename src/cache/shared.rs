//! Bytes shared between the threads of a process: one cache per name, outside of every JavaScript heap.
//!
//! The engine of [`super::Cache`] decides what is held; the bytes lie beside it, by slot. Invariants:
//! - a name stands for one cache as long as the process lives, with the limits of who opened it first;
//! - there is one set of figures for all threads;
//! - bytes that were handed out stay as they are, whatever happens to the entry: readers hold a reference, not the lock;
//! - a key is computed by one owner at a time, as [`super::leases`] tells.
//!
//! Cost: that of the engine and a lock, 35 ns a look-up; bytes are copied once, by the reader, outside the lock.
//!
//! moka (`sync::Cache`, LRU) was measured as its engine, side by side. A `get` takes 9 times as long with 1, 2 and 8 threads,
//! and an evicting `set` 8 times. It has one limit, not entries and bytes: with 100 entries and 100,000 bytes allowed it
//! held 46 of 50 entries that fit. It takes no clock of the caller's.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::leases::{Claimed, Grant, Leases};
use super::{Cache, Counters, Item, Limits, Slot};
use crate::key::Key;

/// One entry as it is handed out.
#[derive(Debug)]
pub struct Answer {
    bytes: Box<[u8]>,
    note: Box<str>,
}

impl Answer {
    fn of(item: &Item<Key>) -> Self {
        let mut bytes = Vec::with_capacity(item.value.len() + 2);
        bytes.push(item.form);
        bytes.extend_from_slice(item.value);
        bytes.push(0);
        Self {
            bytes: bytes.into(),
            note: item.note.into(),
        }
    }

    /// The form, the value, and a 0 where a copy can say whether it is stale.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Its bytes, as the limit counts them.
    fn size(&self) -> u64 {
        (self.bytes.len() - 2 + self.note.len()) as u64
    }

    /// Memory of the entry, in bytes.
    fn allocated(&self) -> u64 {
        (self.bytes.len() + self.note.len() + size_of::<Self>() + 2 * size_of::<usize>()) as u64
    }
}

/// Two openers of one name that disagree.
#[derive(Debug, thiserror::Error)]
#[error(
    "the shared cache '{name}' has {limit} {has} since it was opened first, and now {limit} {wanted} was asked for: use \
     the same everywhere, or another name"
)]
pub struct LimitsDiffer {
    name: String,
    limit: &'static str,
    has: String,
    wanted: String,
}

/// Figures of a shared cache.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SharedFigures {
    /// Counts of all threads, since the last `clear`.
    pub counters: Counters,
    /// Live entries.
    pub entries: u64,
    /// Bytes of their values and notes.
    pub bytes: u64,
    /// Native memory held, bytes included.
    pub memory: u64,
}

/// A cache of bytes that threads share. See the module.
#[derive(Debug)]
pub struct SharedCache {
    name: String,
    limits: Limits,
    inside: Mutex<Inside>,
}

#[derive(Debug)]
struct Inside {
    cache: Cache,
    answers: Vec<Option<Arc<Answer>>>,
    /// Memory of `answers`.
    held: u64,
    claims: Leases<Key>,
    handles: u64,
}

impl SharedCache {
    /// The cache of that name: a new one, or the one that is there.
    ///
    /// # Errors
    /// When it is there with other limits.
    pub fn open(name: &str, limits: Limits) -> Result<Arc<Self>, LimitsDiffer> {
        static CACHES: Mutex<Option<HashMap<String, Arc<SharedCache>>>> = Mutex::new(None);
        let mut caches = CACHES.lock().unwrap_or_else(PoisonError::into_inner);
        let caches = caches.get_or_insert_default();
        if let Some(cache) = caches.get(name) {
            cache.agree(limits)?;
            return Ok(cache.clone());
        }
        let cache = Arc::new(Self::new(name, limits));
        caches.insert(name.to_owned(), cache.clone());
        Ok(cache)
    }

    fn new(name: &str, limits: Limits) -> Self {
        Self {
            name: name.to_owned(),
            limits,
            inside: Mutex::new(Inside {
                cache: Cache::new(limits),
                answers: Vec::new(),
                held: 0,
                claims: Leases::default(),
                handles: 0,
            }),
        }
    }

    /// Reads the entry under `key`, and whether it is stale: expired less than `window` ms ago. Counts as a hit or a miss, and a
    /// hit as a use.
    pub fn get(&self, key: Key, now: f64, window: f64) -> Option<(Arc<Answer>, bool)> {
        self.inside().get(key, now, window)
    }

    /// Reads the fresh entry under `key`. No use, and not counted.
    pub fn peek(&self, key: Key, now: f64) -> Option<Arc<Answer>> {
        let inside = self.inside();
        let slot = inside.cache.peek(key, now)?;
        inside.answer(slot).cloned()
    }

    /// Reads several fresh entries like `get`, under one lock.
    pub fn get_many(&self, keys: &[Key], now: f64) -> Vec<Option<Arc<Answer>>> {
        let mut inside = self.inside();
        let found = keys.iter().map(|key| inside.get(*key, now, 0.0));
        found.map(|found| Some(found?.0)).collect()
    }

    /// Reads several entries like `peek`, under one lock.
    pub fn peek_many(&self, keys: &[Key], now: f64) -> Vec<Option<Arc<Answer>>> {
        let inside = self.inside();
        let peek = |key: &Key| inside.answer(inside.cache.peek(*key, now)?).cloned();
        keys.iter().map(peek).collect()
    }

    /// Returns true if there is a fresh entry under `key`. No use, and not counted.
    pub fn has(&self, key: Key, now: f64) -> bool {
        self.inside().cache.peek(key, now).is_some()
    }

    /// Stores `item` for `ttl` ms; what was computed under a `grant` only while that holds. Returns whether it is stored: one
    /// that is larger than all that the cache may hold is not, and what was under its key is dropped.
    pub fn set(&self, item: &Item<Key>, grant: Option<Grant>, ttl: f64, now: f64) -> bool {
        let answer = Arc::new(Answer::of(item));
        let own = (ttl != self.limits.ttl).then_some(ttl);
        let mut inside = self.inside();
        if grant.is_some_and(|grant| !inside.claims.admits(item.key, grant)) {
            return false;
        }
        let stored = inside.set(item.key, answer, own, now);
        // What was computed and is too large keeps its claim: to give it back tells the others not to wait for each other.
        if stored || grant.is_none() {
            inside.claims.end(item.key);
        }
        stored
    }

    /// Deletes what is under `key`. Returns whether it was fresh.
    pub fn remove(&self, key: Key, now: f64) -> bool {
        let mut inside = self.inside();
        inside.claims.end(key);
        let Some((slot, live)) = inside.cache.remove(key, now) else {
            return false;
        };
        inside.forget(slot);
        live
    }

    /// Deletes what need not be kept at `now`. Returns how many entries.
    pub fn remove_expired(&self, now: f64) -> u64 {
        let mut inside = self.inside();
        let removed = inside.cache.remove_expired(now);
        inside.forget_dropped();
        removed as u64
    }

    /// Deletes every entry and zeroes the figures.
    pub fn clear(&self) {
        let mut inside = self.inside();
        inside.cache.clear();
        inside.claims.end_all();
        let answers = std::mem::take(&mut inside.answers);
        inside.held = 0;
        drop(inside);
        // Outside the lock: it may take a while.
        drop(answers);
    }

    /// Figures at `now`. O(1) amortised.
    pub fn figures(&self, now: f64) -> SharedFigures {
        let mut inside = self.inside();
        SharedFigures {
            counters: inside.cache.counters(),
            entries: inside.cache.live(now) as u64,
            bytes: inside.cache.bytes(),
            memory: inside.memory(),
        }
    }

    /// Notes of the entries behind `cursor` (0: from the first), of `limit` at most, in no particular order; and the
    /// cursor to go on with, −1 at the end.
    pub fn notes(&self, cursor: i64, limit: u32) -> (Vec<String>, i64) {
        let inside = self.inside();
        let mut next = cursor.max(0) as usize;
        let (mut notes, mut seen) = (Vec::new(), 0);
        while seen < limit && next < inside.answers.len() {
            if let Some(answer) = &inside.answers[next] {
                seen += 1;
                if !answer.note.is_empty() {
                    notes.push(answer.note.to_string());
                }
            }
            next += 1;
        }
        let end = next >= inside.answers.len();
        (notes, if end { -1 } else { next.cast_signed() as i64 })
    }

    /// Asks for `owner`, which is not [`super::leases::NOBODY`], to compute what is under `keys` and holds what it gets
    /// until `until`. Returns a ticket, to be given to [`SharedCache::set`] and [`SharedCache::release`], and an answer
    /// for each. One that `seizes` gets all.
    pub fn claim(&self, keys: &[Key], owner: i64, seizes: bool, now: f64, until: f64) -> (i64, Vec<Claimed>) {
        let mut inside = self.inside();
        let Inside { cache, claims, .. } = &mut *inside;
        let grant = claims.grant(owner);
        let answer = |key: &Key| {
            if !seizes && cache.peek(*key, now).is_some() {
                return Claimed::Stored;
            }
            claims.ask(*key, grant, now, until, seizes)
        };
        let answers = keys.iter().map(answer).collect();
        (grant.ticket, answers)
    }

    /// Gives back what `owner` has claimed with the tickets that have `ended`, and holds its other claims until `until`.
    /// O(number of claims).
    pub fn renew(&self, owner: i64, ended: &[i64], until: f64) {
        self.inside().claims.renew(owner, ended, until);
    }

    /// Gives back what is claimed under `grant`, and not stored or deleted since: to whoever asks next, or, with `open`,
    /// to all who ask until then.
    pub fn release(&self, keys: &[Key], grant: Grant, open: Option<f64>) {
        let mut inside = self.inside();
        for key in keys {
            inside.claims.release(*key, grant, open);
        }
    }

    /// Gives back every claim of `owner`. O(number of claims).
    pub fn release_all(&self, owner: i64) {
        self.inside().claims.release_all(owner);
    }

    /// Notes that one more handle is open, or one less.
    pub fn count_handle(&self, opened: bool) {
        let mut inside = self.inside();
        inside.handles = if opened {
            inside.handles + 1
        } else {
            inside.handles.saturating_sub(1)
        };
    }

    /// The share of one handle in the memory that all hold, in bytes.
    pub fn memory_per_handle(&self) -> u64 {
        let inside = self.inside();
        inside.memory() / inside.handles.max(1)
    }

    fn agree(&self, limits: Limits) -> Result<(), LimitsDiffer> {
        let (has, wanted) = (&self.limits, &limits);
        let policy = |limits: &Limits| format!("{:?}", limits.policy);
        let entries = |limits: &Limits| limits.max_entries.to_string();
        let bytes = |limits: &Limits| match limits.max_bytes {
            u64::MAX => "Infinity".to_owned(),
            bytes => bytes.to_string(),
        };
        let ms = |ms: f64| {
            if ms == f64::INFINITY {
                "Infinity".to_owned()
            } else {
                ms.to_string()
            }
        };
        let pairs = [
            ("maxSize", entries(has), entries(wanted)),
            ("maxBytes", bytes(has), bytes(wanted)),
            ("ttl", ms(has.ttl), ms(wanted.ttl)),
            ("policy", policy(has), policy(wanted)),
            ("staleWhileRevalidate", ms(has.stale), ms(wanted.stale)),
        ];
        let different = pairs.into_iter().find(|(_, has, wanted)| has != wanted);
        different.map_or(Ok(()), |(limit, has, wanted)| {
            Err(LimitsDiffer {
                name: self.name.clone(),
                limit,
                has,
                wanted,
            })
        })
    }

    /// Every call leaves what is inside consistent, also one that panicked: the engine's invariants are its own.
    fn inside(&self) -> MutexGuard<'_, Inside> {
        self.inside.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Inside {
    fn get(&mut self, key: Key, now: f64, window: f64) -> Option<(Arc<Answer>, bool)> {
        let found = self.cache.get_stale(key, now, window);
        self.forget_dropped();
        let (slot, stale) = found?;
        Some((self.answer(slot)?.clone(), stale))
    }

    fn set(&mut self, key: Key, answer: Arc<Answer>, ttl: Option<f64>, now: f64) -> bool {
        let slot = self.cache.set(key, answer.size(), ttl, now);
        self.forget_dropped();
        let Some(slot) = slot else { return false };
        self.forget(slot);
        let at = slot as usize;
        if self.answers.len() <= at {
            self.answers.resize(at + 1, None);
        }
        self.held += answer.allocated();
        self.answers[at] = Some(answer);
        true
    }

    fn answer(&self, slot: Slot) -> Option<&Arc<Answer>> {
        self.answers.get(slot as usize)?.as_ref()
    }

    fn forget(&mut self, slot: Slot) {
        if let Some(answer) = self.answers.get_mut(slot as usize).and_then(Option::take) {
            self.held -= answer.allocated();
        }
    }

    fn forget_dropped(&mut self) {
        while self.cache.has_dropped() {
            let dropped: Vec<_> = self.cache.take_dropped(usize::MAX).collect();
            for gone in dropped {
                self.forget(gone.slot);
            }
        }
    }

    fn memory(&self) -> u64 {
        let slots = self.answers.capacity() * size_of::<Option<Arc<Answer>>>();
        self.held + (self.cache.allocated() + slots + self.claims.allocated()) as u64
    }
}

#[cfg(test)]
mod tests;
