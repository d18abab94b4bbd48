//! Everything a component remembers of its calls.

use super::reference_timing::ReferenceTiming;
use crate::stats::{Histogram, Moments, median, nearest_ranks, sorted};
use serde::{Deserialize, Serialize};

/// Up to this many durations are kept as they are; beyond, a histogram and rounds take over.
const EXACT: usize = 128;
/// Calls whose true median enters a round.
const LEAF: usize = 8;
/// Rounds kept; when there are more, neighbours merge.
const ROUNDS: usize = 64;

/// Consecutive calls, summed up.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Round {
    /// Calls in it.
    pub count: f64,
    /// Mean duration, ms.
    pub mean: f64,
    /// Median duration, ms; of merged rounds the weighted mean of their medians.
    pub median: f64,
}

impl Round {
    fn of(durations: &[f64]) -> Self {
        let count = durations.len() as f64;
        Self {
            count,
            mean: durations.iter().sum::<f64>() / count,
            median: median(durations),
        }
    }

    fn merged(rounds: &[Self]) -> Self {
        if rounds.iter().all(|r| r.count == 1.0) {
            return Self::of(&rounds.iter().map(|r| r.mean).collect::<Vec<_>>());
        }
        let count: f64 = rounds.iter().map(|r| r.count).sum();
        let weighted = |of: fn(&Self) -> f64| rounds.iter().map(|r| of(r) * r.count).sum::<f64>() / count;
        Self {
            count,
            mean: weighted(|r| r.mean),
            median: weighted(|r| r.median),
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

/// Durations beyond the first [`EXACT`].
#[derive(Clone, Debug, Default)]
struct Bulk {
    histogram: Histogram,
    /// In time order, neighbours about the same size.
    rounds: Vec<Round>,
    /// The round that is being filled.
    open: Option<Round>,
    leaf: Vec<f64>,
    /// Leaves a full round has.
    leaves: usize,
}

impl Bulk {
    fn record(&mut self, duration: f64) {
        self.histogram.record(duration, 1);
        self.leaf.push(duration);
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
    exact: Vec<f64>,
    bulk: Option<Box<Bulk>>,
    reference: ReferenceTiming,
}

/// A recording as it is written to a file: enough to go on testing against it.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Stored {
    /// Ascending (duration, how often): exact for up to 128 calls, else buckets within 0.05 %.
    pub distribution: Vec<(f64, u64)>,
    /// In time order.
    pub rounds: Vec<Round>,
    /// The reference timing meanwhile; not known of files of earlier versions.
    #[serde(default)]
    pub reference: ReferenceTiming,
}

impl Recording {
    /// Adds a call that took `duration` ms.
    pub fn record(&mut self, duration: f64) {
        self.moments.record(duration);
        self.reference.ended();
        if let Some(bulk) = &mut self.bulk {
            bulk.record(duration);
        } else if self.exact.len() < EXACT {
            self.exact.push(duration);
        } else {
            self.bulk_of_all().record(duration);
        }
    }

    /// Takes in a reading of the reference work, ms, for the calls since the last one (see [`ReferenceTiming::read`]).
    pub fn read_reference(&mut self, reading: f64) {
        self.reference.read(reading);
    }

    /// The reference timing while these calls were made.
    pub fn reference(&self) -> &ReferenceTiming {
        &self.reference
    }

    fn bulk_of_all(&mut self) -> &mut Bulk {
        let exact = std::mem::take(&mut self.exact);
        self.bulk.get_or_insert_with(|| {
            let mut bulk = Box::new(Bulk {
                leaves: 1,
                ..Bulk::default()
            });
            for duration in exact {
                bulk.record(duration);
            }
            bulk
        })
    }

    /// Adds the calls of `later`, which came after these.
    pub fn merge(&mut self, later: &Self) {
        self.moments.merge(&later.moments);
        self.reference.merge(&later.reference);
        if self.bulk.is_none() && later.bulk.is_none() && self.exact.len() + later.exact.len() <= EXACT {
            self.exact.extend(&later.exact);
            return;
        }
        let bulk = self.bulk_of_all();
        match &later.bulk {
            None => later.exact.iter().for_each(|duration| bulk.record(*duration)),
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
                all.reference.merge(&part.reference);
                all.exact.extend(&part.exact);
            } else {
                all.merge(part);
            }
        }
        all
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
            nearest_ranks(&self.exact, wanted)
        }
    }

    /// All calls in time order as about `wanted` rounds of about equal size (fewer when there are fewer calls).
    pub fn rounds(&self, wanted: usize) -> Vec<Round> {
        if let Some(bulk) = &self.bulk {
            return Round::regroup(&bulk.all_rounds(), wanted);
        }
        let parts = wanted.min(self.exact.len());
        let at = |i: usize| i * self.exact.len() / parts;
        (0..parts)
            .map(|i| Round::of(&self.exact[at(i)..at(i + 1)]))
            .collect()
    }

    /// The part that a file keeps.
    pub fn store(&self) -> Stored {
        let distribution = match &self.bulk {
            Some(bulk) => bulk.histogram.buckets().collect(),
            None => sorted(&self.exact)
                .chunk_by(|a, b| a == b)
                .map(|g| (g[0], g.len() as u64))
                .collect(),
        };
        Stored {
            distribution,
            rounds: self.rounds(ROUNDS),
            reference: self.reference,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stats::nearest_rank;
    use proptest::prelude::*;

    fn recorded(durations: &[f64]) -> Recording {
        let mut recording = Recording::default();
        for duration in durations {
            recording.record(*duration);
        }
        recording
    }

    #[test]
    fn rounds_stay_few_however_many_calls_and_keep_their_order() {
        let mut recording = Recording::default();
        (0..1_000_000).for_each(|i| recording.record(f64::from(i)));
        let rounds = recording.rounds(10);
        assert_eq!(rounds.len(), 10);
        assert!(rounds.is_sorted_by(|a, b| a.mean < b.mean));
        assert_eq!(rounds.iter().map(|r| r.count).sum::<f64>(), 1_000_000.0);
        let bulk = recording.bulk.expect("a million calls are not exact");
        assert!(bulk.rounds.len() <= ROUNDS && bulk.leaf.len() < LEAF);
    }

    #[test]
    fn what_is_joined_to_look_at_is_exact_where_its_parts_are() {
        let parts: Vec<Recording> = (0..5)
            .map(|part| recorded(&(0..100).map(|i| f64::from(part * 100 + i)).collect::<Vec<_>>()))
            .collect();
        let all = Recording::joined(&parts.iter().collect::<Vec<_>>());
        assert_eq!(all.percentiles([25.0, 75.0]), [124.0, 374.0]);
        assert_eq!(
            (all.moments().count(), all.store().distribution.len()),
            (500, 500)
        );
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
