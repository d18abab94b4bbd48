//! Confidence intervals by resampling.

use super::{nearest_rank, sorted};

/// An estimate and the interval that holds the true value with the level asked for.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Interval {
    /// The statistic of the sample itself.
    pub estimate: f64,
    /// Lower end.
    pub low: f64,
    /// Upper end.
    pub high: f64,
}

/// SplitMix64 (Steele, Lea and Flood, *Fast splittable pseudorandom number generators*, OOPSLA 2014): one seed, one
/// sequence, on every platform.
struct SplitMix64(u64);

impl SplitMix64 {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    /// A whole number below `bound`, by the high half of a 128-bit product (bias below 2⁻⁴⁰ for any sample in memory).
    fn below(&mut self, bound: usize) -> usize {
        ((u128::from(self.next()) * bound as u128) >> 64) as usize
    }
}

/// The percentile bootstrap interval of the mean (B. Efron, *Bootstrap methods: another look at the jackknife*, Annals of
/// Statistics 7, 1979), at `level` (0–1) from `resamples` resamples. The same seed gives the same interval. `None` when
/// `values` is empty or `resamples` is 0. O(n · resamples).
pub fn bootstrap_mean(values: &[f64], level: f64, resamples: usize, seed: u64) -> Option<Interval> {
    if values.is_empty() || resamples == 0 {
        return None;
    }
    let mut random = SplitMix64(seed);
    let mean = |sum: f64| sum / values.len() as f64;
    let means: Vec<f64> = (0..resamples)
        .map(|_| {
            mean(
                (0..values.len())
                    .map(|_| values[random.below(values.len())])
                    .sum(),
            )
        })
        .collect();
    let means = sorted(&means);
    let tail = (1.0 - level) / 2.0 * 100.0;
    Some(Interval {
        estimate: mean(values.iter().sum()),
        low: nearest_rank(&means, tail),
        high: nearest_rank(&means, 100.0 - tail),
    })
}
