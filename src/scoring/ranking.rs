//! Measures of a ranked list of retrieved ids against the relevant ones.
//!
//! Sources: C. Manning, P. Raghavan and H. Schütze, *Introduction to Information Retrieval*, 2008, chapter 8; K. Järvelin
//! and J. Kekäläinen, *Cumulated gain-based evaluation of IR techniques*, ACM TOIS 20, 2002. Of an id that is retrieved
//! several times the first place counts and the others are taken out. Every measure is from 0 to 1, and 0 where nothing is
//! relevant. Linear, but for n log n in the judged ids of nDCG.

use super::interrupt::{Interrupt, Stop};
use super::kernel::{Kernel, Pair};
use super::two_lists::two_lists;
use serde::Deserialize;
use std::collections::{HashMap, HashSet};
use std::hash::{BuildHasher, Hash};

/// The gain of a grade.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Gain {
    /// The grade itself.
    Linear,
    /// `2^grade − 1`
    Exponential,
}

/// The measure. A `k` looks at the first k ids.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Metric {
    /// Relevant ids among the first k, divided by k.
    Precision(usize),
    /// Relevant ids among the first k, divided by all relevant ones.
    Recall(usize),
    /// True if a relevant id is among the first k.
    Hit(usize),
    /// One divided by the place of the first relevant id.
    ReciprocalRank,
    /// The sum of the precisions at each relevant id, divided by all relevant ones.
    AveragePrecision(Option<usize>),
    /// The discounted gain divided by that of the best possible order of all judged ids.
    Ndcg(Option<usize>, Gain),
}

/// The scorer of one [`Metric`]. The lists are the judged ids, with their grades as figures, and the retrieved ones.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Ranking {
    metric: Metric,
}

impl Kernel for Ranking {
    fn score(&self, pair: Pair<'_>, _figures: &mut [f64], _interrupt: Interrupt<'_>) -> Result<f64, Stop> {
        let Some(lists) = two_lists(pair) else {
            return Ok(0.0);
        };
        let grades: HashMap<&[u16], f64> = lists.expected.into_iter().zip(lists.figures).collect();
        Ok(score(self.metric, &grades, &lists.actual))
    }
}

/// Scores the `retrieved` ids by the `grades` of the judged ones; a grade above 0 is relevant.
pub fn score<Id: Copy + Eq + Hash, S: BuildHasher>(
    metric: Metric,
    grades: &HashMap<Id, f64, S>,
    retrieved: &[Id],
) -> f64 {
    let mut seen = HashSet::with_capacity(retrieved.len());
    let ranked: Vec<f64> = retrieved
        .iter()
        .filter(|id| seen.insert(**id))
        .map(|id| grades.get(id).copied().unwrap_or(0.0))
        .collect();
    let relevant = grades.values().filter(|grade| **grade > 0.0).count();
    if relevant == 0 {
        return 0.0;
    }
    let found = |k: usize| ranked.iter().take(k).filter(|grade| **grade > 0.0).count();
    match metric {
        Metric::Precision(k) => found(k) as f64 / k as f64,
        Metric::Recall(k) => found(k) as f64 / relevant as f64,
        Metric::Hit(k) => f64::from(u8::from(found(k) > 0)),
        Metric::ReciprocalRank => {
            let first = ranked.iter().position(|grade| *grade > 0.0);
            first.map_or(0.0, |at| 1.0 / (at + 1) as f64)
        }
        Metric::AveragePrecision(k) => {
            let mut found = 0.0;
            let mut sum = 0.0;
            for (at, grade) in ranked.iter().take(k.unwrap_or(usize::MAX)).enumerate() {
                if *grade > 0.0 {
                    found += 1.0;
                    sum += found / (at + 1) as f64;
                }
            }
            (sum / relevant as f64).min(1.0)
        }
        Metric::Ndcg(k, gain) => {
            let mut ideal: Vec<f64> = grades.values().copied().collect();
            ideal.sort_by(|a, b| b.total_cmp(a));
            let k = k.unwrap_or(usize::MAX);
            let most = ideal[0];
            let gained =
                |grades: &[f64]| discounted(grades.iter().take(k).map(|grade| gain.of(*grade, most)));
            (gained(&ranked) / gained(&ideal)).min(1.0)
        }
    }
}

impl Gain {
    /// The gain of a grade, as a share of that of the largest grade, so that no grade overflows.
    fn of(self, grade: f64, most: f64) -> f64 {
        match self {
            Self::Linear => grade / most,
            Self::Exponential if most < 1000.0 => {
                (grade * std::f64::consts::LN_2).exp_m1() / (most * std::f64::consts::LN_2).exp_m1()
            }
            Self::Exponential => (grade - most).exp2() - (-most).exp2(),
        }
    }
}

fn discounted(gains: impl Iterator<Item = f64>) -> f64 {
    // From 0, since the sum of nothing is −0.
    gains
        .enumerate()
        .fold(0.0, |sum, (at, gain)| sum + gain * discount(at))
}

/// The weight of the place `at`, from 0.
fn discount(at: usize) -> f64 {
    1.0 / ((at + 2) as f64).log2()
}

/// nDCG of items with a relevance and a score each, ordered by descending score; items of the same score share the average
/// of their relevances (`ndcg_score` of scikit-learn with `ignore_ties=False`). Relevances are at least 0; 0 where all are 0.
pub fn ndcg_from_scores(relevance: &[f64], scores: &[f64], k: Option<usize>) -> f64 {
    let most = relevance.iter().copied().fold(0.0, f64::max);
    if most == 0.0 {
        return 0.0;
    }
    let k = k.unwrap_or(usize::MAX);
    let mut items: Vec<(f64, f64)> = scores
        .iter()
        .zip(relevance)
        .map(|(score, grade)| (*score, grade / most))
        .collect();
    items.sort_by(|a, b| b.0.partial_cmp(&a.0).unwrap_or(std::cmp::Ordering::Equal));
    let (mut gained, mut at) = (0.0, 0);
    for tied in items.chunk_by(|a, b| a.0 == b.0) {
        let mean = tied.iter().map(|(_, grade)| grade).sum::<f64>() / tied.len() as f64;
        gained += (at..at + tied.len())
            .take_while(|at| *at < k)
            .map(|at| mean * discount(at))
            .sum::<f64>();
        at += tied.len();
    }
    let mut ideal: Vec<f64> = relevance.iter().map(|grade| grade / most).collect();
    ideal.sort_by(|a, b| b.total_cmp(a));
    (gained / discounted(ideal.into_iter().take(k))).min(1.0)
}

#[cfg(test)]
mod tests {
    use super::{Gain, Metric, ndcg_from_scores, score};
    use proptest::prelude::*;
    use std::collections::HashMap;

    const ALL: [Metric; 7] = [
        Metric::Precision(3),
        Metric::Recall(3),
        Metric::Hit(3),
        Metric::ReciprocalRank,
        Metric::AveragePrecision(None),
        Metric::Ndcg(None, Gain::Linear),
        Metric::Ndcg(Some(3), Gain::Exponential),
    ];

    #[test]
    fn an_empty_list_scores_0_and_not_minus_0() {
        for metric in ALL {
            let scored = score(metric, &HashMap::from([("a", 1.0)]), &[]);
            assert_eq!(scored.to_bits(), 0, "{metric:?}");
        }
    }

    #[test]
    fn duplicates_count_at_their_first_place_only() {
        let grades = HashMap::from([("a", 1.0), ("c", 1.0)]);
        let retrieved = ["a", "a", "b", "a", "c"];
        assert_eq!(score(Metric::Recall(3), &grades, &retrieved), 1.0);
        assert_eq!(score(Metric::Precision(3), &grades, &retrieved), 2.0 / 3.0);
        assert!(score(Metric::Ndcg(None, Gain::Linear), &grades, &retrieved) < 1.0);
    }

    #[test]
    fn nothing_relevant_scores_0() {
        for metric in ALL {
            assert_eq!(score(metric, &HashMap::<&str, f64>::new(), &["a"]), 0.0);
            assert_eq!(score(metric, &HashMap::from([("a", 0.0)]), &["a"]), 0.0);
        }
        assert_eq!(ndcg_from_scores(&[0.0, 0.0], &[1.0, 2.0], None), 0.0);
    }

    #[test]
    fn huge_grades_do_not_overflow() {
        let grades = HashMap::from([("a", 5000.0), ("b", 4999.0)]);
        let turned = score(Metric::Ndcg(None, Gain::Exponential), &grades, &["b", "a"]);
        let exact = (0.5 + discounted_second()) / (1.0 + 0.5 * discounted_second());
        assert!((turned - exact).abs() < 1e-12);
        let grades = HashMap::from([("a", f64::MAX), ("b", f64::MAX)]);
        assert_eq!(score(Metric::Ndcg(None, Gain::Linear), &grades, &["b", "a"]), 1.0);
    }

    fn discounted_second() -> f64 {
        1.0 / 3f64.log2()
    }

    proptest! {
        #[test]
        fn every_measure_is_in_range_and_1_for_the_ideal_order(judged in proptest::collection::btree_map("[a-f]", 0u8..4, 0..6), retrieved in proptest::collection::vec("[a-h]", 0..8)) {
            let grades: HashMap<&str, f64> = judged.iter().map(|(id, grade)| (id.as_str(), f64::from(*grade))).collect();
            let retrieved: Vec<&str> = retrieved.iter().map(String::as_str).collect();
            for metric in ALL {
                prop_assert!((0.0..=1.0).contains(&score(metric, &grades, &retrieved)));
            }
            let mut ideal: Vec<(&str, f64)> = grades.iter().map(|(id, grade)| (*id, *grade)).collect();
            ideal.sort_by(|a, b| b.1.total_cmp(&a.1));
            let ideal: Vec<&str> = ideal.into_iter().map(|(id, _)| id).collect();
            if grades.values().any(|grade| *grade > 0.0) {
                for metric in [Metric::ReciprocalRank, Metric::AveragePrecision(None), Metric::Ndcg(None, Gain::Linear), Metric::Ndcg(Some(2), Gain::Exponential)] {
                    prop_assert_eq!(score(metric, &grades, &ideal), 1.0);
                }
            }
        }
    }
}
