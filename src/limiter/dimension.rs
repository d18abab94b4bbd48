//! One dimension of a budget: a measure, its limit, its sliding window and its pace.

use super::{Nanos, Pace, SlidingWindow, Usage};

/// Most dimensions a budget can have.
pub const MAX_DIMENSIONS: usize = 6;

/// The weight of one start in each dimension of its budget, in the order of the dimensions.
pub type Weights = [u64; MAX_DIMENSIONS];

/// The slice that providers judge a limit by, as a share of the window: one second of a minute.
const SLICE: f64 = 1.0 / 60.0;

/// A quantity that a dimension counts.
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
    /// Returns the part of `usage` that counts here.
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
    /// The quantity it counts.
    pub measure: Measure,
    /// True if an exhausted limit is an error rather than a wait (a daily quota).
    pub quota: bool,
    limit: Option<u64>,
    provider_limit: Option<u64>,
    foreign: Option<Foreign>,
    window: Nanos,
    smooth: bool,
    slice: f64,
    /// True if the limit holds for the sum of the window, and not only for the pace.
    is_summed: bool,
    starts: SlidingWindow,
    pace: Pace,
}

impl Dimension {
    /// A dimension without load. `limit` of `None`: counted, not limited.
    pub fn new(measure: Measure, limit: Option<u64>, window: Nanos, guard: Nanos, quota: bool) -> Self {
        let starts = SlidingWindow::new(window, guard);
        Self {
            measure,
            quota,
            limit,
            provider_limit: None,
            foreign: None,
            window,
            smooth: false,
            slice: window as f64 * SLICE,
            is_summed: true,
            starts,
            pace: Pace::default(),
        }
    }

    /// Sets limit, window and pacing; what has started stays.
    pub fn configure(&mut self, limit: Option<u64>, window: Nanos, guard: Nanos, smooth: bool) {
        self.limit = limit;
        self.smooth = smooth;
        self.set_window(window, guard);
    }

    /// Sets the window; what has started stays.
    pub fn set_window(&mut self, window: Nanos, guard: Nanos) {
        self.window = window;
        self.slice = window as f64 * SLICE;
        self.starts.set_window(window, guard);
    }

    /// A copy of the starts without any limit.
    pub(super) fn unlimited(&self) -> Self {
        Self {
            limit: None,
            provider_limit: None,
            foreign: None,
            smooth: false,
            pace: Pace::default(),
            ..self.clone()
        }
    }

    /// Sets a limit that was learned. An even spread is then kept to the unit: there is no slice to spend at once.
    pub(super) fn learn(&mut self, limit: Option<u64>, smooth: bool) {
        self.limit = limit;
        self.smooth = smooth;
        self.slice = 0.0;
        // What started before the pace was known is past.
        self.is_summed = !smooth;
    }

    /// Lets the pace begin anew.
    pub(super) fn forget_pace(&mut self) {
        self.pace = Pace::default();
    }

    /// Returns whether nothing started in the window, nothing is reserved and no other load is known.
    pub fn is_idle(&self) -> bool {
        self.load() == 0 && self.foreign.is_none()
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
        self.starts.expire(now);
        if self.foreign.is_some_and(|foreign| foreign.until <= now) {
            self.foreign = None;
        }
    }

    /// Our weight in the window, reservations included.
    pub fn load(&self) -> u64 {
        self.starts.load()
    }

    /// Returns whether `weight` is more than the whole limit.
    pub fn is_oversized(&self, weight: u64) -> bool {
        self.limit().is_some_and(|limit| weight > limit)
    }

    /// Returns whether `weight` plus a `headroom` that must stay free fits at `now` (as of the last `expire`).
    pub fn admits(&self, weight: u64, headroom: u64, now: Nanos) -> bool {
        let Some(limit) = self.limit() else { return true };
        let load = self.starts.load() + self.foreign.map_or(0, |foreign| foreign.weight);
        // Larger than the limit: alone, in an empty window.
        let fits = if weight > limit {
            load == 0
        } else {
            load + weight <= limit.saturating_sub(headroom).max(weight)
        };
        (fits || !self.is_summed)
            && (!self.smooth || self.pace.earliest(weight, self.per_unit(limit), self.slice) <= now)
    }

    /// The time at which `weight` fits if nothing else starts; `None` while that depends on reservations that have not started.
    pub fn when(&self, weight: u64, headroom: u64) -> Option<Nanos> {
        let Some(limit) = self.limit() else { return Some(0) };
        if !self.is_summed {
            return Some(self.pace.earliest(weight, self.per_unit(limit), self.slice));
        }
        // An oversized weight needs an empty window, hence a target of 0.
        let target = limit
            .saturating_sub(headroom)
            .max(weight.min(limit))
            .saturating_sub(weight);
        let own = target.checked_sub(self.starts.reserved())?;
        let mut at = self.starts.when_at_most(own);
        if let Some(Foreign {
            weight: foreign,
            until,
        }) = self.foreign
        {
            let beside = own.checked_sub(foreign).map(|own| self.starts.when_at_most(own));
            at = beside.map_or(at.max(until), |beside| beside.min(at.max(until)));
        }
        if self.smooth {
            at = at.max(self.pace.earliest(weight, self.per_unit(limit), self.slice));
        }
        Some(at)
    }

    /// The weight left beside `weight` at `at`, when nothing else starts: a task that overtakes it may take as much.
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
            .saturating_sub(self.starts.load_at(at) + foreign + weight)
    }

    /// The time of the last of `tasks` starts of `weight` each, when nothing else starts. Whole windows pass for tasks that
    /// need whole limits; the rest start as the present window empties.
    pub fn when_last(&self, weight: u64, tasks: u64, now: Nanos) -> Nanos {
        let Some(limit) = self.limit().filter(|_| weight > 0) else {
            return now;
        };
        let per_window = (limit / weight).max(1);
        let windows = tasks.saturating_sub(1) / per_window;
        let rest = (tasks - windows * per_window).saturating_mul(weight);
        let own = self
            .starts
            .when_at_most(limit.saturating_sub(rest + self.starts.reserved()));
        let mut at = now;
        if self.is_summed {
            at = own.max(now).saturating_add(windows.saturating_mul(self.window));
        }
        if self.smooth {
            let spread = (tasks - 1) as f64 * weight as f64 * self.per_unit(limit);
            at = at.max(self.pace.earliest(weight, self.per_unit(limit), 0.0).max(now) + spread as Nanos);
        }
        at
    }

    /// Reserves.
    pub fn take(&mut self, weight: u64, now: Nanos) {
        self.starts.reserve(weight);
        if let Some(limit) = self.limit() {
            self.pace.take(weight, self.per_unit(limit), now);
        }
    }

    /// Gives a reservation back.
    pub fn release(&mut self, weight: u64) {
        self.starts.release(weight);
        self.correct_pace(weight, 0);
    }

    /// Books the start.
    pub fn stamp(&mut self, weight: u64, at: Nanos) -> Nanos {
        self.starts.stamp(weight, at)
    }

    /// Corrects the weight of a start, in the cell of its start.
    pub fn correct(&mut self, booked: Nanos, old: u64, new: u64) {
        self.starts.correct(booked, old, new);
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
        let free = limit.saturating_sub(self.starts.load());
        let until = reset.min(now + self.window);
        let weight = free.saturating_sub(remaining);
        self.foreign = (weight > 0 && until > now).then_some(Foreign { weight, until });
    }

    /// Forgets every start and everything the provider said.
    pub fn reset(&mut self) {
        self.starts.clear();
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
}
