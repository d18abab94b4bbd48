//! ROUGE (Lin 2004), equal to rouge-score 0.1.2.
//!
//! Costs of texts of m and n tokens: ROUGE-N O(m + n); ROUGE-L and ROUGE-Lsum O(m · n / 64).

use serde::Deserialize;

use super::accuracy::{Accuracy, Measure};
use super::edit_distance::{lcs, without_common_ends};
use super::interrupt::{Interrupt, Stop, within_cells};
use super::kernel::{Kernel, Pair};
use super::lcs_positions::LcsPositions;
use super::ngrams::{Vocabulary, clipped_matches, count};
use super::porter;
use super::text;

/// The kinds of ROUGE.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Overlap {
    /// N-grams of this length.
    N(usize),
    /// The longest common subsequence.
    L,
    /// The union of longest common subsequences, line by line.
    Lsum,
}

/// A scorer by ROUGE.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Rouge {
    overlap: Overlap,
    stemmer: bool,
    measure: Measure,
    max_cells: f64,
}

impl Kernel for Rouge {
    fn figures(&self) -> Vec<String> {
        Accuracy::FIGURES.map(str::to_owned).to_vec()
    }

    fn score(&self, pair: Pair<'_>, figures: &mut [f64], interrupt: Interrupt<'_>) -> Result<f64, Stop> {
        let mut vocabulary = Vocabulary::default();
        let answer = self.lines(pair.actual, &mut vocabulary);
        let mut accuracies = Vec::with_capacity(pair.expected.len());
        for expected in pair.expected {
            interrupt.check()?;
            let reference = self.lines(expected, &mut vocabulary);
            accuracies.push(self.accuracy(&reference, &answer, interrupt)?);
        }
        let best = Accuracy::best(accuracies);
        figures.copy_from_slice(&best.figures());
        Ok(best.get(self.measure))
    }
}

impl Rouge {
    /// The tokens of each line; all in one line but for ROUGE-Lsum.
    fn lines(&self, units: &[u16], vocabulary: &mut Vocabulary) -> Vec<Vec<u32>> {
        let points = text::code_points(units);
        let one_line = [points.as_slice()];
        let lines: Box<dyn Iterator<Item = &[u32]>> = match self.overlap {
            Overlap::Lsum => Box::new(points.split(|&point| point == 0x0A)),
            _ => Box::new(one_line.into_iter()),
        };
        lines.map(|line| self.tokens(line, vocabulary)).collect()
    }

    fn tokens(&self, line: &[u32], vocabulary: &mut Vocabulary) -> Vec<u32> {
        // Lower-casing may give an ASCII letter for another: the Kelvin sign, and i with a dot.
        let lower = text::lower(line);
        let is_token =
            |point: u32| u8::try_from(point).is_ok_and(|b| b.is_ascii_lowercase() || b.is_ascii_digit());
        lower
            .split(|&point| !is_token(point))
            .filter(|token| !token.is_empty())
            .map(|token| {
                if self.stemmer && token.len() > 3 {
                    vocabulary.number(&porter::stem(token))
                } else {
                    vocabulary.number(token)
                }
            })
            .collect()
    }

    fn accuracy(
        &self,
        reference: &[Vec<u32>],
        answer: &[Vec<u32>],
        interrupt: Interrupt<'_>,
    ) -> Result<Accuracy, Stop> {
        let length = |lines: &[Vec<u32>]| lines.iter().map(Vec::len).sum::<usize>();
        let (m, n) = (length(reference), length(answer));
        match self.overlap {
            Overlap::N(order) => {
                let (reference, answer) = (reference.concat(), answer.concat());
                let matches = clipped_matches(&[&reference], &answer, order);
                let matches = matches.last().copied().unwrap_or(0);
                Ok(Accuracy::of(matches, count(m, order), count(n, order)))
            }
            Overlap::L => {
                let (reference, answer) = (reference.concat(), answer.concat());
                let (a, b) = without_common_ends(&reference, &answer);
                within_cells(a.len(), b.len(), self.max_cells)?;
                let ends = m - a.len();
                Ok(Accuracy::of(ends + lcs::length(a, b, interrupt)?, m, n))
            }
            Overlap::Lsum => {
                within_cells(m, n, self.max_cells)?;
                Ok(Accuracy::of(union_matches(reference, answer, interrupt)?, m, n))
            }
        }
    }
}

/// Tokens in the union of the LCS of each expected line with each answer line, none counted oftener than either side has
/// it.
fn union_matches(
    reference: &[Vec<u32>],
    answer: &[Vec<u32>],
    interrupt: Interrupt<'_>,
) -> Result<usize, Stop> {
    let tokens = 1 + reference
        .iter()
        .chain(answer)
        .flatten()
        .max()
        .copied()
        .unwrap_or(0) as usize;
    let counted = |lines: &[Vec<u32>]| {
        let mut counts = vec![0usize; tokens];
        for &token in lines.iter().flatten() {
            counts[token as usize] += 1;
        }
        counts
    };
    let (mut left_in_reference, mut left_in_answer) = (counted(reference), counted(answer));
    let mut matches = 0;
    for line in reference {
        let mut in_union = vec![false; line.len()];
        let positions = LcsPositions::new(line);
        for other in answer {
            positions.mark(other, &mut in_union, interrupt)?;
        }
        for (&token, _) in line.iter().zip(&in_union).filter(|(_, in_union)| **in_union) {
            let (reference, answer) = (
                &mut left_in_reference[token as usize],
                &mut left_in_answer[token as usize],
            );
            if *reference > 0 && *answer > 0 {
                *reference -= 1;
                *answer -= 1;
                matches += 1;
            }
        }
    }
    Ok(matches)
}
