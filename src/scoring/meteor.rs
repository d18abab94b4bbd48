//! METEOR (Lavie and Agarwal 2007) by equal words and equal stems; equal to nltk 3.10 without WordNet.
//!
//! O(m + n) time and memory.

use hashbrown::HashMap;
use serde::Deserialize;

use super::bleu_tokens::BleuTokenizer;
use super::edit_distance::without_common_ends;
use super::interrupt::{Interrupt, Stop, within_cells};
use super::kernel::{Kernel, Pair, best};
use super::ngrams::Vocabulary;
use super::porter;
use super::text;

/// A scorer by METEOR.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Meteor {
    tokenize: BleuTokenizer,
    alpha: f64,
    beta: f64,
    gamma: f64,
    max_cells: f64,
}

/// A text as lower-case words, and their numbers.
struct Words {
    words: Vec<Vec<u32>>,
    numbers: Vec<u32>,
}

impl Kernel for Meteor {
    fn figures(&self) -> Vec<String> {
        ["precision", "recall", "matches", "chunks"]
            .map(str::to_owned)
            .to_vec()
    }

    fn score(&self, pair: Pair<'_>, figures: &mut [f64], interrupt: Interrupt<'_>) -> Result<f64, Stop> {
        let mut vocabulary = Vocabulary::default();
        let answer = self.words(pair.actual, &mut vocabulary);
        best(pair.expected, figures, |expected, figures| {
            interrupt.check()?;
            let reference = self.words(expected, &mut vocabulary);
            let (a, b) = without_common_ends(&reference.numbers, &answer.numbers);
            within_cells(a.len(), b.len(), self.max_cells)?;
            Ok(self.score_of(&reference, &answer, figures))
        })
    }
}

impl Meteor {
    fn words(&self, units: &[u16], vocabulary: &mut Vocabulary) -> Words {
        let spaced = self.tokenize.spaced(&text::code_points(units));
        let words: Vec<Vec<u32>> = text::words(&spaced).map(text::lower).collect();
        let numbers = vocabulary.numbers(words.iter().map(Vec::as_slice));
        Words { words, numbers }
    }

    fn score_of(&self, reference: &Words, answer: &Words, figures: &mut [f64]) -> f64 {
        let partners = aligned(reference, answer);
        let pairs: Vec<(usize, usize)> = partners
            .iter()
            .enumerate()
            .filter_map(|(at, partner)| partner.map(|partner| (at, partner)))
            .collect();
        let follows = |pair: &&[(usize, usize)]| pair[1].0 == pair[0].0 + 1 && pair[1].1 == pair[0].1 + 1;
        let chunks = pairs.len() - pairs.windows(2).filter(follows).count();
        let matches = pairs.len() as f64;
        figures.copy_from_slice(&[0.0, 0.0, matches, chunks as f64]);
        if pairs.is_empty() {
            return 0.0;
        }
        let precision = matches / answer.words.len() as f64;
        let recall = matches / reference.words.len() as f64;
        figures[..2].copy_from_slice(&[precision, recall]);
        let mean = precision * recall / (self.alpha * precision + (1.0 - self.alpha) * recall);
        let penalty = self.gamma * (chunks as f64 / matches).powf(self.beta);
        ((1.0 - penalty) * mean).clamp(0.0, 1.0)
    }
}

/// The word of the reference that each word of the answer is matched with.
fn aligned(reference: &Words, answer: &Words) -> Vec<Option<usize>> {
    let mut partners = vec![None; answer.words.len()];
    let mut free = vec![true; reference.words.len()];
    matched(&reference.numbers, &answer.numbers, &mut partners, &mut free);
    // Equal words have equal stems: only what is left needs one.
    let mut stems = Vocabulary::default();
    let mut stems_of = |words: &[Vec<u32>], left: &mut dyn Iterator<Item = bool>| -> Vec<u32> {
        words
            .iter()
            .zip(left)
            .map(|(word, left)| {
                if left {
                    stems.number(&porter::stem(word))
                } else {
                    0
                }
            })
            .collect()
    };
    let reference_stems = stems_of(&reference.words, &mut free.iter().copied());
    let answer_stems = stems_of(&answer.words, &mut partners.iter().map(Option::is_none));
    matched(&reference_stems, &answer_stems, &mut partners, &mut free);
    partners
}

/// Gives each word of the answer without a partner, from the end, the last free reference word with its number.
fn matched(reference: &[u32], answer: &[u32], partners: &mut [Option<usize>], free: &mut [bool]) {
    let mut positions: HashMap<u32, Vec<usize>> = HashMap::new();
    for (at, &number) in reference.iter().enumerate().filter(|(at, _)| free[*at]) {
        positions.entry(number).or_default().push(at);
    }
    for (at, number) in answer.iter().enumerate().rev() {
        if partners[at].is_none()
            && let Some(position) = positions.get_mut(number).and_then(Vec::pop)
        {
            partners[at] = Some(position);
            free[position] = false;
        }
    }
}
