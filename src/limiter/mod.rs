//! The rate limiter: for each key (provider + account + model class) the weight that starts in *any* window never exceeds
//! the limit, in every dimension at once, and while work is queued the limit is used to the full.
//!
//! - [`SlidingWindow`]: one dimension's exact window, at most 3,001 cells, O(1) amortised per start;
//! - [`Pace`]: the generic cell rate algorithm, which spreads starts inside a window when pacing is smooth;
//! - [`Budget`]: all dimensions of one key: reserve, stamp at the real start, settle, provider feedback, gate;
//! - `Refusals`: the key's gate after refusals without a time, and the limit they teach;
//! - [`Queue`]: tasks that wait, by priority with ageing, retries first, O(1) for runs of equal tasks;
//! - [`Line`]: a queue under its budget: who may start now, or when the next one may.
//!
//! Invariants: time is an argument (nanoseconds of any monotonic clock; a clock that goes back is read as standing
//! still), nothing here reads a clock; a start is taken in all dimensions or in none; a reservation that is not stamped
//! never leaves the window; a cell leaves only when its *latest* start is older than the window plus the guard.

mod backoff;
mod budget;
mod dimension;
mod estimate;
mod feedback;
mod gcra;
mod limits;
mod line;
mod queue;
mod refusals;
mod sliding_window;
mod timestamps;

#[cfg(test)]
mod feedback_tests;
#[cfg(test)]
mod properties;
#[cfg(test)]
mod tests;
#[cfg(test)]
mod utilization;

pub use backoff::Backoff;
pub use budget::{Basis, Budget, Spent, Ticket, Verdict};
pub use dimension::{Dimension, MAX_DIMENSIONS, Measure, Weights};
pub use estimate::Estimator;
pub use feedback::{Feedback, Reading};
pub use gcra::Pace;
pub use limits::{Limits, Pacing, Settlement, Usage};
pub use line::{Line, Step, Wait};
pub use queue::{Entry, HeadPlace, Queue, Size};
pub use refusals::Refusal;
pub use sliding_window::SlidingWindow;
pub use timestamps::duration;

/// Nanoseconds on a monotonic clock.
pub type Nanos = u64;

/// One millisecond.
pub const MILLISECOND: Nanos = 1_000_000;

/// Milliseconds as they come from JavaScript in whole nanoseconds; negative and NaN read as 0, infinity as the maximum.
pub fn nanos(milliseconds: f64) -> Nanos {
    (milliseconds * 1e6) as Nanos
}

/// Nanoseconds as the milliseconds JavaScript counts in.
pub fn milliseconds(nanos: Nanos) -> f64 {
    nanos as f64 / 1e6
}
