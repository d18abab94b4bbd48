//! Levenshtein distance, bit-parallel (Myers 1999, in the form of Hyyrö 2003): a word operation for 64 cells.

use super::match_bits::{LANES, Symbol, Word, WordBits, bit};
use super::wavefront::{self, Blocks};
use crate::scoring::interrupt::{Interrupt, Stop};

/// Returns the fewest insertions, deletions and substitutions that turn one sequence into the other.
///
/// # Errors
/// [`Stop::Interrupted`].
pub fn distance<T: Symbol>(a: &[T], b: &[T], interrupt: Interrupt<'_>) -> Result<usize, Stop> {
    let (pattern, text) = if a.len() <= b.len() { (a, b) } else { (b, a) };
    match pattern.len() {
        0 => Ok(text.len()),
        1..=64 => word::<u64, T>(pattern, text, interrupt),
        65..=128 => word::<u128, T>(pattern, text, interrupt),
        _ => wavefront::distance::<Vertical, T>(pattern, text, interrupt),
    }
}

/// Number of symbols between two looks at the interrupt.
pub const CHUNK: usize = 1 << 16;

fn word<W: Word, T: Symbol>(pattern: &[T], text: &[T], interrupt: Interrupt<'_>) -> Result<usize, Stop> {
    let bits = WordBits::<W>::new(pattern);
    let last: W = bit(pattern.len() - 1);
    let (mut plus, mut minus) = (!W::zero(), W::zero());
    let mut distance = pattern.len();
    for chunk in text.chunks(CHUNK) {
        interrupt.check()?;
        for &symbol in chunk {
            let matches = bits.get(symbol);
            let diagonal = (((matches & plus).wrapping_add(&plus)) ^ plus) | matches | minus;
            let rises = minus | !(diagonal | plus);
            let falls = diagonal & plus;
            distance += usize::from(!(rises & last).is_zero());
            distance -= usize::from(!(falls & last).is_zero());
            let (rises, falls) = ((rises << 1) | W::one(), falls << 1);
            plus = falls | !(diagonal | rises);
            minus = rises & diagonal;
        }
    }
    Ok(distance)
}

/// Vertical differences of the current column: where the cell below is one more, and where it is one less.
struct Vertical {
    plus: [u64; LANES],
    minus: [u64; LANES],
}

impl Blocks for Vertical {
    /// Bit 0: one more than in the column before, bit 1: one less.
    const EDGE: u8 = 1;

    fn start() -> Self {
        Self {
            plus: [u64::MAX; LANES],
            minus: [0; LANES],
        }
    }

    #[allow(clippy::inline_always)] // It is compiled for the instructions of the loop that it is part of.
    #[inline(always)]
    fn step(&mut self, matches: [u64; LANES], carry: &mut [u64; LANES], last: [u64; LANES]) {
        for lane in 0..LANES {
            let (plus, minus) = (self.plus[lane], self.minus[lane]);
            let (more, less) = (carry[lane] & 1, carry[lane] >> 1);
            let matches = matches[lane] | less;
            let diagonal = (((matches & plus).wrapping_add(plus)) ^ plus) | matches | minus;
            let rises = minus | !(diagonal | plus);
            let falls = diagonal & plus;
            carry[lane] = ((rises >> last[lane]) & 1) | (((falls >> last[lane]) & 1) << 1);
            let (rises, falls) = ((rises << 1) | more, (falls << 1) | less);
            self.plus[lane] = falls | !(diagonal | rises);
            self.minus[lane] = rises & diagonal;
        }
    }
}
