//! All dimensions of one key: reserve, stamp at the real start, settle.

use super::dimension::{Dimension, MAX_DIMENSIONS, Measure, Weights};
use super::refusals::{Gate, Refusal, Refusals};
use super::{Backoff, Estimator, Limits, MILLISECOND, Nanos, Pacing, Settlement, Size, Usage};

const DAY: Nanos = 86_400_000 * MILLISECOND;

/// A call of unknown size is taken for at most this many tokens at first, unless a slot's equal share is more: the limit
/// then holds from the first call on as long as a call spends no more than that.
const UNKNOWN_CALL: u64 = 15_000;

/// A wait named by the provider that is at least so long is a quota, not a pause.
const QUOTA: Nanos = 300_000 * MILLISECOND;

/// True if a start may happen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// Now.
    Now,
    /// At `at` at the earliest if nothing else starts, because of `measure`.
    At {
        /// The time.
        at: Nanos,
        /// The limit that stands in the way longest.
        measure: Measure,
        /// Refusals stand in the way longest.
        refused: bool,
    },
    /// It depends on reservations that have not been stamped.
    AfterStamp,
    /// It depends on a call under way.
    AfterProbe,
    /// The provider has refused every call for too long.
    GivenUp,
    /// Not before `until`, which is too far off to wait for.
    Exhausted {
        /// The time at which the quota is renewed.
        until: Nanos,
    },
}

/// A start taken from a budget: given back with `release`, or stamped and then settled.
#[derive(Debug, Clone, Copy, Default)]
pub struct Ticket {
    /// The weight booked in each dimension.
    pub weights: Weights,
    /// The time it is booked to have started at; 0 before the stamp.
    pub booked: Nanos,
    /// The source of the weights.
    pub basis: Basis,
    /// The episode of refusals that it started in.
    pub episode: u32,
    /// True if the budget watches the call, see [`Budget::watch`].
    pub watched: bool,
}

/// The source of a ticket's weights.
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

/// The end of a call, for its weight.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Spent {
    /// It used this.
    Known(Usage),
    /// It ended without saying what it used: a call without tokens.
    Unknown,
    /// It ended without saying what it used, and the caller's estimate stands. `guesses`: also a guess of the caller's.
    Unreported {
        /// The caller has named a size for calls that nothing is known of.
        guesses: bool,
    },
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
    limits: Limits,
    closed_until: Nanos,
    quota_gone: bool,
    refusals: Refusals,
}

impl Budget {
    /// A budget without load.
    pub fn new(limits: &Limits) -> Self {
        let mut budget = Self {
            dimensions: Vec::with_capacity(2),
            estimators: Default::default(),
            watched: Default::default(),
            limits: *limits,
            closed_until: 0,
            quota_gone: false,
            refusals: Refusals::default(),
        };
        budget.configure(limits);
        budget
    }

    /// Puts new limits in force; what has started keeps counting. Dimensions are added, never removed.
    pub fn configure(&mut self, limits: &Limits) {
        self.limits = *limits;
        self.refusals.configure(limits);
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

    /// Returns the weights that a call of `size` is reserved as, and the headroom that must stay free beside it (0 when the size is known).
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
                        let share =
                            |limit: u64| (limit / self.limits.slots.max(1)).max(limit.min(UNKNOWN_CALL));
                        self.limits
                            .unknown_call
                            .unwrap_or_else(|| dimension.limit().map_or(0, share))
                    }
                }
            };
        }
        (weights, headroom, basis)
    }

    /// The weight that calls in flight are reserved too little at by today's estimate: they may have started when it was lower.
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
        self.refusals.expire(now);
        if self.closed_until <= now {
            self.quota_gone = false;
        }
    }

    /// Returns whether a start of these weights may happen at `now`, which the budget must have been brought up to.
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
                refused: true,
            };
        }
        let gate = self.refusals.gate(weights[0], now);
        match gate {
            Gate::GivenUp => return Verdict::GivenUp,
            Gate::AfterProbe => return Verdict::AfterProbe,
            Gate::AfterStamp => return Verdict::AfterStamp,
            Gate::Open | Gate::Until(_) => {}
        }
        let free = |(index, d): (usize, &Dimension)| d.admits(weights[index], headroom[index], now);
        if gate == Gate::Open && self.dimensions.iter().enumerate().all(free) {
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
        match gate {
            Gate::Until(at) if at > latest => Verdict::At {
                at,
                measure: Measure::Requests,
                refused: true,
            },
            _ => Verdict::At {
                at: latest,
                measure: reason,
                refused: false,
            },
        }
    }

    /// The weight that tasks which overtake one of these weights may take without delaying it beyond `at`.
    pub fn slack(&self, weights: &Weights, headroom: &Weights, at: Nanos) -> Weights {
        let mut slack = [u64::MAX; MAX_DIMENSIONS];
        for (index, dimension) in self.dimensions.iter().enumerate() {
            slack[index] = dimension.slack(weights[index], headroom[index], at);
        }
        slack[0] = slack[0].min(self.refusals.slack(weights[0], at));
        slack
    }

    /// Takes a start in all dimensions at once. The verdict must have been [`Verdict::Now`].
    pub fn take(&mut self, weights: Weights, basis: Basis, now: Nanos) -> Ticket {
        for (index, dimension) in self.dimensions.iter_mut().enumerate() {
            dimension.take(weights[index], now);
        }
        self.refusals.take(weights[0], now);
        Ticket {
            weights,
            booked: 0,
            basis,
            episode: self.refusals.episode(),
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
        self.refusals.release(ticket.weights[0], ticket.episode);
    }

    /// Books the start at the latest time it can have happened.
    pub fn stamp(&mut self, ticket: &mut Ticket, at: Nanos) {
        let mut booked = at;
        for (index, dimension) in self.dimensions.iter_mut().enumerate() {
            booked = dimension.stamp(ticket.weights[index], at);
        }
        self.refusals.stamp(ticket.weights[0], at);
        ticket.booked = booked;
    }

    /// Replaces the estimate of a start by what it spent, in the cell of its start, and learns from it.
    pub fn settle(&mut self, ticket: &Ticket, spent: Spent, now: Nanos) {
        match spent {
            Spent::Known(_) | Spent::Unknown | Spent::Unreported { .. } => {
                self.refusals.passed(ticket.episode, self.limits.slots, now);
            }
            Spent::Failed | Spent::GivenUp => self.refusals.ended(ticket.episode),
            Spent::Nothing => {
                self.refusals.ended(ticket.episode);
                self.refusals.forget(ticket.booked, ticket.weights[0]);
            }
        }
        self.correct(ticket, spent);
    }

    /// The provider refused a call. Closes the key until it said, for `retry_after` nanoseconds, or else as refusals before
    /// have taught. Returns whether to give up.
    pub fn refused(
        &mut self,
        ticket: &Ticket,
        refusal: Refusal,
        retry_after: Nanos,
        policy: &Backoff,
        random: f64,
        now: Nanos,
    ) -> bool {
        self.correct(ticket, Spent::Failed);
        if retry_after > 0 {
            tracing::info!(target: "ai_evals::limiter", ms = retry_after / 1_000_000, "a provider refused a call until a time it named");
            self.close(now.saturating_add(retry_after), now);
            return self.refusals.held(ticket.episode, policy, now);
        }
        let call = (ticket.episode, ticket.booked, ticket.weights[0]);
        let calls = &self.dimensions[0];
        self.refusals
            .refused(refusal, call, calls, &self.limits, policy, random, now)
    }

    fn correct(&mut self, ticket: &Ticket, spent: Spent) {
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
                    // Only a call that told its use teaches something about size.
                    Spent::Failed | Spent::GivenUp | Spent::Nothing | Spent::Unreported { .. } => {}
                }
            }
        }
    }

    fn settled(&self, estimate: u64, measure: Measure, guessed: bool, spent: Spent) -> u64 {
        if spent == Spent::Nothing {
            return 0;
        }
        // A call is a call, whatever became of it.
        if measure == Measure::Requests || self.limits.settlement == Settlement::Estimate {
            return estimate;
        }
        let larger = self.limits.settlement == Settlement::Larger;
        match spent {
            Spent::Known(usage) if larger => measure.of(usage).max(estimate),
            Spent::Known(usage) => measure.of(self.counted(usage)),
            Spent::GivenUp if !guessed => estimate,
            Spent::Unreported { guesses } if guesses || !guessed => estimate,
            _ if larger && !guessed => estimate,
            _ => 0,
        }
    }

    fn counted(&self, usage: Usage) -> Usage {
        match self.limits.settlement {
            Settlement::Uncached => Usage {
                input: usage.input.saturating_sub(usage.cached_input),
                ..usage
            },
            _ => usage,
        }
    }

    /// Starts nothing before `until` (a `Retry-After`). From five minutes on it counts as an exhausted quota.
    pub fn close(&mut self, until: Nanos, now: Nanos) {
        if until > self.closed_until {
            self.closed_until = until;
            self.quota_gone = until.saturating_sub(now) >= QUOTA;
        }
    }

    /// Returns whether the gate is closed for longer than is worth waiting.
    pub fn is_quota_gone(&self, now: Nanos) -> bool {
        self.quota_gone && self.closed_until > now
    }

    /// The earliest time at which refusals and `Retry-After` let anything start.
    pub fn opens_at(&self, now: Nanos) -> Nanos {
        match self.refusals.gate(1, now) {
            Gate::Until(at) => at.max(self.closed_until),
            _ => self.closed_until,
        }
    }

    /// Tries again at once where refusals were given up on.
    pub fn try_again(&mut self) {
        self.refusals.try_again();
    }

    /// Returns whether nothing is in a window, in flight or awaited: the budget is then as good as a new one, but for sizes learned.
    pub fn is_idle(&mut self, now: Nanos) -> bool {
        self.expire(now);
        self.closed_until <= now
            && self.refusals.is_idle(now)
            && self.dimensions.iter().all(Dimension::is_idle)
    }

    /// The limit on `measure` in force over the window: ours, the provider's or the one learned, whichever is tightest.
    pub fn limit(&self, measure: Measure) -> Option<u64> {
        let told = self.dimension(measure).and_then(Dimension::limit);
        let learned = self.refusals.limit().filter(|_| measure == Measure::Requests);
        told.into_iter().chain(learned).min()
    }

    /// The time of the last of `tasks` starts of these weights each, as far as limits and refusals decide.
    pub(super) fn when_last(&self, weights: &Weights, tasks: u64, now: Nanos) -> Nanos {
        let windows = self
            .dimensions
            .iter()
            .zip(weights)
            .filter(|(dimension, _)| !dimension.quota);
        let by_limits = windows.map(|(dimension, weight)| dimension.when_last(*weight, tasks, now));
        let by_refusals = self.refusals.when_last(weights[0], tasks, now);
        by_limits.fold(by_refusals.max(self.closed_until), Nanos::max)
    }

    /// Forgets every start, what the provider said and the gate; sizes learned stay.
    pub fn reset(&mut self) {
        // Calls in flight belong to episodes before this one.
        self.refusals = self.refusals.forgotten();
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
            self.dimensions.push(Dimension::new(
                measure,
                None,
                self.limits.window,
                self.limits.guard,
                false,
            ));
        }
        let last = self.dimensions.len() - 1;
        self.dimensions
            .get_mut(found.unwrap_or(last))
            .filter(|d| d.measure == measure)
    }

    pub(super) fn window(&self) -> Nanos {
        self.limits.window
    }

    /// The dimension of `measure` over the window (not the day's).
    pub fn dimension(&self, measure: Measure) -> Option<&Dimension> {
        self.dimensions.iter().find(|d| d.measure == measure && !d.quota)
    }
}
