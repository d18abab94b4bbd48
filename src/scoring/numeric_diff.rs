//! Closeness of a number to the expected one, relative to the size of both (`NumericDiff` of autoevals).

use super::interrupt::{Interrupt, Stop};
use super::kernel::{Kernel, Pair};
use super::packed_numbers::unpack;
use serde::Deserialize;

/// The scorer of [`score`]. Each text is one packed number.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NumericDiff {}

impl Kernel for NumericDiff {
    fn score(&self, pair: Pair<'_>, _figures: &mut [f64], _interrupt: Interrupt<'_>) -> Result<f64, Stop> {
        let one = |units: &[u16]| unpack(units).first().copied().unwrap_or(f64::NAN);
        let expected = pair.expected.first().map_or(f64::NAN, |units| one(units));
        Ok(score(expected, one(pair.actual)))
    }
}

/// `1 − |e − a| / (|e| + |a|)`, and 1 where both are 0. From 0 (opposite signs, or one of them 0) to 1.
///
/// Two infinities of the same sign score 1, any other pair with an infinity 0. NaN gives NaN; callers refuse it.
pub fn score(expected: f64, actual: f64) -> f64 {
    if expected == actual {
        return 1.0;
    }
    if expected.is_infinite() || actual.is_infinite() {
        return 0.0;
    }
    // Halves cannot overflow where the sum could; below 1 they could lose digits and are not needed.
    let scale = if expected.abs().max(actual.abs()) > 1.0 {
        0.5
    } else {
        1.0
    };
    let (expected, actual) = (expected * scale, actual * scale);
    (1.0 - (expected - actual).abs() / (expected.abs() + actual.abs())).clamp(0.0, 1.0)
}

#[cfg(test)]
mod tests {
    use super::score;
    use proptest::prelude::*;

    #[test]
    fn extremes_neither_overflow_nor_vanish() {
        assert_eq!(score(f64::MAX, -f64::MAX), 0.0);
        assert_eq!(score(f64::MAX, f64::MAX), 1.0);
        assert_eq!(score(5e-324, 1e-323), 1.0 - 1.0 / 3.0);
        assert_eq!(score(0.0, -0.0), 1.0);
        assert_eq!(score(f64::INFINITY, 1.0), 0.0);
        assert_eq!(score(f64::INFINITY, f64::NEG_INFINITY), 0.0);
        assert_eq!(score(f64::INFINITY, f64::INFINITY), 1.0);
        assert!(score(f64::NAN, 1.0).is_nan());
    }

    proptest! {
        #[test]
        fn the_score_is_symmetric_and_in_range(a in proptest::num::f64::NORMAL | proptest::num::f64::SUBNORMAL, b in proptest::num::f64::ANY) {
            prop_assume!(!b.is_nan());
            prop_assert_eq!(score(a, b), score(b, a));
            prop_assert!((0.0..=1.0).contains(&score(a, b)));
            prop_assert_eq!(score(a, a), 1.0);
        }
    }
}
