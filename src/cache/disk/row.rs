//! A row of answers: how it is found by its digest, and how one tells that it is what was written.

use highway::{HighwayHash, HighwayHasher, Key};

/// What an answer is stored under: a [`crate::key::DigestScope`]'s digest of its key.
pub type Digest = [u8; 32];

/// The number of the row of `digest`: its first 8 bytes. The rest is compared.
pub fn id(digest: &Digest) -> i64 {
    let mut first = [0; 8];
    first.copy_from_slice(&digest[..8]);
    i64::from_le_bytes(first)
}

/// The checksum of a row (HighwayHash-64 under a fixed key): covers every column that an answer depends on.
pub fn checksum(digest: &[u8], form: u8, expires: Option<f64>, note: &[u8], value: &[u8]) -> i64 {
    const KEY: Key = Key([0x6161_6800, 0x6169_2d65, 0x7661_6c73, 0x0001]);
    let mut head = [0u8; 57];
    head[..32].copy_from_slice(&padded(digest));
    head[32] = form;
    // NaN is never an expiry.
    head[33..41].copy_from_slice(&expires.unwrap_or(f64::NAN).to_bits().to_le_bytes());
    head[41..49].copy_from_slice(&(note.len() as u64).to_le_bytes());
    head[49..].copy_from_slice(&(value.len() as u64).to_le_bytes());
    let mut hasher = HighwayHasher::new(KEY);
    hasher.append(&head);
    hasher.append(note);
    hasher.append(value);
    hasher.finalize64().cast_signed()
}

/// 32 bytes of what should be 32 bytes, and is compared to a digest before it is believed.
fn padded(digest: &[u8]) -> Digest {
    let mut whole = [0; 32];
    let length = digest.len().min(32);
    whole[..length].copy_from_slice(&digest[..length]);
    whole
}
