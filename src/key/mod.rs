//! Content keys: what a cache looks a value up by.
//!
//! A caller's values are written by the facade as a canonical, prefix-free sequence of UTF-16 units (structure, numbers
//! and short strings) followed by the long strings they contain. This module turns such a sequence into a [`Key`] of 128
//! bits. What always holds:
//! - equal sequences give equal keys, in every thread of the process;
//! - the boundary between the two parts is hashed, so moving a unit across it gives another key;
//! - a [`Key`] is a keyed pseudo-random function of its sequence ([`KeySecret`], random per process), so that nobody who
//!   writes the cached text can choose two texts that collide: for n entries a collision has probability n²/2¹²⁹;
//! - a [`stable_digest`] has no secret and never changes: it is for keys that leave the process;
//! - keys and digests of two scopes ([`KeySecret::scoped`], [`DigestScope`]) are unrelated, at no cost per key.
//!
//! Cost: O(length of the sequence), no allocation.

mod stable;

#[cfg(test)]
mod tests;

use std::cell::RefCell;
use std::sync::OnceLock;

use highway::{HighwayHash, HighwayHasher};
use multiversion::multiversion;

pub use stable::{DigestScope, stable_digest};

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

    /// The secret of a scope: keys made with it are unrelated to those of any other scope and to those of this secret.
    /// The empty scope is this secret itself.
    #[must_use]
    pub fn scoped(&self, scope: &[u16]) -> Self {
        if scope.is_empty() {
            return *self;
        }
        // 256 bits, where a key is 128: the function finishes differently, so that no secret is ever seen as a key.
        Self::new(HighwayHasher::new(self.0).hash256(bytemuck::cast_slice(scope)))
    }

    /// The key of a sequence: first its structure, then its text.
    pub fn key(&self, structure: &[u16], text: &[u16]) -> Key {
        BYTES.with_borrow_mut(|bytes| {
            // Mostly every unit of a text fits a byte, and half the bytes are hashed in half the time. Which it is
            // depends on the units alone, and is part of what is hashed.
            let narrow = narrow(text, bytes);
            let mut hasher = HighwayHasher::new(self.0);
            hasher.append(bytemuck::cast_slice(structure));
            hasher.append(if narrow { bytes } else { bytemuck::cast_slice(text) });
            let boundary = (structure.len() as u64) << 1 | u64::from(narrow);
            hasher.append(&boundary.to_ne_bytes());
            let [high, low] = hasher.finalize128();
            bytes.clear();
            bytes.shrink_to(KEPT);
            Key { high, low }
        })
    }
}

/// Bytes of memory kept between calls.
const KEPT: usize = 128 * 1024;

thread_local! {
    static BYTES: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
}

/// Appends `units` to `bytes` if each fits one byte; else says so, and what was appended is of no use.
#[multiversion(targets("x86_64+avx2", "x86_64+sse4.1"))]
fn narrow(units: &[u16], bytes: &mut Vec<u8>) -> bool {
    bytes.reserve(units.len());
    for chunk in units.chunks(256) {
        if chunk.iter().fold(0, |all, unit| all | unit) > 0xff {
            return false;
        }
        bytes.extend(chunk.iter().map(|unit| *unit as u8));
    }
    true
}
