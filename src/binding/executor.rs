//! Binding of the module `executor`.

use std::collections::VecDeque;

use napi::bindgen_prelude::Float64ArraySlice;
use napi_derive::napi;

use super::error::Result;
use super::limiter::{LimitValues, feedback, weight};
use super::number::{integer, positive};
use crate::executor::plan::{self, Suite};
use crate::executor::{Action, Failure, RetryPolicy, Scheduler, Trouble, classify};
use crate::limiter::{Backoff, Entry, Measure, Nanos, Refusal, Size, Spent, Usage, milliseconds, nanos};

/// Numbers a record takes in the buffer shared with the facade.
const RECORD: usize = 8;
/// Numbers before the first record: when to call again, whether to call again at once, slots in use.
const HEADER: usize = 8;

// The kinds of record, as `ts/executor/turns.ts` reads them.
const START: f64 = 0.0;
const EXHAUSTED: f64 = 1.0;
const TIMED_OUT: f64 = 2.0;
const THROTTLED: f64 = 3.0;
const GIVEN_UP: f64 = 4.0;
const LOST: f64 = 5.0;

/// The scheduler of one executor.
#[napi]
pub struct NativeScheduler {
    scheduler: Scheduler,
    actions: Vec<Action>,
    pending: VecDeque<Action>,
}

#[napi]
impl NativeScheduler {
    /// A scheduler; `seed` starts the jitter of retries.
    #[napi(constructor, catch_unwind)]
    pub fn new(concurrency: f64, seed: f64) -> Result<Self> {
        let slots = integer("concurrency", concurrency, 1.0, 1e9)? as usize;
        Ok(Self {
            scheduler: Scheduler::new(slots, seed.to_bits()),
            actions: Vec::new(),
            pending: VecDeque::new(),
        })
    }

    /// Changes slots, adaptive concurrency, retries, the timeout of an attempt and the grace time behind it.
    #[napi(catch_unwind)]
    #[allow(clippy::too_many_arguments)]
    pub fn configure(
        &mut self,
        concurrency: f64,
        adaptive: bool,
        max_attempts: f64,
        base_delay: f64,
        max_delay: f64,
        max_wait: f64,
        timeout: f64,
        grace: f64,
    ) -> Result<()> {
        let slots = integer("concurrency", concurrency, 1.0, 1e9)? as usize;
        let max_attempts = integer("retries.maxAttempts", max_attempts, 1.0, 1e6)? as u32;
        let retry = RetryPolicy {
            max_attempts,
            backoff: Backoff {
                base_delay,
                max_delay,
                max_wait,
            },
        };
        let timeout = if timeout.is_finite() {
            nanos(positive("timeout", timeout)?)
        } else {
            Nanos::MAX
        };
        self.scheduler
            .configure(slots, adaptive, retry, timeout, nanos(grace));
        Ok(())
    }

    /// Adds a line (a key with a budget of its own) and returns its number.
    #[napi(catch_unwind)]
    pub fn add_line(&mut self, limits: LimitValues) -> u32 {
        self.scheduler.add_line(&limits.limits()) as u32
    }

    /// Changes the limits of a line; what has started keeps counting.
    #[napi(catch_unwind)]
    pub fn configure_line(&mut self, line: u32, limits: LimitValues) {
        self.scheduler
            .line_mut(line as usize)
            .budget
            .configure(&limits.limits());
    }

    /// Forgets the starts of a line.
    #[napi(catch_unwind)]
    pub fn reset_line(&mut self, line: u32) {
        self.scheduler.line_mut(line as usize).budget.reset();
    }

    /// Begins a run, for the metrics.
    #[napi(catch_unwind)]
    pub fn begin(&mut self, now: f64) {
        self.scheduler.begin(nanos(now));
    }

    /// Starts nothing until it is told to go on.
    #[napi(catch_unwind)]
    pub fn pause(&mut self, paused: bool) {
        self.scheduler.pause(paused);
    }

    /// Tasks that wait: for a slot, a limit or another attempt.
    #[napi(catch_unwind)]
    pub fn waiting(&self) -> f64 {
        self.scheduler.waiting() as f64
    }

    /// Changes the priority of a task that waits; returns whether it did.
    #[napi(catch_unwind)]
    pub fn set_priority(&mut self, run: u32, index: f64, priority: f64, now: f64) -> bool {
        self.scheduler
            .set_priority(run, index as u64, priority, nanos(now))
    }

    /// Forgets the lines that are idle; returns their numbers, which lines added later get again.
    #[napi(catch_unwind)]
    pub fn forget_idle(&mut self, now: f64) -> Vec<u32> {
        let idle = self.scheduler.forget_idle(nanos(now));
        idle.into_iter().map(|line| line as u32).collect()
    }

    /// Ends a run, for the metrics.
    #[napi(catch_unwind)]
    pub fn end(&mut self, now: f64) {
        let now = self.scheduler.advance(nanos(now));
        self.scheduler.metrics.end(now);
    }

    /// Queues tasks `first`, `first + 1`, … of `run`: six numbers each (line, priority, input and output tokens or NaN,
    /// milliseconds an attempt may take or 0, attempts or 0).
    #[napi(catch_unwind)]
    pub fn enqueue(&mut self, run: u32, first: f64, tasks: &[f64], now: f64) {
        let now = nanos(now);
        let (tasks, _) = tasks.as_chunks::<6>();
        self.scheduler.metrics.add_tasks(tasks.len() as u64);
        for (offset, &[line, priority, input, output, timeout, max_attempts]) in tasks.iter().enumerate() {
            let known = input >= 0.0 && output >= 0.0;
            let size = if known {
                Size::tokens(weight(input), weight(output))
            } else {
                Size::UNKNOWN
            };
            let index = first as u64 + offset as u64;
            let entry = Entry {
                priority,
                timeout: nanos(timeout),
                max_attempts: max_attempts as u32,
                ..Entry::new(run, index, size)
            };
            self.scheduler.enqueue(line as usize, entry, now);
        }
    }

    /// Takes in what happened since the last turn and says what happens now. `io` holds a header and records of 8 numbers:
    /// on the way in the first `stamped` records are those of the last turn with the time of each start in the last number
    /// (NaN: not started, -1: not started and to be queued again), then `finished` records of successes; on the way out
    /// the actions. Returns their number.
    #[napi(catch_unwind)]
    pub fn turn(&mut self, now: f64, mut io: Float64ArraySlice<'_>, stamped: u32, finished: u32) -> u32 {
        // SAFETY: the facade's own buffer; JavaScript does not run before this call returns.
        let (header, records) = unsafe { io.as_mut() }.split_at_mut(HEADER);
        let (records, _) = records.as_chunks_mut::<RECORD>();
        let (stamped, finished) = (stamped as usize, finished as usize);
        let now = nanos(now);
        let starts = || records.iter().take(stamped).filter(|record| record[0] == START);
        for record in starts().filter(|record| record[7] >= 0.0) {
            self.scheduler.stamp(record[1] as usize, nanos(record[7]));
        }
        // Each goes back to the front of its queue, so the last first.
        for record in starts()
            .rev()
            .filter(|record| record[7] < 0.0 || record[7].is_nan())
        {
            self.scheduler.unstart(record[1] as usize, record[7] == -1.0);
        }
        let half = records.len() / 2;
        for record in records.iter().skip(half).take(finished) {
            self.scheduler
                .succeed(record[0] as usize, spent(record), record[5], now);
        }
        let mut turn = crate::executor::Turn {
            wake: Nanos::MAX,
            more: true,
        };
        if self.pending.is_empty() {
            self.actions.clear();
            turn = self.scheduler.turn(now, &mut self.actions, half);
            self.pending.extend(self.actions.drain(..));
        }
        let mut written = 0;
        while written < half {
            let Some(action) = self.pending.pop_front() else {
                break;
            };
            records[written] = self.record(action, now);
            written += 1;
        }
        header[0] = if turn.wake == Nanos::MAX {
            f64::INFINITY
        } else {
            milliseconds(turn.wake)
        };
        header[1] = f64::from(turn.more || !self.pending.is_empty());
        header[2] = self.scheduler.in_use() as f64;
        written as u32
    }

    fn record(&self, action: Action, now: Nanos) -> [f64; RECORD] {
        match action {
            Action::Start {
                slot,
                entry,
                oversized,
            } => {
                let oversized = oversized.map_or(0.0, measure_number);
                let (run, attempts) = (f64::from(entry.run), f64::from(entry.attempts));
                [
                    START,
                    slot as f64,
                    run,
                    entry.index as f64,
                    attempts,
                    oversized,
                    0.0,
                    0.0,
                ]
            }
            Action::Exhausted { entry, until } => {
                let wait = milliseconds(until.saturating_sub(now));
                [
                    EXHAUSTED,
                    0.0,
                    f64::from(entry.run),
                    entry.index as f64,
                    wait,
                    0.0,
                    0.0,
                    0.0,
                ]
            }
            Action::GivenUp { entry } => {
                let run = f64::from(entry.run);
                [GIVEN_UP, 0.0, run, entry.index as f64, 0.0, 0.0, 0.0, 0.0]
            }
            Action::TimedOut { slot } => [TIMED_OUT, slot as f64, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0],
            Action::Lost { slot } => [LOST, slot as f64, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0],
            Action::Throttled { line, wait } => {
                let budget = &self.scheduler.line(line).budget;
                let load = |measure| budget.used(measure) as f64;
                let limit = budget
                    .limit(wait.measure)
                    .map_or(f64::INFINITY, |limit| limit as f64);
                let time = milliseconds(wait.until.saturating_sub(now));
                let (calls, tokens) = (load(Measure::Requests), load(Measure::Tokens));
                [
                    THROTTLED,
                    line as f64,
                    measure_number(wait.measure) + if wait.refused { 2.0 } else { 0.0 },
                    time,
                    limit,
                    calls,
                    tokens,
                    f64::from(wait.run),
                ]
            }
        }
    }

    /// The attempt in `slot` failed. `refusal`: 0 none, 1 for its rate, 2 for the provider's load. Returns after how many
    /// milliseconds it is tried again, or -1.
    #[napi(catch_unwind)]
    #[allow(clippy::too_many_arguments)]
    pub fn fail(
        &mut self,
        slot: u32,
        retryable: bool,
        refusal: u32,
        given_up: bool,
        retry_after: f64,
        execution: f64,
        now: f64,
    ) -> f64 {
        let failure = Failure {
            retryable,
            refusal: match refusal {
                1 => Some(Refusal::Rate),
                2 => Some(Refusal::Overload),
                _ => None,
            },
            given_up,
            retry_after,
        };
        self.scheduler
            .fail(slot as usize, failure, execution, nanos(now))
            .unwrap_or(-1.0)
    }

    /// The run gave up what runs in `slot`; the slot stays taken until `free`.
    #[napi(catch_unwind)]
    pub fn abandon(&mut self, slot: u32, execution: f64, now: f64) {
        self.scheduler.abandon(slot as usize, execution, nanos(now));
    }

    /// Frees the slot of an abandoned task.
    #[napi(catch_unwind)]
    pub fn free(&mut self, slot: u32) {
        self.scheduler.free(slot as usize);
    }

    /// Removes what of a run has not started.
    #[napi(catch_unwind)]
    pub fn cancel_run(&mut self, run: u32) {
        self.scheduler.cancel_run(run);
    }

    /// Load of a line at `now`: calls (`measure` 1) or tokens (2) started in the window or about to.
    #[napi(catch_unwind)]
    pub fn load(&mut self, line: u32, measure: u32, now: f64) -> f64 {
        let now = self.scheduler.advance(nanos(now));
        let budget = &mut self.scheduler.line_mut(line as usize).budget;
        budget.expire(now);
        let measure = if measure == 1 {
            Measure::Requests
        } else {
            Measure::Tokens
        };
        budget.used(measure) as f64
    }

    /// Takes response headers (name, value, name, value, …) of the call in `slot` in. Returns the milliseconds they ask to
    /// wait, 0 for none.
    #[napi(catch_unwind)]
    pub fn observe(&mut self, slot: u32, headers: Vec<String>, now: f64, epoch: f64) -> f64 {
        let now = self.scheduler.advance(nanos(now));
        let feedback = feedback(&headers, epoch);
        if let Some(line) = self.scheduler.line_of(slot as usize) {
            self.scheduler.line_mut(line).budget.observe(&feedback, now);
        }
        feedback.retry_after.unwrap_or(0.0)
    }

    /// Milliseconds until what is queued and running is done; NaN while nothing is known.
    #[napi(catch_unwind)]
    pub fn remaining(&mut self, now: f64) -> f64 {
        let now = self.scheduler.advance(nanos(now));
        self.scheduler.remaining(now).unwrap_or(f64::NAN)
    }

    /// Writes the metrics of the current or last run: wall, mean execution, efficiency, throttled, utilisation.
    #[napi(catch_unwind)]
    pub fn metrics(&mut self, now: f64, mut out: Float64ArraySlice<'_>) {
        self.scheduler.advance(nanos(now));
        // SAFETY: as in `turn`.
        let out = unsafe { out.as_mut() };
        let s = self.scheduler.metrics.summary();
        for (slot, value) in
            out.iter_mut()
                .zip([s.wall, s.mean_execution, s.efficiency, s.throttled, s.utilization])
        {
            *slot = value;
        }
    }
}

/// A success: slot, kind, input, output, cached input, execution. The kinds: 0 no usage, 1 usage, 2 answered from a cache,
/// 3 no usage but an estimate of the caller's for this call, 4 or for every call.
fn spent(record: &[f64; RECORD]) -> Spent {
    match record[1] {
        1.0 => Spent::Known(Usage {
            requests: 1,
            input: weight(record[2]),
            output: weight(record[3]),
            cached_input: weight(record[4]),
        }),
        2.0 => Spent::Nothing,
        3.0 => Spent::Unreported { guesses: false },
        4.0 => Spent::Unreported { guesses: true },
        _ => Spent::Unknown,
    }
}

fn measure_number(measure: Measure) -> f64 {
    if measure == Measure::Requests { 1.0 } else { 2.0 }
}

/// One error of a chain of causes.
#[napi(object)]
pub struct TroubleValues {
    /// HTTP status, 0 for none.
    pub status: f64,
    /// gRPC status, 0 for none.
    pub grpc: f64,
    /// Codes and types, separated by spaces.
    pub codes: String,
    /// Name of its class.
    pub name: String,
    /// Its text.
    pub message: String,
    /// Its own opinion whether it can be retried.
    pub retryable: Option<bool>,
}

/// The judgement of a failure.
#[napi(object)]
pub struct JudgementValues {
    /// Trying again can help.
    pub retryable: bool,
    /// 0 no refusal, 1 for the rate, 2 for the provider's load.
    pub refusal: u32,
    /// Milliseconds to wait that its text names, 0 for none.
    pub retry_after: f64,
    /// HTTP status, 0 for none.
    pub status: u32,
}

/// Judges the errors of a chain of causes, the outermost first.
#[napi(catch_unwind)]
pub fn classify_failure(chain: Vec<TroubleValues>) -> JudgementValues {
    let chain: Vec<_> = chain
        .iter()
        .map(|one| Trouble {
            status: one.status as u32,
            grpc: one.grpc as u32,
            codes: &one.codes,
            name: &one.name,
            message: &one.message,
            retryable: one.retryable,
        })
        .collect();
    let judgement = classify(&chain);
    JudgementValues {
        retryable: judgement.retryable,
        refusal: match judgement.refusal {
            None => 0,
            Some(Refusal::Rate) => 1,
            Some(Refusal::Overload) => 2,
        },
        retry_after: judgement.retry_after,
        status: judgement.status,
    }
}

/// Slots that use the limits to the full.
#[napi(catch_unwind)]
pub fn plan_concurrency(requests: f64, tokens: f64, tokens_per_task: f64, latency: f64, window: f64) -> f64 {
    plan::concurrency(requests, tokens, tokens_per_task, latency, window)
}

/// Milliseconds a suite takes.
#[napi(catch_unwind)]
#[allow(clippy::too_many_arguments)]
pub fn plan_duration(
    tasks: f64,
    concurrency: f64,
    latency: f64,
    requests: f64,
    tokens: f64,
    tokens_per_task: f64,
    window: f64,
    smooth: bool,
) -> f64 {
    plan::duration(&Suite {
        tasks,
        concurrency,
        latency,
        requests,
        tokens,
        tokens_per_task,
        window,
        smooth,
    })
}
