//! Positions of symbols in a pattern as bits: what bit-parallel algorithms look up for each symbol of a text.

use hashbrown::HashMap;
use num_traits::{PrimInt, Unsigned, WrappingAdd};

/// Number of blocks in a strip. Two vectors of four words: while one waits for its last instruction, the other goes on.
pub const LANES: usize = 8;
/// Number of pattern symbols in a strip of the matrix.
pub const STRIP: usize = 64 * LANES;

/// A symbol of a sequence: a UTF-16 unit, a code point, or the number of a word.
pub trait Symbol: Copy + Eq + Ord {
    /// A number that no other symbol has.
    fn number(self) -> u32;
}

impl Symbol for u16 {
    fn number(self) -> u32 {
        u32::from(self)
    }
}

impl Symbol for u32 {
    fn number(self) -> u32 {
        self
    }
}

/// An integer that holds a bit for each symbol of a short pattern.
pub trait Word: PrimInt + Unsigned + WrappingAdd {}

impl Word for u64 {}
impl Word for u128 {}

/// The bits of a pattern that fits into a word.
pub struct WordBits<W> {
    latin: [W; 256],
    others: HashMap<u32, W>,
}

impl<W: Word> WordBits<W> {
    /// The bits of `pattern`, bit i for its i-th symbol.
    pub fn new<T: Symbol>(pattern: &[T]) -> Self {
        let mut bits = Self {
            latin: [W::zero(); 256],
            others: HashMap::new(),
        };
        let mut bit = W::one();
        for symbol in pattern {
            let number = symbol.number();
            let symbol_bits = match bits.latin.get_mut(number as usize) {
                Some(latin) => latin,
                None => bits.others.entry(number).or_insert(W::zero()),
            };
            *symbol_bits = *symbol_bits | bit;
            bit = bit << 1;
        }
        bits
    }

    /// The positions of `symbol`.
    pub fn get<T: Symbol>(&self, symbol: T) -> W {
        let number = symbol.number();
        match self.latin.get(number as usize) {
            Some(&bits) => bits,
            None if self.others.is_empty() => W::zero(),
            None => self.others.get(&number).copied().unwrap_or(W::zero()),
        }
    }
}

/// The word with bit `row` alone.
pub fn bit<W: Word>(row: usize) -> W {
    W::one() << row
}

/// The bits of one strip, at most [`STRIP`] symbols of a pattern: a row for each distinct symbol.
///
/// A matrix is computed strip by strip, so that the rows stay in the cache and memory is linear in the texts.
pub struct StripBits {
    rows: Vec<[u64; LANES]>,
    latin: [u16; 256],
    others: HashMap<u32, u16>,
    /// Rows of the text's symbols, between `LANES` − 1 times row 0, that of symbols which the strip does not hold.
    text: Vec<u16>,
}

impl Default for StripBits {
    fn default() -> Self {
        Self {
            rows: Vec::new(),
            latin: [0; 256],
            others: HashMap::new(),
            text: Vec::new(),
        }
    }
}

impl StripBits {
    /// Reads a strip, and the text that runs along it.
    pub fn read<T: Symbol>(&mut self, strip: &[T], text: &[T]) {
        self.rows.clear();
        self.rows.push([0; LANES]);
        self.latin.fill(0);
        self.others.clear();
        for (at, symbol) in strip.iter().enumerate() {
            let number = symbol.number();
            let row = match self.latin.get_mut(number as usize) {
                Some(row) => row,
                None => self.others.entry(number).or_insert(0),
            };
            if *row == 0 {
                // A strip has at most 512 symbols.
                *row = self.rows.len() as u16;
                self.rows.push([0; LANES]);
            }
            self.rows[*row as usize][at / 64] |= 1 << (at % 64);
        }
        self.text.clear();
        self.text.resize(LANES - 1, 0);
        let (latin, others) = (&self.latin, &self.others);
        self.text.extend(text.iter().map(|symbol| {
            let number = symbol.number();
            match latin.get(number as usize) {
                Some(&row) => row,
                None => others.get(&number).copied().unwrap_or(0),
            }
        }));
        self.text.resize(self.text.len() + LANES - 1, 0);
    }

    /// The bits of each distinct symbol of the strip.
    pub fn rows(&self) -> &[[u64; LANES]] {
        &self.rows
    }

    /// The rows of the symbols in columns `step` − `LANES` + 1 to `step`; row 0 beyond the ends of the text.
    pub fn columns(&self, step: usize) -> &[u16] {
        &self.text[step..step + LANES]
    }
}
