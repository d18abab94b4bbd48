//! Is one series of durations really slower than another? A moderated t test on rounds.
//!
//! Single calls are not independent (the machine drifts, caches warm, collectors run), so a test on them finds a function
//! different from itself. Rounds of consecutive calls carry the drift within them as variance between them. With few
//! rounds that variance is badly known, so it is drawn towards a prior as in limma (G. K. Smyth, *Linear models and
//! empirical Bayes methods*, Statistical Applications in Genetics 3, 2004): a prior variance that counts as much as two
//! observations, and is at least [`PRIOR_SPREAD`] of the mean. So two single calls can be compared at all, and constant
//! durations do not make every difference certain.
//!
//! Where the machine's own pace is known of all rounds, they are compared as they would have been on a machine equally quick
//! in both runs ([`super::reference`]).

use super::recording::Round;
use super::reference::{Levelling, Run};
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
/// Runs that the error of levelling is known from, about.
const DF_OF_LEVELLING: f64 = 100.0;
/// A machine that is quicker by less than this, as a logarithm, is as quick.
const NOTABLE: f64 = 0.05;
/// Durations below this, ms, are taken as this where a logarithm needs one.
const SMALLEST: f64 = 1e-9;
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
    /// How often as long `current` takes on a machine as quick as in the baseline; `now / before` when that is unknown.
    pub ratio: f64,
    /// The p-value of "`current` is at most `margin` slower than `baseline`": small when it is slower by more than that.
    pub p: f64,
}

/// Whether one series is slower than another.
#[derive(Clone, Copy, Debug)]
pub struct Slowdown {
    /// By the means of rounds, which see a few very slow calls.
    pub means: Evidence,
    /// By the trimmed medians of rounds (Yuen's test), from which a few very slow calls hide nothing.
    pub typical: Evidence,
    /// By what factor the machine itself was slower, as far as is known; 1 when unknown.
    pub machine: f64,
}

/// Two series as if the machine had been equally quick during both.
struct Levelled {
    baseline: Series,
    current: Series,
    by: Levelling,
}

/// `None` where the pace of a round is unknown, or where there is but one call on a side, whose pace is that of a moment; and
/// where levelling would make a slowdown out of what it does not know.
fn levelled(baseline: &Series, current: &Series) -> Option<Levelled> {
    let sides = [baseline, current];
    if sides
        .iter()
        .any(|side| side.calls() <= 1.0 || side.rounds.iter().any(|round| round.pace <= 0.0))
    {
        return None;
    }
    let logs = |side: &Series, of: fn(&Round) -> f64| {
        let values = side.rounds.iter().map(|round| libm::log(of(round).max(SMALLEST)));
        values.collect::<Vec<_>>()
    };
    let [rounds_before, rounds_now] = sides.map(|side| logs(side, |round| round.mean));
    let [pace_before, pace_now] = sides.map(|side| logs(side, |round| round.pace));
    let by = Levelling::of(
        Run {
            rounds: &rounds_before,
            pace: &pace_before,
        },
        Run {
            rounds: &rounds_now,
            pace: &pace_now,
        },
    );
    let level = |side: &Series, paces: &[f64]| {
        let mut side = side.clone();
        for (round, pace) in side.rounds.iter_mut().zip(paces) {
            let factor = libm::exp(-by.excess(*pace));
            round.mean *= factor;
            round.median *= factor;
        }
        side
    };
    // What is not known of a machine that became quicker makes no slowdown.
    (by.known || by.pace > -NOTABLE).then(|| Levelled {
        baseline: level(baseline, &pace_before),
        current: level(current, &pace_now),
        by,
    })
}

/// The p-value of "`current` is at most `margin` slower", by the trimmed means of `of` the rounds; `error` is a squared
/// relative error that these do not show.
fn test(sides: [&Series; 2], of: fn(&Round) -> f64, trim: f64, margin: f64, error: f64) -> Evidence {
    let [baseline, current] = sides;
    let prior_spread = if rests_on_prior(baseline, current) {
        PRIOR_SPREAD_OF_ONE
    } else {
        PRIOR_SPREAD
    };
    let center: Moments = baseline.rounds.iter().chain(&current.rounds).map(of).collect();
    let floor = (prior_spread * center.mean()).powi(2) + PRIOR_JITTER * PRIOR_JITTER;
    let variance = floor
        .max(baseline.spread * baseline.spread)
        .max(current.spread * current.spread);
    let before = baseline.estimate(of, trim, variance);
    let now = current.estimate(of, trim, variance);
    let parts = [
        (before.error * (1.0 + margin).powi(2), before.df),
        (now.error, now.df),
        (error * now.mean * now.mean, DF_OF_LEVELLING),
    ];
    let error: f64 = parts.iter().map(|(part, _)| part).sum();
    let df = error * error / parts.iter().map(|(part, df)| part * part / df).sum::<f64>();
    let p = student_sf((now.mean - before.mean * (1.0 + margin)) / error.sqrt(), df);
    Evidence {
        before: before.mean,
        now: now.mean,
        ratio: now.mean / before.mean.max(SMALLEST),
        p,
    }
}

/// Whether `current` is slower than `baseline` by more than `margin` (a share, 0.05 = 5 %). `None` when either side is empty.
pub fn slower(baseline: &Series, current: &Series, margin: f64) -> Option<Slowdown> {
    if baseline.rounds.is_empty() || current.rounds.is_empty() {
        return None;
    }
    let level = levelled(baseline, current);
    let evidence = |of: fn(&Round) -> f64, trim: f64| {
        let measured = test([baseline, current], of, trim, margin, 0.0);
        let on_one_level = level.as_ref().map_or(measured, |level| {
            let sides = [&level.baseline, &level.current];
            test(sides, of, trim, margin, level.by.error())
        });
        Evidence {
            before: measured.before,
            now: measured.now,
            ..on_one_level
        }
    };
    Some(Slowdown {
        means: evidence(|round| round.mean, 0.0),
        typical: evidence(|round| round.median, TRIM),
        machine: level.map_or(1.0, |level| libm::exp(level.by.pace)),
    })
}

#[cfg(test)]
#[path = "evidence_tests.rs"]
mod tests;
