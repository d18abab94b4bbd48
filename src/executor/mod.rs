//! The executor: which tasks start now, when the next one may, what is tried again, and what the run cost.
//!
//! - [`Scheduler`]: slots, lines (one per key), retries and deadlines behind one call, [`Scheduler::turn`];
//! - [`Adaptive`]: finds the concurrency of a provider whose limits nobody knows;
//! - [`RetryPolicy`]: which tasks are tried again, and when;
//! - [`classify`]: whether a failure can be mended by trying again, and whether it is a refusal;
//! - [`Metrics`]: time integrals of a run;
//! - [`plan`]: how long a suite takes and how many slots it needs, before it runs.
//!
//! Invariants: no more starts than slots; a task is in exactly one of queue, backoff and slot; time is an argument.
//! A start costs O(log keys) and O(1) within a run of alike tasks; nothing here grows with the number of tasks that ran.

mod action;
mod adaptive;
mod classifier;
mod metrics;
mod phrases;
pub mod plan;
mod retry;
mod scheduler;
mod slots;

pub use action::{Action, Failure, Turn};
pub use adaptive::Adaptive;
pub use classifier::{Judgement, Trouble, classify};
pub use metrics::{Metrics, Summary};
pub use retry::RetryPolicy;
pub use scheduler::Scheduler;

#[cfg(test)]
mod classifier_tests;
#[cfg(test)]
mod refusal_tests;
#[cfg(test)]
mod rule_tests;
#[cfg(test)]
mod tests;
