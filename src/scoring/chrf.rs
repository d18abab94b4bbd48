//! chrF and chrF++ (Popović 2015, 2017): F-score of character and word n-grams; equal to sacrebleu 2.6.
//!
//! O(orders · length) time and memory.

use serde::Deserialize;

use super::interrupt::{Interrupt, Stop};
use super::kernel::{Kernel, Pair};
use super::ngrams::{Vocabulary, clipped_matches, count};
use super::text;

/// A scorer by chrF.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Chrf {
    char_order: usize,
    word_order: usize,
    beta: f64,
    lowercase: bool,
    whitespace: bool,
}

/// The counts of one order.
#[derive(Debug, Clone, Copy, Default)]
struct Counts {
    answer: usize,
    reference: usize,
    matches: usize,
}

/// The symbols that n-grams are made of.
struct Symbols {
    characters: Vec<u32>,
    words: Vec<u32>,
}

impl Kernel for Chrf {
    fn figures(&self) -> Vec<String> {
        vec!["precision".to_owned(), "recall".to_owned()]
    }

    fn score(&self, pair: Pair<'_>, figures: &mut [f64], interrupt: Interrupt<'_>) -> Result<f64, Stop> {
        Ok(self.f_score(&self.best_counts(pair, interrupt)?, figures))
    }

    fn score_corpus(
        &self,
        pairs: &[Pair<'_>],
        figures: &mut [f64],
        interrupt: Interrupt<'_>,
    ) -> Option<Result<f64, Stop>> {
        let mut sum = vec![Counts::default(); self.char_order + self.word_order];
        for pair in pairs {
            let counts = match self.best_counts(*pair, interrupt) {
                Ok(counts) => counts,
                Err(stop) => return Some(Err(stop)),
            };
            for (sum, counts) in sum.iter_mut().zip(counts) {
                sum.answer += counts.answer;
                sum.reference += counts.reference;
                sum.matches += counts.matches;
            }
        }
        Some(Ok(self.f_score(&sum, figures)))
    }
}

impl Chrf {
    /// The counts of the reference with the best score, the first of equals.
    fn best_counts(&self, pair: Pair<'_>, interrupt: Interrupt<'_>) -> Result<Vec<Counts>, Stop> {
        let mut vocabulary = Vocabulary::default();
        let answer = self.symbols(pair.actual, &mut vocabulary);
        let (mut best, mut best_score) = (Vec::new(), -1.0);
        for expected in pair.expected {
            interrupt.check()?;
            let reference = self.symbols(expected, &mut vocabulary);
            let counts: Vec<Counts> = [
                (&reference.characters, &answer.characters, self.char_order),
                (&reference.words, &answer.words, self.word_order),
            ]
            .into_iter()
            .flat_map(|(reference, answer, order)| orders(reference, answer, order))
            .collect();
            let score = self.f_score(&counts, &mut [0.0; 2]);
            if score > best_score {
                (best, best_score) = (counts, score);
            }
        }
        Ok(best)
    }

    fn symbols(&self, units: &[u16], vocabulary: &mut Vocabulary) -> Symbols {
        let mut points = text::code_points(units);
        if self.lowercase {
            points = text::lower(&points);
        }
        let words = if self.word_order > 0 {
            vocabulary.numbers(text::words(&points).flat_map(without_mark))
        } else {
            Vec::new()
        };
        if !self.whitespace {
            points.retain(|&point| !text::is_space(point));
        }
        Symbols {
            characters: points,
            words,
        }
    }

    /// The F-score of the means of precision and recall over the orders that both sides have.
    fn f_score(&self, counts: &[Counts], figures: &mut [f64]) -> f64 {
        let (mut precision, mut recall, mut both) = (0.0, 0.0, 0.0);
        for counts in counts
            .iter()
            .filter(|counts| counts.answer > 0 && counts.reference > 0)
        {
            precision += counts.matches as f64 / counts.answer as f64;
            recall += counts.matches as f64 / counts.reference as f64;
            both += 1.0;
        }
        if both > 0.0 {
            precision /= both;
            recall /= both;
        }
        figures.copy_from_slice(&[precision, recall]);
        if precision + recall == 0.0 {
            return 0.0;
        }
        let factor = self.beta * self.beta;
        ((1.0 + factor) * precision * recall / (factor * precision + recall)).min(1.0)
    }
}

fn orders(reference: &[u32], answer: &[u32], most: usize) -> impl Iterator<Item = Counts> {
    let matches = clipped_matches(&[reference], answer, most);
    let (reference, answer) = (reference.len(), answer.len());
    (1..).zip(matches).map(move |(n, matches)| Counts {
        // An order that the reference has not does not count against the answer.
        answer: if count(reference, n) > 0 {
            count(answer, n)
        } else {
            0
        },
        reference: count(reference, n),
        matches,
    })
}

/// Splits one ASCII punctuation mark off a word, the last, else the first.
fn without_mark(word: &[u32]) -> impl Iterator<Item = &[u32]> {
    let marked = |point: Option<&u32>| point.copied().is_some_and(text::is_ascii_punctuation);
    let (first, second) = match word.len() {
        0 | 1 => (word, None),
        length if marked(word.last()) => (&word[..length - 1], Some(&word[length - 1..])),
        _ if marked(word.first()) => (&word[..1], Some(&word[1..])),
        _ => (word, None),
    };
    std::iter::once(first).chain(second)
}
