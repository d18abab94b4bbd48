//! By how much two results differ, and how uncertain that is.

use crate::monitor::reference_timing::{MachineChange, ReferenceTiming};
use crate::stats::{Trimmed, nearest_rank, sorted, trimmed};
use serde::Deserialize;

/// Fewer rounds than this on either side say nothing of noise between rounds.
pub(super) const FEWEST_ROUNDS: usize = 3;
/// Share of rounds on either side that is left out (Yuen's test).
const TRIM: f64 = 0.2;
/// Relative standard deviation rounds have at least, and how many observations that counts for.
const PRIOR_SPREAD: f64 = 0.01;
/// The same spread for at most [`FEW`] observations, which have seen few of a machine's moods, and for a single one.
const PRIOR_SPREAD_OF_FEW: f64 = 0.05;
const PRIOR_SPREAD_OF_ONE: f64 = 0.25;
pub(super) const FEW: f64 = 10.0;
const PRIOR_WEIGHT: f64 = 2.0;
/// The standard deviation of the logarithm from one run to another one that its rounds do not show: what an engine has
/// compiled and where its objects lie, what a machine runs besides and at which clock, for longer than a run.
const BETWEEN_RUNS: f64 = 0.025;
/// Addition to the square of that, times ms, for a run too short to see more than a moment of it.
const BETWEEN_MOMENTS: f64 = 0.01;
/// Pairs of runs that these two are known from, about: the degrees of freedom they have.
const PAIRS_OF_RUNS: f64 = 100.0;
/// Quick rounds, percentile: those that nothing disturbed.
const QUICK: f64 = 10.0;
/// Largest systematic error, as a logarithm: beyond it nothing is known anyway.
const MOST_SYSTEMATIC: f64 = 3.0;
/// Durations below this, ms, are taken as this where a logarithm needs one: a ten-thousandth of a nanosecond.
const SMALLEST: f64 = 1e-10;

/// One result.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Side {
    /// Mean duration, ms.
    pub average: f64,
    /// Sample standard deviation, ms.
    pub deviation: f64,
    /// Samples.
    pub iterations: f64,
    /// Medians of rounds, in time order; empty when unknown.
    pub rounds: Vec<f64>,
    /// The reference timing in each of these rounds, ms; empty when unknown.
    #[serde(default)]
    pub reference: Vec<f64>,
    /// Duration of all calls, ms; 0 when unknown.
    #[serde(default)]
    pub total: f64,
    /// Systematic error of the average, ms: the part of calibration that more rounds do not average out.
    #[serde(default)]
    pub systematic: f64,
}

/// The input of [`compare`](super::compare).
#[derive(Clone, Debug, Deserialize)]
pub struct Change {
    /// Before.
    pub baseline: Side,
    /// After.
    pub current: Side,
    /// The i-th rounds of both were taken next to each other.
    pub paired: bool,
}

/// The logarithm of current over baseline, with its standard error.
pub(super) struct Ratio {
    /// The logarithm of typical rounds.
    pub log: f64,
    /// The part that all rounds share, beyond what the machine explains. A disturbance makes some rounds slow, a change of the
    /// function all of them.
    pub shared: f64,
    pub error: f64,
    pub df: f64,
    /// Variance that one round (one sample where there are no rounds) adds.
    pub noise: f64,
    /// The change of the reference timing.
    pub machine: MachineChange,
}

fn ln(value: f64) -> f64 {
    libm::log(value.max(SMALLEST))
}

fn prior_variance(observations: f64) -> f64 {
    let spread = match observations {
        n if n < 2.0 => PRIOR_SPREAD_OF_ONE,
        n if n <= FEW => PRIOR_SPREAD_OF_FEW,
        _ => PRIOR_SPREAD,
    };
    spread * spread
}

/// Trimmed mean, squared error and degrees of freedom, drawn towards the prior (see `monitor::evidence`).
fn moderated(values: &[f64]) -> (Trimmed, f64, f64) {
    let estimate = trimmed(values, TRIM);
    let df = PRIOR_WEIGHT + estimate.kept - 1.0;
    let variance =
        (PRIOR_WEIGHT * prior_variance(values.len() as f64) + (estimate.kept - 1.0) * estimate.variance) / df;
    (Trimmed { variance, ..estimate }, variance / estimate.kept, df)
}

fn sum_of_errors(first: (f64, f64), second: (f64, f64)) -> (f64, f64) {
    let error = first.0 + second.0;
    (
        error,
        error * error / (first.0 * first.0 / first.1 + second.0 * second.0 / second.1),
    )
}

/// The rest of the logarithm of a change without what the machine explains: anything from nothing to `explained`.
fn beyond(log: f64, explained: f64) -> f64 {
    log - log.clamp(explained.min(0.0), explained.max(0.0))
}

/// The smaller of two logarithms of one sign; 0 when their signs differ.
fn in_common(a: f64, b: f64) -> f64 {
    if a * b > 0.0 {
        a.abs().min(b.abs()).copysign(a)
    } else {
        0.0
    }
}

impl Side {
    /// The reference timing of the run: unknown unless it is known of each round.
    fn reference_timing(&self) -> ReferenceTiming {
        if self.reference.len() == self.rounds.len() {
            ReferenceTiming::of(&self.reference)
        } else {
            ReferenceTiming::default()
        }
    }

    /// The squared error of the logarithm that other runs have and the rounds of this one do not show; 0 without rounds, for
    /// what others have summed up is taken at its word.
    fn between_runs(&self) -> f64 {
        if self.rounds.is_empty() {
            return 0.0;
        }
        let moments = if self.total > 0.0 {
            BETWEEN_MOMENTS / self.total
        } else {
            0.0
        };
        BETWEEN_RUNS * BETWEEN_RUNS + moments
    }
}

impl Change {
    pub(super) fn has_rounds(&self) -> bool {
        self.baseline.rounds.len().min(self.current.rounds.len()) >= FEWEST_ROUNDS
    }

    /// Observations on the side that has fewer.
    pub(super) fn observations(&self) -> f64 {
        self.baseline.iterations.min(self.current.iterations)
    }

    /// By how much, ms, the averages may differ although the functions do not.
    pub(super) fn systematic(&self) -> f64 {
        self.baseline.systematic.max(self.current.systematic)
    }

    /// The part of the squared error of the logarithm that the rounds of two runs do not show.
    fn between_runs(&self, machine: &MachineChange) -> f64 {
        self.baseline.between_runs() + self.current.between_runs() + machine.explains().1
    }

    /// The standard error of the logarithm that [`Change::systematic`] makes: it is taken as twice that.
    pub(super) fn systematic_error(&self) -> f64 {
        let smaller = self.baseline.average.min(self.current.average).max(SMALLEST);
        (self.systematic() / 2.0 / smaller).min(MOST_SYSTEMATIC)
    }

    pub(super) fn ratio(&self) -> Ratio {
        let logs = |side: &Side| side.rounds.iter().map(|round| ln(*round)).collect::<Vec<_>>();
        let [before, after] = [&self.baseline, &self.current].map(logs);
        let [then, now] = [&self.baseline, &self.current].map(Side::reference_timing);
        let machine = MachineChange::between(&then, &now);
        if !self.has_rounds() {
            return self.ratio_of_averages(machine);
        }
        if self.paired && before.len() == after.len() {
            return ratio_of_pairs(&before, &after, machine);
        }
        let (b, b_error, b_df) = moderated(&before);
        let (a, a_error, a_df) = moderated(&after);
        let (error, df) = sum_of_errors((b_error, b_df), (a_error, a_df));
        let (error, df) = sum_of_errors((error, df), (self.between_runs(&machine), PAIRS_OF_RUNS));
        let log = a.mean - b.mean;
        let quick = |logs: &[f64]| nearest_rank(&sorted(logs), QUICK);
        let quickest = quick(&after) - quick(&before);
        Ratio {
            log,
            shared: beyond(in_common(log, quickest), machine.explains().0),
            error: error.sqrt(),
            df,
            noise: b.variance + a.variance,
            machine,
        }
    }

    /// The ratio from mean, deviation and count alone, by Welch's test with the error of a logarithm (delta method).
    fn ratio_of_averages(&self, machine: MachineChange) -> Ratio {
        let relative = |side: &Side| {
            let n = side.iterations.max(1.0);
            let spread = (side.deviation / side.average.max(SMALLEST)).powi(2);
            let df = PRIOR_WEIGHT + n - 1.0;
            let variance = (PRIOR_WEIGHT * prior_variance(n) + (n - 1.0) * spread) / df;
            (variance, variance / n, df)
        };
        let (before, after) = (relative(&self.baseline), relative(&self.current));
        let (error, df) = sum_of_errors((before.1, before.2), (after.1, after.2));
        let (error, df) = sum_of_errors((error, df), (self.between_runs(&machine), PAIRS_OF_RUNS));
        let log = ln(self.current.average) - ln(self.baseline.average);
        Ratio {
            log,
            shared: beyond(log, machine.explains().0),
            error: error.sqrt(),
            df,
            noise: before.0 + after.0,
            machine,
        }
    }
}

/// The ratio of rounds taken in turns, which the machine changes alike.
fn ratio_of_pairs(before: &[f64], after: &[f64], machine: MachineChange) -> Ratio {
    let apart: Vec<f64> = after.iter().zip(before).map(|(a, b)| a - b).collect();
    let (estimate, error, df) = moderated(&apart);
    Ratio {
        log: estimate.mean,
        shared: estimate.mean,
        error: error.sqrt(),
        df,
        noise: estimate.variance,
        machine,
    }
}
