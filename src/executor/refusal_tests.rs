//! Runs against servers that refuse calls without saying when to come back, on virtual time.

use std::collections::VecDeque;

use super::*;
use crate::limiter::{Backoff, Entry, Limits, MILLISECOND, Nanos, Refusal, Size, Spent};

const SECOND: Nanos = 1000 * MILLISECOND;
const MINUTE: Nanos = 60 * SECOND;

/// `SplitMix64`, as a number from 0 to 1.
struct Random(u64);

impl Random {
    fn next(&mut self) -> f64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((z ^ (z >> 31)) >> 11) as f64 / (1u64 << 53) as f64
    }
}

/// A server's way to limit its calls.
enum Server {
    /// So many in any window.
    Sliding {
        limit: usize,
        window: Nanos,
        starts: VecDeque<Nanos>,
    },
    /// So many in each window since the epoch less a phase.
    Fixed {
        limit: usize,
        window: Nanos,
        phase: Nanos,
        current: Nanos,
        count: usize,
    },
    /// A bucket that holds so many and is filled evenly.
    Bucket {
        size: f64,
        per_second: f64,
        level: f64,
        at: Nanos,
    },
    /// So many at once.
    InFlight { most: usize },
    /// A share of the calls, whatever their rate.
    AtRandom { share: f64 },
    /// All.
    Down,
}

impl Server {
    fn sliding(limit: usize, window: Nanos) -> Self {
        Self::Sliding {
            limit,
            window,
            starts: VecDeque::new(),
        }
    }

    fn bucket(size: f64, per_second: f64) -> Self {
        Self::Bucket {
            size,
            per_second,
            level: size,
            at: 0,
        }
    }

    fn admits(&mut self, now: Nanos, in_flight: usize, random: &mut Random) -> bool {
        match self {
            Self::Sliding {
                limit,
                window,
                starts,
            } => {
                while starts.front().is_some_and(|at| at + *window <= now) {
                    starts.pop_front();
                }
                let admitted = starts.len() < *limit;
                if admitted {
                    starts.push_back(now);
                }
                admitted
            }
            Self::Fixed {
                limit,
                window,
                phase,
                current,
                count,
            } => {
                let this = (now + *phase) / *window;
                if this != *current {
                    (*current, *count) = (this, 0);
                }
                *count += 1;
                *count <= *limit
            }
            Self::Bucket {
                size,
                per_second,
                level,
                at,
            } => {
                *level = (*level + (now - *at) as f64 / 1e9 * *per_second).min(*size);
                *at = now;
                let admitted = *level >= 1.0;
                if admitted {
                    *level -= 1.0;
                }
                admitted
            }
            Self::InFlight { most } => in_flight <= *most,
            Self::AtRandom { share } => random.next() >= *share,
            Self::Down => false,
        }
    }
}

/// The outcome of a run.
#[derive(Debug)]
struct Outcome {
    answered: u64,
    failed: u64,
    refused: u64,
    took: f64,
    most_in_flight: usize,
}

struct Setup {
    tasks: u64,
    slots: usize,
    latency: Nanos,
    adaptive: bool,
    attempts: u32,
    max_wait: f64,
    refusal: Refusal,
    seed: u64,
}

impl Default for Setup {
    fn default() -> Self {
        Self {
            tasks: 600,
            slots: 10,
            latency: 200 * MILLISECOND,
            adaptive: false,
            attempts: 3,
            max_wait: 600_000.0,
            refusal: Refusal::Rate,
            seed: 1,
        }
    }
}

/// Runs the tasks of one key for each server.
fn run(mut servers: Vec<Server>, setup: &Setup) -> Outcome {
    let mut random = Random(setup.seed);
    let mut scheduler = Scheduler::new(setup.slots, setup.seed);
    let backoff = Backoff {
        base_delay: 500.0,
        max_delay: 30_000.0,
        max_wait: setup.max_wait,
    };
    let retry = RetryPolicy {
        max_attempts: setup.attempts,
        backoff,
    };
    scheduler.configure(setup.slots, setup.adaptive, retry, Nanos::MAX, SECOND);
    let limits = Limits {
        slots: setup.slots as u64,
        guard: Limits::network_guard(MINUTE),
        ..Limits::default()
    };
    for _ in &servers {
        scheduler.add_line(&limits);
    }
    let lines = servers.len() as u64;
    for index in 0..setup.tasks {
        scheduler.enqueue((index % lines) as usize, Entry::new(0, index, Size::UNKNOWN), 0);
    }
    let mut outcome = Outcome {
        answered: 0,
        failed: 0,
        refused: 0,
        took: 0.0,
        most_in_flight: 0,
    };
    let mut running: Vec<(Nanos, usize, bool)> = Vec::new();
    let mut now = 0;
    while outcome.answered + outcome.failed < setup.tasks {
        assert!(now < 48 * 60 * MINUTE, "the run comes to no end: {outcome:?}");
        running.retain(|&(until, slot, admitted)| {
            if until > now {
                return true;
            }
            if admitted {
                outcome.answered += 1;
                scheduler.succeed(slot, Spent::Unknown, 1.0, now);
            } else {
                outcome.refused += 1;
                let failure = Failure {
                    retryable: true,
                    refusal: Some(setup.refusal),
                    ..Failure::default()
                };
                outcome.failed += u64::from(scheduler.fail(slot, failure, 1.0, now).is_none());
            }
            false
        });
        let mut actions = Vec::new();
        let turn = scheduler.turn(now, &mut actions, 16);
        for action in actions {
            match action {
                Action::Start { slot, entry, .. } => {
                    scheduler.stamp(slot, now);
                    let server = &mut servers[(entry.index % lines) as usize];
                    let admitted = server.admits(now, running.len() + 1, &mut random);
                    // A refusal comes sooner than an answer.
                    let latency = if admitted {
                        setup.latency / 2 + (random.next() * setup.latency as f64) as Nanos
                    } else {
                        setup.latency / 4
                    };
                    running.push((now + latency.max(1), slot, admitted));
                }
                Action::GivenUp { .. } => outcome.failed += 1,
                Action::Throttled { wait, .. } => assert!(wait.refused, "{wait:?}"),
                other => panic!("{other:?}"),
            }
        }
        outcome.most_in_flight = outcome.most_in_flight.max(running.len());
        if turn.more {
            continue;
        }
        let next = running
            .iter()
            .map(|(until, ..)| *until)
            .min()
            .unwrap_or(Nanos::MAX);
        let wake = turn.wake.min(next);
        if outcome.answered + outcome.failed < setup.tasks {
            assert!(wake != Nanos::MAX, "nothing runs and nothing is due: {outcome:?}");
            // Timers fire late.
            let late = if wake == next {
                0
            } else {
                (random.next() * 2e6) as Nanos
            };
            now = wake.max(now + 1) + late;
        }
    }
    outcome.took = now as f64 / 1e9;
    outcome
}

fn fixed(phase: Nanos) -> Server {
    Server::Fixed {
        limit: 60,
        window: MINUTE,
        phase,
        current: 0,
        count: 0,
    }
}

/// The time that the run needs at least, in seconds, and the share of it that may be lost; the refusals that may come.
fn hold(name: &str, server: fn() -> Server, setup: &Setup, ideal: f64, loss: f64, refusals: u64) {
    let mut worst = (0.0f64, 0);
    for seed in 1..=12 {
        let outcome = run(
            vec![server()],
            &Setup {
                seed,
                ..Setup { ..*setup }
            },
        );
        assert_eq!(
            (outcome.answered, outcome.failed),
            (setup.tasks, 0),
            "{name}, seed {seed}: {outcome:?}"
        );
        worst = (worst.0.max(outcome.took), worst.1.max(outcome.refused));
    }
    assert!(worst.0 <= ideal * (1.0 + loss), "{name}: {worst:?} of {ideal}");
    assert!(worst.1 <= refusals, "{name}: {worst:?}");
}

#[test]
fn every_task_is_answered_near_the_ideal_time_under_60_calls_a_minute() {
    let setup = Setup::default();
    hold(
        "sliding",
        || Server::sliding(60, MINUTE),
        &setup,
        541.0,
        0.12,
        120,
    );
    hold("fixed", || fixed(0), &setup, 541.0, 0.15, 150);
    hold("fixed, 20 s on", || fixed(20 * SECOND), &setup, 521.0, 0.35, 150);
    hold(
        "bucket of 60",
        || Server::bucket(60.0, 1.0),
        &setup,
        541.0,
        0.15,
        150,
    );
    hold(
        "bucket of 1",
        || Server::bucket(1.0, 1.0),
        &setup,
        600.0,
        0.70,
        200,
    );
    hold(
        "bucket of 5",
        || Server::bucket(5.0, 1.0),
        &setup,
        596.0,
        0.45,
        200,
    );
}

#[test]
fn a_server_with_windows_shorter_than_a_minute_is_used_too() {
    let setup = Setup::default();
    hold(
        "10 a second",
        || Server::sliding(10, SECOND),
        &setup,
        60.0,
        0.90,
        200,
    );
    hold(
        "60 in 5 s",
        || Server::sliding(60, 5 * SECOND),
        &setup,
        50.0,
        0.90,
        200,
    );
}

#[test]
fn refusals_that_do_not_depend_on_the_rate_do_not_choke_the_run() {
    let setup = Setup {
        tasks: 2000,
        latency: 20 * MILLISECOND,
        ..Setup::default()
    };
    for share in [0.02, 0.1, 0.3, 0.5] {
        for seed in 1..=5 {
            let outcome = run(
                vec![Server::AtRandom { share }],
                &Setup {
                    seed,
                    ..Setup { ..setup }
                },
            );
            assert_eq!((outcome.answered, outcome.failed), (2000, 0), "{outcome:?}");
            // A backoff of half a second for each refusal, of more where one probe after the other is refused.
            assert!(
                outcome.took < 120.0 + outcome.refused as f64 * (0.4 + share * 2.0),
                "{share}: {outcome:?}"
            );
        }
    }
}

#[test]
fn a_server_that_takes_so_many_at_once_is_used() {
    let setup = Setup {
        slots: 20,
        latency: SECOND,
        ..Setup::default()
    };
    hold(
        "12 at once",
        || Server::InFlight { most: 12 },
        &setup,
        50.0,
        2.0,
        400,
    );
    hold(
        "12 at once, adaptive",
        || Server::InFlight { most: 12 },
        &Setup {
            adaptive: true,
            ..setup
        },
        50.0,
        2.0,
        400,
    );
}

#[test]
fn adaptive_concurrency_answers_every_task_of_a_server_of_60_a_minute() {
    let setup = Setup {
        adaptive: true,
        slots: 100,
        attempts: 5,
        ..Setup::default()
    };
    hold(
        "adaptive, sliding",
        || Server::sliding(60, MINUTE),
        &setup,
        541.0,
        0.12,
        200,
    );
    hold(
        "adaptive, bucket",
        || Server::bucket(60.0, 1.0),
        &setup,
        541.0,
        0.15,
        200,
    );
}

#[test]
fn an_overloaded_provider_holds_the_key_and_teaches_no_limit() {
    let setup = Setup {
        refusal: Refusal::Overload,
        tasks: 2000,
        latency: 20 * MILLISECOND,
        ..Setup::default()
    };
    let outcome = run(vec![Server::AtRandom { share: 0.1 }], &setup);
    assert_eq!((outcome.answered, outcome.failed), (2000, 0), "{outcome:?}");
    assert!(outcome.took < 120.0, "{outcome:?}");
}

#[test]
fn keys_are_held_apart() {
    let outcome = run(
        vec![Server::sliding(60, MINUTE), Server::AtRandom { share: 0.0 }],
        &Setup {
            tasks: 240,
            slots: 20,
            ..Setup::default()
        },
    );
    assert_eq!((outcome.answered, outcome.failed), (240, 0), "{outcome:?}");
    assert!((60.0..70.0).contains(&outcome.took), "{outcome:?}");
}

#[test]
fn one_attempt_is_enough_however_often_a_task_is_refused() {
    let outcome = run(
        vec![Server::sliding(5, MINUTE)],
        &Setup {
            tasks: 30,
            attempts: 2,
            ..Setup::default()
        },
    );
    assert_eq!((outcome.answered, outcome.failed), (30, 0), "{outcome:?}");
}

#[test]
fn without_retries_a_refusal_is_the_end_of_the_task() {
    let outcome = run(
        vec![Server::sliding(60, MINUTE)],
        &Setup {
            tasks: 100,
            attempts: 1,
            ..Setup::default()
        },
    );
    assert_eq!((outcome.answered, outcome.failed), (60, 40), "{outcome:?}");
}

#[test]
fn max_wait_without_a_success_ends_the_wait_for_every_task_of_the_key() {
    for max_wait in [1000.0, 60_000.0, 600_000.0] {
        let outcome = run(
            vec![Server::Down],
            &Setup {
                tasks: 50,
                max_wait,
                ..Setup::default()
            },
        );
        assert_eq!((outcome.answered, outcome.failed), (0, 50), "{outcome:?}");
        let seconds = max_wait / 1000.0;
        assert!(
            (seconds..seconds * 1.02 + 1.0).contains(&outcome.took),
            "{max_wait}: {outcome:?}"
        );
        assert!(outcome.refused <= 10 + 60, "a probe at a time: {outcome:?}");
    }
}

#[test]
fn a_success_in_time_begins_the_wait_anew() {
    // A call every 50 s passes, and half a minute is waited for one.
    let outcome = run(
        vec![Server::sliding(1, 20 * SECOND)],
        &Setup {
            tasks: 20,
            max_wait: 50_000.0,
            ..Setup::default()
        },
    );
    assert_eq!((outcome.answered, outcome.failed), (20, 0), "{outcome:?}");
}
