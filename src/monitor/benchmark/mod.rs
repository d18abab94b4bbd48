//! Benchmarks: how to sample a function, what the samples say, and whether two results differ.
//!
//! Nothing here runs or times anything: the facade calls the function and hands in what it measured.

mod comparison;
mod ratio;
mod sampling;
mod summary;

pub use comparison::{Comparison, compare};
pub use ratio::{Change, Side};
pub use sampling::{Clock, calls_per_sample, is_settled};
pub use summary::{ROUNDS, SUMMARY_FIELDS, Summary, summarize};
