//! Is one series of durations really slower than another? A moderated t test on rounds.
//!
//! Single calls are not independent (the machine drifts, caches warm, collectors run), so a test on them finds a function
//! different from itself. Rounds of consecutive calls carry the drift within them as variance between them. With few
//! rounds that variance is badly known, so it is drawn towards a prior as in limma (G. K. Smyth, *Linear models and
//! empirical Bayes methods*, Statistical Applications in Genetics 3, 2004): a prior variance that counts as much as two
//! observations, and is at least [`PRIOR_SPREAD`] of the mean. So two single calls can be compared at all, and constant
//! durations do not make every difference certain.

use super::recording::Round;
use crate::stats::{Moments, Trimmed, student_sf, trimmed};

/// Relative standard deviation every timing has at least, before the data say otherwise.
const PRIOR_SPREAD: f64 = 0.03;
/// The same where a side has a single call, and there are but a few calls in all: these say nothing of their noise.
const PRIOR_SPREAD_OF_ONE: f64 = 0.25;
/// Calls in all from which the side with more of them says something.
const ENOUGH: f64 = 5.0;
/// Absolute part of the same, ms: the clock and the scheduler.
const PRIOR_JITTER: f64 = 0.001;
/// Observations the prior counts for.
const PRIOR_WEIGHT: f64 = 2.0;
/// Share of rounds on either side that the robust test leaves out.
const TRIM: f64 = 0.2;

/// One side of a comparison.
#[derive(Clone, Debug)]
pub struct Series {
    /// Rounds in time order; at least one.
    pub rounds: Vec<Round>,
    /// Robust standard deviation of single calls, ms (0 when unknown).
    pub spread: f64,
}

/// Whether there are so few calls that a comparison rests on the prior: one on a side, and fewer than five in all.
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

    /// The mean of `of` over the rounds without `trim` of them on either side.
    fn estimate(&self, of: fn(&Round) -> f64, trim: f64, single_call_variance: f64) -> Estimate {
        let values: Vec<f64> = self.rounds.iter().map(of).collect();
        let Trimmed { mean, variance, kept } = trimmed(&values, trim);
        let calls = self.rounds.iter().map(|r| r.count).sum::<f64>() / values.len() as f64;
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

/// What one of the tests says.
#[derive(Clone, Copy, Debug)]
pub struct Evidence {
    /// Average of the baseline as this test sees it, ms.
    pub before: f64,
    /// Average now.
    pub now: f64,
    /// The p-value of "`current` is at most `margin` slower than `baseline`": small when it is slower by more than that.
    pub p: f64,
}

/// Whether `current` is slower than `baseline` by more than `margin` (a share, 0.05 = 5 %), by two tests: on the means of
/// rounds, which see a few very slow calls, and on the trimmed medians of rounds (Yuen's test), from which a few very slow
/// calls hide nothing. `None` when either side is empty.
pub fn slower(baseline: &Series, current: &Series, margin: f64) -> Option<[Evidence; 2]> {
    if baseline.rounds.is_empty() || current.rounds.is_empty() {
        return None;
    }
    let prior_spread = if rests_on_prior(baseline, current) {
        PRIOR_SPREAD_OF_ONE
    } else {
        PRIOR_SPREAD
    };
    let test = |of: fn(&Round) -> f64, trim: f64| {
        let center: Moments = baseline.rounds.iter().chain(&current.rounds).map(of).collect();
        let floor = (prior_spread * center.mean()).powi(2) + PRIOR_JITTER * PRIOR_JITTER;
        let variance = floor
            .max(baseline.spread * baseline.spread)
            .max(current.spread * current.spread);
        let before = baseline.estimate(of, trim, variance);
        let now = current.estimate(of, trim, variance);
        let before_error = before.error * (1.0 + margin).powi(2);
        let error = before_error + now.error;
        let df = error * error / (before_error * before_error / before.df + now.error * now.error / now.df);
        let p = student_sf((now.mean - before.mean * (1.0 + margin)) / error.sqrt(), df);
        Evidence {
            before: before.mean,
            now: now.mean,
            p,
        }
    };
    Some([test(|round| round.mean, 0.0), test(|round| round.median, TRIM)])
}

#[cfg(test)]
#[path = "evidence_tests.rs"]
mod tests;
