//! All dimensions of one key: reserve, stamp at the real start, settle.

use super::dimension::{Dimension, MAX_DIMENSIONS, Measure, Weights};
use super::{Estimator, Limits, MILLISECOND, Nanos, Pacing, Settlement, Size, Usage};

const DAY: Nanos = 86_400_000 * MILLISECOND;

/// A call of unknown size is taken for at most this many tokens at first, unless a slot's equal share is more: the limit
/// then holds from the first call on as long as a call spends no more than that.
const UNKNOWN_CALL: u64 = 15_000;

/// A wait named by the provider that is longer than this many windows is a quota, not a pause.
const QUOTA_WINDOWS: u64 = 10;

/// Whether a start may happen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// Now.
    Now,
    /// At `at` at the earliest if nothing else starts, because of `measure`.
    At {
        /// The time.
        at: Nanos,
        /// What stands in the way longest.
        measure: Measure,
    },
    /// That depends on reservations that have not been stamped.
    AfterStamp,
    /// Not before `until`, which is too far off to wait for.
    Exhausted {
        /// When the quota is renewed.
        until: Nanos,
    },
}

/// A start taken from a budget: given back with `release`, or stamped and then settled.
#[derive(Debug, Clone, Copy, Default)]
pub struct Ticket {
    /// What is booked, by dimension.
    pub weights: Weights,
    /// When it is booked to have started; 0 before the stamp.
    pub booked: Nanos,
    /// What stands behind the weights.
    pub basis: Basis,
    /// Whether the budget watches the call, see [`Budget::watch`].
    pub watched: bool,
}

/// Where the weights of a ticket come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub enum Basis {
    /// The caller said so.
    #[default]
    Known,
    /// Past calls of the key.
    Estimated,
    /// Nothing.
    Guessed,
}

/// Calls in flight whose size nobody told, in one dimension.
#[derive(Debug, Clone, Copy, Default)]
struct Watched {
    estimated: u64,
    estimates: u64,
    guesses: u64,
}

/// How a call ended, for its weight.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Spent {
    /// It used this.
    Known(Usage),
    /// It ended without saying what it used: a call without tokens.
    Unknown,
    /// It failed: a call without tokens.
    Failed,
    /// It was given up while it ran: the estimate stays, for the provider may go on.
    GivenUp,
    /// It was answered from a cache: neither a call nor tokens.
    Nothing,
}

/// The budget of one key. Memory is constant: at most 72 KB a dimension. Everything is O(dimensions) but
/// [`Budget::verdict`] when blocked, which is O(cells).
#[derive(Debug, Clone)]
pub struct Budget {
    dimensions: Vec<Dimension>,
    estimators: [Estimator; MAX_DIMENSIONS],
    watched: [Watched; MAX_DIMENSIONS],
    settlement: Settlement,
    slots: u64,
    unknown_call: Option<u64>,
    window: Nanos,
    guard: Nanos,
    closed_until: Nanos,
    quota_gone: bool,
}

impl Budget {
    /// A budget without load.
    pub fn new(limits: &Limits) -> Self {
        let mut budget = Self {
            dimensions: Vec::with_capacity(2),
            estimators: Default::default(),
            watched: Default::default(),
            settlement: limits.settlement,
            slots: limits.slots,
            unknown_call: limits.unknown_call,
            window: limits.window,
            guard: limits.guard,
            closed_until: 0,
            quota_gone: false,
        };
        budget.configure(limits);
        budget
    }

    /// Puts new limits in force; what has started keeps counting. Dimensions are added, never removed.
    pub fn configure(&mut self, limits: &Limits) {
        (self.settlement, self.slots) = (limits.settlement, limits.slots.max(1));
        (self.window, self.guard) = (limits.window, limits.guard);
        self.unknown_call = limits.unknown_call;
        let rows = [
            (Measure::Requests, limits.requests, false),
            (Measure::Tokens, limits.tokens, false),
            (Measure::InputTokens, limits.input_tokens, false),
            (Measure::OutputTokens, limits.output_tokens, false),
            (Measure::Requests, limits.daily_requests, true),
            (Measure::Tokens, limits.daily_tokens, true),
        ];
        for (index, (measure, limit, quota)) in rows.into_iter().enumerate() {
            // Less than one in a window is one in a longer window.
            let (mut window, guard) = if quota {
                (DAY, 0)
            } else {
                (limits.window, limits.guard)
            };
            if limit < 1.0 {
                window = (window as f64 / limit) as Nanos;
            }
            let whole = limit.is_finite().then_some(limit.max(1.0) as u64);
            let smooth = limits.pacing == Pacing::Smooth && !quota;
            let found = self
                .dimensions
                .iter_mut()
                .find(|d| d.measure == measure && d.quota == quota);
            // Calls and tokens are counted even without a limit: the state that users read shows them.
            if let Some(dimension) = found {
                dimension.configure(whole, window, guard, smooth);
            } else if whole.is_some() || index < 2 {
                let mut dimension = Dimension::new(measure, whole, window, guard, quota);
                dimension.configure(whole, window, guard, smooth);
                self.dimensions.push(dimension);
            }
        }
    }

    /// What a call of `size` is reserved as, and the headroom that must stay free beside it (0 when the size is known).
    pub fn weigh(&self, size: Size) -> (Weights, Weights, Basis) {
        let (mut weights, mut headroom, mut basis) = (Weights::default(), Weights::default(), Basis::Known);
        let known = size.usage();
        for (index, dimension) in self.dimensions.iter().enumerate() {
            weights[index] = match (known, dimension.measure) {
                (_, Measure::Requests) => size.requests(),
                (Some(usage), measure) => measure.of(usage),
                (None, _) => {
                    if let Some(p95) = self.estimators[index].p95() {
                        basis = basis.max(Basis::Estimated);
                        headroom[index] = self.estimators[index].overrun() + self.shortfall(index, p95);
                        p95
                    } else {
                        basis = Basis::Guessed;
                        let share = |limit: u64| (limit / self.slots).max(limit.min(UNKNOWN_CALL));
                        self.unknown_call
                            .unwrap_or_else(|| dimension.limit().map_or(0, share))
                    }
                }
            };
        }
        (weights, headroom, basis)
    }

    /// What the calls in flight are reserved too little at by today's estimate: they may have started when it was lower.
    fn shortfall(&self, index: usize, p95: u64) -> u64 {
        let watched = self.watched[index];
        watched
            .estimated
            .saturating_mul(p95)
            .saturating_sub(watched.estimates)
    }

    /// Brings every window up to `now`.
    pub fn expire(&mut self, now: Nanos) {
        for dimension in &mut self.dimensions {
            dimension.expire(now);
        }
        if self.closed_until <= now {
            self.quota_gone = false;
        }
    }

    /// Whether a start of these weights may happen at `now`, which the budget must have been brought up to.
    pub fn verdict(&self, weights: &Weights, headroom: &Weights, now: Nanos) -> Verdict {
        if self.closed_until > now {
            if self.quota_gone {
                return Verdict::Exhausted {
                    until: self.closed_until,
                };
            }
            return Verdict::At {
                at: self.closed_until,
                measure: Measure::Requests,
            };
        }
        let free = |(index, d): (usize, &Dimension)| d.admits(weights[index], headroom[index], now);
        if self.dimensions.iter().enumerate().all(free) {
            return Verdict::Now;
        }
        let (mut latest, mut reason) = (now, Measure::Requests);
        for (index, dimension) in self.dimensions.iter().enumerate() {
            if dimension.admits(weights[index], headroom[index], now) {
                continue;
            }
            let Some(at) = dimension.when(weights[index], headroom[index]) else {
                return Verdict::AfterStamp;
            };
            if dimension.quota {
                return Verdict::Exhausted { until: at };
            }
            // A dimension that does not admit now never admits before the next nanosecond.
            let at = at.max(now + 1);
            if at > latest {
                (latest, reason) = (at, dimension.measure);
            }
        }
        Verdict::At {
            at: latest,
            measure: reason,
        }
    }

    /// What tasks that overtake one of these weights may take without delaying it beyond `at`.
    pub fn slack(&self, weights: &Weights, headroom: &Weights, at: Nanos) -> Weights {
        let mut slack = [u64::MAX; MAX_DIMENSIONS];
        for (index, dimension) in self.dimensions.iter().enumerate() {
            slack[index] = dimension.slack(weights[index], headroom[index], at);
        }
        slack
    }

    /// Takes a start in all dimensions at once. The verdict must have been [`Verdict::Now`].
    pub fn take(&mut self, weights: Weights, basis: Basis, now: Nanos) -> Ticket {
        for (index, dimension) in self.dimensions.iter_mut().enumerate() {
            dimension.take(weights[index], now);
        }
        Ticket {
            weights,
            booked: 0,
            basis,
            watched: false,
        }
    }

    /// Watches a call of estimated size until it is settled or released, which must then happen: while it is in flight,
    /// room is kept for what it was estimated too low, and a mere guess is not shown as use.
    pub fn watch(&mut self, ticket: &mut Ticket) {
        ticket.watched = ticket.basis != Basis::Known;
        if ticket.watched {
            self.count_watched(ticket, u64::wrapping_add);
        }
    }

    fn count_watched(&mut self, ticket: &Ticket, count: fn(u64, u64) -> u64) {
        for (watched, weight) in self.watched.iter_mut().zip(ticket.weights) {
            if ticket.basis == Basis::Estimated {
                watched.estimated = count(watched.estimated, 1);
                watched.estimates = count(watched.estimates, weight);
            } else {
                watched.guesses = count(watched.guesses, weight);
            }
        }
    }

    /// The weight of `measure` in the window: what calls used, are known or estimated to use, but not guesses.
    pub fn used(&self, measure: Measure) -> u64 {
        let position = self
            .dimensions
            .iter()
            .position(|d| d.measure == measure && !d.quota);
        position.map_or(0, |index| {
            let guesses = if measure == Measure::Requests {
                0
            } else {
                self.watched[index].guesses
            };
            self.dimensions[index].load().saturating_sub(guesses)
        })
    }

    /// Gives a start that did not happen back whole.
    pub fn release(&mut self, ticket: &Ticket) {
        if ticket.watched {
            self.count_watched(ticket, u64::wrapping_sub);
        }
        for (index, dimension) in self.dimensions.iter_mut().enumerate() {
            dimension.release(ticket.weights[index]);
        }
    }

    /// Books the start at the latest time it can have happened.
    pub fn stamp(&mut self, ticket: &mut Ticket, at: Nanos) {
        let mut booked = at;
        for (index, dimension) in self.dimensions.iter_mut().enumerate() {
            booked = dimension.stamp(ticket.weights[index], at);
        }
        ticket.booked = booked;
    }

    /// Replaces the estimate of a start by what it spent, in the cell of its start, and learns from it.
    pub fn settle(&mut self, ticket: &Ticket, spent: Spent) {
        if ticket.watched {
            self.count_watched(ticket, u64::wrapping_sub);
        }
        let guessed = ticket.basis == Basis::Guessed;
        for index in 0..self.dimensions.len() {
            let estimate = ticket.weights[index];
            let measure = self.dimensions[index].measure;
            let weight = self.settled(estimate, measure, guessed, spent);
            self.dimensions[index].correct(ticket.booked, estimate, weight);
            if measure != Measure::Requests {
                match spent {
                    Spent::Known(usage) => self.estimators[index].record(measure.of(self.counted(usage))),
                    Spent::Unknown => self.estimators[index].record(0),
                    // A failure, a call given up and an answer from a cache teach nothing about size.
                    Spent::Failed | Spent::GivenUp | Spent::Nothing => {}
                }
            }
        }
    }

    fn settled(&self, estimate: u64, measure: Measure, guessed: bool, spent: Spent) -> u64 {
        if spent == Spent::Nothing {
            return 0;
        }
        // A call is a call, whatever became of it.
        if measure == Measure::Requests || self.settlement == Settlement::Estimate {
            return estimate;
        }
        let larger = self.settlement == Settlement::Larger;
        match spent {
            Spent::Known(usage) if larger => measure.of(usage).max(estimate),
            Spent::Known(usage) => measure.of(self.counted(usage)),
            Spent::GivenUp if !guessed => estimate,
            _ if larger && !guessed => estimate,
            _ => 0,
        }
    }

    fn counted(&self, usage: Usage) -> Usage {
        match self.settlement {
            Settlement::Uncached => Usage {
                input: usage.input.saturating_sub(usage.cached_input),
                ..usage
            },
            _ => usage,
        }
    }

    /// Starts nothing before `until` (a `Retry-After`). Much longer than the window, it counts as an exhausted quota.
    pub fn close(&mut self, until: Nanos, now: Nanos) {
        if until > self.closed_until {
            self.closed_until = until;
            self.quota_gone = until.saturating_sub(now) > self.window.saturating_mul(QUOTA_WINDOWS);
        }
    }

    /// Whether the gate is closed for longer than is worth waiting.
    pub fn is_quota_gone(&self, now: Nanos) -> bool {
        self.quota_gone && self.closed_until > now
    }

    /// Forgets every start, what the provider said and the gate; sizes learned stay.
    pub fn reset(&mut self) {
        (self.closed_until, self.quota_gone) = (0, false);
        for dimension in &mut self.dimensions {
            dimension.reset();
        }
    }

    /// The dimensions, calls first, tokens second.
    pub fn dimensions(&self) -> &[Dimension] {
        &self.dimensions
    }

    /// The window's dimension of `measure`, which is added when the provider has a limit that the caller did not name.
    pub(super) fn dimension_for(&mut self, measure: Measure) -> Option<&mut Dimension> {
        let found = self
            .dimensions
            .iter()
            .position(|d| d.measure == measure && !d.quota);
        if found.is_none() && self.dimensions.len() < MAX_DIMENSIONS {
            self.dimensions
                .push(Dimension::new(measure, None, self.window, self.guard, false));
        }
        let last = self.dimensions.len() - 1;
        self.dimensions
            .get_mut(found.unwrap_or(last))
            .filter(|d| d.measure == measure)
    }

    pub(super) fn window(&self) -> Nanos {
        self.window
    }

    /// The dimension of `measure` over the window (not the day's).
    pub fn dimension(&self, measure: Measure) -> Option<&Dimension> {
        self.dimensions.iter().find(|d| d.measure == measure && !d.quota)
    }
}
