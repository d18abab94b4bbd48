//! Statistics of durations: what a measurement says and how sure one can be of it.
//!
//! Two kinds of part live here:
//! - Streaming ones, whose memory does not grow with the number of values: [`Moments`] (count, sum, mean, variance, extremes)
//!   and [`Histogram`] (percentiles within 0.05 % of exact). Both take O(1) a value.
//! - Functions of values at hand: percentiles, trimmed means, MAD outliers, Cliff's delta, Student's t distribution and the
//!   Benjamini–Hochberg procedure.
//!
//! All are pure: the same numbers always give the same answer. Each names its source and is held to SciPy and NumPy within
//! 1e-9 by `__test__/stats/reference.json`. No function returns NaN or infinity for finite input unless its documentation
//! says so. No empty input panics.

mod binomial;
mod cliffs_delta;
mod false_discovery;
mod histogram;
mod moments;
mod nearest_rank;
mod normal;
mod outliers;
mod resampling;
mod student;
mod trimmed;

#[cfg(test)]
mod reference_tests;

pub use binomial::lower_tail;
pub use cliffs_delta::cliffs_delta;
pub use false_discovery::false_discovery;
pub use histogram::Histogram;
pub use moments::Moments;
pub use nearest_rank::{median, nearest_rank, nearest_ranks, rank_of, sorted};
pub use normal::{normal_cdf, normal_quantile, normal_sf};
pub use outliers::{median_absolute_deviation, outliers};
pub use resampling::{bca_shares, quantile, resampled_sums};
pub use student::{student_quantile, student_sf};
pub use trimmed::{Trimmed, trimmed};
