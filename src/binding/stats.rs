//! Binding of what benchmarks ask of the modules `stats` and `monitor`.

use super::error::{Failure, Result};
use super::number::integer;
use crate::monitor::benchmark::{Change, Clock, calls_per_sample, compare, is_settled, summarize};
use crate::monitor::reference_work;
use napi::bindgen_prelude::Float64ArraySlice;
use napi_derive::napi;
use std::{hint::black_box, time::Instant};

/// The number of calls to time as one sample, when one takes `call` ms and the clock steps by `resolution` and costs `cost` ms.
#[napi(catch_unwind)]
pub fn benchmark_calls_per_sample(call: f64, resolution: f64, cost: f64) -> f64 {
    calls_per_sample(call, Clock { resolution, cost })
}

/// Says if the last rounds of a warm-up agree.
#[napi(catch_unwind)]
pub fn benchmark_is_settled(medians: Float64ArraySlice) -> bool {
    is_settled(&medians)
}

/// Timings in a row, of which the shortest is the reading. The first few load caches, and others are interrupted.
const TIMINGS: usize = 10;

/// A reading of how quick the machine is: what a fixed piece of work takes at best, ms (about 0.0015). Takes about 20 µs, on the
/// system's own clock whatever the clock of JavaScript is made to say.
#[napi(catch_unwind)]
pub fn reference_timing() -> f64 {
    let timing = |_| {
        let start = Instant::now();
        black_box(reference_work());
        start.elapsed().as_secs_f64() * 1000.0
    };
    (0..TIMINGS).map(timing).fold(f64::INFINITY, f64::min)
}

/// Sums up batches, of which `per_sample` make a sample: writes the figures to the front of `out`, then the medians of rounds,
/// then of their reference readings, if there are any; returns how many rounds.
#[napi(catch_unwind)]
pub fn benchmark_summarize(
    batches: Float64ArraySlice,
    references: Float64ArraySlice,
    per_sample: f64,
    mut out: Float64ArraySlice,
) -> Result<f64> {
    let per_sample = integer("per_sample", per_sample, 1.0, f64::from(u32::MAX))? as usize;
    let summary = summarize(&batches, &references, per_sample);
    // SAFETY: the facade passes an array it owns, of memory no other thread sees, and does not touch it during this call;
    // it is neither of the others.
    let out = unsafe { out.as_mut() };
    let all: Vec<f64> = [&summary.figures[..], &summary.rounds, &summary.reference].concat();
    let Some(front) = out.get_mut(..all.len()) else {
        return Err(Failure::out_of_range("out is too short for the figures"));
    };
    front.copy_from_slice(&all);
    Ok(summary.rounds.len() as f64)
}

/// Compares two results: a `Change` as JSON in, a `Comparison` as JSON out.
#[napi(catch_unwind)]
pub fn benchmark_compare(change: String) -> Result<String> {
    let broken = |error: serde_json::Error| Failure::invalid(format!("not two benchmark results: {error}"));
    let change: Change = serde_json::from_str(&change).map_err(broken)?;
    serde_json::to_string(&compare(&change)).map_err(broken)
}
