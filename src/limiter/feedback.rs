//! Limits that a provider's response headers tell.

use super::timestamps::{duration, http_date, rfc3339};
use super::{Budget, Measure, Nanos, nanos};

/// One limit as the provider sees it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Reading {
    /// The measure it counts.
    pub measure: Measure,
    /// The period it holds for.
    pub period: Period,
    /// The limit.
    pub limit: Option<u64>,
    /// The rest of it.
    pub remaining: Option<u64>,
    /// Milliseconds until it is whole again.
    pub reset: Option<f64>,
}

/// The period of a limit.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Period {
    /// Not named, or a minute.
    Window,
    /// Named, in milliseconds.
    Named(f64),
    /// A second, an hour, a day or a month: only its exhaustion matters here.
    Other,
}

/// Everything that a response says about limits.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Feedback {
    /// Limits, at most one for each measure and period.
    pub readings: Vec<Reading>,
    /// Milliseconds to wait before the next call.
    pub retry_after: Option<f64>,
}

/// One value of a limit.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Part {
    Limit,
    Remaining,
    Reset,
}

impl Feedback {
    /// Reads headers, whose names are in lower case. `epoch` is now in milliseconds since 1970. A value that cannot be read
    /// is left out. Understood are:
    ///
    /// - `retry-after-ms` and `retry-after`;
    /// - `x-ratelimit-{limit,remaining,reset}`, with or without a measure (`-requests`, `-req`, `-tokens`) and a period
    ///   (`-minute`, `-day`), in any order and also without `x-`;
    /// - `anthropic-ratelimit-{requests,tokens,input-tokens,output-tokens}-{limit,remaining,reset}`;
    /// - Mistral's `ratelimitbysize-*` and Together's `x-tokenlimit-*`, which count tokens;
    /// - the IETF's `ratelimit` and `ratelimit-policy` (draft-ietf-httpapi-ratelimit-headers, up to 10).
    ///
    /// A number from 10⁹ on is a time in seconds since 1970, from 10¹⁰ on in milliseconds, below that a number of seconds.
    pub fn parse<'a>(headers: impl Iterator<Item = (&'a str, &'a str)>, epoch: f64) -> Self {
        let mut feedback = Self::default();
        let (mut in_milliseconds, mut told, mut policy) = (None, None, None);
        for (name, value) in headers {
            match name {
                "retry-after-ms" => in_milliseconds = number(value).map(|ms| after(ms, 1.0, epoch)),
                "retry-after" => feedback.retry_after = wait(value, epoch),
                "ratelimit" => told = Some(value),
                "ratelimit-policy" => policy = Some(value),
                _ => feedback.read(name, value, epoch),
            }
        }
        feedback.retry_after = in_milliseconds.or(feedback.retry_after);
        if told.is_some() || policy.is_some() {
            feedback
                .readings
                .extend(ietf(told.unwrap_or(""), policy.unwrap_or(""), epoch));
        }
        feedback
    }

    fn read(&mut self, name: &str, value: &str, epoch: f64) {
        let Some((part, measure, period)) = header(name) else {
            return;
        };
        let known = self
            .readings
            .iter()
            .position(|r| (r.measure, r.period) == (measure, period));
        let at = known.unwrap_or_else(|| {
            self.readings.push(Reading {
                measure,
                period,
                limit: None,
                remaining: None,
                reset: None,
            });
            self.readings.len() - 1
        });
        let reading = &mut self.readings[at];
        match part {
            Part::Limit => reading.limit = whole(value),
            Part::Remaining => reading.remaining = whole(value),
            Part::Reset => reading.reset = wait(value, epoch),
        }
    }
}

/// The meaning of a header by the words of its name.
fn header(name: &str) -> Option<(Part, Measure, Period)> {
    let name = name.strip_prefix("x-").unwrap_or(name);
    let name = name.strip_prefix("anthropic-").unwrap_or(name);
    let (mut measure, words) = if let Some(words) = name.strip_prefix("ratelimitbysize-") {
        (Measure::Tokens, words)
    } else if let Some(words) = name.strip_prefix("tokenlimit-") {
        (Measure::Tokens, words)
    } else {
        (Measure::Requests, name.strip_prefix("ratelimit-")?)
    };
    let (mut part, mut period) = (None, Period::Window);
    for word in words.split('-') {
        match word {
            "limit" => part = Some(Part::Limit),
            "remaining" => part = Some(Part::Remaining),
            "reset" => part = Some(Part::Reset),
            "requests" | "request" | "req" => measure = Measure::Requests,
            "input" | "prompt" => measure = Measure::InputTokens,
            "output" | "generated" | "completion" => measure = Measure::OutputTokens,
            "tokens" | "token" if measure == Measure::Requests => measure = Measure::Tokens,
            "tokens" | "token" | "after" | "minute" => {}
            "second" | "hour" | "day" | "month" => period = Period::Other,
            number if number.bytes().all(|byte| byte.is_ascii_digit()) => period = Period::Other,
            _ => return None,
        }
    }
    Some((part?, measure, period))
}

/// The IETF's two headers, of which there were two forms: `limit=100, remaining=50, reset=5` beside `100;w=60`, and
/// `"name";r=50;t=5` beside `"name";q=100;w=60`. Of several limits the one with the least left counts.
fn ietf(told: &str, policy: &str, epoch: f64) -> Option<Reading> {
    let value = |text: &str, key: &str| {
        let mut pairs = text
            .split([';', ','])
            .filter_map(|pair| pair.trim().split_once('='));
        pairs
            .find(|(name, _)| name.trim() == key)
            .map(|(_, value)| value.trim().trim_matches('"').to_owned())
    };
    let is_old = value(told, "remaining").is_some() || value(told, "limit").is_some();
    let (item, names) = if is_old {
        (told, ["remaining", "reset"])
    } else {
        let left = |item: &&str| value(item, "r").and_then(|r| whole(&r)).unwrap_or(u64::MAX);
        (told.split(',').min_by_key(left).unwrap_or(""), ["r", "t"])
    };
    let name = item.split(';').next().unwrap_or("").trim();
    let mut policies = policy.split(',').map(str::trim);
    let policy = policies
        .clone()
        .find(|p| p.split(';').next() == Some(name))
        .or_else(|| policies.next())
        .unwrap_or("");
    let limit = value(item, "limit")
        .or_else(|| value(policy, "q"))
        .unwrap_or_else(|| policy.to_owned());
    let unit = value(policy, "qu").unwrap_or_default();
    let window = value(policy, "w").and_then(|w| number(&w));
    Some(Reading {
        measure: if unit.contains("token") {
            Measure::Tokens
        } else {
            Measure::Requests
        },
        period: window.map_or(Period::Window, |seconds| Period::Named(seconds * 1000.0)),
        limit: whole(&limit),
        remaining: value(item, names[0]).and_then(|left| whole(&left)),
        reset: value(item, names[1]).and_then(|reset| wait(&reset, epoch)),
    })
    .filter(|reading| reading.limit.is_some() || reading.remaining.is_some())
}

/// The first of the numbers in a header; `None` for one that is negative or not finite.
fn number(text: &str) -> Option<f64> {
    let first = text.split([',', ';']).next()?.trim();
    first
        .parse::<f64>()
        .ok()
        .filter(|value| *value >= 0.0 && value.is_finite())
}

/// A count; a fraction is cut off, for the rest of a limit is never more.
fn whole(text: &str) -> Option<u64> {
    number(text)
        .filter(|value| *value < 1e15)
        .map(|value| value as u64)
}

/// Milliseconds until a time, or for a span of `unit` milliseconds.
fn after(value: f64, unit: f64, epoch: f64) -> f64 {
    if value >= 1e10 {
        (value - epoch).max(0.0)
    } else if value >= 1e9 && unit > 1.0 {
        (value * 1000.0 - epoch).max(0.0)
    } else {
        value * unit
    }
}

/// Milliseconds to wait, of a number, a duration such as `6m0s`, an RFC 3339 time or an HTTP date.
fn wait(text: &str, epoch: f64) -> Option<f64> {
    if let Some(value) = number(text) {
        return Some(after(value, 1000.0, epoch));
    }
    let until = |at: f64| (at - epoch).max(0.0);
    duration(text).or_else(|| rfc3339(text).or_else(|| http_date(text)).map(until))
}

impl Budget {
    /// Takes over what the provider says; the budget only ever gets tighter. A limit that takes more than two windows to
    /// be whole again, or that holds for another period, is not the window's: only its exhaustion matters here.
    pub fn observe(&mut self, feedback: &Feedback, now: Nanos) {
        if let Some(wait) = feedback.retry_after.filter(|wait| *wait > 0.0) {
            self.close(now.saturating_add(nanos(wait)), now);
        }
        let window = self.window();
        for reading in &feedback.readings {
            let reset = reading.reset.map(nanos);
            let (is_ours, limit) = match reading.period {
                Period::Window => (true, reading.limit),
                // So many in another period say nothing about a window, but what is left until then does.
                Period::Named(period) => (true, reading.limit.filter(|_| nanos(period) == window)),
                Period::Other => (false, None),
            };
            if !is_ours || reset.is_some_and(|reset| reset > window.saturating_mul(2)) {
                if let (Some(0), Some(reset)) = (reading.remaining, reset) {
                    self.close(now.saturating_add(reset), now);
                }
                continue;
            }
            let until = now.saturating_add(reset.unwrap_or(window));
            let Some(dimension) = self.dimension_for(reading.measure) else {
                continue;
            };
            if dimension.limit().or(limit).is_none() {
                // Without a limit there is nothing to count the rest against.
                if let (Some(0), Some(_)) = (reading.remaining, reset) {
                    self.close(until, now);
                }
                continue;
            }
            dimension.observe(limit, reading.remaining, until, now);
        }
    }
}
