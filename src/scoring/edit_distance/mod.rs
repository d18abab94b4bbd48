//! Edit distance: how many edits turn one text into the other, as a share of their length.
//!
//! Equal to rapidfuzz 3.14. Costs of texts of m ≤ n symbols, after common ends are cut:
//! - Levenshtein, OSA, indel, LCS: O(⌈m/64⌉ · n);
//! - Damerau–Levenshtein: O(m · n);
//! - Jaro, Jaro–Winkler: O(n).
//!
//! Memory is linear in the texts.

pub mod damerau;
pub mod jaro;
pub mod lcs;
pub mod levenshtein;
pub mod match_bits;
pub mod osa;
mod wavefront;

#[cfg(test)]
mod tests;

use hashbrown::HashMap;
use serde::Deserialize;
use unicode_segmentation::UnicodeSegmentation;

use self::match_bits::Symbol;
use super::interrupt::{Interrupt, Stop, within_cells};
use super::kernel::{Kernel, Pair, best};
use super::text::{self, Form};

/// The measures of similarity.
#[derive(Debug, Clone, Copy, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Measure {
    /// Insertions, deletions and substitutions.
    Levenshtein,
    /// Those, and swaps of neighbours that are not edited again.
    Osa,
    /// Those, and swaps of neighbours.
    DamerauLevenshtein,
    /// Insertions and deletions.
    Indel,
    /// Longest common subsequence.
    Lcs,
    /// Jaro similarity.
    Jaro,
    /// Jaro similarity with Winkler's bonus for a common prefix.
    JaroWinkler,
}

/// The unit that counts as one symbol.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Unit {
    /// A code point.
    #[default]
    Codepoint,
    /// A UTF-16 unit, as JavaScript's `length` counts.
    Utf16,
    /// An extended grapheme cluster, what a reader takes for one character.
    Grapheme,
}

/// A scorer by edit distance.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct EditDistance {
    measure: Measure,
    #[serde(default)]
    unit: Unit,
    #[serde(default)]
    normalize: Form,
    #[serde(default)]
    ignore_case: bool,
    #[serde(default)]
    prefix_weight: f64,
    max_cells: f64,
}

impl Kernel for EditDistance {
    fn figures(&self) -> Vec<String> {
        match self.measure {
            Measure::Jaro | Measure::JaroWinkler => Vec::new(),
            _ => vec!["distance".to_owned()],
        }
    }

    fn score(&self, pair: Pair<'_>, figures: &mut [f64], interrupt: Interrupt<'_>) -> Result<f64, Stop> {
        best(pair.expected, figures, |expected, figures| {
            self.one(expected, pair.actual, figures, interrupt)
        })
    }
}

impl EditDistance {
    fn one(
        &self,
        expected: &[u16],
        actual: &[u16],
        figures: &mut [f64],
        interrupt: Interrupt<'_>,
    ) -> Result<f64, Stop> {
        let as_they_are = self.normalize == Form::None && !self.ignore_case;
        let units_are_points = |text: &[u16]| !text.iter().any(|unit| (0xD800..0xE000).contains(unit));
        let direct = match self.unit {
            Unit::Utf16 => true,
            Unit::Codepoint => units_are_points(expected) && units_are_points(actual),
            Unit::Grapheme => false,
        };
        if as_they_are && direct {
            return self.measured(expected, actual, figures, interrupt);
        }
        let prepared = |units: &[u16]| {
            let points = text::normalize(text::code_points(units), self.normalize);
            if self.ignore_case {
                text::normalize(text::fold(&points), self.normalize)
            } else {
                points
            }
        };
        let (expected, actual) = (prepared(expected), prepared(actual));
        match self.unit {
            Unit::Codepoint => self.measured(&expected, &actual, figures, interrupt),
            Unit::Utf16 => self.measured(&utf16(&expected), &utf16(&actual), figures, interrupt),
            Unit::Grapheme => {
                let mut clusters = Clusters::default();
                let (expected, actual) = (clusters.numbers(&expected), clusters.numbers(&actual));
                self.measured(&expected, &actual, figures, interrupt)
            }
        }
    }

    fn measured<T: Symbol>(
        &self,
        expected: &[T],
        actual: &[T],
        figures: &mut [f64],
        interrupt: Interrupt<'_>,
    ) -> Result<f64, Stop> {
        match self.measure {
            Measure::Jaro => return Ok(jaro::similarity(expected, actual)),
            Measure::JaroWinkler => {
                return Ok(jaro::with_prefix_bonus(expected, actual, self.prefix_weight));
            }
            _ => {}
        }
        let (a, b) = without_common_ends(expected, actual);
        within_cells(a.len(), b.len(), self.max_cells)?;
        let longer = expected.len().max(actual.len());
        let sum = expected.len() + actual.len();
        let (distance, most) = match self.measure {
            Measure::Levenshtein => (levenshtein::distance(a, b, interrupt)?, longer),
            Measure::Osa => (osa::distance(a, b, interrupt)?, longer),
            Measure::DamerauLevenshtein => (damerau::distance(a, b, interrupt)?, longer),
            Measure::Indel => (a.len() + b.len() - 2 * lcs::length(a, b, interrupt)?, sum),
            _ => (a.len().max(b.len()) - lcs::length(a, b, interrupt)?, longer),
        };
        if let Some(figure) = figures.first_mut() {
            *figure = distance as f64;
        }
        Ok(similarity(distance, most))
    }
}

/// Returns 1 − distance/most; 1 when there is nothing to compare.
pub fn similarity(distance: usize, most: usize) -> f64 {
    if most == 0 {
        1.0
    } else {
        1.0 - distance as f64 / most as f64
    }
}

/// Returns what is left of two sequences without the prefix and the suffix they share.
pub fn without_common_ends<'a, T: Symbol>(a: &'a [T], b: &'a [T]) -> (&'a [T], &'a [T]) {
    let prefix = a.iter().zip(b).take_while(|(a, b)| a == b).count();
    let (a, b) = (&a[prefix..], &b[prefix..]);
    let suffix = a
        .iter()
        .rev()
        .zip(b.iter().rev())
        .take_while(|(a, b)| a == b)
        .count();
    (&a[..a.len() - suffix], &b[..b.len() - suffix])
}

fn utf16(points: &[u32]) -> Vec<u16> {
    let mut units = Vec::with_capacity(points.len());
    for &point in points {
        match char::from_u32(point) {
            Some(character) => units.extend_from_slice(character.encode_utf16(&mut [0; 2])),
            // A lone surrogate is below U+10000.
            None => units.push(point as u16),
        }
    }
    units
}

/// Numbers of grapheme clusters, equal for equal clusters.
#[derive(Default)]
struct Clusters {
    numbers: HashMap<String, u32>,
}

impl Clusters {
    /// Numbers the clusters of a text. A lone surrogate is a cluster of its own.
    fn numbers(&mut self, points: &[u32]) -> Vec<u32> {
        // Numbers of clusters start behind those of the code points.
        const FIRST: u32 = 0x11_0000;
        let mut numbers = Vec::with_capacity(points.len());
        let mut run = String::new();
        let mut flush = |run: &mut String, numbers: &mut Vec<u32>| {
            for cluster in run.graphemes(true) {
                let next = FIRST + self.numbers.len() as u32;
                numbers.push(*self.numbers.entry_ref(cluster).or_insert(next));
            }
            run.clear();
        };
        for &point in points {
            if let Some(character) = char::from_u32(point) {
                run.push(character);
            } else {
                flush(&mut run, &mut numbers);
                numbers.push(point);
            }
        }
        flush(&mut run, &mut numbers);
        numbers
    }
}
