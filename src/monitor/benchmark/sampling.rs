//! Sampling: the calls that one reading of the clock covers, and the end of a warm-up.

/// A sample takes at least this, ms: far above the clock, far below what a scheduler takes away. A call that does is timed
/// alone.
const SAMPLE: f64 = 0.05;
/// Readings, or steps, of the clock that a sample is at least as long as: the error is then below 0.5 %.
const CLOCK_MARGIN: f64 = 200.0;
const MOST_CALLS: f64 = 1e8;
/// Warm-up rounds looked at, and how far apart their medians may be.
const SETTLED_ROUNDS: usize = 3;
const SETTLED_WITHIN: f64 = 0.03;

/// Cost and resolution of the clock, ms.
#[derive(Clone, Copy, Debug)]
pub struct Clock {
    /// The smallest step seen.
    pub resolution: f64,
    /// Two readings in a row.
    pub cost: f64,
}

/// The number of calls to time as one sample when one call takes `call` ms: 1 for anything that is itself far above the
/// clock's resolution.
pub fn calls_per_sample(call: f64, clock: Clock) -> f64 {
    let resolvable = CLOCK_MARGIN * clock.resolution.max(clock.cost / 2.0);
    (SAMPLE.max(resolvable) / call.max(1e-7))
        .ceil()
        .clamp(1.0, MOST_CALLS)
}

/// Says if the last three medians of warm-up rounds agree within 3 %.
pub fn is_settled(medians: &[f64]) -> bool {
    let Some(start) = medians.len().checked_sub(SETTLED_ROUNDS) else {
        return false;
    };
    let last = &medians[start..];
    let low = last.iter().copied().fold(f64::INFINITY, f64::min);
    let high = last.iter().copied().fold(0.0, f64::max);
    high <= low * (1.0 + SETTLED_WITHIN)
}

#[cfg(test)]
mod tests {
    use super::*;

    const CLOCK: Clock = Clock {
        resolution: 1e-6,
        cost: 5e-5,
    };

    #[test]
    fn a_slow_call_is_timed_alone_and_fast_ones_until_the_sample_is_long_enough() {
        assert_eq!(
            [0.05, 1.0, 50.0].map(|call| calls_per_sample(call, CLOCK)),
            [1.0; 3]
        );
        for call in [1e-6, 5e-5, 0.005, 0.049] {
            let calls = calls_per_sample(call, CLOCK);
            assert!(
                calls > 1.0 && calls * call >= 0.05 - 1e-12,
                "{call} ms: {calls} calls"
            );
        }
    }

    #[test]
    fn a_coarse_clock_asks_for_longer_samples() {
        let coarse = Clock {
            resolution: 0.1,
            cost: 0.0,
        };
        assert_eq!(calls_per_sample(1.0, coarse), 20.0);
        assert_eq!(calls_per_sample(20.0, coarse), 1.0);
    }

    #[test]
    fn a_function_that_measures_as_nothing_still_gets_a_finite_number_of_calls() {
        assert!((100_000.0..1e6).contains(&calls_per_sample(0.0, CLOCK)));
    }

    #[test]
    fn three_rounds_that_agree_are_settled() {
        assert!(is_settled(&[9.0, 1.0, 1.02, 1.01]));
        assert!(!is_settled(&[1.0, 1.0]));
        assert!(!is_settled(&[1.2, 1.1, 1.0]));
    }
}
