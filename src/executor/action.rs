//! Actions that the scheduler asks for, and failures that it is told.

use crate::limiter::{Entry, Measure, Nanos, Refusal, Wait};

/// An action for the caller; actions are taken in order.
#[derive(Debug, Clone, Copy)]
pub enum Action {
    /// Start this task in this slot, then stamp or unstart it.
    Start {
        /// The slot.
        slot: usize,
        /// The task.
        entry: Entry,
        /// It is larger than a limit and has the window for itself.
        oversized: Option<Measure>,
    },
    /// This task cannot run: its quota is gone until then.
    Exhausted {
        /// The task.
        entry: Entry,
        /// The time at which the quota is renewed.
        until: Nanos,
    },
    /// This task is not started any more: the provider has refused every call of its key for too long.
    GivenUp {
        /// The task.
        entry: Entry,
    },
    /// The task in this slot has run out of time: report its failure.
    TimedOut {
        /// The slot.
        slot: usize,
    },
    /// The function in this slot was waited for long enough after it was given up: forget it, the slot is free.
    Lost {
        /// The slot.
        slot: usize,
    },
    /// A slot is free, a task waits, and a limit is why it does not start.
    Throttled {
        /// The line whose limit it is.
        line: usize,
        /// The wait.
        wait: Wait,
    },
}

/// The end of a turn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Turn {
    /// The time to call again if nothing happens before; the maximum when nothing is due.
    pub wake: Nanos,
    /// Call again as soon as the actions are done and the starts stamped.
    pub more: bool,
}

/// The failure of an attempt.
#[derive(Debug, Clone, Copy, Default)]
pub struct Failure {
    /// Trying again can help.
    pub retryable: bool,
    /// The provider refused it for its rate or for its own load.
    pub refusal: Option<Refusal>,
    /// It was given up while it ran (timeout).
    pub given_up: bool,
    /// Milliseconds the provider asked to wait; 0 when it did not.
    pub retry_after: f64,
}
