//! Precision, recall and F1 of what two texts share.

use serde::Deserialize;

/// The figure that is the score.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Measure {
    /// The harmonic mean of both.
    #[default]
    F1,
    /// The share of the answer that is expected.
    Precision,
    /// The share of what is expected that the answer has.
    Recall,
}

/// Precision, recall and their harmonic mean.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Accuracy {
    /// Matches by the length of the answer.
    pub precision: f64,
    /// Matches by the length of what is expected.
    pub recall: f64,
    /// The harmonic mean of both.
    pub f1: f64,
}

impl Accuracy {
    /// The names of its figures.
    pub const FIGURES: [&'static str; 3] = ["precision", "recall", "f1"];

    /// The accuracy of `matches` among `expected` and `actual`.
    pub fn of(matches: usize, expected: usize, actual: usize) -> Self {
        let precision = matches as f64 / actual.max(1) as f64;
        let recall = matches as f64 / expected.max(1) as f64;
        let sum = precision + recall;
        let f1 = if sum > 0.0 {
            2.0 * precision * recall / sum
        } else {
            0.0
        };
        Self {
            precision,
            recall,
            f1,
        }
    }

    /// The one with the best F1, whatever figure is the score; the first of equals.
    pub fn best(accuracies: impl IntoIterator<Item = Self>) -> Self {
        let better = |best: Self, next: Self| if next.f1 > best.f1 { next } else { best };
        accuracies.into_iter().reduce(better).unwrap_or_default()
    }

    /// The figures, in the order of their names.
    pub fn figures(self) -> [f64; 3] {
        [self.precision, self.recall, self.f1]
    }

    /// The figure that is the score.
    pub fn get(self, measure: Measure) -> f64 {
        match measure {
            Measure::F1 => self.f1,
            Measure::Precision => self.precision,
            Measure::Recall => self.recall,
        }
    }
}
