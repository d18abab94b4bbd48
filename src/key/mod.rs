//! Content keys: what a cache looks a value up by.
//!
//! A caller's values are written by the facade as a canonical, prefix-free sequence of UTF-16 units (structure, numbers
//! and short strings) followed by the long strings they contain. This room turns such a sequence into a [`Key`] of 128
//! bits. What always holds:
//! - equal sequences give equal keys, in every thread of the process;
//! - the boundary between the two parts is hashed, so moving a unit across it gives another key;
//! - a [`Key`] is a keyed pseudo-random function of its sequence ([`KeySecret`], random per process), so that nobody who
//!   writes the cached text can choose two texts that collide: for n entries a collision has probability n²/2¹²⁹;
//! - a [`stable_digest`] has no secret and never changes: it is for keys that leave the process.
//!
//! Cost: O(length of the sequence), no allocation.

mod stable;

#[cfg(test)]
mod tests;

use std::sync::OnceLock;

use highway::{HighwayHash, HighwayHasher};

pub use stable::stable_digest;

/// A 128-bit content key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Key {
    /// The half that hash tables index by.
    pub high: u64,
    /// The other half.
    pub low: u64,
}

/// The secret that keys are hashed with. Whoever does not know it cannot construct a collision.
///
/// The function is HighwayHash-128 (Alakuijala, Cox, Wassenberg, "Fast keyed hash/pseudo-random function using SIMD
/// multiply and permute", arXiv:1612.06257): a keyed function meant for exactly this use, several times faster than
/// BLAKE3 or SHA-256 on prompts of a few kilobytes, where faster hashes (xxh3, wyhash, FNV) offer no such resistance.
#[derive(Clone, Copy)]
pub struct KeySecret(highway::Key);

impl KeySecret {
    /// A secret of 256 bits.
    pub const fn new(words: [u64; 4]) -> Self {
        Self(highway::Key(words))
    }

    /// The secret of this process: drawn from the operating system once, shared by all threads.
    ///
    /// # Panics
    /// When the operating system has no randomness to give, which leaves nothing sensible to do.
    pub fn of_process() -> Self {
        static SECRET: OnceLock<KeySecret> = OnceLock::new();
        *SECRET.get_or_init(|| {
            let mut words = [0; 4];
            for word in &mut words {
                *word = getrandom::u64().expect("the operating system's random source failed");
            }
            Self::new(words)
        })
    }

    /// The key of `units`, of which the first `structure` are structure and the rest is text.
    pub fn key(&self, units: &[u16], structure: usize) -> Key {
        let mut hasher = HighwayHasher::new(self.0);
        hasher.append(bytemuck::cast_slice(units));
        hasher.append(&(structure as u64).to_ne_bytes());
        let [high, low] = hasher.finalize128();
        Key { high, low }
    }
}
