//! Student's t distribution.

use libm::{exp, lgamma, log};

const MAX_STEPS: u32 = 500;

/// The regularised incomplete beta function `I_x(a, b)`: DLMF 8.17.22 as a continued fraction, evaluated by the modified
/// Lentz method (Thompson & Barnett, J. Comput. Phys. 64, 1986). `complement` is 1 − x, given apart so that no digits
/// are lost near 1. O(√max(a, b)) steps.
fn incomplete_beta(a: f64, b: f64, x: f64, complement: f64) -> f64 {
    if x <= 0.0 {
        return 0.0;
    }
    if complement <= 0.0 {
        return 1.0;
    }
    let front = exp(lgamma(a + b) - lgamma(a) - lgamma(b) + a * log(x) + b * log(complement));
    // The fraction converges quickly only left of the mean; the other side follows by symmetry.
    if x < (a + 1.0) / (a + b + 2.0) {
        front * beta_fraction(a, b, x) / a
    } else {
        1.0 - front * beta_fraction(b, a, complement) / b
    }
}

// The letters are those of the formula.
#[allow(clippy::many_single_char_names)]
fn beta_fraction(a: f64, b: f64, x: f64) -> f64 {
    const TINY: f64 = 1e-300;
    let away_from_zero = |v: f64| if v.abs() < TINY { TINY } else { v };
    let mut c = 1.0;
    let mut d = 1.0 / away_from_zero(1.0 - (a + b) * x / (a + 1.0));
    let mut value = d;
    for step in 1..=MAX_STEPS {
        let m = f64::from(step);
        let even = m * (b - m) * x / ((a + 2.0 * m - 1.0) * (a + 2.0 * m));
        let odd = -(a + m) * (a + b + m) * x / ((a + 2.0 * m) * (a + 2.0 * m + 1.0));
        let mut change = 1.0;
        for term in [even, odd] {
            d = 1.0 / away_from_zero(1.0 + term * d);
            c = away_from_zero(1.0 + term / c);
            change = c * d;
            value *= change;
        }
        if (change - 1.0).abs() < 1e-16 {
            break;
        }
    }
    value
}

/// The probability that a t variable with `df` degrees of freedom (above 0, fractional allowed) is above `t`.
/// `I_x(df/2, 1/2) / 2` with `x = df / (df + t²)` (DLMF 8.17, Abramowitz & Stegun 26.7.1).
pub fn student_sf(t: f64, df: f64) -> f64 {
    if t.is_nan() {
        return 0.5;
    }
    if t.is_infinite() || df <= 0.0 {
        return if t > 0.0 { 0.0 } else { 1.0 };
    }
    let square = t * t;
    let tail = 0.5 * incomplete_beta(df / 2.0, 0.5, df / (df + square), square / (df + square));
    if t > 0.0 { tail } else { 1.0 - tail }
}

/// The t below which a share `p` (0 < p < 1) of the distribution with `df` degrees of freedom lies, by bisection on
/// [`student_sf`]: about 60 evaluations.
pub fn student_quantile(p: f64, df: f64) -> f64 {
    if p < 0.5 {
        return -student_quantile(1.0 - p, df);
    }
    let above = 1.0 - p;
    let mut high = 1.0;
    while student_sf(high, df) > above && high < 1e300 {
        high *= 2.0;
    }
    let mut low = if high > 1.0 { high / 2.0 } else { 0.0 };
    while high - low > f64::EPSILON * high {
        let mid = f64::midpoint(low, high);
        if mid <= low || mid >= high {
            break;
        }
        if student_sf(mid, df) > above {
            low = mid;
        } else {
            high = mid;
        }
    }
    f64::midpoint(low, high)
}
