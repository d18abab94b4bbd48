//! The binomial distribution with success probability ½.

use libm::{exp, lgamma, log};
use std::f64::consts::{LN_2, PI};

/// Trials above which the normal distribution with continuity correction is used; its error there is below 1e-12.
const MAX_EXACT: f64 = 1e12;

/// The probability of at most `k` successes in `n` trials of probability ½, for 2k ≤ n. Exact to about 1e-14 relative.
/// O(√n) terms, at most some millions.
pub fn lower_tail(k: f64, n: f64) -> f64 {
    if n > MAX_EXACT {
        return super::normal_cdf((2.0 * k + 1.0 - n) / n.sqrt());
    }
    // Terms shrink by (at)/(n − at + 1) ≤ 1 from `k` down; the rest no longer counts when a term is below the last digit.
    let (mut sum, mut term, mut at) = (1.0, 1.0, k);
    while at >= 1.0 {
        term *= at / (n - at + 1.0);
        sum += term;
        if term < sum * 1e-18 {
            break;
        }
        at -= 1.0;
    }
    probability(k, n) * sum
}

/// The probability of exactly `k` successes. By the saddle-point expansion of C. Loader (*Fast and accurate computation of
/// binomial probabilities*, 2000), which loses no digits where logarithms of factorials would.
fn probability(k: f64, n: f64) -> f64 {
    let rest = n - k;
    if k == 0.0 || rest == 0.0 {
        return exp(-n * LN_2);
    }
    let exponent = stirling_error(n)
        - stirling_error(k)
        - stirling_error(rest)
        - deviance(k, n / 2.0)
        - deviance(rest, n / 2.0);
    exp(exponent) * (n / (2.0 * PI * k * rest)).sqrt()
}

/// `ln n! − ln(√(2πn) (n/e)^n)`
fn stirling_error(n: f64) -> f64 {
    if n < 16.0 {
        return lgamma(n + 1.0) - (n + 0.5) * log(n) + n - 0.5 * log(2.0 * PI);
    }
    let square = n * n;
    let series = [
        1.0 / 12.0,
        1.0 / 360.0,
        1.0 / 1260.0,
        1.0 / 1680.0,
        1.0 / 1188.0,
        691.0 / 360_360.0,
    ];
    // Alternating series in 1/n, from the smallest term up.
    series
        .iter()
        .rev()
        .fold(0.0, |sum, coefficient| coefficient - sum / square)
        / n
}

/// `x ln(x/m) + m − x`, without cancellation for x near m.
fn deviance(x: f64, mean: f64) -> f64 {
    let difference = x - mean;
    if difference.abs() >= 0.1 * (x + mean) {
        return x * log(x / mean) + mean - x;
    }
    let v = difference / (x + mean);
    let mut sum = difference * v;
    let mut term = 2.0 * x * v;
    let mut odd = 1.0;
    loop {
        term *= v * v;
        odd += 2.0;
        let next = sum + term / odd;
        if next == sum {
            return sum;
        }
        sum = next;
    }
}

#[cfg(test)]
mod tests {
    use super::lower_tail;

    /// Sums of exact binomial coefficients.
    fn exact(k: u64, n: u64) -> f64 {
        let mut coefficient = 1u128;
        let mut sum = 1u128;
        for i in 0..k {
            coefficient = coefficient * u128::from(n - i) / u128::from(i + 1);
            sum += coefficient;
        }
        sum as f64 / (1u128 << n) as f64
    }

    #[test]
    fn tails_equal_sums_of_exact_coefficients() {
        for n in 1..=100 {
            for k in 0..=n / 2 {
                let (found, wanted) = (lower_tail(k as f64, n as f64), exact(k, n));
                assert!(
                    (found / wanted - 1.0).abs() < 5e-14,
                    "{k} of {n}: {found} instead of {wanted}"
                );
            }
        }
    }

    #[test]
    fn tails_of_many_trials_are_finite_and_near_the_normal_distribution() {
        for n in [1e6f64, 1e9, 1e12, 1e15] {
            let k = (n / 2.0 - n.sqrt()).floor();
            let found = lower_tail(k, n);
            assert!(
                (found - 0.022_750_131_948).abs() < 1e-3 / n.sqrt() * 1e3,
                "{n}: {found}"
            );
        }
        assert_eq!(lower_tail(0.0, 1e6), 0.0);
    }
}
