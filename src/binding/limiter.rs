//! Binding of the room `limiter`.

use napi_derive::napi;

use crate::limiter::{Limits, Pacing, Settlement, nanos};

/// Limits as the facade hands them over, already checked: positive numbers, infinity for none, milliseconds.
#[napi(object)]
pub struct LimitValues {
    /// Calls per window.
    pub requests: f64,
    /// Tokens per window.
    pub tokens: f64,
    /// Input tokens per window.
    pub input_tokens: f64,
    /// Output tokens per window.
    pub output_tokens: f64,
    /// Calls per day.
    pub daily_requests: f64,
    /// Tokens per day.
    pub daily_tokens: f64,
    /// Milliseconds.
    pub window: f64,
    /// Even spread.
    pub smooth: bool,
    /// 0 actual, 1 larger, 2 estimate, 3 uncached.
    pub settlement: u32,
    /// Calls that may be in flight at once.
    pub slots: f64,
    /// Tokens a call of unknown size is first taken for; NaN: the engine's own guess.
    pub unknown_call: f64,
}

impl LimitValues {
    /// As the engine wants them.
    pub fn limits(&self) -> Limits {
        let window = nanos(self.window);
        Limits {
            requests: self.requests,
            tokens: self.tokens,
            input_tokens: self.input_tokens,
            output_tokens: self.output_tokens,
            daily_requests: self.daily_requests,
            daily_tokens: self.daily_tokens,
            window,
            guard: Limits::network_guard(window),
            pacing: if self.smooth {
                Pacing::Smooth
            } else {
                Pacing::Burst
            },
            settlement: match self.settlement {
                1 => Settlement::Larger,
                2 => Settlement::Estimate,
                3 => Settlement::Uncached,
                _ => Settlement::Actual,
            },
            slots: self.slots.max(1.0) as u64,
            unknown_call: (self.unknown_call >= 0.0).then(|| weight(self.unknown_call)),
        }
    }
}

/// A number of tokens as a weight: rounded up, NaN and negative read as 0, bounded so that sums cannot overflow.
pub fn weight(tokens: f64) -> u64 {
    tokens.ceil().clamp(0.0, 1e15) as u64
}
