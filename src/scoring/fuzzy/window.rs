//! The best window: the part of the longer text that is most like the shorter one.
//!
//! Semi-local LCS (Tiskin 2008, "Semi-local string comparison: algorithmic techniques and applications"): one pass of
//! O(m · n) gives the LCS of the shorter text with every window of the longer.

use crate::scoring::edit_distance::similarity;
use crate::scoring::interrupt::{Interrupt, Stop};

/// Cells between two looks at the interrupt.
const CELLS: usize = 1 << 20;

/// Returns the best indel similarity of `pattern` to a window of its length in `text`, also cut off at the ends.
/// `pattern` is not longer than `text`, and not empty.
///
/// # Errors
/// [`Stop::Interrupted`].
pub fn best_window(pattern: &[u32], text: &[u32], interrupt: Interrupt<'_>) -> Result<f64, Stop> {
    let (m, n) = (pattern.len(), text.len());
    let seaweeds = comb(pattern, text, interrupt)?;
    // Where the seaweed that starts above a column ends, if it ends below one.
    let mut end_of = vec![usize::MAX; n];
    for (column, &start) in seaweeds.iter().enumerate() {
        if let Some(above) = start.checked_sub(m) {
            end_of[above] = column;
        }
    }
    // The seaweeds that start and end within the window; each is a column without a match.
    let mut unmatched = 0;
    let (mut start, mut end) = (0, 0);
    let mut best: f64 = 0.0;
    while start < n {
        let in_window = |column: usize, start: usize, end: usize| column >= start && column < end;
        if end < n && end - start < m {
            unmatched += usize::from(seaweeds[end] >= m + start);
            end += 1;
        } else {
            // Those that end in the first column, and the one that starts above it.
            let ends_here = seaweeds[start] >= m + start;
            let starts_here = in_window(end_of[start], start, end) && end_of[start] != start;
            unmatched -= usize::from(ends_here) + usize::from(starts_here);
            start += 1;
        }
        let length = end - start;
        // Within the text only whole windows count.
        if length == m || (length > 0 && (start == 0 || end == n)) {
            let common = length - unmatched;
            best = best.max(similarity(m + length - 2 * common, m + length));
        }
    }
    Ok(best)
}

/// Returns the start of the seaweed that ends below each column: `m + j` for one that starts above column j, less for one
/// that starts left of a row. Two seaweeds cross at most once, and not where the symbols match.
fn comb(pattern: &[u32], text: &[u32], interrupt: Interrupt<'_>) -> Result<Vec<usize>, Stop> {
    let m = pattern.len();
    let mut down: Vec<usize> = (m..m + text.len()).collect();
    let mut cells = 0;
    for (row, symbol) in pattern.iter().enumerate() {
        cells += text.len();
        if cells >= CELLS {
            cells = 0;
            interrupt.check()?;
        }
        let mut right = m - 1 - row;
        for (down, other) in down.iter_mut().zip(text) {
            let turn = symbol == other || right > *down;
            let (next_down, next_right) = if turn { (right, *down) } else { (*down, right) };
            *down = next_down;
            right = next_right;
        }
    }
    Ok(down)
}
