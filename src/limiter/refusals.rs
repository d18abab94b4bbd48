//! Refusals of one key: when calls may start again after the provider has refused some without saying when to come back, and
//! which limit the refusals teach.
//!
//! - A refusal closes the key. Calls that were under way at that time belong to the same episode and close it no further.
//! - The key reopens after an exponential backoff with full jitter, for a single probe. Every call that passes lets one
//!   more be in flight, which doubles them in each round trip.
//! - The lesson starts as "what passed in one window is the limit of a window". A probe that passes before that limit
//!   allows it proves the window shorter, and the lesson becomes a pace. A pace that keeps no refusal away is dropped.
//! - A lesson grows with what passes, faster the longer nothing is refused.
//!
//! All calls are O(1) amortised, but for closing the key under a lesson, which is O(cells).

use super::{Backoff, Dimension, Limits, Nanos, nanos};

/// The reason of a provider's refusal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refusal {
    /// Too many calls or tokens (429): what passed teaches a limit.
    Rate,
    /// The provider is overloaded (529): says nothing about a limit.
    Overload,
}

/// The part of refusals in the decision on a start.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Gate {
    /// They do not stand in the way.
    Open,
    /// At this time at the earliest.
    Until(Nanos),
    /// Closed until a call under way has ended.
    AfterProbe,
    /// Closed until the starts granted so far are stamped.
    AfterStamp,
    /// Nothing has passed for too long.
    GivenUp,
}

/// The provider's limit as the refusals so far show it.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Lesson {
    /// Nothing was refused for its rate.
    None,
    /// At most `limit` calls in any window. `proven`: a window after which calls passed was predicted.
    Window { limit: f64, proven: bool },
    /// `limit` calls in a window, evenly spread. `strikes` counts refusals in spite of the pace.
    Pace { limit: f64, strikes: u32 },
    /// Refusals do not depend on how often calls start.
    Unrelated,
}

/// A pace is reduced to this share of what it was.
const CUT: f64 = 0.9;
/// Growth of a window's limit for each call that passes: a twentieth of itself in a window.
const GROWTH: f64 = 0.05;
/// Growth of a pace for each call that passes, as a share: it makes up for a cut in twenty calls.
const PACE_GROWTH: f64 = 0.005;
/// After each so many calls without a refusal the growth of a pace doubles.
const DOUBLING: u64 = 10;
/// Calls that pass between two refusals when a pace is about right.
const PASSED_UNDER_PACE: u64 = 10;
/// A pace with so many more refusals than successes is dropped.
const STRIKES: u32 = 8;

/// The state of one key.
#[derive(Debug, Clone)]
pub(super) struct Refusals {
    /// Closures so far; a call belongs to the one that it started after.
    episode: u32,
    closed_until: Nanos,
    given_up: bool,
    /// Nothing has passed since then; `None` when nothing was refused since the last call that passed.
    silent_since: Option<Nanos>,
    refused_probes: u32,
    /// The next probe by the backoff alone.
    backoff_until: Nanos,
    /// The key reopens when the lesson says so, not by the backoff.
    is_predicted: bool,
    /// Calls of this episode that may be in flight; `None` when any number may.
    allowance: Option<u64>,
    in_flight: u64,
    /// No call of this episode has passed yet.
    probing: bool,
    lesson: Lesson,
    /// Calls that were not refused, once something was.
    accepted: Option<Box<Dimension>>,
    /// The time and the episode of the refusal that the pace is measured from.
    first_refusal: Nanos,
    first_episode: u32,
    last_refusal: Nanos,
    passed: u64,
    passed_since_first: u64,
}

impl Default for Refusals {
    fn default() -> Self {
        Self {
            episode: 0,
            closed_until: 0,
            given_up: false,
            silent_since: None,
            refused_probes: 0,
            backoff_until: 0,
            is_predicted: false,
            allowance: None,
            in_flight: 0,
            probing: false,
            lesson: Lesson::None,
            accepted: None,
            first_refusal: 0,
            first_episode: 0,
            last_refusal: 0,
            passed: 0,
            passed_since_first: 0,
        }
    }
}

impl Refusals {
    /// The episode that a call starting now belongs to.
    pub fn episode(&self) -> u32 {
        self.episode
    }

    /// Returns whether nothing of what was learned is of use any more.
    pub fn is_idle(&self, now: Nanos) -> bool {
        self.closed_until <= now && self.silent_since.is_none()
    }

    /// Brings the window up to `now`.
    pub fn expire(&mut self, now: Nanos) {
        if let Some(accepted) = &mut self.accepted {
            accepted.expire(now);
        }
    }

    /// Returns whether a start of `weight` calls may happen.
    pub fn gate(&self, weight: u64, now: Nanos) -> Gate {
        if self.given_up && self.closed_until > now {
            return Gate::GivenUp;
        }
        if self.closed_until > now {
            return Gate::Until(self.closed_until);
        }
        if self.allowance.is_some_and(|most| self.in_flight >= most) {
            return Gate::AfterProbe;
        }
        match &self.accepted {
            Some(accepted) if !self.probing && !accepted.admits(weight, 0, now) => accepted
                .when(weight, 0)
                .map_or(Gate::AfterStamp, |at| Gate::Until(at.max(now + 1))),
            _ => Gate::Open,
        }
    }

    /// The limit learned, in calls per window.
    pub fn limit(&self) -> Option<u64> {
        self.accepted.as_ref().and_then(|accepted| accepted.limit())
    }

    /// The time of the last of `tasks` starts, as far as is known.
    pub fn when_last(&self, weight: u64, tasks: u64, now: Nanos) -> Nanos {
        let learned = self
            .accepted
            .as_ref()
            .map_or(now, |accepted| accepted.when_last(weight, tasks, now));
        learned.max(self.closed_until)
    }

    /// The weight that others may take beside a start of `weight` at `at`.
    pub fn slack(&self, weight: u64, at: Nanos) -> u64 {
        self.accepted
            .as_ref()
            .map_or(u64::MAX, |accepted| accepted.slack(weight, 0, at))
    }

    /// A call starts.
    pub fn take(&mut self, weight: u64, now: Nanos) {
        self.in_flight += 1;
        if let Some(accepted) = &mut self.accepted {
            accepted.take(weight, now);
        }
    }

    /// The start did not happen.
    pub fn release(&mut self, weight: u64, episode: u32) {
        self.ended(episode);
        if let Some(accepted) = &mut self.accepted {
            accepted.release(weight);
        }
    }

    /// The start happened.
    pub fn stamp(&mut self, weight: u64, at: Nanos) {
        if let Some(accepted) = &mut self.accepted {
            accepted.stamp(weight, at);
        }
    }

    /// A call of `episode` ended without a refusal and without an answer of the provider.
    pub fn ended(&mut self, episode: u32) {
        if episode == self.episode {
            self.in_flight = self.in_flight.saturating_sub(1);
        }
    }

    /// A call started at `booked` was answered from a cache.
    pub fn forget(&mut self, booked: Nanos, weight: u64) {
        if let Some(accepted) = &mut self.accepted {
            accepted.correct(booked, weight, 0);
        }
    }

    /// The provider answered a call of `episode`.
    pub fn passed(&mut self, episode: u32, slots: u64, now: Nanos) {
        self.ended(episode);
        if self.silent_since.is_some() {
            self.silent_since = None;
            self.given_up = false;
        }
        // Calls that were under way at the first refusal belong to the burst before it.
        if episode >= self.first_episode {
            self.passed += 1;
            self.passed_since_first += 1;
        }
        if episode != self.episode {
            return;
        }
        if self.probing {
            self.probing = false;
            self.refused_probes = 0;
            tracing::info!(target: "ai_evals::limiter", "calls start again after a refusal");
            self.check(now);
        }
        // Twice as many in each round trip, until the slots are what bounds them.
        self.allowance = self.allowance.map(|most| most + 1).filter(|most| *most < slots);
        self.grow(now);
    }

    /// A probe has passed: is the window as long as was thought?
    fn check(&mut self, now: Nanos) {
        let Some(accepted) = &mut self.accepted else {
            return;
        };
        accepted.expire(now);
        let load = accepted.load() as f64;
        self.lesson = match self.lesson {
            Lesson::Window { limit, .. } if load + f64::from(!self.is_predicted) > limit => {
                // The pace is measured from the last time at which nothing was left.
                (self.first_refusal, self.first_episode) = (self.last_refusal, self.episode);
                self.passed_since_first = 1;
                Lesson::Pace {
                    limit: f64::INFINITY,
                    strikes: 0,
                }
            }
            Lesson::Window { limit, proven } => Lesson::Window {
                limit,
                proven: proven || self.is_predicted,
            },
            other => other,
        };
    }

    fn grow(&mut self, now: Nanos) {
        let Some(accepted) = &self.accepted else { return };
        let windows = now.saturating_sub(self.last_refusal) / accepted.window().max(1);
        let faster = |steps: u64| (steps.min(20) as f64).exp2();
        match &mut self.lesson {
            Lesson::Window { limit, .. } => *limit += GROWTH * faster(windows),
            Lesson::Pace { limit, .. } => {
                let steps = windows.max(self.passed / DOUBLING).min(4);
                *limit *= 1.0 + PACE_GROWTH * faster(steps);
            }
            Lesson::None | Lesson::Unrelated => return,
        }
        self.apply();
    }

    /// A refusal with a time: nothing is learned, but nothing has passed either. Returns whether to give up.
    pub fn held(&mut self, episode: u32, policy: &Backoff, now: Nanos) -> bool {
        self.ended(episode);
        let since = *self.silent_since.get_or_insert(now);
        self.given_up = now.saturating_sub(since) >= nanos(policy.max_wait);
        self.given_up
    }

    /// The provider refused a call of `episode` that was booked at `booked`, and did not say when to come back. `calls` is
    /// the key's window of calls, `random` is from 0 to 1. Returns whether to give up.
    #[allow(clippy::too_many_arguments)]
    pub fn refused(
        &mut self,
        refusal: Refusal,
        (episode, booked, weight): (u32, Nanos, u64),
        calls: &Dimension,
        limits: &Limits,
        policy: &Backoff,
        random: f64,
        now: Nanos,
    ) -> bool {
        if refusal == Refusal::Rate {
            self.accepted
                .get_or_insert_with(|| Box::new(calls.unlimited()))
                .correct(booked, weight, 0);
        }
        let give_up_at = self
            .silent_since
            .unwrap_or(now)
            .saturating_add(nanos(policy.max_wait));
        if episode == self.episode {
            self.silent_since.get_or_insert(now);
            self.close(refusal, limits.window, now);
            self.refused_probes += 1;
            self.backoff_until = now.saturating_add(nanos(policy.delay(self.refused_probes, random)).max(1));
            self.given_up = now >= give_up_at;
        } else if self.probing {
            // Under way when the key was closed, it was counted among the calls that pass.
            self.recount(now);
        } else {
            return self.given_up;
        }
        self.closed_until = if self.given_up {
            now.saturating_add(nanos(policy.max_delay))
        } else {
            self.opens(refusal, weight, now).min(give_up_at)
        };
        self.is_predicted = self.closed_until != self.backoff_until;
        if self.given_up {
            tracing::warn!(target: "ai_evals::limiter", "a provider refuses all calls; waiting tasks are given up");
        } else {
            tracing::info!(
                target: "ai_evals::limiter",
                ms = self.closed_until.saturating_sub(now) / 1_000_000,
                reason = ?refusal,
                "a provider refused a call; no other starts for a while"
            );
        }
        self.given_up
    }

    /// Begins an episode.
    fn close(&mut self, refusal: Refusal, window: Nanos, now: Nanos) {
        let was_probe = std::mem::replace(&mut self.probing, true);
        self.episode = self.episode.wrapping_add(1);
        (self.in_flight, self.allowance) = (0, Some(1));
        if refusal == Refusal::Overload {
            return;
        }
        match &mut self.lesson {
            // The time predicted was wrong, or there was no room for even one call more.
            Lesson::Window { proven, .. } if was_probe => {
                *proven = false;
                self.recount(now);
            }
            _ if was_probe => {}
            _ => self.learn(now, window),
        }
        (self.last_refusal, self.passed) = (now, 0);
    }

    fn recount(&mut self, now: Nanos) {
        let Some(accepted) = &mut self.accepted else {
            return;
        };
        accepted.expire(now);
        if let Lesson::Window { limit, .. } = &mut self.lesson {
            *limit = limit.min(accepted.load() as f64).max(1.0);
        }
        self.apply();
    }

    /// The time of the next probe: by the backoff, or when the lesson lets something start.
    fn opens(&self, refusal: Refusal, weight: u64, now: Nanos) -> Nanos {
        let Some(accepted) = self.accepted.as_ref().filter(|_| refusal == Refusal::Rate) else {
            return self.backoff_until;
        };
        match (self.lesson, accepted.when(weight, 0)) {
            (Lesson::Window { proven: true, .. }, Some(at)) if at > now => at,
            (Lesson::Window { proven: false, .. }, Some(at)) if at > now => self.backoff_until.min(at),
            _ => self.backoff_until,
        }
    }

    fn learn(&mut self, now: Nanos, window: Nanos) {
        let Some(accepted) = &mut self.accepted else {
            return;
        };
        accepted.expire(now);
        let count = (accepted.load() as f64).max(1.0);
        // From one time at which nothing was left to another, as much passes as the provider allows.
        let elapsed = now.saturating_sub(self.first_refusal).max(1);
        let measured = self.passed_since_first as f64 * (window as f64 / elapsed as f64);
        self.lesson = match self.lesson {
            Lesson::None => Lesson::Window {
                limit: count,
                proven: false,
            },
            Lesson::Window { proven, .. } => Lesson::Window { limit: count, proven },
            Lesson::Pace { limit, strikes } if limit.is_finite() && self.passed >= PASSED_UNDER_PACE => {
                Lesson::Pace {
                    // A pace that has grown far beyond what passes is not cut but measured again.
                    limit: if limit > 2.0 * measured {
                        measured
                    } else {
                        limit * CUT
                    },
                    strikes: strikes.saturating_sub(1),
                }
            }
            Lesson::Pace { strikes, .. } if strikes + 1 >= STRIKES => Lesson::Unrelated,
            Lesson::Pace { strikes, .. } => Lesson::Pace {
                limit: (measured * CUT).max(1.0),
                strikes: strikes + 1,
            },
            // After a window without a refusal they may depend on it again.
            Lesson::Unrelated if now.saturating_sub(self.last_refusal) >= window => Lesson::Window {
                limit: count,
                proven: false,
            },
            Lesson::Unrelated => Lesson::Unrelated,
        };
        if elapsed >= window {
            (self.first_refusal, self.first_episode, self.passed_since_first) = (now, self.episode, 0);
        }
        accepted.forget_pace();
        tracing::info!(target: "ai_evals::limiter", lesson = ?self.lesson, "refusals taught a limit");
        self.apply();
    }

    fn apply(&mut self) {
        let Some(accepted) = &mut self.accepted else {
            return;
        };
        let (limit, smooth) = match self.lesson {
            Lesson::None | Lesson::Unrelated => (f64::INFINITY, false),
            Lesson::Window { limit, .. } => (limit, false),
            Lesson::Pace { limit, .. } => (limit, true),
        };
        accepted.learn((limit < 1e9).then_some(limit as u64), smooth);
    }

    /// Puts the window in force.
    pub fn configure(&mut self, limits: &Limits) {
        if let Some(accepted) = &mut self.accepted {
            accepted.set_window(limits.window, limits.guard);
        }
    }

    /// Nothing learned, nothing closed; calls in flight belong to an episode that is over.
    pub fn forgotten(&self) -> Self {
        Self {
            episode: self.episode.wrapping_add(1),
            ..Self::default()
        }
    }

    /// Tries again at once what was given up.
    pub fn try_again(&mut self) {
        if self.given_up {
            (self.given_up, self.closed_until, self.silent_since) = (false, 0, None);
        }
    }
}
