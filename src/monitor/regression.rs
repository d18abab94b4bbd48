//! What became slower than a baseline, and how sure that is.

use super::evidence::{Evidence, Noise, Series, Slowdown, Wanted, rests_on_prior, slower};
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
/// One call against one rests on the prior alone, a wide one: what is about twice as slow is told, as sure as that is.
const PROOF_OF_ONE: Proof = Proof {
    confidence: 0.9,
    margin: 0.8,
};
const PROOF: Proof = Proof {
    confidence: 0.98,
    margin: 1.0 / 3.0,
};

/// The baseline a change is related to is at least this, ms: below it a clock says nothing.
const SMALLEST_BASELINE: f64 = 0.001;

/// What sums of the same durations may differ by, relative.
const ROUNDING: f64 = 1e-9;

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
    /// Average before, ms; without outliers where these are all that hides the change.
    pub baseline_duration: f64,
    /// Average now, ms; where a quicker machine hides the change, on one as quick as before.
    pub current_duration: f64,
    /// How much slower, percent of the baseline.
    pub percent_change: f64,
    /// `critical`, `major` or `minor`, without what a machine that was slower itself explains.
    pub severity: &'static str,
    /// The threshold that was crossed, percent.
    pub threshold: f64,
    /// How sure this is, 0–1: 1 less the p-value, corrected for the number of components compared (Bonferroni).
    pub confidence: f64,
    /// How much slower the machine itself was, its processors busy with others included, percent; 0 when unknown, or as quick.
    pub machine_percent: f64,
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
    /// How often as long calls took as they would have if their thread had never waited for a processor.
    fn delayed(&self) -> f64 {
        let undelayed = self.series.undelayed();
        if self.average > undelayed * (1.0 + ROUNDING) && undelayed > 0.0 {
            self.average / undelayed
        } else {
            1.0
        }
    }

    /// Of a recording.
    pub fn of(recording: &Recording) -> Self {
        let moments = recording.moments();
        let finest = recording.finest();
        let noise = Noise::of_calls(&finest)
            .unwrap_or_else(|| Noise::new(recording.percentiles([25.0, 75.0]), moments.std_deviation()));
        Self {
            average: moments.mean(),
            calls: moments.count(),
            series: Series {
                rounds: recording.rounds(ROUNDS),
                finest,
                noise,
            },
        }
    }
}

/// The regressions among `pairs` of (name, baseline, current), largest change first. The average must be slower by a
/// threshold, and the rounds must show it ([`Proof`]).
pub fn regressions(pairs: &[(&str, &Sample, Sample)], thresholds: Thresholds) -> Vec<Regression> {
    let compared = pairs
        .iter()
        .filter(|(_, before, now)| before.calls > 0 && now.calls > 0)
        .count() as f64;
    let mut found: Vec<Regression> = pairs
        .iter()
        .filter_map(|(component, before, now)| thresholds.judge(component, before, now, compared))
        .collect();
    found.sort_by(|a, b| b.percent_change.total_cmp(&a.percent_change));
    found
}

impl Thresholds {
    /// A regression, if there is one: of the averages, or, where outliers spoil these, of the averages without them.
    fn judge(self, component: &str, before: &Sample, now: &Sample, compared: f64) -> Option<Regression> {
        if before.calls.min(now.calls) == 0 {
            return None;
        }
        let few = before.calls.min(now.calls) < FEW_CALLS;
        let needed = match () {
            () if rests_on_prior(&before.series, &now.series) => PROOF_OF_ONE,
            () if few => PROOF_OF_FEW,
            () => PROOF,
        };
        let least = self.minor.max(0.0) / 100.0;
        let wanted = Wanted {
            least,
            margin: least * needed.margin,
            p: (1.0 - needed.confidence) / compared,
        };
        let Slowdown {
            means,
            typical,
            machine,
            hides,
        } = slower(&before.series, &now.series, wanted)?;
        let delayed = now.delayed() / before.delayed();
        let undelayed = (delayed != 1.0).then(|| now.average / before.average / delayed);
        let means = Evidence {
            before: before.average,
            now: now.average,
            ratio: means.ratio.or(undelayed),
            ..means
        };
        [means, typical].into_iter().find_map(|evidence| {
            let confidence = 1.0 - (evidence.p * compared).min(1.0);
            let percent =
                |duration: f64| (duration - evidence.before) / evidence.before.max(SMALLEST_BASELINE) * 100.0;
            let ratio = evidence.ratio.filter(|_| evidence.before > 0.0);
            let on_one_level = ratio.map_or(evidence.now, |ratio| ratio * evidence.before);
            // What a quicker machine hides is told as it would have been on one as quick as before.
            let current = if hides {
                evidence.now.max(on_one_level)
            } else {
                evidence.now
            };
            let change = percent(current);
            let own = change.min(percent(on_one_level));
            let (severity, threshold) = self.crossed(own).filter(|_| confidence >= needed.confidence)?;
            Some(Regression {
                component: component.to_owned(),
                baseline_duration: evidence.before,
                current_duration: current,
                percent_change: change,
                severity,
                threshold,
                confidence,
                machine_percent: (machine * delayed - 1.0) * 100.0,
                baseline_calls: before.calls,
                current_calls: now.calls,
            })
        })
    }

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
