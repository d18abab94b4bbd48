//! Trimmed means: a location and its error that a fifth of wild values on either side cannot spoil.

use super::sorted;

/// A trimmed mean with what a t test needs of it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Trimmed {
    /// Mean of the values kept.
    pub mean: f64,
    /// Variance that stands for one kept value: its `kept`th part is the squared standard error of `mean`.
    pub variance: f64,
    /// Values kept.
    pub kept: f64,
}

/// The mean of `values` without the lowest and the highest `share` (0 to below 0.5) of them, and its winsorized variance.
/// K. K. Yuen, *The two-sample trimmed t for unequal population variances*, Biometrika 61, 1974; with a share of 0 it is
/// the plain mean and variance. Zeros when empty; variance 0 for one value. O(n log n).
pub fn trimmed(values: &[f64], share: f64) -> Trimmed {
    let mut ordered = sorted(values);
    let n = ordered.len();
    let cut = (share * n as f64) as usize;
    let kept = n - 2 * cut;
    if kept == 0 {
        return Trimmed {
            mean: 0.0,
            variance: 0.0,
            kept: 0.0,
        };
    }
    let mean = ordered[cut..n - cut].iter().sum::<f64>() / kept as f64;
    let (low, high) = (ordered[cut], ordered[n - cut - 1]);
    for value in &mut ordered {
        *value = value.clamp(low, high);
    }
    let winsorized = ordered.iter().sum::<f64>() / n as f64;
    let squares: f64 = ordered.iter().map(|v| (v - winsorized).powi(2)).sum();
    let variance = if kept > 1 {
        squares / (kept - 1) as f64
    } else {
        0.0
    };
    Trimmed {
        mean,
        variance,
        kept: kept as f64,
    }
}
