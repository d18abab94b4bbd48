//! The limits are used to the full, and nothing that overtakes delays what it overtakes.

use super::budget::Spent;
use super::properties::{Random, WINDOW};
use super::*;

/// A task that overtakes a blocked head leaves the head's time as it was.
#[test]
fn overtaking_never_delays_the_head() {
    let mut overtaken = 0;
    for seed in 0..20_000 {
        let mut random = Random(seed);
        let limits = Limits {
            requests: 20.0,
            tokens: 1000.0,
            window: WINDOW,
            ..Limits::default()
        };
        let mut line = Line::new(Budget::new(&limits));
        let mut now = 0;
        for index in 0..30 {
            let tokens = if random.one_in(3) {
                300 + random.below(700)
            } else {
                random.below(60)
            };
            let entry = Entry::new(0, index, Size::tokens(0, tokens));
            line.queue.push(entry, now);
        }
        let mut promised: Option<(u64, Nanos)> = None;
        loop {
            match line.step(now, 10) {
                Step::Start {
                    entry, mut ticket, ..
                } => {
                    line.budget.stamp(&mut ticket, now);
                    match promised {
                        Some((head, until)) if head == entry.index => {
                            assert!(
                                now <= until,
                                "seed {seed}: head {head} starts at {now}, promised {until}"
                            );
                            promised = None;
                        }
                        Some(_) => overtaken += 1,
                        None => {}
                    }
                    now = (now + random.below(200))
                        .min(promised.map_or(Nanos::MAX, |(_, until)| until.max(now)));
                }
                Step::Blocked(wait) => {
                    let head = line.queue.head().unwrap().index;
                    // Starts so far are known, so the first promise is the one to keep, but for a cell's width.
                    promised.get_or_insert((head, wait.until));
                    now = wait.until.min(now + random.below(WINDOW / 3));
                }
                Step::Empty => break,
                other => panic!("{other:?}"),
            }
        }
    }
    assert!(overtaken > 1000, "only {overtaken} overtook");
}

/// Runs a backlog for 20 windows with late wake-ups; returns calls and tokens used of what the limits allow, and the worst
/// window's tokens.
fn utilization(limits: &Limits, known: bool, latency: Nanos, slots: usize) -> (f64, f64, u64) {
    let mut random = Random(7);
    let mut line = Line::new(Budget::new(limits));
    let entry = |index, size| Entry::new(0, index, size);
    let mut now: Nanos = 0;
    let mut running: Vec<(Nanos, Ticket, u64)> = Vec::new();
    let mut done: Vec<(Nanos, u64)> = Vec::new();
    let end = 20 * limits.window;
    let mut index = 0;
    while now < end {
        while line.queue.len() < 10 {
            let size = if known {
                Size::tokens(0, 500)
            } else {
                Size::UNKNOWN
            };
            line.queue.push(entry(index, size), now);
            index += 1;
        }
        running.retain(|(until, ticket, tokens)| {
            if *until <= now {
                let usage = Usage {
                    requests: 1,
                    input: 0,
                    output: *tokens,
                    cached_input: 0,
                };
                line.budget.settle(ticket, Spent::Known(usage), now);
                done.push((ticket.booked, *tokens));
            }
            *until > now
        });
        let mut wake = running.iter().map(|(until, ..)| *until).min().unwrap_or(end);
        while running.len() < slots {
            match line.step(now, 1) {
                Step::Start { mut ticket, .. } => {
                    line.budget.watch(&mut ticket);
                    line.budget.stamp(&mut ticket, now);
                    // 200 to 776 tokens, the smaller the likelier.
                    let tokens = if known {
                        500
                    } else {
                        200 + (random.below(25) * random.below(25))
                    };
                    running.push((now + latency / 2 + random.below(latency), ticket, tokens));
                    wake = wake.min(now + latency / 2);
                }
                Step::Blocked(wait) => {
                    wake = wake.min(wait.until);
                    break;
                }
                _ => break,
            }
        }
        now = wake.max(now + 1) + random.below(2 * MILLISECOND);
    }
    done.sort_unstable();
    // The first window starts from nothing and the last is not settled.
    let inside = done
        .iter()
        .filter(|(at, _)| *at >= limits.window && *at < 19 * limits.window);
    let (calls, tokens) = inside.fold((0, 0), |(calls, tokens), (_, weight)| {
        (calls + 1, tokens + weight)
    });
    let (mut worst, mut sum, mut oldest) = (0, 0, 0);
    for &(at, weight) in &done {
        sum += weight;
        while done[oldest].0 + limits.window <= at {
            sum -= done[oldest].1;
            oldest += 1;
        }
        worst = worst.max(sum);
    }
    (
        f64::from(calls) / (18.0 * limits.requests),
        tokens as f64 / (18.0 * limits.tokens),
        worst,
    )
}

#[test]
fn a_backlog_uses_at_least_99_percent_of_the_requests() {
    for (requests, window) in [(60.0, 60_000), (500.0, 60_000), (5000.0, 60_000), (100.0, 10_000)] {
        for pacing in [Pacing::Burst, Pacing::Smooth] {
            let window = window * MILLISECOND;
            let guard = Limits::network_guard(window);
            let limits = Limits {
                requests,
                window,
                guard,
                pacing,
                ..Limits::default()
            };
            let (calls, ..) = utilization(&limits, true, 100 * MILLISECOND, 1000);
            assert!(
                (0.99..=1.0).contains(&calls),
                "{requests} in {window} {pacing:?}: {calls}"
            );
        }
    }
}

#[test]
fn a_backlog_uses_at_least_97_percent_of_the_tokens_with_estimates_and_never_more_than_all() {
    for tokens in [30_000.0, 150_000.0, 450_000.0] {
        let window = 60_000 * MILLISECOND;
        let limits = Limits {
            tokens,
            window,
            slots: 20,
            guard: Limits::network_guard(window),
            ..Limits::default()
        };
        let (_, used, worst) = utilization(&limits, false, 2000 * MILLISECOND, 200);
        assert!(used >= 0.97, "{tokens}: {used}");
        assert!(worst as f64 <= tokens, "{tokens}: {worst}");
    }
}
