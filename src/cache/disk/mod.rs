//! Bytes on disk: entries that survive the process, in one SQLite file that many threads and processes use at once.
//!
//! Invariants:
//! - when a call that writes returns, its entries are in the log of the file under the path: killing the process at any
//!   moment loses nothing and damages nothing, and every other process sees them. A power cut may lose the last writes;
//! - an answer was stored under its key, and is whole, or there is none. Each row carries a checksum, which is in a second
//!   tree as well, so that an earlier row that damage has brought back is known. A damaged row is removed, a damaged file
//!   set aside, and both are told of in [`DiskCache::take_notices`]. `SQLite` reads a damaged log up to the damage: then
//!   the writes behind it are lost, as after a power cut;
//! - after every write a namespace has at most `max_entries` entries and `max_bytes` bytes. What leaves first is what is
//!   past its time, then the least recently used: exactly within one process; uses by other processes count from their
//!   next write on;
//! - a file of another program and one of a later version are not touched; a file that cannot be written can be read;
//! - a file that was removed or replaced while it is open is noticed by the next write, which goes to the file that is
//!   under the path then.
//!
//! Cost: a `get` is two look-ups in B-trees and one checksum, a few µs for a few kilobytes. A `set` is one transaction of
//! a few pages, some 50 µs, without waiting for the disk: that is done in the background (see `maintenance`). An entry of a
//! batch costs a third of that: a batch writes the pages of its entries once, as they lie beside each other. Opening and
//! figures cost the same whatever the size. Pages have 4 KB: with 8 KB storing an embedding of 12 KB takes almost twice as
//! long, and reading makes no difference. Time is an argument, in ms since 1970: it is shared with other processes.

mod error;
mod eviction;
mod leases;
mod maintenance;
mod open;
mod place;
mod recovery;
mod row;
mod schema;
mod store;
mod uses;
mod writes;

#[cfg(test)]
mod tests;

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

pub use error::DiskError;
use maintenance::Maintenance;
use open::Opened;
use place::{beside, known_path};
pub use row::{Digest, Found};
pub use store::DiskLimits;
use store::Store;
use uses::Uses;
pub use writes::Put;

use super::Counters;

/// Longest wait for other writers at the end of a handle or process.
const MOST_PATIENCE_AT_THE_END: Duration = Duration::from_millis(50);
/// Pages that a write touches besides those of the value.
const PAGES_OF_A_WRITE: u64 = 6;

/// Figures of a namespace.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct DiskFigures {
    /// Counts of this handle, since it was opened or cleared.
    pub counters: Counters,
    /// Entries that have not expired.
    pub entries: u64,
    /// Bytes of the values and notes of these and of what has expired and was not removed yet.
    pub bytes: u64,
    /// Native memory of this handle, at most.
    pub memory: u64,
    /// Bytes of the file and its log, all namespaces together.
    pub on_disk: u64,
}

/// One namespace of a cache file, for one thread. See the module.
#[derive(Debug)]
pub struct DiskCache {
    /// `None` once it could not be opened again: the next call tries. Before `maintenance`: the connection is closed when
    /// the last handle waits for the background work.
    opened: Option<Opened>,
    maintenance: Arc<Maintenance>,
    namespace: String,
    limits: DiskLimits,
    uses: Uses,
    counters: Counters,
    notices: Vec<String>,
    /// Rows that were found damaged.
    damaged: u64,
    /// The owner of the claims of this handle.
    owner: i64,
    has_claims: bool,
    /// When the file under the path was compared with the open one.
    looked: f64,
    /// The last call came to nothing because others were writing.
    busy: bool,
}

impl DiskCache {
    /// Opens `namespace` of the file `path`, which is made, with its directories, when it is not there.
    ///
    /// # Errors
    /// [`DiskError`], by whatever is in its place.
    pub fn open(path: &Path, namespace: &str, limits: DiskLimits, now: f64) -> Result<Self, DiskError> {
        let maintenance = Maintenance::of(known_path(path)?);
        let mut notices = Vec::new();
        let opened = open::open(&maintenance.path, namespace, now, &mut notices)?;
        let cache = Self {
            opened: Some(opened),
            uses: maintenance.uses(namespace),
            maintenance,
            namespace: namespace.to_owned(),
            limits,
            counters: Counters::default(),
            notices,
            damaged: 0,
            owner: owner(),
            has_claims: false,
            looked: now,
            busy: false,
        };
        cache.maintain()?;
        Ok(cache)
    }

    /// Returns whether the file `path` is another program's, which [`DiskCache::open`] refuses.
    pub fn is_foreign(path: &Path) -> bool {
        open::is_foreign(path)
    }

    /// Reads what is under `digest` at `now`; an entry that expired less than `window` ms ago is stale. Its form and
    /// value are appended to `out`. Counts as a hit or a miss, and a hit as a use.
    ///
    /// # Errors
    /// [`DiskError::Io`], [`DiskError::Busy`].
    pub fn get(
        &mut self,
        digest: &Digest,
        now: f64,
        window: f64,
        out: &mut Vec<u8>,
    ) -> Result<Found, DiskError> {
        let found = self.read(now, |store| store.get(digest, now, window, out))?;
        self.count(digest, found)
    }

    /// Reads several fresh entries like [`DiskCache::get`], on one state of the file: each as form and value.
    ///
    /// # Errors
    /// [`DiskError::Io`], [`DiskError::Busy`].
    pub fn get_many(&mut self, digests: &[Digest], now: f64) -> Result<Vec<Option<Vec<u8>>>, DiskError> {
        let read = self.read_many(digests, now)?;
        let answers = digests.iter().zip(read).map(|(digest, (found, bytes))| {
            Ok((self.count(digest, found)? == Found::Fresh).then_some(bytes))
        });
        answers.collect()
    }

    /// Reads several entries like [`DiskCache::peek`], on one state of the file: each as form and value.
    ///
    /// # Errors
    /// [`DiskError::Io`], [`DiskError::Busy`].
    pub fn peek_many(&mut self, digests: &[Digest], now: f64) -> Result<Vec<Option<Vec<u8>>>, DiskError> {
        let read = self.read_many(digests, now)?;
        let answers = digests
            .iter()
            .zip(read)
            .map(|(digest, (found, bytes))| Ok(self.looked_at(digest, found)?.then_some(bytes)));
        answers.collect()
    }

    fn read_many(&mut self, digests: &[Digest], now: f64) -> Result<Vec<(Found, Vec<u8>)>, DiskError> {
        self.read(now, |store| {
            let one = |digest| {
                let mut bytes = Vec::new();
                Ok((store.get(digest, now, 0.0, &mut bytes)?, bytes))
            };
            store.read(|| digests.iter().map(one).collect())
        })
    }

    /// Appends the form and value of what is fresh under `digest` to `out`; false when there is nothing. No use, and not
    /// counted.
    ///
    /// # Errors
    /// [`DiskError::Io`], [`DiskError::Busy`].
    pub fn peek(&mut self, digest: &Digest, now: f64, out: &mut Vec<u8>) -> Result<bool, DiskError> {
        let found = self.read(now, |store| store.get(digest, now, 0.0, out))?;
        self.looked_at(digest, found)
    }

    /// Returns whether there is a fresh entry under `digest`. No use, and not counted.
    ///
    /// # Errors
    /// [`DiskError::Io`], [`DiskError::Busy`].
    pub fn has(&mut self, digest: &Digest, now: f64) -> Result<bool, DiskError> {
        self.read(now, |store| store.has(digest, now))
    }

    /// Deletes what is under `digest`. Returns whether it was fresh.
    ///
    /// # Errors
    /// Any [`DiskError`] but those of opening.
    pub fn remove(&mut self, digest: &Digest, now: f64) -> Result<bool, DiskError> {
        let uses = self.uses.clone();
        self.write(PAGES_OF_A_WRITE, now, |store| store.remove(digest, &uses, now))
    }

    /// Deletes every entry of the namespace and zeroes the counters. When there are none in the other namespaces
    /// either, the file is made small in the background.
    ///
    /// # Errors
    /// Any [`DiskError`] but those of opening.
    pub fn clear(&mut self) -> Result<(), DiskError> {
        self.write(PAGES_OF_A_WRITE, self.looked, Store::clear)?;
        self.maintenance.cleared();
        self.counters = Counters::default();
        Ok(())
    }

    /// Figures at `now`. O(number of entries that have expired and were not removed yet).
    ///
    /// # Errors
    /// [`DiskError::Io`], [`DiskError::Busy`].
    pub fn figures(&mut self, now: f64) -> Result<DiskFigures, DiskError> {
        let (totals, expired) = self.read(now, |store| store.figures(now))?;
        let size =
            |suffix| std::fs::metadata(beside(&self.maintenance.path, suffix)).map_or(0, |file| file.len());
        Ok(DiskFigures {
            counters: self.counters,
            entries: totals.entries.saturating_sub(expired),
            bytes: totals.bytes,
            memory: self.memory(),
            on_disk: ["", "-wal", "-shm"].map(size).iter().sum(),
        })
    }

    /// Native memory that this handle may take, in bytes: its pages in memory and its statements.
    pub fn memory(&self) -> u64 {
        schema::CONNECTION_BYTES
    }

    /// Notes of the entries behind `cursor` (0: from the first), the last used first, of `limit` entries at most; and the
    /// cursor to go on with, −1 at the end.
    ///
    /// # Errors
    /// [`DiskError::Io`], [`DiskError::Busy`].
    pub fn notes(&mut self, cursor: i64, limit: u32) -> Result<(Vec<String>, i64), DiskError> {
        self.read(self.looked, |store| store.notes(cursor, limit))
    }

    /// Takes the messages about what was set aside or dropped as damaged since the last call.
    pub fn take_notices(&mut self) -> Vec<String> {
        std::mem::take(&mut self.notices)
    }

    /// Returns whether it was opened to be read alone: every call that writes fails with [`DiskError::ReadOnly`].
    pub fn read_only(&self) -> bool {
        self.opened.as_ref().is_some_and(|opened| opened.read_only)
    }

    /// Returns whether the last call came to nothing only because others wrote for so long.
    pub fn busy(&self) -> bool {
        self.busy
    }

    /// Rows that were found damaged, and dropped.
    pub fn damaged(&self) -> u64 {
        self.damaged
    }

    /// Counts a read and its use, and drops a damaged row.
    fn count(&mut self, digest: &Digest, found: Found) -> Result<Found, DiskError> {
        match found {
            Found::Fresh | Found::Stale => {
                self.counters.hits += 1;
                // What has expired leaves first, used or not.
                if found == Found::Fresh {
                    self.note_use(digest);
                }
                return Ok(found);
            }
            Found::None => self.counters.misses += 1,
            Found::Damaged => {
                self.counters.misses += 1;
                self.looked_at(digest, found)?;
            }
        }
        Ok(Found::None)
    }

    /// Returns whether an entry that was found is fresh. A damaged one is dropped.
    fn looked_at(&mut self, digest: &Digest, found: Found) -> Result<bool, DiskError> {
        if found == Found::Damaged {
            self.damaged += 1;
            let (file, count) = (self.maintenance.path.display(), self.damaged);
            tracing::warn!(target: "ai_evals::cache", file = %file, "a damaged entry was dropped");
            // Told of a few times, however many there are.
            if count == 1 {
                self.notices
                    .push(format!("an entry of {file} was damaged, and is dropped"));
            } else if 100_u64.pow(count.ilog(100)) == count {
                self.notices.push(format!(
                    "{count} entries of {file} were damaged by now, and are dropped"
                ));
            }
            if !self.read_only() {
                match self.write(PAGES_OF_A_WRITE, self.looked, |store| store.remove_row(digest)) {
                    // The next to read it removes it.
                    Err(DiskError::Busy { .. }) => {}
                    removed => removed?,
                }
            }
        }
        Ok(found == Found::Fresh)
    }

    fn note_use(&mut self, digest: &Digest) {
        if !self.read_only() && self.uses.add(row::id(digest)) {
            self.maintenance.note_uses();
        }
    }

    /// Gives back every claim of this handle. A failure is an event: claims end by themselves.
    pub fn release_all(&mut self) {
        let opened = self
            .opened
            .as_ref()
            .filter(|opened| !opened.read_only && self.has_claims);
        if let Some(Opened { store, .. }) = opened {
            let _ = store.db.busy_timeout(MOST_PATIENCE_AT_THE_END);
            if let Err(error) = store.release_all(self.owner) {
                tracing::info!(target: "ai_evals::cache", error = %error, "claims were not given back");
            }
            let _ = store.wait_as_usual();
        }
    }
}

impl Drop for DiskCache {
    fn drop(&mut self) {
        self.release_all();
        // Uses only order the eviction.
        if let Some(Opened { store, .. }) = self.opened.as_ref().filter(|opened| !opened.read_only)
            && !self.uses.is_empty()
        {
            let _ = store.db.busy_timeout(MOST_PATIENCE_AT_THE_END);
            if let Err(error) = store.note_uses(&self.uses, usize::MAX) {
                tracing::info!(target: "ai_evals::cache", error = %error, "uses were not noted");
            }
        }
    }
}

/// A number that no other handle has, in whichever process.
fn owner() -> i64 {
    use std::hash::{BuildHasher, RandomState};
    // Keys are drawn from the system once per thread and counted up from there.
    RandomState::new().hash_one(std::process::id()).cast_signed()
}
