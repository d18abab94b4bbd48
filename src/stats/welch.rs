//! Welch's t test.

use super::{Moments, student_quantile, student_sf};

/// What [`welch`] finds.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Welch {
    /// The statistic; positive when the second sample's mean is larger. Infinite when both samples are constant and differ.
    pub t: f64,
    /// Welch–Satterthwaite degrees of freedom.
    pub df: f64,
    /// Two-sided p-value.
    pub p: f64,
    /// 95 % confidence interval of the difference of the means, second minus first.
    pub interval: [f64; 2],
}

/// Do two samples have the same mean, without assuming the same variance? B. L. Welch, *The generalization of 'Student's'
/// problem when several different population variances are involved*, Biometrika 34, 1947. O(1) on moments.
///
/// `None` when either sample has fewer than two values. Two constant samples give p = 1 when equal, 0 when not.
// The letters are those of the formula.
#[allow(clippy::many_single_char_names)]
pub fn welch(first: &Moments, second: &Moments) -> Option<Welch> {
    if first.count() < 2 || second.count() < 2 {
        return None;
    }
    let (n, m) = (first.count() as f64, second.count() as f64);
    let (a, b) = (first.variance() / n, second.variance() / m);
    let difference = second.mean() - first.mean();
    if a + b == 0.0 {
        let same = difference == 0.0;
        return Some(Welch {
            t: if same {
                0.0
            } else {
                difference.signum() * f64::INFINITY
            },
            df: n + m - 2.0,
            p: if same { 1.0 } else { 0.0 },
            interval: [difference; 2],
        });
    }
    let error = (a + b).sqrt();
    let df = (a + b) * (a + b) / (a * a / (n - 1.0) + b * b / (m - 1.0));
    let t = difference / error;
    let reach = student_quantile(0.975, df) * error;
    let p = (2.0 * student_sf(t.abs(), df)).min(1.0);
    Some(Welch {
        t,
        df,
        p,
        interval: [difference - reach, difference + reach],
    })
}
