//! By how much two results differ, and how uncertain that is.

use crate::monitor::reference::Levelling;
use crate::monitor::share::{Run, Shown, tame_mean};
use crate::stats::{Trimmed, nearest_rank, sorted, trimmed};
use serde::Deserialize;

/// Fewer rounds than this on either side say nothing of noise between rounds.
pub(super) const FEWEST_ROUNDS: usize = 3;
/// Share of rounds on either side that is left out (Yuen's test).
const TRIM: f64 = 0.2;
/// Relative standard deviation rounds have at least, and how many observations that counts for.
const PRIOR_SPREAD: f64 = 0.01;
/// The same where there are at most [`FEW`] observations, which have seen few of a machine's moods; and where there is
/// but one, which has seen none.
const PRIOR_SPREAD_OF_FEW: f64 = 0.05;
const PRIOR_SPREAD_OF_ONE: f64 = 0.25;
pub(super) const FEW: f64 = 10.0;
const PRIOR_WEIGHT: f64 = 2.0;
/// The standard deviation of the logarithm from one run to another one that its rounds do not show: what an engine has
/// compiled and where its objects lie, what a machine runs besides and at which clock, for longer than a run.
const BETWEEN_RUNS: f64 = 0.025;
/// What is added to the square of that, times ms, for a run that is too short to see more than a moment of it.
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
    /// What the reference work took in each of these rounds, ms; empty when unknown.
    #[serde(default)]
    pub reference: Vec<f64>,
    /// What all calls took, ms; 0 when unknown.
    #[serde(default)]
    pub total: f64,
    /// What the average may be wrong by besides noise, ms: the part of calibration that more rounds do not average out.
    #[serde(default)]
    pub systematic: f64,
}

/// What [`compare`](super::compare) is given.
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
    /// Of typical rounds.
    pub log: f64,
    /// What all rounds share of it, as measured and as levelled: what disturbs a machine makes some rounds slow, what changes a
    /// function all of them.
    pub shared: f64,
    pub error: f64,
    pub df: f64,
    /// Variance that one round (one sample where there are no rounds) adds.
    pub noise: f64,
    /// The same logarithm of the reference work.
    pub pace: f64,
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

/// The logarithm that was levelled, where levelling cannot have made it what it is.
fn before_levelling(log: f64, level: Option<Levelling>) -> f64 {
    log + level
        .filter(|level| !level.known)
        .map_or(0.0, |level| level.shared())
}

/// The least of some logarithms that have one sign; 0 where they have not.
fn in_common(logs: &[f64]) -> f64 {
    let least = logs.iter().copied().fold(f64::INFINITY, f64::min);
    let most = logs.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    match () {
        () if least > 0.0 => least,
        () if most < 0.0 => most,
        () => 0.0,
    }
}

impl Side {
    /// Whether it is known how quick the machine was in each round.
    fn has_reference(&self) -> bool {
        !self.rounds.is_empty()
            && self.reference.len() == self.rounds.len()
            && self.reference.iter().all(|pace| *pace > 0.0)
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

    /// What the rounds of two runs do not show of their error: squared, of the logarithm.
    fn between_runs(&self, level: Option<Levelling>) -> f64 {
        self.baseline.between_runs() + self.current.between_runs() + level.map_or(0.0, |level| level.error())
    }

    /// The standard error of the logarithm that [`Change::systematic`] makes: it is taken as twice that.
    pub(super) fn systematic_error(&self) -> f64 {
        let smaller = self.baseline.average.min(self.current.average).max(SMALLEST);
        (self.systematic() / 2.0 / smaller).min(MOST_SYSTEMATIC)
    }

    pub(super) fn ratio(&self) -> Ratio {
        let logs = |values: &[f64]| values.iter().map(|value| ln(*value)).collect::<Vec<_>>();
        let sides = [&self.baseline, &self.current];
        let [mut before, mut after] = sides.map(|side| logs(&side.rounds));
        let [pace_before, pace_after] = sides.map(|side| logs(&side.reference));
        let level = sides.iter().all(|side| side.has_reference()).then(|| {
            let shown = Shown::of_rounds(&sides.map(|side| Run {
                rounds: &side.rounds,
                pace: &side.reference,
                are_calls: false,
            }));
            let paces = [&pace_before, &pace_after].map(|paces| tame_mean(paces));
            Levelling::of(&shown, paces, pace_before.len() + pace_after.len())
        });
        let pace = level.map_or(0.0, |level| level.pace());
        if !self.has_rounds() {
            return self.ratio_of_averages(level);
        }
        if self.paired && before.len() == after.len() {
            return ratio_of_pairs(&before, &after, pace);
        }
        if let Some(level) = level {
            for (run, (rounds, pace)) in [(&mut before, &pace_before), (&mut after, &pace_after)]
                .into_iter()
                .enumerate()
            {
                let paces = rounds.iter_mut().zip(pace);
                paces.for_each(|(round, pace)| *round -= level.excess(run, *pace));
            }
        }
        let (b, b_error, b_df) = moderated(&before);
        let (a, a_error, a_df) = moderated(&after);
        let (error, df) = sum_of_errors((b_error, b_df), (a_error, a_df));
        let (error, df) = sum_of_errors((error, df), (self.between_runs(level), PAIRS_OF_RUNS));
        let log = a.mean - b.mean;
        let quick = |logs: &[f64]| nearest_rank(&sorted(logs), QUICK);
        let quickest = quick(&after) - quick(&before);
        Ratio {
            log,
            shared: in_common(&[log, quickest, before_levelling(log, level)]),
            error: error.sqrt(),
            df,
            noise: b.variance + a.variance,
            pace,
        }
    }

    /// From mean, deviation and count alone, by Welch's test with the error of a logarithm (delta method).
    fn ratio_of_averages(&self, level: Option<Levelling>) -> Ratio {
        let relative = |side: &Side| {
            let n = side.iterations.max(1.0);
            let spread = (side.deviation / side.average.max(SMALLEST)).powi(2);
            let df = PRIOR_WEIGHT + n - 1.0;
            let variance = (PRIOR_WEIGHT * prior_variance(n) + (n - 1.0) * spread) / df;
            (variance, variance / n, df)
        };
        let (before, after) = (relative(&self.baseline), relative(&self.current));
        let (error, df) = sum_of_errors((before.1, before.2), (after.1, after.2));
        let (error, df) = sum_of_errors((error, df), (self.between_runs(level), PAIRS_OF_RUNS));
        let measured = ln(self.current.average) - ln(self.baseline.average);
        let log = measured - level.map_or(0.0, |level| level.shared());
        Ratio {
            log,
            shared: in_common(&[log, before_levelling(log, level)]),
            error: error.sqrt(),
            df,
            noise: before.0 + after.0,
            pace: level.map_or(0.0, |level| level.pace()),
        }
    }
}

/// From rounds taken in turns, which the machine's pace changes alike.
fn ratio_of_pairs(before: &[f64], after: &[f64], pace: f64) -> Ratio {
    let apart: Vec<f64> = after.iter().zip(before).map(|(a, b)| a - b).collect();
    let (estimate, error, df) = moderated(&apart);
    Ratio {
        log: estimate.mean,
        shared: estimate.mean,
        error: error.sqrt(),
        df,
        noise: estimate.variance,
        pace,
    }
}
