//! What the scheduler says and is told.

use crate::limiter::{Entry, Measure, Nanos, Wait};

/// What the caller is to do, in order.
#[derive(Debug, Clone, Copy)]
pub enum Action {
    /// Start this task in this slot, then stamp or unstart it.
    Start {
        /// Where it runs.
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
        /// When the quota is renewed.
        until: Nanos,
    },
    /// The task in this slot has run out of time: report its failure. (Of an aborted task: forget it, the slot is free.)
    TimedOut {
        /// Where it runs.
        slot: usize,
    },
    /// A slot is free, a task waits, and a limit is why it does not start.
    Throttled {
        /// Whose limit.
        line: usize,
        /// The wait.
        wait: Wait,
    },
}

/// How a turn ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Turn {
    /// When to call again if nothing happens before; the maximum when nothing is due.
    pub wake: Nanos,
    /// Call again as soon as the actions are done and the starts stamped.
    pub more: bool,
}

/// How an attempt failed.
#[derive(Debug, Clone, Copy, Default)]
pub struct Failure {
    /// Trying again can help.
    pub retryable: bool,
    /// The provider refused it for its rate (429).
    pub refused: bool,
    /// It was given up while it ran (timeout).
    pub given_up: bool,
    /// Milliseconds the provider asked to wait; 0 when it did not.
    pub retry_after: f64,
}
