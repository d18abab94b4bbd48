//! Cliff's delta: an effect size that asks nothing of the distribution.

use super::sorted;

/// The share of pairs in which the value of `second` is larger, less the share in which it is smaller: −1 to 1, 0 when
/// neither tends to be. N. Cliff, *Dominance statistics: ordinal analyses to answer ordinal questions*, Psychological
/// Bulletin 114, 1993. 0 when either sample is empty. O((n + m) log(n + m)).
pub fn cliffs_delta(first: &[f64], second: &[f64]) -> f64 {
    if first.is_empty() || second.is_empty() {
        return 0.0;
    }
    let first = sorted(first);
    let balance: f64 = second
        .iter()
        .map(|value| {
            let below = first.partition_point(|v| v < value);
            let at_or_below = first.partition_point(|v| v <= value);
            below as f64 - (first.len() - at_or_below) as f64
        })
        .sum();
    balance / (first.len() as f64 * second.len() as f64)
}
