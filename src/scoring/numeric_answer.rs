//! Numeric answers: whether the final number of an answer is the expected one; see [`super::final_number`].

use serde::Deserialize;

use super::final_number;
use super::interrupt::{Interrupt, Stop};
use super::kernel::{Kernel, Pair};

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
        let actual = final_number::find(&String::from_utf16_lossy(pair.actual));
        let mut score = f64::NAN;
        for expected in pair.expected {
            // What is not a number cannot be matched; the other references still can.
            let Some(expected) = final_number::find(&String::from_utf16_lossy(expected)) else {
                continue;
            };
            let size = (expected.numerator.to_f64() / expected.denominator.to_f64()).abs();
            let tolerance = self.tolerance.max(self.relative * size);
            let matches = actual
                .as_ref()
                .is_some_and(|actual| expected.matches(actual, tolerance));
            score = score.max(f64::from(u8::from(matches)));
        }
        Ok(score)
    }
}
