//! A batch of pairs, packed into one run of UTF-16 units, and its scores, computed on every thread of a pool.
//!
//! The score of a pair depends on nothing but the pair: a batch gives the same bits for any number of threads.

use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use rayon::prelude::*;

use super::interrupt::{Interrupt, Stop};
use super::kernel::{Kernel, MOST_FIGURES, Pair};

/// UTF-16 units that one task of the pool scores, more or less: some 10 µs of work at least.
const TASK_UNITS: usize = 1 << 14;
/// Pairs that one task scores at most.
const TASK_PAIRS: usize = 256;

/// Pairs of texts, packed.
#[derive(Debug)]
pub struct Batch {
    units: Vec<u16>,
    /// The end of each text.
    ends: Vec<usize>,
    /// The first text of each pair, and behind the last one the number of texts.
    firsts: Vec<usize>,
}

/// The scores of a batch.
#[derive(Debug, PartialEq)]
pub struct Outcome {
    /// For each pair its score and, if they were asked for, its figures.
    pub rows: Vec<f64>,
    /// Pairs that could not be scored (their scores are NaN), in order.
    pub refused: Vec<(usize, Stop)>,
}

impl Batch {
    /// A batch of `counts.len()` pairs. Each has `count` texts, first those expected and then the answer; a pair without
    /// an answer has none. Returns `None` if the lengths do not add up.
    pub fn new(units: Vec<u16>, lengths: &[u32], counts: &[u32]) -> Option<Self> {
        let running = |numbers: &[u32]| {
            let add = |sum: &mut usize, &number: &u32| {
                *sum = sum.checked_add(number as usize)?;
                Some(*sum)
            };
            numbers.iter().scan(0, add).collect::<Vec<usize>>()
        };
        let ends = running(lengths);
        let firsts: Vec<usize> = std::iter::once(0).chain(running(counts)).collect();
        let complete = ends.len() == lengths.len()
            && firsts.len() == counts.len() + 1
            && ends.last().copied().unwrap_or(0) == units.len()
            && firsts.last() == Some(&ends.len())
            && !counts.contains(&1);
        complete.then_some(Self { units, ends, firsts })
    }

    /// Number of pairs.
    pub fn len(&self) -> usize {
        self.firsts.len() - 1
    }

    /// Returns true if there are no pairs.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    fn text(&self, at: usize) -> &[u16] {
        let start = at.checked_sub(1).map_or(0, |before| self.ends[before]);
        &self.units[start..self.ends[at]]
    }

    /// Scores a pair into its row; a pair without an answer scores 0.
    ///
    /// # Errors
    /// The kernel's [`Stop`].
    pub fn score_one(
        &self,
        pair: usize,
        kernel: &dyn Kernel,
        row: &mut [f64],
        interrupt: Interrupt<'_>,
    ) -> Result<(), Stop> {
        let (first, end) = (self.firsts[pair], self.firsts[pair + 1]);
        row.fill(f64::NAN);
        if first == end {
            row[0] = 0.0;
            return Ok(());
        }
        let actual = self.text(end - 1);
        let one = [self.text(first)];
        let several: Vec<&[u16]>;
        let expected = if end - first == 2 {
            &one[..]
        } else {
            several = (first..end - 1).map(|at| self.text(at)).collect();
            &several
        };
        let pair = Pair { expected, actual };
        let (score, figures) = row.split_at_mut(1);
        score[0] = kernel.score(pair, figures, interrupt)?;
        Ok(())
    }

    /// Scores every pair on the threads of the current pool. A row holds the score and, with `figures`, the figures.
    /// `done` counts scored pairs.
    ///
    /// # Errors
    /// [`Stop::Interrupted`]; a pair that is too large is in [`Outcome::refused`].
    pub fn score(
        &self,
        kernel: &dyn Kernel,
        figures: bool,
        interrupt: Interrupt<'_>,
        done: &AtomicUsize,
    ) -> Result<Outcome, Stop> {
        let full = 1 + kernel.figures().len();
        let width = if figures { full } else { 1 };
        let mut rows = vec![f64::NAN; self.len() * width];
        let refused = Mutex::new(Vec::new());
        let each = TASK_UNITS.saturating_mul(self.len()) / self.units.len().max(1);
        let each = each.clamp(1, TASK_PAIRS);
        rows.par_chunks_mut(width * each)
            .enumerate()
            .try_for_each(|(task, rows)| {
                let mut scratch = [0.0; MOST_FIGURES + 1];
                for (at, row) in rows.chunks_exact_mut(width).enumerate() {
                    interrupt.check()?;
                    let pair = task * each + at;
                    match self.score_one(pair, kernel, &mut scratch[..full], interrupt) {
                        Ok(()) => row.copy_from_slice(&scratch[..width]),
                        Err(Stop::Interrupted) => return Err(Stop::Interrupted),
                        Err(stop) => refused
                            .lock()
                            .unwrap_or_else(std::sync::PoisonError::into_inner)
                            .push((pair, stop)),
                    }
                }
                done.fetch_add(rows.len() / width, Ordering::Relaxed);
                Ok(())
            })?;
        let mut refused = refused
            .into_inner()
            .unwrap_or_else(std::sync::PoisonError::into_inner);
        refused.sort_unstable_by_key(|(pair, _)| *pair);
        Ok(Outcome { rows, refused })
    }

    /// Scores the pairs as one corpus; a pair without an answer is left out by the facade. Returns `None` if the metric
    /// has no such form.
    ///
    /// # Errors
    /// [`Stop::Interrupted`].
    pub fn score_corpus(
        &self,
        kernel: &dyn Kernel,
        figures: &mut [f64],
        interrupt: Interrupt<'_>,
    ) -> Option<Result<f64, Stop>> {
        let texts: Vec<&[u16]> = (0..self.ends.len()).map(|at| self.text(at)).collect();
        let pairs: Vec<Pair<'_>> = self
            .firsts
            .windows(2)
            .filter_map(|range| {
                let (actual, expected) = texts[range[0]..range[1]].split_last()?;
                Some(Pair { expected, actual })
            })
            .collect();
        kernel.score_corpus(&pairs, figures, interrupt)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::AtomicBool;

    use proptest::prelude::*;

    use super::*;
    use crate::scoring::kernel::build;

    fn packed(pairs: &[Vec<Vec<u16>>]) -> Batch {
        let lengths: Vec<u32> = pairs.iter().flatten().map(|text| text.len() as u32).collect();
        let counts: Vec<u32> = pairs.iter().map(|texts| texts.len() as u32).collect();
        Batch::new(
            pairs.iter().flatten().flatten().copied().collect(),
            &lengths,
            &counts,
        )
        .unwrap()
    }

    fn levenshtein() -> Box<dyn Kernel> {
        build(r#"{"kernel":"editDistance","measure":"levenshtein","maxCells":10000}"#).unwrap()
    }

    fn on_threads(threads: usize, batch: &Batch, figures: bool) -> Outcome {
        let pool = rayon::ThreadPoolBuilder::new()
            .num_threads(threads)
            .build()
            .unwrap();
        let done = AtomicUsize::new(0);
        let kernel = levenshtein();
        let outcome = pool
            .install(|| batch.score(&*kernel, figures, Interrupt::never(), &done))
            .unwrap();
        assert_eq!(done.into_inner(), batch.len());
        outcome
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 40, ..ProptestConfig::default() })]

        #[test]
        fn scores_are_those_of_single_pairs_on_any_number_of_threads(
            pairs in prop::collection::vec(
                prop_oneof![
                    Just(Vec::new()),
                    prop::collection::vec(prop::collection::vec(any::<u16>(), 0..80), 2..5),
                ],
                0..300,
            ),
        ) {
            let batch = packed(&pairs);
            let one = on_threads(1, &batch, true);
            let bits = |outcome: &Outcome| outcome.rows.iter().map(|value| value.to_bits()).collect::<Vec<_>>();
            prop_assert_eq!(bits(&one), bits(&on_threads(4, &batch, true)));
            let scores: Vec<u64> = one.rows.iter().step_by(2).map(|score| score.to_bits()).collect();
            prop_assert_eq!(scores, bits(&on_threads(3, &batch, false)));
            for (at, texts) in pairs.iter().enumerate() {
                let Some((actual, expected)) = texts.split_last() else {
                    prop_assert_eq!(one.rows[2 * at], 0.0);
                    continue;
                };
                let expected: Vec<&[u16]> = expected.iter().map(Vec::as_slice).collect();
                let mut figures = [0.0];
                let pair = Pair { expected: &expected, actual };
                let score = levenshtein().score(pair, &mut figures, Interrupt::never()).unwrap();
                prop_assert_eq!([score, figures[0]], [one.rows[2 * at], one.rows[2 * at + 1]]);
            }
        }
    }

    #[test]
    fn a_pair_that_is_too_large_is_refused_alone() {
        let (small, large) = (vec![1u16, 2], vec![3u16; 200]);
        let pairs = [
            vec![small.clone(), small.clone()],
            vec![large, vec![4u16; 200]],
            vec![small.clone(), small],
        ];
        let outcome = on_threads(2, &packed(&pairs), false);
        let stop = Stop::TooLarge {
            cells: 40_000.0,
            limit: 10_000.0,
        };
        assert_eq!(outcome.refused, [(1, stop)]);
        assert!(outcome.rows[1].is_nan());
        assert_eq!([outcome.rows[0], outcome.rows[2]], [1.0, 1.0]);
    }

    #[test]
    fn an_interrupt_ends_the_batch() {
        let raised = AtomicBool::new(true);
        let batch = packed(&[vec![vec![1], vec![2]]]);
        let outcome = batch.score(
            &*levenshtein(),
            false,
            Interrupt::new(&raised),
            &AtomicUsize::new(0),
        );
        assert_eq!(outcome, Err(Stop::Interrupted));
    }

    #[test]
    fn lengths_that_do_not_add_up_are_refused() {
        assert!(Batch::new(vec![1, 2, 3], &[1, 1], &[2]).is_none());
        assert!(Batch::new(vec![1, 2], &[1, 1], &[2, 2]).is_none());
        assert!(Batch::new(vec![1], &[1], &[1]).is_none());
        assert!(Batch::new(vec![], &[], &[0, 0]).is_some());
    }
}
