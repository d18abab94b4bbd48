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
use super::reference::Levelling;
use super::share::{MOST_SHARE, Run, Shown, tame_mean};
use crate::stats::{Moments, Trimmed, nearest_ranks, student_sf, trimmed};

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
const QUICKER: f64 = 0.05;
/// Two runs whose pace differs by less than this on average, and by less than that in any two rounds, need no levelling.
const EQUAL: f64 = 0.02;
const STEADY: f64 = 0.12;
/// What is looked at, as a share of the least change looked for: averages are of rounds here, and of calls there.
const NEARLY: f64 = 0.9;
/// A p-value above this power of the one wanted (0.1 for 0.00002) stays above that, however much less noise there is on one level.
const FAR: f64 = 0.2;
/// Durations below this, ms, are taken as this where something is divided by them.
const SMALLEST: f64 = 1e-9;
/// Share of rounds on either side that the robust test leaves out.
const TRIM: f64 = 0.2;

/// One side of a comparison.
#[derive(Clone, Debug)]
pub struct Series {
    /// Rounds in time order; at least one.
    pub rounds: Vec<Round>,
    /// The same calls as rounds as fine as they are known.
    pub finest: Vec<Round>,
    /// Of single calls.
    pub noise: Noise,
}

/// What single calls differ by, ms; 0 when unknown.
#[derive(Clone, Copy, Debug)]
pub struct Noise {
    /// Robust standard deviation.
    pub spread: f64,
    /// Standard deviation, outliers and all.
    pub deviation: f64,
}

impl Noise {
    /// From the quartiles; the spread is that of a normal distribution with these.
    pub fn new([low, high]: [f64; 2], deviation: f64) -> Self {
        Self {
            spread: (high - low) / 1.349,
            deviation,
        }
    }

    /// From rounds of one call each; `None` when there are others.
    pub fn of_calls(rounds: &[Round]) -> Option<Self> {
        let durations: Vec<f64> = rounds.iter().map(|round| round.mean).collect();
        let quartiles = nearest_ranks(&durations, [25.0, 75.0]);
        let moments: Moments = durations.into_iter().collect();
        let are_calls = rounds.iter().all(|round| round.count == 1.0);
        are_calls.then(|| Self::new(quartiles, moments.std_deviation()))
    }
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
    /// Mean duration of all calls without what they waited for a processor, ms.
    pub fn undelayed(&self) -> f64 {
        self.rounds
            .iter()
            .map(|round| round.mean * round.count)
            .sum::<f64>()
            / self.calls().max(1.0)
    }

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

/// What one of the tests says.
#[derive(Clone, Copy, Debug)]
pub struct Evidence {
    /// Average of the baseline as this test sees it, ms.
    pub before: f64,
    /// Average now.
    pub now: f64,
    /// How often as long `current` takes on a machine as quick as in the baseline, where that is known.
    pub ratio: Option<f64>,
    /// The p-value of "`current` is at most `margin` slower than `baseline`": small when it is slower by more than that, 1 when
    /// it is not.
    pub p: f64,
}

/// Whether one series is slower than another.
#[derive(Clone, Copy, Debug)]
pub struct Slowdown {
    /// By the means of rounds, which see a few very slow calls.
    pub means: Evidence,
    /// By the trimmed medians of rounds (Yuen's test), from which a few very slow calls hide nothing.
    pub typical: Evidence,
    /// By what factor the machine itself was slower; 1 when unknown, or as quick.
    pub machine: f64,
    /// Whether it was quicker, and the rounds say by how much they would have been slower otherwise.
    pub hides: bool,
}

/// Two series as if the machine had been equally quick during both.
struct OnOneLevel {
    baseline: Series,
    current: Series,
    by: Levelling,
}

/// The logarithm of the pace, `current` over `baseline`, and both as if it were 0. `None` instead where levelling is not needed,
/// cannot make of what was `measured` what is wanted, or would make a slowdown of what is not known: of a machine that became
/// quicker. The pace is 0 as well where that of a round is unknown, or there is but one call on a side, whose pace is that of a
/// moment.
fn on_one_level(sides: [&Series; 2], measured: &[Evidence], wanted: Wanted) -> (f64, Option<OnOneLevel>) {
    let is_known = |side: &Series| side.rounds.iter().all(|round| round.pace > 0.0);
    if sides.iter().any(|side| side.calls() <= 1.0 || !is_known(side)) {
        return (0.0, None);
    }
    let paces = sides.map(|side| logs(&side.rounds));
    let averages = paces.each_ref().map(|paces| tame_mean(paces));
    let pace = averages[1] - averages[0];
    let quickest = paces.iter().flatten().copied().fold(f64::INFINITY, f64::min);
    let slowest = paces.iter().flatten().copied().fold(f64::NEG_INFINITY, f64::max);
    if pace.abs() < EQUAL && slowest - quickest < STEADY {
        return (pace, None);
    }
    // Not even a machine that became quicker hides as much.
    let hidden = libm::exp(MOST_SHARE * (-pace).max(0.0));
    let ratios = measured
        .iter()
        .map(|measured| measured.now / measured.before.max(SMALLEST));
    let is_far = measured
        .iter()
        .all(|measured| measured.p > libm::pow(wanted.p, FAR));
    if ratios.fold(0.0, f64::max) * hidden < 1.0 + wanted.least * NEARLY || (pace > -QUICKER && is_far) {
        return (pace, None);
    }
    let finest = sides.map(Finest::of);
    let shown = Shown::of(&finest.each_ref().map(Finest::run));
    let by = Levelling::of_slower(&shown, averages, paces.iter().flatten().count());
    let level = (by.known || by.pace() > -QUICKER).then(|| OnOneLevel {
        baseline: levelled(sides[0], 0, &paces[0], by),
        current: levelled(sides[1], 1, &paces[1], by),
        by,
    });
    (by.pace(), level)
}

/// The rounds of a series as fine as they are known, where their pace is.
struct Finest {
    rounds: Vec<f64>,
    pace: Vec<f64>,
    are_calls: bool,
}

impl Finest {
    fn of(side: &Series) -> Self {
        let known = side.finest.iter().filter(|round| round.pace > 0.0);
        let (rounds, pace) = known.map(|round| (round.mean, round.pace)).unzip();
        Self {
            rounds,
            pace,
            are_calls: side.finest.iter().all(|round| round.count == 1.0),
        }
    }

    fn run(&self) -> Run<'_> {
        Run {
            rounds: &self.rounds,
            pace: &self.pace,
            are_calls: self.are_calls,
        }
    }
}

/// Logarithms of the pace of each round.
fn logs(rounds: &[Round]) -> Vec<f64> {
    rounds.iter().map(|round| libm::log(round.pace)).collect()
}

/// `side`, of which these are the logarithms of the paces, without what the pace explains.
fn levelled(side: &Series, run: usize, paces: &[f64], by: Levelling) -> Series {
    let without = |(round, pace): (&Round, &f64)| {
        let factor = libm::exp(-by.excess(run, *pace));
        Round {
            mean: round.mean * factor,
            median: round.median * factor,
            ..*round
        }
    };
    Series {
        rounds: side.rounds.iter().zip(paces).map(without).collect(),
        finest: Vec::new(),
        ..*side
    }
}

/// What of a round is looked at, which share of the rounds on either side is left out, and what single calls differ by then.
#[derive(Clone, Copy)]
struct Measure {
    of: fn(&Round) -> f64,
    trim: f64,
    noise: fn(Noise) -> f64,
}

/// Means of rounds, and their trimmed medians.
const MEASURES: [Measure; 2] = [
    Measure {
        of: |round| round.mean,
        trim: 0.0,
        noise: |noise| noise.spread.max(noise.deviation),
    },
    Measure {
        of: |round| round.median,
        trim: TRIM,
        noise: |noise| noise.spread,
    },
];

/// The p-value of "`current` is at most `margin` slower", by the trimmed means of the rounds; `error` is a squared
/// relative error that these do not show.
fn test(sides: [&Series; 2], measure: Measure, margin: f64, error: f64) -> Evidence {
    let [baseline, current] = sides;
    let prior_spread = if rests_on_prior(baseline, current) {
        PRIOR_SPREAD_OF_ONE
    } else {
        PRIOR_SPREAD
    };
    let center: Moments = baseline
        .rounds
        .iter()
        .chain(&current.rounds)
        .map(measure.of)
        .collect();
    let floor = (prior_spread * center.mean()).powi(2) + PRIOR_JITTER * PRIOR_JITTER;
    let variance = sides
        .iter()
        .map(|side| (measure.noise)(side.noise).powi(2))
        .fold(floor, f64::max);
    let before = baseline.estimate(measure, variance);
    let now = current.estimate(measure, variance);
    let parts = [
        (before.error * (1.0 + margin).powi(2), before.df),
        (now.error, now.df),
        (error * now.mean * now.mean, DF_OF_LEVELLING),
    ];
    let error: f64 = parts.iter().map(|(part, _)| part).sum();
    let df = error * error / parts.iter().map(|(part, df)| part * part / df).sum::<f64>();
    let beyond = now.mean - before.mean * (1.0 + margin);
    let p = if beyond > 0.0 {
        student_sf(beyond / error.sqrt(), df)
    } else {
        1.0
    };
    Evidence {
        before: before.mean,
        now: now.mean,
        ratio: None,
        p,
    }
}

/// What is looked for. Shares: 0.05 is 5 %.
#[derive(Clone, Copy)]
pub struct Wanted {
    /// Changes of at least this.
    pub least: f64,
    /// What `current` must surely be slower by.
    pub margin: f64,
    /// The p-value at which it surely is.
    pub p: f64,
}

/// Whether `current` is slower than `baseline`. `None` when either side is empty.
pub fn slower(baseline: &Series, current: &Series, wanted: Wanted) -> Option<Slowdown> {
    if baseline.rounds.is_empty() || current.rounds.is_empty() {
        return None;
    }
    let mut evidence = MEASURES.map(|measure| test([baseline, current], measure, wanted.margin, 0.0));
    let (pace, level) = on_one_level([baseline, current], &evidence, wanted);
    if let Some(level) = &level {
        let sides = [&level.baseline, &level.current];
        for (evidence, measure) in evidence.iter_mut().zip(MEASURES) {
            let own = test(sides, measure, wanted.margin, level.by.error());
            evidence.ratio = Some(own.now / own.before.max(SMALLEST));
            evidence.p = own.p;
        }
    }
    let [means, typical] = evidence;
    Some(Slowdown {
        means,
        typical,
        machine: libm::exp(pace),
        hides: pace < -QUICKER && level.is_some_and(|level| level.by.known),
    })
}

#[cfg(test)]
#[path = "evidence_tests.rs"]
mod tests;
