//! What the samples of one benchmark say.

use crate::stats::{Moments, median, nearest_rank, outliers, sorted, student_quantile};

/// Rounds a result is cut into, when it has at least as many samples.
pub const ROUNDS: usize = 20;
/// Numbers in [`Summary::figures`].
pub const SUMMARY_FIELDS: usize = 12;

/// Figures of a series of samples, each the duration of one call in ms.
#[derive(Clone, Debug, PartialEq)]
pub struct Summary {
    /// Sum, mean, minimum, maximum, median, p95, p99 (nearest rank), standard deviation, relative margin of error of the
    /// mean in percent, lower and upper end of the mean's 95 % confidence interval, number of outliers.
    pub figures: [f64; SUMMARY_FIELDS],
    /// Median of each round of consecutive samples, in time order.
    pub rounds: Vec<f64>,
}

/// Sums up samples in the order they were taken. The interval and the margin of error come from the means of rounds (a t
/// interval over at most 20 of them), because single samples are not independent and would make both too small. Zeros
/// when empty. O(n log n).
pub fn summarize(samples: &[f64]) -> Summary {
    let moments: Moments = samples.iter().copied().collect();
    let ordered = sorted(samples);
    let parts = ROUNDS.min(samples.len());
    let round = |i: usize| &samples[i * samples.len() / parts..(i + 1) * samples.len() / parts];
    let means: Moments = (0..parts)
        .map(|i| round(i).iter().copied().collect::<Moments>().mean())
        .collect();
    let reach = if parts > 1 {
        student_quantile(0.975, (parts - 1) as f64) * means.std_deviation() / (parts as f64).sqrt()
    } else {
        0.0
    };
    let mean = moments.mean();
    let [low, high] = outliers(samples);
    Summary {
        figures: [
            moments.sum(),
            mean,
            moments.min(),
            moments.max(),
            median(samples),
            nearest_rank(&ordered, 95.0),
            nearest_rank(&ordered, 99.0),
            moments.std_deviation(),
            if mean > 0.0 { reach / mean * 100.0 } else { 0.0 },
            (mean - reach).max(0.0),
            mean + reach,
            (low + high) as f64,
        ],
        rounds: (0..parts).map(|i| median(round(i))).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rounds_are_medians_in_time_order() {
        let samples: Vec<f64> = (0..100).map(f64::from).collect();
        let summary = summarize(&samples);
        assert_eq!(summary.rounds.len(), ROUNDS);
        assert_eq!(&summary.rounds[..3], &[2.0, 7.0, 12.0]);
    }

    #[test]
    fn one_sample_has_no_spread_and_none_has_zeros() {
        let one = summarize(&[3.0]);
        assert_eq!(
            one.figures,
            [3.0, 3.0, 3.0, 3.0, 3.0, 3.0, 3.0, 0.0, 0.0, 3.0, 3.0, 0.0]
        );
        assert_eq!(
            summarize(&[]),
            Summary {
                figures: [0.0; SUMMARY_FIELDS],
                rounds: vec![]
            }
        );
    }
}
