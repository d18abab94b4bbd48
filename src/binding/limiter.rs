//! Binding of the module `limiter`.

use napi::bindgen_prelude::Float64ArraySlice;
use napi_derive::napi;

use crate::limiter::{
    Basis, Budget, Entry, Feedback, Limits, Line, MAX_DIMENSIONS, Measure, Nanos, Pacing, Settlement, Size,
    Spent, Step, Ticket, Usage, Weights, milliseconds, nanos,
};

/// Numbers a record takes in the facade's buffer: kind, waiter, booked or wait, guessed, then the weights.
const RECORD: usize = 4 + MAX_DIMENSIONS;

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
    /// The limits as the engine takes them.
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

/// Headers as the facade hands them over: name, value, name, value, …
pub fn feedback(headers: &[String], epoch: f64) -> Feedback {
    let (pairs, _) = headers.as_chunks::<2>();
    Feedback::parse(
        pairs.iter().map(|[name, value]| (name.as_str(), value.as_str())),
        epoch,
    )
}

/// The limiter on its own: one key's line.
#[napi]
pub struct NativeRateLimit {
    line: Line,
    now: Nanos,
}

#[napi]
impl NativeRateLimit {
    /// A limiter without load.
    #[napi(constructor, catch_unwind)]
    pub fn new(limits: LimitValues) -> Self {
        Self {
            line: Line::new(Budget::new(&limits.limits())),
            now: 0,
        }
    }

    fn advance(&mut self, now: f64) -> Nanos {
        self.now = self.now.max(nanos(now));
        self.now
    }

    /// Changes the limits; what has started keeps counting.
    #[napi(catch_unwind)]
    pub fn configure(&mut self, limits: LimitValues) {
        self.line.budget.configure(&limits.limits());
    }

    /// Puts a waiter in line. Unknown tokens are NaN.
    #[napi(catch_unwind)]
    pub fn push(&mut self, waiter: f64, requests: f64, input: f64, output: f64, priority: f64, now: f64) {
        let now = self.advance(now);
        let size = size(requests, input, output);
        let entry = Entry {
            priority,
            ..Entry::new(0, waiter as u64, size)
        };
        self.line.queue.push(entry, now);
    }

    /// Takes a waiter out of line.
    #[napi(catch_unwind)]
    pub fn remove(&mut self, waiter: f64) -> bool {
        self.line.queue.remove(0, waiter as u64).is_some()
    }

    /// Writes what happens now behind two numbers (when to call again, whether to call again when the starts are stamped):
    /// kind 0 a start, 1 a waiter whose quota is gone. Returns the number of records.
    #[napi(catch_unwind)]
    pub fn turn(&mut self, now: f64, mut out: Float64ArraySlice<'_>) -> u32 {
        let now = self.advance(now);
        // SAFETY: the facade's own buffer; JavaScript does not run before this call returns.
        let (header, records) = unsafe { out.as_mut() }.split_at_mut(2);
        let (records, _) = records.as_chunks_mut::<RECORD>();
        (header[0], header[1]) = (f64::INFINITY, 0.0);
        for (written, record) in records.iter_mut().enumerate() {
            match self.line.step(now, usize::MAX) {
                Step::Start { entry, ticket, .. } => *record = start(entry.index, &ticket),
                Step::Exhausted { entry, until } => {
                    record[0] = 1.0;
                    record[1] = entry.index as f64;
                    record[2] = milliseconds(until.saturating_sub(now));
                }
                Step::Blocked(wait) => {
                    header[0] = milliseconds(wait.until);
                    return written as u32;
                }
                Step::AfterStamp => {
                    header[1] = 1.0;
                    return written as u32;
                }
                // Nobody tells this line of refusals.
                Step::Empty | Step::AfterProbe | Step::GivenUp { .. } => return written as u32,
            }
        }
        header[1] = 1.0;
        records.len() as u32
    }

    /// Starts at once if that needs no wait; the record then is in `out`.
    #[napi(catch_unwind)]
    pub fn start_now(
        &mut self,
        requests: f64,
        input: f64,
        output: f64,
        now: f64,
        mut out: Float64ArraySlice<'_>,
    ) -> bool {
        let now = self.advance(now);
        let Some(ticket) = self.line.start_now(size(requests, input, output), now) else {
            return false;
        };
        // SAFETY: as in `turn`.
        let out = unsafe { out.as_mut() };
        out[2..2 + RECORD].copy_from_slice(&start(0, &ticket));
        true
    }

    /// Books a start at `now`; returns the time it is booked at, to be handed in with the settlement.
    #[napi(catch_unwind)]
    pub fn stamp(&mut self, record: &[f64], now: f64) -> f64 {
        let now = self.advance(now);
        let mut ticket = ticket(record);
        self.line.budget.stamp(&mut ticket, now);
        ticket.booked as f64
    }

    /// Gives a start that was not stamped back.
    #[napi(catch_unwind)]
    pub fn release(&mut self, record: &[f64]) {
        self.line.budget.release(&ticket(record));
    }

    /// Corrects a stamped start: kind 0 no tokens reported, 1 these tokens, 2 no call was made.
    #[napi(catch_unwind)]
    pub fn settle(&mut self, record: &[f64], kind: u32, input: f64, output: f64, cached_input: f64) {
        let usage = Usage {
            requests: 1,
            input: weight(input),
            output: weight(output),
            cached_input: weight(cached_input),
        };
        let spent = [Spent::Unknown, Spent::Known(usage), Spent::Nothing][kind.min(2) as usize];
        let now = self.now;
        self.line.budget.settle(&ticket(record), spent, now);
    }

    /// Takes response headers in.
    #[napi(catch_unwind)]
    pub fn observe(&mut self, headers: Vec<String>, now: f64, epoch: f64) {
        let now = self.advance(now);
        self.line.budget.observe(&feedback(&headers, epoch), now);
    }

    /// Calls (1) or tokens (2) started in the window or about to.
    #[napi(catch_unwind)]
    pub fn load(&mut self, measure: u32, now: f64) -> f64 {
        let now = self.advance(now);
        self.line.budget.expire(now);
        let measure = if measure == 1 {
            Measure::Requests
        } else {
            Measure::Tokens
        };
        self.line.budget.used(measure) as f64
    }

    /// Forgets every start.
    #[napi(catch_unwind)]
    pub fn reset(&mut self) {
        self.line.budget.reset();
    }
}

fn size(requests: f64, input: f64, output: f64) -> Size {
    let known = input >= 0.0 && output >= 0.0;
    let size = if known {
        Size::tokens(weight(input), weight(output))
    } else {
        Size::UNKNOWN
    };
    size.calls(weight(requests))
}

fn start(waiter: u64, ticket: &Ticket) -> [f64; RECORD] {
    let mut record = [0.0; RECORD];
    record[1] = waiter as f64;
    record[3] = f64::from(ticket.basis == Basis::Guessed);
    for (slot, weight) in record[4..].iter_mut().zip(ticket.weights) {
        *slot = weight as f64;
    }
    record
}

fn ticket(record: &[f64]) -> Ticket {
    let mut weights = Weights::default();
    for (slot, weight) in weights.iter_mut().zip(record.iter().skip(4)) {
        *slot = *weight as u64;
    }
    let booked = record.get(2).map_or(0, |booked| *booked as Nanos);
    Ticket {
        weights,
        booked,
        basis: if record.get(3) == Some(&1.0) {
            Basis::Guessed
        } else {
            Basis::Known
        },
        episode: 0,
        watched: false,
    }
}
