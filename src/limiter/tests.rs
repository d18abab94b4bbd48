//! One promise at a time.

use super::budget::Spent;
use super::*;

pub(super) const SECOND: Nanos = 1000 * MILLISECOND;
pub(super) const MINUTE: Nanos = 60 * SECOND;

pub(super) fn per_minute(requests: f64, tokens: f64) -> Limits {
    Limits {
        requests,
        tokens,
        ..Limits::default()
    }
}

fn task(index: u64, size: Size) -> Entry {
    Entry::new(0, index, size)
}

pub(super) fn line(limits: &Limits, tasks: impl IntoIterator<Item = Size>) -> Line {
    let mut line = Line::new(Budget::new(limits));
    for (index, size) in tasks.into_iter().enumerate() {
        line.queue.push(task(index as u64, size), 0);
    }
    line
}

/// Starts and stamps what may start at `now`; returns the indices.
pub(super) fn start(line: &mut Line, now: Nanos) -> Vec<(u64, Ticket)> {
    let mut started = Vec::new();
    while let Step::Start {
        entry, mut ticket, ..
    } = line.step(now, 10)
    {
        line.budget.stamp(&mut ticket, now);
        started.push((entry.index, ticket));
    }
    started
}

pub(super) fn wait(line: &mut Line, now: Nanos) -> Wait {
    match line.step(now, 10) {
        Step::Blocked(wait) => wait,
        other => panic!("expected a wait, got {other:?}"),
    }
}

fn used(tokens: u64) -> Spent {
    Spent::Known(Usage {
        requests: 1,
        input: 0,
        output: tokens,
        cached_input: 0,
    })
}

#[test]
fn the_sixty_first_call_of_a_minute_starts_exactly_a_minute_after_the_first() {
    let mut line = line(&per_minute(60.0, f64::INFINITY), vec![Size::tokens(0, 0); 61]);
    assert_eq!(start(&mut line, SECOND).len(), 60);
    let blocked = wait(&mut line, SECOND);
    assert_eq!((blocked.until, blocked.measure), (61 * SECOND, Measure::Requests));
    assert!(start(&mut line, 61 * SECOND - 1).is_empty());
    assert_eq!(start(&mut line, 61 * SECOND).len(), 1);
}

#[test]
fn a_start_counts_from_the_stamp_and_not_from_the_grant() {
    let mut line = line(&per_minute(1.0, f64::INFINITY), vec![Size::tokens(0, 0); 2]);
    let Step::Start { mut ticket, .. } = line.step(0, 1) else {
        panic!("the window is empty")
    };
    // Not stamped for two minutes: it may start any moment, so nothing else does.
    assert!(matches!(line.step(2 * MINUTE, 1), Step::AfterStamp));
    line.budget.stamp(&mut ticket, 2 * MINUTE);
    assert_eq!(wait(&mut line, 2 * MINUTE).until, 3 * MINUTE);
}

#[test]
fn a_grant_that_is_not_used_is_returned_whole() {
    let mut line = line(&per_minute(1.0, 100.0), vec![Size::tokens(0, 100); 2]);
    let Step::Start { ticket, .. } = line.step(0, 1) else {
        panic!("the window is empty")
    };
    line.budget.release(&ticket);
    assert_eq!(start(&mut line, 0).len(), 1);
}

#[test]
fn tokens_are_reserved_before_the_start_and_corrected_in_the_cell_of_the_start() {
    let mut line = line(
        &per_minute(f64::INFINITY, 1000.0),
        vec![Size::tokens(100, 300); 4],
    );
    let first = start(&mut line, 0);
    assert_eq!(
        first.len(),
        2,
        "800 of 1,000 are reserved, another 400 do not fit"
    );
    // Half a minute later it turns out to have been 100: 500 are used, one more fits.
    line.budget.settle(&first[0].1, used(100), 0);
    assert_eq!(start(&mut line, MINUTE / 2).len(), 1);
    // Both of the first cell leave a minute after their start, not after their settlement.
    assert_eq!(wait(&mut line, MINUTE / 2).until, MINUTE);
}

#[test]
fn a_debt_delays_what_comes_next() {
    let mut line = line(&per_minute(f64::INFINITY, 1000.0), vec![Size::tokens(0, 400); 3]);
    let first = start(&mut line, 0);
    line.budget.settle(&first[0].1, used(900), 0);
    line.budget.settle(&first[1].1, used(50), 0);
    assert_eq!(wait(&mut line, 1).until, MINUTE);
}

#[test]
fn a_late_settlement_of_what_has_left_the_window_changes_nothing() {
    let mut line = line(&per_minute(1.0, 100.0), vec![Size::tokens(0, 100); 2]);
    let first = start(&mut line, 0);
    assert_eq!(start(&mut line, MINUTE).len(), 1);
    line.budget.settle(&first[0].1, used(1_000_000), 0);
    assert_eq!(line.budget.dimension(Measure::Tokens).unwrap().load(), 100);
}

#[test]
fn settlement_follows_the_provider() {
    let usage = Usage {
        requests: 1,
        input: 100,
        output: 200,
        cached_input: 80,
    };
    let cases = [
        (Settlement::Actual, 300),
        (Settlement::Larger, 500),
        (Settlement::Estimate, 500),
        (Settlement::Uncached, 220),
    ];
    for (settlement, weight) in cases {
        let limits = Limits {
            settlement,
            ..per_minute(10.0, 10_000.0)
        };
        let mut line = line(&limits, [Size::tokens(250, 250)]);
        let first = start(&mut line, 0);
        line.budget.settle(&first[0].1, Spent::Known(usage), 0);
        assert_eq!(
            line.budget.dimension(Measure::Tokens).unwrap().load(),
            weight,
            "{settlement:?}"
        );
        assert_eq!(line.budget.dimension(Measure::Requests).unwrap().load(), 1);
    }
}

#[test]
fn a_failed_request_counts_as_a_request_and_a_cached_answer_does_not() {
    for (spent, calls, tokens) in [
        (Spent::Failed, 1, 0),
        (Spent::Unknown, 1, 0),
        (Spent::GivenUp, 1, 500),
        (Spent::Nothing, 0, 0),
    ] {
        let mut line = line(&per_minute(10.0, 10_000.0), [Size::tokens(250, 250)]);
        let first = start(&mut line, 0);
        line.budget.settle(&first[0].1, spent, 0);
        let load = |measure| line.budget.dimension(measure).unwrap().load();
        assert_eq!(
            (load(Measure::Requests), load(Measure::Tokens)),
            (calls, tokens),
            "{spent:?}"
        );
    }
}

#[test]
fn a_request_larger_than_the_limit_runs_alone_in_an_empty_window() {
    let sizes = [Size::tokens(0, 10), Size::tokens(0, 5000), Size::tokens(0, 10)];
    let mut line = line(&per_minute(f64::INFINITY, 1000.0), sizes);
    assert_eq!(
        start(&mut line, 0).len(),
        1,
        "and the third does not overtake: it would delay the second"
    );
    match line.step(MINUTE, 10) {
        Step::Start {
            entry,
            mut ticket,
            oversized,
        } => {
            assert_eq!((entry.index, oversized), (1, Some(Measure::Tokens)));
            line.budget.stamp(&mut ticket, MINUTE);
        }
        other => panic!("{other:?}"),
    }
    assert_eq!(wait(&mut line, MINUTE).until, 2 * MINUTE);
}

#[test]
fn a_small_task_overtakes_a_blocked_head_when_a_slot_is_left_for_the_head() {
    let sizes = [Size::tokens(0, 600), Size::tokens(0, 500), Size::tokens(0, 100)];
    let limits = per_minute(f64::INFINITY, 1000.0);
    let mut first = line(&limits, sizes);
    assert_eq!(
        start(&mut first, 0)
            .iter()
            .map(|(index, _)| *index)
            .collect::<Vec<_>>(),
        [0, 2]
    );
    assert_eq!(wait(&mut first, 0).until, MINUTE);
    let mut second = line(&limits, sizes);
    let Step::Start { mut ticket, .. } = second.step(0, 2) else {
        panic!("the window is empty")
    };
    second.budget.stamp(&mut ticket, 0);
    assert!(
        matches!(second.step(0, 1), Step::Blocked(_)),
        "the last slot is the head's"
    );
}

#[test]
fn unknown_sizes_are_learned() {
    let mut line = line(
        &Limits {
            slots: 10,
            ..per_minute(f64::INFINITY, 1000.0)
        },
        vec![Size::UNKNOWN; 20],
    );
    let first = start(&mut line, 0);
    assert_eq!(
        first.len(),
        1,
        "nothing is known: a call may take 15,000 tokens or the whole limit"
    );
    line.budget.settle(&first[0].1, used(200), 0);
    assert_eq!(start(&mut line, 1).len(), 4);
}

#[test]
fn unknown_sizes_do_not_keep_slots_empty_under_large_limits() {
    let limits = Limits {
        slots: 10,
        ..per_minute(f64::INFINITY, 150_000.0)
    };
    assert_eq!(start(&mut line(&limits, vec![Size::UNKNOWN; 20]), 0).len(), 10);
}

#[test]
fn the_estimator_is_the_nearest_rank_of_the_latest_128() {
    let mut estimator = Estimator::default();
    assert_eq!(estimator.p95(), None);
    for value in 1..=1000 {
        estimator.record(value);
    }
    // 873 … 1000: the 122nd of 128.
    assert_eq!((estimator.p95(), estimator.overrun()), (Some(994), 6));
}

#[test]
fn smooth_pacing_spreads_starts_evenly() {
    let limits = Limits {
        pacing: Pacing::Smooth,
        ..per_minute(60.0, f64::INFINITY)
    };
    let mut line = line(&limits, vec![Size::tokens(0, 0); 100]);
    for second in 0..60 {
        assert_eq!(start(&mut line, second * SECOND).len(), 1, "one a second");
        assert_eq!(wait(&mut line, second * SECOND).until, (second + 1) * SECOND);
    }
}

#[test]
fn new_limits_count_what_has_started() {
    let mut line = line(&per_minute(10.0, f64::INFINITY), vec![Size::tokens(0, 0); 30]);
    assert_eq!(start(&mut line, 0).len(), 10);
    line.budget.configure(&per_minute(15.0, f64::INFINITY));
    assert_eq!(start(&mut line, SECOND).len(), 5);
    line.budget.configure(&per_minute(5.0, f64::INFINITY));
    assert_eq!(
        wait(&mut line, SECOND).until,
        MINUTE + SECOND,
        "ten leave after a minute, but five of five stay"
    );
    assert!(start(&mut line, MINUTE).is_empty());
    assert_eq!(start(&mut line, MINUTE + SECOND).len(), 5);
}

#[test]
fn less_than_one_a_minute_is_one_in_more_than_a_minute() {
    let mut line = line(&per_minute(0.5, f64::INFINITY), vec![Size::tokens(0, 0); 2]);
    assert_eq!(start(&mut line, 0).len(), 1);
    assert_eq!(wait(&mut line, 0).until, 2 * MINUTE);
}

#[test]
fn higher_priority_goes_first_and_waiting_makes_up_for_it() {
    let mut queue = Queue::default();
    let entry = |index, priority| Entry {
        priority,
        ..task(index, Size::UNKNOWN)
    };
    queue.push(entry(0, 0.0), 0);
    queue.push(entry(1, 2.0), 0);
    queue.push(entry(2, 2.0), 19 * SECOND);
    queue.push(entry(3, 2.0), 21 * SECOND);
    queue.push_retry(entry(4, 0.0));
    let order: Vec<_> = std::iter::from_fn(|| queue.pop())
        .map(|entry| entry.index)
        .collect();
    assert_eq!(
        order,
        [4, 1, 2, 0, 3],
        "retries first; a unit of priority is worth ten seconds"
    );
}

#[test]
fn alike_tasks_take_the_memory_of_one_and_leave_in_order() {
    let mut queue = Queue::default();
    for index in 0..100_000 {
        queue.push(task(index, Size::UNKNOWN), 0);
    }
    assert_eq!(queue.behind_head(10).count(), 0, "one stretch");
    assert!(queue.remove(0, 5).is_some() && queue.remove(0, 5).is_none());
    queue.push(task(100_000, Size::UNKNOWN), 0);
    let order: Vec<_> = std::iter::from_fn(|| queue.pop())
        .map(|entry| entry.index)
        .collect();
    let expected: Vec<_> = (0..=100_000).filter(|index| *index != 5).collect();
    assert_eq!(order, expected);
    assert!(queue.is_empty());
}

#[test]
fn a_window_keeps_constant_memory() {
    let mut starts = SlidingWindow::new(MINUTE, 0);
    for start in 0..1_000_000 {
        let now = start * MINUTE / 100_000;
        starts.expire(now);
        starts.stamp(1, now);
    }
    assert!(starts.cells() <= 3001, "{}", starts.cells());
    assert!((100_000..100_100).contains(&starts.load()), "{}", starts.load());
}

#[test]
fn a_clock_that_goes_back_stands_still() {
    let mut starts = SlidingWindow::new(MINUTE, 0);
    starts.stamp(1, MINUTE);
    assert_eq!(starts.stamp(1, SECOND), MINUTE);
    starts.expire(2 * MINUTE - 1);
    assert_eq!(starts.load(), 2);
}

#[test]
fn a_daily_quota_is_an_error_and_not_a_wait() {
    let limits = Limits {
        daily_requests: 2.0,
        ..per_minute(10.0, f64::INFINITY)
    };
    let mut line = line(&limits, vec![Size::tokens(0, 0); 3]);
    for _ in 0..2 {
        let Step::Start { mut ticket, .. } = line.step(0, 10) else {
            panic!("two a day")
        };
        line.budget.stamp(&mut ticket, 0);
    }
    match line.step(SECOND, 10) {
        Step::Exhausted { entry, until } => assert_eq!((entry.index, until), (2, 24 * 60 * MINUTE)),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_wait_is_fresh_once() {
    let mut line = line(&per_minute(1.0, f64::INFINITY), vec![Size::tokens(0, 0); 3]);
    start(&mut line, 0);
    // `start` saw the first report of the wait.
    assert!(!wait(&mut line, 0).fresh && !wait(&mut line, SECOND).fresh);
    let Step::Start { mut ticket, .. } = line.step(MINUTE, 1) else {
        panic!("a minute has passed")
    };
    line.budget.stamp(&mut ticket, MINUTE);
    assert!(wait(&mut line, MINUTE).fresh && !wait(&mut line, MINUTE).fresh);
}

#[test]
fn priority_orders_over_the_whole_range_of_numbers() {
    let priorities = [
        f64::INFINITY,
        f64::MAX,
        1e300,
        9_007_199_254_740_992.0,
        9_007_199_254_740_991.0,
        9_007_199_254_740_990.0,
        1e9 + 1.0,
        1e9,
        0.2,
        0.1,
        f64::MIN_POSITIVE,
        0.0,
        -0.5,
        -1e9,
        -1e9 - 1.0,
        f64::MIN,
        f64::NEG_INFINITY,
    ];
    for now in [0, 1, SECOND, 7 * MINUTE, 1 << 60] {
        let mut queue = Queue::default();
        for index in (0..priorities.len()).rev() {
            queue.push(
                Entry {
                    priority: priorities[index],
                    ..task(index as u64, Size::UNKNOWN)
                },
                now,
            );
        }
        let order: Vec<_> = std::iter::from_fn(|| queue.pop())
            .map(|entry| entry.index as usize)
            .collect();
        assert_eq!(order, (0..priorities.len()).collect::<Vec<_>>(), "at {now}");
    }
}
