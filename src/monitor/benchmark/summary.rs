//! Figures of the samples of one benchmark.

use crate::stats::{Moments, median, nearest_rank, outliers, sorted, student_quantile};

/// Rounds a result is cut into, when it has at least as many samples.
pub const ROUNDS: usize = 20;
/// Numbers in [`Summary::figures`].
pub const SUMMARY_FIELDS: usize = 12;

/// Figures of a series of batches, each the mean duration of its calls in ms.
#[derive(Clone, Debug, PartialEq)]
pub struct Summary {
    /// Sum (of samples), mean, minimum, maximum, median, p95, p99 (nearest rank), standard deviation, relative margin of error
    /// of the mean in percent, lower and upper end of the mean's 95 % confidence interval, number of outliers (of samples).
    pub figures: [f64; SUMMARY_FIELDS],
    /// Median of each round of consecutive batches, in time order.
    pub rounds: Vec<f64>,
    /// Median of the reference readings of each round; as many as there are rounds, or none.
    pub reference: Vec<f64>,
}

/// Sums up batches in the order they were taken, `per_sample` of which make a sample. Figures are of batches, which are
/// short enough for most to escape a scheduler; the outliers are of samples. The interval and the margin of error come from
/// the means of rounds (a t interval over at most 20 of them, never more than samples), because single batches are not
/// independent and would make both too small. `references` says for each batch what the reference work took last, or is empty.
/// Zeros when empty. O(n log n).
pub fn summarize(batches: &[f64], references: &[f64], per_sample: usize) -> Summary {
    let moments: Moments = batches.iter().copied().collect();
    let ordered = sorted(batches);
    let per_sample = per_sample.max(1);
    let parts = ROUNDS.min(batches.len().div_ceil(per_sample));
    let round = |of: &[f64], i: usize| of[i * of.len() / parts..(i + 1) * of.len() / parts].to_vec();
    let medians = |of: &[f64]| (0..parts).map(|i| median(&round(of, i))).collect::<Vec<_>>();
    let means: Moments = (0..parts)
        .map(|i| round(batches, i).into_iter().collect::<Moments>().mean())
        .collect();
    let reach = if parts > 1 {
        student_quantile(0.975, (parts - 1) as f64) * means.std_deviation() / (parts as f64).sqrt()
    } else {
        0.0
    };
    let mean = moments.mean();
    let samples: Vec<f64> = batches
        .chunks(per_sample)
        .map(|sample| sample.iter().sum::<f64>() / sample.len() as f64)
        .collect();
    let [low, high] = outliers(&samples);
    Summary {
        figures: [
            moments.sum() / per_sample as f64,
            mean,
            moments.min(),
            moments.max(),
            median(batches),
            nearest_rank(&ordered, 95.0),
            nearest_rank(&ordered, 99.0),
            moments.std_deviation(),
            if mean > 0.0 { reach / mean * 100.0 } else { 0.0 },
            (mean - reach).max(0.0),
            mean + reach,
            (low + high) as f64,
        ],
        rounds: medians(batches),
        reference: if references.len() == batches.len() {
            medians(references)
        } else {
            vec![]
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rounds_are_medians_in_time_order() {
        let samples: Vec<f64> = (0..100).map(f64::from).collect();
        let summary = summarize(&samples, &[], 1);
        assert_eq!(summary.rounds.len(), ROUNDS);
        assert_eq!(&summary.rounds[..3], &[2.0, 7.0, 12.0]);
    }

    #[test]
    fn the_sum_is_of_samples_and_all_else_of_the_batches_they_are_made_of() {
        let batches: Vec<f64> = (0..120).map(|i| if i % 4 == 0 { 9.0 } else { 1.0 }).collect();
        let summary = summarize(&batches, &batches, 4);
        assert_eq!(summary.figures[..5], [90.0, 3.0, 1.0, 9.0, 1.0]);
        assert_eq!(summary.rounds, vec![1.0; ROUNDS]);
        assert_eq!(summary.reference, summary.rounds);
        assert_eq!(summarize(&batches, &[], 40).rounds.len(), 3);
    }

    #[test]
    fn one_sample_has_no_spread_and_none_has_zeros() {
        let one = summarize(&[3.0], &[], 1);
        assert_eq!(
            one.figures,
            [3.0, 3.0, 3.0, 3.0, 3.0, 3.0, 3.0, 0.0, 0.0, 3.0, 3.0, 0.0]
        );
        assert_eq!(
            summarize(&[], &[], 1),
            Summary {
                figures: [0.0; SUMMARY_FIELDS],
                rounds: vec![],
                reference: vec![],
            }
        );
    }
}
