//! A moderated t test on rounds: is one series of durations really slower than another?
//!
//! Single calls are not independent: the machine drifts, caches warm, collectors run. A test on them finds a function different
//! from itself. Rounds of consecutive calls turn the drift into variance between rounds. With few rounds that variance is
//! badly known, so it is drawn towards a prior as in limma (G. K. Smyth, *Linear models and empirical Bayes methods*,
//! Statistical Applications in Genetics 3, 2004). The prior counts as much as two observations and is at least
//! [`PRIOR_SPREAD`] of the mean. So two single calls can be compared at all, and constant durations do not make every
//! difference certain.

use super::recording::Round;
use super::reference_timing::MachineChange;
use crate::stats::{Moments, Trimmed, student_quantile, student_sf, trimmed};

/// Relative standard deviation every timing has at least, before the data say otherwise.
const PRIOR_SPREAD: f64 = 0.03;
/// The same spread where the comparison rests on the prior alone ([`rests_on_prior`]).
const PRIOR_SPREAD_OF_ONE: f64 = 0.25;
/// Calls in all from which the side with more of them says something of its noise.
const ENOUGH: f64 = 5.0;
/// Absolute part of the prior, ms: the clock and the scheduler.
const PRIOR_JITTER: f64 = 0.001;
/// Observations the prior counts for.
const PRIOR_WEIGHT: f64 = 2.0;
/// Share of rounds on either side that the robust test leaves out.
const TRIM: f64 = 0.2;
/// Share of changes to be found with the calls that [`Evidence::calls_needed`] gives.
const POWER: f64 = 0.9;

/// One side of a comparison.
#[derive(Clone, Debug)]
pub struct Series {
    /// Rounds in time order; at least one.
    pub rounds: Vec<Round>,
    /// Noise of single calls.
    pub noise: Noise,
}

/// Noise of single calls, ms.
#[derive(Clone, Copy, Debug)]
pub struct Noise {
    /// Robust standard deviation.
    pub spread: f64,
    /// Standard deviation, outliers included.
    pub deviation: f64,
}

impl Noise {
    /// Takes the quartiles: the spread is that of a normal distribution with the same quartiles.
    pub fn new([low, high]: [f64; 2], deviation: f64) -> Self {
        Self {
            spread: (high - low) / 1.349,
            deviation,
        }
    }
}

/// Says if there are so few calls that a comparison rests on the prior alone: one on a side, and fewer than five in all.
pub fn rests_on_prior(baseline: &Series, current: &Series) -> bool {
    let (before, now) = (baseline.calls(), current.calls());
    before.min(now) <= 1.0 && before + now < ENOUGH
}

/// Mean and squared standard error of one side, with the degrees of freedom of the latter.
struct Estimate {
    mean: f64,
    error: f64,
    df: f64,
}

impl Series {
    fn calls(&self) -> f64 {
        self.rounds.iter().map(|round| round.count).sum()
    }

    /// The mean over the rounds that are not left out.
    fn estimate(&self, measure: Measure, single_call_variance: f64) -> Estimate {
        let values: Vec<f64> = self.rounds.iter().map(measure.of).collect();
        let Trimmed { mean, variance, kept } = trimmed(&values, measure.trim);
        let calls = self.calls() / self.rounds.len() as f64;
        let prior = single_call_variance / calls;
        let df = PRIOR_WEIGHT + kept - 1.0;
        let variance = (PRIOR_WEIGHT * prior + (kept - 1.0) * variance) / df;
        Estimate {
            mean,
            error: variance / kept,
            df,
        }
    }
}

/// The figure of a round to compare, the share of rounds to leave out on either side, and the noise of single calls in it.
#[derive(Clone, Copy)]
pub struct Measure {
    of: fn(&Round) -> f64,
    trim: f64,
    noise: fn(Noise) -> f64,
}

/// Means of rounds, which see a few very slow calls.
pub const MEANS: Measure = Measure {
    of: |round| round.mean,
    trim: 0.0,
    noise: |noise| noise.spread.max(noise.deviation),
};

/// Trimmed medians of rounds (Yuen's test), from which a few very slow calls hide nothing.
pub const TYPICAL: Measure = Measure {
    of: |round| round.median,
    trim: TRIM,
    noise: |noise| noise.spread,
};

/// Both sides of a comparison as one measure sees them.
pub struct Evidence {
    before: Estimate,
    now: Estimate,
    /// Variance of a single call, ms², the larger of both sides.
    variance_of_call: f64,
}

impl Evidence {
    /// Looks at two series, neither of which is empty.
    pub fn of([baseline, current]: [&Series; 2], measure: Measure) -> Self {
        let prior_spread = if rests_on_prior(baseline, current) {
            PRIOR_SPREAD_OF_ONE
        } else {
            PRIOR_SPREAD
        };
        let rounds = baseline.rounds.iter().chain(&current.rounds);
        let center: Moments = rounds.map(measure.of).collect();
        let floor = (prior_spread * center.mean()).powi(2) + PRIOR_JITTER * PRIOR_JITTER;
        let noise = [baseline, current].map(|side| (measure.noise)(side.noise).powi(2));
        let variance = noise.into_iter().fold(floor, f64::max);
        let [before, now] = [baseline, current].map(|side| side.estimate(measure, variance));
        let by_rounds = [before.error * baseline.calls(), now.error * current.calls()];
        Self {
            before,
            now,
            variance_of_call: by_rounds.into_iter().fold(variance, f64::max),
        }
    }

    /// Average of the baseline, ms.
    pub fn before(&self) -> f64 {
        self.before.mean
    }

    /// Average now, ms.
    pub fn now(&self) -> f64 {
        self.now.mean
    }

    /// The p-value of "`current` is slower by at most `margin` (0.05 is 5 %) and what the `machine` explains": 1 when it is
    /// not slower by more.
    pub fn p(&self, margin: f64, machine: &MachineChange) -> f64 {
        let (explained, error_of_machine) = machine.explains();
        let factor = (1.0 + margin) * libm::exp(explained.max(0.0));
        let limit = self.before.mean * factor;
        let parts = [
            (self.before.error * factor * factor, self.before.df),
            (self.now.error, self.now.df),
            (error_of_machine * limit * limit, machine.df),
        ];
        let error: f64 = parts.iter().map(|(part, _)| part).sum();
        let df = error * error / parts.iter().map(|(part, df)| part * part / df).sum::<f64>();
        let beyond = self.now.mean - limit;
        if beyond > 0.0 {
            student_sf(beyond / error.sqrt(), df)
        } else {
            1.0
        }
    }

    /// About how many calls each side needs for this change to be found nine times in ten at a p-value of `p`, cut into at most
    /// `rounds` rounds. Infinite when it is not beyond the `margin`. (Sample size of a t test; J. Cohen, *Statistical Power
    /// Analysis for the Behavioral Sciences*, 1988, § 2.4.)
    pub fn calls_needed(&self, margin: f64, p: f64, rounds: usize) -> f64 {
        let beyond = self.now.mean - self.before.mean * (1.0 + margin);
        if beyond <= 0.0 {
            return f64::INFINITY;
        }
        let variance = self.variance_of_call * (1.0 + (1.0 + margin).powi(2));
        let needed = |calls: f64| {
            let df = 2.0 * (PRIOR_WEIGHT + calls.min(rounds as f64) - 1.0);
            let t = student_quantile(1.0 - p, df) + student_quantile(POWER, df);
            (variance * t * t / (beyond * beyond)).ceil().max(2.0)
        };
        // More calls have more degrees of freedom, which lets fewer do: this closes in on the number from both sides.
        needed(needed(needed(2.0)))
    }
}

#[cfg(test)]
#[path = "evidence_tests.rs"]
mod tests;
