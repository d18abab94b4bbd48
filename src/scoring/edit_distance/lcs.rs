//! Length of the longest common subsequence, bit-parallel (Hyyrö 2004): a word operation for 64 cells.

use super::levenshtein::CHUNK;
use super::match_bits::{LANES, STRIP, StripBits, Symbol, Word, WordBits, bit};
use super::wavefront::{self, Blocks};
use crate::scoring::interrupt::{Interrupt, Stop};

/// Returns the number of symbols in the longest common subsequence.
///
/// # Errors
/// [`Stop::Interrupted`].
pub fn length<T: Symbol>(a: &[T], b: &[T], interrupt: Interrupt<'_>) -> Result<usize, Stop> {
    let (pattern, text) = if a.len() <= b.len() { (a, b) } else { (b, a) };
    match pattern.len() {
        0 => Ok(0),
        1..=64 => word::<u64, T>(pattern, text, interrupt),
        65..=128 => word::<u128, T>(pattern, text, interrupt),
        _ => strips(pattern, text, interrupt),
    }
}

fn strips<T: Symbol>(pattern: &[T], text: &[T], interrupt: Interrupt<'_>) -> Result<usize, Stop> {
    let mut length = 0;
    let mut carries = vec![Unmatched::EDGE; text.len()];
    let mut bits = StripBits::default();
    for rows in pattern.chunks(STRIP) {
        interrupt.check()?;
        let Unmatched(blocks) = wavefront::strip(&mut bits, rows, text, &mut carries, interrupt)?;
        for (block, rows) in blocks.into_iter().zip(rows.chunks(64)) {
            let inside = u64::MAX >> (64 - rows.len());
            length += (!block & inside).count_ones() as usize;
        }
    }
    Ok(length)
}

fn word<W: Word, T: Symbol>(pattern: &[T], text: &[T], interrupt: Interrupt<'_>) -> Result<usize, Stop> {
    let bits = WordBits::<W>::new(pattern);
    let mut unmatched = !W::zero();
    for chunk in text.chunks(CHUNK) {
        interrupt.check()?;
        for &symbol in chunk {
            let matches = unmatched & bits.get(symbol);
            unmatched = unmatched.wrapping_add(&matches) | (unmatched & !matches);
        }
    }
    let last: W = bit(pattern.len() - 1);
    let inside = last | (last - W::one());
    Ok((!unmatched & inside).count_ones() as usize)
}

/// Rows where the length does not grow, as set bits.
struct Unmatched([u64; LANES]);

impl Blocks for Unmatched {
    /// The carry of the addition.
    const EDGE: u8 = 0;

    fn start() -> Self {
        Self([u64::MAX; LANES])
    }

    #[allow(clippy::inline_always)] // It is compiled for the instructions of the loop that it is part of.
    #[inline(always)]
    fn step(&mut self, matches: [u64; LANES], carry: &mut [u64; LANES], _last: [u64; LANES]) {
        for lane in 0..LANES {
            let unmatched = self.0[lane];
            let matches = unmatched & matches[lane];
            let sum = unmatched.wrapping_add(matches).wrapping_add(carry[lane]);
            // `matches` is a part of `unmatched`: the addition overflows where the top bit is in both, or is in one and
            // not in the sum.
            carry[lane] = (matches | (unmatched & !sum)) >> 63;
            self.0[lane] = sum | (unmatched & !matches);
        }
    }
}
