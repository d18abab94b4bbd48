//! The caches of a JavaScript thread: who owns them, and the ids that the functions of `cache` know them by.

use std::cell::RefCell;

use napi::bindgen_prelude::{Float64Array, ObjectFinalize, Uint16Array, Uint32Array};
use napi::{Env, JsString};
use napi_derive::napi;

use super::hot_call::Arguments;
use super::key::key;
use crate::binding::error::{Code, Failure, Result};
use crate::binding::number::{integer, positive};
use crate::cache::{Cache, Limits, Policy, Slot, Vectors};
use crate::key::{Key, KeySecret};

/// The answer when there is no slot to tell of.
pub const NONE: f64 = -1.0;
/// The same, and there are dropped slots to take.
const NONE_AND_DROPPED: f64 = -2.0;

/// Added to a slot in a note: its live entry got another value.
const REPLACED: u32 = 1 << 31;

/// One cache, as the functions of `cache` find it by its id.
pub struct Held {
    pub cache: Cache,
    pub secret: KeySecret,
    /// The buffer that the facade writes the structure of a key into.
    page: Uint16Array,
    /// Notes of what the facade does itself: the number of notes, and for each a slot that was read, or, with
    /// [`REPLACED`], one whose live entry got another value.
    uses: Uint32Array,
    /// For the note `n` of another value, at `2n` and `2n + 1`: when, and the bytes.
    replacements: Float64Array,
    /// Number of keys that were made here, for a facade that tells texts apart itself.
    made_keys: u64,
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

/// Gives a cache an id.
fn enter(held: Held) -> usize {
    CACHES.with_borrow_mut(|caches| {
        let id = caches.iter().position(Option::is_none).unwrap_or(caches.len());
        if id == caches.len() {
            caches.push(Some(held));
        } else {
            caches[id] = Some(held);
        }
        id
    })
}

/// Calls `use_cache` with the cache of that id, which knows of every use by then.
pub fn with_cache<T>(id: f64, use_cache: impl FnOnce(&mut Held) -> Result<T>) -> Result<T> {
    CACHES.with_borrow_mut(|caches| {
        let held = caches.get_mut(id as usize).and_then(Option::as_mut);
        let held = held.ok_or_else(|| Failure::new(Code::Native, "there is no such cache"))?;
        held.settle_uses();
        use_cache(held)
    })
}

/// Owns a cache: when this object is collected, so is the cache. Slots are below 2^32 − 1; times are milliseconds of one
/// monotonic clock of the caller's choice.
#[napi(custom_finalize)]
pub struct CacheHandle {
    id: usize,
}

impl ObjectFinalize for CacheHandle {
    fn finalize(self, env: Env) -> napi::Result<()> {
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
fn bury_collected(env: Env) -> napi::Result<()> {
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
    #[allow(clippy::too_many_arguments)]
    pub fn new(
        env: Env,
        page: Uint16Array,
        uses: Uint32Array,
        replacements: Float64Array,
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
            uses,
            replacements,
            made_keys: 0,
            reported: 0,
            vectors: None,
        };
        let id = enter(held);
        Ok(Self { id })
    }

    /// The identity of the cache for the functions below.
    #[napi(getter, catch_unwind)]
    pub fn id(&self) -> f64 {
        self.id as f64
    }
}

impl Held {
    pub fn key(&self, env: Env, structure: f64, text: JsString) -> Result<Key> {
        key(env, &self.page, structure, text, &self.secret)
    }

    /// The key that the arguments 1 (structure) and 3 (text) stand for. A structure of −1 is a key that no entry has, and
    /// −2 − slot is the key of the entry in an occupied slot; the text is then not read.
    pub fn key_of(&mut self, arguments: &Arguments) -> Result<Key> {
        let structure = arguments.number(1)?;
        if structure >= 0.0 {
            return self.key(arguments.env(), structure, arguments.string(3)?);
        }
        if structure <= -2.0 {
            return Ok(self.cache.key_of((-2.0 - structure) as Slot));
        }
        self.made_keys += 1;
        Ok(Key {
            // Spread over the hash table (Knuth's multiplicative hashing).
            high: self.made_keys.wrapping_mul(0x9E37_79B9_7F4A_7C15),
            low: self.made_keys,
        })
    }

    /// Tells the cache what the facade has noted since the last call. O(number of notes).
    fn settle_uses(&mut self) {
        // SAFETY: this call is the only user of the facade's arrays while it runs on the JavaScript thread.
        let uses = unsafe { self.uses.as_mut() };
        let Some((count, notes)) = uses.split_first_mut() else {
            return;
        };
        for (place, note) in notes.iter().take(*count as usize).enumerate() {
            if note & REPLACED == 0 {
                self.cache.touch_slot(*note);
                continue;
            }
            let slot = note & !REPLACED;
            let at = 2 * (place + 1);
            let (now, bytes) = (self.replacements[at], self.replacements[at + 1]);
            self.cache.set(self.cache.key_of(slot), bytes as u64, None, now);
            if let Some(vectors) = &mut self.vectors {
                vectors.remove(slot);
            }
        }
        *count = 0;
    }

    pub fn none(&self) -> f64 {
        if self.cache.has_dropped() {
            NONE_AND_DROPPED
        } else {
            NONE
        }
    }

    pub fn forget_vector(&mut self, slot: Slot) {
        if let Some(vectors) = &mut self.vectors {
            vectors.remove(slot);
        }
    }

    /// Memory of the engine's side, in bytes.
    pub fn allocated(&self) -> usize {
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
