//! Settings of a budget: limits, pacing, and how a provider counts.

use super::{MILLISECOND, Nanos};

/// The spread of starts inside the window.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Pacing {
    /// At once when the window has room: a suite smaller than the limit starts at once.
    #[default]
    Burst,
    /// Evenly, for providers that judge a minute's limit by the second.
    Smooth,
}

/// The weight of a finished call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Settlement {
    /// The tokens it really used.
    #[default]
    Actual,
    /// The larger of estimate and use (`OpenAI`).
    Larger,
    /// The estimate, whatever it used (Azure).
    Estimate,
    /// The tokens it really used, less those read from the prompt cache (Anthropic).
    Uncached,
}

/// The use of one call, real or expected.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Usage {
    /// Calls: 1, or 0 for an answer from a cache.
    pub requests: u64,
    /// Tokens of the prompt.
    pub input: u64,
    /// Tokens of the answer.
    pub output: u64,
    /// Tokens of the prompt that were read from the provider's cache.
    pub cached_input: u64,
}

/// Limits per window; infinity is no limit.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Calls per window.
    pub requests: f64,
    /// Tokens per window.
    pub tokens: f64,
    /// Input tokens per window.
    pub input_tokens: f64,
    /// Output tokens per window.
    pub output_tokens: f64,
    /// Calls per day; exhausted, it is an error and not a wait.
    pub daily_requests: f64,
    /// Tokens per day; exhausted, it is an error and not a wait.
    pub daily_tokens: f64,
    /// The window, a minute for every provider known.
    pub window: Nanos,
    /// Added to the window, for what a network does to the distance of two calls.
    pub guard: Nanos,
    /// Spread of the starts.
    pub pacing: Pacing,
    /// The way the provider counts.
    pub settlement: Settlement,
    /// Calls that may be in flight at once: what a call of unknown size is first taken for depends on it.
    pub slots: u64,
    /// Tokens that a call of unknown size is first taken for; without it the engine guesses.
    pub unknown_call: Option<u64>,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            requests: f64::INFINITY,
            tokens: f64::INFINITY,
            input_tokens: f64::INFINITY,
            output_tokens: f64::INFINITY,
            daily_requests: f64::INFINITY,
            daily_tokens: f64::INFINITY,
            window: 60_000 * MILLISECOND,
            guard: 0,
            pacing: Pacing::Burst,
            settlement: Settlement::Actual,
            slots: 1,
            unknown_call: None,
        }
    }
}

impl Limits {
    /// The guard for calls over a network, whose first call of a window may take longer to arrive than the first of the
    /// next: 1.5 % of the window, at most 30 ms (a two-thousandth of a minute).
    pub fn network_guard(window: Nanos) -> Nanos {
        (window / 200 * 3).min(30 * MILLISECOND)
    }
}
