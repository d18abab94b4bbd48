//! Module scoring: how well an answer matches what was expected, as a score from 0 to 1 and a verdict.
//!
//! Three matches are pure functions of two texts, all or nothing (score 1 passes, 0 does not):
//! - [`exact_text`]: the same text, but for its Unicode composition, line endings and surrounding white space;
//! - [`final_number`]: the same final number, whatever working and units surround it. [`plain_text`] rewrites LaTeX and
//!   typography, [`answer_mark`] says where the answer is, [`numeral`] reads the [`number`] of [`decimal`]s there;
//! - [`json_in_text`] over [`json`]: the same JSON value, whatever its key order and the prose around it.
//!
//! Native scorers are [`kernel`]s, a file or folder for each family, scored alone or in a [`batch`] on all threads. Text
//! scorers share [`text`], [`ngrams`], [`porter`] and [`interrupt`].
//!
//! Costs of the matches: linear in the length of both texts (JSON: n log n in the keys of an object). What always holds:
//! - no input panics or recurses without bound;
//! - numbers are compared as the decimals and fractions they were written as, never through `f64`;
//! - a match of a text with itself passes unless it is [`Score::Unusable`].

pub mod accuracy;
pub mod aggregates;
pub mod answer_mark;
pub mod batch;
pub mod bleu;
pub mod bleu_tokens;
pub mod chrf;
pub mod classification;
pub mod decimal;
pub mod edit_distance;
pub mod embedding;
pub mod exact_text;
pub mod final_number;
pub mod fuzzy;
pub mod interrupt;
pub mod json;
pub mod json_diff;
pub mod json_in_text;
pub mod json_match;
pub mod json_number;
pub mod json_schema;
pub mod json_text;
pub mod kernel;
pub mod lcs_positions;
pub mod list_overlap;
pub mod matches;
pub mod meteor;
pub mod ngrams;
pub mod number;
pub mod numeral;
pub mod numeric_answer;
pub mod numeric_diff;
pub mod packed_numbers;
pub mod pattern;
pub mod plain_text;
pub mod porter;
pub mod ranking;
pub mod rouge;
pub mod ter;
pub mod text;
pub mod token_overlap;
pub mod two_lists;
pub mod utf16;

use number::Tolerance;

#[cfg(test)]
mod final_number_tests;
#[cfg(test)]
mod kernel_tests;
#[cfg(test)]
mod reference_tests;
#[cfg(test)]
mod tests;

/// A way to compare an answer with what was expected.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Matcher {
    /// The same text; see [`exact_text`].
    Exact,
    /// The same final number; see [`final_number`].
    Numeric {
        /// By how much the numbers may differ; the default asks for the very same number.
        tolerance: Tolerance,
    },
    /// The same JSON value; see [`json_in_text`].
    Json,
}

/// The verdict of a match.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Score {
    /// From 0 (no match) to 1 (a full one).
    Matched(f64),
    /// The expected side cannot be matched against at all: it is not one number, or it is nested too deep.
    Unusable,
}

impl Matcher {
    /// Compares one answer with what was expected.
    pub fn score(self, expected: &str, actual: &str) -> Score {
        match self {
            Self::Exact => verdict(exact_text::same(expected, actual)),
            Self::Json => json_in_text::same(expected, actual).map_or(Score::Unusable, verdict),
            Self::Numeric { tolerance } => {
                let Some(expected) = final_number::of_expected(expected) else {
                    return Score::Unusable;
                };
                let actual = final_number::of_answer(actual);
                verdict(actual.is_some_and(|actual| expected.matches(&actual, tolerance)))
            }
        }
    }
}

fn verdict(same: bool) -> Score {
    Score::Matched(if same { 1.0 } else { 0.0 })
}
