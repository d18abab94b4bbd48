//! One dimension of a budget: what it measures, its limit, its ledger and its pace.

use super::{Ledger, Nanos, Pace, Usage};

/// Most dimensions a budget can have.
pub const MAX_DIMENSIONS: usize = 6;

/// The weight of one start in each dimension of its budget, in the order of the dimensions.
pub type Weights = [u64; MAX_DIMENSIONS];

/// What providers judge a limit by, as a share of the window: one second of a minute.
const SLICE: f64 = 1.0 / 60.0;

/// What a dimension counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Measure {
    /// Calls.
    Requests,
    /// Input and output tokens together.
    Tokens,
    /// Tokens of the prompt, those read from the provider's cache apart.
    InputTokens,
    /// Tokens of the answer.
    OutputTokens,
}

impl Measure {
    /// What of `usage` counts here.
    pub fn of(self, usage: Usage) -> u64 {
        match self {
            Self::Requests => usage.requests,
            Self::Tokens => usage.input.saturating_add(usage.output),
            Self::InputTokens => usage.input,
            Self::OutputTokens => usage.output,
        }
    }
}

/// Load the provider sees and we do not (another process, say), until it is known to be gone.
#[derive(Debug, Clone, Copy)]
struct Foreign {
    weight: u64,
    until: Nanos,
}

/// A limit on one measure in any window.
#[derive(Debug, Clone)]
pub struct Dimension {
    /// What it counts.
    pub measure: Measure,
    /// Whether an exhausted limit is an error rather than a wait (a daily quota).
    pub quota: bool,
    limit: Option<u64>,
    provider_limit: Option<u64>,
    foreign: Option<Foreign>,
    window: Nanos,
    smooth: bool,
    ledger: Ledger,
    pace: Pace,
}

impl Dimension {
    /// A dimension without load. `limit` of `None`: counted, not limited.
    pub fn new(measure: Measure, limit: Option<u64>, window: Nanos, guard: Nanos, quota: bool) -> Self {
        let (ledger, pace) = (Ledger::new(window, guard), Pace::default());
        Self {
            measure,
            quota,
            limit,
            provider_limit: None,
            foreign: None,
            window,
            smooth: false,
            ledger,
            pace,
        }
    }

    /// Sets limit, window and pacing; what has started stays.
    pub fn configure(&mut self, limit: Option<u64>, window: Nanos, guard: Nanos, smooth: bool) {
        self.limit = limit;
        self.window = window;
        self.smooth = smooth;
        self.ledger.set_window(window, guard);
    }

    /// The limit in force: ours or the provider's, whichever is tighter.
    pub fn limit(&self) -> Option<u64> {
        match (self.limit, self.provider_limit) {
            (Some(own), Some(provider)) => Some(own.min(provider)),
            (own, provider) => own.or(provider),
        }
    }

    /// The window.
    pub fn window(&self) -> Nanos {
        self.window
    }

    /// Brings the window up to `now`.
    pub fn expire(&mut self, now: Nanos) {
        self.ledger.expire(now);
        if self.foreign.is_some_and(|foreign| foreign.until <= now) {
            self.foreign = None;
        }
    }

    /// Our weight in the window, reservations included.
    pub fn load(&self) -> u64 {
        self.ledger.load()
    }

    /// Whether `weight` is more than the whole limit.
    pub fn is_oversized(&self, weight: u64) -> bool {
        self.limit().is_some_and(|limit| weight > limit)
    }

    /// Whether `weight` plus a `headroom` that must stay free fits at `now` (as of the last `expire`).
    pub fn admits(&self, weight: u64, headroom: u64, now: Nanos) -> bool {
        let Some(limit) = self.limit() else { return true };
        let load = self.ledger.load() + self.foreign.map_or(0, |foreign| foreign.weight);
        // Larger than the limit: alone, in an empty window.
        let fits = if weight > limit {
            load == 0
        } else {
            load + weight <= limit.saturating_sub(headroom).max(weight)
        };
        fits && (!self.smooth || self.pace.earliest(weight, self.per_unit(limit), self.slice()) <= now)
    }

    /// When `weight` fits if nothing else starts; `None` while that depends on reservations that have not started.
    pub fn when(&self, weight: u64, headroom: u64) -> Option<Nanos> {
        let Some(limit) = self.limit() else { return Some(0) };
        // An oversized weight needs an empty window, hence a target of 0.
        let target = limit
            .saturating_sub(headroom)
            .max(weight.min(limit))
            .saturating_sub(weight);
        let own = target.checked_sub(self.ledger.reserved())?;
        let mut at = self.ledger.when_at_most(own);
        if let Some(Foreign {
            weight: foreign,
            until,
        }) = self.foreign
        {
            let beside = own.checked_sub(foreign).map(|own| self.ledger.when_at_most(own));
            at = beside.map_or(at.max(until), |beside| beside.min(at.max(until)));
        }
        if self.smooth {
            at = at.max(self.pace.earliest(weight, self.per_unit(limit), self.slice()));
        }
        Some(at)
    }

    /// What is left beside `weight` at `at`, when nothing else starts: what a task that overtakes it may take.
    pub fn slack(&self, weight: u64, headroom: u64, at: Nanos) -> u64 {
        let Some(limit) = self.limit() else {
            return u64::MAX;
        };
        if self.smooth || weight > limit {
            return 0;
        }
        let foreign = self
            .foreign
            .filter(|foreign| foreign.until > at)
            .map_or(0, |foreign| foreign.weight);
        limit
            .saturating_sub(headroom)
            .saturating_sub(self.ledger.load_at(at) + foreign + weight)
    }

    /// When the last of `tasks` starts of `weight` each may happen, when nothing else starts: whole windows pass for what
    /// whole limits are needed for, and what is left over starts as the present window empties.
    pub fn when_last(&self, weight: u64, tasks: u64, now: Nanos) -> Nanos {
        let Some(limit) = self.limit().filter(|_| weight > 0) else {
            return now;
        };
        let per_window = (limit / weight).max(1);
        let windows = tasks.saturating_sub(1) / per_window;
        let rest = (tasks - windows * per_window).saturating_mul(weight);
        let own = self
            .ledger
            .when_at_most(limit.saturating_sub(rest + self.ledger.reserved()));
        let mut at = own.max(now).saturating_add(windows.saturating_mul(self.window));
        if self.smooth {
            let spread = (tasks - 1) as f64 * weight as f64 * self.per_unit(limit);
            at = at.max(self.pace.earliest(weight, self.per_unit(limit), 0.0).max(now) + spread as Nanos);
        }
        at
    }

    /// Reserves.
    pub fn take(&mut self, weight: u64, now: Nanos) {
        self.ledger.reserve(weight);
        if let Some(limit) = self.limit() {
            self.pace.take(weight, self.per_unit(limit), now);
        }
    }

    /// Gives a reservation back.
    pub fn release(&mut self, weight: u64) {
        self.ledger.release(weight);
        self.correct_pace(weight, 0);
    }

    /// Books the start.
    pub fn stamp(&mut self, weight: u64, at: Nanos) -> Nanos {
        self.ledger.stamp(weight, at)
    }

    /// Corrects the weight of a start, in the cell of its start.
    pub fn correct(&mut self, booked: Nanos, old: u64, new: u64) {
        self.ledger.correct(booked, old, new);
        self.correct_pace(old, new);
    }

    /// Takes over what the provider says; only ever tightens. `remaining` of the provider's is left until `reset`.
    pub fn observe(&mut self, limit: Option<u64>, remaining: Option<u64>, reset: Nanos, now: Nanos) {
        if let Some(limit) = limit {
            self.provider_limit = Some(limit.max(1));
        }
        let (Some(limit), Some(remaining)) = (self.limit(), remaining) else {
            return;
        };
        self.expire(now);
        let free = limit.saturating_sub(self.ledger.load());
        let until = reset.min(now + self.window);
        let weight = free.saturating_sub(remaining);
        self.foreign = (weight > 0 && until > now).then_some(Foreign { weight, until });
    }

    /// Forgets every start and everything the provider said.
    pub fn reset(&mut self) {
        self.ledger.clear();
        self.pace = Pace::default();
        self.provider_limit = None;
        self.foreign = None;
    }

    fn correct_pace(&mut self, old: u64, new: u64) {
        if let Some(limit) = self.limit() {
            self.pace.correct(new as f64 - old as f64, self.per_unit(limit));
        }
    }

    fn per_unit(&self, limit: u64) -> f64 {
        self.window as f64 / limit as f64
    }

    fn slice(&self) -> f64 {
        self.window as f64 * SLICE
    }
}
