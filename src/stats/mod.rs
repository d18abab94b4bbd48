//! Statistics of durations: what a measurement says and how sure one can be of it.
//!
//! Two kinds of part live here. Streaming ones, whose memory does not grow with what they have seen: [`Moments`] (count,
//! sum, mean, variance, extremes; O(1) a value) and [`Histogram`] (percentiles within 0.05 % of exact; O(1) a value).
//! And tests on samples at hand: Welch's t, Mann–Whitney U, bootstrap intervals, MAD outliers, Cliff's delta. All are pure
//! functions of their arguments (the bootstrap takes its seed), so the same numbers always give the same answer. Each names
//! its source and is held to values of SciPy and NumPy to 1e-9 by `__test__/stats/reference.json`.
//!
//! What always holds: no function here returns NaN or infinity for finite input unless its documentation says so, and no
//! empty input panics.

mod binomial;
mod bootstrap;
mod cliffs_delta;
mod histogram;
mod mann_whitney;
mod moments;
mod nearest_rank;
mod normal;
mod outliers;
mod resampling;
mod student;
mod trimmed;
mod welch;

#[cfg(test)]
mod reference_tests;

pub use binomial::lower_tail;
pub use bootstrap::{Interval, bootstrap_mean};
pub use cliffs_delta::cliffs_delta;
pub use histogram::Histogram;
pub use mann_whitney::{MannWhitney, mann_whitney};
pub use moments::Moments;
pub use nearest_rank::{median, nearest_rank, nearest_ranks, rank_of, sorted};
pub use normal::{normal_cdf, normal_quantile, normal_sf};
pub use outliers::{median_absolute_deviation, outliers};
pub use resampling::{bca_shares, quantile, resampled_sums};
pub use student::{student_cdf, student_quantile, student_sf};
pub use trimmed::{Trimmed, trimmed};
pub use welch::{Welch, welch};
