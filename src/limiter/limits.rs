//! What a budget is told: limits, pacing, and how a provider counts.

use super::{MILLISECOND, Nanos};

/// How starts are spread inside the window.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Pacing {
    /// As soon as the window has room: a suite smaller than the limit starts at once.
    #[default]
    Burst,
    /// Evenly, for providers that judge a minute's limit by the second.
    Smooth,
}

/// What a finished call weighs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Settlement {
    /// What it really used.
    #[default]
    Actual,
    /// The larger of estimate and use (`OpenAI`).
    Larger,
    /// The estimate, whatever it used (Azure).
    Estimate,
    /// What it really used, tokens read from the prompt cache not counted (Anthropic).
    Uncached,
}

/// What one call used, or is expected to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Usage {
    /// Calls: 1, or 0 for an answer from a cache.
    pub requests: u64,
    /// Tokens of the prompt.
    pub input: u64,
    /// Tokens of the answer.
    pub output: u64,
    /// Of the prompt, those read from the provider's cache.
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
    /// How the provider counts.
    pub settlement: Settlement,
    /// Calls that may be in flight at once: what a call of unknown size is first taken for depends on it.
    pub slots: u64,
    /// What a call of unknown size is first taken for, in tokens; without it the engine guesses.
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
    /// The guard for calls over a network: half a percent of the window, at most 25 ms.
    pub fn network_guard(window: Nanos) -> Nanos {
        (window / 200).min(25 * MILLISECOND)
    }
}
