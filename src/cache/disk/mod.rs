//! Bytes on disk: entries that survive the process, in one SQLite file that many threads and processes use at once.
//!
//! What always holds:
//! - when a call that writes returns, what it wrote is in the log of the file: killing the process at any moment loses
//!   nothing and damages nothing, and every other process sees it. (A power cut may lose the last writes, no more.)
//! - an answer is what was stored last under its key, and is whole, or there is none: each row carries a checksum, which
//!   is in a second tree as well, so that an earlier row that damage has brought back is known; a damaged row is removed,
//!   a damaged file set aside, be the damage in its log (see `log`), and both are told of in
//!   [`DiskCache::take_notices`]. (Row numbers inside a tree carry none: where these are damaged, an entry may be a miss.)
//! - after every write a namespace has at most `max_entries` entries and `max_bytes` bytes. What leaves first is what is
//!   past its time, then the least recently used: exactly within one process; uses by other processes count from their
//!   next write on;
//! - someone else's database and a file of a later version are not touched; where nothing can be written, what is there
//!   can be read.
//!
//! Cost: a `get` is two look-ups in B-trees and one checksum, a few µs for a few kilobytes; a `set` is one transaction of
//! a few pages, some 50 µs, mostly without waiting for the disk: that is the keeper's (see `keeper`). Opening and figures
//! cost the same whatever the size. Pages have 4 KB: with 8 KB the file of answers of 2 KB is smaller (1.5 times what is
//! in it, not 2.0), that of embeddings of 12 KB larger (1.3, not 1.05), and storing one of these takes almost twice as
//! long; reading makes no difference. Time is an argument, in ms since 1970: it is shared with other processes.

mod batch;
mod claims;
mod error;
mod keeper;
mod leaving;
mod log;
mod open;
mod recovery;
mod row;
mod schema;
mod store;

#[cfg(test)]
mod tests;

use std::path::Path;
use std::sync::Arc;

pub use error::DiskError;
use keeper::{SharedFile, Uses, locked};
use open::{Opened, beside, known_path};
pub use row::{Digest, Found};
pub use store::DiskLimits;

use super::Counters;

/// Uses kept in memory before the keeper is asked to note them.
const NOTED: usize = 1000;
/// Uses kept in memory at most.
const MOST_NOTED: usize = 100 * NOTED;
/// Pages that a write touches besides those of the value.
const PAGES_OF_A_WRITE: u64 = 6;
/// Figures of a namespace.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct DiskFigures {
    /// Of this handle, since it was opened or cleared.
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
    /// Before `file`: the connection is closed when the last handle lets go of the file, and the keeper ends.
    opened: Opened,
    file: Arc<SharedFile>,
    namespace: String,
    limits: DiskLimits,
    uses: Arc<Uses>,
    counters: Counters,
    notices: Vec<String>,
    /// Rows that were found damaged.
    damaged: u64,
    /// Who holds the claims of this handle.
    owner: i64,
    has_claims: bool,
    looked: f64,
    /// The file could not be opened again: the next call tries.
    lost: bool,
    /// The last write came to nothing because others were writing.
    busy: bool,
}

impl DiskCache {
    /// Opens `namespace` of the file `path`, which is made, with its directories, when it is not there.
    ///
    /// # Errors
    /// [`DiskError`], by whatever is in its place.
    pub fn open(path: &Path, namespace: &str, limits: DiskLimits, now: f64) -> Result<Self, DiskError> {
        let file = SharedFile::of(known_path(path)?);
        let mut notices = Vec::new();
        file.before_it_is_open(|| open::examine_log(&file.path, now, &mut notices))?;
        let opened = open::open(&file.path, namespace, None, now, &mut notices)?;
        let mut cache = Self {
            uses: file.uses(namespace),
            file,
            namespace: namespace.to_owned(),
            limits,
            opened,
            counters: Counters::default(),
            notices,
            damaged: 0,
            owner: owner(),
            has_claims: false,
            looked: now,
            lost: false,
            busy: false,
        };
        cache.file.may_hold(limits.max_bytes);
        cache.keep()?;
        Ok(cache)
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
        let found = self.attempt(now, |cache| cache.opened.store.get(digest, now, window, out))?;
        self.count(digest, found)
    }

    /// The same for several, fresh ones only, on one state of the file: each as form and value.
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

    /// The same as [`DiskCache::peek`] for several, on one state of the file: each as form and value.
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
        self.attempt(now, |cache| {
            let store = &cache.opened.store;
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
        let found = self.attempt(now, |cache| cache.opened.store.get(digest, now, 0.0, out))?;
        self.looked_at(digest, found)
    }

    /// Whether there is a fresh entry under `digest`. No use, and not counted.
    ///
    /// # Errors
    /// [`DiskError::Io`], [`DiskError::Busy`].
    pub fn has(&mut self, digest: &Digest, now: f64) -> Result<bool, DiskError> {
        self.attempt(now, |cache| cache.opened.store.has(digest, now))
    }

    /// Deletes what is under `digest`. Returns whether it was fresh.
    ///
    /// # Errors
    /// Any [`DiskError`] but those of opening.
    pub fn remove(&mut self, digest: &Digest, now: f64) -> Result<bool, DiskError> {
        let removed = self.write(now, |cache| cache.opened.store.remove(digest, &cache.uses, now))?;
        self.file.wrote(PAGES_OF_A_WRITE, now);
        Ok(removed)
    }

    /// Deletes every entry of the namespace and zeroes the counters. When there are none in the other namespaces either, the
    /// keeper makes the file small.
    ///
    /// # Errors
    /// Any [`DiskError`] but those of opening.
    pub fn clear(&mut self) -> Result<(), DiskError> {
        self.write(self.looked, |cache| cache.opened.store.clear())?;
        self.file.cleared();
        self.counters = Counters::default();
        Ok(())
    }

    /// Figures at `now`. O(number of entries that have expired and were not removed yet).
    ///
    /// # Errors
    /// [`DiskError::Io`], [`DiskError::Busy`].
    pub fn figures(&mut self, now: f64) -> Result<DiskFigures, DiskError> {
        let (totals, expired) = self.attempt(now, |cache| cache.opened.store.figures(now))?;
        let size = |suffix| std::fs::metadata(beside(&self.file.path, suffix)).map_or(0, |file| file.len());
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
        self.attempt(self.looked, |cache| cache.opened.store.notes(cursor, limit))
    }

    /// What was set aside or dropped as damaged since the last call.
    pub fn take_notices(&mut self) -> Vec<String> {
        std::mem::take(&mut self.notices)
    }

    /// Whether nothing can be written: then every call that would looks whether it can be by now, and otherwise is
    /// [`DiskError::ReadOnly`].
    pub fn read_only(&self) -> bool {
        self.opened.read_only
    }

    /// Whether the last write came to nothing only because others wrote for so long.
    pub fn busy(&self) -> bool {
        self.busy
    }

    /// Rows that were found damaged, and dropped.
    pub fn damaged(&self) -> u64 {
        self.damaged
    }

    /// Notes what was read and acts on what was found.
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

    /// Whether what was found is fresh. What is damaged is dropped.
    fn looked_at(&mut self, digest: &Digest, found: Found) -> Result<bool, DiskError> {
        if found == Found::Damaged {
            self.damaged += 1;
            let (file, count) = (self.file.path.display(), self.damaged);
            // Told of a few times, however many there are.
            if count == 1 {
                self.notices
                    .push(format!("an entry of {file} was damaged, and is dropped"));
            } else if 100_u64.pow(count.ilog(100)) == count {
                self.notices.push(format!(
                    "{count} entries of {file} were damaged by now, and are dropped"
                ));
            }
            if !self.opened.read_only {
                self.attempt(self.looked, |cache| cache.opened.store.remove_row(digest))?;
            }
        }
        Ok(found == Found::Fresh)
    }

    fn note_use(&mut self, digest: &Digest) {
        if self.opened.read_only {
            return;
        }
        let mut uses = locked(&self.uses);
        uses.push(row::id(digest));
        let many = uses.len().is_multiple_of(NOTED);
        if uses.len() > MOST_NOTED {
            // Nobody could write for so long that the oldest do not matter any more.
            uses.drain(..MOST_NOTED / 2);
        }
        drop(uses);
        if many && !self.file.note_uses() {
            // Not worth failing a hit for: the next thousand tries again.
            let _ = self.write(self.looked, |cache| {
                cache.opened.store.note_uses(&cache.uses, NOTED)
            });
        }
    }
}

impl Drop for DiskCache {
    fn drop(&mut self) {
        if self.opened.read_only || self.lost {
            return;
        }
        // Nobody is there to hear of a failure: uses only order what leaves first, and claims end by themselves.
        let _ = self
            .opened
            .store
            .db
            .busy_timeout(std::time::Duration::from_millis(50));
        if self.has_claims {
            let _ = self.opened.store.release_all(self.owner);
        }
        if !locked(&self.uses).is_empty() {
            let _ = self.opened.store.note_uses(&self.uses, usize::MAX);
        }
    }
}

/// A number that no other handle has, in whichever process.
fn owner() -> i64 {
    use std::hash::{BuildHasher, RandomState};
    // Keys are drawn from the system once per thread and counted up from there.
    RandomState::new().hash_one(std::process::id()).cast_signed()
}
