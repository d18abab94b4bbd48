//! Binding of similarity search over the vectors of a cache.

use napi::Env;
use napi::bindgen_prelude::{Float64Array, Uint32Array};
use napi_derive::napi;

use super::cache_handle::with_cache;
use crate::binding::error::Result;
use crate::cache::{Slot, Vectors, cosine};

/// The cosine of two vectors of the same length.
#[napi(catch_unwind)]
pub fn vector_cosine(a: Float64Array, b: Float64Array) -> f64 {
    cosine(&a, &b)
}

/// Writes the live slots whose vector the engine does not have yet to `out`, as many as fit; returns how many.
#[napi(catch_unwind)]
pub fn cache_without_vector(id: f64, mut out: Uint32Array, now: f64) -> Result<f64> {
    with_cache(id, |held| {
        let vectors = held.vectors.get_or_insert_with(Vectors::default);
        // SAFETY: this call is the only user of the facade's array while it runs on the JavaScript thread.
        let places = unsafe { out.as_mut() }.iter_mut();
        let missing = held.cache.live_slots(now).filter(|slot| !vectors.contains(*slot));
        Ok(places.zip(missing).map(|(place, slot)| *place = slot).count() as f64)
    })
}

/// Gives the engine the vector of an occupied slot.
#[napi(catch_unwind)]
pub fn cache_add_vector(env: Env, id: f64, slot: f64, vector: Float64Array) -> Result<()> {
    with_cache(id, |held| {
        held.vectors
            .get_or_insert_with(Vectors::default)
            .insert(slot as Slot, &vector);
        held.report_memory(env)
    })
}

/// Writes the live slots nearest to `vector` and their cosines, most similar first, as many as fit; returns how many, or
/// −1 when there is no live one of that length.
#[napi(catch_unwind)]
pub fn cache_nearest(
    id: f64,
    vector: Float64Array,
    mut slots: Uint32Array,
    mut similarities: Float64Array,
    now: f64,
) -> Result<f64> {
    with_cache(id, |held| {
        let live = |slot: Slot| held.cache.is_live(slot, now);
        let found = held
            .vectors
            .as_ref()
            .and_then(|vectors| vectors.nearest(&vector, slots.len(), live));
        let Some(found) = found else { return Ok(-1.0) };
        // SAFETY: this call is the only user of the facade's arrays while it runs on the JavaScript thread.
        let places = unsafe { slots.as_mut().iter_mut().zip(similarities.as_mut()) };
        let written = places
            .zip(found)
            .map(|((slot, similarity), found)| (*slot, *similarity) = found);
        Ok(written.count() as f64)
    })
}
