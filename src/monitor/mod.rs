//! Timings of named components and what can be concluded from them: percentiles, bottlenecks, regressions, benchmarks.
//!
//! A [`Monitor`] is fed with finished calls in bulk (the facade keeps them in a typed array until it is full or someone
//! asks) and holds per component one [`Recording`](recording::Recording): exact count, sum, minimum and maximum, a
//! distribution, and the order in time as at most 64 rounds. A recording takes at most 4 KB plus 0.5 KB per 64 buckets in
//! use (28 KB for a decade of spread), whatever the number of calls. [`call_tree`] tells self time from total time.
//!
//! What always holds: an empty monitor gives zeros; every figure is finite; nothing reads a clock; `benchmark` decides how
//! to sample and what a difference means, and runs nothing.

mod baseline;
pub mod benchmark;
mod bottleneck;
mod call_tree;
mod evidence;
mod recording;
mod reference;
mod regression;
mod run_delay;
mod share;
mod timings;

pub use baseline::BaselineError;
pub use bottleneck::Bottleneck;
pub use call_tree::Node;
pub use reference::reference_work;
pub use regression::{Regression, Thresholds};
pub use run_delay::run_delay;
pub use timings::{CALL_FIELDS, Monitor, TIMING_FIELDS};
