//! Binding of the module `cache`: a handle that answers with slot numbers; the facade keeps the values.

mod byte_cache;
mod byte_claims;
mod cache_handle;
mod held_bytes;
mod hot_call;
mod key;
mod vectors;

use napi::bindgen_prelude::{Float64Array, Function, Int32Array, Uint32Array};
use napi::{Env, JsString, sys};
use napi_derive::napi;

use crate::binding::error::Result;

use crate::cache::Slot;
use cache_handle::{NONE, with_cache};
use hot_call::answer;
use key::append;

/// The result of [`cache_calls`].
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
    #[napi(ts_type = "(id: number) => number")]
    pub settle: Function<'env, (), f64>,
}

/// The functions that are called most, by name:
/// - `get(id, structure, now, text)`: the slot of a live entry, −1, or −2 when there are dropped slots to take; counts;
/// - `getStale(id, structure, now, text, window)`: 2 × the slot of an entry that is live, or (plus 1) that expired less than
///   `window` ms ago; else as `get`;
/// - `peek(id, structure, now, text)`: the slot of a live entry, or −1; changes nothing;
/// - `set(id, structure, now, text, bytes, ttl)`: stores under a slot and returns 2 × slot, plus 1 when there are dropped
///   slots to take; −1 or −2 when the value is too large to be stored. A `ttl` of 0 stands for the cache's own;
/// - `settle(id)`: does nothing but what every call does first, which is to count the uses that the facade has noted.
///
/// A `structure` below 0 stands for a key that the facade knows by its slot; see `Held::key_of`.
#[napi(catch_unwind)]
pub fn cache_calls(env: &Env) -> Result<CacheCalls<'_>> {
    Ok(CacheCalls {
        get: env.create_function("get", get)?,
        get_stale: env.create_function("getStale", get_stale)?,
        peek: env.create_function("peek", peek)?,
        set: env.create_function("set", set)?,
        settle: env.create_function("settle", settle)?,
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

unsafe extern "C" fn settle(env: sys::napi_env, info: sys::napi_callback_info) -> sys::napi_value {
    // SAFETY: Node-API calls this with its own environment and call.
    unsafe {
        answer(env, info, |arguments| {
            with_cache(arguments.number(0)?, |_| Ok(0.0))
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
