//! Translation edit rate (Snover et al. 2006): edits and shifts of phrases, by the length of the reference; equal to
//! sacrebleu 2.6 with Tercom's limits.
//!
//! O(m · (50 + candidates)) time, where at most 1,000 candidates for a shift are looked at, each in O(m · 50). Memory
//! O(m · 50).

mod beam;
mod shifts;
mod tokens;

use serde::Deserialize;

use super::edit_distance::without_common_ends;
use super::interrupt::{Interrupt, Stop, within_cells};
use super::kernel::{Kernel, Pair};
use super::ngrams::Vocabulary;

/// A scorer by translation edit rate.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[allow(clippy::struct_excessive_bools)] // they are the options of the metric
pub struct Ter {
    normalized: bool,
    no_punctuation: bool,
    asian_support: bool,
    case_sensitive: bool,
    max_cells: f64,
}

/// Edits of an answer, and the mean length of its references.
#[derive(Debug, Clone, Copy, Default)]
struct Edits {
    edits: f64,
    reference_length: f64,
}

impl Kernel for Ter {
    fn figures(&self) -> Vec<String> {
        ["ter", "edits", "referenceLength"].map(str::to_owned).to_vec()
    }

    fn score(&self, pair: Pair<'_>, figures: &mut [f64], interrupt: Interrupt<'_>) -> Result<f64, Stop> {
        Ok(rate(self.edits(pair, interrupt)?, figures))
    }

    fn score_corpus(
        &self,
        pairs: &[Pair<'_>],
        figures: &mut [f64],
        interrupt: Interrupt<'_>,
    ) -> Option<Result<f64, Stop>> {
        let mut sum = Edits::default();
        for pair in pairs {
            match self.edits(*pair, interrupt) {
                Ok(edits) => {
                    sum.edits += edits.edits;
                    sum.reference_length += edits.reference_length;
                }
                Err(stop) => return Some(Err(stop)),
            }
        }
        Some(Ok(rate(sum, figures)))
    }
}

impl Ter {
    /// The fewest edits to a reference, and the mean length of all.
    fn edits(&self, pair: Pair<'_>, interrupt: Interrupt<'_>) -> Result<Edits, Stop> {
        let mut vocabulary = Vocabulary::default();
        let answer = self.answer_tokens(pair.actual, &mut vocabulary);
        let mut fewest = usize::MAX;
        let mut lengths = 0;
        for expected in pair.expected {
            let reference = self.reference_tokens(expected, &mut vocabulary);
            let (a, b) = without_common_ends(&reference, &answer);
            within_cells(a.len(), b.len(), self.max_cells)?;
            fewest = fewest.min(shifts::edits(&answer, &reference, interrupt)?);
            lengths += reference.len();
        }
        Ok(Edits {
            edits: fewest as f64,
            reference_length: lengths as f64 / pair.expected.len() as f64,
        })
    }
}

fn rate(
    Edits {
        edits,
        reference_length,
    }: Edits,
    figures: &mut [f64],
) -> f64 {
    let ter = if reference_length > 0.0 {
        edits / reference_length
    } else if edits > 0.0 {
        1.0
    } else {
        0.0
    };
    figures.copy_from_slice(&[ter, edits, reference_length]);
    (1.0 - ter).max(0.0)
}
