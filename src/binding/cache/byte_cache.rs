//! Binding of the caches of bytes: shared between threads, and on disk.

use std::cell::RefCell;
use std::path::Path;

use napi::bindgen_prelude::{
    BufferSlice, Float64Array, ObjectFinalize, Uint8Array, Uint8ArraySlice, Uint16Array, Uint32Array,
};
use napi::{Env, JsString};
use napi_derive::napi;

use super::held_bytes::{At, Bytes, Disk, Entry, Shared, split};
use super::key::{append, with_units};
use crate::binding::error::{Code, Failure, Result};
use crate::binding::number::{integer, positive};
use crate::cache::disk::{DiskCache, DiskLimits};
use crate::cache::{Limits, Policy};

const MAX_SAFE: f64 = 9_007_199_254_740_991.0;
/// Changes of the memory held that V8 is not told of yet, in bytes.
const UNTOLD: i64 = 64 * 1024;

/// A cache of bytes; the facade encodes values and decodes them. Keys are written as for `CacheHandle`.
#[napi(custom_finalize)]
pub struct ByteCacheHandle {
    /// The buffer that the facade writes the structure of a key into.
    pub page: Uint16Array,
    held: RefCell<Held>,
}

/// State of a handle until it is closed.
struct Held {
    cache: Option<Bytes>,
    /// Bytes reported to V8.
    reported: i64,
}

/// One page of notes.
#[napi(object, object_from_js = false)]
pub struct NotesPage {
    pub notes: Vec<String>,
    /// The cursor to go on with; −1 at the end.
    pub cursor: f64,
}

impl ObjectFinalize for ByteCacheHandle {
    fn finalize(self, env: Env) -> napi::Result<()> {
        let held = self.held.into_inner();
        drop(held.cache);
        if held.reported != 0 {
            env.adjust_external_memory(-held.reported)?;
        }
        Ok(())
    }
}

#[napi]
impl ByteCacheHandle {
    /// The cache of that name in this process. `max_bytes` and `ttl` may be infinite; times are milliseconds of a clock
    /// that all threads share.
    ///
    /// # Errors
    /// For a limit out of its range, or other than that of whoever opened the name first.
    #[napi(factory, catch_unwind)]
    #[allow(clippy::too_many_arguments)]
    pub fn shared(
        env: Env,
        page: Uint16Array,
        scope: JsString,
        name: String,
        max_entries: f64,
        max_bytes: f64,
        ttl: f64,
        tiny_lfu: bool,
        stale: f64,
    ) -> Result<Self> {
        let limits = Limits {
            max_entries: integer("maxSize", max_entries, 1.0, MAX_SAFE)? as usize,
            max_bytes: positive("maxBytes", max_bytes)? as u64,
            ttl: positive("ttl", ttl)?,
            stale: stale.max(0.0),
            policy: if tiny_lfu { Policy::TinyLfu } else { Policy::Lru },
            report_all: false,
        };
        let scope = units_of(env, scope)?;
        Ok(Self::of(
            page,
            Bytes::Shared(Shared::open(&name, &scope, limits)?),
        ))
    }

    /// The namespace of that name in the file `path`. `max_bytes` may be infinite; times are milliseconds since 1970.
    ///
    /// # Errors
    /// For a limit out of its range; `ERR_STORAGE` with the kind of [`DiskError`].
    #[napi(factory, catch_unwind)]
    #[allow(clippy::too_many_arguments)]
    pub fn disk(
        env: Env,
        page: Uint16Array,
        scope: JsString,
        path: String,
        namespace: String,
        max_entries: f64,
        max_bytes: f64,
        stale: f64,
        now: f64,
    ) -> Result<Self> {
        let limits = DiskLimits {
            max_entries: integer("maxSize", max_entries, 1.0, MAX_SAFE)?,
            max_bytes: positive("maxBytes", max_bytes)? as u64,
            stale: stale.max(0.0),
        };
        let cache = DiskCache::open(Path::new(&path), &namespace, limits, now);
        let disk = Disk::new(cache?, &units_of(env, scope)?);
        Ok(Self::of(page, Bytes::Disk(Box::new(disk))))
    }

    /// Returns true if the file `path` is another program's.
    #[napi(catch_unwind)]
    pub fn is_foreign(path: String) -> bool {
        DiskCache::is_foreign(Path::new(&path))
    }

    /// Form, value, and 1 if the entry expired less than `window` ms ago, else 0. Null: there is none. Counts as a hit
    /// or a miss, and a hit as a use.
    #[napi(catch_unwind)]
    pub fn get<'env>(
        &self,
        env: &'env Env,
        structure: f64,
        text: JsString,
        now: f64,
        window: f64,
    ) -> Result<Option<BufferSlice<'env>>> {
        self.at(*env, structure, text, |at| at.get(env, now, window))
    }

    /// `get` of a fresh entry that neither counts nor is a use.
    #[napi(catch_unwind)]
    pub fn peek<'env>(
        &self,
        env: &'env Env,
        structure: f64,
        text: JsString,
        now: f64,
    ) -> Result<Option<BufferSlice<'env>>> {
        self.at(*env, structure, text, |at| at.peek(env, now))
    }

    /// `get` of a fresh entry for each of the keys that `units` consists of, see `spans` of `set_many`; `peek` unless
    /// `counted`.
    #[napi(catch_unwind, ts_return_type = "(Buffer | null)[]")]
    pub fn get_many<'env>(
        &self,
        env: &'env Env,
        units: JsString,
        spans: Uint32Array,
        now: f64,
        counted: bool,
    ) -> Result<Vec<Option<BufferSlice<'env>>>> {
        let units = units_of(*env, units)?;
        self.with(|cache| cache.get_many(env, split(&units, &spans), now, counted))
    }

    /// Returns true if there is a fresh entry. No use, and not counted.
    #[napi(catch_unwind)]
    pub fn has(&self, env: Env, structure: f64, text: JsString, now: f64) -> Result<bool> {
        self.at(env, structure, text, |at| match at {
            At::Shared(shared, key) => Ok(shared.cache.has(key, now)),
            At::Disk(disk, digest) => Ok(disk.cache.has(&digest, now)?),
        })
    }

    /// Stores `payload` for `ttl` ms. False: it is larger than the cache may hold, and what was there is dropped. With a
    /// `ticket` other than 0, the one of `claim`, it is stored only while that claim holds.
    #[napi(catch_unwind)]
    #[allow(clippy::too_many_arguments)]
    pub fn set(
        &self,
        env: Env,
        structure: f64,
        text: JsString,
        form: f64,
        payload: Uint8ArraySlice,
        note: String,
        ttl: f64,
        now: f64,
        ticket: f64,
    ) -> Result<bool> {
        let form = integer("form", form, 0.0, 255.0)? as u8;
        let entry = Entry {
            form,
            value: &payload,
            note: &note,
            ttl,
            ticket: ticket_of(ticket),
        };
        let stored = self.at(env, structure, text, |at| at.set(entry, now))?;
        self.report_memory(env)?;
        Ok(stored)
    }

    /// `set` of a payload for each of the keys that `units` consists of, in as few writes as can be; on an error the first
    /// of them may be stored. `spans` has two numbers a key: the units of its structure, and of structure and text.
    /// Answers with a 1 for each that is stored.
    #[napi(catch_unwind)]
    #[allow(clippy::too_many_arguments)]
    pub fn set_many(
        &self,
        env: Env,
        units: JsString,
        spans: Uint32Array,
        forms: Uint8Array,
        payloads: Vec<Uint8ArraySlice>,
        notes: Vec<String>,
        ttls: Float64Array,
        tickets: Float64Array,
        now: f64,
    ) -> Result<Uint8Array> {
        let units = units_of(env, units)?;
        let values = forms.iter().zip(&payloads).zip(&notes);
        let claims = ttls.iter().zip(tickets.iter());
        let entries = values
            .zip(claims)
            .map(|(((form, payload), note), (ttl, ticket))| Entry {
                form: *form,
                value: payload,
                note,
                ttl: *ttl,
                ticket: ticket_of(*ticket),
            });
        let stored = self.with(|cache| cache.set_many(split(&units, &spans).zip(entries), now))?;
        self.report_memory(env)?;
        Ok(stored.into_iter().map(u8::from).collect::<Vec<_>>().into())
    }

    /// Deletes an entry. Returns whether it was fresh.
    #[napi(catch_unwind)]
    pub fn remove(&self, env: Env, structure: f64, text: JsString, now: f64) -> Result<bool> {
        self.at(env, structure, text, |at| match at {
            At::Shared(shared, key) => Ok(shared.cache.remove(key, now)),
            At::Disk(disk, digest) => Ok(disk.cache.remove(&digest, now)?),
        })
    }

    /// Deletes what is past its time and the time that it is kept for behind it. Returns how many entries.
    #[napi(catch_unwind)]
    pub fn remove_expired(&self, env: Env, now: f64) -> Result<f64> {
        let removed = self.with(|cache| match cache {
            Bytes::Shared(shared) => Ok(shared.cache.remove_expired(now)),
            Bytes::Disk(disk) => Ok(disk.cache.remove_expired(now)?),
        })?;
        self.report_memory(env)?;
        Ok(removed as f64)
    }

    /// Deletes every entry of this name or namespace and zeroes the counters.
    #[napi(catch_unwind)]
    pub fn clear(&self, env: Env) -> Result<()> {
        self.with(|cache| match cache {
            Bytes::Shared(shared) => {
                shared.cache.clear();
                Ok(())
            }
            Bytes::Disk(disk) => Ok(disk.cache.clear()?),
        })?;
        self.report_memory(env)
    }

    /// Writes hits, misses, evictions, entries, bytes of values and notes, bytes of native memory, bytes on disk to `out`.
    #[napi(catch_unwind)]
    pub fn figures(&self, env: Env, mut out: Float64Array, now: f64) -> Result<()> {
        let (counters, rest) = self.with(|cache| match cache {
            Bytes::Shared(shared) => {
                let figures = shared.cache.figures(now);
                Ok((
                    figures.counters,
                    [figures.entries, figures.bytes, figures.memory, 0],
                ))
            }
            Bytes::Disk(disk) => {
                let figures = disk.cache.figures(now)?;
                let rest = [figures.entries, figures.bytes, figures.memory, figures.on_disk];
                Ok((figures.counters, rest))
            }
        })?;
        let counts = [counters.hits, counters.misses, counters.evictions];
        // SAFETY: this call is the only user of the facade's array while it runs on the JavaScript thread.
        let places = unsafe { out.as_mut() }.iter_mut();
        for (place, figure) in places.zip(counts.into_iter().chain(rest)) {
            *place = figure as f64;
        }
        self.report_memory(env)
    }

    /// Notes of at most `limit` entries behind `cursor`, which is 0 at first.
    #[napi(catch_unwind)]
    pub fn notes(&self, cursor: f64, limit: f64) -> Result<NotesPage> {
        let limit = integer("limit", limit, 1.0, f64::from(u32::MAX))? as u32;
        let (notes, cursor) = self.with(|cache| match cache {
            Bytes::Shared(shared) => Ok(shared.cache.notes(cursor as i64, limit)),
            Bytes::Disk(disk) => Ok(disk.cache.notes(cursor as i64, limit)?),
        })?;
        Ok(NotesPage {
            notes,
            cursor: cursor as f64,
        })
    }

    /// Takes the messages about what was set aside or dropped as damaged since the last call.
    #[napi(catch_unwind)]
    pub fn take_notices(&self) -> Result<Vec<String>> {
        self.with(|cache| {
            Ok(match cache {
                Bytes::Shared(_) => Vec::new(),
                Bytes::Disk(disk) => disk.cache.take_notices(),
            })
        })
    }

    /// Returns true if the last call came to nothing only because others wrote for too long.
    #[napi(getter, catch_unwind)]
    pub fn busy(&self) -> Result<bool> {
        self.with(|cache| Ok(matches!(cache, Bytes::Disk(disk) if disk.cache.busy())))
    }

    /// Gives everything back; calls after the first do nothing.
    #[napi(catch_unwind)]
    pub fn close(&self, env: Env) -> Result<()> {
        let mut held = self.held.borrow_mut();
        drop(held.cache.take());
        let reported = std::mem::take(&mut held.reported);
        drop(held);
        if reported != 0 {
            env.adjust_external_memory(-reported)?;
        }
        Ok(())
    }
}

impl ByteCacheHandle {
    fn of(page: Uint16Array, cache: Bytes) -> Self {
        Self {
            page,
            held: RefCell::new(Held {
                cache: Some(cache),
                reported: 0,
            }),
        }
    }

    pub fn with<T>(&self, use_cache: impl FnOnce(&mut Bytes) -> Result<T>) -> Result<T> {
        let mut held = self.held.borrow_mut();
        use_cache(
            held.cache
                .as_mut()
                .ok_or_else(|| Failure::new(Code::Closed, "the cache is closed: open another"))?,
        )
    }

    /// The cache and the key that a structure and a text stand for in it.
    fn at<T>(
        &self,
        env: Env,
        structure: f64,
        text: JsString,
        use_cache: impl FnOnce(At) -> Result<T>,
    ) -> Result<T> {
        self.with(|cache| {
            let at = with_units(env, &self.page, structure, text, |structure, text| {
                cache.at(structure, text)
            })?;
            use_cache(at)
        })
    }

    /// Tells V8 how much memory hangs on this object, so that it is collected in time. What threads share is shared out.
    fn report_memory(&self, env: Env) -> Result<()> {
        let mut held = self.held.borrow_mut();
        let Some(cache) = &held.cache else { return Ok(()) };
        let memory = cache.memory();
        let change = memory.cast_signed() - held.reported;
        if change.abs() < UNTOLD {
            return Ok(());
        }
        held.reported = memory.cast_signed();
        drop(held);
        env.adjust_external_memory(change)?;
        Ok(())
    }
}

fn ticket_of(ticket: f64) -> Option<i64> {
    (ticket != 0.0).then_some(ticket as i64)
}

pub fn units_of(env: Env, text: JsString) -> Result<Vec<u16>> {
    let mut units = Vec::new();
    append(env, &mut units, text)?;
    Ok(units)
}
