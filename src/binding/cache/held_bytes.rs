//! The cache behind a handle of `byte_cache`, shared or on disk, and its keys.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use napi::Env;
use napi::bindgen_prelude::{BufferSlice, Uint8ArraySlice};

use crate::binding::error::{Failure, Result};
use crate::cache::disk::{Digest, DiskCache, Found};
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

    fn set(&self, item: &Item<Key>, ttl: f64, now: f64, ticket: Option<i64>) -> bool {
        let grant = ticket.map(|ticket| self.grant(ticket));
        self.cache.set(item, grant, ttl, now)
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

    fn set(&mut self, items: &[Item<Digest>], ttl: f64, now: f64, ticket: Option<i64>) -> Result<Vec<bool>> {
        Ok(match ticket {
            None => self.cache.set(items, ttl, now)?,
            Some(ticket) => self.cache.store(items, ticket, ttl, now)?,
        })
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
        texts: impl Iterator<Item = &'a [u16]>,
        now: f64,
        counted: bool,
    ) -> Result<Vec<Option<BufferSlice<'env>>>> {
        match self {
            Bytes::Shared(shared) => {
                let keys: Vec<_> = texts.map(|text| shared.secret.key(&[], text)).collect();
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
                let digests: Vec<_> = texts.map(|text| disk.scope.digest(&[], text)).collect();
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

    /// Stores values and their forms, one for each text; computed ones under their ticket.
    pub fn set_many<'a>(
        &mut self,
        texts: impl Iterator<Item = (&'a [u16], (&'a Uint8ArraySlice<'a>, &'a u8))>,
        ttl: f64,
        now: f64,
        ticket: Option<i64>,
    ) -> Result<()> {
        match self {
            Bytes::Shared(shared) => {
                for (text, (value, form)) in texts {
                    let key = shared.secret.key(&[], text);
                    shared.set(&item(key, *form, value, ""), ttl, now, ticket);
                }
                Ok(())
            }
            Bytes::Disk(disk) => {
                let digest = |text| disk.scope.digest(&[], text);
                let items = texts.map(|(text, (value, form))| item(digest(text), *form, value, ""));
                let items: Vec<_> = items.collect();
                disk.set(&items, ttl, now, ticket).map(|_| ())
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

    /// Stores a value and its form; a computed one under its ticket.
    pub fn set(
        self,
        form: u8,
        value: &[u8],
        note: &str,
        ttl: f64,
        now: f64,
        ticket: Option<i64>,
    ) -> Result<bool> {
        match self {
            At::Shared(shared, key) => Ok(shared.set(&item(key, form, value, note), ttl, now, ticket)),
            At::Disk(disk, digest) => Ok(disk.set(&[item(digest, form, value, note)], ttl, now, ticket)?[0]),
        }
    }
}

fn item<'a, K>(key: K, form: u8, value: &'a [u8], note: &'a str) -> Item<'a, K> {
    Item {
        key,
        form,
        value,
        note,
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

/// The texts of these `lengths` that `units` consists of.
pub fn split<'units>(mut units: &'units [u16], lengths: &[u32]) -> impl Iterator<Item = &'units [u16]> {
    lengths.iter().map(move |length| {
        let (text, behind) = units.split_at((*length as usize).min(units.len()));
        units = behind;
        text
    })
}
