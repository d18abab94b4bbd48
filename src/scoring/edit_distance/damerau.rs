//! Damerau–Levenshtein distance without the restriction of optimal string alignment (Zhao and Sahni 2019).
//!
//! O(m · n) time, O(m + n) memory.

use hashbrown::HashMap;

use super::match_bits::Symbol;
use crate::scoring::interrupt::{Interrupt, Stop};

/// Returns the fewest insertions, deletions, substitutions and swaps of neighbours; `ca` → `abc` is 2.
///
/// # Errors
/// [`Stop::Interrupted`].
pub fn distance<T: Symbol>(a: &[T], b: &[T], interrupt: Interrupt<'_>) -> Result<usize, Stop> {
    // Far more than any distance, and far from an overflow.
    const NEVER: u32 = u32::MAX / 4;
    let columns = b.len();
    // The last row that holds each symbol of b; a symbol number for each column saves a look-up for each cell.
    let mut numbers: HashMap<u32, usize> = HashMap::new();
    let mut number_of = |symbol: T| {
        let next = numbers.len();
        *numbers.entry(symbol.number()).or_insert(next)
    };
    let b_numbers: Vec<usize> = b.iter().map(|&symbol| number_of(symbol)).collect();
    let a_numbers: Vec<usize> = a.iter().map(|&symbol| number_of(symbol)).collect();
    let mut last_row = vec![0u32; numbers.len()];

    // Rows have one more cell in front, at index 0, for column −1: `row[j + 1]` is column j.
    let mut row: Vec<u32> = std::iter::once(NEVER).chain(0..=columns as u32).collect();
    let mut above = vec![NEVER; columns + 2];
    // `before_match[j]`: the cell two columns left and above the last match of a's symbol in column j.
    let mut before_match = vec![NEVER; columns + 2];
    for (i, &symbol) in (1u32..).zip(&a_numbers) {
        interrupt.check()?;
        std::mem::swap(&mut row, &mut above);
        let mut last_column = 0;
        let mut two_rows_up_left = row[1];
        row[1] = i;
        let mut before_swap = NEVER;
        for (j, &other) in b_numbers.iter().enumerate() {
            let cell = j + 2;
            let same = symbol == other;
            let mut best = (above[cell - 1] + u32::from(!same))
                .min(row[cell - 1] + 1)
                .min(above[cell] + 1);
            if same {
                last_column = j as u32 + 1;
                before_match[cell] = above[cell - 2];
                before_swap = two_rows_up_left;
            } else {
                let (rows, gap) = (i - last_row[other], j as u32 + 1 - last_column);
                if last_column > 0 && gap == 1 && last_row[other] > 0 {
                    best = best.min(before_match[cell] + rows);
                } else if last_row[other] > 0 && rows == 1 && last_column > 0 {
                    best = best.min(before_swap + gap);
                }
            }
            two_rows_up_left = row[cell];
            row[cell] = best;
        }
        last_row[symbol] = i;
    }
    Ok(row[columns + 1] as usize)
}
