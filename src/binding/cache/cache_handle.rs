//! The caches of a JavaScript thread: who owns them, and the ids that the functions of `cache` know them by.

use std::cell::RefCell;

use napi::bindgen_prelude::{ObjectFinalize, Uint16Array};
use napi::{Env, Error, JsString, Result, Status};
use napi_derive::napi;

use super::hot_call::Arguments;
use super::key::key;
use crate::binding::number::{integer, positive};
use crate::cache::{Cache, Limits, Policy, Slot, Vectors};
use crate::key::{Key, KeySecret};

/// The answer when there is no slot to tell of.
pub const NONE: f64 = -1.0;
/// The same, and there are dropped slots to take.
const NONE_AND_DROPPED: f64 = -2.0;

/// One cache, as the functions of `cache` find it by its id.
pub struct Held {
    pub cache: Cache,
    pub secret: KeySecret,
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
    #[allow(clippy::too_many_arguments)]
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
        let id = enter(held);
        Ok(Self { id })
    }

    /// What the functions below know the cache by.
    #[napi(getter, catch_unwind)]
    pub fn id(&self) -> f64 {
        self.id as f64
    }
}

impl Held {
    pub fn key(&self, env: Env, structure: f64, text: JsString) -> Result<Key> {
        key(env, &self.page, structure, text, &self.secret)
    }

    /// The key that the arguments 1 (structure) and 3 (text) stand for.
    pub fn key_of(&self, arguments: &Arguments) -> Result<Key> {
        self.key(arguments.env(), arguments.number(1)?, arguments.string(3)?)
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
