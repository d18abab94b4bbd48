//! Recent frequencies of keys, in a few bits per key.
//!
//! A count-min sketch of 4-bit counters, four per key, all halved after every 10 × capacity increments so that the past
//! fades (Einziger, Friedman, Manes, "`TinyLFU`: A Highly Efficient Cache Admission Policy", ACM Transactions on Storage 2017). An estimate is
//! never below the true count since the last halving (up to 15). Cost: O(1), 8 bytes per entry of capacity.

use crate::key::Key;

const ODD: u64 = 0x1111_1111_1111_1111;
const HALF: u64 = 0x7777_7777_7777_7777;

#[derive(Debug)]
pub struct FrequencySketch {
    /// 16 counters of 4 bits each; the length is a power of two.
    words: Vec<u64>,
    additions: usize,
    sample: usize,
}

impl FrequencySketch {
    /// A sketch for `capacity` entries.
    pub fn new(capacity: usize) -> Self {
        let words = capacity.next_power_of_two().max(64);
        Self {
            words: vec![0; words],
            additions: 0,
            sample: capacity.max(64).saturating_mul(10),
        }
    }

    /// For how many entries it is large enough.
    pub fn capacity(&self) -> usize {
        self.words.len()
    }

    /// Counts one use of `key`.
    pub fn increment(&mut self, key: Key) {
        let mut added = false;
        for (word, shift) in counters(key, self.words.len()) {
            let word = &mut self.words[word];
            if (*word >> shift) & 15 < 15 {
                *word += 1 << shift;
                added = true;
            }
        }
        if added {
            self.additions += 1;
            if self.additions >= self.sample {
                self.halve();
            }
        }
    }

    /// Returns the recent frequency of `key`: 0–15.
    pub fn estimate(&self, key: Key) -> u8 {
        let count = |(word, shift): (usize, u32)| (self.words[word] >> shift & 15) as u8;
        counters(key, self.words.len())
            .into_iter()
            .map(count)
            .min()
            .unwrap_or(0)
    }

    /// Memory, in bytes.
    pub fn allocated(&self) -> usize {
        self.words.capacity() * size_of::<u64>()
    }

    fn halve(&mut self) {
        let mut odd = 0;
        for word in &mut self.words {
            odd += (*word & ODD).count_ones() as usize;
            *word = (*word >> 1) & HALF;
        }
        // Each addition raised up to four counters; what halving rounded down is a quarter of an addition each.
        self.additions = (self.additions - (odd >> 2).min(self.additions)) >> 1;
    }
}

/// Word and bit of the four counters of `key`. Its bits are already random, so they only need to be spread.
fn counters(key: Key, words: usize) -> [(usize, u32); 4] {
    std::array::from_fn(|row| {
        let bits = key
            .low
            .rotate_left(row as u32 * 17)
            .wrapping_mul(0x9e37_79b9_7f4a_7c15 | 1)
            ^ key.high;
        let counter = (row as u32 * 4) + ((key.low >> (row * 2)) & 3) as u32;
        ((bits >> 20) as usize & (words - 1), counter * 4)
    })
}
