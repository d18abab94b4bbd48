//! Binding of the module `scoring`: one crossing scores a whole batch.

use super::error::{Failure, Result};
use crate::scoring::number::Tolerance;
use crate::scoring::{Matcher, Score, utf16};
use napi::bindgen_prelude::{Float64Array, Uint32Array, Utf16String};
use napi_derive::napi;

/// Scores a batch of answers. `texts` is every expected and actual text, alternating, run together; `lengths` says how
/// many UTF-16 units each has. One score per pair; NaN where the expected text cannot be matched against.
#[napi(catch_unwind)]
pub fn score_matches(
    matcher: String,
    tolerance: f64,
    texts: Utf16String,
    lengths: Uint32Array,
) -> Result<Float64Array> {
    let matcher = match matcher.as_str() {
        "exact" => Matcher::Exact,
        "numeric" if tolerance >= 0.0 && tolerance.is_finite() => Matcher::Numeric {
            tolerance: Tolerance {
                absolute: tolerance,
                relative: 0.0,
            },
        },
        "numeric" => {
            return Err(Failure::out_of_range(format!(
                "tolerance must be a finite number of at least 0, got {tolerance}"
            )));
        }
        "json" => Matcher::Json,
        other => return Err(Failure::invalid(format!("no such matcher: {other}"))),
    };
    let mut at = 0;
    let mut next = |length: u32| {
        let units = texts.get(at..at + length as usize)?;
        at += length as usize;
        Some(utf16::text(units))
    };
    let scores = lengths.as_ref().chunks_exact(2).map(|pair| {
        let (expected, actual) = next(pair[0])
            .zip(next(pair[1]))
            .ok_or_else(|| Failure::invalid("texts end early"))?;
        Ok(match matcher.score(&expected, &actual) {
            Score::Matched(score) => score,
            Score::Unusable => f64::NAN,
        })
    });
    Ok(Float64Array::new(scores.collect::<Result<Vec<f64>>>()?))
}
