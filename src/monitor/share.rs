//! How much of a change of the machine's pace a function shows: from its rounds, and from what is usual.

use crate::stats::{Moments, median, median_absolute_deviation, nearest_ranks, sorted};

/// How much of a change of pace functions show, on the logarithms, and how far they are apart in that. Measured beside a
/// neighbour on the same core: 0.02 (integer arithmetic, each step on the last), 0.55 to 0.6 (string building, a regular
/// expression, sorting), 0.75 to 0.85 (`JSON.parse`), 1 (SHA-256 of a short text), 1.1 (lookups all over a large map).
pub(super) const USUAL: Prior = Prior {
    share: 0.9,
    apart: 0.45,
};
/// The same of the functions that notice it most: what is beyond this, the pace does not explain. (Medians of 40 calls of
/// `JSON.parse`: 1.0 to 1.35.)
pub(super) const KEENEST: Prior = Prior {
    share: 1.15,
    apart: 0.1,
};
/// The share is known when the rounds say it with a smaller standard error than this.
pub(super) const KNOWN: f64 = 0.25;
/// No function notices more of it.
pub(super) const MOST_SHARE: f64 = 2.0;
/// Durations below this, ms, are taken as this where a logarithm needs one.
const SMALLEST: f64 = 1e-9;
/// Relative standard deviation rounds have at least.
const LEAST_NOISE: f64 = 0.01;
/// Standard errors that the autocorrelation of readings must be above nothing: where it is less, a pace that changes is not
/// told from readings that tremble.
const TELLING: f64 = 2.5;
/// Fewer readings than this, of all runs, show nothing.
const FEWEST: usize = 12;
/// Rounds of many readings whose pace, as a logarithm, differs by less than this are of one pace, or by less than so many times
/// the median difference of neighbours.
const NOTABLE: f64 = 0.15;
const TREMBLES: f64 = 6.0;
/// Rounds at either end of the order that say nothing of how far those are apart: a reading may have been interrupted.
const WILD: usize = 2;
/// Percentiles that rounds beyond are drawn in to: they may have been interrupted.
const TAME: [f64; 2] = [10.0, 90.0];
/// Rounds whose quartiles are closer than this share of those of the readings do not follow them. In 12,000 pairs of runs of 40
/// calls that share was 0.085 and more in all functions that compute, for 0.04 or 12 ms (0.18 and more where the pace had changed
/// in between), and mostly 0 to 0.06 in busy-waits.
const UNMOVED: f64 = 0.05;
/// That is asked where the quartiles of the readings are further apart than this, as logarithms,
const RESTLESS: f64 = 0.03;
/// and of single calls of up to so many ms: longer ones, and many together, average out what changes within a few.
const LONGEST_UNMOVED: f64 = 20.0;
/// The standard deviation of the share of those.
const UNMOVED_SHARE: f64 = 0.05;

/// What is believed of a share before any round is looked at: a normal distribution.
#[derive(Clone, Copy)]
pub(super) struct Prior {
    share: f64,
    apart: f64,
}

/// One run: durations of its rounds in time order, ms, and what the reference work took in each.
#[derive(Clone, Copy)]
pub(super) struct Run<'a> {
    pub rounds: &'a [f64],
    pub pace: &'a [f64],
    /// Each is a single call.
    pub are_calls: bool,
}

impl Run<'_> {
    /// Single calls of up to [`LONGEST_UNMOVED`].
    fn are_short_calls(&self) -> bool {
        self.are_calls && self.rounds.iter().all(|round| *round <= LONGEST_UNMOVED)
    }
}

/// The share as the rounds show it: how they follow the pace within each run.
///
/// Readings tremble, by some percent on a busy machine, and a slope on what trembles is too small (regression dilution). What a
/// reading has in common with those beside it is the machine's, so these stand in for it (instrumental variables, with
/// lagged values as in O. Reiersøl, *Confluence analysis by means of lag moments and other methods of confluence analysis*,
/// Econometrica 9, 1941): the slope is the covariance of rounds with the readings beside theirs, over that of their own
/// readings with these.
#[derive(Clone, Copy, Debug)]
pub(super) struct Shown {
    slope: f64,
    /// One over its squared standard error; 0 where nothing is shown.
    weight: f64,
    /// How much of what two readings of a run differ by is the machine's, from 0 to 1: their autocorrelation.
    trust: f64,
    /// Readings of all runs.
    readings: f64,
}

impl Shown {
    /// Of runs, each of rounds as fine as they are known. O(rounds).
    pub fn of(runs: &[Run]) -> Self {
        let tracks: Vec<[Track; 2]> = runs.iter().map(|run| tracks(*run)).collect();
        let readings: usize = tracks.iter().map(|[_, paces]| paces.values.len()).sum();
        let nothing = Self {
            slope: 0.0,
            weight: 0.0,
            trust: 0.0,
            readings: readings as f64,
        };
        if readings < FEWEST {
            return nothing;
        }
        let points: Vec<Point> = tracks.iter().flat_map(points).collect();
        let sum = |of: &dyn Fn(&Point) -> f64| points.iter().map(of).sum::<f64>();
        let common = sum(&|point| point.beside * point.pace);
        let own = sum(&|point| point.pace * point.pace);
        let nothing = Self {
            trust: if own > 0.0 {
                (common / own).clamp(0.0, 1.0)
            } else {
                0.0
            },
            ..nothing
        };
        let most_apart = |i: usize| {
            tracks
                .iter()
                .map(|run| run[i].quartiles_apart)
                .fold(0.0, f64::max)
        };
        let restless = most_apart(1);
        let is_still = restless > RESTLESS && most_apart(0) < UNMOVED * restless;
        if is_still && runs.iter().all(Run::are_short_calls) {
            return Self {
                slope: 0.0,
                weight: (UNMOVED_SHARE * UNMOVED_SHARE).recip(),
                ..nothing
            };
        }
        let count = points.len() as f64;
        if common * count.sqrt() <= TELLING * own {
            return nothing;
        }
        let slope = sum(&|point| point.beside * point.round) / common;
        let rest = sum(&|point| (point.round - slope * point.pace).powi(2));
        let noise = (rest / count).max(LEAST_NOISE * LEAST_NOISE);
        Self {
            slope,
            weight: common * common / (noise * sum(&|point| point.beside * point.beside)),
            ..nothing
        }
    }

    /// The same of two runs of rounds that have many readings each, which tremble little: the median of the slopes between any two
    /// rounds of one run and different pace (P. K. Sen, *Estimates of the regression coefficient based on Kendall's tau*, JASA 63,
    /// 1968). It finds more than [`Shown::of`] where rounds are few. O(rounds²).
    pub fn of_rounds(runs: &[Run; 2]) -> Self {
        let telling = runs.iter().filter_map(Logs::telling).collect::<Vec<_>>();
        let slope = median(&telling.iter().flat_map(Logs::slopes).collect::<Vec<_>>());
        let rest: Vec<f64> = telling.iter().flat_map(|run| run.residuals(slope)).collect();
        let noise = median_absolute_deviation(&rest).max(LEAST_NOISE);
        Self {
            slope,
            weight: telling.iter().map(Logs::squares).sum::<f64>() / (noise * noise),
            trust: 1.0,
            readings: 0.0,
        }
    }

    /// [`Shown::trust`] in so many `rounds` of several readings each (Spearman and Brown, 1910).
    pub fn trust_in(&self, rounds: usize) -> f64 {
        let more = (self.readings / rounds.max(1) as f64 - 1.0).max(0.0);
        (1.0 + more) * self.trust / (1.0 + more * self.trust)
    }

    /// The share and its standard error, with what was believed of it before.
    pub fn drawn_to(&self, prior: &Prior) -> (f64, f64) {
        let weight = (prior.apart * prior.apart).recip();
        let share = (weight * prior.share + self.weight * self.slope) / (weight + self.weight);
        (
            share.clamp(0.0, MOST_SHARE),
            (weight + self.weight).sqrt().recip(),
        )
    }
}

/// The average, with values beyond [`TAME`] drawn in.
pub(super) fn tame_mean(values: &[f64]) -> f64 {
    let [low, high] = nearest_ranks(values, TAME);
    values.iter().map(|value| value.clamp(low, high)).sum::<f64>() / values.len().max(1) as f64
}

/// How something went on during a run: how far each value is from the average, with those beyond [`TAME`] drawn in.
struct Track {
    values: Vec<f64>,
    quartiles_apart: f64,
}

impl Track {
    fn of(values: &[f64]) -> Self {
        let [low, quarter, three_quarters, high] = nearest_ranks(values, [TAME[0], 25.0, 75.0, TAME[1]]);
        let tame = values.iter().map(|value| value.clamp(low, high));
        let average = tame.clone().sum::<f64>() / values.len().max(1) as f64;
        Self {
            values: tame.map(|value| value - average).collect(),
            quartiles_apart: three_quarters - quarter,
        }
    }
}

fn logs(values: &[f64]) -> Vec<f64> {
    values
        .iter()
        .map(|value| libm::log(value.max(SMALLEST)))
        .collect()
}

/// Of the logarithms of the rounds and the paces of a run. Those that share a reading are one round of it.
fn tracks(run: Run) -> [Track; 2] {
    let (mut rounds, mut paces): (Vec<f64>, Vec<f64>) = Default::default();
    let mut sharing = 0.0;
    for (round, pace) in run.rounds.iter().zip(run.pace) {
        match rounds.last_mut() {
            Some(last) if paces.last() == Some(pace) => {
                sharing += 1.0;
                *last += (round - *last) / sharing;
            }
            _ => {
                sharing = 1.0;
                rounds.push(*round);
                paces.push(*pace);
            }
        }
    }
    [Track::of(&logs(&rounds)), Track::of(&logs(&paces))]
}

/// Logarithms of the rounds and paces of a run whose pace changes.
struct Logs {
    rounds: Vec<f64>,
    pace: Vec<f64>,
    /// What two rounds must differ by to be of different pace.
    notable: f64,
    /// The paces that all but the [`WILD`] lowest and highest lie within.
    tame: [f64; 2],
}

impl Logs {
    fn telling(run: &Run) -> Option<Self> {
        let [rounds, pace] = [logs(run.rounds), logs(run.pace)];
        let steps: Vec<f64> = pace.windows(2).map(|pair| (pair[1] - pair[0]).abs()).collect();
        let notable = NOTABLE.max(TREMBLES * median(&steps));
        let ordered = sorted(&pace);
        let last = ordered.len().checked_sub(1 + WILD).filter(|last| *last >= WILD)?;
        let tame = [ordered[WILD], ordered[last]];
        (tame[1] - tame[0] > notable).then_some(Self {
            rounds,
            pace,
            notable,
            tame,
        })
    }

    fn slopes(&self) -> impl Iterator<Item = f64> {
        let points = || self.pace.iter().zip(&self.rounds);
        let pairs = points()
            .enumerate()
            .flat_map(move |(i, one)| points().skip(i + 1).map(move |other| (one, other)));
        let changes = pairs.map(|((pace, round), (p, r))| (p - pace, r - round));
        changes
            .filter(|(apart, _)| apart.abs() > self.notable)
            .map(|(apart, change)| change / apart)
    }

    fn residuals(&self, slope: f64) -> Vec<f64> {
        let points = self.rounds.iter().zip(&self.pace);
        let rest: Vec<f64> = points.map(|(round, pace)| round - slope * pace).collect();
        let middle = median(&rest);
        rest.into_iter().map(|value| value - middle).collect()
    }

    /// The sum of squared deviations of the pace from its mean, without what is wild.
    fn squares(&self) -> f64 {
        let [low, high] = self.tame;
        let moments: Moments = self.pace.iter().map(|pace| pace.clamp(low, high)).collect();
        moments.variance() * (self.pace.len().saturating_sub(1)) as f64
    }
}

/// One round within its run, its reading, and those beside that.
struct Point {
    round: f64,
    pace: f64,
    beside: f64,
}

fn points([rounds, paces]: &[Track; 2]) -> impl Iterator<Item = Point> {
    let inner = rounds.values.iter().skip(1).zip(paces.values.windows(3));
    inner.map(|(round, paces)| Point {
        round: *round,
        pace: paces[1],
        beside: f64::midpoint(paces[0], paces[2]),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn share(rounds: &[f64], before: &[f64], after: &[f64]) -> (f64, f64) {
        let run = |pace| Run {
            rounds,
            pace,
            are_calls: true,
        };
        let shown = Shown::of(&[run(before), run(after)]);
        shown.drawn_to(&USUAL)
    }

    #[test]
    fn the_share_of_a_function_is_found_where_the_pace_changes_within_a_run() {
        let trembling = |i: i32| if i % 2 == 0 { 1.0 } else { 1.001 };
        let pace: Vec<f64> = (0..20)
            .map(|i| trembling(i) * if i < 9 { 1.0 } else { 1.8 })
            .collect();
        for true_share in [0.0, 0.5, 1.0, 1.4] {
            let rounds: Vec<f64> = pace.iter().map(|pace: &f64| pace.powf(true_share)).collect();
            let (found, error) = share(&rounds, &pace, &[1.8; 20]);
            assert!((found - true_share).abs() < 0.02, "{true_share}: {found}");
            assert!(error < KNOWN);
        }
    }

    #[test]
    fn so_it_is_of_a_few_rounds_of_many_readings() {
        let pace: Vec<f64> = (0..12).map(|i| if i < 5 { 1.0 } else { 1.8 }).collect();
        for true_share in [0.0, 0.5, 1.4] {
            let rounds: Vec<f64> = pace.iter().map(|pace: &f64| pace.powf(true_share)).collect();
            let run = |pace| Run {
                rounds: &rounds,
                pace,
                are_calls: false,
            };
            let steady = [1.8; 12];
            let (found, error) = Shown::of_rounds(&[run(&pace), run(&steady)]).drawn_to(&USUAL);
            assert!(
                (found - true_share).abs() < 0.02 && error < KNOWN,
                "{true_share}: {found}"
            );
            let (unknown, error) = Shown::of_rounds(&[run(&steady), run(&steady)]).drawn_to(&USUAL);
            assert!((unknown - USUAL.share).abs() < 1e-9 && (error - USUAL.apart).abs() < 1e-9);
        }
    }

    #[test]
    fn where_it_does_not_the_share_is_what_is_usual_and_uncertain() {
        let trembling: Vec<f64> = (0..20).map(|i| 1.0 + 0.02 * f64::from(i % 3)).collect();
        let rounds: Vec<f64> = (0..20).map(|i| 1.0 + 0.01 * f64::from(i % 4)).collect();
        let (found, error) = share(&rounds, &trembling, &[1.8; 20]);
        assert!((found - USUAL.share).abs() < 1e-9 && (error - USUAL.apart).abs() < 1e-9);
    }

    #[test]
    fn what_keeps_still_while_the_readings_do_not_is_known_to_share_nothing() {
        let restless: Vec<f64> = (0..20).map(|i| 1.0 + 0.1 * f64::from(i % 3)).collect();
        let still: Vec<f64> = (0..20).map(|i| 1.0 + 0.001 * f64::from(i % 4)).collect();
        let (found, error) = share(&still, &restless, &[1.8; 20]);
        assert!(found < 0.02 && error < KNOWN, "{found} ± {error}");
        let calm: Vec<f64> = (0..20).map(|i| 1.0 + 0.01 * f64::from(i % 3)).collect();
        let (found, _) = share(&[1.0; 20], &calm, &[1.8; 20]);
        assert!((found - USUAL.share).abs() < 1e-9, "{found}");
    }

    #[test]
    fn readings_that_tremble_say_nothing_of_the_share() {
        let mut seed = 1_u64;
        let mut tremble = |level: f64, by: f64| {
            let uniform = (0..12).map(|_| {
                seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                (seed >> 11) as f64 / (1_u64 << 53) as f64
            });
            let normal: f64 = uniform.sum::<f64>() - 6.0;
            level * (by * normal).exp()
        };
        for by in [0.03, 0.05, 0.07, 0.1] {
            let known = (0..400)
                .filter(|_| {
                    let mut many = |level, by| (0..20).map(|_| tremble(level, by)).collect::<Vec<_>>();
                    let (rounds, before, after) = (many(1.0, 0.02), many(1.0, by), many(1.76, by));
                    share(&rounds, &before, &after).1 < KNOWN
                })
                .count();
            assert!(known <= 8, "tremble {by}: {known} of 400");
        }
    }

    #[test]
    fn a_reading_that_was_interrupted_says_nothing_of_the_share() {
        let mut pace: Vec<f64> = (0..20).map(|i| 1.0 + 0.001 * f64::from(i % 2)).collect();
        (pace[3], pace[9]) = (9.0, 12.0);
        let slow: Vec<f64> = pace.iter().map(|pace| 1.8 * pace.min(1.001)).collect();
        let (found, error) = share(&[1.0; 20], &pace, &slow);
        assert!((found - USUAL.share).abs() < 1e-9 && (error - USUAL.apart).abs() < 1e-9);
    }
}
