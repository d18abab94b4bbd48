//! Binding of the room `cache`: a handle that answers with slot numbers; the facade keeps the values.

use std::cell::{Cell, RefCell};

use napi::bindgen_prelude::{Float64Array, Int32Array, ObjectFinalize, Uint16Array, Uint32Array};
use napi::{Env, JsString, Result};
use napi_derive::napi;

use super::key::{append, key};
use super::number::{integer, positive};
use crate::cache::{Cache, Limits, Policy, Slot};
use crate::key::{Key, KeySecret};

/// The answer when there is no slot to tell of.
const NONE: f64 = -1.0;
/// The same, and there are dropped slots to take.
const NONE_AND_DROPPED: f64 = -2.0;

/// One cache. Slots are below 2^32 − 1. Times are milliseconds of one monotonic clock of the caller's choice.
#[napi(custom_finalize)]
pub struct NativeCache {
    cache: RefCell<Cache>,
    secret: KeySecret,
    /// Where the facade writes the structure of a key.
    page: Uint16Array,
    /// Bytes reported to V8.
    reported: Cell<usize>,
}

impl ObjectFinalize for NativeCache {
    fn finalize(self, env: Env) -> Result<()> {
        env.adjust_external_memory(-(self.reported.get().cast_signed() as i64))
            .map(drop)
    }
}

#[napi]
impl NativeCache {
    /// `max_bytes` and `ttl` may be infinite.
    ///
    /// # Errors
    /// For a limit out of its range.
    #[napi(constructor, catch_unwind)]
    pub fn new(
        page: Uint16Array,
        max_entries: f64,
        max_bytes: f64,
        ttl: f64,
        tiny_lfu: bool,
        report_all: bool,
    ) -> Result<Self> {
        let limits = Limits {
            max_entries: integer("maxSize", max_entries, 1.0, 9_007_199_254_740_991.0)? as usize,
            max_bytes: positive("maxBytes", max_bytes)? as u64,
            ttl: positive("ttl", ttl)?,
            policy: if tiny_lfu { Policy::TinyLfu } else { Policy::Lru },
            report_all,
        };
        let (cache, secret) = (RefCell::new(Cache::new(limits)), KeySecret::of_process());
        Ok(Self {
            cache,
            secret,
            page,
            reported: Cell::new(0),
        })
    }

    /// The slot of a live entry, −1, or −2 when there are dropped slots to take. Counts.
    #[napi(catch_unwind)]
    pub fn get(&self, env: Env, structure: f64, text: JsString, now: f64) -> Result<f64> {
        let key = self.key(env, structure, text)?;
        let mut cache = self.cache.borrow_mut();
        let slot = cache.get(key, now);
        Ok(slot.map_or_else(|| none(&cache), f64::from))
    }

    /// The slot of a live entry, or −1. Changes nothing.
    #[napi(catch_unwind)]
    pub fn peek(&self, env: Env, structure: f64, text: JsString, now: f64) -> Result<f64> {
        let key = self.key(env, structure, text)?;
        Ok(self.cache.borrow().peek(key, now).map_or(NONE, f64::from))
    }

    /// `get` for each of the texts that `texts` consists of, of these `lengths`; slots (or −1) go to `slots`. Returns
    /// whether there are dropped slots to take.
    #[napi(catch_unwind)]
    pub fn get_many(
        &self,
        env: Env,
        texts: JsString,
        lengths: Uint32Array,
        mut slots: Int32Array,
        now: f64,
    ) -> Result<bool> {
        let mut units = Vec::new();
        append(env, &mut units, texts)?;
        let mut cache = self.cache.borrow_mut();
        let mut rest = units.as_slice();
        // SAFETY: this call is the only user of the facade's array while it runs on the JavaScript thread.
        let slots = unsafe { slots.as_mut() };
        for (length, slot) in lengths.iter().zip(slots) {
            let (text, behind) = rest.split_at((*length as usize).min(rest.len()));
            rest = behind;
            *slot = cache
                .get(self.secret.key(text, 0), now)
                .map_or(-1, u32::cast_signed);
        }
        Ok(cache.has_dropped())
    }

    /// Stores under a slot: returns 2 × slot, plus 1 when there are dropped slots to take; −1 or −2 when the value is too
    /// large to be stored. A `ttl` of 0 stands for the cache's own.
    #[napi(catch_unwind)]
    pub fn set(
        &self,
        env: Env,
        structure: f64,
        text: JsString,
        bytes: f64,
        ttl: f64,
        now: f64,
    ) -> Result<f64> {
        let key = self.key(env, structure, text)?;
        let mut cache = self.cache.borrow_mut();
        let slot = cache.set(key, bytes as u64, (ttl > 0.0).then_some(ttl), now);
        let answer = match slot {
            Some(slot) => f64::from(slot) * 2.0 + f64::from(u8::from(cache.has_dropped())),
            None => none(&cache),
        };
        self.report_memory(env, &cache)?;
        Ok(answer)
    }

    /// Drops a key: 2 × its slot, plus 1 if it was live; −1 if it was not held.
    #[napi(catch_unwind)]
    pub fn remove(&self, env: Env, structure: f64, text: JsString, now: f64) -> Result<f64> {
        let key = self.key(env, structure, text)?;
        let removed = self.cache.borrow_mut().remove(key, now);
        Ok(removed.map_or(NONE, |(slot, live)| {
            f64::from(slot) * 2.0 + f64::from(u8::from(live))
        }))
    }

    /// Drops the entry of an occupied slot.
    #[napi(catch_unwind)]
    pub fn remove_slot(&self, slot: f64) {
        self.cache.borrow_mut().remove_slot(slot as Slot);
    }

    /// Drops what has expired; the slots are to be taken. Returns how many.
    #[napi(catch_unwind)]
    pub fn remove_expired(&self, now: f64) -> f64 {
        self.cache.borrow_mut().remove_expired(now) as f64
    }

    /// Drops everything and zeroes the counters.
    #[napi(catch_unwind)]
    pub fn clear(&self, env: Env) -> Result<()> {
        let mut cache = self.cache.borrow_mut();
        cache.clear();
        self.report_memory(env, &cache)
    }

    /// Writes dropped slots to `out` as 4 × slot + reason, oldest first, as many as fit; returns how many.
    #[napi(catch_unwind)]
    pub fn take_dropped(&self, mut out: Float64Array) -> f64 {
        let mut cache = self.cache.borrow_mut();
        // SAFETY: this call is the only user of the facade's array while it runs on the JavaScript thread.
        let out = unsafe { out.as_mut() };
        let limit = out.len();
        let mut count = 0.0;
        for (place, dropped) in out.iter_mut().zip(cache.take_dropped(limit)) {
            *place = f64::from(dropped.slot) * 4.0 + f64::from(dropped.reason as u8);
            count += 1.0;
        }
        count
    }

    /// Number of live entries.
    #[napi(catch_unwind)]
    pub fn live(&self, now: f64) -> f64 {
        self.cache.borrow_mut().live(now) as f64
    }

    /// Writes the slots of the live entries to `out`, as many as fit, the least recently used first; returns how many.
    #[napi(catch_unwind)]
    pub fn live_slots(&self, mut out: Uint32Array, now: f64) -> f64 {
        let mut cache = self.cache.borrow_mut();
        // SAFETY: this call is the only user of the facade's array while it runs on the JavaScript thread.
        let out = unsafe { out.as_mut() };
        let mut count = 0.0;
        for (place, slot) in out.iter_mut().zip(cache.live_slots(now)) {
            *place = slot;
            count += 1.0;
        }
        count
    }

    /// Writes hits, misses, evictions, live entries, bytes of values, bytes of the cache itself to `out`.
    #[napi(catch_unwind)]
    pub fn stats(&self, mut out: Float64Array, now: f64) {
        let mut cache = self.cache.borrow_mut();
        let counters = cache.counters();
        let figures = [
            counters.hits as f64,
            counters.misses as f64,
            counters.evictions as f64,
            cache.live(now) as f64,
            cache.bytes() as f64,
            cache.allocated() as f64,
        ];
        // SAFETY: this call is the only user of the facade's array while it runs on the JavaScript thread.
        for (place, figure) in unsafe { out.as_mut() }.iter_mut().zip(figures) {
            *place = figure;
        }
    }

    fn key(&self, env: Env, structure: f64, text: JsString) -> Result<Key> {
        key(env, &self.page, structure, text, &self.secret)
    }

    /// Tells V8 how much memory hangs on this object, so that it is collected in time.
    fn report_memory(&self, env: Env, cache: &Cache) -> Result<()> {
        let (held, reported) = (cache.allocated(), self.reported.get());
        if held != reported {
            env.adjust_external_memory(held.cast_signed() as i64 - reported.cast_signed() as i64)?;
            self.reported.set(held);
        }
        Ok(())
    }
}

fn none(cache: &Cache) -> f64 {
    if cache.has_dropped() {
        NONE_AND_DROPPED
    } else {
        NONE
    }
}
