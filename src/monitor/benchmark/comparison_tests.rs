use super::*;
use crate::monitor::benchmark::Side;
use crate::random::SplitMix64;

fn side(average: f64, deviation: f64, iterations: f64) -> Side {
    Side {
        average,
        deviation,
        iterations,
        rounds: vec![],
        reference: vec![],
        total: 0.0,
        systematic: 0.0,
    }
}

fn unpaired(baseline: Side, current: Side) -> Comparison {
    compare(&Change {
        baseline,
        current,
        paired: false,
    })
}

#[test]
fn the_thresholds_are_30_15_and_5_percent_of_the_average() {
    let cases = [
        (94.0, "faster", "minor"),
        (95.1, "similar", "negligible"),
        (84.0, "faster", "moderate"),
        (69.0, "faster", "significant"),
        (106.0, "slower", "minor"),
        (116.0, "slower", "moderate"),
        (131.0, "slower", "significant"),
        (100.0, "similar", "negligible"),
    ];
    for (average, verdict, significance) in cases {
        let found = unpaired(side(100.0, 2.0, 100.0), side(average, 2.0, 100.0));
        assert_eq!(
            (found.verdict, found.significance),
            (verdict, significance),
            "{average}"
        );
        assert!((found.duration_percent - (100.0 - average)).abs() < 1e-12);
        let [low, high] = found.confidence_interval;
        assert!(low <= found.duration_percent && found.duration_percent <= high);
    }
}

#[test]
fn a_difference_within_the_noise_is_similar_whatever_its_percentage() {
    let found = unpaired(side(100.0, 80.0, 10.0), side(140.0, 90.0, 10.0));
    assert_eq!(
        (found.verdict, found.significance, found.conclusive),
        ("similar", "negligible", false)
    );
    assert!(found.p_value > 0.05 && found.rounds_needed > 100.0);
}

#[test]
fn averages_of_zero_divide_nothing_by_zero() {
    for (before, after) in [(0.0, 0.0), (0.0, 5.0), (5.0, 0.0)] {
        let found = unpaired(side(before, 0.0, 10.0), side(after, 0.0, 10.0));
        let figures = [
            found.duration_percent,
            found.p_value,
            found.confidence_interval[0],
            found.confidence_interval[1],
        ];
        assert!(
            figures.iter().all(|f| f.is_finite()),
            "{before} to {after}: {found:?}"
        );
    }
}

#[test]
fn one_wild_round_hides_nothing_and_pretends_nothing() {
    let steady = |level: f64| {
        (0..20)
            .map(|i| level * (1.0 + 0.01 * f64::from(i % 5)))
            .collect::<Vec<_>>()
    };
    let with = |average: f64, rounds: Vec<f64>| Side {
        average,
        deviation: 1.0,
        iterations: 100.0,
        rounds,
        reference: vec![],
        total: 0.0,
        systematic: 0.0,
    };
    let mut wild = steady(10.0);
    wild[7] = 90.0;
    assert_eq!(
        unpaired(with(10.2, steady(10.0)), with(14.2, wild.clone())).verdict,
        "similar"
    );
    for round in &mut wild {
        *round *= 1.2;
    }
    assert_eq!(
        unpaired(with(10.2, steady(10.0)), with(17.0, wild)).verdict,
        "slower"
    );
}

#[test]
fn a_disturbance_of_half_the_rounds_is_not_a_slower_function() {
    let calm: Vec<f64> = (0..20).map(|i| 10.0 + 0.05 * f64::from(i % 4)).collect();
    let disturbed: Vec<f64> = (0..20)
        .map(|i| if i < 12 { 13.0 } else { 10.0 } + 0.05 * f64::from(i % 4))
        .collect();
    let with = |average: f64, rounds: Vec<f64>| Side {
        average,
        deviation: 1.0,
        iterations: 100.0,
        rounds,
        reference: vec![],
        total: 0.0,
        systematic: 0.0,
    };
    assert_eq!(
        unpaired(with(10.1, calm), with(11.9, disturbed)).verdict,
        "similar"
    );
}

#[test]
fn paired_rounds_see_through_a_drift_that_hides_the_change_from_unpaired_ones() {
    let drift = |i: i32| 10.0 * (1.0 + 0.05 * f64::from(i));
    let before: Vec<f64> = (0..20).map(drift).collect();
    let after: Vec<f64> = (0..20)
        .map(|i| drift(i) * (1.1 + 0.002 * f64::from(i % 3)))
        .collect();
    let mean = |rounds: &[f64]| rounds.iter().sum::<f64>() / rounds.len() as f64;
    let side = |rounds: &[f64]| Side {
        average: mean(rounds),
        deviation: 2.0,
        iterations: 100.0,
        rounds: rounds.to_vec(),
        reference: vec![],
        total: 0.0,
        systematic: 0.0,
    };
    let change = |paired| Change {
        baseline: side(&before),
        current: side(&after),
        paired,
    };
    assert_eq!(compare(&change(true)).verdict, "slower");
    let unpaired = compare(&change(false));
    assert_eq!((unpaired.verdict, unpaired.conclusive), ("similar", false));
}

#[test]
fn one_observation_shows_no_difference_and_settles_nothing() {
    for (before, after) in [(1.0, 1.0), (1.0, 100.0), (100.0, 1.0)] {
        let found = unpaired(side(10.0, 0.0, before), side(20.0, 0.0, after));
        assert_eq!((found.verdict, found.conclusive), ("similar", false));
        assert_eq!(found.p_value, 1.0);
    }
}

#[test]
fn few_observations_need_a_clearer_difference_than_many() {
    let verdict = |n: f64, now: f64| unpaired(side(10.0, 0.3, n), side(now, 0.3, n)).verdict;
    assert_eq!([verdict(3.0, 10.8), verdict(30.0, 10.8)], ["similar", "slower"]);
    assert_eq!([verdict(3.0, 15.0), verdict(10.0, 15.0)], ["slower"; 2]);
}

#[test]
fn what_calibration_may_be_wrong_by_is_no_difference() {
    let tiny = |level: f64, systematic: f64| Side {
        average: level,
        deviation: level * 0.01,
        iterations: 100.0,
        rounds: vec![level; 20],
        reference: vec![],
        total: 0.0,
        systematic,
    };
    let verdict = |before, after, error| unpaired(tiny(before, error), tiny(after, error)).verdict;
    assert_eq!(verdict(5e-7, 1.4e-6, 1e-6), "similar");
    assert_eq!(verdict(5e-8, 1e-6, 1e-6), "similar");
    assert_eq!(verdict(3e-5, 4.5e-5, 2e-5), "similar");
    assert_eq!(verdict(5e-6, 1e-5, 1e-6), "slower");
    assert_eq!(verdict(0.001, 0.0013, 2e-5), "slower");
}

/// Twenty rounds around `level`, 1 % apart, of a run that took `total` ms.
fn run(level: f64, total: f64, round: impl Fn(usize) -> f64) -> Side {
    let rounds: Vec<f64> = (0..20).map(|i| level * round(i)).collect();
    Side {
        average: rounds.iter().sum::<f64>() / 20.0,
        deviation: level * 0.01,
        iterations: 100.0,
        rounds,
        reference: vec![],
        total,
        systematic: 0.0,
    }
}

fn steady(i: usize) -> f64 {
    1.0 + 0.01 * (i % 5) as f64
}

#[test]
fn runs_one_after_the_other_tell_about_ten_percent_apart_and_paired_rounds_five() {
    let verdict = |factor, paired| {
        compare(&Change {
            baseline: run(1.0, 50.0, steady),
            current: run(factor, 50.0, steady),
            paired,
        })
        .verdict
    };
    assert_eq!(
        [1.06, 1.12, 1.2, 1.3].map(|f| verdict(f, false)),
        ["similar", "slower", "slower", "slower"]
    );
    assert_eq!([1.04, 1.06].map(|f| verdict(f, true)), ["similar", "slower"]);
}

#[test]
fn what_some_rounds_of_a_run_do_not_share_is_no_change() {
    // A neighbour took half the processor for two thirds of the second run; its quick rounds were as quick as ever.
    let disturbed = |i: usize| steady(i) * if i < 13 { 1.6 } else { 1.0 };
    let found = unpaired(run(1.0, 50.0, steady), run(1.0, 50.0, disturbed));
    assert_eq!((found.verdict, found.conclusive), ("similar", false));
    assert!(found.p_value > 0.5 && found.rounds_percent < -40.0 && found.rounds_needed >= 3.0);
    assert_eq!(
        unpaired(run(1.0, 50.0, steady), run(1.3, 50.0, disturbed)).verdict,
        "slower"
    );
}

#[test]
fn a_run_of_a_moment_shows_less_than_a_long_one() {
    let verdict = |total| unpaired(run(1.0, total, steady), run(1.3, total, steady)).verdict;
    assert_eq!([0.1, 50.0].map(verdict), ["similar", "slower"]);
}

#[test]
fn rounds_without_any_noise_are_compared_like_others() {
    let still = |level| unpaired(run(1.0, 50.0, |_| 1.0), run(level, 50.0, |_| 1.0));
    assert_eq!(
        [1.0, 1.05, 1.2].map(|l| still(l).verdict),
        ["similar", "similar", "slower"]
    );
    assert!(still(1.2).p_value > 1e-9);
}

/// A run of twenty rounds of a function that takes `factor` ms on a machine `slower` times as slow, of which it notices `share`.
/// Both the rounds and the readings tremble by 3 %.
fn noisy(random: &mut SplitMix64, factor: f64, slower: f64, share: f64) -> Side {
    let level = factor * slower.powf(share) * (1.0 + 0.01 * random.normal());
    let rounds: Vec<f64> = (0..20).map(|_| level * (1.0 + 0.03 * random.normal())).collect();
    Side {
        reference: (0..20)
            .map(|_| 0.001 * slower * (1.0 + 0.03 * random.normal()))
            .collect(),
        average: rounds.iter().sum::<f64>() / 20.0,
        rounds,
        ..run(level, 50.0, |_| 1.0)
    }
}

/// Number of comparisons, of 200, that have this verdict.
fn verdicts(verdict: &str, paired: bool, runs: impl Fn(&mut SplitMix64) -> [Side; 2]) -> usize {
    let mut random = SplitMix64::new(0xC0_FFEE);
    (0..200)
        .filter(|_| {
            let [baseline, current] = runs(&mut random);
            compare(&Change {
                baseline,
                current,
                paired,
            })
            .verdict
                == verdict
        })
        .count()
}

#[test]
fn a_function_against_itself_is_similar_in_99_of_100_also_on_a_machine_of_two_paces() {
    for paired in [false, true] {
        let similar = verdicts("similar", paired, |random| {
            [1.0, 1.0].map(|level| noisy(random, level, 1.0, 1.0))
        });
        assert!(similar >= 198, "paired {paired}: {similar} of 200");
    }
    for share in [0.0, 0.6, 1.0, 1.2] {
        for slower in [0.55, 0.9, 1.1, 1.2, 1.8] {
            let similar = verdicts("similar", false, |random| {
                [1.0, slower].map(|machine| noisy(random, 1.0, machine, share))
            });
            assert!(
                similar >= 198,
                "share {share}, {slower} times as slow: {similar} of 200"
            );
        }
    }
}

#[test]
fn changes_are_found_in_95_of_100_one_run_after_the_other_from_20_percent_and_in_turns_from_8() {
    for (factor, verdict) in [(1.2, "slower"), (1.3, "slower"), (0.75, "faster")] {
        let found = verdicts(verdict, false, |random| {
            [1.0, factor].map(|level| noisy(random, level, 1.0, 1.0))
        });
        assert!(found >= 190, "{factor}: {found} of 200");
    }
    let found = verdicts("slower", true, |random| {
        [1.0, 1.1].map(|level| noisy(random, level, 1.0, 1.0))
    });
    assert!(found >= 190, "in turns: {found} of 200");
}

#[test]
fn a_machine_that_differed_explains_any_part_of_its_change_and_no_more() {
    let compared = |slower: f64, factor: f64| {
        let mut random = SplitMix64::new(5);
        unpaired(
            noisy(&mut random, 1.0, 1.0, 1.0),
            noisy(&mut random, factor / slower, slower, 1.0),
        )
    };
    for (slower, factor) in [(1.8, 1.8), (1.8, 1.0), (1.8, 1.3), (0.6, 0.6), (0.6, 1.0)] {
        let found = compared(slower, factor);
        assert_eq!(
            (found.verdict, found.conclusive),
            ("similar", false),
            "{slower}, {factor}: {found:?}"
        );
        assert!((found.machine_percent - (1.0 - slower) * 100.0).abs() < 5.0);
        let [low, high] = found.confidence_interval;
        assert!(low <= found.rounds_percent && found.rounds_percent <= high);
    }
    assert_eq!(
        [compared(1.5, 4.0), compared(1.8, 0.5)].map(|found| found.verdict),
        ["slower", "faster"]
    );
}
