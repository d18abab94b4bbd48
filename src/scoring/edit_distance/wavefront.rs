//! Bit-parallel matrices of two sequences in strips of four blocks of 64 rows, computed along a wavefront.
//!
//! A block needs what the block above it hands down in the same column. Block l of a strip is therefore one step behind
//! block l−1: at step s it computes column s−l. The four blocks of a step do not depend on each other, and the compiler
//! turns them into vector instructions. What leaves the last block is kept for the next strip, a byte for each column.
//!
//! O(⌈m/64⌉ · n) steps, O(m + n) memory.

use multiversion::multiversion;

use super::match_bits::{LANES, STRIP, StripBits, Symbol};
use crate::scoring::interrupt::{Interrupt, Stop};

/// Number of columns between two looks at the interrupt: some 100 µs.
const COLUMNS: usize = 1 << 14;

/// What is computed in the blocks.
pub trait Blocks {
    /// The state before the first column.
    fn start() -> Self;
    /// Computes the next column of each block. `carry` is what comes from above, and what goes down below.
    fn step(&mut self, matches: [u64; LANES], carry: &mut [u64; LANES], last: [u64; LANES]);
    /// What comes from above the matrix.
    const EDGE: u8;
}

/// Runs `B` over the matrix of `pattern` (rows) and `text` (columns). Returns what left the last row in each column, and
/// the blocks of the last strip.
pub fn run<B: Blocks, T: Symbol>(
    pattern: &[T],
    text: &[T],
    mut each_strip: impl FnMut(&B, usize),
    interrupt: Interrupt<'_>,
) -> Result<Vec<u8>, Stop> {
    let mut carries = vec![B::EDGE; text.len()];
    let mut bits = StripBits::new();
    for strip in pattern.chunks(STRIP) {
        interrupt.check()?;
        bits.read(strip, text);
        let last_block = (strip.len() - 1) / 64;
        let mut last = [63; LANES];
        last[last_block] = (strip.len() as u64 - 1) % 64;
        let mut wave = Wave {
            blocks: B::start(),
            carry: [0; LANES],
        };
        for start in (0..text.len() + last_block).step_by(COLUMNS) {
            interrupt.check()?;
            wave = advance(wave, &bits, start, last_block, last, &mut carries);
        }
        each_strip(&wave.blocks, strip.len());
    }
    Ok(carries)
}

struct Wave<B> {
    blocks: B,
    carry: [u64; LANES],
}

/// Computes up to [`COLUMNS`] steps from step `start` on.
#[multiversion(targets("x86_64+avx2+bmi1+bmi2"))]
fn advance<B: Blocks>(
    wave: Wave<B>,
    bits: &StripBits,
    start: usize,
    last_block: usize,
    last: [u64; LANES],
    carries: &mut [u8],
) -> Wave<B> {
    let Wave {
        mut blocks,
        mut carry,
    } = wave;
    let (rows, text) = (bits.rows(), bits.text());
    let end = (start + COLUMNS).min(text.len() + last_block);
    // Rows of the symbols in columns s, s−1, s−2 and s−3; row 0 holds no match and leaves a block as it is.
    let row = |step: usize, lane: usize| {
        step.checked_sub(lane)
            .and_then(|at| text.get(at))
            .map_or(0, |&r| r as usize)
    };
    for step in start..end {
        let matches = std::array::from_fn(|lane| rows[row(step, lane)][lane]);
        // Each block takes what the block above it left in the step before.
        carry = [
            carries.get(step).map_or(0, |&carry| u64::from(carry)),
            carry[0],
            carry[1],
            carry[2],
        ];
        blocks.step(matches, &mut carry, last);
        if let Some(column) = step.checked_sub(last_block) {
            carries[column] = carry[last_block] as u8;
        }
    }
    Wave { blocks, carry }
}
