//! Overlap of tokens by the rules of SQuAD 2.0 (Rajpurkar et al. 2018): F1, and equality of the token lists. O(m + n).

use hashbrown::HashMap;
use serde::Deserialize;

use super::accuracy::{Accuracy, Measure};
use super::interrupt::{Interrupt, Stop};
use super::kernel::{Kernel, Pair};
use super::text;

/// A scorer by the overlap of tokens.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct TokenOverlap {
    measure: Measure,
}

impl Kernel for TokenOverlap {
    fn figures(&self) -> Vec<String> {
        Accuracy::FIGURES.map(str::to_owned).to_vec()
    }

    fn score(&self, pair: Pair<'_>, figures: &mut [f64], _interrupt: Interrupt<'_>) -> Result<f64, Stop> {
        let answer = normalized(pair.actual);
        let accuracies = references(pair.expected)
            .into_iter()
            .map(|expected| accuracy(&expected, &answer));
        let best = Accuracy::best(accuracies);
        figures.copy_from_slice(&best.figures());
        Ok(best.get(self.measure))
    }
}

/// A scorer by equality after SQuAD's normalisation.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct SquadExact {}

impl Kernel for SquadExact {
    fn score(&self, pair: Pair<'_>, _figures: &mut [f64], _interrupt: Interrupt<'_>) -> Result<f64, Stop> {
        let answer = normalized(pair.actual);
        let same = references(pair.expected)
            .iter()
            .any(|expected| text::words(expected).eq(text::words(&answer)));
        Ok(f64::from(u8::from(same)))
    }
}

/// The normalised references, without those that normalise to nothing; one of those if all do.
fn references(expected: &[&[u16]]) -> Vec<Vec<u32>> {
    let mut references: Vec<Vec<u32>> = expected.iter().map(|expected| normalized(expected)).collect();
    references.retain(|reference| text::words(reference).next().is_some());
    if references.is_empty() {
        references.push(Vec::new());
    }
    references
}

/// Lower-cases, deletes ASCII punctuation, and turns the words `a`, `an` and `the` into blanks.
fn normalized(units: &[u16]) -> Vec<u32> {
    let mut points = text::lower(&text::code_points(units));
    points.retain(|&point| !text::is_ascii_punctuation(point));
    without_articles(&points)
}

/// Turns the words `a`, `an` and `the` into blanks. Words are made of letters, numbers and `_`.
pub fn without_articles(text: &[u32]) -> Vec<u32> {
    let is_word = |&point: &u32| point == u32::from('_') || text::is_alphanumeric(point);
    text.chunk_by(|a, b| is_word(a) && is_word(b))
        .flat_map(|word| {
            let is = |article: &str| word.iter().copied().eq(article.bytes().map(u32::from));
            if is("a") || is("an") || is("the") {
                &[0x20]
            } else {
                word
            }
        })
        .copied()
        .collect()
}

fn accuracy(expected: &[u32], actual: &[u32]) -> Accuracy {
    let mut left: HashMap<&[u32], usize> = HashMap::new();
    let mut expected_tokens = 0;
    for token in text::words(expected) {
        *left.entry(token).or_insert(0) += 1;
        expected_tokens += 1;
    }
    let (mut actual_tokens, mut matches) = (0, 0);
    for token in text::words(actual) {
        actual_tokens += 1;
        if let Some(left) = left.get_mut(token).filter(|left| **left > 0) {
            *left -= 1;
            matches += 1;
        }
    }
    if expected_tokens == 0 || actual_tokens == 0 {
        let both = f64::from(u8::from(expected_tokens == actual_tokens));
        return Accuracy {
            precision: both,
            recall: both,
            f1: both,
        };
    }
    Accuracy::of(matches, expected_tokens, actual_tokens)
}
