//! Bit-parallel matrices of two sequences in strips of eight blocks of 64 rows, computed along a wavefront.
//!
//! A block needs what the block above it hands down in the same column. Block l of a strip is therefore one step behind
//! block l−1: at step s it computes column s−l. The blocks of a step do not depend on each other, and the compiler
//! turns them into vector instructions. What leaves the last block is kept for the next strip, a byte for each column.
//!
//! O(⌈m/64⌉ · n) steps, O(m + n) memory.

use std::ops::Range;

use multiversion::multiversion;

use super::match_bits::{LANES, STRIP, StripBits, Symbol};
use crate::scoring::interrupt::{Interrupt, Stop};

/// Number of columns between two looks at the interrupt: some 100 µs.
const COLUMNS: usize = 1 << 14;
/// Edits that a band around the diagonal allows for at first; each time they do not suffice, four times as many.
const FIRST_LIMIT: usize = 128;

/// The computation in the blocks.
pub trait Blocks {
    /// The carry that comes from above the matrix.
    const EDGE: u8;
    /// The state before the first column.
    fn start() -> Self;
    /// Computes the next column of each block. `carry` comes from above and goes down below; `last` is the last row of
    /// each block.
    fn step(&mut self, matches: [u64; LANES], carry: &mut [u64; LANES], last: [u64; LANES]);
}

/// Computes a strip of at most [`STRIP`] rows. `carries` are those from above, and then those that leave the last row.
/// Returns the blocks after the last column.
///
/// # Errors
/// [`Stop::Interrupted`].
pub fn strip<B: Blocks, T: Symbol>(
    bits: &mut StripBits,
    rows: &[T],
    text: &[T],
    carries: &mut [u8],
    interrupt: Interrupt<'_>,
) -> Result<B, Stop> {
    bits.read(rows, text);
    let last_block = (rows.len() - 1) / 64;
    let mut last = [63; LANES];
    last[last_block] = (rows.len() as u64 - 1) % 64;
    let mut wave = Wave {
        blocks: B::start(),
        carry: [0; LANES],
    };
    let steps = text.len() + last_block;
    for start in (0..steps).step_by(COLUMNS) {
        interrupt.check()?;
        let range = start..(start + COLUMNS).min(steps);
        wave = advance(wave, bits, range, last_block, last, carries);
    }
    Ok(wave.blocks)
}

struct Wave<B> {
    blocks: B,
    carry: [u64; LANES],
}

/// Computes a range of steps.
#[multiversion(targets("x86_64+avx2+bmi1+bmi2"))]
fn advance<B: Blocks>(
    wave: Wave<B>,
    bits: &StripBits,
    steps: Range<usize>,
    last_block: usize,
    last: [u64; LANES],
    carries: &mut [u8],
) -> Wave<B> {
    let Wave {
        mut blocks,
        mut carry,
    } = wave;
    let rows = bits.rows();
    let leaving: [u64; LANES] = std::array::from_fn(|lane| if lane == last_block { u64::MAX } else { 0 });
    for step in steps {
        let columns = bits.columns(step);
        // Row 0 holds no match and leaves a block as it is.
        let matches = std::array::from_fn(|lane| rows[columns[LANES - 1 - lane] as usize][lane]);
        // Each block takes what the block above it left in the step before.
        let above = carries.get(step).map_or(0, |&carry| u64::from(carry));
        carry = std::array::from_fn(|lane| if lane == 0 { above } else { carry[lane - 1] });
        blocks.step(matches, &mut carry, last);
        if let Some(carried) = step
            .checked_sub(last_block)
            .and_then(|column| carries.get_mut(column))
        {
            // Not `carry[last_block]`: an index that is not known keeps the carries in memory, and each step would wait for
            // those of the step before to arrive there.
            let left: [u64; LANES] = std::array::from_fn(|lane| carry[lane] & leaving[lane]);
            *carried = left.into_iter().fold(0, |left, lane| left | lane) as u8;
        }
    }
    Wave { blocks, carry }
}

/// Returns the edit distance of blocks whose carries are differences of neighbours: bit 0 is one more, bit 1 one less.
///
/// Looks near the diagonal first (Ukkonen 1985): alike texts take O(⌈m/64⌉ · distance).
///
/// # Errors
/// [`Stop::Interrupted`].
pub fn distance<B: Blocks, T: Symbol>(
    pattern: &[T],
    text: &[T],
    interrupt: Interrupt<'_>,
) -> Result<usize, Stop> {
    let mut limit = FIRST_LIMIT.max(2 * pattern.len().abs_diff(text.len()));
    loop {
        // A band of more than three fifths of the matrix saves too little to be worth a try.
        if 5 * (2 * limit + STRIP) > 3 * text.len() {
            limit = usize::MAX;
        }
        if let Some(distance) = within::<B, T>(pattern, text, limit, interrupt)? {
            return Ok(distance);
        }
        limit = limit.saturating_mul(4);
    }
}

/// Returns the distance if it is at most `limit`, from the cells at most `limit` off the diagonal. Cells outside are taken
/// for the most that they can be: one more than their neighbour.
fn within<B: Blocks, T: Symbol>(
    pattern: &[T],
    text: &[T],
    limit: usize,
    interrupt: Interrupt<'_>,
) -> Result<Option<usize>, Stop> {
    let change = |carries: &[u8]| carries.iter().map(|carry| difference(*carry)).sum::<isize>();
    let mut carries = vec![B::EDGE; text.len()];
    let mut bits = StripBits::default();
    // The value in the last row so far, in front of column `first`.
    let (mut first, mut corner) = (0, 0usize);
    for (rows, start) in pattern.chunks(STRIP).zip((0..).step_by(STRIP)) {
        interrupt.check()?;
        let next_first = usize::saturating_sub(start, limit).min(text.len());
        corner = corner.wrapping_add_signed(change(&carries[first..next_first]));
        first = next_first;
        let end = limit.saturating_add(start + rows.len()).min(text.len());
        strip::<B, T>(
            &mut bits,
            rows,
            &text[first..end],
            &mut carries[first..end],
            interrupt,
        )?;
        corner += rows.len();
        if limit < usize::MAX {
            let mut value = corner;
            let least = carries[first..end].iter().fold(corner, |least, carry| {
                value = value.wrapping_add_signed(difference(*carry));
                least.min(value)
            });
            // Every way to the end leads through this row.
            if least > limit {
                return Ok(None);
            }
        }
    }
    let distance = corner.wrapping_add_signed(change(&carries[first..]));
    Ok((distance <= limit).then_some(distance))
}

fn difference(carry: u8) -> isize {
    (carry & 1) as isize - (carry >> 1 & 1) as isize
}
