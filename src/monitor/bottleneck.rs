//! Bottlenecks: the components that the time goes to.

use serde::Serialize;

/// Limits above which a component is critical.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Average duration, ms.
    pub critical_ms: f64,
    /// Share of the sum of all totals, percent.
    pub critical_percent: f64,
}

/// Figures of one component, as far as they matter here. Durations in ms.
#[derive(Clone, Copy, Debug, Default)]
pub struct Figures {
    /// Finished calls.
    pub calls: u64,
    /// Mean.
    pub average: f64,
    /// Median.
    pub p50: f64,
    /// 99th percentile.
    pub p99: f64,
    /// Sum of durations.
    pub total: f64,
    /// Sum of self times.
    pub own: f64,
}

/// A component with its weight and advice.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Bottleneck {
    /// Its name.
    pub component: String,
    /// `critical`, `high`, `medium` or `low`.
    pub severity: &'static str,
    /// Mean duration, ms.
    pub avg_duration: f64,
    /// Share of the sum of all totals, 0–100.
    pub percent_of_total: f64,
    /// A sentence on what it costs.
    pub impact: String,
    /// A sentence or two on what to do.
    pub recommendation: String,
}

/// Critical above either limit, high above half of either, medium above a quarter, else low.
pub fn severity(average: f64, percent: f64, limits: Limits) -> &'static str {
    let above = |part: f64| average > limits.critical_ms * part || percent > limits.critical_percent * part;
    match () {
        () if above(1.0) => "critical",
        () if above(0.5) => "high",
        () if above(0.25) => "medium",
        () => "low",
    }
}

/// Judges one component against the sum of all totals, `everything` ms.
pub fn judge(component: String, figures: Figures, everything: f64, limits: Limits) -> Bottleneck {
    let percent = if everything > 0.0 {
        (figures.total / everything * 100.0).clamp(0.0, 100.0)
    } else {
        0.0
    };
    let severity = severity(figures.average, percent, limits);
    let plural = if figures.calls == 1 { "call" } else { "calls" };
    let impact = format!(
        "{component} took {percent:.1}% of the measured time: {} {plural}, {} on average.",
        figures.calls,
        shown(figures.average)
    );
    let recommendation = recommend(&component, severity, &figures);
    Bottleneck {
        component,
        severity,
        avg_duration: figures.average,
        percent_of_total: percent,
        impact,
        recommendation,
    }
}

fn recommend(component: &str, severity: &str, figures: &Figures) -> String {
    if severity == "low" {
        return format!("Leave {component} as it is: making it faster would not be noticed.");
    }
    let urgency = match severity {
        "critical" => "Look at this first.",
        "high" => "Worth the work once nothing is critical.",
        _ => "Watch it; act when it grows.",
    };
    let advice = if figures.own < figures.total * 0.2 {
        format!(
            "{component} mostly waits for the timers within it: see the tree for the one that takes the time."
        )
    } else if figures.p99 > 5.0 * figures.p50 && figures.calls >= 20 {
        format!(
            "A few calls of {component} are far slower than the rest (p99 {} against a median of {}): look for cold \
             caches, retries, rate limits or garbage collection before the code itself.",
            shown(figures.p99),
            shown(figures.p50)
        )
    } else if figures.calls >= 1000 && figures.average < 1.0 {
        format!("Calls of {component} are short but many: batch them or cache their results.")
    } else if figures.calls > 1 {
        format!(
            "Every call of {component} is about as slow: cache its results, run calls in parallel or do less per call."
        )
    } else {
        format!(
            "{component} ran once: start it earlier, overlap it with other work or split it to see where its time goes."
        )
    };
    format!("{urgency} {advice}")
}

/// A duration with the unit that fits.
fn shown(ms: f64) -> String {
    match ms {
        ms if ms >= 1000.0 => format!("{:.2} s", ms / 1000.0),
        ms if ms >= 1.0 => format!("{ms:.2} ms"),
        ms if ms >= 0.001 => format!("{:.2} µs", ms * 1000.0),
        ms => format!("{:.0} ns", ms * 1e6),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn severity_follows_the_larger_of_average_and_share() {
        let limits = Limits {
            critical_ms: 1000.0,
            critical_percent: 20.0,
        };
        let cases = [
            (1000.1, 0.0, "critical"),
            (1000.0, 0.0, "high"),
            (0.0, 20.1, "critical"),
            (0.0, 20.0, "high"),
            (500.0, 10.0, "medium"),
            (500.1, 0.0, "high"),
            (250.0, 5.0, "low"),
            (250.1, 0.0, "medium"),
        ];
        for (average, percent, expected) in cases {
            assert_eq!(
                severity(average, percent, limits),
                expected,
                "{average} ms, {percent} %"
            );
        }
    }
}
