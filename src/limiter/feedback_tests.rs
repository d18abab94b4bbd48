//! Limits in the headers of providers.

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
    assert_eq!(duration(" 20s "), Some(20_000.0));
    for nonsense in ["", "soon", "5x", "5", "m", "-3", "inf", "NaN", "1.2.3s"] {
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
    for nonsense in ["", "Wed, 21 Oct 2015", "Wed, 21 Xyz 2015 07:28:00 GMT"] {
        assert_eq!(http_date(nonsense), None, "{nonsense}");
    }
    let date = [("retry-after", "Wed, 21 Oct 2015 07:28:00 GMT")];
    assert_eq!(
        Feedback::parse(date.into_iter(), 1_445_412_475_000.0).retry_after,
        Some(5000.0)
    );
}

#[test]
fn a_reset_is_a_time_or_a_duration_by_its_size() {
    let epoch = 1_700_000_000_000.0;
    let reset = |value| {
        let feedback = Feedback::parse([("x-ratelimit-reset-requests", value)].into_iter(), epoch);
        feedback.readings[0].reset
    };
    assert_eq!(reset("1700000030"), Some(30_000.0), "seconds since 1970");
    assert_eq!(reset("1700000030.5"), Some(30_500.0));
    assert_eq!(reset("1700000030000"), Some(30_000.0), "milliseconds since 1970");
    assert_eq!(reset("1600000000"), Some(0.0), "a time that has passed");
    assert_eq!(reset("30"), Some(30_000.0));
    assert_eq!(reset("0.25"), Some(250.0));
    assert_eq!(reset("6m0s"), Some(360_000.0));
    assert_eq!(reset("2023-11-14T22:13:50Z"), Some(30_000.0));
    assert_eq!(reset("Tue, 14 Nov 2023 22:13:50 GMT"), Some(30_000.0));
    for nonsense in ["inf", "NaN", "-5", "1e999", "Infinity", "soon", ""] {
        assert_eq!(reset(nonsense), None, "{nonsense}");
    }
    let retry = |name, value| Feedback::parse([(name, value)].into_iter(), epoch).retry_after;
    assert_eq!(retry("retry-after", "1700000007"), Some(7000.0));
    assert_eq!(retry("retry-after", "1700000007000"), Some(7000.0));
    assert_eq!(retry("retry-after-ms", "1500"), Some(1500.0));
    assert_eq!(retry("retry-after-ms", "1700000007000"), Some(7000.0));
    for nonsense in ["inf", "1e400", "-1", "NaN"] {
        assert_eq!(
            (retry("retry-after", nonsense), retry("retry-after-ms", nonsense)),
            (None, None),
            "{nonsense}"
        );
    }
}

#[test]
fn all_three_forms_of_http_dates_are_read() {
    for form in [
        "Sun, 06 Nov 1994 08:49:37 GMT",
        "Sunday, 06-Nov-94 08:49:37 GMT",
        "Sun Nov  6 08:49:37 1994",
    ] {
        assert_eq!(http_date(form), Some(784_111_777_000.0), "{form}");
    }
}

#[test]
fn every_provider_names_its_limits_in_its_own_way() {
    let read = |headers: &[(&str, &str)]| {
        let readings = Feedback::parse(headers.iter().copied(), 0.0).readings;
        let mut told: Vec<_> = readings
            .iter()
            .map(|r| (r.measure, r.limit, r.remaining, r.reset))
            .collect();
        told.sort_by_key(|one| one.0 as u8);
        told
    };
    let requests = vec![(Measure::Requests, Some(100), Some(3), Some(5000.0))];
    for (limit, remaining, reset) in [
        (
            "x-ratelimit-limit-requests",
            "x-ratelimit-remaining-requests",
            "x-ratelimit-reset-requests",
        ),
        ("x-ratelimit-limit", "x-ratelimit-remaining", "x-ratelimit-reset"),
        ("ratelimit-limit", "ratelimit-remaining", "ratelimit-reset"),
        (
            "anthropic-ratelimit-requests-limit",
            "anthropic-ratelimit-requests-remaining",
            "anthropic-ratelimit-requests-reset",
        ),
        (
            "x-ratelimit-limit-req-minute",
            "x-ratelimit-remaining-req-minute",
            "x-ratelimit-reset-req-minute",
        ),
        (
            "x-ratelimit-limit-minute",
            "x-ratelimit-remaining-minute",
            "x-ratelimit-reset-after",
        ),
    ] {
        assert_eq!(
            read(&[(limit, "100"), (remaining, "3"), (reset, "5")]),
            requests,
            "{limit}"
        );
    }
    let tokens = vec![(Measure::Tokens, Some(100), Some(3), Some(5000.0))];
    for (limit, remaining, reset) in [
        (
            "ratelimitbysize-limit",
            "ratelimitbysize-remaining",
            "ratelimitbysize-reset",
        ),
        (
            "x-ratelimitbysize-limit-minute",
            "x-ratelimitbysize-remaining-minute",
            "x-ratelimitbysize-reset-minute",
        ),
        (
            "x-ratelimit-limit-tokens-minute",
            "x-ratelimit-remaining-tokens-minute",
            "x-ratelimit-reset-tokens-minute",
        ),
        (
            "x-tokenlimit-limit",
            "x-tokenlimit-remaining",
            "x-tokenlimit-reset",
        ),
    ] {
        assert_eq!(
            read(&[(limit, "100"), (remaining, "3"), (reset, "5")]),
            tokens,
            "{limit}"
        );
    }
    for (told, policy) in [
        ("limit=100, remaining=3, reset=5", "100;w=60"),
        ("limit=100, remaining=3, reset=5", ""),
        ("\"default\";r=3;t=5", "\"default\";q=100;w=60"),
        (
            "\"day\";r=900;t=3600, \"minute\";r=3;t=5",
            "\"day\";q=1000;w=86400, \"minute\";q=100;w=60",
        ),
    ] {
        assert_eq!(
            read(&[("ratelimit", told), ("ratelimit-policy", policy)]),
            requests,
            "{told}"
        );
    }
    assert_eq!(
        read(&[
            ("x-ratelimit-tokens-query-cost", "52"),
            ("x-ratelimit-resource", "core"),
            ("ratelimit", "soon")
        ]),
        []
    );
}

#[test]
fn a_limit_of_another_period_binds_only_when_it_is_used_up() {
    let mut line = line(&per_minute(100.0, f64::INFINITY), vec![Size::tokens(0, 0); 3]);
    let month = [
        ("x-ratelimit-limit-tokens-month", "5"),
        ("x-ratelimit-remaining-tokens-month", "1"),
    ];
    observed(&mut line.budget, &month, 0.0, 0);
    observed(
        &mut line.budget,
        &[
            ("ratelimit", "\"s\";r=1;t=1"),
            ("ratelimit-policy", "\"s\";q=2;w=1"),
        ],
        0.0,
        0,
    );
    assert_eq!(
        line.budget.limit(Measure::Requests),
        Some(100),
        "two a second are no limit of a minute"
    );
    observed(
        &mut line.budget,
        &[
            ("x-ratelimit-remaining-day", "0"),
            ("x-ratelimit-reset-day", "20"),
        ],
        0.0,
        0,
    );
    assert_eq!(wait(&mut line, 0).until, 20 * SECOND);
}

#[test]
fn a_wait_is_a_quota_from_five_minutes_on_whatever_the_window() {
    for window in [SECOND, MINUTE, 60 * MINUTE] {
        let limits = Limits {
            window,
            ..per_minute(10.0, f64::INFINITY)
        };
        let mut line = line(&limits, vec![Size::tokens(0, 0); 2]);
        observed(&mut line.budget, &[("retry-after", "299")], 0.0, 0);
        assert_eq!(wait(&mut line, 0).until, 299 * SECOND);
        observed(&mut line.budget, &[("retry-after", "300")], 0.0, 0);
        assert!(matches!(line.step(0, 10), Step::Exhausted { .. }));
    }
}
