//! Overlap of two lists by the best one-to-one assignment of their elements.
//!
//! The assignment is that of the Hungarian method by shortest augmenting paths (R. Jonker and A. Volgenant, *A shortest
//! augmenting path algorithm for dense and sparse linear assignment problems*, Computing 38, 1987): O(s² · l) for a
//! shorter list of s and a longer of l elements.

use super::interrupt::{Interrupt, Stop};
use super::kernel::{Kernel, MOST_FIGURES, Pair};
use super::two_lists::{TwoLists, two_lists};

/// The scorer of [`score`], with a native scorer of texts for the pairs of elements.
pub struct ListOverlap {
    /// Compares an expected element with an actual one.
    pub pairwise: Box<dyn Kernel>,
    /// True if extra elements of the answer cost nothing.
    pub allow_extra: bool,
    /// The most work of an assignment.
    pub max_cells: f64,
}

impl Kernel for ListOverlap {
    fn score(&self, pair: Pair<'_>, _figures: &mut [f64], interrupt: Interrupt<'_>) -> Result<f64, Stop> {
        let Some(TwoLists { expected, actual, .. }) = two_lists(pair) else {
            return Ok(0.0);
        };
        affordable(expected.len(), actual.len(), self.max_cells)?;
        let mut scratch = [0.0; MOST_FIGURES];
        let row = &mut scratch[..self.pairwise.figures().len()];
        let mut similarity = Vec::with_capacity(expected.len() * actual.len());
        for expected in &expected {
            for actual in &actual {
                interrupt.check()?;
                let expected = std::slice::from_ref(expected);
                similarity.push(self.pairwise.score(Pair { expected, actual }, row, interrupt)?);
            }
        }
        score(
            expected.len(),
            actual.len(),
            self.allow_extra,
            &similarity,
            interrupt,
        )
    }
}

/// Refuses lists that would take more than `max_cells` cells of work or more than [`MAX_PAIRS`] pairs.
///
/// # Errors
/// [`Stop::TooLarge`].
pub fn affordable(expected: usize, actual: usize, max_cells: f64) -> Result<(), Stop> {
    let pairs = expected as f64 * actual as f64;
    let cells = pairs * expected.min(actual) as f64;
    if cells > max_cells {
        return Err(Stop::TooLarge {
            cells,
            limit: max_cells,
        });
    }
    if pairs > MAX_PAIRS {
        return Err(Stop::TooLarge {
            cells: pairs,
            limit: MAX_PAIRS,
        });
    }
    Ok(())
}

/// The most similarities that are held at once (200 MB).
pub const MAX_PAIRS: f64 = 25e6;

/// Computes the overlap of lists of `expected` and `actual` elements. `similarity(i, j)` is that of expected element `i`
/// and actual element `j`, 0–1. The best sum of an assignment is divided by the longer length, or, with `allow_extra`, by that of
/// the expected list. Both empty: 1; one empty: 0.
///
/// # Errors
/// [`Stop::Interrupted`].
pub fn score(
    expected: usize,
    actual: usize,
    allow_extra: bool,
    similarity: &[f64],
    interrupt: Interrupt<'_>,
) -> Result<f64, Stop> {
    match (expected, actual) {
        (0, 0) => return Ok(1.0),
        (0, _) | (_, 0) => return Ok(0.0),
        _ => {}
    }
    let best = if expected <= actual {
        best_sum(expected, actual, |i, j| similarity[i * actual + j], interrupt)?
    } else {
        best_sum(actual, expected, |j, i| similarity[i * actual + j], interrupt)?
    };
    let length = if allow_extra {
        expected
    } else {
        expected.max(actual)
    };
    Ok((best / length as f64).clamp(0.0, 1.0))
}

/// The largest sum of `gain(row, column)` over assignments of each of `rows` rows to a column of its own; `rows` ≤ `columns`.
fn best_sum(
    rows: usize,
    columns: usize,
    gain: impl Fn(usize, usize) -> f64,
    interrupt: Interrupt<'_>,
) -> Result<f64, Stop> {
    const FREE: usize = usize::MAX;
    // Prices keep every reduced cost `-gain - row_price - column_price` at or above 0, and at 0 where assigned.
    let (mut row_prices, mut column_prices) = (vec![0.0; rows], vec![0.0; columns]);
    let mut row_of = vec![FREE; columns];
    for start in 0..rows {
        let mut shortest = vec![f64::INFINITY; columns];
        let mut before = vec![FREE; columns];
        let mut reached = vec![false; columns];
        let (mut row, mut column) = (start, FREE);
        let end = loop {
            interrupt.check()?;
            let mut nearest = (f64::INFINITY, FREE);
            for next in (0..columns).filter(|&next| !reached[next]) {
                let reduced = -gain(row, next) - row_prices[row] - column_prices[next];
                if reduced < shortest[next] {
                    shortest[next] = reduced;
                    before[next] = column;
                }
                if shortest[next] < nearest.0 {
                    nearest = (shortest[next], next);
                }
            }
            // Only values that are not numbers leave nothing near.
            if nearest.1 == FREE {
                return Ok(f64::NAN);
            }
            row_prices[start] += nearest.0;
            for next in 0..columns {
                if reached[next] {
                    row_prices[row_of[next]] += nearest.0;
                    column_prices[next] -= nearest.0;
                } else {
                    shortest[next] -= nearest.0;
                }
            }
            column = nearest.1;
            reached[column] = true;
            if row_of[column] == FREE {
                break column;
            }
            row = row_of[column];
        };
        // The path back to the start shifts each row to the next column.
        let mut column = end;
        while before[column] != FREE {
            row_of[column] = row_of[before[column]];
            column = before[column];
        }
        row_of[column] = start;
    }
    let assigned = row_of.iter().enumerate().filter(|(_, row)| **row != FREE);
    // Summed in the order of rows, whatever the order of columns.
    let mut gains = vec![0.0; rows];
    for (column, &row) in assigned {
        gains[row] = gain(row, column);
    }
    Ok(gains.iter().sum())
}

#[cfg(test)]
mod tests {
    use crate::scoring::interrupt::Interrupt;
    use proptest::prelude::*;

    fn score(expected: usize, actual: usize, allow_extra: bool, similarity: &[f64]) -> f64 {
        super::score(expected, actual, allow_extra, similarity, Interrupt::never()).expect("no interrupt")
    }

    /// The best sum by trying every assignment.
    fn by_trial(rows: usize, columns: usize, gain: &[f64], row: usize, taken: u32) -> f64 {
        if row == rows {
            return 0.0;
        }
        let rest = |skip: Option<usize>| {
            let taken = skip.map_or(taken, |column| taken | 1 << column);
            by_trial(rows, columns, gain, row + 1, taken)
        };
        let free = (0..columns).filter(|column| taken >> column & 1 == 0);
        let best = free.map(|column| gain[row * columns + column] + rest(Some(column)));
        best.fold(rest(None), f64::max)
    }

    #[test]
    fn empty_lists_are_alike_and_unlike_any_other() {
        assert_eq!(score(0, 0, false, &[]), 1.0);
        assert_eq!(score(0, 0, true, &[]), 1.0);
        assert_eq!(score(0, 3, true, &[]), 0.0);
        assert_eq!(score(3, 0, false, &[]), 0.0);
    }

    #[test]
    fn extra_answers_cost_nothing_where_they_are_allowed() {
        assert_eq!(score(1, 2, false, &[1.0, 0.0]), 0.5);
        assert_eq!(score(1, 2, true, &[1.0, 0.0]), 1.0);
        assert_eq!(score(2, 1, true, &[1.0, 0.0]), 0.5);
    }

    proptest! {
        #[test]
        fn the_assignment_is_the_best_of_all((rows, columns, gains) in (1usize..6, 1usize..6).prop_flat_map(|(rows, columns)| {
            (Just(rows), Just(columns), proptest::collection::vec((0u8..=4).prop_map(|n| f64::from(n) / 4.0), rows * columns))
        })) {
            let best = by_trial(rows, columns, &gains, 0, 0);
            let found = score(rows, columns, false, &gains) * rows.max(columns) as f64;
            prop_assert!((best - found).abs() < 1e-9, "{} and {}", best, found);
            let turned: Vec<f64> = (0..columns * rows).map(|at| gains[at % rows * columns + at / rows]).collect();
            prop_assert!((score(columns, rows, false, &turned) - score(rows, columns, false, &gains)).abs() < 1e-12);
        }
    }
}
