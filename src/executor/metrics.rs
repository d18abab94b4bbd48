//! Time integrals of a run.

use crate::limiter::{Nanos, milliseconds};

/// The cost of a run so far, in milliseconds and shares.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Summary {
    /// From the first task queued to the end (or now).
    pub wall: f64,
    /// Mean time a task spent inside the executor function, all its attempts, no waiting.
    pub mean_execution: f64,
    /// Speed-up over one at a time, as a share of the best possible with the slots the tasks could use.
    pub efficiency: f64,
    /// Time during which a slot was free, a task waited and a limit was why.
    pub throttled: f64,
    /// Share of the slots' time in which they ran something.
    pub utilization: f64,
}

/// Accumulates while time moves on; O(1) a call.
#[derive(Debug, Clone, Copy, Default)]
pub struct Metrics {
    begun: Nanos,
    ended: Option<Nanos>,
    seen: Nanos,
    /// Slots in force and in use since `seen`.
    slots: usize,
    in_use: usize,
    /// Integrals over slots, in slot-nanoseconds.
    capacity: f64,
    busy: f64,
    throttled: Nanos,
    /// A limit is in the way until then, at most.
    limited_until: Nanos,
    execution: f64,
    executed: u64,
    most_tasks: u64,
}

impl Metrics {
    /// Begins a new run.
    pub fn begin(&mut self, now: Nanos, slots: usize) {
        *self = Self {
            begun: now,
            seen: now,
            slots,
            ..Self::default()
        };
    }

    /// Returns whether a run is on.
    pub fn is_running(&self) -> bool {
        self.slots > 0 && self.ended.is_none()
    }

    /// Adds tasks to the run.
    pub fn add_tasks(&mut self, tasks: u64) {
        self.most_tasks += tasks;
    }

    /// Moves time on to `now` under the state set before.
    pub fn advance(&mut self, now: Nanos) {
        if !self.is_running() || now <= self.seen {
            return;
        }
        let elapsed = (now - self.seen) as f64;
        self.capacity += elapsed * self.slots as f64;
        self.busy += elapsed * self.in_use.min(self.slots) as f64;
        self.throttled += self.limited_until.min(now).saturating_sub(self.seen);
        self.seen = now;
    }

    /// The state from the last `advance` on: slots in force and in use, and until when a limit is in the way (0: none is).
    pub fn set(&mut self, slots: usize, in_use: usize, limited_until: Nanos) {
        (self.slots, self.in_use, self.limited_until) = (slots, in_use, limited_until);
    }

    /// A task is done after `execution` milliseconds inside the executor function.
    pub fn executed(&mut self, execution: f64) {
        self.execution += execution;
        self.executed += 1;
    }

    /// Ends the run.
    pub fn end(&mut self, now: Nanos) {
        self.advance(now);
        self.ended.get_or_insert(now.max(self.begun));
    }

    /// Mean execution time in milliseconds, when a task has finished.
    pub fn mean_execution(&self) -> Option<f64> {
        (self.executed > 0).then(|| self.execution / self.executed as f64)
    }

    /// The figures as of the last `advance`.
    pub fn summary(&self) -> Summary {
        let share = |part: f64, whole: f64| {
            if whole > 0.0 {
                (part / whole).clamp(0.0, 1.0)
            } else {
                0.0
            }
        };
        let wall = (self.ended.unwrap_or(self.seen) - self.begun) as f64;
        // No more slots can be used than there are tasks.
        let usable = self.capacity.min(wall * self.most_tasks as f64);
        Summary {
            wall: wall / 1e6,
            mean_execution: self.mean_execution().unwrap_or(0.0),
            efficiency: share(self.execution * 1e6, usable),
            throttled: milliseconds(self.throttled),
            utilization: share(self.busy, self.capacity),
        }
    }
}
