//! Writes of any size: in parts, each a transaction, so that other threads and processes are not kept waiting for longer
//! than a part takes.

use std::thread::sleep;
use std::time::{Duration, Instant};

use super::row::Digest;
use super::{DiskCache, DiskError, PAGES_OF_A_WRITE};
use crate::cache::Item;

/// Entries and bytes of a batch that are written at a time: others, who wait 2 s at most, get their turn in between.
const AT_A_TIME: (usize, u64) = (500, 1 << 20);
/// Pages of an entry that the others of its transaction do not share: its own in both tables, and as many of one that leaves.
const PAGES_OF_AN_ENTRY: u64 = 4;
/// The least time between two parts of a batch.
const LEAST_PAUSE: Duration = Duration::from_millis(1);

/// One entry to store.
#[derive(Clone, Copy, Debug)]
pub struct Put<'a> {
    /// The entry.
    pub item: Item<'a, Digest>,
    /// Milliseconds that it lives.
    pub ttl: f64,
    /// The ticket of the claim under which it was computed: it is stored only while that claim holds.
    pub ticket: Option<i64>,
}

impl DiskCache {
    /// Stores entries, in order, hundreds at a time: on an error the first of them may be stored. Returns for each whether
    /// it is: one that is larger than `max_bytes` is not, and what was under its key is dropped.
    ///
    /// # Errors
    /// Any [`DiskError`] but those of opening.
    pub fn put(&mut self, puts: &[Put], now: f64) -> Result<Vec<bool>, DiskError> {
        let (limits, uses, owner) = (self.limits, self.uses.clone(), self.owner);
        let mut all = Vec::with_capacity(puts.len());
        while all.len() < puts.len() {
            let start = Instant::now();
            let part = first_part(&puts[all.len()..]);
            let own = part.iter().map(|put| PAGES_OF_AN_ENTRY + put.item.size() / 4096);
            let pages = PAGES_OF_A_WRITE + own.sum::<u64>();
            let (stored, evicted) =
                self.write(pages, now, |store| store.put(part, owner, &uses, &limits, now))?;
            self.counters.evictions += evicted;
            all.extend(stored);
            if all.len() < puts.len() {
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

/// Returns the entries of the first transaction: at least one, so there must be one.
fn first_part<'a, 'b>(puts: &'a [Put<'b>]) -> &'a [Put<'b>] {
    let mut bytes = 0;
    let fits = |put: &&Put| {
        bytes += put.item.size();
        bytes <= AT_A_TIME.1
    };
    let count = puts.iter().take(AT_A_TIME.0).take_while(fits).count();
    &puts[..count.max(1)]
}
