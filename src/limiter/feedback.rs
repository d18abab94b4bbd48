//! What a provider's response headers say about its limits.

use super::timestamps::{duration, http_date, rfc3339};
use super::{Budget, Measure, Nanos, nanos};

/// One limit as the provider sees it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Reading {
    /// What it counts.
    pub measure: Measure,
    /// The limit.
    pub limit: Option<u64>,
    /// What is left of it.
    pub remaining: Option<u64>,
    /// Milliseconds until it is whole again.
    pub reset: Option<f64>,
}

/// All a response says.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Feedback {
    /// Limits, at most one for each measure.
    pub readings: Vec<Reading>,
    /// Milliseconds to wait before the next call.
    pub retry_after: Option<f64>,
}

impl Feedback {
    /// Reads `x-ratelimit-{limit,remaining,reset}-{requests,tokens}` (durations such as `6m0s`),
    /// `anthropic-ratelimit-{requests,tokens,input-tokens,output-tokens}-{limit,remaining,reset}` (RFC 3339),
    /// `retry-after-ms` and `retry-after` (seconds or an HTTP date). `epoch` is now in milliseconds since 1970. Names are
    /// in lower case; what cannot be read is left out.
    pub fn parse<'a>(headers: impl Iterator<Item = (&'a str, &'a str)>, epoch: f64) -> Self {
        let mut feedback = Self::default();
        for (name, value) in headers {
            match name {
                "retry-after-ms" => {
                    feedback.retry_after = value
                        .trim()
                        .parse()
                        .ok()
                        .filter(|ms| *ms >= 0.0)
                        .or(feedback.retry_after);
                }
                "retry-after" if feedback.retry_after.is_none() => {
                    feedback.retry_after =
                        duration(value).or_else(|| http_date(value).map(|at| (at - epoch).max(0.0)));
                }
                _ => {
                    feedback.read(name, value, epoch);
                }
            }
        }
        feedback
    }

    fn read(&mut self, name: &str, value: &str, epoch: f64) -> Option<()> {
        let (kind, what) = match name.strip_prefix("x-ratelimit-") {
            Some(rest) => rest.split_once('-').map(|(what, kind)| (kind, what))?,
            None => name.strip_prefix("anthropic-ratelimit-")?.rsplit_once('-')?,
        };
        let measure = match kind {
            "requests" => Measure::Requests,
            "tokens" => Measure::Tokens,
            "input-tokens" => Measure::InputTokens,
            "output-tokens" => Measure::OutputTokens,
            _ => return None,
        };
        let at = self
            .readings
            .iter()
            .position(|reading| reading.measure == measure)
            .unwrap_or_else(|| {
                self.readings.push(Reading {
                    measure,
                    limit: None,
                    remaining: None,
                    reset: None,
                });
                self.readings.len() - 1
            });
        let reading = &mut self.readings[at];
        match what {
            "limit" => reading.limit = whole(value),
            "remaining" => reading.remaining = whole(value),
            "reset" => {
                reading.reset = duration(value).or_else(|| rfc3339(value).map(|at| (at - epoch).max(0.0)));
            }
            _ => {}
        }
        Some(())
    }
}

/// A count; a fraction is cut off, for what is left is never more.
fn whole(text: &str) -> Option<u64> {
    let value: f64 = text.trim().parse().ok()?;
    (0.0..1e15).contains(&value).then_some(value as u64)
}

impl Budget {
    /// Takes over what the provider says; the budget only ever gets tighter. A limit that takes more than two windows to
    /// be whole again is not the window's (a daily one): nothing but its exhaustion matters here.
    pub fn observe(&mut self, feedback: &Feedback, now: Nanos) {
        if let Some(wait) = feedback.retry_after.filter(|wait| *wait > 0.0) {
            self.close(now.saturating_add(nanos(wait)), now);
        }
        let window = self.window();
        for reading in &feedback.readings {
            let reset = reading.reset.map_or(window, nanos);
            if reset > window.saturating_mul(2) {
                if reading.remaining == Some(0) {
                    self.close(now.saturating_add(reset), now);
                }
                continue;
            }
            let until = now.saturating_add(reset);
            if let Some(dimension) = self.dimension_for(reading.measure) {
                dimension.observe(reading.limit, reading.remaining, until, now);
            }
        }
    }
}
