//! Binding of the room `cache`: a handle that answers with slot numbers; the facade keeps the values.

use std::cell::RefCell;

use napi::bindgen_prelude::{Float64Array, Function, Int32Array, ObjectFinalize, Uint16Array, Uint32Array};
use napi::{Env, Error, JsString, Result, Status, sys};
use napi_derive::napi;

use super::hot_call::{Arguments, answer};
use super::key::{append, key};
use super::number::{integer, positive};
use crate::cache::{Cache, Limits, Policy, Slot, Vectors};
use crate::key::{Key, KeySecret};

/// The answer when there is no slot to tell of.
const NONE: f64 = -1.0;
/// The same, and there are dropped slots to take.
const NONE_AND_DROPPED: f64 = -2.0;

/// One cache, as the functions below find it by its id.
pub struct Held {
    pub cache: Cache,
    secret: KeySecret,
    /// Where the facade writes the structure of a key.
    page: Uint16Array,
    /// Bytes reported to V8.
    reported: usize,
    /// Vectors of the values, once one was searched for.
    pub vectors: Option<Vectors>,
}

thread_local! {
    /// The caches of this JavaScript thread by id. Calling a method of a native class costs ten times what calling a
    /// function costs (Node-API compares a type tag through a private property), and a hit is mostly the call.
    static CACHES: RefCell<Vec<Option<Held>>> = const { RefCell::new(Vec::new()) };
    /// Ids of caches whose handle was collected.
    static COLLECTED: RefCell<Vec<usize>> = const { RefCell::new(Vec::new()) };
}

/// Calls `use_cache` with the cache of that id.
pub fn with_cache<T>(id: f64, use_cache: impl FnOnce(&mut Held) -> Result<T>) -> Result<T> {
    CACHES.with_borrow_mut(|caches| {
        let held = caches.get_mut(id as usize).and_then(Option::as_mut);
        use_cache(held.ok_or_else(|| Error::new(Status::InvalidArg, "there is no such cache".to_owned()))?)
    })
}

/// Owns a cache: when this object is collected, so is the cache. Slots are below 2^32 − 1; times are milliseconds of one
/// monotonic clock of the caller's choice.
#[napi(custom_finalize)]
pub struct CacheHandle {
    id: usize,
}

impl ObjectFinalize for CacheHandle {
    fn finalize(self, env: Env) -> Result<()> {
        // Reading a string or reporting memory may collect garbage, and so come here while a cache is in use.
        let buried = COLLECTED.try_with(|collected| collected.borrow_mut().push(self.id));
        match buried {
            Ok(()) => bury_collected(env),
            // The thread ends, and its caches have gone with it.
            Err(_) => Ok(()),
        }
    }
}

/// Drops the caches whose handle was collected, unless a cache is in use: then they are dropped with the next handle.
fn bury_collected(env: Env) -> Result<()> {
    let buried = CACHES.try_with(|caches| {
        let mut caches = caches.try_borrow_mut().ok()?;
        let ids = COLLECTED
            .try_with(|collected| std::mem::take(&mut *collected.borrow_mut()))
            .ok()?;
        Some(
            ids.into_iter()
                .filter_map(|id| caches.get_mut(id)?.take())
                .collect::<Vec<_>>(),
        )
    });
    let buried = buried.ok().flatten().unwrap_or_default();
    let reported: usize = buried.iter().map(|held| held.reported).sum();
    drop(buried);
    if reported > 0 {
        env.adjust_external_memory(-(reported.cast_signed() as i64))?;
    }
    Ok(())
}

#[napi]
impl CacheHandle {
    /// `max_bytes` and `ttl` may be infinite.
    ///
    /// # Errors
    /// For a limit out of its range.
    #[napi(constructor, catch_unwind)]
    pub fn new(
        env: Env,
        page: Uint16Array,
        max_entries: f64,
        max_bytes: f64,
        ttl: f64,
        stale: f64,
        tiny_lfu: bool,
        report_all: bool,
    ) -> Result<Self> {
        bury_collected(env)?;
        let limits = Limits {
            max_entries: integer("maxSize", max_entries, 1.0, 9_007_199_254_740_991.0)? as usize,
            max_bytes: positive("maxBytes", max_bytes)? as u64,
            ttl: positive("ttl", ttl)?,
            stale,
            policy: if tiny_lfu { Policy::TinyLfu } else { Policy::Lru },
            report_all,
        };
        let held = Held {
            cache: Cache::new(limits),
            secret: KeySecret::of_process(),
            page,
            reported: 0,
            vectors: None,
        };
        let id = CACHES.with_borrow_mut(|caches| {
            let id = caches.iter().position(Option::is_none).unwrap_or(caches.len());
            if id == caches.len() {
                caches.push(Some(held));
            } else {
                caches[id] = Some(held);
            }
            id
        });
        Ok(Self { id })
    }

    /// What the functions below know the cache by.
    #[napi(getter, catch_unwind)]
    pub fn id(&self) -> f64 {
        self.id as f64
    }
}

/// What [`cache_calls`] returns.
#[napi(object, object_from_js = false)]
pub struct CacheCalls<'env> {
    #[napi(ts_type = "(id: number, structure: number, now: number, text: string) => number")]
    pub get: Function<'env, (), f64>,
    #[napi(ts_type = "(id: number, structure: number, now: number, text: string, window: number) => number")]
    pub get_stale: Function<'env, (), f64>,
    #[napi(ts_type = "(id: number, structure: number, now: number, text: string) => number")]
    pub peek: Function<'env, (), f64>,
    #[napi(
        ts_type = "(id: number, structure: number, now: number, text: string, bytes: number, ttl: number) => number"
    )]
    pub set: Function<'env, (), f64>,
}

/// The functions that are called most, by name:
/// - `get(id, structure, now, text)`: the slot of a live entry, −1, or −2 when there are dropped slots to take; counts;
/// - `getStale(id, structure, now, text, window)`: 2 × the slot of an entry that is live, or (plus 1) that expired less than
///   `window` ms ago; else as `get`;
/// - `peek(id, structure, now, text)`: the slot of a live entry, or −1; changes nothing;
/// - `set(id, structure, now, text, bytes, ttl)`: stores under a slot and returns 2 × slot, plus 1 when there are dropped
///   slots to take; −1 or −2 when the value is too large to be stored. A `ttl` of 0 stands for the cache's own.
#[napi(catch_unwind)]
pub fn cache_calls(env: &Env) -> Result<CacheCalls<'_>> {
    Ok(CacheCalls {
        get: env.create_function("get", get)?,
        get_stale: env.create_function("getStale", get_stale)?,
        peek: env.create_function("peek", peek)?,
        set: env.create_function("set", set)?,
    })
}

unsafe extern "C" fn get(env: sys::napi_env, info: sys::napi_callback_info) -> sys::napi_value {
    // SAFETY: Node-API calls this with its own environment and call.
    unsafe {
        answer(env, info, |arguments| {
            with_cache(arguments.number(0)?, |held| {
                let key = held.key_of(arguments)?;
                let slot = held.cache.get(key, arguments.number(2)?);
                Ok(slot.map_or_else(|| held.none(), f64::from))
            })
        })
    }
}

unsafe extern "C" fn get_stale(env: sys::napi_env, info: sys::napi_callback_info) -> sys::napi_value {
    // SAFETY: Node-API calls this with its own environment and call.
    unsafe {
        answer(env, info, |arguments| {
            with_cache(arguments.number(0)?, |held| {
                let key = held.key_of(arguments)?;
                let found = held
                    .cache
                    .get_stale(key, arguments.number(2)?, arguments.number(4)?);
                Ok(found.map_or_else(|| held.none(), |(slot, stale)| twice_and(slot, stale)))
            })
        })
    }
}

unsafe extern "C" fn peek(env: sys::napi_env, info: sys::napi_callback_info) -> sys::napi_value {
    // SAFETY: Node-API calls this with its own environment and call.
    unsafe {
        answer(env, info, |arguments| {
            with_cache(arguments.number(0)?, |held| {
                let key = held.key_of(arguments)?;
                Ok(held.cache.peek(key, arguments.number(2)?).map_or(NONE, f64::from))
            })
        })
    }
}

unsafe extern "C" fn set(env: sys::napi_env, info: sys::napi_callback_info) -> sys::napi_value {
    // SAFETY: Node-API calls this with its own environment and call.
    unsafe {
        answer(env, info, |arguments| {
            with_cache(arguments.number(0)?, |held| {
                let key = held.key_of(arguments)?;
                let (now, bytes, ttl) = (arguments.number(2)?, arguments.number(4)?, arguments.number(5)?);
                let slot = held.cache.set(key, bytes as u64, (ttl > 0.0).then_some(ttl), now);
                if let Some(slot) = slot {
                    held.forget_vector(slot);
                }
                held.report_memory(arguments.env())?;
                Ok(match slot {
                    Some(slot) => twice_and(slot, held.cache.has_dropped()),
                    None => held.none(),
                })
            })
        })
    }
}

/// `get` for each of the texts that `texts` consists of, of these `lengths`; slots (or −1) go to `slots`. Returns
/// whether there are dropped slots to take.
#[napi(catch_unwind)]
pub fn cache_get_many(
    env: Env,
    id: f64,
    texts: JsString,
    lengths: Uint32Array,
    mut slots: Int32Array,
    now: f64,
) -> Result<bool> {
    with_cache(id, |held| {
        let mut units = Vec::new();
        append(env, &mut units, texts)?;
        let mut rest = units.as_slice();
        // SAFETY: this call is the only user of the facade's array while it runs on the JavaScript thread.
        let slots = unsafe { slots.as_mut() };
        for (length, slot) in lengths.iter().zip(slots) {
            let (text, behind) = rest.split_at((*length as usize).min(rest.len()));
            rest = behind;
            *slot = held
                .cache
                .get(held.secret.key(&[], text), now)
                .map_or(-1, u32::cast_signed);
        }
        Ok(held.cache.has_dropped())
    })
}

/// Drops a key: 2 × its slot, plus 1 if it was live; −1 if it was not held.
#[napi(catch_unwind)]
pub fn cache_remove(env: Env, id: f64, structure: f64, text: JsString, now: f64) -> Result<f64> {
    with_cache(id, |held| {
        let key = held.key(env, structure, text)?;
        let Some((slot, live)) = held.cache.remove(key, now) else {
            return Ok(NONE);
        };
        held.forget_vector(slot);
        Ok(twice_and(slot, live))
    })
}

/// Drops the entry of an occupied slot.
#[napi(catch_unwind)]
pub fn cache_remove_slot(id: f64, slot: f64) -> Result<()> {
    with_cache(id, |held| {
        held.cache.remove_slot(slot as Slot);
        held.forget_vector(slot as Slot);
        Ok(())
    })
}

/// Drops what has expired; the slots are to be taken. Returns how many.
#[napi(catch_unwind)]
pub fn cache_remove_expired(id: f64, now: f64) -> Result<f64> {
    with_cache(id, |held| Ok(held.cache.remove_expired(now) as f64))
}

/// Drops everything and zeroes the counters.
#[napi(catch_unwind)]
pub fn cache_clear(env: Env, id: f64) -> Result<()> {
    with_cache(id, |held| {
        held.cache.clear();
        held.vectors = None;
        held.report_memory(env)
    })
}

/// Writes dropped slots to `out` as 4 × slot + reason, oldest first, as many as fit; returns how many.
#[napi(catch_unwind)]
pub fn cache_take_dropped(id: f64, mut out: Float64Array) -> Result<f64> {
    with_cache(id, |held| {
        let limit = out.len();
        // SAFETY: this call is the only user of the facade's array while it runs on the JavaScript thread.
        let places = unsafe { out.as_mut() }.iter_mut();
        let written = places
            .zip(held.cache.take_dropped(limit))
            .map(|(place, dropped)| {
                *place = f64::from(dropped.slot) * 4.0 + f64::from(dropped.reason as u8);
                if let Some(vectors) = &mut held.vectors {
                    vectors.remove(dropped.slot);
                }
            });
        Ok(written.count() as f64)
    })
}

/// Number of live entries.
#[napi(catch_unwind)]
pub fn cache_live(id: f64, now: f64) -> Result<f64> {
    with_cache(id, |held| Ok(held.cache.live(now) as f64))
}

/// Writes the slots of the live entries to `out`, as many as fit, the least recently used first; returns how many.
#[napi(catch_unwind)]
pub fn cache_live_slots(id: f64, mut out: Uint32Array, now: f64) -> Result<f64> {
    with_cache(id, |held| {
        // SAFETY: this call is the only user of the facade's array while it runs on the JavaScript thread.
        let places = unsafe { out.as_mut() }.iter_mut();
        let written = places
            .zip(held.cache.live_slots(now))
            .map(|(place, slot)| *place = slot);
        Ok(written.count() as f64)
    })
}

/// Writes hits, misses, evictions, live entries, bytes of values, bytes of the cache itself to `out`.
#[napi(catch_unwind)]
pub fn cache_stats(id: f64, mut out: Float64Array, now: f64) -> Result<()> {
    with_cache(id, |held| {
        let counters = held.cache.counters();
        let figures = [
            counters.hits as f64,
            counters.misses as f64,
            counters.evictions as f64,
            held.cache.live(now) as f64,
            held.cache.bytes() as f64,
            held.allocated() as f64,
        ];
        // SAFETY: this call is the only user of the facade's array while it runs on the JavaScript thread.
        for (place, figure) in unsafe { out.as_mut() }.iter_mut().zip(figures) {
            *place = figure;
        }
        Ok(())
    })
}

fn twice_and(slot: Slot, bit: bool) -> f64 {
    f64::from(slot) * 2.0 + f64::from(u8::from(bit))
}

impl Held {
    fn key(&self, env: Env, structure: f64, text: JsString) -> Result<Key> {
        key(env, &self.page, structure, text, &self.secret)
    }

    /// The key that the arguments 1 (structure) and 3 (text) stand for.
    fn key_of(&self, arguments: &Arguments) -> Result<Key> {
        self.key(arguments.env(), arguments.number(1)?, arguments.string(3)?)
    }

    fn none(&self) -> f64 {
        if self.cache.has_dropped() {
            NONE_AND_DROPPED
        } else {
            NONE
        }
    }

    fn forget_vector(&mut self, slot: Slot) {
        if let Some(vectors) = &mut self.vectors {
            vectors.remove(slot);
        }
    }

    /// Memory of the engine's side, in bytes.
    fn allocated(&self) -> usize {
        self.cache.allocated() + self.vectors.as_ref().map_or(0, Vectors::allocated)
    }

    /// Tells V8 how much memory hangs on this object, so that it is collected in time.
    pub fn report_memory(&mut self, env: Env) -> Result<()> {
        let held = self.allocated();
        if held != self.reported {
            env.adjust_external_memory(held.cast_signed() as i64 - self.reported.cast_signed() as i64)?;
            self.reported = held;
        }
        Ok(())
    }
}
