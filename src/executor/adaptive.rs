//! Concurrency for a provider whose limits are not known.

use crate::limiter::Nanos;

/// Slots at the start.
const INITIAL: f64 = 4.0;
/// The share that a cut leaves.
const CUT: f64 = 0.8;
/// Growth needs this share of the slots in use: an idle limit proves nothing.
const IN_USE: f64 = 0.8;

/// Slow start (one slot more per success: doubling per round trip) until the first refusal, then ×0.8 once per episode of
/// refusals and one slot more per round trip. Server errors and answers from a cache change nothing. All calls O(1).
///
/// The rules are those of `inspect_ai`'s adaptive connections; the shape is TCP's (RFC 5681) with a gentler cut.
#[derive(Debug, Clone, Copy)]
pub struct Adaptive {
    slots: f64,
    most: f64,
    slow_start: bool,
    last_cut: Nanos,
}

impl Adaptive {
    /// Starts with 4 slots, never more than `most`.
    pub fn new(most: usize) -> Self {
        let most = most.max(1) as f64;
        Self {
            slots: INITIAL.min(most),
            most,
            slow_start: true,
            last_cut: 0,
        }
    }

    /// Changes the upper bound.
    pub fn set_most(&mut self, most: usize) {
        self.most = most.max(1) as f64;
        self.slots = self.slots.min(self.most);
    }

    /// Slots in force.
    pub fn slots(&self) -> usize {
        self.slots as usize
    }

    /// A call succeeded while `in_use` slots (itself included) were in use.
    pub fn succeeded(&mut self, in_use: usize) {
        if (in_use as f64) < (self.slots.floor() * IN_USE).floor() {
            return;
        }
        let step = if self.slow_start { 1.0 } else { 1.0 / self.slots };
        self.slots = (self.slots + step).min(self.most);
    }

    /// A call that started at `started` was refused (429) at `now`. Calls that started before the last cut belong to the
    /// episode that caused it.
    pub fn refused(&mut self, started: Nanos, now: Nanos) {
        if started < self.last_cut {
            return;
        }
        self.slots = (self.slots * CUT).max(1.0);
        self.slow_start = false;
        self.last_cut = now.max(1);
    }
}
