//! Measures of predicted classes against the true ones, as scikit-learn defines them.
//!
//! Classes are numbers from 0; what they are called is the caller's. A ratio of 0 to 0 is 0 unless noted. O(n + c²) for n
//! cases and c classes.

use super::interrupt::{Interrupt, Stop};
use super::kernel::{Kernel, Pair};
use super::packed_numbers::unpack;
use serde::Deserialize;
use thiserror::Error;

/// The figures that a scorer can give.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Metric {
    /// [`Report::accuracy`]
    Accuracy,
    /// [`Report::balanced_accuracy`]
    BalancedAccuracy,
    /// [`Report::mcc`]
    Mcc,
    /// [`Report::kappa`]
    Kappa,
    /// [`PrecisionRecall::precision`]
    Precision,
    /// [`PrecisionRecall::recall`]
    Recall,
    /// [`PrecisionRecall::f1`]
    F1,
}

/// The way from the figures of classes to one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Average {
    /// [`Report::macro_average`]
    Macro,
    /// [`Report::micro_average`]
    Micro,
    /// [`Report::weighted_average`]
    Weighted,
    /// The figures of the positive class.
    Binary,
}

/// The scorer of one figure; a negative one scores 0. The expected text is packed numbers: how many labels, how many
/// classes, which class is the positive one (−1: none), and the expected class of each case; the answer's the actual classes.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Classification {
    metric: Metric,
    average: Average,
    kappa_weights: KappaWeights,
}

impl Kernel for Classification {
    fn figures(&self) -> Vec<String> {
        vec!["figure".to_owned()]
    }

    fn score(&self, pair: Pair<'_>, figures: &mut [f64], _interrupt: Interrupt<'_>) -> Result<f64, Stop> {
        let expected = pair.expected.first().map_or_else(Vec::new, |units| unpack(units));
        let classes = |numbers: &[f64]| numbers.iter().map(|class| *class as u32).collect::<Vec<u32>>();
        let figure = match &expected[..] {
            [labels, count, positive, expected @ ..] => {
                let (expected, actual) = (classes(expected), classes(&unpack(pair.actual)));
                let report = report(
                    &expected,
                    &actual,
                    *labels as usize,
                    *count as usize,
                    self.kappa_weights,
                );
                report.map_or(f64::NAN, |report| self.figure(&report, *positive))
            }
            _ => f64::NAN,
        };
        figures[0] = figure;
        Ok(if figure.is_nan() {
            figure
        } else {
            figure.clamp(0.0, 1.0)
        })
    }
}

impl Classification {
    fn figure(&self, report: &Report, positive: f64) -> f64 {
        let average = match self.average {
            Average::Macro => report.macro_average,
            Average::Micro => report.micro_average,
            Average::Weighted => report.weighted_average,
            Average::Binary if positive < 0.0 => PrecisionRecall::default(),
            Average::Binary => {
                let class = report.classes.get(positive as usize);
                class.map_or_else(PrecisionRecall::default, |class| class.scores)
            }
        };
        match self.metric {
            Metric::Accuracy => report.accuracy,
            Metric::BalancedAccuracy => report.balanced_accuracy,
            Metric::Mcc => report.mcc,
            Metric::Kappa => report.kappa,
            Metric::Precision => average.precision,
            Metric::Recall => average.recall,
            Metric::F1 => average.f1,
        }
    }
}

/// The most classes of a report: its matrix would have more than 16 million cells.
pub const MAX_CLASSES: usize = 4_096;

/// The distance between two classes, for kappa.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum KappaWeights {
    /// All classes are equally far apart.
    None,
    /// By the difference of their places.
    Linear,
    /// By the square of it.
    Quadratic,
}

/// Precision, recall and their harmonic mean.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct PrecisionRecall {
    /// Share of the cases predicted as the class that belong to it.
    pub precision: f64,
    /// Share of the cases of the class that are predicted as it.
    pub recall: f64,
    /// `2 · precision · recall / (precision + recall)`
    pub f1: f64,
}

/// The figures of one class.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ClassFigures {
    /// Precision, recall and F1.
    pub scores: PrecisionRecall,
    /// Cases that are of the class.
    pub support: u64,
}

/// All figures.
#[derive(Debug, Clone, PartialEq)]
pub struct Report {
    /// Cases by true class (rows) and predicted class (columns), of the first `labels` classes.
    pub matrix: Vec<Vec<u64>>,
    /// The share of right predictions.
    pub accuracy: f64,
    /// The mean recall of the classes that occur.
    pub balanced_accuracy: f64,
    /// Matthews' correlation coefficient, −1 to 1; 0 where it is undefined.
    pub mcc: f64,
    /// Cohen's kappa, −1 to 1; NaN where chance alone agrees fully.
    pub kappa: f64,
    /// The mean over the labels.
    pub macro_average: PrecisionRecall,
    /// Computed from the sums over the labels.
    pub micro_average: PrecisionRecall,
    /// The mean over the labels, weighted by support.
    pub weighted_average: PrecisionRecall,
    /// By label.
    pub classes: Vec<ClassFigures>,
}

/// Why there is no report.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum ClassificationError {
    /// There is no case.
    #[error("expected must hold at least one case, got none")]
    Empty,
    /// The lists differ in length.
    #[error("expected and actual must have the same length, got {0} and {1}")]
    Lengths(usize, usize),
    /// There are too many classes.
    #[error("there may be {MAX_CLASSES} classes, got {0}")]
    Classes(usize),
}

/// Reports on predictions. Classes below `labels` are reported on; those from `labels` to below `classes` occur without
/// being asked for: they count for accuracy, balanced accuracy, MCC and as mistakes, and have no row of their own.
///
/// # Errors
/// When there is no case, the lists differ in length or there are too many classes.
///
/// # Panics
/// Never: a class of `classes` or more is counted as the last.
pub fn report(
    expected: &[u32],
    actual: &[u32],
    labels: usize,
    classes: usize,
    weights: KappaWeights,
) -> Result<Report, ClassificationError> {
    if expected.len() != actual.len() {
        return Err(ClassificationError::Lengths(expected.len(), actual.len()));
    }
    if expected.is_empty() {
        return Err(ClassificationError::Empty);
    }
    if classes > MAX_CLASSES {
        return Err(ClassificationError::Classes(classes));
    }
    let last = classes.max(1) - 1;
    let mut counts = vec![vec![0u64; classes.max(1)]; classes.max(1)];
    for (expected, actual) in expected.iter().zip(actual) {
        counts[(*expected as usize).min(last)][(*actual as usize).min(last)] += 1;
    }
    let counts = Counts::new(counts);
    let labels = labels.min(counts.true_sums.len());
    let figures: Vec<ClassFigures> = (0..labels).map(|class| counts.class(class)).collect();
    let matrix: Vec<Vec<u64>> = counts.matrix[..labels]
        .iter()
        .map(|row| row[..labels].to_vec())
        .collect();
    let supported: f64 = figures.iter().map(|class| class.support as f64).sum();
    Ok(Report {
        accuracy: counts.right() / counts.total,
        balanced_accuracy: counts.balanced_accuracy(),
        mcc: counts.mcc(),
        kappa: kappa(&matrix, weights),
        macro_average: average(&figures, |_| 1.0, labels as f64),
        micro_average: counts.micro(labels),
        weighted_average: average(&figures, |class| class.support as f64, supported),
        classes: figures,
        matrix,
    })
}

struct Counts {
    matrix: Vec<Vec<u64>>,
    true_sums: Vec<f64>,
    predicted_sums: Vec<f64>,
    total: f64,
}

fn ratio(part: f64, whole: f64) -> f64 {
    if whole == 0.0 { 0.0 } else { part / whole }
}

fn scores(right: f64, predicted: f64, actual: f64) -> PrecisionRecall {
    PrecisionRecall {
        precision: ratio(right, predicted),
        recall: ratio(right, actual),
        f1: ratio(2.0 * right, predicted + actual),
    }
}

impl Counts {
    fn new(matrix: Vec<Vec<u64>>) -> Self {
        let true_sums: Vec<f64> = matrix.iter().map(|row| row.iter().sum::<u64>() as f64).collect();
        let columns = 0..matrix.len();
        let predicted_sums = columns.map(|class| matrix.iter().map(|row| row[class]).sum::<u64>() as f64);
        Self {
            predicted_sums: predicted_sums.collect(),
            total: true_sums.iter().sum(),
            true_sums,
            matrix,
        }
    }

    fn right(&self) -> f64 {
        self.matrix
            .iter()
            .enumerate()
            .map(|(class, row)| row[class])
            .sum::<u64>() as f64
    }

    fn class(&self, class: usize) -> ClassFigures {
        let right = self.matrix[class][class] as f64;
        ClassFigures {
            scores: scores(right, self.predicted_sums[class], self.true_sums[class]),
            support: self.true_sums[class] as u64,
        }
    }

    fn balanced_accuracy(&self) -> f64 {
        let occurring = (0..self.matrix.len()).filter(|class| self.true_sums[*class] > 0.0);
        let recalls: Vec<f64> = occurring
            .map(|class| self.matrix[class][class] as f64 / self.true_sums[class])
            .collect();
        recalls.iter().sum::<f64>() / recalls.len() as f64
    }

    fn micro(&self, labels: usize) -> PrecisionRecall {
        let right: u64 = (0..labels).map(|class| self.matrix[class][class]).sum();
        let predicted = self.predicted_sums[..labels].iter().sum();
        scores(right as f64, predicted, self.true_sums[..labels].iter().sum())
    }

    /// J. Gorodkin, *Comparing two K-category assignments by a K-category correlation coefficient*, 2004.
    fn mcc(&self) -> f64 {
        let dot = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f64>();
        let square = self.total * self.total;
        let covariance = self.right() * self.total - dot(&self.true_sums, &self.predicted_sums);
        let of_predicted = square - dot(&self.predicted_sums, &self.predicted_sums);
        let of_true = square - dot(&self.true_sums, &self.true_sums);
        ratio(covariance, of_predicted.sqrt() * of_true.sqrt()).clamp(-1.0, 1.0)
    }
}

/// J. Cohen, *Weighted kappa*, Psychological Bulletin 70, 1968.
fn kappa(matrix: &[Vec<u64>], weights: KappaWeights) -> f64 {
    let sum = |values: &mut dyn Iterator<Item = u64>| values.sum::<u64>() as f64;
    let rows: Vec<f64> = matrix.iter().map(|row| sum(&mut row.iter().copied())).collect();
    let columns: Vec<f64> = (0..matrix.len())
        .map(|class| sum(&mut matrix.iter().map(|row| row[class])))
        .collect();
    let total: f64 = rows.iter().sum();
    let (mut observed, mut by_chance) = (0.0, 0.0);
    for (i, row) in matrix.iter().enumerate() {
        for (j, count) in row.iter().enumerate() {
            let apart = i.abs_diff(j) as f64;
            let weight = match weights {
                KappaWeights::None => f64::from(u8::from(i != j)),
                KappaWeights::Linear => apart,
                KappaWeights::Quadratic => apart * apart,
            };
            observed += weight * *count as f64;
            by_chance += weight * rows[i] * columns[j] / total;
        }
    }
    1.0 - observed / by_chance
}

fn average(classes: &[ClassFigures], weight: impl Fn(&ClassFigures) -> f64, total: f64) -> PrecisionRecall {
    let mean = |figure: fn(&PrecisionRecall) -> f64| {
        let sum: f64 = classes
            .iter()
            .map(|class| weight(class) * figure(&class.scores))
            .sum();
        ratio(sum, total)
    };
    PrecisionRecall {
        precision: mean(|scores| scores.precision),
        recall: mean(|scores| scores.recall),
        f1: mean(|scores| scores.f1),
    }
}

#[cfg(test)]
mod tests {
    use super::{ClassificationError, KappaWeights, MAX_CLASSES, report};
    use proptest::prelude::*;

    #[test]
    fn one_class_throughout_has_no_kappa_and_an_mcc_of_0() {
        let figures = report(&[0, 0], &[0, 0], 1, 1, KappaWeights::None).expect("two cases");
        assert!(figures.kappa.is_nan());
        assert_eq!(
            (figures.mcc, figures.accuracy, figures.macro_average.f1),
            (0.0, 1.0, 1.0)
        );
    }

    #[test]
    fn what_makes_no_report_is_refused() {
        let of = |expected: &[u32], actual: &[u32], classes| {
            report(expected, actual, classes, classes, KappaWeights::None).err()
        };
        assert_eq!(of(&[], &[], 0), Some(ClassificationError::Empty));
        assert_eq!(of(&[0], &[], 1), Some(ClassificationError::Lengths(1, 0)));
        assert_eq!(
            of(&[0], &[0], MAX_CLASSES + 1),
            Some(ClassificationError::Classes(MAX_CLASSES + 1))
        );
    }

    #[test]
    fn classes_that_were_not_asked_for_count_as_mistakes_only() {
        // Labels 0 and 1 of three classes.
        let figures = report(&[0, 1, 2, 2], &[0, 2, 2, 0], 2, 3, KappaWeights::None).expect("four cases");
        assert_eq!(figures.matrix, [[1, 0], [0, 0]]);
        assert_eq!(figures.accuracy, 0.5);
        assert_eq!(figures.micro_average.precision, 0.5);
        assert_eq!(figures.classes[0].scores.precision, 0.5);
    }

    proptest! {
        #[test]
        fn figures_are_in_range_and_1_where_all_is_right(cases in proptest::collection::vec((0u32..4, 0u32..4), 1..50)) {
            let (expected, actual): (Vec<u32>, Vec<u32>) = cases.into_iter().unzip();
            let figures = report(&expected, &actual, 4, 4, KappaWeights::Quadratic).expect("cases");
            for figure in [figures.accuracy, figures.balanced_accuracy, figures.macro_average.f1, figures.weighted_average.recall] {
                prop_assert!((0.0..=1.0 + 1e-12).contains(&figure));
            }
            prop_assert!((-1.0..=1.0).contains(&figures.mcc));
            prop_assert_eq!(figures.micro_average.f1, figures.accuracy);
            let right = report(&expected, &expected, 4, 4, KappaWeights::None).expect("cases");
            prop_assert_eq!((right.accuracy, right.balanced_accuracy, right.micro_average.f1), (1.0, 1.0, 1.0));
        }
    }
}
