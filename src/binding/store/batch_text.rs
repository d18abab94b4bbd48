//! Batches on their way into the engine, and long texts on their way out.

use std::sync::{Mutex, PoisonError};

use napi::bindgen_prelude::{Buffer, Either, Utf16String};
use napi_derive::napi;

use crate::binding::error::Result;
use crate::binding::number::integer;
use crate::store::batch::{NewResult, unpack};
use crate::store::error::StoreError;

/// The most UTF-16 units that room is made for at once; a longer text grows.
const MOST_ROOM: f64 = (1 << 28) as f64;
/// Bytes of a page above which it crosses as a buffer, which the facade reads part by part.
const LONG_BYTES: usize = 1 << 20;

/// The text of all columns of a batch. It crosses in pieces, so that a large value does not hold up the event loop.
#[napi]
pub struct BatchText {
    units: Mutex<Vec<u16>>,
}

#[napi]
impl BatchText {
    /// Makes room for so many UTF-16 units.
    #[napi(constructor, catch_unwind)]
    pub fn new(units: f64) -> Result<Self> {
        let room = integer("units", units, 0.0, f64::from(u32::MAX))? as f64;
        Ok(Self {
            units: Mutex::new(Vec::with_capacity(room.min(MOST_ROOM) as usize)),
        })
    }

    /// Adds a piece at the end. O(piece).
    #[napi(catch_unwind)]
    pub fn push(&self, piece: Utf16String) {
        self.units
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .extend_from_slice(&piece);
    }
}

/// A batch as it crosses: its text is taken over, its numbers are copied.
pub struct PackedRows {
    units: Vec<u16>,
    lengths: Vec<u32>,
    numbers: Vec<f64>,
}

impl PackedRows {
    /// Takes the text out of `texts`, which is empty afterwards.
    pub fn take(texts: &BatchText, lengths: &[u32], numbers: &[f64]) -> Self {
        Self {
            units: std::mem::take(&mut *texts.units.lock().unwrap_or_else(PoisonError::into_inner)),
            lengths: lengths.to_vec(),
            numbers: numbers.to_vec(),
        }
    }

    /// Returns the rows.
    pub fn unpack(&self) -> std::result::Result<Vec<NewResult>, StoreError> {
        unpack(&self.units, &self.lengths, &self.numbers)
    }
}

/// Returns a page of JSON as it crosses: a text, or the bytes of a long one, which are not copied.
pub fn page(json: String) -> Either<String, Buffer> {
    if json.len() > LONG_BYTES {
        Either::B(Buffer::from(json.into_bytes()))
    } else {
        Either::A(json)
    }
}
