//! Every function against SciPy and NumPy, to 1e-9. `__test__/stats/reference.py` made the numbers.

use super::*;
use serde_json::Value;

fn reference() -> Value {
    serde_json::from_str(include_str!("../../__test__/stats/reference.json")).expect("the reference is JSON")
}

fn number(value: &Value) -> f64 {
    value.as_f64().expect("a number")
}

fn numbers(value: &Value) -> Vec<f64> {
    value.as_array().expect("an array").iter().map(number).collect()
}

/// Within 1e-9 of the value, relatively or absolutely, whichever is wider.
#[track_caller]
fn close(what: &str, found: f64, expected: f64) {
    let reach = 1e-9 * expected.abs().max(1.0);
    assert!(
        (found - expected).abs() <= reach,
        "{what}: {found} for {expected}"
    );
}

/// Within 1e-9 of the value, relatively: for probabilities far below 1.
#[track_caller]
fn near(what: &str, found: f64, expected: f64) {
    let apart = (found - expected).abs();
    assert!(
        apart <= 1e-9 * expected.abs() + f64::MIN_POSITIVE,
        "{what}: {found} for {expected}"
    );
}

fn each_single(check: impl Fn(&str, &[f64], &Value)) {
    let reference = reference();
    let single = reference["single"].as_object().expect("samples by name");
    for (name, expected) in single {
        check(name, &numbers(&reference["samples"][name]), expected);
    }
}

fn each_pair(check: impl Fn(&str, &[f64], &[f64], &Value)) {
    let reference = reference();
    for pair in reference["pairs"].as_array().expect("pairs") {
        let sample = |side: &str| numbers(&reference["samples"][pair[side].as_str().expect("a name")]);
        check(
            &format!("{} and {}", pair["first"], pair["second"]),
            &sample("first"),
            &sample("second"),
            pair,
        );
    }
}

#[test]
fn moments() {
    each_single(|name, values, expected| {
        let moments: Moments = values.iter().copied().collect();
        near(name, moments.sum(), number(&expected["sum"]));
        near(name, moments.mean(), number(&expected["mean"]));
        near(name, moments.variance(), number(&expected["variance"]));
    });
}

#[test]
fn medians_and_percentiles() {
    each_single(|name, values, expected| {
        close(name, median(values), number(&expected["median"]));
        let ordered = sorted(values);
        for (p, value) in expected["percentiles"].as_object().expect("by p") {
            assert_eq!(
                nearest_rank(&ordered, p.parse().expect("p")),
                number(value),
                "{name}, p{p}"
            );
        }
    });
}

#[test]
fn deviations_outliers_and_trimmed_means() {
    each_single(|name, values, expected| {
        near(name, median_absolute_deviation(values), number(&expected["mad"]));
        assert_eq!(
            outliers(values).map(|n| n as f64).to_vec(),
            numbers(&expected["outliers"]),
            "{name}"
        );
        close(name, trimmed(values, 0.2).mean, number(&expected["trimmed mean"]));
    });
}

#[test]
fn student_distribution() {
    let reference = reference();
    for row in reference["student sf"].as_array().expect("rows") {
        let [t, df, expected] = numbers(row)[..] else {
            panic!("three numbers")
        };
        near(&format!("sf({t}, {df})"), student_sf(t, df), expected);
    }
    for row in reference["student quantile"].as_array().expect("rows") {
        let [p, df, expected] = numbers(row)[..] else {
            panic!("three numbers")
        };
        close(&format!("quantile({p}, {df})"), student_quantile(p, df), expected);
    }
}

#[test]
fn yuen_test_from_trimmed_means() {
    each_pair(|name, first, second, expected| {
        let (a, b) = (trimmed(first, 0.2), trimmed(second, 0.2));
        let errors = [a.variance / a.kept, b.variance / b.kept];
        let error = errors[0] + errors[1];
        let t = (b.mean - a.mean) / error.sqrt();
        let df = error * error / (errors[0].powi(2) / (a.kept - 1.0) + errors[1].powi(2) / (b.kept - 1.0));
        close(name, t, number(&expected["yuen"]["t"]));
        near(
            name,
            2.0 * student_sf(t.abs(), df),
            number(&expected["yuen"]["p"]),
        );
    });
}

#[test]
fn cliffs_delta_effect() {
    each_pair(|name, first, second, expected| {
        close(
            name,
            cliffs_delta(first, second),
            number(&expected["cliffs delta"]),
        );
    });
    assert_eq!(cliffs_delta(&[], &[1.0]), 0.0);
    assert_eq!(cliffs_delta(&[1.0, 2.0], &[3.0]), 1.0);
}

#[test]
fn false_discovery_rates() {
    let reference = reference();
    for row in reference["false discovery"].as_array().expect("rows") {
        let adjusted = false_discovery(&numbers(&row["p"]));
        for (found, expected) in adjusted.iter().zip(numbers(&row["adjusted"])) {
            near("adjusted p", *found, expected);
        }
    }
    assert!(false_discovery(&[]).is_empty());
}
