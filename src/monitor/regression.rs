//! Regressions against a baseline, their confidence, and the changes that cannot be judged yet.

use super::evidence::{Evidence, MEANS, Noise, Series, TYPICAL, rests_on_prior};
use super::recording::Recording;
use super::reference_timing::{MachineChange, ReferenceTiming};
use crate::stats::false_discovery;
use serde::Serialize;

/// Rounds a recording is cut into for the test.
pub const ROUNDS: usize = 12;

/// The proof of a regression, besides an average that is slower by a threshold.
struct Proof {
    /// Confidence needed: 1 less the false discovery rate over all components compared together.
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

/// One call a side says nothing of its noise: it counts when it takes this many times as long, and longer by this, ms.
const PAIR_FACTOR: f64 = 2.0;
const PAIR_LONGER: f64 = 5.0;

/// The machine's slowdown or speed-up, as a factor, above which a regression is not conclusive.
const MACHINE_DIFFERS: f64 = 1.1;

/// The baseline a change is related to is at least this, ms: below it a clock says nothing.
const SMALLEST_BASELINE: f64 = 0.001;
/// No component needs more calls than this, as far as it is told.
const MOST_CALLS: f64 = 1e9;

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
    /// Average now, ms.
    pub current_duration: f64,
    /// Slowdown, percent of the baseline.
    pub percent_change: f64,
    /// `critical`, `major` or `minor`.
    pub severity: &'static str,
    /// The threshold that was crossed, percent.
    pub threshold: f64,
    /// Confidence, 0–1: 1 less the false discovery rate at which it is still found.
    pub confidence: f64,
    /// Slowdown of the machine itself, percent; 0 when unknown.
    pub machine_percent: f64,
    /// True when the machine was as quick in both runs, within 10 %, as far as that is known.
    pub conclusive: bool,
    /// Calls behind the baseline's figure.
    pub baseline_calls: u64,
    /// Calls behind the current figure.
    pub current_calls: u64,
}

/// A component whose change exceeds a threshold and is no regression, or not yet.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Unjudged {
    /// Its name.
    pub component: String,
    /// Slowdown, percent of the baseline.
    pub percent_change: f64,
    /// Slowdown of the machine itself, percent: only where that alone explains the change.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub machine_percent: Option<f64>,
    /// About how many calls each side needs to judge a change of this size: only where calls are what is missing.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub calls_needed: Option<f64>,
}

/// Every change beyond a threshold, largest first.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Judgement {
    /// Components that became slower.
    pub regressions: Vec<Regression>,
    /// Components that perhaps did.
    pub unjudged: Vec<Unjudged>,
}

/// A recording ready to be compared.
#[derive(Clone, Debug)]
pub struct Sample {
    /// Mean duration, ms.
    pub average: f64,
    /// Calls.
    pub calls: u64,
    /// Rounds and noise.
    pub series: Series,
    /// The machine's reference timing meanwhile.
    pub reference: ReferenceTiming,
}

impl Sample {
    /// Prepares a recording.
    pub fn of(recording: &Recording) -> Self {
        let moments = recording.moments();
        Self {
            average: moments.mean(),
            calls: moments.count(),
            series: Series {
                rounds: recording.rounds(ROUNDS),
                noise: Noise::new(recording.percentiles([25.0, 75.0]), moments.std_deviation()),
            },
            reference: *recording.reference(),
        }
    }
}

/// One test of a component: by the averages, or by the averages without outliers.
struct Change {
    before: f64,
    now: f64,
    /// Percent of the baseline.
    percent: f64,
    /// p-values: of the change as measured, and of what of it the machine does not explain.
    measured: f64,
    own: f64,
}

/// A component that has calls on both sides.
struct Compared<'a> {
    component: &'a str,
    calls: [u64; 2],
    machine: MachineChange,
    is_pair: bool,
    proof: Proof,
    means: Evidence,
    changes: [Change; 2],
}

impl<'a> Compared<'a> {
    fn of(component: &'a str, before: &Sample, now: &Sample, least: f64) -> Self {
        let sides = [&before.series, &now.series];
        let machine = MachineChange::between(&before.reference, &now.reference);
        let proof = if before.calls.min(now.calls) < FEW_CALLS {
            PROOF_OF_FEW
        } else {
            PROOF
        };
        let [means, typical] = [MEANS, TYPICAL].map(|measure| Evidence::of(sides, measure));
        let change = |evidence: &Evidence, before: f64, now: f64| Change {
            before,
            now,
            percent: (now - before) / before.max(SMALLEST_BASELINE) * 100.0,
            measured: evidence.p(least * proof.margin, &MachineChange::default()),
            own: evidence.p(least * proof.margin, &machine),
        };
        Self {
            component,
            calls: [before.calls, now.calls],
            machine,
            is_pair: rests_on_prior(sides[0], sides[1]),
            changes: [
                change(&means, before.average, now.average),
                change(&typical, typical.before(), typical.now()),
            ],
            proof,
            means,
        }
    }

    /// Says if a single pair counts, on a machine slower by `explained` (a logarithm).
    fn pair_counts(&self, explained: f64) -> bool {
        let [Change { before, now, .. }, _] = self.changes;
        let expected = before * libm::exp(explained.max(0.0));
        now >= PAIR_FACTOR * expected && now - expected >= PAIR_LONGER
    }
}

/// The first sure change of each of `compared`, with its false discovery rate. `p` picks the p-value that counts. A single pair
/// is judged by itself and belongs to no family of tests.
fn sure(
    compared: &[Compared],
    thresholds: Thresholds,
    p: fn(&Change) -> f64,
    explained: fn(&MachineChange) -> f64,
) -> Vec<Option<(usize, f64)>> {
    let counts = |change: &Change| {
        if thresholds.crossed(change.percent).is_some() {
            p(change)
        } else {
            1.0
        }
    };
    let least = |compared: &Compared| compared.changes.iter().map(counts).fold(1.0, f64::min);
    let family: Vec<f64> = compared.iter().filter(|c| !c.is_pair).map(least).collect();
    let mut rates = false_discovery(&family).into_iter().zip(family);
    compared
        .iter()
        .map(|compared| {
            if compared.is_pair {
                let p = counts(&compared.changes[0]);
                let is_sure = compared.pair_counts(explained(&compared.machine)) && p < 1.0;
                return is_sure.then_some((0, p));
            }
            let (rate, least) = rates.next()?;
            // What the number of tests adds to the smaller p-value it adds to the other one.
            let factor = if least > 0.0 { rate / least } else { 1.0 };
            compared
                .changes
                .iter()
                .map(|change| (counts(change) * factor).min(1.0))
                .enumerate()
                .find(|(_, rate)| *rate <= 1.0 - compared.proof.confidence)
        })
        .collect()
}

/// Judges `pairs` of (name, baseline, current). The average must be slower by a threshold, and the rounds must show it
/// ([`Proof`]), beyond what the machine explains. What is slower by a threshold and does not show it is unjudged. Components
/// without calls on either side are not compared.
pub fn judge(pairs: &[(&str, &Sample, Sample)], thresholds: Thresholds) -> Judgement {
    let least = thresholds.minor.max(0.0) / 100.0;
    let compared: Vec<Compared> = pairs
        .iter()
        .filter(|(_, before, now)| before.calls > 0 && now.calls > 0)
        .map(|(component, before, now)| Compared::of(component, before, now, least))
        .collect();
    let family = compared.iter().filter(|compared| !compared.is_pair).count() as f64;
    let own = sure(
        &compared,
        thresholds,
        |change| change.own,
        |machine| machine.explains().0,
    );
    let measured = sure(&compared, thresholds, |change| change.measured, |_| 0.0);
    let mut found = Judgement::default();
    for (compared, (own, measured)) in compared.iter().zip(own.into_iter().zip(measured)) {
        if let Some((which, rate)) = own {
            found
                .regressions
                .extend(thresholds.regression(compared, which, rate));
            continue;
        }
        let which = measured.map_or(0, |(which, _)| which);
        let percent_change = compared.changes[which].percent;
        if thresholds.crossed(percent_change).is_some() {
            let is_explained = measured.is_some() && compared.machine.is_slower();
            found.unjudged.push(Unjudged {
                component: compared.component.to_owned(),
                percent_change,
                machine_percent: is_explained.then(|| compared.machine.percent()),
                calls_needed: (!is_explained)
                    .then(|| compared.calls_needed(least, family.max(1.0), measured.is_some())),
            });
        }
    }
    found
        .regressions
        .sort_by(|a, b| b.percent_change.total_cmp(&a.percent_change));
    found
        .unjudged
        .sort_by(|a, b| b.percent_change.total_cmp(&a.percent_change));
    found
}

impl Compared<'_> {
    /// About how many calls each side needs, more than it has, for the change to be found among `family` components. If it is
    /// only the reference timing that is not known well enough, twice the calls bring twice the readings.
    fn calls_needed(&self, least: f64, family: f64, is_measured: bool) -> f64 {
        let has = self.calls[0].min(self.calls[1]) as f64;
        if is_measured {
            return (2.0 * has).min(MOST_CALLS);
        }
        let needed = |proof: Proof| {
            let p = (1.0 - proof.confidence) / family;
            self.means.calls_needed(least * proof.margin, p, ROUNDS)
        };
        let few = needed(PROOF_OF_FEW);
        let enough = if few < FEW_CALLS as f64 {
            few
        } else {
            needed(PROOF).max(FEW_CALLS as f64)
        };
        enough.max(has + 1.0).min(MOST_CALLS)
    }
}

impl Thresholds {
    fn regression(self, compared: &Compared, which: usize, rate: f64) -> Option<Regression> {
        let Change {
            before, now, percent, ..
        } = compared.changes[which];
        let (severity, threshold) = self.crossed(percent)?;
        let [baseline_calls, current_calls] = compared.calls;
        Some(Regression {
            component: compared.component.to_owned(),
            baseline_duration: before,
            current_duration: now,
            percent_change: percent,
            severity,
            threshold,
            confidence: 1.0 - rate,
            machine_percent: compared.machine.percent(),
            conclusive: compared.machine.log.abs() <= libm::log(MACHINE_DIFFERS),
            baseline_calls,
            current_calls,
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
