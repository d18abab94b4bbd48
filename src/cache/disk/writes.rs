//! Writes of any size: in parts, each a transaction, so that other threads and processes are not kept waiting for longer
//! than a part takes.

use std::thread::sleep;
use std::time::{Duration, Instant};

use super::row::Digest;
use super::{DiskCache, DiskError, PAGES_OF_A_WRITE};
use crate::cache::Item;
use crate::cache::leases::Grant;

/// Entries and bytes of a batch that are written at a time: others, who wait 2 s at most, get their turn in between.
const AT_A_TIME: (usize, u64) = (500, 1 << 20);
/// The least time between two parts of a batch.
const LEAST_PAUSE: Duration = Duration::from_millis(1);

impl DiskCache {
    /// Stores `items` for `ttl` ms, in order, hundreds at a time: on an error the first of them may be stored. Returns for
    /// each whether it is: one that is larger than `max_bytes` is not, and what was under its key is dropped.
    ///
    /// # Errors
    /// Any [`DiskError`] but those of opening.
    pub fn set(&mut self, items: &[Item<Digest>], ttl: f64, now: f64) -> Result<Vec<bool>, DiskError> {
        self.put(items, None, ttl, now)
    }

    /// Stores computed `items` like [`DiskCache::set`], as far as their claims under `ticket` still hold.
    ///
    /// # Errors
    /// Any [`DiskError`] but those of opening.
    pub fn store(
        &mut self,
        items: &[Item<Digest>],
        ticket: i64,
        ttl: f64,
        now: f64,
    ) -> Result<Vec<bool>, DiskError> {
        let owner = self.owner;
        self.put(items, Some(Grant { owner, ticket }), ttl, now)
    }

    fn put(
        &mut self,
        items: &[Item<Digest>],
        grant: Option<Grant>,
        ttl: f64,
        now: f64,
    ) -> Result<Vec<bool>, DiskError> {
        let (limits, uses) = (self.limits, self.uses.clone());
        let mut all = Vec::with_capacity(items.len());
        while all.len() < items.len() {
            let start = Instant::now();
            let part = first_part(&items[all.len()..]);
            // About as many leave as come, once there is no room.
            let pages = part.iter().map(|item| 2 * PAGES_OF_A_WRITE + item.size() / 4096);
            let (stored, evicted) = self.write(pages.sum(), now, |store| {
                store.set(part, grant, &uses, ttl, &limits, now)
            })?;
            self.counters.evictions += evicted;
            all.extend(stored);
            if all.len() < items.len() {
                let_others_write(start);
            }
        }
        Ok(all)
    }

    /// Deletes what need not be kept at `now`. Returns how many entries. O(number of expired entries).
    ///
    /// # Errors
    /// Any [`DiskError`] but those of opening.
    pub fn remove_expired(&mut self, now: f64) -> Result<u64, DiskError> {
        let (mut all, uses) = (0, self.uses.clone());
        loop {
            let start = Instant::now();
            let removed = self.write(0, now, |store| {
                store.remove_expired(Some(&uses), AT_A_TIME.0, now)
            })?;
            if let Some(opened) = &self.opened {
                self.maintenance
                    .wrote(removed * PAGES_OF_A_WRITE, now, opened.identity);
            }
            all += removed;
            if removed < AT_A_TIME.0 as u64 {
                return Ok(all);
            }
            let_others_write(start);
        }
    }
}

/// Sleeps for a tenth of the time since `start`. Those who wait look every 5 ms, about 400 times: where a part takes long,
/// there are few pauses, and so each must be long enough to be met.
fn let_others_write(start: Instant) {
    sleep(LEAST_PAUSE.max(start.elapsed() / 10));
}

/// Returns the items of the first transaction: at least one, so there must be one.
fn first_part<'a, 'b>(items: &'a [Item<'b, Digest>]) -> &'a [Item<'b, Digest>] {
    let mut bytes = 0;
    let fits = |item: &&Item<Digest>| {
        bytes += item.size();
        bytes <= AT_A_TIME.1
    };
    let count = items.iter().take(AT_A_TIME.0).take_while(fits).count();
    &items[..count.max(1)]
}
