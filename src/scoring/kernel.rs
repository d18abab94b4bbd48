//! The kernel of a native scorer: a pure function of an answer and the texts expected, built from a JSON specification.
//!
//! To add a scorer, implement [`Kernel`] in a file of its own and add one arm to [`Specification`] and [`build`].

use serde::Deserialize;

use super::bleu::Bleu;
use super::chrf::Chrf;
use super::classification::Classification;
use super::edit_distance::EditDistance;
use super::embedding::Cosine;
use super::fuzzy::Fuzzy;
use super::interrupt::{Interrupt, Stop};
use super::json_diff::JsonDiff;
use super::json_match::JsonMatch;
use super::json_schema::{JsonSchema, JsonSchemaSpecification, SchemaError};
use super::list_overlap::ListOverlap;
use super::matches::{ExactMatch, Occurrence};
use super::meteor::Meteor;
use super::numeric_answer::NumericAnswer;
use super::numeric_diff::NumericDiff;
use super::pattern::{Pattern, PatternError, PatternOptions};
use super::ranking::Ranking;
use super::rouge::Rouge;
use super::ter::Ter;
use super::token_overlap::{SquadExact, TokenOverlap};

/// Number of figures that a kernel writes at most.
pub const MOST_FIGURES: usize = 32;

/// Expected texts and the answer, in UTF-16.
#[derive(Debug, Clone, Copy)]
pub struct Pair<'a> {
    /// Texts expected; at least one.
    pub expected: &'a [&'a [u16]],
    /// The answer.
    pub actual: &'a [u16],
}

/// A native scorer. What always holds: no input panics, and the same pair gives the same bits on every thread.
pub trait Kernel: Send + Sync {
    /// Names of the raw figures that [`Kernel::score`] writes, in order.
    fn figures(&self) -> Vec<String> {
        Vec::new()
    }

    /// Scores a pair, in 0–1, or NaN where the documentation of the scorer says so. `figures` has room for each name of
    /// [`Kernel::figures`].
    ///
    /// # Errors
    /// [`Stop`] when interrupted or when the pair is too large.
    fn score(&self, pair: Pair<'_>, figures: &mut [f64], interrupt: Interrupt<'_>) -> Result<f64, Stop>;

    /// Scores all pairs as one corpus; `None` if the metric has no such form.
    fn score_corpus(
        &self,
        _pairs: &[Pair<'_>],
        _figures: &mut [f64],
        _interrupt: Interrupt<'_>,
    ) -> Option<Result<f64, Stop>> {
        None
    }
}

/// Returns the best score of the references; the first of equals. `figures` are those of the best.
///
/// # Errors
/// The first [`Stop`] of `score`.
pub fn best(
    expected: &[&[u16]],
    figures: &mut [f64],
    mut score: impl FnMut(&[u16], &mut [f64]) -> Result<f64, Stop>,
) -> Result<f64, Stop> {
    let Some((first, rest)) = expected.split_first() else {
        return Ok(0.0);
    };
    let mut best = score(first, figures)?;
    let mut row = [0.0; MOST_FIGURES];
    for reference in rest {
        let row = &mut row[..figures.len()];
        let score = score(reference, row)?;
        if score > best {
            best = score;
            figures.copy_from_slice(row);
        }
    }
    Ok(best)
}

/// The kernels by name, as the facade writes them: `{"kernel": "levenshtein", …}`.
#[derive(Debug, Deserialize)]
#[serde(tag = "kernel", rename_all = "camelCase", deny_unknown_fields)]
enum Specification {
    EditDistance(EditDistance),
    Fuzzy(Fuzzy),
    ExactMatch(ExactMatch),
    Occurrence(Occurrence),
    Pattern(PatternOptions),
    TokenOverlap(TokenOverlap),
    SquadExact(SquadExact),
    Bleu(Bleu),
    Chrf(Chrf),
    Ter(Ter),
    Rouge(Rouge),
    Meteor(Meteor),
    Classification(Classification),
    Cosine(Cosine),
    #[serde(rename_all = "camelCase")]
    JsonDiff {
        strings: Box<Specification>,
        numbers: Box<Specification>,
        preserve_strings: bool,
    },
    JsonSchema(JsonSchemaSpecification),
    #[serde(rename_all = "camelCase")]
    ListOverlap {
        pairwise: Box<Specification>,
        allow_extra: bool,
        max_cells: f64,
    },
    NumericDiff(NumericDiff),
    Ranking(Ranking),
    NumericAnswer(NumericAnswer),
    JsonMatch(JsonMatch),
}

/// A specification that no kernel can be built from.
#[derive(Debug, thiserror::Error)]
pub enum SpecificationError {
    /// The specification is not one that the facade writes.
    #[error("not a scorer's specification: {0}")]
    Malformed(#[from] serde_json::Error),
    /// The JSON Schema cannot be used.
    #[error("jsonSchema: {0}")]
    Schema(#[from] SchemaError),
    /// The pattern cannot be used.
    #[error(transparent)]
    Pattern(#[from] PatternError),
}

/// Builds a kernel from its JSON specification.
///
/// # Errors
/// When the specification names no kernel, or an option of it cannot be used.
pub fn build(specification: &str) -> Result<Box<dyn Kernel>, SpecificationError> {
    built(serde_json::from_str(specification)?)
}

fn built(specification: Specification) -> Result<Box<dyn Kernel>, SpecificationError> {
    Ok(match specification {
        Specification::EditDistance(kernel) => Box::new(kernel),
        Specification::Fuzzy(kernel) => Box::new(kernel),
        Specification::ExactMatch(kernel) => Box::new(kernel),
        Specification::Occurrence(kernel) => Box::new(kernel),
        Specification::Pattern(options) => Box::new(Pattern::new(&options)?),
        Specification::TokenOverlap(kernel) => Box::new(kernel),
        Specification::SquadExact(kernel) => Box::new(kernel),
        Specification::Bleu(kernel) => Box::new(kernel),
        Specification::Chrf(kernel) => Box::new(kernel),
        Specification::Ter(kernel) => Box::new(kernel),
        Specification::Rouge(kernel) => Box::new(kernel),
        Specification::Meteor(kernel) => Box::new(kernel),
        Specification::Classification(kernel) => Box::new(kernel),
        Specification::Cosine(kernel) => Box::new(kernel),
        Specification::JsonDiff {
            strings,
            numbers,
            preserve_strings,
        } => Box::new(JsonDiff {
            strings: built(*strings)?,
            numbers: built(*numbers)?,
            preserve_strings,
        }),
        Specification::JsonSchema(specification) => Box::new(JsonSchema::new(&specification)?),
        Specification::ListOverlap {
            pairwise,
            allow_extra,
            max_cells,
        } => Box::new(ListOverlap {
            pairwise: built(*pairwise)?,
            allow_extra,
            max_cells,
        }),
        Specification::NumericDiff(kernel) => Box::new(kernel),
        Specification::Ranking(kernel) => Box::new(kernel),
        Specification::NumericAnswer(kernel) => Box::new(kernel),
        Specification::JsonMatch(kernel) => Box::new(kernel),
    })
}
