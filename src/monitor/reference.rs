//! How quick the machine itself was while something was measured.
//!
//! A machine shares its cores, caches and clock with others, and for milliseconds or seconds at a time it may be half as
//! quick as a moment before: two runs of one function, one after the other, then differ by up to 80 %, and nothing within
//! either run shows it. A fixed piece of work that is timed in between does: the pace. What a function has in common with it
//! is the machine's, not the function's (a control variate, as in an analysis of covariance: R. A. Fisher, *Statistical
//! Methods for Research Workers*, 1932, § 49.1). How much that is depends on the function: one that waits for a server, or for
//! its own last result, hardly notices a neighbour; one that misses caches notices more than the work here does. So the share
//! is estimated from the rounds at hand ([`super::share`]), drawn to what functions usually share, and what is not known of it
//! is part of the error.

use super::share::{KEENEST, KNOWN, Prior, Shown, USUAL};
use std::hint::black_box;

/// What is parsed, and how often: about 2.5 µs.
const TEXT: &str = r#"{"id":1,"name":"a","tags":["x","y"],"score":0.5,"nested":{"deep":[1,2,3,{"key":"text in \"quotes\""}],"flag":true,
"none":null},"text":"some longer text to read over, like a case of a dataset"}"#;
const TIMES: usize = 2;
/// Counts what was chosen for these two: the pace of one is not that of another.
pub(super) const WORK: u32 = 2;

/// What is never known of the share, relative to it: it depends on what the neighbours do as well.
const LEAST_ERROR: f64 = 0.08;

/// The work: parses a short text, which takes a core's whole width: arithmetic, branches, memory. Of what was tried (sums in
/// independent lanes, an interpreter with unpredictable branches, this) its time follows that of JavaScript best, with
/// correlations of 0.90 to 0.97. Always the same; leaves nothing behind.
pub fn reference_work() -> usize {
    let members = |text| {
        let parsed = serde_json::from_str::<serde_json::Value>(text);
        parsed
            .ok()
            .and_then(|value| value.as_object().map(serde_json::Map::len))
    };
    (0..TIMES).filter_map(|_| members(black_box(TEXT))).sum()
}

/// How two runs are made as if the machine had been equally quick during both.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Levelling {
    /// How much of a change of pace the function shows, and the standard error of that.
    share: f64,
    share_error: f64,
    /// Whether the rounds themselves say so. If not, levelling can explain a change, but not make one.
    pub known: bool,
    /// How much of what a round's pace is from its run's is the machine's, and not that readings tremble.
    trust: f64,
    /// The logarithm of the pace of each run.
    paces: [f64; 2],
}

impl Levelling {
    /// Of two runs of so many `rounds` together, of which [`Shown`] is known, from the average logarithm of the pace of each.
    pub fn of(shown: &Shown, paces: [f64; 2], rounds: usize) -> Self {
        Self {
            trust: shown.trust_in(rounds),
            paces,
            ..Self::default()
        }
        .by(shown, &USUAL)
    }

    /// As [`Levelling::of`], to find out whether the second run is slower: where the share is not known, that of the functions
    /// that notice a slower machine most.
    pub fn of_slower(shown: &Shown, paces: [f64; 2], rounds: usize) -> Self {
        let usual = Self::of(shown, paces, rounds);
        if usual.known {
            return usual;
        }
        Self {
            known: false,
            ..usual.by(shown, &KEENEST)
        }
    }

    fn by(self, shown: &Shown, prior: &Prior) -> Self {
        let (share, share_error) = shown.drawn_to(prior);
        Self {
            share,
            share_error: libm::hypot(share_error, LEAST_ERROR * share),
            known: share_error < KNOWN,
            ..self
        }
    }

    /// What is to be taken off the logarithm of a round at this pace, of the first run (0) or the second (1).
    pub fn excess(&self, run: usize, pace: f64) -> f64 {
        self.share * (self.paces[run] - self.paces[0] + self.trust * (pace - self.paces[run]))
    }

    /// The logarithm of the pace, after over before: positive when the machine became slower.
    pub fn pace(&self) -> f64 {
        self.paces[1] - self.paces[0]
    }

    /// What is to be taken off the logarithm of after over before.
    pub fn shared(&self) -> f64 {
        self.share * self.pace()
    }

    /// The squared standard error of [`Levelling::shared`].
    pub fn error(&self) -> f64 {
        (self.share_error * self.pace()).powi(2)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_work_is_always_the_same() {
        assert_eq!(reference_work(), 6 * TIMES);
    }
}
