//! Numeric answers: whether the final number of an answer is the expected one; see [`super::final_number`].

use serde::Deserialize;

use super::interrupt::{Interrupt, Stop};
use super::kernel::{Kernel, Pair};
use super::number::Tolerance;
use super::{Matcher, Score, utf16};

/// A scorer by the final number.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct NumericAnswer {
    /// By how much the numbers may differ, inclusive, in their own unit.
    tolerance: f64,
    /// By how much they may differ as a share of the expected number; the larger of both counts.
    relative: f64,
}

impl Kernel for NumericAnswer {
    fn score(&self, pair: Pair<'_>, _figures: &mut [f64], _interrupt: Interrupt<'_>) -> Result<f64, Stop> {
        let tolerance = Tolerance {
            absolute: self.tolerance,
            relative: self.relative,
        };
        let actual = utf16::text(pair.actual);
        // What is not one number cannot be matched; the other references still can.
        let scores = pair.expected.iter().filter_map(|expected| {
            match (Matcher::Numeric { tolerance }).score(&utf16::text(expected), &actual) {
                Score::Matched(score) => Some(score),
                Score::Unusable => None,
            }
        });
        Ok(scores.fold(f64::NAN, f64::max))
    }
}
