//! The cache behind a handle of `byte_cache`, shared or on disk, and its keys.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use napi::Env;
use napi::bindgen_prelude::BufferSlice;

use crate::binding::error::{Failure, Result};
use crate::cache::disk::{Digest, DiskCache, Found, Put};
use crate::cache::leases::{Grant, NOBODY};
use crate::cache::shared::{Answer, SharedCache};
use crate::cache::{Item, Limits};
use crate::key::{DigestScope, Key, KeySecret};

/// The number of the next handle of a shared cache.
static OWNERS: AtomicI64 = AtomicI64::new(NOBODY + 1);
/// Bytes of memory that a handle keeps to read into.
const KEPT: usize = 64 * 1024;

/// The cache of an open handle.
pub enum Bytes {
    Shared(Shared),
    Disk(Box<Disk>),
}

/// A cache that threads share.
pub struct Shared {
    pub cache: Arc<SharedCache>,
    pub secret: KeySecret,
    pub owner: i64,
}

/// A cache on disk.
pub struct Disk {
    pub cache: DiskCache,
    pub scope: DigestScope,
    /// The buffer that entries are read into.
    read: Vec<u8>,
}

/// An entry to store, as the facade hands it over.
pub struct Entry<'a> {
    pub form: u8,
    pub value: &'a [u8],
    pub note: &'a str,
    /// Milliseconds that it lives.
    pub ttl: f64,
    /// The ticket of the claim under which it was computed.
    pub ticket: Option<i64>,
}

/// Structure and text of a key.
pub type Units<'units> = (&'units [u16], &'units [u16]);

/// The entry that a key leads to.
pub enum At<'a> {
    Shared(&'a mut Shared, Key),
    Disk(&'a mut Disk, Digest),
}

impl Shared {
    pub fn open(name: &str, scope: &[u16], limits: Limits) -> Result<Self> {
        let cache = SharedCache::open(name, limits).map_err(Failure::out_of_range)?;
        cache.count_handle(true);
        Ok(Self {
            cache,
            secret: KeySecret::of_process().scoped(scope),
            owner: OWNERS.fetch_add(1, Ordering::Relaxed),
        })
    }

    fn set(&self, key: Key, entry: Entry, now: f64) -> bool {
        let grant = entry.ticket.map(|ticket| self.grant(ticket));
        self.cache.set(&entry.under(key), grant, entry.ttl, now)
    }

    pub fn grant(&self, ticket: i64) -> Grant {
        let owner = self.owner;
        Grant { owner, ticket }
    }
}

impl Drop for Shared {
    fn drop(&mut self) {
        self.cache.release_all(self.owner);
        self.cache.count_handle(false);
    }
}

impl Disk {
    pub fn new(cache: DiskCache, scope: &[u16]) -> Self {
        Self {
            cache,
            scope: DigestScope::new(scope),
            read: Vec::new(),
        }
    }
}

impl Bytes {
    /// Returns the entry that the key of a structure and a text leads to.
    pub fn at(&mut self, structure: &[u16], text: &[u16]) -> At<'_> {
        match self {
            Self::Shared(shared) => {
                let key = shared.secret.key(structure, text);
                At::Shared(shared, key)
            }
            Self::Disk(disk) => {
                let digest = disk.scope.digest(structure, text);
                At::Disk(disk, digest)
            }
        }
    }

    /// Native memory to tell V8 of, in bytes. What threads share is shared out.
    pub fn memory(&self) -> u64 {
        match self {
            Self::Shared(shared) => shared.cache.memory_per_handle(),
            Self::Disk(disk) => disk.cache.memory(),
        }
    }

    pub fn get_many<'env, 'a>(
        &mut self,
        env: &'env Env,
        keys: impl Iterator<Item = Units<'a>>,
        now: f64,
        counted: bool,
    ) -> Result<Vec<Option<BufferSlice<'env>>>> {
        match self {
            Bytes::Shared(shared) => {
                let key = |(structure, text)| shared.secret.key(structure, text);
                let keys: Vec<_> = keys.map(key).collect();
                let found = if counted {
                    shared.cache.get_many(&keys, now)
                } else {
                    shared.cache.peek_many(&keys, now)
                };
                found
                    .into_iter()
                    .map(|answer| answer.map(|answer| copy(env, &answer, false)).transpose())
                    .collect()
            }
            Bytes::Disk(disk) => {
                let digest = |(structure, text)| disk.scope.digest(structure, text);
                let digests: Vec<_> = keys.map(digest).collect();
                let found = if counted {
                    disk.cache.get_many(&digests, now)
                } else {
                    disk.cache.peek_many(&digests, now)
                };
                let buffer = |mut bytes: Vec<u8>| {
                    bytes.push(0);
                    BufferSlice::copy_from(env, &bytes)
                };
                let found = found?.into_iter();
                found.map(|bytes| Ok(bytes.map(buffer).transpose()?)).collect()
            }
        }
    }

    /// Stores entries under their keys. Returns for each whether it is stored.
    pub fn set_many<'a>(
        &mut self,
        entries: impl Iterator<Item = (Units<'a>, Entry<'a>)>,
        now: f64,
    ) -> Result<Vec<bool>> {
        match self {
            Bytes::Shared(shared) => {
                let stored = entries.map(|((structure, text), entry)| {
                    let key = shared.secret.key(structure, text);
                    shared.set(key, entry, now)
                });
                Ok(stored.collect())
            }
            Bytes::Disk(disk) => {
                let puts =
                    entries.map(|((structure, text), entry)| entry.put(disk.scope.digest(structure, text)));
                let puts: Vec<_> = puts.collect();
                Ok(disk.cache.put(&puts, now)?)
            }
        }
    }
}

impl At<'_> {
    pub fn get(self, env: &Env, now: f64, window: f64) -> Result<Option<BufferSlice<'_>>> {
        match self {
            At::Shared(shared, key) => {
                let found = shared.cache.get(key, now, window);
                found.map(|(answer, stale)| copy(env, &answer, stale)).transpose()
            }
            At::Disk(disk, digest) => {
                disk.read.clear();
                let found = disk.cache.get(&digest, now, window, &mut disk.read);
                let stale = match found? {
                    Found::Fresh => false,
                    Found::Stale => true,
                    Found::None | Found::Damaged => return Ok(None),
                };
                disk.read.push(u8::from(stale));
                let buffer = BufferSlice::copy_from(env, &disk.read)?;
                disk.read.shrink_to(KEPT);
                Ok(Some(buffer))
            }
        }
    }

    /// Reads a fresh entry. No use, and not counted.
    pub fn peek(self, env: &Env, now: f64) -> Result<Option<BufferSlice<'_>>> {
        match self {
            At::Shared(shared, key) => {
                let found = shared.cache.peek(key, now);
                found.map(|answer| copy(env, &answer, false)).transpose()
            }
            At::Disk(disk, digest) => {
                disk.read.clear();
                if !disk.cache.peek(&digest, now, &mut disk.read)? {
                    return Ok(None);
                }
                disk.read.push(0);
                Ok(Some(BufferSlice::copy_from(env, &disk.read)?))
            }
        }
    }

    /// Stores an entry. Returns whether it is stored.
    pub fn set(self, entry: Entry, now: f64) -> Result<bool> {
        match self {
            At::Shared(shared, key) => Ok(shared.set(key, entry, now)),
            At::Disk(disk, digest) => Ok(disk.cache.put(&[entry.put(digest)], now)?[0]),
        }
    }
}

impl<'a> Entry<'a> {
    fn under<K>(&self, key: K) -> Item<'a, K> {
        Item {
            key,
            form: self.form,
            value: self.value,
            note: self.note,
        }
    }

    fn put(&self, digest: Digest) -> Put<'a> {
        Put {
            item: self.under(digest),
            ttl: self.ttl,
            ticket: self.ticket,
        }
    }
}

/// A buffer of what is stored, and whether it is stale.
fn copy<'env>(env: &'env Env, answer: &Answer, stale: bool) -> Result<BufferSlice<'env>> {
    let mut buffer = BufferSlice::copy_from(env, answer.bytes())?;
    if let (true, Some(last)) = (stale, buffer.last_mut()) {
        *last = 1;
    }
    Ok(buffer)
}

/// The keys that `units` consists of. `spans` has two numbers for each: the units of its structure, and all of them.
pub fn split<'units>(mut units: &'units [u16], spans: &[u32]) -> impl Iterator<Item = Units<'units>> {
    spans.chunks_exact(2).map(move |span| {
        let (key, behind) = units.split_at((span[1] as usize).min(units.len()));
        units = behind;
        key.split_at((span[0] as usize).min(key.len()))
    })
}
