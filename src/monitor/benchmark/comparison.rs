//! Do two results differ?

use crate::monitor::reference::{Levelling, Run};
use crate::stats::{Trimmed, cliffs_delta, nearest_rank, sorted, student_quantile, student_sf, trimmed};
use serde::{Deserialize, Serialize};

/// Changes of the average, percent, above which a difference is minor, moderate, significant.
const MINOR: f64 = 5.0;
const MODERATE: f64 = 15.0;
const SIGNIFICANT: f64 = 30.0;
/// Fewer rounds than this on either side say nothing of noise between rounds.
const FEWEST_ROUNDS: usize = 3;
/// p-values below which a difference counts. Rounds still share the machine's mood, so they must be surer.
const SURE_BY_ROUNDS: f64 = 0.01;
const SURE_BY_FIGURES: f64 = 0.05;
/// Share of rounds on either side that is left out (Yuen's test).
const TRIM: f64 = 0.2;
/// Relative standard deviation rounds have at least, and how many observations that counts for.
const PRIOR_SPREAD: f64 = 0.01;
/// The same where there are at most [`FEW`] observations, which have seen few of a machine's moods; and where there is
/// but one, which has seen none.
const PRIOR_SPREAD_OF_FEW: f64 = 0.05;
const PRIOR_SPREAD_OF_ONE: f64 = 0.25;
const FEW: f64 = 10.0;
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
/// Percentage points the averages may be outside the interval of the rounds.
const TOLERANCE: f64 = 2.5;
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

/// What [`compare`] is given.
#[derive(Clone, Debug, Deserialize)]
pub struct Change {
    /// Before.
    pub baseline: Side,
    /// After.
    pub current: Side,
    /// The i-th rounds of both were taken next to each other.
    pub paired: bool,
}

/// What [`compare`] finds. Percentages are of the baseline's duration, positive when the current one is faster.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Comparison {
    /// Change of the average.
    pub duration_percent: f64,
    /// Change of the typical round (trimmed mean of the rounds' medians) without what the machine's own pace explains; of the
    /// average where there are no rounds.
    pub rounds_percent: f64,
    /// Change of the machine's own pace: of the reference work's duration; 0 when unknown.
    pub machine_percent: f64,
    /// Two-sided p-value of "no difference".
    pub p_value: f64,
    /// 95 % confidence interval of the change.
    pub confidence_interval: [f64; 2],
    /// Cliff's delta of the rounds: −1 to 1, positive when the current ones are faster; 0 when unknown.
    pub effect_size: f64,
    /// `faster`, `slower` or `similar`.
    pub verdict: &'static str,
    /// `significant`, `moderate`, `minor` or `negligible`.
    pub significance: &'static str,
    /// Whether the question is settled: a difference was found, or the interval rules one of 5 % out.
    pub conclusive: bool,
    /// Rounds each side should have, taken in turns, for a change of 5 % to be found nine times in ten; 0 when conclusive.
    pub rounds_needed: f64,
}

/// The logarithm of current over baseline, with its standard error.
struct Ratio {
    /// Of typical rounds.
    log: f64,
    /// What all rounds share of it, as measured and as levelled: what disturbs a machine makes some rounds slow, what changes a
    /// function all of them.
    shared: f64,
    error: f64,
    df: f64,
    /// Variance that one round (one sample where there are no rounds) adds.
    noise: f64,
    /// The same logarithm of the reference work.
    pace: f64,
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
    fn has_rounds(&self) -> bool {
        self.baseline.rounds.len().min(self.current.rounds.len()) >= FEWEST_ROUNDS
    }

    /// Observations on the side that has fewer.
    fn observations(&self) -> f64 {
        self.baseline.iterations.min(self.current.iterations)
    }

    /// By how much, ms, the averages may differ although the functions do not.
    fn systematic(&self) -> f64 {
        self.baseline.systematic.max(self.current.systematic)
    }

    /// What the rounds of two runs do not show of their error: squared, of the logarithm.
    fn between_runs(&self, level: Option<Levelling>) -> f64 {
        self.baseline.between_runs() + self.current.between_runs() + level.map_or(0.0, |level| level.error())
    }

    /// The p-value below which a difference counts.
    fn sure(&self) -> f64 {
        if self.has_rounds() || self.observations() <= FEW {
            SURE_BY_ROUNDS
        } else {
            SURE_BY_FIGURES
        }
    }

    /// The standard error of the logarithm that [`Change::systematic`] makes: it is taken as twice that.
    fn systematic_error(&self) -> f64 {
        let smaller = self.baseline.average.min(self.current.average).max(SMALLEST);
        (self.systematic() / 2.0 / smaller).min(MOST_SYSTEMATIC)
    }

    fn ratio(&self) -> Ratio {
        let logs = |values: &[f64]| values.iter().map(|value| ln(*value)).collect::<Vec<_>>();
        let sides = [&self.baseline, &self.current];
        let [mut before, mut after] = sides.map(|side| logs(&side.rounds));
        let [pace_before, pace_after] = sides.map(|side| logs(&side.reference));
        let level = sides.iter().all(|side| side.has_reference()).then(|| {
            let run = |(rounds, pace)| Run { rounds, pace };
            Levelling::of(run((&before, &pace_before)), run((&after, &pace_after)))
        });
        let pace = level.map_or(0.0, |level| level.pace);
        if !self.has_rounds() {
            return self.ratio_of_averages(level);
        }
        if self.paired && before.len() == after.len() {
            return ratio_of_pairs(&before, &after, pace);
        }
        if let Some(level) = level {
            let levelled = |rounds: &mut Vec<f64>, pace: &[f64]| {
                let paces = rounds.iter_mut().zip(pace);
                paces.for_each(|(round, pace)| *round -= level.excess(*pace));
            };
            levelled(&mut before, &pace_before);
            levelled(&mut after, &pace_after);
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
            pace: level.map_or(0.0, |level| level.pace),
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

/// The same within what a JSON number can say.
fn finite(value: f64) -> f64 {
    value.clamp(-f64::MAX, f64::MAX)
}

/// `from` to `to` in percent of `from`, positive when it went down; ±100 from 0.
fn percent_less(from: f64, to: f64) -> f64 {
    if from == 0.0 {
        return if to == 0.0 { 0.0 } else { -100.0 * to.signum() };
    }
    finite((from - to) / from.abs() * 100.0)
}

/// Compares two results. A difference needs both: a change by more than 5 %, and rounds that support it (p-value); otherwise
/// the results are similar. Of two runs one after the other only the change that typical and quick rounds share counts, less
/// what the machine's own pace explains ([`crate::monitor::reference`]), and its error includes what else changes between runs: they
/// tell 10 % or more apart, paired rounds 5 %. The change is that of the averages, unless these are pulled away from what the
/// rounds say (by outliers, or by the machine): then it is that of the rounds. Without rounds on both sides the figures alone
/// are tested, as if samples were independent; one observation shows nothing.
pub fn compare(change: &Change) -> Comparison {
    let duration_percent = percent_less(change.baseline.average, change.current.average);
    let Ratio {
        log,
        shared,
        error,
        df,
        noise,
        pace,
    } = change.ratio();
    let error = libm::hypot(error, change.systematic_error());
    let p_value = if !change.has_rounds() && change.observations() < 2.0 {
        1.0
    } else {
        (2.0 * student_sf((shared / error).abs(), df)).min(1.0)
    };
    let reach = student_quantile(0.975, df) * error;
    let percent = |log: f64| finite((1.0 - libm::exp(log)) * 100.0);
    let [low, high] = [percent(log + reach), percent(log - reach)];
    let pulled_away =
        change.has_rounds() && !(low - TOLERANCE..=high + TOLERANCE).contains(&duration_percent);
    let rounds_percent = if change.has_rounds() {
        percent(log)
    } else {
        duration_percent
    };
    let judged = if pulled_away {
        rounds_percent
    } else {
        duration_percent
    };

    let differs = judged.abs() > MINOR
        && p_value < change.sure()
        && (change.baseline.average - change.current.average).abs() > change.systematic()
        && judged * rounds_percent > 0.0
        && rounds_percent.abs() > MINOR / 2.0;
    let size = judged.abs();
    let significance = match () {
        () if !differs => "negligible",
        () if size > SIGNIFICANT => "significant",
        () if size > MODERATE => "moderate",
        () => "minor",
    };
    let verdict = match () {
        () if !differs => "similar",
        () if judged > 0.0 => "faster",
        () => "slower",
    };
    let conclusive = differs || (low > -MINOR && high < MINOR);
    // More rounds than there were, unless those were not taken in turns.
    let fewest = if change.paired || !change.has_rounds() {
        change.current.rounds.len() + 1
    } else {
        FEWEST_ROUNDS
    };
    // Cohen's sample size for two means: (z of 0.975 + z of 0.9)² times the noise over the squared change to be found.
    let needed = ((1.96 + 1.282) / libm::log1p(MINOR / 100.0)).powi(2) * noise;
    Comparison {
        duration_percent,
        rounds_percent,
        machine_percent: percent(pace),
        p_value,
        // Holds the change of the averages too, which outliers make that much less certain.
        confidence_interval: [low.min(duration_percent), high.max(duration_percent)],
        effect_size: cliffs_delta(&change.current.rounds, &change.baseline.rounds),
        verdict,
        significance,
        conclusive,
        rounds_needed: if conclusive {
            0.0
        } else {
            needed.ceil().max(fewest as f64)
        },
    }
}

#[cfg(test)]
#[path = "comparison_tests.rs"]
mod tests;
