//! Timings of named components and the conclusions from them: percentiles, bottlenecks, regressions, benchmarks.
//!
//! A [`Monitor`] takes in finished calls in bulk: the facade keeps them in a typed array until it is full or someone asks.
//! Each component has one [`Recording`](recording::Recording): exact count, sum, minimum and maximum, a distribution, the order
//! in time as at most 64 rounds, and the reference timing of the machine. It takes at most 4 KB plus 0.5 KB per 64 buckets in
//! use (28 KB for a decade of spread), however many calls. [`call_tree`] tells self time from total time.
//!
//! Invariants:
//! - An empty monitor gives zeros, and every figure is finite.
//! - Nothing reads a clock. `benchmark` decides how to sample and what a difference means, and runs nothing.
//! - Durations are compared as they were measured.

mod baseline;
pub mod benchmark;
mod bottleneck;
mod call_tree;
mod evidence;
mod recording;
mod reference_timing;
mod regression;
mod timings;

pub use baseline::BaselineError;
pub use bottleneck::Bottleneck;
pub use call_tree::Node;
pub use reference_timing::reference_work;
pub use regression::{Judgement, Regression, Thresholds, Unjudged};
pub use timings::{CALL_FIELDS, Monitor, TIMING_FIELDS};
