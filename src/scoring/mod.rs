//! Room: scoring. How well an answer matches what was expected, as a score from 0 to 1 and a verdict.
//!
//! Three matches, each a pure function of two texts, all or nothing (score 1 passes, 0 does not):
//! - [`exact_text`]: the same text, but for its Unicode composition, line endings and surrounding white space;
//! - [`final_number`] over [`numeral`] and [`decimal`]: the same final number, whatever working and units surround it;
//! - [`json_in_text`] over [`json`]: the same JSON value, whatever its key order and the prose around it.
//!
//! Native scorers are [`kernel`]s, a file or folder for each family, scored alone or in a [`batch`] on all threads:
//! [`edit_distance`], [`fuzzy`], [`matches`], [`pattern`], [`token_overlap`], [`bleu`], [`chrf`], [`ter`], [`rouge`],
//! [`meteor`], [`numeric_answer`] and [`json_match`]. They share [`text`], [`ngrams`], [`porter`] and [`interrupt`].
//!
//! Costs of the matches: linear in the length of both texts (JSON: n log n in the keys of an object). What always holds: no input
//! panics or recurses without bound, numbers are compared as the decimals they were written as (never through `f64`
//! unless a tolerance is asked for), and a match of a text with itself passes unless [`Score::Unusable`].

pub mod accuracy;
pub mod batch;
pub mod bleu;
pub mod bleu_tokens;
pub mod chrf;
pub mod decimal;
pub mod edit_distance;
pub mod exact_text;
pub mod final_number;
pub mod fuzzy;
pub mod interrupt;
pub mod json;
pub mod json_in_text;
pub mod json_match;
pub mod kernel;
pub mod lcs_positions;
pub mod matches;
pub mod meteor;
pub mod ngrams;
pub mod numeral;
pub mod numeric_answer;
pub mod pattern;
pub mod porter;
pub mod rouge;
pub mod ter;
pub mod text;
pub mod token_overlap;

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
        /// By how much the numbers may differ, inclusive, in their own unit; 0 asks for the very same number.
        tolerance: f64,
    },
    /// The same JSON value; see [`json_in_text`].
    Json,
}

/// What a match says.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Score {
    /// From 0 (no match) to 1 (a full one).
    Matched(f64),
    /// The expected side cannot be matched against at all: no number in it.
    Unusable,
}

impl Matcher {
    /// Compares one answer with what was expected.
    pub fn score(self, expected: &str, actual: &str) -> Score {
        match self {
            Self::Exact => verdict(exact_text::same(expected, actual)),
            Self::Json => verdict(json_in_text::same(expected, actual)),
            Self::Numeric { tolerance } => {
                let Some(expected) = final_number::find(expected) else {
                    return Score::Unusable;
                };
                let actual = final_number::find(actual);
                verdict(actual.is_some_and(|actual| expected.matches(&actual, tolerance)))
            }
        }
    }
}

fn verdict(same: bool) -> Score {
    Score::Matched(if same { 1.0 } else { 0.0 })
}
