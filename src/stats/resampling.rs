//! Resampling of means.

use super::{normal_cdf, normal_quantile};
use crate::random::SplitMix64;
use rayon::prelude::*;

/// The generator of one resample. Resamples can be drawn in any order, on any thread.
fn generator(seed: u64, resample: u64) -> SplitMix64 {
    // The state is itself the output of a generator, so that the sequences of two resamples are not each other's, shifted.
    let mut states = SplitMix64::new(seed.wrapping_add(resample.wrapping_mul(0x9E37_79B9_7F4A_7C15)));
    SplitMix64::new(states.next_u64())
}

/// The sums of `resamples` resamples of `values`, in the order of the resamples: the same for a seed whatever the number of
/// threads. O(n · resamples) over the threads of the present rayon pool.
pub fn resampled_sums(values: &[f64], resamples: usize, seed: u64) -> Vec<f64> {
    let draw = |resample: usize| {
        let mut random = generator(seed, resample as u64);
        (0..values.len())
            .map(|_| values[random.below(values.len())])
            .sum()
    };
    (0..resamples).into_par_iter().map(draw).collect()
}

/// The value at `share` (0–1) of ascending `sorted` values, between neighbours by straight line (`numpy.quantile`).
pub fn quantile(sorted: &[f64], share: f64) -> f64 {
    let place = share.clamp(0.0, 1.0) * (sorted.len() - 1) as f64;
    let below = place.floor() as usize;
    let above = (below + 1).min(sorted.len() - 1);
    let (low, high) = (sorted[below], sorted[above]);
    if low == high {
        low
    } else {
        low + (high - low) * (place - below as f64)
    }
}

/// The shares of the resampled means at which the bias-corrected and accelerated interval ends (B. Efron, *Better bootstrap
/// confidence intervals*, JASA 82, 1987), as `scipy.stats.bootstrap` computes them for a mean: `tail` is the share outside at
/// either end, `below` the share of resampled means below the sample's own, ties counted half. `None` where the correction
/// has no finite value.
pub fn bca_shares(values: &[f64], tail: f64, below: f64) -> Option<(f64, f64)> {
    let count = values.len() as f64;
    let mean = values.iter().sum::<f64>() / count;
    // Leaving one value out moves the mean in proportion to how far the value is from it.
    let (mut squares, mut cubes) = (0.0, 0.0);
    for value in values {
        let influence = value - mean;
        squares += influence * influence;
        cubes += influence * influence * influence;
    }
    let acceleration = cubes / (6.0 * squares * squares.sqrt());
    let bias = normal_quantile(below);
    let corrected = |z: f64| normal_cdf(bias + (bias + z) / (1.0 - acceleration * (bias + z)));
    let z = normal_quantile(tail);
    let shares = (corrected(z), corrected(-z));
    (bias.is_finite() && acceleration.is_finite() && shares.0 <= shares.1).then_some(shares)
}

#[cfg(test)]
mod tests {
    use super::{bca_shares, quantile, resampled_sums};

    #[test]
    fn sums_are_the_same_for_any_number_of_threads() {
        let values: Vec<f64> = (0..97).map(|n| f64::from(n * n % 31) / 31.0).collect();
        let with = |threads| {
            let pool = rayon::ThreadPoolBuilder::new()
                .num_threads(threads)
                .build()
                .expect("threads");
            pool.install(|| resampled_sums(&values, 500, 7))
        };
        let one = with(1);
        for threads in [2, 3, 8] {
            assert_eq!(with(threads), one);
        }
        assert_ne!(resampled_sums(&values, 500, 8), one);
        assert_eq!(resampled_sums(&values, 200, 7), one[..200]);
    }

    #[test]
    fn quantiles_lie_on_the_line_between_neighbours() {
        assert_eq!(quantile(&[1.0, 2.0, 4.0], 0.0), 1.0);
        assert_eq!(quantile(&[1.0, 2.0, 4.0], 0.75), 3.0);
        assert_eq!(quantile(&[1.0, 2.0, 4.0], 1.0), 4.0);
        assert_eq!(quantile(&[5.0], 0.3), 5.0);
    }

    #[test]
    fn an_interval_that_cannot_be_corrected_is_none() {
        assert_eq!(bca_shares(&[1.0, 2.0], 0.025, 0.0), None);
        assert_eq!(bca_shares(&[1.0, 1.0], 0.025, 0.5), None);
        assert!(bca_shares(&[1.0, 2.0, 9.0], 0.025, 0.5).is_some());
    }
}
