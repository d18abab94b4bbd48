//! A million random schedules on a virtual clock, each start checked against a list that remembers everything, and every
//! window of the real start times added up.

use super::budget::Spent;
use super::*;

/// `SplitMix64`: a schedule is its seed.
pub(super) struct Random(pub u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    pub fn below(&mut self, bound: u64) -> u64 {
        self.next() % bound
    }

    pub fn one_in(&mut self, n: u64) -> bool {
        self.below(n) == 0
    }
}

/// A start as an observer sees it: granted, then really called, then stamped.
struct Start {
    /// `None` while only reserved.
    stamp: Option<Nanos>,
    really: Nanos,
    ticket: Ticket,
    calls: u64,
    tokens: u64,
    settled: bool,
    released: bool,
}

pub(super) const WINDOW: Nanos = 60_000;
const CELL: Nanos = WINDOW / 3000;

struct Schedule {
    random: Random,
    line: Line,
    limits: Limits,
    now: Nanos,
    starts: Vec<Start>,
    index: u64,
    debts: bool,
    changed: bool,
    oversized: bool,
}

impl Schedule {
    fn new(seed: u64) -> Self {
        let mut random = Random(seed);
        let limits = Limits {
            requests: if random.one_in(5) {
                f64::INFINITY
            } else {
                (1 + random.below(12)) as f64
            },
            tokens: if random.one_in(3) {
                f64::INFINITY
            } else {
                (50 + random.below(1000)) as f64
            },
            window: WINDOW,
            guard: if random.one_in(2) { 0 } else { random.below(300) },
            pacing: if random.one_in(4) {
                Pacing::Smooth
            } else {
                Pacing::Burst
            },
            slots: 1 + random.below(4),
            ..Limits::default()
        };
        let line = Line::new(Budget::new(&limits));
        let debts = random.one_in(4);
        let (starts, now) = (Vec::new(), random.below(1 << 40));
        Self {
            random,
            line,
            limits,
            now,
            starts,
            index: 0,
            debts,
            changed: false,
            oversized: false,
        }
    }

    /// The load in the window at the latest possible time, by the list: `keep` is how long a start stays.
    fn load(&self, keep: Nanos) -> (u64, u64) {
        let inside = |s: &&Start| !s.released && s.stamp.is_none_or(|at| at + keep > self.now);
        self.starts
            .iter()
            .filter(inside)
            .fold((0, 0), |(calls, tokens), s| (calls + s.calls, tokens + s.tokens))
    }

    fn fits(&self, keep: Nanos, calls: u64, tokens: u64) -> bool {
        let (used_calls, used_tokens) = self.load(keep);
        let fits = |used: u64, weight: u64, limit: f64| {
            let whole = if weight as f64 > limit {
                used == 0
            } else {
                (used + weight) as f64 <= limit
            };
            limit.is_infinite() || whole
        };
        fits(used_calls, calls, self.limits.requests) && fits(used_tokens, tokens, self.limits.tokens)
    }

    fn push(&mut self) {
        for _ in 0..=self.random.below(6) {
            let size = if self.random.one_in(6) {
                Size::UNKNOWN
            } else {
                let large = if self.random.one_in(12) { 1500 } else { 150 };
                Size::tokens(self.random.below(large), self.random.below(large))
            };
            let priority = self.random.below(3) as f64;
            let entry = Entry {
                priority,
                ..Entry::new(0, self.index, size)
            };
            self.line.queue.push(entry, self.now);
            self.index += 1 + self.random.below(2);
        }
    }

    /// Starts all that may start; returns until when the line is blocked.
    fn start(&mut self) -> Option<Nanos> {
        loop {
            match self.line.step(self.now, 1 + self.random.below(3) as usize) {
                Step::Start { entry, ticket, .. } => {
                    let (calls, tokens) = (ticket.weights[0], ticket.weights[1]);
                    assert!(
                        self.fits(WINDOW + self.limits.guard, calls, tokens),
                        "{entry:?} started on {:?}",
                        self.load(WINDOW)
                    );
                    let over = |weight: u64, limit: f64| weight as f64 > limit;
                    self.oversized |= over(calls, self.limits.requests) || over(tokens, self.limits.tokens);
                    self.starts.push(Start {
                        stamp: None,
                        really: self.now,
                        ticket,
                        calls,
                        tokens,
                        settled: false,
                        released: false,
                    });
                }
                Step::Blocked(wait) => {
                    assert!(wait.until > self.now, "blocked until a time that has come");
                    self.check_block();
                    return Some(wait.until);
                }
                Step::AfterStamp | Step::Empty => return None,
                Step::AfterProbe | Step::GivenUp { .. } => panic!("nothing was refused"),
                Step::Exhausted { .. } => panic!("no quota was set"),
            }
        }
    }

    /// The line may hold a start back for a cell's width and an overrun of estimates, and for the pace, not for more.
    fn check_block(&self) {
        let head = self.line.queue.head().expect("blocked, so something waits");
        if let (Some(usage), Pacing::Burst) = (head.size.usage(), self.limits.pacing) {
            let fits = self.fits(WINDOW + self.limits.guard + CELL, 1, usage.input + usage.output);
            assert!(
                !fits,
                "{head:?} is held back on {:?} of {:?}",
                self.load(WINDOW),
                self.limits
            );
        }
    }

    /// Starts what was granted somewhat later, or not at all; the stamp comes after a stall.
    fn stamp(&mut self) {
        for start in self
            .starts
            .iter_mut()
            .filter(|s| s.stamp.is_none() && !s.released)
        {
            if self.random.one_in(8) {
                self.line.budget.release(&start.ticket);
                start.released = true;
                continue;
            }
            let stall = if self.random.one_in(6) { WINDOW / 4 } else { 30 };
            let before = self.now;
            self.now += self.random.below(stall);
            start.really = before + self.random.below(self.now - before + 1);
            self.line.budget.stamp(&mut start.ticket, self.now);
            start.stamp = Some(self.now);
        }
    }

    fn settle(&mut self) {
        for start in self.starts.iter_mut().filter(|s| s.stamp.is_some() && !s.settled) {
            if !self.random.one_in(3) {
                continue;
            }
            start.settled = true;
            let room = if self.debts {
                start.tokens * 2
            } else {
                start.tokens
            };
            let output = self.random.below(room + 1);
            let spent = match self.random.below(8) {
                0 => Spent::Unknown,
                1 => Spent::GivenUp,
                2 => Spent::Nothing,
                _ => Spent::Known(Usage {
                    requests: 1,
                    input: 0,
                    output,
                    cached_input: 0,
                }),
            };
            self.line.budget.settle(&start.ticket, spent, self.now);
            (start.calls, start.tokens) = match spent {
                Spent::Known(usage) => (start.calls, usage.output),
                Spent::GivenUp if start.ticket.basis != Basis::Guessed => (start.calls, start.tokens),
                Spent::Nothing => (0, 0),
                Spent::Unknown | Spent::GivenUp | Spent::Failed | Spent::Unreported { .. } => {
                    (start.calls, 0)
                }
            };
        }
    }

    fn change_limits(&mut self) {
        self.changed = true;
        self.limits.requests = (1 + self.random.below(12)) as f64;
        self.limits.tokens = (50 + self.random.below(1000)) as f64;
        self.line.budget.configure(&self.limits);
    }

    fn run(mut self) {
        for _ in 0..6 + self.random.below(12) {
            if self.random.one_in(2) || self.line.queue.is_empty() {
                self.push();
            }
            let blocked = self.start();
            self.stamp();
            self.settle();
            if self.random.one_in(20) {
                self.change_limits();
            }
            if self.random.one_in(20) {
                let _ = self.line.queue.remove(0, self.random.below(self.index + 1));
            }
            // Woken when it asked to be, late, or for another reason.
            let wake = blocked.unwrap_or(self.now).max(self.now);
            self.now = match self.random.below(4) {
                0 => self.now + self.random.below(WINDOW / 2),
                1 => wake + self.random.below(WINDOW / 8),
                _ => wake,
            };
        }
        if !self.changed && !self.debts && !self.oversized {
            self.check_every_window();
        }
    }

    /// Every window of the real start times, whatever the limiter thought.
    fn check_every_window(&mut self) {
        self.starts.retain(|s| !s.released && s.stamp.is_some());
        self.starts.sort_by_key(|s| s.really);
        let (mut calls, mut tokens, mut oldest) = (0, 0, 0);
        for newest in 0..self.starts.len() {
            calls += self.starts[newest].calls;
            tokens += self.starts[newest].tokens;
            while self.starts[oldest].really + WINDOW <= self.starts[newest].really {
                calls -= self.starts[oldest].calls;
                tokens -= self.starts[oldest].tokens;
                oldest += 1;
            }
            assert!(
                calls as f64 <= self.limits.requests,
                "{calls} calls of {}",
                self.limits.requests
            );
            assert!(
                tokens as f64 <= self.limits.tokens,
                "{tokens} tokens of {}",
                self.limits.tokens
            );
        }
    }
}

/// A quarter of the million; the quarters run side by side.
fn schedules(from: u64) {
    for seed in from..from + 250_000 {
        let outcome = std::panic::catch_unwind(|| Schedule::new(seed).run());
        assert!(outcome.is_ok(), "the schedule of seed {seed} fails");
    }
}

#[test]
fn no_window_of_a_million_random_schedules_is_over_a_limit_1() {
    schedules(0);
}

#[test]
fn no_window_of_a_million_random_schedules_is_over_a_limit_2() {
    schedules(250_000);
}

#[test]
fn no_window_of_a_million_random_schedules_is_over_a_limit_3() {
    schedules(500_000);
}

#[test]
fn no_window_of_a_million_random_schedules_is_over_a_limit_4() {
    schedules(750_000);
}
