//! Retries of tasks that failed.

use crate::limiter::Backoff;

/// The number of attempts and the waits between them.
#[derive(Debug, Clone, Copy)]
pub struct RetryPolicy {
    /// Attempts in all; 1 is no retry. Calls that the provider refused for its rate are no attempts.
    pub max_attempts: u32,
    /// The wait before another attempt.
    pub backoff: Backoff,
}
