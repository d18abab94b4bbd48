//! Cursors of pages: the sort key of the last row, and a fingerprint of the query that it belongs to.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};

use super::error::{Code, Result, StoreError};

/// The most items of a page.
pub const MAX_LIMIT: f64 = 10_000.0;
/// The items of a page, unless asked for otherwise.
const DEFAULT_LIMIT: usize = 100;

/// A part of a sort key.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Key {
    /// A whole number.
    Int(i64),
    /// A number.
    Real(f64),
    /// A text.
    Text(String),
}

impl Key {
    /// Returns the whole number; 0 for anything else.
    pub fn int(&self) -> i64 {
        match self {
            Self::Int(number) => *number,
            Self::Real(number) => *number as i64,
            Self::Text(_) => 0,
        }
    }

    /// Returns the number; 0 for anything else.
    pub fn real(&self) -> f64 {
        match self {
            Self::Int(number) => *number as f64,
            Self::Real(number) => *number,
            Self::Text(_) => 0.0,
        }
    }

    /// Returns the text; empty for anything else.
    pub fn text(&self) -> &str {
        match self {
            Self::Text(text) => text,
            Self::Int(_) | Self::Real(_) => "",
        }
    }
}

fn fingerprint(query: &str) -> String {
    let mut hash = blake3::hash(query.as_bytes()).to_hex().to_string();
    hash.truncate(16);
    hash
}

/// Writes the cursor behind the row with that sort key, of that query.
pub fn write(query: &str, key: &[Key]) -> String {
    let json = serde_json::to_string(&(fingerprint(query), key)).unwrap_or_default();
    URL_SAFE_NO_PAD.encode(json)
}

/// Reads a cursor of that query, whose sort key has one of `lengths` parts.
///
/// # Errors
/// [`Code::OutOfRange`] for what is no cursor, or that of another query.
pub fn read(query: &str, cursor: &str, lengths: &[usize]) -> Result<Vec<Key>> {
    let refused = |reason: &str| {
        StoreError::new(
            Code::OutOfRange,
            format!("cursor must be `next` of a page of the same query, got {reason}."),
        )
    };
    let bytes = URL_SAFE_NO_PAD
        .decode(cursor)
        .map_err(|_| refused("another text"))?;
    let (found, key): (String, Vec<Key>) =
        serde_json::from_slice(&bytes).map_err(|_| refused("another text"))?;
    if found != fingerprint(query) || !lengths.contains(&key.len()) {
        return Err(refused("the cursor of another query"));
    }
    Ok(key)
}

/// Checks the limit of a page; absent: 100.
///
/// # Errors
/// [`Code::OutOfRange`] unless it is a whole number from 1 to 10,000.
pub fn limit(given: Option<f64>) -> Result<usize> {
    match given {
        None => Ok(DEFAULT_LIMIT),
        Some(limit) if limit.fract() == 0.0 && (1.0..=MAX_LIMIT).contains(&limit) => Ok(limit as usize),
        Some(limit) => Err(StoreError::new(
            Code::OutOfRange,
            format!("limit must be a whole number from 1 to {MAX_LIMIT}, got {limit}."),
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_come_back_exactly() {
        let key = vec![
            Key::Real(0.1 + 0.2),
            Key::Int(i64::MAX),
            Key::Text("a\"b".to_owned()),
        ];
        assert_eq!(read("q", &write("q", &key), &[3]), Ok(key));
    }

    #[test]
    fn cursors_of_another_query_are_refused() {
        let cursor = write("q", &[Key::Int(1)]);
        for (query, cursor, lengths) in [
            ("p", cursor.as_str(), [1]),
            ("q", cursor.as_str(), [2]),
            ("q", "?", [1]),
            ("q", "", [1]),
        ] {
            assert_eq!(
                read(query, cursor, &lengths).expect_err("refused").code,
                Code::OutOfRange
            );
        }
    }
}
