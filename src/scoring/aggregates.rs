//! Statistics of the scores of a run: intervals and tests.
//!
//! All are functions of their arguments: those that resample take a seed, and give the same figures for any number of
//! threads.

use crate::stats::{bca_shares, lower_tail, normal_quantile, normal_sf, quantile, resampled_sums};
use thiserror::Error;

/// The most values that may be drawn in all: values × resamples.
pub const MAX_DRAWS: u64 = 10_000_000_000;

/// The way an interval is read off the resampled means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Method {
    /// Bias-corrected and accelerated.
    Bca,
    /// The shares outside are the same at both ends.
    Percentile,
}

/// Settings of the resampling of means.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Resampling {
    /// Confidence level of the interval, between 0 and 1.
    pub confidence: f64,
    /// Number of resamples; at least 1.
    pub resamples: usize,
    /// Start of the random numbers.
    pub seed: u64,
}

/// A range.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Interval {
    /// Lower end.
    pub low: f64,
    /// Upper end.
    pub high: f64,
}

/// Why there is no figure.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum AggregateError {
    /// No values.
    #[error("{0} must hold at least one number, got none")]
    Empty(&'static str),
    /// A value that is NaN or infinite.
    #[error("{0} must hold finite numbers, got another at index {1}")]
    NotFinite(&'static str, usize),
    /// Paired lists that differ in length.
    #[error("a and b must have the same length, got {0} and {1}")]
    Lengths(usize, usize),
    /// More draws than [`MAX_DRAWS`].
    #[error("values × resamples must be at most {MAX_DRAWS}, got {0} × {1}; ask for fewer resamples")]
    TooMany(usize, usize),
}

fn finite(name: &'static str, values: &[f64]) -> Result<(), AggregateError> {
    if values.is_empty() {
        return Err(AggregateError::Empty(name));
    }
    let wrong = values.iter().position(|value| !value.is_finite());
    wrong.map_or(Ok(()), |at| Err(AggregateError::NotFinite(name, at)))
}

fn affordable(values: &[f64], resampling: &Resampling) -> Result<(), AggregateError> {
    let draws = (values.len() as u64).saturating_mul(resampling.resamples as u64);
    if draws > MAX_DRAWS {
        return Err(AggregateError::TooMany(values.len(), resampling.resamples));
    }
    Ok(())
}

/// The mean, scaled so that no sum of finite values overflows.
fn mean(values: &[f64]) -> f64 {
    let count = values.len() as f64;
    let sum: f64 = values.iter().sum();
    if sum.is_finite() {
        sum / count
    } else {
        values.iter().map(|value| value / count).sum()
    }
}

/// The mean of `values` and its bootstrap interval, as `scipy.stats.bootstrap` gives it up to the random numbers. Values that
/// are all equal are their own interval; so is, for `bca`, the percentile interval where the correction has no value.
///
/// # Errors
/// When `values` is empty, holds a number that is not finite, or is too long for the resamples.
pub fn bootstrap_interval(
    values: &[f64],
    resampling: &Resampling,
    method: Method,
) -> Result<(f64, Interval), AggregateError> {
    finite("values", values)?;
    affordable(values, resampling)?;
    let first = values[0];
    if values.iter().all(|value| *value == first) {
        return Ok((
            first,
            Interval {
                low: first,
                high: first,
            },
        ));
    }
    // Scaled by a power of two, which changes no digit, so that sums of huge values stay finite.
    let largest = values.iter().fold(0.0f64, |most, value| value.abs().max(most));
    let scale = if largest > 1e290 { 2f64.powi(-100) } else { 1.0 };
    let values: Vec<f64> = values.iter().map(|value| value * scale).collect();
    let own = mean(&values);
    let count = values.len() as f64;
    let sums = resampled_sums(&values, resampling.resamples, resampling.seed);
    let mut means: Vec<f64> = sums.into_iter().map(|sum| sum / count).collect();
    means.sort_unstable_by(f64::total_cmp);
    let tail = (1.0 - resampling.confidence) / 2.0;
    let shares = match method {
        Method::Percentile => None,
        Method::Bca => {
            let below = means.partition_point(|mean| *mean < own);
            let at_most = means.partition_point(|mean| *mean <= own);
            bca_shares(
                &values,
                tail,
                (below + at_most) as f64 / (2.0 * means.len() as f64),
            )
        }
    };
    let (low, high) = shares.unwrap_or((tail, 1.0 - tail));
    let interval = Interval {
        low: quantile(&means, low) / scale,
        high: quantile(&means, high) / scale,
    };
    Ok((own / scale, interval))
}

/// The interval of a share of `passed` among `total` (E. B. Wilson, JASA 22, 1927), without continuity correction. No cases:
/// 0 to 1. `passed` ≤ `total`.
pub fn wilson_interval(passed: f64, total: f64, confidence: f64) -> Interval {
    if total == 0.0 {
        return Interval { low: 0.0, high: 1.0 };
    }
    let z = -normal_quantile((1.0 - confidence) / 2.0);
    let share = passed / total;
    let square = z * z / total;
    let centre = (share + square / 2.0) / (1.0 + square);
    let spread = z / (1.0 + square) * (share * (1.0 - share) / total + square / (4.0 * total)).sqrt();
    // The ends are exact where all or none passed; the formula leaves rounding there.
    Interval {
        low: if passed == 0.0 {
            0.0
        } else {
            (centre - spread).max(0.0)
        },
        high: if passed == total {
            1.0
        } else {
            (centre + spread).min(1.0)
        },
    }
}

/// The method by which [`mcnemar`] gets its p.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum McnemarMethod {
    /// From the binomial distribution, two-sided.
    Exact,
    /// From the χ² distribution with one degree of freedom, with Edwards' continuity correction.
    ChiSquared,
}

/// Tests two systems (Q. `McNemar`, Psychometrika 12, 1947) on the same cases, of which `only_a` cases passed with the first only and `only_b` with the
/// second only: p, and the statistic (the smaller count, or χ²). Equal counts: p is 1.
pub fn mcnemar(only_a: f64, only_b: f64, method: McnemarMethod) -> (f64, f64) {
    let (fewer, all) = (only_a.min(only_b), only_a + only_b);
    let statistic = match method {
        McnemarMethod::Exact => fewer,
        McnemarMethod::ChiSquared if only_a == only_b => 0.0,
        McnemarMethod::ChiSquared => {
            let apart = ((only_a - only_b).abs() - 1.0).max(0.0);
            apart * (apart / all)
        }
    };
    let p = match method {
        _ if only_a == only_b => 1.0,
        McnemarMethod::Exact => (2.0 * lower_tail(fewer, all)).min(1.0),
        McnemarMethod::ChiSquared => 2.0 * normal_sf(statistic.sqrt()),
    };
    (p, statistic)
}

/// The difference of two systems on the same cases.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Difference {
    /// Mean of `a` less mean of `b`.
    pub difference: f64,
    /// Its percentile bootstrap interval.
    pub interval: Interval,
    /// The share of resamples, with the sample itself, that are as far from the difference as it is from 0.
    pub p: f64,
}

/// Compares paired scores by resampling their differences (P. Koehn, *Statistical significance tests for machine translation
/// evaluation*, EMNLP 2004). p is 1 for identical scores.
///
/// # Errors
/// When a list is empty, holds a number that is not finite or is too long for the resamples, or the lengths differ.
pub fn paired_bootstrap(a: &[f64], b: &[f64], resampling: &Resampling) -> Result<Difference, AggregateError> {
    finite("a", a)?;
    finite("b", b)?;
    if a.len() != b.len() {
        return Err(AggregateError::Lengths(a.len(), b.len()));
    }
    affordable(a, resampling)?;
    let count = a.len() as f64;
    let largest = a
        .iter()
        .chain(b)
        .fold(0.0f64, |most, value| value.abs().max(most));
    let scale = if largest > 1e290 { 2f64.powi(-100) } else { 1.0 };
    let differences: Vec<f64> = a.iter().zip(b).map(|(a, b)| a * scale - b * scale).collect();
    let sum: f64 = differences.iter().sum();
    // Rounding must not decide a tie: sums of the same numbers in another order differ in their last digits.
    let rounding = 1e-12 * differences.iter().map(|difference| difference.abs()).sum::<f64>();
    let mut sums = resampled_sums(&differences, resampling.resamples, resampling.seed);
    let far = sums
        .iter()
        .filter(|resampled| (**resampled - sum).abs() >= sum.abs() - rounding)
        .count();
    sums.sort_unstable_by(f64::total_cmp);
    let tail = (1.0 - resampling.confidence) / 2.0;
    let end = |share: f64| quantile(&sums, share) / count / scale;
    Ok(Difference {
        difference: mean(&differences) / scale,
        interval: Interval {
            low: end(tail),
            high: end(1.0 - tail),
        },
        p: (1 + far) as f64 / (resampling.resamples + 1) as f64,
    })
}

#[cfg(test)]
mod tests {
    use super::{
        AggregateError, McnemarMethod, Method, Resampling, bootstrap_interval, mcnemar, paired_bootstrap,
        wilson_interval,
    };
    use proptest::prelude::*;

    const USUAL: Resampling = Resampling {
        confidence: 0.95,
        resamples: 1000,
        seed: 0,
    };

    #[test]
    fn equal_values_are_their_own_interval() {
        for method in [Method::Bca, Method::Percentile] {
            let (mean, interval) = bootstrap_interval(&[0.1; 7], &USUAL, method).expect("values");
            assert_eq!((mean, interval.low, interval.high), (0.1, 0.1, 0.1));
        }
    }

    #[test]
    fn what_has_no_interval_is_refused() {
        let of = |values: &[f64]| bootstrap_interval(values, &USUAL, Method::Bca).err();
        assert_eq!(of(&[]), Some(AggregateError::Empty("values")));
        assert_eq!(of(&[1.0, f64::NAN]), Some(AggregateError::NotFinite("values", 1)));
        let endless = Resampling {
            resamples: usize::MAX,
            ..USUAL
        };
        assert_eq!(
            bootstrap_interval(&[0.0, 1.0], &endless, Method::Bca).err(),
            Some(AggregateError::TooMany(2, usize::MAX))
        );
        assert_eq!(
            paired_bootstrap(&[1.0], &[1.0, 2.0], &USUAL).err(),
            Some(AggregateError::Lengths(1, 2))
        );
        assert_eq!(
            paired_bootstrap(&[1.0], &[f64::INFINITY], &USUAL).err(),
            Some(AggregateError::NotFinite("b", 0))
        );
    }

    #[test]
    fn huge_values_do_not_overflow() {
        let (mean, interval) =
            bootstrap_interval(&[f64::MAX, f64::MAX, 0.0], &USUAL, Method::Bca).expect("values");
        assert!(mean.is_finite() && interval.low.is_finite() && interval.high.is_finite());
        let found = paired_bootstrap(&[f64::MAX / 4.0, 1.0], &[-f64::MAX / 2.0, 1.0], &USUAL).expect("pairs");
        assert!(found.interval.high.is_finite());
    }

    #[test]
    fn identical_runs_do_not_differ() {
        let found = paired_bootstrap(&[0.2, 0.9, 0.4], &[0.2, 0.9, 0.4], &USUAL).expect("pairs");
        assert_eq!(
            (found.difference, found.p, found.interval.low, found.interval.high),
            (0.0, 1.0, 0.0, 0.0)
        );
    }

    #[test]
    fn mcnemar_of_equal_counts_is_1_and_of_huge_ones_finite() {
        for method in [McnemarMethod::Exact, McnemarMethod::ChiSquared] {
            assert_eq!(mcnemar(0.0, 0.0, method).0, 1.0);
            assert_eq!(mcnemar(1e15, 1e15, method).0, 1.0);
            let (p, _) = mcnemar(9e15, 1.0, method);
            assert_eq!(p, 0.0);
            let (p, _) = mcnemar(5e14, 5e14 - 1e8, method);
            assert!(p > 0.0 && p < 1.0);
        }
    }

    #[test]
    fn a_share_of_no_cases_is_anything() {
        let interval = wilson_interval(0.0, 0.0, 0.95);
        assert_eq!((interval.low, interval.high), (0.0, 1.0));
    }

    proptest! {
        #[test]
        fn intervals_hold_the_mean_and_stay_among_the_values(values in proptest::collection::vec(0.0f64..=1.0, 2..30), seed: u64, confidence in 0.5f64..0.999) {
            let resampling = Resampling { confidence, resamples: 200, seed };
            for method in [Method::Bca, Method::Percentile] {
                let (mean, interval) = bootstrap_interval(&values, &resampling, method).expect("values");
                prop_assert!(interval.low <= interval.high);
                let (least, most) = values.iter().fold((1.0f64, 0.0f64), |(a, b), x| (a.min(*x), b.max(*x)));
                prop_assert!(least - 1e-12 <= interval.low && interval.high <= most + 1e-12);
                prop_assert!(least - 1e-12 <= mean && mean <= most + 1e-12);
                prop_assert_eq!(bootstrap_interval(&values, &resampling, method), Ok((mean, interval)));
            }
        }

        #[test]
        fn the_wilson_interval_holds_the_share_and_mirrors(total in 1u32..100_000, part in 0.0f64..=1.0, confidence in 0.5f64..0.9999) {
            let (total, passed) = (f64::from(total), (f64::from(total) * part).floor());
            let interval = wilson_interval(passed, total, confidence);
            prop_assert!(0.0 <= interval.low && interval.low <= passed / total && passed / total <= interval.high && interval.high <= 1.0);
            let mirrored = wilson_interval(total - passed, total, confidence);
            prop_assert!((mirrored.low - (1.0 - interval.high)).abs() < 1e-12);
        }

        #[test]
        fn mcnemar_is_symmetric_and_a_probability(a in 0u32..5000, b in 0u32..5000) {
            for method in [McnemarMethod::Exact, McnemarMethod::ChiSquared] {
                let (p, statistic) = mcnemar(f64::from(a), f64::from(b), method);
                prop_assert_eq!((p, statistic), mcnemar(f64::from(b), f64::from(a), method));
                prop_assert!((0.0..=1.0).contains(&p) && statistic >= 0.0);
            }
        }
    }
}
