//! Rows of entries: their numbers and their checksums.

use highway::{HighwayHash, HighwayHasher, Key};
use rusqlite::Row;
use rusqlite::types::ValueRef;

/// The key of an entry: a [`crate::key::DigestScope`]'s digest of its key.
pub type Digest = [u8; 32];

/// The outcome of a look-up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Found {
    /// Nothing that may be answered with.
    None,
    /// An entry that has not expired.
    Fresh,
    /// An entry that has expired within the window asked for.
    Stale,
    /// A row that is not what was written.
    Damaged,
}

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

/// The columns of an answer, if they have the types that they are written with.
pub struct Answer<'row> {
    pub digest: &'row [u8],
    pub namespace: i64,
    pub expires: Option<f64>,
    pub form: u8,
    pub checksum: i64,
    pub note: &'row [u8],
    pub value: &'row [u8],
    /// The checksum of the entry that was stored last.
    pub last: i64,
}

impl<'row> Answer<'row> {
    pub fn read(row: &'row Row) -> Option<Self> {
        let number = |at| row.get_ref(at).ok()?.as_i64().ok();
        Some(Self {
            digest: row.get_ref(0).ok()?.as_blob().ok()?,
            namespace: number(1)?,
            expires: match row.get_ref(2).ok()? {
                ValueRef::Null => None,
                ValueRef::Real(expires) => Some(expires),
                _ => return None,
            },
            form: u8::try_from(number(3)?).ok()?,
            checksum: number(4)?,
            note: row.get_ref(5).ok()?.as_bytes().ok()?,
            value: row.get_ref(6).ok()?.as_blob().ok()?,
            last: number(7)?,
        })
    }
}
