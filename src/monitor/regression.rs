//! What became slower than a baseline, and how sure that is.

use super::evidence::{Series, slower};
use super::recording::Recording;
use serde::Serialize;

/// Rounds a recording is cut into for the test.
pub const ROUNDS: usize = 12;
/// What a regression must show besides an average that is slower by a threshold.
struct Proof {
    /// How sure it must be, over all components compared together.
    confidence: f64,
    /// The slowdown that must be this sure, as a share of the smallest threshold: a machine that is a few percent slower
    /// today is no regression, however surely it is.
    margin: f64,
}

/// Few calls know little of their own noise, and nothing of a machine's other moods.
const FEW_CALLS: u64 = 30;
const PROOF_OF_FEW: Proof = Proof {
    confidence: 0.995,
    margin: 0.8,
};
const PROOF: Proof = Proof {
    confidence: 0.98,
    margin: 1.0 / 3.0,
};

/// The baseline a change is related to is at least this, ms: below it a clock says nothing.
const SMALLEST_BASELINE: f64 = 0.001;

/// Percent slower from which a change counts.
#[derive(Clone, Copy, Debug)]
pub struct Thresholds {
    /// Severity `critical` from here.
    pub critical: f64,
    /// Severity `major` from here.
    pub major: f64,
    /// Severity `minor` from here.
    pub minor: f64,
}

/// A component that became slower, and by what.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Regression {
    /// Its name.
    pub component: String,
    /// Average before, ms.
    pub baseline_duration: f64,
    /// Average now, ms.
    pub current_duration: f64,
    /// How much slower, percent of the baseline.
    pub percent_change: f64,
    /// `critical`, `major` or `minor`.
    pub severity: &'static str,
    /// The threshold that was crossed, percent.
    pub threshold: f64,
    /// How sure this is, 0–1: 1 less the p-value, corrected for the number of components compared (Bonferroni).
    pub confidence: f64,
    /// Calls behind the baseline's figure.
    pub baseline_calls: u64,
    /// Calls behind the current figure.
    pub current_calls: u64,
}

/// A recording ready to be compared.
#[derive(Clone, Debug)]
pub struct Sample {
    /// Mean duration, ms.
    pub average: f64,
    /// Calls.
    pub calls: u64,
    /// Rounds and spread.
    pub series: Series,
}

impl Sample {
    /// Of a recording.
    pub fn of(recording: &Recording) -> Self {
        let moments = recording.moments();
        let [low, high] = recording.percentiles([25.0, 75.0]);
        Self {
            average: moments.mean(),
            calls: moments.count(),
            series: Series {
                rounds: recording.rounds(ROUNDS),
                spread: robust_spread(low, high),
            },
        }
    }
}

/// The standard deviation of a normal distribution with these quartiles.
pub fn robust_spread(low: f64, high: f64) -> f64 {
    (high - low) / 1.349
}

/// The regressions among `pairs` of (name, baseline, current), largest change first. The average must be slower by a
/// threshold, and the rounds must show it ([`Proof`]).
pub fn regressions(pairs: Vec<(String, Sample, Sample)>, thresholds: Thresholds) -> Vec<Regression> {
    let compared = pairs
        .iter()
        .filter(|(_, b, c)| b.calls > 0 && c.calls > 0)
        .count() as f64;
    let mut found: Vec<Regression> = pairs
        .into_iter()
        .filter_map(|(component, baseline, current)| {
            if baseline.calls == 0 || current.calls == 0 {
                return None;
            }
            let change =
                (current.average - baseline.average) / baseline.average.max(SMALLEST_BASELINE) * 100.0;
            let (severity, threshold) = thresholds.crossed(change)?;
            let few = baseline.calls.min(current.calls) < FEW_CALLS;
            let needed = if few { PROOF_OF_FEW } else { PROOF };
            let margin = thresholds.minor.max(0.0) / 100.0 * needed.margin;
            let confidence = 1.0 - (slower(&baseline.series, &current.series, margin) * compared).min(1.0);
            (confidence >= needed.confidence).then_some(Regression {
                component,
                baseline_duration: baseline.average,
                current_duration: current.average,
                percent_change: change,
                severity,
                threshold,
                confidence,
                baseline_calls: baseline.calls,
                current_calls: current.calls,
            })
        })
        .collect();
    found.sort_by(|a, b| b.percent_change.total_cmp(&a.percent_change));
    found
}

impl Thresholds {
    fn crossed(self, change: f64) -> Option<(&'static str, f64)> {
        // A slowdown of nothing is none, even with a threshold of 0.
        if change <= 0.0 {
            return None;
        }
        [
            ("critical", self.critical),
            ("major", self.major),
            ("minor", self.minor),
        ]
        .into_iter()
        .find(|(_, limit)| change >= *limit)
    }
}
