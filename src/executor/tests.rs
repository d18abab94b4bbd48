//! The scheduler, its retries and its figures.

use super::*;
use crate::limiter::{Backoff, Entry, Limits, MILLISECOND, Nanos, Refusal, Size, Spent};

const NO_RETRY: RetryPolicy = attempts(1, 0.0, 0.0);
const SECOND: Nanos = 1000 * MILLISECOND;

const fn attempts(max_attempts: u32, base_delay: f64, max_delay: f64) -> RetryPolicy {
    RetryPolicy {
        max_attempts,
        backoff: Backoff {
            base_delay,
            max_delay,
            max_wait: 600_000.0,
        },
    }
}

fn scheduler(slots: usize, limits: &Limits, tasks: u64) -> Scheduler {
    let mut scheduler = Scheduler::new(slots, 1);
    scheduler.metrics.begin(0, slots);
    scheduler.metrics.add_tasks(tasks);
    let line = scheduler.add_line(limits);
    for index in 0..tasks {
        scheduler.enqueue(line, task(index), 0);
    }
    scheduler
}

fn task(index: u64) -> Entry {
    Entry::new(0, index, Size::UNKNOWN)
}

/// Takes a turn and stamps what starts; returns slots and indices.
fn turn(scheduler: &mut Scheduler, now: Nanos) -> (Vec<(usize, u64)>, Nanos) {
    let mut started = Vec::new();
    loop {
        let mut actions = Vec::new();
        let turn = scheduler.turn(now, &mut actions, 4);
        for action in actions {
            if let Action::Start { slot, entry, .. } = action {
                scheduler.stamp(slot, now);
                started.push((slot, entry.index));
            }
        }
        if !turn.more {
            return (started, turn.wake);
        }
    }
}

#[test]
fn slots_are_never_exceeded_and_used_again() {
    let mut scheduler = scheduler(3, &Limits::default(), 100);
    let mut next = 0;
    for now in 0..50 {
        let (started, _) = turn(&mut scheduler, now);
        assert!(scheduler.in_use() <= 3);
        for (slot, index) in started {
            assert_eq!(index, next, "in order");
            next += 1;
            if index % 3 != 0 {
                scheduler.succeed(slot, Spent::Unknown, 1.0, 0);
            } else {
                scheduler.fail(slot, Failure::default(), 1.0, now);
            }
        }
    }
    assert_eq!((next, scheduler.in_use()), (100, 0));
}

#[test]
fn a_lower_concurrency_holds_at_once() {
    let mut scheduler = scheduler(10, &Limits::default(), 100);
    let (running, _) = turn(&mut scheduler, 0);
    scheduler.configure(2, false, NO_RETRY, Nanos::MAX, SECOND);
    for (done, (slot, _)) in running.iter().enumerate() {
        assert!(
            turn(&mut scheduler, 1).0.is_empty(),
            "{done} of ten are done, two may run"
        );
        scheduler.succeed(*slot, Spent::Unknown, 1.0, 0);
        if 10 - done - 1 < 2 {
            break;
        }
    }
    assert_eq!(turn(&mut scheduler, 2).0.len(), 1);
}

#[test]
fn lines_are_independent_and_share_the_slots() {
    let mut scheduler = scheduler(
        10,
        &Limits {
            requests: 1.0,
            ..Limits::default()
        },
        5,
    );
    let other = scheduler.add_line(&Limits {
        requests: 3.0,
        ..Limits::default()
    });
    for index in 10..20 {
        scheduler.enqueue(other, task(index), 1);
    }
    let (started, wake) = turn(&mut scheduler, 1);
    assert_eq!(
        started.iter().map(|(_, index)| *index).collect::<Vec<_>>(),
        [0, 10, 11, 12]
    );
    assert_eq!(wake, 1 + 60_000 * MILLISECOND);
}

#[test]
fn a_failed_attempt_is_repeated_after_a_random_backoff_ahead_of_new_work() {
    let mut scheduler = scheduler(1, &Limits::default(), 3);
    let retry = attempts(3, 100.0, 1000.0);
    scheduler.configure(1, false, retry, Nanos::MAX, SECOND);
    let failure = Failure {
        retryable: true,
        ..Failure::default()
    };
    let mut now = 0;
    for ceiling in [100.0, 200.0] {
        let (started, _) = turn(&mut scheduler, now);
        assert_eq!(started[0].1, 0);
        let delay = scheduler
            .fail(started[0].0, failure, 1.0, now)
            .expect("another attempt");
        assert!((0.0..=ceiling).contains(&delay), "{delay}");
        // Meanwhile the slot serves others; the retry goes first when it is due.
        now += crate::limiter::nanos(delay) + 1;
    }
    let (started, _) = turn(&mut scheduler, now);
    assert_eq!(started[0].1, 0);
    assert_eq!(
        scheduler.fail(started[0].0, failure, 1.0, now),
        None,
        "three attempts are three"
    );
}

#[test]
fn retry_after_holds_everyone_of_the_key_back() {
    let mut scheduler = scheduler(2, &Limits::default(), 5);
    let retry = attempts(3, 10.0, 10.0);
    scheduler.configure(2, false, retry, Nanos::MAX, SECOND);
    let (started, _) = turn(&mut scheduler, 0);
    let failure = Failure {
        retryable: true,
        refusal: Some(Refusal::Rate),
        retry_after: 5000.0,
        ..Failure::default()
    };
    assert_eq!(scheduler.fail(started[0].0, failure, 1.0, 0), Some(5000.0));
    let (started, wake) = turn(&mut scheduler, 1);
    assert!(started.is_empty());
    assert_eq!(wake, 5000 * MILLISECOND);
    assert_eq!(
        turn(&mut scheduler, wake).0[0].1,
        0,
        "the retry goes ahead of new work"
    );
}

#[test]
fn an_attempt_out_of_time_is_reported_once_and_its_slot_used_again() {
    let mut scheduler = scheduler(1, &Limits::default(), 2);
    scheduler.configure(1, false, NO_RETRY, 10, SECOND);
    let (started, wake) = turn(&mut scheduler, 5);
    assert_eq!((started.len(), wake), (1, 15));
    let mut actions = Vec::new();
    scheduler.turn(15, &mut actions, 10);
    assert!(matches!(actions[..], [Action::TimedOut { slot: 0 }]));
    let failure = Failure {
        given_up: true,
        ..Failure::default()
    };
    assert_eq!(scheduler.fail(0, failure, 10.0, 15), None);
    assert!(turn(&mut scheduler, 15).0.is_empty(), "its function still runs");
    scheduler.free(0);
    assert_eq!(turn(&mut scheduler, 20).0, [(0, 1)]);
}

#[test]
fn a_function_that_never_settles_after_its_timeout_keeps_its_slot_for_the_grace_time() {
    let mut scheduler = scheduler(1, &Limits::default(), 2);
    scheduler.configure(1, false, NO_RETRY, 10, SECOND);
    turn(&mut scheduler, 0);
    scheduler.turn(10, &mut Vec::new(), 10);
    let failure = Failure {
        given_up: true,
        ..Failure::default()
    };
    scheduler.fail(0, failure, 10.0, 10);
    let (started, wake) = turn(&mut scheduler, 11);
    assert_eq!((started.len(), wake), (0, 10 + SECOND));
    let mut actions = Vec::new();
    scheduler.turn(wake, &mut actions, 10);
    assert!(
        matches!(
            actions[..],
            [Action::Lost { slot: 0 }, Action::Start { slot: 0, .. }]
        ),
        "{actions:?}"
    );
}

#[test]
fn a_task_has_its_own_timeout_and_attempts() {
    let mut scheduler = scheduler(3, &Limits::default(), 0);
    scheduler.configure(3, false, attempts(3, 0.0, 0.0), 1000, SECOND);
    for (index, timeout, max_attempts) in [(0, 5, 1), (1, 0, 2), (2, 5000, 0)] {
        scheduler.enqueue(
            0,
            Entry {
                timeout,
                max_attempts,
                ..task(index)
            },
            0,
        );
    }
    let (started, wake) = turn(&mut scheduler, 0);
    assert_eq!((started.len(), wake), (3, 5));
    let failure = Failure {
        retryable: true,
        ..Failure::default()
    };
    assert_eq!(scheduler.fail(0, failure, 1.0, 1), None, "one attempt");
    assert!(scheduler.fail(1, failure, 1.0, 1).is_some() && scheduler.fail(2, failure, 1.0, 1).is_some());
    let (again, _) = turn(&mut scheduler, 2);
    assert_eq!(again.len(), 2);
    for (slot, index) in again {
        assert_eq!(
            scheduler.fail(slot, failure, 1.0, 3).is_none(),
            index == 1,
            "two attempts, three attempts"
        );
    }
}

#[test]
fn a_paused_scheduler_starts_nothing() {
    let mut scheduler = scheduler(2, &Limits::default(), 3);
    scheduler.pause(true);
    assert_eq!(turn(&mut scheduler, 0), (vec![], Nanos::MAX));
    assert_eq!(scheduler.waiting(), 3);
    scheduler.pause(false);
    assert_eq!(turn(&mut scheduler, 0).0.len(), 2);
    assert_eq!(scheduler.waiting(), 1);
}

#[test]
fn a_waiting_task_changes_its_priority_and_a_running_one_does_not() {
    let mut scheduler = scheduler(1, &Limits::default(), 4);
    let (started, _) = turn(&mut scheduler, 0);
    assert!(!scheduler.set_priority(0, 0, 5.0, 0) && scheduler.set_priority(0, 3, 5.0, 0));
    scheduler.succeed(started[0].0, Spent::Unknown, 1.0, 1);
    assert_eq!(turn(&mut scheduler, 1).0[0].1, 3);
}

#[test]
fn idle_lines_are_forgotten_and_their_numbers_used_again() {
    let mut scheduler = scheduler(2, &Limits::default(), 1);
    let limits = Limits {
        requests: 5.0,
        ..Limits::default()
    };
    let idle = scheduler.add_line(&limits);
    let waiting = scheduler.add_line(&limits);
    scheduler.enqueue(waiting, task(7), 0);
    assert_eq!(scheduler.forget_idle(0), [idle]);
    assert_eq!(scheduler.forget_idle(0), Vec::<usize>::new());
    let (started, _) = turn(&mut scheduler, 0);
    for (slot, _) in started {
        assert_eq!(
            scheduler.forget_idle(1),
            Vec::<usize>::new(),
            "a call runs, or its window is not over"
        );
        scheduler.succeed(slot, Spent::Unknown, 1.0, 1);
    }
    assert_eq!(scheduler.forget_idle(60_001 * MILLISECOND), [0, waiting]);
    assert_eq!(scheduler.add_line(&limits), waiting);
}

#[test]
fn an_abandoned_task_keeps_its_slot_until_it_settles_or_a_second_has_passed() {
    let second = 1000 * MILLISECOND;
    let mut scheduler = scheduler(2, &Limits::default(), 4);
    turn(&mut scheduler, 0);
    scheduler.cancel_run(0);
    scheduler.abandon(0, 0.0, 0);
    scheduler.abandon(1, 0.0, 0);
    for index in 10..14 {
        scheduler.enqueue(
            0,
            Entry {
                run: 1,
                ..task(index)
            },
            0,
        );
    }
    assert!(turn(&mut scheduler, 1).0.is_empty());
    scheduler.free(0);
    assert_eq!(turn(&mut scheduler, 2).0, [(0, 10)]);
    let (started, wake) = turn(&mut scheduler, 3);
    assert_eq!((started.len(), wake), (0, second));
    assert_eq!(turn(&mut scheduler, second).0, [(1, 11)]);
    scheduler.free(1);
    assert_eq!(scheduler.in_use(), 2, "the slot belongs to another task now");
}

#[test]
fn a_task_aborted_while_it_is_being_started_is_booked_once() {
    let mut scheduler = scheduler(
        1,
        &Limits {
            requests: 5.0,
            ..Limits::default()
        },
        1,
    );
    let mut actions = Vec::new();
    scheduler.turn(0, &mut actions, 4);
    scheduler.abandon(0, 0.0, 1);
    scheduler.stamp(0, 2);
    scheduler.free(0);
    let calls = |s: &Scheduler| s.line(0).budget.dimensions()[0].load();
    assert_eq!(calls(&scheduler), 1);
}

#[test]
fn throttle_time_is_when_a_slot_was_free_and_a_limit_was_why() {
    let limits = Limits {
        requests: 2.0,
        window: 1000,
        ..Limits::default()
    };
    let mut scheduler = scheduler(2, &limits, 3);
    let (started, _) = turn(&mut scheduler, 0);
    // Until 400 both slots are taken: no free slot, no throttling.
    scheduler.advance(400);
    for (slot, _) in &started {
        scheduler.succeed(*slot, Spent::Unknown, 400e-6, 0);
    }
    let (none, wake) = turn(&mut scheduler, 400);
    assert_eq!((none.len(), wake), (0, 1000));
    // Woken late: the limit was in the way until 1,000 only.
    assert_eq!(turn(&mut scheduler, 1300).0.len(), 1);
    scheduler.succeed(0, Spent::Unknown, 400e-6, 0);
    scheduler.succeed(1, Spent::Unknown, 400e-6, 0);
    turn(&mut scheduler, 1700);
    scheduler.metrics.end(1700);
    let summary = scheduler.metrics.summary();
    assert!((summary.throttled - 600e-6).abs() < 1e-9, "{summary:?}");
    assert!((summary.wall - 1700e-6).abs() < 1e-9);
    assert!((summary.mean_execution - 400e-6).abs() < 1e-9);
    assert!((summary.efficiency - 1200.0 / 3400.0).abs() < 1e-9);
    assert!((summary.utilization - 1200.0 / 3400.0).abs() < 1e-9);
}

#[test]
fn figures_of_nothing_are_zero() {
    assert_eq!(Metrics::default().summary(), Summary::default());
}

#[test]
fn server_errors_and_cached_answers_do_not_move_adaptive_concurrency() {
    let mut scheduler = scheduler(50, &Limits::default(), 50);
    scheduler.configure(50, true, NO_RETRY, Nanos::MAX, SECOND);
    let (started, _) = turn(&mut scheduler, 0);
    assert_eq!(started.len(), 4);
    scheduler.fail(
        started[0].0,
        Failure {
            retryable: true,
            ..Failure::default()
        },
        1.0,
        1,
    );
    scheduler.succeed(started[1].0, Spent::Nothing, 1.0, 0);
    assert_eq!(scheduler.slots(), 4);
    scheduler.fail(
        started[2].0,
        Failure {
            retryable: true,
            refusal: Some(Refusal::Rate),
            ..Failure::default()
        },
        1.0,
        1,
    );
    assert_eq!(scheduler.slots(), 3);
}

#[test]
fn the_time_left_accounts_for_the_limits() {
    let limits = Limits {
        requests: 10.0,
        ..Limits::default()
    };
    let mut scheduler = scheduler(10, &limits, 35);
    assert_eq!(scheduler.remaining(0), None);
    let (started, _) = turn(&mut scheduler, 0);
    for (slot, _) in started {
        scheduler.succeed(slot, Spent::Unknown, 100.0, 0);
    }
    // 25 wait: ten at 60 s, ten at 120 s, five at 180 s, and then a tenth of a second.
    assert_eq!(scheduler.remaining(0), Some(180_100.0));
}
