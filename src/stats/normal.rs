//! The standard normal distribution.

use libm::{erfc, exp, log, sqrt};
use std::f64::consts::{PI, SQRT_2};

/// The probability that a standard normal variable is at most `z`.
pub fn normal_cdf(z: f64) -> f64 {
    0.5 * erfc(-z / SQRT_2)
}

/// The probability that a standard normal variable is above `z`.
pub fn normal_sf(z: f64) -> f64 {
    0.5 * erfc(z / SQRT_2)
}

/// The z below which a share `p` of the distribution lies; infinite for 0 and 1, NaN outside. Accurate to about 1e-15
/// relative: a first guess (Abramowitz and Stegun 26.2.23) improved by Halley's method until it stands.
pub fn normal_quantile(p: f64) -> f64 {
    if !(0.0..=1.0).contains(&p) {
        return f64::NAN;
    }
    if p > 0.5 {
        // 1 − p is exact here (Sterbenz), and the lower tail keeps all digits.
        return -normal_quantile(1.0 - p);
    }
    if p == 0.0 {
        return f64::NEG_INFINITY;
    }
    let t = sqrt(-2.0 * log(p));
    let numerator = 2.515_517 + t * (0.802_853 + t * 0.010_328);
    let denominator = 1.0 + t * (1.432_788 + t * (0.189_269 + t * 0.001_308));
    let mut z = numerator / denominator - t;
    for _ in 0..4 {
        let density = exp(-z * z / 2.0) / sqrt(2.0 * PI);
        let error = (normal_cdf(z) - p) / density;
        let step = error / (1.0 + z * error / 2.0);
        if !step.is_finite() {
            break;
        }
        z -= step;
        if step.abs() <= f64::EPSILON * z.abs() {
            break;
        }
    }
    z
}

#[cfg(test)]
mod tests {
    use super::{normal_cdf, normal_quantile, normal_sf};
    use proptest::prelude::*;

    /// Values of `scipy.special.ndtri`.
    #[test]
    fn quantiles_equal_those_of_scipy() {
        for (p, z) in [
            (0.025, -1.959_963_984_540_054),
            (0.05, -1.644_853_626_951_472_9),
            (0.995, 2.575_829_303_548_900_4),
            (0.5, 0.0),
            (1e-10, -6.361_340_902_404_056),
            (0.3, -0.524_400_512_708_041),
        ] {
            let found = normal_quantile(p);
            assert!(
                (found - z).abs() <= 2e-15 * z.abs().max(1.0),
                "{p}: {found} instead of {z}"
            );
        }
        assert_eq!(normal_quantile(0.0), f64::NEG_INFINITY);
        assert_eq!(normal_quantile(1.0), f64::INFINITY);
        assert!(normal_quantile(-0.1).is_nan() && normal_quantile(f64::NAN).is_nan());
    }

    proptest! {
        #[test]
        fn the_quantile_inverts_the_distribution(p in 1e-300f64..1.0) {
            let z = normal_quantile(p);
            prop_assert!((normal_cdf(z) - p).abs() <= 1e-14 * p.max(1e-280) + 4e-16, "{} {}", p, z);
            prop_assert!((normal_cdf(z) + normal_sf(z) - 1.0).abs() < 1e-15);
        }
    }
}
