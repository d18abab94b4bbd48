//! The rules that need no scheduler: adaptive concurrency and planning.

use super::plan::{Suite, concurrency, duration};
use super::*;

#[test]
fn adaptive_concurrency_starts_slowly_and_cuts_once_per_episode() {
    let mut adaptive = Adaptive::new(100);
    assert_eq!(adaptive.slots(), 4);
    for _ in 0..4 {
        adaptive.succeeded(adaptive.slots());
    }
    assert_eq!(adaptive.slots(), 8, "doubled in a round trip");
    adaptive.succeeded(5);
    assert_eq!(adaptive.slots(), 8, "with 5 of 8 in use nothing is proved");
    adaptive.refused(10, 20);
    assert_eq!(adaptive.slots(), 6);
    adaptive.refused(15, 25);
    assert_eq!(adaptive.slots(), 6, "it started before the cut: the same episode");
    adaptive.refused(30, 40);
    assert_eq!(adaptive.slots(), 5);
    for _ in 0..5 {
        adaptive.succeeded(5);
    }
    assert_eq!(adaptive.slots(), 5 + 1, "one more per round trip from now on");
    for now in 0..100 {
        adaptive.refused(100 + now * 2, 101 + now * 2);
    }
    assert_eq!(adaptive.slots(), 1, "never below one");
}

#[test]
fn planning_follows_littles_law() {
    let infinity = f64::INFINITY;
    assert_eq!(concurrency(60.0, infinity, 0.0, 1000.0, 60_000.0), 1.0);
    assert_eq!(concurrency(500.0, infinity, 0.0, 1000.0, 60_000.0), 9.0);
    assert_eq!(concurrency(500.0, 30_000.0, 500.0, 2000.0, 60_000.0), 2.0);
    assert_eq!(concurrency(1.0, infinity, 0.0, 1.0, 60_000.0), 1.0);
    let suite = Suite {
        tasks: 200.0,
        concurrency: 10.0,
        latency: 200.0,
        requests: infinity,
        tokens: infinity,
        tokens_per_task: 0.0,
        window: 60_000.0,
        smooth: false,
    };
    assert_eq!(duration(&suite), 4000.0);
    assert_eq!(
        duration(&Suite {
            requests: 60.0,
            ..suite
        }),
        180_200.0
    );
    assert_eq!(
        duration(&Suite {
            requests: 200.0,
            ..suite
        }),
        4000.0
    );
    assert_eq!(
        duration(&Suite {
            requests: 60.0,
            smooth: true,
            ..suite
        }),
        199_200.0
    );
    assert_eq!(
        duration(&Suite {
            tokens: 10_000.0,
            tokens_per_task: 100.0,
            ..suite
        }),
        60_200.0
    );
    assert_eq!(duration(&Suite { tasks: 0.0, ..suite }), 0.0);
}
