//! The reference timing: how quick the machine itself was while something was measured.
//!
//! A machine shares its cores, caches and clock with others. For seconds at a time it may be half as quick as a moment before,
//! and nothing within a run shows it. A fixed piece of work that is timed now and then does (a control variate, as in an
//! analysis of covariance: R. A. Fisher, *Statistical Methods for Research Workers*, 1932, § 49.1). How much a function shares
//! of that is not known, from nothing (a function that waits for a server) to somewhat more than all of it. So a reference
//! timing never changes a duration. It can explain a change, and it never makes one.

use serde::{Deserialize, Serialize};
use std::hint::black_box;

const TEXT: &str = r#"{"id":1,"name":"a","tags":["x","y"],"score":0.5,"nested":{"deep":[1,2,3,{"key":"text in \"quotes\""}],"flag":true,
"none":null},"text":"some longer text to read over, like a case of a dataset"}"#;

/// The version of the work and of how it is timed. Reference timings of different versions say nothing of each other.
pub(super) const VERSION: u32 = 3;

/// The power of the machine's slowdown that the keenest functions show: one that misses caches notices more than the work does.
const KEENEST: f64 = 1.2;
/// A difference below this, as a logarithm, is none where its standard error is below it too.
const EQUAL: f64 = 0.02;
/// The standard deviation of the logarithm of one reading before the readings say otherwise, and the readings it counts for.
const PRIOR_SPREAD: f64 = 0.03;
const PRIOR_WEIGHT: f64 = 2.0;
/// Degrees of freedom of the error besides those of the readings.
const PRIOR_DF: f64 = 10.0;

/// Parses a short text, which takes a core's whole width: arithmetic, branches, memory. Takes about 1.3 µs. Always the same.
pub fn reference_work() -> usize {
    serde_json::from_str::<serde_json::Value>(black_box(TEXT))
        .ok()
        .and_then(|value| value.as_object().map(serde_json::Map::len))
        .unwrap_or(0)
}

/// The reference timing of some calls: the average of readings, each of which counts for the calls that ended since the one
/// before. Averages are of logarithms. O(1) memory.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct ReferenceTiming {
    /// Calls that a reading was made for.
    calls: f64,
    /// Readings.
    readings: f64,
    /// Average logarithm of the readings, ms.
    mean: f64,
    /// Sum of squared distances from it.
    squares: f64,
    /// Calls that ended since the last reading.
    #[serde(skip)]
    waiting: f64,
}

impl ReferenceTiming {
    /// Notes that a call ended.
    pub fn ended(&mut self) {
        self.waiting += 1.0;
    }

    /// Takes in a `reading`, ms, for the calls since the last one. What is no duration above 0 leaves them unknown.
    pub fn read(&mut self, reading: f64) {
        let calls = std::mem::take(&mut self.waiting);
        if calls > 0.0 && reading > 0.0 && reading.is_finite() {
            self.add(calls, 1.0, libm::log(reading), 0.0);
        }
    }

    /// Adds the calls and readings of `later`.
    pub fn merge(&mut self, later: &Self) {
        if later.calls > 0.0 {
            self.add(later.calls, later.readings, later.mean, later.squares);
        }
        self.waiting += later.waiting;
    }

    fn add(&mut self, calls: f64, readings: f64, mean: f64, squares: f64) {
        let all = self.calls + calls;
        let apart = mean - self.mean;
        self.squares += squares + apart * apart * self.calls * calls / all;
        self.mean += apart * calls / all;
        self.calls = all;
        self.readings += readings;
    }

    /// Sums up readings that count alike, ms; unknown when one of them is no duration above 0.
    pub fn of(readings: &[f64]) -> Self {
        let mut timing = Self::default();
        for reading in readings {
            timing.ended();
            timing.read(*reading);
        }
        if timing.readings < readings.len() as f64 {
            return Self::default();
        }
        timing
    }

    /// Says if every figure is one that readings can have.
    pub fn is_valid(&self) -> bool {
        let counts = [self.calls, self.readings, self.squares];
        counts.iter().all(|count| (0.0..1e18).contains(count)) && self.mean.abs() < 100.0
    }

    /// The squared standard error of the average.
    fn error(&self) -> f64 {
        let free = (self.readings - 1.0).max(0.0);
        let spread = self.squares / self.calls * self.readings / free.max(1.0);
        (PRIOR_WEIGHT * PRIOR_SPREAD * PRIOR_SPREAD + free * spread) / (PRIOR_WEIGHT + free) / self.readings
    }
}

/// By how much the machine differed between two runs.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct MachineChange {
    /// The logarithm of the later reference timing over the earlier one: positive when the machine became slower. 0 when either
    /// is unknown.
    pub log: f64,
    /// The squared standard error of that.
    pub error: f64,
    /// Its degrees of freedom.
    pub df: f64,
}

impl Default for MachineChange {
    fn default() -> Self {
        Self {
            log: 0.0,
            error: 0.0,
            df: PRIOR_DF,
        }
    }
}

impl MachineChange {
    /// The change between the reference timings of two runs.
    pub fn between(before: &ReferenceTiming, now: &ReferenceTiming) -> Self {
        if before.readings > 0.0 && now.readings > 0.0 {
            Self {
                log: now.mean - before.mean,
                error: before.error() + now.error(),
                df: PRIOR_DF + before.readings + now.readings,
            }
        } else {
            Self::default()
        }
    }

    /// Says if the machine was surely as quick, or is not known at all.
    fn is_equal(&self) -> bool {
        self.log.abs() < EQUAL && self.error < EQUAL * EQUAL
    }

    /// Says if the machine was notably slower.
    pub fn is_slower(&self) -> bool {
        self.log >= EQUAL
    }

    /// Slowdown of the machine, percent.
    pub fn percent(&self) -> f64 {
        libm::expm1(self.log) * 100.0
    }

    /// The largest logarithm of a change that this explains, with its squared standard error. Zeros for a machine as quick.
    pub fn explains(&self) -> (f64, f64) {
        if self.is_equal() {
            (0.0, 0.0)
        } else {
            (KEENEST * self.log, KEENEST * KEENEST * self.error)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_work_is_always_the_same() {
        assert_eq!(reference_work(), 6);
    }

    #[test]
    fn a_reading_counts_for_the_calls_since_the_one_before() {
        let mut timing = ReferenceTiming::default();
        for (calls, reading) in [(30, 0.001), (10, 0.002), (5, 0.0), (0, 9.0)] {
            (0..calls).for_each(|_| timing.ended());
            timing.read(reading);
        }
        let expected = 0.75 * libm::log(0.001) + 0.25 * libm::log(0.002);
        assert!((timing.mean - expected).abs() < 1e-12);
        assert_eq!([timing.calls, timing.readings, timing.waiting], [40.0, 2.0, 0.0]);
    }

    #[test]
    fn a_change_is_known_where_both_sides_are() {
        let (quick, slow) = (
            ReferenceTiming::of(&[0.001; 4]),
            ReferenceTiming::of(&[0.0015; 4]),
        );
        assert!((MachineChange::between(&quick, &slow).percent() - 50.0).abs() < 1e-9);
        assert_eq!(MachineChange::between(&quick, &quick).explains(), (0.0, 0.0));
        for unknown in [ReferenceTiming::default(), ReferenceTiming::of(&[0.001, 0.0])] {
            assert_eq!(MachineChange::between(&unknown, &slow), MachineChange::default());
        }
    }

    proptest! {
        #[test]
        fn merging_equals_reading_all(parts in prop::collection::vec((1usize..50, 1e-4..1e-2), 2..20), split in 1usize..19) {
            let run = |parts: &[(usize, f64)]| {
                let mut timing = ReferenceTiming::default();
                for (calls, reading) in parts {
                    (0..*calls).for_each(|_| timing.ended());
                    timing.read(*reading);
                }
                timing
            };
            let split = split.min(parts.len());
            let (whole, mut merged) = (run(&parts), run(&parts[..split]));
            merged.merge(&run(&parts[split..]));
            prop_assert!((whole.mean - merged.mean).abs() < 1e-9 && (whole.squares - merged.squares).abs() < 1e-6);
            prop_assert_eq!([whole.calls, whole.readings], [merged.calls, merged.readings]);
            prop_assert!(whole.is_valid());
        }
    }
}
