//! What providers say of their limits.

use super::tests::{MINUTE, SECOND, line, per_minute, start, wait};
use super::timestamps::{duration, http_date, rfc3339};
use super::*;

fn observed(budget: &mut Budget, headers: &[(&str, &str)], epoch: f64, now: Nanos) {
    budget.observe(&Feedback::parse(headers.iter().copied(), epoch), now);
}

#[test]
fn retry_after_closes_the_gate_and_a_long_one_is_a_quota() {
    let mut line = line(&per_minute(10.0, f64::INFINITY), vec![Size::tokens(0, 0); 3]);
    observed(
        &mut line.budget,
        &[("retry-after", "7"), ("retry-after-ms", "6500")],
        0.0,
        0,
    );
    assert_eq!(wait(&mut line, 0).until, 6500 * MILLISECOND);
    observed(&mut line.budget, &[("retry-after", "2")], 0.0, 0);
    assert_eq!(
        wait(&mut line, 0).until,
        6500 * MILLISECOND,
        "it never opens earlier"
    );
    observed(&mut line.budget, &[("retry-after", "3600")], 0.0, 0);
    assert!(matches!(line.step(0, 10), Step::Exhausted { until, .. } if until == 60 * MINUTE));
    assert_eq!(start(&mut line, 60 * MINUTE).len(), 2);
}

#[test]
fn the_provider_only_tightens() {
    let mut line = line(&per_minute(10.0, 10_000.0), vec![Size::tokens(0, 1000); 20]);
    let headers = [
        ("x-ratelimit-limit-requests", "5000"),
        ("x-ratelimit-remaining-requests", "4999"),
        ("x-ratelimit-reset-requests", "12ms"),
        ("x-ratelimit-limit-tokens", "8000"),
        ("x-ratelimit-remaining-tokens", "3500"),
        ("x-ratelimit-reset-tokens", "30s"),
    ];
    observed(&mut line.budget, &headers, 0.0, 0);
    assert_eq!(start(&mut line, 0).len(), 3, "3,500 tokens are left");
    let blocked = wait(&mut line, 0);
    assert_eq!((blocked.until, blocked.measure), (30 * SECOND, Measure::Tokens));
    assert_eq!(
        start(&mut line, 30 * SECOND).len(),
        5,
        "8,000 is the provider's limit from now on"
    );
}

#[test]
fn anthropic_headers_bring_dimensions_of_their_own() {
    let mut line = line(&per_minute(100.0, f64::INFINITY), vec![Size::tokens(10, 100); 9]);
    let epoch = rfc3339("2026-01-31T12:00:00Z").unwrap();
    let headers = [
        ("anthropic-ratelimit-output-tokens-limit", "1000"),
        ("anthropic-ratelimit-output-tokens-remaining", "250"),
        ("anthropic-ratelimit-output-tokens-reset", "2026-01-31T12:00:20Z"),
    ];
    observed(&mut line.budget, &headers, epoch, 0);
    assert_eq!(start(&mut line, 0).len(), 2);
    let blocked = wait(&mut line, 0);
    assert_eq!(
        (blocked.until, blocked.measure),
        (20 * SECOND, Measure::OutputTokens)
    );
}

#[test]
fn an_exhausted_daily_limit_of_the_provider_is_a_quota() {
    let mut line = line(&per_minute(100.0, f64::INFINITY), vec![Size::tokens(0, 0); 2]);
    let headers = |remaining| {
        [
            ("x-ratelimit-limit-requests", "200"),
            ("x-ratelimit-remaining-requests", remaining),
            ("x-ratelimit-reset-requests", "7h12m0s"),
        ]
    };
    observed(&mut line.budget, &headers("150"), 0.0, 0);
    assert_eq!(
        line.budget.dimension(Measure::Requests).unwrap().limit(),
        Some(100)
    );
    observed(&mut line.budget, &headers("0"), 0.0, 0);
    assert!(matches!(line.step(0, 10), Step::Exhausted { until, .. } if until == 432 * MINUTE));
}

#[test]
fn times_are_read_as_providers_write_them() {
    assert_eq!(duration("6m0s"), Some(360_000.0));
    assert_eq!(duration("120ms"), Some(120.0));
    assert_eq!(duration("1h2m3.5s"), Some(3_723_500.0));
    assert_eq!(duration(" 20 "), Some(20_000.0));
    for nonsense in ["", "soon", "5x", "m", "-3", "inf", "NaN", "1.2.3s"] {
        assert_eq!(duration(nonsense), None, "{nonsense}");
    }
    assert_eq!(rfc3339("1970-01-01T00:00:00Z"), Some(0.0));
    assert_eq!(rfc3339("2024-02-29T23:59:59.250Z"), Some(1_709_251_199_250.0));
    assert_eq!(
        rfc3339("2026-01-31T12:00:00+02:00"),
        rfc3339("2026-01-31T10:00:00Z")
    );
    for nonsense in [
        "",
        "2026-01-31",
        "2026-13-01T00:00:00Z",
        "2026-01-31T25:00:00Z",
        "2026-01-31T12:00:00",
    ] {
        assert_eq!(rfc3339(nonsense), None, "{nonsense}");
    }
    assert_eq!(
        http_date("Wed, 21 Oct 2015 07:28:00 GMT"),
        Some(1_445_412_480_000.0)
    );
    for nonsense in [
        "",
        "Wed, 21 Oct 2015",
        "21 Oct 2015 07:28:00 GMT",
        "Wed, 21 Xyz 2015 07:28:00 GMT",
    ] {
        assert_eq!(http_date(nonsense), None, "{nonsense}");
    }
    let date = [("retry-after", "Wed, 21 Oct 2015 07:28:00 GMT")];
    assert_eq!(
        Feedback::parse(date.into_iter(), 1_445_412_475_000.0).retry_after,
        Some(5000.0)
    );
}
