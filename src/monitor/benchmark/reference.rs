//! How quick the machine itself was while something was measured.
//!
//! A machine shares its cores, caches and clock with others, and for seconds at a time it may be half as quick as a moment
//! before: two runs of one function, one after the other, then differ by up to 80 %, and nothing within either run shows it.
//! A fixed piece of work that is timed in between does. What a function has in common with it is the machine's, not the
//! function's (a control variate, as in an analysis of covariance: R. A. Fisher, *Statistical Methods for Research Workers*,
//! 1932, § 49.1). How much that is depends on the function: one that waits for its own last result hardly notices a
//! neighbour, one that misses caches notices more than the work here does. So the share is estimated from the rounds at
//! hand, drawn to what functions usually share, and what is not known of it is part of the error.

use super::comparison::{Side, ln};
use crate::stats::{median, median_absolute_deviation};
use std::hint::black_box;

/// What is parsed, and how often: about 5 µs.
const TEXT: &str = r#"{"id":1,"name":"a","tags":["x","y"],"score":0.5,"nested":{"deep":[1,2,3,{"key":"text in \"quotes\""}],"flag":true,
"none":null},"text":"some longer text to read over, like a case of a dataset"}"#;
const TIMES: usize = 4;

/// How much of a change of the machine's pace functions show, on the logarithms, and how far they are apart in that. Measured
/// beside a neighbour on the same core: 0.02 (integer arithmetic, each step on the last), 0.55 to 0.6 (string building, a
/// regular expression, sorting), 0.75 to 0.85 (`JSON.parse`), 1 (SHA-256 of a short text), 1.1 (lookups all over a large map).
const USUAL_SHARE: f64 = 0.7;
const SHARES_APART: f64 = 0.4;
/// What is never known of the share: it depends on what the neighbours do as well.
const LEAST_ERROR: f64 = 0.15;
const MOST_SHARE: f64 = 1.5;
/// Relative standard deviation rounds have at least.
const LEAST_NOISE: f64 = 0.01;

/// The work: parses a short text, which takes a core's whole width: arithmetic, branches, memory. Of what was tried (sums in
/// independent lanes, an interpreter with unpredictable branches, this) its time follows that of JavaScript best, with
/// correlations of 0.90 to 0.97. Always the same; leaves nothing behind.
pub fn reference_work() -> usize {
    let members = |text| {
        let parsed = serde_json::from_str::<serde_json::Value>(text);
        parsed
            .ok()
            .and_then(|value| value.as_object().map(serde_json::Map::len))
    };
    (0..TIMES).filter_map(|_| members(black_box(TEXT))).sum()
}

/// Two results as if the machine had been equally quick during both.
pub(super) struct Levelled {
    /// Logarithms of the rounds.
    pub before: Vec<f64>,
    pub after: Vec<f64>,
    /// What is to be taken off a difference of averages, as a logarithm.
    pub shared: f64,
    /// Squared standard error that the levelling adds.
    pub error: f64,
    /// The logarithm of the reference work's duration, after over before; 0 when unknown.
    pub pace: f64,
}

/// Levels the rounds of both sides; leaves them as they are where a side has no reference. O(rounds · log rounds).
pub(super) fn levelled(before: &Side, after: &Side) -> Levelled {
    let logs = |values: &[f64]| values.iter().map(|value| ln(*value)).collect::<Vec<_>>();
    let mut level = Levelled {
        before: logs(&before.rounds),
        after: logs(&after.rounds),
        shared: 0.0,
        error: 0.0,
        pace: 0.0,
    };
    if !before.has_reference() || !after.has_reference() {
        return level;
    }
    let [pace_before, pace_after] = [logs(&before.reference), logs(&after.reference)];
    let (share, share_error) = share_of(&[(&level.before, &pace_before), (&level.after, &pace_after)]);
    let middle = median(&pace_before);
    level.pace = median(&pace_after) - middle;
    level.shared = share * level.pace;
    level.error = (share_error * level.pace).powi(2);
    for (rounds, pace) in [(&mut level.before, &pace_before), (&mut level.after, &pace_after)] {
        for (round, pace) in rounds.iter_mut().zip(pace) {
            *round -= share * (pace - middle);
        }
    }
    level
}

/// How much of a change of pace a function shows, with its standard error: from how the rounds of each run (own, pace) follow
/// the pace within that run, by least squares, drawn towards what is usual (a normal prior on the slope).
fn share_of(runs: &[(&[f64], &[f64])]) -> (f64, f64) {
    let centred = |values: &[f64]| {
        let middle = median(values);
        values.iter().map(|value| value - middle).collect::<Vec<_>>()
    };
    let points: Vec<(f64, f64)> = runs
        .iter()
        .flat_map(|(own, pace)| centred(pace).into_iter().zip(centred(own)))
        .collect();
    let [squares, products] = points
        .iter()
        .fold([0.0, 0.0], |[xx, xy], (x, y)| [xx + x * x, xy + x * y]);
    let prior = (SHARES_APART * SHARES_APART).recip();
    let fitted = |share: f64| {
        let rest: Vec<f64> = points.iter().map(|(x, y)| y - share * x).collect();
        let noise = median_absolute_deviation(&rest).max(LEAST_NOISE).powi(2);
        let precision = prior + squares / noise;
        let share = (prior * USUAL_SHARE + products / noise) / precision;
        (share.clamp(0.0, MOST_SHARE), precision)
    };
    let (first, _) = fitted(USUAL_SHARE);
    let (share, precision) = fitted(first);
    (share, libm::hypot(LEAST_ERROR, precision.sqrt().recip()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn side(rounds: Vec<f64>, reference: Vec<f64>) -> Side {
        Side {
            average: rounds.iter().sum::<f64>() / rounds.len() as f64,
            deviation: 0.0,
            iterations: rounds.len() as f64,
            rounds,
            reference,
            total: 50.0,
            systematic: 0.0,
        }
    }

    #[test]
    fn the_work_is_always_the_same() {
        assert_eq!(reference_work(), 6 * TIMES);
    }

    #[test]
    fn without_a_reference_on_both_sides_nothing_is_levelled() {
        let plain = levelled(&side(vec![1.0; 4], vec![]), &side(vec![2.0; 4], vec![1.0; 4]));
        assert_eq!((plain.shared, plain.error, plain.pace), (0.0, 0.0, 0.0));
        assert_eq!(plain.after, vec![libm::log(2.0); 4]);
    }

    #[test]
    fn the_share_of_a_function_is_found_where_the_pace_changes_within_a_run() {
        let pace: Vec<f64> = (0..20).map(|i| if i % 7 < 3 { 1.0 } else { 1.8 }).collect();
        for share in [0.0, 0.5, 1.0, 1.4] {
            let own: Vec<f64> = pace.iter().map(|p: &f64| p.powf(share)).collect();
            let logs = |values: &[f64]| values.iter().map(|v| ln(*v)).collect::<Vec<_>>();
            let (found, error) = share_of(&[(&logs(&own), &logs(&pace))]);
            assert!((found - share).abs() < 0.02, "{share}: {found}");
            assert!((LEAST_ERROR..0.2).contains(&error));
        }
    }

    #[test]
    fn where_it_does_not_the_share_is_what_is_usual_and_uncertain() {
        let found = levelled(
            &side(vec![1.0; 20], vec![1.0; 20]),
            &side(vec![1.7; 20], vec![1.8; 20]),
        );
        assert!((found.shared - USUAL_SHARE * libm::log(1.8)).abs() < 1e-9);
        assert!(found.error.sqrt() > 0.2);
    }
}
