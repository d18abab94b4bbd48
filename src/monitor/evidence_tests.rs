//! Error rates of the monitor, on durations as machines make them: repeated with fixed seeds, counted.

use crate::monitor::{Judgement, Monitor, Thresholds};
use crate::random::SplitMix64;

/// Durations of `n` calls that take 10 ms without noise.
type Model = fn(&mut SplitMix64, usize) -> Vec<f64>;

const QUIET: Model = |noise, n| (0..n).map(|_| 10.0 + 0.5 * noise.normal()).collect();
const NORMAL: Model = |noise, n| (0..n).map(|_| (10.0 + 2.0 * noise.normal()).max(0.1)).collect();
const SKEWED: Model = |noise, n| (0..n).map(|_| 10.0 * (0.2 * noise.normal()).exp()).collect();
const SPIKY: Model = |noise, n| {
    let call = |noise: &mut SplitMix64| {
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
    let mut call = |noise: &mut SplitMix64| {
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

const THRESHOLDS: Thresholds = Thresholds {
    critical: 50.0,
    major: 25.0,
    minor: 10.0,
};

const REPETITIONS: usize = 500;

/// Two runs of some components, as a monitor records them.
struct Runs {
    monitor: Monitor,
    nodes: Vec<f64>,
}

impl Runs {
    fn new(components: usize) -> Self {
        let mut monitor = Monitor::default();
        let nodes = (0..components)
            .map(|i| {
                let component = monitor.component(&format!("component {i}"));
                monitor.node(None, component).unwrap_or_default() as f64
            })
            .collect();
        Self { monitor, nodes }
    }

    fn record(&mut self, component: usize, durations: &[f64]) {
        for duration in durations {
            self.monitor
                .record(&[self.nodes[component], *duration, *duration]);
        }
    }

    fn set_baseline(&mut self) {
        self.monitor.set_baseline("before".into(), String::new(), 0.0);
    }

    fn judged(&self) -> Judgement {
        self.monitor.changes("before", THRESHOLDS).unwrap_or_default()
    }

    /// Change of the averages of a component, percent.
    fn change(&self, component: usize, calls: usize) -> f64 {
        let total = self.monitor.timing(component).map_or(0.0, |figures| figures[2]);
        let before = self
            .monitor
            .export_baseline("before")
            .ok()
            .flatten()
            .unwrap_or_default();
        let document: serde_json::Value = serde_json::from_str(&before).unwrap_or_default();
        let before = &document["components"][component]["totalDuration"];
        let before = before.as_f64().unwrap_or_default();
        ((total - before) / calls as f64 / (before / calls as f64) - 1.0) * 100.0
    }
}

/// Judges two runs with `calls` calls of each component; component 0 takes `factor` times as long in the second.
fn judged(model: Model, noise: &mut SplitMix64, calls: usize, components: usize, factor: f64) -> Judgement {
    let mut runs = Runs::new(components);
    for i in 0..components {
        runs.record(i, &model(noise, calls));
    }
    runs.set_baseline();
    for i in 0..components {
        let own = if i == 0 { factor } else { 1.0 };
        let durations: Vec<f64> = model(noise, calls)
            .iter()
            .map(|duration| duration * own)
            .collect();
        runs.record(i, &durations);
    }
    runs.judged()
}

/// Number of repetitions that report component 0 (any component, when nothing is slower).
fn reported(model: Model, calls: usize, components: usize, factor: f64) -> usize {
    let mut noise = SplitMix64::new(0x5EED_0001 + calls as u64);
    (0..REPETITIONS)
        .filter(|_| {
            let found = judged(model, &mut noise, calls, components, factor).regressions;
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
fn more_components_that_are_slower_are_found_more_easily_not_less() {
    let mut noise = SplitMix64::new(0x5EED_0009);
    let mut found = [0, 0];
    for _ in 0..100 {
        for (slower, found) in [1, 10].into_iter().zip(&mut found) {
            let mut runs = Runs::new(20);
            for factors in [
                [1.0; 20],
                std::array::from_fn(|i| if i < slower { 1.25 } else { 1.0 }),
            ] {
                for (i, factor) in factors.into_iter().enumerate() {
                    let durations: Vec<f64> = NORMAL(&mut noise, 40).iter().map(|d| d * factor).collect();
                    runs.record(i, &durations);
                }
                if factors == [1.0; 20] {
                    runs.set_baseline();
                }
            }
            let regressions = runs.judged().regressions;
            *found += usize::from(regressions.iter().any(|r| r.component == "component 0"));
        }
    }
    eprintln!(
        "25 % slower among 20 components: alone {}, with nine others {} of 100",
        found[0], found[1]
    );
    assert!(found[1] >= found[0]);
}

#[test]
fn every_change_beyond_the_threshold_is_a_regression_or_unjudged() {
    let mut noise = SplitMix64::new(0x5EED_0006);
    let mut unjudged = 0;
    for i in 0..REPETITIONS {
        let calls = [1, 2, 3, 5, 10, 40, 200][i % 7];
        let (_, model) = MODELS[i % MODELS.len()];
        let components = 1 + i % 6;
        let mut runs = Runs::new(components);
        for factor in [1.0, 1.0 + noise.uniform() * 3.0] {
            for component in 0..components {
                let durations: Vec<f64> = model(&mut noise, calls).iter().map(|d| d * factor).collect();
                runs.record(component, &durations);
                runs.monitor.read_reference(0.001 * (1.0 + noise.uniform()));
            }
            if factor == 1.0 {
                runs.set_baseline();
            }
        }
        let found = runs.judged();
        for component in 0..components {
            let name = format!("component {component}");
            let regressed = found.regressions.iter().filter(|r| r.component == name).count();
            let open: Vec<_> = found.unjudged.iter().filter(|u| u.component == name).collect();
            let change = runs.change(component, calls);
            if change >= THRESHOLDS.minor + 1e-9 {
                assert_eq!(regressed + open.len(), 1, "{change} %, {calls} calls");
            }
            for open in open {
                unjudged += 1;
                assert!(open.percent_change >= THRESHOLDS.minor);
                assert!(open.machine_percent.is_some() != open.calls_needed.is_some());
                assert!(
                    open.calls_needed
                        .is_none_or(|needed| needed > calls as f64 && needed <= 1e9)
                );
            }
        }
    }
    assert!(unjudged > REPETITIONS / 4, "{unjudged}");
}

#[test]
fn the_calls_needed_are_enough_to_judge_the_change() {
    let mut noise = SplitMix64::new(0x5EED_0007);
    for (name, model) in [("normal", NORMAL), ("skewed", SKEWED), ("quiet", QUIET)] {
        for factor in [1.2, 1.4] {
            let (mut told, mut found) = (0, 0);
            while told < 100 {
                let few = judged(model, &mut noise, 4, 1, factor);
                // What a few calls say of the change, they may say wrongly: only of those that say it rightly.
                let near = |change: f64| (change / 100.0 + 1.0 - factor).abs() < 0.05;
                let Some(open) = few.unjudged.first().filter(|open| near(open.percent_change)) else {
                    if few.unjudged.is_empty() && !few.regressions.is_empty() && name == "quiet" {
                        break;
                    }
                    continue;
                };
                told += 1;
                let calls = open.calls_needed.unwrap_or_default() as usize;
                found += judged(model, &mut noise, calls, 1, factor).regressions.len();
            }
            eprintln!("{name}, {factor}: {found} of {told} with the calls needed");
            assert!(found * 10 >= told * 7, "{name}, {factor}: {found} of {told}");
        }
    }
}

/// A machine that a neighbour makes 1.75 times as slow, for some dozens of calls at a time. `share` says how much of that a
/// component notices: 0 waits for a server, 1 computes.
struct Neighbour {
    busy: bool,
    share: f64,
    /// Chance of a call to be the last before the neighbour stops or begins.
    restless: f64,
}

impl Neighbour {
    /// A call: its duration, and what a reading says at its end.
    fn call(&mut self, noise: &mut SplitMix64) -> (f64, f64) {
        if noise.uniform() < self.restless {
            self.busy = !self.busy;
        }
        let slower = if self.busy { 1.75_f64 } else { 1.0 };
        let duration = slower.powf(self.share) * (1.0 + 0.02 * noise.normal());
        (duration, 0.001 * slower * (1.0 + 0.03 * noise.normal()))
    }
}

/// Numbers of regressions and of unjudged changes in all repetitions of two runs beside a neighbour. A reading
/// is made each `gap` calls.
fn reported_beside(share: f64, restless: f64, calls: usize, gap: usize, factor: f64) -> [usize; 2] {
    let mut noise = SplitMix64::new(0x5EED_0002 + calls as u64);
    let mut found = [0, 0];
    for _ in 0..REPETITIONS {
        let mut neighbour = Neighbour {
            busy: noise.uniform() < 0.5,
            share,
            restless,
        };
        let mut runs = Runs::new(1);
        let mut run = |runs: &mut Runs, factor: f64| {
            for i in 1..=calls {
                let (duration, reading) = neighbour.call(&mut noise);
                runs.record(0, &[duration * factor]);
                if i % gap == 0 || i == calls {
                    runs.monitor.read_reference(reading);
                }
            }
        };
        run(&mut runs, 1.0);
        runs.set_baseline();
        run(&mut runs, factor);
        let judged = runs.judged();
        found[0] += judged.regressions.len();
        found[1] += judged.unjudged.len();
    }
    found
}

#[test]
fn a_neighbour_that_comes_and_goes_is_no_regression() {
    for share in [0.0, 0.6, 1.0, 1.2] {
        for (restless, calls, gap) in [
            (0.005, 40, 1),
            (0.02, 40, 4),
            (0.1, 40, 1),
            (0.005, 300, 10),
            (0.1, 300, 10),
        ] {
            let [wrong, _] = reported_beside(share, restless, calls, gap, 1.0);
            let [found, open] = reported_beside(share, restless, calls, gap, 2.5);
            eprintln!(
                "share {share}, restless {restless}, {calls} calls: same {wrong}, 2.5 times as slow {found} and {open}"
            );
            assert!(
                wrong <= REPETITIONS / 100,
                "share {share}: {wrong} of {REPETITIONS}"
            );
            // What changed with the machine, between the runs and at no other time, cannot be told apart from it.
            assert!(
                found + open >= REPETITIONS * 99 / 100,
                "share {share}: {found} and {open}"
            );
        }
    }
}

/// The judgement of 40 calls against 40 that take `factor` times as long, on a machine `slower` times as slow.
fn on_another_machine(noise: &mut SplitMix64, tremble: f64, slower: f64, factor: f64) -> Judgement {
    let mut runs = Runs::new(1);
    let mut run = |runs: &mut Runs, machine: f64, factor: f64| {
        for _ in 0..8 {
            let durations: Vec<f64> = (0..5).map(|_| factor * (1.0 + 0.02 * noise.normal())).collect();
            runs.record(0, &durations);
            runs.monitor
                .read_reference(0.001 * machine * (1.0 + tremble * noise.normal()));
        }
    };
    run(&mut runs, 1.0, 1.0);
    runs.set_baseline();
    run(&mut runs, slower, factor);
    runs.judged()
}

#[test]
fn what_a_slower_machine_alone_explains_is_unjudged_with_its_percentage() {
    for share in [1.0, 1.2] {
        for tremble in [0.03, 0.1] {
            for slower in [1.05_f64, 1.08, 1.1, 1.12, 1.14, 1.16, 1.2, 1.5, 2.0] {
                let mut noise = SplitMix64::new(0x5EED_0003);
                let factor = slower.powf(share);
                let (mut wrong, mut explained) = (0, 0);
                for _ in 0..REPETITIONS {
                    let found = on_another_machine(&mut noise, tremble, slower, factor);
                    wrong += found.regressions.len();
                    let machine = found.unjudged.first().and_then(|open| open.machine_percent);
                    explained +=
                        usize::from(machine.is_some_and(|p| (p / 100.0 + 1.0 - slower).abs() < 0.3 * slower));
                }
                assert!(
                    wrong <= REPETITIONS / 100,
                    "share {share}, tremble {tremble}, {slower} times as slow: {wrong} of {REPETITIONS}"
                );
                if factor > 1.12 {
                    assert!(explained >= REPETITIONS * 9 / 10, "{slower}: {explained}");
                }
            }
        }
    }
}

#[test]
fn what_a_slower_machine_does_not_explain_is_a_regression_as_measured() {
    let mut noise = SplitMix64::new(0x5EED_0008);
    for (slower, factor, conclusive) in [
        (1.0, 1.3, true),
        (1.06, 1.3, true),
        (1.3, 2.0, false),
        (0.7, 1.3, false),
    ] {
        let found = (0..100)
            .filter_map(|_| {
                on_another_machine(&mut noise, 0.03, slower, factor)
                    .regressions
                    .pop()
            })
            .collect::<Vec<_>>();
        assert!(found.len() >= 95, "{slower}, {factor}: {}", found.len());
        for regression in found {
            assert!(
                (regression.percent_change - (factor - 1.0) * 100.0).abs() < 6.0,
                "{regression:?}"
            );
            assert!((regression.current_duration - factor).abs() < 0.05);
            assert!(
                (regression.machine_percent - (slower - 1.0) * 100.0).abs() < 6.0,
                "{regression:?}"
            );
            assert_eq!(regression.conclusive, conclusive, "{regression:?}");
        }
    }
}

/// The judgement of one call of each component, of which each takes (before, now) ms.
fn single_calls(durations: &[[f64; 2]]) -> Judgement {
    let mut runs = Runs::new(durations.len());
    for run in 0..2 {
        for (component, pair) in durations.iter().enumerate() {
            runs.record(component, &pair[run..=run]);
        }
        if run == 0 {
            runs.set_baseline();
        }
    }
    runs.judged()
}

#[test]
fn a_single_pair_counts_from_twice_as_long_and_5_ms_longer_however_many_components() {
    for others in [0, 1, 4, 20] {
        let mut durations = vec![[10.0, 10.0]; others];
        durations.extend([
            [10.0, 20.0],
            [5.0, 10.0],
            [10.0, 19.0],
            [4.0, 8.5],
            [0.0, 6.0],
            [10.0, 10.5],
        ]);
        let found = single_calls(&durations);
        let names = |first: usize, of: &[usize]| {
            of.iter()
                .map(|i| format!("component {}", first + i))
                .collect::<Vec<_>>()
        };
        let mut regressed: Vec<_> = found.regressions.iter().map(|r| r.component.clone()).collect();
        regressed.sort();
        let mut expected = names(others, &[0, 1, 4]);
        expected.sort();
        assert_eq!(regressed, expected);
        let open: Vec<_> = found.unjudged.iter().map(|u| u.component.clone()).collect();
        assert_eq!(open, names(others, &[3, 2]));
        assert!(
            found
                .unjudged
                .iter()
                .all(|u| u.calls_needed.is_some_and(|n| (2.0..100.0).contains(&n)))
        );
    }
}

#[test]
fn a_single_pair_is_never_as_nearly_certain() {
    let confidence = |now: f64| {
        single_calls(&[[10.0, now]])
            .regressions
            .first()
            .map(|r| r.confidence)
    };
    assert_eq!(confidence(15.0), None);
    assert!(confidence(20.0).is_some_and(|c| (0.9..0.95).contains(&c)));
    assert!(confidence(1000.0).is_some_and(|c| c < 0.999));
}

#[test]
fn equal_single_calls_report_nothing_in_99_of_100() {
    let wrong = reported(QUIET, 1, 20, 1.0);
    assert!(wrong <= REPETITIONS / 100, "{wrong} of {REPETITIONS}");
}

#[test]
fn a_single_pair_that_the_machine_explains_is_unjudged() {
    let judged = |machine: f64| {
        let mut runs = Runs::new(1);
        runs.record(0, &[10.0]);
        runs.monitor.read_reference(0.001);
        runs.set_baseline();
        runs.record(0, &[22.0]);
        runs.monitor.read_reference(0.001 * machine);
        runs.judged()
    };
    assert_eq!(judged(1.0).regressions.len(), 1);
    let slower = judged(2.0);
    assert!(slower.regressions.is_empty());
    assert!(
        slower.unjudged[0]
            .machine_percent
            .is_some_and(|p| (p - 100.0).abs() < 1e-9)
    );
}

#[test]
fn few_calls_against_many_of_a_component_with_outliers_report_nothing() {
    for calls in [5, 12, 20, 40] {
        let mut noise = SplitMix64::new(0x5EED_0004 + calls as u64);
        let wrong = (0..REPETITIONS)
            .filter(|_| {
                let mut runs = Runs::new(1);
                let mut run = |runs: &mut Runs, calls: usize| {
                    for _ in 0..calls {
                        let outlier = if noise.uniform() < 0.1 { 3.0 } else { 1.0 };
                        runs.record(0, &[10.0 * outlier * (1.0 + 0.03 * noise.normal())]);
                    }
                };
                run(&mut runs, 1000);
                runs.set_baseline();
                run(&mut runs, calls);
                !runs.judged().regressions.is_empty()
            })
            .count();
        eprintln!("{calls} calls against 1000 with outliers: {wrong} of {REPETITIONS}");
        assert!(
            wrong <= REPETITIONS / 100,
            "{calls} calls: {wrong} of {REPETITIONS}"
        );
    }
}
