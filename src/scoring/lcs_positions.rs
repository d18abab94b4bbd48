//! Positions of a longest common subsequence: which symbols of a line are in it, of the several that there may be the one
//! that a walk back through the table finds.
//!
//! O(m · n / 64) time. Of the table only the columns at intervals are kept, and those of one interval at a time:
//! O(m · √n / 64) words of memory.

use hashbrown::HashMap;

use super::interrupt::{Interrupt, Stop};

/// A line, prepared for walks through its tables with others.
pub struct LcsPositions<'a> {
    line: &'a [u32],
    occurrences: HashMap<u32, Vec<usize>>,
}

impl<'a> LcsPositions<'a> {
    /// Prepares a line. O(m).
    pub fn new(line: &'a [u32]) -> Self {
        let mut occurrences: HashMap<u32, Vec<usize>> = HashMap::new();
        for (at, &symbol) in line.iter().enumerate() {
            occurrences.entry(symbol).or_default().push(at);
        }
        Self { line, occurrences }
    }

    /// Marks the symbols of the line that are in the subsequence with `other`.
    ///
    /// The walk goes from the ends of both: two equal symbols are in the subsequence; else the end of `other` is dropped
    /// where that is strictly better, and the end of the line where it is not.
    ///
    /// # Errors
    /// [`Stop::Interrupted`].
    pub fn mark(&self, other: &[u32], marks: &mut [bool], interrupt: Interrupt<'_>) -> Result<(), Stop> {
        let words = self.line.len().div_ceil(64);
        if words == 0 || other.is_empty() {
            return Ok(());
        }
        let interval = other.len().isqrt().max(1);
        // A set bit i: the length does not grow from row i to row i + 1 of the column.
        let mut column = vec![u64::MAX; words];
        let mut kept = Vec::with_capacity(words * other.len().div_ceil(interval));
        for (at, &symbol) in other.iter().enumerate() {
            if at % interval == 0 {
                interrupt.check()?;
                kept.extend_from_slice(&column);
            }
            self.advance(&mut column, symbol);
        }

        let (mut rows, mut end) = (self.line.len(), other.len());
        let mut columns = Vec::with_capacity(words * interval);
        while rows > 0 && end > 0 {
            interrupt.check()?;
            let first = (end - 1) / interval * interval;
            column.copy_from_slice(&kept[first / interval * words..][..words]);
            columns.clear();
            for &symbol in &other[first..end] {
                self.advance(&mut column, symbol);
                columns.extend_from_slice(&column);
            }
            while rows > 0 && end > first {
                let row = rows - 1;
                if self.line[row] == other[end - 1] {
                    marks[row] = true;
                    rows -= 1;
                    end -= 1;
                } else if columns[(end - 1 - first) * words + row / 64] >> (row % 64) & 1 == 0 {
                    // The length grows in this row: without it, it is less.
                    end -= 1;
                } else {
                    rows -= 1;
                }
            }
        }
        Ok(())
    }

    /// Goes to the next column.
    fn advance(&self, column: &mut [u64], symbol: u32) {
        let Some(occurrences) = self.occurrences.get(&symbol) else {
            return;
        };
        let mut next = 0;
        let mut carry = false;
        for (at, word) in column.iter_mut().enumerate() {
            let mut matches = 0;
            while let Some(&position) = occurrences.get(next).filter(|&&position| position / 64 == at) {
                matches |= 1 << (position % 64);
                next += 1;
            }
            if matches == 0 && !carry {
                continue;
            }
            let matches = *word & matches;
            let (sum, overflow) = word.overflowing_add(matches);
            let (sum, more) = sum.overflowing_add(u64::from(carry));
            carry = overflow || more;
            *word = sum | (*word & !matches);
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn by_table(line: &[u32], other: &[u32]) -> Vec<bool> {
        let mut table = vec![vec![0; other.len() + 1]; line.len() + 1];
        for i in 1..=line.len() {
            for j in 1..=other.len() {
                table[i][j] = if line[i - 1] == other[j - 1] {
                    table[i - 1][j - 1] + 1
                } else {
                    table[i - 1][j].max(table[i][j - 1])
                };
            }
        }
        let mut marks = vec![false; line.len()];
        let (mut i, mut j) = (line.len(), other.len());
        while i > 0 && j > 0 {
            if line[i - 1] == other[j - 1] {
                marks[i - 1] = true;
                i -= 1;
                j -= 1;
            } else if table[i][j - 1] > table[i - 1][j] {
                j -= 1;
            } else {
                i -= 1;
            }
        }
        marks
    }

    proptest! {
        #[test]
        fn marks_are_those_of_the_table(
            line in prop::collection::vec(0u32..5, 0..150), other in prop::collection::vec(0u32..6, 0..90),
        ) {
            let mut marks = vec![false; line.len()];
            LcsPositions::new(&line).mark(&other, &mut marks, Interrupt::never()).unwrap();
            prop_assert_eq!(marks, by_table(&line, &other));
        }
    }
}
