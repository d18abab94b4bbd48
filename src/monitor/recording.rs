//! Everything a component remembers of its calls.

use crate::stats::{Histogram, Moments, median, nearest_ranks, sorted};
use serde::{Deserialize, Serialize};

/// Up to this many durations are kept as they are; beyond, a histogram and rounds take over.
const EXACT: usize = 128;
/// Calls whose true median enters a round.
const LEAF: usize = 8;
/// Rounds kept; when there are more, neighbours merge.
const ROUNDS: usize = 64;

/// One finished call.
#[derive(Clone, Copy, Debug, Default)]
pub struct Call {
    /// ms.
    pub duration: f64,
    /// What the reference work took at the time, ms; 0 when unknown.
    pub pace: f64,
    /// How long of the duration its thread waited for a processor, ms; 0 when unknown.
    pub delay: f64,
}

impl Call {
    fn undelayed(&self) -> f64 {
        (self.duration - self.delay).max(0.0)
    }
}

/// Consecutive calls, summed up, without what they waited for a processor.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Round {
    /// Calls in it.
    pub count: f64,
    /// Mean duration, ms.
    pub mean: f64,
    /// Median duration, ms; of merged rounds the weighted mean of their medians.
    pub median: f64,
    /// What the reference work took meanwhile, ms, on average; 0 when unknown.
    #[serde(default)]
    pub pace: f64,
}

impl Round {
    fn single(call: Call) -> Self {
        Self {
            count: 1.0,
            mean: call.undelayed(),
            median: call.undelayed(),
            pace: call.pace,
        }
    }

    fn of(calls: &[Call]) -> Self {
        let count = calls.len() as f64;
        let durations: Vec<f64> = calls.iter().map(Call::undelayed).collect();
        Self {
            count,
            mean: durations.iter().sum::<f64>() / count,
            median: median(&durations),
            pace: mean_pace(calls.iter().map(|call| (call.pace, 1.0))),
        }
    }

    fn merged(rounds: &[Self]) -> Self {
        if rounds.iter().all(|r| r.count == 1.0) {
            let call = |r: &Self| Call {
                duration: r.mean,
                pace: r.pace,
                delay: 0.0,
            };
            return Self::of(&rounds.iter().map(call).collect::<Vec<_>>());
        }
        let count: f64 = rounds.iter().map(|r| r.count).sum();
        let weighted = |of: fn(&Self) -> f64| rounds.iter().map(|r| of(r) * r.count).sum::<f64>() / count;
        Self {
            count,
            mean: weighted(|r| r.mean),
            median: weighted(|r| r.median),
            pace: mean_pace(rounds.iter().map(|r| (r.pace, r.count))),
        }
    }

    /// Merges neighbours into at most `wanted` rounds of about equal size.
    pub fn regroup(finest: &[Self], wanted: usize) -> Vec<Self> {
        let total: f64 = finest.iter().map(|r| r.count).sum();
        let mut seen = 0.0;
        let mut slots: Vec<(usize, Self)> = Vec::with_capacity(finest.len());
        for round in finest {
            let middle = seen + round.count / 2.0;
            slots.push((
                ((middle / total * wanted as f64) as usize).min(wanted - 1),
                *round,
            ));
            seen += round.count;
        }
        slots
            .chunk_by(|a, b| a.0 == b.0)
            .map(|group| Self::merged(&group.iter().map(|(_, round)| *round).collect::<Vec<_>>()))
            .collect()
    }
}

/// The weighted mean of those paces that are known; 0 when none is.
fn mean_pace(paces: impl Iterator<Item = (f64, f64)>) -> f64 {
    let known = paces.filter(|(pace, _)| *pace > 0.0);
    let (sum, weights) = known.fold((0.0, 0.0), |(sum, weights), (pace, weight)| {
        (sum + pace * weight, weights + weight)
    });
    if weights > 0.0 { sum / weights } else { 0.0 }
}

/// Durations beyond the first [`EXACT`].
#[derive(Clone, Debug, Default)]
struct Bulk {
    histogram: Histogram,
    /// In time order, neighbours about the same size.
    rounds: Vec<Round>,
    /// The round that is being filled.
    open: Option<Round>,
    leaf: Vec<Call>,
    /// Leaves a full round has.
    leaves: usize,
}

impl Bulk {
    fn record(&mut self, call: Call) {
        self.histogram.record(call.duration, 1);
        self.leaf.push(call);
        if self.leaf.len() == LEAF {
            let leaf = Round::of(&self.leaf);
            self.leaf.clear();
            let open = self.open.map_or(leaf, |open| Round::merged(&[open, leaf]));
            self.open = Some(open);
            if open.count >= (self.leaves * LEAF) as f64 {
                self.open = None;
                self.rounds.push(open);
                self.halve_if_full();
            }
        }
    }

    fn halve_if_full(&mut self) {
        while self.rounds.len() > ROUNDS {
            self.rounds = self.rounds.chunks(2).map(Round::merged).collect();
            self.leaves *= 2;
        }
    }

    fn all_rounds(&self) -> Vec<Round> {
        let leaf = (!self.leaf.is_empty()).then(|| Round::of(&self.leaf));
        self.rounds
            .iter()
            .chain(&self.open)
            .copied()
            .chain(leaf)
            .collect()
    }
}

/// The calls of one component. O(1) a call, at most 4 KB plus its histogram.
#[derive(Clone, Debug, Default)]
pub struct Recording {
    moments: Moments,
    /// In time order; empty once `bulk` exists.
    exact: Vec<Call>,
    bulk: Option<Box<Bulk>>,
}

/// A recording as it is written to a file: enough to go on testing against it.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Stored {
    /// Ascending (duration, how often): exact for up to 128 calls, else buckets within 0.05 %.
    pub distribution: Vec<(f64, u64)>,
    /// In time order.
    pub rounds: Vec<Round>,
}

impl Recording {
    /// Adds one call.
    pub fn record(&mut self, call: Call) {
        self.moments.record(call.duration);
        if let Some(bulk) = &mut self.bulk {
            bulk.record(call);
        } else if self.exact.len() < EXACT {
            self.exact.push(call);
        } else {
            self.spill().record(call);
        }
    }

    fn spill(&mut self) -> &mut Bulk {
        let exact = std::mem::take(&mut self.exact);
        self.bulk.get_or_insert_with(|| {
            let mut bulk = Box::new(Bulk {
                leaves: 1,
                ..Bulk::default()
            });
            for call in exact {
                bulk.record(call);
            }
            bulk
        })
    }

    /// Adds the calls of `later`, which came after these.
    pub fn merge(&mut self, later: &Self) {
        self.moments.merge(&later.moments);
        if self.bulk.is_none() && later.bulk.is_none() && self.exact.len() + later.exact.len() <= EXACT {
            self.exact.extend(&later.exact);
            return;
        }
        let bulk = self.spill();
        match &later.bulk {
            None => later.exact.iter().for_each(|call| bulk.record(*call)),
            Some(theirs) => {
                bulk.rounds = bulk.all_rounds();
                bulk.rounds.extend(&theirs.rounds);
                bulk.open = theirs.open;
                bulk.leaf.clone_from(&theirs.leaf);
                bulk.leaves = bulk.leaves.max(theirs.leaves);
                bulk.histogram.merge(&theirs.histogram);
                bulk.halve_if_full();
            }
        }
    }

    /// The calls of all `parts`, in this order, to look at: what they know exactly stays so, however many they are.
    pub fn joined(parts: &[&Self]) -> Self {
        let mut all = Self::default();
        let is_exact = parts.iter().all(|part| part.bulk.is_none());
        for part in parts {
            if is_exact {
                all.moments.merge(&part.moments);
                all.exact.extend(&part.exact);
            } else {
                all.merge(part);
            }
        }
        all
    }

    fn exact_durations(&self) -> Vec<f64> {
        sorted(&self.exact.iter().map(|call| call.duration).collect::<Vec<_>>())
    }

    /// Count, sum, mean and extremes, all exact.
    pub fn moments(&self) -> &Moments {
        &self.moments
    }

    /// Percentiles (0–100, ascending) by nearest rank: exact for up to 128 calls, then within 0.05 %; never outside the
    /// extremes; 0 when empty.
    pub fn percentiles<const N: usize>(&self, wanted: [f64; N]) -> [f64; N] {
        if let Some(bulk) = &self.bulk {
            let (min, max) = (self.moments.min(), self.moments.max());
            bulk.histogram.percentiles(wanted).map(|p| p.clamp(min, max))
        } else {
            let durations: Vec<f64> = self.exact.iter().map(|call| call.duration).collect();
            nearest_ranks(&durations, wanted)
        }
    }

    /// All calls in time order as rounds as fine as they are known: of one call each for up to 128 calls, then at most 66.
    pub fn finest(&self) -> Vec<Round> {
        match &self.bulk {
            Some(bulk) => bulk.all_rounds(),
            None => self.exact.iter().map(|call| Round::single(*call)).collect(),
        }
    }

    /// All calls in time order as about `wanted` rounds of about equal size (fewer when there are fewer calls).
    pub fn rounds(&self, wanted: usize) -> Vec<Round> {
        let finest: Vec<Round> = if let Some(bulk) = &self.bulk {
            bulk.all_rounds()
        } else {
            let parts = wanted.min(self.exact.len());
            let at = |i: usize| i * self.exact.len() / parts;
            return (0..parts)
                .map(|i| Round::of(&self.exact[at(i)..at(i + 1)]))
                .collect();
        };
        Round::regroup(&finest, wanted)
    }

    /// What a file keeps.
    pub fn store(&self) -> Stored {
        let distribution = match &self.bulk {
            Some(bulk) => bulk.histogram.buckets().collect(),
            None => self
                .exact_durations()
                .chunk_by(|a, b| a == b)
                .map(|g| (g[0], g.len() as u64))
                .collect(),
        };
        Stored {
            distribution,
            rounds: self.rounds(ROUNDS),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stats::nearest_rank;
    use proptest::prelude::*;

    fn lasting(duration: f64) -> Call {
        Call {
            duration,
            ..Call::default()
        }
    }

    fn recorded(durations: &[f64]) -> Recording {
        let mut recording = Recording::default();
        for duration in durations {
            recording.record(lasting(*duration));
        }
        recording
    }

    #[test]
    fn rounds_stay_few_however_many_calls_and_keep_their_order() {
        let mut recording = Recording::default();
        (0..1_000_000).for_each(|i| recording.record(lasting(f64::from(i))));
        let rounds = recording.rounds(10);
        assert_eq!(rounds.len(), 10);
        assert!(rounds.is_sorted_by(|a, b| a.mean < b.mean));
        assert_eq!(rounds.iter().map(|r| r.count).sum::<f64>(), 1_000_000.0);
        let bulk = recording.bulk.expect("a million calls are not exact");
        assert!(bulk.rounds.len() <= ROUNDS && bulk.leaf.len() < LEAF);
    }

    #[test]
    fn the_pace_of_a_round_is_that_of_the_calls_it_is_known_of() {
        let mut recording = Recording::default();
        for i in 0..1000 {
            let pace = if i % 4 == 0 {
                0.0
            } else {
                0.005 + f64::from(i / 500)
            };
            recording.record(Call { pace, ..lasting(1.0) });
        }
        let paces: Vec<f64> = recording.rounds(4).iter().map(|r| r.pace).collect();
        for (pace, expected) in paces.iter().zip([0.005, 0.005, 1.005, 1.005]) {
            assert!((pace - expected).abs() < 0.05, "{paces:?}");
        }
        assert_eq!(recorded(&[1.0; 40]).rounds(12)[3].pace, 0.0);
    }

    #[test]
    fn what_is_joined_to_look_at_is_exact_where_its_parts_are() {
        let parts: Vec<Recording> = (0..5)
            .map(|part| recorded(&(0..100).map(|i| f64::from(part * 100 + i)).collect::<Vec<_>>()))
            .collect();
        let all = Recording::joined(&parts.iter().collect::<Vec<_>>());
        assert_eq!(all.percentiles([25.0, 75.0]), [124.0, 374.0]);
        assert_eq!((all.moments().count(), all.finest().len()), (500, 500));
        let rounds = all.rounds(10);
        assert!(
            rounds
                .iter()
                .enumerate()
                .all(|(i, round)| round.mean == i as f64 * 50.0 + 24.5)
        );
        let many = recorded(&[1.0; 1000]);
        assert_eq!(Recording::joined(&[&parts[0], &many]).moments().count(), 1100);
    }

    proptest! {
        #[test]
        fn merging_two_equals_recording_all(
            a in prop::collection::vec(0.1..100.0, 0..300),
            b in prop::collection::vec(0.1..100.0, 0..300),
        ) {
            let mut merged = recorded(&a);
            merged.merge(&recorded(&b));
            let all: Vec<f64> = a.iter().chain(&b).copied().collect();
            let whole = recorded(&all);
            prop_assert_eq!(merged.moments().count(), whole.moments().count());
            prop_assert!((merged.moments().sum() - whole.moments().sum()).abs() < 1e-6);
            prop_assert_eq!(merged.percentiles([50.0, 95.0, 99.0]), whole.percentiles([50.0, 95.0, 99.0]));
            let calls = |r: &Recording| r.rounds(12).iter().map(|r| r.count).sum::<f64>();
            prop_assert_eq!(calls(&merged), all.len() as f64);
        }

        #[test]
        fn percentiles_are_within_a_thousandth_of_exact(values in prop::collection::vec(0.001..1e4, 1..600)) {
            let ordered = sorted(&values);
            let wanted = [50.0, 95.0, 99.0];
            for (p, found) in wanted.iter().zip(recorded(&values).percentiles(wanted)) {
                let exact = nearest_rank(&ordered, *p);
                prop_assert!((found - exact).abs() <= exact * 0.001);
            }
        }
    }
}
