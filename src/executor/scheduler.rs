//! Slots, lines, retries and deadlines.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap};

use super::action::{Action, Failure, Turn};
use super::slots::{Running, Slots};
use super::{Adaptive, Metrics, RetryPolicy};
use crate::limiter::{
    Backoff, Budget, Entry, HeadPlace, Limits, Line, MILLISECOND, Measure, Nanos, Refusal, Spent, Step,
    milliseconds, nanos,
};

/// The grace time of a scheduler that nobody has configured.
const GRACE: Nanos = 1000 * MILLISECOND;

/// Decides which tasks start. One scheduler serves all runs of an executor, so that slots and limits are shared.
#[derive(Debug)]
pub struct Scheduler {
    slots: usize,
    adaptive: Option<Adaptive>,
    retry: RetryPolicy,
    timeout: Nanos,
    grace: Nanos,
    paused: bool,
    lines: Vec<Line>,
    /// Lines that were forgotten and can be used again.
    spare: Vec<usize>,
    running: Slots,
    /// Retries by the time they are due.
    backoff: BTreeMap<(Nanos, u64), (usize, Entry)>,
    sequence: u64,
    /// No running attempt runs out of time before this.
    next_deadline: Nanos,
    ready: BinaryHeap<Reverse<(HeadPlace, usize)>>,
    random: u64,
    now: Nanos,
    /// Integrals of the run.
    pub metrics: Metrics,
}

impl Scheduler {
    /// A scheduler without lines. `seed` starts the jitter.
    pub fn new(slots: usize, seed: u64) -> Self {
        Self {
            slots,
            adaptive: None,
            retry: RetryPolicy {
                max_attempts: 1,
                backoff: Backoff {
                    base_delay: 0.0,
                    max_delay: 0.0,
                    max_wait: f64::INFINITY,
                },
            },
            timeout: Nanos::MAX,
            grace: GRACE,
            paused: false,
            lines: Vec::new(),
            spare: Vec::new(),
            running: Slots::default(),
            backoff: BTreeMap::new(),
            sequence: 0,
            next_deadline: Nanos::MAX,
            ready: BinaryHeap::new(),
            random: seed,
            now: 0,
            metrics: Metrics::default(),
        }
    }

    /// Changes slots, adaptive concurrency, retries, the time an attempt may take (the maximum: any), and how long a function
    /// that was given up and does not settle keeps its slot.
    pub fn configure(
        &mut self,
        slots: usize,
        adaptive: bool,
        retry: RetryPolicy,
        timeout: Nanos,
        grace: Nanos,
    ) {
        self.slots = slots;
        match (&mut self.adaptive, adaptive) {
            (Some(adaptive), true) => adaptive.set_most(slots),
            (None, true) => self.adaptive = Some(Adaptive::new(slots)),
            (_, false) => self.adaptive = None,
        }
        self.retry = retry;
        (self.timeout, self.grace) = (timeout, grace);
        self.next_deadline = 0;
    }

    /// Adds a line and returns its number.
    pub fn add_line(&mut self, limits: &Limits) -> usize {
        let line = Line::new(Budget::new(limits));
        if let Some(number) = self.spare.pop() {
            self.lines[number] = line;
            return number;
        }
        self.lines.push(line);
        self.lines.len() - 1
    }

    /// Forgets the lines that nothing waits or runs in and whose windows are empty; returns their numbers, which lines added
    /// later get again. O(lines × dimensions + slots + retries).
    pub fn forget_idle(&mut self, now: Nanos) -> Vec<usize> {
        let now = self.advance(now);
        let mut busy = vec![false; self.lines.len()];
        for number in self.spare.iter().copied() {
            busy[number] = true;
        }
        for (number, _) in self.backoff.values() {
            busy[*number] = true;
        }
        for slot in 0..self.running.bound() {
            if let Some(running) = self.running.get(slot) {
                busy[running.line] = true;
            }
        }
        let mut idle = Vec::new();
        for (number, line) in self.lines.iter_mut().enumerate() {
            if !busy[number] && line.queue.is_empty() && line.budget.is_idle(now) {
                idle.push(number);
            }
        }
        self.spare.extend(&idle);
        idle
    }

    /// Starts nothing until it is told to go on.
    pub fn pause(&mut self, paused: bool) {
        self.paused = paused;
    }

    /// Begins a run when none is on: what was given up for its refusals is tried again.
    pub fn begin(&mut self, now: Nanos) {
        let now = self.advance(now);
        self.metrics.begin(now, self.slots());
        for line in &mut self.lines {
            line.budget.try_again();
        }
    }

    /// Tasks that wait: for a slot, a limit or another attempt.
    pub fn waiting(&self) -> u64 {
        self.lines.iter().map(|line| line.queue.len()).sum::<u64>() + self.backoff.len() as u64
    }

    /// Moves a task that waits to where it would stand with `priority` had it come now. Returns whether it waited.
    pub fn set_priority(&mut self, run: u32, index: u64, priority: f64, now: Nanos) -> bool {
        let now = self.advance(now);
        let mut retries = self.backoff.values_mut();
        if let Some((_, entry)) = retries.find(|(_, entry)| (entry.run, entry.index) == (run, index)) {
            entry.priority = priority;
            return true;
        }
        self.lines
            .iter_mut()
            .any(|line| line.queue.set_priority(run, index, priority, now))
    }

    /// A line, which must exist.
    pub fn line(&self, line: usize) -> &Line {
        &self.lines[line]
    }

    /// A line, which must exist.
    pub fn line_mut(&mut self, line: usize) -> &mut Line {
        &mut self.lines[line]
    }

    /// The lines that tasks wait in.
    pub fn lines(&self) -> &[Line] {
        &self.lines
    }

    /// Slots in force.
    pub fn slots(&self) -> usize {
        self.adaptive.map_or(self.slots, |adaptive| adaptive.slots())
    }

    /// Slots in use.
    pub fn in_use(&self) -> usize {
        self.running.in_use()
    }

    /// Tasks that wait for another attempt.
    pub fn in_backoff(&self) -> usize {
        self.backoff.len()
    }

    /// Never lets time go back.
    pub fn advance(&mut self, now: Nanos) -> Nanos {
        self.now = self.now.max(now);
        self.metrics.advance(self.now);
        self.now
    }

    /// Queues a new task.
    pub fn enqueue(&mut self, line: usize, entry: Entry, now: Nanos) {
        let now = self.advance(now);
        self.lines[line].queue.push(entry, now);
    }

    /// Decides what happens at `now`: at most `most` actions are added to `actions`.
    pub fn turn(&mut self, now: Nanos, actions: &mut Vec<Action>, most: usize) -> Turn {
        let now = self.advance(now);
        let start = actions.len();
        self.find_timed_out(now, actions);
        self.wake_retries(now);
        let (mut limited_until, mut wake, mut more) = (0, Nanos::MAX, false);
        self.ready.clear();
        for (index, line) in self.lines.iter().enumerate() {
            self.ready
                .extend(line.queue.head_place().map(|place| Reverse((place, index))));
        }
        while let Some(Reverse((_, index))) = self.ready.pop() {
            let free = self.slots().saturating_sub(self.running.in_use());
            if free == 0 || self.paused {
                break;
            }
            if actions.len() - start >= most {
                more = true;
                break;
            }
            match self.lines[index].step(now, free) {
                Step::Start {
                    entry,
                    mut ticket,
                    oversized,
                } => {
                    self.lines[index].budget.watch(&mut ticket);
                    let slot = self.occupy(Running {
                        line: index,
                        entry,
                        ticket,
                        started: now,
                        stamped: false,
                        abandoned: None,
                    });
                    actions.push(Action::Start {
                        slot,
                        entry,
                        oversized,
                    });
                }
                Step::Exhausted { entry, until } => actions.push(Action::Exhausted { entry, until }),
                Step::GivenUp { entry } => actions.push(Action::GivenUp { entry }),
                Step::AfterProbe => {
                    limited_until = Nanos::MAX;
                    continue;
                }
                Step::Blocked(wait) => {
                    limited_until = limited_until.max(wait.until);
                    wake = wake.min(wait.until);
                    if wait.fresh && wait.measure != Measure::Requests && self.has_unsettled(index) {
                        // What is reserved may be given back any moment: how long this takes is not known yet.
                        self.lines[index].forget_wait();
                    } else if wait.fresh {
                        actions.push(Action::Throttled { line: index, wait });
                    }
                    continue;
                }
                Step::AfterStamp => {
                    more = true;
                    continue;
                }
                Step::Empty => continue,
            }
            self.ready.extend(
                self.lines[index]
                    .queue
                    .head_place()
                    .map(|place| Reverse((place, index))),
            );
        }
        self.metrics
            .set(self.slots(), self.running.in_use(), limited_until);
        if let Some((&(due, _), _)) = self.backoff.first_key_value() {
            wake = wake.min(due);
        }
        Turn {
            wake: wake.min(self.next_deadline),
            more,
        }
    }

    /// Returns whether a call of `line` is under way whose tokens are not known yet.
    fn has_unsettled(&self, line: usize) -> bool {
        let of_line = |running: &Running| running.line == line && running.abandoned.is_none();
        (0..self.running.bound()).any(|slot| self.running.get(slot).is_some_and(of_line))
    }

    /// The time at which an attempt has run out of time, or its slot is freed in spite of it.
    fn deadline(&self, running: &Running) -> Nanos {
        let timeout = if running.entry.timeout == 0 {
            self.timeout
        } else {
            running.entry.timeout
        };
        running
            .abandoned
            .unwrap_or(running.started.saturating_add(timeout))
    }

    fn occupy(&mut self, running: Running) -> usize {
        self.next_deadline = self.next_deadline.min(self.deadline(&running));
        self.running.occupy(running)
    }

    /// The start in `slot` happened, at `at` at the latest.
    pub fn stamp(&mut self, slot: usize, at: Nanos) {
        let at = at.max(self.now);
        // Settled before its start was reported, it was stamped then.
        if let Some(running) = self.running.get_mut(slot).filter(|running| !running.stamped) {
            (running.started, running.stamped) = (at, true);
            self.lines[running.line].budget.stamp(&mut running.ticket, at);
        }
    }

    /// The start in `slot` did not happen. `again`: the task goes back to the front of its queue.
    pub fn unstart(&mut self, slot: usize, again: bool) {
        if let Some(running) = self.running.vacate(slot) {
            let line = &mut self.lines[running.line];
            line.budget.release(&running.ticket);
            if again {
                line.queue.push_front(running.entry);
            }
        }
    }

    /// The task in `slot` succeeded.
    pub fn succeed(&mut self, slot: usize, spent: Spent, execution: f64, now: Nanos) {
        let now = self.now.max(now);
        let in_use = self.running.in_use();
        let Some(running) = self.running.vacate(slot) else {
            return;
        };
        self.lines[running.line]
            .budget
            .settle(&running.ticket, spent, now);
        self.metrics.executed(execution);
        if let Some(adaptive) = self.adaptive.as_mut().filter(|_| spent != Spent::Nothing) {
            adaptive.succeeded(in_use);
        }
    }

    /// The attempt in `slot` failed. Returns after how many milliseconds it is tried again, or that it is not. The slot of an
    /// attempt that was given up is held until [`Scheduler::free`] or until the grace time is over.
    pub fn fail(&mut self, slot: usize, failure: Failure, execution: f64, now: Nanos) -> Option<f64> {
        let now = self.advance(now);
        self.stamp(slot, now);
        let random = self.random();
        let running = if failure.given_up && self.grace > 0 {
            self.hold(slot, now)?
        } else {
            self.running.vacate(slot)?
        };
        let Running {
            line,
            entry,
            ticket,
            started,
            ..
        } = running;
        if let Some(adaptive) = self.adaptive.as_mut()
            && failure.refusal == Some(Refusal::Rate)
        {
            adaptive.refused(started, now);
        }
        let most = if entry.max_attempts == 0 {
            self.retry.max_attempts
        } else {
            entry.max_attempts
        };
        let budget = &mut self.lines[line].budget;
        let retry_after = nanos(failure.retry_after);
        let refusal = failure.refusal.filter(|_| failure.retryable && most > 1);
        let again = if let Some(refusal) = refusal {
            // Not the task's fault: it keeps its place and its attempts.
            let hopeless = budget.refused(&ticket, refusal, retry_after, &self.retry.backoff, random, now);
            let opens = budget.opens_at(now);
            (!hopeless && !budget.is_quota_gone(now)).then(|| {
                self.lines[line].queue.push_retry(entry);
                milliseconds(opens.saturating_sub(now))
            })
        } else {
            let spent = if failure.given_up {
                Spent::GivenUp
            } else {
                Spent::Failed
            };
            budget.settle(&ticket, spent, now);
            if retry_after > 0 {
                budget.close(now.saturating_add(retry_after), now);
            }
            let attempts = entry.attempts + 1;
            let hopeless = !failure.retryable || attempts >= most || budget.is_quota_gone(now);
            (!hopeless).then(|| {
                let delay = self
                    .retry
                    .backoff
                    .delay(attempts, random)
                    .max(failure.retry_after);
                self.sequence += 1;
                let due = (now.saturating_add(nanos(delay)), self.sequence);
                self.backoff.insert(due, (line, Entry { attempts, ..entry }));
                delay
            })
        };
        if again.is_none() {
            self.metrics.executed(execution);
        }
        again
    }

    /// Holds the slot of an attempt whose outcome no longer counts.
    fn hold(&mut self, slot: usize, now: Nanos) -> Option<Running> {
        let until = now.saturating_add(self.grace);
        let running = self
            .running
            .get_mut(slot)
            .filter(|running| running.abandoned.is_none())?;
        running.abandoned = Some(until);
        self.next_deadline = self.next_deadline.min(until);
        Some(*running)
    }

    /// The run gave the task in `slot` up; the slot is held until [`Scheduler::free`].
    pub fn abandon(&mut self, slot: usize, execution: f64, now: Nanos) {
        let now = self.advance(now);
        self.stamp(slot, now);
        if let Some(running) = self.hold(slot, now) {
            self.lines[running.line]
                .budget
                .settle(&running.ticket, Spent::GivenUp, now);
            self.metrics.executed(execution);
            if self.grace == 0 {
                self.free(slot);
            }
        }
    }

    /// The function of an abandoned task settled, or was waited for long enough.
    pub fn free(&mut self, slot: usize) {
        if self
            .running
            .get(slot)
            .is_some_and(|running| running.abandoned.is_some())
        {
            self.running.vacate(slot);
        }
    }

    /// Forgets what of a run has not started.
    pub fn cancel_run(&mut self, run: u32) {
        for line in &mut self.lines {
            line.queue.remove_run(run);
        }
        self.backoff.retain(|_, (_, entry)| entry.run != run);
    }

    /// The number of the line the task in `slot` belongs to.
    pub fn line_of(&self, slot: usize) -> Option<usize> {
        self.running.get(slot).map(|running| running.line)
    }

    /// Milliseconds until what is queued, backing off and running is done: what the calls take, spread over the slots, or
    /// what the limits allow, whichever is longer. `None` before the first call has ended. O(lines × cells).
    pub fn remaining(&self, now: Nanos) -> Option<f64> {
        let latency = self.metrics.mean_execution()?;
        let tasks = self.waiting() as f64 + self.running.in_use() as f64 / 2.0;
        let by_slots = tasks * latency / self.slots() as f64;
        let last = self.lines.iter().filter_map(|line| line.last_start(now)).max();
        let by_limits = last.map_or(0.0, |at| milliseconds(at.saturating_sub(now)) + latency);
        Some(by_slots.max(by_limits))
    }

    fn wake_retries(&mut self, now: Nanos) {
        while let Some(first) = self.backoff.first_entry() {
            if first.key().0 > now {
                break;
            }
            let (line, entry) = first.remove();
            self.lines[line].queue.push_retry(entry);
        }
    }

    /// O(slots), and only when the earliest deadline has come.
    fn find_timed_out(&mut self, now: Nanos, actions: &mut Vec<Action>) {
        if self.next_deadline > now {
            return;
        }
        self.next_deadline = Nanos::MAX;
        for slot in 0..self.running.bound() {
            let Some(&running) = self.running.get(slot) else {
                continue;
            };
            let deadline = self.deadline(&running);
            if deadline > now {
                self.next_deadline = self.next_deadline.min(deadline);
                continue;
            }
            if running.abandoned.is_some() {
                self.running.vacate(slot);
                actions.push(Action::Lost { slot });
            } else {
                actions.push(Action::TimedOut { slot });
            }
        }
    }

    /// `SplitMix64`, as a number from 0 to 1.
    fn random(&mut self) -> f64 {
        self.random = self.random.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.random;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((z ^ (z >> 31)) >> 11) as f64 / (1u64 << 53) as f64
    }
}
