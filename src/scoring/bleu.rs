//! BLEU (Papineni et al. 2002), of sentences and corpora; equal to sacrebleu 2.6. O(order · length) time and memory.

use serde::Deserialize;

use super::bleu_tokens::BleuTokenizer;
use super::interrupt::{Interrupt, Stop};
use super::kernel::{Kernel, Pair};
use super::ngrams::{Vocabulary, clipped_matches, count};
use super::text;

/// The ways to treat an order of n-grams without a match (Chen and Cherry 2014).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Smoothing {
    /// Each empty order halves the precision of one match (NIST).
    Exp,
    /// An order without a match has `value` matches.
    Floor,
    /// `value` is added to matches and n-grams, from bigrams on.
    AddK,
    /// The score is 0.
    None,
}

/// A scorer by BLEU.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Bleu {
    tokenize: BleuTokenizer,
    smoothing: Smoothing,
    smoothing_value: f64,
    lowercase: bool,
    max_order: usize,
    effective_order: bool,
}

/// Figures before those of the precisions.
const LEADING: usize = 3;

/// The counts that add up over a corpus.
#[derive(Debug, Clone, Default)]
struct Counts {
    answer_length: usize,
    reference_length: usize,
    matches: Vec<usize>,
    totals: Vec<usize>,
}

impl Kernel for Bleu {
    fn figures(&self) -> Vec<String> {
        let precisions = (1..=self.max_order).map(|n| format!("precision{n}"));
        ["brevityPenalty", "answerLength", "referenceLength"]
            .into_iter()
            .map(str::to_owned)
            .chain(precisions)
            .collect()
    }

    fn score(&self, pair: Pair<'_>, figures: &mut [f64], _interrupt: Interrupt<'_>) -> Result<f64, Stop> {
        Ok(self.score_of(&self.counts(pair), figures))
    }

    fn score_corpus(
        &self,
        pairs: &[Pair<'_>],
        figures: &mut [f64],
        interrupt: Interrupt<'_>,
    ) -> Option<Result<f64, Stop>> {
        let mut sum = Counts {
            matches: vec![0; self.max_order],
            totals: vec![0; self.max_order],
            ..Counts::default()
        };
        for pair in pairs {
            if let Err(stop) = interrupt.check() {
                return Some(Err(stop));
            }
            let counts = self.counts(*pair);
            sum.answer_length += counts.answer_length;
            sum.reference_length += counts.reference_length;
            for n in 0..self.max_order {
                sum.matches[n] += counts.matches[n];
                sum.totals[n] += counts.totals[n];
            }
        }
        Some(Ok(self.score_of(&sum, figures)))
    }
}

impl Bleu {
    fn tokens(&self, units: &[u16], vocabulary: &mut Vocabulary) -> Vec<u32> {
        let mut points = text::code_points(units);
        if self.lowercase {
            points = text::lower(&points);
        }
        let spaced = self.tokenize.spaced(text::trim_end(&points));
        vocabulary.numbers(text::words(&spaced))
    }

    fn counts(&self, pair: Pair<'_>) -> Counts {
        let mut vocabulary = Vocabulary::default();
        let references: Vec<Vec<u32>> = pair
            .expected
            .iter()
            .map(|expected| self.tokens(expected, &mut vocabulary))
            .collect();
        let answer = self.tokens(pair.actual, &mut vocabulary);
        let lists: Vec<&[u32]> = references.iter().map(Vec::as_slice).collect();
        let closest = |reference: &&Vec<u32>| (reference.len().abs_diff(answer.len()), reference.len());
        Counts {
            answer_length: answer.len(),
            reference_length: references.iter().min_by_key(closest).map_or(0, Vec::len),
            matches: clipped_matches(&lists, &answer, self.max_order),
            totals: (1..=self.max_order).map(|n| count(answer.len(), n)).collect(),
        }
    }

    fn score_of(&self, counts: &Counts, figures: &mut [f64]) -> f64 {
        let (answer, reference) = (counts.answer_length as f64, counts.reference_length as f64);
        let brevity_penalty = if answer >= reference {
            1.0
        } else if answer > 0.0 {
            (1.0 - reference / answer).exp()
        } else {
            0.0
        };
        figures[..LEADING].copy_from_slice(&[brevity_penalty, answer, reference]);
        let precisions = &mut figures[LEADING..];
        precisions.fill(0.0);
        if counts.matches.iter().all(|&matches| matches == 0) {
            return 0.0;
        }
        let mut halved = 1.0;
        let mut orders = self.max_order;
        for n in 1..=self.max_order {
            let (mut matches, mut total) = (counts.matches[n - 1] as f64, counts.totals[n - 1] as f64);
            if self.smoothing == Smoothing::AddK && n > 1 {
                matches += self.smoothing_value;
                total += self.smoothing_value;
            }
            if total == 0.0 {
                break;
            }
            if self.effective_order {
                orders = n;
            }
            precisions[n - 1] = match self.smoothing {
                _ if matches > 0.0 => matches / total,
                Smoothing::Exp => {
                    halved *= 2.0;
                    1.0 / (halved * total)
                }
                Smoothing::Floor => self.smoothing_value / total,
                Smoothing::AddK | Smoothing::None => 0.0,
            };
        }
        // The logarithm of 0 makes the product 0.
        let logarithms: f64 = precisions[..orders].iter().map(|precision| precision.ln()).sum();
        let score = brevity_penalty * (logarithms / orders as f64).exp();
        // A floor above 1 would go beyond it.
        score.clamp(0.0, 1.0)
    }
}
