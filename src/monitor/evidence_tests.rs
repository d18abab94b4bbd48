//! How often the monitor is wrong, on durations as machines make them: repeated with fixed seeds, counted.

use crate::monitor::{Monitor, Thresholds};

/// A seeded source of noise.
struct Noise(u64);

impl Noise {
    fn uniform(&mut self) -> f64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        ((self.0 >> 11) as f64 + 0.5) / (1u64 << 53) as f64
    }

    fn normal(&mut self) -> f64 {
        (-2.0 * self.uniform().ln()).sqrt() * (std::f64::consts::TAU * self.uniform()).cos()
    }
}

/// A monitor of one component, and the node of its calls.
fn one_component() -> (Monitor, f64) {
    let mut monitor = Monitor::default();
    let component = monitor.component("component");
    let node = monitor.node(None, component).unwrap_or_default() as f64;
    (monitor, node)
}

/// Durations of `n` calls that take 10 ms without noise.
type Model = fn(&mut Noise, usize) -> Vec<f64>;

const QUIET: Model = |noise, n| (0..n).map(|_| 10.0 + 0.5 * noise.normal()).collect();
const NORMAL: Model = |noise, n| (0..n).map(|_| (10.0 + 2.0 * noise.normal()).max(0.1)).collect();
const SKEWED: Model = |noise, n| (0..n).map(|_| 10.0 * (0.2 * noise.normal()).exp()).collect();
const SPIKY: Model = |noise, n| {
    let call = |noise: &mut Noise| {
        10.0 + 0.3 * noise.normal().abs()
            + if noise.uniform() < 0.04 {
                40.0 * noise.uniform()
            } else {
                0.0
            }
    };
    (0..n).map(|_| call(noise)).collect()
};
/// Neighbouring calls are alike, as on a machine whose clock rate or neighbours change.
const DRIFTING: Model = |noise, n| {
    let mut state = noise.normal();
    let mut call = |noise: &mut Noise| {
        state = 0.6 * state + 0.8 * noise.normal();
        (10.0 + 0.5 * state).max(0.1)
    };
    (0..n).map(|_| call(noise)).collect()
};
const MODELS: [(&str, Model); 5] = [
    ("quiet", QUIET),
    ("normal", NORMAL),
    ("skewed", SKEWED),
    ("spiky", SPIKY),
    ("drifting", DRIFTING),
];

/// A machine that a neighbour makes 1.75 times as slow, for some dozens of calls at a time, and its pace, read with a little
/// noise. `share` says how much of that a component notices: 0 waits for a server, 1 computes.
struct Neighbour {
    busy: bool,
    share: f64,
    /// Chance of a call to be the last before the neighbour stops or begins.
    restless: f64,
}

impl Neighbour {
    fn call(&mut self, noise: &mut Noise) -> (f64, f64) {
        if noise.uniform() < self.restless {
            self.busy = !self.busy;
        }
        let slower = if self.busy { 1.75_f64 } else { 1.0 };
        let duration = slower.powf(self.share) * (1.0 + 0.02 * noise.normal());
        (duration, 0.005 * slower * (1.0 + 0.03 * noise.normal()))
    }
}

/// How many of the repetitions report something, of two runs of `calls` beside a neighbour.
fn reported_beside(share: f64, restless: f64, calls: usize, factor: f64) -> usize {
    let mut noise = Noise(0x5EED_0002 + calls as u64);
    (0..REPETITIONS)
        .filter(|_| {
            let mut neighbour = Neighbour {
                busy: noise.uniform() < 0.5,
                share,
                restless,
            };
            let (mut monitor, node) = one_component();
            let mut run = |monitor: &mut Monitor, factor: f64| {
                for _ in 0..calls {
                    let (duration, pace) = neighbour.call(&mut noise);
                    monitor.record(&[node, duration * factor, duration * factor, pace, 0.0]);
                }
            };
            run(&mut monitor, 1.0);
            monitor.set_baseline("before".into(), String::new(), 0.0);
            run(&mut monitor, factor);
            !monitor
                .regressions("before", THRESHOLDS)
                .unwrap_or_default()
                .is_empty()
        })
        .count()
}

const THRESHOLDS: Thresholds = Thresholds {
    critical: 50.0,
    major: 25.0,
    minor: 10.0,
};

const REPETITIONS: usize = 500;

/// How many of the repetitions report something, with `components` of `calls` calls in each of two runs, the first of
/// which is `factor` slower in the second.
fn reported(model: Model, calls: usize, components: usize, factor: f64) -> usize {
    let mut noise = Noise(0x5EED_0001 + calls as u64);
    (0..REPETITIONS)
        .filter(|_| {
            let mut monitor = Monitor::default();
            let nodes: Vec<usize> = (0..components)
                .filter_map(|i| {
                    let component = monitor.component(&format!("component {i}"));
                    monitor.node(None, component)
                })
                .collect();
            let mut run = |monitor: &mut Monitor, factor: f64| {
                for (i, node) in nodes.iter().enumerate() {
                    let factor = if i == 0 { factor } else { 1.0 };
                    for duration in model(&mut noise, calls) {
                        monitor.record(&[*node as f64, duration * factor, duration * factor, 0.0, 0.0]);
                    }
                }
            };
            run(&mut monitor, 1.0);
            monitor.set_baseline("before".into(), String::new(), 0.0);
            run(&mut monitor, factor);
            let found = monitor.regressions("before", THRESHOLDS).unwrap_or_default();
            found
                .iter()
                .any(|r| factor == 1.0 || r.component == "component 0")
        })
        .count()
}

#[test]
fn two_runs_of_the_same_code_report_nothing_in_99_of_100() {
    for (name, model) in MODELS {
        for (calls, components) in [(5, 1), (10, 5), (20, 5), (40, 1), (40, 5), (40, 20), (300, 5)] {
            // A few calls of a machine in one mood tell nothing of its others.
            if name == "drifting" && calls < 40 {
                continue;
            }
            let wrong = reported(model, calls, components, 1.0);
            eprintln!(
                "same code, {name}, {calls} calls of {components} components: {wrong} of {REPETITIONS}"
            );
            assert!(
                wrong <= REPETITIONS / 100,
                "{name}, {calls} calls: {wrong} of {REPETITIONS}"
            );
        }
    }
}

#[test]
fn a_slowdown_of_30_percent_at_40_calls_is_found_in_95_of_100() {
    for (name, model) in MODELS {
        for components in [1, 5] {
            let found = reported(model, 40, components, 1.3);
            eprintln!("30 % slower, {name}, of {components} components: {found} of {REPETITIONS}");
            assert!(
                found >= REPETITIONS * 95 / 100,
                "{name}: {found} of {REPETITIONS}"
            );
        }
    }
}

#[test]
fn a_neighbour_that_comes_and_goes_is_no_regression_and_hides_few() {
    for share in [0.0, 0.6, 1.0, 1.2] {
        for (restless, calls) in [(0.005, 40), (0.02, 40), (0.1, 40), (0.005, 300), (0.1, 300)] {
            let [same, slower] = [1.0, 1.3].map(|factor| reported_beside(share, restless, calls, factor));
            eprintln!("share {share}, restless {restless}, {calls} calls: same {same}, 30 % slower {slower}");
            assert!(
                same <= REPETITIONS / 100,
                "share {share}: {same} of {REPETITIONS}"
            );
            // What changed with the machine, between the runs and at no other time, cannot be told apart from it.
            assert!(
                slower >= REPETITIONS * 95 / 100,
                "share {share}: {slower} of {REPETITIONS}"
            );
        }
    }
}

#[test]
fn a_machine_that_is_a_little_slower_is_no_regression() {
    for share in [1.0, 1.2] {
        for tremble in [0.03, 0.1] {
            for slower in [1.05, 1.08, 1.1, 1.12, 1.14, 1.16, 1.2] {
                let mut noise = Noise(0x5EED_0003);
                let wrong = (0..REPETITIONS)
                    .filter(|_| {
                        let (mut monitor, node) = one_component();
                        let mut run = |monitor: &mut Monitor, pace: f64| {
                            for _ in 0..40 {
                                let duration = pace.powf(share) * (1.0 + 0.02 * noise.normal());
                                let reading = 0.005 * pace * (1.0 + tremble * noise.normal());
                                monitor.record(&[node, duration, duration, reading, 0.0]);
                            }
                        };
                        run(&mut monitor, 1.0);
                        monitor.set_baseline("before".into(), String::new(), 0.0);
                        run(&mut monitor, slower);
                        let found = monitor.regressions("before", THRESHOLDS).unwrap_or_default();
                        !found.is_empty()
                    })
                    .count();
                assert!(
                    wrong <= REPETITIONS / 100,
                    "share {share}, tremble {tremble}, {slower} times as slow: {wrong} of {REPETITIONS}"
                );
            }
        }
    }
}

#[test]
fn what_a_quicker_machine_hides_is_told_as_it_would_have_been() {
    let (mut monitor, node) = one_component();
    let run = |monitor: &mut Monitor, factor: f64, slow: std::ops::Range<usize>| {
        for i in 0..40 {
            let pace = (1.0 + 0.001 * (i % 2) as f64) * if slow.contains(&i) { 1.8 } else { 1.0 };
            let duration = factor * pace * (1.0 + 0.01 * (i % 3) as f64);
            monitor.record(&[node, duration, duration, 0.005 * pace, 0.0]);
        }
    };
    run(&mut monitor, 1.0, 0..20);
    monitor.set_baseline("before".into(), String::new(), 0.0);
    run(&mut monitor, 1.3, 0..0);
    let found = monitor.regressions("before", THRESHOLDS).unwrap_or_default();
    let [regression] = &found[..] else {
        panic!("{found:?}");
    };
    // 1.4 ms before and 1.3 ms now, on a machine that was slow in half of the calls before.
    assert_eq!(regression.severity, "major");
    assert!((regression.percent_change - 30.0).abs() < 2.0, "{regression:?}");
    let change = regression.current_duration / regression.baseline_duration - 1.0;
    assert!((change - regression.percent_change / 100.0).abs() < 1e-9);
    assert!(regression.machine_percent < -10.0);
}

#[test]
fn one_call_against_one_is_told_when_it_is_twice_as_slow_and_never_as_nearly_certain() {
    let confidence = |now: f64| {
        let (mut monitor, node) = one_component();
        monitor.record(&[node, 10.0, 10.0, 0.0, 0.0]);
        monitor.set_baseline("before".into(), String::new(), 0.0);
        monitor.record(&[node, now, now, 0.0, 0.0]);
        let found = monitor.regressions("before", THRESHOLDS).unwrap_or_default();
        found.first().map(|r| r.confidence)
    };
    assert_eq!(confidence(15.0), None);
    assert!(confidence(20.0).is_some_and(|c| (0.9..0.95).contains(&c)));
    assert!(confidence(1000.0).is_some_and(|c| c < 0.999));
}

#[test]
fn few_calls_against_many_of_a_component_with_outliers_report_nothing() {
    for calls in [5, 12, 20, 40] {
        let mut noise = Noise(0x5EED_0004 + calls as u64);
        let wrong = (0..REPETITIONS)
            .filter(|_| {
                let (mut monitor, node) = one_component();
                let mut run = |monitor: &mut Monitor, calls: usize| {
                    for _ in 0..calls {
                        let outlier = if noise.uniform() < 0.1 { 3.0 } else { 1.0 };
                        let duration = 10.0 * outlier * (1.0 + 0.03 * noise.normal());
                        monitor.record(&[node, duration, duration, 0.0, 0.0]);
                    }
                };
                run(&mut monitor, 1000);
                monitor.set_baseline("before".into(), String::new(), 0.0);
                run(&mut monitor, calls);
                let found = monitor.regressions("before", THRESHOLDS).unwrap_or_default();
                !found.is_empty()
            })
            .count();
        eprintln!("{calls} calls against 1000 with outliers: {wrong} of {REPETITIONS}");
        assert!(
            wrong <= REPETITIONS / 100,
            "{calls} calls: {wrong} of {REPETITIONS}"
        );
    }
}

#[test]
fn what_calls_wait_for_a_processor_is_no_regression_and_hides_none() {
    let mut noise = Noise(0x5EED_0005);
    let (mut wrong, mut found, mut machine) = (0, 0, 0.0);
    for _ in 0..REPETITIONS {
        let (mut monitor, node) = one_component();
        let mut run = |monitor: &mut Monitor, factor: f64, taken: f64| {
            for _ in 0..40 {
                let own = factor * (1.0 + 0.05 * noise.normal());
                let delay = if noise.uniform() < taken { 4.0 } else { 0.0 };
                monitor.record(&[node, own + delay, own + delay, 0.0, delay]);
            }
        };
        run(&mut monitor, 1.0, 0.0);
        monitor.set_baseline("before".into(), String::new(), 0.0);
        run(&mut monitor, 1.0, 0.3);
        wrong += monitor
            .regressions("before", THRESHOLDS)
            .unwrap_or_default()
            .len();
        monitor.reset();
        run(&mut monitor, 1.3, 0.3);
        for regression in monitor.regressions("before", THRESHOLDS).unwrap_or_default() {
            found += 1;
            machine += regression.machine_percent;
        }
    }
    assert!(wrong <= REPETITIONS / 100, "{wrong} of {REPETITIONS}");
    assert!(found >= REPETITIONS * 95 / 100, "{found} of {REPETITIONS}");
    // 1.2 ms of waiting beside 1.3 ms of work.
    let machine = machine / found as f64;
    assert!((70.0..115.0).contains(&machine), "{machine}");
}
