//! The comparison of two results.

use super::ratio::{Change, FEW, FEWEST_ROUNDS, Ratio};
use crate::stats::{cliffs_delta, student_quantile, student_sf};
use serde::Serialize;

/// Changes of the average, percent, above which a difference is minor, moderate, significant.
const MINOR: f64 = 5.0;
const MODERATE: f64 = 15.0;
const SIGNIFICANT: f64 = 30.0;
/// p-values below which a difference counts. Rounds still share the machine's mood, so they must be surer.
const SURE_BY_ROUNDS: f64 = 0.01;
const SURE_BY_FIGURES: f64 = 0.05;
/// Percentage points the averages may be outside the interval of the rounds.
const TOLERANCE: f64 = 2.5;

/// The result of [`compare`]. Percentages are of the baseline's duration, positive when the current one is faster.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Comparison {
    /// Change of the average.
    pub duration_percent: f64,
    /// Change of the typical round (trimmed mean of the rounds' medians); of the average where there are no rounds.
    pub rounds_percent: f64,
    /// Change of the reference timing; 0 when unknown.
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
    /// True when the question is settled: a difference was found, or the interval rules one of 5 % out.
    pub conclusive: bool,
    /// Rounds each side should have, taken in turns, for a change of 5 % to be found nine times in ten; 0 when conclusive.
    pub rounds_needed: f64,
}

impl Change {
    /// The p-value below which a difference counts.
    fn sure(&self) -> f64 {
        if self.has_rounds() || self.observations() <= FEW {
            SURE_BY_ROUNDS
        } else {
            SURE_BY_FIGURES
        }
    }
}

/// `value` within what a JSON number can say.
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

/// Compares two results. A difference is a change by more than 5 % that the rounds support (p-value); all else is similar.
///
/// - Of two runs one after the other only the change that typical and quick rounds share counts, beyond what the machine
///   explains ([`crate::monitor`]'s reference timing). Its error includes what else changes between runs. They tell 10 % or
///   more apart, rounds taken in turns 5 %.
/// - The change is that of the averages, unless outliers pull these away from what the rounds say: then it is that of the rounds.
/// - Without rounds on both sides the figures alone are tested, as if samples were independent. One observation shows nothing.
pub fn compare(change: &Change) -> Comparison {
    let duration_percent = percent_less(change.baseline.average, change.current.average);
    let Ratio {
        log,
        shared,
        error,
        df,
        noise,
        machine,
    } = change.ratio();
    let error = libm::hypot(error, change.systematic_error());
    let p_value = if !change.has_rounds() && change.observations() < 2.0 {
        1.0
    } else {
        (2.0 * student_sf((shared / error).abs(), df)).min(1.0)
    };
    let reach = student_quantile(0.975, df) * error;
    let percent = |log: f64| finite((1.0 - libm::exp(log)) * 100.0);
    // Rounds taken in turns share the machine; of others it explains anything from nothing to this.
    let explained = if change.paired { 0.0 } else { machine.explains().0 };
    let [low, high] = [
        percent(log - explained.min(0.0) + reach),
        percent(log - explained.max(0.0) - reach),
    ];
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
        machine_percent: percent(machine.log),
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
